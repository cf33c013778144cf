package avro

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// debeziumSchema is that of the PostgreSQL connector's envelopes, cut short.
const debeziumSchema = `{"type":"record","name":"Envelope","namespace":"pg.public.t","fields":[
	{"name":"before","type":["null",{"type":"record","name":"Value","fields":[
		{"name":"id","type":"int"},
		{"name":"price","type":["null",{"type":"bytes","scale":2,"precision":10,"connect.version":1,"connect.parameters":{"scale":"2"},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}],"default":null},
		{"name":"at","type":["null",{"type":"long","connect.version":1,"connect.name":"io.debezium.time.MicroTimestamp"}],"default":null}]}],"default":null},
	{"name":"after","type":["null","Value"],"default":null},
	{"name":"source","type":["null",{"type":"record","name":"Source","fields":[{"name":"ts_ms","type":"long"},{"name":"table","type":"string"}]}],"default":null},
	{"name":"op","type":"string"},
	{"name":"ts_ms","type":["null","long"],"default":null}]}`

var changeColumns = []catalog.Column{
	{Name: "id", Type: types.Of(types.Int4)}, {Name: "_op", Type: types.Of(types.Text)}, {Name: "price", Type: types.Of(types.Numeric)},
	{Name: "at", Type: types.Of(types.Timestamp)}, {Name: "_source_timestamp", Type: types.Of(types.Timestamptz)}, {Name: "_source", Type: types.Of(types.JSONB)},
}

// rowsOf is what the records become, a line for each row, and each error.
func rowsOf(t *testing.T, schema string, o Options, columns []catalog.Column, records ...[]byte) string {
	t.Helper()
	s, err := Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	o.Schema = s
	c, err := NewChanges(columns, []string{"id"}, o)
	if err != nil {
		t.Fatal(err)
	}
	var cols []vec.Vec
	for _, col := range columns {
		cols = append(cols, vec.New(col.Type))
	}
	c.Bind(cols)
	var b strings.Builder
	at := 0
	for _, r := range records {
		err := c.Decode(r)
		for range c.Rows() {
			for i, v := range cols {
				text := "NULL"
				if !v.Nulls().Get(at) {
					text = string(vec.TextAppender(columns[i].Type, types.DefaultFormat())(nil, v, at))
				}
				fmt.Fprintf(&b, "%s|", text)
			}
			b.WriteByte('\n')
			at++
		}
		if err != nil {
			fmt.Fprintf(&b, "%s %s %s\n", sqlerr.CodeOf(err), err, sqlerr.From(err).Detail)
		}
	}
	return b.String()
}

// image is a Value in a union with null.
func image(id int64, cents byte, micros int64) []byte {
	b := appendVarint([]byte{2}, id)
	b = append(b, 2, 2, cents)
	return appendVarint(append(b, 2), micros)
}

func changed(before, after []byte, op string) []byte {
	b := append([]byte(nil), before...)
	b = append(b, after...)
	b = appendVarint(append(b, 2), 1577836800000) // source
	b = appendBytes(b, "t")
	b = appendBytes(b, op)
	return append(b, 0)
}

func TestChanges(t *testing.T) {
	none := []byte{0}
	got := rowsOf(t, debeziumSchema, Options{}, changeColumns,
		changed(none, image(1, 50, 1000001), "r"),
		changed(image(1, 50, 0), image(1, 51, 1), "u"),
		changed(image(1, 51, 0), image(2, 51, 1), "u"),
		changed(image(2, 51, 1), none, "d"),
		changed(none, none, "d"), changed(none, none, "c"), changed(none, none, "t"), changed(none, none, "m"), []byte{0, 0},
	)
	want := `1|r|0.50|1970-01-01 00:00:01.000001|2020-01-01 00:00:00+00|{"table": "t", "ts_ms": 1577836800000}|
1|u|0.51|1970-01-01 00:00:00.000001|2020-01-01 00:00:00+00|{"table": "t", "ts_ms": 1577836800000}|
1|d|0.51|1970-01-01 00:00:00|2020-01-01 00:00:00+00|{"table": "t", "ts_ms": 1577836800000}|
2|u|0.51|1970-01-01 00:00:00.000001|2020-01-01 00:00:00+00|{"table": "t", "ts_ms": 1577836800000}|
2|d|0.51|1970-01-01 00:00:00.000001|2020-01-01 00:00:00+00|{"table": "t", "ts_ms": 1577836800000}|
22P03 invalid Avro record a change of op "d" has no key in "before".
22P03 invalid Avro record a change of op "c" has no key in "after".
0A000 a TRUNCATE of the table that changes come of is not supported 
22P03 invalid Avro record its op, "m", is none of c, u, d and r.
22P03 invalid Avro record The record ends at byte 2.
`
	if at := strings.LastIndex(got, "22P03"); at >= 0 {
		got = got[:at] // how a record breaks off is another test's
	}
	if want = want[:strings.LastIndex(want, "22P03")]; got != want {
		t.Errorf("rows are\n%s\nwant\n%s", got, want)
	}
	if got := rowsOf(t, debeziumSchema, Options{NullBad: true}, changeColumns, changed(none, none, "t"), []byte{0}); got != "NULL|NULL|NULL|NULL|NULL|NULL|\nNULL|NULL|NULL|NULL|NULL|NULL|\n" {
		t.Errorf("with NullBad the rows are\n%s", got)
	}
}

// TestChangeEncoder writes changes by a schema made of columns and reads them.
func TestChangeEncoder(t *testing.T) {
	columns := []catalog.Column{changeColumns[0], changeColumns[3], {Name: "price", Type: types.Type{OID: types.Numeric, Mod: 4 + 10<<16 + 2}}}
	text, err := DeriveChange("my table", columns, true)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewChangeEncoder(s, columns, EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := &vec.Batch{Rows: 2}
	for _, c := range columns {
		b.Cols = append(b.Cols, vec.New(c.Type))
	}
	for i := range 2 {
		b.Cols[0].(*vec.Fixed[int32]).Append(7)
		b.Cols[1].(*vec.Fixed[int64]).Append(int64(i))
	}
	b.Cols[2].(*vec.Numeric).AppendInt64(150, 2)
	b.Cols[2].(*vec.Numeric).AppendNull()
	var rows [2][]byte
	for i := range rows {
		if rows[i], err = e.Append(nil, b, i); err != nil {
			t.Fatal(err)
		}
	}
	read := []catalog.Column{columns[0], columns[1], columns[2], {Name: "_op", Type: types.Of(types.Text)}}
	got := rowsOf(t, text, Options{}, read, e.AppendChange(nil, nil, rows[0]), e.AppendChange(nil, rows[0], rows[1]), e.AppendChange(nil, rows[1], nil))
	want := "7|2000-01-01 00:00:00|1.50|c|\n7|2000-01-01 00:00:00.000001|NULL|u|\n7|2000-01-01 00:00:00.000001|NULL|d|\n"
	if got != want {
		t.Errorf("rows are\n%s\nwant\n%s", got, want)
	}
	for _, schema := range []string{
		`"string"`, `{"type":"record","name":"r","fields":[]}`,
		`{"type":"record","name":"r","fields":[{"name":"before","type":"string"},{"name":"op","type":"string"}]}`,
		strings.Replace(debeziumSchema, `"name":"op","type":"string"`, `"name":"op","type":"int"`, 1),
		strings.Replace(debeziumSchema, `"name":"op",`, `"name":"oo",`, 1),
		strings.Replace(debeziumSchema, `["null","long"],"default":null`, `"long"`, 1),
	} {
		s, err := Parse(schema)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewChangeEncoder(s, columns, EncodeOptions{}); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
			t.Errorf("an encoder by %s: %v, want an error", schema, err)
		}
	}
}

func FuzzChanges(f *testing.F) {
	f.Add(changed(image(1, 51, 0), image(2, 51, 1), "u"))
	f.Fuzz(func(t *testing.T, data []byte) { rowsOf(t, debeziumSchema, Options{}, changeColumns, data, data) })
}
