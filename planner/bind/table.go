package bind

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Attribute numbers of PostgreSQL's system columns.
const (
	attrCtid     = -1
	attrTableoid = -6
)

// rowIDName is the hidden column of a table that names its rows.
const rowIDName = "_rowid"

// tableScan is all of a table in FROM: its columns, and behind them the row id.
func (b *binder) tableScan(rel *catalog.Relation, alias string) (*plan.Scan, []itemCol) {
	fields := tableFields(rel)
	fields = append(fields, plan.Field{Name: rowIDName, Type: types.Of(types.Int8)})
	scan := &plan.Scan{Relation: rel, Columns: upTo(len(fields)), Fields: fields, Alias: alias, Derived: b.derived(rel)}
	return scan, b.tableItem(rel, alias, 0, len(rel.Columns)).cols
}

// tableFields are the columns of a table as a query's.
func tableFields(rel *catalog.Relation) []plan.Field {
	fields := make([]plan.Field, len(rel.Columns), len(rel.Columns)+1)
	for i, c := range rel.Columns {
		fields[i] = plan.Field{Name: c.Name, Type: c.Type, Table: rel.OID, Attr: rel.Attribute(i)}
	}
	return fields
}

// tableItem is the entry of a table whose columns stand in a row from place at on,
// and whose row id is at place id.
func (b *binder) tableItem(rel *catalog.Relation, name string, at, id int) *rangeItem {
	item := &rangeItem{name: name, rel: rel, row: types.RowType(rel.OID), relVisible: true, colsVisible: true}
	if name == rel.Name {
		item.schema = rel.Schema
	}
	for i, c := range rel.Columns {
		col := &plan.Column{Index: at + i, Typ: c.Type, Name: c.Name}
		item.cols = append(item.cols, itemCol{name: c.Name, expr: col, table: rel.OID, attr: rel.Attribute(i)})
	}
	row := &plan.Column{Index: id, Typ: types.Of(types.Int8), Name: rowIDName}
	item.cols = append(item.cols, itemCol{name: rowIDName, expr: row, hidden: true},
		itemCol{name: "tableoid", expr: plan.NewConst(types.NewInt(types.Oid, int64(rel.OID))), hidden: true, table: rel.OID, attr: attrTableoid})
	if f := b.rowPlace(); f != nil {
		item.cols = append(item.cols, itemCol{name: "ctid", expr: &plan.Call{Func: f, Args: []plan.Expr{row}, Typ: types.Of(types.TID)}, hidden: true, table: rel.OID, attr: attrCtid})
	}
	return item
}

// rowPlace is the function that makes a ctid of a row id, nil where the registry
// has none.
func (b *binder) rowPlace() *catalog.Function {
	if f := b.c.Catalog.Functions("row_place"); len(f) > 0 {
		return f[0]
	}
	return nil
}

// sequenceRow is a sequence in FROM: its one row.
func (b *binder) sequenceRow(rel *catalog.Relation, loc int32) plan.Node {
	found := b.c.Catalog.Functions("sequence_row")
	if len(found) == 0 {
		b.unsupported(loc, "Call nextval.", "reading sequence \"%s\" is not supported", rel.Name)
	}
	f := found[0]
	scan := &plan.FunctionScan{Calls: []plan.FunctionCall{{Func: f, Args: []plan.Expr{plan.NewConst(types.NewInt(types.Oid, int64(rel.OID)))}, Columns: len(f.Out)}}}
	for i, c := range f.Out {
		scan.Fields = append(scan.Fields, plan.Field{Name: c.Name, Type: c.Type, Table: rel.OID, Attr: int16(i + 1)})
	}
	return scan
}

// versionColumns are PostgreSQL's system columns that say which transaction has written a
// row. Rows have no place for it here, and what changed less often than the row does would
// let an optimistic lock pass.
var versionColumns = []string{"xmin", "xmax", "cmin", "cmax"}

// refuseVersions answers a version column of a table that is there, instead of one that
// does not exist.
func (b *binder) refuseVersions(table, column string, s *scope, loc int32) {
	if !slices.Contains(versionColumns, column) {
		return
	}
	for ; s != nil; s = s.parent {
		for _, item := range s.items {
			if item.rel != nil && item.rel.Stored() && (table == "" || item.name == table) {
				b.unsupported(loc, "Keep a version in the row: ADD COLUMN version int NOT NULL DEFAULT 0, and UPDATE ... SET version = version + 1 WHERE id = $1 AND version = $2; in EF Core IsConcurrencyToken(), in Hibernate @Version.",
					"system column \"%s\" is not supported", column)
			}
		}
	}
}

// refuseTarget answers a relation that cannot be updated or deleted from.
func (b *binder) refuseTarget(rel *catalog.Relation, loc int32, verb string) {
	switch rel.Kind {
	case catalog.Table:
		return
	case catalog.MatView:
		if verb == "MERGE" {
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot execute MERGE on relation \"%s\"", rel.Name).
				WithDetail("This operation is not supported for materialized views."))
		}
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot change materialized view \"%s\"", rel.Name))
	case catalog.View:
		if verb == "MERGE" {
			b.fail(sqlerr.Unsupported("Merge into the table that the view reads.", "cannot execute MERGE on relation \"%s\"", rel.Name).
				WithDetail("This operation is not supported for views."))
		}
		past := map[string]string{"UPDATE": "update", "DELETE": "delete from", "MERGE": "merge into"}[verb]
		b.unsupported(loc, "Change the table that the view reads.", "cannot %s view \"%s\"", past, rel.Name)
	case catalog.Virtual:
		b.failf(sqlerr.InsufficientPrivilege, loc, "permission denied: \"%s\" is a system catalog", rel.Name)
	case catalog.Sequence:
		b.failf(sqlerr.WrongObjectType, -1, "cannot change sequence \"%s\"", rel.Name)
	}
	hint := "A stream is appended to: INSERT the new version of the row and read the latest per key."
	switch {
	case tellsOp(rel):
		hint = "Change the row where the stream has it from: each of its records says what was done to a row there."
	case verb == "DELETE" && rel.Key != nil && hasHidden(rel, "_key"):
		hint = "INSERT nothing but _key to take the row of that key away."
	case verb == "DELETE" && rel.Key != nil:
		hint = "Filter the row out where you read: no record of this stream takes the row of a key away."
	case rel.Key != nil:
		hint = "INSERT the new version of the row: it takes the place of the one with its key."
	case verb == "DELETE":
		hint = "A stream is appended to: filter rows out where you read, or use the topic's retention."
	}
	b.unsupported(loc, hint, "%s is not supported on a stream", verb)
}

// text binds an expression that the catalog keeps of a table, over its columns.
func (b *binder) text(text string, rel *catalog.Relation, k exprKind) operand {
	node, err := parse.Expr(text)
	b.check(err)
	inner := &binder{ctx: b.ctx, c: b.c, src: &parse.Source{Text: text}, ascii: isASCII(text), shared: b.shared}
	return inner.operand(node, columnScope(rel.Columns), k)
}

// rowRules binds what a table asks of each new row.
func (b *binder) rowRules(rel *catalog.Relation) plan.RowRules {
	var r plan.RowRules
	if slices.ContainsFunc(rel.Columns, isGenerated) {
		r.Generated = make([]plan.Expr, len(rel.Columns))
		for i, c := range rel.Columns {
			if c.Generated != "" {
				r.Generated[i] = b.generatedColumn(c.Generated, rel.Columns, c)
			}
		}
	}
	checks := slices.Clone(rel.Table.Checks)
	// PostgreSQL checks them in the order of their names.
	slices.SortFunc(checks, func(x, y catalog.Check) int { return compareNames(x.Name, y.Name) })
	for _, c := range checks {
		o := b.text(c.Expr, rel, exprCheck)
		r.Checks = append(r.Checks, plan.NewRowCheck{Name: c.Name, Expr: b.boolean(o.e, "CHECK", -1)})
	}
	r.Derived = b.derived(rel)
	return r
}

// derived binds what the indexes of a table compute of its rows.
func (b *binder) derived(rel *catalog.Relation) []plan.Expr {
	var out []plan.Expr
	for _, x := range rel.Table.Indexes {
		for _, k := range x.Keys {
			if k.Column < 0 {
				out = append(out, b.indexKey(k, rel))
			}
		}
		if x.Where != "" {
			out = append(out, b.boolean(b.text(x.Where, rel, exprIndexWhere).e, "WHERE", -1))
		}
	}
	return out
}

func compareNames(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// indexKey binds a key of an index that is an expression.
func (b *binder) indexKey(k catalog.IndexKey, rel *catalog.Relation) plan.Expr {
	e := b.defaultType(b.text(k.Expr, rel, exprIndex).e, -1)
	if k.Type.OID != types.Invalid {
		e = b.coerceType(e, k.Type.OID, k.Type.Mod, implicit, -1)
	}
	return e
}

// copyItems are entries whose columns stand n places further on.
func copyItems(items []*rangeItem, n int) []*rangeItem {
	out := make([]*rangeItem, len(items))
	for i, item := range items {
		c := *item
		c.cols = slices.Clone(item.cols)
		out[i] = &c
	}
	return shiftItems(out, n)
}
