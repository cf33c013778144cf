package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// eachBytes bounds what groups that are passed on together have beside their keys.
const eachBytes = 1 << 20

// outsiders are groups that are not in a table, some at a time: their keys, and what
// each has beside its key.
type outsiders struct {
	keys   *vec.Batch
	ends   []int
	beside []byte
}

func (o *outsiders) reset() {
	o.keys.Reset()
	o.ends, o.beside = o.ends[:0], o.beside[:0]
}

// add adds what a group has, whose key is there.
func (o *outsiders) add(beside []byte) {
	o.keys.Rows++
	o.beside = append(o.beside, beside...)
	o.ends = append(o.ends, len(o.beside))
}

// of is what a group has beside its key.
func (o *outsiders) of(row int32) []byte {
	from := 0
	if row > 0 {
		from = o.ends[row-1]
	}
	return o.beside[from:o.ends[row]]
}

func (o *outsiders) full() bool { return o.keys.Rows == vec.MaxRows || len(o.beside) >= eachBytes }

// hashRange are the groups whose hashes begin with so many bits, which are at.
type hashRange struct {
	bits uint8
	at   int
}

// pages are those of a space that may have groups of the range.
func (r hashRange) pages(s pageSpace) (from, n int) {
	if s.bits >= r.bits {
		return r.at << (s.bits - r.bits), 1 << (s.bits - r.bits)
	}
	return r.at >> (r.bits - s.bits), 1
}

// each calls f with all groups that are not in the table own, each once: those rows of
// the keys that sel has. f may keep nothing.
func (e *evicted) each(own *table, f func(o *outsiders, sel []int32) error) error {
	if !e.some() {
		return nil
	}
	return e.eachIn(own, hashRange{}, e.oldGroups(0).of(0), f)
}

// eachIn is each of the groups of a range. old are those of the generation before.
func (e *evicted) eachIn(own *table, in hashRange, old []int32, f func(o *outsiders, sel []int32) error) error {
	if !e.some() {
		return nil
	}
	o := &outsiders{keys: vec.NewBatch(e.codec.types)}
	all, ids, sel := []int32{}, []int32{}, []int32{}
	var hashes []uint64
	flush := func(newer ...*table) error {
		n := o.keys.Rows
		all, sel, ids = all[:0], sel[:0], sized(ids, n)
		if in.bits > e.known.bits {
			hashes = e.codec.hashes(o.keys.Cols, n, hashes)
		}
		for r := range int32(n) {
			if in.bits <= e.known.bits || pageOf(hashes[r], in.bits) == in.at {
				all = append(all, r)
			}
		}
		for _, t := range newer {
			t.lookup(o.keys.Cols, n, all, ids)
			rest := all[:0]
			for _, r := range all {
				if ids[r] < 0 {
					rest = append(rest, r)
				}
			}
			all = rest
		}
		if sel = append(sel, all...); len(sel) == 0 {
			o.reset()
			return nil
		}
		err := f(o, sel)
		o.reset()
		return err
	}
	newer := []*table{own}
	if e.old != nil {
		var beside []byte
		for _, g := range old {
			for i, c := range o.keys.Cols {
				vec.AppendRow(c, e.old.table.keys[i], int(g))
			}
			beside = e.old.save(g, beside[:0])
			if o.add(beside); !o.full() {
				continue
			}
			if err := flush(own); err != nil {
				return err
			}
		}
		if err := flush(own); err != nil {
			return err
		}
		newer = append(newer, e.old.table)
	}
	if e.known.groups == 0 {
		return nil
	}
	first, n := in.pages(e.known)
	for from := first; from < first+n; from += mergeChunk {
		err := eachPage(e.pages(e.cache), e.known, from, min(mergeChunk, first+n-from), func(p hashPage) error {
			for i := range p.n {
				key, beside, err := p.group(e.codec, i)
				if err == nil {
					err = e.codec.reader.Read(key, o.keys.Cols)
				}
				if err != nil {
					return err
				}
				if o.add(beside); !o.full() {
					continue
				}
				if err := flush(newer...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return flush(newer...)
}

// oldGroups are the groups of the generation before by so many bits of their hashes.
func (e *evicted) oldGroups(bits uint8) *groupOrder {
	if e.old == nil {
		return nil
	}
	return orderGroups(e.codec, e.old.table, bits)
}

// passEvicted passes on the groups that are not in the table.
func (a *Aggregate) passEvicted(ctx context.Context, out Output) error {
	var some *Aggregate
	return a.evicted.each(a.table, func(o *outsiders, sel []int32) (err error) {
		if some, err = a.oneByOne(some); err != nil {
			return err
		}
		defer some.clear()
		if err := some.take(o, sel); err != nil {
			return err
		}
		return some.emitAll(ctx, out)
	})
}

// oneByOne is an aggregate like a that has no groups, and none elsewhere. It is used
// again where it is given.
func (a *Aggregate) oneByOne(some *Aggregate) (*Aggregate, error) {
	if some == nil {
		spec := a.spec
		spec.Calls = nil
		for _, c := range a.spec.Calls {
			again := *c
			again.held, again.groups = 0, 0
			spec.Calls = append(spec.Calls, &again)
		}
		some = NewAggregate(spec)
	} else {
		some.table = newTable(a.spec.KeyTypes, a.spec.Account, "GROUP BY")
	}
	for _, c := range some.spec.Calls {
		if err := c.renew(); err != nil {
			return nil, err
		}
	}
	some.makeOutput()
	return some, some.keepUnder(nil)
}

// take adds groups, which are not there, as they are stored.
func (a *Aggregate) take(o *outsiders, sel []int32) error {
	a.ids = sized(a.ids, o.keys.Rows)
	if err := a.table.assign(o.keys.Cols, o.keys.Rows, sel, a.ids); err != nil {
		return err
	}
	if err := a.grow(a.table.Len()); err != nil {
		return err
	}
	for _, r := range sel {
		if err := a.load(a.ids[r], o.of(r)); err != nil {
			return err
		}
	}
	return nil
}
