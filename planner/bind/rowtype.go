package bind

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// ownTypeNamed is an enum type, the row type of a relation, or the type of arrays
// of one, by a name along a search path; nil: there is none.
func ownTypeNamed(s *catalog.Snapshot, path []string, name string) *types.Info {
	for _, schema := range path {
		if oid := s.EnumType(schema, name); oid != 0 {
			return types.Lookup(oid)
		}
		if oid := s.RowType(schema, name); oid != 0 {
			return types.Lookup(oid)
		}
	}
	return nil
}

// ownType is ownTypeNamed of a name as written; what is bound depends on the
// relation, or the enum type, from then on.
func (b *binder) ownType(names []string) *types.Info {
	path := catalog.EffectivePath(b.c.SearchPath)
	switch len(names) {
	case 1:
	case 2:
		path = []string{b.tempSchema(names[0])}
	default:
		return nil
	}
	info := ownTypeNamed(b.c.Catalog, path, names[len(names)-1])
	if info != nil {
		b.depend(max(types.RowRelation(info.OID), types.EnumOf(info.OID)))
	}
	return info
}

// rowColumns are the columns of a relation's row type.
func (b *binder) rowColumns(oid types.OID) ([]types.RowColumn, bool) {
	if oid == types.Record {
		return nil, false
	}
	return b.c.Catalog.RowColumns(oid)
}

// toRowType converts a row that is written out, or that is of an entry of FROM
// without a type of its own, to a relation's row type (coerce_record_to_complex).
func (b *binder) toRowType(e plan.Expr, target types.OID, ctx coercion, loc int32) plan.Expr {
	cols, _ := b.rowColumns(target)
	row, ok := e.(*plan.Row)
	refuse := func(detail string, args ...any) {
		err := sqlerr.Errorf(sqlerr.CannotCoerce, "cannot cast type %s to %s", b.formatType(e.Type().OID), b.formatType(target))
		if detail != "" {
			err = err.WithDetail(detail, args...)
		}
		b.fail(err.At(b.pos(loc)))
	}
	switch {
	case !ok:
		refuse("")
	case len(row.Items) < len(cols):
		refuse("Input has too few columns.")
	case len(row.Items) > len(cols):
		refuse("Input has too many columns.")
	}
	out := &plan.Row{Typ: types.Of(target), Present: row.Present}
	locs := b.itemLocs[row]
	for i, c := range cols {
		at := loc
		if locs != nil && row.Items[i].Type().OID == types.Unknown {
			at = locs[i]
		}
		item := b.coerceTo(row.Items[i], c.Type, ctx, at)
		if item == nil {
			refuse("Cannot cast type %s to %s in column %d.", b.formatType(row.Items[i].Type().OID), b.formatType(c.Type.OID), i+1)
		}
		out.Items, out.Names = append(out.Items, item), append(out.Names, c.Name)
	}
	return out
}
