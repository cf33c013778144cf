package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// eventReader follows a URL's events. A goroutine receives them, and connects again where
// the connection ends, from the last event's id on.
type eventReader struct {
	*reading
	rows *decoding
	at   place
	open bool

	events chan received
	held   atomic.Int64  // bytes of those in events
	took   chan struct{} // holds one: there are fewer
	ended  error         // what Read returns from now on
	n      int64

	id, kind int // hidden columns of the batch; -1: not read
}

// received is an event, or why there are no more.
type received struct {
	event
	err error
}

const (
	// ahead is how many events lie ready while a batch is worked on.
	ahead = 256
	// idleTell is how often it is said that nothing has come.
	idleTell = 500 * time.Millisecond
	// aheadBytes bounds the bytes of those that lie ready, and of those in a batch, but
	// for one that is longer.
	aheadBytes = 8 << 20
)

func newEventReader(r *reading) *eventReader {
	e := &eventReader{reading: r, rows: newDecoding(r.source, r.scan.Columns, r.scan.OnReject), events: make(chan received, ahead), took: make(chan struct{}, 1), id: -1, kind: -1}
	all := r.source.rel.AllColumns()
	for out, c := range r.scan.Columns {
		switch {
		case c < len(r.source.rel.Columns):
		case all[c].Name == "_id":
			e.id = out
		default:
			e.kind = out
		}
	}
	return e
}

// start begins to receive.
func (r *eventReader) start(p place, _ []uint64) {
	if r.at = p; p.Version == 0 {
		r.at = r.source.config.first()
	}
	r.open = true
	id := r.at.ID
	r.wait.Go(func() {
		defer close(r.events)
		if err := r.receive(id); r.ctx.Err() == nil {
			r.pass(received{err: err})
		}
	})
}

// pass hands an event on; false: nobody wants it.
func (r *eventReader) pass(e received) bool {
	for held := r.held.Load(); held > 0 && held+e.size() > aheadBytes; held = r.held.Load() {
		select {
		case <-r.took:
		case <-r.ctx.Done():
			return false
		}
	}
	r.held.Add(e.size())
	select {
	case r.events <- e:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// size is how many bytes an event has.
func (e *event) size() int64 { return int64(len(e.data) + len(e.id) + len(e.kind)) }

// taken notes that an event lies ready no more.
func (r *eventReader) taken(e received) {
	r.held.Add(-e.size())
	select {
	case r.took <- struct{}{}:
	default:
	}
}

// receive connects, again and again, and returns what ends the stream.
func (r *eventReader) receive(id string) error {
	c := r.source.config
	var asked time.Duration // by the server, between two connections
	backoff := c.backoff
	for fails := 0; ; {
		s, n, err := r.connect(id)
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		if s != nil {
			if id = s.last; s.retry > 0 {
				asked = s.retry
			}
		}
		var f *failure
		if err != nil && !(errors.As(err, &f) && f.again) {
			return err
		}
		if fails++; s != nil { // it answers; how soon it ends is its own affair
			fails = 0
		}
		if n > 0 {
			backoff = c.backoff
		}
		if fails > c.retries {
			return err
		}
		if err != nil {
			r.waits(err)
		}
		wait := max(asked, backoff/2+rand.N(backoff/2+1))
		if f != nil && f.after > 0 {
			wait = min(f.after, c.patience)
		}
		backoff = min(2*backoff, longestWait)
		if err := pause(r.ctx, wait); err != nil {
			return err
		}
	}
}

// connect follows one connection to its end, and returns how many events came.
func (r *eventReader) connect(id string) (*eventStream, int, error) {
	c := r.source.config
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	ask := request{method: c.method, url: c.url, header: http.Header{"Cache-Control": {"no-store"}}}
	if id != "" {
		ask.header.Set("Last-Event-ID", id)
	}
	made, err := r.client.make(ctx, ask)
	if err != nil {
		return nil, 0, err
	}
	silence := time.AfterFunc(c.timeout, cancel)
	defer silence.Stop()
	resp, err := r.client.http.Do(made)
	if err != nil {
		return nil, 0, r.client.broken(r.ctx, ctx, err)
	}
	defer resp.Body.Close()
	switch kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); {
	case resp.StatusCode == http.StatusNoContent:
		return nil, 0, io.EOF // the server has no more, and says so
	case resp.StatusCode/100 != 2:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, heard))
		return nil, 0, r.client.refused(resp, text, nil)
	case kind != "text/event-stream":
		return nil, 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s: the answer is no stream of events: its Content-Type is %q", c.what(), c.said([]byte(kind))).
			WithHint("Check url; mode = 'poll' reads answers of other kinds.")
	}
	r.waits(nil)
	silence.Stop()
	s := newEventStream(listening{resp.Body, silence, c.idle}, c.most, id)
	for n := 0; ; n++ {
		e, err := s.next()
		if err != nil {
			why := "the connection has ended"
			if ctx.Err() != nil {
				why = fmt.Sprintf("nothing came for %v", c.idle)
			}
			return s, n, &failure{again: true, error: sqlerr.Errorf(sqlerr.ConnectionFailure, "%s: %s", c.what(), why).
				WithHint("It is connected to again.")}
		}
		r.source.env.Metrics.BytesRead.Add(int64(len(e.data)))
		if len(c.types) > 0 && !slices.Contains(c.types, e.kind) {
			continue
		}
		if !r.pass(received{event: e}) {
			return s, n, r.ctx.Err()
		}
	}
}

// listening is a body whose silence is bounded: while it is read, whatever comes, and not
// while what came is worked on.
type listening struct {
	body    io.Reader
	silence *time.Timer
	most    time.Duration // 0: it is not
}

func (l listening) Read(b []byte) (int, error) {
	if l.most > 0 {
		l.silence.Reset(l.most)
		defer l.silence.Stop()
	}
	return l.body.Read(b)
}

// Read hands on the events that have come.
func (r *eventReader) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	b.Reset()
	if !r.open {
		return stream.Read{}, io.EOF
	}
	if r.ended != nil {
		return stream.Read{}, r.ended
	}
	quiet := time.NewTimer(idleTell)
	defer quiet.Stop()
	select {
	case e, ok := <-r.events:
		if !ok {
			return stream.Read{}, r.ctx.Err()
		}
		return r.deliver(b, e)
	case <-quiet.C:
		return stream.Read{Split: split, CaughtUp: true}, nil
	case <-r.wake:
		return stream.Read{}, nil
	case <-ctx.Done():
		return stream.Read{}, ctx.Err()
	}
}

// deliver hands on an event, and those that lie ready behind it.
func (r *eventReader) deliver(b *vec.Batch, e received) (stream.Read, error) {
	read := stream.Read{Split: split}
	r.rows.into(b)
	came, size := 0, int64(0)
	for {
		r.taken(e)
		if e.err != nil {
			if r.ended = e.err; came == 0 {
				return stream.Read{}, e.err
			}
			break
		}
		if err := r.row(b, e.event, &read); err != nil {
			return stream.Read{}, err
		}
		if size += e.size(); size >= aheadBytes {
			break
		}
		if came++; came == vec.MaxRows {
			break
		}
		var ok bool
		select {
		case e, ok = <-r.events:
		default:
		}
		if !ok {
			read.CaughtUp = true
			break
		}
	}
	r.source.env.Metrics.RecordsRead.Add(int64(b.Rows))
	var err error
	read.Next, err = r.at.encode(nil)
	return read, err
}

// row adds an event.
func (r *eventReader) row(b *vec.Batch, e event, read *stream.Read) error {
	c := r.source.config
	r.at.ID = e.id
	r.n++
	err := error(nil)
	if e.long {
		err = sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the event has more than %d bytes", c.most).WithHint("Raise max_body.")
	} else {
		err = r.rows.row(e.data)
	}
	if err != nil {
		at, perr := r.at.encode(nil)
		if perr != nil {
			return perr
		}
		where := fmt.Sprintf("%s, event %d", c.what(), r.n)
		if e.id != "" {
			where = fmt.Sprintf("%s, event %q", c.what(), e.id)
		}
		reject, err := r.rows.reject(at, r.n, where, e.data, err)
		if err != nil {
			return err
		}
		read.Rejects = append(read.Rejects, reject)
		return nil
	}
	if r.id >= 0 {
		set(b.Cols[r.id], e.id)
	}
	if r.kind >= 0 {
		set(b.Cols[r.kind], e.kind)
	}
	if b.Rows++; r.scan.Raw {
		read.Raw = append(read.Raw, stream.Record{At: r.n, Value: e.data})
	}
	return nil
}

// set appends a text; "": NULL.
func set(v vec.Vec, text string) {
	if text == "" {
		vec.AppendNull(v)
		return
	}
	vec.Append(v, types.Value{Type: types.Of(types.Text), S: text})
}

var (
	_ stream.Reader  = (*eventReader)(nil)
	_ stream.Impeded = (*eventReader)(nil)
)
