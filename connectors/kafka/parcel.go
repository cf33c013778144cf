package kafka

import (
	"context"
	"sync"
	"sync/atomic"
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
	// out are the records that are not delivered, and one more while the parcel is filled.
	out atomic.Int32
	// lost: a record failed, which the client may still be about to send, or somebody
	// else has bytes of the parcel. It is not used again.
	lost      atomic.Bool
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
	p.out.Store(int32(n) + 1)
	return p
}

// deliver hears of each record. The client says nothing of two at once.
func (p *parcel) deliver(r *kgo.Record, err error) {
	if err != nil {
		p.lost.Store(true)
		p.sink.delivered(r, err)
	}
	p.less()
}

// less is one record less that is not delivered.
func (p *parcel) less() {
	if p.out.Add(-1) == 0 && !p.lost.Load() {
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
	for i := range p.spans {
		at, row := &p.spans[i], live(b, from+i)
		if s.only && b.Op(row) == vec.Delete {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "topic %q takes appended rows only, and the query deletes one", s.config.topic)
		}
		at.key = len(buf)
		buf = s.appendKey(buf, b, row)
		at.value = len(buf)
		at.err = nil
		if s.encoder != nil {
			buf, at.err = s.encoder.Append(buf, &s.row, row)
		} else {
			buf = appendWhole(buf, s.row.Cols[0], row)
		}
		at.end = len(buf)
	}
	p.buf = buf
	return nil
}

// send hands a parcel's records to the client, or holds them until the epoch ends.
func (s *sink) send(ctx context.Context, p *parcel, b *vec.Batch, from int) (rejects []stream.Reject, err error) {
	if s.changes != nil {
		p.lost.Store(true) // what is held has bytes of it
	}
	now := time.Now() // the clock is asked once: the client would for each record
	for i := range p.records {
		r, row := &p.records[i], live(b, from+i)
		*r = kgo.Record{Topic: s.config.topic, Timestamp: now}
		taken := s.changes != nil && b.Op(row) == vec.Delete
		bad, err := s.record(r, p.spans[i], p.buf, b, row)
		switch {
		case err != nil:
			return rejects, err
		case bad != nil && taken && (p.spans[i].err != nil || s.keyMissing(b, row) != nil):
			p.less() // it was refused when it was inserted
		case bad != nil:
			p.lost.Store(true)
			rejects = append(rejects, stream.Reject{Raw: r.Value, Key: r.Key, Err: bad})
			p.less()
		case taken:
			s.hold(ctx, r, -1)
		case s.changes != nil:
			s.hold(ctx, r, 1)
		default:
			s.client.Produce(ctx, r, p.delivered)
		}
	}
	if s.changes == nil {
		s.metrics.RecordsWritten.Add(int64(len(p.records) - len(rejects)))
		s.metrics.BytesWritten.Add(int64(len(p.buf)))
	}
	p.less()
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
