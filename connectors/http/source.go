package http

import (
	"context"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// source is a URL opened for reading.
type source struct {
	env    *stream.Env
	rel    *catalog.Relation
	config *sourceConfig
}

// Splits is one.
func (*source) Splits(context.Context) ([]stream.Split, error) { return []stream.Split{split}, nil }

// Close does nothing: readers have their connections.
func (*source) Close() error { return nil }

// Open starts a reader. It connects with the first Read.
func (s *source) Open(ctx context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	if s.config.events && scan.Bounded {
		return nil, sqlerr.Unsupported("Write SELECT ... EMIT CHANGES, or start a job.", "reading the events of %q to their end, which they have not, is not supported", s.rel.Name)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	shared := reading{source: s, scan: scan, ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1)}
	shared.client = newClient(s.config.requests, follows, shared.waits)
	var r interface {
		stream.Reader
		start(p place, keys []uint64)
	}
	if s.config.events {
		r = newEventReader(&shared)
	} else {
		r = newPollReader(&shared)
	}
	shared.client.waits = shared.waits
	for _, p := range from {
		at, keys, err := s.decodePlace(p.Offset)
		if err != nil {
			cancel()
			return nil, err
		}
		r.start(at, keys)
	}
	return r, nil
}

// reading is what readers have in common.
type reading struct {
	source *source
	scan   stream.Scan
	client *client
	ctx    context.Context // of what runs beside Read
	cancel context.CancelFunc
	wait   sync.WaitGroup
	wake   chan struct{} // holds one request

	mu      sync.Mutex
	problem error // what a request waits for
}

// Wake makes Read return.
func (r *reading) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Add takes none: there is one split from the beginning.
func (r *reading) Add(_ context.Context, from []stream.Position) error {
	if len(from) > 0 {
		return sqlerr.Errorf(sqlerr.InternalError, "split %s of %q came to be while it was read", from[0].Split, r.source.rel.Name)
	}
	return nil
}

// Ack does nothing: a service does not hear of what is committed.
func (*reading) Ack(context.Context, []stream.Position) error { return nil }

// waits notes why a request is not getting through; nil: it has.
func (r *reading) waits(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problem = err
}

// Impediment is stream.Impeded's.
func (r *reading) Impediment() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.problem
}

// Close ends what runs; it may be called twice.
func (r *reading) Close() error {
	r.cancel()
	r.wait.Wait()
	r.client.transport.CloseIdleConnections()
	return nil
}

// Inferrer tells columns from an answer's records.
func (Connector) Inferrer(env *stream.Env) stream.SchemaInferrer { return inferrer{env} }

type inferrer struct{ env *stream.Env }

// sampled is how many records columns are inferred from.
const sampled = 1000

// Infer asks once.
func (i inferrer) Infer(ctx context.Context, rel *catalog.Relation) ([]catalog.Column, error) {
	c, err := readSource(i.env, rel)
	if err != nil {
		return nil, err
	}
	if c.events || len(c.asked) > 0 {
		return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the columns of stream %q, which is not read whole, are to be declared", rel.Name).
			WithHint("Write them: CREATE STREAM %s (id bigint, ...) WITH (...).", rel.Name)
	}
	cl := newClient(c.requests, follows, func(error) {})
	defer cl.transport.CloseIdleConnections()
	u, err := c.at(c.first())
	if err != nil {
		return nil, err
	}
	a, err := cl.do(ctx, request{method: c.method, url: u, body: c.body, most: c.most})
	if err != nil {
		return nil, err
	}
	p, err := c.cut(a)
	if err != nil {
		return nil, err
	}
	records := p.records[:min(len(p.records), sampled)]
	if c.format == formatCSV {
		headed := c.headed != "false"
		of := csv.Inference{Options: csv.Options{Delimiter: c.delimiter, Null: c.null}}
		if len(records) == 0 || headed && len(records) == 1 {
			return nil, nothing(rel)
		}
		var header []byte
		if headed {
			header, records = records[0], records[1:]
		}
		for _, record := range records {
			if err := of.Add(header, record); err != nil {
				return nil, stream.RecordError(rel, c.what(), err)
			}
		}
		return of.Columns(headed), nil
	}
	var of json.Inference
	n := 0
	for _, record := range records {
		if err = of.Add(record); err == nil {
			n++
		}
	}
	switch {
	case n == 0 && err != nil:
		return nil, stream.RecordError(rel, c.what(), err)
	case n == 0:
		return nil, nothing(rel)
	}
	return of.Columns(), nil
}

func nothing(rel *catalog.Relation) error {
	return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the answer that %q is of has no record, so its columns cannot be told", rel.Name).
		WithHint("Write the columns: CREATE STREAM %s (id bigint, ...) WITH (...).", rel.Name)
}

// first is the place where a URL is begun.
func (c *sourceConfig) first() place {
	return place{Cursor: c.cursorStart, Has: c.cursorStart != "", Events: c.events}
}
