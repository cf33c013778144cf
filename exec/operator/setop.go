package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// SetKind is what a SetOp computes.
type SetKind uint8

// Kinds of SetOp. UNION is a Distinct over an Append.
const (
	Intersect SetKind = iota
	Except
)

// SetOp is INTERSECT or EXCEPT: it counts the rows of each side and passes on
// the result when both have ended. It refuses Deletes.
//
// When its memory is full it counts only the rows that it knows; the others go
// to disk, each side's for itself, and are counted at the end, part by part.
type SetOp struct {
	stateless
	kind    SetKind
	all     bool
	types   []types.Type
	account *memory.Account
	table   *table
	counts  [2][]int64
	held    int64 // bytes of counts
	ended   int
	rest    [2]*partitions // nil: none
	level   int
	backlog [2]backlog
	ids     []int32
	sel     selector
	other   []int32
	out     emitter
}

// NewSetOp returns a SetOp over rows of the types given; all keeps duplicates as
// SQL's ALL does.
func NewSetOp(kind SetKind, all bool, ts []types.Type, account *memory.Account) *SetOp {
	s := &SetOp{kind: kind, all: all, types: ts, account: account, out: newEmitter(ts)}
	s.table = newTable(ts, account, s.name())
	return s
}

func (s *SetOp) name() string {
	if s.kind == Except {
		return "EXCEPT"
	}
	return "INTERSECT"
}

// Process counts rows.
func (s *SetOp) Process(_ context.Context, input int, b *vec.Batch, _ Output) error {
	if hasDelete(b) {
		return refuseDelete(s.name())
	}
	sel := s.sel.of(b)
	s.ids = sized(s.ids, b.Rows)
	if s.rest[0] != nil {
		if err := s.table.comparable(b.Cols, sel); err != nil {
			return err
		}
		s.table.lookup(b.Cols, b.Rows, sel, s.ids)
		s.other = s.other[:0]
		for _, r := range sel {
			if s.ids[r] < 0 {
				s.other = append(s.other, r)
			} else {
				s.counts[input][s.ids[r]]++
			}
		}
		if err := s.rest[input].add(b, b.Cols, s.other); err != nil {
			return err
		}
		return s.account.Check()
	}
	if err := s.table.assign(b.Cols, b.Rows, sel, s.ids); err != nil {
		return err
	}
	for i := range s.counts {
		for len(s.counts[i]) < s.table.Len() {
			s.counts[i] = append(s.counts[i], 0)
		}
	}
	held := 8 * int64(cap(s.counts[0])+cap(s.counts[1]))
	if err := s.account.Resize(s.held, held); err != nil {
		return err
	}
	s.held = held
	for _, r := range sel {
		s.counts[input][s.ids[r]]++
	}
	if !full(s.account) {
		return nil
	}
	for i := range s.rest {
		var err error
		if s.rest[i], err = newPartitions(s.types, s.level, s.account); err != nil {
			return err
		}
	}
	return nil
}

// Finish passes on the result after the second input.
func (s *SetOp) Finish(ctx context.Context, _ int, out Output) error {
	if s.ended++; s.ended < 2 {
		return nil
	}
	for {
		if err := s.emit(ctx, out); err != nil {
			return err
		}
		if s.rest[0] != nil {
			for i := range s.rest {
				if err := s.backlog[i].push(s.rest[i]); err != nil {
					return err
				}
				s.rest[i] = nil
			}
		}
		more, err := s.next(ctx, out)
		if err != nil || !more {
			return err
		}
	}
}

func (s *SetOp) emit(ctx context.Context, out Output) error {
	for g := range s.table.Len() {
		if g%rowsPerLook == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for range s.times(s.counts[0][g], s.counts[1][g]) {
			if err := s.out.add(ctx, s.table.keys, int32(g), vec.Insert, out); err != nil {
				return err
			}
		}
	}
	return s.out.flush(ctx, out)
}

// next counts the rows of the next part of both sides.
func (s *SetOp) next(ctx context.Context, out Output) (more bool, err error) {
	var sides [2]part
	for i := range sides {
		if sides[i], more = s.backlog[i].pop(); !more {
			return false, nil
		}
	}
	s.reset()
	s.table = newTable(s.types, s.account, s.name())
	s.level = sides[0].of.level + 1
	for i, side := range sides {
		// What is not in the left input is not in the result, and neither is what
		// is not in the right one of an INTERSECT.
		if sides[0].rows() > 0 && (s.kind == Except || sides[1].rows() > 0) {
			err = side.each(ctx, func(b *vec.Batch) error { return s.Process(ctx, i, b, out) })
			if err != nil {
				return false, err
			}
		}
	}
	for _, side := range sides {
		if err := side.of.done(); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *SetOp) reset() {
	s.table.close()
	s.account.Release(s.held)
	s.counts, s.held = [2][]int64{}, 0
}

// times is how often a row is in the result that is left and right often in the
// inputs.
func (s *SetOp) times(left, right int64) int64 {
	switch {
	case s.kind == Intersect && s.all:
		return min(left, right)
	case s.kind == Intersect:
		return min(left, right, 1)
	case s.all:
		return max(left-right, 0)
	case right > 0:
		return 0
	}
	return min(left, 1)
}

// Close gives back what is held.
func (s *SetOp) Close() error {
	s.reset()
	for i := range s.rest {
		s.rest[i].close()
		s.rest[i] = nil
		s.backlog[i].close()
	}
	return nil
}
