package avro

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	oracle "github.com/twmb/avro"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// columns reads "name type, name type" with types by their SQL names.
func columns(t testing.TB, decls string) []catalog.Column {
	t.Helper()
	var cols []catalog.Column
	for _, d := range strings.Split(decls, ", ") {
		name, typ, _ := strings.Cut(d, " ")
		mod := int32(-1)
		if base, args, ok := strings.Cut(typ, "("); ok {
			typ = base
			var p, s int32
			if n, _ := fmt.Sscanf(args, "%d,%d)", &p, &s); n == 2 {
				mod = (p<<16 | s) + 4
			} else if mod = p + 4; typ == "timestamptz" {
				mod = p
			}
		}
		base, list := strings.CutSuffix(typ, "[]")
		info, ok := types.ByName(base)
		if !ok {
			t.Fatalf("no type %q", typ)
		}
		oid := info.OID
		if list {
			oid = info.Array
		}
		cols = append(cols, catalog.Column{Name: name, Type: types.Type{OID: oid, Mod: mod}})
	}
	return cols
}

func batch(cols []catalog.Column) *vec.Batch {
	ts := make([]types.Type, len(cols))
	for i := range cols {
		ts[i] = cols[i].Type
	}
	return vec.NewBatch(ts)
}

// text is row i as PostgreSQL prints it, columns parted by |.
func text(cols []catalog.Column, b *vec.Batch, row int) string {
	var s []string
	for i, c := range cols {
		if b.Cols[i].Nulls().Get(row) {
			s = append(s, "NULL")
			continue
		}
		s = append(s, string(vec.TextAppender(c.Type, types.DefaultFormat())(nil, b.Cols[i], row)))
	}
	return strings.Join(s, "|")
}

func parse(t testing.TB, text string) *Schema {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return s
}

// record is a record of the fields.
func record(fields string) string {
	return `{"type":"record","name":"r","namespace":"n","fields":[` + fields + `]}`
}

type values = map[string]any

// written is what the oracle writes.
func written(t testing.TB, schema string, v any) []byte {
	t.Helper()
	s, err := oracle.Parse(schema)
	if err != nil {
		t.Fatalf("the oracle does not take %s: %v", schema, err)
	}
	b, err := s.Encode(v)
	if err != nil {
		t.Fatalf("the oracle does not write %v: %v", v, err)
	}
	return b
}

var (
	instant = time.Date(2024, 1, 15, 10, 30, 0, 123456789, time.UTC)
	huge, _ = new(big.Rat).SetString("-123456789012345678901234567890123456789012.5")
)

func TestDecode(t *testing.T) {
	nested := `{"name":"c","type":{"type":"record","name":"customer","fields":[{"name":"id","type":"long"},{"name":"tags","type":{"type":"map","values":["null","string"]}}]}}`
	for _, c := range []struct {
		schema  string
		value   values
		columns string // "": as the schema says
		want    string
	}{
		{`{"name":"a","type":"int"},{"name":"b","type":"long"},{"name":"s","type":"string"}`, values{"a": 1, "b": int64(-1 << 62), "s": "ä"}, "", "1|-4611686018427387904|ä"},
		{`{"name":"a","type":"int"},{"name":"b","type":"long"}`, values{"a": -2147483648, "b": int64(7)}, "b int2, a numeric", "7|-2147483648"},
		{`{"name":"a","type":"int"},{"name":"b","type":"string"}`, values{"a": 5, "b": "12.50"}, "B numeric(8,1), A text", "12.5|5"},
		{`{"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"z","type":"boolean"}`, values{"f": float32(1.5), "d": 0.1, "z": true}, "", "1.5|0.1|t"},
		{`{"name":"b","type":"bytes"},{"name":"x","type":{"type":"fixed","name":"four","size":4}}`, values{"b": []byte("hi"), "x": [4]byte{1, 2, 3, 255}}, "", `\x6869|\x010203ff`},
		{`{"name":"e","type":{"type":"enum","name":"side","symbols":["BUY","SELL"]}}`, values{"e": "SELL"}, "", "SELL"},
		{`{"name":"n","type":["null","string"]},{"name":"m","type":["long","null"]}`, values{"n": nil, "m": int64(4)}, "", "NULL|4"},
		{`{"name":"n","type":["null","string"]},{"name":"m","type":["long","null"]}`, values{"n": "x", "m": nil}, "", "x|NULL"},
		{`{"name":"u","type":["null","int","string"]},{"name":"v","type":["int","long"]}`, values{"u": "x", "v": int64(1) << 40}, "", `"x"|1099511627776`},
		{`{"name":"u","type":["null","int","string"]}`, values{"u": int32(3)}, "u.int int4, u.string text, u text", "3|NULL|3"},
		{`{"name":"l","type":{"type":"array","items":"int"}},{"name":"t","type":{"type":"array","items":["null","string"]}}`, values{"l": []int32{1, 2}, "t": []any{"a", nil}}, "", "{1,2}|{a,NULL}"},
		{`{"name":"l","type":{"type":"array","items":"int"}},{"name":"a","type":"int"}`, values{"l": []int32{}, "a": 1}, "", "{}|1"},
		{`{"name":"m","type":{"type":"map","values":"double"}}`, values{"m": map[string]float64{"x": 1.5}}, "", `{"x": 1.5}`},
		{nested, values{"c": values{"id": int64(9), "tags": map[string]any{"k": nil}}}, "", `{"id": 9, "tags": {"k": null}}`},
		{nested + `,{"name":"d","type":"int"}`, values{"c": values{"id": int64(9), "tags": map[string]any{"k": "v"}}, "d": 1}, "c.id int8, c jsonb, c.tags jsonb, d int4, c.id text", `9|{"id": 9, "tags": {"k": "v"}}|{"k": "v"}|1|9`},
		{`{"name":"c","type":["null",{"type":"record","name":"k","fields":[{"name":"id","type":"long"}]}]},{"name":"d","type":"int"}`, values{"c": nil, "d": 1}, "d int4, c.id int8", `1|NULL`},
		{`{"name":"p","type":{"type":"bytes","logicalType":"decimal","precision":18,"scale":4}}`, values{"p": big.NewRat(-1502567, 10000)}, "", "-150.2567"},
		{`{"name":"p","type":{"type":"fixed","name":"d","size":9,"logicalType":"decimal","precision":20,"scale":2}}`, values{"p": big.NewRat(1, 4)}, "p numeric, p numeric(6,1)", "0.25|0.3"},
		{`{"name":"p","type":{"type":"bytes","logicalType":"decimal","precision":60,"scale":1}}`, values{"p": huge}, "", "-123456789012345678901234567890123456789012.5"},
		{`{"name":"p","type":{"type":"bytes","logicalType":"decimal","precision":30,"scale":2}}`, values{"p": big.NewRat(1, 4)}, "p jsonb, p text", "0.25|0.25"},
		{`{"name":"d","type":{"type":"int","logicalType":"date"}}`, values{"d": int32(-1)}, "d date, d text, d jsonb", `1969-12-31|1969-12-31|"1969-12-31"`},
		{`{"name":"t","type":{"type":"int","logicalType":"time-millis"}},{"name":"u","type":{"type":"long","logicalType":"time-micros"}}`, values{"t": 37800123 * time.Millisecond, "u": 37800123456 * time.Microsecond}, "", "10:30:00.123|10:30:00.123456"},
		{`{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"u","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"v","type":{"type":"long","logicalType":"timestamp-nanos"}}`,
			values{"t": instant, "u": instant, "v": instant}, "", "2024-01-15 10:30:00.123+00|2024-01-15 10:30:00.123456+00|2024-01-15 10:30:00.123457+00"},
		{`{"name":"t","type":{"type":"long","logicalType":"local-timestamp-millis"}}`, values{"t": instant}, "t timestamp, t jsonb, t timestamptz(0)", `2024-01-15 10:30:00.123|"2024-01-15T10:30:00.123"|2024-01-15 10:30:00+00`},
		{`{"name":"t","type":"long"}`, values{"t": int64(1705314600123)}, "t timestamptz", "2024-01-15 10:30:00.123+00"},
		{`{"name":"u","type":{"type":"string","logicalType":"uuid"}}`, values{"u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, "", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{`{"name":"u","type":{"type":"fixed","name":"f","size":16,"logicalType":"uuid"}}`, values{"u": [16]byte{1, 2, 15: 9}}, "u uuid, u jsonb", `01020000-0000-0000-0000-000000000009|"01020000-0000-0000-0000-000000000009"`},
		{`{"name":"u","type":{"type":"fixed","name":"f","size":12,"logicalType":"duration"}}`, values{"u": oracle.Duration{Months: 14, Days: 3, Milliseconds: 4500}}, "", "1 year 2 mons 3 days 00:00:04.5"},
		{`{"name":"a","type":"long"},{"name":"b","type":"double"},{"name":"c","type":"string"}`, values{"a": int64(1), "b": 2.0, "c": "skipped"}, "b float8", "2"},
	} {
		schema := record(c.schema)
		s := parse(t, schema)
		cols := []catalog.Column(nil)
		if c.columns != "" {
			cols = columns(t, c.columns)
		} else {
			var err error
			if cols, err = s.Columns(false); err != nil {
				t.Fatal(err)
			}
		}
		d, err := NewDecoder(cols, Options{Schema: s})
		if err != nil {
			t.Errorf("%s: NewDecoder: %v", schema, err)
			continue
		}
		b := batch(cols)
		d.Bind(b.Cols)
		raw := written(t, schema, c.value)
		for i := range 2 {
			if err := d.Decode(raw); err != nil {
				t.Errorf("%s: Decode(%x): %v", schema, raw, err)
			} else if got := text(cols, b, i); got != c.want {
				t.Errorf("%s: Decode(%v) = %s, want %s", c.schema, c.value, got, c.want)
			}
		}
		// What breaks off anywhere is an error, and leaves no row.
		for n := range raw {
			if err := d.Decode(raw[:n]); sqlerr.CodeOf(err) != sqlerr.InvalidBinaryRepresentation {
				t.Errorf("%s: Decode of %d of %d bytes: %v", c.schema, n, len(raw), err)
			}
			for i, col := range b.Cols {
				if col.Len() != 2 {
					t.Fatalf("%s: after an error column %d has %d rows", c.schema, i, col.Len())
				}
			}
		}
	}
}
