package http

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// path leads into a JSON document: data.items, result[0].rows, with or without $. before
// it. Empty: the document itself.
type path []step

type step struct {
	name  string
	index int // of an array; -1: name is an object's
}

func parsePath(s string) (path, error) {
	rest := strings.TrimPrefix(strings.TrimPrefix(s, "$"), ".")
	var p path
	for rest != "" {
		switch {
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, fmt.Errorf("%q has no closing bracket", s)
			}
			inside := rest[1:end]
			rest = strings.TrimPrefix(rest[end+1:], ".")
			if n, err := strconv.Atoi(inside); err == nil && n >= 0 {
				p = append(p, step{index: n})
				continue
			}
			if len(inside) < 3 || inside[0] != inside[len(inside)-1] || inside[0] != '\'' && inside[0] != '"' {
				return nil, fmt.Errorf("%q is no path", s)
			}
			p = append(p, step{name: inside[1 : len(inside)-1], index: -1})
		default:
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, fmt.Errorf("%q is no path", s)
			}
			p = append(p, step{name: rest[:end], index: -1})
			rest = strings.TrimPrefix(rest[end:], ".")
		}
	}
	return p, nil
}

// find is the value that a path leads to; nil: there is none, or null.
func (p path) find(document []byte) (stdjson.RawMessage, error) {
	at := stdjson.RawMessage(document)
	for _, s := range p {
		at = bytes.TrimSpace(at)
		switch {
		case len(at) == 0 || at[0] == 'n':
			return nil, nil
		case s.index < 0 && at[0] == '{':
			var members map[string]stdjson.RawMessage
			if err := stdjson.Unmarshal(at, &members); err != nil {
				return nil, err
			}
			at = members[s.name]
		case s.index >= 0 && at[0] == '[':
			var elements []stdjson.RawMessage
			if err := stdjson.Unmarshal(at, &elements); err != nil {
				return nil, err
			}
			if s.index >= len(elements) {
				return nil, nil
			}
			at = elements[s.index]
		default:
			return nil, nil
		}
	}
	if at = bytes.TrimSpace(at); len(at) == 0 || at[0] == 'n' {
		return nil, nil
	}
	return at, nil
}

// text is a value as a query parameter has it; false: there is none.
func text(v stdjson.RawMessage) (string, bool, error) {
	switch {
	case len(v) == 0:
		return "", false, nil
	case v[0] == '"':
		var s string
		err := stdjson.Unmarshal(v, &s)
		return s, s != "", err
	case v[0] == '{' || v[0] == '[' || v[0] == 'f':
		return "", false, nil // no cursor, or false
	}
	return string(v), true, nil
}
