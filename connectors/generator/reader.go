package generator

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// split is the only one that a generator has.
const split stream.Split = "0"

type source struct {
	env    *stream.Env
	rel    *catalog.Relation
	config config
}

func (s *source) Splits(context.Context) ([]stream.Split, error) { return []stream.Split{split}, nil }

func (s *source) Close() error { return nil }

// Ends is the last row's number, where there is one: a generator without end holds
// nothing, as its rows come to be when they are due.
func (s *source) Ends(_ context.Context, scan stream.Scan) ([]stream.Position, error) {
	end := s.config.rows
	if b := scan.Until.Offset; b != nil && (end == 0 || *b < end) {
		end = *b
	}
	if b := scan.From.Offset; end == 0 || b != nil && *b >= end {
		return nil, nil
	}
	return []stream.Position{{Split: split, Offset: binary.BigEndian.AppendUint64(nil, uint64(end))}}, nil
}

// Reached compares rows' numbers.
func (s *source) Reached(_ stream.Split, at, end stream.Offset) bool {
	return len(at) == 8 && bytes.Compare(at, end) >= 0
}

// Open compiles the expressions of the columns that are read, and no others.
func (s *source) Open(_ context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	r := &reader{
		config: s.config, rel: s.rel, metrics: s.env.Metrics, wake: make(chan struct{}, 1),
		rowTime: -1, rowNumber: -1, end: math.MaxInt64, limit: math.MaxInt64,
	}
	if s.config.rows > 0 {
		r.end = s.config.rows
	}
	if b := scan.Until.Offset; b != nil {
		r.end = min(r.end, *b)
	}
	if b := scan.From.Offset; b != nil {
		r.first = max(*b, 0)
	}
	visible := len(s.rel.Columns)
	var columns []catalog.Column
	all := s.rel.AllColumns()
	for out, c := range scan.Columns {
		switch {
		case c < visible:
			columns = append(columns, all[c])
			r.computed = append(r.computed, out)
		case all[c].Name == "_offset":
			r.rowNumber = out
		default:
			r.rowTime = out
		}
	}
	if len(columns) > 0 {
		var err error
		if r.program, err = s.env.Compile(s.rel, columns); err != nil {
			return nil, fmt.Errorf("compiling the columns of %q: %w", s.rel.Name, err)
		}
	}
	r.in = &vec.Batch{Cols: []vec.Vec{&vec.Fixed[int64]{}}}
	return r, r.Add(context.Background(), from)
}

type reader struct {
	config  config
	rel     *catalog.Relation
	metrics *stream.Metrics
	program stream.RowProgram
	in, out *vec.Batch

	computed           []int // columns of the caller's batch that the program fills
	rowNumber, rowTime int   // columns of the pseudo-columns, -1 where not read
	open               bool  // the split was given
	paused             bool
	limit              int64 // the first row that is left alone
	first, next, end   int64
	wake               chan struct{}
	started            time.Time
	paced              int64 // rows due before started
}

// Add takes up the split; a reader that has it goes on.
func (r *reader) Add(_ context.Context, from []stream.Position) error {
	for _, p := range from {
		if p.Split != split {
			return sqlerr.Errorf(sqlerr.InternalError, "generator %q has no split %q", r.rel.Name, p.Split)
		}
		r.open, r.next = true, r.first
		if p.Offset != nil {
			if len(p.Offset) != 8 {
				return sqlerr.Errorf(sqlerr.DataCorrupted, "generator %q: a position of %d bytes is not one of its own", r.rel.Name, len(p.Offset))
			}
			r.next = int64(binary.BigEndian.Uint64(p.Offset))
		}
		r.started, r.paced = time.Now(), r.next
	}
	return nil
}

// Wake makes Read return.
func (r *reader) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Pause is stream.Pauser's. What comes due meanwhile is computed afterwards.
func (r *reader) Pause(splits []stream.Split) { r.paused = slices.Contains(splits, split) }

// Limit is stream.Limited's.
func (r *reader) Limit(at []stream.Position) {
	r.limit = math.MaxInt64
	for _, p := range at {
		if p.Split == split && len(p.Offset) == 8 {
			r.limit = int64(binary.BigEndian.Uint64(p.Offset))
		}
	}
}

// Read computes the next rows: as many as are due, and at most a batch.
func (r *reader) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	b.Reset()
	if !r.open || r.next >= r.end {
		return stream.Read{}, io.EOF
	}
	if r.paused || r.next >= r.limit {
		select {
		case <-r.wake:
			return r.at(false), nil
		case <-ctx.Done():
			return stream.Read{}, ctx.Err()
		}
	}
	n := min(r.end-r.next, r.limit-r.next, vec.MaxRows)
	caughtUp := false
	if r.config.rate > 0 {
		due, err := r.wait(ctx)
		if err != nil || due == 0 {
			return r.at(true), err
		}
		caughtUp = due <= n
		n = min(n, due)
	} else {
		select {
		case <-r.wake:
			return r.at(false), nil
		case <-ctx.Done():
			return r.at(false), ctx.Err()
		default:
		}
	}
	if err := r.fill(b, int(n)); err != nil {
		return stream.Read{}, stream.RecordError(r.rel, fmt.Sprintf("rows %d to %d", r.next, r.next+n-1), err)
	}
	r.next += n
	r.metrics.RecordsRead.Add(n)
	return r.at(caughtUp), nil
}

func (r *reader) at(caughtUp bool) stream.Read {
	return stream.Read{Split: split, Next: binary.BigEndian.AppendUint64(nil, uint64(r.next)), CaughtUp: caughtUp}
}

// wait returns how many rows are due; it waits for the first, and returns 0 when
// woken before it.
func (r *reader) wait(ctx context.Context) (int64, error) {
	due := func() int64 {
		s := time.Since(r.started).Seconds()
		return int64(s*float64(r.config.rate)) - (r.next - r.paced)
	}
	n := due()
	if n > 0 {
		return n, nil
	}
	at := r.started.Add(time.Duration(float64(r.next-r.paced+1) / float64(r.config.rate) * float64(time.Second)))
	t := time.NewTimer(time.Until(at) + time.Microsecond)
	defer t.Stop()
	select {
	case <-t.C:
		return max(due(), 1), nil
	case <-r.wake:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (r *reader) fill(b *vec.Batch, n int) error {
	if r.program != nil {
		r.in.Reset()
		numbers := r.in.Cols[0].(*vec.Fixed[int64])
		for i := range int64(n) {
			numbers.Values = append(numbers.Values, r.next+i)
		}
		r.in.Rows = n
		if r.out == nil {
			r.out = &vec.Batch{Cols: make([]vec.Vec, len(r.computed))}
		}
		for k, c := range r.computed {
			r.out.Cols[k] = b.Cols[c]
		}
		if err := r.program.Run(r.in, r.out); err != nil {
			return err
		}
	}
	if r.rowNumber >= 0 {
		v := b.Cols[r.rowNumber].(*vec.Fixed[int64])
		for i := range int64(n) {
			v.Values = append(v.Values, r.next+i)
		}
	}
	if r.rowTime >= 0 {
		v := b.Cols[r.rowTime].(*vec.Fixed[int64])
		now := time.Now().UnixMicro() + types.UnixEpoch
		for range n {
			v.Values = append(v.Values, now)
		}
	}
	b.Rows = n
	return nil
}

// Ack does nothing: rows are computed again from their number.
func (r *reader) Ack(context.Context, []stream.Position) error { return nil }

func (r *reader) Close() error { return nil }
