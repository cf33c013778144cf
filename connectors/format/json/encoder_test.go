package json

import (
	"bytes"
	stdjson "encoding/json"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func TestEncode(t *testing.T) {
	for _, c := range []struct{ cols, record, want string }{
		{"a int8,b int2,c text", `{"a":-5,"b":7,"c":"q\"\\\n\u0001\tä"}`, `{"a":-5,"b":7,"c":"q\"\\\n\u0001\tä"}`},
		{"a int8,b text", `{}`, `{"a":null,"b":null}`},
		{"a numeric,b numeric(18,4)", `{"a":123456789012345678901234567890.10,"b":"1.5"}`, `{"a":123456789012345678901234567890.10,"b":1.5000}`},
		{"a numeric", `{"a":"NaN"}`, `{"a":"NaN"}`},
		{"a float8,b float8,c float4", `{"a":0.1,"b":"Infinity","c":1.5}`, `{"a":0.1,"b":"Infinity","c":1.5}`},
		{"a bool,b bool", `{"a":true,"b":false}`, `{"a":true,"b":false}`},
		{"a timestamptz,b timestamp", `{"a":"2024-01-15T10:30:00+02:00","b":"1969-07-20 20:17:40.000001"}`, `{"a":"2024-01-15T08:30:00.000000Z","b":"1969-07-20T20:17:40.000001"}`},
		{"a timestamptz,b timestamptz", `{"a":"infinity","b":"0044-03-15 12:00:00 BC"}`, `{"a":"infinity","b":"0044-03-15 12:00:00+00 BC"}`},
		{"a date,b time,c interval", `{"a":"2024-02-29","b":"10:30","c":"1 day"}`, `{"a":"2024-02-29","b":"10:30:00","c":"1 day"}`},
		{"a uuid,b bytea", `{"a":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","b":"\\x00ff"}`, `{"a":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","b":"\\x00ff"}`},
		{"a json,b jsonb", "{\"a\":{\"y\":\n1},\"b\":{\"y\": 1}}", `{"a":{"y": 1},"b":{"y": 1}}`},
		{"a int4[],b text[],c int4[]", `{"a":[1,null,3],"b":["x","a\"b"],"c":[[1,2],[3,4]]}`, `{"a":[1,null,3],"b":["x","a\"b"],"c":[[1,2],[3,4]]}`},
		{"a int4[]", `{"a":[]}`, `{"a":[]}`},
	} {
		cols := columns(t, splitColumns(c.cols)...)
		b := batch(cols)
		d := NewDecoder(cols, Options{})
		d.Bind(b.Cols)
		if err := d.Decode([]byte(c.record)); err != nil {
			t.Errorf("%s: %v", c.record, err)
			continue
		}
		b.Rows = 1
		got := string(NewEncoder(cols, EncodeOptions{}).Append(nil, b, 0))
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.record, got, c.want)
		}
		if !stdjson.Valid([]byte(got)) {
			t.Errorf("%s is not JSON", got)
		}
	}
}

func TestEncodeOptions(t *testing.T) {
	cols := columns(t, "a numeric")
	b := batch(cols)
	b.Cols[0].(*vec.Numeric).AppendInt64(150, 2)
	b.Rows, b.Ops = 1, []vec.Op{vec.Delete}
	if got, want := string(NewEncoder(cols, EncodeOptions{QuoteDecimals: true, Op: true}).Append(nil, b, 0)), `{"_op":"-","a":"1.50"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := string(NewEncoder(nil, EncodeOptions{}).Append(nil, b, 0)); got != "{}" {
		t.Errorf("no columns: %s, want {}", got)
	}
	b.Cols[0] = vec.NewConst(types.NullOf(types.Of(types.Numeric)), 1)
	if got, want := string(NewEncoder(cols, EncodeOptions{}).Append(nil, b, 0)), `{"a":null}`; got != want {
		t.Errorf("a constant: %s, want %s", got, want)
	}
}

// TestEncodeShort writes texts up to twenty bytes with what needs an escape at each place,
// in them and behind them.
func TestEncodeShort(t *testing.T) {
	cols := columns(t, "a_name_that_is_longer_than_thirty_two_bytes text", "s text")
	e := NewEncoder(cols, EncodeOptions{})
	for n := range 21 {
		for at := range 24 {
			for _, c := range []byte{'"', '\\', '\n', 0x1f, 'x'} {
				data := []byte("abcdefghijklmnopqrstuvwxyz")
				data[at] = c
				b := batch(cols)
				for _, v := range b.Cols {
					v.(*vec.Bytes).Append(data[:n])
					v.(*vec.Bytes).Append(data[n:])
				}
				b.Rows = 2
				for _, room := range []int{0, 30, 60, 70, 80, 100, 1000} {
					line := e.Append(make([]byte, 0, room), b, 0)
					var got map[string]string
					if err := stdjson.Unmarshal(line, &got); err != nil || got["s"] != string(data[:n]) || got[cols[0].Name] != got["s"] {
						t.Fatalf("%q is written as %s: %v", data[:n], line, err)
					}
				}
			}
		}
	}
}

// FuzzQuote reads strings back with encoding/json.
func FuzzQuote(f *testing.F) {
	f.Add("plain", int64(0))
	f.Add("12345678\"\\\x00\x1f\u2028é", int64(math.MinInt64))
	cols := columns(f, "s text", "t timestamptz")
	f.Fuzz(func(t *testing.T, s string, ts int64) {
		if !utf8.ValidString(s) {
			t.Skip()
		}
		b := batch(cols)
		b.Cols[0].(*vec.Bytes).AppendString(s)
		b.Cols[0].(*vec.Bytes).AppendString("\"what\" follows\n")
		b.Cols[1].(*vec.Fixed[int64]).Append(ts)
		b.Rows = 1
		e := NewEncoder(cols, EncodeOptions{})
		line := e.Append(make([]byte, 0, 256), b, 0)
		if small := e.Append(nil, b, 0); !bytes.Equal(line, small) {
			t.Fatalf("%q is written as %s where there is room, else as %s", s, line, small)
		}
		var got struct{ S, T string }
		if err := stdjson.Unmarshal(line, &got); err != nil || got.S != s {
			t.Fatalf("%q is written as %s: %q, %v", s, line, got.S, err)
		}
		if again, err := types.ParseTimestamptz(got.T, types.DefaultFormat()); err == nil && again != ts {
			t.Fatalf("%d is written as %s, which is %d", ts, got.T, again)
		}
	})
}
