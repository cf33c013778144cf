package operator

import (
	"context"
	"errors"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Lookup finds rows by their keys, as they are when it is asked. It belongs to one
// goroutine.
type Lookup interface {
	// Find calls f with the rows whose keys are among the n of keys, which are
	// distinct and none of them NULL, and with the place in keys of each row's, by
	// physical row. It may call f several times; f may keep neither. KeyFaults: the
	// rows of the left side that have those keys are at fault, others are answered.
	Find(ctx context.Context, keys []vec.Vec, n int, f func(rows *vec.Batch, of []int32) error) error
	// Refresh is called at each barrier: what is kept for Find may be brought up to
	// date.
	Refresh(ctx context.Context) error
	// Close gives back what it holds. It may be called twice.
	Close() error
}

// KeyFault is a key, by its place, that cannot be looked up.
type KeyFault struct {
	Key int32
	Err error
}

// KeyFaults is the error of keys that cannot be looked up.
type KeyFaults []KeyFault

func (k KeyFaults) Error() string { return k[0].Err.Error() }

func (k KeyFaults) Unwrap() error { return k[0].Err }

// LookupJoinSpec is what a LookupJoin joins.
type LookupJoinSpec struct {
	Kind        plan.JoinKind // inner, left, semi or anti
	Left, Right []types.Type
	Keys        []*expr.Program // over left's columns; none: every right row
	KeyTypes    []types.Type
	Cond        *expr.Program // over left's columns and then right's; nil: none
	Lookup      Lookup
	Account     *memory.Account
	Fault       Fault
}

// LookupJoin joins each row of its one input with the rows that a Lookup has for
// its key at that time. Of a batch matches come first, in the order of its rows, and
// then the rows that go out by themselves. Deletes are refused:
// what is looked up for one may not be what its Insert was joined with.
type LookupJoin struct {
	pairing
	spec  LookupJoinSpec
	found *vec.Batch // the right rows of the batch at hand
	held  int64
	heads []int32 // by key: its first row of found, -1: none
	tails []int32
	next  []int32 // by row of found
	cols  []vec.Vec
	ids   []int32
	live  []int32
}

// NewLookupJoin returns a LookupJoin, which closes its Lookup.
func NewLookupJoin(s LookupJoinSpec) *LookupJoin {
	return &LookupJoin{
		pairing: newPairing(s.Kind, s.Left, s.Right, s.Cond, s.Fault),
		spec:    s, found: vec.NewBatch(s.Right), cols: make([]vec.Vec, len(s.Keys)),
	}
}

// Process joins the rows of a batch.
func (j *LookupJoin) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	if hasDelete(b) {
		return refuseDelete("a join with a table as it is now")
	}
	sel, err := runAll(j.spec.Keys, b, j.cols, j.spec.Fault, &j.live)
	if err != nil {
		return err
	}
	sel = j.sel.all(sel, b.Rows)
	err = j.find(ctx, b.Rows, sel)
	var bad KeyFaults
	if errors.As(err, &bad) {
		sel, err = j.without(b, sel, bad)
	}
	if err != nil {
		return err
	}
	j.begin(b.Rows)
	for _, l := range j.keyed {
		for r := j.heads[j.ids[l]]; r >= 0; r = j.next[r] {
			full, enough := j.add(l, r)
			if enough {
				break
			}
			if !full {
				continue
			}
			if err := j.flush(ctx, b, j.found, out); err != nil {
				return err
			}
		}
	}
	if err := j.flush(ctx, b, j.found, out); err != nil {
		return err
	}
	return j.leftover(ctx, b, sel, out)
}

// without tells of the rows whose keys are at fault, and returns the others.
func (j *LookupJoin) without(b *vec.Batch, sel []int32, bad KeyFaults) ([]int32, error) {
	if j.spec.Fault == nil {
		return nil, bad[0].Err
	}
	faults := map[int32]error{}
	for _, f := range bad {
		faults[f.Key] = f.Err
	}
	left := map[int32]bool{}
	for _, r := range j.keyed {
		if err := faults[j.ids[r]]; err != nil {
			left[r] = true
			if err := j.spec.Fault(b, int(r), err); err != nil {
				return nil, err
			}
		}
	}
	out := func(r int32) bool { return left[r] }
	j.keyed = slices.DeleteFunc(j.keyed, out)
	return slices.DeleteFunc(slices.Clone(sel), out), nil
}

// find gathers the rows of the keys of sel. keyed are then the rows whose key is
// not NULL.
func (j *LookupJoin) find(ctx context.Context, n int, sel []int32) error {
	j.withKeys(j.cols, sel)
	j.found.Reset()
	j.heads, j.tails, j.next = j.heads[:0], j.tails[:0], j.next[:0]
	if len(j.keyed) == 0 {
		return nil
	}
	j.ids = sized(j.ids, n)
	keys, count := []vec.Vec(nil), 1
	if len(j.cols) == 0 {
		clear(j.ids)
	} else {
		t := newTable(j.spec.KeyTypes, nil, "JOIN")
		if err := t.assign(j.cols, n, j.keyed, j.ids); err != nil {
			return err
		}
		keys, count = t.keys, t.Len()
	}
	for range count {
		j.heads, j.tails = append(j.heads, -1), append(j.tails, -1)
	}
	err := j.spec.Lookup.Find(ctx, keys, count, func(rows *vec.Batch, of []int32) error {
		live := j.sel.of(rows)
		for i, c := range rows.Cols {
			vec.CopyRows(j.found.Cols[i], c, live)
		}
		for _, r := range live {
			row, k := int32(len(j.next)), of[r]
			j.next = append(j.next, -1)
			if j.heads[k] < 0 {
				j.heads[k] = row
			} else {
				j.next[j.tails[k]] = row
			}
			j.tails[k] = row
		}
		j.found.Rows += len(live)
		return j.charge()
	})
	return err
}

func (j *LookupJoin) charge() error {
	now := batchBytes(j.found)
	if err := j.spec.Account.Resize(j.held, now); err != nil {
		return err
	}
	j.held = now
	return j.spec.Account.Check() // where what is looked up in makes room
}

// Watermark does nothing: rows go out as they come.
func (*LookupJoin) Watermark(context.Context, int64, Output) error { return nil }

// Barrier has the Lookup come up to date.
func (j *LookupJoin) Barrier(ctx context.Context, _ stream.Epoch, _ Output) error {
	return j.spec.Lookup.Refresh(ctx)
}

// Finish does nothing: nothing waits.
func (*LookupJoin) Finish(context.Context, int, Output) error { return nil }

// Close closes the Lookup.
func (j *LookupJoin) Close() error {
	j.spec.Account.Release(j.held)
	j.held = 0
	return j.spec.Lookup.Close()
}

// SameKeys are the rows of b whose keys, which programs compute, are those of the
// places in keys that of names. nil: there are none.
func SameKeys(b *vec.Batch, of []int32, programs []*expr.Program, keys []vec.Vec, ts []types.Type) (*vec.Batch, error) {
	cols := make([]vec.Vec, len(programs))
	var live []int32
	sel, err := runAll(programs, b, cols, nil, &live)
	if err != nil {
		return nil, err
	}
	var all selector
	kept := make([]int32, 0, b.Rows)
	for _, r := range all.all(sel, b.Rows) {
		same := true
		for i, c := range cols {
			same = same && vec.Equal(c, int(r), keys[i], int(of[r]), ts[i])
		}
		if same {
			kept = append(kept, r)
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	return &vec.Batch{Cols: b.Cols, Sel: kept, Rows: b.Rows}, nil
}
