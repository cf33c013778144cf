package pipelines

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Host runs engines, one for each directory. Its methods are those of a service
// of net/rpc, so that it may be in a process of its own, to be killed. They may be
// called from several goroutines, for one directory from one at a time.
type Host struct {
	brokers string
	mu      sync.Mutex
	engines map[string]*engine
}

// Call is what a method of Host is asked.
type Call struct {
	Dir     string
	SQL     string
	Records map[string]int // of each stream, in all
	Ended   bool           // nothing more comes
	Rows    int            // that the jobs give, in all
	Tasks   int            // of every job
	Limit   time.Duration
}

func newHost(brokers string) *Host { return &Host{brokers: brokers, engines: map[string]*engine{}} }

// engine is the directory's, opened where it is not.
func (h *Host) engine(dir string) (*engine, error) {
	h.mu.Lock()
	e := h.engines[dir]
	h.mu.Unlock()
	if e != nil {
		return e, nil
	}
	e, err := openEngine(context.Background(), dir, h.brokers)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.engines[dir] = e
	return e, nil
}

// Run runs statements, all or none, where the directory has not run them before.
func (h *Host) Run(c Call, _ *struct{}) error {
	e, err := h.engine(c.Dir)
	if err != nil || len(e.catalog.Snapshot().SchemaRelations("public")) > 0 {
		return err
	}
	return e.run(context.Background(), c.SQL)
}

// Change runs statements that change tables, in one transaction.
func (h *Host) Change(c Call, _ *struct{}) error {
	e, err := h.engine(c.Dir)
	if err != nil {
		return err
	}
	return e.run(context.Background(), c.SQL)
}

// Divide gives every job so many tasks, and does not wait until it has them.
func (h *Host) Divide(c Call, _ *struct{}) error {
	e, err := h.engine(c.Dir)
	if err != nil {
		return err
	}
	for _, j := range e.catalog.Snapshot().Jobs() {
		sql := fmt.Sprintf("ALTER JOB %s SET (parallelism = %d)", catalog.QuoteName(j.Name), c.Tasks)
		err := e.run(context.Background(), sql)
		for end := time.Now().Add(c.Limit); sqlerr.CodeOf(err) == sqlerr.SerializationFailure && time.Now().Before(end); {
			err = e.run(context.Background(), sql) // it has finished just now, say
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Settle returns when the jobs have committed so many records, or, where nothing
// more comes, have finished.
func (h *Host) Settle(c Call, _ *struct{}) error {
	e, err := h.engine(c.Dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Limit)
	defer cancel()
	if c.Ended {
		e.streams.end()
		return e.finished(ctx, func() bool { return !e.running() && e.Settled() })
	}
	e.streams.wake()
	var of *catalog.Snapshot // that scans are of
	var scans map[string]int
	now := func() (map[string]int, error) {
		s := e.catalog.Snapshot()
		if s == of {
			return scans, nil
		}
		var err error
		of = s
		scans, err = e.scans(ctx, s)
		return scans, err
	}
	if err := e.streams.committed(ctx, c.Records, now, e.failure); err != nil {
		return err
	}
	return e.finished(ctx, e.Settled)
}

// Await returns when the jobs have given so many rows, committed.
func (h *Host) Await(c Call, _ *struct{}) error {
	e, err := h.engine(c.Dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Limit)
	defer cancel()
	n := int64(0)
	err = e.finished(ctx, func() bool {
		n = 0
		for _, j := range e.server.Jobs.Jobs() {
			n += j.RowsOut
		}
		return n >= int64(c.Rows)
	})
	if err != nil {
		return fmt.Errorf("%w; they have given %d rows of %d, with the watermarks %+v", err, n, c.Rows, e.server.Jobs.Watermarks())
	}
	return nil
}

// failure is why a job has failed; nil: none has.
func (e *engine) failure() error {
	for _, j := range e.catalog.Snapshot().Jobs() {
		if j.State == catalog.JobFailed {
			return fmt.Errorf("job %s failed: %s", j.Name, j.Failure)
		}
	}
	return nil
}

// running reports whether a job runs that ends by itself: one that follows tables
// does not.
func (e *engine) running() bool {
	return slices.ContainsFunc(e.catalog.Snapshot().Jobs(), func(j *catalog.Job) bool { return j.State == catalog.JobRunning && !e.Follows(j) })
}

// finished returns when done says so.
func (e *engine) finished(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if err := e.failure(); err != nil {
			return err
		}
		if done() {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the jobs did not finish: %w", ctx.Err())
		}
	}
}

// Close ends a directory's engine at once.
func (h *Host) Close(c Call, _ *struct{}) error {
	h.mu.Lock()
	e := h.engines[c.Dir]
	delete(h.engines, c.Dir)
	h.mu.Unlock()
	if e == nil {
		return nil
	}
	return e.close()
}
