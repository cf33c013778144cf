package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// stallCheck is how long a bounded read waits for records before it asks whether
// a broker is there and whether records are left at all.
const stallCheck = 5 * time.Second

// reader consumes partitions. It ends a partition by position: control records
// are kept, so that one is seen even where the log ends in an aborted
// transaction.
type reader struct {
	source *source
	scan   stream.Scan
	client *kgo.Client
	rows   *rows

	stall time.Duration // stallCheck

	parts  map[partition]*part
	queue  []chunk
	live   int // partitions that have not ended
	paused map[partition]bool
	held   []chunk // of those, as they were in queue

	wake struct {
		sync.Mutex
		asked  bool
		cancel context.CancelFunc // of the poll under way
	}
	close sync.Once
}

// part is one partition being read.
type part struct {
	partition
	id     [16]byte // the topic's
	absent bool     // it is gone, and read again if it comes back
	next   int64
	end    int64 // exclusive; -1: none
	ended  bool
	moved  time.Time // when next was last seen to change, for a bounded read
}

// chunk is what one fetch had of a partition, less what was read already.
type chunk struct {
	part    *part
	records []*kgo.Record
	end     int64 // of the log, at the time of the fetch
	bounded bool  // the scan's upper bound of time was looked for
	last    bool  // what follows these records lies past it
}

// Open starts a reader. Where the partitions begin and end is resolved once,
// before the first record.
func (s *source) Open(ctx context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	cl, err := s.config.dial(s.env, s.config.consumer()...)
	if err != nil {
		return nil, err
	}
	rows, err := newRows(s.env, s.rel, s.config, scan)
	if err != nil {
		cl.Close()
		return nil, err
	}
	r := &reader{source: s, scan: scan, client: cl, rows: rows, parts: map[partition]*part{}, stall: stallCheck}
	latest := scan.Latest || s.config.latest && !scan.Bounded && !scan.Earliest
	if err := r.add(ctx, from, latest && !stream.Resumed(from)); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Add takes up partitions that came to be since the stream is read: all that
// they hold is new.
func (r *reader) Add(ctx context.Context, from []stream.Position) error {
	return r.add(ctx, from, false)
}

// add takes up partitions. One without a position begins where the scan and the
// stream's options say; latest: at its end.
func (r *reader) add(ctx context.Context, from []stream.Position, latest bool) error {
	if len(from) == 0 {
		return nil
	}
	b, err := r.source.bounds(ctx, r.scan.From)
	if err != nil {
		return err
	}
	assign := map[string]map[int32]kgo.Offset{}
	for _, p := range from {
		at, err := r.source.config.partition(p.Split)
		if err != nil {
			return err
		}
		pt, err := r.begin(at, p.Offset, b, latest)
		if err != nil {
			return err
		}
		pt.id = r.source.topics.id(at.topic)
		r.parts[at] = pt
		if pt.ended {
			continue
		}
		r.live++
		put(assign, at, pt.next)
		if pt.next >= b.end[at] {
			r.queue = append(r.queue, chunk{part: pt, end: b.end[at]})
		}
	}
	if len(assign) > 0 {
		r.client.AddConsumePartitions(assign)
	}
	return nil
}

// put notes where a partition is to be read from.
func put(assign map[string]map[int32]kgo.Offset, p partition, offset int64) {
	if assign[p.topic] == nil {
		assign[p.topic] = map[int32]kgo.Offset{}
	}
	assign[p.topic][p.number] = kgo.NewOffset().At(offset)
}

// begin decides where a partition begins and ends.
func (r *reader) begin(p partition, at stream.Offset, b bounds, latest bool) (*part, error) {
	c := r.source.config.of(p.topic)
	start, ok := b.start[p]
	switch {
	case ok:
	case c.continueAfter && c.pattern != nil && !r.scan.Bounded:
		return &part{partition: p, end: -1, absent: true, moved: time.Now()}, nil
	case c.continueAfter && (at != nil || c.pattern != nil):
		return &part{partition: p, ended: true}, nil // of the topic that was there before
	case c.pattern != nil && !r.source.topics.has(p.topic):
		return nil, c.vanished()
	default:
		return nil, sqlerr.Errorf(sqlerr.DataCorrupted, "topic %q has no partition %d", p.topic, p.number)
	}
	pt := &part{partition: p, next: start, end: -1, moved: time.Now()}
	if r.scan.Bounded {
		pt.end = b.end[p]
	}
	if until := r.scan.Until.Offset; until != nil && (pt.end < 0 || *until < pt.end) {
		pt.end = *until
	}
	if only := r.scan.From.Partition; only != nil && *only != p.number {
		pt.end = pt.next
	}
	if at != nil {
		next, err := r.source.decode(p.topic, at)
		if err != nil {
			return nil, err
		}
		if next < start {
			if !c.continueAfter {
				return nil, c.overtaken(p.number, next, start)
			}
			next = start
		}
		pt.next = next
	} else {
		if latest {
			pt.next = max(pt.next, b.end[p])
		}
		if o := r.scan.From.Offset; o != nil {
			pt.next = max(pt.next, *o)
		}
		if since, ok := b.since[p]; ok && since > pt.next {
			pt.next = since
		}
		if n, ok := r.scan.At[c.split(p)]; ok {
			switch {
			case n < start && !c.continueAfter:
				return nil, c.overtaken(p.number, n, start)
			case n > b.end[p]:
				return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "topic %q, partition %d ends at offset %d, before %d", p.topic, p.number, b.end[p], n)
			}
			pt.next = max(n, start)
		}
	}
	pt.ended = pt.end >= 0 && pt.next >= pt.end
	return pt, nil
}

// Pause is stream.Pauser's. What was fetched of a partition waits, in its order.
func (r *reader) Pause(splits []stream.Split) {
	were := r.paused
	r.paused = map[partition]bool{}
	stop, resume := map[string][]int32{}, map[string][]int32{}
	for _, s := range splits {
		p, err := r.source.config.partition(s)
		if err != nil {
			continue // it is not one of the reader's
		}
		if r.paused[p] = true; !were[p] {
			stop[p.topic] = append(stop[p.topic], p.number)
		}
	}
	for p := range were {
		if !r.paused[p] {
			resume[p.topic] = append(resume[p.topic], p.number)
		}
	}
	if len(stop) > 0 {
		r.client.PauseFetchPartitions(stop)
	}
	if len(resume) > 0 {
		r.client.ResumeFetchPartitions(resume)
	}
	all := slices.Concat(r.held, r.queue)
	r.held, r.queue = nil, nil
	for _, c := range all {
		if r.paused[c.part.partition] {
			r.held = append(r.held, c)
		} else {
			r.queue = append(r.queue, c)
		}
	}
}

// Wake makes Read return. Any goroutine may call it: either Read has set cancel
// and is woken by it, or finds asked before it polls.
func (r *reader) Wake() {
	r.wake.Lock()
	defer r.wake.Unlock()
	r.wake.asked = true
	if r.wake.cancel != nil {
		r.wake.cancel()
	}
}

// woken takes back the request to wake.
func (r *reader) woken() bool {
	r.wake.Lock()
	defer r.wake.Unlock()
	was := r.wake.asked
	r.wake.asked = false
	return was
}

// Read delivers what is queued of one partition, after a fetch where nothing is.
func (r *reader) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	b.Reset()
	for {
		if r.woken() {
			return stream.Read{}, nil
		}
		for len(r.queue) > 0 {
			if read, ok, err := r.deliver(b); ok || err != nil {
				return read, err
			}
		}
		// Without a partition yet the reader waits for one to be added, and so it does where
		// topics come and go.
		if r.live == 0 && (len(r.parts) > 0 && r.source.config.pattern == nil || r.scan.Bounded || r.scan.Until != (stream.Bound{})) {
			return stream.Read{}, io.EOF
		}
		if err := r.poll(ctx); err != nil {
			return stream.Read{}, err
		}
	}
}

// deliver decodes rows of the first chunk. false: it held nothing to tell of.
func (r *reader) deliver(b *vec.Batch) (stream.Read, bool, error) {
	c := &r.queue[0]
	pt := c.part
	if pt.ended {
		r.queue = r.queue[1:]
		return stream.Read{}, false, nil
	}
	if r.scan.Until.Timestamp != nil && !c.bounded {
		c.bounded = true
		if i := slices.IndexFunc(c.records, r.past); i >= 0 {
			c.records, c.last = c.records[:i], true
		}
	}
	read := stream.Read{Split: r.source.config.split(pt.partition)}
	n, err := r.rows.decode(b, pt, c.records, &read, r.source)
	if err != nil {
		return stream.Read{}, false, err
	}
	c.records = c.records[n:]
	if pt.end >= 0 && pt.next >= pt.end || c.last && len(c.records) == 0 {
		r.finish(pt)
	}
	if len(c.records) == 0 || pt.ended {
		read.CaughtUp = pt.ended || pt.next >= c.end
		c.records = nil
		r.queue = r.queue[1:]
	}
	read.Next = encode(pt.id, pt.next)
	return read, true, nil
}

// past reports whether a record shows that all which follow it in its partition
// lie past the scan's upper bound of time: it does itself, and it was stamped by
// the broker when it was appended, or by more than the stream's disorder later.
// Timestamps of producers are in no order otherwise.
func (r *reader) past(record *kgo.Record) bool {
	until := r.scan.Until.Timestamp
	if until == nil || record.Attrs.IsControl() {
		return false
	}
	const logAppendTime = 1
	beyond := record.Timestamp.UnixMicro() + types.UnixEpoch - *until
	switch {
	case record.Attrs.TimestampType() == logAppendTime:
		return beyond >= 0
	case r.source.config.ordered:
		return beyond >= r.source.config.maxDisorder.Microseconds()
	}
	return false
}

func (r *reader) finish(pt *part) {
	pt.ended = true
	r.live--
	r.client.RemoveConsumePartitions(map[string][]int32{pt.topic: {pt.number}})
}

// poll waits for a fetch, or a Wake, and queues what came.
func (r *reader) poll(ctx context.Context) error {
	poll, cancel := context.WithCancel(ctx)
	if r.scan.Bounded {
		cancel()
		poll, cancel = context.WithTimeout(ctx, r.stall)
	}
	defer cancel()
	r.wake.Lock()
	if r.wake.asked {
		r.wake.Unlock()
		return nil
	}
	r.wake.cancel = cancel
	r.wake.Unlock()
	fetches := r.client.PollRecords(poll, r.source.config.maxPoll)
	r.wake.Lock()
	r.wake.cancel = nil
	r.wake.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	var failed error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil {
			if err := r.failed(ctx, partition{p.Topic, p.Partition}, p.Err); err != nil && failed == nil {
				failed = err
			}
		}
		pt := r.parts[partition{p.Topic, p.Partition}]
		if pt == nil || pt.ended {
			return
		}
		end := p.LastStableOffset
		if r.source.config.uncommitted || end < 0 {
			end = p.HighWatermark
		}
		if len(p.Records) > 0 {
			if pt.absent && failed == nil {
				failed = r.reappeared(ctx, pt)
			}
			pt.moved = time.Now()
			c := chunk{part: pt, records: p.Records, end: end}
			if r.paused[pt.partition] {
				r.held = append(r.held, c)
			} else {
				r.queue = append(r.queue, c)
			}
		}
	})
	if failed == nil && len(r.queue) == 0 && r.scan.Bounded {
		failed = r.stalled(ctx)
	}
	return failed
}

// failed decides about a partition's error: nil where the client goes on by
// itself.
func (r *reader) failed(ctx context.Context, p partition, err error) error {
	c := r.source.config.of(p.topic)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil // the poll was woken
	case errors.Is(err, kerr.OffsetOutOfRange):
		return r.overtaken(ctx, p)
	case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.UnknownTopicOrPartition):
		// Right after a topic is made brokers may not all know it; only what the
		// metadata says is final.
		if _, err := r.source.Splits(ctx); err != nil {
			return err
		}
		if pt := r.parts[p]; c.pattern != nil && pt != nil && !pt.ended && r.source.topics.gone(p.topic) {
			r.forget(pt)
		}
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return fmt.Errorf("reading topic %q: %w", p.topic, err)
	case kgo.IsRetryableBrokerErr(err) || kerr.IsRetriable(err):
		return nil
	}
	var loss *kgo.ErrDataLoss
	if errors.As(err, &loss) {
		if c.continueAfter {
			return nil // the client has reset the partition to loss.ResetTo
		}
		return sqlerr.Errorf(sqlerr.SnapshotTooOld, "topic %q, partition %d: the broker lost records: it was read up to offset %d, and the log now ends at %d", p.topic, p.number, loss.ConsumedTo, loss.ResetTo).
			WithHint("Set on_data_loss = 'continue' to go on from there.")
	}
	return c.topicError(err)
}

// overtaken handles a partition whose next offset was deleted.
func (r *reader) overtaken(ctx context.Context, p partition) error {
	c := r.source.config.of(p.topic)
	pt := r.parts[p]
	starts, err := c.offsets(ctx, r.source.admin.ListStartOffsets, p.topic)
	if err != nil {
		return err
	}
	start := starts[p]
	if pt == nil {
		return nil
	}
	if !c.continueAfter {
		next := r.queued(pt)
		if next >= start {
			return sqlerr.Errorf(sqlerr.SnapshotTooOld, "topic %q, partition %d: offset %d is beyond the end of the log: the broker lost records", p.topic, p.number, next)
		}
		return c.overtaken(p.number, next, start)
	}
	if pt.end >= 0 && start >= pt.end {
		pt.next = pt.end
		r.finish(pt)
		return nil
	}
	r.client.RemoveConsumePartitions(map[string][]int32{p.topic: {p.number}})
	r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{p.topic: {p.number: kgo.NewOffset().At(start)}})
	return nil
}

// stalled finds out why a bounded read gets nothing: the brokers may be gone, or
// the last records before its end may have been compacted away.
func (r *reader) stalled(ctx context.Context) error {
	for _, pt := range r.parts {
		if pt.ended || time.Since(pt.moved) < r.stall {
			continue
		}
		ping, cancel := context.WithTimeout(ctx, r.stall)
		err := r.client.Ping(ping)
		cancel()
		if err != nil {
			return sqlerr.Errorf(sqlerr.ConnectionFailure, "lost the connection to Kafka at %q while reading topic %q, partition %d, offset %d: %w", r.source.config.server(), pt.topic, pt.number, pt.next, err)
		}
		empty, err := r.emptyTo(ctx, pt)
		if err != nil {
			return err
		}
		pt.moved = time.Now()
		if empty {
			pt.next = pt.end
			r.queue = append(r.queue, chunk{part: pt, end: pt.end})
		}
	}
	return nil
}

// Ack commits the positions to the consumer group, so that its lag can be seen.
// Nothing is ever resumed from there.
func (r *reader) Ack(ctx context.Context, upTo []stream.Position) error {
	group := r.scan.Group
	if group != "" && r.source.config.group != "" {
		group = r.source.config.group
	}
	if group == "" || len(upTo) == 0 {
		return nil
	}
	offsets := kadm.Offsets{}
	for _, p := range upTo {
		at, err := r.source.config.partition(p.Split)
		if err != nil {
			return err
		}
		next, err := r.source.decode(at.topic, p.Offset)
		if err != nil {
			return err
		}
		offsets.AddOffset(at.topic, at.number, next, -1)
	}
	if err := r.source.admin.CommitAllOffsets(ctx, group, offsets); err != nil {
		return fmt.Errorf("committing offsets of group %q: %w", group, r.source.config.unreachable(ctx, err))
	}
	return nil
}

func (r *reader) Close() error {
	r.close.Do(r.client.Close)
	return nil
}
