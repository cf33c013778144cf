package operator

import "github.com/ferrisstreams/ferrisstreams/exec/vec"

// touchedPart is which part of its share an aggregate that evicts may hold of the groups
// that an epoch has touched: where it holds more the epoch is to end.
const touchedPart = 1.0 / 8

// leastTouched is what is kept of that from one epoch to the next, in bytes.
const leastTouched = 1 << 20

// note counts what is held of the groups that the epoch has touched.
func (a *Aggregate) note() error {
	held := 4*int64(cap(a.touched)) + int64(cap(a.existed))
	var results int64
	for i := range a.before.Cols {
		results += vec.MemSize(a.before.Cols[i])
	}
	held += 2 * results // after takes as much when the epoch ends
	if more := held - a.noted; more > 0 {
		if err := a.spec.Account.Reserve(more); err != nil {
			return err
		}
		a.noted = held
	}
	if e := a.evicted; e != nil && e.from.Crowded != nil && results > leastTouched && float64(2*results) > touchedPart*float64(a.spec.Account.Share()) {
		e.from.Crowded()
	}
	return nil
}

// forgetTouched begins an epoch in which no group has been touched.
func (a *Aggregate) forgetTouched() {
	a.before.Reset()
	a.after.Reset()
	a.touched, a.existed = a.touched[:0], a.existed[:0]
	if a.noted <= leastTouched {
		return
	}
	for _, b := range []*vec.Batch{a.before, a.after} {
		for i, c := range a.spec.Calls {
			b.Cols[i] = vec.New(c.result)
		}
	}
	a.touched, a.existed = nil, nil
	a.spec.Account.Release(a.noted)
	a.noted = 0
}
