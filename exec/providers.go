package exec

import (
	"encoding/hex"
	"iter"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// virtual reads a catalog relation. Its rows are those of the moment at which
// the scan starts.
func (b *builder) virtual(t *tree, n *plan.VirtualScan, to target) error {
	env := b.env
	c := &pgcatalog.Context{Snapshot: env.Catalog, Database: env.Database, User: env.User, Server: b.engine.o.Server, Show: env.Show, Updatable: env.Updatable,
		Statements: env.Statements, Columns: n.Columns}
	if s, ok := env.Session.(pgcatalog.Session); ok {
		c.Session = s
	}
	if cond := b.scanCond; cond != nil {
		b.scanCond = nil
		c.About = b.about(n, cond)
	}
	if showsUnfound[n.Relation.Schema+"."+n.Relation.Name] {
		c.Snapshot = b.engine.with(env.Context, env.Catalog, env.User)
	}
	rows := func() iter.Seq[[]types.Value] { return pgcatalog.Rows(c, n.Relation) }
	b.leaf(t, n, operator.NewVirtual(rows, n.Columns, schemaTypes(n)), to)
	return nil
}

// about is the value that a condition wants of the column that says what the rows of
// a catalog relation are about, where it is one constant; 0: rows of all are read. The
// condition is asked of what is read all the same.
func (b *builder) about(n *plan.VirtualScan, cond plan.Expr) types.OID {
	if and, ok := cond.(*plan.And); ok {
		for _, e := range and.Args {
			if oid := b.about(n, e); oid != 0 {
				return oid
			}
		}
		return 0
	}
	column, ok := pgcatalog.About(n.Relation)
	call, is := cond.(*plan.Call)
	if !ok || !is || call.Func.Name != "oideq" {
		return 0
	}
	for i, e := range call.Args {
		if c, ok := e.(*plan.Column); !ok || n.Columns[c.Index] != column {
			continue
		}
		switch other := call.Args[1-i].(type) {
		case *plan.Const, *plan.Param:
			if v, err := expr.Eval(other, b.env); err == nil && !v.Null {
				return types.OID(v.I)
			}
		}
	}
	return 0
}

// showsUnfound are the catalogs that show what no stream was made of yet.
var showsUnfound = map[string]bool{"pg_catalog.pg_class": true, "pg_catalog.pg_tables": true, "information_schema.tables": true, "ferris.streams": true, "ferris.relations": true}

// jobsProvider tells pg_catalog of the jobs.
type jobsProvider struct{ e *Engine }

// each calls f for every job of the catalog, with what runs of it; nil: nothing.
func (p jobsProvider) each(f func(*catalog.Job, *job)) {
	for _, def := range p.e.o.Catalog.Snapshot().Jobs() {
		p.e.mu.Lock()
		j := p.e.jobs[def.UUID]
		p.e.mu.Unlock()
		f(def, j)
	}
}

// Jobs lists every job.
func (p jobsProvider) Jobs() []pgcatalog.JobStatus {
	var all []pgcatalog.JobStatus
	p.each(func(def *catalog.Job, j *job) {
		end := standing(def, j)
		s := pgcatalog.JobStatus{Name: def.Name, State: end.state, Failure: end.why}
		var h history
		if j != nil {
			j.mu.Lock()
			h, s.Started = j.past, j.started
			s.StateBytes, s.StateEvicted, s.Checkpoint, s.Stall = j.kept.bytes, j.kept.evicted, j.kept.took, j.kept.stalled
			if s.RowsAhead = j.running.in; j.passing != nil {
				s.RowsAhead += j.passing.in
			}
			j.mu.Unlock()
			if s.State == catalog.JobRunning {
				s.Failure = j.impediment()
				s.Impeded = s.Failure.Message != ""
			}
		} else {
			h = p.e.storedHistory(def)
		}
		s.Epoch, s.Restarts = uint64(h.epoch), h.restarts
		s.RowsIn, s.RowsOut, s.Rejected, s.Late = h.in, h.out, h.skipped, h.late
		all = append(all, s)
	})
	return all
}

// Splits lists how far the jobs have read.
func (p jobsProvider) Splits() []pgcatalog.SplitStatus {
	var all []pgcatalog.SplitStatus
	p.each(func(def *catalog.Job, j *job) {
		if j == nil {
			return
		}
		j.mu.Lock()
		first, measures := len(all), []func(*pgcatalog.SplitStatus){}
		for at, offset := range j.positions {
			all = append(all, pgcatalog.SplitStatus{Job: def.Name, Stream: j.streams[at.source], Split: string(at.split), Position: readable(offset)})
			by, offset := j.measures[at.source], slices.Clone(offset)
			measures = append(measures, func(s *pgcatalog.SplitStatus) { measure(s, by, at.split, offset) })
		}
		j.mu.Unlock() // to measure may take a disk's time
		for i, m := range measures {
			m(&all[first+i])
		}
	})
	return all
}

// measure says where a split's place is and where the split ends, as far as one of its
// sources, each a task's, knows.
func measure(s *pgcatalog.SplitStatus, by []stream.Measured, split stream.Split, at stream.Offset) {
	last := int64(-1)
	for _, m := range by {
		place, end, ok := m.Measure(split, at)
		if !ok {
			continue
		}
		s.Position = strconv.FormatInt(place, 10)
		if last = max(last, end); last >= 0 {
			lag := max(last-place, 0)
			s.End, s.Lag = strconv.FormatInt(last, 10), &lag
		}
	}
}

// Watermarks lists how far the event time of each job's streams has come.
func (p jobsProvider) Watermarks() []pgcatalog.WatermarkStatus {
	var all []pgcatalog.WatermarkStatus
	p.each(func(def *catalog.Job, j *job) {
		if j == nil {
			return
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		for at, micros := range j.marks {
			w := pgcatalog.WatermarkStatus{Job: def.Name, Stream: j.streams[at.source], Split: string(at.split), Micros: micros, Late: j.past.late}
			if c := j.times[at.source]; c != nil {
				w.Idle = c.idles(at.split, time.Now())
			}
			all = append(all, w)
		}
	})
	return all
}

// Results lists the rows that jobs without a sink have kept.
func (p jobsProvider) Results() []pgcatalog.JobResult {
	var all []pgcatalog.JobResult
	p.each(func(def *catalog.Job, j *job) {
		var rows []string
		if j != nil {
			j.mu.Lock()
			rows = j.results
			j.mu.Unlock()
		} else if len(def.Sinks) == 0 {
			rows = p.e.storedResults(def)
		}
		state := string(standing(def, j).state)
		for _, r := range rows {
			all = append(all, pgcatalog.JobResult{JobID: def.Name, Status: state, Result: r})
		}
	})
	return all
}

// storedHistory is that of a job that has not run since the start.
func (e *Engine) storedHistory(def *catalog.Job) history {
	h, err := loadHistory(e.o.Store, def.UUID)
	if err != nil {
		e.log.Warn("reading the counters of a job", "job", def.Name, "error", err)
	}
	return h
}

// storedResults are the rows of a job that has not run since the start.
func (e *Engine) storedResults(def *catalog.Job) []string {
	r, err := loadResults(e.o.Store, def.UUID, nil, nil)
	if err != nil {
		e.log.Warn("reading the results of a job", "job", def.Name, "error", err)
		return nil
	}
	return r.rows
}

// readable is an offset as people read it: its text where it is text, else hex.
func readable(o stream.Offset) string {
	if !utf8.Valid(o) {
		return hex.EncodeToString(o)
	}
	for _, c := range o {
		if c < ' ' {
			return hex.EncodeToString(o)
		}
	}
	return string(o)
}

// connectorsProvider tells pg_catalog of the connectors.
type connectorsProvider struct{ e *Engine }

// Connectors lists every connector with its options.
func (p connectorsProvider) Connectors() []pgcatalog.Connector {
	var all []pgcatalog.Connector
	for _, c := range p.e.o.Connectors {
		k := pgcatalog.Connector{Name: c.Name()}
		for _, role := range []stream.Role{stream.RoleSource, stream.RoleSink} {
			options := c.Options(role)
			switch {
			case options == nil:
				continue
			case role == stream.RoleSource:
				k.Source = true
			default:
				k.Sink = true
			}
			for _, o := range options {
				k.Options = append(k.Options, pgcatalog.ConnectorOption{Role: role.String(), Key: o.Key, Aliases: o.Aliases,
					Default: o.Default, Required: o.Required, Help: o.Help})
			}
		}
		all = append(all, k)
	}
	return all
}
