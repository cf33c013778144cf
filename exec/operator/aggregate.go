package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// AggregateSpec is what an Aggregate computes.
type AggregateSpec struct {
	// Types of the input's columns, where its rows may be computed in another
	// order than they come; nil: they may not.
	Types    []types.Type
	Keys     []*expr.Program
	KeyTypes []types.Type
	Calls    []*Call
	// Always are keys of groups that are there without rows too; nil: none.
	Always *vec.Batch
	// AppendOnly: no Delete will come.
	AppendOnly bool
	// Changes: the net change of every group goes out at each barrier. Otherwise
	// the groups go out once, at the end.
	Changes bool
	// Merge: the rows are a PartialAggregate's, of the same calls. Counts is the column
	// of its counts, after its keys.
	Merge  bool
	Counts int
	// Retention of groups, where Changes is set.
	Retention Retention
	Account   *memory.Account
	Fault     Fault
}

// Aggregate groups rows by keys and computes calls over each group: a row is
// the keys, then the results. Without keys there is one group, with or without
// rows. It takes Deletes; within an epoch one may come before its Insert.
//
// When its memory is full it makes no more groups: rows of those that it has not
// go to disk, and are grouped at the end, part by part. One that emits changes
// keeps all its groups in memory.
type Aggregate struct {
	spec   AggregateSpec
	table  *table
	count  int     // of groups
	rows   []int64 // of each group: Inserts less Deletes
	held   int64   // bytes of rows
	over   overflow
	bins   *bins // nil: no row is kept back
	merged partialStates
	near   int64 // nearBytes, 0 where no row may be kept back
	keep   int64 // binBytes
	// The first groups are there with or without rows.
	always  int32
	started bool
	stay    bool           // every group that was made is there at the end: rows is not kept
	kept    *keptGroups    // nil: nothing is stored
	evicted *evicted       // groups that are not in table; nil: all are
	among   *evictedTables // what it shares with others of its operator; nil: nothing
	values  *evictedTables // of the calls' DISTINCT values; nil: all of them are in memory
	silent  bool           // where Changes is set: no change goes out until passAll
	full    int            // the groups from which dead ones are looked for
	least   int            // full at least
	seen    []int64        // when each group was touched last; nil: all are kept for ever
	swept   int64          // when groups were last looked through

	// Of the epoch that runs, where Changes is set: the groups touched, in order,
	// and what each was before. stamp[g] is the epoch that touched g last.
	stamp   []uint64
	epoch   uint64
	touched []int32
	existed []bool
	before  *vec.Batch // results of the calls, one row per touched group
	after   *vec.Batch
	noted   int64 // bytes of touched, existed, before and after

	cols []vec.Vec
	ids  []int32
	sel  selector
	live []int32
	out  emitter
}

// NewAggregate returns an Aggregate.
func NewAggregate(spec AggregateSpec) *Aggregate {
	a := &Aggregate{spec: spec, epoch: 1, full: leastDead, least: leastDead, stay: spec.AppendOnly && !spec.Changes}
	if mayKeepBack(spec) {
		a.near, a.keep = nearBytes, binBytes
	}
	a.table = newTable(spec.KeyTypes, spec.Account, "GROUP BY")
	a.cols = make([]vec.Vec, len(spec.Keys))
	a.makeOutput()
	return a
}

func (a *Aggregate) makeOutput() {
	var results []types.Type
	for _, c := range a.spec.Calls {
		results = append(results, c.result)
	}
	a.out = newEmitter(append(append([]types.Type(nil), a.spec.KeyTypes...), results...))
	a.before, a.after = vec.NewBatch(results), vec.NewBatch(results)
}

// start makes the groups that need no row, which the first epoch passes on.
func (a *Aggregate) start(ctx context.Context) error {
	if a.started {
		return nil
	}
	a.started = true
	switch {
	case len(a.spec.Keys) == 0:
		a.always = 1
	case a.spec.Always == nil:
		return nil
	default:
		n := a.spec.Always.Rows
		if err := a.table.assign(a.spec.Always.Cols, n, a.sel.all(nil, n), sized(a.ids, n)); err != nil {
			return err
		}
		a.always = int32(n)
	}
	if a.kept != nil {
		a.kept.groups.touchAll(int(a.always))
	}
	if err := a.grow(int(a.always)); err != nil || !a.spec.Changes {
		return err
	}
	for g := range a.always {
		a.stamp[g] = a.epoch
		a.touched, a.existed = append(a.touched, g), append(a.existed, false)
	}
	return a.results(ctx, a.touched, a.before)
}

// Process adds rows to their groups, and takes deleted ones out.
func (a *Aggregate) Process(ctx context.Context, _ int, b *vec.Batch, _ Output) error {
	if err := a.start(ctx); err != nil {
		return err
	}
	sel, err := runAll(a.spec.Keys, b, a.cols, a.spec.Fault, &a.live)
	if err != nil {
		return err
	}
	sel = a.sel.all(sel, b.Rows)
	if a.stay && hasDelete(b) {
		return sqlerr.Errorf(sqlerr.InternalError, "aggregate: a row was deleted from an input that only grows")
	}
	if a.bins != nil {
		return a.keepBack(ctx, b, sel)
	}
	known := a.count
	if sel, err = a.group(ctx, b, sel); err != nil {
		return err
	}
	a.watch(sel, int32(known))
	return nil
}

// group adds rows of b, whose keys are in cols, to their groups, but for those of which
// a call cannot be computed.
func (a *Aggregate) group(ctx context.Context, b *vec.Batch, sel []int32) (added []int32, err error) {
	if !a.spec.Merge {
		if sel, err = computable(a.spec.Calls, b, sel, a.spec.Fault); err != nil {
			return nil, err
		}
	}
	return sel, a.addTo(ctx, b, sel)
}

// addTo adds rows of b to their groups.
func (a *Aggregate) addTo(ctx context.Context, b *vec.Batch, sel []int32) (err error) {
	a.ids = sized(a.ids, b.Rows)
	if len(a.spec.Keys) == 0 {
		clear(a.ids)
	} else if a.over.parts != nil {
		if sel, err = a.setAside(b, sel); err != nil {
			return err
		}
	} else if err := a.assign(b.Rows, sel); err != nil {
		return err
	}
	if a.spec.Changes {
		if err := a.touch(ctx, sel); err != nil {
			return err
		}
	}
	if a.kept != nil {
		a.kept.groups.touch(a.ids, sel)
	}
	if a.spec.Merge {
		if err := a.merged.add(a, b, sel); err != nil {
			return err
		}
		return a.press(ctx)
	}
	if !a.stay {
		for _, r := range sel {
			if b.Op(int(r)) == vec.Delete {
				a.rows[a.ids[r]]--
			} else {
				a.rows[a.ids[r]]++
			}
		}
	}
	for _, c := range a.spec.Calls {
		if err := c.add(b, sel, a.ids, a.spec.Fault); err != nil {
			return err
		}
	}
	a.values.crowded()
	return a.press(ctx)
}

// press sees that memory has room.
func (a *Aggregate) press(ctx context.Context) error {
	// While bins are worked off memory becomes less with them.
	if a.spec.Account.Pressed() || a.bins == nil && a.spec.Account.Doubles() {
		return a.relieve(ctx)
	}
	return nil
}

// assign finds the groups of rows, whose keys are in cols, and makes those that are
// new.
func (a *Aggregate) assign(rows int, sel []int32) error {
	known := a.count
	keys, err := a.evicted.canonical(a.table, a.cols, rows, sel, a.ids)
	if err != nil {
		return err
	}
	if err := a.table.assign(keys, rows, sel, a.ids); err != nil {
		return err
	}
	if err := a.grow(a.table.Len()); err != nil || a.evicted == nil {
		return err
	}
	return a.fetch(known)
}

// grow makes groups 0 to n-1.
func (a *Aggregate) grow(n int) error {
	if n == a.count {
		return nil
	}
	if !a.stay {
		a.rows = append(a.rows, make([]int64, n-a.count)...)
	}
	a.count = n
	if a.spec.Changes {
		for len(a.stamp) < n {
			a.stamp = append(a.stamp, 0)
		}
		for a.spec.Retention.For > 0 && len(a.seen) < n {
			a.seen = append(a.seen, 0)
		}
	}
	if held := 8 * int64(cap(a.rows)+cap(a.stamp)+cap(a.seen)); held > a.held {
		if err := a.spec.Account.Reserve(held - a.held); err != nil {
			return err
		}
		a.held = held
	}
	for _, c := range a.spec.Calls {
		if err := c.grow(n); err != nil {
			return err
		}
	}
	return nil
}

// touch keeps what groups were before this epoch changes them.
func (a *Aggregate) touch(ctx context.Context, sel []int32) error {
	if a.silent {
		return nil
	}
	first := len(a.touched)
	for _, r := range sel {
		if g := a.ids[r]; a.stamp[g] != a.epoch {
			a.stamp[g] = a.epoch
			a.touched = append(a.touched, g)
			a.existed = append(a.existed, a.exists(g))
		}
	}
	if err := a.results(ctx, a.touched[first:], a.before); err != nil {
		return err
	}
	return a.note()
}

// exists reports whether a group was in the rows that went out last: one that
// needs no row is there from the first barrier on.
func (a *Aggregate) exists(g int32) bool { return a.there(g) && (g >= a.always || a.epoch > 1) }

// there reports whether a group is in the result now.
func (a *Aggregate) there(g int32) bool { return a.stay || g < a.always || a.rows[g] > 0 }

func (a *Aggregate) results(ctx context.Context, groups []int32, dst *vec.Batch) error {
	for i, c := range a.spec.Calls {
		if err := c.results(ctx, groups, dst.Cols[i]); err != nil {
			return err
		}
	}
	dst.Rows += len(groups)
	return nil
}

// Watermark does nothing: windows have operators of their own.
func (a *Aggregate) Watermark(context.Context, int64, Output) error { return nil }

// Held says that changes wait for the barrier.
func (a *Aggregate) Held() int64 { return heldRows(len(a.touched) > 0) }

// Barrier passes on what the epoch changed, Delete before Insert; a group that
// is as it was is left out.
func (a *Aggregate) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	if !a.spec.Changes {
		return nil
	}
	if err := a.start(ctx); err != nil {
		return err
	}
	if a.seen != nil {
		now := a.spec.Retention.Now()
		for _, g := range a.touched {
			a.seen[g] = now
		}
	}
	expired, err := a.expire(ctx)
	if err != nil {
		return err
	}
	if err := a.expireEvicted(ctx); err != nil {
		return err
	}
	if err := a.results(ctx, a.touched, a.after); err != nil {
		return err
	}
	for i, g := range a.touched {
		is := a.there(g)
		if a.existed[i] && is && a.unchanged(i) {
			continue
		}
		if a.existed[i] {
			if err := a.emit(ctx, g, a.before, i, vec.Delete, out); err != nil {
				return err
			}
		}
		if is {
			if err := a.emit(ctx, g, a.after, i, vec.Insert, out); err != nil {
				return err
			}
		}
	}
	a.forgetTouched()
	a.epoch++
	if err := a.out.flush(ctx, out); err != nil {
		return err
	}
	return a.compact(expired)
}

func (a *Aggregate) unchanged(i int) bool {
	for c, call := range a.spec.Calls {
		if !identical(a.before.Cols[c], i, a.after.Cols[c], i, call.result) {
			return false
		}
	}
	return true
}

// emit passes on group g with the results in row i of from.
func (a *Aggregate) emit(ctx context.Context, g int32, from *vec.Batch, i int, op vec.Op, out Output) error {
	keys := len(a.spec.Keys)
	for k := range keys {
		vec.AppendRow(a.out.batch.Cols[k], a.table.keys[k], int(g))
	}
	for c := range a.spec.Calls {
		vec.AppendRow(a.out.batch.Cols[keys+c], from.Cols[c], i)
	}
	return a.out.added(ctx, op, out)
}

// Finish passes on the groups, or what changed since the last barrier.
func (a *Aggregate) Finish(ctx context.Context, _ int, out Output) error {
	if a.spec.Changes {
		return a.Barrier(ctx, 0, out)
	}
	if err := a.start(ctx); err != nil {
		return err
	}
	for {
		if err := a.groupBins(ctx, out); err != nil {
			return err
		}
		if err := a.emitAll(ctx, out); err != nil {
			return err
		}
		more, err := a.next(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// emitAll passes on the groups.
func (a *Aggregate) emitAll(ctx context.Context, out Output) error {
	if err := a.emitGroups(ctx, 0, a.count, out); err != nil {
		return err
	}
	return a.passEvicted(ctx, out)
}

// emitGroups passes on the groups from first to before end.
func (a *Aggregate) emitGroups(ctx context.Context, first, end int, out Output) error {
	groups := make([]int32, 0, vec.MaxRows)
	n := a.perTurn()
	for from := first; from < end; from += n {
		groups = groups[:0]
		for g := from; g < min(from+n, end); g++ {
			if a.there(int32(g)) {
				groups = append(groups, int32(g))
			}
		}
		b := a.out.batch
		b.Reset() // before the results are computed: from the second turn on they are its columns
		a.after.Reset()
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.results(ctx, groups, a.after); err != nil {
			return err
		}
		for k := range a.spec.Keys {
			vec.CopyRows(b.Cols[k], a.table.keys[k], groups)
		}
		copy(b.Cols[len(a.spec.Keys):], a.after.Cols)
		b.Rows = len(groups)
		if err := out.Emit(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// passAll passes on the groups of an aggregate that has been silent, whose changes
// go out from then on.
func (a *Aggregate) passAll(ctx context.Context, out Output) error {
	if err := a.emitAll(ctx, out); err != nil {
		return err
	}
	a.silent = false
	a.makeOutput() // emitAll has lent the columns of after to it
	return nil
}

// perTurn is how many groups may go out at once: of those that hold much few.
func (a *Aggregate) perTurn() int {
	held := int64(1)
	for _, c := range a.spec.Calls {
		held += c.held
	}
	return int(min(max(pickBytes*int64(a.count)/held, 1), vec.MaxRows))
}

// Close gives the groups back.
func (a *Aggregate) Close() error {
	a.evicted.close()
	a.clear()
	a.values.close()
	a.over.close()
	return nil
}

// clear gives the groups back.
func (a *Aggregate) clear() {
	a.bins.close()
	a.bins = nil
	a.table.close()
	for _, c := range a.spec.Calls {
		c.close()
	}
	a.spec.Account.Release(a.held + a.noted)
	a.rows, a.stamp, a.seen, a.count, a.held, a.noted = nil, nil, nil, 0, 0, 0
}
