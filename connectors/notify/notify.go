// Package notify is the sink whose rows are notifications: every session that
// LISTENs to its channel gets each row as the payload of one, in JSON. They go out
// when their epoch commits, in its order, once. Like those of NOTIFY they are for
// who listens then: nobody keeps them, and a crash of the gateway ends the sessions
// with them.
package notify

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/notify"
)

// Connector is the hub's.
type Connector struct{}

var options = []stream.Option{
	{Key: "channel", Required: true, Help: "what sessions LISTEN to; at most 63 bytes"},
	json.DecimalsOption,
}

// Name is 'notify'.
func (Connector) Name() string { return "notify" }

// Options are those of the sink; there is no source.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSource {
		return nil
	}
	return options
}

// PseudoColumns are none.
func (Connector) PseudoColumns() []catalog.Column { return nil }

type config struct {
	channel string
	quote   bool
}

func read(rel *catalog.Relation, role stream.Role) (config, error) {
	if role == stream.RoleSource {
		return config{}, noSource(rel)
	}
	v, err := stream.ReadOptions(rel, role, options)
	if err != nil {
		return config{}, err
	}
	c := config{channel: v.String("channel"), quote: json.QuotesDecimals(v)}
	if err := v.Err(); err != nil {
		return config{}, err
	}
	if n := len(c.channel); n == 0 || n > notify.MaxChannel {
		return config{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "channel of %q has %d bytes: it needs 1 to %d", rel.Name, n, notify.MaxChannel)
	}
	return c, nil
}

// Check validates the declaration.
func (Connector) Check(_ *stream.Env, rel *catalog.Relation, role stream.Role) error {
	_, err := read(rel, role)
	return err
}

// Source is 0A000.
func (Connector) Source(_ context.Context, _ *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	return nil, noSource(rel)
}

func noSource(rel *catalog.Relation) error {
	return sqlerr.Unsupported("LISTEN to the channel in a session, or have the job write to a topic or a table as well and read that.",
		"notifications %q cannot be read as a stream", rel.Name)
}

// Inferrer is nil: there is no data.
func (Connector) Inferrer(*stream.Env) stream.SchemaInferrer { return nil }

// Sink opens the channel.
func (Connector) Sink(_ context.Context, env *stream.Env, rel *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	c, err := read(rel, stream.RoleSink)
	if err != nil {
		return nil, err
	}
	if env.Notify == nil {
		return nil, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "this process has no sessions that could listen to %q", c.channel)
	}
	return &sink{
		hub: env.Notify, metrics: env.Metrics, channel: c.channel, done: o.Committed,
		encoder: json.NewEncoder(rel.Columns, json.EncodeOptions{QuoteDecimals: c.quote, Op: o.Changelog, Labels: env.Labels}),
	}, nil
}

type sink struct {
	hub     *notify.Hub
	metrics *stream.Metrics
	channel string
	encoder *json.Encoder
	row     []byte

	open   []notify.Note // of the running epoch
	ready  []notify.Note // of the prepared one, less what has gone out
	bytes  int           // of both
	done   stream.Epoch
	closed bool
	full   atomic.Bool // Commit waits for listeners
}

var errClosed = errors.New("the notify sink is closed")

// maxOpen bounds what an epoch may hold in memory, and atOnce what goes out
// without leaving others their turn.
const (
	maxOpen = 64 << 20
	atOnce  = 256
)

func (s *sink) Write(_ context.Context, b *vec.Batch) ([]stream.Reject, error) {
	if s.closed {
		return nil, errClosed
	}
	var rejects []stream.Reject
	for i := range b.Len() {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		s.row = s.encoder.Append(s.row[:0], b, row)
		if len(s.row) > notify.MaxPayload {
			err := sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a row of %d bytes is too long for a notification: it may have %d", len(s.row), notify.MaxPayload)
			rejects = append(rejects, stream.Reject{
				Raw: append([]byte(nil), s.row...),
				Err: err.WithHint("Select fewer or shorter columns, or send a key that the listener looks the row up by."),
			})
			continue
		}
		s.open = append(s.open, notify.Note{Channel: s.channel, Payload: string(s.row)})
		s.bytes += len(s.row)
		s.metrics.RecordsWritten.Add(1)
		s.metrics.BytesWritten.Add(int64(len(s.row)))
	}
	if s.bytes > maxOpen {
		return nil, sqlerr.Errorf(sqlerr.OutOfMemory, "more than %d MB to notify in one epoch", maxOpen>>20).
			WithHint("Set a shorter checkpoint.interval, or write to a topic.")
	}
	return rejects, nil
}

// Prepare has nothing to make durable: who could hear it ends with the process.
func (s *sink) Prepare(context.Context, stream.Epoch) ([]byte, error) {
	s.ready = append(s.ready, s.open...)
	s.open = s.open[:0:0]
	return []byte{}, nil
}

// Commit sends the epoch's notifications. It waits while listeners have not read
// what is there.
func (s *sink) Commit(ctx context.Context, e stream.Epoch, _ []byte) error {
	if e <= s.done {
		return nil
	}
	defer s.full.Store(false)
	for len(s.ready) > 0 {
		n := min(len(s.ready), atOnce)
		room := s.hub.Room()
		err := s.hub.Send(ctx, s.ready[:n:n], func() error { return nil })
		switch {
		case err == nil:
			s.ready = s.ready[n:]
		case errors.Is(err, notify.ErrFull):
			s.full.Store(true)
			select {
			case <-room:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		default:
			return err
		}
	}
	s.ready, s.bytes, s.done = nil, 0, e
	for i := range s.open {
		s.bytes += len(s.open[i].Payload)
	}
	return nil
}

// Impediment is stream.Impeded's.
func (s *sink) Impediment() error {
	if !s.full.Load() {
		return nil
	}
	return fmt.Errorf("notifying %q: %w: the session with PID %d takes the longest to read", s.channel, notify.ErrFull, s.hub.Slowest())
}

func (s *sink) Rollback(context.Context, stream.Epoch, []byte) error {
	s.open, s.ready, s.bytes = nil, nil, 0
	return nil
}

func (s *sink) Close() error {
	s.closed = true
	return nil
}
