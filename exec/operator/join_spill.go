package operator

import (
	"context"
	"errors"
	"io"

	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// mostLevels is how often rows are split before it is taken for granted that
// their keys do not differ.
const mostLevels = 6

// setAside writes rows of an input to the part of their keys.
func (j *Join) setAside(input int, keys []*expr.Program, b *vec.Batch) error {
	if input == JoinRight && hasDelete(b) {
		return refuseDelete("the right side of a join")
	}
	if input == JoinLeft && marksRight(j.spec.Kind) && hasDelete(b) {
		return refuseDelete("a RIGHT or FULL JOIN")
	}
	sel, err := runAll(keys, b, j.cols, j.spec.Fault, &j.live)
	if err != nil {
		return err
	}
	sel = j.sel.all(sel, b.Rows)
	switch {
	case input == JoinRight && j.spec.Kind == plan.JoinNotIn && j.note(sel):
		j.forget()
		return nil
	case input == JoinLeft && j.spec.Kind == plan.JoinRightNotIn && j.note(sel):
		return nil
	}
	if err := j.parts[input].add(b, j.cols, sel); err != nil {
		return err
	}
	return j.spec.Account.Check()
}

// split moves the right rows that are in memory to disk, where those that follow
// go too.
func (j *Join) split(ctx context.Context) error {
	parts, err := newPartitions(j.spec.KeyTypes, j.level, j.spec.Account)
	if err != nil {
		return err
	}
	j.parts[JoinRight] = parts
	if err := j.eachRight(ctx, func(b *vec.Batch) error { return j.setAside(JoinRight, j.spec.RightKeys, b) }); err != nil {
		return err
	}
	j.clear()
	return j.spec.Account.Check()
}

// finishParts joins what went to disk.
func (j *Join) finishParts(ctx context.Context, out Output) error {
	for {
		for i := range j.parts {
			if j.parts[i] == nil {
				continue
			}
			if err := j.backlog[i].push(j.parts[i]); err != nil {
				return err
			}
			j.parts[i] = nil
		}
		left, more := j.backlog[JoinLeft].pop()
		if !more {
			return nil
		}
		right, _ := j.backlog[JoinRight].pop()
		if err := j.joinPart(ctx, left, right, out); err != nil {
			return err
		}
		if err := errors.Join(left.of.done(), right.of.done()); err != nil {
			return err
		}
	}
}

// joinPart joins the rows of a part of both inputs, or splits them anew.
func (j *Join) joinPart(ctx context.Context, left, right part, out Output) error {
	switch kind := j.spec.Kind; {
	case left.rows() == 0 && kind != plan.JoinRight && kind != plan.JoinFull && kind != plan.JoinRightAnti && kind != plan.JoinRightNotIn,
		right.rows() == 0 && (kind == plan.JoinInner || kind == plan.JoinSemi || kind == plan.JoinRight || kind.KeepsRight()):
		return nil
	}
	j.restart()
	j.level = right.of.level + 1
	if len(j.spec.RightKeys) == 0 || j.level > mostLevels || 2*right.rows() > right.of.rows() && right.of.level > 0 {
		return j.joinPieces(ctx, left, right, out)
	}
	if err := right.each(ctx, func(b *vec.Batch) error { return j.Process(ctx, JoinRight, b, out) }); err != nil {
		return err
	}
	if err := j.Finish(ctx, JoinRight, out); err != nil {
		return err
	}
	if err := left.each(ctx, func(b *vec.Batch) error { return j.Process(ctx, JoinLeft, b, out) }); err != nil {
		return err
	}
	if j.parts[JoinLeft] != nil {
		return nil // finishParts goes on with them
	}
	return j.emitUnmatched(ctx, out)
}

// restart forgets the right rows that are in memory.
func (j *Join) restart() {
	j.clear()
	j.table = newTable(j.spec.KeyTypes, j.spec.Account, "JOIN")
	j.built = false
}

// joinPieces joins a part whose right rows cannot be split, having no key or
// all the same: as many of them at a time as memory has room for, each time with
// all left rows.
func (j *Join) joinPieces(ctx context.Context, left, right part, out Output) error {
	j.marks = newLeftMarks(left.rows(), j.spec.Account)
	defer func() {
		j.marks.free(j.spec.Account)
		j.marks = nil
	}()
	in := right.of.parts[right.n].reader(right.of.file)
	for !j.marks.last {
		j.restart()
		for !j.spec.Account.Pressed() || j.right.Rows() == 0 {
			b, err := in.next()
			if errors.Is(err, io.EOF) {
				j.marks.last = true
				break
			}
			if err != nil {
				return err
			}
			if err := j.build(b); err != nil {
				return err
			}
		}
		if err := j.spec.Account.Check(); err != nil {
			return err
		}
		if err := j.Finish(ctx, JoinRight, out); err != nil {
			return err
		}
		j.marks.base = 0
		err := left.each(ctx, func(b *vec.Batch) error {
			err := j.probe(ctx, b, out)
			j.marks.base += b.Rows
			return err
		})
		if err != nil {
			return err
		}
		if err := j.emitUnmatched(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// leftMarks are which left rows of a part have matched a piece of the right ones
// so far. Left rows come again for each piece, in the same order and all live.
type leftMarks struct {
	bits []uint64
	base int  // rows before the batch that is joined
	last bool // no piece follows
	sel  []int32
}

func newLeftMarks(rows int64, account *memory.Account) *leftMarks {
	m := &leftMarks{bits: make([]uint64, (rows+63)/64)}
	account.Force(8 * int64(len(m.bits)))
	return m
}

func (m *leftMarks) free(account *memory.Account) {
	if m != nil {
		account.Release(8 * int64(len(m.bits)))
		m.bits = nil
	}
}

func (m *leftMarks) get(row int32) bool {
	i := m.base + int(row)
	return m.bits[i>>6]>>(i&63)&1 != 0
}

// open returns the rows of sel that are to be joined with this piece: a semi or
// anti join asks for no second match.
func (m *leftMarks) open(sel []int32, kind plan.JoinKind) []int32 {
	if !kind.KeepsLeft() {
		return sel
	}
	m.sel = m.sel[:0]
	for _, l := range sel {
		if !m.get(l) {
			m.sel = append(m.sel, l)
		}
	}
	return m.sel
}

// close marks the rows of sel that matched, and returns which rows of those that
// go out beside their pairs do so now: with want, those that matched in this
// piece, else, with the last piece, those that matched in none.
func (m *leftMarks) close(sel []int32, hit []bool, going []int32, want bool) []int32 {
	for _, l := range sel {
		if hit[l] {
			i := m.base + int(l)
			m.bits[i>>6] |= 1 << (i & 63)
		}
	}
	if want {
		return going
	}
	if !m.last {
		return nil
	}
	kept := going[:0]
	for _, l := range going {
		if !m.get(l) {
			kept = append(kept, l)
		}
	}
	return kept
}
