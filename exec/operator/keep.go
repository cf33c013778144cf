package operator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Kept is an operator that goes on after a restart from what its job's last
// epoch stored. One that is not Kept holds nothing between epochs, or what it
// reads again at each start.
type Kept interface {
	Operator
	// Keep says, before the first row, that Save will be called.
	Keep() error
	// Save writes what has changed since it was last called.
	Save(w StateWriter) error
	// Restore gives an operator that has seen nothing what Save wrote in all.
	//
	// With a Share it is called once for each of the tasks that the operator had,
	// and adds what of that task's state is this one's, as if it were new: the
	// numbers of groups are others, and the next Save writes all of it.
	Restore(r StateReader) error
}

// StateWriter writes the state of one operator of a job, of one of its tasks.
type StateWriter struct {
	Batch    *state.Batch
	Operator uint32
	Shard    uint16
}

// Set stores a value under a key.
func (w StateWriter) Set(key, value []byte) {
	w.Batch.Set(state.Space{Operator: w.Operator, Shard: w.Shard}, key, value)
}

// Delete removes a key.
func (w StateWriter) Delete(key []byte) {
	w.Batch.Delete(state.Space{Operator: w.Operator, Shard: w.Shard}, key)
}

// StateReader reads the state of one operator of a job, of one of its tasks.
type StateReader struct {
	Snapshot *state.Snapshot
	Job      state.ID
	Operator uint32
	Shard    uint16
	// Share: what of it is wanted; nil: all, which is the operator's own.
	Share *Share
}

// Scan calls f with the keys that begin with prefix, in order.
func (r StateReader) Scan(prefix []byte, f func(key, value []byte) error) error {
	return r.Snapshot.Scan(r.Job, state.Space{Operator: r.Operator, Shard: r.Shard}, prefix, rowkey.After(slices.Clone(prefix)), f)
}

// getEach calls f with the values of those keys that are there, in the order of the
// keys. f may not keep them.
func (r StateReader) getEach(keys [][]byte, f func(i int, value []byte) error) error {
	return r.Snapshot.GetEach(r.Job, state.Space{Operator: r.Operator, Shard: r.Shard}, keys, f)
}

// get appends the value of a key to dst; false: there is none.
func (r StateReader) get(key, dst []byte) ([]byte, bool, error) {
	return r.Snapshot.Get(r.Job, state.Space{Operator: r.Operator, Shard: r.Shard}, key, dst)
}

var errKept = errors.New("the stored state of an operator is damaged")

// pageParts is how much of a page one stored value holds, in bytes.
const pageParts = 256 << 10

// pages are values of any length under numbered keys: prefix, number, part.
type pages struct {
	prefix []byte
	parts  []uint16 // that each page has in the store
}

func (p *pages) key(page, part int) []byte {
	k := binary.BigEndian.AppendUint32(slices.Clone(p.prefix), uint32(page))
	return binary.BigEndian.AppendUint16(k, uint16(part))
}

// set writes a page over what was there.
func (p *pages) set(w StateWriter, page int, value []byte) error {
	for len(p.parts) <= page {
		p.parts = append(p.parts, 0)
	}
	n := 0
	for rest := value; ; n++ {
		if n > 1<<16-2 {
			return fmt.Errorf("storing %d bytes of one page of state: that is too much", len(value))
		}
		part := rest[:min(len(rest), pageParts)]
		w.Set(p.key(page, n), part)
		if rest = rest[len(part):]; len(rest) == 0 {
			n++
			break
		}
	}
	for old := n; old < int(p.parts[page]); old++ {
		w.Delete(p.key(page, old))
	}
	p.parts[page] = uint16(n)
	return nil
}

// drop removes every page.
func (p *pages) drop(w StateWriter) {
	for page, n := range p.parts {
		for part := range int(n) {
			w.Delete(p.key(page, part))
		}
	}
	p.parts = p.parts[:0]
}

// read calls f with each page, in order. f may not keep it.
func (p *pages) read(r StateReader, f func(page int, value []byte) error) error {
	var value []byte
	at := -1
	flush := func() error {
		if at < 0 {
			return nil
		}
		return f(at, value)
	}
	err := r.Scan(p.prefix, func(key, part []byte) error {
		key = key[len(p.prefix):]
		if len(key) != 6 {
			return errKept
		}
		page := int(binary.BigEndian.Uint32(key))
		if page != at {
			if err := flush(); err != nil {
				return err
			}
			at, value = page, value[:0]
		}
		value = append(value, part...)
		if r.Share != nil {
			return nil // it will be written elsewhere
		}
		for len(p.parts) <= page {
			p.parts = append(p.parts, 0)
		}
		p.parts[page] = binary.BigEndian.Uint16(key[4:]) + 1
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// pageGroups is how many groups a page holds: few, so that a group which changes
// has little written along.
const pageGroups = 32

// keptTable is what is stored of a table: the keys of its groups, in pages by the
// groups' numbers, and with each what its holder has beside it.
type keptTable struct {
	pages
	types  []types.Type
	by     []int // the keys that say which task a group is of; nil: all of them
	layout *rowkey.Layout
	reader *rowkey.Reader
	dirty  []bool // by page
	buf    []byte
	row    []byte
}

func newKeptTable(prefix []byte, ts []types.Type) *keptTable {
	attrs := make([]rowkey.Attr, len(ts))
	want := make([]int, len(ts))
	for i, t := range ts {
		attrs[i].Type, want[i] = t, i
	}
	l := rowkey.NewLayout(attrs)
	return &keptTable{pages: pages{prefix: slices.Clone(prefix)}, types: ts, layout: l, reader: l.Reader(want)}
}

// touch notes that groups have changed.
func (k *keptTable) touch(groups, sel []int32) {
	for _, r := range sel {
		page := int(groups[r]) / pageGroups
		for len(k.dirty) <= page {
			k.dirty = append(k.dirty, false)
		}
		k.dirty[page] = true
	}
}

// touchOne notes that a group has changed.
func (k *keptTable) touchOne(g int32) {
	page := int(g) / pageGroups
	for len(k.dirty) <= page {
		k.dirty = append(k.dirty, false)
	}
	k.dirty[page] = true
}

// touchAll notes that groups 0 to n-1 have changed.
func (k *keptTable) touchAll(n int) {
	for g := 0; g < n; g += pageGroups {
		for len(k.dirty) <= g/pageGroups {
			k.dirty = append(k.dirty, false)
		}
		k.dirty[g/pageGroups] = true
	}
}

// save writes the pages that changed, of n groups whose keys are given; more
// appends what a group has beside its key.
func (k *keptTable) save(w StateWriter, keys []vec.Vec, n int, more func(g int32, dst []byte) []byte) error {
	for page, changed := range k.dirty {
		if !changed {
			continue
		}
		k.dirty[page] = false
		k.buf = k.buf[:0]
		for g := page * pageGroups; g < min((page+1)*pageGroups, n); g++ {
			k.row = k.layout.Append(k.row[:0], keys, g)
			k.buf = append(binary.AppendUvarint(k.buf, uint64(len(k.row))), k.row...)
			k.row = more(int32(g), k.row[:0])
			k.buf = append(binary.AppendUvarint(k.buf, uint64(len(k.row))), k.row...)
		}
		if err := k.set(w, page, k.buf); err != nil {
			return err
		}
	}
	left := (n + pageGroups - 1) / pageGroups
	for page := left; page < len(k.parts); page++ {
		for part := range int(k.parts[page]) {
			w.Delete(k.key(page, part))
		}
	}
	k.parts = k.parts[:min(left, len(k.parts))]
	return nil
}

// errThere is what restore's add returns of a group that is to be left out.
var errThere = errors.New("the group is there")

// restore calls add with the key of each group and then more with what the group
// has beside it. was is the number that the group had, and g, where add puts it,
// the next free one. Both are the same but with a Share.
func (k *keptTable) restore(r StateReader, first int, add func(key []vec.Vec, was int32) error, more func(g int32, src []byte) error) error {
	cols := vec.NewBatch(k.types)
	g := int32(first)
	err := k.read(r, func(page int, value []byte) error {
		// Keys first: what a group has needs the group to be there. Pages are
		// small, so that reading the keys one by one costs little.
		for was := int32(page * pageGroups); len(value) > 0; was++ {
			key, rest, err := takeSized(value)
			if err != nil {
				return err
			}
			held, rest, err := takeSized(rest)
			if err != nil {
				return err
			}
			value = rest
			cols.Reset()
			if err := k.reader.Read(key, cols.Cols); err != nil {
				return err
			}
			if !r.Share.has(cols.Cols, k.types, k.by) {
				continue
			}
			if err := add(cols.Cols, was); errors.Is(err, errThere) {
				continue
			} else if err != nil {
				return err
			}
			if err := more(g, held); err != nil {
				return err
			}
			g++
		}
		return nil
	})
	if err == nil && r.Share != nil {
		k.touchAll(int(g))
	}
	return err
}

// takeSized takes a value with its length before it off b.
func takeSized(b []byte) (value, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errKept
	}
	return b[n : n+int(size)], b[n+int(size):], nil
}
