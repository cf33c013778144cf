package codec

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// edges are values whose order is worth asking for, beside random ones.
var edges = map[string][]string{
	"jsonb": {"null", "true", "false", "1", "1.0", "10", "\"\"", "\"a\"", "\"b\"", "\"ab\"", "[]", "{}", "[1]", "[1, 2]", "[[]]", "[{}]", "[null]", "{\"a\":1}", "{\"b\":1}", "{\"a\":2}", "{\"a\":1,\"b\":1}", "{\"aa\":1}", "\"\\n\"", "[\"é\"]", "{\"a\":[]}", "{\"a\":{}}",
		"[true]", "[false]", "[1, null]", "[null, 1]", "-1", "\"A\"", "[[1]]", "{\"a\":\"x\"}"},
	"text[]":           {"{}", "{a}", "{NULL}", "{a,NULL}", "{a,b}", "{{a},{b}}", "{{a,b}}", "[0:1]={a,b}", "{b}", "{\"\"}"},
	"interval":         {"1 mon", "30 days", "720:00:00", "29 days 24:00:00", "-1 mon", "-30 days", "1 mon -30 days", "0", "1 year", "360 days", "365 days", "178956970 years", "2147483647 days"},
	"double precision": {"NaN", "Infinity", "-Infinity", "0", "-0", "1", "-1", "1e-300"},
	"real":             {"NaN", "Infinity", "-Infinity", "0", "-0", "1", "-1"},
	"numeric":          {"NaN", "Infinity", "-Infinity", "0", "0.000", "1", "1.0", "-1", "1e100", "-1e100", "0.1", "0.10000000000000000000000000000001"},
	"text":             {"", "a", "A", "b", "é", "ä", "aa", " a", "a ", "日本"},
	"character(5)":     {"", "a", "a ", "ab", "b", "é"},
	"name":             {"", "a", "B", "é"},
	"\"char\"":         {"", "a", "b", "\\377", "\\200"},
	"timestamp":        {"infinity", "-infinity", "2001-01-01", "1999-12-31 23:59:59.999999"},
	"date":             {"infinity", "-infinity", "2001-01-01", "2001-01-02"},
	"bytea":            {"", "\\x00", "\\x01", "\\xff", "\\x0000", "\\xff00"},
	"oid":              {"0", "1", "4294967295", "2147483648"},
	"int2vector":       {"1", "1 2", "2", "1 3", "1 2 3", "-1"},
	"oidvector":        {"1", "1 2", "2", "4294967295", "1 2 3"},
	"xid8":             {"0", "1", "18446744073709551615", "9223372036854775808"},
}

// TestOrder compares Compare with PostgreSQL's btree order, each edge with each
// other, then random pairs.
func TestOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real PostgreSQL; run without -short")
	}
	o := newOracle(t)
	f := types.DefaultFormat()
	ask := func(typ string, a, b types.Value) string {
		sql := fmt.Sprintf("select case when $1::%[1]s < $2::%[1]s then -1 when $1::%[1]s = $2::%[1]s then 0 else 1 end", typ)
		r := o.conn.ExecParams(context.Background(), sql, [][]byte{types.AppendBinary([]byte{}, a, nil), types.AppendBinary([]byte{}, b, nil)}, nil, []int16{1}, nil).Read()
		if r.Err != nil {
			t.Fatalf("comparing %v with %v as %s: %v", a, b, typ, r.Err)
		}
		return string(r.Rows[0][0])
	}
	o.exec(settings("").sql())
	for typ, values := range edges {
		for _, a := range values {
			for _, b := range values {
				x, err := types.Parse(typeOf(typ), a, f)
				if err != nil {
					t.Fatal(err)
				}
				y, err := types.Parse(typeOf(typ), b, f)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := fmt.Sprint(types.Compare(x, y)), ask(typ, x, y); got != want {
					t.Errorf("%s: %s against %s = %s, PostgreSQL has %s", typ, a, b, got, want)
				}
			}
		}
	}
	for typ, gen := range generators {
		t.Run(typ, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				x, y := gen.Draw(rt, "x"), gen.Draw(rt, "y")
				a, b := string(types.AppendText(nil, x, f)), string(types.AppendText(nil, y, f))
				if got, want := fmt.Sprint(types.Compare(x, y)), ask(typ, x, y); got != want {
					rt.Fatalf("%s: %s against %s = %s, PostgreSQL has %s", typ, a, b, got, want)
				}
			})
		})
	}
}
