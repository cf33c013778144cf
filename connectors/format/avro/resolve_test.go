package avro

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

func TestResolve(t *testing.T) {
	const side = `{"name":"e","type":{"type":"enum","name":"side","symbols":["BUY","SELL"],"default":"BUY"}}`
	for _, c := range []struct {
		writer, reader string
		value          values
		columns, want  string
	}{
		{`{"name":"a","type":"int"}`, `{"name":"a","type":"long"}`, values{"a": 1}, "", "1"},
		{`{"name":"a","type":"int"}`, `{"name":"a","type":"double"}`, values{"a": 3}, "", "3"},
		{`{"name":"a","type":"float"}`, `{"name":"a","type":"double"}`, values{"a": float32(1.5)}, "", "1.5"},
		{`{"name":"a","type":"bytes"}`, `{"name":"a","type":"string"}`, values{"a": []byte("hi")}, "", "hi"},
		{`{"name":"a","type":"string"}`, `{"name":"a","type":"bytes"}`, values{"a": "hi"}, "", `\x6869`},
		{`{"name":"a","type":"int"},{"name":"gone","type":"string"}`, `{"name":"new","type":"string","default":"ü"},{"name":"a","type":"int"}`, values{"a": 1, "gone": "x"}, "", "ü|1"},
		{`{"name":"old","type":"int"}`, `{"name":"now","aliases":["old"],"type":["null","int"],"default":null}`, values{"old": 4}, "", "4"},
		{`{"name":"a","type":"int"}`, `{"name":"n","type":["null","int"],"default":null},{"name":"b","type":"bytes","default":"\u00ff\u0001"},{"name":"l","type":{"type":"array","items":"long"},"default":[9007199254740993,2]}`, values{"a": 1}, "", `NULL|\xff01|{9007199254740993,2}`},
		{`{"name":"a","type":"int"}`, `{"name":"c","type":{"type":"record","name":"x","fields":[{"name":"id","type":"long","default":5},{"name":"s","type":"string"}]},"default":{"s":"t"}}`, values{"a": 1}, "c.id int8, c jsonb", `5|{"s": "t", "id": 5}`},
		{strings.Replace(side, `"SELL"`, `"SELL","HOLD"`, 1), side, values{"e": "HOLD"}, "", "BUY"},
		{`{"name":"u","type":["int","string"]}`, `{"name":"u","type":"string"}`, values{"u": "x"}, "", "x"},
		{`{"name":"u","type":"int"}`, `{"name":"u","type":["null","long"]}`, values{"u": 6}, "", "6"},
		{`{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}}`, `{"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}}`, values{"t": instant}, "", "2024-01-15 10:30:00.123+00"},
		{`{"name":"c","type":{"type":"record","name":"x","fields":[{"name":"p","type":"int"},{"name":"q","type":"int"}]}}`,
			`{"name":"c","type":{"type":"record","name":"x","fields":[{"name":"q","type":"long"},{"name":"z","type":"string","default":"d"}]}}`, values{"c": values{"p": 1, "q": 2}}, "", `{"q": 2, "z": "d"}`},
	} {
		w, r := parse(t, record(c.writer)), parse(t, record(c.reader))
		cols, err := r.Columns(false)
		if c.columns != "" {
			cols = columns(t, c.columns)
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecoder(cols, Options{Schema: r, Writers: []*Schema{w}})
		if err != nil {
			t.Errorf("%s as %s: %v", c.writer, c.reader, err)
			continue
		}
		b := batch(cols)
		d.Bind(b.Cols)
		if err := d.Decode(written(t, record(c.writer), c.value)); err != nil {
			t.Errorf("%s as %s: %v", c.writer, c.reader, err)
		} else if got := text(cols, b, 0); got != c.want {
			t.Errorf("%s as %s = %s, want %s", c.writer, c.reader, got, c.want)
		}
	}
}

func TestUnreadable(t *testing.T) {
	for _, c := range []struct{ writer, reader, want string }{
		{`{"name":"a","type":"string"}`, `{"name":"a","type":"int"}`, `field "a": the writer's string cannot be read as the reader's int`},
		{`{"name":"a","type":"long"}`, `{"name":"a","type":"int"}`, "the writer's long cannot be read"},
		{`{"name":"a","type":"int"}`, `{"name":"b","type":"int"}`, `the reader's field "b" of record "n.r" has no default`},
	} {
		err := parse(t, record(c.reader)).Readable(parse(t, record(c.writer)))
		if sqlerr.CodeOf(err) != sqlerr.DatatypeMismatch || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s as %s: %v, want %s", c.writer, c.reader, err, c.want)
		}
	}
}

// TestRecursive reads a type that contains itself.
func TestRecursive(t *testing.T) {
	schema := `{"type":"record","name":"list","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","list"]}]}`
	s := parse(t, schema)
	cols := columns(t, "v int4, next jsonb, next.next.v int4")
	d, err := NewDecoder(cols, Options{Schema: parse(t, schema), Writers: []*Schema{s}})
	if err != nil {
		t.Fatal(err)
	}
	b := batch(cols)
	d.Bind(b.Cols)
	raw := written(t, schema, values{"v": 1, "next": values{"v": 2, "next": values{"v": 3, "next": nil}}})
	if err := d.Decode(raw); err != nil {
		t.Fatal(err)
	}
	const want = `1|{"v": 2, "next": {"v": 3, "next": null}}|3`
	if got := text(cols, b, 0); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// A record of a million levels is an error, and no stack that overflows.
	deep := []byte{}
	for range 1000000 {
		deep = append(deep, 2, 2)
	}
	if err := d.Decode(append(deep, 0)); sqlerr.CodeOf(err) != sqlerr.InvalidBinaryRepresentation {
		t.Errorf("a record of a million levels: %v", err)
	}
}

// TestBesideType takes a logicalType that stands beside the field's type.
func TestBesideType(t *testing.T) {
	s := parse(t, `{"type":"record","name":"Trade","fields":[{"name":"price","type":"bytes","logicalType":"decimal","precision":18,"scale":4},
		{"name":"quantity","type":"long"},{"name":"timestamp","type":"long","logicalType":"timestamp-millis"},{"name":"n","type":["null","int"],"logicalType":"date"}]}`)
	cols, err := s.Columns(false)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range columns(t, "price numeric(18,4), quantity int8, timestamp timestamptz, n date") {
		if cols[i].Name != want.Name || cols[i].Type != want.Type {
			t.Errorf("column %d is %v, want %v", i, cols[i], want)
		}
	}
	if got := strings.Join(s.Moved, " "); got != "Trade.price Trade.timestamp Trade.n" {
		t.Errorf("Moved = %s", got)
	}
}

func TestBadSchema(t *testing.T) {
	for _, text := range []string{"", "{", "[]x", `{"type":"nothing"}`, `{"type":"record","name":"r"}`, `{"type":"fixed","name":"f","size":-1}`,
		`{"type":"array","items":"unknown"}`, record(`{"name":"a","type":"int","default":"x"}`), strings.Repeat(`{"type":"array","items":`, 2000) + `"int"` + strings.Repeat("}", 2000)} {
		if _, err := Parse(text); err == nil {
			t.Errorf("Parse(%.60s) succeeded", text)
		}
	}
}

func TestBadColumns(t *testing.T) {
	s := parse(t, record(`{"name":"a","type":"int"},{"name":"c","type":{"type":"map","values":"int"}},{"name":"b","type":"bytes"}`))
	for _, c := range []struct {
		columns string
		code    sqlerr.Code
	}{
		{"z int4", sqlerr.UndefinedColumn}, {"a.b int4", sqlerr.UndefinedColumn}, {"c int4", sqlerr.DatatypeMismatch}, {"b int4", sqlerr.DatatypeMismatch},
		{"a bytea", sqlerr.DatatypeMismatch},
	} {
		if _, err := NewDecoder(columns(t, c.columns), Options{Schema: s}); sqlerr.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.columns, err, c.code)
		}
	}
}

// TestResolveHostile: unions of which each branch fails deep inside are not tried in
// each other without end.
func TestResolveHostile(t *testing.T) {
	const depth = 60
	writer, reader := `"string"`, `"int"`
	for i := depth; i > 0; i-- {
		writer = fmt.Sprintf(`{"type":"record","name":"L%d","fields":[{"name":"f","type":%s}]}`, i, writer)
		a := fmt.Sprintf(`{"type":"record","name":"A%d","aliases":["L%[1]d"],"fields":[{"name":"f","type":%[2]s}]}`, i, reader)
		b := fmt.Sprintf(`{"type":"record","name":"B%d","aliases":["L%[1]d"],"fields":[{"name":"f","type":%[2]s}]}`, i, `["A`+fmt.Sprint(i+1)+`","B`+fmt.Sprint(i+1)+`"]`)
		if i == depth {
			b = fmt.Sprintf(`{"type":"record","name":"B%d","aliases":["L%[1]d"],"fields":[{"name":"f","type":"int"}]}`, i)
		}
		reader = "[" + a + "," + b + "]"
	}
	w, r := parse(t, writer), parse(t, `{"type":"record","name":"T","fields":[{"name":"t","type":`+reader+`}]}`)
	if _, err := resolve(parse(t, `{"type":"record","name":"T","fields":[{"name":"t","type":`+w.Text+`}]}`).root, r.root); sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded {
		t.Errorf("schemas that can be read in 2^%d ways: %v", depth, err)
	}
}
