package kafka

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

const (
	moneyProto = `syntax = "proto3"; package money; message Decimal { int64 units = 1; int32 scale = 2; }`
	orderProto = `syntax = "proto3"; package shop; import "money.proto"; message Head { int32 v = 1; } message Order { int64 id = 1; optional string name = 2; money.Decimal price = 3; }`
)

// TestProtobufSchemaFile reads bare records by a file that imports another beside it.
func TestProtobufSchemaFile(t *testing.T) {
	b := start(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"money.proto": moneyProto, "order.proto": orderProto, "bad.proto": "message A {\n  int32 x = ;\n}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := b.env()
	env.FileRoots = []string{dir}
	b.topic("in", 1)
	b.produce("in", 0, "\x08\x01\x12\x01a\x1a\x07\x08\x80\xad\xe2\x04\x10\x04", "\x08\x02", "\x08\x02\x12\x05a")
	rel := relation("in", "format", "protobuf", "protobuf.schema", filepath.Join(dir, "order.proto"), "protobuf.message", "Order")
	cols, err := inferrer{env}.Infer(t.Context(), rel)
	if err != nil || len(cols) != 3 || cols[0].Type.OID != types.Int8 || cols[2].Type.OID != types.Numeric {
		t.Fatalf("columns %v, %v", cols, err)
	}
	rel.Columns = cols
	src, err := Connector{}.Source(t.Context(), env, rel)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	c := &cursor{t: t, rel: rel, src: src, b: &vec.Batch{}, at: map[stream.Split]stream.Offset{}}
	scan := stream.Scan{Bounded: true, OnReject: stream.Skip}
	for i, col := range rel.AllColumns() {
		scan.Columns, c.b.Cols = append(scan.Columns, i), append(c.b.Cols, vec.New(col.Type))
	}
	if c.r, err = src.Open(t.Context(), []stream.Position{{Split: "0"}}, scan); err != nil {
		t.Fatal(err)
	}
	defer c.r.Close()
	c.want("1 a 1000.0000 @0:0", "2 NULL NULL @0:1")
	if len(c.rejects) != 1 || !strings.Contains(c.rejects[0].Err.Error(), `partition 0, offset 2: invalid Protobuf record`) {
		t.Errorf("rejects %+v", c.rejects)
	}

	for _, c := range []struct {
		options []string
		code    sqlerr.Code
		text    string
	}{
		{nil, sqlerr.InvalidParameterValue, "needs a schema"},
		{[]string{"protobuf.schema", filepath.Join(dir, "bad.proto")}, sqlerr.InvalidParameterValue, "schema.proto:2:13"},
		{[]string{"protobuf.schema", filepath.Join(dir, "order.proto"), "protobuf.message", "Nope"}, sqlerr.UndefinedObject, "Nope"},
		{[]string{"protobuf.schema", filepath.Join(dir, "order.proto"), "protobuf.framing", "confluent"}, "", ""},
		{[]string{"protobuf.schema", filepath.Join(dir, "order.proto")}, sqlerr.UndefinedColumn, "is no field of the Protobuf message shop.Head"},
	} {
		rel := relation("in", append([]string{"format", "protobuf"}, c.options...)...)
		if c.code == "" {
			rel.Options = append(rel.Options, catalog.Option{Key: "protobuf.message", Value: "shop.Order"})
		}
		err := (Connector{}).Check(env, rel, stream.RoleSource)
		if c.code == "" && err != nil || c.code != "" && (sqlerr.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("%v: %v, want %s %s", c.options, err, c.code, c.text)
		}
	}
}

// TestProtobufRegistry reads records of a message that is the second of a schema which
// refers to another.
func TestProtobufRegistry(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	if _, _, err := reg.RegisterSchema("money", sr.Schema{Schema: moneyProto, Type: sr.TypeProtobuf}); err != nil {
		t.Fatal(err)
	}
	id, _, err := reg.RegisterSchema("in-value", sr.Schema{Schema: orderProto, Type: sr.TypeProtobuf, References: []sr.SchemaReference{{Name: "money.proto", Subject: "money", Version: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	head := string(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)))
	b.topic("in", 1)
	b.produce("in", 0, head+"\x02\x02\x08\x01\x12\x01a\x1a\x07\x08\x80\xad\xe2\x04\x10\x04", head+"\x02\x02\x08\x02")
	rel := relation("in", "format", "protobuf", "schema.registry.url", reg.URL(), "protobuf.message", "Order")
	rel.Columns = nil
	if rel.Columns, err = (inferrer{b.env()}).Infer(t.Context(), rel); err != nil || len(rel.Columns) != 3 {
		t.Fatalf("columns %v, %v", rel.Columns, err)
	}
	b.open(rel, stream.Scan{Bounded: true}, nil).want("1 a 1000.0000 @0:0", "2 NULL NULL @0:1")
	reg.down.Store(true)
	b.open(rel, stream.Scan{Bounded: true}, nil).want("1 a 1000.0000 @0:0", "2 NULL NULL @0:1")

	// A schema that is not known, while the registry is down, is no fault of the record.
	b.topic("later", 1)
	b.produce("later", 0, "\x00\x00\x00\x03\xe7\x00\x08\x01")
	rel.Options[0].Value = "later"
	c := b.open(rel, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
	if _, err := c.next(); err == nil || len(c.rejects) > 0 {
		t.Errorf("a schema that cannot be had: %v, rejects %v", err, c.rejects)
	}
}

// TestProtobufSink writes by a schema of the sink's columns, registered, and reads it as
// another stream.
func TestProtobufSink(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	b.topic("out", 1)
	rel := relation("out", "format", "protobuf", "schema.registry.url", reg.URL())
	rel.Kind = catalog.Sink
	s := b.sink(rel, stream.SinkOptions{})
	if _, err := s.Write(t.Context(), opRows("+1 a", "+2 b")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	rel = relation("out", "format", "protobuf", "schema.registry.url", reg.URL())
	b.open(rel, stream.Scan{Bounded: true}, nil).want("1 a @0:0", "2 b @0:1")
}

// TestProtobufSinkImports registers what the sink's schema imports as versions of subjects of
// their names, which it refers to; and compares the whole of it with the subject's versions.
func TestProtobufSinkImports(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	b.topic("out", 1)
	dir := t.TempDir()
	env := b.env()
	env.FileRoots = []string{dir}
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("unit.proto", `syntax = "proto3"; package money; message Unit { string code = 1; }`)
	file("money.proto", `syntax = "proto3"; package money; import "unit.proto"; import "google/protobuf/timestamp.proto"; message Decimal { int64 units = 1; int32 scale = 2; } message Rate { Unit unit = 1; google.protobuf.Timestamp at = 2; }`)
	sink := func(order string, more ...string) error {
		rel := relation("out", append([]string{"format", "protobuf", "schema.registry.url", reg.URL(), "protobuf.schema", file("order.proto", order)}, more...)...)
		rel.Kind = catalog.Sink
		s, err := Connector{}.Sink(t.Context(), env, rel, stream.SinkOptions{})
		if err == nil {
			s.Close()
		}
		return err
	}
	order := func(id string) string {
		return `syntax = "proto3"; package shop; import "money.proto"; message Order { ` + id + ` id = 1; optional string name = 2; money.Decimal price = 3; }`
	}
	if err := sink(order("int64"), "auto.register.schemas", "false"); sqlerr.CodeOf(err) != sqlerr.UndefinedObject || !strings.Contains(err.Error(), `subject "unit.proto"`) {
		t.Errorf("what is not registered: %v", err)
	}
	for range 2 {
		if err := sink(order("int64")); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink(order("int64"), "auto.register.schemas", "false"); err != nil {
		t.Errorf("what is registered: %v", err)
	}
	for subject, want := range map[string][]sr.SchemaReference{
		"unit.proto":  nil,
		"money.proto": {{Name: "unit.proto", Subject: "unit.proto", Version: 1}},
		"out-value":   {{Name: "money.proto", Subject: "money.proto", Version: 1}},
	} {
		got, ok := reg.GetSchema(subject, 1)
		if _, more := reg.GetSchema(subject, 2); !ok || more || got.Type != sr.TypeProtobuf || !slices.Equal(got.References, want) {
			t.Errorf("subject %q: %+v, one more %t, want references %v", subject, got, more, want)
		}
	}
	if err := sink(order("string")); sqlerr.CodeOf(err) != sqlerr.InvalidTableDefinition || !strings.Contains(err.Error(), `with version 1 (BACKWARD): what was written with that cannot be read with it: field 1 (id) of message "Order"`) {
		t.Errorf("what is not compatible: %v", err)
	}
	rel := relation("out", "format", "protobuf", "schema.registry.url", reg.URL())
	rel.Columns = nil
	cols, err := inferrer{env}.Infer(t.Context(), rel)
	if err != nil || len(cols) != 3 || cols[2].Type.OID != types.Numeric {
		t.Errorf("columns of what was registered: %v, %v", cols, err)
	}
}
