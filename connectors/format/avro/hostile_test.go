package avro

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// doubled is a record of two of the records before it, so many times over; the first
// one is of the fields given.
func doubled(levels int, fields, suffix string) string {
	s := fmt.Sprintf(`{"type":"record","name":"R0","fields":[%s]}`, fields)
	for i := 1; i <= levels; i++ {
		s = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"a","type":%s%s},{"name":"b","type":"R%d"%s}]}`, i, s, suffix, i-1, suffix)
	}
	return s
}

// TestHostileDefault: defaults that double with each level, and one that may be
// tried in twice as many ways with each level, are refused and not encoded.
func TestHostileDefault(t *testing.T) {
	_, err := Parse(doubled(40, `{"name":"x","type":"string","default":"xxxxxxxxxxxxxxxx"}`, `,"default":{}`))
	if sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded || !strings.Contains(err.Error(), `the default of field "`) {
		t.Errorf("defaults that double: %v", err)
	}
	if _, err := Parse(strings.NewReplacer("default", "Default", "fields", "FIELDS").Replace(doubled(40, `{"name":"x","type":"int","default":1}`, `,"default":{}`))); err == nil {
		t.Error("a record whose fields are named FIELDS was taken")
	}
	if _, err := Parse(strings.ReplaceAll(doubled(40, "", `,"Default":{}`), "default", "Default")); err != nil {
		t.Errorf("an attribute that is none: %v", err)
	}
	if _, err := Parse(doubled(5, `{"name":"x","type":"string","default":"x"}`, `,"default":{}`)); err != nil {
		t.Errorf("defaults of some bytes: %v", err)
	}

	// Each of the two records is tried to its last field, which is not there.
	both := `["null",{"type":"record","name":"A","fields":[{"name":"x","type":["null","A",{"type":"record","name":"B","fields":[{"name":"x","type":["null","A","B"]},{"name":"z","type":"int"}]}]},{"name":"z","type":"int"}]}]`
	def := strings.Repeat(`{"x":`, 60) + "null" + strings.Repeat("}", 60)
	_, err = Parse(record(`{"name":"f","type":["null",` + both[8:len(both)-1] + `,"B"],"default":` + def + `}`))
	if err == nil {
		t.Error("a default that is of no branch was taken")
	}
}

// hostile decodes a record of a schema into columns.
func hostile(t *testing.T, schema, spec, record string, nullBad bool) (row string, err error) {
	t.Helper()
	cols := columns(t, spec)
	d, err := NewDecoder(cols, Options{Schema: parse(t, schema), NullBad: nullBad})
	if err != nil {
		t.Fatal(err)
	}
	b := batch(cols)
	d.Bind(b.Cols)
	if err := d.Decode([]byte(record)); err != nil {
		return "", err
	}
	return text(cols, b, 0), nil
}

// TestHostileRecord: what a record of few bytes says is long without bound is
// refused, or passed over at once.
func TestHostileRecord(t *testing.T) {
	nothing := record(`{"name":"f","type":` + doubled(60, "", "") + `},{"name":"i","type":"int"}`)
	nulls := record(`{"name":"f","type":{"type":"array","items":{"type":"array","items":"null"}}},{"name":"i","type":"int"}`)
	// 200 arrays of 65,536 nulls each.
	many := "\x90\x03" + strings.Repeat("\x80\x80\x08\x00", 200) + "\x00\x06"
	flags := fmt.Sprintf(`{"name":"f","type":{"type":"array","items":{"type":"record","name":"x","fields":[{"name":"%s","type":"boolean"}]}}},{"name":"i","type":"int"}`, strings.Repeat("x", 2000))
	long := string(appendVarint(nil, 40000)) + strings.Repeat("\x01", 40000) + "\x00\x06"
	hollow := record(`{"name":"f","type":{"type":"array","items":{"type":"record","name":"x","fields":[]}}},{"name":"i","type":"int"}`)
	for _, c := range []struct {
		name, schema, columns, record string
		nullBad                       bool
		code                          sqlerr.Code
		row                           string
	}{
		{"records of nothing", nothing, "f jsonb, i int4", "\x06", false, sqlerr.InvalidBinaryRepresentation, ""},
		{"records of nothing, as text", nothing, "f text, i int4", "\x06", false, sqlerr.InvalidBinaryRepresentation, ""},
		{"records of nothing, not read", nothing, "i int4", "\x06", false, "", "3"},
		{"arrays of nulls", nulls, "f jsonb, i int4", many, false, sqlerr.InvalidBinaryRepresentation, ""},
		{"arrays of nulls, not read", nulls, "i int4", many, false, "", "3"},
		{"long names", record(flags), "f json, i int4", long, false, sqlerr.ProgramLimitExceeded, ""},
		{"long names", record(flags), "f json, i int4", long, true, "", "NULL|3"},
		{"a decimal of a long scale", record(`{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":1000000,"scale":999999}}`), "d jsonb", "\x02\x01", false, "", `"\\x01"`},
		{"as many as there may be", hollow, "i int4, f jsonb", "\x80\x80\x08\x00\x06", false, "", "3|[" + strings.Repeat("{}, ", maxEmpty-1) + "{}]"},
	} {
		row, err := hostile(t, c.schema, c.columns, c.record, c.nullBad)
		if c.code == "" && err != nil || c.code != "" && (err == nil || sqlerr.CodeOf(err) != c.code) || row != c.row {
			t.Errorf("%s into %s = %.100s, %v, want %.100s, %s", c.name, c.columns, row, err, c.row, c.code)
		}
	}
}

// TestHostileBlock: a length that a block cannot have is not believed, whatever it is
// compressed by.
func TestHostileBlock(t *testing.T) {
	for codec, data := range map[string]string{
		"snappy":    string(binary.AppendUvarint(nil, 200<<20)) + "\x00x" + "\x00\x00\x00\x00",
		"zstandard": "\x28\xb5\x2f\xfd\xa0" + "\x00\x00\x80\x0c" + "\x01\x00\x00", // a frame of 200 MB, and an empty last block
	} {
		h := Header{Schema: parse(t, record(`{"name":"a","type":"long"}`)), Codec: codec}
		b := append(appendBytes(appendVarint(nil, 1), data), h.Sync[:]...)
		_, _, _, err := h.Block(b, nil)
		if e := sqlerr.From(err); err == nil || e.Code != sqlerr.DataCorrupted || !strings.Contains(e.Detail, "says that it is 209715200 of them") {
			t.Errorf("%s: %v", codec, err)
		}
	}
}

// TestHostileColumns: records of nothing, forty of forty of forty and so on, are not
// all looked into for columns.
func TestHostileColumns(t *testing.T) {
	schema := `{"type":"record","name":"R0","fields":[]}`
	for i := 1; i <= 14; i++ {
		schema = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"f","type":%s}`, i, schema)
		for k := range 39 {
			schema += fmt.Sprintf(`,{"name":"f%d","type":"R%d"}`, k, i-1)
		}
		schema += "]}"
	}
	if _, err := parse(t, schema).Columns(true); sqlerr.CodeOf(err) != sqlerr.InvalidTableDefinition {
		t.Errorf("columns of records of nothing: %v", err)
	}
}
