package kafka

import (
	"context"
	"encoding/binary"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// source is a topic opened for reading.
type source struct {
	env    *stream.Env
	rel    *catalog.Relation
	config *config
	client *kgo.Client
	admin  *kadm.Client
	topic  [16]byte // its id, as it was when opened
	close  sync.Once
}

func openSource(ctx context.Context, env *stream.Env, rel *catalog.Relation, c *config) (*source, error) {
	cl, err := c.dial(env)
	if err != nil {
		return nil, err
	}
	s := &source{env: env, rel: rel, config: c, client: cl, admin: kadm.NewClient(cl)}
	now, err := c.details(ctx, cl)
	if err != nil {
		cl.Close()
		return nil, err
	}
	s.topic = now.id
	return s, nil
}

// Splits lists the partitions. A topic created anew under the name is an error.
func (s *source) Splits(ctx context.Context) ([]stream.Split, error) {
	now, err := s.config.details(ctx, s.client)
	if err != nil {
		return nil, err
	}
	if now.id != s.topic {
		return nil, s.config.recreated()
	}
	splits := make([]stream.Split, len(now.partitions))
	for i, p := range now.partitions {
		splits[i] = splitOf(p)
	}
	return splits, nil
}

func (s *source) Close() error {
	s.close.Do(s.client.Close)
	return nil
}

func splitOf(partition int32) stream.Split { return stream.Split(strconv.Itoa(int(partition))) }

func (s *source) partition(split stream.Split) (int32, error) {
	p, err := strconv.ParseInt(string(split), 10, 32)
	if err != nil || p < 0 {
		return 0, sqlerr.Errorf(sqlerr.DataCorrupted, "%q is not a partition of topic %q", string(split), s.config.topic)
	}
	return int32(p), nil
}

// encode writes a position: the next offset, and the topic's id.
func (s *source) encode(offset int64) stream.Offset {
	b := make([]byte, 0, 1+16+binary.MaxVarintLen64)
	b = append(b, 1)
	b = append(b, s.topic[:]...)
	return binary.AppendUvarint(b, uint64(offset))
}

// A position in a topic that was deleted since is in none; where data may be
// lost, all that the new one holds is read.
func (s *source) decode(o stream.Offset) (int64, error) {
	if len(o) > 17 && o[0] == 1 {
		if x, n := binary.Uvarint(o[17:]); n == len(o)-17 && x < 1<<62 {
			switch id := [16]byte(o[1:17]); {
			case id == s.topic:
			case s.config.continueAfter:
				return 0, nil
			default:
				return 0, s.config.recreated()
			}
			return int64(x), nil
		}
	}
	return 0, sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for topic %q is not one of Kafka", s.config.topic)
}

// bounds are the partitions' first offsets and their ends at one moment.
type bounds struct{ start, end, since map[int32]int64 }

func (s *source) bounds(ctx context.Context, from stream.Bound) (bounds, error) {
	var b bounds
	var err error
	if b.start, err = s.config.offsets(ctx, s.admin.ListStartOffsets); err != nil {
		return b, err
	}
	end := s.admin.ListCommittedOffsets // the last stable offset
	if s.config.uncommitted {
		end = s.admin.ListEndOffsets
	}
	if b.end, err = s.config.offsets(ctx, end); err != nil {
		return b, err
	}
	lastSizes.put(s.config.name(), b)
	if from.Timestamp != nil {
		millis := floorDiv(*from.Timestamp-types.UnixEpoch, 1000)
		b.since, err = s.config.offsets(ctx, func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return s.admin.ListOffsetsAfterMilli(ctx, max(millis, 0), topics...)
		})
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
	for n, start := range b.start {
		if b.since[n] > start {
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
	for n, end := range b.end {
		if only := scan.From.Partition; only != nil && *only != n {
			continue
		}
		if until := scan.Until.Offset; until != nil {
			end = min(end, *until)
		}
		begin := b.start[n]
		if from := scan.From.Offset; from != nil {
			begin = max(begin, *from)
		}
		if begin < end {
			ends = append(ends, stream.Position{Split: splitOf(n), Offset: s.encode(end)})
		}
	}
	return ends, nil
}

// Reached compares offsets.
func (s *source) Reached(_ stream.Split, at, end stream.Offset) bool {
	if at == nil {
		return false
	}
	have, err := s.decode(at)
	want, badEnd := s.decode(end)
	return err == nil && badEnd == nil && have >= want
}

// Drained returns the partitions whose records all lie before the positions.
func (s *source) Drained(ctx context.Context, at []stream.Position) ([]stream.Split, error) {
	b, err := s.bounds(ctx, stream.Bound{})
	if err != nil {
		return nil, err
	}
	var drained []stream.Split
	for _, p := range at {
		n, err := s.partition(p.Split)
		if err != nil {
			return nil, err
		}
		end, known := b.end[n]
		if !known {
			continue
		}
		next := b.start[n]
		if p.Offset != nil {
			if next, err = s.decode(p.Offset); err != nil {
				return nil, err
			}
		}
		if next >= end {
			drained = append(drained, p.Split)
		}
	}
	return drained, nil
}
