package operator

import (
	"context"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// AsOfJoinSpec is what an AsOfJoin joins. Keys are pairwise equal; without any,
// every right row is a version of one.
type AsOfJoinSpec struct {
	Kind     plan.JoinKind // inner or left
	Types    [2][]types.Type
	Keys     [2][]*expr.Program
	KeyTypes []types.Type
	Times    [2]*expr.Program
	Cond     *expr.Program // over left's columns and then right's; nil: none
	Account  *memory.Account
	Fault    Fault
}

// AsOfJoin joins each left row with the newest right row of its key whose time is
// not later than the left row's; of equal times the one that came last. Left rows
// wait until the watermark of both inputs has passed them, and go out in the order
// of their times; one that is late meets the versions that are still known. Of each
// key the versions stay that a row after the watermark can meet. Deletes are
// refused.
type AsOfJoin struct {
	spec      AsOfJoinSpec
	watermark int64
	over      bool // the right input has ended
	sides     [2]asOfSide
	due       dueHeap   // waiting left rows
	table     *table    // of the right rows' keys; nil: there are none
	versions  [][]int32 // by key: right rows, the oldest first
	many      []int32   // keys that have more than one, each at least once
	ids       []int32
	live      []int32
	sel       selector
	kept      *keptAsOf // nil: nothing is

	lefts, rights []int32 // pairs that go out
	alone         []int32
	pairs         *vec.Batch
	nulls         []vec.Vec // one NULL row of each right column
	sent          []bool
	out           vec.Batch
}

// asOfSide are rows that were only ever appended, of which some are done with.
type asOfSide struct {
	programs []*expr.Program // the keys and the time
	cols     []vec.Vec
	rows     *vec.Batch
	times    []int64
	dead     int
	held     int64
}

// NewAsOfJoin returns an AsOfJoin.
func NewAsOfJoin(s AsOfJoinSpec) *AsOfJoin {
	j := &AsOfJoin{spec: s, watermark: math.MinInt64}
	for i := range j.sides {
		j.sides[i] = asOfSide{
			programs: append(slices.Clone(s.Keys[i]), s.Times[i]), cols: make([]vec.Vec, len(s.KeyTypes)+1), rows: vec.NewBatch(s.Types[i]),
		}
	}
	if len(s.KeyTypes) > 0 {
		j.table = newTable(s.KeyTypes, s.Account, "JOIN")
	}
	j.pairs = vec.NewBatch(slices.Concat(s.Types[0], s.Types[1]))
	for _, t := range s.Types[1] {
		v := vec.New(t)
		vec.AppendNull(v)
		j.nulls = append(j.nulls, v)
	}
	return j
}

// Process keeps right rows, and has left ones wait.
func (j *AsOfJoin) Process(ctx context.Context, input int, b *vec.Batch, out Output) error {
	if hasDelete(b) {
		return refuseDelete("FOR SYSTEM_TIME AS OF")
	}
	s := &j.sides[input]
	sel, err := runAll(s.programs, b, s.cols, j.spec.Fault, &j.live)
	if err != nil {
		return err
	}
	sel = j.sel.all(sel, b.Rows)
	if input == JoinRight {
		return j.keep(b, sel)
	}
	return j.wait(ctx, b, sel, out)
}

// keep adds versions. A row without a key or a time is one of nothing.
func (j *AsOfJoin) keep(b *vec.Batch, sel []int32) error {
	s := &j.sides[JoinRight]
	keys, at := s.cols[:len(s.cols)-1], timeColumn(s.cols[len(s.cols)-1])
	own := make([]int32, 0, len(sel))
	for _, r := range sel {
		if _, ok := at.get(r); ok && !anyNull(keys, int(r)) {
			own = append(own, r)
		}
	}
	j.ids = sized(j.ids, b.Rows)
	if j.table == nil {
		clear(j.ids)
	} else if err := j.table.assign(keys, b.Rows, own, j.ids); err != nil {
		return err
	}
	for _, r := range own {
		t, _ := at.get(r)
		k := j.ids[r]
		for int(k) >= len(j.versions) {
			j.versions = append(j.versions, nil)
		}
		row := int32(len(s.times))
		s.times = append(s.times, t)
		list := append(j.versions[k], row)
		for i := len(list) - 1; i > 0 && s.times[list[i-1]] > t; i-- {
			list[i], list[i-1] = list[i-1], list[i]
		}
		if j.versions[k] = list; len(list) == 2 {
			j.many = append(j.many, k)
		}
	}
	for i, c := range b.Cols {
		vec.CopyRows(s.rows.Cols[i], c, own)
	}
	s.rows.Rows += len(own)
	return s.charge(j.spec.Account)
}

// wait takes left rows: those that are late, or have no version to wait for, go out
// at once.
func (j *AsOfJoin) wait(ctx context.Context, b *vec.Batch, sel []int32, out Output) error {
	s := &j.sides[JoinLeft]
	keys, at := s.cols[:len(s.cols)-1], timeColumn(s.cols[len(s.cols)-1])
	own := make([]int32, 0, len(sel))
	var now []int32
	for _, r := range sel {
		switch t, ok := at.get(r); {
		case !ok || anyNull(keys, int(r)) || j.over || t < j.watermark:
			now = append(now, r)
		default:
			own = append(own, r)
		}
	}
	if len(now) > 0 {
		j.ids = sized(j.ids, b.Rows)
		j.find(keys, b.Rows, now, j.ids)
		for _, r := range now {
			t, ok := at.get(r)
			version := int32(-1)
			if ok && !anyNull(keys, int(r)) {
				version = j.version(j.ids[r], t)
			}
			if err := j.pair(ctx, b.Cols, b.Rows, r, version, out); err != nil {
				return err
			}
		}
		if err := j.flush(ctx, b.Cols, b.Rows, out); err != nil {
			return err
		}
	}
	for _, r := range own {
		t, _ := at.get(r)
		j.due.push(due{at: t, row: int32(len(s.times))})
		s.times = append(s.times, t)
	}
	for i, c := range b.Cols {
		vec.CopyRows(s.rows.Cols[i], c, own)
	}
	s.rows.Rows += len(own)
	return s.charge(j.spec.Account)
}

func (s *asOfSide) charge(account *memory.Account) error {
	now := batchBytes(s.rows) + int64(len(s.times))*(8+24)
	err := account.Resize(s.held, now)
	if err == nil {
		s.held = now
	}
	return err
}

// find writes the keys of rows, -1 for those that no version has.
func (j *AsOfJoin) find(keys []vec.Vec, n int, sel, ids []int32) {
	if j.table != nil {
		j.table.lookup(keys, n, sel, ids)
		return
	}
	for _, r := range sel {
		ids[r] = 0
	}
}

// version is the newest row of a key whose time is not after t; -1: there is none.
func (j *AsOfJoin) version(key int32, t int64) int32 {
	if key < 0 || int(key) >= len(j.versions) {
		return -1
	}
	list, times := j.versions[key], j.sides[JoinRight].times
	i, _ := slices.BinarySearchFunc(list, t, func(row int32, t int64) int {
		if times[row] <= t {
			return -1
		}
		return 1
	})
	if i == 0 {
		return -1
	}
	return list[i-1]
}

// pair takes a left row of cols and its version.
func (j *AsOfJoin) pair(ctx context.Context, cols []vec.Vec, n int, left, right int32, out Output) error {
	if right < 0 {
		j.alone = append(j.alone, left)
	} else {
		j.lefts, j.rights = append(j.lefts, left), append(j.rights, right)
	}
	if len(j.lefts) < vec.MaxRows && len(j.alone) < vec.MaxRows {
		return nil
	}
	return j.flush(ctx, cols, n, out)
}

// flush passes the pairs on, and what has no version.
func (j *AsOfJoin) flush(ctx context.Context, cols []vec.Vec, _ int, out Output) error {
	width := len(j.spec.Types[JoinLeft])
	if n := len(j.lefts); n > 0 {
		j.fill(cols, j.lefts, j.rights)
		if j.spec.Cond != nil {
			sel, errs := j.spec.Cond.Filter(j.pairs, nil)
			if errs.Any() {
				if err := faults(j.pairs, errs, j.spec.Fault); err != nil {
					return err
				}
			}
			j.pairs.Sel = sel
			j.sent = sized(j.sent, n)
			clear(j.sent)
			for _, i := range j.sel.of(j.pairs) {
				j.sent[i] = true
			}
			for i, sent := range j.sent {
				if !sent {
					j.alone = append(j.alone, j.lefts[i])
				}
			}
		}
		j.lefts, j.rights = j.lefts[:0], j.rights[:0]
		if j.pairs.Len() > 0 {
			if err := out.Emit(ctx, j.pairs); err != nil {
				return err
			}
		}
	}
	alone := j.alone
	j.alone = j.alone[:0]
	if j.spec.Kind != plan.JoinLeft {
		return nil
	}
	for part := range slices.Chunk(alone, vec.MaxRows) {
		j.fill(cols, part, nil)
		j.out = vec.Batch{Cols: append(j.out.Cols[:0], j.pairs.Cols[:width]...), Rows: len(part)}
		for _, null := range j.nulls {
			j.out.Cols = append(j.out.Cols, vec.ConstOf(null, len(part)))
		}
		if err := out.Emit(ctx, &j.out); err != nil {
			return err
		}
	}
	return nil
}

// fill copies left rows of cols, and right ones.
func (j *AsOfJoin) fill(cols []vec.Vec, lefts, rights []int32) {
	width := len(cols)
	j.pairs.Reset()
	for i, c := range cols {
		vec.CopyRows(j.pairs.Cols[i], c, lefts)
	}
	if rights != nil {
		for i, c := range j.sides[JoinRight].rows.Cols {
			vec.CopyRows(j.pairs.Cols[width+i], c, rights)
		}
	}
	j.pairs.Rows = len(lefts)
}

// Watermark passes on the rows whose versions are known.
func (j *AsOfJoin) Watermark(ctx context.Context, t int64, out Output) error {
	j.watermark = max(j.watermark, t) // a restart may tell it again what was
	return j.release(ctx, out)
}

func (j *AsOfJoin) release(ctx context.Context, out Output) error {
	s := &j.sides[JoinLeft]
	if len(j.due) == 0 {
		return nil
	}
	part := vec.NewBatch(j.spec.Types[JoinLeft])
	var rows []int32
	for {
		rows = rows[:0]
		for len(rows) < vec.MaxRows && len(j.due) > 0 && (j.over || j.due[0].at < j.watermark) {
			rows = append(rows, j.due.pop().row)
		}
		if len(rows) == 0 {
			break
		}
		part.Reset()
		for i, c := range s.rows.Cols {
			vec.CopyRows(part.Cols[i], c, rows)
		}
		part.Rows = len(rows)
		sel, err := runAll(s.programs, part, s.cols, j.spec.Fault, &j.live)
		if err != nil {
			return err
		}
		sel = j.sel.all(sel, part.Rows)
		j.ids = sized(j.ids, part.Rows)
		j.find(s.cols[:len(s.cols)-1], part.Rows, sel, j.ids)
		for _, r := range sel {
			if err := j.pair(ctx, part.Cols, part.Rows, r, j.version(j.ids[r], s.times[rows[r]]), out); err != nil {
				return err
			}
		}
		if err := j.flush(ctx, part.Cols, part.Rows, out); err != nil {
			return err
		}
		s.dead += len(rows)
	}
	return j.compactLeft()
}

// compactLeft drops the rows that have gone out where they are most.
func (j *AsOfJoin) compactLeft() error {
	s := &j.sides[JoinLeft]
	if s.dead == 0 || len(j.due) > 0 && (s.dead < fewRows || 2*s.dead < len(s.times)) {
		return nil
	}
	rows := make([]int32, 0, len(j.due))
	for _, d := range j.due {
		rows = append(rows, d.row)
	}
	slices.Sort(rows)
	now := s.pick(rows)
	for i := range j.due {
		j.due[i].row = now[j.due[i].row]
	}
	j.kept.restart(JoinLeft)
	return s.charge(j.spec.Account)
}

// pick leaves the rows named, in that order, and returns where each went.
func (s *asOfSide) pick(rows []int32) map[int32]int32 {
	to := make(map[int32]int32, len(rows))
	fresh, times := &vec.Batch{Rows: len(rows)}, make([]int64, len(rows))
	for i, r := range rows {
		to[r], times[i] = int32(i), s.times[r]
	}
	for _, c := range s.rows.Cols {
		v := vec.Like(c)
		vec.CopyRows(v, c, rows)
		fresh.Cols = append(fresh.Cols, v)
	}
	s.rows, s.times, s.dead = fresh, times, 0
	return to
}

// Barrier forgets the versions that no row can meet any more but a late one.
func (j *AsOfJoin) Barrier(context.Context, stream.Epoch, Output) error { return j.prune() }

func (j *AsOfJoin) prune() error {
	s := &j.sides[JoinRight]
	kept := j.many[:0]
	for _, k := range j.many {
		list := j.versions[k]
		drop := 0
		for drop+1 < len(list) && s.times[list[drop+1]] <= j.watermark {
			drop++
		}
		s.dead += drop
		if list = list[drop:]; len(list) > 1 {
			kept = append(kept, k)
		}
		j.versions[k] = list
	}
	j.many = kept
	if s.dead < fewRows || 2*s.dead < len(s.times) {
		return nil
	}
	rows := make([]int32, 0, len(s.times)-s.dead)
	for _, list := range j.versions {
		rows = append(rows, list...)
	}
	slices.Sort(rows)
	now := s.pick(rows)
	for k, list := range j.versions {
		fresh := make([]int32, len(list))
		for i, r := range list {
			fresh[i] = now[r]
		}
		j.versions[k] = fresh
	}
	j.kept.restart(JoinRight)
	return s.charge(j.spec.Account)
}

// Finish says that an input brings no more rows: without versions to come no row
// waits.
func (j *AsOfJoin) Finish(ctx context.Context, input int, out Output) error {
	if input == JoinRight {
		j.over = true
		return j.release(ctx, out)
	}
	return nil
}

// Close gives the rows back.
func (j *AsOfJoin) Close() error {
	if j.table != nil {
		j.table.close()
	}
	for i := range j.sides {
		j.spec.Account.Release(j.sides[i].held)
		j.sides[i].held = 0
	}
	j.due, j.versions = nil, nil
	return nil
}
