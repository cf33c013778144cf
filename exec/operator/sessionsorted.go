package operator

import (
	"context"
	"errors"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// SessionSpec says what makes rows one session.
type SessionSpec struct {
	Partition      []*expr.Program
	PartitionTypes []types.Type
	Time           *expr.Program // timestamp or timestamptz
	TimeType       types.Type
	Gap            int64 // microseconds
	Grace          int64 // of a live one
	Rows           []types.Type
	Late           Lateness // of rows whose session was closed
	Ends           bool     // the rows end: none is late, and sessions go out at the end
	Account        *memory.Account
	Fault          Fault
}

// SessionSorted puts rows that come sorted by partition and time into sessions: a
// row goes on with its session's bounds as two columns more when the session has
// ended. It holds the rows of one session, in memory or on disk, and refuses
// Deletes.
type SessionSorted struct {
	stateless
	spec  SessionSpec
	keys  []*expr.Program
	cols  []vec.Vec
	part  []vec.Vec // the partition of the session at hand, one row
	open  bool
	start int64
	last  int64
	rows  *Spool
	live  []int32
	sel   selector
	run   []int32
	out   vec.Batch
}

// NewSessionSorted returns a SessionSorted.
func NewSessionSorted(spec SessionSpec) *SessionSorted {
	s := &SessionSorted{spec: spec, part: vec.NewBatch(spec.PartitionTypes).Cols}
	s.keys = append(append(s.keys, spec.Partition...), spec.Time)
	s.cols = make([]vec.Vec, len(s.keys))
	s.rows = NewSpool(spec.Rows, spec.Account, "SESSION")
	return s
}

// Process adds rows to the session at hand, or begins the next.
func (s *SessionSorted) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	if hasDelete(b) {
		return refuseDelete("a SESSION window")
	}
	sel, err := runAll(s.keys, b, s.cols, s.spec.Fault, &s.live)
	if err != nil {
		return err
	}
	at := timeColumn(s.cols[len(s.cols)-1])
	s.run = s.run[:0]
	for _, r := range s.sel.all(sel, b.Rows) {
		t, ok := at.get(r)
		if !ok {
			continue
		}
		if s.open && (t-s.last > s.spec.Gap || !s.same(r)) {
			if err := s.flush(ctx, b, out); err != nil {
				return err
			}
		}
		if !s.open {
			s.begin(r, t)
		}
		s.last = t
		s.run = append(s.run, r)
	}
	return s.keep(b)
}

// same reports whether a row is of the session's partition.
func (s *SessionSorted) same(r int32) bool {
	for i, p := range s.part {
		if !vec.Equal(p, 0, s.cols[i], int(r), s.spec.PartitionTypes[i]) {
			return false
		}
	}
	return true
}

func (s *SessionSorted) begin(r int32, t int64) {
	s.open, s.start = true, t
	for i, p := range s.part {
		p.Reset()
		vec.AppendRow(p, s.cols[i], int(r))
	}
}

// keep stores the rows of the batch that belong to the session at hand.
func (s *SessionSorted) keep(b *vec.Batch) error {
	if len(s.run) == 0 {
		return nil
	}
	err := s.rows.Add(&vec.Batch{Cols: b.Cols, Sel: s.run, Rows: b.Rows})
	s.run = s.run[:0]
	return err
}

// flush passes the session at hand on.
func (s *SessionSorted) flush(ctx context.Context, b *vec.Batch, out Output) error {
	if b != nil {
		if err := s.keep(b); err != nil {
			return err
		}
	}
	s.open = false
	bounds := boundsOf(s.spec.TimeType, s.start, s.last+s.spec.Gap)
	leaf := s.rows.Leaf()
	for {
		rows, err := leaf.Next(ctx)
		if errors.Is(err, io.EOF) {
			s.rows.Reset()
			return nil
		}
		if err != nil {
			return err
		}
		s.out = withBounds(s.out.Cols, rows, bounds)
		if err := out.Emit(ctx, &s.out); err != nil {
			return err
		}
	}
}

// withBounds are rows with a window's bounds after their columns; cols is reused.
func withBounds(cols []vec.Vec, b *vec.Batch, bounds [2]vec.Vec) vec.Batch {
	cols = append(append(cols[:0], b.Cols...), vec.ConstOf(bounds[0], b.Rows), vec.ConstOf(bounds[1], b.Rows))
	return vec.Batch{Cols: cols, Ops: b.Ops, Sel: b.Sel, Rows: b.Rows}
}

// boundsOf are a window's bounds as columns of one row.
func boundsOf(t types.Type, start, end int64) [2]vec.Vec {
	var out [2]vec.Vec
	for i, v := range []int64{start, end} {
		out[i] = vec.New(t)
		vec.Append(out[i], types.NewInt(t.OID, v))
	}
	return out
}

// Finish passes the last session on.
func (s *SessionSorted) Finish(ctx context.Context, _ int, out Output) error {
	if !s.open {
		return nil
	}
	return s.flush(ctx, nil, out)
}

// Close gives the rows back.
func (s *SessionSorted) Close() error {
	s.rows.Reset()
	return nil
}
