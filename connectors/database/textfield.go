package database

import (
	"bytes"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// textSetter returns what appends a value, as its text, to a column of type t. same: it
// has been a value of that type there, modifier and all. raw: it is bytes there.
func textSetter(t types.Type, same, raw bool, format *types.Format) func(v vec.Vec, b []byte) error {
	parse := func(v vec.Vec, b []byte) error {
		val, err := types.Parse(t, string(b), format)
		if err == nil {
			vec.Append(v, val)
		}
		return err
	}
	switch t.OID {
	case types.Bytea: // the bytes themselves, of a text too
		return func(v vec.Vec, b []byte) error {
			v.(*vec.Bytes).Append(b)
			return nil
		}
	case types.Text, types.Varchar:
		if t.Mod < 0 || same {
			return func(v vec.Vec, b []byte) error {
				if err := legible(b); err != nil {
					return err
				}
				v.(*vec.Bytes).Append(b)
				return nil
			}
		}
	}
	if raw {
		return func(v vec.Vec, b []byte) error {
			if err := legible(b); err != nil {
				return err
			}
			return parse(v, b)
		}
	}
	if t.Mod >= 0 && !same {
		return parse
	}
	switch t.OID {
	case types.Int2:
		return parsed(types.ParseInt16Bytes)
	case types.Int4:
		return parsed(types.ParseInt32Bytes)
	case types.Int8:
		return parsed(types.ParseInt64Bytes)
	case types.Float8:
		return parsed(types.ParseFloat64Bytes)
	case types.Bool:
		return parsed(types.ParseBoolBytes)
	case types.Date:
		return parsed(func(b []byte) (int32, error) { return types.ParseDateBytes(b, format) })
	case types.Time:
		return parsed(func(b []byte) (int64, error) { return types.ParseTimeBytes(b, format) })
	case types.Timestamp:
		return parsed(func(b []byte) (int64, error) { return types.ParseTimestampBytes(b, format) })
	case types.Timestamptz:
		return parsed(func(b []byte) (int64, error) { return types.ParseTimestamptzBytes(b, format) })
	case types.UUID:
		return parsed(types.ParseUUIDBytes)
	case types.Numeric:
		return func(v vec.Vec, b []byte) error {
			d, err := types.ParseDecimalBytes(b)
			if err == nil {
				v.(*vec.Numeric).Append(d)
			}
			return err
		}
	}
	return parse
}

// parsed appends values of one size.
func parsed[T vec.Value](read func([]byte) (T, error)) func(v vec.Vec, b []byte) error {
	return func(v vec.Vec, b []byte) error {
		x, err := read(b)
		if err == nil {
			f := v.(*vec.Fixed[T])
			f.Values = append(f.Values, x)
		}
		return err
	}
}

// legible checks that bytes are a text.
func legible(b []byte) error {
	if i := bytes.IndexByte(b, 0); i >= 0 || !utf8.Valid(b) {
		return sqlerr.Errorf(sqlerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": the value is no text").
			WithHint("Declare the column as bytea.")
	}
	return nil
}
