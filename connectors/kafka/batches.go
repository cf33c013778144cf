package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
)

// record is one record of a partition. Its bytes lie in the response, or in what was
// decompressed of it, and are good until the next record is read.
type record struct {
	offset   int64
	millis   int64  // its timestamp, since 1970-01-01 UTC
	key      []byte // nil: none
	value    []byte // nil: none
	headers  []byte // a count, and so many keys and values, as a batch has them
	appended bool   // the broker has stamped it
}

// batches reads what a broker has sent of a partition: batches of records, which are
// checked, decompressed and read one after the other. Control records, those of
// transactions that were undone, and those before the offset asked for are passed over.
type batches struct {
	in   []byte // batches that are not begun
	next int64  // the offset to go on at
	// uncommitted: records of transactions that are open or undone count.
	uncommitted bool
	// aborted are, by producer, the first offsets of transactions that were undone.
	aborted map[int64][]int64
	open    opener

	head    batchHead // of the batch in hand
	records []byte    // what is left of it
	left    int32     // how many
	lent    []byte    // of open, to be given back when the batch ends
	old     []*kgo.Record
	rec     record
	again   bool  // rec is the next one
	err     error // nothing can be read any more
}

// opener decompresses batches into buffers that are used again and again.
type opener struct {
	kgo.Decompressor
	buffers *buffers // nil: what is decompressed stays
}

// buffers are kgo.PoolDecompressBytes. They belong to one goroutine.
type buffers struct{ free [][]byte }

func (b *buffers) GetDecompressBytes([]byte, kgo.CompressionCodecType) []byte {
	n := len(b.free)
	if n == 0 {
		return nil
	}
	buf := b.free[n-1]
	b.free = b.free[:n-1]
	return buf[:0]
}

// maxFree bounds the buffers that are kept: a batch in hand has one, and there may be
// more while partitions are paused.
const maxFree = 4

// maxFreeSize bounds each, in bytes: one batch may be decompressed to far more than others.
const maxFreeSize = 16 << 20

func (b *buffers) PutDecompressBytes(buf []byte) {
	if cap(buf) > 0 && cap(buf) <= maxFreeSize && len(b.free) < maxFree {
		b.free = append(b.free, buf)
	}
}

// batchHeader is what a batch has before its records: base offset 8, length 4, epoch of
// the leader 4, magic 1, CRC 4, attributes 2, last offset delta 4, timestamps 16,
// producer 8, its epoch 2, sequence 4, number of records 4.
const batchHeader = 61

// batchHead is what it says.
type batchHead struct {
	base, last             int64
	leader                 int32 // the leader's epoch
	producer               int64
	epoch                  int16
	codec                  kgo.CompressionCodecType
	appended               bool // the broker has stamped the records
	transactional, control bool
	first, most            int64 // timestamps
	records                int32
	size                   int64 // in bytes
}

// headOf reads the head of the batch that b begins with; false: there is no whole head,
// or it is one of the message sets that were before batches.
func headOf(b []byte) (h batchHead, ok bool) {
	if len(b) < batchHeader || b[16] != 2 {
		return h, false
	}
	attributes := binary.BigEndian.Uint16(b[21:])
	h = batchHead{
		base: int64(binary.BigEndian.Uint64(b)), size: int64(int32(binary.BigEndian.Uint32(b[8:]))) + 12,
		leader: int32(binary.BigEndian.Uint32(b[12:])), producer: int64(binary.BigEndian.Uint64(b[43:])),
		epoch: int16(binary.BigEndian.Uint16(b[51:])), records: int32(binary.BigEndian.Uint32(b[57:])),
		first: int64(binary.BigEndian.Uint64(b[27:])), most: int64(binary.BigEndian.Uint64(b[35:])),
		codec: kgo.CompressionCodecType(attributes & 0x07), appended: attributes&0x08 != 0,
		transactional: attributes&0x10 != 0, control: attributes&0x20 != 0,
	}
	h.last = h.base + int64(int32(binary.BigEndian.Uint32(b[23:])))
	return h, true
}

// batchHeads reads the heads of batches one after another, the last of which may be cut short.
func batchHeads(b []byte) func(yield func(batchHead) bool) {
	return func(yield func(batchHead) bool) {
		for {
			h, ok := headOf(b)
			if !ok || !yield(h) || h.size < batchHeader || h.size > int64(len(b)) {
				return
			}
			b = b[h.size:]
		}
	}
}

// leastMessage is what a batch or message has at least: to its version.
const leastMessage = 17

// sizeOf is how many bytes the first batch or message of b takes, as it says itself;
// false: there are not so many.
func sizeOf(b []byte) (int64, bool) {
	if len(b) < leastMessage {
		return 0, false
	}
	size := int64(int32(binary.BigEndian.Uint32(b[8:]))) + 12
	return size, size <= int64(len(b))
}

// reach is the offset behind the whole batches of b, of those from next on, and the
// leader's epoch that the last of them was written under; -1: of none.
func reach(b []byte, next int64) (int64, int32) {
	epoch := int32(-1)
	for {
		size, ok := sizeOf(b)
		if !ok || size < leastMessage {
			return next, epoch
		}
		last := int64(binary.BigEndian.Uint64(b))
		if h, ok := headOf(b); ok {
			last, epoch = h.last, h.leader
		}
		next = max(next, last+1)
		b = b[size:]
	}
}

// noBatches are none, which says nothing of the leader's epoch.
func noBatches() batches { return batches{head: batchHead{leader: -1}} }

// newBatches reads the batches of a response's partition from an offset on.
func newBatches(p *kmsg.FetchResponseTopicPartition, from int64, uncommitted bool) batches {
	b := noBatches()
	b.in, b.next, b.uncommitted = p.RecordBatches, from, uncommitted
	if uncommitted || len(p.AbortedTransactions) == 0 {
		return b
	}
	b.aborted = map[int64][]int64{}
	for _, a := range p.AbortedTransactions {
		b.aborted[a.ProducerID] = append(b.aborted[a.ProducerID], a.FirstOffset)
	}
	for _, first := range b.aborted {
		slices.Sort(first) // not all brokers send them so
	}
	return b
}

// read returns the next record, nil where the batches end. After an error it returns
// the same one.
func (b *batches) read() (*record, error) {
	if b.again {
		b.again = false
		return &b.rec, nil
	}
	for b.err == nil {
		if len(b.old) > 0 {
			b.fromOld()
			return &b.rec, nil
		}
		for b.left > 0 {
			b.left--
			if b.err = b.parse(); b.err != nil {
				return nil, b.err
			}
			if b.rec.offset >= b.next {
				b.next = b.rec.offset + 1
				return &b.rec, nil
			}
		}
		var more bool
		if more, b.err = b.begin(); !more {
			break
		}
	}
	return nil, b.err
}

// done reports whether no record is left.
func (b *batches) done() bool {
	if b.again || b.err != nil || b.left > 0 || len(b.old) > 0 || len(b.in) > 0 {
		return false
	}
	b.end()
	return true
}

// unread makes read return the same record again.
func (b *batches) unread() { b.again = true }

func (b *batches) damaged(err error) error {
	return fmt.Errorf("the batch at offset %d is damaged: %w", b.head.base, err)
}

// end ends the batch in hand.
func (b *batches) end() {
	if b.lent != nil && b.open.buffers != nil {
		b.open.buffers.PutDecompressBytes(b.lent)
	}
	b.lent, b.records = nil, nil
	if b.head.size > 0 {
		b.next = max(b.next, b.head.last+1)
		b.head.size = 0
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// begin goes to the next batch; false: there is none that is whole.
func (b *batches) begin() (bool, error) {
	b.end()
	size, ok := sizeOf(b.in)
	if !ok {
		b.in = nil
		return false, nil
	}
	if size >= leastMessage && b.in[16] < 2 {
		return b.messages()
	}
	h, ok := headOf(b.in)
	if !ok || size < batchHeader || h.records < 0 {
		b.head.base = int64(binary.BigEndian.Uint64(b.in))
		return false, b.damaged(fmt.Errorf("it is of version %d and has %d records in %d bytes", b.in[16], h.records, size))
	}
	b.head = h
	whole := b.in[:h.size:h.size]
	b.in = b.in[h.size:]
	if h.last < b.next {
		b.left = 0
		return true, nil
	}
	if want, got := binary.BigEndian.Uint32(whole[17:]), crc32.Checksum(whole[21:], castagnoli); want != got {
		return false, b.damaged(fmt.Errorf("its checksum is %08x, and it says %08x", got, want))
	}
	b.records, b.left = whole[batchHeader:], h.records
	if h.control {
		return true, b.marker()
	}
	if b.undone() {
		b.left = 0
		return true, nil
	}
	if h.codec == kgo.CodecNone || h.records == 0 {
		return true, nil
	}
	out, err := b.open.Decompress(b.records, h.codec)
	if err != nil {
		return false, b.damaged(fmt.Errorf("decompressing it: %w", err))
	}
	b.records, b.lent = out, out
	return true, nil
}

// undone reports whether the batch is of a transaction that was undone.
func (b *batches) undone() bool {
	if !b.head.transactional || len(b.aborted) == 0 {
		return false
	}
	first := b.aborted[b.head.producer]
	return len(first) > 0 && b.head.base >= first[0]
}

// marker reads a control batch: one that undoes a transaction ends it.
func (b *batches) marker() error {
	undone := b.undone()
	if b.left > 0 && undone {
		if err := b.parse(); err != nil {
			return err
		}
		// Two bytes of a version, and two of what it says: 0 is undone.
		if k := b.rec.key; len(k) >= 4 && k[2] == 0 && k[3] == 0 {
			// It ends all that the producer had begun before: one may be told of twice, or
			// its own marker be compacted away.
			first := b.aborted[b.head.producer]
			for len(first) > 0 && first[0] <= b.head.base {
				first = first[1:]
			}
			b.aborted[b.head.producer] = first
		}
	}
	b.left = 0
	return nil
}

func (b *batches) short() error {
	return b.damaged(errors.New("a record is longer than what is left of it"))
}

// parse reads the next record of the batch.
func (b *batches) parse() error {
	size, i := wire.Varint(b.records, 0)
	if i < 0 || size < 1 || size > int64(len(b.records)-i) {
		return b.short()
	}
	r := b.records[i : i+int(size)]
	b.records = b.records[i+int(size):]
	stamp, i := wire.Varint(r, 1) // behind its attributes, of which there are none
	delta, i := wire.Varint(r, i)
	if b.rec.key, i = field(r, i); i < 0 {
		return b.short()
	}
	if b.rec.value, i = field(r, i); i < 0 {
		return b.short()
	}
	b.rec.headers = r[i:]
	b.rec.offset, b.rec.appended = b.head.base+delta, b.head.appended
	if b.rec.millis = b.head.first + stamp; b.head.appended {
		b.rec.millis = b.head.most
	}
	return nil
}

// field reads a length and so many bytes, nil where it is negative; -1: there are not
// so many.
func field(r []byte, i int) ([]byte, int) {
	n, i := wire.Varint(r, i)
	switch {
	case i < 0 || n > int64(len(r)-i):
		return nil, -1
	case n < 0:
		return nil, i
	}
	return r[i : i+int(n) : i+int(n)], i + int(n)
}

// messages reads the message sets that were before batches, as the library does: a
// broker keeps those that it has taken, but takes no more.
func (b *batches) messages() (bool, error) {
	o := kgo.ProcessFetchPartitionOpts{Offset: b.next}
	p := kmsg.NewFetchResponseTopicPartition()
	p.RecordBatches = b.in
	at := b.in // they stand before all batches
	for size, ok := sizeOf(at); ok && size >= leastMessage && at[16] < 2; size, ok = sizeOf(at) {
		at = at[size:]
	}
	p.RecordBatches = b.in[:len(b.in)-len(at)]
	got, next := kgo.ProcessFetchPartition(o, &p, b.open.Decompressor, nil)
	if got.Err != nil {
		return false, fmt.Errorf("the messages at offset %d are damaged: %w", b.next, got.Err)
	}
	b.in = at
	b.old = got.Records
	if len(b.old) == 0 {
		b.next = max(b.next, next)
	}
	return len(b.old) > 0 || len(b.in) > 0, nil
}

// fromOld takes the next of the old messages.
func (b *batches) fromOld() {
	r := b.old[0]
	b.old = b.old[1:]
	b.rec = record{offset: r.Offset, millis: r.Timestamp.UnixMilli(), key: r.Key, value: r.Value, appended: r.Attrs.TimestampType() == 1}
	b.next = r.Offset + 1
}
