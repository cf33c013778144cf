package stream

import (
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

var testOptions = []Option{
	{Key: "topic", Required: true, Help: "the topic"},
	{Key: "linger.ms", Default: "5"},
	{Key: "format", Aliases: []string{"value.format"}, Default: "json"},
	{Key: "batch.size", Default: "16KB"},
}

func rel(kv ...string) *catalog.Relation {
	r := &catalog.Relation{Name: "r", Connector: "test"}
	for i := 0; i < len(kv); i += 2 {
		r.Options = append(r.Options, catalog.Option{Key: kv[i], Value: kv[i+1]})
	}
	return r
}

func TestReadOptions(t *testing.T) {
	v, err := ReadOptions(rel("topic", "t", "value.format", "CSV", "linger.ms", "2 seconds"), RoleSource, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Enum("format", "json", "csv"); got != "csv" {
		t.Errorf("format = %q, want csv", got)
	}
	if got := v.Duration("linger.ms"); got != 2*time.Second {
		t.Errorf("linger.ms = %v, want 2s", got)
	}
	if got := v.Size("batch.size", 0, 1<<30); got != 16384 {
		t.Errorf("batch.size = %d, want 16384", got)
	}
	if u := v.Unread(testOptions); len(u) != 1 || u[0] != "topic" {
		t.Errorf("Unread = %v, want [topic]", u)
	}
	if v.Err() != nil {
		t.Error(v.Err())
	}
}

func TestReadOptionsRefuses(t *testing.T) {
	for _, c := range []struct {
		rel        *catalog.Relation
		code       sqlerr.Code
		text, hint string
	}{
		{rel("topic", "t", "tpoic", "x"), sqlerr.InvalidParameterValue, `unrecognized parameter "tpoic" of source "r"`, `Perhaps you meant "topic".`},
		{rel("topic", "t", "archive.format", "json"), sqlerr.InvalidParameterValue, `unrecognized parameter "archive.format" of source "r"`, `The statement has no source or sink "archive"; this one's is written "r.format".`},
		{rel("topic", "t", "linger", "x"), sqlerr.InvalidParameterValue, `unrecognized parameter "linger" of source "r"`, `Perhaps you meant "linger.ms".`},
		{rel("topic", "t", "zzzzzz", "x"), sqlerr.InvalidParameterValue, `unrecognized parameter "zzzzzz" of source "r"`, `A test source takes: topic, linger.ms, format, batch.size.`},
		{rel(), sqlerr.InvalidParameterValue, `source "r" needs the parameter "topic"`, `topic: the topic.`},
		{rel("topic", ""), sqlerr.InvalidParameterValue, `source "r" needs the parameter "topic"`, `topic: the topic.`},
		{rel("topic", "t", "format", "a", "value.format", "b"), sqlerr.SyntaxError, `parameter "format" of source "r" specified more than once`, ""},
	} {
		_, err := ReadOptions(c.rel, RoleSource, testOptions)
		e := sqlerr.From(err)
		if e == nil || e.Code != c.code || e.Message != c.text || e.Hint != c.hint {
			t.Errorf("%v: %+v, want %s %s (%s)", c.rel.Options, e, c.code, c.text, c.hint)
		}
	}
	v, err := ReadOptions(rel("topic", "t", "linger.ms", "soon"), RoleSource, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	v.Duration("linger.ms")
	if e := sqlerr.From(v.Err()); e == nil || e.Message != `invalid value for parameter "linger.ms" of "r": "soon"` {
		t.Errorf("bad duration: %v", v.Err())
	}
}

func TestParseUnits(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"500": 500 * time.Millisecond, "10ms": 10 * time.Millisecond, "5s": 5 * time.Second, "2 minutes": 2 * time.Minute,
		"1 hour": time.Hour, "1.5s": 1500 * time.Millisecond, "3 days": 72 * time.Hour, "2000ms": 2 * time.Second,
	} {
		if d, ok := ParseDuration(s); !ok || d != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", s, d, ok, want)
		}
	}
	for s, want := range map[string]int64{"16": 16, "16MB": 16 << 20, "64 kB": 64 << 10, "1GB": 1 << 30} {
		if n, ok := ParseSize(s); !ok || n != want {
			t.Errorf("ParseSize(%q) = %v, %v, want %v", s, n, ok, want)
		}
	}
	for _, s := range []string{"", "x", "-1", "5 parsecs"} {
		if _, ok := ParseDuration(s); ok {
			t.Errorf("ParseDuration(%q) succeeds", s)
		}
		if _, ok := ParseSize(s); ok {
			t.Errorf("ParseSize(%q) succeeds", s)
		}
	}
}
