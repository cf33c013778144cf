package kafka

import (
	"encoding/binary"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

const (
	orderV1 = `{"type":"record","name":"order","fields":[{"name":"id","type":"long"}]}`
	orderV2 = `{"type":"record","name":"order","fields":[{"name":"id","type":"long"},{"name":"name","type":["null","string"],"default":null}]}`
)

// registries is a fake registry that can be down, and counts what it is asked.
type registries struct {
	*srfake.Registry
	down  atomic.Bool
	asked atomic.Int64
}

func startRegistry(t *testing.T, opts ...srfake.Option) *registries {
	r := &registries{Registry: srfake.New(opts...)}
	t.Cleanup(r.Close)
	r.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		r.asked.Add(1)
		if r.down.Load() {
			http.Error(w, `{"error_code":50001,"message":"out of order"}`, http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	return r
}

func (r *registries) register(t *testing.T, subject, schema string) int {
	t.Helper()
	id, _, err := r.RegisterSchema(subject, sr.Schema{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// framed is a value as a registry's clients write it; id < 0: bare.
func framed(t *testing.T, id int, schema string, v map[string]any) string {
	t.Helper()
	s, err := avro.Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	var head []byte
	if id >= 0 {
		head = binary.BigEndian.AppendUint32([]byte{0}, uint32(id))
	}
	b, err := s.AppendEncode(head, v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAvroSchemaFile(t *testing.T) {
	b := start(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "order.avsc")
	if err := os.WriteFile(path, []byte(orderV2), 0o600); err != nil {
		t.Fatal(err)
	}
	env := b.env()
	env.FileRoots = []string{dir}
	b.topic("in", 1)
	b.produce("in", 0, framed(t, -1, orderV2, map[string]any{"id": 1, "name": "a"}), framed(t, -1, orderV2, map[string]any{"id": 2, "name": nil}))
	rel := relation("in", "format", "avro", "avro.schema", orderV2)
	c := b.open(rel, stream.Scan{Bounded: true}, nil)
	c.want("1 a @0:0", "2 NULL @0:1")

	rel = relation("in", "format", "avro", "avro.schema", path)
	rel.Columns = nil
	cols, err := inferrer{env}.Infer(t.Context(), rel)
	if err != nil || len(cols) != 2 || cols[0].Type.OID != types.Int8 || cols[1].Name != "name" {
		t.Errorf("columns %v, %v", cols, err)
	}
	rel.Columns = cols
	src, err := Connector{}.Source(t.Context(), env, rel)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	r, err := src.Open(t.Context(), []stream.Position{{Split: "0"}}, stream.Scan{Bounded: true, Columns: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := src.Open(t.Context(), []stream.Position{{Split: "0"}}, stream.Scan{Bounded: true, Columns: []int{0}}); err != nil {
		t.Error(err)
	}
}

// TestRegistry reads records of two versions of a schema that is asked for once
// each; what is met while the registry is down fails, and cached ids go on.
func TestRegistry(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	v1, v2 := reg.register(t, "in-value", orderV1), reg.register(t, "in-value", orderV2)
	later := reg.register(t, "other", `{"type":"record","name":"order","fields":[{"name":"id","type":"int"}]}`)
	b.topic("in", 1)
	b.produce("in", 0, framed(t, v1, orderV1, map[string]any{"id": 1}), framed(t, v2, orderV2, map[string]any{"id": 2, "name": "b"}), framed(t, v1, orderV1, map[string]any{"id": 3}))
	options := []string{"format", "avro", "schema.registry.url", reg.URL()}
	rel := relation("in", options...)
	rel.Columns = nil
	var err error
	if rel.Columns, err = (inferrer{b.env()}).Infer(t.Context(), rel); err != nil || len(rel.Columns) != 2 {
		t.Fatalf("columns %v, %v", rel.Columns, err)
	}
	c := b.open(rel, stream.Scan{Bounded: true}, nil)
	c.want("1 NULL @0:0", "2 b @0:1", "3 NULL @0:2")
	asked := reg.asked.Load()

	reg.down.Store(true)
	c = b.open(rel, stream.Scan{Bounded: true}, nil)
	c.want("1 NULL @0:0", "2 b @0:1", "3 NULL @0:2")
	if n := reg.asked.Load(); n != asked {
		t.Errorf("the registry was asked %d times for schemas that are known", n-asked)
	}

	// A schema that is not known, while the registry is down, is no fault of the
	// record: no policy passes over it.
	b.produce("in", 0, framed(t, later, `{"type":"record","name":"order","fields":[{"name":"id","type":"int"}]}`, map[string]any{"id": 4}))
	c = b.open(rel, stream.Scan{Bounded: true, OnReject: stream.Skip}, c.at)
	_, err = c.rest()
	for _, want := range []string{`stream "orders", partition 0, offset 3`, "schema registry at", "503"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, and does not say %q", err, want)
		}
	}
	if sqlerr.CodeOf(err) != sqlerr.ConnectionFailure {
		t.Errorf("SQLSTATE %s", sqlerr.CodeOf(err))
	}
}

// TestRegistryErrors: each fault of a record says where it is, and what to do.
func TestRegistryErrors(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	id := reg.register(t, "in-value", orderV2)
	text := reg.register(t, "text", `{"type":"record","name":"order","fields":[{"name":"id","type":{"type":"map","values":"int"}}]}`)
	good := framed(t, id, orderV2, map[string]any{"id": 1, "name": "a"})
	for i, c := range []struct {
		record    string
		code      sqlerr.Code
		says, fix string
	}{
		{`{"id":1}`, sqlerr.InvalidBinaryRepresentation, "invalid Avro record", "avro.framing"},
		{"\x00\x00\x00\x03\xe7\x02\x00", sqlerr.UndefinedObject, "schema 999 is not in the registry", "schema.registry.url"},
		{good[:len(good)-1], sqlerr.InvalidBinaryRepresentation, `field "name": invalid Avro record`, "on_error"},
		{"\x00\x00\x00\x00" + string(rune(text)) + "\x00", sqlerr.DatatypeMismatch, "does not fit the stream", "compatible"},
	} {
		topic := "in" + string(rune('a'+i))
		b.topic(topic, 1)
		b.produce(topic, 0, good, c.record, good)
		rel := relation(topic, "format", "avro", "schema.registry.url", reg.URL())
		cur := b.open(rel, stream.Scan{Bounded: true}, nil)
		_, err := cur.rest()
		e := sqlerr.From(err)
		if err == nil || e.Code != c.code || !strings.Contains(e.Message, c.says) || !strings.Contains(e.Message, `stream "orders", partition 0, offset 1`) || !strings.Contains(e.Hint, c.fix) {
			t.Errorf("%q: %v (%s), hint %q", c.record, err, e.Code, e.Hint)
		}
		cur = b.open(rel, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
		if rows, err := cur.rest(); err != nil || len(rows) != 2 || len(cur.rejects) != 1 || string(cur.rejects[0].Raw) != c.record {
			t.Errorf("%q skipped: %v, %v, %v", c.record, rows, err, cur.rejects)
		}
	}
}

func TestRegistryAuth(t *testing.T) {
	b, reg := start(t), startRegistry(t, srfake.WithAuth("Basic bWU6c2VjcmV0"))
	reg.register(t, "in-value", orderV1)
	for _, c := range []struct {
		options []string
		code    sqlerr.Code
	}{
		{nil, sqlerr.InvalidPassword},
		{[]string{"schema.registry.username", "me", "schema.registry.password", "wrong"}, sqlerr.InvalidPassword},
		{[]string{"schema.registry.username", "me", "schema.registry.password", "secret"}, ""},
		{[]string{"schema.registry.username", "me"}, sqlerr.InvalidParameterValue},
		{[]string{"schema.registry.username", "me", "schema.registry.password", "secret", "schema.registry.subject", "none"}, sqlerr.UndefinedObject},
	} {
		rel := relation("in", append([]string{"format", "avro", "schema.registry.url", reg.URL()}, c.options...)...)
		if _, err := (inferrer{b.env()}).Infer(t.Context(), rel); err == nil != (c.code == "") || err != nil && sqlerr.CodeOf(err) != c.code {
			t.Errorf("%v: %v, want %s", c.options, err, c.code)
		}
	}
}

// TestAvroSink writes rows with a schema that is made of the columns and registered.
func TestAvroSink(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	b.topic("out", 1)
	rel := relation("out", "format", "avro", "schema.registry.url", reg.URL())
	s := b.sink(rel, stream.SinkOptions{})
	if _, err := s.Write(t.Context(), rowsOf(1, 2, 3)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	got, ok := reg.GetSchema("out-value", 1)
	if want := `{"type":"record","name":"orders","fields":[{"name":"id","type":["null","long"],"default":null},{"name":"name","type":["null","string"],"default":null}]}`; !ok || got.Schema.Schema != want {
		t.Errorf("registered %s, want %s", got.Schema.Schema, want)
	}
	back := relation("out", "format", "avro", "schema.registry.url", reg.URL())
	b.open(back, stream.Scan{Bounded: true}, nil).want("1 n @0:0", "2 n @0:1", "3 NULL @0:2")

	// With a schema of one's own a row that has no form there is the sink's reject.
	b.topic("own", 1)
	rel = relation("own", "format", "avro", "avro.schema", `{"type":"record","name":"r","fields":[{"name":"name","type":"string"},{"name":"id","type":"int"}]}`)
	s = b.sink(rel, stream.SinkOptions{})
	rejects, err := s.Write(t.Context(), rowsOf(1, 1<<40, 3))
	if err != nil || len(rejects) != 2 || sqlerr.CodeOf(rejects[0].Err) != sqlerr.NumericValueOutOfRange || sqlerr.CodeOf(rejects[1].Err) != sqlerr.NotNullViolation {
		t.Errorf("rejects %v, %v", rejects, err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := b.records("own"); !slices.Equal(got, []string{"nil=\x02n\x02"}) {
		t.Errorf("records %q", got)
	}

	// What cannot be written is refused before anything is registered.
	rel = relation("own", "format", "avro", "schema.registry.url", reg.URL(), "auto.register.schemas", "false")
	rel.Kind = catalog.Sink
	if _, err := (Connector{}).Sink(t.Context(), b.env(), rel, stream.SinkOptions{}); sqlerr.CodeOf(err) != sqlerr.UndefinedObject {
		t.Errorf("a schema that is not registered: %v", err)
	}
}

func TestAvroDeclarations(t *testing.T) {
	for _, c := range []struct {
		role    stream.Role
		options []string
		code    sqlerr.Code
	}{
		{stream.RoleSource, []string{"format", "avro"}, sqlerr.InvalidParameterValue},
		{stream.RoleSource, []string{"schema.registry.url", "http://x"}, sqlerr.InvalidParameterValue},
		{stream.RoleSource, []string{"format", "avro", "schema.registry.url", "x:1"}, sqlerr.InvalidParameterValue},
		{stream.RoleSource, []string{"format", "avro", "schema.registry.url", "http://registry:8081"}, ""},
		{stream.RoleSource, []string{"format", "avro", "schema.registry.url", "http://registry, http://169.254.169.254/latest"}, sqlerr.InsufficientPrivilege},
		{stream.RoleSink, []string{"format", "protobuf", "schema.registry.url", "http://127.0.0.1:8081"}, sqlerr.InsufficientPrivilege},
		{stream.RoleSource, []string{"format", "json-schema", "schema.registry.url", "https://me:secret@registry"}, sqlerr.InvalidParameterValue},
		{stream.RoleSource, []string{"format", "avro", "avro.schema", orderV1, "avro.framing", "odd"}, sqlerr.InvalidParameterValue},
		{stream.RoleSink, []string{"format", "avro", "avro.framing", "confluent"}, sqlerr.InvalidParameterValue},
		{stream.RoleSink, []string{"format", "avro"}, ""},
		{stream.RoleSource, []string{"format", "avro", "avro.schema", orderV2, "avro.framing", "single_object"}, ""},
		{stream.RoleSource, []string{"format", "avro", "avro.schema", orderV1}, sqlerr.UndefinedColumn},
	} {
		if err := (Connector{}).Check(&stream.Env{HTTPAllow: []string{"registry"}}, relation("t", c.options...), c.role); err == nil != (c.code == "") || err != nil && sqlerr.CodeOf(err) != c.code {
			t.Errorf("%v: %v, want %s", c.options, err, c.code)
		}
	}
}
