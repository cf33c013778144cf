package kafka

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// producing are a sink's options that all sinks of one producer must have alike.
var producing = []string{"linger.ms", "batch.size", "compression.type", "compression", "delivery.timeout.ms"}

// DeadLetters is stream.DeadLetters'.
func (Connector) DeadLetters(of *catalog.Relation, name string, like *catalog.Relation) catalog.Options {
	if name == "" {
		name, _ = of.Options.Get("topic")
	}
	own := append(reaching(of.Options), catalog.Option{Key: "topic", Value: name}, catalog.Option{Key: "format", Value: formatRaw})
	if like == nil {
		return own
	}
	for _, o := range like.Options {
		if slices.Contains(producing, o.Key) {
			own = append(own, o)
		}
	}
	return own
}

// headersOf makes a record's headers of a row's object, in its order. A value that
// is not a string is its JSON text; null is a header without a value.
func headersOf(v vec.Vec, row int) ([]kgo.RecordHeader, error) {
	if isNull(v, row) {
		return nil, nil
	}
	text := appendWhole(nil, v, row)
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, notHeaders(text)
	}
	var all []kgo.RecordHeader
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, notHeaders(text)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, notHeaders(text)
		}
		h := kgo.RecordHeader{Key: name, Value: raw}
		var s *string
		if json.Unmarshal(raw, &s) == nil {
			if h.Value = nil; s != nil {
				h.Value = []byte(*s)
			}
		}
		all = append(all, h)
	}
	return all, nil
}

func notHeaders(text []byte) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "_headers of a record must be an object, and is %.100s", text)
}

// recordSize is about what a record takes of its batch.
func recordSize(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value) + 100
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value) + 10
	}
	return n
}

// Places is stream.Placer's.
func (Connector) Places() {}

var (
	_ stream.DeadLetters = Connector{}
	_ stream.Placer      = Connector{}
)
