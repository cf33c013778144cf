package operator

import (
	"cmp"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// compact drops what is not needed any more, where it is most of what is held.
func (o *Over) compact() error {
	if o.store.sparse() || o.evicted.some() && o.store.halfEmpty() {
		if err := o.store.copyNeeded(o.eachRef); err != nil {
			return err
		}
	}
	if !o.local || o.table == nil || len(o.parts) < 4*vec.MaxRows || 2*o.empty < len(o.parts) {
		return nil
	}
	return o.dropParts()
}

// eachRef calls f with every name of a row that is kept, for it to change.
func (o *Over) eachRef(f func(r *ref)) {
	for id := range o.parts {
		p := &o.parts[id]
		for i := range p.head {
			f(&p.head[i])
		}
		for i := range p.rows {
			if p.first+int64(i) >= int64(len(p.head)) {
				f(&p.rows[i].ref)
			} else {
				p.rows[i].ref = p.head[p.first+int64(i)]
			}
		}
	}
	for _, b := range o.pending.buckets {
		for i := range *b {
			f(&(*b)[i].ref)
		}
	}
}

// dropParts forgets the partitions that have no rows.
func (o *Over) dropParts() error {
	was, keys := o.parts, o.table.keys
	var kept []int32
	to := make([]int32, len(was))
	for id := range was {
		if to[id] = -1; len(was[id].rows) > 0 || was[id].pending > 0 {
			to[id] = int32(len(kept))
			kept = append(kept, int32(id))
		}
	}
	if 2*len(kept) > len(was) {
		o.empty = len(was) - len(kept)
		return nil
	}
	frames := make([][2][]int64, len(o.calls))
	for k, c := range o.calls {
		if f := c.framed(); f != nil {
			frames[k] = [2][]int64{f.lo, f.hi}
		}
		c.clear()
	}
	old := o.table
	o.table, o.parts = newTable(old.types, o.spec.Account, "OVER"), nil
	part := vec.NewBatch(old.types)
	for ids := range slices.Chunk(kept, vec.MaxRows) {
		part.Reset()
		for i, c := range part.Cols {
			vec.CopyRows(c, keys[i], ids)
		}
		o.ids = sized(o.ids, len(ids))
		if err := o.table.assign(part.Cols, len(ids), o.sel.all(nil, len(ids)), o.ids); err != nil {
			return err
		}
	}
	old.close()
	o.grow(len(kept))
	o.empty = 0
	for now, id := range kept {
		o.parts[now] = was[id]
		if len(was[id].rows) == 0 {
			o.empty++
		}
		for k, c := range o.calls {
			if f := c.framed(); f != nil {
				f.lo[now], f.hi[now] = frames[k][0][id], frames[k][1][id]
			}
			if err := c.rebuild(&o.parts[now], int32(now)); err != nil {
				return err
			}
		}
	}
	o.renumber(to)
	return nil
}

// renumber gives rows the new numbers of their partitions.
func (o *Over) renumber(to []int32) {
	for _, c := range o.store.chunks {
		if c == nil {
			continue
		}
		for i, g := range c.groups {
			if g >= 0 {
				c.groups[i] = to[g]
			}
		}
		c.changed = true
	}
	for _, b := range o.pending.buckets {
		for i := range *b {
			(*b)[i].part = to[(*b)[i].part]
		}
	}
	places := func(all []overPlace) []overPlace {
		kept := all[:0]
		for _, a := range all {
			if a.part = to[a.part]; a.part >= 0 {
				kept = append(kept, a)
			}
		}
		return kept
	}
	o.waiting, o.aging = places(o.waiting), places(o.aging)
	if o.kept != nil {
		o.kept.anew = true
		o.kept.table.renumbered(len(o.parts))
	}
}

// sortPlaces puts places in the order of times, and of partitions and rows.
func sortPlaces(all []overPlace) {
	slices.SortFunc(all, func(a, b overPlace) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.part, b.part), cmp.Compare(a.row, b.row))
	})
}
