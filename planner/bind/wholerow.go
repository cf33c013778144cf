package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// rowOf is all visible columns of an entry of FROM as one value.
func (b *binder) rowOf(item *rangeItem, s *scope, depth int, loc int32) plan.Expr {
	r := &plan.Row{Typ: types.Of(types.Record), Rel: item.name}
	if item.row != 0 {
		r.Typ = types.Of(item.row)
	}
	for i := range item.cols {
		if c := &item.cols[i]; !c.hidden {
			r.Items = append(r.Items, b.refer(c, item, s, depth, loc))
			r.Names = append(r.Names, c.name)
		}
	}
	if cols, ok := b.rowColumns(r.Typ.OID); ok {
		if b.entryNames == nil {
			b.entryNames = map[*plan.Row][]string{}
		}
		b.entryNames[r] = r.Names
		r.Names = nil
		for _, c := range cols {
			r.Names = append(r.Names, c.Name)
		}
	}
	if item.present != nil {
		r.Present = b.refer(&itemCol{expr: item.present}, item, s, depth, loc)
	}
	return r
}

// wholeRowStar is t.* where one value is wanted, as in count(t.*).
func (b *binder) wholeRowStar(x *pg.ColumnRef, s *scope) plan.Expr {
	names := strs(x.Fields)
	if len(names) == 0 {
		b.failf(sqlerr.SyntaxError, x.Location, "invalid use of \"*\"")
	}
	schema, name := "", names[len(names)-1]
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	item, in, depth := b.findItem(schema, name, s, x.Location)
	if item == nil {
		b.missingItem(schema, name, s, x.Location)
	}
	return b.rowOf(item, in, depth, x.Location)
}

// markPresent gives the side of an outer join that may have no row a column
// that is true where it has one, if the statement names an entry of it as a
// whole: its row is then NULL, not a row of NULLs.
func (b *binder) markPresent(e fromEntry) fromEntry {
	var named []*rangeItem
	for _, item := range e.items {
		if item.present == nil && item.relVisible && b.wholeRows()[item.name] {
			named = append(named, item)
		}
	}
	if len(named) == 0 {
		return e
	}
	fields := e.node.Schema()
	p := &plan.Project{Input: e.node, Exprs: columnRefs(fields, 0), Fields: append([]plan.Field(nil), fields...)}
	p.Exprs = append(p.Exprs, plan.NewConst(types.NewBool(true)))
	p.Fields = append(p.Fields, plan.Field{Name: "present", Type: types.Of(types.Bool)})
	for _, item := range named {
		item.present = &plan.Column{Index: len(fields), Typ: types.Of(types.Bool), Name: "present"}
	}
	e.node = p
	return e
}

// wholeRows are the names that the statement may use for whole rows: those
// that stand alone, or before an asterisk.
func (b *binder) wholeRows() map[string]bool {
	if b.rowNames != nil || b.stmt.Node == nil {
		return b.rowNames
	}
	b.rowNames = map[string]bool{}
	eachMessage(b.stmt.Node.ProtoReflect(), func(m protoreflect.Message) {
		x, ok := m.Interface().(*pg.ColumnRef)
		if !ok {
			return
		}
		switch names := strs(x.Fields); {
		case len(names) == 1 && len(x.Fields) == 1:
			b.rowNames[names[0]] = true
		case len(names) > 0 && len(names) < len(x.Fields):
			b.rowNames[names[len(names)-1]] = true
		}
	})
	return b.rowNames
}
