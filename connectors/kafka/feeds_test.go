package kafka

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

func TestFeeds(t *testing.T) {
	topic := func(name string, options ...string) *catalog.Relation {
		r := &catalog.Relation{Name: name, Columns: []catalog.Column{{Name: "v", Type: types.Of(types.Text)}}}
		for i := 0; i < len(options); i += 2 {
			r.Options = append(r.Options, catalog.Option{Key: options[i], Value: options[i+1]})
		}
		return r
	}
	env := &stream.Env{Brokers: "a:9092,b:9092"}
	for _, c := range []struct {
		name         string
		sink, source *catalog.Relation
		want         bool
	}{
		{"one topic", topic("out", "topic", "orders"), topic("in", "topic", "orders"), true},
		{"by the stream's name", topic("out", "topic", "in"), topic("in"), true},
		{"brokers that are the default's", topic("out", "topic", "in", "bootstrap.servers", "b:9092"), topic("in"), true},
		{"other topics", topic("out"), topic("in"), false},
		{"another cluster", topic("in", "bootstrap.servers", "c:9092"), topic("in"), false},
		{"options that are wrong", topic("in", "format", "none"), topic("in"), false},
	} {
		what, got := Connector{}.Feeds(env, c.sink, c.source)
		if got != c.want || got == (what == "") {
			t.Errorf("%s: %q, %t, want %t", c.name, what, got, c.want)
		}
	}
}
