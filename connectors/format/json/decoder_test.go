package json

import (
	stdjson "encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// column reads "name type" with a type by its SQL name.
func columns(t testing.TB, decls ...string) []catalog.Column {
	t.Helper()
	var cols []catalog.Column
	for _, d := range decls {
		name, typ, _ := strings.Cut(d, " ")
		mod := int32(-1)
		if base, args, ok := strings.Cut(typ, "("); ok {
			typ = base
			var p, s int32
			switch n, _ := fmt.Sscanf(args, "%d,%d)", &p, &s); {
			case n == 2:
				mod = (p<<16 | s) + 4
			case typ == "timestamp" || typ == "timestamptz":
				mod = p
			default:
				mod = p + 4
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

func TestDecode(t *testing.T) {
	for _, c := range []struct{ cols, record, want string }{
		{"a int8,b text", `{"a":1,"b":"x"}`, "1|x"},
		{"a int8,b text", ` { "b" : "x" , "a" : -9223372036854775808 } `, "-9223372036854775808|x"},
		{"a int8,b text", `{"c":{"a":2},"b":null}`, "NULL|NULL"},
		{"a int8", `{}`, "NULL"},
		{"a int8", `{"a":1,"a":2}`, "2"},
		{"a int8", `{"A":1}`, "1"},
		{"a int8", `{"A":1,"a":2}`, "2"},
		{"a int8", `{"a":2,"A":1}`, "2"},
		{"a int8", `{"\u0061":7}`, "7"},
		{"a int8,b int4,c int2", `{"a":1e3,"b":2.0,"c":"3"}`, "1000|2|3"},
		{"a text", `{"a":"\"\\\/\b\f\n\r\tä\u00e4\ud83d\ude00"}`, "\"\\/\b\f\n\r\tää😀"},
		{"a text,b text,c text,d text", `{"a":1.50,"b":true,"c":{"x": [1]},"d":[]}`, `1.50|true|{"x": [1]}|[]`},
		{"a text", `{"a":""}`, ""},
		{"a text", `{"a":"1234567890123456789012345678901234567890"}`, "1234567890123456789012345678901234567890"},
		{"a varchar(3)", `{"a":"äöü"}`, "äöü"},
		{"a numeric,b numeric", `{"a":1.50,"b":-0.001}`, "1.50|-0.001"},
		{"a numeric", `{"a":123456789012345678901234567890.12345678901234567890}`, "123456789012345678901234567890.12345678901234567890"},
		{"a numeric", `{"a":1.5e3}`, "1500"},
		{"a numeric", `{"a":"150.2567"}`, "150.2567"},
		{"a numeric(18,4)", `{"a":1.5}`, "1.5000"},
		{"a numeric(18,4),b numeric,c text", `{"a":"-1.23455","b":"007.5","c":"................"}`, "-1.2346|7.5|................"},
		{"a numeric,b numeric", `{"a":" 1.5 ","b":"1e3"}`, "1.5|1000"},
		{"a numeric(18,4)", `{"a":1.23455}`, "1.2346"},
		{"a numeric(18,4)", `{"a":-1.23455}`, "-1.2346"},
		{"a numeric(18,4)", `{"a":99999999999999}`, "99999999999999.0000"},
		{"a float8,b float8,c float8,d float4", `{"a":0.1,"b":-0.0,"c":1e300,"d":3.4}`, "0.1|-0|1e+300|3.4"},
		{"a bool,b bool,c bool", `{"a":true,"b":false,"c":"yes"}`, "t|f|t"},
		{"a timestamptz", `{"a":"2024-01-15T10:30:00.123456Z","b":"........"}`, "2024-01-15 10:30:00.123456+00"},
		{"a timestamptz", `{"a":"2024-02-29T23:59:59+02:00"}`, "2024-02-29 21:59:59+00"},
		{"a timestamptz", `{"a":"2024-01-15T10:30:00.123456789Z"}`, "2024-01-15 10:30:00.123457+00"},
		{"a timestamptz,b timestamptz", `{"a":1705314600123,"b":1705314600123.5}`, "2024-01-15 10:30:00.123+00|2024-01-15 10:30:00.1235+00"},
		{"a timestamp,b timestamp", `{"a":"2024-01-15T10:30:00-05:00","b":"1999-12-31 23:59:59.9"}`, "2024-01-15 10:30:00|1999-12-31 23:59:59.9"},
		{"a timestamp(0)", `{"a":"2024-01-15T10:30:00.6Z"}`, "2024-01-15 10:30:01"},
		{"a date,b date,c date", `{"a":"2000-01-01","b":"1600-02-29","c":"4713-01-01 BC"}`, "2000-01-01|1600-02-29|4713-01-01 BC"},
		{"a time,b interval", `{"a":"10:30","b":"1 day 2 hours"}`, "10:30:00|1 day 02:00:00"},
		{"a uuid", `{"a":"A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11"}`, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{"a json,b jsonb", `{"a":{"y":1, "x":[2]},"b":{"yy":1, "x":[ 2]}}`, `{"y":1, "x":[2]}|{"x": [2], "yy": 1}`},
		{"a jsonb,b jsonb,c json", `{"a":"s","b":null,"c":1.50}`, `"s"|NULL|1.50`},
		{"a bytea", `{"a":"\\x6869"}`, `\x6869`},
		{"a int4[],b text[]", `{"a":[1,null,3],"b":["x",null,"a,b"]}`, `{1,NULL,3}|{x,NULL,"a,b"}`},
		{"a int4[],b int4[],c int4[]", `{"a":[[1,2],[3,4]],"b":[],"c":"{5,6}"}`, `{{1,2},{3,4}}|{}|{5,6}`},
	} {
		cols := columns(t, splitColumns(c.cols)...)
		b := batch(cols)
		d := NewDecoder(cols, Options{})
		d.Bind(b.Cols)
		// The second time the layout is known, the third it follows another one.
		for i, r := range []string{c.record, c.record, `{"zz":1,"yy":"....."}`, c.record} {
			if err := d.Decode([]byte(r)); err != nil {
				t.Errorf("%s: %s: %v", c.cols, r, err)
				break
			}
			if got := text(cols, b, i); r == c.record && got != c.want {
				t.Errorf("%s: %s, time %d: %s, want %s", c.cols, c.record, i+1, got, c.want)
			}
		}
	}
}

// splitColumns parts "a int8,b numeric(18,4)" at the commas outside parentheses.
func splitColumns(s string) []string {
	var out []string
	for depth, from, i := 0, 0, 0; ; i++ {
		if i == len(s) {
			return append(out, s[from:])
		}
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, s[from:i])
				from = i + 1
			}
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct {
		cols, record string
		code         sqlerr.Code
		column, text string
	}{
		{"a int8", `{"a":"abc"}`, "22P02", "a", `invalid input syntax for type bigint: "abc"`},
		{"a int8", `{"a":true}`, "22P02", "a", `invalid input syntax for type bigint: "true"`},
		{"a int8", `{"a":1.5}`, "22P02", "a", `invalid input syntax for type bigint: "1.5"`},
		{"a int8", `{"a":{"b":1}}`, "22P02", "a", `invalid input syntax for type bigint: "{"b":1}"`},
		{"a int2", `{"a":40000}`, "22003", "a", `value "40000" is out of range for type smallint`},
		{"a numeric(5,2)", `{"a":1234.5}`, "22003", "a", "numeric field overflow"},
		{"a bool", `{"a":1}`, "22P02", "a", `invalid input syntax for type boolean: "1"`},
		{"a timestamptz", `{"a":"2024-02-30T00:00:00Z"}`, "22008", "a", `date/time field value out of range: "2024-02-30T00:00:00Z"`},
		{"a date", `{"a":5}`, "22P02", "a", `invalid input syntax for type date: "5"`},
		{"a text", `{"a":"\u0000"}`, "22P05", "a", "unsupported Unicode escape sequence"},
		{"a text", `{"a":"\ud800"}`, "22P05", "a", "unsupported Unicode escape sequence"},
		{"a varchar(3)", `{"a":"abcd"}`, "22001", "a", "value too long for type character varying(3)"},
		{"a int4[]", `{"a":[[1],[2,3]]}`, "22P02", "a", `invalid input syntax for type integer[]: "[[1],[2,3]]"`},
		{"a int8", `{"a":1`, "22P02", "", "invalid input syntax for type json"},
		{"a int8", `{"a":01}`, "22P02", "", "invalid input syntax for type json"},
		{"a int8", `{"a":1}}`, "22P02", "", "invalid input syntax for type json"},
		{"a int8", `{"a":1,}`, "22P02", "", "invalid input syntax for type json"},
		{"a int8", `{a:1}`, "22P02", "", "invalid input syntax for type json"},
		{"a int8", ``, "22P02", "", "invalid input syntax for type json"},
		{"a int8", `[1]`, "22P02", "", "invalid input syntax for type json"},
		{"a int8", `{"b":"` + "\n" + `"}`, "22P02", "", "invalid input syntax for type json"},
		{"a text", "{\"a\":\"x\xff\"}", "22021", "", `invalid byte sequence for encoding "UTF8": 0xff`},
		{"a text", "{\"a\":\"y\",\"b\":\"12345678\xc3\"}", "22021", "", `invalid byte sequence for encoding "UTF8": 0xc3`},
	} {
		cols := columns(t, splitColumns(c.cols)...)
		b := batch(cols)
		d := NewDecoder(cols, Options{})
		d.Bind(b.Cols)
		for range 2 {
			err := d.Decode([]byte(c.record))
			e := sqlerr.From(err)
			if e == nil || e.Code != c.code || e.Column != c.column || e.Message != c.text {
				t.Errorf("%s: %s: %+v, want %s %q %s", c.cols, c.record, e, c.code, c.column, c.text)
			}
			if n := b.Cols[0].Len(); n != 0 {
				t.Errorf("%s: %s: %d rows left behind", c.cols, c.record, n)
			}
			// The next record finds the columns in order.
			if err := d.Decode([]byte(`{"b":"12345678"}`)); err != nil {
				t.Fatal(err)
			}
			if got := text(cols, b, 0); got != "NULL" {
				t.Errorf("after %s: %s, want NULL", c.record, got)
			}
			b.Reset()
			d.Bind(b.Cols)
		}
	}
}

func TestNullBad(t *testing.T) {
	cols := columns(t, "a int8", "b text", "c numeric(5,2)")
	b := batch(cols)
	d := NewDecoder(cols, Options{NullBad: true})
	d.Bind(b.Cols)
	records := []string{`{"a":"x","b":"y","c":1}`, `{"a":1,"b":"z","c":123456}`, `garbage`, "{\"a\":1,\"b\":\"\xff\"}"}
	want := []string{"NULL|y|1.00", "1|z|NULL", "NULL|NULL|NULL", "NULL|NULL|NULL"}
	for i, r := range records {
		if err := d.Decode([]byte(r)); err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		if got := text(cols, b, i); got != want[i] {
			t.Errorf("%s: %s, want %s", r, got, want[i])
		}
	}
}

// TestRelearningIsCapped feeds two layouts in turn, each of which the layout of
// the other misses.
func TestRelearningIsCapped(t *testing.T) {
	cols := columns(t, "a int8", "b int8")
	b := batch(cols)
	d := NewDecoder(cols, Options{})
	d.Bind(b.Cols)
	learned := 0
	for i := range 20000 {
		r := `{"a":1,"b":2}`
		if i%2 == 1 {
			r = `{"b":2,"a":1}`
		}
		was := d.learn.need
		if err := d.Decode([]byte(r)); err != nil {
			t.Fatal(err)
		}
		if d.learn.need != was {
			learned++
		}
		if i%1024 == 1023 {
			b.Reset()
			d.Bind(b.Cols)
		}
	}
	if learned > 20 {
		t.Errorf("learned %d layouts in 20000 records, want few", learned)
	}
}

func TestDeepNesting(t *testing.T) {
	cols := columns(t, "a int8")
	b := batch(cols)
	d := NewDecoder(cols, Options{})
	d.Bind(b.Cols)
	deep := `{"b":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + `}`
	if code := sqlerr.CodeOf(d.Decode([]byte(deep))); code != sqlerr.InvalidTextRepresentation {
		t.Errorf("a million brackets: %s, want 22P02", code)
	}
}

// FuzzDecode compares with encoding/json: what it takes is taken, with the same
// values, and what it refuses is refused, but for what text cannot hold.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		event, `{"i":1,"s":"x","f":1.5,"b":true,"j":[1,{"a":"\u00e4"}]}`, `{"s":"\ud83d\ude00\\"}`, `{"f":-0.0e-5,"i":-12}`,
		`{"i":123456789012345678}`, `{"f":0.1234567890123456789}`, `{"unknown":[[],{}],"b":null}`, "{\"s\":\"\xff\"}", ` {"i" :1 }`, `{"i":00}`, `{"j":1e400}`,
	} {
		f.Add([]byte(s), true)
	}
	cols := columns(f, "i int8", "s text", "f float8", "b bool", "j json")
	f.Fuzz(func(t *testing.T, record []byte, again bool) {
		var want struct {
			I *stdjson.Number `json:"i"`
			S *string         `json:"s"`
			F *float64        `json:"f"`
			B *bool           `json:"b"`
			J stdjson.RawMessage
		}
		wantErr := stdjson.Unmarshal(record, &want)
		b := batch(cols)
		d := NewDecoder(cols, Options{})
		d.Bind(b.Cols)
		var err error
		for range 2 {
			b.Reset()
			d.Bind(b.Cols)
			if err = d.Decode(record); !again {
				break
			}
		}
		trimmed := strings.TrimSpace(string(record))
		if err != nil {
			if b.Cols[0].Len() != 0 || b.Cols[1].Len() != 0 || b.Cols[4].Len() != 0 {
				t.Fatalf("%q: half a row is left", record)
			}
			e := sqlerr.From(err)
			if wantErr == nil && e.Column == "" && e.Code == sqlerr.InvalidTextRepresentation && strings.HasPrefix(trimmed, "{") {
				t.Fatalf("%q: %v %s, encoding/json takes it", record, err, e.Detail)
			}
			return
		}
		if !stdjson.Valid(record) {
			t.Fatalf("%q: taken, encoding/json refuses it", record)
		}
		if wantErr != nil || strings.Count(strings.ToLower(trimmed), `"i"`) > 1 || strings.Contains(trimmed, `\u`) || folds(trimmed) {
			return // a type that only one of the two converts, or a key in several spellings
		}
		if want.S != nil && string(b.Cols[1].(*vec.Bytes).At(0)) != *want.S {
			t.Fatalf("%q: s = %q, want %q", record, b.Cols[1].(*vec.Bytes).At(0), *want.S)
		}
		if want.F != nil && b.Cols[2].(*vec.Fixed[float64]).Values[0] != *want.F {
			t.Fatalf("%q: f = %v, want %v", record, b.Cols[2].(*vec.Fixed[float64]).Values[0], *want.F)
		}
		if want.B != nil && b.Cols[3].(*vec.Fixed[bool]).Values[0] != *want.B {
			t.Fatalf("%q: b = %v, want %v", record, b.Cols[3].(*vec.Fixed[bool]).Values[0], *want.B)
		}
	})
}

// folds reports whether a key may be there twice, in one spelling or two.
func folds(s string) bool {
	low := strings.ToLower(s)
	for _, k := range []string{`"s"`, `"f"`, `"b"`, `"j"`} {
		if strings.Count(low, k) > 1 {
			return true
		}
	}
	return strings.ContainsRune(s, 'ſ')
}

// TestInvalidKeys: a record with a key that is not UTF-8 is refused each time.
func TestInvalidKeys(t *testing.T) {
	cols := columns(t, "a int8")
	d, b := NewDecoder(cols, Options{}), batch(cols)
	d.Bind(b.Cols)
	for i := range 5 {
		err := d.Decode([]byte("{\"\xff\":12345678,\"a\":123456789012345}"))
		if sqlerr.CodeOf(err) != sqlerr.CharacterNotInRepertoire {
			t.Errorf("record %d: %v", i, err)
		}
	}
}
