package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// addColumn is ADD COLUMN. Rows there are get the default: as the value that they
// are missing where it is the same for all, else by being written anew.
func (a *alteration) addColumn(def *pg.ColumnDef, missingOK bool) {
	if name := clipName(def.Colname); a.rel.ColumnNamed(name) >= 0 {
		if missingOK {
			e := sqlerr.Errorf(sqlerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists, skipping", name, a.rel.Name)
			e.Severity = "NOTICE"
			a.shared.notices = append(a.shared.notices, e)
			return
		}
		a.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists", name, a.rel.Name))
	}
	before := len(a.owned)
	at := a.column(def)
	c := &a.rel.Columns[at]
	a.rel.Table.Attrs++
	c.Attr = a.rel.Table.Attrs
	if len(a.rel.Columns) > catalog.MaxColumns {
		a.fail(sqlerr.Errorf(sqlerr.TooManyColumns, "tables can have at most %d columns", catalog.MaxColumns))
	}
	a.values = append(a.values, plan.NewConst(types.NullOf(c.Type)))
	switch {
	case len(a.owned) > before:
		a.rewrite = true
		a.values[at] = a.nextOf(before, c.Type)
	case a.generated[at] != nil:
		a.unplaced(func() { c.Generated = a.generatedText(a.generated[at], at) })
		a.values[at] = a.overOld(a.coerceTo(a.kept(c.Generated, a.rel), c.Type, assignment, -1))
		a.rewrite = true
	case a.defaults[at] != nil:
		a.unplaced(func() { c.Default = a.defaultText(a.defaults[at], *c) })
		if c.Default != "" {
			a.missing(at)
		}
	}
	if c.NotNull && !a.never(a.values[at]) {
		a.demand(&plan.IsNull{Arg: columnOfType(at, *c), Not: true}, containsNulls(c.Name, a.rel))
	}
	delete(a.defaults, at)
	delete(a.generated, at)
	a.settleNew()
}

// never tells whether an expression is never NULL.
func (a *alteration) never(e plan.Expr) bool {
	switch x := e.(type) {
	case *plan.Const:
		return !x.Value.Null
	case *plan.Call:
		return x.Func.Name == "nextval" || x.Cast != plan.NoCast && a.never(x.Args[0])
	}
	return false
}

func containsNulls(column string, r *catalog.Relation) *sqlerr.Error {
	e := sqlerr.Errorf(sqlerr.NotNullViolation, "column \"%s\" of relation \"%s\" contains null values", column, r.Name)
	e.Schema, e.Table, e.Column = r.Schema, r.Name, column
	return e
}

// nextOf is the next value of a sequence that the statement makes: of an OID
// below zero, which stands for its place among them.
func (a *alteration) nextOf(owned int, t types.Type) plan.Expr {
	sequence := plan.NewConst(types.NewInt(types.Regclass, int64(-1-owned)))
	return a.coerceTo(numbers(a.call("nextval", []operand{{sequence, -1}}, -1)), t, assignment, -1)
}

// missing computes a new column's default for the rows there are.
func (a *alteration) missing(at int) {
	c := &a.rel.Columns[at]
	e := a.coerceTo(a.kept(c.Default, &catalog.Relation{}), c.Type, assignment, -1)
	if plan.Any(e, isVolatile) || a.c.Eval == nil {
		a.values[at], a.rewrite = e, true
		return
	}
	v, err := a.c.Eval(e)
	a.binder.check(err)
	a.values[at] = plan.NewConst(v)
	if !v.Null {
		c.HasMissing, c.Missing = true, string(types.AppendStored(nil, v))
	}
}

// settleNew binds the constraints that came with a command.
func (a *alteration) settleNew() {
	pending := a.pending
	a.pending = nil
	var keys []*catalog.Index
	for _, c := range pending {
		switch c.Contype {
		case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE:
			before := slices.Clone(a.rel.Columns)
			keys = append(keys, a.key(c))
			a.demandKey(before)
			a.stmt.Build = true
		case pg.ConstrType_CONSTR_CHECK:
			a.addCheck(c.Constraint)
		}
	}
	a.nameKeys(keys)
	for _, c := range pending {
		if c.Contype == pg.ConstrType_CONSTR_FOREIGN {
			a.addForeign(c)
		}
	}
}

// demandKey: columns that a primary key made NOT NULL have no NULLs.
func (a *alteration) demandKey(before []catalog.Column) {
	for i, c := range a.rel.Columns {
		if c.NotNull && !before[i].NotNull {
			a.demand(&plan.IsNull{Arg: columnOfType(i, c), Not: true}, containsNulls(c.Name, a.rel))
		}
	}
}

func (a *alteration) addCheck(c *pg.Constraint) {
	k := a.tableDraft.check(c)
	a.rel.Table.Checks = append(a.rel.Table.Checks, k)
	if c.SkipValidation {
		a.unsupported(c.Location, "Leave NOT VALID out, or delete the rows that are in the way.", "a constraint that is NOT VALID is not supported")
	}
	cond := a.boolean(a.kept(k.Expr, a.rel), "CHECK", -1)
	e := sqlerr.Errorf(sqlerr.CheckViolation, "check constraint \"%s\" of relation \"%s\" is violated by some row", k.Name, a.rel.Name)
	e.Schema, e.Table, e.Constraint = a.rel.Schema, a.rel.Name, k.Name
	a.demand(&plan.Not{Arg: &plan.IsBool{Arg: cond, Test: plan.IsFalse}}, e)
}

// addConstraint is ADD CONSTRAINT, ADD PRIMARY KEY and their like.
func (a *alteration) addConstraint(c *pg.Constraint) {
	if c.Conname != "" && c.Contype != pg.ConstrType_CONSTR_CHECK {
		name := clipName(c.Conname)
		if x := a.rel.IndexNamed(name); x != nil && x.Constraint || slices.ContainsFunc(a.rel.Table.Checks, func(k catalog.Check) bool { return k.Name == name }) {
			if x == nil {
				a.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", name, a.rel.Name))
			}
		}
	}
	if c.Contype == pg.ConstrType_CONSTR_CHECK && c.Conname != "" {
		if x := a.rel.IndexNamed(clipName(c.Conname)); x != nil && x.Constraint {
			a.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", c.Conname, a.rel.Name))
		}
	}
	a.constraint(c, -1)
	a.settleNew()
}

// columnDefault is SET and DROP DEFAULT.
func (a *alteration) columnDefault(name string, n *pg.Node) {
	at := a.place(name)
	c := &a.rel.Columns[at]
	switch {
	case c.Identity != 0:
		e := sqlerr.Errorf(sqlerr.SyntaxError, "column \"%s\" of relation \"%s\" is an identity column", c.Name, a.rel.Name)
		if n == nil {
			e = e.WithHint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.")
		}
		a.fail(e)
	case c.Generated != "":
		e := sqlerr.Errorf(sqlerr.SyntaxError, "column \"%s\" of relation \"%s\" is a generated column", c.Name, a.rel.Name)
		if n == nil {
			e = e.WithHint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.")
		}
		a.fail(e)
	}
	c.Default = ""
	if n != nil {
		a.unplaced(func() { c.Default = a.defaultText(n, *c) })
	}
}

func (a *alteration) setNotNull(at int) {
	c := &a.rel.Columns[at]
	if c.NotNull {
		return
	}
	c.NotNull = true
	a.demand(&plan.IsNull{Arg: columnOfType(at, *c), Not: true}, containsNulls(c.Name, a.rel))
}

func (a *alteration) dropNotNull(at int) {
	c := &a.rel.Columns[at]
	if c.Identity != 0 {
		a.fail(sqlerr.Errorf(sqlerr.SyntaxError, "column \"%s\" of relation \"%s\" is an identity column", c.Name, a.rel.Name))
	}
	if key := a.rel.PrimaryKey(); key != nil && slices.ContainsFunc(key.Keys, func(k catalog.IndexKey) bool { return k.Column == at }) {
		a.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "column \"%s\" is in a primary key", c.Name))
	}
	c.NotNull = false
}

func (a *alteration) dropExpression(at int, missingOK bool) {
	c := &a.rel.Columns[at]
	if c.Generated == "" {
		if missingOK {
			a.notice("column \"%s\" of relation \"%s\" is not a stored generated column, skipping", c.Name, a.rel.Name)
			return
		}
		a.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" is not a stored generated column", c.Name, a.rel.Name))
	}
	c.Generated = ""
}

// columnType is ALTER COLUMN TYPE: every row is written anew, unless the old
// values are ones of the new type as they lie.
func (a *alteration) columnType(at int, def *pg.ColumnDef) {
	c := &a.rel.Columns[at]
	was := *c
	to := a.typeName(def.TypeName)
	if info := types.Lookup(to.OID); info != nil && info.Kind == 'p' {
		a.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "column \"%s\" has pseudo-type %s", c.Name, a.formatType(to.OID)))
	}
	a.refuseTypeOfUsed(at)
	from := plan.Expr(columnOfType(at, was))
	loc := int32(-1)
	if def.RawDefault != nil {
		o := a.operand(def.RawDefault, a.rowScope(nil), exprTransform)
		from, loc = o.e, o.loc
	}
	e := a.coerceTo(from, to, assignment, loc)
	if e == nil {
		err := sqlerr.Errorf(sqlerr.DatatypeMismatch, "column \"%s\" cannot be cast automatically to type %s", c.Name, a.formatMod(to)).
			WithHint("You might need to specify \"USING %s::%s\".", catalog.QuoteName(c.Name), a.formatMod(to))
		if def.RawDefault != nil {
			err = sqlerr.Errorf(sqlerr.DatatypeMismatch, "result of USING clause for column \"%s\" cannot be cast automatically to type %s", c.Name, a.formatMod(to)).
				WithHint("You might need to add an explicit cast.")
		}
		a.fail(err)
	}
	if c.Default != "" && c.Identity == 0 {
		d := a.coerceTo(a.kept(c.Default, &catalog.Relation{}), to, assignment, -1)
		if d == nil {
			a.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "default for column \"%s\" cannot be cast automatically to type %s", c.Name, a.formatMod(to)))
		}
		c.Default = a.storedText(d, nil, -1)
	}
	a.values[at] = a.overOld(e)
	c.Type = to
	a.unplaced(func() { c.Collation = a.columnCollation(def.CollClause, *c) })
	c.HasMissing, c.Missing = false, ""
	a.rewrite = a.rewrite || !sameBytes(e, at)
	for _, x := range a.rel.Table.Indexes {
		a.retype(x, at)
	}
	a.rebindTexts()
	if c.Identity != 0 {
		a.retypeSequence(at, to)
	}
	if was.HasMissing {
		a.rewrite = true
	}
}

// sameBytes: values of the old type are ones of the new as they are.
func sameBytes(e plan.Expr, at int) bool {
	for {
		switch x := e.(type) {
		case *plan.Column:
			return x.Index == at
		case *plan.Cast:
			if x.Method != plan.CastRelabel {
				return false
			}
			e = x.Arg
		default:
			return false
		}
	}
}

// refuseTypeOfUsed: views and generated columns hold a column to its type.
func (a *alteration) refuseTypeOfUsed(at int) {
	c := a.rel.Columns[at]
	if c.Generated != "" && a.stmt.Old.ColumnNamed(c.Name) >= 0 {
		return
	}
	if views := a.viewsOf(a.stmt.Old, c.Attr); len(views) > 0 && c.Attr != 0 {
		a.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot alter type of a column used by a view or rule").
			WithDetail("rule _RETURN on view %s depends on column \"%s\"", catalog.QuoteName(views[0].Name), c.Name))
	}
	for _, other := range a.rel.Columns {
		if other.Generated != "" && a.readsColumn(other.Generated, at) {
			a.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot alter type of a column used by a generated column").
				WithDetail("Column \"%s\" is used by generated column \"%s\".", c.Name, other.Name))
		}
	}
}

// readsColumn tells whether a stored expression of the table reads a column.
func (a *alteration) readsColumn(text string, at int) bool {
	return plan.Any(a.kept(text, a.rel), func(e plan.Expr) bool {
		c, ok := e.(*plan.Column)
		return ok && c.Index == at
	})
}

// retype gives an index's keys the types that they have now.
func (a *alteration) retype(x *catalog.Index, at int) {
	for i, k := range x.Keys {
		if k.Column != at {
			continue
		}
		y := *x
		y.Keys = slices.Clone(x.Keys)
		y.Keys[i].Type = a.rel.Columns[at].Type
		a.indexable(y.Keys[i].Type.OID, -1)
		a.replaceIndex(&y)
	}
}

// rebindTexts binds what the table keeps over its columns' new types.
func (a *alteration) rebindTexts() {
	for i, k := range a.rel.Table.Checks {
		a.rel.Table.Checks[i].Expr = a.stored(a.boolean(a.kept(k.Expr, a.rel), "CHECK", -1), -1)
	}
	for _, x := range a.rel.Table.Indexes {
		y := *x
		y.Keys = slices.Clone(x.Keys)
		for i, k := range y.Keys {
			if k.Column < 0 {
				e := a.kept(k.Expr, a.rel)
				y.Keys[i].Expr, y.Keys[i].Type = a.stored(e, -1), e.Type()
			}
		}
		if y.Where != "" {
			y.Where = a.stored(a.boolean(a.kept(y.Where, a.rel), "WHERE", -1), -1)
		}
		a.replaceIndex(&y)
	}
}
