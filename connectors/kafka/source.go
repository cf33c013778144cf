package kafka

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// partition is one of a topic.
type partition struct {
	topic  string
	number int32
}

// source is a topic opened for reading, or the topics of a pattern.
type source struct {
	env    *stream.Env
	rel    *catalog.Relation
	config *config
	client *kgo.Client
	admin  *kadm.Client
	close  sync.Once
	topics topics
	ends   ends
}

// ends are where the partitions ended at the last answers to fetch requests.
type ends struct {
	mu sync.Mutex
	at map[partition]int64
}

func (e *ends) note(p partition, end int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at == nil {
		e.at = map[partition]int64{}
	}
	e.at[p] = end
}

// Measure tells offsets: the end is the last stable offset, or the high watermark where the
// stream reads what is not committed.
func (s *source) Measure(split stream.Split, at stream.Offset) (next, end int64, ok bool) {
	p, err := s.config.partition(split)
	next, _, ok = place(at)
	if err != nil || !ok {
		return 0, -1, false
	}
	s.ends.mu.Lock()
	defer s.ends.mu.Unlock()
	if end, ok = s.ends.at[p]; !ok {
		end = -1
	}
	return next, end, true
}

func openSource(ctx context.Context, env *stream.Env, rel *catalog.Relation, c *config) (*source, error) {
	cl, err := c.dial(env)
	if err != nil {
		return nil, err
	}
	s := &source{env: env, rel: rel, config: c, client: cl, admin: kadm.NewClient(cl), topics: topics{patience: vanishing}}
	// A request waits for its connection, whose other side may be silent, until the client is
	// closed.
	stop := context.AfterFunc(ctx, func() { s.close.Do(cl.Close) })
	defer stop()
	if _, err := s.Splits(ctx); err != nil {
		s.close.Do(cl.Close)
		return nil, err
	}
	return s, nil
}

// Splits lists the partitions. A topic created anew under its name is an error.
func (s *source) Splits(ctx context.Context) ([]stream.Split, error) {
	now, err := s.config.found(ctx, s.client)
	if err != nil {
		return nil, err
	}
	if err := s.topics.note(s.config, now); err != nil {
		return nil, err
	}
	var splits []stream.Split
	for _, t := range now {
		for _, n := range t.partitions {
			splits = append(splits, s.config.split(partition{t.name, n}))
		}
	}
	return splits, nil
}

func (s *source) Close() error {
	s.close.Do(s.client.Close)
	return nil
}

func splitOf(number int32) stream.Split { return stream.Split(strconv.Itoa(int(number))) }

// split names a partition: by its number, and where the stream has several topics by
// topic/number, which no topic's name can be mistaken for.
func (c *config) split(p partition) stream.Split {
	if c.pattern == nil {
		return splitOf(p.number)
	}
	return stream.Split(p.topic) + "/" + splitOf(p.number)
}

func (c *config) partition(split stream.Split) (partition, error) {
	topic, number := c.topic, string(split)
	ok := true
	if c.pattern != nil {
		topic, number, ok = strings.Cut(number, "/")
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 0 || !ok {
		return partition{}, sqlerr.Errorf(sqlerr.DataCorrupted, "%q is not a partition of %s", string(split), c.called())
	}
	return partition{topic, int32(n)}, nil
}

// encode writes a position: the topic's id, the next offset, and the leader's epoch that
// what is before it was written under; -1: not known.
func encode(id [16]byte, offset int64, epoch int32) stream.Offset {
	b := make([]byte, 0, 1+16+binary.MaxVarintLen64+binary.MaxVarintLen32)
	b = append(b, 1)
	b = append(b, id[:]...)
	b = binary.AppendUvarint(b, uint64(offset))
	if epoch >= 0 {
		b[0] = 2
		b = binary.AppendUvarint(b, uint64(epoch))
	}
	return b
}

// decode reads a position in a topic. One in a topic that was deleted since is in none;
// where data may be lost, all that the new one holds is read.
func (s *source) decode(topic string, o stream.Offset) (next int64, epoch int32, err error) {
	next, epoch, ok := place(o)
	switch {
	case !ok:
		return 0, -1, sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for topic %q is not one of Kafka", topic)
	case [16]byte(o[1:17]) == s.topics.id(topic):
		return next, epoch, nil
	case s.config.continueAfter:
		return 0, -1, nil
	}
	return 0, -1, s.config.of(topic).recreated()
}

// place is the offset and the epoch of a position; false: it is none.
func place(o stream.Offset) (next int64, epoch int32, ok bool) {
	if len(o) <= 17 || o[0] != 1 && o[0] != 2 {
		return 0, -1, false
	}
	x, n := binary.Uvarint(o[17:])
	if n <= 0 || x >= 1<<62 {
		return 0, -1, false
	}
	rest := o[17+n:]
	if o[0] == 1 {
		return int64(x), -1, len(rest) == 0
	}
	e, n := binary.Uvarint(rest)
	return int64(x), int32(e), n > 0 && n == len(rest) && e < 1<<31
}

// bounds are the partitions' first offsets and their ends at one moment.
type bounds struct{ start, end, since map[partition]int64 }

// bounds asks for those of the topics that there are. One of a pattern that is just being
// made, or deleted, is waited for.
func (s *source) bounds(ctx context.Context, from stream.Bound) (bounds, error) {
	b, err := s.boundsNow(ctx, from)
	if s.config.pattern == nil {
		return b, err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(connectTimeout); sqlerr.CodeOf(err) == sqlerr.UndefinedTable && time.Now().Before(deadline); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return b, ctx.Err()
		}
		if _, err := s.Splits(ctx); err != nil {
			return b, err
		}
		b, err = s.boundsNow(ctx, from)
	}
	return b, err
}

func (s *source) boundsNow(ctx context.Context, from stream.Bound) (bounds, error) {
	var b bounds
	var err error
	topics := s.topics.present()
	if b.start, err = s.config.offsets(ctx, s.admin.ListStartOffsets, topics...); err != nil {
		return b, err
	}
	end := s.admin.ListCommittedOffsets // the last stable offset
	if s.config.uncommitted {
		end = s.admin.ListEndOffsets
	}
	if b.end, err = s.config.offsets(ctx, end, topics...); err != nil {
		return b, err
	}
	lastSizes.put(s.config.name(), b)
	if from.Timestamp != nil {
		millis := floorDiv(*from.Timestamp-types.UnixEpoch, 1000)
		b.since, err = s.config.offsets(ctx, func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return s.admin.ListOffsetsAfterMilli(ctx, max(millis, 0), topics...)
		}, topics...)
	}
	return b, err
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}

// HeldBefore reports whether a partition holds a record that is stamped earlier.
func (s *source) HeldBefore(ctx context.Context, t time.Time) (bool, error) {
	micros := t.UnixMicro() + types.UnixEpoch
	b, err := s.bounds(ctx, stream.Bound{Timestamp: &micros})
	if err != nil {
		return false, err
	}
	for p, start := range b.start {
		if b.since[p] > start {
			return true, nil
		}
	}
	return false, nil
}

// Ends are the partitions' last stable offsets, or high watermarks where the stream
// reads what is not committed; of a scan with an upper bound, that.
func (s *source) Ends(ctx context.Context, scan stream.Scan) ([]stream.Position, error) {
	b, err := s.bounds(ctx, stream.Bound{})
	if err != nil {
		return nil, err
	}
	var ends []stream.Position
	for p, end := range b.end {
		if only := scan.From.Partition; only != nil && *only != p.number {
			continue
		}
		if until := scan.Until.Offset; until != nil {
			end = min(end, *until)
		}
		begin := b.start[p]
		if from := scan.From.Offset; from != nil {
			begin = max(begin, *from)
		}
		if begin < end {
			ends = append(ends, stream.Position{Split: s.config.split(p), Offset: encode(s.topics.id(p.topic), end, -1)})
		}
	}
	return ends, nil
}

// Reached compares offsets.
func (s *source) Reached(split stream.Split, at, end stream.Offset) bool {
	if at == nil {
		return false
	}
	p, bad := s.config.partition(split)
	have, _, err := s.decode(p.topic, at)
	want, _, badEnd := s.decode(p.topic, end)
	return bad == nil && err == nil && badEnd == nil && have >= want
}

// Drained returns the partitions whose records all lie before the positions.
func (s *source) Drained(ctx context.Context, at []stream.Position) ([]stream.Split, error) {
	b, err := s.bounds(ctx, stream.Bound{})
	if err != nil {
		return nil, err
	}
	var drained []stream.Split
	for _, p := range at {
		n, err := s.config.partition(p.Split)
		if err != nil {
			return nil, err
		}
		end, known := b.end[n]
		if !known {
			continue
		}
		next := b.start[n]
		if p.Offset != nil {
			if next, _, err = s.decode(n.topic, p.Offset); err != nil {
				return nil, err
			}
		}
		if next >= end {
			drained = append(drained, p.Split)
		}
	}
	return drained, nil
}
