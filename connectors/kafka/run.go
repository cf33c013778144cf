package kafka

import (
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// running is a decoder that takes records many at a time: it appends the first of some as
// rows, and returns how many; the next one is to be looked at by itself. Runs reports whether
// that is worth trying.
type running interface {
	Runs() bool
	Run(records [][]byte) int
}

// runs decode records many at a time.
type runs struct {
	decoder running
	// odd: the next record is to be looked at by itself.
	odd     bool
	ahead   int // records that were read ahead
	values  [json.RunRecords][]byte
	offsets [json.RunRecords]int64
	left    [json.RunRecords]int // bytes of the batch behind each
	records []record             // nil: only their values are wanted
}

// wanted reports whether a run is worth trying on the next record.
func (x *runs) wanted() bool {
	if x.odd {
		x.odd = false
		return false
	}
	return x.decoder.Runs()
}

// run decodes the records of the batch in hand that come next, most at most, up to one that
// is to be looked at by itself or is not before the offset limit, and returns how many rows
// they made and how many bytes they were. The next record is the one behind them.
func (r *rows) run(b *vec.Batch, c *chunk, most int, limit int64) (rows int, size int64, err error) {
	x, pt := r.runs, c.part
	if pt.end >= 0 {
		limit = min(limit, pt.end)
	}
	c.batches.readAhead(x, most, max(pt.next, c.batches.next), limit)
	n := x.decoder.Run(x.values[:x.ahead])
	x.odd = n < x.ahead
	c.batches.skip(x, n)
	for i := range n {
		size += int64(len(x.values[i]))
		if len(r.hidden) > 0 {
			if err := r.beside(b, &x.records[i], pt.partition); err != nil {
				return 0, 0, err
			}
		}
	}
	if n > 0 {
		pt.next = x.offsets[n-1] + 1
	}
	b.Rows += n
	clear(x.values[:x.ahead]) // which may lie in a response of megabytes
	clear(x.records)
	return n, size, nil
}

// readAhead reads up to most records of the batch in hand, and stays where it is. It stops
// before one that is damaged, has no value, or is not within the offsets from and until.
func (b *batches) readAhead(x *runs, most int, from, until int64) {
	x.ahead = 0
	if b.again || b.err != nil || len(b.old) > 0 {
		return
	}
	was, records, n := b.rec, b.records, 0
	for most = min(most, int(b.left), len(x.values)); n < most; n++ {
		var value []byte
		var offset int64
		if x.records == nil {
			value, offset = b.parseShort()
		}
		if value == nil {
			if b.parse() != nil || b.rec.value == nil {
				break
			}
			value, offset = b.rec.value, b.rec.offset
		}
		if offset < from || offset >= until {
			break
		}
		x.values[n], x.offsets[n], x.left[n] = value, offset, len(b.records)
		if x.records != nil {
			x.records[n] = b.rec
		}
		from = offset + 1
	}
	b.rec, b.records, x.ahead = was, records, n
}

// skip passes over the first n of the records that were read ahead.
func (b *batches) skip(x *runs, n int) {
	if n == 0 {
		return
	}
	b.records = b.records[len(b.records)-x.left[n-1]:]
	b.left -= int32(n)
	b.next = x.offsets[n-1] + 1
}

// parseShort is parse of a record whose numbers take one or two bytes each, as those of most
// do, and of which only the value is wanted. nil: it is another, and was not passed over.
func (b *batches) parseShort() (value []byte, offset int64) {
	size, i := short(b.records, 0)
	if i < 0 || size < 1 || size > int64(len(b.records)-i) {
		return nil, 0
	}
	end := i + int(size)
	r := b.records[:end]
	_, i = short(r, i+1) // its timestamp, behind its attributes, of which there are none
	delta, i := short(r, i)
	key, i := short(r, i)
	if i < 0 || key > int64(len(r)-i) {
		return nil, 0
	}
	n, i := short(r, i+int(max(key, 0)))
	if i < 0 || n < 0 || n > int64(len(r)-i) {
		return nil, 0
	}
	b.records = b.records[end:]
	return r[i : i+int(n) : i+int(n)], b.head.base + delta
}

// short reads a number of one or two bytes; -1: it is longer, or there is none.
func short(b []byte, i int) (int64, int) {
	if i < 0 || i+1 >= len(b) {
		return 0, -1
	}
	low, high := uint64(b[i]), uint64(b[i+1])
	if low < 0x80 {
		return wire.Signed(low), i + 1
	}
	if high < 0x80 {
		return wire.Signed(low&0x7f | high<<7), i + 2
	}
	return 0, -1
}
