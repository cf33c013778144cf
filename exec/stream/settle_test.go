package stream

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// twofold takes other options as a sink, and has no use for one without another.
type twofold struct{ Connector }

func (twofold) Options(role Role) []Option {
	if role == RoleSink {
		return []Option{{Key: "topic"}, {Key: "compression.type", Aliases: []string{"compression"}}}
	}
	return []Option{{Key: "topic"}, {Key: "servers", Aliases: []string{"brokers"}}, {Key: "format"}, {Key: "registry"}}
}

func (twofold) Needless(options catalog.Options, key string) bool {
	f, _ := options.Get("format")
	return key == "registry" && f != "avro"
}

func TestSettle(t *testing.T) {
	file := func(kv ...string) (all []catalog.FileOption) {
		for i := 0; i < len(kv); i += 2 {
			key, inherited := kv[i], kv[i][0] == '^'
			if inherited {
				key = key[1:]
			}
			all = append(all, catalog.FileOption{Option: catalog.Option{Key: key, Value: kv[i+1]}, Inherited: inherited, Where: "f.yaml, line 1"})
		}
		return all
	}
	for _, c := range []struct {
		role    Role
		written catalog.Options
		file    []catalog.FileOption
		want    string
	}{
		{RoleSource, nil, file("topic", "t"), "[{topic t}] []"},
		{RoleSource, catalog.Options{{Key: "brokers", Value: "mine"}}, file("servers", "theirs"), "[{brokers mine}] []"},
		{RoleSource, nil, file("^servers", "base", "brokers", "own"), "[{brokers own}] []"},
		{RoleSource, nil, file("^compression", "zstd", "topic", "t", "^max_retries", "3"), "[{max_retries 3} {topic t}] [compression]"},
		{RoleSource, nil, file("compression", "zstd"), `unrecognized parameter "compression" of source "r"; f.yaml, line 1.`},
		{RoleSource, nil, file("^tpoic", "t"), `unrecognized parameter "tpoic" of source "r"; f.yaml, line 1.`},
		{RoleSink, nil, file("^compression", "zstd"), "[{compression zstd}] []"},
		{RoleSource, nil, file("^registry", "r"), "[] [registry]"},
		{RoleSource, nil, file("registry", "r"), "[{registry r}] []"},
		{RoleSource, catalog.Options{{Key: "format", Value: "avro"}}, file("^registry", "r"), "[{format avro} {registry r}] []"},
	} {
		all, unused, err := Settle(twofold{}, c.role, &catalog.Relation{Name: "r", Connector: "twofold", Options: c.written}, c.file)
		got := fmt.Sprint(all, unused)
		var e *sqlerr.Error
		if errors.As(err, &e) {
			got = e.Message + "; " + e.Detail
		}
		if got != c.want {
			t.Errorf("%v beside %v: %s, want %s", c.file, c.written, got, c.want)
		}
	}
}
