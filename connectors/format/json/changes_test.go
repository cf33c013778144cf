package json

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

var changeColumns = []catalog.Column{
	{Name: "id", Type: types.Of(types.Int4)}, {Name: "name", Type: types.Of(types.Text)},
	{Name: OpColumn, Type: types.Of(types.Text)}, {Name: SourceTSColumn, Type: types.Of(types.Timestamptz)}, {Name: SourceColumn, Type: types.Of(types.JSONB)},
}

// decoded is what the records become, a line for each row; an error's message ends it.
func decoded(columns []catalog.Column, o ChangeOptions, records ...string) string {
	c := NewChanges(columns, o)
	var cols []vec.Vec
	for _, col := range columns {
		cols = append(cols, vec.New(col.Type))
	}
	c.Bind(cols)
	var b strings.Builder
	at := 0
	for _, r := range records {
		err := c.Decode([]byte(r))
		for range c.Rows() {
			for i, v := range cols {
				if i > 0 {
					b.WriteByte('|')
				}
				if v.Nulls().Get(at) {
					b.WriteString("NULL")
				} else {
					b.Write(vec.TextAppender(columns[i].Type, types.DefaultFormat())(nil, v, at))
				}
			}
			b.WriteByte('\n')
			at++
		}
		if err != nil {
			fmt.Fprintf(&b, "%s %s %s\n", sqlerr.CodeOf(err), err, sqlerr.From(err).Detail)
		}
	}
	for _, v := range cols {
		if v.Len() != at {
			return fmt.Sprintf("a column has %d rows, and not %d:\n%s", v.Len(), at, b.String())
		}
	}
	return b.String()
}

func TestChanges(t *testing.T) {
	got := decoded(changeColumns, ChangeOptions{Key: []string{"id"}},
		`{"before":null,"after":{"id":1,"name":"a"},"source":{"ts_ms":1577836800000,"table":"t"},"op":"r","ts_ms":5}`,
		`{"before":null,"after":{"id":2,"name":"b"},"op":"c","ts_ms":1577836800001}`,
		`{"before":{"id":2,"name":"b"},"after":{"id":2,"name":"B"},"op":"u"}`,
		`{"before":{"id":2,"name":"B"},"after":{"id":3,"name":"B"},"op":"u"}`,
		`{"before":{"id":null},"after":{"id":3,"name":"C"},"op":"u"}`,
		`{"before":{"id":3},"after":null,"op":"d"}`,
		`null`,
		`{"schema":null,"payload":null}`,
		`{"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":4},"op":"c"}}`,
		`{"payload":{"after":{"id":5},"op":"c"}}`,
	)
	want := `1|a|r|2020-01-01 00:00:00+00|{"table": "t", "ts_ms": 1577836800000}
2|b|c|2020-01-01 00:00:00.001+00|NULL
2|B|u|NULL|NULL
2|B|d|NULL|NULL
3|B|u|NULL|NULL
3|C|u|NULL|NULL
3|NULL|d|NULL|NULL
4|NULL|c|NULL|NULL
5|NULL|c|NULL|NULL
`
	if got != want {
		t.Errorf("rows are\n%s\nwant\n%s", got, want)
	}
}

func TestChangesThatAreNone(t *testing.T) {
	for record, want := range map[string]string{
		`{"id":1,"name":"a"}`:                   `22P02 invalid input syntax for type json The object has no "op"`,
		`{"before":null,"after":null,"op":"d"}`: `22P02 invalid input syntax for type json A change of op "d" has no "before"`,
		`{"before":null,"after":null,"op":"c"}`: `22P02 invalid input syntax for type json A change of op "c" has no "after"`,
		`{"op":"t"}`:                            `0A000 a TRUNCATE of the table that changes come of is not supported`,
		`{"op":"x","after":{"id":1}}`:           `22P02 invalid input syntax for type json The "op" of the change, "x", is none of c, u, d and r`,
		`{"op":"c","after":{"id":"z"}}`:         `22P02 invalid input syntax for type integer: "z"`,
		`{"op":"c","after":[1]}`:                `22P02 invalid input syntax for type json Expected a JSON object`,
		`{"op":"c","after":{"id":1}} x`:         `22P02 invalid input syntax for type json Something follows the object`,
		`{"op":"c","after":{"id":1}`:            `22P02 invalid input syntax for type json Expected a JSON object`,
		"not json\r\n":                          `22P02 invalid input syntax for type json Expected a JSON object. At byte 0: "not json"`,
		`[]`:                                    `22P02 invalid input syntax for type json Expected a JSON object`,
		``:                                      `22P02 invalid input syntax for type json Expected a JSON object`,
		`{"schema":{"type":1},"payload":{"op":"c","after":{}}}`: `22P02 invalid input syntax for type json The schema of the record is not one of Kafka Connect's`,
		`{"payload":7}`: `22P02 invalid input syntax for type json The "payload" is not a JSON object`,
	} {
		if got := decoded(changeColumns, ChangeOptions{Key: []string{"id"}}, record); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", record, got, want)
		}
		if got := decoded(changeColumns, ChangeOptions{Options: Options{NullBad: true}}, record); !strings.HasPrefix(got, "NULL|") {
			t.Errorf("%s with NullBad: got %q, want a row", record, got)
		}
	}
}

// TestConnectForms decodes what Kafka Connect writes in forms that the schema tells.
func TestConnectForms(t *testing.T) {
	const (
		decimal = `"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}`
		long    = `"type":"int64","name":"io.debezium.time.`
	)
	b64 := func(b ...byte) string { return `"` + base64.StdEncoding.EncodeToString(b) + `"` }
	for _, c := range []struct {
		typ          string
		mod          int32
		schema, json string
		want         string
	}{
		{"numeric", -1, decimal, b64(0x01, 0x86, 0xa1), "1000.01"},
		{"numeric", -1, decimal, b64(0xff), "-0.01"},
		{"numeric", -1, decimal, `10.5`, "10.5"},
		{"numeric", -1, decimal, b64(0x7f, 1, 2, 3, 4, 5, 6, 7, 8, 9), "5997591350325512801505.37"},
		{"numeric", 4 + 10<<16 + 1, decimal, b64(0x05), "0.1"},
		{"numeric", -1, strings.Replace(decimal, `"2"`, `"-2"`, 1), b64(0x05), "500"},
		{"text", -1, decimal, b64(0x01, 0x86, 0xa0), "1000.00"},
		{"double precision", -1, decimal, b64(0x0f), "0.15"},
		{"integer", -1, strings.Replace(decimal, `"2"`, `"0"`, 1), b64(0x0f), "15"},
		{"numeric", -1, `"type":"double"`, `0.1`, "0.1"},
		{"numeric", -1, `"type":"string"`, `"12.340"`, "12.340"},
		{"numeric", -1, `"type":"struct","name":"io.debezium.data.VariableScaleDecimal"`, `{"scale":3,"value":` + b64(0x0f) + `}`, "0.015"},
		{"date", -1, `"type":"int32","name":"io.debezium.time.Date"`, `18262`, "2020-01-01"},
		{"date", -1, `"type":"int32","name":"org.apache.kafka.connect.data.Date"`, `-1`, "1969-12-31"},
		{"integer", -1, `"type":"int32","name":"io.debezium.time.Date"`, `18262`, "18262"},
		{"timestamp", -1, long + `Timestamp"`, `1577836800001`, "2020-01-01 00:00:00.001"},
		{"timestamp", -1, long + `MicroTimestamp"`, `1577836800000001`, "2020-01-01 00:00:00.000001"},
		{"timestamp", -1, long + `NanoTimestamp"`, `1577836800000001500`, "2020-01-01 00:00:00.000002"},
		{"timestamptz", -1, `"type":"int64","name":"org.apache.kafka.connect.data.Timestamp"`, `-1`, "1969-12-31 23:59:59.999+00"},
		{"timestamptz", -1, `"type":"string","name":"io.debezium.time.ZonedTimestamp"`, `"2020-01-01T00:00:00.5Z"`, "2020-01-01 00:00:00.5+00"},
		{"bigint", -1, long + `MicroTimestamp"`, `1577836800000001`, "1577836800000001"},
		{"time", -1, long + `MicroTime"`, `3600000001`, "01:00:00.000001"},
		{"time", -1, `"type":"int32","name":"io.debezium.time.Time"`, `1500`, "00:00:01.5"},
		{"time", -1, long + `NanoTime"`, `1000`, "00:00:00.000001"},
		{"interval", -1, long + `MicroDuration"`, `90000000`, "00:01:30"},
		{"bytea", -1, `"type":"bytes"`, `"3q2+7w=="`, `\xdeadbeef`},
		{"bytea", -1, `"type":"bytes"`, `"\\xdead"`, `\xdead`},
		{"text", -1, `"type":"bytes"`, `"3q0="`, "3q0="},
		{"varbit", -1, `"type":"bytes","name":"io.debezium.data.Bits"`, b64(0x05), "101"},
		{"bit", 4, `"type":"bytes","name":"io.debezium.data.Bits"`, b64(0x05), "0101"},
		{"jsonb", -1, `"type":"string","name":"io.debezium.data.Json"`, `"{\"b\": [1],\"a\":2}"`, `{"a": 2, "b": [1]}`},
		{"json", -1, `"type":"string","name":"io.debezium.data.Json"`, `"{ }"`, `{ }`},
		{"jsonb", -1, `"type":"string"`, `"x"`, `"x"`},
		{"uuid", -1, `"type":"string","name":"io.debezium.data.Uuid"`, `"6ecd8c99-4036-403d-bf84-cf8400f67836"`, "6ecd8c99-4036-403d-bf84-cf8400f67836"},
		{"text[]", -1, `"type":"array"`, `["a",null]`, "{a,NULL}"},
	} {
		typ := types.Of(typeNamed(t, c.typ))
		typ.Mod = c.mod
		record := `{"schema":{"type":"struct","fields":[{"type":"struct","field":"after","fields":[{` + c.schema +
			`,"field":"V"}]}]},"payload":{"op":"c","after":{"V":` + c.json + `}}}`
		got := decoded([]catalog.Column{{Name: "v", Type: typ}}, ChangeOptions{}, record, record)
		if got != c.want+"\n"+c.want+"\n" {
			t.Errorf("%s of %s as %s = %q, want %q", c.json, c.schema, c.typ, got, c.want)
		}
	}
}

// TestUnnamedForms decodes what no schema tells of.
func TestUnnamedForms(t *testing.T) {
	for _, c := range []struct {
		typ, json string
		o         ChangeOptions
		want      string
	}{
		{"timestamp", `1577836800001`, ChangeOptions{}, "2020-01-01 00:00:00.001"},
		{"timestamp", `1577836800000001`, ChangeOptions{Unit: nanosOfMicro}, "2020-01-01 00:00:00.000001"},
		{"timestamp", `"2020-01-01 10:00"`, ChangeOptions{Unit: nanosOfMicro}, "2020-01-01 10:00:00"},
		{"date", `18262`, ChangeOptions{}, "2020-01-01"},
		{"date", `"2020-01-01"`, ChangeOptions{}, "2020-01-01"},
		{"time", `1000`, ChangeOptions{}, "00:00:01"},
		{"bytea", `"3q0="`, ChangeOptions{}, `\xdead`},
		{"bytea", `"3q="`, ChangeOptions{}, "22023 "},
		{"numeric(6,2)", `"AYag"`, ChangeOptions{Base64Decimals: true}, "1000.00"},
		{"numeric(6,2)", `"10.5"`, ChangeOptions{}, "10.50"},
		{"date", `99999999999`, ChangeOptions{}, "22P02 "},
		{"date", `2147483647`, ChangeOptions{}, "22008 "},
		{"time", `86400001`, ChangeOptions{}, "22008 "},
		{"timestamp", `9223372036854775807`, ChangeOptions{Unit: nanosOfMicro}, "22008 "},
	} {
		typ := types.Of(typeNamed(t, strings.TrimSuffix(c.typ, "(6,2)")))
		if strings.HasSuffix(c.typ, ")") {
			typ.Mod = 4 + 6<<16 + 2
		}
		got := decoded([]catalog.Column{{Name: "v", Type: typ}}, c.o, `{"op":"c","after":{"v":`+c.json+`}}`)
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s as %s = %q, want %q", c.json, c.typ, got, c.want)
		}
	}
}

func typeNamed(t *testing.T, name string) types.OID {
	t.Helper()
	oid, ok := map[string]types.OID{
		"numeric": types.Numeric, "text": types.Text, "double precision": types.Float8, "integer": types.Int4, "bigint": types.Int8,
		"date": types.Date, "timestamp": types.Timestamp, "timestamptz": types.Timestamptz, "time": types.Time, "interval": types.Interval,
		"bytea": types.Bytea, "varbit": types.Varbit, "bit": types.Bit, "jsonb": types.JSONB, "json": types.JSON, "uuid": types.UUID, "text[]": 1009,
	}[name]
	if !ok {
		t.Fatalf("no type %s", name)
	}
	return oid
}

func TestAppendChange(t *testing.T) {
	row := []byte(`{"id":1}`)
	got := string(AppendChange(nil, nil, row)) + string(AppendChange(nil, row, row)) + string(AppendChange(nil, row, nil))
	want := `{"before":null,"after":{"id":1},"op":"c"}{"before":{"id":1},"after":{"id":1},"op":"u"}{"before":{"id":1},"after":null,"op":"d"}`
	if got != want {
		t.Errorf("AppendChange = %s, want %s", got, want)
	}
}

func FuzzChanges(f *testing.F) {
	f.Add([]byte(`{"before":{"id":2,"name":"B"},"after":{"id":3,"name":"B"},"op":"u","source":{"ts_ms":1}}`))
	f.Add([]byte(`{"schema":{"type":"struct","fields":[{"field":"after","fields":[{"field":"id","type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}]}]},"payload":{"op":"c","after":{"id":"AYag"}}}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		c := NewChanges(changeColumns, ChangeOptions{Key: []string{"id"}})
		var cols []vec.Vec
		for _, col := range changeColumns {
			cols = append(cols, vec.New(col.Type))
		}
		c.Bind(cols)
		for range 2 {
			at := cols[0].Len()
			err := c.Decode(record)
			for i, v := range cols {
				if v.Len() != at+c.Rows() || err != nil && c.Rows() != 0 {
					t.Fatalf("column %d has %d rows after %d and %d more, error %v", i, v.Len(), at, c.Rows(), err)
				}
			}
		}
	})
}
