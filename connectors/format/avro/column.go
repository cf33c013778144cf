package avro

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// maxColumns is how many columns a relation has at most, as in PostgreSQL.
const maxColumns = 1600

// Columns are the columns that a schema's fields make; flat makes columns of the
// fields of nested records too, named with dots. A schema that is no record makes
// one column, value.
func (s *Schema) Columns(flat bool) ([]catalog.Column, error) {
	root := s.root.one()
	if root == nil || root.kind != kindRecord {
		return []catalog.Column{{Name: "value", Type: columnType(s.root)}}, nil
	}
	var cols []catalog.Column
	var add func(n *node, prefix string, above []*node)
	records := 0 // those that have no fields make no column, and there may be ten of ten of ten
	add = func(n *node, prefix string, above []*node) {
		if records++; len(cols) > maxColumns || records > 16*maxColumns {
			return
		}
		for _, f := range n.fields {
			of := f.node.one()
			if flat && of != nil && of.kind == kindRecord && !slices.Contains(above, of) && len(above) < 16 {
				add(of, prefix+f.name+".", append(above, of))
				continue
			}
			if len(cols) > maxColumns {
				return
			}
			cols = append(cols, catalog.Column{Name: prefix + f.name, Type: columnType(f.node)})
		}
	}
	add(root, "", []*node{root})
	if len(cols) == 0 || len(cols) > maxColumns || records > 16*maxColumns {
		return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the Avro record %q makes no column, or more than the %d that a stream can have", root.name, maxColumns)
	}
	return cols, nil
}

// columnType is the SQL type that holds every value of n.
func columnType(n *node) types.Type {
	of := n.one()
	if of == nil {
		if n.kind == kindUnion && len(n.branches) > 0 {
			return unionType(n)
		}
		return types.Of(types.JSONB)
	}
	n = of
	switch n.logical {
	case logicalDecimal:
		if n.prec > 1000 {
			return types.Of(types.Numeric)
		}
		return types.Type{OID: types.Numeric, Mod: (n.prec<<16 | n.scale) + 4}
	case logicalDate:
		return types.Of(types.Date)
	case logicalTime:
		return types.Of(types.Time)
	case logicalInstant, logicalZoned:
		return types.Of(types.Timestamptz)
	case logicalLocal:
		return types.Of(types.Timestamp)
	case logicalUUID:
		return types.Of(types.UUID)
	case logicalDuration:
		return types.Of(types.Interval)
	case logicalJSON:
		return types.Of(types.JSONB)
	}
	switch n.as {
	case kindBool:
		return types.Of(types.Bool)
	case kindInt:
		return types.Of(types.Int4)
	case kindLong:
		return types.Of(types.Int8)
	case kindFloat:
		return types.Of(types.Float4)
	case kindDouble:
		return types.Of(types.Float8)
	case kindBytes, kindFixed:
		return types.Of(types.Bytea)
	case kindString, kindEnum, kindNull:
		return types.Of(types.Text)
	case kindArray:
		elem := columnType(n.items)
		if info := types.Lookup(elem.OID); info != nil && info.Array != 0 && info.Phys != types.PhysList && elem.OID != types.JSONB {
			return types.Type{OID: info.Array, Mod: elem.Mod}
		}
	}
	return types.Of(types.JSONB)
}

// unionType is the type of a union of several: a number that all of its numbers
// are, where it has nothing else, text of strings and symbols, else jsonb.
func unionType(n *node) types.Type {
	whole, text, only := true, true, true
	wide := kindInt
	for i, b := range n.branches {
		if i == n.null {
			continue
		}
		only = only && b.logical == logicalNone
		text = text && (b.as == kindString || b.as == kindEnum)
		switch b.as {
		case kindInt, kindLong:
			wide = max(wide, b.as)
		default:
			whole = false
		}
	}
	switch {
	case only && whole && wide == kindInt:
		return types.Of(types.Int4)
	case only && whole:
		return types.Of(types.Int8)
	case only && text:
		return types.Of(types.Text)
	}
	return types.Of(types.JSONB)
}
