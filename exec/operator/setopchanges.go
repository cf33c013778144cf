package operator

import (
	"context"
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// SetOpChanges is INTERSECT or EXCEPT over inputs that change or have no end: it
// counts the rows of each side and passes, at the barrier, what has come to be or
// ceased in the epoch. Deletes may come before their Inserts.
type SetOpChanges struct {
	kind    SetKind
	all     bool
	table   *table
	counts  [2][]int64
	before  []int64 // how often a row is in the result, as it went out
	listed  rowMarks
	touched []int32
	held    int64
	account *memory.Account
	kept    *keptTable // nil: nothing is stored
	ids     []int32
	sel     selector
	out     emitter
}

// NewSetOpChanges returns a SetOpChanges over rows of the types given; all keeps
// duplicates as SQL's ALL does.
func NewSetOpChanges(kind SetKind, all bool, ts []types.Type, account *memory.Account) *SetOpChanges {
	s := &SetOpChanges{kind: kind, all: all, account: account, out: newEmitter(ts)}
	s.table = newTable(ts, account, (&SetOp{kind: kind}).name())
	return s
}

// Process counts rows.
func (s *SetOpChanges) Process(_ context.Context, input int, b *vec.Batch, _ Output) error {
	sel := s.sel.of(b)
	s.ids = sized(s.ids, b.Rows)
	if err := s.table.assign(b.Cols, b.Rows, sel, s.ids); err != nil {
		return err
	}
	s.grow()
	if s.kept != nil {
		s.kept.touch(s.ids, sel)
	}
	for _, r := range sel {
		g := s.ids[r]
		if b.Op(int(r)) == vec.Delete {
			s.counts[input][g]--
		} else {
			s.counts[input][g]++
		}
		if !s.listed.get(g) {
			s.listed.set(g)
			s.touched = append(s.touched, g)
		}
	}
	return s.charge()
}

func (s *SetOpChanges) grow() {
	for len(s.before) < s.table.Len() {
		s.counts[0], s.counts[1] = append(s.counts[0], 0), append(s.counts[1], 0)
		s.before = append(s.before, 0)
	}
}

func (s *SetOpChanges) charge() error {
	size := int64(len(s.before)) * 24
	if size <= s.held {
		return nil
	}
	err := s.account.Resize(s.held, size)
	if err == nil {
		s.held = size
	}
	return err
}

// times is how often a row is in the result.
func (s *SetOpChanges) times(g int32) int64 {
	left, right := max(s.counts[0][g], 0), max(s.counts[1][g], 0)
	switch {
	case s.all && s.kind == Except:
		return max(left-right, 0)
	case s.all:
		return min(left, right)
	case left > 0 && (right > 0) == (s.kind == Intersect):
		return 1
	}
	return 0
}

// Watermark does nothing: rows go out at the barrier.
func (*SetOpChanges) Watermark(context.Context, int64, Output) error { return nil }

// Barrier passes on what changed, first what is taken back.
func (s *SetOpChanges) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	for _, g := range s.touched {
		for n := s.before[g] - s.times(g); n > 0; n-- {
			if err := s.out.add(ctx, s.table.keys, g, vec.Delete, out); err != nil {
				return err
			}
		}
	}
	for _, g := range s.touched {
		is := s.times(g)
		for n := is - s.before[g]; n > 0; n-- {
			if err := s.out.add(ctx, s.table.keys, g, vec.Insert, out); err != nil {
				return err
			}
		}
		s.before[g] = is
		s.listed.unset(g)
	}
	s.touched = s.touched[:0]
	return s.out.flush(ctx, out)
}

// Finish says that an input has ended.
func (s *SetOpChanges) Finish(ctx context.Context, _ int, out Output) error {
	return s.Barrier(ctx, 0, out)
}

// Close gives the table back.
func (s *SetOpChanges) Close() error {
	s.table.close()
	s.account.Release(s.held)
	s.held = 0
	return nil
}

// Keep has the operator remember which rows were counted.
func (s *SetOpChanges) Keep() error {
	s.kept = newKeptTable([]byte{tagGroups}, s.table.types)
	return nil
}

// Save writes the counts that changed.
func (s *SetOpChanges) Save(w StateWriter) error {
	return s.kept.save(w, s.table.keys, s.table.Len(), func(g int32, dst []byte) []byte {
		return binary.AppendVarint(binary.AppendVarint(dst, s.counts[0][g]), s.counts[1][g])
	})
}

// Restore brings the counts back, as they were at a barrier.
func (s *SetOpChanges) Restore(r StateReader) error {
	one, ids := []int32{0}, []int32{0}
	add := func(row []vec.Vec, _ int32) error {
		n := s.table.Len()
		if err := s.table.assign(row, 1, one, ids); err != nil {
			return err
		}
		if int(ids[0]) != n {
			return errKept
		}
		s.grow()
		return nil
	}
	err := s.kept.restore(r, s.table, s.table.Len(), add, func(g int32, src []byte) error {
		left, n := binary.Varint(src)
		right, m := binary.Varint(src[max(n, 0):])
		if n <= 0 || m <= 0 {
			return errKept
		}
		s.counts[0][g], s.counts[1][g] = left, right
		s.before[g] = s.times(g)
		return nil
	})
	if err != nil {
		return err
	}
	return s.charge()
}

// Held says that changes wait for the barrier.
func (s *SetOpChanges) Held() int64 { return heldRows(len(s.touched) > 0) }
