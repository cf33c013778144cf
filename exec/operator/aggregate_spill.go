package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// overflow are the rows of an Aggregate whose groups memory has no room for.
type overflow struct {
	parts   *partitions // nil: none
	level   int
	backlog backlog
	other   []int32
	known   []int32
}

func (o *overflow) close() {
	o.parts.close()
	o.parts = nil
	o.backlog.close()
}

// setAside writes the rows whose group is not there, and returns the others with
// their groups in ids.
func (a *Aggregate) setAside(b *vec.Batch, sel []int32) ([]int32, error) {
	o := &a.over
	a.table.lookup(a.cols, b.Rows, sel, a.ids)
	if o.known == nil {
		o.known = []int32{} // a selection of no row: nil would be of all
	}
	o.other, o.known = o.other[:0], o.known[:0]
	for _, r := range sel {
		if a.ids[r] < 0 {
			o.other = append(o.other, r)
		} else {
			o.known = append(o.known, r)
		}
	}
	if err := a.table.comparable(a.cols, o.other); err != nil { // the parts do not see one another's rows
		return nil, err
	}
	return o.known, o.parts.add(b, a.cols, o.other)
}

// relieve stops making groups, or, where there will be no more, writes to disk
// what the calls keep of the rows of those that are there.
func (a *Aggregate) relieve(ctx context.Context) error {
	if a.spec.Changes {
		return a.spec.Account.Check()
	}
	if len(a.spec.Keys) > 0 && a.over.parts == nil {
		var err error
		a.over.parts, err = newPartitions(a.spec.KeyTypes, a.over.level, a.spec.Account)
		return err
	}
	if !a.spec.Account.Pressed() {
		return nil
	}
	for _, c := range a.spec.Calls {
		if err := c.spill(ctx); err != nil {
			return err
		}
	}
	return a.spec.Account.Check()
}

// next groups the rows of the next part that was set aside.
func (a *Aggregate) next(ctx context.Context) (more bool, err error) {
	o := &a.over
	if o.parts != nil {
		if err := o.backlog.push(o.parts); err != nil {
			return false, err
		}
		o.parts = nil
	}
	p, more := o.backlog.pop()
	if !more {
		return false, nil
	}
	a.clear()
	a.always = 0
	a.table = newTable(a.spec.KeyTypes, a.spec.Account, "GROUP BY")
	for _, c := range a.spec.Calls {
		if err := c.renew(); err != nil {
			return false, err
		}
	}
	o.level = p.of.level + 1
	err = p.each(ctx, func(b *vec.Batch) error { return a.Process(ctx, 0, b, nil) })
	if err != nil {
		return false, err
	}
	return true, p.of.done()
}
