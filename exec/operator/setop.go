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
type SetOp struct {
	stateless
	kind   SetKind
	all    bool
	table  *table
	counts [2][]int64
	ended  int
	ids    []int32
	sel    selector
	out    emitter
}

// NewSetOp returns a SetOp over rows of the types given; all keeps duplicates as
// SQL's ALL does.
func NewSetOp(kind SetKind, all bool, ts []types.Type, account *memory.Account) *SetOp {
	what := "INTERSECT"
	if kind == Except {
		what = "EXCEPT"
	}
	return &SetOp{kind: kind, all: all, table: newTable(ts, account, what), out: newEmitter(ts)}
}

// Process counts rows.
func (s *SetOp) Process(_ context.Context, input int, b *vec.Batch, _ Output) error {
	if hasDelete(b) {
		return refuseDelete(s.table.what)
	}
	sel := s.sel.of(b)
	s.ids = sized(s.ids, b.Rows)
	if err := s.table.assign(b.Cols, b.Rows, sel, s.ids); err != nil {
		return err
	}
	for i := range s.counts {
		for len(s.counts[i]) < s.table.Len() {
			s.counts[i] = append(s.counts[i], 0)
		}
	}
	for _, r := range sel {
		s.counts[input][s.ids[r]]++
	}
	return nil
}

// Finish passes on the result after the second input.
func (s *SetOp) Finish(ctx context.Context, _ int, out Output) error {
	if s.ended++; s.ended < 2 {
		return nil
	}
	for g := range s.table.Len() {
		for range s.times(s.counts[0][g], s.counts[1][g]) {
			if err := s.out.add(ctx, s.table.keys, int32(g), vec.Insert, out); err != nil {
				return err
			}
		}
	}
	return s.out.flush(ctx, out)
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

// Close gives the table back.
func (s *SetOp) Close() error {
	s.table.close()
	return nil
}
