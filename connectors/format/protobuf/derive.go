package protobuf

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Derive makes the text of a schema for columns: a message of the name given, each
// field optional, so that NULL can be told from a default. op adds the field _op of a
// changelog.
func Derive(name string, columns []catalog.Column, op bool) (string, error) {
	var b strings.Builder
	fields, decimals, times := "", false, false
	n := 1
	add := func(label, typ, name string) {
		fields += fmt.Sprintf("  %s%s %s = %d;\n", label, typ, name, n)
		if n++; n == 19000 {
			n = 20000 // those between are the language's own
		}
	}
	if op {
		add("", "string", opColumn)
	}
	for _, c := range columns {
		if identifier(c.Name) != c.Name {
			return "", sqlerr.Errorf(sqlerr.InvalidName, "column \"%s\" has a name that no Protobuf field can have", c.Name).
				WithHint("Name it in the query with letters, digits and _ alone: SELECT ... AS name.")
		}
		label, t := "optional ", c.Type
		if info := types.Lookup(t.OID); info != nil && info.Phys == types.PhysList {
			label, t = "repeated ", types.Type{OID: info.Elem, Mod: t.Mod}
		}
		typ := derivedType(t)
		decimals, times = decimals || typ == "Decimal", times || typ == "google.protobuf.Timestamp"
		add(label, typ, c.Name)
	}
	b.WriteString("syntax = \"proto3\";\n")
	if times {
		b.WriteString("import \"google/protobuf/timestamp.proto\";\n")
	}
	fmt.Fprintf(&b, "message %s {\n", identifier(name))
	if decimals {
		b.WriteString("  message Decimal {\n    int64 units = 1;\n    int32 scale = 2;\n  }\n")
	}
	b.WriteString(fields + "}\n")
	return b.String(), nil
}

// identifier makes a name of letters, digits and _.
func identifier(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c != '_' && c|0x20-'a' > 25 && (i == 0 || c-'0' > 9) {
			out[i] = '_'
		}
	}
	if len(out) == 0 {
		return "_"
	}
	return string(out)
}

// derivedType is the type of a column's field. What Protobuf has no type for is a
// string of its text form; a numeric too that may not fit into units of 64 bits.
func derivedType(t types.Type) string {
	switch t.OID {
	case types.Bool:
		return "bool"
	case types.Int2, types.Int4:
		return "int32"
	case types.Int8:
		return "int64"
	case types.Float4:
		return "float"
	case types.Float8:
		return "double"
	case types.Bytea:
		return "bytes"
	case types.Timestamptz, types.Timestamp:
		return "google.protobuf.Timestamp"
	case types.Numeric:
		if precision := (t.Mod - 4) >> 16; t.Mod >= 4 && precision <= 18 {
			return "Decimal"
		}
	}
	return "string"
}
