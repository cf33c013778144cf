package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Inputs of a Join.
const (
	JoinLeft  = 0
	JoinRight = 1
)

// JoinSpec is what a Join joins.
type JoinSpec struct {
	Kind                  plan.JoinKind
	LeftTypes, RightTypes []types.Type
	LeftKeys, RightKeys   []*expr.Program // pairwise equal; none: a nested loop
	KeyTypes              []types.Type
	Cond                  *expr.Program // over left's columns and then right's; nil: none
	Account               *memory.Account
	// Passing: left rows go on at once, as they do not end. Of a kind that gives no right
	// row alone.
	Passing bool
	Fault   Fault
}

// Join keeps its right input, which must have ended before the first row of the
// left comes, and joins each left row with it as it passes. A left row's op is
// the op of its results where the kind is inner, left, semi or anti; kinds that give
// right rows, matched or not, refuse Deletes, and so does the right input.
//
// A right input that memory has no room for goes to disk, split by its keys, and
// so does then the left one; they are joined part by part when the left has ended. Where
// left rows are Passing the right ones lie there so that those of a key are found.
type Join struct {
	stateless
	spec  JoinSpec
	built bool // the right input has ended
	some  bool // of NOT IN: what the keys must not be in has a row
	null  bool // and one without a key: no row stays

	right   *Spool
	held    int64    // bytes of refs, heads and next
	refs    []ref    // of each right row, in order
	table   *table   // groups of equal right keys
	chains  chains   // the right rows of each group
	matched []uint64 // bits by right row, for right and full

	parts   [2]*partitions // by input: rows that go to disk; nil: none do
	level   int
	backlog [2]backlog
	stored  *storedRight // right rows that are on disk while left ones pass; nil: none are
	marks   *leftMarks   // while the right rows of a part come in pieces; else nil

	cols []vec.Vec
	ids  []int32
	sel  selector
	live []int32

	longest   int64   // bytes of the longest values of a right row
	atOnce    int     // pairs that are joined at once
	leftRows  []int32 // candidate pairs that are not yet joined
	rightRows []int32
	pairRefs  []ref
	hit       []bool // by physical left row: it matched
	pairs     *vec.Batch
	ops       []vec.Op
	nulls     []vec.Vec // one NULL row of each column, left and then right
	one       []int32
}

// NewJoin returns a Join.
func NewJoin(s JoinSpec) *Join {
	j := &Join{spec: s}
	j.right = newPickSpool(s.RightTypes, 0, s.Account, "JOIN")
	j.table = newTable(s.KeyTypes, s.Account, "JOIN")
	j.cols = make([]vec.Vec, len(s.KeyTypes))
	j.pairs = vec.NewBatch(append(append([]types.Type(nil), s.LeftTypes...), s.RightTypes...))
	for _, t := range append(append([]types.Type(nil), s.LeftTypes...), s.RightTypes...) {
		v := vec.New(t)
		vec.AppendNull(v)
		j.nulls = append(j.nulls, v)
	}
	return j
}

// Process keeps right rows, and joins left ones.
func (j *Join) Process(ctx context.Context, input int, b *vec.Batch, out Output) error {
	if input == JoinRight {
		if j.parts[JoinRight] != nil {
			return j.setAside(JoinRight, j.spec.RightKeys, b)
		}
		if j.stored != nil {
			return j.storeRows(ctx, b)
		}
		if err := j.build(b); err != nil || j.null {
			return err
		}
		switch {
		case j.spec.Passing && pressed(j.spec.Account):
			return j.store(ctx)
		case !j.spec.Passing && j.spec.Account.Pressed():
			return j.split(ctx)
		}
		return nil
	}
	if !j.built {
		return sqlerr.Errorf(sqlerr.InternalError, "join: rows of the left input came before the right one ended")
	}
	if j.parts[JoinLeft] != nil {
		return j.setAside(JoinLeft, j.spec.LeftKeys, b)
	}
	if j.stored != nil {
		return j.probeStored(ctx, b, out)
	}
	return j.probe(ctx, b, out)
}

// rowBytes are what a right row takes beside itself: its ref, and its place in
// the chain of its key.
const rowBytes = 8 + 12

// keysOf computes the keys of a batch of right rows, and selects them. known: NOT IN needs
// none of them any more.
func (j *Join) keysOf(b *vec.Batch) (sel []int32, known bool, err error) {
	if hasDelete(b) {
		return nil, false, refuseDelete("the right side of a join")
	}
	// A row whose key fails is left out of the join, as it would be of a filter.
	if sel, err = runAll(j.spec.RightKeys, b, j.cols, j.spec.Fault, &j.live); err != nil {
		return nil, false, err
	}
	sel = j.sel.all(sel, b.Rows)
	if j.spec.Kind == plan.JoinNotIn && j.note(sel) {
		j.forget()
		return nil, true, nil
	}
	return sel, false, nil
}

func (j *Join) build(b *vec.Batch) error {
	sel, known, err := j.keysOf(b)
	if err != nil || known {
		return err
	}
	j.longest = max(j.longest, longest(b))
	if j.keysSuffice() {
		if sel, err = j.fresh(b.Rows, sel); err != nil {
			return err
		}
	}
	first := j.right.Rows()
	if err := j.right.Add(&vec.Batch{Cols: b.Cols, Sel: sel, Rows: b.Rows}); err != nil {
		return err
	}
	if err := j.spec.Account.Reserve(rowBytes * int64(len(sel))); err != nil {
		return err
	}
	j.held += rowBytes * int64(len(sel))
	if len(j.spec.RightKeys) == 0 || j.keysSuffice() {
		return nil
	}
	j.ids = sized(j.ids, b.Rows)
	if err := j.table.assign(j.cols, b.Rows, sel, j.ids); err != nil {
		return err
	}
	j.chains.add(j.ids, sel, j.cols, int32(first), j.table.Len())
	return nil
}

// keysSuffice reports whether nothing is asked of right rows but whether there is one
// of a key: then one of each is kept, in the group of its number, and none without a key.
func (j *Join) keysSuffice() bool {
	return j.spec.Kind == plan.JoinNotIn || len(j.spec.RightKeys) > 0 && j.oneIsEnough()
}

// fresh gives the keys of sel their groups and returns the rows that bring a new one.
func (j *Join) fresh(rows int, sel []int32) ([]int32, error) {
	j.one = j.one[:0]
	nullable := someNull(j.cols)
	for _, r := range sel {
		if !nullable || !anyNull(j.cols, int(r)) {
			j.one = append(j.one, r)
		}
	}
	next := int32(j.table.Len())
	j.ids = sized(j.ids, rows)
	if err := j.table.assign(j.cols, rows, j.one, j.ids); err != nil {
		return nil, err
	}
	kept := j.one[:0]
	for _, r := range j.one {
		if j.ids[r] == next {
			kept = append(kept, r)
			next++
		}
	}
	return kept, nil
}

// note looks at the keys of rows that NOT IN's must not be in, and reports whether
// one is NULL.
func (j *Join) note(sel []int32) bool {
	j.some = j.some || len(sel) > 0
	if j.null || !someNull(j.cols) {
		return j.null
	}
	for _, r := range sel {
		if j.null = anyNull(j.cols, int(r)); j.null {
			break
		}
	}
	return j.null
}

// forget gives the right rows of NOT IN back, one of which has no key: no left row
// stays, whatever the others are. Those that follow are read all the same: what fails in
// one of them is an error, as it is in PostgreSQL, which reads all of them first.
func (j *Join) forget() {
	j.clear()
	j.parts[JoinRight].close()
	j.parts[JoinRight] = nil
	j.stored.close()
	j.stored = nil
}

// marksRight reports whether a join must know which right rows have matched.
func marksRight(kind plan.JoinKind) bool {
	return kind == plan.JoinRight || kind == plan.JoinFull || kind.KeepsRight()
}

func anyNull(cols []vec.Vec, row int) bool {
	for _, c := range cols {
		if c.Nulls().Get(row) {
			return true
		}
	}
	return false
}

// probe joins the rows of a left batch.
func (j *Join) probe(ctx context.Context, b *vec.Batch, out Output) error {
	if marksRight(j.spec.Kind) && hasDelete(b) {
		return refuseDelete("a RIGHT or FULL JOIN")
	}
	sel, failed, err := runBefore(j.spec.LeftKeys, b, j.cols, j.spec.Fault, &j.live)
	if err != nil {
		return err
	}
	sel = j.sel.all(sel, b.Rows)
	if j.spec.Kind == plan.JoinRightNotIn && j.note(sel) {
		return failed // no right row stays; what fails in the left rows that follow is an error
	}
	if j.marks != nil {
		sel = j.marks.open(sel, j.spec.Kind)
	}
	if err := j.match(ctx, b, sel, out); err != nil {
		return err
	}
	return failed
}

// match joins the rows of sel of a left batch, whose keys are in cols.
func (j *Join) match(ctx context.Context, b *vec.Batch, sel []int32, out Output) error {
	j.atOnce = int(min(max(pickBytes/(1+j.longest+longest(b)), 1), vec.MaxRows))
	j.hit = sized(j.hit, b.Rows)
	clear(j.hit)
	var err error
	if len(j.spec.LeftKeys) == 0 {
		err = j.loop(ctx, b, sel, out)
	} else {
		err = j.chase(ctx, b, sel, out)
	}
	if err == nil {
		err = j.flush(ctx, b, out)
	}
	if err != nil {
		return err
	}
	return j.leftover(ctx, b, sel, out)
}

// longest is how many bytes a row of b holds at most in byte strings and arrays; in
// columns that are small as a whole they do not count.
func longest(b *vec.Batch) int64 {
	n := int64(0)
	for _, c := range b.Cols {
		switch v := c.(type) {
		case *vec.Bytes:
			if len(v.Data) >= pickBytes/vec.MaxRows {
				n += furthest(v.Offsets)
			}
		case *vec.Const:
			if size := columnBytes(v.Of); size >= pickBytes/vec.MaxRows {
				n += size
			}
		case *vec.List:
			if size := columnBytes(v.Elem); size >= pickBytes/vec.MaxRows {
				n += furthest(v.Offsets) * max(size/int64(v.Elem.Len()), 1)
			}
		}
	}
	return n
}

// furthest is how far apart offsets of rows that follow each other lie at most.
func furthest(offsets []int32) int64 {
	most := int32(0)
	for i := range len(offsets) - 1 {
		most = max(most, offsets[i+1]-offsets[i])
	}
	return int64(most)
}

// loop pairs every left row with every right one.
func (j *Join) loop(ctx context.Context, b *vec.Batch, sel []int32, out Output) error {
	n := int32(j.right.Rows())
	for _, l := range sel {
		if n > 0 && j.oneIsEnough() {
			j.hit[l] = true
			continue
		}
		for r := range n {
			if j.settled(r) {
				continue
			}
			if err := j.pair(ctx, b, l, r, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// chase pairs left rows with the right rows of their key.
func (j *Join) chase(ctx context.Context, b *vec.Batch, sel []int32, out Output) error {
	if j.spec.Kind == plan.JoinNotIn && j.null {
		for _, l := range sel {
			j.hit[l] = true
		}
		return nil
	}
	j.ids = sized(j.ids, b.Rows)
	if err := j.table.comparable(j.cols, sel); err != nil {
		return err
	}
	j.table.lookup(j.cols, b.Rows, sel, j.ids)
	nullable := someNull(j.cols)
	if j.spec.Kind == plan.JoinNotIn {
		// What is not known to differ from every right key does not stay either.
		for _, l := range sel {
			j.hit[l] = j.some && (nullable && anyNull(j.cols, int(l)) || j.ids[l] >= 0)
		}
		return nil
	}
	for _, l := range sel {
		g := j.ids[l]
		if g < 0 || nullable && anyNull(j.cols, int(l)) {
			continue
		}
		if j.oneIsEnough() {
			j.hit[l] = true
			continue
		}
		if j.spec.Cond == nil && (j.spec.Kind == plan.JoinRightAnti || j.spec.Kind == plan.JoinRightNotIn) {
			j.settle(g)
			continue
		}
		for r := j.chains.head(g); r >= 0; r = j.chains.after(r) {
			if j.settled(r) {
				if j.spec.Cond == nil {
					break // the rows of a key are settled together
				}
				continue
			}
			if err := j.pair(ctx, b, l, r, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// oneIsEnough reports whether a left row needs no more than one candidate.
func (j *Join) oneIsEnough() bool {
	return j.spec.Cond == nil && (j.spec.Kind == plan.JoinSemi || j.spec.Kind == plan.JoinAnti)
}

// settled reports whether a right row needs no further match.
func (j *Join) settled(r int32) bool {
	return j.spec.Kind.KeepsRight() && j.matched[r>>6]>>(r&63)&1 != 0
}

// settle marks the right rows of a key, which have a match.
func (j *Join) settle(g int32) {
	for r := j.chains.head(g); r >= 0 && !j.settled(r); r = j.chains.after(r) {
		j.matched[r>>6] |= 1 << (r & 63)
	}
}

// pair takes a candidate; full, the candidates are joined.
func (j *Join) pair(ctx context.Context, b *vec.Batch, l, r int32, out Output) error {
	j.leftRows, j.rightRows = append(j.leftRows, l), append(j.rightRows, r)
	if len(j.leftRows) < j.atOnce {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return j.flush(ctx, b, out)
}

// flush joins the candidates: those that the condition keeps go out.
func (j *Join) flush(ctx context.Context, b *vec.Batch, out Output) error {
	n := len(j.leftRows)
	if n == 0 {
		return nil
	}
	j.pairs.Reset()
	width := len(j.spec.LeftTypes)
	for i, c := range b.Cols {
		vec.CopyRows(j.pairs.Cols[i], c, j.leftRows)
	}
	j.pairRefs = j.pairRefs[:0]
	for _, r := range j.rightRows {
		j.pairRefs = append(j.pairRefs, j.refs[r])
	}
	j.right.pick(j.pairs.Cols[width:], j.pairRefs)
	j.pairs.Rows = n
	if b.Ops != nil {
		j.ops = j.ops[:0]
		for _, l := range j.leftRows {
			j.ops = append(j.ops, b.Ops[l])
		}
		j.pairs.Ops = j.ops
	}
	var failed error
	if j.spec.Cond != nil {
		var err error
		if j.pairs.Sel, failed, err = passing(j.spec.Cond, j.pairs, j.spec.Fault); err != nil {
			return err
		}
	}
	if j.spec.Kind.KeepsRight() {
		return j.passMatched(ctx, out)
	}
	j.mark()
	j.leftRows, j.rightRows = j.leftRows[:0], j.rightRows[:0]
	if j.spec.Kind == plan.JoinSemi || j.spec.Kind == plan.JoinAnti || j.pairs.Len() == 0 {
		return failed
	}
	if err := out.Emit(ctx, j.pairs); err != nil {
		return err
	}
	return failed
}

// passMatched notes which right rows matched, and passes them on where the kind
// wants them.
func (j *Join) passMatched(ctx context.Context, out Output) error {
	j.one = j.one[:0]
	for _, i := range j.sel.of(j.pairs) {
		if r := j.rightRows[i]; !j.settled(r) {
			j.matched[r>>6] |= 1 << (r & 63)
			j.one = append(j.one, i)
		}
	}
	j.leftRows, j.rightRows = j.leftRows[:0], j.rightRows[:0]
	if j.spec.Kind != plan.JoinRightSemi || len(j.one) == 0 {
		return nil
	}
	return out.Emit(ctx, &vec.Batch{Cols: j.pairs.Cols[len(j.spec.LeftTypes):], Sel: j.one, Rows: j.pairs.Rows})
}

// mark notes which rows of either side matched.
func (j *Join) mark() {
	sel := j.sel.of(j.pairs)
	for _, i := range sel {
		j.hit[j.leftRows[i]] = true
	}
	if j.matched != nil {
		for _, i := range sel {
			r := j.rightRows[i]
			j.matched[r>>6] |= 1 << (r & 63)
		}
	}
}

// leftover passes on what a left row gives beside its pairs.
func (j *Join) leftover(ctx context.Context, b *vec.Batch, sel []int32, out Output) error {
	var want bool
	switch j.spec.Kind {
	case plan.JoinSemi:
		want = true
	case plan.JoinAnti, plan.JoinNotIn, plan.JoinLeft, plan.JoinFull:
	default:
		return nil
	}
	j.one = j.one[:0]
	for _, l := range sel {
		if j.hit[l] == want {
			j.one = append(j.one, l)
		}
	}
	if j.marks != nil {
		j.one = j.marks.close(sel, j.hit, j.one, want)
	}
	if len(j.one) == 0 {
		return nil
	}
	rest := vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: j.one, Rows: b.Rows}
	if j.spec.Kind == plan.JoinLeft || j.spec.Kind == plan.JoinFull {
		width := len(j.spec.LeftTypes)
		rest.Cols = append(make([]vec.Vec, 0, len(j.nulls)), b.Cols...)
		for _, null := range j.nulls[width:] {
			rest.Cols = append(rest.Cols, vec.ConstOf(null, b.Rows))
		}
	}
	return out.Emit(ctx, &rest)
}

// Finish ends the right input, or passes on the right rows that never matched.
func (j *Join) Finish(ctx context.Context, input int, out Output) error {
	if input == JoinRight {
		j.built = true
		if j.stored.filling() {
			return j.stored.finish(ctx)
		}
		if j.parts[JoinRight] != nil {
			var err error
			j.parts[JoinLeft], err = newPartitions(j.spec.KeyTypes, j.level, j.spec.Account)
			return err
		}
		j.refs = j.right.refs(nil)
		if marksRight(j.spec.Kind) {
			j.matched = make([]uint64, (j.right.Rows()+63)/64)
		}
		return nil
	}
	if j.spec.Kind == plan.JoinRightNotIn && j.null {
		return nil
	}
	if j.parts[JoinLeft] != nil {
		return j.finishParts(ctx, out)
	}
	return j.emitUnmatched(ctx, out)
}

// emitUnmatched passes on the right rows that never matched, where the kind
// wants them.
func (j *Join) emitUnmatched(ctx context.Context, out Output) error {
	if j.matched == nil || j.spec.Kind == plan.JoinRightSemi {
		return nil
	}
	var refs []ref
	for r, at := range j.refs {
		if j.matched[r>>6]>>(r&63)&1 == 0 {
			refs = append(refs, at)
		}
		if len(refs) == vec.MaxRows || r == len(j.refs)-1 {
			if err := j.unmatched(ctx, refs, out); err != nil {
				return err
			}
			refs = refs[:0]
		}
	}
	return nil
}

func (j *Join) unmatched(ctx context.Context, refs []ref, out Output) error {
	if len(refs) == 0 {
		return nil
	}
	j.pairs.Reset()
	width := len(j.spec.LeftTypes)
	rest := vec.Batch{Rows: len(refs)}
	if !j.spec.Kind.KeepsRight() {
		for _, null := range j.nulls[:width] {
			rest.Cols = append(rest.Cols, vec.ConstOf(null, len(refs)))
		}
	}
	j.right.pick(j.pairs.Cols[width:], refs)
	rest.Cols = append(rest.Cols, j.pairs.Cols[width:]...)
	if j.spec.Kind == plan.JoinRightNotIn && j.some {
		if err := j.dropNulls(&rest); err != nil || rest.Len() == 0 {
			return err
		}
	}
	return out.Emit(ctx, &rest)
}

// dropNulls takes the right rows without a key out of a batch: they are not known to
// differ from what there is on the left.
func (j *Join) dropNulls(b *vec.Batch) error {
	sel, err := runAll(j.spec.RightKeys, b, j.cols, j.spec.Fault, &j.live)
	if err != nil {
		return err
	}
	j.one = sized(j.one, b.Rows)[:0] // not nil, which would be all rows
	for _, r := range j.sel.all(sel, b.Rows) {
		if !anyNull(j.cols, int(r)) {
			j.one = append(j.one, r)
		}
	}
	b.Sel = j.one
	return nil
}

// Close gives the right rows back.
func (j *Join) Close() error {
	j.clear()
	for i := range j.parts {
		j.parts[i].close()
		j.parts[i] = nil
		j.backlog[i].close()
	}
	j.stored.close()
	j.stored = nil
	j.marks.free(j.spec.Account)
	j.marks = nil
	return nil
}

// clear gives the right rows that are in memory back.
func (j *Join) clear() {
	j.spec.Account.Release(j.held)
	j.held = 0
	j.right.Reset()
	j.table.close()
	j.refs, j.chains, j.matched = nil, chains{}, nil
}
