package exec

import (
	"context"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// ledgers is a connector whose sinks write in a Decider's transactions, over
// memory that outlives engines.
type ledgers struct {
	*topics // what a sink does with rows until they are decided is a file's

	mu   sync.Mutex
	jobs map[string]*ledger // by the job's id
	// outcome says what becomes of a commit: whether it is done, and what is
	// heard of it; nil: it is done.
	outcome func() (done bool, heard error)
	bad     error // what CheckDecider says
}

// ledger is what a job has written.
type ledger struct {
	instance int
	last     stream.Decision
	open     map[string][]string
	rows     map[string][]string // that are decided, by sink
	asked    []stream.Decision
}

func newLedgers() *ledgers { return &ledgers{topics: newTopics(), jobs: map[string]*ledger{}} }

func (*ledgers) Name() string { return "ledger" }

func (c *ledgers) CheckDecider(*stream.Env, []*catalog.Relation, stream.DeciderOptions) error {
	return c.bad
}

func (c *ledgers) Decider(_ *stream.Env, _ []*catalog.Relation, o stream.DeciderOptions) (stream.Decider, error) {
	return &ledgerDecider{c: c, id: o.ID}, nil
}

// rows are what is decided of a sink, over all jobs.
func (c *ledgers) rows(sink string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, l := range c.jobs {
		all = append(all, l.rows[sink]...)
	}
	return all
}

type ledgerDecider struct {
	c        *ledgers
	id       string
	l        *ledger
	instance int
}

func (d *ledgerDecider) Ask(context.Context) (stream.Decision, error) {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	if d.l = d.c.jobs[d.id]; d.l == nil {
		d.l = &ledger{rows: map[string][]string{}}
		d.c.jobs[d.id] = d.l
	}
	d.l.instance++
	d.instance = d.l.instance
	d.l.open = map[string][]string{}
	d.l.asked = append(d.l.asked, d.l.last)
	return d.l.last, nil
}

func (d *ledgerDecider) Decide(_ context.Context, dec stream.Decision) error {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	if d.instance != d.l.instance {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "another instance writes")
	}
	done, heard := true, error(nil)
	if d.c.outcome != nil {
		done, heard = d.c.outcome()
	}
	if done {
		for sink, rows := range d.l.open {
			d.l.rows[sink] = append(d.l.rows[sink], rows...)
		}
		d.l.last = dec
	}
	d.l.open = map[string][]string{}
	return heard
}

func (*ledgerDecider) Close() error { return nil }

func (*ledgerDecider) String() string { return "the ledger" }

func (c *ledgers) Sink(ctx context.Context, env *stream.Env, r *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	d, decided := o.Decider.(*ledgerDecider)
	// A file of the sink's own turns rows into lines.
	s, err := c.topics.Sink(ctx, env, r, stream.SinkOptions{})
	if err != nil || !decided {
		return s, err
	}
	return &ledgerSink{fileSink: s.(*fileSink), d: d, name: r.Name}, nil
}

type ledgerSink struct {
	*fileSink
	d    *ledgerDecider
	name string
}

func (s *ledgerSink) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	s.f.mu.Lock()
	s.f.lines = nil
	s.f.mu.Unlock()
	rejects, err := s.fileSink.Write(ctx, b)
	s.f.mu.Lock()
	lines := s.f.lines
	s.f.mu.Unlock()
	s.d.c.mu.Lock()
	defer s.d.c.mu.Unlock()
	if s.d.instance == s.d.l.instance {
		s.d.l.open[s.name] = append(s.d.l.open[s.name], lines...)
	}
	return rejects, err
}

func (s *ledgerSink) Prepare(context.Context, stream.Epoch) ([]byte, error) { return nil, nil }

func (s *ledgerSink) Commit(context.Context, stream.Epoch, []byte) error { return nil }

func (s *ledgerSink) Rollback(context.Context, stream.Epoch, []byte) error { return nil }

// printers is a connector whose sinks may get rows twice.
type printers struct{ *topics }

func (printers) Name() string { return "printer" }

func (printers) Repeating() {}
