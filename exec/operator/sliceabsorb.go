package operator

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// absorb adds what another aggregate of the same spec holds to a's groups.
func (a *Aggregate) absorb(from *Aggregate) error {
	groups := make([]int32, from.count)
	for g := range groups {
		groups[g] = int32(g)
	}
	return a.absorbGroups(from, groups)
}

// absorbGroups is absorb of some groups that are in the other's table.
func (a *Aggregate) absorbGroups(from *Aggregate, all []int32) error {
	keys := vec.NewBatch(a.spec.KeyTypes)
	for groups := range slices.Chunk(all, vec.MaxRows) {
		keys.Reset()
		for i, col := range keys.Cols {
			vec.CopyRows(col, from.table.keys[i], groups)
		}
		n := len(groups)
		a.ids = sized(a.ids, n)
		sel := a.sel.all(nil, n)
		if err := a.table.assign(keys.Cols, n, sel, a.ids); err != nil {
			return err
		}
		if err := a.grow(a.table.Len()); err != nil {
			return err
		}
		if a.kept != nil {
			a.kept.groups.touch(a.ids, sel)
		}
		if !a.stay {
			for i, g := range groups {
				a.rows[a.ids[i]] += from.rows[g]
			}
		}
		for i, c := range a.spec.Calls {
			if err := c.spec.Func.(aggregate.Combiner).Combine(a.ids[:n], from.spec.Calls[i].spec.Func, groups); err != nil {
				return err
			}
			if err := c.charge(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Of slices that have been evicted what can be put together at a time is bounded: so
// many groups, or as many as fit into a part of the share at so many bytes each.
const (
	leastAbsorbed = 1 << 10
	mostAbsorbed  = 1 << 16
	absorbedPart  = 8
	absorbedBytes = 256
)

// absorbBits is by how many bits of the hashes groups are put together, where slices
// hold so many of them.
func (w *SliceAggregate) absorbBits(groups int64) (bits uint8) {
	most := min(max(w.spec.Account.Share()/absorbedPart/absorbedBytes, leastAbsorbed), mostAbsorbed)
	for groups>>bits > most {
		bits++
	}
	return bits
}

// emitByHash passes on what slices hold together, of which some have been evicted, a
// range of hashes at a time.
func (w *SliceAggregate) emitByHash(ctx context.Context, parts []*slice) error {
	groups := int64(0)
	for _, s := range parts {
		groups += int64(s.agg.count) + s.agg.evicted.inAll()
	}
	bits := w.absorbBits(groups)
	codec := newGroupCodec(w.spec.RowTypes)
	own, old := make([]*groupOrder, len(parts)), make([]*groupOrder, len(parts))
	for i, s := range parts {
		own[i] = orderGroups(codec, s.agg.table, bits)
		if s.agg.evicted != nil {
			old[i] = s.agg.evicted.oldGroups(bits)
		}
	}
	var sum, some *Aggregate
	for at := range 1 << bits {
		var err error
		if sum, err = parts[0].agg.oneByOne(sum); err != nil {
			return err
		}
		for i, s := range parts {
			if err == nil {
				err = sum.absorbGroups(s.agg, own[i].of(at))
			}
			if err == nil && s.agg.evicted != nil {
				err = s.agg.evicted.eachIn(s.agg.table, hashRange{bits, at}, old[i].of(at), func(o *outsiders, sel []int32) (err error) {
					if some, err = s.agg.oneByOne(some); err != nil {
						return err
					}
					defer some.clear()
					if err := some.take(o, sel); err != nil {
						return err
					}
					return sum.absorb(some)
				})
			}
		}
		if err == nil {
			err = sum.emitAll(ctx, &w.out)
		}
		sum.clear()
		if err != nil {
			return err
		}
	}
	return nil
}

// inAll is how many groups are in the parts other than the table, some in both.
func (e *evicted) inAll() int64 {
	if e == nil {
		return 0
	}
	n := e.known.groups
	if e.old != nil {
		n += int64(e.old.table.Len())
	}
	return n
}
