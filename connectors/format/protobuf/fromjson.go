package protobuf

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// appendFromJSON writes a field with what JSON says, in the form that a Decoder gives
// it: objects by the fields' names, maps as objects.
func appendFromJSON(dst []byte, f *field, text []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return dst, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type json: %w", err)
	}
	return f.appendTree(dst, v, 0)
}

func wrongJSON(f *field, v any) error {
	what := "JSON value"
	switch v.(type) {
	case map[string]any:
		what = "JSON object"
	case []any:
		what = "JSON array"
	}
	return sqlerr.Errorf(sqlerr.DatatypeMismatch, "a %s has no form as the Protobuf field %q", what, f.name)
}

// appendTree writes a field with its tags; null is left out.
func (f *field) appendTree(dst []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, tooDeep()
	}
	if v == nil && (f.message == nil || f.message.means != meansValue || f.list) {
		return dst, nil
	}
	one := *f
	one.list, one.isMap = false, false
	switch {
	case f.isMap:
		o, ok := v.(map[string]any)
		if !ok {
			return dst, wrongJSON(f, v)
		}
		keys := make([]string, 0, len(o))
		for k := range o {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			at := len(dst)
			var err error
			if dst, err = f.message.fields[0].appendTree(dst, any(k), depth+1); err != nil {
				return dst, err
			}
			if dst, err = f.message.fields[1].appendTree(dst, o[k], depth+1); err != nil {
				return dst, err
			}
			dst = enclose(dst, at, f)
		}
		return dst, nil
	case f.list:
		items, ok := v.([]any)
		if !ok {
			return dst, wrongJSON(f, v)
		}
		start := len(dst)
		for _, item := range items {
			var err error
			switch {
			case item == nil && (f.message == nil || f.message.means != meansValue):
				err = sqlerr.Errorf(sqlerr.NotNullViolation, "a null in a JSON array has no form in a repeated Protobuf field")
			case f.packed:
				dst, err = f.appendLeaf(dst, item)
			default:
				dst, err = one.appendTree(dst, item, depth+1)
			}
			if err != nil {
				return dst, err
			}
		}
		if f.packed && len(items) > 0 {
			dst = enclose(dst, start, f)
		}
		return dst, nil
	case f.message != nil:
		at := len(dst)
		dst, err := f.message.appendTree(dst, f, v, depth)
		if err != nil {
			return dst, err
		}
		return enclose(dst, at, f), nil
	}
	return f.appendLeaf(appendTag(dst, f, f.kind.wire()), v)
}

// appendTree writes what is in a message.
func (m *message) appendTree(dst []byte, of *field, v any, depth int) ([]byte, error) {
	switch m.means {
	case meansStruct, meansList:
		return m.fields[0].appendTree(dst, v, depth+1)
	case meansValue:
		// null_value, number_value, string_value, bool_value, struct_value, list_value
		switch v.(type) {
		case nil:
			return append(dst, 1<<3, 0), nil
		case json.Number:
			return m.fields[1].appendTree(dst, v, depth+1)
		case string:
			return m.fields[2].appendTree(dst, v, depth+1)
		case bool:
			return m.fields[3].appendTree(dst, v, depth+1)
		case map[string]any:
			return m.fields[4].appendTree(dst, v, depth+1)
		}
		return m.fields[5].appendTree(dst, v, depth+1)
	case meansWrapper:
		inner := m.fields[0]
		return inner.appendLeaf(appendTag(dst, inner, inner.kind.wire()), v)
	case meansAny:
		o, ok := v.(map[string]any)
		url, isURL := o["@type"].(string)
		value, isText := o["value"].(string)
		raw, err := hex.DecodeString(strings.TrimPrefix(value, `\x`))
		if !ok || !isURL || !isText || err != nil || len(o) != 2 {
			return dst, wrongJSON(of, v)
		}
		return appendText(append(appendText(append(dst, 1<<3|wireBytes), url), 2<<3|wireBytes), raw), nil
	case meansNothing:
		o, ok := v.(map[string]any)
		if !ok {
			return dst, wrongJSON(of, v)
		}
		for name := range o {
			if m.field(name) == nil {
				return dst, sqlerr.Errorf(sqlerr.UndefinedColumn, "the Protobuf message %s has no field %q, which the JSON has", m.name, name)
			}
		}
		fields := slices.Clone(m.fields)
		slices.SortFunc(fields, func(a, b *field) int { return int(a.num) - int(b.num) })
		for _, f := range fields {
			value, ok := o[f.name]
			for name := range o {
				if !ok && strings.EqualFold(name, f.name) {
					value, ok = o[name], true
				}
			}
			if f.required && value == nil {
				return dst, sqlerr.Errorf(sqlerr.NotNullViolation, "field %q of the Protobuf message %s is required, and the JSON has none", f.name, m.name)
			}
			var err error
			if dst, err = f.appendTree(dst, value, depth+1); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	text, ok := leafText(v)
	if !ok {
		return dst, wrongJSON(of, v)
	}
	return m.appendMeant(dst, text)
}

// appendMeant writes a message that is one value, given as text.
func (m *message) appendMeant(dst []byte, text string) ([]byte, error) {
	oid := map[meaning]types.OID{
		meansTimestamp: types.Timestamptz, meansDuration: types.Interval, meansUnits: types.Numeric, meansText: types.Numeric,
		meansBinary: types.Numeric, meansDate: types.Date, meansTimeOfDay: types.Time,
	}[m.means]
	v, err := types.Parse(types.Of(oid), text, types.DefaultFormat())
	if err != nil {
		return dst, err
	}
	switch m.means {
	case meansTimestamp:
		return appendInstant(dst, v.I)
	case meansDuration:
		return appendSpan(dst, v.Span)
	case meansDate:
		return appendDate(dst, int32(v.I))
	case meansTimeOfDay:
		return appendTimeOfDay(dst, v.I), nil
	}
	return m.appendDecimal(dst, v.N)
}

func leafText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// appendLeaf writes a scalar without its tag.
func (f *field) appendLeaf(dst []byte, v any) ([]byte, error) {
	text, ok := leafText(v)
	if !ok {
		return dst, wrongJSON(f, v)
	}
	bad := func() error {
		return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid value for the Protobuf field %q: \"%s\"", f.name, text)
	}
	switch f.kind {
	case kindString:
		return appendText(dst, text), nil
	case kindBytes:
		raw, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
		if err != nil || !strings.HasPrefix(text, `\x`) {
			return dst, bad()
		}
		return appendText(dst, raw), nil
	case kindEnum:
		return f.appendLabel(dst, text)
	case kindBool:
		switch text {
		case "true":
			return append(dst, 1), nil
		case "false":
			return append(dst, 0), nil
		}
		return dst, bad()
	case kindFloat:
		x, err := strconv.ParseFloat(text, 32)
		if err != nil {
			return dst, bad()
		}
		return f.kind.appendBits(dst, uint64(math.Float32bits(float32(x)))), nil
	case kindDouble:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return dst, bad()
		}
		return f.kind.appendBits(dst, math.Float64bits(x)), nil
	}
	n, err := types.ParseDecimal(text)
	if err != nil {
		return dst, bad()
	}
	return f.kind.appendNumber(dst, n)
}
