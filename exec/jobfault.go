package exec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// faultPolicy is what becomes of records and rows that fail in one place: at a
// stream, in the query, or at a sink.
type faultPolicy struct {
	strategy strategy
	chosen   bool       // failure_strategy says so
	box      *letterBox // of deadLetter
	retries  int        // of retryWithBackoff
	backoff  time.Duration
}

// policies are those of a job's places.
type policies struct {
	streams map[string]faultPolicy // by schema.name
	sinks   []faultPolicy          // of the plan's sinks
	query   faultPolicy            // of rows that are of no one stream any more
}

// of is that of a stream.
func (p policies) of(r *catalog.Relation) faultPolicy { return p.streams[fullName(r)] }

// retried is a failure of a place with limits of its own.
type retried struct {
	error
	limit int
	first time.Duration
}

func (r retried) Unwrap() error { return r.error }

// outdated is the end of a life whose plan is no longer of what is there. The job
// begins anew at once, by any restart policy: nothing is wrong with it.
type outdated struct{ error }

func (o outdated) Unwrap() error { return o.error }

// failure is an error of the place, as the job fails with it.
func (p faultPolicy) failure(err error) error {
	if p.strategy != retryWithBackoff {
		return err
	}
	return retried{err, p.retries, p.backoff}
}

// policyOf is that of a relation: what its options say, else what the job does.
func (l *life) policyOf(r *catalog.Relation, box *letterBox) (faultPolicy, error) {
	return faultPolicy{strategy: l.settings.strategy, chosen: l.settings.chosen, box: box, retries: l.settings.maxRetries, backoff: l.settings.backoff}.said(r.Options)
}

// said is the policy with what a relation's options say of it.
func (p faultPolicy) said(o catalog.Options) (faultPolicy, error) {
	var err error
	if p.strategy, err = strategyIn(o, p.strategy); err != nil {
		return p, err
	}
	if _, own := o.Get("failure_strategy"); own {
		p.chosen = true
	}
	if p.retries, err = retriesOf(o, p.retries); err != nil {
		return p, err
	}
	if v, ok := o.Get("retry_backoff"); ok {
		p.backoff, err = duration("retry_backoff", v)
	}
	return p, err
}

// goOn is what to write for a job that is to go on past rows at fault.
const goOn = "To go on past rows at fault, set failure_strategy = 'LogAndContinue' or 'DeadLetter'."

// advice is the hint of an error that a job fails with, which names the option that was
// written: failure_strategy, where that is, and not on_error.
func (p faultPolicy) advice(hint string) string {
	switch {
	case p.chosen:
		hint = strings.TrimSpace(strings.Replace(hint, stream.ReadOn, "", 1))
		return strings.TrimSpace(hint + " " + goOn)
	case hint == "":
		return goOn
	}
	return hint
}

// fault decides about a record or row that failed. Any of the life's goroutines
// may call it; count counts in the epoch that has the row.
func (l *life) fault(p faultPolicy, where string, f letter, count func(tally) (skipped int64)) error {
	switch p.strategy {
	case failBatch, retryWithBackoff:
		err := wrapped(f.err, "%s: %w", where, f.err)
		err.Hint = p.advice(err.Hint)
		if row := f.row(); row != "" {
			err = err.WithDetail("%s", strings.TrimLeft(err.Detail+" "+row, " "))
		}
		return p.failure(err)
	case deadLetter:
		if p.box != nil {
			f.time = time.Now()
			p.box.add(f)
		}
	}
	if n := count(tally{skipped: 1}); n&(n-1) == 0 { // 1, 2, 4, 8, ...: a flood of bad records must not flood the log
		l.j.e.log.Warn("a record was skipped", "job", l.j.def.Name, "where", where, "error", f.err, "skipped", n)
	}
	return nil
}

// rejected decides about a record that did not decode.
func (t *task) rejected(leaf *leaf, split stream.Split, r stream.Reject) error {
	rel := leaf.scan.plan.Relation
	p := t.life.policies.of(rel)
	if leaf.scan.spec.OnReject == stream.Skip && (p.strategy == failBatch || p.strategy == retryWithBackoff) {
		p.strategy = logAndContinue // the stream's on_error says so, which comes before the job's strategy
	}
	return t.life.fault(p, t.names[leaf.scan],
		letter{origin: stream.Origin(rel), split: string(split), at: r.At, key: r.Key, value: r.Raw, err: r.Err}, t.life.j.count)
}

// refused decides about a row that a sink will not take. It has not gone out, unless
// there are sinks that took it.
func (l *life) refused(p faultPolicy) func(where string, r stream.Reject) error {
	return func(where string, r stream.Reject) error {
		err := l.fault(p, where, letter{at: -1, key: r.Key, value: r.Raw, err: r.Err}, l.j.countSunk)
		if err == nil && len(l.plan.Sinks) == 1 {
			l.j.countSunk(tally{out: -1})
		}
		return err
	}
}

// omitted counts rows that a sink has left out behind their commit.
func (l *life) omitted(n int64) {
	t := tally{skipped: n}
	if len(l.plan.Sinks) == 1 {
		t.out = -n
	}
	l.j.countCommitted(t)
}

// origin is where the rows of a scan that are on their way through the plan came
// from.
type origin struct {
	relation *catalog.Relation
	split    stream.Split
	raw      []stream.Record // of each row; nil: unknown
	rows     int
}

// reading notes whose rows come next.
func (t *task) reading(leaf *leaf, it item) {
	o := t.origins[leaf.scan.plan]
	if o == nil {
		return
	}
	o.split, o.raw, o.rows = it.read.Split, it.read.Raw, it.batch.Rows
}

// cameFrom is where the rows that a node gets came from, as long as they are those of
// one scan, in their places (else nil), and the policy that holds for them.
func (t *task) cameFrom(n plan.Node) (*origin, faultPolicy) {
	s := scanBelow(n)
	if s == nil {
		return nil, t.life.policies.query
	}
	from := t.origins[s]
	if from == nil {
		from = &origin{relation: s.Relation}
		t.origins[s] = from
	}
	return from, t.life.policies.of(s.Relation)
}

// letter makes a dead letter of a row that a node gets: its record, where it is
// known, else the row itself, as JSON.
func (o *origin) letter(env *function.Env, n plan.Node, b *vec.Batch, row int) letter {
	if o != nil && row < len(o.raw) && b.Rows == o.rows {
		r := o.raw[row]
		return letter{origin: stream.Origin(o.relation), split: string(o.split), at: r.At, key: r.Key, value: r.Value}
	}
	f := letter{at: -1, value: rowAsJSON(env, n, b, row)}
	if o != nil {
		f.of, f.split = o.relation, string(o.split)
	}
	return f
}

// longestRow is how much of a row an error shows.
const longestRow = 400

// row says which row failed, as far as that is known: what it holds, and where it was
// read; "": nothing is known.
func (f letter) row() string {
	if len(f.value) == 0 {
		return ""
	}
	text := fmt.Sprintf("The row is %s", strings.ToValidUTF8(string(f.value[:min(len(f.value), longestRow)]), "?"))
	if len(f.value) > longestRow {
		text += "..."
	}
	if f.of == nil {
		return text
	}
	if text += fmt.Sprintf(", of \"%s\"", f.of.Name); f.split != "" && !f.of.Stored() {
		text += fmt.Sprintf(" (%s)", f.split)
	}
	return text
}

// faultIn returns what decides about rows that fail in a node of the plan.
func (t *task) faultIn(n plan.Node) operator.Fault {
	from, p := t.cameFrom(n)
	return func(b *vec.Batch, row int, err error) error {
		f := letter{at: -1}
		if p.strategy != logAndContinue {
			f = from.letter(t.env, n, b, row)
		}
		f.err = err
		return t.life.fault(p, "query", f, t.life.j.count)
	}
}

// scanBelow is the scan whose rows a node gets in their places; nil: there is none.
func scanBelow(n plan.Node) *plan.Scan {
	if s, ok := n.(*plan.Scan); ok { // whose own time is computed
		return s
	}
	switch n.(type) {
	case *plan.Filter, *plan.Project, *plan.ProjectSet, *plan.TimeWindow, *plan.AggregateNode:
	default:
		return nil
	}
	for {
		in := n.Inputs()
		if len(in) != 1 {
			return nil
		}
		switch below := in[0].(type) {
		case *plan.Scan:
			return below
		case *plan.Filter, *plan.Project:
			n = below
		case *plan.TimeWindow:
			if below.Kind == plan.WindowSession {
				return nil // it holds rows back
			}
			n = below
		default:
			return nil
		}
	}
}

// rowAsJSON is a row of a node's input as an object.
func rowAsJSON(env *function.Env, n plan.Node, b *vec.Batch, row int) []byte {
	var fields []plan.Field
	if s, ok := n.(*plan.Scan); ok {
		fields = s.Schema()
	}
	for _, in := range n.Inputs() {
		if s := in.Schema(); len(s) == len(b.Cols) { // one side of a join
			fields = s
			break
		}
		fields = append(fields, in.Schema()...)
	}
	return rowJSON(env, fields[:min(len(fields), len(b.Cols))], b.Cols, row)
}

// openLetters makes the boxes of a job's dead letters, without their sinks, and the
// policies that fill them.
func (l *life) openLetters() error {
	e := l.j.e
	snapshot := e.o.Catalog.Snapshot()
	routes, err := e.letterRoutes(snapshot, l.env.SearchPath, l.plan, l.settings)
	if err != nil {
		return err
	}
	if err := routes.writable(snapshot, l.j.def.Owner); err != nil {
		return err
	}
	for _, t := range routes.targets {
		ts := make([]types.Type, len(t.relation.Columns))
		for i, c := range t.relation.Columns {
			ts[i] = c.Type
		}
		l.boxes = append(l.boxes, &letterBox{job: l.j.def.Name, relation: t.relation, raw: t.raw, pool: &batchPool{types: ts}})
	}
	box := func(n int) *letterBox {
		if n < 0 {
			return nil
		}
		return l.boxes[n]
	}
	l.policies.query = faultPolicy{strategy: l.settings.strategy, chosen: l.settings.chosen, box: box(routes.rest), retries: l.settings.maxRetries, backoff: l.settings.backoff}
	l.policies.streams = map[string]faultPolicy{}
	plan.WalkNode(l.plan.Root, func(n plan.Node) bool {
		s, ok := n.(*plan.Scan)
		if !ok {
			return true
		}
		to, ok := routes.streams[fullName(s.Relation)]
		if !ok {
			to = -1
		}
		p, perr := l.policyOf(s.Relation, box(to))
		err = firstError(err, perr)
		l.policies.streams[fullName(s.Relation)] = p
		return true
	})
	for i, target := range l.plan.Sinks {
		p, perr := l.policyOf(target.Relation, box(routes.sinks[i]))
		err = firstError(err, perr)
		l.policies.sinks = append(l.policies.sinks, p)
	}
	return err
}

// openBoxes opens the sinks of dead letters.
func (l *life) openBoxes(open func(name string, r *catalog.Relation, p faultPolicy) (*sinkTask, error)) error {
	for i, b := range l.boxes {
		// What refuses a dead letter has nowhere to put it.
		t, err := open(letterSink(i, b.relation), b.relation, faultPolicy{strategy: failBatch})
		if err != nil {
			return err
		}
		b.task = t
	}
	return nil
}

// takesLetters reports whether a relation is that of a dead letter sink.
func (l *life) takesLetters(r *catalog.Relation) bool {
	return slices.ContainsFunc(l.boxes, func(b *letterBox) bool { return b.relation == r })
}

// outputs are the sinks of the query's rows.
func (l *life) outputs() []*sinkTask { return l.sinks[:len(l.sinks)-len(l.boxes)] }
