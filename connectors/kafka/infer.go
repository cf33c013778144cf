package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// sampleRecords is how many records columns are inferred from.
const sampleRecords = 1000

type inferrer struct{ env *stream.Env }

// Infer tells the columns from the first records of the topic's partitions, an
// even share of each where they have as many.
func (i inferrer) Infer(ctx context.Context, rel *catalog.Relation) ([]catalog.Column, error) {
	c, _, err := read(rel, stream.RoleSource, i.env)
	if err != nil {
		return nil, err
	}
	switch c.format {
	case formatText:
		return []catalog.Column{{Name: "value", Type: types.Of(types.Text)}}, nil
	case formatRaw:
		return []catalog.Column{{Name: "value", Type: types.Of(types.Bytea)}}, nil
	case formatAvro:
		return c.avroColumns(ctx, i.env)
	case formatJSONSchema:
		return c.jsonSchemaColumns(ctx, i.env)
	case formatProtobuf:
		return c.protobufColumns(ctx, i.env)
	case formatDebeziumJSON, formatDebeziumAvro:
		return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the columns of stream %q, whose records are changes, are to be declared", rel.Name).
			WithHint("Write the table's: CREATE STREAM %s (id bigint PRIMARY KEY, ...) WITH (...).", rel.Name)
	}
	s, err := openSource(ctx, i.env, rel, c)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	records, err := s.sample(ctx)
	if err != nil {
		return nil, err
	}
	var fromJSON json.Inference
	fromCSV := csv.Inference{Options: c.csv}
	n := 0
	for _, rec := range records {
		if c.format == formatCSV {
			err = fromCSV.Add(nil, c.text(rec.Value, nil))
		} else {
			err = fromJSON.Add(c.text(rec.Value, nil))
		}
		if err == nil {
			n++
		}
	}
	if n == 0 && err != nil {
		rec := records[len(records)-1]
		return nil, stream.InferenceError(rel, "partition "+string(c.split(partition{rec.Topic, rec.Partition})), err)
	}
	if n == 0 {
		return nil, c.empty(rel)
	}
	if c.format == formatCSV {
		return fromCSV.Columns(false), nil
	}
	return fromJSON.Columns(), nil
}

// empty is the error of a topic that has no record to tell columns from.
func (c *config) empty(rel *catalog.Relation) error {
	return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "%s is empty, so its columns cannot be told", c.called()).
		WithHint("Write the columns: CREATE STREAM %s (id bigint, ...) WITH (...).", catalog.QuoteName(rel.Name))
}

// isObject reports whether a record is a JSON object.
func isObject(b []byte) bool {
	var x json.Inference
	return len(b) > 0 && x.Add(b) == nil
}

// sample reads the first records that have a value.
func (s *source) sample(ctx context.Context) ([]*kgo.Record, error) {
	b, err := s.bounds(ctx, stream.Bound{})
	if err != nil {
		return nil, err
	}
	assign, left := map[string]map[int32]kgo.Offset{}, 0
	for p, start := range b.start {
		if start < b.end[p] {
			if assign[p.topic] == nil {
				assign[p.topic] = map[int32]kgo.Offset{}
			}
			assign[p.topic][p.number] = kgo.NewOffset().At(start)
			left++
		}
	}
	if left == 0 {
		return nil, nil
	}
	opts := append(s.config.consumer(), kgo.ConsumePartitions(assign))
	cl, err := s.config.dial(s.env, opts...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var out []*kgo.Record
	share := (sampleRecords + left - 1) / left
	taken := map[partition]int{}
	for left > 0 && ctx.Err() == nil {
		var failed error
		fetches := cl.PollFetches(ctx)
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if p.Err != nil && ctx.Err() == nil && !kgo.IsRetryableBrokerErr(p.Err) {
				failed = s.config.of(p.Topic).topicError(p.Err)
			}
			at := partition{p.Topic, p.Partition}
			for _, rec := range p.Records {
				if taken[at] < 0 {
					continue
				}
				if rec.Value != nil && !rec.Attrs.IsControl() && rec.Offset < b.end[at] {
					out = append(out, rec)
					taken[at]++
				}
				if rec.Offset+1 >= b.end[at] || taken[at] >= share {
					taken[at] = -1
					left--
				}
			}
		})
		if failed != nil {
			return nil, failed
		}
		// What has come within a moment is sample enough.
		if len(out) > 0 && left > 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, time.Second)
			defer stop()
		}
	}
	if len(out) > sampleRecords {
		out = out[:sampleRecords]
	}
	return out, nil
}
