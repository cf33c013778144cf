package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// scan reads one stream. It is opened by the goroutine that reads it, which owns
// it until close.
type scan struct {
	engine *Engine
	plan   *plan.Scan
	spec   stream.Scan
	types  []types.Type
	faults func(stream.Reject) error // nil: a reject cannot come

	table   *tableSource // where a table is followed; nil: a stream is read
	changes bool         // rows come as changes of those of a key: a Latest is above
	source  stream.Source
	reader  stream.Reader
	filter  *shareFilter // that a share may ask for the scan; nil: none
	batch   *vec.Batch
	from    []stream.Position // where the reader began
	// shared is what the scans of a stream by several tasks have in common, and task
	// the number of this one's; nil: it has every split.
	shared *sharedScan
	task   int
	// counted is what this scan alone takes, for EXPLAIN ANALYZE; nil: nobody asks.
	counted *stream.Metrics

	mu    sync.Mutex            // guards what follows
	known map[stream.Split]bool // that the reader has, or is to get
	wakes stream.Reader         // the reader, for those who do not own it; nil: none
}

// newScan prepares a scan: the seeks are computed, nothing is opened.
func newScan(e *Engine, n *plan.Scan, env *function.Env, bounded bool) (*scan, error) {
	s := &scan{engine: e, plan: n, known: map[stream.Split]bool{}}
	s.spec = stream.Scan{Columns: n.Columns, Filters: n.Filters, Bounded: bounded}
	all := n.Relation.AllColumns()
	for _, c := range n.Columns {
		s.types = append(s.types, all[c].Type)
	}
	if err := s.seek(env); err != nil {
		return nil, err
	}
	policy, err := onError(n.Relation)
	if err != nil {
		return nil, err
	}
	s.spec.OnReject = policy
	if policy == stream.Skip {
		s.faults = func(stream.Reject) error { return nil }
	}
	return s, nil
}

// seek computes the bounds that the planner took out of WHERE. A bound that is
// NULL keeps no row, which the filter above sees to.
func (s *scan) seek(env *function.Env) error {
	bound := func(e plan.Expr, set func(int64)) error {
		if e == nil {
			return nil
		}
		v, err := expr.Eval(e, env)
		if err != nil {
			return err
		}
		if !v.Null {
			set(v.I)
		}
		return nil
	}
	n := s.plan
	return errors.Join(
		bound(n.FromTime, func(i int64) { s.spec.From.Timestamp = &i }),
		bound(n.UntilTime, func(i int64) { s.spec.Until.Timestamp = &i }),
		bound(n.FromOffset, func(i int64) { s.spec.From.Offset = &i }),
		bound(n.UntilOffset, func(i int64) { s.spec.Until.Offset = &i }),
		bound(n.Partition, func(i int64) {
			p := int32(i)
			s.spec.From.Partition, s.spec.Until.Partition = &p, &p
		}),
	)
}

// onError is what an ad-hoc statement does with a record that does not decode.
func onError(r *catalog.Relation) (stream.Policy, error) {
	v, ok := r.Options.Get("on_error")
	if !ok {
		return stream.Fail, nil
	}
	switch fold(v) {
	case "fail":
		return stream.Fail, nil
	case "skip":
		return stream.Skip, nil
	case "null":
		return stream.NullBad, nil
	}
	return 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"on_error\": %q", v).
		WithHint("on_error takes fail, skip or null.")
}

// open opens the relation and a reader: at the positions given, and, where from
// is nil, at every split's beginning.
func (s *scan) open(ctx context.Context, from []stream.Position) error {
	r := s.plan.Relation
	src, err := s.openSource(ctx)
	if err != nil {
		return noEnd(err)
	}
	s.source = src
	splits, err := src.Splits(ctx)
	if err != nil {
		return fmt.Errorf("listing the splits of %s: %w", r.Name, noEnd(err))
	}
	from = slices.DeleteFunc(slices.Clone(from), func(p stream.Position) bool { return !s.owns(p.Split) })
	for _, p := range from {
		s.known[p.Split] = true
	}
	for _, sp := range splits {
		if !s.known[sp] && s.owns(sp) {
			s.known[sp] = true
			from = append(from, stream.Position{Split: sp})
		}
	}
	s.batch = vec.NewBatch(s.types)
	s.from = from
	return s.openReader(ctx, from)
}

func (s *scan) openSource(ctx context.Context) (stream.Source, error) {
	if s.table != nil {
		return s.table, nil
	}
	return s.engine.openSource(ctx, s.plan.Relation, s.counted)
}

// kind is what serves the scan's relation, for the log.
func (s *scan) kind() string {
	if s.table != nil {
		return "table"
	}
	return s.plan.Relation.Connector
}

// openReader opens a reader at the positions.
func (s *scan) openReader(ctx context.Context, from []stream.Position) error {
	r, err := s.source.Open(ctx, from, s.spec)
	if err != nil {
		return fmt.Errorf("reading %s: %w", s.plan.Relation.Name, noEnd(err))
	}
	s.reader = r
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakes = r
	return nil
}

// closeReader closes the reader, where there is one.
func (s *scan) closeReader() error {
	s.mu.Lock()
	s.wakes = nil
	s.mu.Unlock()
	if s.reader == nil {
		return nil
	}
	r := s.reader
	s.reader = nil
	return r.Close()
}

// wake makes a Read that waits return. Any goroutine may call it.
func (s *scan) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wakes != nil {
		s.wakes.Wake()
	}
}

// resume are the positions to go on from: those given, and the beginning of
// every other split that is known.
func (s *scan) resume(at map[stream.Split]stream.Offset) []stream.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	var from []stream.Position
	for split, o := range at {
		s.known[split] = true
		from = append(from, stream.Position{Split: split, Offset: o})
	}
	for split := range s.known {
		if _, ok := at[split]; !ok {
			from = append(from, stream.Position{Split: split})
		}
	}
	return from
}

// read returns the next rows, lent until the following call; io.EOF at the end.
func (s *scan) read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	r, err := s.reader.Read(ctx, b)
	if err != nil {
		if err == io.EOF { //nolint:errorlint // one that has it for a cause has broken off
			return r, err
		}
		return r, noEnd(err)
	}
	for _, reject := range r.Rejects {
		if s.faults == nil {
			return r, reject.Err
		}
		if err := s.faults(reject); err != nil {
			return r, err
		}
	}
	return r, nil
}

// fresh lists splits that the reader does not have, and counts them as its own.
func (s *scan) fresh(now []stream.Split) []stream.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	var more []stream.Position
	for _, sp := range now {
		if !s.known[sp] && s.owns(sp) {
			s.known[sp] = true
			more = append(more, stream.Position{Split: sp})
		}
	}
	return more
}

func (s *scan) close() error {
	var errs []error
	errs = append(errs, s.closeReader())
	if s.source != nil {
		errs = append(errs, s.source.Close())
		s.source = nil
		s.engine.count(s.counted)
	}
	return errors.Join(errs...)
}

// owns reports whether a split is the scan's.
func (s *scan) owns(split stream.Split) bool {
	return s.shared == nil || s.shared.owner(split) == s.task
}

// splits is how many splits the stream is known to have.
func (s *scan) splits() int {
	if s.shared != nil {
		return s.shared.splits()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known)
}

// unread are those of the splits that which holds for, where reading of them
// began.
func (s *scan) unread(which func(stream.Split) bool) []stream.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := map[stream.Split]stream.Offset{}
	for _, p := range s.from {
		began[p.Split] = p.Offset
	}
	var all []stream.Position
	for split := range s.known {
		if which(split) {
			all = append(all, stream.Position{Split: split, Offset: began[split]})
		}
	}
	return all
}

// has reports whether a split is known.
func (s *scan) has(split stream.Split) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[split]
}
