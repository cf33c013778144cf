package function

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	for _, t := range []struct {
		name string
		oid  types.OID
	}{{"json", types.JSON}, {"jsonb", types.JSONB}} {
		defineJSONAccess(t.name, t.oid)
	}
	defineJSONCasts()
	for _, t := range []string{"json", "jsonb"} {
		define("to_"+t+"(anyelement) "+t+" strict stable", Definition{
			Value: func(env *Env, a []types.Value) (types.Value, error) {
				return jsonResult(env, t, appendAsJSON(env, nil, a[0]))
			}, Examples: examples("to_"+t+"(1.50)", "1.50", "to_"+t+"('a\"b'::text)", `"a\"b"`, "to_"+t+"(timestamp '2024-02-29 12:00')", `"2024-02-29T12:00:00"`, "to_"+t+"(true)", "true"),
		})
		define(t+"_build_array(variadic any) "+t+" stable", Definition{
			Value: func(env *Env, a []types.Value) (types.Value, error) {
				b := []byte{'['}
				for i, v := range a {
					if i > 0 {
						b = append(b, ", "...)
					}
					b = appendAsJSON(env, b, v)
				}
				return jsonResult(env, t, append(b, ']'))
			}, Examples: examples(t+"_build_array(1, 'a', NULL, true)", `[1, "a", null, true]`),
		})
		define(t+"_build_array() "+t+" stable", Definition{
			Value:    func(env *Env, _ []types.Value) (types.Value, error) { return jsonResult(env, t, []byte("[]")) },
			Examples: examples(t+"_build_array()", "[]"),
		})
		define(t+"_build_object() "+t+" stable", Definition{
			Value:    func(env *Env, _ []types.Value) (types.Value, error) { return jsonResult(env, t, []byte("{}")) },
			Examples: examples(t+"_build_object()", "{}"),
		})
		want := `{"a" : 1, "b" : null}`
		if t == "jsonb" {
			want = `{"a": 1, "b": null}`
		}
		define(t+"_build_object(variadic any) "+t+" stable", Definition{
			Value:    buildObject(t),
			Examples: examples(t+"_build_object('a', 1, 'b', NULL)", want, t+"_build_object('a')", "ERROR 22023"),
		})
	}
	define("jsonb_exists(jsonb, text) bool strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			return boolean(jsonExists(a[0].S, a[1].S))
		}, Examples: examples(`'{"a":1}'::jsonb ? 'a'`, "t", `'["a"]'::jsonb ? 'b'`, "f"),
	})
}

// jsonResult is a value of json or jsonb of text that is valid JSON, unless the
// statement has ended while it was written.
func jsonResult(env *Env, t string, b []byte) (types.Value, error) {
	if t == "json" {
		return types.NewString(types.JSON, textOf(b)), endedLong(env, len(b))
	}
	canonical, err := types.AppendCanonicalJSONUntil(nil, b, env.Ended)
	return types.NewString(types.JSONB, textOf(canonical)), err
}

func defineJSONAccess(t string, oid types.OID) {
	value := func(v string, ok bool) (types.Value, error) {
		if !ok {
			return null(oid)
		}
		return types.NewString(oid, v), nil
	}
	element := jsonElement
	if t == "jsonb" {
		element = jsonbElement
	}
	obj := fmt.Sprintf(`'{"a": {"b": [1, "x\"y", null]}, "c": 2.50}'::%s`, t)
	define(t+"_object_field("+t+", text) "+t+" strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return value(jsonMember(a[0].S, a[1].S)) },
		Examples: examples(obj+" -> 'a'", `{"b": [1, "x\"y", null]}`, obj+" -> 'z'", "NULL", "'[1]'::"+t+" -> 'a'", "NULL"),
	})
	define(t+"_object_field_text("+t+", text) text strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return jsonText(jsonMember(a[0].S, a[1].S)) },
		Examples: examples(obj+" ->> 'c'", "2.50", fmt.Sprintf(`'{"a": "ä\u00e9"}'::%s ->> 'a'`, t), "äé", fmt.Sprintf(`'{"a": null}'::%s ->> 'a'`, t), "NULL"),
	})
	define(t+"_array_element("+t+", int4) "+t+" strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return value(element(a[0].S, int(a[1].I))) },
		Examples: examples("'[1, 2, 3]'::"+t+" -> 1", "2", "'[1, 2, 3]'::"+t+" -> -1", "3", "'[1]'::"+t+" -> 5", "NULL"),
	})
	define(t+"_array_element_text("+t+", int4) text strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return jsonText(element(a[0].S, int(a[1].I))) },
		Examples: examples(`'["a", null]'::`+t+" ->> 0", "a", `'["a", null]'::`+t+" ->> 1", "NULL"),
	})
	define(t+"_extract_path("+t+", variadic text) "+t+" strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return value(followPath(a)) },
		Examples: examples(obj+" #> '{a,b,0}'", "1", t+"_extract_path("+obj+", 'a', 'b', '1')", `"x\"y"`, obj+" #> '{a,z}'", "NULL"),
	})
	define(t+"_extract_path_text("+t+", variadic text) text strict immutable", Definition{
		Value:    func(_ *Env, a []types.Value) (types.Value, error) { return jsonText(followPath(a)) },
		Examples: examples("' [ 1 ] '::"+t+" #>> '{}'", map[string]string{"json": "[ 1 ]", "jsonb": "[1]"}[t], obj+" #>> '{a,b,1}'", `x"y`, obj+" #>> '{a,b,2}'", "NULL"),
	})
	define(t+"_typeof("+t+") text strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			kinds := map[byte]string{'{': "object", '[': "array", '"': "string", 't': "boolean", 'f': "boolean", 'n': "null", 0: "number"}
			return text(kinds[jsonKind(a[0].S)])
		}, Examples: examples(t+"_typeof('-1.5'::"+t+")", "number", t+"_typeof('{}'::"+t+")", "object", t+"_typeof('null'::"+t+")", "null"),
	})
	define(t+"_array_length("+t+") int4 strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			switch jsonKind(a[0].S) {
			case '[':
				return int4(jsonLength(a[0].S))
			case '{':
				return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot get array length of a non-array")
			}
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot get array length of a scalar")
		}, Examples: examples(t+"_array_length('[1, [2, 3]]'::"+t+")", "2", t+"_array_length('1'::"+t+")", "ERROR 22023"),
	})
}

// jsonText is a value as ->> gives it: strings unquoted, null as NULL.
func jsonText(v string, ok bool) (types.Value, error) {
	if !ok {
		return null(types.Text)
	}
	switch jsonKind(v) {
	case 'n':
		return null(types.Text)
	case '"':
		if err := checkEscapes(v); err != nil {
			return types.Value{}, err
		}
		return text(unquoteJSON(v))
	}
	return text(v)
}

// checkEscapes refuses the escapes of a quoted string that stand for no text:
// json keeps them as they are written.
func checkEscapes(q string) error {
	for i := strings.IndexByte(q, '\\'); i >= 0 && i < len(q); i++ {
		if q[i] != '\\' {
			continue
		}
		if i++; q[i] != 'u' {
			continue
		}
		r := hexRune(q, i+1)
		i += 4
		switch {
		case r == 0:
			return sqlerr.Errorf(sqlerr.UntranslatableCharacter, "unsupported Unicode escape sequence").WithDetail("\\u0000 cannot be converted to text.")
		case !utf16.IsSurrogate(r):
			continue
		case r < 0xdc00 && strings.HasPrefix(q[i+1:], `\u`) && utf16.DecodeRune(r, hexRune(q, i+3)) != utf8.RuneError:
			i += 6
			continue
		case r < 0xdc00 && strings.HasPrefix(q[i+1:], `\u`) && hexRune(q, i+3)&^0x3ff == 0xd800:
			return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type json").WithDetail("Unicode high surrogate must not follow a high surrogate.")
		}
		return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type json").WithDetail("Unicode low surrogate must follow a high surrogate.")
	}
	return nil
}

// followPath follows the texts of args[1], an array, or of args[1] and on.
func followPath(args []types.Value) (string, bool) {
	s, path := strings.Trim(args[0].S, " \t\n\r"), args[1:]
	if args[1].A != nil {
		path = args[1].A.Elems
	}
	for _, step := range path {
		if step.Null {
			return "", false
		}
		next, ok := jsonStep(s, step.S)
		if !ok {
			return "", false
		}
		s = next
	}
	return s, true
}

func defineJSONCasts() {
	number := func(to string, convert func(d types.Decimal) (types.Value, error), ex ...string) {
		define(to+"(jsonb) "+to+" strict immutable", Definition{
			Value: func(_ *Env, a []types.Value) (types.Value, error) {
				if jsonKind(a[0].S) != 0 {
					return types.Value{}, cannotCastJSON(a[0].S, to)
				}
				d, err := types.ParseDecimal(a[0].S)
				if err != nil {
					return types.Value{}, err
				}
				return convert(d)
			}, Examples: examples(ex...),
		})
	}
	number("numeric", numeric, "'1.50'::jsonb::numeric", "1.50", `'"a"'::jsonb::numeric`, "ERROR 22023")
	number("int2", func(d types.Decimal) (types.Value, error) {
		i, err := d.Int16()
		return types.NewInt(types.Int2, int64(i)), err
	}, "'12'::jsonb::int2", "12")
	number("int4", func(d types.Decimal) (types.Value, error) {
		i, err := d.Int32()
		return types.NewInt(types.Int4, int64(i)), err
	}, "'12.5'::jsonb::int4", "13")
	number("int8", func(d types.Decimal) (types.Value, error) {
		i, err := d.Int64()
		return types.NewInt(types.Int8, i), err
	}, "'5000000000'::jsonb::int8", "5000000000")
	number("float4", func(d types.Decimal) (types.Value, error) {
		f, err := d.Float32()
		return types.NewFloat(types.Float4, float64(f)), err
	}, "'1.5'::jsonb::float4", "1.5")
	number("float8", func(d types.Decimal) (types.Value, error) {
		f, err := d.Float64()
		return types.NewFloat(types.Float8, f), err
	}, "'0.1'::jsonb::float8", "0.1")
	define("bool(jsonb) bool strict immutable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			switch jsonKind(a[0].S) {
			case 't':
				return boolean(true)
			case 'f':
				return boolean(false)
			}
			return types.Value{}, cannotCastJSON(a[0].S, "boolean")
		}, Examples: examples("'true'::jsonb::bool", "t", "'1'::jsonb::bool", "ERROR 22023"),
	})
}

func cannotCastJSON(s, to string) error {
	kinds := map[byte]string{'{': "object", '[': "array", '"': "string", 't': "boolean", 'f': "boolean", 'n': "null", 0: "numeric"}
	if oid := oidOf(to); oid != 0 {
		to = types.FormatType(types.Of(oid))
	}
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot cast jsonb %s to type %s", kinds[jsonKind(s)], to)
}

// AppendJSON writes a value as to_json does; NULL is null.
func AppendJSON(env *Env, dst []byte, v types.Value) []byte { return appendAsJSON(env, dst, v) }

// AppendJSONKey writes a value that is not NULL as the key of an object.
func AppendJSONKey(env *Env, dst []byte, v types.Value) ([]byte, error) {
	switch info := types.Lookup(v.Type.OID); {
	case info.Phys == types.PhysList || types.IsRow(v.Type.OID) || v.Type.OID == types.JSON || v.Type.OID == types.JSONB:
		return dst, sqlerr.Errorf(sqlerr.InvalidParameterValue, "key value must be scalar, not array, composite, or json")
	}
	switch v.Type.OID {
	case types.Bool:
		return types.AppendJSONString(dst, strconv.FormatBool(v.I != 0)), nil
	case types.Date, types.Timestamp, types.Timestamptz:
		return types.AppendJSONString(dst, isoTime(env, v)), nil
	}
	return types.AppendJSONString(dst, string(appendOutput(env, nil, v))), nil
}

// appendAsJSON writes a value as to_json does.
func appendAsJSON(env *Env, dst []byte, v types.Value) []byte {
	if v.Null {
		return append(dst, "null"...)
	}
	info := types.Lookup(v.Type.OID)
	if v.A != nil {
		return appendArrayAsJSON(env, dst, v.A, 0, v.A.Elems)
	}
	switch v.Type.OID {
	case types.Bool:
		return strconv.AppendBool(dst, v.I != 0)
	case types.Int2, types.Int4, types.Int8:
		return strconv.AppendInt(dst, v.I, 10)
	case types.JSON, types.JSONB:
		return append(dst, v.S...)
	case types.Float4, types.Float8, types.Numeric:
		s := string(info.AppendText(nil, v, env.Format))
		if strings.ContainsAny(s, "NI") {
			return types.AppendJSONString(dst, s)
		}
		return append(dst, s...)
	case types.Date, types.Timestamp, types.Timestamptz:
		return types.AppendJSONString(dst, isoTime(env, v))
	case types.Unknown:
		return types.AppendJSONString(dst, v.S)
	}
	if types.IsRow(v.Type.OID) {
		return appendRowAsJSON(env, dst, v.S, ",")
	}
	return types.AppendJSONString(dst, string(info.AppendText(nil, v, env.Format)))
}

// appendArrayAsJSON writes one dimension of an array, and those below it. It stops
// where the statement has ended, which whoever uses the result asks (endedLong).
func appendArrayAsJSON(env *Env, dst []byte, a *types.Array, dim int, elems []types.Value) []byte {
	dst = append(dst, '[')
	if dim < len(a.Dims) {
		n := int(a.Dims[dim].Len)
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			if i%askedEvery == askedEvery-1 && env.Ended() != nil {
				break
			}
			part := elems[i*len(elems)/n : (i+1)*len(elems)/n]
			if dim == len(a.Dims)-1 {
				dst = appendAsJSON(env, dst, part[0])
			} else {
				dst = appendArrayAsJSON(env, dst, a, dim+1, part)
			}
		}
	}
	return append(dst, ']')
}

// isoTime is a date or timestamp in ISO 8601, whatever DateStyle is.
func isoTime(env *Env, v types.Value) string {
	f := *env.Format
	f.DateStyle = types.DateISO
	s := string(types.AppendText(nil, v, &f))
	if v.Type.OID == types.Date {
		return s
	}
	s = strings.Replace(s, " ", "T", 1)
	if v.Type.OID == types.Timestamptz && len(s) > 3 && (s[len(s)-3] == '+' || s[len(s)-3] == '-') {
		s += ":00"
	}
	return s
}

func buildObject(t string) ValueFunc {
	colon := " : "
	if t == "jsonb" {
		colon = ": "
	}
	return func(env *Env, a []types.Value) (types.Value, error) {
		if len(a)%2 != 0 {
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "argument list must have even number of elements").
				WithHint("The arguments of %s_build_object() must consist of alternating keys and values.", t)
		}
		b := []byte{'{'}
		for i := 0; i < len(a); i += 2 {
			if i > 0 {
				b = append(b, ", "...)
			}
			if a[i].Null && t == "json" {
				return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "null value not allowed for object key")
			}
			if a[i].Null {
				return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "argument %d: key must not be null", i+1)
			}
			var err error
			if b, err = AppendJSONKey(env, b, a[i]); err != nil {
				return types.Value{}, err
			}
			b = append(b, colon...)
			b = appendAsJSON(env, b, a[i+1])
		}
		return jsonResult(env, t, append(b, '}'))
	}
}
