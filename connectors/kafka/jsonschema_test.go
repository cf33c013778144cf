package kafka

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestJSONSchema takes a stream's columns from the registry, reads framed records, and
// writes them by a schema of the sink's columns.
func TestJSONSchema(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	id, _, err := reg.RegisterSchema("in-value", sr.Schema{Schema: `{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"}}}`, Type: sr.TypeJSON})
	if err != nil {
		t.Fatal(err)
	}
	head := string(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)))
	b.topic("in", 1)
	b.produce("in", 0, head+`{"id":1,"name":"a"}`, `{"id":2}`, head+`{"name":"c","id":3}`, head)
	rel := relation("in", "format", "json-schema", "schema.registry.url", reg.URL())
	rel.Columns = nil
	if rel.Columns, err = (inferrer{b.env()}).Infer(t.Context(), rel); err != nil || len(rel.Columns) != 2 {
		t.Fatalf("columns %v, %v", rel.Columns, err)
	}
	c := b.open(rel, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
	c.want("1 a @0:0", "3 c @0:2")
	if len(c.rejects) == 0 || !strings.Contains(sqlerr.From(c.rejects[0].Err).Detail, "begins with a zero byte") {
		t.Errorf("rejects %+v", c.rejects)
	}
	b.open(rel, stream.Scan{Bounded: true, OnReject: stream.NullBad}, nil).want("1 a @0:0", "NULL NULL @0:1", "3 c @0:2", "NULL NULL @0:3")

	b.topic("out", 1)
	rel = relation("out", "format", "json_sr", "schema.registry.url", reg.URL())
	rel.Kind = catalog.Sink
	s := b.sink(rel, stream.SinkOptions{})
	if _, err := s.Write(t.Context(), opRows("+1 a", "+2 b")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	rel = relation("out", "format", "json-schema", "schema.registry.url", reg.URL())
	b.open(rel, stream.Scan{Bounded: true}, nil).want("1 a @0:0", "2 b @0:1")
	rel.Columns = nil
	if rel.Columns, err = (inferrer{b.env()}).Infer(t.Context(), rel); err != nil || len(rel.Columns) != 2 {
		t.Errorf("columns of what was registered %v, %v", rel.Columns, err)
	}

	rel = relation("in", "format", "json-schema")
	if err := (Connector{}).Check(b.env(), rel, stream.RoleSource); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
		t.Errorf("without a registry: %v", err)
	}
	if _, _, err := reg.RegisterSchema("other-value", sr.Schema{Schema: orderV1}); err != nil {
		t.Fatal(err)
	}
	rel = relation("other", "format", "json-schema", "schema.registry.url", reg.URL())
	rel.Columns = nil
	if _, err := (inferrer{b.env()}).Infer(t.Context(), rel); sqlerr.CodeOf(err) != sqlerr.DatatypeMismatch {
		t.Errorf("a subject of Avro: %v", err)
	}
}
