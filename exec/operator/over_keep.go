package operator

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// An Over stores its partitions in pages, each with its numbers and what its calls
// have beside the rows; its rows in chunks; and the watermark, which tells those
// that have a number from those that wait.
const tagOverMark = 'w'

// keptOver is what an Over remembers for Save.
type keptOver struct {
	table *keptTable
	anew  bool // the partitions have other numbers: all pages go
	mark  int64
}

// Keep has the operator remember what changes.
func (o *Over) Keep() error {
	for _, c := range o.calls {
		if a, ok := c.(*overAggregate); ok {
			if err := a.keeps(); err != nil {
				return err
			}
		}
	}
	o.kept = &keptOver{}
	o.keepGeneration(generationPrefix(nil, 0))
	return nil
}

// keepGeneration has the operator remember what changes of its own partitions, which are
// stored under a prefix.
func (o *Over) keepGeneration(prefix []byte) {
	o.kept.table, o.kept.anew = newKeptTable(prefix, o.partitionTypes()), false
	o.store.keep(rowsPrefix(prefix))
}

func (o *Over) partitionTypes() []types.Type {
	if o.table == nil {
		return nil
	}
	return o.table.types
}

func (o *Over) partitionKeys() []vec.Vec {
	if o.table == nil {
		return nil
	}
	return o.table.keys
}

// Save writes the partitions and rows that changed.
func (o *Over) Save(w StateWriter) error {
	if o.forgotten {
		return nil
	}
	if k := o.kept; k.mark != o.mark {
		k.mark = o.mark
		w.Set([]byte{tagOverMark}, binary.AppendVarint(nil, o.mark))
	}
	switch {
	case o.evicted == nil:
		return o.saveOwn(w)
	case o.ended:
		return o.forgetEvicted(w)
	}
	return o.saveEvicted(w)
}

// saveOwn writes what has changed of the partitions in the table.
func (o *Over) saveOwn(w StateWriter) error {
	k := o.kept
	if k.anew {
		k.table.drop(w)
		k.anew = false
	}
	if err := k.table.save(w, o.partitionKeys(), len(o.parts), o.encode); err != nil {
		return err
	}
	return o.store.save(w)
}

// encode appends what is stored of a partition beside its rows.
func (o *Over) encode(g int32, dst []byte) []byte {
	p := &o.parts[g]
	if p.moved {
		return dst
	}
	dst = binary.AppendVarint(binary.AppendVarint(dst, p.first), int64(len(p.rows)))
	dst = binary.AppendVarint(binary.AppendVarint(dst, p.done), p.group)
	dst = binary.AppendVarint(dst, p.dense)
	first := p.group
	if len(p.rows) > 0 {
		first = p.rows[0].group
	}
	dst = binary.AppendVarint(dst, first)
	dst = binary.AppendUvarint(dst, uint64(len(p.head)))
	for _, r := range p.head {
		dst = binary.AppendVarint(dst, o.store.arrival(r))
	}
	for _, c := range o.calls {
		dst = c.save(g, dst)
	}
	return dst
}

// restoredPart is what is read of a partition before its rows are.
type restoredPart struct {
	rows, group int64
	head        []int64
	found       []ref
}

// Restore brings the partitions and their rows back.
func (o *Over) Restore(r StateReader) error {
	mark := o.mark
	err := r.Scan([]byte{tagOverMark}, func(_, value []byte) error {
		m, n := binary.Varint(value)
		if n <= 0 {
			return errKept
		}
		mark = m
		return nil
	})
	if err != nil {
		return err
	}
	if r.Share == nil {
		o.kept.mark = mark
	}
	lie, some, err := o.evicted.partsOf(r, nil)
	switch {
	case err != nil:
	case !some:
		err = o.restoreTable(r, o.kept.table, mark)
	case o.evicted == nil:
		err = errKept
	default:
		err = o.restoreEvicted(r, lie, mark)
	}
	if err != nil {
		return err
	}
	o.mark = max(o.mark, mark)
	return o.charge()
}

// restoreTable brings the partitions of one table, and their rows, back as they were at
// a watermark.
func (o *Over) restoreTable(r StateReader, kept *keptTable, mark int64) error {
	first := len(o.parts)
	var all []restoredPart
	one, ids := []int32{0}, []int32{0}
	now := map[int32]int32{} // the partitions' numbers, by those that they had
	add := func(key []vec.Vec, was int32) error {
		ids[0] = int32(len(o.parts))
		if o.table != nil {
			if err := o.table.assign(key, 1, one, ids); err != nil {
				return err
			}
		}
		if int(ids[0]) != len(o.parts) {
			return thereTwice(r)
		}
		now[was] = ids[0]
		o.grow(len(o.parts) + 1)
		all = append(all, restoredPart{})
		return nil
	}
	err := kept.restore(r, o.table, first, add, func(g int32, src []byte) error {
		if len(src) == 0 {
			o.parts[g].moved = r.Share == nil
			return nil
		}
		return o.readPart(g, &all[int(g)-first], src)
	})
	if err != nil {
		return err
	}
	rows, err := o.store.restoreUnder(r, rowsPrefix(kept.prefix), now, nil)
	if err != nil {
		return err
	}
	return o.resume(all, int32(first), rows, mark)
}

func (o *Over) readPart(g int32, to *restoredPart, src []byte) error {
	bad := false
	number := func() int64 {
		v, n := binary.Varint(src)
		bad = bad || n <= 0
		src = src[max(n, 0):]
		return v
	}
	p := &o.parts[g]
	p.first, to.rows = number(), number()
	p.done, p.group, p.dense, to.group = number(), number(), number(), number()
	heads, n := binary.Uvarint(src)
	if bad || n <= 0 || heads > uint64(len(src)) {
		return errKept
	}
	src = src[n:]
	for range heads {
		to.head = append(to.head, number())
	}
	if bad {
		return errKept
	}
	for _, c := range o.calls {
		var err error
		if src, err = c.load(g, src); err != nil {
			return err
		}
	}
	return nil
}

// resume puts the rows that were read in their places: those before the watermark
// have a number.
func (o *Over) resume(all []restoredPart, first int32, rows []restoredRow, mark int64) error {
	heads := map[int64]ref{} // of the rows needed for ever, by arrival
	for i := range all {
		for _, a := range all[i].head {
			heads[a] = -1
		}
	}
	for _, row := range rows {
		g, t := o.store.group(row.ref), o.store.time(row.ref)
		if g < first || int(g-first) >= len(all) {
			return errKept
		}
		if _, head := heads[row.arrival]; head {
			heads[row.arrival] = row.ref
		}
		if o.spec.Time != nil && t >= mark {
			o.parts[g].pending++
			o.pending.push(pendingRow{t, row.ref, g})
			continue
		}
		all[g-first].found = append(all[g-first].found, row.ref)
	}
	for i := range all {
		if err := o.resumePart(first+int32(i), &all[i], heads); err != nil {
			return err
		}
	}
	o.store.restored()
	sortPlaces(o.waiting)
	sortPlaces(o.aging)
	return nil
}

func (o *Over) resumePart(g int32, from *restoredPart, heads map[int64]ref) error {
	p := &o.parts[g]
	found := from.found
	slices.SortFunc(found, func(a, b ref) int {
		if o.spec.Time == nil {
			return cmp.Compare(o.store.arrival(a), o.store.arrival(b))
		}
		return cmp.Or(cmp.Compare(o.store.time(a), o.store.time(b)), o.compareKeys(a, b), cmp.Compare(o.store.arrival(a), o.store.arrival(b)))
	})
	pinned := map[ref]bool{}
	for _, a := range from.head {
		if heads[a] < 0 {
			return errKept
		}
		p.head = append(p.head, heads[a])
		pinned[heads[a]] = true
	}
	extra := len(found) - int(from.rows)
	if extra < 0 {
		return errKept
	}
	for _, r := range found[:extra] {
		if !pinned[r] {
			o.store.release(r)
		}
	}
	group, dense := from.group, p.dense
	for i := len(found) - 1; i > extra; i-- {
		if !o.peers(found[i-1], found[i]) {
			dense--
		}
	}
	for i, r := range found[extra:] {
		n := p.first + int64(i)
		if i > 0 && !o.peers(found[extra+i-1], r) {
			group = n
			dense++
		}
		p.rows = append(p.rows, overRow{r, group, dense})
		if o.waits.any() && n >= p.done {
			o.waiting = append(o.waiting, overPlace{o.store.time(r), g, n})
		}
		if o.ages {
			o.aging = append(o.aging, overPlace{o.store.time(r), g, n})
		}
	}
	if len(p.rows) > 0 {
		o.empty--
	}
	for _, c := range o.calls {
		if err := c.rebuild(p, g); err != nil {
			return err
		}
	}
	return nil
}

// peers reports whether two rows of a partition, one after the other, sort alike.
func (o *Over) peers(a, b ref) bool {
	return o.spec.Time != nil && o.store.time(a) == o.store.time(b) && o.compareKeys(a, b) == 0
}
