package avro

import (
	"bytes"
	"strings"
	"testing"

	oracle "github.com/twmb/avro"
	"github.com/twmb/avro/ocf"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestBadRecords: what is wrong with a value is told, with its field; with NullBad it
// is NULL, and the rest of the record stays.
func TestBadRecords(t *testing.T) {
	s := parse(t, record(`{"name":"a","type":"long"},{"name":"p","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},{"name":"s","type":"string"},{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"l","type":{"type":"array","items":"null"}}`))
	cols := columns(t, "a int2, p numeric(4,2), s text, t timestamptz, l text[]")
	good := "\x02" + "\x02\x64" + "\x04hi" + "\x00" + "\x00"
	for _, c := range []struct {
		record string
		code   sqlerr.Code
		column string
		nulled string // the row with NullBad
	}{
		{good, "", "", "1|1.00|hi|1970-01-01 00:00:00+00|{}"},
		{"\x80\x80\x08" + good[1:], sqlerr.NumericValueOutOfRange, "a", "NULL|1.00|hi|1970-01-01 00:00:00+00|{}"},
		{"\x02" + "\x06\x7f\xff\xff" + good[3:], sqlerr.NumericValueOutOfRange, "p", "1|NULL|hi|1970-01-01 00:00:00+00|{}"},
		{"\x02\x02\x64\x04h\xff\x00\x00", sqlerr.CharacterNotInRepertoire, "s", "1|1.00|NULL|1970-01-01 00:00:00+00|{}"},
		{"\x02\x02\x64\x04h\x00\x00\x00", sqlerr.CharacterNotInRepertoire, "s", "1|1.00|NULL|1970-01-01 00:00:00+00|{}"},
		{"\x02\x02\x64\x04hi\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", sqlerr.DatetimeFieldOverflow, "t", "1|1.00|hi|NULL|{}"},
		{"\x02\x02\x64\x04hi\x00\x80\x80\x80\x80\x80\x80\x01", sqlerr.InvalidBinaryRepresentation, "l", "NULL|NULL|NULL|NULL|NULL"},
		{"\x02\x02\x64\xfe\xff\xff\xff\x0fhi\x00\x00", sqlerr.InvalidBinaryRepresentation, "s", "NULL|NULL|NULL|NULL|NULL"},
		{"\x02\x02\x64\x03hi\x00\x00", sqlerr.InvalidBinaryRepresentation, "s", "NULL|NULL|NULL|NULL|NULL"},
		{good + "x", sqlerr.InvalidBinaryRepresentation, "", "NULL|NULL|NULL|NULL|NULL"},
	} {
		d, err := NewDecoder(cols, Options{Schema: s})
		if err != nil {
			t.Fatal(err)
		}
		b := batch(cols)
		d.Bind(b.Cols)
		err = d.Decode([]byte(c.record))
		if c.code == "" {
			if err != nil || text(cols, b, 0) != c.nulled {
				t.Errorf("%q = %s, %v", c.record, text(cols, b, 0), err)
			}
			continue
		}
		if e := sqlerr.From(err); err == nil || e.Code != c.code || e.Column != c.column {
			t.Errorf("%q: %v, want %s of %q", c.record, err, c.code, c.column)
		}
		if d, err = NewDecoder(cols, Options{Schema: s, NullBad: true}); err != nil {
			t.Fatal(err)
		}
		b.Reset()
		d.Bind(b.Cols)
		if err := d.Decode([]byte(c.record)); err != nil || text(cols, b, 0) != c.nulled {
			t.Errorf("%q with NullBad = %s, %v, want %s", c.record, text(cols, b, 0), err, c.nulled)
		}
	}
}

func TestFraming(t *testing.T) {
	v1, v2 := record(`{"name":"a","type":"int"}`), record(`{"name":"a","type":"int"},{"name":"b","type":"string","default":"-"}`)
	s1, s2 := parse(t, v1), parse(t, v2)
	cols := columns(t, "a int4, b text")
	one := written(t, v1, values{"a": 1})
	two := written(t, v2, values{"a": 2, "b": "x"})

	asked := 0
	d, err := NewDecoder(cols, Options{Framing: Confluent, Lookup: func(id uint32) (*Schema, error) {
		asked++
		switch id {
		case 7:
			return s1, nil
		case 300:
			return s2, nil
		}
		return nil, &Outage{sqlerr.Errorf(sqlerr.ConnectionFailure, "no registry")}
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := batch(cols)
	d.Bind(b.Cols)
	for i, r := range []string{"\x00\x00\x00\x00\x07" + string(one), "\x00\x00\x00\x01\x2c" + string(two), "\x00\x00\x00\x00\x07" + string(one)} {
		if err := d.Decode([]byte(r)); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	if got := text(cols, b, 0) + " " + text(cols, b, 1) + " " + text(cols, b, 2); got != "1|NULL 2|x 1|NULL" || asked != 2 {
		t.Errorf("got %s after %d questions", got, asked)
	}
	if err := d.Decode([]byte("\x00\x00\x00\x00\x09x")); !isOutage(err) {
		t.Errorf("a schema that cannot be had: %v", err)
	}
	for _, r := range []string{"", "\x01\x00\x00\x00\x07\x02", "{\"a\":1}"} {
		if err := d.Decode([]byte(r)); sqlerr.CodeOf(err) != sqlerr.InvalidBinaryRepresentation || sqlerr.From(err).Hint == "" {
			t.Errorf("%q: %v", r, err)
		}
	}

	// Single objects, as the oracle frames them.
	d, err = NewDecoder(cols, Options{Framing: SingleObject, Schema: s2, Writers: []*Schema{s1}})
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	d.Bind(b.Cols)
	for i, v := range []string{v1, v2} {
		o, err := oracle.Parse(v)
		if err != nil {
			t.Fatal(err)
		}
		r, err := o.AppendSingleObject(nil, values{"a": i, "b": "y"})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Decode(r); err != nil {
			t.Error(err)
		}
		if err := d.Decode(append([]byte{0xc3, 1, 1}, r[3:]...)); sqlerr.CodeOf(err) != sqlerr.InvalidBinaryRepresentation {
			t.Errorf("an unknown fingerprint: %v", err)
		}
	}
	if got := text(cols, b, 0) + " " + text(cols, b, 1); got != "0|- 1|y" {
		t.Errorf("got %s", got)
	}
}

// everything has a column of every type that Avro has.
const everything = `{"name":"i","type":"int"},{"name":"l","type":["null","long"]},{"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"z","type":"boolean"},{"name":"s","type":["string","null"]},{"name":"b","type":"bytes"},
	{"name":"x","type":{"type":"fixed","name":"four","size":4}},{"name":"e","type":{"type":"enum","name":"side","symbols":["BUY","SELL"]}},{"name":"p","type":{"type":"bytes","logicalType":"decimal","precision":38,"scale":4}},
	{"name":"q","type":{"type":"fixed","name":"dec","size":16,"logicalType":"decimal","precision":30,"scale":2}},{"name":"dt","type":{"type":"int","logicalType":"date"}},{"name":"tm","type":{"type":"int","logicalType":"time-millis"}},
	{"name":"tu","type":{"type":"long","logicalType":"time-micros"}},{"name":"tsm","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"tsu","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"lts","type":{"type":"long","logicalType":"local-timestamp-micros"}},
	{"name":"tsn","type":{"type":"long","logicalType":"timestamp-nanos"}},{"name":"u","type":{"type":"string","logicalType":"uuid"}},{"name":"v","type":{"type":"fixed","name":"uid","size":16,"logicalType":"uuid"}},{"name":"du","type":{"type":"fixed","name":"dur","size":12,"logicalType":"duration"}},
	{"name":"li","type":{"type":"array","items":["null","int"]}},{"name":"m","type":{"type":"map","values":["null","long"]}},{"name":"n","type":["null",{"type":"record","name":"inner","fields":[{"name":"k","type":"string"},{"name":"w","type":["null","string","long"]}]}]}`

// TestEncode writes rows of every type, which the oracle and our decoder read.
func TestEncode(t *testing.T) {
	s := parse(t, record(everything))
	o, err := oracle.Parse(record(everything))
	if err != nil {
		t.Fatal(err)
	}
	cols, err := s.Columns(false)
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]string{
		{"-5", "9223372036854775807", "1.5", "-0.1", "t", "ä", `\x00ff`, `\x01020304`, "SELL", "-1234567890123456789012345678901234.5678", "-0.05", "1969-12-31", "10:30:00.123", "23:59:59.999999", "2024-01-15 10:30:00.123+00", "1900-01-01 00:00:00.000001+00", "2024-02-29 00:00:00", "2024-01-15 10:30:00.123457+00", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "1 year 2 mons 3 days 00:00:04.5", "{1,NULL,-3}", `{"x": 1, "y": null}`, `{"k": "v", "w": 12}`},
		{"0", "NULL", "NaN", "Infinity", "f", "NULL", `\x`, `\x00000000`, "BUY", "0.0000", "0.00", "2000-01-01", "00:00:00", "00:00:00", "1970-01-01 00:00:00+00", "1970-01-01 00:00:00+00", "1970-01-01 00:00:00", "1970-01-01 00:00:00+00", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000", "00:00:00", "{}", `{}`, "NULL"},
	}
	in := batch(cols)
	for _, r := range rows {
		for i, c := range cols {
			if r[i] == "NULL" {
				vec.AppendNull(in.Cols[i])
				continue
			}
			v, err := types.Parse(c.Type, r[i], types.DefaultFormat())
			if err != nil {
				t.Fatalf("column %s: %v", c.Name, err)
			}
			vec.Append(in.Cols[i], v)
		}
		in.Rows++
	}
	e, err := NewEncoder(s, cols, EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder(cols, Options{Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	out := batch(cols)
	d.Bind(out.Cols)
	for i, r := range rows {
		raw, err := e.Append(nil, in, i)
		if err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		if err := d.Decode(raw); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		if got := text(cols, out, i); got != strings.Join(r, "|") {
			t.Errorf("row %d = %s\nwant    %s", i, got, strings.Join(r, "|"))
		}
		var v map[string]any
		if rest, err := o.Decode(raw, &v); err != nil || len(rest) > 0 {
			t.Errorf("row %d: the oracle: %v, %d bytes left", i, err, len(rest))
			continue
		}
		again, err := o.Encode(v)
		if err != nil || !bytes.Equal(again, raw) && i == 1 {
			t.Errorf("row %d: the oracle writes %x, %v\nwe       %x", i, again, err, raw)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	for _, c := range []struct {
		schema, columns, value string
		code                   sqlerr.Code
	}{
		{`{"name":"a","type":"int"}`, "a int8", "2147483648", sqlerr.NumericValueOutOfRange},
		{`{"name":"a","type":"int"}`, "a int4", "NULL", sqlerr.NotNullViolation},
		{`{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}}`, "a numeric", "100", sqlerr.NumericValueOutOfRange},
		{`{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}}`, "a numeric", "NaN", sqlerr.NumericValueOutOfRange},
		{`{"name":"a","type":{"type":"enum","name":"e","symbols":["X"]}}`, "a text", "Y", sqlerr.InvalidTextRepresentation},
		{`{"name":"a","type":{"type":"fixed","name":"e","size":2}}`, "a bytea", `\x01`, sqlerr.StringDataRightTruncation},
		{`{"name":"a","type":{"type":"long","logicalType":"timestamp-millis"}}`, "a timestamptz", "infinity", sqlerr.DatetimeFieldOverflow},
		{`{"name":"a","type":{"type":"long","logicalType":"timestamp-nanos"}}`, "a timestamptz", "2300-01-01", sqlerr.DatetimeFieldOverflow},
		{`{"name":"a","type":{"type":"record","name":"k","fields":[{"name":"id","type":"int"}]}}`, "a jsonb", `{"id":1,"more":2}`, sqlerr.UndefinedColumn},
		{`{"name":"a","type":{"type":"record","name":"k","fields":[{"name":"id","type":"int"}]}}`, "a jsonb", `{"id":1.5}`, sqlerr.NumericValueOutOfRange},
		{`{"name":"a","type":"int"}`, "b int4", "", sqlerr.UndefinedColumn},
		{`{"name":"a","type":["null","int"]}`, "a int4, b int4", "", sqlerr.UndefinedColumn},
		{`{"name":"a","type":"int"}`, "a text", "", sqlerr.DatatypeMismatch},
		{`{"name":"a","type":"float"}`, "a float8", "", sqlerr.DatatypeMismatch},
	} {
		cols := columns(t, c.columns)
		e, err := NewEncoder(parse(t, record(c.schema)), cols, EncodeOptions{})
		if err == nil {
			b := batch(cols)
			if c.value == "NULL" {
				vec.AppendNull(b.Cols[0])
			} else if v, err := types.Parse(cols[0].Type, c.value, types.DefaultFormat()); err != nil {
				t.Fatal(err)
			} else {
				vec.Append(b.Cols[0], v)
			}
			b.Rows = 1
			_, err = e.Append(nil, b, 0)
			if sqlerr.CodeOf(err) != c.code {
				t.Errorf("%s: %s: %v, want %s", c.schema, c.value, err, c.code)
			}
			continue
		}
		if sqlerr.CodeOf(err) != c.code {
			t.Errorf("%s of %s: %v, want %s", c.schema, c.columns, err, c.code)
		}
	}
}

// TestDerive writes columns of many types by a schema made for them, and reads them
// by the columns that the schema makes.
func TestDerive(t *testing.T) {
	cols := columns(t, "a int2, b int4, c int8, f float4, d float8, z bool, s text, y bytea, n numeric(20,3), w numeric, dt date, tm time, ts timestamp, tz timestamptz, u uuid, j jsonb, l int4[], iv interval")
	schema, err := Derive("public.my-sink", cols, false)
	if err != nil {
		t.Fatal(err)
	}
	s := parse(t, schema)
	if s.Record() != "public_my_sink" {
		t.Errorf("record %s", s.Record())
	}
	e, err := NewEncoder(s, cols, EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const row = `-3|4|5|1.5|0.1|t|x|\xff|123.450|7.00|2024-01-15|10:30:00|2024-01-15 10:30:00|2024-01-15 10:30:00+00|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|{"a": 1}|{1,NULL}|1 day`
	in := batch(cols)
	for i, v := range strings.Split(row, "|") {
		x, err := types.Parse(cols[i].Type, v, types.DefaultFormat())
		if err != nil {
			t.Fatal(err)
		}
		vec.Append(in.Cols[i], x)
	}
	in.Rows = 1
	raw, err := e.Append(nil, in, 0)
	if err != nil {
		t.Fatal(err)
	}
	back, err := s.Columns(false)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder(back, Options{Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	out := batch(back)
	d.Bind(out.Cols)
	if err := d.Decode(raw); err != nil {
		t.Fatal(err)
	}
	if got := text(back, out, 0); got != row {
		t.Errorf("got  %s\nwant %s", got, row)
	}
}

// TestContainer reads what the oracle has written, by every codec, and the other way.
func TestContainer(t *testing.T) {
	schema := record(`{"name":"a","type":"long"},{"name":"s","type":"string"}`)
	o, err := oracle.Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	codecs := map[string]ocf.Codec{"null": nil, "deflate": ocf.DeflateCodec(6), "snappy": ocf.SnappyCodec(), "zstandard": must(ocf.ZstdCodec(nil, nil))}
	for name, codec := range codecs {
		var file bytes.Buffer
		var opts []ocf.WriterOpt
		if codec != nil {
			opts = append(opts, ocf.WithCodec(codec))
		}
		w, err := ocf.NewWriter(&file, o, opts...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3000 {
			if err := w.Encode(values{"a": int64(i), "s": strings.Repeat("x", i%50)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := sum(t, name, file.Bytes()); got != 3000*2999/2 {
			t.Errorf("codec %s: the sum is %d", name, got)
		}

		// And back: every block of ours.
		h, _, err := ReadHeader(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		own := AppendHeader(nil, schema, name, h.Sync)
		for i := range 4 {
			if own, err = h.AppendBlock(own, 2, appendBytes(appendVarint(appendBytes(appendVarint(nil, int64(i)), "x"), 10), "yy")); err != nil {
				t.Fatal(err)
			}
		}
		r, err := ocf.NewReader(bytes.NewReader(own))
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for range 8 {
			var v values
			if err := r.Decode(&v); err != nil {
				t.Fatalf("codec %s: %v", name, err)
			}
			n += v["a"].(int64)
		}
		if n != 46 || sum(t, name, own) != 46 {
			t.Errorf("codec %s: the oracle's sum is %d", name, n)
		}

		// Damage and truncation are errors.
		raw := file.Bytes()
		for _, at := range []int{len(raw) - 3, h.Size + 40} {
			bad := bytes.Clone(raw)
			bad[at] ^= 0x55
			if _, err := read(name, bad); err == nil && name != "null" {
				t.Errorf("codec %s: a file that is damaged at byte %d is read", name, at)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func sum(t *testing.T, codec string, file []byte) int64 {
	t.Helper()
	n, err := read(codec, file)
	if err != nil {
		t.Fatalf("codec %s: %v", codec, err)
	}
	return n
}

// read adds the first field of a file's records.
func read(codec string, file []byte) (int64, error) {
	h, more, err := ReadHeader(file)
	if err != nil || more || h.Codec != codec {
		return 0, containerError("header %v, %v, codec %s", err, more, h.Codec)
	}
	cols, err := h.Schema.Columns(false)
	if err != nil {
		return 0, err
	}
	d, err := NewDecoder(cols[:1], Options{Schema: h.Schema})
	if err != nil {
		return 0, err
	}
	b := batch(cols[:1])
	d.Bind(b.Cols)
	for at := h.Size; at < len(file); {
		block, more, _, err := h.Block(file[at:], nil)
		if err != nil {
			return 0, err
		}
		if more {
			return 0, containerError("it ends in a block")
		}
		next := 0
		for range block.Records {
			if next, err = d.DecodeNext(block.Data, next); err != nil {
				return 0, err
			}
		}
		if next != len(block.Data) {
			return 0, containerError("a block is longer than its records")
		}
		at += block.Size
	}
	n := int64(0)
	if c, ok := b.Cols[0].(*vec.Fixed[int64]); ok {
		for _, v := range c.Values {
			n += v
		}
	}
	return n, nil
}
