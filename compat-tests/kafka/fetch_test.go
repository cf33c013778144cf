package kafka

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// random fills a topic with records of every compression and few keys, some without a value,
// some in transactions that are committed or undone, and returns how many.
func (s *suite) random(t *testing.T, r *rand.Rand, topic string, partitions int32) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n := 0
	for range 10 {
		for _, codec := range codecs {
			opts := []kgo.Opt{kgo.SeedBrokers(s.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec)}
			transactional := r.IntN(3) > 0
			if transactional {
				opts = append(opts, kgo.TransactionalID(fmt.Sprintf("random-%d", r.IntN(3))))
			}
			client, err := kgo.NewClient(opts...)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if transactional {
				if err := client.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
			}
			var records []*kgo.Record
			for range 1 + r.IntN(100) {
				n++
				rec := &kgo.Record{Topic: topic, Partition: r.Int32N(partitions), Key: fmt.Append(nil, n%97), Value: fmt.Appendf(nil, "%d %s", n, strings.Repeat("x", r.IntN(40)))}
				if r.IntN(20) == 0 {
					rec.Value = nil
				}
				records = append(records, rec)
			}
			if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if transactional {
				if err := client.EndTransaction(ctx, kgo.TransactionEndTry(r.IntN(2) > 0)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return n
}

// byLibrary reads with the library's consumer what a topic holds to its end, as lines.
func (s *suite) byLibrary(t *testing.T, topic string, uncommitted bool) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	list, level := s.admin.ListCommittedOffsets, kgo.ReadCommitted()
	if uncommitted {
		list, level = s.admin.ListEndOffsets, kgo.ReadUncommitted()
	}
	ends, err := list(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	starts, err := s.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if at, _ := starts.Lookup(topic, o.Partition); at.Offset < o.Offset {
			left[o.Partition] = o.Offset
		}
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var all []string
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				value := "NULL"
				if r.Value != nil {
					value = string(r.Value)
				}
				all = append(all, fmt.Sprintf("%s=%s @%d:%d", r.Key, value, r.Partition, r.Offset))
			}
			if r.Offset >= left[r.Partition]-1 {
				delete(left, r.Partition)
			}
		})
	}
	slices.Sort(all)
	return all
}

// fetched reads random topics as the library does: transactions, every compression, records
// that were deleted, and gaps that compaction has left.
func (s *suite) fetched(t *testing.T) {
	topics := map[string]bool{"random": false}
	if s.kafka != nil {
		topics["compacted"] = true
	}
	for topic, compacted := range topics {
		settings := []string{"cleanup.policy", "delete"}
		if compacted {
			settings = []string{"cleanup.policy", "compact", "segment.ms", "100", "min.cleanable.dirty.ratio", "0.01", "delete.retention.ms", "0"}
		}
		s.topic(t, topic, 3, settings...)
		n := s.random(t, rand.New(rand.NewPCG(7, 1)), topic, 3)
		if compacted {
			// The last segment is not compacted, so the records of another begin one.
			until(t, "the compaction", func() bool {
				for p := range int32(3) {
					s.record(t, &kgo.Record{Topic: topic, Partition: p, Key: []byte("last")})
				}
				return len(s.byLibrary(t, topic, true)) < n/2
			})
		} else {
			upTo := kadm.Offsets{}
			upTo.AddOffset(topic, 0, 50, -1)
			if _, err := s.admin.DeleteRecords(t.Context(), upTo); err != nil {
				t.Fatal(err)
			}
		}
		for _, level := range []string{"read_committed", "read_uncommitted"} {
			name := topic + "_" + level
			s.exec(t, fmt.Sprintf("CREATE STREAM %s (v text) WITH (type = 'kafka', topic = '%s', format = 'text', isolation.level = '%s')", name, topic, level))
			var got, want []string
			until(t, "a topic that stays as it is", func() bool {
				want = s.byLibrary(t, topic, level == "read_uncommitted")
				got = s.exec(t, "SELECT coalesce(_key, '') || '=' || coalesce(v, 'NULL') || ' @' || _partition || ':' || _offset FROM "+name)
				return slices.Equal(want, s.byLibrary(t, topic, level == "read_uncommitted"))
			})
			slices.Sort(got)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s: %d records, and the library reads %d", name, len(got), len(want))
			}
		}
	}
}

// hangUps reads through connections that end in the middle of answers: every record comes,
// once.
func (s *suite) hangUps(t *testing.T) {
	const n = 20_000
	s.topic(t, "cut", 2)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(16<<10), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: "cut", Partition: int32(i % 2), Value: fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, i, strings.Repeat("x", 100))})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 1))
	s.proxy.cutting(func() int64 {
		if s.proxy.cuts.Load() >= 20 {
			return math.MaxInt64
		}
		return 40_000 + r.Int64N(200_000)
	})
	defer s.proxy.cutting(nil)
	s.exec(t, fmt.Sprintf("CREATE STREAM cut (n int) WITH (type = 'kafka', topic = 'cut', 'bootstrap.servers' = '%s', max.partition.fetch.bytes = '16KB')", s.proxy.addr))
	s.want(t, "SELECT count(*) || ' ' || count(DISTINCT n) || ' ' || sum(n) FROM cut", fmt.Sprintf("[%d %[1]d %d]", n, n*(n-1)/2))
	if cuts := s.proxy.cuts.Load(); cuts < 5 {
		t.Errorf("%d connections were cut", cuts)
	}
	// What is behind the proxy may be gone for a while, too: a job waits, and goes on.
	s.exec(t, "START JOB cuts AS SELECT n FROM cut WHERE n % 1000 = 0 INTO c WITH ('c.type' = 'blackhole', 'retry_backoff' = '100ms')")
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'cuts'", "[20]")
	s.exec(t, "DROP JOB cuts")
}
