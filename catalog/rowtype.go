package catalog

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// RowColumns are the columns of a relation's row type; ok is false for a type
// that is none, or whose relation is gone. It is types.Format's Rows.
func (s *Snapshot) RowColumns(oid types.OID) (cols []types.RowColumn, ok bool) {
	r := s.byOID[types.RowRelation(oid)]
	if r == nil {
		return nil, false
	}
	cols = make([]types.RowColumn, len(r.Columns))
	for i, c := range r.Columns {
		cols[i] = types.RowColumn{Name: c.Name, Type: c.Type}
	}
	return cols, true
}

// RowType finds the type of a relation's rows, or of arrays of them, in a schema
// by its name; 0: there is none.
func (s *Snapshot) RowType(schema, name string) types.OID {
	if r := s.relations[schema][name]; r != nil {
		return types.RowType(r.OID)
	}
	base := strings.TrimLeft(name, "_")
	for n := len(name) - 1; n >= len(base); n-- {
		r := s.relations[schema][name[len(name)-n:]]
		if r != nil && s.RowArrayName(r) == name {
			return types.Lookup(types.RowType(r.OID)).Array
		}
	}
	return 0
}

// RowArrayName is the name of the type of arrays of a relation's rows: the
// relation's behind an underscore, or behind more of them where another type is
// called so.
func (s *Snapshot) RowArrayName(r *Relation) string {
	taken := func(name string) bool {
		under := strings.TrimPrefix(name, "_")
		return s.relations[r.Schema][name] != nil || s.Enum(r.Schema, name) != nil || under != r.Name && s.relations[r.Schema][under] != nil
	}
	name := "_" + r.Name
	for taken(name) {
		name = "_" + name
	}
	return name
}

// TypeExists reports whether a type is PostgreSQL's or that of a relation there is.
func (s *Snapshot) TypeExists(oid types.OID) bool {
	if relation := types.RowRelation(oid); relation != 0 {
		return s.byOID[relation] != nil
	}
	if enum := types.EnumOf(oid); enum != 0 {
		return s.enumOf[enum] != nil
	}
	return types.Lookup(oid) != nil
}

// FormatType is types.FormatType for a type that may be a relation's or an enum: its name,
// with the schema's where the search path does not lead to it.
func (s *Snapshot) FormatType(t types.Type, path []string) string {
	if enum := types.EnumOf(t.OID); enum != 0 {
		e := s.EnumLabels(enum, path)
		switch {
		case e == nil:
			return "???"
		case enum != t.OID:
			return e.Name + "[]"
		}
		return e.Name
	}
	relation := types.RowRelation(t.OID)
	if relation == 0 {
		return types.FormatType(t)
	}
	r := s.byOID[relation]
	if r == nil {
		return "???"
	}
	name := QuoteName(r.Name)
	if s.Resolve(path, r.Name) != r {
		name = QuoteName(r.Schema) + "." + name
	}
	if t.OID != types.RowType(relation) {
		name += "[]"
	}
	return name
}
