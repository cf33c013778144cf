package kafka

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestFramedFaults: of each format, what is wrong with a record that a registry frames is said
// with the stream, the partition, the offset, the field where there is one, and what to do;
// and a registry that is away takes no record with it. The schemas contain themselves.
func TestFramedFaults(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	put := func(subject, text string, kind sr.SchemaType) string {
		id, _, err := reg.RegisterSchema(subject, sr.Schema{Schema: text, Type: kind})
		if err != nil {
			t.Fatal(err)
		}
		return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)))
	}
	message := func(deep int) string {
		inner := []byte("\x08\x01")
		for range deep {
			inner = append(binary.AppendUvarint([]byte("\x08\x01\x12"), uint64(len(inner))), inner...)
		}
		return "\x00" + string(inner)
	}
	for _, c := range []struct {
		format, schema  string
		kind            sr.SchemaType
		good, cut, deep string // without the id
		rows            string // of good
		magic, framing  string // what is said of one that is not framed, and what to set
		broken          string // what is said of cut
	}{
		{
			"avro", `{"type":"record","name":"n","fields":[{"name":"id","type":"long"},{"name":"next","type":["null","n"],"default":null}]}`, sr.TypeAvro,
			"\x02\x02\x02\x00", "\x02\x02\x80", "\x02" + strings.Repeat("\x02\x02", 600) + "\x00", `1 {"id": 1, "next": null} @0:0`,
			"invalid Avro record", "avro.framing", "invalid Avro record",
		},
		{
			"protobuf", `syntax = "proto3"; message N { int64 id = 1; N next = 2; }`, sr.TypeProtobuf,
			message(1), "\x00\x08\x01\x12\x05\x08", message(150), `1 {"id": 1, "next": null} @0:0`,
			"invalid Protobuf record", "protobuf.framing", "invalid Protobuf record",
		},
		{
			"json-schema", `{"type":"object","properties":{"id":{"type":"integer"},"next":{"$ref":"#"}}}`, sr.TypeJSON,
			`{"id":1,"next":{"id":1}}`, `{"id":1,"next":{"id`, `{"id":1,"next":` + strings.Repeat(`{"next":`, 10_001) + `1` + strings.Repeat(`}`, 10_002), `1 {"id": 1} @0:0`,
			"invalid input syntax for type json", "format = 'json'", "invalid input syntax for type json",
		},
	} {
		topic := strings.ReplaceAll(c.format, "-", "")
		head := put(topic+"-value", c.schema, c.kind)
		other, language := put(topic+"-other", orderV1, sr.TypeAvro), "AVRO"
		if c.kind == sr.TypeAvro {
			other, language = put(topic+"-other", `{"type":"object","properties":{"x":{}}}`, sr.TypeJSON), "JSON"
		}
		options := []string{"format", c.format, "schema.registry.url", reg.URL()}
		for _, bad := range []struct {
			name, record    string
			code            sqlerr.Code
			says, fix, text string
		}{
			{"magic", "\x01" + head[1:] + c.good, "", c.magic, c.framing, "begins with a zero byte"},
			{"short", "\x00\x00", "", c.magic, c.framing, "begins with a zero byte"},
			{"empty", "", "", c.magic, c.framing, "with nothing"},
			{"unknown", "\x00\x00\x00\x03\xe7" + c.good, sqlerr.UndefinedObject, "schema 999 is not in the registry at", "schema.registry.url", ""},
			{"language", other + c.good, sqlerr.DatatypeMismatch, "of the registry is " + language + ", and the stream's format is " + c.format, "on_error", ""},
			{"cut", head + c.cut, "", c.broken, "on_error", ""},
			{"deep", head + c.deep, "", "", "on_error", ""},
		} {
			on := topic + bad.name
			b.topic(on, 1)
			b.produce(on, 0, head+c.good, bad.record, head+c.good)
			rel := relation(on, append(options, "schema.registry.subject", topic+"-value")...)
			rel.Columns = nil
			var err error
			if rel.Columns, err = (inferrer{b.env()}).Infer(t.Context(), rel); err != nil || len(rel.Columns) != 2 {
				t.Fatalf("%s: columns %v, %v", c.format, rel.Columns, err)
			}
			_, err = b.open(rel, stream.Scan{Bounded: true}, nil).rest()
			e := sqlerr.From(err)
			if err == nil || bad.code != "" && e.Code != bad.code || !strings.Contains(e.Message, bad.says) || !strings.Contains(e.Message, `stream "orders", partition 0, offset 1`) || !strings.Contains(e.Hint, bad.fix) || !strings.Contains(e.Hint, "on_error") || !strings.Contains(e.Detail, bad.text) {
				t.Errorf("%s, %s: %v (%s), detail %q, hint %q", c.format, bad.name, err, e.Code, e.Detail, e.Hint)
			}
			if bad.name == "deep" && c.format != "json-schema" && !strings.Contains(e.Message, `field "next"`) {
				t.Errorf("%s, %s: %v does not name the field", c.format, bad.name, err)
			}
			cur := b.open(rel, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
			rows, err := cur.rest()
			if err != nil || len(rows) != 2 || rows[0] != c.rows || len(cur.rejects) != 1 || string(cur.rejects[0].Raw) != bad.record {
				t.Errorf("%s, %s skipped: %v, %v, %d rejects", c.format, bad.name, rows, err, len(cur.rejects))
			}
		}

		b.topic(topic+"away", 1)
		b.produce(topic+"away", 0, head+c.good, "\x00\x00\x00\x07\xd0"+c.good)
		rel := relation(topic+"away", append(options, "schema.registry.subject", topic+"-value")...)
		var err error
		if rel.Columns, err = (inferrer{b.env()}).Infer(t.Context(), rel); err != nil {
			t.Fatal(err)
		}
		reg.down.Store(true)
		cur := b.open(rel, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
		cur.want(c.rows)
		_, err = cur.rest()
		e := sqlerr.From(err)
		if err == nil || e.Code != sqlerr.ConnectionFailure || !strings.Contains(e.Message, `stream "orders", partition 0, offset 1: the schema registry at`) || !strings.Contains(e.Hint, "Check the registry") || len(cur.rejects) > 0 {
			t.Errorf("%s, the registry away: %v (%s), hint %q, %d rejects", c.format, err, e.Code, e.Hint, len(cur.rejects))
		}
		reg.down.Store(false)
	}
}
