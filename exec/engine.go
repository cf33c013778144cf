// Package exec runs plans: queries, while their rows are asked for, and jobs,
// for ever. It knows sources and sinks by exec/stream's promises alone, and
// plans as data: who makes either hands it over.
//
// A plan runs as a tree of operators that one goroutine pushes batches through.
// A query's goroutine is the one that asks for rows; a job has one of its own,
// one more for each stream that it reads, and one for each sink.
package exec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Options are what an Engine is made of. Server and what follows it may be left out.
type Options struct {
	Store   *state.Store
	Catalog *catalog.Catalog
	// Tables are the rows of the server's own tables; nil: it has none.
	Tables     *table.Tables
	Connectors []stream.Connector
	// Env is lent to connectors.
	Env stream.Env
	// ResolveFile returns the path of a file of the server that statements may read
	// and write; nil: there is none.
	ResolveFile func(path string) (string, error)
	// Plan plans a job from its kept text and settings.
	Plan func(ctx context.Context, s *catalog.Snapshot, job *catalog.Job) (*plan.StartJob, error)

	// Server is where the engine says what runs, for pg_catalog; nil: nobody
	// asks.
	Server *pgcatalog.Server
	// Memory is the process's account, above those of queries; nil: there is none.
	Memory *memory.Account
	// QueryMemory bounds what the operators of one query hold, in bytes; 0: no
	// bound.
	QueryMemory int64
	// Checkpoint is how long a job's epoch is where the job does not say; 0: one
	// second.
	Checkpoint time.Duration
	// RestartAttempts is how often a job that failed is started again before it
	// stays failed; RestartDelay is the pause before the first of them, which
	// doubles with each that follows. 0: it stays failed.
	RestartAttempts int
	RestartDelay    time.Duration
	// SplitPoll is how often live queries and jobs look for new splits; 0: one
	// second.
	SplitPoll time.Duration
	// Logger hears of what nobody is told; nil: nobody.
	Logger *slog.Logger
}

// Engine runs statements and jobs over one catalog and one store.
type Engine struct {
	o          Options
	log        *slog.Logger
	connectors map[string]stream.Connector
	ctx        context.Context // ends with Drain
	cancel     context.CancelCauseFunc

	sharing  *sharing
	cuts     *cutter
	listings listings

	reconciling sync.Mutex // held by the one session that starts and stops jobs

	mu       sync.Mutex // guards jobs, draining and settling
	jobs     map[state.ID]*job
	draining bool
	// settling are those of the catalog's Owed of which other systems are being told.
	settling map[types.OID]bool

	endPatience time.Duration // endPatience

	background sync.WaitGroup // what waits for other systems and no session for it
}

// New returns an engine that runs nothing yet.
func New(o Options) (*Engine, error) {
	if o.Checkpoint == 0 {
		o.Checkpoint = time.Second
	}
	if o.SplitPoll == 0 {
		o.SplitPoll = time.Second
	}
	if o.Env.Metrics == nil {
		o.Env.Metrics = &stream.Metrics{}
	}
	e := &Engine{o: o, log: o.Logger, connectors: map[string]stream.Connector{}, jobs: map[state.ID]*job{}, settling: map[types.OID]bool{}, sharing: newSharing(), cuts: newCutter(), endPatience: endPatience}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	for _, c := range o.Connectors {
		if e.connectors[c.Name()] != nil {
			return nil, fmt.Errorf("making the engine: connector %s is listed twice", c.Name())
		}
		e.connectors[c.Name()] = c
	}
	if e.o.Server == nil {
		e.o.Server = &pgcatalog.Server{}
	}
	e.o.Server.Jobs, e.o.Server.Connectors = jobsProvider{e}, connectorsProvider{e}
	if e.o.Tables != nil {
		e.o.Server.Sequences = sequencesProvider{e}
	}
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	return e, nil
}

// errDraining is why what runs at a shutdown ends.
var errDraining = sqlerr.Errorf(sqlerr.AdminShutdown, "terminating connection due to administrator command")

// Start recovers and starts the jobs that the catalog says are running. A job
// that cannot start fails alone.
func (e *Engine) Start(ctx context.Context) error {
	_, err := e.reconcile(ctx)
	return err
}

// Drain ends every job after the epoch that runs, and every query. When it returns
// nothing runs any more; where ctx ended first, epochs were cut short and will be undone
// at the next start. A job that heeds not even that is left behind after drainPatience,
// and the error names it: the process is to end. A second call does nothing.
func (e *Engine) Drain(ctx context.Context) error {
	e.mu.Lock()
	if e.draining { // it was called before
		e.mu.Unlock()
		return nil
	}
	e.draining = true
	var all []*job
	for _, j := range e.jobs {
		all = append(all, j)
	}
	e.mu.Unlock()
	for _, j := range all {
		j.askStop()
	}
	errs := make([]error, len(all))
	var waits sync.WaitGroup
	for i, j := range all {
		waits.Go(func() { errs[i] = j.waitFor(ctx, drainPatience) })
	}
	waits.Wait()
	e.cancel(errDraining)
	e.background.Wait()
	e.sharing.close()
	return errors.Join(errs...)
}

// connector returns what serves a relation.
func (e *Engine) connector(r *catalog.Relation) (stream.Connector, error) {
	c := e.connectors[r.Connector]
	if c == nil {
		var names []string
		for _, o := range e.o.Connectors {
			names = append(names, o.Name())
		}
		return nil, sqlerr.Unsupported("Use one of "+strings.Join(names, ", ")+".",
			"connector %q of %q is not supported", r.Connector, r.Name)
	}
	return c, nil
}

// openSource opens a stream. What it takes is counted in counted, where that is
// not nil; count then adds it to the process's.
func (e *Engine) openSource(ctx context.Context, r *catalog.Relation, counted *stream.Metrics) (stream.Source, error) {
	c, err := e.connector(r)
	if err != nil {
		return nil, err
	}
	env := &e.o.Env
	if counted != nil {
		own := *env
		own.Metrics = counted
		env = &own
	}
	return c.Source(ctx, env, r)
}

// count adds what a source that is closed has taken to the process's figures.
func (e *Engine) count(m *stream.Metrics) {
	if m == nil {
		return
	}
	e.o.Env.Metrics.RecordsRead.Add(m.RecordsRead.Load())
	e.o.Env.Metrics.BytesRead.Add(m.BytesRead.Load())
	e.o.Env.Metrics.Rejects.Add(m.Rejects.Load())
}

func (e *Engine) openSink(ctx context.Context, r *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	c, err := e.connector(r)
	if err != nil {
		return nil, err
	}
	return c.Sink(ctx, &e.o.Env, r, o)
}

// Infer returns the columns that a stream's data have.
func (e *Engine) Infer(ctx context.Context, r *catalog.Relation) ([]catalog.Column, error) {
	c, err := e.connector(r)
	if err != nil {
		return nil, err
	}
	inferrer := c.Inferrer(&e.o.Env)
	if inferrer == nil {
		return nil, sqlerr.Unsupported(fmt.Sprintf("Write them: CREATE STREAM %s (name type, ...) WITH (...).", r.Name),
			"columns of a %s stream cannot be inferred", r.Connector)
	}
	return inferrer.Infer(ctx, r)
}

// Key returns the columns of the key that the rows of a stream have which another system
// changes; nil: it is none.
func (e *Engine) Key(ctx context.Context, r *catalog.Relation) ([]string, error) {
	c, ok := e.connectors[r.Connector].(stream.Changing)
	if !ok || !c.Changes(r) {
		return nil, nil
	}
	return c.Key(ctx, &e.o.Env, r)
}

// Metrics are the counters of all connectors.
func (e *Engine) Metrics() *stream.Metrics { return e.o.Env.Metrics }

// fold makes enumerated values alike: FixedSize, fixed_size and fixed-size.
func fold(s string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s))
}
