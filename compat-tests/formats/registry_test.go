package formats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/registry"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
)

// evolving is a subject whose versions have the columns id and price; of the second also
// note; the third is not compatible with them, and does not fit their columns.
type evolving struct {
	format, options string
	versions        [3]sr.Schema
	records         [3]string // one of each version, without the id
	code            string    // of one of the third
}

func evolvings() []evolving {
	avro := func(id, more string) sr.Schema {
		return sr.Schema{Schema: `{"type":"record","name":"o","namespace":"shop","fields":[{"name":"id","type":` + id + `},{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}` + more + `]}`}
	}
	protobuf := func(id, more string) sr.Schema {
		return sr.Schema{
			Type:       sr.TypeProtobuf,
			Schema:     `syntax = "proto3"; package shop; import "money.proto"; message Order { ` + id + ` id = 1; money.Decimal price = 2; ` + more + `} message Number { int64 a = 1; }`,
			References: []sr.SchemaReference{{Name: "money.proto", Subject: "money", Version: 1}},
		}
	}
	json := func(id, more string) sr.Schema {
		return sr.Schema{Type: sr.TypeJSON, Schema: `{"type":"object","title":"o","properties":{"id":{"type":"` + id + `"},"price":{"type":"number"}` + more + `},"additionalProperties":false}`}
	}
	return []evolving{
		{
			"avro", "", [3]sr.Schema{avro(`"long"`, ""), avro(`"long"`, `,{"name":"note","type":["null","string"],"default":null}`), avro(`{"type":"map","values":"int"}`, "")},
			[3]string{"\x02\x04\x01\xf4", "\x04\x04\x01\xf4\x02\x02n", "\x00\x04\x01\xf4"}, "42804",
		},
		{
			"protobuf", ", 'protobuf.message' = 'Order'", [3]sr.Schema{protobuf("int64", ""), protobuf("int64", "optional string note = 3; "), protobuf("Number", "")},
			[3]string{"\x00\x08\x01\x12\x05\x08\xf4\x03\x10\x02", "\x00\x08\x02\x12\x05\x08\xf4\x03\x10\x02\x1a\x01n", "\x00\x0a\x02\x08\x05"}, "42804",
		},
		{
			"json-schema", "", [3]sr.Schema{json("integer", ""), json("integer", `,"note":{"type":"string"}`), json("object", "")},
			[3]string{`{"id":1,"price":5.00}`, `{"id":2,"price":5.00,"note":"n"}`, `{"id":{"a":1},"price":5.00}`}, "22P02",
		},
	}
}

// TestEvolution has a stream take its columns from a subject, and a job read on while the
// subject's versions change: one that is compatible, then, where the subject asks for
// nothing, one that is not.
func TestEvolution(t *testing.T) {
	registry.Both(t, func(t *testing.T, r *registry.Registry) {
		c := newClusterBeside(t, r)
		conn := c.connect(t, "ferris")
		r.Put(t, "money", sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; package money; message Decimal { int64 units = 1; int32 scale = 2; }`})
		level := func(l sr.CompatibilityLevel) {
			if err := r.Level(t.Context(), "", l); err != nil {
				t.Fatal(err)
			}
		}
		var known []string // records of versions that fit, as they lie in the topics
		for _, e := range evolvings() {
			topic := strings.ReplaceAll(e.format, "-", "_")
			subject := topic + "-value"
			put := func(version int) int {
				id := r.Put(t, subject, e.versions[version])
				known = append(known[:0:0], framed(id, e.records[version]))
				c.put(t, topic, known...)
				return id
			}
			first := put(0)
			with := fmt.Sprintf("type = 'kafka', 'bootstrap.servers' = '%s', topic = '%s', format = '%s', 'schema.registry.url' = '%s'%s", c.addr, topic, e.format, r.URL, e.options)
			run(t, conn,
				fmt.Sprintf("CREATE STREAM %s_skipping WITH (%s, on_error = 'skip')", topic, with), fmt.Sprintf("CREATE STREAM %s_strict WITH (%s)", topic, with),
				fmt.Sprintf("CREATE TABLE %s_got (id bigint, price numeric)", topic),
				fmt.Sprintf("START JOB %s AS SELECT id, price FROM %[1]s_skipping INTO %[1]s_got WITH ('checkpoint.interval' = '50ms')", topic))
			if got := lined(t, conn, "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = '"+topic+"_strict' AND column_name NOT LIKE '\\_%'"); got != "id price" {
				t.Errorf("%s: columns %s", e.format, got)
			}
			all := "SELECT id, price FROM " + topic + "_got ORDER BY id"
			becomes(t, conn, all, "1|5.00\n")
			second := put(1)
			becomes(t, conn, all, "1|5.00\n2|5.00\n")
			if first == second {
				t.Errorf("%s: both versions have the id %d", e.format, first)
			}
			run(t, conn, fmt.Sprintf("CREATE STREAM %s_newest WITH (%s)", topic, with))
			if got := lined(t, conn, "SELECT id, note FROM "+topic+"_newest ORDER BY id"); got != "1|\n2|n" {
				t.Errorf("%s: by the newest version\n%s", e.format, got)
			}

			if _, err := r.Admin.RegisterSchema(t.Context(), subject, e.versions[2], -1, -1); r.Checks && err == nil {
				t.Errorf("%s: the registry takes %s", e.format, e.versions[2].Schema)
			}
			// Of all subjects: Apicurio takes NONE of one as none of its own.
			level(sr.CompatNone)
			third := r.Put(t, subject, e.versions[2])
			level(sr.CompatBackward)
			c.put(t, topic, framed(third, e.records[2]), known[0])
			becomes(t, conn, all, "1|5.00\n2|5.00\n2|5.00\n")
			names := fmt.Sprintf(`version 3 of subject %q (schema %d) does not fit the stream, which version 2 of subject %[1]q (schema %[3]d) fits: `, subject, third, second)
			wantFault(t, conn, "SELECT count(id) FROM "+topic+"_strict", e.code, names, "on_error")
			wantFault(t, conn, "SELECT count(id) FROM "+topic+"_strict", e.code, `stream "`+topic+`_strict", partition `, "")
		}

		// What is known of a registry that is away decodes.
		if r.Checks {
			resume := r.Pause(t)
			c.put(t, "json_schema", known...)
			becomes(t, conn, "SELECT count(*) FROM json_schema_got", "4\n")
			c.put(t, "json_schema", framed(1_000_000, `{"id":9}`))
			wantFault(t, conn, "SELECT id FROM json_schema_skipping", "08001", "could not connect to the schema registry at", "schemas that were read before are still known")
			resume()
			becomes(t, conn, "SELECT count(id) FROM json_schema_skipping", "4\n")
		}
	})
}

func framed(id int, record string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(id))) + record
}

// TestRegistering has sinks register the schemas of their columns: by each strategy, once,
// only where they may, and only what the subject's compatibility lets be a version.
func TestRegistering(t *testing.T) {
	registry.Both(t, func(t *testing.T, r *registry.Registry) {
		c := newClusterBeside(t, r)
		conn := c.connect(t, "ferris")
		for _, format := range []string{"avro", "protobuf", "json-schema"} {
			short := strings.ReplaceAll(format, "-", "_")
			with := func(more string) string {
				return fmt.Sprintf("type = 'kafka', 'bootstrap.servers' = '%s', format = '%s', 'schema.registry.url' = '%s'%s", c.addr, format, r.URL, more)
			}
			versions := func(subject string) int {
				numbers, err := r.Admin.SubjectVersions(t.Context(), subject)
				if err != nil {
					return 0
				}
				return len(numbers)
			}
			for strategy, subject := range map[string]string{"topic": "%s_topic-value", "record": "%s_record", "topic-record": "%[1]s_topic_record-%[1]s_topic_record"} {
				name := short + "_" + strings.ReplaceAll(strategy, "-", "_")
				subject = fmt.Sprintf(subject, short)
				run(t, conn,
					fmt.Sprintf("CREATE SINK %s (id bigint, name text, price numeric(9,2)) WITH (%s, topic = '%[1]s')", name, with(", 'value.subject.name.strategy' = '"+strategy+"'")),
					fmt.Sprintf("SELECT * FROM (VALUES (1::bigint, 'a', 1.50::numeric(9,2))) v (id, name, price) INTO %s", name),
					fmt.Sprintf("SELECT * FROM (VALUES (2::bigint, NULL::text, -0.01::numeric(9,2))) v (id, name, price) INTO %s", name),
					fmt.Sprintf("CREATE STREAM %s_back WITH (%s, topic = '%[1]s')", name, with(", 'schema.registry.subject' = '"+subject+"'")))
				if n := versions(subject); n != 1 {
					t.Errorf("%s, strategy %s: subject %q has %d versions", format, strategy, subject, n)
				}
				if got := lined(t, conn, "SELECT id, name, price FROM "+name+"_back ORDER BY id"); got != "1|a|1.50\n2||-0.01" {
					t.Errorf("%s, strategy %s:\n%s", format, strategy, got)
				}
			}

			subject := short + "_topic-value"
			sink := func(columns, more string) {
				run(t, conn, "DROP SINK "+short+"_topic", fmt.Sprintf("CREATE SINK %s_topic (%s) WITH (%s, topic = '%[1]s_topic')", short, columns, with(more)))
			}
			sink("id text, name text, price numeric(9,2)", "")
			wantFault(t, conn, fmt.Sprintf("SELECT * FROM (VALUES ('1', 'a', 1.50::numeric(9,2))) v (id, name, price) INTO %s_topic", short), "42P16", fmt.Sprintf("would be version 2 of subject %q, is not compatible with version 1 (BACKWARD)", subject), "Change the sink's columns")
			sink("id bigint", ", 'auto.register.schemas' = 'false'")
			wantFault(t, conn, fmt.Sprintf("SELECT * FROM (VALUES (1::bigint)) v (id) INTO %s_topic", short), "42704", fmt.Sprintf("is not registered for subject %q", subject), "auto.register.schemas")
			if n := versions(subject); n != 1 {
				t.Errorf("%s: what was refused is one of %d versions", format, n)
			}
			level := sr.CompatBackward
			if format == "json-schema" {
				level = sr.CompatForward
			}
			if err := r.Level(t.Context(), subject, level); err != nil {
				t.Fatal(err)
			}
			sink("id bigint, name text, price numeric(9,2), more text", "")
			run(t, conn, fmt.Sprintf("SELECT * FROM (VALUES (3::bigint, 'c', 0::numeric(9,2), 'm')) v (id, name, price, more) INTO %s_topic", short))
			if got := lined(t, conn, fmt.Sprintf("SELECT id, name, price FROM %s_topic_back ORDER BY id", short)); got != "1|a|1.50\n2||-0.01\n3|c|0.00" || versions(subject) != 2 {
				t.Errorf("%s: with a column more, of %d versions:\n%s", format, versions(subject), got)
			}
		}

		// What a schema imports is registered before it, and found again by who reads.
		dir := filepath.Join(c.gateway.DataDir, "schemas")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"money.proto": `syntax = "proto3"; package money; message Decimal { int64 units = 1; int32 scale = 2; }`,
			"order.proto": `syntax = "proto3"; package shop; import "money.proto"; message Order { int64 id = 1; money.Decimal price = 2; }`,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		with := fmt.Sprintf("type = 'kafka', 'bootstrap.servers' = '%s', topic = 'imported', format = 'protobuf', 'schema.registry.url' = '%s'", c.addr, r.URL)
		run(t, conn, fmt.Sprintf("CREATE SINK imported (id bigint, price numeric) WITH (%s, 'protobuf.schema' = '%s')", with, filepath.Join(dir, "order.proto")),
			"SELECT * FROM (VALUES (1::bigint, 2.50)) v (id, price) INTO imported", "CREATE STREAM imported_back WITH ("+with+")")
		if got := lined(t, conn, "SELECT id, price FROM imported_back"); got != "1|2.50" {
			t.Errorf("by a schema that imports another: %s", got)
		}
	})
}

// TestAgreement compares what we say of two schemas with what a real registry does. What
// differs is given, with the reason.
func TestAgreement(t *testing.T) {
	registry.Both(t, agreement)
}

func agreement(t *testing.T, r *registry.Registry) {
	proto := func(fields string) sr.Schema {
		return sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; message M { ` + fields + ` }`}
	}
	object := func(props, more string) sr.Schema {
		return sr.Schema{Type: sr.TypeJSON, Schema: `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"a":{"type":"integer"}` + props + `}` + more + `}`}
	}
	record := func(fields string) sr.Schema {
		return sr.Schema{Schema: `{"type":"record","name":"r","fields":[{"name":"a","type":"long"}` + fields + `]}`}
	}
	const closed = `,"additionalProperties":false`
	for i, c := range []struct {
		name     string
		old, new sr.Schema
		ours     string // which ways it is compatible: b, f
		theirs   string // "": as ours; -: no way
	}{
		{"avro, a field with a default", record(""), record(`,{"name":"b","type":["null","string"],"default":null}`), "bf", ""},
		{"avro, a field without one", record(""), record(`,{"name":"b","type":"string"}`), "f", ""},
		{"avro, wider", record(`,{"name":"b","type":"int"}`), record(`,{"name":"b","type":"double"}`), "b", ""},
		{"avro, another type", record(`,{"name":"b","type":"int"}`), record(`,{"name":"b","type":"string"}`), "-", ""},
		{"avro, a symbol more", record(`,{"name":"b","type":{"type":"enum","name":"e","symbols":["x"]}}`), record(`,{"name":"b","type":{"type":"enum","name":"e","symbols":["x","y"]}}`), "b", ""},
		// Apicurio lets a field go only where its number is reserved.
		{"protobuf, a field more", proto("int64 a = 1;"), proto("int64 a = 1; string b = 2;"), "bf", "b"},
		{"protobuf, text", proto("int64 a = 1;"), proto("string a = 1;"), "-", ""},
		{"protobuf, zigzag", proto("int64 a = 1;"), proto("sint64 a = 1;"), "-", ""},
		{"protobuf, a message more", proto("int64 a = 1;"), proto("int64 a = 1; message N { int64 b = 1; }"), "b", ""},
		{"json, a property of an open object", object("", ""), object(`,"b":{"type":"string"}`, ""), "f", ""},
		{"json, a property of a closed object", object("", closed), object(`,"b":{"type":"string"}`, closed), "b", ""},
		{"json, required now", object("", ""), object("", `,"required":["a"]`), "f", ""},
		{"json, another type", object(`,"b":{"type":"string"}`, ""), object(`,"b":{"type":"boolean"}`, ""), "-", ""},
		{"json, a number", object(`,"b":{"type":"integer"}`, ""), object(`,"b":{"type":"number"}`, ""), "b", ""},
		// Apicurio takes a type that becomes one of several for another one.
		{"json, or null", object(`,"b":{"type":"string"}`, ""), object(`,"b":{"oneOf":[{"type":"null"},{"type":"string"}]}`, ""), "b", "-"},
		{"json, shorter", object(`,"b":{"type":"string","maxLength":9}`, ""), object(`,"b":{"type":"string","maxLength":8}`, ""), "f", ""},
		{"json, a value more", object(`,"b":{"enum":["x"]}`, ""), object(`,"b":{"enum":["x","y"]}`, ""), "b", ""},
		{"json, shut", object("", ""), object("", closed), "f", ""},
	} {
		ways := func(backward, forward bool) string {
			s := ""
			if backward {
				s += "b"
			}
			if forward {
				s += "f"
			}
			if s == "" {
				return "-"
			}
			return s
		}
		if got := ways(reads(t, c.new, c.old), reads(t, c.old, c.new)); got != c.ours {
			t.Errorf("%s: we say %s, want %s", c.name, got, c.ours)
		}
		if !r.Checks {
			continue // the fake takes anything
		}
		var theirs [2]bool
		for k, level := range []sr.CompatibilityLevel{sr.CompatBackward, sr.CompatForward} {
			subject := fmt.Sprintf("agreement-%d-%d", i, k)
			r.Put(t, subject, c.old)
			if err := r.Level(t.Context(), subject, level); err != nil {
				t.Fatal(err)
			}
			got, err := r.Admin.CheckCompatibility(t.Context(), subject, -1, c.new)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			theirs[k] = got.Is
		}
		want := c.theirs
		if want == "" {
			want = c.ours
		}
		if got := ways(theirs[0], theirs[1]); got != want {
			t.Errorf("%s: the registry says %s, want %s", c.name, got, want)
		}
	}
}

// reads reports whether we say that who has the one schema reads what is written with the other.
func reads(t *testing.T, reader, writer sr.Schema) bool {
	t.Helper()
	switch reader.Type {
	case sr.TypeJSON:
		return json.Rules{}.Reads(json.Document{Text: reader.Schema}, json.Document{Text: writer.Schema}) == nil
	case sr.TypeProtobuf:
		in, errR := protobuf.Parse(reader.Schema, nil)
		of, errW := protobuf.Parse(writer.Schema, nil)
		if err := errors.Join(errR, errW); err != nil {
			t.Fatal(err)
		}
		return protobuf.Reads(in, of) == nil
	}
	in, errR := avro.Parse(reader.Schema)
	of, errW := avro.Parse(writer.Schema)
	if err := errors.Join(errR, errW); err != nil {
		t.Fatal(err)
	}
	return avro.Reads(in, of) == nil
}
