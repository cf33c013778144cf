package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// deliveries are what reads of a topic's batches deliver, one after the other, in runs or
// record by record. beside: with columns beside the records' values.
func deliveries(t *testing.T, format catalog.Options, fetched *kmsg.FetchResponseTopicPartition, from, until, limit int64, maxPoll string, policy stream.Policy, beside, inRuns bool) []string {
	t.Helper()
	rel := &catalog.Relation{Name: "events", Hidden: Connector{}.PseudoColumns(), Options: append(catalog.Options{{Key: "topic", Value: "t"}, {Key: "max.poll.records", Value: maxPoll}}, format...),
		Columns: []catalog.Column{{Name: "a", Type: types.Of(types.Int8)}, {Name: "s", Type: types.Of(types.Text)}}}
	c, _, err := read(rel, stream.RoleSource, &stream.Env{})
	if err != nil {
		t.Fatal(err)
	}
	scan := stream.Scan{Columns: []int{0, 1}, OnReject: policy}
	all := rel.AllColumns()
	for i, col := range all {
		if !beside {
			break
		}
		if col.Name == "_offset" || col.Name == "_timestamp" || col.Name == "_headers" {
			scan.Columns = append(scan.Columns, i)
		}
	}
	r, err := newRows(&stream.Env{}, rel, c, scan)
	if err != nil {
		t.Fatal(err)
	}
	if r.runs == nil {
		t.Fatal("records are not read in runs")
	}
	if !inRuns {
		r.runs = nil
	}
	b := &vec.Batch{}
	for _, k := range scan.Columns {
		b.Cols = append(b.Cols, vec.New(all[k].Type))
	}
	s := &source{env: &stream.Env{Metrics: &stream.Metrics{}}, config: c}
	k := chunk{part: &part{next: from, end: until}, batches: newBatches(fetched, from, false)}
	var out []string
	for range 10000 {
		b.Reset()
		var read stream.Read
		all, err := r.decode(b, &k, &read, s, limit, nil)
		for row := range b.Rows {
			line := ""
			for i, col := range scan.Columns {
				text := "NULL"
				if !b.Cols[i].Nulls().Get(row) {
					text = string(vec.TextAppender(rel.AllColumns()[col].Type, types.DefaultFormat())(nil, b.Cols[i], row))
				}
				line += text + "|"
			}
			out = append(out, line)
		}
		out = append(out, fmt.Sprintf("next %d, all %v, error %v, %d read in %d bytes", k.part.next, all, err, s.env.Metrics.RecordsRead.Load(), s.env.Metrics.BytesRead.Load()))
		for _, reject := range read.Rejects {
			out = append(out, fmt.Sprintf("reject %d %s: %v", reject.At, reject.Raw, reject.Err))
		}
		if all || err != nil {
			return out
		}
		if k.part.next == limit {
			limit = math.MaxInt64
		}
	}
	t.Fatal("the batches do not end")
	return nil
}

// TestRunsKeepPlaces reads batches with records that are odd, without a value, compacted
// away, of transactions and past the end that is asked for: in runs they are delivered as
// they are record by record.
func TestRunsKeepPlaces(t *testing.T) {
	t.Run("json", func(t *testing.T) {
		keepPlaces(t, 30, nil, func(a, s, odd int) []byte {
			switch odd {
			case 2:
				return []byte(`{"a":"none","s":1}`)
			case 3:
				return []byte(`{"s":"ä","a":17}`)
			}
			return fmt.Appendf(nil, `{"a":%d,"s":"%d"}`, a, s)
		})
	})
	t.Run("avro", func(t *testing.T) {
		schema := `{"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}, {"name": "s", "type": "string"}]}`
		format := catalog.Options{{Key: "format", Value: "avro"}, {Key: "avro.schema", Value: schema}, {Key: "avro.framing", Value: "none"}}
		keepPlaces(t, 10, format, func(a, s, odd int) []byte {
			text := strconv.Itoa(s)
			record := append(binary.AppendVarint(binary.AppendVarint(nil, int64(a)), int64(len(text))), text...)
			switch odd {
			case 2:
				return record[:len(record)-1]
			case 3:
				return binary.AppendVarint(binary.AppendVarint(nil, math.MinInt64), 0)
			}
			return record
		})
	})
}

// keepPlaces has values made of two numbers, of which the second is a string: with odd 2 one
// that is refused, with 3 one that is laid out otherwise.
func keepPlaces(t *testing.T, tries int, format catalog.Options, value func(a, s, odd int) []byte) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for try := range tries {
		var in [][]byte
		base := int64(0)
		for range 1 + rnd.IntN(6) {
			var records []kmsg.Record
			for i := range 1 + rnd.IntN(1500) {
				odd := rnd.IntN(1 + 400*(try%3))
				v := value(rnd.IntN(100000), i, odd)
				if odd == 1 {
					v = nil
				}
				records = append(records, kmsg.Record{Value: v, TimestampDelta64: int64(i) << rnd.IntN(20), Headers: []kmsg.Header{{Key: "h", Value: []byte{'0' + byte(i%10)}}}})
			}
			in = append(in, batchOf(base, records, func(b *kmsg.RecordBatch) {
				if rnd.IntN(2) == 0 {
					b.LastOffsetDelta += 5
				}
			}))
			base += int64(len(records)) + 5
		}
		fetched := &kmsg.FetchResponseTopicPartition{RecordBatches: bytes.Join(in, nil)}
		if try%10 == 9 {
			damaged := fetched.RecordBatches[:len(fetched.RecordBatches)-len(in[len(in)-1])]
			fetched.RecordBatches = append(bytes.Clone(damaged), batchOf(base, []kmsg.Record{{Value: value(1, 2, 0)}}, func(b *kmsg.RecordBatch) { b.NumRecords += 3 })...)
		}
		from, until := rnd.Int64N(base), int64(-1)
		if try%2 == 1 {
			until = from + rnd.Int64N(base-from+1)
		}
		limit := from + rnd.Int64N(2*base)
		for _, policy := range []stream.Policy{stream.Fail, stream.Skip, stream.NullBad} {
			for _, maxPoll := range []string{"500", "100000", "7"} {
				got := deliveries(t, format, fetched, from, until, limit, maxPoll, policy, try%4 < 2, true)
				want := deliveries(t, format, fetched, from, until, limit, maxPoll, policy, try%4 < 2, false)
				for i := range max(len(got), len(want)) {
					if i >= len(got) || i >= len(want) || got[i] != want[i] {
						t.Fatalf("try %d, policy %v, max.poll.records %s: line %d of %d is %q, want of %d %q", try, policy, maxPoll, i, len(got), got[min(i, len(got)-1)], len(want), want[min(i, len(want)-1)])
					}
				}
			}
		}
	}
}
