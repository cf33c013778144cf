package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// batchOf writes records as a broker keeps them; change is made before its checksum.
func batchOf(base int64, records []kmsg.Record, change func(*kmsg.RecordBatch)) []byte {
	b := kmsg.RecordBatch{FirstOffset: base, Magic: 2, PartitionLeaderEpoch: 3, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		FirstTimestamp: 1000, MaxTimestamp: 2000, NumRecords: int32(len(records)), LastOffsetDelta: int32(len(records)) - 1}
	for i := range records {
		r := records[i]
		r.OffsetDelta = int32(i)
		b.Records = appendRecord(b.Records, r)
	}
	if change != nil {
		change(&b)
	}
	return sealed(b.AppendTo(nil))
}

func appendRecord(dst []byte, r kmsg.Record) []byte {
	body := r.AppendTo(nil)
	// AppendTo begins with Length, which is that of what follows.
	_, n := binary.Varint(body)
	dst = binary.AppendVarint(dst, int64(len(body)-n))
	return append(dst, body[n:]...)
}

// sealed gives the batch that b is its length and checksum.
func sealed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli))
	return b
}

func values(of ...string) []kmsg.Record {
	records := make([]kmsg.Record, len(of))
	for i, v := range of {
		records[i] = kmsg.Record{Key: []byte("k" + v), Value: []byte(v), TimestampDelta64: int64(i)}
	}
	return records
}

func reading(in []byte, from int64, aborted ...kmsg.FetchResponseTopicPartitionAbortedTransaction) *batches {
	b := newBatches(&kmsg.FetchResponseTopicPartition{RecordBatches: in, AbortedTransactions: aborted}, from, false)
	free := &buffers{}
	b.open = opener{kgo.DefaultDecompressor(free), free}
	return &b
}

// all reads what is left as offset:key=value@millis.
func (b *batches) all() (string, error) {
	var out []string
	for {
		r, err := b.read()
		if r == nil {
			return strings.Join(out, " "), err
		}
		out = append(out, fmt.Sprintf("%d:%s=%s@%d", r.offset, r.key, r.value, r.millis))
	}
}

func zipped(t testing.TB, b *kmsg.RecordBatch) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b.Records); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b.Records = out.Bytes()
	b.Attributes |= 1
}

func ofProducer(id int64) func(*kmsg.RecordBatch) {
	return func(b *kmsg.RecordBatch) { b.ProducerID, b.Attributes = id, 0x10 }
}

// marker ends a transaction: what is 0 where it is undone, 1 where it is committed.
func marker(base, producer int64, what byte) []byte {
	return batchOf(base, []kmsg.Record{{Key: []byte{0, 0, 0, what}, Value: []byte{0, 0, 0, 0, 0, 0}}}, func(b *kmsg.RecordBatch) {
		b.ProducerID, b.Attributes = producer, 0x30
	})
}

func TestBatches(t *testing.T) {
	undone := func(producer, first int64) kmsg.FetchResponseTopicPartitionAbortedTransaction {
		return kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: producer, FirstOffset: first}
	}
	message := (&kmsg.MessageV1{Offset: 4, Magic: 1, Timestamp: 77, Key: []byte("old"), Value: []byte("one")}).AppendTo(nil)
	binary.BigEndian.PutUint32(message[8:], uint32(len(message)-12))
	binary.BigEndian.PutUint32(message[12:], crc32.ChecksumIEEE(message[16:]))
	for _, c := range []struct {
		name    string
		in      [][]byte
		from    int64
		aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction
		want    string
		next    int64
	}{
		{name: "nothing", from: 7, next: 7},
		{name: "two batches", in: [][]byte{batchOf(5, values("a", "b"), nil), batchOf(9, values("c"), nil)}, from: 5, want: "5:ka=a@1000 6:kb=b@1001 9:kc=c@1000", next: 10},
		{name: "from within", in: [][]byte{batchOf(5, values("a", "b", "c"), nil)}, from: 6, want: "6:kb=b@1001 7:kc=c@1002", next: 8},
		{name: "compressed", in: [][]byte{batchOf(5, values("a", "b"), func(b *kmsg.RecordBatch) { zipped(t, b) }), batchOf(7, values("c"), func(b *kmsg.RecordBatch) { zipped(t, b) })},
			from: 5, want: "5:ka=a@1000 6:kb=b@1001 7:kc=c@1000", next: 8},
		{name: "stamped by the broker", in: [][]byte{batchOf(0, values("a", "b"), func(b *kmsg.RecordBatch) { b.Attributes = 8 })}, want: "0:ka=a@2000 1:kb=b@2000", next: 2},
		{name: "compacted", in: [][]byte{batchOf(0, values("a"), func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 8 })}, want: "0:ka=a@1000", next: 9},
		{name: "compacted to nothing", in: [][]byte{batchOf(0, nil, func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 8 })}, next: 9},
		{name: "cut short", in: [][]byte{batchOf(0, values("a"), nil), batchOf(1, values("b"), nil)[:70]}, want: "0:ka=a@1000", next: 1},
		{name: "cut in its head", in: [][]byte{batchOf(0, values("a"), nil), batchOf(1, values("b"), nil)[:15]}, want: "0:ka=a@1000", next: 1},
		{name: "a committed transaction", in: [][]byte{batchOf(0, values("a"), ofProducer(9)), marker(1, 9, 1)}, want: "0:ka=a@1000", next: 2},
		{name: "one undone", in: [][]byte{batchOf(0, values("a"), ofProducer(9)), batchOf(1, values("b"), ofProducer(8)), marker(2, 9, 0), batchOf(3, values("c"), ofProducer(9)), marker(4, 9, 1), marker(5, 8, 1)},
			aborted: []kmsg.FetchResponseTopicPartitionAbortedTransaction{undone(9, 0)}, want: "1:kb=b@1000 3:kc=c@1000", next: 6},
		{name: "two undone, told in no order", in: [][]byte{batchOf(0, values("a"), ofProducer(9)), marker(1, 9, 0), batchOf(2, values("b"), ofProducer(9)), marker(3, 9, 1), batchOf(4, values("c"), ofProducer(9)), marker(5, 9, 0)},
			aborted: []kmsg.FetchResponseTopicPartitionAbortedTransaction{undone(9, 4), undone(9, 0)}, want: "2:kb=b@1000", next: 6},
		{name: "beside an undone one without a transaction", in: [][]byte{batchOf(0, values("a"), func(b *kmsg.RecordBatch) { b.ProducerID = 9 }), marker(1, 9, 0)},
			aborted: []kmsg.FetchResponseTopicPartitionAbortedTransaction{undone(9, 0)}, want: "0:ka=a@1000", next: 2},
		{name: "a message before batches", in: [][]byte{message, batchOf(5, values("a"), nil)}, from: 4, want: "4:old=one@77 5:ka=a@1000", next: 6},
	} {
		in := bytes.Join(c.in, nil)
		b := reading(in, c.from, c.aborted...)
		got, err := b.all()
		if got != c.want || err != nil || b.next != c.next {
			t.Errorf("%s: %q, next %d, %v, want %q, next %d", c.name, got, b.next, err, c.want, c.next)
		}
		if next, _ := reach(in, c.from); next != c.next {
			t.Errorf("%s: it reaches to %d, want %d", c.name, next, c.next)
		}
	}
}

// TestBatchesUncommitted reads what is undone too.
func TestBatchesUncommitted(t *testing.T) {
	p := &kmsg.FetchResponseTopicPartition{
		RecordBatches:       append(batchOf(0, values("a"), ofProducer(9)), marker(1, 9, 0)...),
		AbortedTransactions: []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 9}},
	}
	b := newBatches(p, 0, true)
	if got, err := b.all(); got != "0:ka=a@1000" || err != nil || b.next != 2 {
		t.Errorf("%q, next %d, %v", got, b.next, err)
	}
}

// TestBatchesDamaged: what is not as it was written is an error that names the place,
// after the records before it.
func TestBatchesDamaged(t *testing.T) {
	whole := func() []byte { return batchOf(1, values("b", "c"), nil) }
	flipped := whole()
	flipped[len(flipped)-1] ^= 1
	version := whole()
	version[16] = 3
	small := whole()
	binary.BigEndian.PutUint32(small[8:], 20)
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"a flipped bit", "the batch at offset 1 is damaged: its checksum is", flipped},
		{"a version that is not known", "the batch at offset 1 is damaged: it is of version 3", version},
		{"a length less than its head's", "the batch at offset 1 is damaged", small},
		{"more records than there are", "a record is longer than what is left of it", batchOf(1, values("b"), func(b *kmsg.RecordBatch) { b.NumRecords = 2 })},
		{"fewer than none", "damaged: it is of version 2 and has -1 records", batchOf(1, values("b"), func(b *kmsg.RecordBatch) { b.NumRecords = -1 })},
		{"no compression that is known", "decompressing it", batchOf(1, values("b"), func(b *kmsg.RecordBatch) { b.Attributes = 7 })},
		{"not compressed", "decompressing it", batchOf(1, values("b"), func(b *kmsg.RecordBatch) { b.Attributes = 1 })},
	} {
		b := reading(append(batchOf(0, values("a"), nil), c.in...), 0)
		got, err := b.all()
		if want := "0:ka=a@1000"; !strings.HasPrefix(got, want) || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v, want %q and %q", c.name, got, err, want, c.want)
		}
		if _, again := b.all(); again != err { //nolint:errorlint // it is the same one
			t.Errorf("%s: again %v, want %v", c.name, again, err)
		}
	}
}

func TestUnread(t *testing.T) {
	b := reading(batchOf(0, values("a", "b"), nil), 0)
	if _, err := b.read(); err != nil || b.done() {
		t.Fatal("the first of two records ends the batch", err)
	}
	if _, err := b.read(); err != nil {
		t.Fatal(err)
	}
	b.unread()
	if b.done() {
		t.Error("a record that was given back is not left")
	}
	if got, err := b.all(); got != "1:kb=b@1001" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if !b.done() || b.next != 2 {
		t.Errorf("done %v, next %d, want 2", b.done(), b.next)
	}
}

// TestBatchesAllocate: a record costs no allocation, compressed or not. Pools forget
// under the race detector, so a few for each batch are let pass.
func TestBatchesAllocate(t *testing.T) {
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint(i))
	}
	in := append(batchOf(0, values(many...), nil), batchOf(1000, values(many...), func(b *kmsg.RecordBatch) { zipped(t, b) })...)
	p := &kmsg.FetchResponseTopicPartition{RecordBatches: in}
	free := &buffers{}
	open := opener{kgo.DefaultDecompressor(free), free}
	n := 0
	allocs := testing.AllocsPerRun(20, func() {
		b := newBatches(p, 0, false)
		b.open = open
		for n = 0; ; n++ {
			if r, err := b.read(); err != nil {
				t.Fatal(err)
			} else if r == nil {
				break
			}
		}
	})
	if n != 2000 || allocs > 20 {
		t.Errorf("reading %d records of two batches allocates %v times", n, allocs)
	}
}

// FuzzBatches: whatever a broker sends, reading it ends, and offsets ascend. Lengths and
// checksums are set right, so that what lies behind them is met.
func FuzzBatches(f *testing.F) {
	f.Add(batchOf(0, values("a", "b"), nil), int64(0), true)
	f.Add(append(batchOf(5, values("a"), ofProducer(9)), marker(6, 9, 0)...), int64(5), true)
	f.Add(batchOf(0, values("a", "b"), func(b *kmsg.RecordBatch) { zipped(f, b) }), int64(1), true)
	f.Add((&kmsg.MessageV1{Offset: 4, Magic: 1, Value: []byte("one")}).AppendTo(nil), int64(0), false)
	f.Fuzz(func(t *testing.T, in []byte, from int64, whole bool) {
		in = slices.Clone(in)
		if whole && len(in) >= batchHeader {
			sealed(in)
		}
		b := reading(in, from, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: 9, FirstOffset: 5})
		last, n := from-1, 0
		for {
			r, err := b.read()
			if r == nil {
				if err == nil && !b.done() {
					t.Fatal("nothing more is read, and something is left")
				}
				break
			}
			if r.offset <= last && from > -1<<62 {
				t.Fatalf("offset %d after %d", r.offset, last)
			}
			if last, n = r.offset, n+1; n > 1<<22 {
				t.Fatalf("more than %d records of %d bytes", n, len(in))
			}
		}
	})
}

// TestAbortedTwice: the marker of a transaction that was undone ends all that its producer had
// begun before, whether one is told of twice or the marker of one is gone; what the producer
// commits next is read.
func TestAbortedTwice(t *testing.T) {
	of := func(first int64) kmsg.FetchResponseTopicPartitionAbortedTransaction {
		return kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: 9, FirstOffset: first}
	}
	in := slices.Concat(batchOf(5, values("a"), ofProducer(9)), batchOf(6, values("b"), ofProducer(9)), marker(7, 9, 0), batchOf(8, values("c"), ofProducer(9)), marker(9, 9, 1))
	for _, aborted := range [][]kmsg.FetchResponseTopicPartitionAbortedTransaction{{of(5)}, {of(5), of(5)}, {of(5), of(6)}} {
		b := reading(in, 5, aborted...)
		if got, err := b.all(); got != "8:kc=c@1000" || err != nil || b.next != 10 {
			t.Errorf("undone %v: %q, %v, next %d", aborted, got, err, b.next)
		}
	}
}

// TestBuffersAreBounded: what a batch that grows huge was decompressed into is not kept.
func TestBuffersAreBounded(t *testing.T) {
	free := &buffers{}
	free.PutDecompressBytes(make([]byte, maxFreeSize+1))
	free.PutDecompressBytes(make([]byte, 10))
	if got := free.GetDecompressBytes(nil, kgo.CodecGzip); cap(got) != 10 {
		t.Errorf("a buffer of %d bytes was kept", cap(got))
	}
	if got := free.GetDecompressBytes(nil, kgo.CodecGzip); got != nil {
		t.Errorf("a buffer of %d bytes was kept", cap(got))
	}
}
