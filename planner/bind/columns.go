package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// columnList reads the columns that CREATE STREAM and CREATE SINK declare.
// base are the columns that a generated one may be computed from beside those
// of the list; only says that the list's own are not.
// key takes a PRIMARY KEY; nil: there can be none.
func (b *binder) columnList(t *pg.CreateStmt, texts parse.ColumnTexts, base []catalog.Column, only bool, key *streamKey) []catalog.Column {
	if t == nil {
		return nil
	}
	var cols []catalog.Column
	var defs []*pg.ColumnDef
	for _, n := range t.TableElts {
		if c := n.GetConstraint(); c != nil {
			if c.Contype != pg.ConstrType_CONSTR_PRIMARY {
				b.refuseConstraint(c)
			}
			b.keyConstraint(key, c, "", t.Relation.Relname)
			continue
		}
		def := n.GetColumnDef()
		if def == nil {
			b.unsupported(location(n), "Write the columns out.", "LIKE in a column list is not supported")
		}
		for _, have := range cols {
			if have.Name == def.Colname {
				b.failf(sqlerr.DuplicateColumn, def.Location, "column \"%s\" specified more than once", def.Colname)
			}
		}
		cols = append(cols, b.column(def, texts))
		for _, n := range def.Constraints {
			if c := n.GetConstraint(); c.Contype == pg.ConstrType_CONSTR_PRIMARY {
				b.keyConstraint(key, c, def.Colname, t.Relation.Relname)
			}
		}
		defs = append(defs, def)
	}
	for i, def := range defs {
		b.checkColumn(def, cols, i, base, only)
	}
	return cols
}

func (b *binder) column(def *pg.ColumnDef, texts parse.ColumnTexts) catalog.Column {
	c := catalog.Column{Name: def.Colname, Type: b.typeName(def.TypeName), NotNull: def.IsNotNull}
	if info := types.Lookup(c.Type.OID); info != nil && info.Kind == 'p' {
		b.failf(sqlerr.InvalidTableDefinition, def.Location, "column \"%s\" has pseudo-type %s", def.Colname, b.formatType(c.Type.OID))
	}
	if info := types.Lookup(c.Type.OID); info == nil || info.Phys == types.PhysNone || types.RowRelation(c.Type.OID) != 0 {
		b.unsupported(def.TypeName.Location, "Use text, or jsonb for nested values.", "column \"%s\" of type %s is not supported", def.Colname, b.formatMod(c.Type))
	}
	if def.CollClause != nil {
		names := strs(def.CollClause.Collname)
		if !collations[names[len(names)-1]] {
			b.failf(sqlerr.UndefinedObject, def.CollClause.Location, "collation \"%s\" for encoding \"UTF8\" does not exist", names[len(names)-1])
		}
	}
	for _, n := range def.Constraints {
		x := n.GetConstraint()
		switch x.Contype {
		case pg.ConstrType_CONSTR_NULL, pg.ConstrType_CONSTR_PRIMARY:
		case pg.ConstrType_CONSTR_NOTNULL:
			c.NotNull = true
		case pg.ConstrType_CONSTR_DEFAULT:
			c.Default = texts.DefaultText[def.Colname]
		case pg.ConstrType_CONSTR_GENERATED:
			c.Generated = texts.GeneratedText[def.Colname]
		default:
			b.refuseConstraint(x)
		}
	}
	if c.Default != "" && c.Generated != "" {
		b.failf(sqlerr.SyntaxError, def.Location, "both default and generation expression specified for column \"%s\"", c.Name)
	}
	return c
}

func (b *binder) refuseConstraint(c *pg.Constraint) {
	name, hint := "this constraint", "Leave it out, or filter the rows where you read them."
	switch c.Contype {
	case pg.ConstrType_CONSTR_PRIMARY:
		name, hint = "PRIMARY KEY", "Leave it out; a stream that is read may have one."
	case pg.ConstrType_CONSTR_UNIQUE:
		name = "UNIQUE"
	case pg.ConstrType_CONSTR_CHECK:
		name = "CHECK"
	case pg.ConstrType_CONSTR_FOREIGN:
		name = "FOREIGN KEY"
	case pg.ConstrType_CONSTR_IDENTITY:
		name, hint = "GENERATED AS IDENTITY", "Use _offset with _partition as a unique number."
	}
	b.unsupported(c.Location, hint, "%s on a stream is not supported", name)
}

// checkColumn binds a column's expressions to see that they are right; the
// catalog keeps their text.
func (b *binder) checkColumn(def *pg.ColumnDef, cols []catalog.Column, i int, base []catalog.Column, only bool) {
	for _, n := range def.Constraints {
		x := n.GetConstraint()
		switch x.Contype {
		case pg.ConstrType_CONSTR_DEFAULT:
			b.columnExpr(x.RawExpr, nil, cols[i], "default expression", true)
		case pg.ConstrType_CONSTR_GENERATED:
			others := append([]catalog.Column(nil), base...)
			for j, c := range cols {
				if j != i && c.Generated == "" && !only {
					others = append(others, c)
				}
			}
			b.columnExpr(x.RawExpr, others, cols[i], "generation expression", only)
		}
	}
}

func (b *binder) columnExpr(n *pg.Node, cols []catalog.Column, c catalog.Column, what string, mayVary bool) {
	o := b.operand(n, columnScope(cols), exprOther)
	if !mayVary && plan.Any(o.e, isVolatile) {
		b.failf(sqlerr.InvalidObjectDefinition, o.loc, "generation expression is not immutable")
	}
	if e := b.coerceTo(o.e, c.Type, assignment, o.loc); e == nil {
		b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "column \"%s\" is of type %s but %s is of type %s",
			c.Name, b.formatType(c.Type.OID), what, b.formatType(o.e.Type().OID)).
			WithHint("You will need to rewrite or cast the expression.").At(b.pos(o.loc)))
	}
}

func isVolatile(e plan.Expr) bool {
	c, ok := e.(*plan.Call)
	return ok && c.Func.Volatility == 'v'
}

// columnScope is the scope of an expression over a relation's columns.
func columnScope(cols []catalog.Column) *scope {
	item := &rangeItem{relVisible: true, colsVisible: true}
	for i, c := range cols {
		item.cols = append(item.cols, itemCol{name: c.Name, expr: columnOfType(i, c)})
	}
	return &scope{items: []*rangeItem{item}}
}

// watermark checks WATERMARK FOR column AS expression over the columns.
func (b *binder) watermark(w *parse.Watermark, cols, hidden []catalog.Column) *catalog.Watermark {
	if w == nil {
		return nil
	}
	all := append(append([]catalog.Column(nil), cols...), hidden...)
	var of *catalog.Column
	for i := range all {
		if all[i].Name == w.Column {
			of = &all[i]
		}
	}
	if of == nil {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" named in WATERMARK does not exist", w.Column).At(w.Pos))
	}
	if of.Type.OID != types.Timestamptz && of.Type.OID != types.Timestamp {
		b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "WATERMARK column \"%s\" must be of type timestamp with time zone or timestamp without time zone, not %s", w.Column, b.formatType(of.Type.OID)).At(w.Pos))
	}
	node := w.Node
	if node != nil {
		o := b.operand(node, columnScope(all), exprOther)
		e := b.coerceTo(o.e, types.Of(of.Type.OID), assignment, o.loc)
		if e == nil {
			b.failf(sqlerr.DatatypeMismatch, o.loc, "watermark expression must be of type %s, not %s", b.formatType(of.Type.OID), b.formatType(o.e.Type().OID))
		}
	}
	return &catalog.Watermark{Column: w.Column, Expr: w.Expr}
}
