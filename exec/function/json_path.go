package function

import (
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// JSON_VALUE over SQL/JSON paths of member and element accessors:
// $.a."b c"[0][last]. As in PostgreSQL 17, of which this is the function, the
// default is lax mode and NULL ON EMPTY and ON ERROR.

func init() {
	const ours = "PostgreSQL 16 has no JSON_VALUE"
	doc := `{"device": {"id": "d-1", "t": [21.5, 22]}, "n": null}`
	for i, t := range []string{"json", "jsonb", "text"} {
		define("json_value("+t+", text) text strict immutable oid "+strconv.Itoa(9920+i), Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				p, err := parsePath(a[1].S)
				if err != nil {
					return types.Value{}, err
				}
				return jsonValue(t, p, a[0].S)
			},
			Bind: func(_ *Env, consts []*types.Value) (ValueFunc, error) {
				if consts[1] == nil || consts[1].Null {
					return nil, nil
				}
				p, err := parsePath(consts[1].S)
				if err != nil {
					return nil, err
				}
				return func(_ *Env, a []types.Value) (types.Value, error) { return jsonValue(t, p, a[0].S) }, nil
			},
			Examples: []Example{
				{SQL: "json_value('" + doc + "'::" + t + ", '$.device.id')", Text: "d-1", Ours: ours},
				{SQL: "json_value('" + doc + "'::" + t + ", '$.device.t[0]')", Text: "21.5", Ours: ours},
				{SQL: "json_value('" + doc + "'::" + t + ", '$.device.t[last]')", Text: "22", Ours: ours},
				{SQL: "json_value('" + doc + "'::" + t + ", '$.device')", Text: "NULL", Ours: ours},
				{SQL: "json_value('" + doc + "'::" + t + ", '$.n')", Text: "NULL", Ours: ours},
				{SQL: "json_value('" + doc + "'::" + t + ", 'lax $.x.y')", Text: "NULL", Ours: ours},
				{SQL: "json_value('" + doc + "'::" + t + `, '$."device".id')`, Text: "d-1", Ours: ours},
				{SQL: "json_value('" + doc + "'::" + t + ", 'device')", Text: "ERROR 42601", Ours: ours},
				{SQL: "json_value('" + doc + "'::" + t + ", '$.a ? (@ > 1)')", Text: "ERROR 0A000", Ours: ours},
			},
		})
	}
	registry.bySig["json_value(text,text)"].Examples = append(registry.bySig["json_value(text,text)"].Examples,
		Example{SQL: "json_value('{'::text, '$')", Text: "ERROR 22P02", Ours: ours})
}

// jsonPath is a parsed path.
type jsonPath struct {
	strict bool
	steps  []pathStep
}

// pathStep is a member, or an element where key is not used.
type pathStep struct {
	member bool
	key    string
	index  int // from the end where last is set
	last   bool
}

func badPath(path string) error {
	return sqlerr.Errorf(sqlerr.SyntaxError, "syntax error in jsonpath \"%s\"", path)
}

func pathUnsupported(path string) error {
	return sqlerr.Unsupported("Write a path of members and elements, such as $.a.b[0].", "jsonpath \"%s\" uses more than member and element accessors", path)
}

// parsePath reads a path.
func parsePath(path string) (*jsonPath, error) {
	p := &jsonPath{}
	s := strings.TrimSpace(path)
	for _, mode := range []string{"lax", "strict"} {
		if rest, ok := strings.CutPrefix(s, mode); ok && rest != "" && (rest[0] == ' ' || rest[0] == '$') {
			p.strict, s = mode == "strict", strings.TrimSpace(rest)
		}
	}
	s, ok := strings.CutPrefix(s, "$")
	if !ok {
		return nil, badPath(path)
	}
	for s != "" {
		var step pathStep
		var err error
		switch s[0] {
		case '.':
			step, s, err = memberStep(path, s[1:])
		case '[':
			step, s, err = elementStep(path, s[1:])
		default:
			return nil, pathUnsupported(path)
		}
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, step)
		s = strings.TrimLeft(s, " \t\n\r")
	}
	return p, nil
}

func memberStep(path, s string) (pathStep, string, error) {
	switch {
	case s == "":
		return pathStep{}, "", badPath(path)
	case s[0] == '"':
		end := skipString(s, 0)
		if end < 2 || s[end-1] != '"' || types.CheckJSON([]byte(s[:end])) != nil {
			return pathStep{}, "", badPath(path)
		}
		return pathStep{member: true, key: unquoteJSON(s[:end])}, s[end:], nil
	case s[0] == '*' || s[0] == '.':
		return pathStep{}, "", pathUnsupported(path)
	}
	end := strings.IndexAny(s, ".[ ?@()*\t\n\r")
	if end < 0 {
		end = len(s)
	}
	switch {
	case end == 0:
		return pathStep{}, "", badPath(path)
	case end < len(s) && s[end] == '(':
		return pathStep{}, "", pathUnsupported(path)
	}
	return pathStep{member: true, key: s[:end]}, s[end:], nil
}

func elementStep(path, s string) (pathStep, string, error) {
	inner, rest, ok := strings.Cut(s, "]")
	inner = strings.TrimSpace(inner)
	switch {
	case !ok || inner == "":
		return pathStep{}, "", badPath(path)
	case inner == "last":
		return pathStep{last: true}, rest, nil
	case strings.HasPrefix(inner, "last"):
		back, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(inner[4:]), "-")))
		if err != nil {
			return pathStep{}, "", pathUnsupported(path)
		}
		return pathStep{last: true, index: back}, rest, nil
	}
	index, err := strconv.Atoi(inner)
	if err != nil {
		return pathStep{}, "", pathUnsupported(path)
	}
	return pathStep{index: index}, rest, nil
}

// jsonValue is the one scalar at the path, NULL where there is none or more.
func jsonValue(t string, p *jsonPath, s string) (types.Value, error) {
	if t == "text" {
		if err := types.CheckJSON(bytesOf(s)); err != nil {
			return types.Value{}, err
		}
	}
	items := []string{s}
	for _, step := range p.steps {
		items = p.follow(items, step)
	}
	if len(items) != 1 {
		return null(types.Text)
	}
	switch jsonKind(items[0]) {
	case '{', '[':
		return null(types.Text)
	}
	return jsonText(items[0], true)
}

// follow takes one step from each item. In lax mode a member of an array is
// that of its elements, and a value stands for an array of itself.
func (p *jsonPath) follow(items []string, step pathStep) []string {
	var next []string
	for _, item := range items {
		array := jsonKind(item) == '['
		switch {
		case step.member && array && !p.strict:
			eachElement(item, func(v string) bool {
				if found, ok := jsonMember(v, step.key); ok {
					next = append(next, found)
				}
				return true
			})
		case step.member:
			if found, ok := jsonMember(item, step.key); ok {
				next = append(next, found)
			}
		case array:
			index := step.index
			if step.last {
				index = jsonLength(item) - 1 - step.index
			}
			if index < 0 {
				continue
			}
			if found, ok := jsonElement(item, index); ok {
				next = append(next, found)
			}
		case !p.strict && step.index == 0:
			next = append(next, item)
		}
	}
	return next
}
