package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
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

// reader consumes partitions. It ends a partition by position, which the batches
// move that hold nothing to be read, too.
type reader struct {
	source  *source
	scan    stream.Scan
	client  *kgo.Client
	fetcher *fetcher
	rows    *rows

	stall time.Duration // stallCheck

	parts  map[partition]*part
	queue  []chunk
	live   int // partitions that have not ended
	paused map[partition]bool
	limits map[partition]int64 // the first offsets that are left alone
	held   []chunk             // of those, as they were in queue

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
	epoch  int32 // the leader's that what is before next was written under; -1: not known
	end    int64 // exclusive; -1: none
	ended  bool
	moved  time.Time // when next was last seen to change, for a bounded read
}

// chunk is what one fetch had of a partition, less what was read already.
type chunk struct {
	of      partition // the number is -1 of an error that is the topic's
	part    *part
	batches batches
	err     error // in their place
	next    int64 // the offset behind them
	end     int64 // of the log, at the time of the fetch
	last    bool  // what follows these records lies past the scan's upper bound of time
}

// Open starts a reader. Where the partitions begin and end is resolved once,
// before the first record.
func (s *source) Open(ctx context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	r := &reader{source: s, scan: scan, parts: map[partition]*part{}, stall: stallCheck}
	if err := r.dial(); err != nil {
		return nil, err
	}
	rows, err := newRows(s.env, s.rel, s.config, scan)
	if err != nil {
		r.Close()
		return nil, err
	}
	r.rows = rows
	latest := scan.Latest || s.config.latest && !scan.Bounded && !scan.Earliest
	if err := r.add(ctx, from, latest && !stream.Resumed(from)); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// dial makes the client, and what fetches with it.
func (r *reader) dial() error {
	free := &buffers{}
	opts := append(r.source.config.consumer(), kgo.WithPools(free))
	if r.source.topics.unnumbered() {
		opts = append(opts, byName())
	}
	var err error
	if r.client, err = r.source.config.dial(r.source.env, opts...); err != nil {
		return err
	}
	open := opener{buffers: free}
	open.Decompressor, _ = r.client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	if r.scan.Raw {
		open.buffers = nil // the records are kept as they came
	}
	r.fetcher = newFetcher(r.source.config, r.client, open, &r.source.ends)
	return nil
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
		r.fetcher.add(at, pt.id, pt.next, pt.end, pt.epoch)
		if pt.next >= b.end[at] {
			r.queue = append(r.queue, chunk{part: pt, batches: noBatches(), end: b.end[at]})
		}
	}
	return nil
}

// begin decides where a partition begins and ends.
func (r *reader) begin(p partition, at stream.Offset, b bounds, latest bool) (*part, error) {
	c := r.source.config.of(p.topic)
	start, ok := b.start[p]
	switch {
	case ok:
	case c.continueAfter && c.pattern != nil && !r.scan.Bounded:
		return &part{partition: p, end: -1, epoch: -1, absent: true, moved: time.Now()}, nil
	case c.continueAfter && (at != nil || c.pattern != nil):
		return &part{partition: p, epoch: -1, ended: true}, nil // of the topic that was there before
	case c.pattern != nil && !r.source.topics.has(p.topic):
		return nil, c.vanished()
	default:
		return nil, sqlerr.Errorf(sqlerr.DataCorrupted, "topic %q has no partition %d", p.topic, p.number)
	}
	pt := &part{partition: p, next: start, end: -1, epoch: -1, moved: time.Now()}
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
		next, epoch, err := r.source.decode(p.topic, at)
		if err != nil {
			return nil, err
		}
		if next < start {
			if !c.continueAfter {
				return nil, c.overtaken(p.number, next, start)
			}
			next, epoch = start, -1
		}
		pt.next, pt.epoch = next, epoch
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
				return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "topic %q, partition %d ends at offset %d, before %d", p.topic, p.number, b.end[p], n).
					WithHint("Start it at an offset from %d to %d, or FROM LATEST.", start, b.end[p])
			}
			pt.next = max(n, start)
		}
	}
	pt.ended = pt.end >= 0 && pt.next >= pt.end
	return pt, nil
}

// Pause is stream.Pauser's. What was fetched of a partition waits, in its order.
func (r *reader) Pause(splits []stream.Split) {
	r.paused = map[partition]bool{}
	for _, s := range splits {
		if p, err := r.source.config.partition(s); err == nil { // else it is not one of the reader's
			r.paused[p] = true
		}
	}
	r.requeue()
}

// Limit is stream.Limited's. A partition that has been read so far is as one that is
// paused.
func (r *reader) Limit(at []stream.Position) {
	r.limits = map[partition]int64{}
	for _, p := range at {
		of, err := r.source.config.partition(p.Split)
		if err != nil {
			continue // it is not one of the reader's
		}
		if offset, _, err := r.source.decode(of.topic, p.Offset); err == nil { // else of a topic of that name that was there before
			r.limits[of] = offset
		}
	}
	r.requeue()
}

// waits reports whether a partition is to be left alone.
func (r *reader) waits(pt *part) bool {
	limit, limited := r.limits[pt.partition]
	return r.paused[pt.partition] || limited && pt.next >= limit
}

// requeue sorts what was fetched by whether it is to be left alone.
func (r *reader) requeue() {
	r.rest()
	all := slices.Concat(r.held, r.queue)
	r.held, r.queue = nil, nil
	for _, c := range all {
		if c.part != nil && r.waits(c.part) {
			r.held = append(r.held, c)
		} else {
			r.queue = append(r.queue, c)
		}
	}
}

// rest has nothing fetched of the partitions that are to be left alone.
func (r *reader) rest() {
	waiting := map[partition]bool{}
	for p, pt := range r.parts {
		if r.waits(pt) {
			waiting[p] = true
		}
	}
	r.fetcher.pause(waiting)
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
			if read, ok, err := r.deliver(ctx, b); ok || err != nil {
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
func (r *reader) deliver(ctx context.Context, b *vec.Batch) (stream.Read, bool, error) {
	c := &r.queue[0]
	pt := c.part
	if pt.ended {
		r.queue = r.queue[1:]
		return stream.Read{}, false, nil
	}
	if r.waits(pt) {
		r.held = append(r.held, *c)
		r.queue = r.queue[1:]
		return stream.Read{}, false, nil
	}
	if err := c.err; err != nil {
		r.queue = r.queue[1:]
		return stream.Read{}, false, r.failed(ctx, pt, err)
	}
	read := stream.Read{Split: r.source.config.split(pt.partition)}
	var past func(*record) bool
	if r.scan.Until.Timestamp != nil {
		past = r.past
	}
	limit, limited := r.limits[pt.partition]
	if !limited {
		limit = math.MaxInt64
	}
	all, err := r.rows.decode(b, c, &read, r.source, limit, past)
	if err != nil {
		return stream.Read{}, false, err
	}
	if limited && pt.next >= limit {
		r.rest()
	}
	if pt.end >= 0 && pt.next >= pt.end || c.last {
		r.finish(pt)
	}
	if all || pt.ended {
		read.CaughtUp = pt.ended || pt.next >= c.end
		*c = chunk{}
		r.queue = r.queue[1:]
	}
	read.Next = encode(pt.id, pt.next, pt.epoch)
	return read, true, nil
}

// past reports whether a record shows that all which follow it in its partition
// lie past the scan's upper bound of time: it does itself, and it was stamped by
// the broker when it was appended, or by more than the stream's disorder later.
// Timestamps of producers are in no order otherwise.
func (r *reader) past(rec *record) bool {
	until := r.scan.Until.Timestamp
	if until == nil {
		return false
	}
	beyond := rec.millis*1000 + types.UnixEpoch - *until
	switch {
	case rec.appended:
		return beyond >= 0
	case r.source.config.ordered:
		return beyond >= r.source.config.maxDisorder.Microseconds()
	}
	return false
}

func (r *reader) finish(pt *part) {
	pt.ended = true
	r.live--
	r.fetcher.remove(pt.partition)
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
	chunks := r.fetcher.poll(poll)
	r.wake.Lock()
	r.wake.cancel = nil
	r.wake.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, c := range chunks {
		if err := r.came(ctx, c); err != nil {
			return err
		}
	}
	if len(r.queue) == 0 && r.scan.Bounded {
		return r.stalled(ctx)
	}
	return nil
}

// came queues what was fetched.
func (r *reader) came(ctx context.Context, c chunk) error {
	if c.of.number < 0 {
		return r.topicFailed(ctx, c.of.topic, c.err)
	}
	pt := r.parts[c.of]
	if pt == nil || pt.ended {
		return nil
	}
	if pt.absent && c.err == nil {
		if err := r.reappeared(ctx, pt); err != nil {
			return err
		}
	}
	pt.moved = time.Now()
	c.part = pt
	if r.waits(pt) {
		r.held = append(r.held, c)
	} else {
		r.queue = append(r.queue, c)
	}
	return nil
}

// topicFailed decides about an error of a topic, or of all where the topic is empty.
// nil: the fetcher goes on by itself.
func (r *reader) topicFailed(ctx context.Context, topic string, err error) error {
	c := r.source.config
	if topic != "" {
		c = c.of(topic)
	}
	if !unknownTopic(err) {
		return c.topicError(err)
	}
	// Right after a topic is made brokers may not all know it; only what the
	// metadata says is final.
	if _, err := r.source.Splits(ctx); err != nil {
		return err
	}
	if c.pattern != nil && r.source.topics.gone(topic) {
		for _, pt := range r.parts {
			if pt.topic == topic && !pt.ended {
				r.forget(pt)
			}
		}
	}
	return nil
}

// failed decides about a partition's error. nil: the fetcher goes on by itself.
func (r *reader) failed(ctx context.Context, pt *part, err error) error {
	if errors.Is(err, kerr.OffsetOutOfRange) {
		return r.overtaken(ctx, pt)
	}
	if errors.Is(err, errOtherLog) {
		return r.replaced(ctx, pt)
	}
	var loss *kgo.ErrDataLoss
	if !errors.As(err, &loss) {
		return r.topicFailed(ctx, pt.topic, err)
	}
	if r.source.config.continueAfter {
		pt.next, pt.epoch = loss.ResetTo, loss.ResetToEpoch // what follow are other records than were read
		return nil
	}
	return sqlerr.Errorf(sqlerr.SnapshotTooOld, "topic %q, partition %d: the broker lost records: it was read up to offset %d, and the log now ends at %d", pt.topic, pt.number, loss.ConsumedTo, loss.ResetTo).
		WithHint("Set on_data_loss = 'continue' to go on from there.")
}

// overtaken handles a partition whose next offset is not in the log: it was deleted, or,
// where the log ends before it, lost.
func (r *reader) overtaken(ctx context.Context, pt *part) error {
	c := r.source.config.of(pt.topic)
	starts, err := c.offsets(ctx, r.source.admin.ListStartOffsets, pt.topic)
	if err != nil {
		return err
	}
	start := starts[pt.partition]
	beyond := pt.next >= start
	switch {
	case !c.continueAfter && beyond:
		return sqlerr.Errorf(sqlerr.SnapshotTooOld, "topic %q, partition %d: offset %d is beyond the end of the log: the broker lost records", pt.topic, pt.number, pt.next)
	case !c.continueAfter:
		return c.overtaken(pt.number, pt.next, start)
	case pt.end >= 0 && start >= pt.end:
		pt.next = pt.end
		r.finish(pt)
		return nil
	}
	if beyond {
		return r.cut(ctx, pt)
	}
	r.fetcher.add(pt.partition, pt.id, start, pt.end, -1)
	return nil
}

// cut goes on at the end of a log that ends before what was read: which of its records are
// others than were read, nobody tells. A bounded read has had all there is.
func (r *reader) cut(ctx context.Context, pt *part) error {
	ends, err := r.source.config.of(pt.topic).offsets(ctx, r.source.admin.ListEndOffsets, pt.topic)
	if err != nil {
		return err
	}
	pt.next, pt.epoch = min(pt.next, ends[pt.partition]), -1
	if r.scan.Bounded {
		r.finish(pt)
		return nil
	}
	r.fetcher.add(pt.partition, pt.id, pt.next, pt.end, -1)
	return nil
}

// replaced handles a partition whose log has none of the records that were read: its topic
// was deleted and created again, by brokers that have no ids to tell the two apart.
func (r *reader) replaced(ctx context.Context, pt *part) error {
	c := r.source.config.of(pt.topic)
	if !c.continueAfter {
		return c.recreated()
	}
	starts, err := c.offsets(ctx, r.source.admin.ListStartOffsets, pt.topic)
	if err != nil {
		return err
	}
	pt.next, pt.epoch = starts[pt.partition], -1
	r.fetcher.add(pt.partition, pt.id, pt.next, pt.end, -1)
	return nil
}

// stalled finds out whether a bounded read gets nothing because the brokers are gone.
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
		pt.moved = time.Now()
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
		next, epoch, err := r.source.decode(at.topic, p.Offset)
		if err != nil {
			return err
		}
		offsets.AddOffset(at.topic, at.number, next, epoch)
	}
	if err := r.source.admin.CommitAllOffsets(ctx, group, offsets); err != nil {
		return fmt.Errorf("committing offsets of group %q: %w", group, r.source.config.unreachable(ctx, err))
	}
	return nil
}

func (r *reader) Close() error {
	r.close.Do(func() {
		r.fetcher.close()
		r.client.Close()
	})
	return nil
}
