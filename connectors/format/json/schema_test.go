package json

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func columnList(cols []catalog.Column) string {
	var s []string
	for _, c := range cols {
		s = append(s, c.Name+" "+types.FormatType(c.Type))
	}
	return strings.Join(s, ", ")
}

func TestSchemaColumns(t *testing.T) {
	others := map[string]string{"money.json": `{"type":"number","title":"org.apache.kafka.connect.data.Decimal","connect.parameters":{"scale":"2","connect.decimal.precision":"10"}}`,
		"base.json": `{"$defs":{"id":{"type":"integer"},"list":{"type":"array","items":{"$ref":"#/$defs/id"}}},"properties":{"id":{"$ref":"#/$defs/id"},"b":{"type":"boolean"}}}`}
	for _, c := range []struct{ schema, want string }{
		{`{"type":"object","properties":{"z":{"type":"integer"},"a":{"type":"number"},"s":{"type":"string"},"b":{"type":"boolean"},"o":{"type":"object"},"any":true}}`,
			"z bigint, a numeric, s text, b boolean, o jsonb, any jsonb"},
		{`{"properties":{"i16":{"type":"integer","connect.type":"int16"},"i32":{"type":"integer","format":"int32"},"f":{"type":"number","connect.type":"float32"},"d":{"type":"number","format":"double"},
			"raw":{"type":"string","contentEncoding":"base64"},"at":{"type":"string","format":"date-time"},"day":{"type":"string","format":"date"},"u":{"type":"string","format":"uuid"},
			"ts":{"type":"integer","title":"org.apache.kafka.connect.data.Timestamp"},"dt":{"type":"integer","title":"org.apache.kafka.connect.data.Date"}}}`,
			"i16 smallint, i32 integer, f real, d double precision, raw bytea, at timestamp with time zone, day date, u uuid, ts timestamp with time zone, dt date"},
		{`{"properties":{"n":{"type":["null","string"]},"one":{"oneOf":[{"type":"null"},{"type":"integer"}]},"two":{"anyOf":[{"type":"string"},{"type":"integer"}]},"many":{"type":["string","integer"]},
			"e":{"enum":["a","b",null]},"x":{"enum":[1,"b"]},"arr":{"type":"array","items":{"type":"integer"}},"tuple":{"type":"array","items":[{"type":"integer"}]},"deep":{"type":"array","items":{"type":"array"}}}}`,
			"n text, one bigint, two jsonb, many jsonb, e text, x jsonb, arr bigint[], tuple jsonb, deep jsonb"},
		{`{"definitions":{"m":{"$ref":"money.json"}},"allOf":[{"properties":{"p":{"$ref":"#/definitions/m"}}},{"properties":{"q":{"type":"string"}}}],"properties":{"p":{"type":"string"},"self":{"$ref":"#"}}}`,
			"p numeric(10,2), q text, self jsonb"},
		// References without a name are to the document that they lie in.
		{`{"$defs":{"id":{"type":"string"}},"allOf":[{"$ref":"base.json"}],"properties":{"s":{"$ref":"#/$defs/id"},"l":{"$ref":"base.json#/$defs/list"}}}`,
			"id bigint, b boolean, s text, l bigint[]"},
	} {
		cols, err := SchemaColumns(c.schema, others)
		if got := columnList(cols); err != nil || got != c.want {
			t.Errorf("%s\n= %s, %v\nwant %s", c.schema, got, err, c.want)
		}
	}
	for schema, code := range map[string]sqlerr.Code{
		`{`: sqlerr.InvalidParameterValue, `{"type":"string"}`: sqlerr.InvalidTableDefinition, `true`: sqlerr.InvalidTableDefinition,
		`{"properties":{"a":{"$ref":"nowhere.json"}}}`: sqlerr.UndefinedObject, `{"properties":{"a":{"$ref":"#/$defs/b"}}}`: sqlerr.UndefinedObject,
		`{"$defs":{"b":{"$ref":"#/$defs/b"}},"properties":{"a":{"$ref":"#/$defs/b"}}}`: sqlerr.ProgramLimitExceeded,
		`{"properties":7}`: sqlerr.InvalidParameterValue, `{"allOf":[{"$ref":"#"}],"properties":{}}`: sqlerr.InvalidTableDefinition,
		strings.Repeat(" ", maxSchema+1): sqlerr.ProgramLimitExceeded,
	} {
		if _, err := SchemaColumns(schema, nil); sqlerr.CodeOf(err) != code {
			t.Errorf("%.60s: %v, want %s", schema, err, code)
		}
	}
}

// TestSchemaOfItself: a schema that names itself, over and over, is walked once, and one
// that is nested very deep is not read.
func TestSchemaOfItself(t *testing.T) {
	again := strings.Repeat(`{"$ref":"#"},`, 40)
	deep := strings.Repeat(`{"properties":{"a":`, 4000) + `{"title":"` + strings.Repeat("x", 1<<20) + `"}` + strings.Repeat("}}", 4000)
	if _, err := SchemaColumns(deep, nil); sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded {
		t.Errorf("a schema of 8000 levels: %v", err)
	}
	if _, err := SchemaColumns(`{"properties":{"a":{"title":"\"`+strings.Repeat("{[", 500)+`"}}}`, nil); err != nil {
		t.Errorf("braces in a text: %v", err)
	}
	cols, err := SchemaColumns(`{"allOf":[`+again+`{"properties":{"a":{"type":"integer"}}}],"properties":{"b":{"type":"string"}}}`, nil)
	if got := columnList(cols); err != nil || got != "a bigint, b text" {
		t.Errorf("%s, %v", got, err)
	}
}

// TestDeriveSchema: what a schema is made of, its columns are again.
func TestDeriveSchema(t *testing.T) {
	var cols []catalog.Column
	for i, oid := range []types.OID{types.Bool, types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric, types.Text, types.Bytea, types.Timestamptz, types.Date, types.UUID, types.JSONB, 1007} {
		cols = append(cols, catalog.Column{Name: "c" + string(rune('a'+i)), Type: types.Of(oid)})
	}
	cols = append(cols, catalog.Column{Name: `odd "name"`, Type: types.Type{OID: types.Numeric, Mod: 12<<16 + 3 + 4}})
	got, err := SchemaColumns(DeriveSchema("t", cols, false), nil)
	if err != nil || columnList(got) != columnList(cols) {
		t.Errorf("columns are %s, %v\nwant %s", columnList(got), err, columnList(cols))
	}
	if got, err := SchemaColumns(DeriveSchema("t", nil, true), nil); err != nil || columnList(got) != "_op text" {
		t.Errorf("with an op: %s, %v", columnList(got), err)
	}
}

func FuzzSchema(f *testing.F) {
	f.Add(`{"$defs":{"b":{"type":"integer"}},"allOf":[{"properties":{"p":{"$ref":"#/$defs/b"}}}],"properties":{"a":{"oneOf":[{"type":"null"},{"$ref":"#"}]}}}`)
	f.Fuzz(func(_ *testing.T, s string) { _, _ = SchemaColumns(s, map[string]string{"x": s}) })
}
