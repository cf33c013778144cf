package json

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// schema is a JSON Schema, of which what makes columns is read.
type schema struct {
	Ref             string             `json:"$ref"`
	Type            schemaTypes        `json:"type"`
	Format          string             `json:"format"`
	ContentEncoding string             `json:"contentEncoding"`
	Title           string             `json:"title"`
	Properties      properties         `json:"properties"`
	Items           json.RawMessage    `json:"items"`
	Enum            []json.RawMessage  `json:"enum"`
	Const           json.RawMessage    `json:"const"`
	OneOf           []*schema          `json:"oneOf"`
	AnyOf           []*schema          `json:"anyOf"`
	AllOf           []*schema          `json:"allOf"`
	Definitions     map[string]*schema `json:"definitions"`
	Defs            map[string]*schema `json:"$defs"`
	ConnectType     string             `json:"connect.type"`
	Connect         map[string]string  `json:"connect.parameters"`

	document string // which it lies in, by the name that others call it; "": the root's
}

// lies says of a schema and those in it which document they lie in: references without
// a name are to it.
func (s *schema) lies(document string) {
	if s == nil {
		return
	}
	s.document = document
	for _, all := range [][]*schema{s.OneOf, s.AnyOf, s.AllOf} {
		for _, of := range all {
			of.lies(document)
		}
	}
	for _, all := range []map[string]*schema{s.Definitions, s.Defs} {
		for _, of := range all {
			of.lies(document)
		}
	}
	for _, p := range s.Properties {
		p.of.lies(document)
	}
}

// UnmarshalJSON takes true and false too, which are schemas of anything and nothing.
func (s *schema) UnmarshalJSON(b []byte) error {
	if t := bytes.TrimSpace(b); len(t) == 0 || t[0] != '{' {
		return nil
	}
	type plain schema
	return json.Unmarshal(b, (*plain)(s))
}

// schemaTypes is a type, or several.
type schemaTypes []string

func (t *schemaTypes) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte{'['}) {
		return json.Unmarshal(b, (*[]string)(t))
	}
	var one string
	err := json.Unmarshal(b, &one)
	*t = schemaTypes{one}
	return err
}

// properties keep the order in which they are written.
type properties []property

type property struct {
	name string
	of   *schema
}

func (p *properties) UnmarshalJSON(b []byte) error {
	o := objectAt(b, 0)
	for o.next() {
		var name string
		if err := json.Unmarshal(append(append([]byte{'"'}, o.key...), '"'), &name); err != nil {
			return err
		}
		of := &schema{}
		if err := json.Unmarshal(o.value, of); err != nil {
			return err
		}
		*p = append(*p, property{name, of})
	}
	if o.fail {
		return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "\"properties\" is no object")
	}
	return nil
}

const (
	// maxSchema is the longest text of a JSON Schema.
	maxSchema = 4 << 20
	// mostNested is how deep its objects and lists lie in each other.
	mostNested = 200
	// mostRefs is how many references one after the other are followed.
	mostRefs = 32
	// mostColumns is how many a relation has at most, as in PostgreSQL.
	mostColumns = 1600
)

// SchemaColumns are the columns that a JSON Schema's properties make; others are the
// schemas that it refers to, by the names that it calls them.
func SchemaColumns(text string, others map[string]string) ([]catalog.Column, error) {
	r := &resolver{others: others, parsed: map[string]*schema{}}
	root, err := r.parse(text)
	if err != nil {
		return nil, err
	}
	r.root = root
	var cols []catalog.Column
	seen := map[string]bool{}
	added := map[*schema]bool{} // each is walked once, however often others name it
	var add func(s *schema, depth int) error
	add = func(s *schema, depth int) error {
		s, err := r.follow(s)
		if err != nil || s == nil || added[s] || depth > mostRefs {
			return err
		}
		added[s] = true
		for _, of := range s.AllOf {
			if err := add(of, depth+1); err != nil {
				return err
			}
		}
		for _, p := range s.Properties {
			if seen[p.name] || p.name == "" {
				continue
			}
			if seen[p.name] = true; len(cols) == mostColumns {
				return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the JSON Schema makes more than the %d columns that a stream can have", mostColumns)
			}
			t, err := r.typeOf(p.of, 0)
			if err != nil {
				return err
			}
			cols = append(cols, catalog.Column{Name: p.name, Type: t})
		}
		return nil
	}
	if err := add(root, 0); err != nil {
		return nil, err
	}
	if len(cols) == 0 {
		return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the JSON Schema has no properties, so it makes no column").
			WithHint("Write the columns of the stream.")
	}
	return cols, nil
}

// Fits says which column is of a type that the schema's values are not; nil: none. What the
// schema does not name is NULL, and what it does not tell the type of fits.
func Fits(columns []catalog.Column, d Document) error {
	have, err := SchemaColumns(d.Text, d.Others)
	if err != nil {
		return err
	}
	all, root, err := newConditions(d.Text, d.Others)
	if err != nil {
		return err
	}
	root = all.follow(root)
	for _, col := range columns {
		i := slices.IndexFunc(have, func(c catalog.Column) bool { return c.Name == col.Name })
		if i < 0 {
			i = slices.IndexFunc(have, func(c catalog.Column) bool { return strings.EqualFold(c.Name, col.Name) })
		}
		if i < 0 {
			continue
		}
		of := root.props[have[i].Name]
		if !takes(col.Type.OID, have[i].Type.OID, of != nil && all.follow(of).form == passObject) {
			return sqlerr.Errorf(sqlerr.DatatypeMismatch, "property %q is %s, and the column %s", have[i].Name, types.FormatType(have[i].Type), types.FormatType(col.Type))
		}
	}
	return nil
}

// takes reports whether a column holds values of the type that a schema makes of them;
// objects: they are that, where the type is jsonb.
func takes(column, made types.OID, objects bool) bool {
	family := func(o types.OID) types.OID {
		switch o {
		case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8:
			return types.Numeric
		case types.Timestamp:
			return types.Timestamptz
		}
		return o
	}
	switch column {
	case types.Text, types.Varchar, types.BPChar, types.JSON, types.JSONB:
		return true
	}
	return made == types.JSONB && !objects || family(column) == family(made)
}

type resolver struct {
	root   *schema
	others map[string]string
	parsed map[string]*schema
}

func (r *resolver) parse(text string) (*schema, error) {
	if len(text) > maxSchema {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the JSON Schema is longer than %d bytes", maxSchema)
	}
	if deeper(text, mostNested) {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the JSON Schema is nested more than %d deep", mostNested)
	}
	s := &schema{}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid JSON Schema: %w", err)
	}
	return s, nil
}

// deeper reports whether objects and lists lie more than most deep in each other: each
// level of a schema is read once more for each that it lies in.
func deeper(text string, most int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// follow goes where a schema refers to; nil: to something that makes no column.
func (r *resolver) follow(s *schema) (*schema, error) {
	for range mostRefs {
		if s == nil || s.Ref == "" {
			return s, nil
		}
		root := r.root
		name, path, _ := strings.Cut(s.Ref, "#")
		if name == "" {
			name = s.document
		}
		if name != "" {
			if r.parsed[name] == nil {
				text, ok := r.others[name]
				if !ok {
					return nil, sqlerr.Errorf(sqlerr.UndefinedObject, "the JSON Schema refers to %q, which the registry does not name with it", name)
				}
				of, err := r.parse(text)
				if err != nil {
					return nil, err
				}
				of.lies(name)
				r.parsed[name] = of
			}
			root = r.parsed[name]
		}
		at := root
		if path = strings.Trim(path, "/"); path != "" {
			parts := strings.Split(path, "/")
			key := strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[len(parts)-1])
			switch {
			case len(parts) == 2 && parts[0] == "definitions":
				at = root.Definitions[key]
			case len(parts) == 2 && parts[0] == "$defs":
				at = root.Defs[key]
			default:
				return nil, nil
			}
			if at == nil {
				return nil, sqlerr.Errorf(sqlerr.UndefinedObject, "the JSON Schema refers to %q, which it does not have", s.Ref)
			}
		}
		s = at
	}
	return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the JSON Schema's references go on without end")
}

// typeOf is the SQL type that holds every value of a schema.
func (r *resolver) typeOf(s *schema, depth int) (types.Type, error) {
	jsonb := types.Of(types.JSONB)
	s, err := r.follow(s)
	if err != nil || s == nil || depth > mostRefs {
		return jsonb, err
	}
	// A union of null and one other is that one.
	for _, union := range [][]*schema{s.OneOf, s.AnyOf} {
		var one *schema
		for _, of := range union {
			if of, err = r.follow(of); err != nil {
				return jsonb, err
			}
			switch {
			case of == nil || one != nil && !only(of.Type, "null"):
				return jsonb, nil
			case !only(of.Type, "null"):
				one = of
			}
		}
		if one != nil {
			return r.typeOf(one, depth+1)
		}
	}
	kind := ""
	for _, t := range s.Type {
		switch {
		case t == "null":
		case kind != "" && kind != t:
			return jsonb, nil
		default:
			kind = t
		}
	}
	if kind == "" && len(s.Enum) > 0 {
		kind = "string"
		for _, e := range s.Enum {
			if e := bytes.TrimSpace(e); len(e) == 0 || e[0] != '"' && string(e) != "null" {
				return jsonb, nil
			}
		}
	}
	switch kind {
	case "boolean":
		return types.Of(types.Bool), nil
	case "integer":
		return s.integer(), nil
	case "number":
		return s.number(), nil
	case "string":
		return s.text(), nil
	case "array":
		items := &schema{}
		if json.Unmarshal(s.Items, items) != nil {
			return jsonb, nil //nolint:nilerr // a list of schemas, of a tuple
		}
		items.lies(s.document)
		elem, err := r.typeOf(items, depth+1)
		if info := types.Lookup(elem.OID); err == nil && elem.OID != types.JSONB && info != nil && info.Array != 0 && info.Phys != types.PhysList {
			return types.Type{OID: info.Array, Mod: elem.Mod}, nil
		}
		return jsonb, err
	}
	return jsonb, nil
}

func only(t schemaTypes, name string) bool { return len(t) == 1 && t[0] == name }

// integer is the type of whole numbers, whose size Kafka Connect tells.
func (s *schema) integer() types.Type {
	switch {
	case s.Title == "org.apache.kafka.connect.data.Timestamp":
		return types.Of(types.Timestamptz)
	case s.Title == "org.apache.kafka.connect.data.Date":
		return types.Of(types.Date)
	case s.Title == "org.apache.kafka.connect.data.Time":
		return types.Of(types.Time)
	case s.ConnectType == "int8", s.ConnectType == "int16":
		return types.Of(types.Int2)
	case s.ConnectType == "int32", s.Format == "int32":
		return types.Of(types.Int4)
	}
	return types.Of(types.Int8)
}

func (s *schema) number() types.Type {
	switch {
	case s.Title == "org.apache.kafka.connect.data.Decimal":
		p, errP := strconv.ParseInt(s.Connect["connect.decimal.precision"], 10, 32)
		scale, errS := strconv.ParseInt(s.Connect["scale"], 10, 32)
		if errP == nil && errS == nil && p >= 1 && p <= 1000 && scale >= 0 && scale <= p {
			return types.Type{OID: types.Numeric, Mod: int32(p<<16|scale) + 4}
		}
	case s.ConnectType == "float32", s.Format == "float":
		return types.Of(types.Float4)
	case s.ConnectType == "float64", s.Format == "double":
		return types.Of(types.Float8)
	}
	return types.Of(types.Numeric)
}

func (s *schema) text() types.Type {
	switch {
	case s.ConnectType == "bytes", strings.EqualFold(s.ContentEncoding, "base64"):
		return types.Of(types.Bytea)
	case s.Format == "date-time":
		return types.Of(types.Timestamptz)
	case s.Format == "date":
		return types.Of(types.Date)
	case s.Format == "uuid":
		return types.Of(types.UUID)
	case s.Format == "duration":
		return types.Of(types.Interval)
	}
	return types.Of(types.Text)
}

// DeriveSchema makes the text of a JSON Schema for columns as an Encoder with
// Base64 writes them: each may be null. op adds the field _op of a changelog.
func DeriveSchema(name string, columns []catalog.Column, op bool) string {
	b := []byte(`{"$schema":"http://json-schema.org/draft-07/schema#","title":`)
	b = append(types.AppendJSONString(b, name), `,"type":"object","properties":{`...)
	first := true
	add := func(name, schema string) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(types.AppendJSONString(b, name), ':'), schema...)
	}
	if op {
		add("_op", `{"type":"string"}`)
	}
	for _, c := range columns {
		add(c.Name, nullable(c.Type))
	}
	return string(append(b, `}}`...))
}

// nullable is the schema of a type or null; of JSON anything is right.
func nullable(t types.Type) string {
	if t.OID == types.JSON || t.OID == types.JSONB {
		return `{}`
	}
	return `{"oneOf":[{"type":"null"},` + derivedSchema(t) + `]}`
}

func derivedSchema(t types.Type) string {
	if info := types.Lookup(t.OID); info != nil && info.Phys == types.PhysList {
		return `{"type":"array","items":` + nullable(types.Type{OID: info.Elem, Mod: t.Mod}) + `}`
	}
	switch t.OID {
	case types.Bool:
		return `{"type":"boolean"}`
	case types.Int2:
		return `{"type":"integer","connect.type":"int16"}`
	case types.Int4:
		return `{"type":"integer","connect.type":"int32"}`
	case types.Int8:
		return `{"type":"integer","connect.type":"int64"}`
	case types.Float4:
		return `{"type":"number","connect.type":"float32"}`
	case types.Float8:
		return `{"type":"number","connect.type":"float64"}`
	case types.Numeric:
		if _, scale, _ := kindOf(t); scale >= 0 {
			return `{"type":"number","title":"org.apache.kafka.connect.data.Decimal","connect.type":"bytes","connect.parameters":{"scale":"` + strconv.Itoa(int(scale)) +
				`","connect.decimal.precision":"` + strconv.Itoa(int((t.Mod-4)>>16)) + `"}}`
		}
		return `{"type":"number"}`
	case types.Bytea:
		return `{"type":"string","contentEncoding":"base64","connect.type":"bytes"}`
	case types.Timestamptz:
		return `{"type":"string","format":"date-time"}`
	case types.Date:
		return `{"type":"string","format":"date"}`
	case types.UUID:
		return `{"type":"string","format":"uuid"}`
	}
	return `{"type":"string"}`
}
