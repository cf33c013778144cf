package operator

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Partitions of an Over are evicted with what their calls know of them and the rows that
// they still need. One of which rows wait, for the watermark or for those that follow
// them, stays in memory: nothing has to be found elsewhere when time goes on. A partition
// that a row comes for is given its rows again.
//
// Rows that frames have left with time lie in what is evicted until the partition is
// wanted, or all of them are too old: as their times tell that, it has not to be written.

// Evict lets the operator keep only a part of its partitions in memory.
func (o *Over) Evict(e Evictions) {
	if o.table != nil {
		o.evicted = newEvicted(nil, o.table.types, o.spec.Account, e)
		o.loaded = newLoadedRows(o.store)
	}
}

// Evicts reports whether it does.
func (o *Over) Evicts() bool { return o.evicted != nil }

// Committed lets go of what the store has now.
func (o *Over) Committed() { o.evicted.committed() }

// Evicted is how many partitions are in the store's pages.
func (o *Over) Evicted() int64 { return o.evicted.stored() }

// state is about how many bytes the partitions hold that could be evicted: not those of
// rows that wait for the watermark.
func (o *Over) state() int64 {
	rows := o.store.held
	if n := o.store.live; n > 0 {
		rows -= int64(float64(rows) * float64(o.pending.rows) / float64(n))
	}
	return o.table.held + o.heldMore + rows
}

// active reports whether rows of a partition wait.
func (p *overPart) active() bool { return p.pending > 0 || p.done < p.next() }

// partWriter writes partitions as they are evicted.
type partWriter struct {
	rows  rowsWriter
	calls []overCall
}

// append appends a partition, and those of its rows that have no number yet. Several
// goroutines may call it.
func (w *partWriter) append(dst []byte, p *overPart, id int32, pending []ref) []byte {
	heads := p.head[:min(int64(len(p.head)), p.first)] // that are not among the rows
	for _, v := range []int64{p.first, p.done, p.group, p.dense, int64(len(heads)), int64(len(p.rows))} {
		dst = binary.AppendVarint(dst, v)
	}
	for _, c := range w.calls {
		dst = c.save(id, dst)
	}
	for _, r := range heads {
		dst = w.rows.append(dst, r)
	}
	for i := range p.rows {
		r := &p.rows[i]
		dst = w.rows.append(binary.AppendVarint(binary.AppendVarint(dst, r.group), r.dense), r.ref)
	}
	for _, r := range pending {
		dst = w.rows.append(dst, r)
	}
	return dst
}

// fetch gives the partitions from one on, which are new, what they have elsewhere.
func (o *Over) fetch(from int) error {
	if !o.evicted.some() || from == o.table.Len() {
		return nil
	}
	aging := len(o.aging)
	if err := o.evicted.fetch(o.table.keys, from, o.table.Len(), o.load); err != nil {
		return err
	}
	o.agedAmong(aging)
	return nil
}

// agedAmong puts the places from one on, which are in no order, among those before.
func (o *Over) agedAmong(from int) {
	some := slices.Clone(o.aging[from:])
	if len(some) == 0 {
		return
	}
	sortPlaces(some)
	to := len(o.aging)
	for from > 0 && len(some) > 0 {
		last := &some[len(some)-1]
		if to--; o.aging[from-1].time > last.time {
			from--
			o.aging[to] = o.aging[from]
		} else {
			o.aging[to] = *last
			some = some[:len(some)-1]
		}
	}
	copy(o.aging, some)
}

// load gives a partition that has seen no row what a partWriter has written.
func (o *Over) load(id int32, beside []byte) error {
	if len(beside) == 0 {
		return nil // it was as one never seen
	}
	p, r := &o.parts[id], rowsReader{b: beside}
	p.first, p.done, p.group, p.dense = r.number(), r.number(), r.number(), r.number()
	heads, rows := r.number(), r.number()
	if r.bad || min(heads, rows) < 0 || max(heads, rows) > int64(len(r.b)) {
		return errKept
	}
	for _, c := range o.calls {
		var err error
		if r.b, err = c.load(id, r.b); err != nil {
			return err
		}
	}
	o.loaded.reset()
	for range heads {
		if err := o.loaded.take(&r, id); err != nil {
			return err
		}
	}
	for range rows {
		p.rows = append(p.rows, overRow{group: r.number(), dense: r.number()})
		if err := o.loaded.take(&r, id); err != nil {
			return err
		}
	}
	for len(r.b) > 0 {
		if err := o.loaded.take(&r, id); err != nil {
			return err
		}
	}
	refs, err := o.loaded.store(o.store)
	if err != nil {
		return err
	}
	p.head = append(p.head, refs[:heads]...)
	for i := range p.rows {
		p.rows[i].ref = refs[int(heads)+i]
		o.place(p, id, p.first+int64(i))
	}
	if len(p.rows) > 0 {
		o.empty--
	}
	for _, name := range refs[heads+rows:] {
		p.pending++
		o.pending.push(pendingRow{o.store.time(name), name, id})
	}
	if o.kept != nil {
		o.kept.table.touchOne(id)
	}
	for _, c := range o.calls {
		if err := c.rebuild(p, id); err != nil {
			return err
		}
	}
	return nil
}

// place notes a row that has been brought back where time, or the rows that follow it,
// will ask for it.
func (o *Over) place(p *overPart, id int32, row int64) {
	r := p.at(row).ref
	if row < o.pins && row == int64(len(p.head)) {
		p.head = append(p.head, r)
	}
	at := overPlace{o.store.time(r), id, row}
	if o.waits.any() && row >= p.done {
		o.waiting = append(o.waiting, at)
	}
	if o.ages {
		o.aging = append(o.aging, at)
	}
}

// saveEvicted writes what has changed, and gives up the table where it has grown to what
// it may hold.
func (o *Over) saveEvicted(w StateWriter) error {
	full, err := o.evicted.save(w, o.state(), len(o.parts))
	if err != nil {
		return err
	}
	if !full {
		err = o.saveOwn(w)
	} else {
		err = o.saveFull(w)
	}
	if err == nil {
		o.evicted.put(w)
	}
	return err
}

// saveFull has the partitions become the generation before, but for those that are
// active, and writes both tables.
func (o *Over) saveFull(w StateWriter) error {
	moved := o.takeActive()
	if err := o.saveOwn(w); err != nil {
		return err
	}
	o.freeze()
	for at := 0; at < moved.keys.Rows; at += vec.MaxRows {
		sel := o.sel.all(nil, moved.keys.Rows)[at:min(at+vec.MaxRows, moved.keys.Rows)]
		o.ids = sized(o.ids, moved.keys.Rows)
		if err := o.table.assign(moved.keys.Cols, moved.keys.Rows, sel, o.ids); err != nil {
			return err
		}
		o.grow(o.table.Len())
		for _, r := range sel {
			if err := o.load(o.ids[r], moved.of(r)); err != nil {
				return err
			}
		}
	}
	sortPlaces(o.waiting)
	sortPlaces(o.aging)
	if err := o.charge(); err != nil {
		return err
	}
	return o.saveOwn(w)
}

// takeActive takes the partitions that are active out of their table, which they stay in
// as if they had never been seen.
func (o *Over) takeActive() *outsiders {
	all := &outsiders{keys: vec.NewBatch(o.table.types)}
	waiting := map[int32][]ref{}
	for _, b := range o.pending.buckets {
		for _, r := range *b {
			waiting[r.part] = append(waiting[r.part], r.ref)
		}
	}
	o.pending = newPendingRows()
	w := &partWriter{rowsWriter{o.loaded.codec, o.store}, o.calls}
	var ids []int32
	var buf []byte
	for id := range o.parts {
		p, id := &o.parts[id], int32(id)
		if !p.active() {
			continue
		}
		pending := waiting[id]
		slices.SortFunc(pending, func(a, b ref) int { return cmp.Compare(o.store.arrival(a), o.store.arrival(b)) })
		buf = w.append(buf[:0], p, id, pending)
		all.add(buf)
		ids = append(ids, id)
	}
	for i, c := range all.keys.Cols {
		vec.CopyRows(c, o.table.keys[i], ids)
	}
	for _, id := range ids {
		p := &o.parts[id]
		for _, r := range waiting[id] {
			o.store.release(r)
		}
		for _, r := range p.head {
			o.store.release(r)
		}
		for i, r := range p.rows {
			if p.first+int64(i) >= int64(len(p.head)) {
				o.store.release(r.ref)
			}
		}
		*p = overPart{moved: true}
		o.kept.table.touchOne(id)
	}
	return all
}

// freeze has the partitions, of which none is active, become the generation before, and
// begins a table anew.
func (o *Over) freeze() {
	table, parts, store, kept, held, account := o.table, o.parts, o.store, o.kept.table, o.heldMore, o.spec.Account
	w := &partWriter{rows: rowsWriter{o.loaded.codec, store}}
	for _, c := range o.calls {
		w.calls = append(w.calls, c.detach())
	}
	local := o.local
	unseen := func(g int32) bool { return parts[g].moved || local && len(parts[g].rows) == 0 }
	g := &generation{
		table: table,
		save: func(g int32, dst []byte) []byte {
			if unseen(g) {
				return dst
			}
			return w.append(dst, &parts[g], g, nil)
		},
		dead: unseen,
		forget: func(w StateWriter) {
			kept.drop(w)
			store.pages.drop(w)
		},
		close: func() {
			table.close()
			store.close()
			account.Release(held)
		},
		size: (store.held + held) / int64(max(len(parts), 1)),
	}
	if local && o.ages && o.agesFixed() {
		g.gone = o.goneBy(o.mark)
	}
	o.table, o.parts, o.heldMore, o.empty = newTable(table.types, account, table.what), nil, 0, 0
	o.store, o.pending = newRowStore(store.types, account), newPendingRows()
	o.waiting, o.aging, o.touched = nil, nil, nil
	o.evicted.replace(g)
	o.keepGeneration(generationPrefix(nil, o.evicted.own))
}

// agesFixed reports whether no call needs a row that is older than a length of time
// which is the same at any time.
func (o *Over) agesFixed() bool {
	for _, c := range o.calls {
		if f := c.framed(); f == nil || !f.moves() || !f.start.fixed {
			return false
		}
	}
	return true
}

// goneBy returns what reports of an evicted partition that all its rows had left their
// frames at a time, so that it is as one never seen.
func (o *Over) goneBy(mark int64) func(beside []byte) bool {
	// What calls have stands before the rows: it is read by calls that nobody else has.
	spec := o.spec
	spec.Account = nil
	fresh := NewOver(spec)
	fresh.grow(1)
	return func(beside []byte) bool {
		r := rowsReader{b: beside}
		for range 4 {
			r.number()
		}
		heads, rows := r.number(), r.number()
		for _, c := range fresh.calls {
			var err error
			if r.b, err = c.load(0, r.b); err != nil {
				return false
			}
		}
		if heads > 0 || r.bad {
			return false
		}
		for range rows {
			r.number()
			r.number()
			if at, _ := r.row(); r.bad || !fresh.aged(at, mark) {
				return false
			}
		}
		return true
	}
}

// forgetEvicted removes all that is stored: no row is to come.
func (o *Over) forgetEvicted(w StateWriter) error {
	o.kept.table.drop(w)
	o.store.pages.drop(w)
	o.evicted.close()
	err := o.evicted.forget(w)
	o.evicted, o.forgotten = nil, true
	return err
}

// restoreEvicted brings the partitions back that were not in pages, or, of a share, all.
func (o *Over) restoreEvicted(r StateReader, lie parts, mark int64) error {
	var failed error
	table := func(r StateReader, kept *keptTable) error {
		if failed != nil {
			return failed
		}
		return o.restoreTable(r, kept, mark)
	}
	freeze := func() {
		if failed = o.charge(); failed == nil {
			o.freeze()
		}
	}
	err := restoreGenerations(r, nil, o.evicted, lie, o.table.types, &o.kept.table, table, freeze, func(key []vec.Vec, beside []byte) error {
		one, ids := []int32{0}, []int32{0}
		if err := o.table.assign(key, 1, one, ids); err != nil || int(ids[0]) != len(o.parts) {
			return err
		}
		o.grow(len(o.parts) + 1)
		return o.load(ids[0], beside)
	})
	if r.Share != nil {
		o.kept.table.touchAll(len(o.parts))
	}
	sortPlaces(o.waiting)
	sortPlaces(o.aging)
	return err
}
