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
	pruned    int64 // the watermark by which versions were forgotten last
	over      bool  // the right input has ended
	sides     [2]asOfSide
	due       dueHeap   // waiting left rows that are in memory
	away      asOfAway  // and the others
	table     *table    // of the right rows' keys; nil: there are none
	versions  [][]int32 // by key: right rows, the oldest first
	many      []int32   // keys that have more than one, each at least once
	ids       []int32
	live      []int32
	sel       selector
	kept      *keptAsOf // nil: nothing is
	evicted   *evicted  // versions that are not in memory; nil: all are
	back      versionsBack

	ready         []due   // waiting rows that go out
	met           []int32 // by row of a batch: its version, see meet
	wanted        []int32
	lent          *vec.Batch // versions that are not in memory, of the batch at hand
	lefts, rights []int32    // pairs that go out
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
	beside   int64 // of that: what is not in rows
}

// NewAsOfJoin returns an AsOfJoin.
func NewAsOfJoin(s AsOfJoinSpec) *AsOfJoin {
	j := &AsOfJoin{spec: s, watermark: math.MinInt64, pruned: math.MinInt64, lent: vec.NewBatch(s.Types[JoinRight])}
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
		err = j.keep(b, sel)
	} else {
		err = j.wait(ctx, b, sel, out)
	}
	if err != nil {
		return err
	}
	return j.checkMemory()
}

// keep adds versions. A row without a key or a time is one of nothing.
func (j *AsOfJoin) keep(b *vec.Batch, sel []int32) error {
	s := &j.sides[JoinRight]
	own := s.dated(sel)
	j.ids = sized(j.ids, b.Rows)
	if j.table == nil {
		clear(j.ids)
		return j.putVersions(b, own)
	}
	known := j.table.Len()
	if err := j.table.assign(s.keys(), b.Rows, own, j.ids); err != nil {
		return err
	}
	if err := j.fetch(known); err != nil {
		return err
	}
	return j.putVersions(b, own)
}

// putVersions copies rows of a batch, whose keys ids has and whose times the side.
func (j *AsOfJoin) putVersions(b *vec.Batch, own []int32) error {
	s := &j.sides[JoinRight]
	at := timeColumn(s.time())
	for _, r := range own {
		t, _ := at.get(r)
		j.putVersion(j.ids[r], t)
	}
	for i, c := range b.Cols {
		vec.CopyRows(s.rows.Cols[i], c, own)
	}
	s.rows.Rows += len(own)
	return s.charge(j.spec.Account)
}

// putVersion gives a key the next row of the side, by its time.
func (j *AsOfJoin) putVersion(k int32, t int64) {
	s := &j.sides[JoinRight]
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

// wait takes left rows: those that are late, or have no version to wait for, go out
// at once.
func (j *AsOfJoin) wait(ctx context.Context, b *vec.Batch, sel []int32, out Output) error {
	s := &j.sides[JoinLeft]
	keys, at := s.keys(), timeColumn(s.time())
	own := make([]int32, 0, len(sel))
	var now, keyed []int32
	for _, r := range sel {
		t, ok := at.get(r)
		switch ok = ok && !anyNull(keys, int(r)); {
		case ok && !j.over && t >= j.watermark:
			own = append(own, r)
			continue
		case ok:
			keyed = append(keyed, r)
		}
		now = append(now, r)
	}
	if len(now) > 0 {
		j.met = sized(j.met, b.Rows)
		for _, r := range now {
			j.met[r] = -1
		}
		err := j.meet(keys, b.Rows, keyed, func(r int32) int64 {
			t, _ := at.get(r)
			return t
		})
		if err != nil {
			return err
		}
		for _, r := range now {
			if err := j.pair(ctx, b.Cols, r, j.met[r], out); err != nil {
				return err
			}
		}
		if err := j.flush(ctx, b.Cols, out); err != nil {
			return err
		}
	}
	for _, r := range own {
		t, _ := at.get(r)
		j.due.push(due{at: t, bucket: inMemory, row: int32(len(s.times))})
		s.times = append(s.times, t)
	}
	for i, c := range b.Cols {
		vec.CopyRows(s.rows.Cols[i], c, own)
	}
	s.rows.Rows += len(own)
	return s.charge(j.spec.Account)
}

// keys are those of the batch that the programs were run of last, time its times.
func (s *asOfSide) keys() []vec.Vec { return s.cols[:len(s.cols)-1] }

func (s *asOfSide) time() vec.Vec { return s.cols[len(s.cols)-1] }

// dated are the rows of sel that have a key and a time.
func (s *asOfSide) dated(sel []int32) []int32 {
	keys, at := s.keys(), timeColumn(s.time())
	own := make([]int32, 0, len(sel))
	for _, r := range sel {
		if _, ok := at.get(r); ok && !anyNull(keys, int(r)) {
			own = append(own, r)
		}
	}
	return own
}

// bytes are what the side holds.
func (s *asOfSide) bytes() int64 { return batchBytes(s.rows) + int64(len(s.times))*(8+24) + s.beside }

func (s *asOfSide) charge(account *memory.Account) error {
	now := s.bytes()
	err := account.Resize(s.held, now)
	if err == nil {
		s.held = now
	}
	return err
}

// meet writes into met, where it has -1, what rows of keys meet at their times: a row of the
// right side, or firstLent less one of lent.
func (j *AsOfJoin) meet(keys []vec.Vec, n int, sel []int32, at func(r int32) int64) error {
	j.ids = sized(j.ids, n)
	j.lent.Reset()
	switch {
	case j.table == nil:
		for _, r := range sel {
			j.ids[r] = 0
		}
	case !j.evicted.some():
		j.table.lookup(keys, n, sel, j.ids)
	case j.evicted.missing(j.table, keys, n, sel, j.ids):
		if err := j.borrow(at); err != nil {
			return err
		}
	}
	for _, r := range sel {
		if j.ids[r] >= 0 {
			j.met[r] = j.version(j.ids[r], at(r))
		}
	}
	return nil
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
func (j *AsOfJoin) pair(ctx context.Context, cols []vec.Vec, left, right int32, out Output) error {
	if right == -1 {
		j.alone = append(j.alone, left)
	} else {
		j.lefts, j.rights = append(j.lefts, left), append(j.rights, right)
	}
	if len(j.lefts) < vec.MaxRows && len(j.alone) < vec.MaxRows {
		return nil
	}
	return j.flush(ctx, cols, out)
}

// flush passes the pairs on, and what has no version.
func (j *AsOfJoin) flush(ctx context.Context, cols []vec.Vec, out Output) error {
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
		j.fillRight(j.pairs.Cols[width:], rights)
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
	if len(j.due)+len(j.away.blocks) == 0 {
		return nil
	}
	defer j.away.letGo()
	part := vec.NewBatch(j.spec.Types[JoinLeft])
	for {
		rows, err := j.ripe(j.ready[:0])
		if err != nil {
			return err
		}
		j.ready = rows
		if len(rows) == 0 {
			break
		}
		j.takeWaiting(part, rows)
		sel, err := runAll(s.programs, part, s.cols, j.spec.Fault, &j.live)
		if err != nil {
			return err
		}
		sel = j.sel.all(sel, part.Rows)
		j.met = sized(j.met, part.Rows)
		for _, r := range sel {
			j.met[r] = -1
		}
		if err := j.meet(s.keys(), part.Rows, sel, func(r int32) int64 { return rows[r].at }); err != nil {
			return err
		}
		for _, r := range sel {
			if err := j.pair(ctx, part.Cols, r, j.met[r], out); err != nil {
				return err
			}
		}
		if err := j.flush(ctx, part.Cols, out); err != nil {
			return err
		}
	}
	return j.compactLeft()
}

// ripe appends left rows that need not wait any more, in the order of their times, a
// batch at most.
func (j *AsOfJoin) ripe(rows []due) ([]due, error) {
	for len(rows) < vec.MaxRows {
		if next, some := j.away.soonest(); some && (j.over || next < j.watermark) && (len(j.due) == 0 || next <= j.due[0].at) {
			if err := j.bringBack(); err != nil {
				return rows, err
			}
			continue
		}
		if len(j.due) == 0 || !j.over && j.due[0].at >= j.watermark {
			break
		}
		rows = append(rows, j.due.pop())
	}
	return rows, nil
}

// compactLeft drops the rows that have gone out where they are most.
func (j *AsOfJoin) compactLeft() error {
	s := &j.sides[JoinLeft]
	if s.dead == 0 || len(s.times) > s.dead && (s.dead < fewRows || 2*s.dead < len(s.times)) {
		return nil
	}
	rows := make([]int32, 0, len(j.due))
	for _, d := range j.due {
		if d.bucket == inMemory {
			rows = append(rows, d.row)
		}
	}
	slices.Sort(rows)
	j.renumber()
	now := s.pick(rows)
	for i, d := range j.due {
		if d.bucket == inMemory {
			j.due[i].row = now[d.row]
		}
	}
	return s.charge(j.spec.Account)
}

// pick leaves the rows named, in that order, and returns where each went.
func (s *asOfSide) pick(rows []int32) []int32 {
	to := make([]int32, len(s.times))
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
	j.pruned = j.watermark
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
	j.evicted.close()
	j.away = asOfAway{}
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
