package exec

import (
	"context"
	"fmt"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// figures are what a plan node did; one in a subquery ran several times.
type figures struct {
	rows    int64
	bytes   int64 // of the rows that it passed on
	first   time.Duration
	elapsed time.Duration
	loops   int
	spilled int64          // bytes written to disk
	source  *sourceFigures // of a stream scan
}

// sourceFigures are what a stream scan took from its source.
type sourceFigures struct {
	records, bytes, rejects int64
	splits, pruned, seeks   int
}

// analysis is what a query did.
type analysis struct {
	nodes map[plan.Node]figures
	took  time.Duration
	peak  int64
}

// analyze runs a query and measures each node. A node's time holds that of the
// nodes under it, as PostgreSQL's does.
func (e *Engine) analyze(ctx context.Context, x *plan.Explain, q *plan.Query, b *builder) (*analysis, error) {
	*b.scope.ctx = ctx
	a := &analysis{nodes: map[plan.Node]figures{}}
	b.timed, b.origin = true, map[plan.Node]plan.Node{}
	b.ran = func(t *tree) { t.measure(a.nodes, b.origin) }
	start := time.Now()
	var err error
	if m, ok := x.Target.Statement.(*plan.Modification); ok {
		_, err = b.runModification(ctx, m, noOutput{})
	} else {
		err = b.collect(ctx, q.Root, noOutput{})
	}
	if err != nil {
		return nil, err
	}
	a.took, a.peak = time.Since(start), b.account.Peak()
	return a, nil
}

// annotate makes the notes say what each node did.
func (a *analysis) annotate(x *plan.Explain, notes *plan.Notes) {
	notes.Line = func(n plan.Node) string {
		f, ok := a.nodes[n]
		if !ok {
			return " (never executed)"
		}
		loops := max(f.loops, 1)
		text := fmt.Sprintf("rows=%d loops=%d", f.rows/int64(loops), loops)
		if x.Timing {
			first, all := f.times()
			text = fmt.Sprintf("time=%s..%s %s", first, all, text)
		}
		if f.spilled > 0 {
			text += fmt.Sprintf(" spilled=%dkB", (f.spilled+1023)>>10)
		}
		return " (actual " + text + ")"
	}
	notes.Details = func(n plan.Node) []string {
		f := a.nodes[n]
		var lines []string
		if s := f.source; s != nil {
			lines = append(lines, fmt.Sprintf("Source: records=%d bytes=%d splits=%d pruned=%d seeks=%d rejects=%d", s.records, s.bytes, s.splits, s.pruned, s.seeks, s.rejects))
		}
		if x.Buffers && f.loops > 0 {
			lines = append(lines, fmt.Sprintf("Bytes: %d", f.bytes))
		}
		return lines
	}
	notes.Members = func(n plan.Node) plan.Document {
		f := a.nodes[n]
		loops := max(f.loops, 1)
		var d plan.Document
		if x.Timing {
			first, all := f.times()
			d = append(d, plan.Member{Key: "Actual Startup Time", Value: first}, plan.Member{Key: "Actual Total Time", Value: all})
		}
		d = append(d, plan.Member{Key: "Actual Rows", Value: f.rows / int64(loops)}, plan.Member{Key: "Actual Loops", Value: int64(f.loops)})
		if f.loops > 0 {
			d = append(d, plan.Member{Key: "Actual Bytes", Value: f.bytes}, plan.Member{Key: "Spilled Bytes", Value: f.spilled})
		}
		if s := f.source; s != nil {
			for _, m := range []struct {
				key   string
				value int64
			}{
				{"Records Read", s.records}, {"Bytes Read", s.bytes}, {"Records Rejected", s.rejects},
				{"Splits Read", int64(s.splits)}, {"Partitions Pruned", int64(s.pruned)}, {"Seeks", int64(s.seeks)},
			} {
				d = append(d, plan.Member{Key: m.key, Value: m.value})
			}
		}
		return d
	}
}

// memory are the lines about the whole query.
func (a *analysis) memory() []string {
	return []string{fmt.Sprintf("Peak Memory: %d kB", a.kilobytes())}
}

func (a *analysis) members() plan.Document {
	return plan.Document{{Key: "Peak Memory Usage", Value: a.kilobytes()}}
}

func (a *analysis) kilobytes() int64 { return (a.peak + 1023) >> 10 }

// times are those of one run: until the first row, and in all.
func (f figures) times() (first, all plan.Number) {
	loops := time.Duration(max(f.loops, 1))
	all = milliseconds(f.elapsed / loops)
	first = milliseconds(min(f.first, f.elapsed) / loops)
	return first, all
}

func milliseconds(d time.Duration) plan.Number {
	return plan.Number{Value: float64(d) / float64(time.Millisecond), Digits: 3}
}

// measure adds what each node of a tree that has run did; origin says for which
// node of the plan another stood. Operators push, so a clock around one holds
// the time of those above it: what is its own is the difference, and what is
// shown the sum of its own and its inputs'.
func (t *tree) measure(done map[plan.Node]figures, origin map[plan.Node]plan.Node) {
	add := func(n plan.Node, more figures) {
		if o, ok := origin[n]; ok {
			n = o
		}
		f := done[n]
		f.rows += more.rows
		f.bytes += more.bytes
		f.first += more.first
		f.elapsed += more.elapsed
		f.loops++
		if more.source != nil {
			f.source = more.source.plus(f.source)
		}
		done[n] = f
	}
	own := map[*node]time.Duration{}
	for _, n := range t.nodes {
		own[n] = n.elapsed - n.passed
	}
	total := map[*node]time.Duration{}
	for _, l := range t.leaves {
		f := figures{rows: l.rows, bytes: l.bytes, first: l.first, elapsed: l.elapsed}
		if l.scan != nil {
			f.source = l.scan.figures()
		}
		add(l.plan, f)
		if l.to.node != nil {
			total[l.to.node] += l.elapsed
		}
	}
	for _, n := range t.nodes {
		total[n] += own[n]
		add(n.plan, figures{rows: n.rows, bytes: n.bytes, first: n.first, elapsed: total[n]})
		if j, ok := n.op.(*operator.IndexJoin); ok {
			keys, rows := j.Looked()
			for in := n.plan.(*plan.Join).Right; ; in = in.Inputs()[0] {
				f := done[in]
				f.rows, f.loops = f.rows+rows, f.loops+int(keys)
				done[in] = f
				if len(in.Inputs()) == 0 {
					break
				}
			}
		}
		if n.to.node != nil {
			total[n.to.node] += total[n]
		}
	}
	for _, h := range t.holders {
		n := h.plan
		if o, ok := origin[n]; ok {
			n = o
		}
		f := done[n]
		f.spilled += h.account.Spilled()
		done[n] = f
	}
}

func (s *sourceFigures) plus(o *sourceFigures) *sourceFigures {
	if o == nil {
		return s
	}
	return &sourceFigures{
		records: s.records + o.records, bytes: s.bytes + o.bytes, rejects: s.rejects + o.rejects,
		splits: s.splits + o.splits, pruned: s.pruned + o.pruned, seeks: s.seeks + o.seeks,
	}
}

// figures are what a scan took; nil where nobody counted, or it was not opened.
func (s *scan) figures() *sourceFigures {
	if s.counted == nil || s.from == nil {
		return nil
	}
	f := &sourceFigures{
		records: s.counted.RecordsRead.Load(), bytes: s.counted.BytesRead.Load(), rejects: s.counted.Rejects.Load(), splits: len(s.from),
	}
	if s.spec.From.Partition != nil {
		f.pruned = max(f.splits-1, 0)
		f.splits -= f.pruned
	}
	for _, made := range []bool{
		s.spec.From.Partition != nil, s.spec.From.Offset != nil, s.spec.Until.Offset != nil,
		s.spec.From.Timestamp != nil, s.spec.Until.Timestamp != nil,
	} {
		if made {
			f.seeks++
		}
	}
	return f
}
