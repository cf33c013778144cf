package json

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// passing is what kind of values a condition is about.
type passing string

const (
	passAny     passing = "any value"
	passNever   passing = "no value"
	passUnknown passing = "" // of a reference that leads nowhere we know
	passString  passing = "string"
	passNumber  passing = "number"
	passBoolean passing = "boolean"
	passNull    passing = "null"
	passObject  passing = "object"
	passArray   passing = "array"
	passEnum    passing = "enum"
	passNot     passing = "not"
	passAll     passing = "allOf"
	passEach    passing = "anyOf"
	passOne     passing = "oneOf"
)

// combined reports whether a condition is made of others.
func (f passing) combined() bool { return f == passAll || f == passEach || f == passOne }

// condition is what a JSON Schema lets pass, one keyword's kind of condition each: a schema
// that says several things is an allOf of conditions.
type condition struct {
	form  passing
	says  map[string]any // the schema's keywords
	subs  []*condition   // of what is combined; of not the one; of a tuple its items
	props map[string]*condition
	extra *condition // of properties, or items, beside those that are named; nil: nothing is said
	items *condition // of every item; nil: nothing is said
	match []pattern
	enum  []string // JSON texts

	ref      string // to another schema, in place of all this
	document string // which it lies in
}

// pattern is a condition of properties whose names match.
type pattern struct {
	name *regexp.Regexp
	of   *condition
}

// conditions makes conditions of a schema and those that it refers to.
type conditions struct {
	others    map[string]string
	documents map[string]any
	made      map[string]*condition // by document and place
}

// newConditions reads a schema; others are those that it refers to, by the names that it calls
// them.
func newConditions(text string, others map[string]string) (*conditions, *condition, error) {
	s := &conditions{others: others, documents: map[string]any{}, made: map[string]*condition{}}
	root, err := document(text)
	if err != nil {
		return nil, nil, err
	}
	s.documents[""] = root
	return s, s.of(root, ""), nil
}

func document(text string) (any, error) {
	if len(text) > maxSchema {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the JSON Schema is longer than %d bytes", maxSchema)
	}
	if deeper(text, mostNested) {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the JSON Schema is nested more than %d deep", mostNested)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid JSON Schema: %w", err)
	}
	return v, nil
}

// about are the keywords that tell what a schema without a type is about.
var about = []struct {
	form passing
	keys []string
}{
	{passObject, []string{"properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties", "dependencies", "dependentRequired", "dependentSchemas"}},
	{passArray, []string{"items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"}},
	{passString, []string{"minLength", "maxLength", "pattern"}},
	{passNumber, []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
}

// of makes the condition of a schema that lies in a document.
func (s *conditions) of(v any, document string) *condition {
	says, ok := v.(map[string]any)
	if !ok {
		if v == false {
			return &condition{form: passNever}
		}
		return &condition{form: passAny}
	}
	if ref, ok := says["$ref"].(string); ok {
		return &condition{ref: ref, document: document}
	}
	var parts []*condition
	switch t := says["type"].(type) {
	case string:
		parts = append(parts, s.typed(t, says, document))
	case []any:
		union := &condition{form: passEach, says: says}
		all := names(t)
		for i, name := range all {
			if !slices.Contains(all[:i], name) { // each level would double what is below it
				union.subs = append(union.subs, s.typed(name, says, document))
			}
		}
		parts = append(parts, union)
	default:
		for _, a := range about {
			if slices.ContainsFunc(a.keys, func(key string) bool { _, ok := says[key]; return ok }) {
				parts = append(parts, s.typed(string(a.form), says, document))
			}
		}
	}
	for _, f := range []passing{passAll, passEach, passOne} {
		if list, ok := says[string(f)].([]any); ok && len(list) > 0 {
			parts = append(parts, &condition{form: f, says: says, subs: s.each(list, document)})
		}
	}
	if list, ok := says["enum"].([]any); ok {
		parts = append(parts, &condition{form: passEnum, says: says, enum: texts(list)})
	}
	if one, ok := says["const"]; ok {
		parts = append(parts, &condition{form: passEnum, says: says, enum: texts([]any{one})})
	}
	if not, ok := says["not"]; ok {
		parts = append(parts, &condition{form: passNot, subs: []*condition{s.of(not, document)}})
	}
	switch len(parts) {
	case 0:
		return &condition{form: passAny}
	case 1:
		return parts[0]
	}
	return &condition{form: passAll, says: says, subs: parts}
}

func (s *conditions) each(list []any, document string) []*condition {
	var all []*condition
	for _, v := range list {
		all = append(all, s.of(v, document))
	}
	return all
}

// texts are values as JSON, each spelled in one way.
func texts(list []any) []string {
	var all []string
	for _, v := range list {
		b, err := json.Marshal(v) // maps are written in the order of their keys
		if err != nil {
			b = fmt.Append(nil, v)
		}
		all = append(all, string(b))
	}
	return all
}

// typed makes the condition of values of one type.
func (s *conditions) typed(t string, says map[string]any, document string) *condition {
	n := &condition{form: passing(t), says: says, document: document}
	switch t {
	case "integer":
		n.form = passNumber
	case "object":
		n.props = map[string]*condition{}
		props, _ := says["properties"].(map[string]any)
		for name, v := range props {
			n.props[name] = s.of(v, document)
		}
		if v, ok := says["additionalProperties"]; ok && v != true {
			n.extra = s.of(v, document)
		}
		matches, _ := says["patternProperties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(matches)) {
			p := pattern{of: s.of(matches[name], document)}
			p.name, _ = regexp.Compile(name) // nil: of another dialect, and unknown
			n.match = append(n.match, p)
		}
	case "array":
		tuple, ok := says["prefixItems"].([]any)
		rest := says["items"]
		if !ok {
			if tuple, ok = rest.([]any); ok {
				rest = says["additionalItems"]
			}
		}
		n.subs = s.each(tuple, document)
		switch {
		case rest == nil || rest == true:
		case ok:
			n.extra = s.of(rest, document)
		default:
			n.items = s.of(rest, document)
		}
	}
	return n
}

// follow goes where references lead.
func (s *conditions) follow(n *condition) *condition {
	for range mostRefs {
		if n.ref == "" {
			return n
		}
		name, place, _ := strings.Cut(n.ref, "#")
		if name == "" {
			name = n.document
		}
		place = strings.Join(slices.DeleteFunc(strings.Split(place, "/"), func(part string) bool { return part == "" }), "/")
		key := name + "#" + place
		if s.made[key] == nil {
			s.made[key] = s.at(name, place)
		}
		n = s.made[key]
	}
	return &condition{form: passUnknown}
}

// at makes the condition of what lies at a place of a document.
func (s *conditions) at(name, place string) *condition {
	v, ok := s.documents[name]
	if !ok {
		var err error
		if v, err = document(s.others[name]); err != nil {
			v = nil
		}
		s.documents[name] = v
	}
	if v == nil {
		return &condition{form: passUnknown}
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for part := range strings.SplitSeq(place, "/") {
		if part == "" {
			break // the whole document
		}
		switch in := v.(type) {
		case map[string]any:
			v, ok = in[unescape.Replace(part)]
		case []any:
			i, err := strconv.Atoi(part)
			if ok = err == nil && i >= 0 && i < len(in); ok {
				v = in[i]
			}
		default:
			ok = false
		}
		if !ok {
			return &condition{form: passUnknown}
		}
	}
	return s.of(v, name)
}

// number is a keyword's number.
func (n *condition) number(key string) (float64, bool) {
	text, ok := n.says[key].(json.Number)
	if !ok {
		return 0, false
	}
	f, err := text.Float64()
	return f, err == nil
}

// names are a keyword's list of names.
func names(v any) []string {
	list, _ := v.([]any)
	var all []string
	for _, one := range list {
		if name, ok := one.(string); ok {
			all = append(all, name)
		}
	}
	return all
}

// integer reports whether numbers must be whole.
func (n *condition) integer() bool {
	t, _ := n.says["type"].(string)
	return t == "integer" || slices.Contains(names(n.says["type"]), "integer") && !slices.Contains(names(n.says["type"]), "number")
}

// hasDefault reports whether a schema says what stands for a value that is not there.
func (n *condition) hasDefault() bool {
	_, ok := n.says["default"]
	return ok
}

// described is the condition in an error.
func (n *condition) described() string {
	var b bytes.Buffer
	switch {
	case n.form == passNumber && n.integer():
		return "integer"
	case n.form.combined():
		b.WriteString(string(n.form) + " of ")
		for i, sub := range n.subs {
			if i > 0 {
				b.WriteString(", ")
			}
			if sub.ref != "" {
				b.WriteString(sub.ref)
				continue
			}
			b.WriteString(string(sub.form))
		}
		return b.String()
	}
	return string(n.form)
}
