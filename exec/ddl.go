package exec

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func (t *Txn) createStream(ctx context.Context, s *plan.CreateStream, text string, env *function.Env) (Result, error) {
	res := Result{Tag: "CREATE STREAM"}
	if s.Relation != nil {
		r := *s.Relation
		if r.Text == "" {
			r.Text = text
		}
		if s.View {
			res.Tag = "CREATE VIEW"
		}
		if r.Kind == catalog.Stream {
			notices, err := t.e.checkSource(ctx, &r, s.Infer)
			res.Notices = append(res.Notices, notices...)
			if err != nil {
				return res, err
			}
		}
		_, notices, err := t.change().CreateRelation(&r, s.IfNotExists, s.OrReplace)
		res.Notices = append(res.Notices, notices...)
		if err != nil {
			return res, err
		}
	}
	if s.Job != nil {
		notices, err := t.startJob(ctx, s.Job, env)
		res.Notices = append(res.Notices, notices...)
		return res, err
	}
	return res, nil
}

// checkSource has the connector validate a stream, and, where infer is set,
// finds its columns.
func (e *Engine) checkSource(ctx context.Context, r *catalog.Relation, infer bool) ([]*sqlerr.Error, error) {
	c, err := e.connector(r)
	if err != nil {
		return nil, err
	}
	if err := c.Check(&e.o.Env, r, stream.RoleSource); err != nil {
		return nil, err
	}
	if err := checkOptions(r); err != nil {
		return nil, err
	}
	if r.Hidden == nil {
		r.Hidden = stream.HiddenOf(c, r)
	}
	if !infer {
		return nil, nil
	}
	if r.Columns, err = e.Infer(ctx, r); err != nil {
		return nil, err
	}
	if r.Key == nil {
		if r.Key, err = e.Key(ctx, r); err != nil {
			return nil, err
		}
	}
	return []*sqlerr.Error{inferred(r)}, nil
}

// checkOptions reads what the engine itself takes of a relation's options, so that a bad
// value is told where it is written, and not when the first job reads it.
func checkOptions(r *catalog.Relation) error {
	_, faults := faultPolicy{}.said(r.Options)
	_, letters := lettersOf(r.Options)
	_, bad := onError(r)
	c := clock{sourceTime: &sourceTime{}}
	return cmp.Or(bad, faults, letters, c.read(r.Options))
}

// inferred is the notice that shows the columns found.
func inferred(r *catalog.Relation) *sqlerr.Error {
	var cols []string
	for _, c := range r.Columns {
		cols = append(cols, c.Name+" "+types.FormatType(c.Type))
	}
	n := sqlerr.Errorf(sqlerr.SuccessfulCompletion, "columns of stream %q inferred: %s", r.Name, strings.Join(cols, ", "))
	n.Severity = "NOTICE"
	return n
}

// byKey is the notice that rows which change are written by a key.
func byKey(r *catalog.Relation, key []string) *sqlerr.Error {
	n := sqlerr.Errorf(sqlerr.SuccessfulCompletion, "the rows change: sink %q is written by their key (%s)", r.Name, strings.Join(key, ", "))
	n.Severity = "NOTICE"
	return n
}

func (t *Txn) createSink(s *plan.CreateSink) (Result, error) {
	r := *s.Relation
	c, err := t.e.connector(&r)
	if err != nil {
		return Result{}, err
	}
	if err := c.Check(&t.e.o.Env, &r, stream.RoleSink); err != nil {
		return Result{}, err
	}
	if err := checkOptions(&r); err != nil {
		return Result{}, err
	}
	_, notices, err := t.change().CreateRelation(&r, s.IfNotExists, s.OrReplace)
	return Result{"CREATE SINK", notices}, err
}

// droppedKinds are the kinds of relation by DROP's word for them.
var droppedKinds = map[string]catalog.Kind{
	"STREAM": catalog.Stream, "SINK": catalog.Sink, "VIEW": catalog.View, "TABLE": catalog.Table, "SEQUENCE": catalog.Sequence,
	"MATERIALIZED VIEW": catalog.MatView,
}

func (t *Txn) drop(ctx context.Context, s *plan.Drop, env *function.Env) (Result, error) {
	res := Result{Tag: "DROP " + s.What}
	path := env.SearchPath
	var names []catalog.Name
	var schemas []string
	for _, o := range s.Objects {
		names = append(names, catalog.Name{Schema: o.Schema, Name: o.Name})
		schemas = append(schemas, o.Name)
	}
	var dropped catalog.Dropped
	var err error
	switch s.What {
	case "SCHEMA":
		dropped, res.Notices, err = t.change().DropSchemas(schemas, s.IfExists, s.Cascade, path)
	case "INDEX":
		dropped, res.Notices, err = t.change().DropIndexes(names, s.IfExists, s.Cascade, path)
	default:
		dropped, res.Notices, err = t.change().DropRelations(droppedKinds[s.What], names, s.IfExists, s.Cascade, path)
	}
	return t.gone(ctx, res, dropped, err)
}

// dropOwned is DROP OWNED BY.
func (t *Txn) dropOwned(ctx context.Context, s *plan.DropOwned, env *function.Env) (Result, error) {
	dropped, notices, err := t.change().DropOwned(s.Roles, env.User, s.Cascade, env.SearchPath)
	return t.gone(ctx, Result{"DROP OWNED", notices}, dropped, err)
}

// gone does what follows from a DROP, unless it failed.
func (t *Txn) gone(ctx context.Context, res Result, dropped catalog.Dropped, err error) (Result, error) {
	t.changes(jobNames(dropped.Jobs)...) // that have gone along
	res.Notices = append(res.Notices, t.e.undelivered(dropped.Jobs, jobDropped)...)
	if err == nil {
		err = t.owe(ctx, dropped.Jobs)
	}
	if err == nil {
		err = t.sweep(ctx, dropped)
	}
	return res, err
}

// startJob makes a job, and the sinks that its statement declares.
func (t *Txn) startJob(ctx context.Context, s *plan.StartJob, env *function.Env) ([]*sqlerr.Error, error) {
	if err := checkJobPlan(s.Name, s.Root, s.View); err != nil {
		return nil, err
	}
	settings, err := jobOptions(s.Options, t.e.o.Checkpoint)
	if err != nil {
		return nil, err
	}
	if settings.parallelism > 1 {
		if _, err := distribute(s.Root, settings.partial); err != nil {
			return nil, err
		}
	}
	settings = settings.of(s)
	letters, err := t.e.letterRoutes(t.Snapshot(), env.SearchPath, s, settings)
	if err != nil {
		return nil, err
	}
	if err := letters.writable(t.Snapshot(), env.User); err != nil {
		return nil, err
	}
	if err := t.e.checkTransaction(s, settings, letters); err != nil {
		return nil, err
	}
	if err := t.e.checkLoop(ctx, t.Snapshot(), s, letters); err != nil {
		return nil, err
	}
	if t.Snapshot().Job(s.Name) == nil || s.OrReplace {
		if err := t.e.probeSources(ctx, s); err != nil {
			return nil, err
		}
	}
	j := &catalog.Job{
		Name: s.Name, Owner: env.User, Text: s.Text, Options: s.Options, State: catalog.JobRunning,
		Settings: keptSettings(env), Created: time.Now().UTC(), DependsOn: slices.Clone(s.Depends), Inlined: s.Inlined,
	}
	tx := t.change()
	notices := idleOptions(s.Name, s.Options)
	if old := tx.Snapshot().Job(s.Name); old != nil && s.OrReplace {
		t.changes(s.Name)
		return notices, t.replaceJob(ctx, old, s, j, letters, env)
	} else if old != nil {
		_, _, more, err := tx.CreateJob(j, s.IfNotExists, false)
		return append(notices, more...), err
	}
	for i, target := range s.Sinks {
		r := *target.Relation
		if target.Table == nil {
			c, err := t.e.connector(&r)
			if err != nil {
				return notices, err
			}
			if err := c.Check(&t.e.o.Env, &r, stream.RoleSink); err != nil {
				return notices, err
			}
			if err := t.e.checkChangelog(s, &r); err != nil {
				return notices, err
			}
			if err := t.e.probeSink(ctx, s.Name, sinkName(i, &r), &r, ""); err != nil {
				return notices, err
			}
			if key, _ := t.e.changeKey(s, &r); key != nil && r.Key == nil {
				notices = append(notices, byKey(&r, key))
			}
		}
		if target.Declared {
			r.Job = s.Name
			_, more, err := tx.CreateRelation(&r, false, false)
			notices = append(notices, more...)
			if err != nil {
				return notices, err
			}
		}
		if r.OID == 0 {
			if known := tx.Snapshot().Relation(r.Schema, r.Name); known != nil {
				r.OID = known.OID
			}
		}
		j.Sinks = append(j.Sinks, r.Schema+"."+r.Name)
		if !s.View && !slices.Contains(j.DependsOn, r.OID) {
			j.DependsOn = append(j.DependsOn, r.OID)
		}
	}
	for i, to := range letters.targets {
		if err := t.e.probeSink(ctx, s.Name, fmt.Sprintf("letters_%d_%s", i, to.relation.Name), to.relation, ""); err != nil {
			return notices, err
		}
		if to.declared != 0 && !slices.Contains(j.DependsOn, to.declared) {
			j.DependsOn = append(j.DependsOn, to.declared)
		}
	}
	_, _, more, err := tx.CreateJob(j, s.IfNotExists, false)
	t.changes(s.Name)
	t.started = append(t.started, s.Name)
	return append(notices, more...), err
}

// keptSettings are the settings that decide what a job's text means and how its
// values read.
func keptSettings(env *function.Env) map[string]string {
	kept := map[string]string{"search_path": strings.Join(env.SearchPath, ", ")}
	if env.Session == nil {
		return kept
	}
	for _, name := range []string{"TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output", "search_path"} {
		if v, ok := env.Session.Setting(name); ok {
			kept[name] = v
		}
	}
	return kept
}

func (t *Txn) alterJob(ctx context.Context, s *plan.AlterJob, env *function.Env) (Result, error) {
	res := Result{Tag: string(s.Action) + " JOB"}
	tx := t.change()
	t.changes(s.Name, s.Rename, s.Swap)
	if s.Action == plan.JobDrop {
		dropped, notices, err := tx.DropJob(s.Name, s.IfExists, false, env.SearchPath)
		res.Notices = append(notices, t.e.undelivered(dropped.Jobs, jobDropped)...)
		if err == nil {
			err = t.owe(ctx, dropped.Jobs)
		}
		return res, err
	}
	j := tx.Snapshot().Job(s.Name)
	if j == nil && s.IfExists {
		n := sqlerr.Errorf(sqlerr.SuccessfulCompletion, "job %q does not exist, skipping", s.Name)
		n.Severity = "NOTICE"
		res.Notices = append(res.Notices, n)
		return res, nil
	}
	if j == nil {
		return res, sqlerr.Errorf(sqlerr.UndefinedObject, "job %q does not exist", s.Name).WithHint("SHOW JOBS lists them.")
	}
	if s.Action == plan.JobAlter {
		notices, err := t.changeJob(ctx, j, s, env)
		res.Notices = append(res.Notices, notices...)
		return res, err
	}
	to, err := nextState(j, s.Action)
	if err != nil {
		return res, err
	}
	if to == catalog.JobRunning && j.State != to {
		if err := t.e.probeAgain(ctx, tx.Snapshot(), j); err != nil {
			return res, err
		}
	}
	return res, tx.UpdateJob(s.Name, func(j *catalog.Job) { j.State, j.Failure = to, catalog.Failure{} })
}

// nextState is the state that an action brings a job to.
func nextState(j *catalog.Job, action plan.JobAction) (catalog.JobState, error) {
	refuse := func(hint string) error {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "job %q is %s", j.Name, j.State).WithHint("%s", hint)
	}
	switch action {
	case plan.JobStop:
		if j.State == catalog.JobFinished {
			return "", refuse("It has read its sources to their end; DROP JOB removes it.")
		}
		return catalog.JobStopped, nil
	case plan.JobPause:
		if j.State != catalog.JobRunning && j.State != catalog.JobPaused {
			return "", refuse("Only a running job can be paused.")
		}
		return catalog.JobPaused, nil
	case plan.JobResume:
		if j.State != catalog.JobPaused && j.State != catalog.JobRunning {
			return "", refuse("START JOB starts a job that was stopped or has failed.")
		}
		return catalog.JobRunning, nil
	case plan.JobStart:
		if j.State == catalog.JobFinished {
			return "", refuse("It has read its sources to their end; START JOB ... AS SELECT makes another.")
		}
		return catalog.JobRunning, nil
	}
	return "", sqlerr.Errorf(sqlerr.InternalError, "no job action %q", action)
}
