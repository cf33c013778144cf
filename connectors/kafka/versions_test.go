package kafka

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestCompatibility registers the schemas of Protobuf and JSON Schema that a sink's columns
// make where the subject's versions and its level allow it, and else names both versions.
// The registry of the tests takes any.
func TestCompatibility(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	const (
		protoID   = `syntax = "proto3"; message orders { optional int64 id = 1; }`
		protoText = `syntax = "proto3"; message orders { optional string id = 1; }`
		protoMore = `syntax = "proto3"; message orders { optional int64 id = 1; } message more {}`
		jsonID    = `{"type":"object","properties":{"id":{"oneOf":[{"type":"null"},{"type":"integer"}]}}}`
		jsonText  = `{"type":"object","properties":{"id":{"type":"string"},"name":{}}}`
		jsonMore  = `{"type":"object","properties":{"id":{"oneOf":[{"type":"null"},{"type":"integer"}]},"name":{"oneOf":[{"type":"null"},{"type":"string"}]},"more":{"type":"string"}}}`
	)
	cl, err := sr.NewClient(sr.URLs(reg.URL()))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		format   string
		kind     sr.SchemaType
		level    sr.CompatibilityLevel
		versions []string
		refused  string // "": it is taken
	}{
		{"protobuf", sr.TypeProtobuf, sr.CompatBackward, []string{protoID}, ""},
		{"protobuf", sr.TypeProtobuf, sr.CompatFull, []string{protoID}, ""},
		{"protobuf", sr.TypeProtobuf, sr.CompatBackward, []string{protoText}, "would be version 2 of subject \"%s-value\", is not compatible with version 1 (BACKWARD): what was written with that cannot be read with it: field 1 (id) of message \"orders\" is written as string and read as int64"},
		{"protobuf", sr.TypeProtobuf, sr.CompatForward, []string{protoText}, "(FORWARD): who has that cannot read"},
		{"protobuf", sr.TypeProtobuf, sr.CompatBackward, []string{protoMore}, "message \"more\" is gone"},
		{"protobuf", sr.TypeProtobuf, sr.CompatForward, []string{protoMore}, ""},
		{"protobuf", sr.TypeProtobuf, sr.CompatFullTransitive, []string{protoMore, protoID}, "would be version 3 of subject \"%s-value\", is not compatible with version 1 (FULL_TRANSITIVE)"},
		{"protobuf", sr.TypeProtobuf, sr.CompatBackward, []string{protoText, protoID}, ""},
		{"protobuf", sr.TypeProtobuf, sr.CompatForwardTransitive, []string{protoText, protoID}, "with version 1 (FORWARD_TRANSITIVE)"},
		{"protobuf", sr.TypeProtobuf, sr.CompatNone, []string{protoText}, ""},
		{"protobuf", sr.TypeProtobuf, sr.CompatBackward, nil, ""},
		{"json-schema", sr.TypeJSON, sr.CompatBackward, []string{jsonID}, "is not compatible with version 1 (BACKWARD): what was written with that cannot be read with it: at #/properties/name, the property is added to an object that was open"},
		{"json-schema", sr.TypeJSON, sr.CompatForward, []string{jsonID}, ""},
		{"json-schema", sr.TypeJSON, sr.CompatFull, []string{jsonID}, "(FULL)"},
		{"json-schema", sr.TypeJSON, sr.CompatBackward, []string{jsonMore}, ""},
		{"json-schema", sr.TypeJSON, sr.CompatForward, []string{jsonMore}, "(FORWARD): who has that cannot read what is written with it: at #/properties/more"},
		{"json-schema", sr.TypeJSON, sr.CompatBackward, []string{jsonText}, "at #/properties/id, it is written as string"},
		{"json-schema", sr.TypeJSON, sr.CompatBackwardTransitive, []string{jsonText, jsonMore}, "would be version 3 of subject \"%s-value\", is not compatible with version 1 (BACKWARD_TRANSITIVE)"},
		{"json-schema", sr.TypeJSON, sr.CompatNone, []string{jsonText}, ""},
		{"json-schema", sr.TypeAvro, sr.CompatBackward, []string{orderV1}, "they are written in two languages: the one is JSON, the other AVRO"},
		{"avro", sr.TypeJSON, sr.CompatForward, []string{jsonID}, "they are written in two languages: the one is AVRO, the other JSON"},
	} {
		topic := fmt.Sprint("c", i)
		b.topic(topic, 1)
		if r := cl.SetCompatibility(t.Context(), sr.SetCompatibility{Level: c.level}, topic+"-value"); r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
		for _, v := range c.versions {
			if _, err := cl.RegisterSchema(t.Context(), topic+"-value", sr.Schema{Schema: v, Type: c.kind}, -1, -1); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Connector{}.Sink(t.Context(), b.env(), relation(topic, "format", c.format, "schema.registry.url", reg.URL()), stream.SinkOptions{})
		if err == nil {
			s.Close()
		}
		want := strings.ReplaceAll(c.refused, "%s", topic)
		if c.refused == "" && err != nil || c.refused != "" && (sqlerr.CodeOf(err) != sqlerr.InvalidTableDefinition || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s beside %q, %v: %v, want %q", c.format, c.versions, c.level, err, want)
		}
		numbers, err := cl.SubjectVersions(t.Context(), topic+"-value")
		if more := len(numbers) > len(c.versions); err != nil && c.refused == "" || more != (c.refused == "") {
			t.Errorf("%s beside %q, %v: versions %v, %v", c.format, c.versions, c.level, numbers, err)
		}
	}
}

// TestIncompatibleVersions reads records of a version that does not fit the stream's columns
// among those of one that does: the policy decides what becomes of them, and the error names
// both versions.
func TestIncompatibleVersions(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	for _, c := range []struct {
		format   string
		kind     sr.SchemaType
		versions [3]string
		records  [3]string // without what frames them
		code     sqlerr.Code
		says     string
	}{
		{
			"avro", sr.TypeAvro,
			[3]string{orderV1, `{"type":"record","name":"order","fields":[{"name":"id","type":{"type":"map","values":"int"}}]}`, orderV2},
			[3]string{"\x02", "\x00", "\x04\x00"},
			sqlerr.DatatypeMismatch, "column \"id\"",
		},
		{
			"protobuf", sr.TypeProtobuf,
			[3]string{`syntax = "proto3"; message M { int64 id = 1; }`, `syntax = "proto3"; message M { N id = 1; message N { int64 a = 1; } }`, `syntax = "proto3"; message M { int64 id = 1; optional string name = 2; }`},
			[3]string{"\x00\x08\x01", "\x00\x0a\x02\x08\x05", "\x00\x08\x02"},
			sqlerr.DatatypeMismatch, "column \"id\"",
		},
		{
			"json-schema", sr.TypeJSON,
			[3]string{`{"type":"object","properties":{"id":{"type":"integer"}}}`, `{"type":"object","properties":{"id":{"type":"object","properties":{}},"name":{"type":"boolean"}}}`, `{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"}}}`},
			[3]string{`{"id":1}`, `{"id":{"a":5}}`, `{"id":2}`},
			sqlerr.InvalidTextRepresentation, "invalid input syntax for type bigint",
		},
	} {
		topic := strings.ReplaceAll(c.format, "-", "")
		b.topic(topic, 1)
		var records []string
		var ids []int
		for i, v := range c.versions {
			id, _, err := reg.RegisterSchema(topic+"-value", sr.Schema{Schema: v, Type: c.kind})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
			records = append(records, string(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)))+c.records[i])
		}
		b.produce(topic, 0, records...)
		rel := relation(topic, "format", c.format, "schema.registry.url", reg.URL())
		names := fmt.Sprintf(`version 2 of subject "%s-value" (schema %d) does not fit the stream, which version 3 of subject "%[1]s-value" (schema %[3]d) fits: `, topic, ids[1], ids[2])
		_, err := b.open(rel, stream.Scan{Bounded: true}, nil).rest()
		e := sqlerr.From(err)
		if err == nil || e.Code != c.code || !strings.Contains(e.Message, names) || !strings.Contains(e.Message, c.says) || !strings.Contains(e.Message, `stream "orders", partition 0, offset 1`) || !strings.Contains(e.Hint, "on_error") {
			t.Errorf("%s: %v (%s), hint %q, want %s %q", c.format, err, e.Code, e.Hint, names, c.says)
		}
		cur := b.open(rel, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
		rows, err := cur.rest()
		if want := []string{"1 NULL @0:0", "2 NULL @0:2"}; err != nil || !slices.Equal(rows, want) || len(cur.rejects) != 1 || string(cur.rejects[0].Raw) != records[1] || !strings.Contains(cur.rejects[0].Err.Error(), names) {
			t.Errorf("%s skipped: %v, %v, %v", c.format, rows, err, cur.rejects)
		}
		rows, err = b.open(rel, stream.Scan{Bounded: true, OnReject: stream.NullBad}, nil).rest()
		if want := []string{"1 NULL @0:0", "NULL NULL @0:1", "2 NULL @0:2"}; err != nil || !slices.Equal(rows, want) {
			t.Errorf("%s as NULL: %v, %v", c.format, rows, err)
		}
	}
}

// TestMisfitsAreAskedOfSeldom: a registry that does not tell which versions a schema is of is
// not asked for each record of a schema that does not fit.
func TestMisfitsAreAskedOfSeldom(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	var asked atomic.Int64
	reg.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		none := strings.HasPrefix(r.URL.Path, "/schemas/ids/") && strings.HasSuffix(r.URL.Path, "/versions")
		if none {
			asked.Add(1)
			http.Error(w, `{"error_code":404,"message":"HTTP 404 Not Found"}`, http.StatusNotFound)
		}
		return none
	})
	const records = 50
	for _, c := range []struct {
		format, schema, record string
		kind                   sr.SchemaType
	}{
		{"avro", `{"type":"record","name":"order","fields":[{"name":"id","type":{"type":"map","values":"int"}}]}`, "\x00", sr.TypeAvro},
		{"protobuf", `syntax = "proto3"; message M { N id = 1; message N { int64 a = 1; } }`, "\x00\x0a\x02\x08\x05", sr.TypeProtobuf},
		{"json-schema", `{"type":"object","properties":{"id":{"type":"object","properties":{}}}}`, `{"id":{"a":5}}`, sr.TypeJSON},
	} {
		topic := strings.ReplaceAll(c.format, "-", "")
		b.topic(topic, 1)
		id, _, err := reg.RegisterSchema(topic+"-value", sr.Schema{Schema: c.schema, Type: c.kind})
		if err != nil {
			t.Fatal(err)
		}
		one := string(binary.BigEndian.AppendUint32([]byte{0}, uint32(id))) + c.record
		b.produce(topic, 0, slices.Repeat([]string{one}, records)...)
		asked.Store(0)
		cur := b.open(relation(topic, "format", c.format, "schema.registry.url", reg.URL()), stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
		rows, err := cur.rest()
		want := fmt.Sprintf("schema %d does not fit the stream", id)
		if err != nil || len(rows) > 0 || len(cur.rejects) != records || !strings.Contains(cur.rejects[records-1].Err.Error(), want) {
			t.Errorf("%s: %v, %v, %d rejects", c.format, rows, err, len(cur.rejects))
		}
		if n := asked.Load(); n < 1 || n > records/5 { // at most once in so many seconds
			t.Errorf("%s: the registry was asked %d times about %d records", c.format, n, records)
		}
	}
}
