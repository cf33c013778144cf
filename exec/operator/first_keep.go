package operator

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// keptFirst is what a First remembers for Save: the partitions and rows of an input
// that only grows, or the counts of distinct rows.
type keptFirst struct {
	parts *keptTable
	rows  *keptTable // nil: the input only grows
	anew  bool       // rows have other numbers: all pages go
}

// Keep has the operator remember what changes.
func (f *First) Keep() error {
	f.kept = &keptFirst{parts: newKeptTable([]byte{tagGroups}, nil)}
	if f.store != nil {
		f.keepGeneration(generationPrefix(nil, 0))
		return nil
	}
	f.kept.rows = newKeptTable([]byte{tagRows}, f.rows.types)
	f.kept.rows.by = []int{} // of one partition a share has all
	for i := range f.spec.Partition {
		f.kept.rows.by = append(f.kept.rows.by, f.width+i)
	}
	return nil
}

// keepGeneration has the operator remember what changes of its own partitions, which are
// stored under a prefix.
func (f *First) keepGeneration(prefix []byte) {
	var ts []types.Type
	if f.parts != nil {
		ts = f.parts.types
	}
	f.kept.parts = newKeptTable(prefix, ts)
	f.store.keep(rowsPrefix(prefix))
}

// Save writes the rows that are new, and those whose count changed.
func (f *First) Save(w StateWriter) error {
	if f.store != nil {
		var keys []vec.Vec
		if f.parts != nil {
			keys = f.parts.keys
		}
		if err := f.kept.parts.save(w, keys, len(f.lists), func(_ int32, dst []byte) []byte { return dst }); err != nil {
			return err
		}
		if err := f.store.save(w); err != nil || f.evicted == nil {
			return err
		}
		return f.saveEvicted(w)
	}
	if f.kept.anew {
		f.kept.rows.drop(w)
		f.kept.anew = false
	}
	return f.kept.rows.save(w, f.rows.keys, len(f.counts), func(g int32, dst []byte) []byte {
		return binary.AppendVarint(dst, f.counts[g])
	})
}

// Restore brings the rows back, as they were at a barrier.
func (f *First) Restore(r StateReader) error {
	if f.store == nil {
		return f.restoreCounts(r)
	}
	lie, some, err := f.evicted.partsOf(r, nil)
	switch {
	case err != nil:
	case !some:
		err = f.restoreTable(r, f.kept.parts)
	case f.evicted == nil:
		err = fmt.Errorf("%w: partitions were evicted that cannot be", errKept)
	default:
		err = f.restoreEvicted(r, lie)
	}
	if err != nil {
		return err
	}
	return f.charge()
}

// restoreTable brings back one table of partitions of an input that only grows.
func (f *First) restoreTable(r StateReader, kept *keptTable) error {
	now := map[int32]int32{}
	one := []int32{0}
	f.groups = sized(f.groups, 1)
	add := func(key []vec.Vec, was int32) error {
		known := len(f.lists)
		if f.parts == nil {
			f.groups[0] = 0
		} else if err := f.parts.assign(key, 1, one, f.groups); err != nil {
			return err
		}
		switch {
		case int(f.groups[0]) == known:
			f.lists = append(f.lists, firstPart{})
		case f.parts != nil:
			return thereTwice(r)
		}
		now[was] = f.groups[0]
		return nil
	}
	if err := kept.restore(r, f.parts, len(f.lists), add, func(int32, []byte) error { return nil }); err != nil {
		return err
	}
	rows, err := f.store.restoreUnder(r, rowsPrefix(kept.prefix), now, nil)
	if err != nil {
		return err
	}
	// What was forgotten comes after what was not: the first rows are what they were.
	for _, row := range rows {
		p := &f.lists[f.store.group(row.ref)]
		p.rows.insert(row.ref, f.compare)
		f.cut(p)
	}
	for _, r := range f.released {
		f.store.release(r)
	}
	f.released = f.released[:0]
	f.store.restored()
	return nil
}

func (f *First) restoreCounts(r StateReader) error {
	one := []int32{0}
	f.ids, f.groups = sized(f.ids, 1), sized(f.groups, 1)
	add := func(row []vec.Vec, _ int32) error {
		if err := f.assign(row[f.width:f.keyAt], 1, one); err != nil {
			return err
		}
		if err := f.rows.assign(row, 1, one, f.ids); err != nil {
			return err
		}
		if int(f.ids[0]) != len(f.counts) {
			return errKept
		}
		f.counts, f.group = append(f.counts, 0), append(f.group, f.groups[0])
		return nil
	}
	err := f.kept.rows.restore(r, f.rows, len(f.counts), add, func(g int32, src []byte) error {
		n, size := binary.Varint(src)
		if size <= 0 {
			return errKept
		}
		f.add(g, n)
		return nil
	})
	if err != nil {
		return err
	}
	return f.charge()
}

// compact drops rows that are not needed any more when most are not. It is called
// at a barrier.
func (f *First) compact() error {
	if f.store != nil {
		if !f.store.sparse() {
			return nil
		}
		return f.copyRows()
	}
	if len(f.counts) < fewRows || 2*f.alive > len(f.counts) {
		return nil
	}
	return f.copyCounts()
}

func (f *First) copyRows() error {
	each := func(g func(r *ref)) {
		for i := range f.lists {
			for _, b := range f.lists[i].rows.blocks {
				for k := range b {
					g(&b[k])
				}
			}
		}
	}
	return f.store.copyNeeded(each)
}

// copyCounts makes the tables anew of the rows that are there.
func (f *First) copyCounts() error {
	was, counts := f.rows, f.counts
	var kept []int32
	for id, n := range counts {
		if n != 0 {
			kept = append(kept, int32(id))
		}
	}
	if f.parts != nil {
		types := f.parts.types
		f.parts.close()
		f.parts = newTable(types, f.spec.Account, "the first rows")
	}
	f.rows = newRowTable(was.types, f.spec.Account, "the first rows")
	f.view = []*vec.Batch{{Cols: f.rows.keys}}
	f.counts, f.group, f.lists, f.alive = nil, nil, nil, 0
	part := vec.NewBatch(was.types)
	for ids := range slices.Chunk(kept, vec.MaxRows) {
		part.Reset()
		for i, c := range part.Cols {
			vec.CopyRows(c, was.keys[i], ids)
		}
		sel := f.sel.all(nil, len(ids))
		f.groups, f.ids = sized(f.groups, len(ids)), sized(f.ids, len(ids))
		if err := f.assign(part.Cols[f.width:f.keyAt], len(ids), sel); err != nil {
			return err
		}
		if err := f.rows.assign(part.Cols, len(ids), sel, f.ids); err != nil {
			return err
		}
		for i, id := range ids {
			f.counts, f.group = append(f.counts, 0), append(f.group, f.groups[i])
			f.add(f.ids[i], counts[id])
		}
	}
	was.close()
	if f.kept != nil {
		f.kept.anew = true
		f.kept.rows.renumbered(len(f.counts))
	}
	return nil
}
