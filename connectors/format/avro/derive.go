package avro

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Derive makes the text of a schema for columns: a record of the name given, each
// field a union of null and the column's type, so that a later version may leave a
// column out. op adds the field _op of a changelog.
func Derive(name string, columns []catalog.Column, op bool) (string, error) {
	type fieldOf struct {
		Name    string `json:"name"`
		Type    any    `json:"type"`
		Default any    `json:"default"`
	}
	record := struct {
		Type   string `json:"type"`
		Name   string `json:"name"`
		Fields []any  `json:"fields"`
	}{"record", recordName(name), []any{}}
	if op {
		record.Fields = append(record.Fields, map[string]any{"name": opColumn, "type": "string"})
	}
	for _, c := range columns {
		if recordName(c.Name) != c.Name {
			return "", sqlerr.Errorf(sqlerr.InvalidName, "column \"%s\" has a name that no Avro field can have", c.Name).
				WithHint("Name it in the query with letters, digits and _ alone: SELECT ... AS name.")
		}
		record.Fields = append(record.Fields, fieldOf{c.Name, []any{"null", derivedType(c.Type)}, nil})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(record); err != nil {
		return "", sqlerr.Errorf(sqlerr.InternalError, "writing an Avro schema: %w", err)
	}
	return strings.TrimSpace(b.String()), nil
}

// recordName makes a name of letters, digits and _.
func recordName(s string) string {
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

// derivedType is the Avro type of a column. What Avro has no type for is a string in
// PostgreSQL's text form; a numeric without precision too, since decimals of Avro
// have one.
func derivedType(t types.Type) any {
	logical := func(of, name string) any { return map[string]any{"type": of, "logicalType": name} }
	switch t.OID {
	case types.Bool:
		return "boolean"
	case types.Int2, types.Int4:
		return "int"
	case types.Int8:
		return "long"
	case types.Float4:
		return "float"
	case types.Float8:
		return "double"
	case types.Bytea:
		return "bytes"
	case types.Date:
		return logical("int", "date")
	case types.Time:
		return logical("long", "time-micros")
	case types.Timestamp:
		return logical("long", "local-timestamp-micros")
	case types.Timestamptz:
		return logical("long", "timestamp-micros")
	case types.UUID:
		return logical("string", "uuid")
	case types.JSON, types.JSONB:
		return logical("string", "json")
	case types.Numeric:
		if t.Mod >= 4 {
			prec, scale := (t.Mod-4)>>16, ((t.Mod-4)&0x7ff^1024)-1024
			if scale >= 0 && scale <= prec {
				return map[string]any{"type": "bytes", "logicalType": "decimal", "precision": prec, "scale": scale}
			}
		}
	}
	if info := types.Lookup(t.OID); info != nil && info.Phys == types.PhysList {
		return map[string]any{"type": "array", "items": []any{"null", derivedType(types.Type{OID: info.Elem, Mod: t.Mod})}}
	}
	return "string"
}
