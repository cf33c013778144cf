package json

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestReads: what each change of a schema comes to for who reads with the new one what was
// written with the old one, and the other way round.
func TestReads(t *testing.T) {
	object := func(rest string) string { return `{"type":"object","properties":{"a":{"type":"integer"}` + rest }
	for _, c := range []struct {
		name, writer, reader string
		backward, forward    string // why not; "": it is read
	}{
		{"the same", object("}}"), object("}}"), "", ""},
		{"words alone", object("}}"), object(`},"title":"t","description":"d","$id":"x"}`), "", ""},
		{"a property more of an open object", object("}}"), object(`,"b":{"type":"string"}}}`), "#/properties/b, the property is added to an object that was open", ""},
		{"one of any value", object("}}"), object(`,"b":{}}}`), "", ""},
		{"a property more of a closed object", object(`},"additionalProperties":false}`), object(`,"b":{"type":"string"}},"additionalProperties":false}`), "", "#/properties/b, the property is gone"},
		{"a required one", object(`},"additionalProperties":false}`), object(`,"b":{"type":"string"}},"required":["b"],"additionalProperties":false}`), "#/properties/b, the property is required", "the property is gone"},
		{"a required one with a default", object(`},"additionalProperties":false}`), object(`,"b":{"type":"string","default":""}},"required":["b"],"additionalProperties":false}`), "", "the property is gone"},
		{"required now", object("}}"), object(`},"required":["a"]}`), "#/properties/a, the property is required, was not", ""},
		{"further ones of a type", object(`},"additionalProperties":{"type":"string"}}`), object(`,"b":{"type":"string"}},"additionalProperties":{"type":"string"}}`), "", ""},
		{"further ones of another", object(`},"additionalProperties":{"type":"string"}}`), object(`,"b":{"type":"boolean"}},"additionalProperties":{"type":"string"}}`), "written as string and read as boolean", "no further one like it"},
		{"by a pattern", object(`},"patternProperties":{"^b":{"type":"string"}},"additionalProperties":false}`), object(`,"b1":{"type":"boolean"}},"patternProperties":{"^b":{"type":"string"}},"additionalProperties":false}`), "written as string and read as boolean", "no further one like it"},
		{"shut", object("}}"), object(`},"additionalProperties":false}`), "further properties are shut out or narrowed", ""},
		{"an integer as a number", `{"type":"integer"}`, `{"type":"number"}`, "", "written as number and read as integer"},
		{"a number as a string", `{"type":"number"}`, `{"type":"string"}`, "at #, it is written as number and read as string", "written as string and read as number"},
		{"a type more", `{"type":"string"}`, `{"type":["string","null"]}`, "", "written as anyOf of string, null and read as string"},
		{"one of more", `{"oneOf":[{"type":"null"},{"type":"integer"}]}`, `{"oneOf":[{"type":"null"},{"type":"integer"},{"type":"string"}]}`, "", "and read as oneOf"},
		{"one of others", `{"oneOf":[{"type":"null"},{"type":"integer"}]}`, `{"oneOf":[{"type":"null"},{"type":"string"}]}`, "their parts differ", "their parts differ"},
		{"in another order", `{"oneOf":[{"type":"integer"},{"type":"null"}]}`, `{"oneOf":[{"type":"null"},{"type":"number"}]}`, "", "their parts differ"},
		{"any of one", `{"oneOf":[{"type":"null"},{"type":"integer"}]}`, `{"anyOf":[{"type":"null"},{"type":"integer"}]}`, "", "and read as oneOf"},
		{"more is asked for", `{"allOf":[{"minLength":1}]}`, `{"allOf":[{"minLength":1},{"maxLength":2}]}`, "more is asked for", ""},
		{"a string's bounds", `{"type":"string","maxLength":5}`, `{"type":"string","maxLength":6}`, "", "maxLength is new or less: 5"},
		{"a bound that is new", `{"type":"string"}`, `{"type":"string","minLength":1}`, "minLength is new or more: 1", ""},
		{"a pattern", `{"type":"string","pattern":"a"}`, `{"type":"string","pattern":"b"}`, "the pattern is new or another: b", "another: a"},
		{"a number's bounds", `{"type":"number","maximum":1.5,"exclusiveMinimum":-1}`, `{"type":"number","maximum":2,"exclusiveMinimum":-2}`, "", "maximum is new or less: 1.5"},
		{"multiples", `{"type":"number","multipleOf":0.5}`, `{"type":"number","multipleOf":0.1}`, "", "multipleOf is new or another: 0.5"},
		{"values more", `{"type":"string","enum":["a"]}`, `{"type":"string","enum":["b","a"]}`, "", `their parts differ`},
		{"another value", `{"enum":["a"]}`, `{"const":"b"}`, `the value "a" is not among those that are allowed`, `the value "b"`},
		{"items", `{"type":"array","items":{"type":"integer"}}`, `{"type":"array","items":{"type":"string"}}`, "#/items, it is written as integer and read as string", "#/items, it is written as string and read as integer"},
		{"items of any kind", `{"type":"array","items":{"type":"integer"}}`, `{"type":"array"}`, "", "#/items, it is written as any value and read as integer"},
		{"how many", `{"type":"array","maxItems":3}`, `{"type":"array","maxItems":2,"uniqueItems":true}`, "items must be unique", ""},
		{"a tuple", `{"type":"array","items":[{"type":"integer"}]}`, `{"type":"array","items":[{"type":"integer"},{"type":"string"}]}`, "#/items/1, the item is added where any was allowed", ""},
		{"a closed tuple", `{"type":"array","items":[{"type":"integer"}],"additionalItems":false}`, `{"type":"array","items":[{"type":"integer"},{"type":"string"}],"additionalItems":false}`, "", "#/items/1, the item is gone"},
		{"a tuple of 2020", `{"type":"array","prefixItems":[{"type":"integer"}],"items":false}`, `{"type":"array","prefixItems":[{"type":"string"}],"items":false}`, "#/items/0, it is written as integer and read as string", "written as string and read as integer"},
		{"anything", `{"type":"string"}`, `{}`, "", "written as any value and read as string"},
		{"true and false", `false`, `true`, "", "written as any value and read as no value"},
		{"excluded", `{"not":{"type":"string","maxLength":1}}`, `{"not":{"type":"string","maxLength":2}}`, "#/not, more is excluded", ""},
		{"dependencies", object(`},"dependencies":{"a":["b"]}}`), object(`},"dependencies":{"a":["b","c"]}}`), "#/dependencies/a, more is asked for", ""},
		{"behind a reference", `{"$ref":"#/definitions/x","definitions":{"x":{"type":"string"}}}`, `{"$ref":"#/$defs/y","$defs":{"y":{"type":"integer"}}}`, "written as string and read as integer", "written as integer and read as string"},
		{"of itself", `{"type":"object","properties":{"n":{"$ref":"#"},"v":{"type":"string"}}}`, `{"type":"object","properties":{"n":{"$ref":"#"},"v":{"type":"string"}}}`, "", ""},
		{"of itself in another way", `{"type":"object","properties":{"n":{"$ref":"#"},"v":{"type":"string"}}}`, `{"type":"object","properties":{"n":{"$ref":"#"},"v":{"type":"boolean"}}}`, "#/properties/n/properties/v, it is", "properties/v, it is"},
		{"of nothing but itself", `{"$ref":"#"}`, `{"type":"string"}`, "", ""},
		{"excluding itself", `{"not":{"$ref":"#"}}`, `{"not":{"$ref":"#"}}`, "", ""},
		{"what is not there", `{"$ref":"#/definitions/none"}`, `{"type":"string"}`, "", ""},
		{"of another document", `{"$ref":"other.json"}`, `{"$ref":"other.json#/properties/x"}`, "written as object and read as boolean", "written as boolean and read as object"},
	} {
		others := map[string]string{"other.json": `{"type":"object","properties":{"x":{"type":"boolean"}}}`}
		w, r := Document{c.writer, others}, Document{c.reader, others}
		for _, way := range []struct {
			how  string
			err  error
			want string
		}{{"backward", Rules{}.Reads(r, w), c.backward}, {"forward", Rules{}.Reads(w, r), c.forward}} {
			if way.want == "" && way.err != nil || way.want != "" && (sqlerr.CodeOf(way.err) != sqlerr.DatatypeMismatch || !strings.Contains(way.err.Error(), way.want)) {
				t.Errorf("%s, %s: %v, want %q", c.name, way.how, way.err, way.want)
			}
		}
	}
	open, more := Document{Text: object("}}")}, Document{Text: object(`,"b":{"type":"string"}},"additionalProperties":false}`)}
	if err := (Rules{Lenient: true}).Reads(more, open); err != nil {
		t.Errorf("lenient: %v", err)
	}
	for _, bad := range []string{"", "{", strings.Repeat(`{"not":`, 300) + "{}" + strings.Repeat("}", 300)} {
		if err := (Rules{}).Reads(Document{Text: bad}, open); err == nil {
			t.Errorf("%.20q is taken for a schema", bad)
		}
	}
}

// TestReadsEnds: combinations in combinations are compared in bounded time.
func TestReadsEnds(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/definitions/d0","definitions":{`)
	for i := range 40 {
		fmt.Fprintf(&b, `"d%d":{"oneOf":[`, i)
		for k := range 40 {
			fmt.Fprintf(&b, `{"type":"array","maxItems":%d,"items":{"$ref":"#/definitions/d%d"}},`, k+1, (i+k)%40)
		}
		b.WriteString(`{"type":"null"}]},`)
	}
	text := b.String()
	w := Document{Text: text + `"x":{"type":"string"}}}`}
	r := Document{Text: strings.ReplaceAll(text, `"null"`, `"string"`) + `"x":{"type":"string"}}}`}
	start := time.Now()
	_ = Rules{}.Reads(r, w)
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestReadsTypesThatAreThereTwice: a type that a schema names again and again, on every
// level of many, is one.
func TestReadsTypesThatAreThereTwice(t *testing.T) {
	const levels = 60
	d := Document{Text: strings.Repeat(`{"type":["object","null","object"],"properties":{"a":`, levels) + "true" + strings.Repeat("}}", levels)}
	if err := (Rules{}).Reads(d, d); err != nil {
		t.Error(err)
	}
}
