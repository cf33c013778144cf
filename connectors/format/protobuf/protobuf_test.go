package protobuf

import (
	"fmt"
	"math"
	"math/rand/v2"
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

const everything = `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/any.proto";
import "google/type/decimal.proto";
import "google/type/date.proto";
import "google/type/timeofday.proto";
import "confluent/type/decimal.proto";
enum Side { NONE = 0; BUY = 1; SELL = -2; }
message Decimal { int64 units = 1; int32 scale = 2; }
message Venue { string code = 1; repeated string tags = 2; optional Venue parent = 3; }
message All {
  int32 i32 = 1; sint32 s32 = 2; uint32 u32 = 3; int64 i64 = 4; sint64 s64 = 5; uint64 u64 = 6; bool b = 7; Side side = 8;
  fixed32 f32 = 9; sfixed32 sf32 = 10; float fl = 11; fixed64 f64 = 12; sfixed64 sf64 = 13; double db = 14; string str = 15; bytes raw = 16;
  optional int32 oi32 = 17; optional string ostr = 18; optional bool ob = 19; optional Side oside = 20; optional bytes oraw = 21;
  repeated int32 ri32 = 22; repeated string rstr = 23; repeated double rdb = 24 [packed = false]; repeated Side rside = 25; repeated bool rb = 26;
  map<string, int64> counts = 27; map<int32, Venue> venues = 28;
  Venue venue = 29; repeated Venue more = 30;
  oneof pick { string left = 31; int64 right = 32; Venue both = 33; }
  google.protobuf.Timestamp at = 34; google.protobuf.Duration span = 35; google.protobuf.Int64Value boxed = 36; google.protobuf.StringValue named = 37;
  google.protobuf.Struct tree = 38; google.protobuf.Value any = 39; google.protobuf.ListValue list = 40; google.protobuf.Any packed = 41;
  Decimal price = 42; google.type.Decimal gprice = 43; confluent.type.Decimal cprice = 44; google.type.Date day = 45; google.type.TimeOfDay time = 46;
  repeated google.protobuf.Timestamp rat = 47; repeated Decimal rprice = 48; uint32 far = 1000; repeated uint64 ru64 = 49; repeated sint32 rs32 = 50; repeated bytes rraw = 51;
}`

func parse(t testing.TB, text string) *Schema {
	t.Helper()
	s, err := Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func columnsOf(t testing.TB, s *Schema, name string, flat bool) []catalog.Column {
	t.Helper()
	cols, err := s.Columns(name, flat)
	if err != nil {
		t.Fatal(err)
	}
	return cols
}

func vectors(cols []catalog.Column) []vec.Vec {
	var v []vec.Vec
	for _, c := range cols {
		v = append(v, vec.New(c.Type))
	}
	return v
}

func text(v vec.Vec, c catalog.Column, row int) string {
	if v.Nulls().Get(row) {
		return "NULL"
	}
	return string(vec.TextAppender(c.Type, types.DefaultFormat())(nil, v, row))
}

// decode is the one row of a record, a line for each column that is neither NULL nor
// the default.
func decode(t testing.TB, s *Schema, name string, cols []catalog.Column, record []byte) (string, error) {
	t.Helper()
	d, err := NewDecoder(cols, Options{Schema: s, Message: name})
	if err != nil {
		t.Fatal(err)
	}
	v := vectors(cols)
	d.Bind(v)
	if err := d.Decode(record); err != nil {
		for i := range v {
			if v[i].Len() != 0 {
				t.Fatalf("column %s has %d rows after %v", cols[i].Name, v[i].Len(), err)
			}
		}
		return "", err
	}
	var b strings.Builder
	for i := range v {
		if v[i].Len() != 1 {
			t.Fatalf("column %s has %d rows, want 1", cols[i].Name, v[i].Len())
		}
		fmt.Fprintf(&b, "%s=%s\n", cols[i].Name, text(v[i], cols[i], 0))
	}
	return b.String(), nil
}

func dynamic(s *Schema, name string) *dynamicpb.Message {
	m, err := s.message(name)
	if err != nil {
		panic(err)
	}
	return dynamicpb.NewMessage(m.desc)
}

// fill sets fields of a message at random.
func fill(r *rand.Rand, m protoreflect.Message, depth int) {
	d := m.Descriptor()
	switch d.FullName() {
	case "google.protobuf.Timestamp":
		m.Set(d.Fields().Get(0), protoreflect.ValueOfInt64(r.Int64N(4e9)-2e9))
		m.Set(d.Fields().Get(1), protoreflect.ValueOfInt32(r.Int32N(1e9)))
		return
	case "google.protobuf.Duration":
		m.Set(d.Fields().Get(0), protoreflect.ValueOfInt64(r.Int64N(1e6)))
		return
	case "google.type.Decimal":
		m.Set(d.Fields().Get(0), protoreflect.ValueOfString(fmt.Sprintf("%d.%02d", r.Int64N(1e15), r.IntN(100))))
		return
	case "google.type.Date":
		for i, v := range []int32{1 + r.Int32N(9999), 1 + r.Int32N(12), 1 + r.Int32N(28)} {
			m.Set(d.Fields().Get(i), protoreflect.ValueOfInt32(v))
		}
		return
	case "google.type.TimeOfDay":
		for i, v := range []int32{r.Int32N(24), r.Int32N(60), r.Int32N(60), r.Int32N(1e6) * 1000} {
			m.Set(d.Fields().Get(i), protoreflect.ValueOfInt32(v))
		}
		return
	case "shop.Decimal":
		m.Set(d.Fields().Get(0), protoreflect.ValueOfInt64(r.Int64()-math.MaxInt64/2))
		m.Set(d.Fields().Get(1), protoreflect.ValueOfInt32(r.Int32N(9)))
		return
	case "confluent.type.Decimal":
		m.Set(d.Fields().Get(0), protoreflect.ValueOfBytes([]byte{byte(r.Uint32()), byte(r.Uint32()), 7}[:r.IntN(4)]))
		m.Set(d.Fields().Get(2), protoreflect.ValueOfInt32(r.Int32N(9)))
		return
	}
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		if r.IntN(3) == 0 || fd.Message() != nil && depth > 3 {
			continue
		}
		switch {
		case fd.IsMap():
			for range r.IntN(3) {
				v := m.Mutable(fd).Map().NewValue()
				if fd.MapValue().Message() != nil {
					fill(r, v.Message(), depth+1)
				} else {
					v = scalar(r, fd.MapValue())
				}
				m.Mutable(fd).Map().Set(scalar(r, fd.MapKey()).MapKey(), v)
			}
		case fd.IsList():
			for range r.IntN(4) {
				if fd.Message() != nil {
					fill(r, m.Mutable(fd).List().AppendMutable().Message(), depth+1)
				} else {
					m.Mutable(fd).List().Append(scalar(r, fd))
				}
			}
		case fd.Message() != nil:
			fill(r, m.Mutable(fd).Message(), depth+1)
		default:
			m.Set(fd, scalar(r, fd))
		}
	}
}

func scalar(r *rand.Rand, fd protoreflect.FieldDescriptor) protoreflect.Value {
	u := r.Uint64() >> r.IntN(64)
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(u&1 == 1)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum([]protoreflect.EnumNumber{0, 1, -2, 77}[u%4])
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(u))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(u))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(u))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(u)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(int32(u)) / 8)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(int64(u)) / 8)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(fmt.Append(nil, "\xff", u)[:u%9%3])
	}
	return protoreflect.ValueOfString(strings.Repeat("é", int(u%5)) + fmt.Sprint(u%100))
}

// oracle is what a message's fields are, made from the library's message.
func oracle(m protoreflect.Message, cols []catalog.Column) string {
	var b strings.Builder
	for i, c := range cols {
		fd := m.Descriptor().Fields().Get(i)
		text := ""
		switch {
		case c.Type.OID == types.JSONB:
			raw := []byte(jsonOf(m, fd))
			if string(raw) == "null" && !m.Has(fd) {
				text = "NULL"
				break
			}
			canonical, err := types.AppendCanonicalJSON(nil, raw)
			if err != nil {
				text = err.Error()
			}
			text += string(canonical)
		case fd.IsList():
			var items []string
			for k := range m.Get(fd).List().Len() {
				s := strings.Trim(valueText(fd, m.Get(fd).List().Get(k), false), `"`)
				if s == "" || strings.ContainsAny(s, ` \`) {
					s = `"` + strings.ReplaceAll(s, `\`, `\\`) + `"`
				}
				items = append(items, s)
			}
			text = "{" + strings.Join(items, ",") + "}"
		case fd.HasPresence() && !m.Has(fd):
			text = "NULL"
		default:
			text = valueText(fd, m.Get(fd), false)
		}
		fmt.Fprintf(&b, "%s=%s\n", c.Name, text)
	}
	return b.String()
}

// jsonOf is a field as JSON.
func jsonOf(m protoreflect.Message, fd protoreflect.FieldDescriptor) string {
	v := m.Get(fd)
	switch {
	case fd.IsMap():
		var items []string
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			key := valueText(fd.MapKey(), k.Value(), true)
			if !strings.HasPrefix(key, `"`) {
				key = `"` + key + `"`
			}
			items = append(items, key+":"+valueText(fd.MapValue(), v, true))
			return true
		})
		return "{" + strings.Join(items, ",") + "}"
	case fd.IsList():
		var items []string
		for k := range v.List().Len() {
			items = append(items, valueText(fd, v.List().Get(k), true))
		}
		return "[" + strings.Join(items, ",") + "]"
	case fd.HasPresence() && !m.Has(fd):
		return "null"
	}
	return valueText(fd, v, true)
}

func valueText(fd protoreflect.FieldDescriptor, v protoreflect.Value, asJSON bool) string {
	quote := func(s string) string {
		if asJSON {
			return string(types.AppendJSONString(nil, s))
		}
		return s
	}
	if fd.Message() == nil {
		switch fd.Kind() {
		case protoreflect.EnumKind:
			if e := fd.Enum().Values().ByNumber(v.Enum()); e != nil {
				return quote(string(e.Name()))
			}
			return quote(fmt.Sprint(v.Enum()))
		case protoreflect.BytesKind:
			return quote(fmt.Sprintf(`\x%x`, v.Bytes()))
		case protoreflect.FloatKind:
			return number(float64(v.Interface().(float32)), 32, quote, asJSON)
		case protoreflect.DoubleKind:
			return number(v.Float(), 64, quote, asJSON)
		case protoreflect.StringKind:
			return quote(v.String())
		case protoreflect.BoolKind:
			if asJSON {
				return fmt.Sprint(v.Bool())
			}
			return fmt.Sprint(v.Bool())[:1]
		}
		return fmt.Sprint(v.Interface())
	}
	m := v.Message()
	f := func(i int) protoreflect.Value { return m.Get(m.Descriptor().Fields().Get(i)) }
	micros := func(nanos int64) int64 {
		if nanos < 0 {
			return -((-nanos + 500) / 1000)
		}
		return (nanos + 500) / 1000
	}
	textOf := func(v types.Value) string { return string(types.AppendText(nil, v, types.DefaultFormat())) }
	switch m.Descriptor().FullName() {
	case "google.protobuf.Timestamp":
		at := types.NewInt(types.Timestamptz, f(0).Int()*1e6+micros(f(1).Int())+types.UnixEpoch)
		if !asJSON {
			return textOf(at)
		}
		s := strings.Replace(strings.TrimSuffix(textOf(at), "+00"), " ", "T", 1)
		return quote(s + "Z")
	case "google.protobuf.Duration":
		return quote(textOf(types.Value{Type: types.Of(types.Interval), Span: types.IntervalValue{Micros: f(0).Int()*1e6 + micros(f(1).Int())}}))
	case "google.protobuf.Int64Value", "google.protobuf.StringValue":
		return valueText(m.Descriptor().Fields().Get(0), f(0), asJSON)
	case "google.type.Decimal":
		if f(0).String() == "" {
			return "0"
		}
		if v, err := types.ParseDecimal(f(0).String()); err == nil {
			return v.String() // 1e3 and " 7" are numbers, too
		}
		return f(0).String()
	case "shop.Decimal":
		return types.NewDecimal(f(0).Int(), int32(f(1).Int())).String()
	case "confluent.type.Decimal":
		n := int64(0)
		for i, c := range f(0).Bytes() {
			if i == 0 {
				n = int64(int8(c))
			} else {
				n = n<<8 | int64(c)
			}
		}
		return types.NewDecimal(n, int32(f(2).Int())).String()
	case "google.type.Date":
		return quote(fmt.Sprintf("%04d-%02d-%02d", f(0).Int(), f(1).Int(), f(2).Int()))
	case "google.type.TimeOfDay":
		return quote(textOf(types.NewInt(types.Time, (f(0).Int()*3600+f(1).Int()*60+f(2).Int())*1e6+micros(f(3).Int()))))
	case "google.protobuf.Struct", "google.protobuf.ListValue":
		return jsonOf(m, m.Descriptor().Fields().Get(0))
	case "google.protobuf.Value":
		fd := m.WhichOneof(m.Descriptor().Oneofs().Get(0))
		if fd == nil || fd.Kind() == protoreflect.EnumKind {
			return "null"
		}
		return jsonOf(m, fd)
	case "google.protobuf.Any":
		return fmt.Sprintf(`{"@type":%s,"value":"\\x%x"}`, types.AppendJSONString(nil, f(0).String()), f(1).Bytes())
	}
	var items []string
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() && !m.Has(fd) {
			continue
		}
		items = append(items, fmt.Sprintf("%q:%s", fd.Name(), jsonOf(m, fd)))
	}
	return "{" + strings.Join(items, ",") + "}"
}

func number(x float64, bits int, quote func(string) string, asJSON bool) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return quote(string(appendFloat(nil, x, bits)))
	}
	if asJSON {
		return string(appendFloat(nil, x, bits))
	}
	if bits == 32 {
		return string(types.AppendText(nil, types.Value{Type: types.Of(types.Float4), F: x}, types.DefaultFormat()))
	}
	return string(types.AppendText(nil, types.Value{Type: types.Of(types.Float8), F: x}, types.DefaultFormat()))
}

// TestDecodeRandom decodes what the library has written, and compares every column.
func TestDecodeRandom(t *testing.T) {
	s := parse(t, everything)
	cols := columnsOf(t, s, "All", false)
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(3, seed))
		m := dynamic(s, "shop.All")
		fill(r, m, 0)
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(t, s, "All", cols, b)
		if err != nil {
			t.Fatalf("seed %d: %v %s", seed, err, sqlerr.From(err).Detail)
		}
		differ(t, fmt.Sprint("seed ", seed), got, oracle(m, cols))
	}
}

func differ(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i < len(w) && g[i] != w[i] {
			t.Fatalf("%s:\n%s\nwant\n%s", what, g[i], w[i])
		}
	}
	t.Fatalf("%s: %d columns, want %d", what, len(g), len(w))
}

// TestEncodeRandom writes decoded rows and has the library read them: the message is
// the one that they were of.
func TestEncodeRandom(t *testing.T) {
	s := parse(t, everything)
	cols := columnsOf(t, s, "All", false)
	e, err := NewEncoder(s, cols, EncodeOptions{Message: "All"})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(4, seed))
		m := dynamic(s, "All")
		fill(r, m, 0)
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecoder(cols, Options{Schema: s, Message: "All"})
		if err != nil {
			t.Fatal(err)
		}
		batch := &vec.Batch{Cols: vectors(cols), Rows: 1}
		d.Bind(batch.Cols)
		if err := d.Decode(b); err != nil {
			t.Fatal(err)
		}
		out, err := e.Append(nil, batch, 0)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		back := dynamic(s, "All")
		if err := proto.Unmarshal(out, back); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		differ(t, fmt.Sprint("seed ", seed), oracle(back, cols), oracle(m, cols))
	}
}

// library decodes with the library. told: it did not panic, as it does over a
// map's entry whose key is of another wire type.
func library(b []byte, m proto.Message) (told bool, err error) {
	defer func() {
		if recover() != nil {
			told = false
		}
	}()
	return true, proto.Unmarshal(b, m)
}

// FuzzDecode: whatever a record holds, it is decoded or refused, and what the
// library decodes is not refused. The values are compared over messages that were
// encoded, above.
func FuzzDecode(f *testing.F) {
	s := parse(f, everything)
	cols := columnsOf(f, s, "All", false)
	for seed := range uint64(20) {
		m := dynamic(s, "All")
		fill(rand.New(rand.NewPCG(5, seed)), m, 0)
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(append(b, b...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := dynamic(s, "All")
		told, theirs := library(b, m)
		_, err := decode(t, s, "All", cols, b)
		if !told || theirs != nil {
			return // the library looks into parts of a message that a later part replaces
		}
		if err != nil && sqlerr.From(err).Column == "" && sqlerr.CodeOf(err) == sqlerr.InvalidBinaryRepresentation {
			t.Fatalf("% x is %v %s, and to the library it is right", b, err, sqlerr.From(err).Detail)
		}
	})
}
