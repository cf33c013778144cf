package table

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// Shards of a storage's space in the store.
const (
	shardPage     = 0 // key: a leaf's name
	shardPart     = 1 // key: a leaf's name and the number of a further part, two bytes
	shardCount    = 2 // the number of rows of a table; the version of its last change, 0: that of this entry
	shardSequence = 3 // the state of a sequence
)

// A page in the store is a byte that says how it lies, and the page. One that is
// too large for an entry continues in parts.
const (
	pageRaw   = 0
	pageS2    = 1
	pageParts = 2 // the length of the whole follows, which is one of the others
	partSize  = 256 << 10
)

var errPage = errors.New("a page of a table is damaged")

// stored is the pager of a storage's leaves at a version of the store. Whoever
// reads through it holds roots of that version.
type stored struct {
	t       *Tables
	storage uint32
	version uint64
}

func (s *stored) page(n *node) (page, error) {
	if p := n.page.Load(); p != nil {
		if !n.used.Load() {
			n.used.Store(true)
		}
		return *p, nil
	}
	p, err := s.load(n)
	if err != nil {
		return nil, fmt.Errorf("reading page %x of storage %d: %w", n.name, s.storage, err)
	}
	if n.page.CompareAndSwap(nil, &p) {
		n.used.Store(true)
		s.t.cache.add(n, len(p))
	}
	return p, nil
}

func (s *stored) load(n *node) (page, error) {
	// A page that waited to be written is in the store from a later version on than
	// that of the roots which have it. What holds theirs holds that one too.
	sn := s.t.store.SnapshotAt(state.TablesID, max(s.version, n.since))
	b, found, err := sn.Get(state.TablesID, state.Space{Operator: s.storage, Shard: shardPage}, []byte(n.name), nil)
	if err == nil && (!found || len(b) == 0) {
		err = errPage
	}
	if err != nil {
		return nil, err
	}
	if b[0] == pageParts {
		if b, err = s.parts(sn, n.name, b); err != nil {
			return nil, err
		}
	}
	var p page
	switch b[0] {
	case pageRaw:
		p = page(b[1:])
	case pageS2:
		if p, err = s2.Decode(nil, b[1:]); err != nil {
			return nil, errors.Join(errPage, err)
		}
	}
	if !p.check() {
		return nil, errPage
	}
	return p, nil
}

func (s *stored) parts(sn *state.Snapshot, name string, first []byte) ([]byte, error) {
	total, n := binary.Uvarint(first[1:])
	if n <= 0 || total == 0 {
		return nil, errPage
	}
	b := append(make([]byte, 0, total), first[1+n:]...)
	for i := 1; uint64(len(b)) < total; i++ {
		had := len(b)
		var err error
		b, _, err = sn.Get(state.TablesID, state.Space{Operator: s.storage, Shard: shardPart}, partKey(name, i), b)
		if err != nil {
			return nil, err
		}
		if len(b) == had {
			return nil, errPage
		}
	}
	return b, nil
}

func partKey(name string, i int) []byte {
	return binary.BigEndian.AppendUint16([]byte(name), uint16(i))
}

// packer makes pages as the store keeps them: compressed, where that helps. Where
// it has not helped for some pages, it is tried seldom.
type packer struct{ vain, pages int }

const (
	vainPages  = 4
	tryAnyhow  = 16
	worthwhile = 8 // a page must get smaller by one part of so many
)

func (k *packer) pack(p page) []byte {
	k.pages++
	if k.vain < vainPages || k.pages%tryAnyhow == 0 {
		b := make([]byte, 1+s2.MaxEncodedLen(len(p)))
		b = b[:1+len(s2.Encode(b[1:], p))]
		b[0] = pageS2
		if len(b) <= len(p)-len(p)/worthwhile {
			k.vain = 0
			return b
		}
		k.vain++
	}
	return append(append(make([]byte, 0, 1+len(p)), pageRaw), p...)
}

// boundParts sees to it that a leaf that is about to be written has the number of the
// parts that the store has of it, and will have, or a higher one. Of a page that is
// removed from the store all parts must be known.
func (n *node) boundParts(had int) {
	n.parts = max(n.parts, had, len(*n.page.Load())/partSize)
}

// writePage writes a leaf, whose parts are bound.
func (k *packer) writePage(put func(state.Write) error, storage uint32, n *node) error {
	p := (*n.page.Load()).sealed()
	n.page.Store(&p)
	b := k.pack(p)
	parts := 0
	sp := state.Space{Operator: storage, Shard: shardPage}
	if len(b) > partSize {
		head := binary.AppendUvarint([]byte{pageParts}, uint64(len(b)))
		rest := b[partSize:]
		b = append(head, b[:partSize]...)
		for len(rest) > 0 {
			parts++
			part := rest[:min(len(rest), partSize)]
			rest = rest[len(part):]
			err := put(state.Write{Space: state.Space{Operator: storage, Shard: shardPart}, Key: partKey(n.name, parts), Value: part})
			if err != nil {
				return err
			}
		}
	}
	if err := put(state.Write{Space: sp, Key: []byte(n.name), Value: b}); err != nil {
		return err
	}
	return removeParts(put, storage, n.name, parts+1, n.parts)
}

func removeParts(put func(state.Write) error, storage uint32, name string, from, to int) error {
	for i := from; i <= to; i++ {
		err := put(state.Write{Space: state.Space{Operator: storage, Shard: shardPart}, Key: partKey(name, i), Delete: true})
		if err != nil {
			return err
		}
	}
	return nil
}

// load makes trees of the pages that the store has, with what the log says of them,
// and returns the storages that nobody knows.
func (t *Tables) load(known func(uint32) bool) (lost []uint32, err error) {
	sn := t.store.Snapshot(state.TablesID)
	version := sn.Version(state.TablesID)
	t.current = &roots{version: version, held: sn, refs: 1}
	changed := map[uint32]root{}
	var leaves []*node
	var counts, seqs []uint32
	storage, skip := uint32(0), false
	end := func() {
		if len(leaves) > 0 {
			changed[storage] = root{n: treeOf(leaves)}
		}
		leaves = nil
	}
	err = sn.ScanKeys(state.TablesID, func(sp state.Space, key []byte, _ int) error {
		if sp.Operator == olderStorage {
			return nil
		}
		if sp.Operator != storage {
			end()
			storage = sp.Operator
			if storage == deliveries {
				skip = true
				return nil
			}
			skip = known != nil && !known(storage)
			if skip {
				lost = append(lost, storage)
			}
		}
		if skip {
			return nil
		}
		switch sp.Shard {
		case shardPage:
			leaves = append(leaves, &node{name: string(key)})
		case shardPart:
			return countPart(leaves, key)
		case shardCount:
			counts = append(counts, storage)
		case shardSequence:
			seqs = append(seqs, storage)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	end()
	if err := t.loadDeliveries(sn); err != nil {
		return nil, err
	}
	for _, s := range counts {
		sp := state.Space{Operator: s, Shard: shardCount}
		b, _, err := sn.Get(state.TablesID, sp, nil, nil)
		if err != nil {
			return nil, err
		}
		n, size := binary.Uvarint(b)
		x := changed[s]
		x.rows = int64(n)
		if x.at, _ = binary.Uvarint(b[max(size, 0):]); x.at == 0 {
			err = sn.SpaceVersions(state.TablesID, sp, func(_ []byte, at uint64) error {
				x.at = at
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		changed[s] = x
	}
	for _, s := range seqs {
		if err := t.loadSequence(sn, s); err != nil {
			return nil, err
		}
	}
	t.current = t.current.with(changed, version, sn)
	return lost, t.recover(sn, known)
}

// countPart notes a further part of the page that it belongs to.
func countPart(leaves []*node, key []byte) error {
	if len(key) < 2 {
		return errPage
	}
	name := string(key[:len(key)-2])
	lo, hi := 0, len(leaves)
	for lo < hi {
		mid := (lo + hi) / 2
		if leaves[mid].name < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(leaves) || leaves[lo].name != name {
		return errPage
	}
	leaves[lo].parts++
	return nil
}

// treeOf makes the inner nodes over leaves.
func treeOf(level []*node) *node {
	names := make([]string, len(level))
	for i, n := range level {
		names[i] = n.name
	}
	for len(level) > 1 {
		var above []*node
		var first []string
		for at := 0; at < len(level); {
			end := min(at+maxKids, len(level))
			if rest := len(level) - end; rest > 0 && rest < maxKids/2 {
				end -= maxKids / 2
			}
			above = append(above, &node{kids: append([]*node(nil), level[at:end]...), seps: append([]string(nil), names[at+1:end]...)})
			first = append(first, names[at])
			at = end
		}
		level, names = above, first
	}
	return level[0]
}
