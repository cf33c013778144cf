package kafka

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// pattern is a stream of the topics that match.
func patterned(text string, options ...string) *catalog.Relation {
	rel := relation("", options...)
	rel.Options[0] = catalog.Option{Key: "topic.pattern", Value: text}
	return rel
}

// topicColumn is where the cursor has _topic.
func topicColumn(rel *catalog.Relation) int {
	return slices.IndexFunc(rel.AllColumns(), func(c catalog.Column) bool { return c.Name == "_topic" })
}

// named returns n rows as id, topic, partition and offset, in their order.
func (c *cursor) named(n int) []string {
	c.t.Helper()
	var all []string
	for len(all) < n {
		rows, err := c.next()
		if err != nil {
			c.t.Fatalf("%v, after %v", err, all)
		}
		for i, row := range rows {
			id, at, _ := strings.Cut(row, " NULL @")
			all = append(all, id+" "+c.text(topicColumn(c.rel), i)+":"+at)
		}
	}
	slices.Sort(all)
	return all
}

func (c *cursor) wantNamed(want ...string) {
	c.t.Helper()
	if got := c.named(len(want)); !slices.Equal(got, want) {
		c.t.Fatalf("read %v, want %v", got, want)
	}
}

// TestTopicPattern reads the topics whose whole names match, takes up those that come to be
// from their beginning, and goes on in each where it was.
func TestTopicPattern(t *testing.T) {
	b := start(t)
	b.topic("orders.eu", 2)
	b.topic("orders.us", 1)
	b.topic("my.orders.us", 1)
	b.topic(progressTopic, 1)
	b.produce("orders.eu", 0, `{"id":1}`)
	b.produce("orders.eu", 1, `{"id":2}`)
	b.produce("orders.us", 0, `{"id":3}`, `{"id":4}`)
	b.produce("my.orders.us", 0, `{"id":9}`)
	rel := patterned(`orders\..*`)

	c := b.open(rel, stream.Scan{Bounded: true}, nil)
	c.wantNamed("1 orders.eu:0:0", "2 orders.eu:1:0", "3 orders.us:0:0", "4 orders.us:0:1")
	if rows, err := c.rest(); err != nil || len(rows) > 0 {
		t.Errorf("behind the end: %v, %v", rows, err)
	}

	c = b.open(rel, stream.Scan{Latest: true}, nil)
	b.produce("orders.us", 0, `{"id":5}`)
	c.wantNamed("5 orders.us:0:2")
	b.topic("orders.asia", 1)
	b.produce("orders.asia", 0, `{"id":6}`, `{"id":7}`)
	splits, err := c.src.Splits(t.Context())
	if want := []stream.Split{"orders.asia/0", "orders.eu/0", "orders.eu/1", "orders.us/0"}; err != nil || !slices.Equal(splits, want) {
		t.Fatalf("splits %v, %v, want %v", splits, err, want)
	}
	if err := c.r.Add(t.Context(), []stream.Position{{Split: "orders.asia/0"}}); err != nil {
		t.Fatal(err)
	}
	c.wantNamed("6 orders.asia:0:0", "7 orders.asia:0:1")

	b.produce("orders.asia", 0, `{"id":8}`)
	b.topic("orders.africa", 1)
	b.produce("orders.africa", 0, `{"id":10}`)
	c = b.open(patterned(`orders\..*`, "auto.offset.reset", "latest"), stream.Scan{}, c.at)
	c.wantNamed("10 orders.africa:0:0", "8 orders.asia:0:2")
}

// TestTopicPatternWithoutTopics waits for the first one.
func TestTopicPatternWithoutTopics(t *testing.T) {
	b := start(t)
	rel := patterned(`(?i)LATER-[0-9]+|sooner`)
	if rows, err := b.open(rel, stream.Scan{Bounded: true}, nil).rest(); err != nil || len(rows) > 0 {
		t.Errorf("without a topic: %v, %v", rows, err)
	}
	c := b.open(rel, stream.Scan{}, nil)
	b.topic("later-7", 1)
	b.topic("later-7x", 1)
	b.produce("later-7", 0, `{"id":1}`)
	splits, err := c.src.Splits(t.Context())
	if err != nil || !slices.Equal(splits, []stream.Split{"later-7/0"}) {
		t.Fatalf("splits %v, %v", splits, err)
	}
	if err := c.r.Add(t.Context(), []stream.Position{{Split: splits[0]}}); err != nil {
		t.Fatal(err)
	}
	c.wantNamed("1 later-7:0:0")
}

// TestTopicPatternLosesATopic: where nothing may be lost the read ends with an error that
// names the topic, also after a start; else it goes on, and reads one made anew from its
// beginning.
func TestTopicPatternLosesATopic(t *testing.T) {
	b := start(t)
	b.topic("a", 1)
	b.topic("b", 1)
	b.produce("a", 0, `{"id":1}`)
	b.produce("b", 0, `{"id":2}`)
	strict := b.open(patterned("a|b"), stream.Scan{}, nil)
	strict.wantNamed("1 a:0:0", "2 b:0:0")
	lax := b.open(patterned("a|b", "on_data_loss", "continue"), stream.Scan{}, nil)
	lax.wantNamed("1 a:0:0", "2 b:0:0")
	for _, c := range []*cursor{strict, lax} {
		c.src.(*source).topics.patience = time.Millisecond
	}
	if err := b.DeleteTopic("a"); err != nil {
		t.Fatal(err)
	}

	_, err := strict.rest()
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.UndefinedTable || !strings.Contains(e.Message, `topic "a" does not exist`) || !strings.Contains(e.Hint, "on_data_loss = 'continue'") {
		t.Errorf("a topic that is gone: %v", err)
	}
	src, err := Connector{}.Source(t.Context(), b.env(), strict.rel)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	_, err = src.Open(t.Context(), []stream.Position{{Split: "a/0", Offset: strict.at["a/0"]}}, stream.Scan{Columns: []int{0}})
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.UndefinedTable || !strings.Contains(e.Message, `topic "a"`) {
		t.Errorf("a position in a topic that is gone: %v", err)
	}

	b.produce("b", 0, `{"id":3}`)
	lax.wantNamed("3 b:0:1")
	again := b.reopen(lax)
	b.produce("b", 0, `{"id":4}`)
	again.wantNamed("4 b:0:2")
	b.topic("a", 1)
	b.cl.PurgeTopicsFromProducing("a") // which would write to the old one
	b.produce("a", 0, `{"id":5}`)
	again.wantNamed("5 a:0:0")
	b.produce("a", 0, `{"id":6}`)
	b.reopen(again).wantNamed("6 a:0:1")

	// The first reader had seen the old topic: it is opened again, by an outage's rules.
	before := maps.Clone(lax.at)
	_, err = lax.rest()
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.ConnectionFailure || !strings.Contains(e.Message, `topic "a"`) {
		t.Errorf("a topic made anew: %v", err)
	}
	lax.at = before
	b.reopen(lax).wantNamed("4 b:0:2", "5 a:0:0", "6 a:0:1")
}

// reopen goes on at all the positions that a cursor has reached, as a job does.
func (b *broker) reopen(c *cursor) *cursor {
	b.t.Helper()
	src, err := Connector{}.Source(b.t.Context(), b.env(), c.rel)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { src.Close() })
	var from []stream.Position
	for split, at := range c.at {
		from = append(from, stream.Position{Split: split, Offset: at})
	}
	next := &cursor{t: b.t, rel: c.rel, src: src, b: c.b, at: map[stream.Split]stream.Offset{}}
	maps.Copy(next.at, c.at)
	var scan stream.Scan
	for i := range c.rel.AllColumns() {
		scan.Columns = append(scan.Columns, i)
	}
	if next.r, err = src.Open(b.t.Context(), from, scan); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { next.r.Close() })
	return next
}

func TestTopicPatternIsRefused(t *testing.T) {
	for _, c := range []struct {
		options []string
		role    stream.Role
		code    sqlerr.Code
		hint    string
	}{
		{[]string{"topic.pattern", "orders("}, stream.RoleSource, sqlerr.InvalidParameterValue, "a topic's whole name matches"},
		{[]string{"topic.pattern", ""}, stream.RoleSource, sqlerr.InvalidParameterValue, "a topic's whole name matches"},
		{[]string{"topic.pattern", "a.*", "topic", "a"}, stream.RoleSource, sqlerr.InvalidParameterValue, "in place of topic"},
		{[]string{"topic.pattern", "a.*"}, stream.RoleSink, sqlerr.FeatureNotSupported, "CREATE SINK"},
	} {
		rel := relation("", c.options...)
		rel.Options = rel.Options[1:]
		err := Connector{}.Check(&stream.Env{}, rel, c.role)
		if e := sqlerr.From(err); e == nil || e.Code != c.code || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%v: %+v, want %s %q", c.options, e, c.code, c.hint)
		}
	}
}
