package operator

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// pageGroups is how many groups a page holds: few, so that a group which changes
// has little written along.
const pageGroups = 32

// longGroup is from how many bytes on a group is worth leaving out of what is
// written where others of its page have changed, and logWorth how often what has
// changed of a page goes into the page.
const (
	longGroup = 64
	logWorth  = 3
)

// keptTable is what is stored of a table: the keys of its groups, in pages by the
// groups' numbers, and with each what its holder has beside it. Of a page of which
// little has changed only that is written, to a log beside the pages.
type keptTable struct {
	pages
	types  []types.Type
	by     []int // the keys that say which task a group is of; nil: all of them
	layout *rowkey.Layout
	reader *rowkey.Reader
	dirty  []uint32 // by page: a bit for each of its groups that has changed
	held   []uint8  // by page: how many groups the store has in it
	sizes  []uint32 // and in how many bytes
	bytes  int      // of all of them
	log    groupLog
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
		g := groups[r]
		page := int(g) / pageGroups
		for len(k.dirty) <= page {
			k.dirty = append(k.dirty, 0)
		}
		k.dirty[page] |= 1 << (g % pageGroups)
	}
}

// touchOne notes that a group has changed.
func (k *keptTable) touchOne(g int32) {
	page := int(g) / pageGroups
	for len(k.dirty) <= page {
		k.dirty = append(k.dirty, 0)
	}
	k.dirty[page] |= 1 << (g % pageGroups)
}

// touchAll notes that groups 0 to n-1 have changed, or are others.
func (k *keptTable) touchAll(n int) {
	for page := range (n + pageGroups - 1) / pageGroups {
		if len(k.dirty) <= page {
			k.dirty = append(k.dirty, 0)
		}
		k.dirty[page] = 1<<pageGroups - 1
	}
	clear(k.held)
}

// save writes what has changed, of n groups whose keys are given; more appends what
// a group has beside its key.
func (k *keptTable) save(w StateWriter, keys []vec.Vec, n int, more func(g int32, dst []byte) []byte) error {
	for page, changed := range k.dirty {
		if changed == 0 {
			continue
		}
		k.dirty[page] = 0
		if page*pageGroups >= n || k.note(page, changed, n, more) {
			continue
		}
		if err := k.write(w, page, keys, n, more); err != nil {
			return err
		}
	}
	left := (n + pageGroups - 1) / pageGroups
	for page := left; page < len(k.parts); page++ {
		for part := range int(k.parts[page]) {
			w.Delete(k.key(page, part))
		}
		k.measure(page, 0, 0)
		k.log.over(page)
	}
	k.parts = k.parts[:min(left, len(k.parts))]
	err := k.log.fold(k.bytes, func(page int) error { return k.write(w, page, keys, n, more) })
	if err != nil {
		return err
	}
	return k.log.write(w, &k.pages)
}

// note has the log say what has changed of a page; false: the page itself is to be
// written, as that is no more, or as the store has not all of its groups.
func (k *keptTable) note(page int, changed uint32, n int, more func(g int32, dst []byte) []byte) bool {
	groups := min(pageGroups, n-page*pageGroups)
	if page >= len(k.held) || int(k.held[page]) != groups {
		return false
	}
	size := int(k.sizes[page])
	if 2*bits.OnesCount32(changed) > groups && size < longGroup*groups {
		return false
	}
	k.log.begin()
	for rest := changed; rest != 0; rest &= rest - 1 {
		g := page*pageGroups + bits.TrailingZeros32(rest)
		if g >= n {
			break
		}
		k.row = more(int32(g), k.row[:0])
		k.log.group(g, k.row)
	}
	return k.log.end(page, size/logWorth)
}

// write writes a page whole. What the log has of it is past.
func (k *keptTable) write(w StateWriter, page int, keys []vec.Vec, n int, more func(g int32, dst []byte) []byte) error {
	k.buf = k.buf[:0]
	to := min((page+1)*pageGroups, n)
	for g := page * pageGroups; g < to; g++ {
		k.row = k.layout.Append(k.row[:0], keys, g)
		k.buf = append(binary.AppendUvarint(k.buf, uint64(len(k.row))), k.row...)
		k.row = more(int32(g), k.row[:0])
		k.buf = append(binary.AppendUvarint(k.buf, uint64(len(k.row))), k.row...)
	}
	k.measure(page, to-page*pageGroups, len(k.buf))
	k.log.over(page)
	return k.set(w, page, k.buf)
}

// measure notes what the store has of a page.
func (k *keptTable) measure(page, groups, size int) {
	for len(k.held) <= page {
		k.held, k.sizes = append(k.held, 0), append(k.sizes, 0)
	}
	k.bytes += size - int(k.sizes[page])
	k.held[page], k.sizes[page] = uint8(groups), uint32(size)
}

// drop removes everything.
func (k *keptTable) drop(w StateWriter) {
	k.pages.drop(w)
	k.log.drop(w, &k.pages)
	k.held, k.sizes, k.bytes = k.held[:0], k.sizes[:0], 0
}

// samplePages is after how many pages restore makes room for what the others have.
const samplePages = 128

// errThere is what restore's add returns of a group that is to be left out.
var errThere = errors.New("the group is there")

// restore calls add with the key of each group and then more with what the group
// has beside it. was is the number that the group had, and g, where add puts it,
// the next free one. Both are the same but with a Share. into is the table that add puts
// the keys into; nil: none.
func (k *keptTable) restore(r StateReader, into *table, first int, add func(key []vec.Vec, was int32) error, more func(g int32, src []byte) error) error {
	cols := vec.NewBatch(k.types)
	g, read := int32(first), 0
	newer, err := k.log.read(r, &k.pages)
	if err != nil {
		return err
	}
	err = k.read(r, func(page int, value []byte) error {
		size := len(value)
		// Keys first: what a group has needs the group to be there. Pages are
		// small, so that reading the keys one by one costs little.
		was := page * pageGroups
		for ; len(value) > 0; was++ {
			key, rest, err := takeSized(value)
			if err != nil {
				return err
			}
			held, rest, err := takeSized(rest)
			if err != nil {
				return err
			}
			value = rest
			if own, ok, err := newer.of(was); err != nil {
				return err
			} else if ok {
				held = own
			}
			cols.Reset()
			if err := k.reader.Read(key, cols.Cols); err != nil {
				return err
			}
			if !r.Share.has(cols.Cols, k.types, k.by) {
				continue
			}
			if err := add(cols.Cols, int32(was)); errors.Is(err, errThere) {
				continue
			} else if err != nil {
				return err
			}
			if err := more(g, held); err != nil {
				return err
			}
			g++
		}
		if r.Share == nil {
			k.measure(page, was-page*pageGroups, size)
		}
		if read++; read == samplePages && into != nil {
			into.expect(into.Len() + (int(g)-first)*max(k.last(r)+1-read, 0)/read)
		}
		return nil
	})
	if err == nil && r.Share != nil {
		k.touchAll(int(g))
	}
	return err
}
