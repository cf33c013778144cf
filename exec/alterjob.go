package exec

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// changeJob is ALTER JOB: SET of options and another name, which a job that runs takes
// up after the epoch that runs, or START FROM.
func (t *Txn) changeJob(ctx context.Context, j *catalog.Job, s *plan.AlterJob, env *function.Env) ([]*sqlerr.Error, error) {
	switch {
	case s.Rename != "":
		return nil, t.change().RenameJob(j.Name, s.Rename)
	case s.Swap != "":
		return nil, t.change().SwapJobs(j.Name, s.Swap)
	}
	changed := *j
	if s.From != nil {
		changed.Start = s.From
		if err := t.restartJob(ctx, &changed, s.From); err != nil {
			return nil, err
		}
		return t.e.undelivered([]*catalog.Job{j}, jobAnew), nil
	}
	changed.Options = slices.Clone(j.Options)
	for _, o := range s.Set {
		changed.Options = slices.DeleteFunc(changed.Options, func(was catalog.Option) bool { return was.Key == o.Key })
	}
	changed.Options = append(changed.Options, s.Set...)
	settings, err := jobOptions(changed.Options, t.e.o.Checkpoint)
	if err != nil {
		return nil, err
	}
	was, err := jobOptions(j.Options, t.e.o.Checkpoint)
	if err == nil && was.staged != settings.staged {
		return nil, sqlerr.Unsupported("Start another job with it, and ALTER JOB ... SWAP WITH that; or DROP JOB and START JOB with it.",
			"ALTER JOB cannot set \"sink.buffer\" of a job that has none")
	}
	p, err := t.e.o.Plan(ctx, t.Snapshot(), &changed)
	if err != nil {
		return nil, fmt.Errorf("planning job %s: %w", j.Name, err)
	}
	if settings.parallelism > 1 {
		if _, err := distribute(p.Root, settings.partial); err != nil {
			return nil, err
		}
	}
	settings = settings.of(p)
	letters, err := t.e.letterRoutes(t.Snapshot(), env.SearchPath, p, settings)
	if err != nil {
		return nil, err
	}
	if err := letters.writable(t.Snapshot(), j.Owner); err != nil {
		return nil, err
	}
	// Where the old options are refused by now nothing runs by them.
	if old, err := t.e.letterRoutes(t.Snapshot(), env.SearchPath, p, was.of(p)); err == nil {
		if err := t.e.lettersStay(j, was, old, letters); err != nil {
			return nil, err
		}
	}
	if err := t.e.checkTransaction(p, settings, letters); err != nil {
		return nil, err
	}
	return idleOptions(j.Name, s.Set), t.change().UpdateJob(j.Name, func(c *catalog.Job) {
		c.Options = changed.Options
		for _, to := range letters.targets {
			if to.declared != 0 && !slices.Contains(c.DependsOn, to.declared) {
				c.DependsOn = append(slices.Clone(c.DependsOn), to.declared)
			}
		}
	})
}

// restartJob starts a job that does not run from a place: without its state, since
// that is of the rows before another one. What its sinks have stays there.
func (t *Txn) restartJob(ctx context.Context, j *catalog.Job, from *catalog.JobStart) error {
	for _, v := range t.Snapshot().Relations() {
		if v.Kind == catalog.MatView && v.Job == j.Name {
			return sqlerr.Unsupported("Drop the view and create it again; START JOB "+catalog.QuoteName(j.Name)+" goes on where it was.",
				"START FROM of job \"%s\", which maintains materialized view \"%s\", is not supported, as the view has rows of what was read before", j.Name, v.Name)
		}
	}
	if j.State == catalog.JobRunning {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "job %q is running", j.Name).
			WithHint("STOP JOB %s first: it begins anew, without the state that it has.", j.Name)
	}
	p, err := t.e.o.Plan(ctx, t.Snapshot(), j)
	if err != nil {
		return fmt.Errorf("planning job %s: %w", j.Name, err)
	}
	named := maps.Clone(from.Offsets)
	plan.WalkNode(p.Root, func(n plan.Node) bool {
		if sc, ok := n.(*plan.Scan); ok && err == nil {
			delete(named, sc.Relation.Name)
			err = t.e.startsFrom(j.Name, sc, from)
		}
		return true
	})
	if err != nil {
		return err
	}
	for name := range named {
		return sqlerr.Errorf(sqlerr.UndefinedTable, "job %q reads no stream %q", j.Name, name)
	}
	if err := t.e.probeSources(ctx, p); err != nil && !unreachable(err) {
		return err
	}
	if err := t.e.namedPlaces(ctx, p.Root, from); err != nil && !unreachable(err) {
		return err
	}
	if err := t.owe(ctx, []*catalog.Job{j}); err != nil {
		return err
	}
	t.started = append(t.started, j.Name) // what is latest is settled when the statement returns
	return t.change().ResetJob(j.Name, func(c *catalog.Job) { c.State, c.Failure, c.Start = catalog.JobRunning, catalog.Failure{}, from })
}

// namedPlaces refuses offsets, and those of splits, that a stream does not have.
func (e *Engine) namedPlaces(ctx context.Context, root plan.Node, from *catalog.JobStart) (err error) {
	plan.WalkNode(root, func(n plan.Node) bool {
		if sc, ok := n.(*plan.Scan); ok && err == nil && len(from.Offsets[sc.Relation.Name]) > 0 {
			err = e.hasPlaces(ctx, sc.Relation, from.Offsets[sc.Relation.Name])
		}
		return err == nil
	})
	return err
}

func (e *Engine) hasPlaces(ctx context.Context, r *catalog.Relation, offsets map[string]int64) (err error) {
	src, err := e.openSource(ctx, r, nil)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := src.Close(); err == nil {
			err = cerr
		}
	}()
	splits, err := src.Splits(ctx)
	if err != nil {
		return fmt.Errorf("listing the splits of %s: %w", r.Name, err)
	}
	for _, name := range slices.Sorted(maps.Keys(offsets)) {
		if !slices.Contains(splits, stream.Split(name)) {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "stream %q has no partition %q", r.Name, name).
				WithHint("SELECT * FROM ferris.splits shows those that there are.")
		}
	}
	return startsAt(ctx, src, r, offsets)
}

// startsAt refuses offsets that a stream does not have: by then the job's state is gone.
func startsAt(ctx context.Context, src stream.Source, r *catalog.Relation, offsets map[string]int64) error {
	s := stream.Scan{Earliest: true, At: map[stream.Split]int64{}}
	var from []stream.Position
	for name, n := range offsets {
		s.At[stream.Split(name)] = n
		from = append(from, stream.Position{Split: stream.Split(name)})
	}
	reader, err := src.Open(ctx, from, s)
	if err != nil {
		return fmt.Errorf("reading %s: %w", r.Name, err)
	}
	return reader.Close()
}

// startsFrom refuses a place that what a scan reads cannot be read from.
func (e *Engine) startsFrom(job string, s *plan.Scan, from *catalog.JobStart) error {
	r := s.Relation
	_, named := from.Offsets[r.Name]
	if r.Stored() && (named || s.Follow && from.Kind == "TIMESTAMP") {
		return sqlerr.Unsupported("Start it FROM EARLIEST, with the rows that are there, or FROM LATEST.",
			"job %q reads table %q, which is not read FROM %s", job, r.Name, from.Kind)
	}
	if r.Connector == "" || from.Kind == "EARLIEST" || from.Kind == "LATEST" || from.Kind == "OFFSETS" && !named {
		return nil
	}
	c, err := e.connector(r)
	if err != nil {
		return err
	}
	seeker, seeks := c.(stream.Seeker)
	_, places := c.(stream.Placer)
	if from.Kind == "TIMESTAMP" && seeks && seeker.Seeks("_timestamp") || from.Kind == "OFFSETS" && places {
		return nil
	}
	return sqlerr.Unsupported("Start it FROM EARLIEST, and leave out what is older in WHERE.",
		"job %q reads %s stream %q, which is not read FROM %s", job, r.Connector, r.Name, from.Kind)
}

// begin has a scan begin where the job's definition says.
func (s *scan) begin(from *catalog.JobStart) {
	if from == nil || s.spec.Bounded {
		return
	}
	s.spec.Earliest = from.Kind != "LATEST"
	switch from.Kind {
	case "LATEST":
		s.spec.Latest = true
	case "TIMESTAMP":
		// Where the query has a bound of its own, the later one counts.
		if own := s.spec.From.Timestamp; own == nil || *own < from.Micros {
			s.spec.From.Timestamp = &from.Micros
		}
	case "OFFSETS":
		s.spec.At = map[stream.Split]int64{}
		for split, n := range from.Offsets[s.plan.Relation.Name] {
			s.spec.At[stream.Split(split)] = n
		}
	}
}

// outdated reports whether a job runs as it is not any more: its name, its text, its
// options have changed.
func (j *job) outdated(now *catalog.Job) bool {
	return j.def.Name != now.Name || j.def.Text != now.Text || !slices.Equal(j.def.Options, now.Options) || !slices.Equal(j.def.Inlined, now.Inlined)
}
