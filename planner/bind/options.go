package bind

import (
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
)

// jobKeys are the WITH keys that belong to a statement rather than to one of
// its sources or sinks.
var jobKeys = map[string]bool{
	"use_transactions": true, "transactions": true, "failure_strategy": true, "max_retries": true, "retry_backoff": true, "stop_timeout": true,
	"dead_letter": true, "late_policy": true, "allowed_lateness": true, "restart_policy": true, "max_restart_attempts": true, "restart_delay": true, "restart_delay_ms": true,
	"max_batch_size": true, "batch_timeout": true,
	"batch.enable": true, "batch.strategy": true, "batch.size": true, "batch.timeout": true, "batch.max_size": true,
	"batch.min_size": true, "batch.memory_limit_mb": true, "batch.memory_size": true, "batch.adaptive_max_size": true,
	"batch.target_latency": true, "batch.low_latency_max_size": true, "batch.low_latency_wait": true,
	"batch.eager_processing": true, "source.buffer_size": true, "sink.buffer": true, "on_sink_full": true,
	"checkpoint.interval": true, "fallback": true, "state.ttl": true, "state.memory_limit_mb": true, "on_data_loss": true, "parallelism": true, "aggregate.phases": true,
}

// withKeys are the WITH keys of a statement, dealt out to those they are for.
type withKeys struct {
	own   catalog.Options // the statement's
	named map[string]catalog.Options
	pos   map[string]int // of the first key for a name
}

// dealKeys splits 'name.key' off to the names; what is left is the statement's
// own, or, where there is just one name to be declared, that one's.
func (b *binder) dealKeys(pairs []parse.Pair, names []string, single string) withKeys {
	w := withKeys{named: map[string]catalog.Options{}, pos: map[string]int{}}
	byLength := append([]string(nil), names...)
	sort.Slice(byLength, func(i, j int) bool { return len(byLength[i]) > len(byLength[j]) })
	seen := map[string]bool{}
	for _, p := range pairs {
		key := strings.ToLower(p.Key)
		if seen[key] {
			b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "parameter \"%s\" specified more than once", key).At(p.Pos))
		}
		seen[key] = true
		if name, rest := ownerOf(key, byLength); name != "" {
			b.give(&w, name, rest, p)
			continue
		}
		switch {
		case single != "" && !jobKeys[key] && prefixed(pairs, single) && nearJobKey(key):
			b.unknownKey(key, names, p.Pos) // the statement's, misspelt: those of the one to be declared have its name
		case single != "" && (!jobKeys[key] || len(names) == 1 && b.declares()):
			b.give(&w, single, key, p)
		case jobKeys[key]:
			w.own = append(w.own, catalog.Option{Key: key, Value: p.Value})
		default:
			b.unknownKey(key, names, p.Pos)
		}
	}
	return w
}

// prefixed reports whether some keys have a name before them.
func prefixed(pairs []parse.Pair, name string) bool {
	return slices.ContainsFunc(pairs, func(p parse.Pair) bool {
		owner, _ := ownerOf(strings.ToLower(p.Key), []string{name})
		return owner != ""
	})
}

// nearJobKey reports whether a key looks like one of a job's.
func nearJobKey(key string) bool {
	return nearest(key, slices.Collect(maps.Keys(jobKeys))) != ""
}

// declares reports whether the statement declares one stream or sink and
// nothing else, so that every key is that one's.
func (b *binder) declares() bool {
	switch s := b.stmt.Stream.(type) {
	case *parse.CreateStream:
		return s.Select == nil
	case *parse.CreateSink, *parse.Show:
		return true
	}
	return b.stmt.From != nil // CREATE SCHEMA ... FROM
}

// variable is ${NAME} or ${NAME:-default}, which a value would otherwise hold as
// it is written: a topic, or a password, that nobody meant.
var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`)

func (b *binder) give(w *withKeys, name, key string, p parse.Pair) {
	if key == "config_file" && b.c.ConfigFile == nil {
		b.fail(sqlerr.Unsupported("Write the file's keys in the WITH list.",
			"reading \"%s\" of \"%s\" under config.root is not supported", p.Value, name).At(p.Pos))
	}
	if v := variable.FindString(p.Value); v != "" {
		if b.c.Expand == nil {
			b.fail(sqlerr.Unsupported("Write its value.", "the variable %s in \"%s\" of \"%s\" is not supported", v, key, name).At(p.Pos))
		}
		p.Value = b.expand(name, key, p)
	}
	for _, o := range w.named[name] {
		if o.Key == key {
			b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "parameter \"%s\" of \"%s\" specified more than once", key, name).At(p.Pos))
		}
	}
	if _, ok := w.pos[name]; !ok {
		w.pos[name] = p.Pos
	}
	w.named[name] = append(w.named[name], catalog.Option{Key: key, Value: p.Value})
}

// ownerOf splits a key into the name before its first part and the rest.
func ownerOf(key string, names []string) (name, rest string) {
	for _, n := range names {
		if prefix := strings.ToLower(n) + "."; strings.HasPrefix(key, prefix) && len(key) > len(prefix) {
			return n, key[len(prefix):]
		}
	}
	return "", ""
}

func (b *binder) unknownKey(key string, names []string, pos int) {
	err := sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized parameter \"%s\"", key)
	known := make([]string, 0, len(jobKeys)+len(names))
	for k := range jobKeys {
		known = append(known, k)
	}
	sort.Strings(known)
	head, rest, dotted := strings.Cut(key, ".")
	lower := make([]string, len(names))
	for i, n := range names {
		lower[i] = strings.ToLower(n)
	}
	switch near := nearest(key, known); {
	case near != "":
		err.WithHint("Perhaps you meant \"%s\".", near)
	case dotted && nearest(head, lower) != "":
		err.WithHint("Perhaps you meant \"%s.%s\".", nearest(head, lower), rest)
	case len(names) > 0:
		err.WithHint("Write whose it is: '%s.%s' = ...", names[0], key)
	}
	b.fail(err.At(pos))
}

// connectorOf finds the type of a relation from its keys, takes it out of them,
// and says so where it had to guess.
func (b *binder) connectorOf(name string, opts catalog.Options, sink bool, pos int) (string, catalog.Options) {
	opts, file := b.configFile(name, opts, pos)
	both := opts
	for _, o := range file {
		both = append(both[:len(both):len(both)], o.Option)
	}
	typ, given := both.Get("type", "connector")
	if !given {
		guess := guessConnector(both)
		if len(guess) != 1 || b.c.ExplicitTypes {
			b.fail(b.missingType(name, sink).At(pos))
		}
		typ = guess[0]
	}
	typ = b.namedConnector(name, typ, sink, pos)
	b.mayConnect(typ, pos)
	if !given {
		b.notice("the type of \"%s\" is taken to be %s from its keys", name, typ)
	}
	return typ, b.withFile(name, typ, sink, withoutKeys(opts, "type", "connector"), file, pos)
}

// knownSystems are types that are no mistakes of spelling, whether or not this
// server has a connector for them.
var knownSystems = map[string]bool{
	"kafka": true, "file": true, "s3": true, "database": true, "http": true, "elasticsearch": true, "redis": true, "mongodb": true, "iceberg": true,
	"postgres": true, "postgresql": true, "mysql": true, "mariadb": true, "sqlite": true, "jdbc": true, "clickhouse": true, "kinesis": true, "pulsar": true, "nats": true,
}

// otherNames are types that are written by the name of a product.
var otherNames = map[string]string{"postgres": "database", "postgresql": "database", "jdbc": "database", "mysql": "database", "mariadb": "database", "sqlite": "database"}

// commonSinks are the types that somebody who names none is told of, where this server
// has them.
var commonSinks = []string{"kafka", "file", "s3", "database", "iceberg", "http"}

func (b *binder) missingType(name string, sink bool) *sqlerr.Error {
	if sink {
		var known []string
		for _, typ := range commonSinks {
			if b.c.Connector != nil {
				if _, writes, ok := b.c.Connector(typ); !ok || !writes {
					continue
				}
			}
			known = append(known, "'"+typ+"_sink'")
		}
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "Sink type must be explicitly specified for '%s'. "+
			"Use: '%s.type' with values like %s", name, name, strings.Join(known, ", "))
	}
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "Source type must be explicitly specified for '%s'. "+
		"Use: '%s.type' with values like 'kafka_source', 'file_source', 's3_source', 'database_source'", name, name)
}

// namedConnector reads a type as written: kafka, kafka_source, KAFKA-SINK.
func (b *binder) namedConnector(name, value string, sink bool, pos int) string {
	typ := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(value)), "-", "_")
	base, isSource := strings.CutSuffix(typ, "_source")
	base, isSink := strings.CutSuffix(base, "_sink")
	if isSource && sink {
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "type '%s' of \"%s\" is a source, but \"%s\" is written to", value, name, name).
			WithHint("Write '%s' or '%s_sink'.", base, base).At(pos))
	}
	if isSink && !sink {
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "type '%s' of \"%s\" is a sink, but \"%s\" is read", value, name, name).
			WithHint("Write '%s' or '%s_source'.", base, base).At(pos))
	}
	if b.c.Connector == nil {
		return base
	}
	if other := otherNames[base]; other != "" {
		base = other
	}
	source, canSink, ok := b.c.Connector(base)
	if !ok && knownSystems[base] {
		b.fail(sqlerr.Unsupported("Use one of: "+strings.Join(b.c.Connectors, ", ")+".", "type '%s' of \"%s\" is not supported", value, name).At(pos))
	}
	if !ok {
		err := sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized type '%s' of \"%s\"", value, name)
		if near := nearest(base, b.c.Connectors); near != "" {
			err.WithHint("Perhaps you meant '%s'.", near)
		} else if len(b.c.Connectors) > 0 {
			err.WithHint("The types there are: %s.", strings.Join(b.c.Connectors, ", "))
		}
		b.fail(err.At(pos))
	}
	if sink && !canSink || !sink && !source {
		what := "read"
		if sink {
			what = "written to"
		}
		b.fail(sqlerr.Unsupported("Choose another type for it.", "a %s cannot be %s", base, what).At(pos))
	}
	return base
}

// guessConnector are the types that the keys fit.
func guessConnector(opts catalog.Options) []string {
	var fits []string
	add := func(t string) {
		for _, f := range fits {
			if f == t {
				return
			}
		}
		fits = append(fits, t)
	}
	for _, o := range opts {
		switch o.Key {
		case "topic", "topic.pattern", "bootstrap.servers":
			add("kafka")
		case "bucket":
			add("s3")
		case "path":
			if strings.HasPrefix(o.Value, "s3://") {
				add("s3")
			} else if !hasKey(opts, "bucket") {
				add("file")
			}
		case "connection", "connection.url", "table":
			add("database")
		case "url", "endpoint":
			if path, _ := opts.Get("path"); !hasKey(opts, "bucket") && !strings.HasPrefix(path, "s3://") {
				add("http") // an S3 store's otherwise
			}
		}
	}
	return fits
}

func hasKey(opts catalog.Options, key string) bool {
	_, ok := opts.Get(key)
	return ok
}

// override is a relation's options with others in their place.
func override(have, more catalog.Options) catalog.Options {
	out := append(catalog.Options(nil), have...)
next:
	for _, m := range more {
		for i := range out {
			if out[i].Key == m.Key {
				out[i] = m
				continue next
			}
		}
		out = append(out, m)
	}
	return out
}
