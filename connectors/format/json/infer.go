package json

import (
	"bytes"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Inference tells columns from sample records: whole numbers are bigint, numbers
// with a fraction numeric (never a float), RFC 3339 in all samples timestamptz,
// booleans boolean, objects and arrays jsonb, and mixed or only null values text.
// Columns come in the order in which their keys first appear.
type Inference struct {
	names  []string
	shapes map[string]shape
}

// shape is what the values of a key have been so far.
type shape uint8

const (
	shapeNull shape = iota
	shapeInteger
	shapeNumber
	shapeBool
	shapeInstant
	shapeText
	shapeNested
)

var shapeTypes = [...]types.OID{
	shapeNull: types.Text, shapeInteger: types.Int8, shapeNumber: types.Numeric, shapeBool: types.Bool,
	shapeInstant: types.Timestamptz, shapeText: types.Text, shapeNested: types.JSONB,
}

// Add takes one more record. One that is no JSON object is an error.
func (s *Inference) Add(record []byte) error {
	if s.shapes == nil {
		s.shapes = map[string]shape{}
	}
	start := space(record, 0)
	if start >= len(record) || record[start] != '{' {
		return malformed(record, start, "Expected a JSON object.")
	}
	end := skipValue(record, start, 0)
	if end < 0 || space(record, end) < len(record) {
		return malformed(record, start, "The record is not valid JSON.")
	}
	for i := space(record, start+1); record[i] != '}'; {
		next := skipString(record, i)
		name, err := unquote(nil, record[i:next])
		i = space(record, next)
		i = space(record, i+1) // the colon
		next = skipValue(record, i, 0)
		if err == nil {
			s.see(string(name), shapeOf(record[i:next]))
		}
		if i = space(record, next); record[i] == ',' {
			i = space(record, i+1)
		}
	}
	return nil
}

func (s *Inference) see(name string, new shape) {
	old, known := s.shapes[name]
	if !known {
		s.names = append(s.names, name)
	}
	switch {
	case old == shapeNull || new == old:
		old = new
	case new == shapeNull:
	case old <= shapeNumber && new <= shapeNumber:
		old = shapeNumber
	default:
		old = shapeText
	}
	s.shapes[name] = old
}

func shapeOf(v []byte) shape {
	switch v[0] {
	case 'n':
		return shapeNull
	case 't', 'f':
		return shapeBool
	case '{', '[':
		return shapeNested
	case '"':
		if instantText(v[1 : len(v)-1]) {
			return shapeInstant
		}
		return shapeText
	}
	if bytes.IndexAny(v, ".eE") >= 0 {
		return shapeNumber
	}
	if _, err := types.ParseInt64Bytes(v); err != nil {
		return shapeNumber
	}
	return shapeInteger
}

// instantText reports whether s is an RFC 3339 instant: with date, time and zone.
func instantText(s []byte) bool {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10]|0x20 != 't' && s[10] != ' ' || s[13] != ':' || s[16] != ':' {
		return false
	}
	rest := bytes.TrimLeft(s[19:], ".0123456789")
	if len(rest) == 0 || len(rest) != 6 && strings.ToUpper(string(rest)) != "Z" {
		return false
	}
	_, err := types.ParseTimestamptzBytes(s, types.DefaultFormat())
	return err == nil
}

// Columns are what the samples had; none where there was no key.
func (s *Inference) Columns() []catalog.Column {
	cols := make([]catalog.Column, len(s.names))
	for i, n := range s.names {
		cols[i] = catalog.Column{Name: n, Type: types.Of(shapeTypes[s.shapes[n]])}
	}
	return cols
}
