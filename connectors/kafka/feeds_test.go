package kafka

import (
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

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
		{"a cluster that is not reached", topic("in", "bootstrap.servers", "127.0.0.1:1"), topic("in", "bootstrap.servers", "127.0.0.1:2"), false},
		{"options that are wrong", topic("in", "format", "none"), topic("in"), false},
	} {
		what, got := Connector{}.Feeds(t.Context(), env, c.sink, c.source)
		if got != c.want || got == (what == "") {
			t.Errorf("%s: %q, %t, want %t", c.name, what, got, c.want)
		}
	}
}

// TestFeedsByOtherNames: one topic is told by its id where its brokers have other names,
// and from one of its name in another cluster.
func TestFeedsByOtherNames(t *testing.T) {
	start := func() (port string) {
		b, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, nil, "orders"); err != nil {
			t.Fatal(err)
		}
		_, port, err = net.SplitHostPort(b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	one, two := start(), start()
	at := func(broker string) *catalog.Relation {
		return &catalog.Relation{Name: "r", Columns: []catalog.Column{{Name: "v", Type: types.Of(types.Text)}},
			Options: catalog.Options{{Key: "topic", Value: "orders"}, {Key: "bootstrap.servers", Value: broker}}}
	}
	if what, yes := (Connector{}).Feeds(t.Context(), &stream.Env{}, at("localhost:"+one), at("127.0.0.1:"+one)); !yes || what != `topic "orders"` {
		t.Errorf("by another name of its broker: %q, %t, want that it is the topic", what, yes)
	}
	if _, yes := (Connector{}).Feeds(t.Context(), &stream.Env{}, at("localhost:"+one), at("127.0.0.1:"+two)); yes {
		t.Error("a topic of another cluster is taken for this one")
	}
}
