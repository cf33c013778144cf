package protobuf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

const old = `syntax = "proto2";
package p;
message Old {
  required int32 id = 1;
  optional string name = 2 [default = "x"];
  repeated group Line = 3 { optional int32 n = 1; repeated sint64 m = 2; }
  optional group One = 4 { optional string s = 1; }
  optional Inner inner = 5;
  enum Kind { A = 1; B = 2; }
  optional Kind kind = 6;
  message Inner { optional int32 a = 1; optional int32 b = 2; optional Inner inner = 3; }
}`

func column(name string, oid types.OID) catalog.Column {
	return catalog.Column{Name: name, Type: types.Of(oid)}
}

func TestDecode(t *testing.T) {
	s := parse(t, old)
	all := columnsOf(t, s, "", false)
	flat := columnsOf(t, s, "", true)
	for _, c := range []struct {
		cols   []catalog.Column
		record string
		want   string
	}{
		{all, "\x08\x07", "id=7 name=NULL line=[] one=NULL inner=NULL kind=NULL"},
		// Groups, an unknown field of each wire type, a field that comes twice.
		{all, "\x08\x01\x1b\x08\x05\x1c\x50\x01\x51aaaaaaaa\x52\x01z\x55aaaa\x53\x08\x01\x54\x08\x02\x23\x0a\x01q\x24\x1b\x10\x01\x12\x02\x02\x04\x1c",
			`id=2 name=NULL line=[{"m": [], "n": 5}, {"m": [-1, 1, 2], "n": null}] one={"s": "q"} inner=NULL kind=NULL`},
		// A message that comes in parts is merged.
		{all, "\x08\x01\x2a\x02\x08\x01\x2a\x06\x10\x02\x1a\x02\x08\x09", `id=1 name=NULL line=[] one=NULL inner={"a": 1, "b": 2, "inner": {"a": 9, "b": null, "inner": null}} kind=NULL`},
		{flat, "\x08\x01\x2a\x02\x08\x01\x2a\x06\x10\x02\x1a\x02\x08\x09", `id=1 name=NULL line=[] one.s=NULL inner.a=1 inner.b=2 inner.inner={"a": 9, "b": null, "inner": null} kind=NULL`},
		{flat, "\x30\x07", `id=NULL name=NULL line=[] one.s=NULL inner.a=NULL inner.b=NULL inner.inner=NULL kind=7`},
		// Columns of other types, spelled another way.
		{[]catalog.Column{column("ID", types.Text), column("Inner.B", types.Numeric), column("kind", types.Varchar), column("name", types.Date)},
			"\x08\x2a\x2a\x02\x10\x05\x30\x02\x12\x0a2024-01-15", "ID=42 Inner.B=5 kind=B name=2024-01-15"},
		{[]catalog.Column{column("id", types.Timestamptz)}, "\x08\x2a", "id=1970-01-01 00:00:00.042+00"},
		// Of a wire type that is not the field's: it is unknown.
		{[]catalog.Column{column("id", types.Int4)}, "\x0a\x01x", "id=NULL"},
	} {
		got, err := decode(t, s, "", c.cols, []byte(c.record))
		if got = strings.Join(strings.Split(strings.TrimSpace(got), "\n"), " "); err != nil || got != c.want {
			t.Errorf("% x = %s, %v\nwant %s", c.record, got, err, c.want)
		}
	}
}

func TestColumns(t *testing.T) {
	var got []string
	for _, c := range columnsOf(t, parse(t, everything), "All", false) {
		got = append(got, c.Name+" "+types.FormatType(c.Type))
	}
	want := `i32 integer, s32 integer, u32 bigint, i64 bigint, s64 bigint, u64 numeric(20,0), b boolean, side text, f32 bigint, sf32 integer, fl real, f64 numeric(20,0), sf64 bigint, ` +
		`db double precision, str text, raw bytea, oi32 integer, ostr text, ob boolean, oside text, oraw bytea, ri32 integer[], rstr text[], rdb double precision[], rside text[], rb boolean[], ` +
		`counts jsonb, venues jsonb, venue jsonb, more jsonb, left text, right bigint, both jsonb, at timestamp with time zone, span interval, boxed bigint, named text, tree jsonb, any jsonb, list jsonb, packed jsonb, ` +
		`price numeric, gprice numeric, cprice numeric, day date, time time without time zone, rat timestamp with time zone[], rprice numeric[], far bigint, ru64 numeric(20,0)[], rs32 integer[], rraw bytea[]`
	if strings.Join(got, ", ") != want {
		t.Errorf("columns are\n%s\nwant\n%s", strings.Join(got, ", "), want)
	}
}

// TestManyParts: a message that comes in very many parts is put together once.
func TestManyParts(t *testing.T) {
	record := strings.Repeat("\x92\x02\x02\x08\x01", 300_000) + "\x92\x02\x02\x10\x00\x92\x02\x02\x08\x02"
	got, err := decode(t, parse(t, everything), "All", []catalog.Column{column("at", types.Timestamptz)}, []byte(record))
	if err != nil || got != "at=1970-01-01 00:00:02+00\n" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := decode(t, parse(t, everything), "All", []catalog.Column{column("at", types.Timestamptz)}, []byte("\x92\x02\x02\x08\x01\x92\x02\x01\x08")); err == nil {
		t.Error("a part that breaks off is none of a message")
	}
}

// TestProgramsKept: what is kept for records that begin differently is bounded.
func TestProgramsKept(t *testing.T) {
	s := parse(t, old)
	cols := []catalog.Column{column("id", types.Int4)}
	d, err := NewDecoder(cols, Options{Framing: Confluent, Lookup: func(uint32) (*Schema, error) { return s, nil }})
	if err != nil {
		t.Fatal(err)
	}
	v := vectors(cols)
	d.Bind(v)
	for id := range uint32(3 * mostPrograms) {
		if err := d.Decode(append(AppendFrame(nil, id, []int32{0}), 8, 7)); err != nil || len(d.byType) > mostPrograms {
			t.Fatalf("record %d: %v, %d programs", id, err, len(d.byType))
		}
	}
	if v[0].Len() != 3*mostPrograms {
		t.Errorf("%d rows", v[0].Len())
	}
}

func TestHostile(t *testing.T) {
	s := parse(t, everything)
	cols := columnsOf(t, s, "All", false)
	deep := ""
	for range 200 { // venue.parent.parent...
		deep = "\x1a" + string(wireLength(deep)) + deep
	}
	group := strings.Repeat("\x7b", 5000)
	for _, c := range []struct{ record, code, detail string }{
		{"\x08", "22P03", "breaks off"},
		{"\x7a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "22P03", "breaks off"},
		{"\x7a\x05abc", "22P03", "breaks off"},
		{"\x00\x01", "22P03", "field number 0"},
		{"\x7d", "22P03", "breaks off"},
		{"\x7c", "22P03", "breaks off"},
		{group, "22P03", "breaks off"},
		{"\xea\x01" + string(wireLength(deep)) + deep, "54001", ""},
		{"\x7a\x02\xff\xfe", "22021", "ff fe"},
		{"\x7a\x01\x00", "22021", "00"},
		{"\x92\x02\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x10\x00", "22008", ""},
		{"\x92\x02\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "22008", ""},
		{"\xd2\x02\x03\x08\x01\x10", "22P03", ""},
		{"\xd2\x02\x05\x08\x01\x10\xc0\x84", "22P03", ""},
		{"\xd2\x02\x06\x08\x01\x10\xc0\x84\x3d", "22003", "scale is 1000000"},
		{"\xea\x02\x02\x08\x01", "22008", ""},
		{"\xb2\x01\x05\xff\xff\xff\xff\xff", "22P03", "breaks off"},
	} {
		_, err := decode(t, s, "All", cols, []byte(c.record))
		if e := sqlerr.From(err); e == nil || string(e.Code) != c.code || !strings.Contains(e.Detail, c.detail) {
			t.Errorf("% x: %+v, want %s %s", head([]byte(c.record)), e, c.code, c.detail)
		}
		d, err := NewDecoder(cols, Options{Schema: s, Message: "All", NullBad: true})
		if err != nil {
			t.Fatal(err)
		}
		v := vectors(cols)
		d.Bind(v)
		for range 2 {
			if err := d.Decode([]byte(c.record)); err != nil {
				t.Errorf("% x with NullBad: %v", head([]byte(c.record)), err)
			}
		}
		for i := range v {
			if v[i].Len() != 2 {
				t.Errorf("% x with NullBad: column %s has %d rows", head([]byte(c.record)), cols[i].Name, v[i].Len())
			}
		}
	}
}

func wireLength(s string) []byte { return binary.AppendUvarint(nil, uint64(len(s))) }

func TestFraming(t *testing.T) {
	one, two := parse(t, old), parse(t, `syntax = "proto3"; message A { message B { string name = 1; } } message C { string name = 2; }`)
	down := errors.New("down")
	d, err := NewDecoder([]catalog.Column{column("name", types.Text)}, Options{Framing: Confluent, Lookup: func(id uint32) (*Schema, error) {
		switch id {
		case 1:
			return one, nil
		case 2:
			return two, nil
		}
		return nil, &Outage{down}
	}})
	if err != nil {
		t.Fatal(err)
	}
	v := vectors([]catalog.Column{column("name", types.Text)})
	d.Bind(v)
	for i, c := range []struct{ record, want string }{
		{string(AppendFrame(nil, 1, []int32{0})) + "\x12\x01a", "a"},
		{"\x00\x00\x00\x00\x01\x02\x00\x12\x01b", "b"}, // the long form of the first
		{string(AppendFrame(nil, 2, []int32{0, 0})) + "\x0a\x01c", "c"},
		{string(AppendFrame(nil, 2, []int32{1})) + "\x12\x01d", "d"},
		{string(AppendFrame(nil, 2, []int32{1})) + "\x12\x01e", "e"},
	} {
		if err := d.Decode([]byte(c.record)); err != nil {
			t.Fatalf("% x: %v", c.record, err)
		}
		if got := text(v[0], column("name", types.Text), i); got != c.want {
			t.Errorf("% x = %s, want %s", c.record, got, c.want)
		}
	}
	for record, want := range map[string]string{
		"": "with nothing", "\x01\x00\x00\x00\x01\x00": "01 00", "\x00\x00\x00\x00\x01\x7e": "no place", "\x00\x00\x00\x00\x01\x01\x02": "no place",
		string(AppendFrame(nil, 2, []int32{7})): "no message at [7]", "\x00\x00\x00\x00\x01\xff\xff\xff\xff\xff": "no place",
	} {
		if err := d.Decode([]byte(record)); err == nil || !strings.Contains(sqlerr.From(err).Detail, want) {
			t.Errorf("% x: %v %s, want %s", record, err, sqlerr.From(err).Detail, want)
		}
	}
	var out *Outage
	if err := d.Decode(AppendFrame(nil, 9, []int32{0})); !errors.As(err, &out) || !errors.Is(err, down) {
		t.Errorf("a registry that is down: %v", err)
	}
}

func TestSchemaErrors(t *testing.T) {
	for text, want := range map[string]string{
		`message A { int32 x = 1; `:                       "schema.proto:1:",
		`syntax = "proto3"; message A { Missing x = 1; }`: "schema.proto:1:",
		`syntax = "proto3"; import "nowhere.proto";`:      "nowhere.proto",
		strings.Repeat("message A {", 100):                "nested more than",
		`syntax = "proto3"; import "big.proto";`:          "longer than",
	} {
		_, err := Parse(text, func(name string) (string, error) {
			if name == "big.proto" {
				return strings.Repeat(" ", maxText+1), nil
			}
			return "", errors.New("no such file")
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
	s := parse(t, everything)
	for _, c := range []struct {
		message string
		cols    []catalog.Column
		code    sqlerr.Code
	}{
		{"Nope", nil, sqlerr.UndefinedObject},
		{"All", []catalog.Column{column("nope", types.Text)}, sqlerr.UndefinedColumn},
		{"All", []catalog.Column{column("venue.nope", types.Text)}, sqlerr.UndefinedColumn},
		{"All", []catalog.Column{column("venue", types.Int4)}, sqlerr.DatatypeMismatch},
		{"All", []catalog.Column{column("ri32", types.Int4)}, sqlerr.DatatypeMismatch},
		{"All", []catalog.Column{column("tree", types.Int4)}, sqlerr.DatatypeMismatch},
	} {
		if _, err := NewDecoder(c.cols, Options{Schema: s, Message: c.message}); sqlerr.CodeOf(err) != c.code {
			t.Errorf("%s %v: %v, want %s", c.message, c.cols, err, c.code)
		}
	}
	if _, err := parse(t, `syntax = "proto3";`).Columns("", false); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
		t.Errorf("a schema without a message: %v", err)
	}
	if _, err := parse(t, `syntax = "proto3"; message A {}`).Columns("", false); sqlerr.CodeOf(err) != sqlerr.InvalidTableDefinition {
		t.Errorf("a message without fields: %v", err)
	}
}

// TestDerive writes rows by a schema made of their columns, and reads them back.
func TestDerive(t *testing.T) {
	cols := []catalog.Column{
		column("b", types.Bool), column("i2", types.Int2), column("i4", types.Int4), column("i8", types.Int8), column("f4", types.Float4), column("f8", types.Float8),
		column("t", types.Text), column("r", types.Bytea), {Name: "n", Type: types.Type{OID: types.Numeric, Mod: 10<<16 + 2 + 4}}, column("big", types.Numeric),
		column("d", types.Date), column("tm", types.Time), column("ts", types.Timestamp), column("tz", types.Timestamptz), column("iv", types.Interval),
		column("u", types.UUID), column("j", types.JSONB), column("js", types.JSON), column("a", 1007), column("ta", 1009),
	}
	rows := [][]string{
		{"t", "-1", "2", "-9223372036854775808", "1.5", "-0.1", "é", `\x00ff`, "12345678.90", "1e30", "2024-02-29", "23:59:59.999999", "2024-01-01 10:00:00.000001", "1969-12-31 23:59:59.5+00",
			"1 mon 2 days 00:00:03", "6ecd8c99-4036-403d-bf84-cf8400f67836", `{"a": [1, null]}`, `{ "b":1}`, "{1,-2}", `{x,""}`},
		{"f", "0", "0", "0", "0", "0", "", `\x`, "0.00", "0", "2000-01-01", "00:00:00", "1970-01-01 00:00:00", "1970-01-01 00:00:00+00", "00:00:00", "00000000-0000-0000-0000-000000000000", "null", "0", "{}", "{}"},
		{"NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "{}", "{}"},
	}
	text, err := Derive("a topic", cols, false)
	if err != nil {
		t.Fatal(err)
	}
	s := parse(t, text)
	e, err := NewEncoder(s, cols, EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		b := &vec.Batch{Cols: vectors(cols), Rows: 1}
		for i, c := range cols {
			if row[i] == "NULL" {
				vec.AppendNull(b.Cols[i])
				continue
			}
			v, err := types.Parse(c.Type, row[i], types.DefaultFormat())
			if err != nil {
				t.Fatal(err)
			}
			vec.Append(b.Cols[i], v)
		}
		record, err := e.Append(nil, b, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(t, s, "", cols, record)
		if err != nil {
			t.Fatalf("%v: %v", row, err)
		}
		var want string
		for i, c := range cols {
			if row[i] == "1e30" {
				row[i] = "1" + strings.Repeat("0", 30)
			}
			want += fmt.Sprintf("%s=%s\n", c.Name, row[i])
		}
		differ(t, row[0], got, want)
	}
	if _, err := Derive("t", []catalog.Column{column("a b", types.Text)}, false); sqlerr.CodeOf(err) != sqlerr.InvalidName {
		t.Errorf("a name that is none: %v", err)
	}
}

func TestEncodeErrors(t *testing.T) {
	s := parse(t, everything)
	one := func(name string, oid types.OID, value string) error {
		c := column(name, oid)
		e, err := NewEncoder(s, []catalog.Column{c}, EncodeOptions{Message: "All"})
		if err != nil {
			return err
		}
		b := &vec.Batch{Cols: vectors([]catalog.Column{c}), Rows: 1}
		v, err := types.Parse(c.Type, value, types.DefaultFormat())
		if err != nil {
			t.Fatal(err)
		}
		vec.Append(b.Cols[0], v)
		_, err = e.Append(nil, b, 0)
		return err
	}
	for _, c := range []struct {
		name  string
		oid   types.OID
		value string
		code  sqlerr.Code
	}{
		{"i32", types.Int8, "2147483648", sqlerr.NumericValueOutOfRange}, {"u32", types.Int4, "-1", sqlerr.NumericValueOutOfRange},
		{"u64", types.Numeric, "18446744073709551616", sqlerr.NumericValueOutOfRange}, {"u64", types.Numeric, "18446744073709551615", ""}, {"i64", types.Numeric, "1.5", sqlerr.NumericValueOutOfRange},
		{"price", types.Numeric, "99999999999999999999", sqlerr.NumericValueOutOfRange}, {"price", types.Numeric, "NaN", sqlerr.NumericValueOutOfRange}, {"price", types.Int4, "5", ""},
		{"side", types.Text, "HOLD", sqlerr.InvalidTextRepresentation}, {"side", types.Text, "BUY", ""}, {"side", types.Text, "77", ""},
		{"span", types.Interval, "1 mon", sqlerr.IntervalFieldOverflow}, {"at", types.Timestamptz, "infinity", sqlerr.DatetimeFieldOverflow},
		{"day", types.Date, "0001-01-01 BC", sqlerr.DatetimeFieldOverflow}, {"ri32", 1007, "{1,NULL}", sqlerr.NotNullViolation}, {"ri32", 1007, "{{1},{2}}", sqlerr.FeatureNotSupported},
		{"i32", types.Bytea, `\x00`, sqlerr.DatatypeMismatch}, {"venue", types.JSONB, `{"nope":1}`, sqlerr.UndefinedColumn}, {"venue", types.JSONB, `[1]`, sqlerr.DatatypeMismatch},
		{"venue", types.JSONB, `{"code":"x","tags":["a"],"parent":{"code":"y"}}`, ""}, {"counts", types.JSONB, `{"a":"x"}`, sqlerr.InvalidTextRepresentation}, {"raw", types.JSONB, `"zz"`, sqlerr.InvalidTextRepresentation},
		{"nope", types.Text, "", sqlerr.UndefinedColumn},
	} {
		if err := one(c.name, c.oid, c.value); c.code == "" && err != nil || c.code != "" && sqlerr.CodeOf(err) != c.code {
			t.Errorf("%s = %s: %v, want %q", c.name, c.value, err, c.code)
		}
	}
	if _, err := NewEncoder(parse(t, old), []catalog.Column{column("name", types.Text)}, EncodeOptions{}); sqlerr.CodeOf(err) != sqlerr.UndefinedColumn {
		t.Errorf("a required field without a column: %v", err)
	}
}

// events are the event of the benchmarks, and their schema.
const eventSchema = `syntax = "proto3"; import "google/protobuf/timestamp.proto";
message Event { int64 order_id = 1; string customer_id = 2; string symbol = 3; Decimal price = 4; int64 quantity = 5; string side = 6; google.protobuf.Timestamp event_time = 7;
  message Decimal { int64 units = 1; int32 scale = 2; } }`

func events(t testing.TB) (*Schema, [][]byte) {
	s := parse(t, eventSchema)
	cols := columnsOf(t, s, "", false)
	e, err := NewEncoder(s, cols, EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := &vec.Batch{Cols: vectors(cols)}
	var out [][]byte
	for i := range vec.MaxRows {
		b.Cols[0].(*vec.Fixed[int64]).Append(int64(1000000000 + i))
		b.Cols[1].(*vec.Bytes).AppendString("customer-000123")
		b.Cols[2].(*vec.Bytes).AppendString("GOOGL")
		b.Cols[3].(*vec.Numeric).AppendInt64(int64(500000+i*7919), 4)
		b.Cols[4].(*vec.Fixed[int64]).Append(int64(i % 1000))
		b.Cols[5].(*vec.Bytes).AppendString("SELL")
		b.Cols[6].(*vec.Fixed[int64]).Append(758800000000000 + int64(i)*1000)
		b.Rows++
		r, err := e.Append(nil, b, i)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return s, out
}

func TestDecodeAllocates(t *testing.T) {
	s, records := events(t)
	cols := columnsOf(t, s, "", false)
	d, err := NewDecoder(cols, Options{Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	b := &vec.Batch{Cols: vectors(cols)}
	run := func() {
		b.Reset()
		d.Bind(b.Cols)
		for _, r := range records {
			if err := d.Decode(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(10, run); n > 0 {
		t.Errorf("%d records allocate %v times, want never", len(records), n)
	}
}

func BenchmarkDecode(b *testing.B) {
	s, records := events(b)
	cols := columnsOf(b, s, "", false)
	d, err := NewDecoder(cols, Options{Schema: s})
	if err != nil {
		b.Fatal(err)
	}
	out := &vec.Batch{Cols: vectors(cols)}
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		d.Bind(out.Cols)
		for _, r := range records {
			if err := d.Decode(r); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(records)), "ns/row")
}

func BenchmarkDynamic(b *testing.B) {
	s, records := events(b)
	m, err := s.message("")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range records {
			msg := dynamicpb.NewMessage(m.desc)
			if err := proto.Unmarshal(r, msg); err != nil {
				b.Fatal(err)
			}
			msg.Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool { return true })
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(records)), "ns/row")
}
