package types

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Every relation has a row type, named as it is, and that has an array type.
// Their OIDs follow from the relation's, so that they are as stable as it is and
// nothing is kept for them; which columns they have only the catalog knows
// (Format.Rows). A value says of itself what its columns are (record.go).
const (
	rowTypes  OID = 1 << 30
	rowArrays OID = 1<<30 | 1<<29

	// MaxRelation is above every OID that a relation, or an enum type, can have.
	MaxRelation OID = 1 << 29
)

// RowType is the row type of a relation, by the relation's OID.
func RowType(relation OID) OID { return rowTypes | relation }

// RowRelation is the relation of a row type, or of an array of such rows; 0 for
// every other type.
func RowRelation(oid OID) OID {
	if oid < rowTypes || oid >= rowArrays+MaxRelation {
		return 0
	}
	return oid &^ rowArrays
}

// IsRow reports whether values of a type are rows: of a relation's row type, or
// of none (record).
func IsRow(oid OID) bool { return oid == Record || isRowType(oid) }

func isRowType(oid OID) bool { return oid >= rowTypes && oid < rowArrays }

// rowInfo is what is known of a row type, or of an array of rows, by its number.
func rowInfo(oid OID) *Info {
	if oid < rowTypes || oid >= rowArrays+MaxRelation {
		return nil
	}
	info := *byOID[Record]
	info.OID, info.Array = rowTypes|oid&^rowArrays, rowArrays|oid
	info.Category, info.Kind = 'C', 'c'
	info.In = func(s string, _ int32, f *Format) (Value, error) { return parseRow(info.OID, s, f) }
	if isRowType(oid) {
		return &info
	}
	array := arrayInfo(&info, "_record")
	array.Align = 'd'
	return array
}

// rowColumns are the columns of a row type as the catalog knows them.
func rowColumns(oid OID, f *Format) ([]RowColumn, error) {
	if f != nil && f.Rows != nil {
		if cols, ok := f.Rows(oid); ok {
			return cols, nil
		}
	}
	return nil, sqlerr.Errorf(sqlerr.UndefinedObject, "type with OID %d does not exist", oid)
}

// parseRow reads the text form of a row: (1,foo,"a b").
func parseRow(oid OID, s string, f *Format) (Value, error) {
	cols, err := rowColumns(oid, f)
	if err != nil {
		return Value{}, err
	}
	malformed := func(detail string) (Value, error) {
		return Value{}, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "malformed record literal: \"%s\"", s).WithDetail("%s", detail)
	}
	rest := strings.TrimLeft(s, asciiSpace)
	if !strings.HasPrefix(rest, "(") {
		return malformed("Missing left parenthesis.")
	}
	rest = rest[1:]
	vals := make([]Value, len(cols))
	for i, c := range cols {
		if i > 0 {
			if !strings.HasPrefix(rest, ",") {
				return malformed("Too few columns.")
			}
			rest = rest[1:]
		}
		if strings.HasPrefix(rest, ",") || strings.HasPrefix(rest, ")") {
			vals[i] = NullOf(c.Type)
			continue
		}
		text, n := rowField(rest)
		if n < 0 {
			return malformed("Unexpected end of input.")
		}
		rest = rest[n:]
		if vals[i], err = Parse(c.Type, text, f); err != nil {
			return Value{}, err
		}
	}
	if !strings.HasPrefix(rest, ")") {
		return malformed("Too many columns.")
	}
	if strings.TrimLeft(rest[1:], asciiSpace) != "" {
		return malformed("Junk after right parenthesis.")
	}
	return NewRow(oid, cols, vals), nil
}

const asciiSpace = " \t\n\v\f\r"

// rowField is a column's text without its quotes, and how many bytes of s it
// took; -1: s ends first.
func rowField(s string) (string, int) {
	var b []byte
	quoted := false
	i := 0
	for i < len(s) && (quoted || s[i] != ',' && s[i] != ')') {
		c := s[i]
		i++
		switch {
		case c == '\\':
			if i == len(s) {
				return "", -1
			}
			b = append(b, s[i])
			i++
		case c != '"':
			b = append(b, c)
		case quoted && i < len(s) && s[i] == '"':
			b = append(b, '"')
			i++
		default:
			quoted = !quoted
		}
	}
	if i == len(s) {
		return "", -1
	}
	return string(b), i
}

// recvRow reads the binary form of a row type's value.
func recvRow(oid OID, b []byte, f *Format) (Value, error) {
	cols, err := rowColumns(oid, f)
	if err != nil {
		return Value{}, err
	}
	r := binaryReader{b: b}
	n := r.int32()
	if r.short {
		return Value{}, errBinaryLength(nil, 4)
	}
	if int(n) != len(cols) {
		return Value{}, sqlerr.Errorf(sqlerr.DatatypeMismatch, "wrong number of columns: %d, expected %d", n, len(cols))
	}
	vals := make([]Value, len(cols))
	for i, c := range cols {
		typ, size := OID(r.int32()), r.int32()
		switch {
		case r.short:
			return Value{}, errBinaryLength(nil, 4)
		case typ != c.Type.OID:
			return Value{}, sqlerr.Errorf(sqlerr.DatatypeMismatch, "binary data has type %d (%s) instead of expected %d (%s) in record column %d",
				typ, FormatType(Of(typ)), c.Type.OID, FormatType(Of(c.Type.OID)), i+1)
		case size == -1:
			vals[i] = NullOf(c.Type)
			continue
		}
		item := r.take(int(size))
		if r.short {
			return Value{}, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "insufficient data left in message")
		}
		if vals[i], err = FromBinary(c.Type, item, f); err != nil {
			return Value{}, err
		}
	}
	return NewRow(oid, cols, vals), r.end()
}
