package exec

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Explain returns the lines of EXPLAIN. With ANALYZE the query runs, and its rows
// are thrown away.
func (e *Engine) Explain(ctx context.Context, x *plan.Explain, env *function.Env) ([]string, error) {
	q, head, err := explained(x)
	if err != nil {
		return nil, err
	}
	if x.Analyze {
		if x.JSON {
			return nil, sqlerr.Unsupported("Use EXPLAIN ANALYZE without FORMAT JSON.", "EXPLAIN (ANALYZE, FORMAT JSON) is not supported")
		}
		return e.analyze(ctx, q, env)
	}
	if x.JSON {
		text, err := plan.JSON(q.Root)
		if err != nil {
			return nil, err
		}
		return strings.Split(string(text), "\n"), nil
	}
	lines := plan.Text(q.Root)
	if head == "" {
		return lines, nil
	}
	out := []string{head}
	for i, line := range lines {
		if i == 0 {
			out = append(out, "  ->  "+line)
		} else {
			out = append(out, "      "+line)
		}
	}
	return out, nil
}

// explained returns the query of a statement, and what stands above it.
func explained(x *plan.Explain) (q *plan.Query, head string, err error) {
	switch s := x.Target.Statement.(type) {
	case *plan.Query:
		q = s
	case *plan.Insert:
		q, head = &plan.Query{Root: s.Input}, "Insert on "+s.Target.Name
	case *plan.SelectInto:
		q, head = &plan.Query{Root: s.Root}, "Write to "+sinkNames(s.Sinks)
	case *plan.StartJob:
		q, head = &plan.Query{Root: s.Root, Live: true}, "Job "+s.Name+" to "+sinkNames(s.Sinks)
	case *plan.CreateStream:
		if s.Job != nil {
			q, head = &plan.Query{Root: s.Job.Root, Live: true}, "Job "+s.Job.Name+" to "+sinkNames(s.Job.Sinks)
		}
	}
	if q == nil {
		return nil, "", sqlerr.Unsupported("EXPLAIN a SELECT, an INSERT or a job.", "EXPLAIN of this statement is not supported")
	}
	if x.Analyze && (head != "" || q.Live) {
		return nil, "", sqlerr.Unsupported("EXPLAIN ANALYZE the bounded SELECT.", "EXPLAIN ANALYZE of a statement that writes or does not end is not supported")
	}
	return q, head, nil
}

func sinkNames(sinks []plan.SinkTarget) string {
	if len(sinks) == 0 {
		return "job_results"
	}
	var names []string
	for _, s := range sinks {
		names = append(names, s.Relation.Name)
	}
	return strings.Join(names, ", ")
}

// figures are what a plan node did; one in a subquery ran several times.
type figures struct {
	rows    int64
	elapsed time.Duration
	loops   int
	spilled int64 // bytes written to disk
}

// analyze runs a query and shows rows and time beside each node. A node's time
// holds that of the nodes under it, as PostgreSQL's does.
func (e *Engine) analyze(ctx context.Context, q *plan.Query, env *function.Env) ([]string, error) {
	b := e.builder(env)
	defer b.account.Close()
	*b.scope.ctx = ctx
	b.timed, b.subs = true, new([]*tree)
	start := time.Now()
	t, err := b.tree(q.Root, outputFunc(func(context.Context, *vec.Batch) error { return nil }))
	if err != nil {
		return nil, err
	}
	planned := time.Since(start)
	err = t.runBounded(ctx)
	if cerr := t.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	done := map[plan.Node]figures{}
	for _, t := range append(*b.subs, t) {
		t.measure(done)
	}
	lines := plan.TextWith(q.Root, func(n plan.Node) string {
		f, ok := done[n]
		if !ok {
			return " (never executed)"
		}
		loops := max(f.loops, 1)
		text := fmt.Sprintf(" (actual time=%.3f rows=%d loops=%d", milliseconds(f.elapsed)/float64(loops), f.rows/int64(loops), loops)
		if f.spilled > 0 {
			text += fmt.Sprintf(" spilled=%dkB", (f.spilled+1023)>>10)
		}
		return text + ")"
	})
	return append(lines,
		fmt.Sprintf("Peak Memory: %d kB", (b.account.Peak()+1023)>>10),
		fmt.Sprintf("Startup Time: %.3f ms", milliseconds(planned)),
		fmt.Sprintf("Execution Time: %.3f ms", milliseconds(took))), nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measure adds what each node did. Operators push, so a clock around one holds
// the time of those above it: what is its own is the difference, and what is
// shown the sum of its own and its inputs'.
func (t *tree) measure(done map[plan.Node]figures) {
	own := map[*node]time.Duration{}
	for _, n := range t.nodes {
		own[n] = n.elapsed - n.passed
	}
	total := map[*node]time.Duration{}
	for _, l := range t.leaves {
		f := done[l.plan]
		f.rows += l.rows
		f.elapsed += l.elapsed
		f.loops++
		done[l.plan] = f
		if l.to.node != nil {
			total[l.to.node] += l.elapsed
		}
	}
	for _, n := range t.nodes {
		total[n] += own[n]
		f := done[n.plan]
		f.rows += n.rows
		f.elapsed += total[n]
		f.loops++
		done[n.plan] = f
		if n.to.node != nil {
			total[n.to.node] += total[n]
		}
	}
	for _, h := range t.holders {
		f := done[h.plan]
		f.spilled += h.account.Spilled()
		done[h.plan] = f
	}
}
