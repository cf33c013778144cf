package kafka

import (
	"reflect"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestDefaults: an option of the server's configuration is as one that is written, where the
// position takes it and nothing is written.
func TestDefaults(t *testing.T) {
	plain := func(env *stream.Env, role stream.Role, options ...string) *config {
		t.Helper()
		rel := relation("t", options...)
		if role == stream.RoleSink {
			rel.Kind = catalog.Sink
		}
		c, _, err := read(rel, role, env)
		if err != nil {
			t.Fatalf("%v: %v", options, err)
		}
		return c
	}
	for _, c := range []struct {
		role       stream.Role
		key, value string
		alias      string // another name of it
		other      string // what is written wins
	}{
		{stream.RoleSource, "fetch.min.bytes", "1000", "fetch.min.bytes", "2000"},
		{stream.RoleSource, "fetch.max.wait.ms", "100", "fetch.max.wait.ms", "200"},
		{stream.RoleSource, "max.partition.fetch.bytes", "2MB", "max.partition.fetch.bytes", "3MB"},
		{stream.RoleSource, "max.poll.records", "10", "max.poll.records", "20"},
		{stream.RoleSource, "isolation.level", "read_uncommitted", "isolation.level", "read_committed"},
		{stream.RoleSink, "acks", "1", "acks", "0"},
		{stream.RoleSink, "enable.idempotence", "false", "enable.idempotence", "true"},
		{stream.RoleSink, "batch.size", "2MB", "batch.size", "3MB"},
		{stream.RoleSink, "linger.ms", "100", "linger.ms", "200"},
		{stream.RoleSink, "buffer.memory", "2MB", "buffer.memory", "3MB"},
		{stream.RoleSink, "compression.type", "lz4", "compression", "zstd"},
	} {
		env := &stream.Env{Kafka: catalog.Options{{Key: c.key, Value: c.value}}}
		if got, want := plain(env, c.role), plain(&stream.Env{}, c.role, c.key, c.value); !reflect.DeepEqual(got, want) {
			t.Errorf("%s of the server: %+v, want %+v", c.key, got, want)
		}
		if got, want := plain(env, c.role, c.alias, c.other), plain(&stream.Env{}, c.role, c.key, c.other); !reflect.DeepEqual(got, want) {
			t.Errorf("%s of the server, and %s that is written: %+v, want %+v", c.key, c.alias, got, want)
		}
		if got, want := plain(env, 1-c.role), plain(&stream.Env{}, 1-c.role); !reflect.DeepEqual(got, want) {
			t.Errorf("%s of the server, in the other position: %+v, want %+v", c.key, got, want)
		}
	}

	env := &stream.Env{Brokers: "own:9092", Kafka: catalog.Options{
		{Key: "security.protocol", Value: "SASL_SSL"}, {Key: "sasl.username", Value: "me"}, {Key: "sasl.password_file", Value: "/etc/x"},
		{Key: "ssl.endpoint.identification.algorithm", Value: "none"}, {Key: "linger.ms", Value: "100"},
	}}
	want := plain(&stream.Env{}, stream.RoleSink, "security.protocol", "SASL_SSL", "sasl.username", "me", "sasl.password_file", "/etc/x", "ssl.endpoint.identification.algorithm", "none").security
	want.ofServer = true
	if got := plain(env, stream.RoleSink).security; !reflect.DeepEqual(got, want) {
		t.Errorf("the server's brokers: %+v, want %+v", got, want)
	}
	for _, options := range [][]string{
		{"bootstrap.servers", "other:9092"}, {"brokers", "other:9092"}, {"security.protocol", "SSL"}, {"ssl.ca.location", "/tmp/ca.pem"},
		{"ssl.endpoint.identification.algorithm", "https"}, {"security.protocol", "SASL_PLAINTEXT", "sasl.username", "eve", "sasl.password", "x"},
	} {
		want := plain(&stream.Env{}, stream.RoleSink, options...).security
		if got := plain(env, stream.RoleSink, options...); !reflect.DeepEqual(got.security, want) || got.linger.Milliseconds() != 100 {
			t.Errorf("%v: %+v, want %+v", options, got.security, want)
		}
	}
}

// TestDefaultsOfProgress: the progress of jobs lies where their sinks are, and is read as far
// as it is decided.
func TestDefaultsOfProgress(t *testing.T) {
	env := &stream.Env{Brokers: "own:9092", Kafka: catalog.Options{
		{Key: "security.protocol", Value: "SASL_SSL"}, {Key: "sasl.username", Value: "me"}, {Key: "sasl.password_file", Value: "/etc/x"},
		{Key: "isolation.level", Value: "read_uncommitted"},
	}}
	for _, options := range [][]string{nil, {"brokers", "other:9092"}, {"bootstrap.servers", "other:9092", "security.protocol", "SSL"}, {"ssl.ca.location", "/tmp/ca.pem"}} {
		sink := relation("t", options...)
		sink.Kind = catalog.Sink
		of, _, err := read(sink, stream.RoleSink, env)
		if err != nil {
			t.Fatal(err)
		}
		for name, rel := range map[string]*catalog.Relation{
			"progress":     progressOf(sink),
			"dead letters": {Name: "d", Kind: catalog.Stream, Options: Connector{}.DeadLetters(sink, "d", nil)},
		} {
			got, _, err := read(rel, stream.RoleSource, env)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.security, of.security) || !reflect.DeepEqual(got.brokers, of.brokers) {
				t.Errorf("%s of a sink with %v: %v %+v, want %v %+v", name, options, got.brokers, got.security, of.brokers, of.security)
			}
			if name == "progress" && got.uncommitted {
				t.Errorf("progress of a sink with %v is read uncommitted", options)
			}
		}
	}
}

// TestKeysOfOtherClients: what configurations of Kafka's clients and of Flink's have is
// declared, under these names.
func TestKeysOfOtherClients(t *testing.T) {
	both := []string{"topic", "bootstrap.servers", "value.format", "key.format", "source.format", "security.protocol", "sasl.mechanism", "sasl.username", "sasl.password", "schema.registry.url"}
	for role, keys := range map[stream.Role][]string{
		stream.RoleSource: append([]string{"group.id", "auto.offset.reset", "max.poll.records", "fetch.min.bytes", "fetch.max.wait.ms", "session.timeout.ms"}, both...),
		stream.RoleSink:   append([]string{"batch.size", "linger.ms", "compression.type", "acks", "enable.idempotence"}, both...),
	} {
		known := map[string]bool{}
		for _, o := range (Connector{}).Options(role) {
			known[o.Key] = true
			for _, a := range o.Aliases {
				known[a] = true
			}
		}
		for _, key := range keys {
			if !known[key] {
				t.Errorf("a %s does not take %s", role, key)
			}
		}
	}
}
