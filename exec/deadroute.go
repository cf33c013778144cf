package exec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// letterRoutes say where the dead letters of a job go.
type letterRoutes struct {
	targets []letterTarget
	streams map[string]int // of streams, by schema.name: which target
	sinks   []int          // of the job's sinks; -1: it has none
	rest    int            // of rows that are of no one stream any more; -1: there is none
}

// letterTarget is where a dead letter sink is to be: of one stream, or of all.
type letterTarget struct {
	relation *catalog.Relation // as it is opened
	declared types.OID         // of the catalog's relation; 0: it is none
	raw      bool
}

// fullName is a relation's schema and name.
func fullName(r *catalog.Relation) string { return r.Schema + "." + r.Name }

// letterRoutes finds where the dead letters of a job go. A stream's and a sink's
// own options come before the job's.
func (e *Engine) letterRoutes(s *catalog.Snapshot, path []string, p *plan.StartJob, settings jobSettings) (letterRoutes, error) {
	routes := letterRoutes{streams: map[string]int{}, rest: -1}
	var first *catalog.Relation
	var failed error
	add := func(of *catalog.Relation, own catalog.Options) int {
		to, err := lettersOf(own)
		if err == nil {
			if to == "" {
				to = settings.letters
			}
			var n int
			if n, err = routes.add(e, s, path, p, of, to); err == nil {
				return n
			}
		}
		failed = firstError(failed, err)
		return -1
	}
	plan.WalkNode(p.Root, func(n plan.Node) bool {
		sc, ok := n.(*plan.Scan)
		if !ok {
			return true
		}
		if first == nil || first.Stored() && !sc.Relation.Stored() {
			first = sc.Relation
		}
		how, err := strategyIn(sc.Relation.Options, settings.strategy)
		failed = firstError(failed, err)
		if _, known := routes.streams[fullName(sc.Relation)]; !known && (how == deadLetter || settings.late == plan.LateDeadLetter) {
			routes.streams[fullName(sc.Relation)] = add(sc.Relation, sc.Relation.Options)
		}
		return true
	})
	if settings.strategy == deadLetter || settings.late == plan.LateDeadLetter {
		routes.rest = add(first, nil)
	}
	for _, target := range p.Sinks {
		how, err := strategyIn(target.Relation.Options, settings.strategy)
		failed = firstError(failed, err)
		n := -1
		if how == deadLetter {
			n = add(first, target.Relation.Options)
		}
		routes.sinks = append(routes.sinks, n)
	}
	return routes, failed
}

// add returns the number of a target, which is new or one that there is.
func (r *letterRoutes) add(e *Engine, s *catalog.Snapshot, path []string, p *plan.StartJob, of *catalog.Relation, to string) (int, error) {
	alike := func(connector string) *catalog.Relation {
		for _, sink := range p.Sinks {
			if sink.Relation.Connector == connector {
				return sink.Relation
			}
		}
		return nil
	}
	t, err := e.letterTarget(s, path, p.Name, of, to, alike)
	if err != nil {
		return -1, err
	}
	for _, sink := range p.Sinks {
		if fullName(sink.Relation) == fullName(t.relation) {
			return -1, sqlerr.Errorf(sqlerr.InvalidParameterValue, "sink %q of job %q cannot take its dead letters too", t.relation.Name, p.Name).
				WithHint("Set dead_letter to another stream, sink or path.")
		}
	}
	for i, have := range r.targets {
		if fullName(have.relation) == fullName(t.relation) {
			return i, nil
		}
	}
	r.targets = append(r.targets, t)
	return len(r.targets) - 1, nil
}

// sinkNames are what the sinks of the targets are called among those of their job.
func (r *letterRoutes) sinkNames() []string {
	var all []string
	for i, to := range r.targets {
		all = append(all, letterSink(i, to.relation))
	}
	return all
}

func letterSink(i int, r *catalog.Relation) string { return fmt.Sprintf("letters_%d_%s", i, r.Name) }

// lettersStay refuses to take from a job a place of its dead letters for which some wait,
// or may: they are staged under the name of their sink.
func (e *Engine) lettersStay(j *catalog.Job, settings jobSettings, was, now letterRoutes) error {
	if !settings.staged {
		return nil
	}
	for i, name := range was.sinkNames() {
		if slices.Contains(now.sinkNames(), name) {
			continue
		}
		to := was.targets[i].relation.Name
		if j.State == catalog.JobRunning {
			return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "dead letters of job %q may wait for %q, as it runs and has sink.buffer", j.Name, to).
				WithHint("STOP JOB %s first.", j.Name)
		}
		if slices.ContainsFunc(e.left(j), func(text string) bool { return strings.HasSuffix(text, "'"+name+"'") }) {
			return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "dead letters of job %q wait for %q", j.Name, to).
				WithHint("START JOB %s brings them there when it takes them; then STOP JOB it, and change it.", j.Name)
		}
	}
	return nil
}

// strategyIn is what a relation's options say, else what its job does.
func strategyIn(o catalog.Options, job strategy) (strategy, error) {
	own, ok, err := strategyOf(o)
	if err != nil || !ok {
		return job, err
	}
	return own, nil
}

// letterTarget finds what dead_letter means for a stream: to is a stream or sink,
// a path, or, where the stream's connector has such, another name in its system.
func (e *Engine) letterTarget(s *catalog.Snapshot, path []string, job string, of *catalog.Relation, to string, like func(connector string) *catalog.Relation) (letterTarget, error) {
	given := to != ""
	if to == "" {
		to = of.Name + "_dlq"
	} else if r := relationNamed(s, path, to); r != nil {
		return e.letterRelation(r, like)
	}
	if strings.ContainsAny(to, "/\\") {
		r := &catalog.Relation{Schema: "public", Name: job + "_dead_letters", Kind: catalog.Sink, Connector: "file", Columns: fieldColumns,
			Options: catalog.Options{{Key: "path", Value: strings.TrimPrefix(to, "file://")}, {Key: "format", Value: "json"}}}
		return letterTarget{relation: r}, e.checkLetters(r)
	}
	var c stream.Connector
	if of.Kind != catalog.Table {
		var err error
		if c, err = e.connector(of); err != nil {
			return letterTarget{}, err
		}
	}
	d, ok := c.(stream.DeadLetters)
	if !ok {
		if given {
			return letterTarget{}, sqlerr.Errorf(sqlerr.UndefinedTable, "relation %q, the dead_letter of job %q, does not exist", to, job).
				WithHint("Name a stream or sink, or a path such as '/var/log/dead.jsonl'.")
		}
		return letterTarget{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "job %q has nowhere to put dead letters of %q", job, of.Name).
			WithHint("Set dead_letter to a stream, a sink, or a path such as '/var/log/dead.jsonl'.")
	}
	r := &catalog.Relation{Schema: of.Schema, Name: to, Kind: catalog.Sink, Connector: of.Connector, Columns: rawColumns, Options: d.DeadLetters(of, to, like(of.Connector))}
	return letterTarget{relation: r, raw: true}, e.checkLetters(r)
}

// letterRelation makes a dead letter sink of a relation of the catalog.
func (e *Engine) letterRelation(have *catalog.Relation, like func(connector string) *catalog.Relation) (letterTarget, error) {
	c, err := e.connector(have)
	if err != nil {
		return letterTarget{}, err
	}
	r := *have
	r.Kind, r.Hidden, r.Columns = catalog.Sink, nil, fieldColumns
	t := letterTarget{relation: &r, declared: have.OID}
	if d, ok := c.(stream.DeadLetters); ok {
		r.Columns, r.Options, t.raw = rawColumns, d.DeadLetters(have, "", like(have.Connector)), true
	}
	return t, e.checkLetters(&r)
}

func (e *Engine) checkLetters(r *catalog.Relation) error {
	c, err := e.connector(r)
	if err != nil {
		return err
	}
	return c.Check(&e.o.Env, r, stream.RoleSink)
}

// relationNamed is the stream or sink of a name as SQL writes it, nil where there
// is none.
func relationNamed(s *catalog.Snapshot, path []string, name string) *catalog.Relation {
	if schema, rest, ok := strings.Cut(name, "."); ok {
		if r := s.Relation(schema, rest); r != nil && r.Connector != "" {
			return r
		}
	}
	for _, schema := range append(path[:len(path):len(path)], "public") {
		if r := s.Relation(schema, name); r != nil && r.Connector != "" {
			return r
		}
	}
	return nil
}

// writable: a job's dead letters are written with the rights of its owner, which are
// asked for whenever it is said where they go, and at each start. The names of options
// are known here and not where the statement is bound.
func (r *letterRoutes) writable(s *catalog.Snapshot, owner string) error {
	for _, to := range r.targets {
		o, right := s.ConnectorObject(to.relation.Connector), catalog.UsageRight
		if r := s.RelationByOID(to.declared); to.declared != 0 && r != nil {
			o, right = r.Object(), catalog.InsertRight
		}
		if owner != "" && !s.Has(owner, o, right) {
			return o.Denied()
		}
	}
	return nil
}
