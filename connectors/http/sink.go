package http

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// sink collects an epoch's rows as bodies, and sends them when it commits.
type sink struct {
	config  *sinkConfig
	client  *client
	metrics *stream.Metrics
	encoder *json.Encoder
	owner   string // of the idempotency keys
	job     bool

	body      []byte // of the request that rows are added to
	rows      int
	bodies    [][]byte     // full ones of the epoch that runs
	held      int          // their bytes
	done      stream.Epoch // the last that was committed, and whether it was sent
	delivered bool
	closed    bool
	omitted   atomic.Int64 // rows of requests that the service has refused

	mu      sync.Mutex
	problem error // what a request waits for
}

// mostHeld is how many bytes of an epoch wait for its decision. A job's epoch with more
// sends the first ones before; a transaction is refused.
const (
	mostHeld  = 4 << 20
	mostOwned = 64 << 20
	// mostBody is when a request ends that has fewer rows than it may.
	mostBody = 4 << 20
	// mostAnswer is how much of the answer to one is read; nothing of it is needed.
	mostAnswer = 1 << 20
)

// Sink opens the relation for writing. It connects with the first request.
func (Connector) Sink(_ context.Context, env *stream.Env, rel *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	c, err := readSink(env, rel)
	if err != nil {
		return nil, err
	}
	s := &sink{config: c, metrics: env.Metrics, done: o.Committed, delivered: o.Delivered || o.Committed == 0, job: o.Job != "",
		encoder: json.NewEncoder(rel.Columns, json.EncodeOptions{QuoteDecimals: c.quote, Op: o.Changelog, Labels: env.Labels})}
	s.owner = cmp.Or(o.ID, o.Job, rand.Text()) + "\x00" + rel.Schema + "\x00" + rel.Name
	s.client = newClient(c.requests, stays, s.waits)
	return s, nil
}

var errClosed = errors.New("the HTTP sink is closed")

// Write adds rows to the epoch's requests.
func (s *sink) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	if s.closed {
		return nil, errClosed
	}
	for i := range b.Len() {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		switch {
		case s.config.body == "array" && s.rows == 0:
			s.body = append(s.body, '[')
		case s.config.body == "array":
			s.body = append(s.body, ',')
		}
		s.body = s.encoder.Append(s.body, b, row)
		if s.config.body == "lines" {
			s.body = append(s.body, '\n')
		}
		if s.rows++; s.rows == s.config.rows || len(s.body) >= mostBody {
			s.full()
		}
	}
	s.metrics.RecordsWritten.Add(int64(b.Len()))
	if s.held <= mostHeld {
		return nil, nil
	}
	if !s.job {
		if s.held > mostOwned {
			return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "more than %d MB to send in one transaction", mostOwned>>20).WithHint("Start a job, or send fewer rows at a time.")
		}
		return nil, nil
	}
	return nil, s.early(ctx)
}

// early sends what is full before the decision: after a crash it may be sent again.
func (s *sink) early(ctx context.Context) error {
	for len(s.bodies) > 0 {
		if err := s.send(ctx, s.bodies[0], rand.Text()); err != nil {
			return err
		}
		s.held -= len(s.bodies[0])
		s.bodies = s.bodies[1:]
	}
	return nil
}

// send makes a request with rows. One that the service refuses is left out, where the
// declaration says so.
func (s *sink) send(ctx context.Context, body []byte, key string) error {
	r := request{method: s.config.method, url: s.config.url, body: body, most: mostAnswer}
	if s.config.idHeader != "" {
		r.header = http.Header{http.CanonicalHeaderKey(s.config.idHeader): {key}}
	}
	err := s.client.post(ctx, r)
	var f *failure
	if !errors.As(err, &f) || !f.refused || !s.config.skip {
		return err
	}
	n := s.config.count(body)
	s.omitted.Add(n)
	s.metrics.Rejects.Add(n)
	return nil
}

// count is how many rows a request has.
func (c *sinkConfig) count(body []byte) int64 {
	switch c.body {
	case "lines":
		return int64(bytes.Count(body, []byte{'\n'}))
	case "array":
		var rows []stdjson.RawMessage
		if err := stdjson.Unmarshal(body, &rows); err == nil {
			return int64(len(rows))
		}
	}
	return 1
}

// Omitted is stream.Omitting's.
func (s *sink) Omitted() int64 { return s.omitted.Load() }

// full ends the request that rows are added to.
func (s *sink) full() {
	if s.rows == 0 {
		return
	}
	if s.config.body == "array" {
		s.body = append(s.body, ']')
	}
	s.bodies, s.held = append(s.bodies, s.body), s.held+len(s.body)
	s.body, s.rows = nil, 0
}

// Prepare makes the epoch's requests its token.
func (s *sink) Prepare(context.Context, stream.Epoch) ([]byte, error) {
	if s.closed {
		return nil, errClosed
	}
	s.full()
	t := binary.AppendUvarint([]byte{tokenVersion}, uint64(len(s.bodies)))
	for _, b := range s.bodies {
		t = append(binary.AppendUvarint(t, uint64(len(b))), b...)
	}
	s.bodies, s.held = nil, 0
	return t, nil
}

const tokenVersion = 1

// decodeToken returns the bodies of an epoch's requests.
func decodeToken(t []byte) ([][]byte, error) {
	bad := sqlerr.Errorf(sqlerr.DataCorrupted, "the token kept for an HTTP sink is not one of version %d", tokenVersion)
	if len(t) < 2 || t[0] != tokenVersion {
		return nil, bad
	}
	n, used := binary.Uvarint(t[1:])
	if used <= 0 {
		return nil, bad
	}
	var bodies [][]byte
	for t = t[1+used:]; n > 0; n-- {
		size, used := binary.Uvarint(t)
		if used <= 0 || size > uint64(len(t)-used) {
			return nil, bad
		}
		bodies = append(bodies, t[used:used+int(size)])
		t = t[used+int(size):]
	}
	return bodies, nil
}

// Commit sends the epoch's requests, in their order.
func (s *sink) Commit(ctx context.Context, e stream.Epoch, token []byte) error {
	if s.closed || s.job && (e < s.done || e == s.done && s.delivered) {
		return nil
	}
	bodies, err := decodeToken(token)
	if err != nil {
		return err
	}
	for i, b := range bodies {
		if err := s.send(ctx, b, s.key(e, i)); err != nil {
			return err
		}
	}
	s.done, s.delivered = e, true
	return nil
}

// key is that of an epoch's request, the same whenever it is made.
func (s *sink) key(e stream.Epoch, ordinal int) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", s.owner, e, ordinal))
	return hex.EncodeToString(h[:16])
}

// Rollback forgets the rows of the epoch that runs.
func (s *sink) Rollback(context.Context, stream.Epoch, []byte) error {
	s.body, s.rows, s.bodies, s.held = nil, 0, nil, 0
	return nil
}

// waits notes why a request is not getting through; nil: it has.
func (s *sink) waits(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = err
}

// Impediment is stream.Impeded's.
func (s *sink) Impediment() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}

// Close closes the connections; it may be called twice.
func (s *sink) Close() error {
	s.closed = true
	s.client.transport.CloseIdleConnections()
	return nil
}

var (
	_ stream.Impeded  = (*sink)(nil)
	_ stream.Omitting = (*sink)(nil)
)
