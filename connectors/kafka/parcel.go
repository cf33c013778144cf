package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// parcelRows are the most rows of a parcel: few enough for their records and bytes to be
// in a processor's cache when the client takes them.
const parcelRows = 1024

// parcel is rows as records, which the client has until they are delivered. They are room
// for others then.
type parcel struct {
	sink    *sink
	records []kgo.Record
	spans   []span
	buf     []byte // of all keys and values
	// Of the records so many go to the client, and so many are delivered.
	sent, done int
	// lost: a record failed, which the client may still be about to send, or somebody
	// else has bytes of the parcel. It is not used again.
	lost      bool
	delivered func(*kgo.Record, error)
}

// span is where a record's key and value begin, and end, in the parcel's bytes.
type span struct {
	key, value, end int
	err             error // the row has no form
}

// parcels are those that are not in use.
var parcels sync.Pool

// newParcel has room for n records.
func (s *sink) newParcel(n int) *parcel {
	p, ok := parcels.Get().(*parcel)
	if !ok {
		p = &parcel{}
		p.delivered = p.deliver
	}
	if cap(p.records) < n {
		p.records, p.spans = make([]kgo.Record, n, parcelRows), make([]span, n, parcelRows)
	}
	p.sink, p.records, p.spans, p.buf = s, p.records[:n], p.spans[:n], p.buf[:0]
	p.sent, p.done = 0, 0
	return p
}

// deliver hears of each record that was sent. The client says nothing of two at once.
func (p *parcel) deliver(r *kgo.Record, err error) {
	if err != nil {
		p.lost = true
		p.sink.delivered(r, err)
	}
	if p.done++; p.done == p.sent && !p.lost {
		p.sink = nil
		parcels.Put(p)
	}
}

// Write encodes the rows and hands them to the client, which blocks while it
// holds as much as it may.
func (s *sink) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	if err := s.failure(); err != nil {
		return nil, err
	}
	for i, c := range s.values {
		s.row.Cols[i] = b.Cols[c]
	}
	s.row.Rows, s.row.Ops = b.Rows, b.Ops
	if s.client.BufferedProduceRecords() == 0 {
		s.flow.begin()
	}
	var rejects []stream.Reject
	for from := 0; from < b.Len(); from += parcelRows {
		p := s.newParcel(min(b.Len()-from, parcelRows))
		if err := s.fill(p, b, from); err != nil {
			return rejects, err
		}
		bad, err := s.send(ctx, p, b, from)
		rejects = append(rejects, bad...)
		if err != nil {
			return rejects, err
		}
	}
	if ctx.Err() != nil {
		return rejects, ctx.Err()
	}
	return rejects, s.failure()
}

// fill encodes live rows of a batch, of which the first is from.
func (s *sink) fill(p *parcel, b *vec.Batch, from int) error {
	buf := p.buf
	rows, once := s.encoder.(bound)
	if once {
		rows.Bind(&s.row)
	}
	for i := range p.spans {
		at, row := &p.spans[i], live(b, from+i)
		if s.only && b.Op(row) == vec.Delete {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "topic %q takes appended rows only, and the query deletes one", s.config.topic)
		}
		at.key = len(buf)
		buf = s.appendKey(buf, b, row)
		at.value = len(buf)
		at.err = nil
		switch {
		case once:
			buf = rows.Row(buf, &s.row, row)
		case s.encoder != nil:
			buf, at.err = s.encoder.Append(buf, &s.row, row)
		default:
			buf = appendWhole(buf, s.row.Cols[0], row)
		}
		at.end = len(buf)
	}
	p.buf = buf
	return nil
}

// send hands a parcel's records to the client, or holds them until the epoch ends.
func (s *sink) send(ctx context.Context, p *parcel, b *vec.Batch, from int) ([]stream.Reject, error) {
	rejects, err := s.pack(ctx, p, b, from)
	if err != nil {
		return rejects, err
	}
	if s.changes != nil {
		p.lost = true // what is held has bytes of it
		for i := range p.records {
			if r := &p.records[i]; r.Topic != "" {
				s.hold(ctx, r, signed(b.Op(live(b, from+i))))
			}
		}
		return rejects, nil
	}
	s.metrics.RecordsWritten.Add(int64(p.sent))
	s.metrics.BytesWritten.Add(int64(len(p.buf)))
	// The parcel may be another sink's as soon as the last record is handed over.
	records, delivered := p.records, p.delivered
	for i := range records {
		if r := &records[i]; r.Topic != "" {
			s.client.Produce(ctx, r, delivered)
		}
	}
	return rejects, nil
}

func signed(op vec.Op) int {
	if op == vec.Delete {
		return -1
	}
	return 1
}

// pack makes the parcel's records. One without a topic does not go.
func (s *sink) pack(ctx context.Context, p *parcel, b *vec.Batch, from int) (rejects []stream.Reject, err error) {
	now := time.Now() // the clock is asked once: the client would for each record
	for i := range p.records {
		r, row := &p.records[i], live(b, from+i)
		r.Topic, r.Timestamp, r.Context = s.config.topic, now, ctx
		r.Key, r.Value, r.Headers = nil, nil, nil
		bad, err := s.record(r, p.spans[i], p.buf, b, row)
		if err != nil {
			return rejects, err
		}
		if bad == nil {
			p.sent++
			continue
		}
		r.Topic = ""
		if s.changes != nil && b.Op(row) == vec.Delete && (p.spans[i].err != nil || s.keyMissing(b, row) != nil) {
			continue // it was refused when it was inserted
		}
		p.lost = true
		rejects = append(rejects, stream.Reject{Raw: r.Value, Key: r.Key, Err: bad})
	}
	return rejects, nil
}

// record makes the record of a row, or says why the row has none.
func (s *sink) record(r *kgo.Record, at span, buf []byte, b *vec.Batch, row int) (bad, err error) {
	if s.key != nil || s.keyCol >= 0 && !isNull(b.Cols[s.keyCol], row) {
		r.Key = buf[at.key:at.value:at.value]
	}
	gone := s.gone && s.empty(row)
	switch {
	case gone:
	case at.err != nil:
		return s.config.noForm(at.err), nil
	case s.encoder != nil || !isNull(s.row.Cols[0], row):
		r.Value = buf[at.value:at.end:at.end]
	}
	if s.timeCol >= 0 {
		r.Timestamp = timestamp(b.Cols[s.timeCol], row)
	}
	if s.headers >= 0 {
		if r.Headers, err = headersOf(b.Cols[s.headers], row); err != nil {
			return nil, err
		}
	}
	if err := s.keyMissing(b, row); err != nil {
		return err, nil
	}
	if size := recordSize(r); size > int(s.config.batchBytes) {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a record of %d bytes for topic %q is larger than batch.size, %d", size, s.config.topic, s.config.batchBytes).
			WithHint("Set a larger batch.size on the sink, and max.message.bytes of the topic."), nil
	}
	return nil, nil
}
