package exec

import (
	"context"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Explain returns the rows of EXPLAIN: a line each of text, one of all in the
// other formats. With ANALYZE the query runs, and its rows are thrown away.
func (e *Engine) Explain(ctx context.Context, x *plan.Explain, env *function.Env) ([]string, error) {
	return e.explain(ctx, x, e.builder(env))
}

// Explain is Engine.Explain as the transaction sees the tables. What ANALYZE
// changes in them is changed.
func (t *Txn) Explain(ctx context.Context, x *plan.Explain, env *function.Env) ([]string, error) {
	return t.e.explain(ctx, x, t.builder(env))
}

// explain closes b's account.
func (e *Engine) explain(ctx context.Context, x *plan.Explain, b *builder) ([]string, error) {
	defer b.done()
	q, head, err := explained(x)
	if err != nil {
		return nil, err
	}
	if q.Root, err = e.explainedTasks(x, q.Root); err != nil {
		return nil, err
	}
	notes := &plan.Notes{Pushed: e.pushed}
	if x.Costs {
		notes.Estimate = func(n plan.Node) (plan.Estimate, bool) {
			e, ok := x.Estimates[n]
			return e, ok
		}
	}
	var done *analysis
	if x.Analyze {
		if done, err = e.analyze(ctx, x, q, b); err != nil {
			return nil, err
		}
		done.annotate(x, notes)
	}
	if x.Format != plan.ExplainText {
		return []string{document(x, q, head, notes, done)}, nil
	}
	lines := plan.TextWith(q.Root, notes)
	if head != "" {
		for i, line := range lines {
			if i == 0 {
				lines[i] = "  ->  " + line
			} else {
				lines[i] = "      " + line
			}
		}
		lines = append([]string{head}, lines...)
	}
	if done != nil {
		lines = append(lines, done.memory()...)
	}
	if x.Summary {
		lines = append(lines, "Planning Time: "+milliseconds(x.Planning).String()+" ms")
		if done != nil {
			lines = append(lines, "Execution Time: "+milliseconds(done.took).String()+" ms")
		}
	}
	return lines, nil
}

// pushed are the conditions of a scan that its connector makes use of.
func (e *Engine) pushed(s *plan.Scan) []plan.Expr {
	c, ok := e.connectors[s.Relation.Connector].(stream.Pushing)
	if !ok {
		return nil
	}
	return c.Pushed(s.Relation, s.Columns, s.Filters)
}

// document is the answer in a format that programs read.
func document(x *plan.Explain, q *plan.Query, head string, notes *plan.Notes, done *analysis) string {
	tree := plan.Describe(q.Root, notes)
	if head != "" {
		tree = append(plan.Document{tree[0], {Key: "Parent Relationship", Value: "Outer"}}, tree[1:]...)
		tree = plan.Document{
			{Key: "Node Type", Value: "ModifyTable"}, {Key: "Operation", Value: "Insert"}, {Key: "Parallel Aware", Value: false},
			{Key: "Async Capable", Value: false}, {Key: "Target", Value: head}, {Key: "Plans", Value: []plan.Document{tree}},
		}
	}
	d := plan.Document{{Key: "Plan", Value: tree}}
	if x.Summary {
		d = append(d, plan.Member{Key: "Planning Time", Value: milliseconds(x.Planning)})
	}
	if done != nil {
		d = append(d, plan.Member{Key: "Triggers", Value: []plan.Document{}})
		d = append(d, done.members()...)
		if x.Summary {
			d = append(d, plan.Member{Key: "Execution Time", Value: milliseconds(done.took)})
		}
	}
	switch x.Format {
	case plan.ExplainYAML:
		return d.YAML()
	case plan.ExplainXML:
		return d.XML()
	}
	return d.JSON()
}

// explained returns the query of a statement, and what stands above it.
func explained(x *plan.Explain) (q *plan.Query, head string, err error) {
	switch s := x.Target.Statement.(type) {
	case *plan.Query:
		q = s
	case *plan.DeclareCursor:
		q = s.Query.Statement.(*plan.Query)
	case *plan.Insert:
		q, head = &plan.Query{Root: s.Input}, "Insert on "+s.Target.Name
	case *plan.CreateTableAs: // SELECT INTO; of CREATE TABLE AS the query is what is planned
		q = &plan.Query{Root: s.Input}
	case *plan.Modification:
		q = &plan.Query{Root: s.Root}
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

// explainedTasks is a plan with the exchanges that a job of several tasks has.
func (e *Engine) explainedTasks(x *plan.Explain, root plan.Node) (plan.Node, error) {
	var job *plan.StartJob
	switch s := x.Target.Statement.(type) {
	case *plan.StartJob:
		job = s
	case *plan.CreateStream:
		job = s.Job
	}
	if job == nil {
		return root, nil
	}
	settings, err := jobOptions(job.Options, e.o.Checkpoint)
	if err != nil || settings.parallelism == 1 {
		return root, err
	}
	d, err := distribute(root, settings.partial)
	if err != nil {
		return nil, err
	}
	return d.root, nil
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
