package kafka

import (
	"bytes"
	"context"
	"hash/maphash"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// envelope makes the record of a change out of the rows before and after it, each as
// the sink's encoder writes it; nil: there is none.
type envelope func(dst, before, after []byte) []byte

// changes are those of an epoch, by the keys of the rows. A job's tasks send them in
// any order, the deletion of a row after the insertion of what replaces it too, so a
// row that is as often deleted as inserted is left out, and what remains of a key is
// one record: its row from then on, or that it has none.
type changes struct {
	envelope envelope // nil: the row itself, or no value
	byKey    map[string]*change
	order    []*change
	size     int
	// written has the row that a key was given in this epoch, where the changes were
	// too many to be held to its end: a deletion of another one comes late.
	written map[string]uint64
	seed    maphash.Seed
}

// mostHeld is how many bytes of changes are held for the end of an epoch.
const mostHeld = 64 << 20

type change struct {
	key    []byte // nil: the record has none
	by     string
	images []image
}

// image is a row, and how much oftener it was inserted than deleted.
type image struct {
	row     []byte
	net     int
	time    time.Time
	headers []kgo.RecordHeader
}

func newChanges(e envelope) *changes {
	return &changes{envelope: e, byKey: map[string]*change{}, written: map[string]uint64{}, seed: maphash.MakeSeed()}
}

// add takes a row: net is 1 where it is inserted, -1 where it is deleted. Rows
// without a key are known by themselves.
func (c *changes) add(r *kgo.Record, net int) {
	by := r.Key
	if by == nil {
		by = r.Value
	}
	ch := c.byKey[string(by)]
	if ch == nil {
		ch = &change{key: r.Key, by: string(by)}
		c.byKey[ch.by] = ch
		c.order = append(c.order, ch)
		c.size += 2*len(by) + 128
	}
	for i := range ch.images {
		if im := &ch.images[i]; bytes.Equal(im.row, r.Value) {
			if im.net += net; net > 0 {
				im.time, im.headers = r.Timestamp, r.Headers
			}
			return
		}
	}
	ch.images = append(ch.images, image{row: r.Value, net: net, time: r.Timestamp, headers: r.Headers})
	c.size += len(r.Value) + 64
}

// reset forgets the epoch's changes.
func (c *changes) reset() {
	clear(c.byKey)
	clear(c.written)
	c.order, c.size = c.order[:0], 0
}

// flush hands over a record for each key that has changed, in the order in which the
// keys were met. last: the epoch ends with them.
func (c *changes) flush(topic string, most int, last bool, produce func(*kgo.Record)) (records, size int) {
	put := func(r *kgo.Record) {
		records++
		size += len(r.Value)
		produce(r)
	}
	for _, ch := range c.order {
		var before, after *image
		for i := range ch.images {
			switch im := &ch.images[i]; {
			case im.net > 0:
				after = im
			case im.net < 0 && before == nil:
				before = im
			}
		}
		if after == nil && (before == nil || c.late(ch)) {
			continue
		}
		c.record(topic, most, ch.key, before, after, put)
		if !last {
			c.written[ch.by] = 0
			if after != nil {
				c.written[ch.by] = maphash.Bytes(c.seed, after.row) | 1
			}
		}
	}
	clear(c.byKey)
	c.order, c.size = c.order[:0], 0
	if last {
		clear(c.written)
	}
	return records, size
}

// late reports whether a key whose rows are only deleted was given another row in this
// epoch, which stays.
func (c *changes) late(ch *change) bool {
	has, ok := c.written[ch.by]
	if !ok {
		return false
	}
	for _, im := range ch.images {
		if im.net < 0 && maphash.Bytes(c.seed, im.row)|1 == has {
			return false
		}
	}
	return true
}

func (c *changes) record(topic string, most int, key []byte, before, after *image, put func(*kgo.Record)) {
	of := after
	if of == nil {
		of = before
	}
	r := &kgo.Record{Topic: topic, Key: key, Timestamp: of.time, Headers: of.headers}
	switch {
	case c.envelope == nil && after != nil:
		r.Value = after.row
	case c.envelope != nil:
		r.Value = c.envelope(nil, rowOf(before), rowOf(after))
		if before != nil && after != nil && recordSize(r) > most {
			// Both are too large for a record, and each alone is not.
			c.record(topic, most, key, before, nil, put)
			c.record(topic, most, key, nil, after, put)
			return
		}
	}
	put(r)
}

func rowOf(im *image) []byte {
	if im == nil {
		return nil
	}
	return im.row
}

// hold keeps a batch's rows for the end of the epoch.
func (s *sink) hold(ctx context.Context, r *kgo.Record, net int) {
	s.changes.add(r, net)
	if s.changes.size > mostHeld {
		s.let(ctx, false)
	}
}

// let sends what is held. last: the epoch ends.
func (s *sink) let(ctx context.Context, last bool) {
	n, size := s.changes.flush(s.config.topic, int(s.config.batchBytes), last, func(r *kgo.Record) { s.client.Produce(ctx, r, s.delivered) })
	s.metrics.RecordsWritten.Add(int64(n))
	s.metrics.BytesWritten.Add(int64(size))
}

// inserted is an encoder of rows that are only ever inserted, each as an envelope.
type inserted struct {
	row      encoder
	envelope envelope
	scratch  []byte
}

func (i *inserted) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	var err error
	if i.scratch, err = i.row.Append(i.scratch[:0], b, row); err != nil {
		return dst, err
	}
	return i.envelope(dst, nil, i.scratch), nil
}

func jsonEnvelope(dst, before, after []byte) []byte { return json.AppendChange(dst, before, after) }
