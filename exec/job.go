package exec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// job is a job that runs, or has run since the engine was made.
type job struct {
	e               *Engine
	def             *catalog.Job
	id              state.ID
	stop            chan struct{} // closed: end after the epoch that runs
	once            sync.Once
	done            chan struct{} // closed when nothing of it runs any more
	cut             context.CancelFunc
	cutShort        <-chan struct{} // closed by cut
	asked           requests        // of other systems
	over            atomic.Bool     // its end is being recorded
	told            atomic.Bool     // whoever drops it knows what its sinks have not got
	hurry           chan struct{}   // somebody waits for the view that the job maintains, or memory is short
	opened          chan struct{}   // closed by open when its sources have been opened for the first time
	tried           chan struct{}   // closed by noteTried then, or when the first try to get there has failed
	opening, trying sync.Once
	view            viewProgress
	still           atomic.Bool // its readers stand still: the epoch that runs is ended by who has stopped them

	mu        sync.Mutex // guards what providers read
	positions map[place]stream.Offset
	marks     map[place]int64        // watermarks; without a split, a stream's
	times     map[string]*sourceTime // of each source that has a watermark, while the job runs
	streams   map[string]string      // the stream of each source
	reads     map[string]sourceRead
	measures  map[string][]stream.Measured // of each source, those that can tell, by its tasks
	follows   map[string]bool              // the sources that are followed tables
	started   time.Time
	// unrecorded is how the job ended where the catalog could not be told, and
	// still says that it runs; nil: it was told.
	unrecorded *ending
	problem    catalog.Failure  // why it is being tried again; nothing: it is not
	waits      []stream.Impeded // what can say what holds it up
	past       history          // of the committed epochs
	kept       keptState        // by the operators, at the last epoch
	running    tally            // of the one that runs; it may be undone, and run again
	passing    *tally           // of the one that is between its barrier and its decision; nil: there is none
	results    []string         // of a job without a sink: its last rows
	rest       []string         // why not all that it has read is committed

	present *life // that has opened what it reads; nil: there is none

	left string // when it has ended and there is a rest: what the store has
}

// hurryUp has the job look at what somebody waits for.
func (j *job) hurryUp() {
	select {
	case j.hurry <- struct{}{}:
	default:
	}
}

// measuredBy notes that a source can tell where places are, if it can.
func (j *job) measuredBy(name string, s stream.Source) {
	if m, ok := s.(stream.Measured); ok {
		j.mu.Lock()
		j.measures[name] = append(j.measures[name], m)
		j.mu.Unlock()
	}
}

// place is a split of one of a job's sources.
type place struct {
	source string
	split  stream.Split
}

// checkJobPlan refuses a plan that a job cannot run: one without a stream, and
// one with an operator that would have to keep state through a restart and does
// not.
func checkJobPlan(name string, root plan.Node, view bool) error {
	c := planCheck{}
	c.node(root)
	if c.streams == 0 && !view && c.err == nil {
		return sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "No supported datasource found in query analysis for job '%s'", name).
			WithHint("A job reads at least one stream: SELECT ... FROM a stream.")
	}
	return c.err
}

type planCheck struct {
	streams int
	err     error
}

func (c *planCheck) node(n plan.Node) {
	switch n := n.(type) {
	case *plan.Scan:
		c.streams++
	case *plan.Filter, *plan.Project, *plan.ProjectSet, *plan.GroupingSets, *plan.Append, *plan.Values, *plan.TimeWindow, *plan.AggregateNode:
	case *plan.Limit:
		if n.Ties != nil {
			c.refuse(n)
		}
	case *plan.DistinctNode:
		if _, sorted := n.Input.(*plan.Sort); sorted {
			c.refuse(n)
		}
	case *plan.Window:
		if n.Mode == plan.WindowBounded {
			c.refuse(n)
		}
	case *plan.SetOp:
		if n.Op != "union" && plan.Derive(n).Bounded && !n.Changes {
			c.refuse(n)
		}
	case *plan.Join:
		if n.Lateral {
			c.node(n.Left) // the right side is computed for each row, and reads no stream
			return
		}
		c.join(n)
		return
	case *plan.AsOfJoin:
		c.join(n)
		return
	default:
		c.refuse(n)
	}
	for _, in := range n.Inputs() {
		c.node(in)
	}
}

// join looks at a join's inputs. One that ends is read before the stream, and what
// is done to it then holds nothing between epochs.
func (c *planCheck) join(n plan.Node) {
	for _, in := range n.Inputs() {
		if !plan.Derive(in).Bounded {
			c.node(in)
			continue
		}
		plan.WalkNode(in, func(n plan.Node) bool {
			switch n.(type) {
			case *plan.Scan:
				c.streams++
			case *plan.CTE, *plan.CTEScan, *plan.Modify, *plan.LockRows:
				c.refuse(n)
			}
			return true
		})
	}
}

func (c *planCheck) refuse(n plan.Node) { c.fail(stateful(n)) }

func (c *planCheck) fail(err error) { c.err = firstError(c.err, err) }

// checkChangelog refuses a sink that takes only rows that stay, where a job takes
// rows back.
func (e *Engine) checkChangelog(s *plan.StartJob, r *catalog.Relation) error {
	if !s.Changelog {
		return nil
	}
	c, err := e.connector(r)
	if err != nil {
		return err
	}
	mode, given := r.Options.Get("changelog")
	for _, o := range c.Options(stream.RoleSink) {
		if o.Key == "changelog" && !given {
			mode = o.Default
		}
	}
	if !strings.EqualFold(mode, "append") {
		_, err := e.changeKey(s, r)
		return err
	}
	hint := fmt.Sprintf("Set '%s.changelog' = 'ops' to write every change with its _op, or ", r.Name)
	if takesBack(s.Root) {
		hint += "give the join bounds of time, as in JOIN ... ON ... WITHIN INTERVAL '5 minutes': its rows are final."
	} else {
		hint += "group by a window: its rows are final."
	}
	return sqlerr.Unsupported(hint,
		"job %q takes rows back, and sink %q only takes rows that stay", s.Name, r.Name)
}

// changeKey is a unique key of the job's rows by which a sink may find those that
// change; nil: its declaration names the key, or it needs none.
func (e *Engine) changeKey(s *plan.StartJob, r *catalog.Relation) ([]string, error) {
	c, err := e.connector(r)
	keyed, ok := c.(stream.ChangeKeyed)
	if err != nil || !s.Changelog || !ok {
		return nil, err
	}
	k, err := keyed.ChangeKey(&e.o.Env, r)
	if err != nil || k.Own {
		return nil, err
	}
	var names, unique []string
	for _, f := range s.Root.Schema() {
		names = append(names, f.Name)
	}
	for i, col := range r.Columns {
		names[i] = col.Name
	}
	for _, key := range plan.Derive(s.Root).Keys {
		var of []string
		for _, i := range key {
			of = append(of, names[i])
		}
		within := !slices.ContainsFunc(of, func(n string) bool { return !slices.Contains(k.Columns, n) })
		switch {
		case len(k.Columns) > 0 && within:
			return nil, nil
		case len(k.Columns) == 0 && len(of) > 0:
			return of, nil
		case len(of) == 0:
			unique = append(unique, "all: there is one row")
		default:
			unique = append(unique, "("+strings.Join(of, ", ")+")")
		}
	}
	if !k.Needed && len(k.Columns) == 0 {
		return nil, nil // the rows themselves say which they are
	}
	detail := "No columns of the query's rows are unique."
	if len(unique) > 0 {
		detail = "The query's rows are unique by " + strings.Join(unique, ", ") + "."
	}
	if len(k.Columns) == 0 {
		hint := fmt.Sprintf("Set '%s.key' where the key is one all the same.", r.Name)
		if slices.ContainsFunc(c.Options(stream.RoleSink), func(o stream.Option) bool { return o.Key == "changelog" }) {
			hint = fmt.Sprintf("Set '%s.key' where the key is one all the same, or '%[1]s.changelog' = 'ops' to write every change with its _op.", r.Name)
		}
		return nil, sqlerr.Unsupported(hint,
			"the rows of job %q change, and sink %q has no key to find them by", s.Name, r.Name).WithDetail("%s", detail)
	}
	return nil, sqlerr.Errorf(sqlerr.InvalidColumnReference, "the rows of job %q change, and the key of %q, (%s), holds no key of theirs",
		s.Name, r.Name, strings.Join(k.Columns, ", ")).WithDetail("%s", detail).
		WithHint("Two rows of one key would take each other's place. Group by the columns of the key, or set changelog = 'ops' to write every change with its _op.")
}

// takesBack reports whether it is a join that makes a plan of rows that stay take
// rows back.
func takesBack(root plan.Node) bool {
	found := false
	plan.WalkNode(root, func(n plan.Node) bool {
		if j, ok := n.(*plan.Join); ok && !plan.Derive(j).AppendOnly {
			found = found || plan.Derive(j.Left).AppendOnly && plan.Derive(j.Right).AppendOnly
		}
		return true
	})
	return found
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func stateful(n plan.Node) error {
	return sqlerr.Unsupported("Filter and project in the job; run this query by itself, or with EMIT CHANGES.",
		"%s in a job is not supported", n.String())
}

// sourceName names the i-th stream that a job reads, in the order of its plan.
func sourceName(i int, r *catalog.Relation) string { return fmt.Sprintf("source_%d_%s", i, r.Name) }

func sinkName(i int, r *catalog.Relation) string { return fmt.Sprintf("sink_%d_%s", i, r.Name) }

// partError names the source or sink that could not be created. Where the system
// refused it, it says just that, and the detail says what was refused.
func partError(part string, err error) error {
	kind, _, _ := strings.Cut(part, "_")
	text := refusal(err)
	if text == "" {
		return wrapped(err, "Failed to create %s '%s': %w", kind, part, err)
	}
	e := wrapped(err, "Failed to create %s '%s': %w", kind, part, worded{text, err})
	e.Detail = strings.TrimSuffix(err.Error()+"\n"+e.Detail, "\n")
	return e
}

// refusal is the system's word for why a connection or a file was refused; "":
// it was not.
func refusal(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Connection refused"
	case errors.Is(err, fs.ErrPermission):
		return "Permission denied"
	}
	return ""
}

// worded is an error in other words.
type worded struct {
	text string
	err  error
}

func (w worded) Error() string { return w.text }

func (w worded) Unwrap() error { return w.err }

// jobError names the job before an error of one of its sources or sinks.
func jobError(name, what, part string, err error) error {
	p := partError(part, err)
	return wrapped(p, "Job '%s' failed to create %s: %w", name, what, p)
}

// wrapped is an error with the code, detail and hint of the one in it.
func wrapped(err error, format string, args ...any) *sqlerr.Error {
	e := sqlerr.Errorf(sqlerr.CodeOf(err), format, args...)
	from := sqlerr.From(err)
	e.Detail, e.Hint = from.Detail, from.Hint
	return e
}

// probeSources opens each source of a job and lists its splits, so that the
// statement fails and not, later and unseen, the job.
func (e *Engine) probeSources(ctx context.Context, s *plan.StartJob) error {
	i := 0
	var err error
	asked := map[*plan.Scan]bool{}
	plan.WalkNode(s.Root, func(n plan.Node) bool {
		if j, ok := n.(*plan.Join); ok && j.Lookup != nil {
			asked[plan.Scanned(j.Right)] = true
		}
		return true
	})
	plan.WalkNode(s.Root, func(n plan.Node) bool {
		sc, ok := n.(*plan.Scan)
		if !ok || err != nil {
			return err == nil
		}
		if asked[sc] {
			return true // it need not be one that can be read
		}
		if sc.Relation.Kind == catalog.Table {
			return true
		}
		if err = e.checkKept(e.o.Catalog.Snapshot(), s.Name, sc); err == nil {
			err = e.probe(ctx, sc.Relation)
		}
		if err != nil {
			err = jobError(s.Name, "data sources", sourceName(i, sc.Relation), err)
		}
		i++
		return true
	})
	return err
}

// probeAgain probes the sources of a job that is started or resumed. What cannot
// be reached is left to the job, which tries until it can; what is not there is
// refused here.
func (e *Engine) probeAgain(ctx context.Context, s *catalog.Snapshot, j *catalog.Job) error {
	p, err := e.o.Plan(ctx, s, j)
	if err != nil {
		return fmt.Errorf("planning job %s: %w", j.Name, err)
	}
	if err := e.probeSources(ctx, p); err != nil && !unreachable(err) {
		return err
	}
	for i, target := range p.Sinks {
		if err := e.probeSink(ctx, j.Name, sinkName(i, target.Relation), target.Relation, state.ID(j.UUID).String()); err != nil && !unreachable(err) {
			return err
		}
	}
	return nil
}

// probeSink asks a connector that can tell whether a job's sink could be opened. id is the
// job's, "" of one that is new.
func (e *Engine) probeSink(ctx context.Context, job, name string, r *catalog.Relation, id string) error {
	if r.Stored() {
		return nil
	}
	c, err := e.connector(r)
	if err != nil {
		return err
	}
	p, ok := c.(stream.Probing)
	if !ok {
		return nil
	}
	if err := p.ProbeSink(ctx, &e.o.Env, r, id); err != nil {
		return jobError(job, "sinks", name, err)
	}
	return nil
}

func (e *Engine) probe(ctx context.Context, r *catalog.Relation) error {
	if r.Stored() {
		return nil
	}
	src, err := e.openSource(ctx, r, nil)
	if err != nil {
		return err
	}
	_, err = src.Splits(ctx)
	if cerr := src.Close(); err == nil {
		err = cerr
	}
	return err
}

// Started are the names of the jobs that run, or have run since the engine was
// made, in order.
func (e *Engine) Started() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := make([]string, 0, len(e.jobs))
	for _, j := range e.jobs {
		names = append(names, j.def.Name)
	}
	slices.Sort(names)
	return names
}

// Wait returns when the job does not run any more, with its error where it has
// failed, or when ctx ends. Who stops or drops the job meanwhile ends the wait.
func (e *Engine) Wait(ctx context.Context, name string) error {
	e.mu.Lock()
	var found *job
	for _, j := range e.jobs {
		if j.def.Name == name && (found == nil || !j.ended()) {
			found = j
		}
	}
	e.mu.Unlock()
	if found == nil {
		return nil
	}
	select {
	case <-found.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	now := e.o.Catalog.Snapshot().Job(name)
	if now == nil || now.UUID != found.id {
		return nil
	}
	if end := standing(now, found); end.state == catalog.JobFailed {
		e := sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "job %q has failed: %s", name, end.why)
		e.Hint = end.why.Hint
		return e
	}
	return nil
}
