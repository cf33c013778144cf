package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// settle binds what needs all columns: keys first, then expressions, as
// PostgreSQL's errors come in that order.
func (t *tableDraft) settle() {
	var keys []*catalog.Index
	for _, c := range t.pending {
		if c.Contype == pg.ConstrType_CONSTR_PRIMARY || c.Contype == pg.ConstrType_CONSTR_UNIQUE {
			keys = append(keys, t.key(c))
		}
	}
	for at := range t.rel.Columns {
		if n := t.defaults[at]; n != nil {
			t.rel.Columns[at].Default = t.defaultText(n, t.rel.Columns[at])
		}
	}
	for at := range t.rel.Columns {
		if n := t.generated[at]; n != nil {
			t.rel.Columns[at].Generated = t.generatedText(n, at)
		}
	}
	for _, c := range t.pending {
		if c.Contype == pg.ConstrType_CONSTR_CHECK {
			t.rel.Table.Checks = append(t.rel.Table.Checks, t.check(c.Constraint))
		}
	}
	t.nameKeys(keys)
	for _, c := range t.pending {
		if c.Contype == pg.ConstrType_CONSTR_FOREIGN {
			t.foreignKey(c)
		}
	}
}

// key is the index of PRIMARY KEY or UNIQUE.
func (t *tableDraft) key(c pendingConstraint) *catalog.Index {
	x := &catalog.Index{
		Name: clipName(c.Conname), Unique: true, Constraint: true, Primary: c.Contype == pg.ConstrType_CONSTR_PRIMARY, NullsNotDistinct: c.NullsNotDistinct,
		Options: t.storageOptions(c.Options, indexOptions),
	}
	t.tablespace(c.Indexspace)
	if c.Indexname != "" {
		return t.keyUsing(c, x)
	}
	names := strs(c.Keys)
	if c.column >= 0 {
		names = []string{t.rel.Columns[c.column].Name}
	}
	word := map[bool]string{true: "primary key", false: "unique"}[x.Primary]
	for _, name := range names {
		at := t.keyColumn(name, c.Location)
		if slices.ContainsFunc(x.Keys, func(k catalog.IndexKey) bool { return k.Column == at }) {
			t.failf(sqlerr.DuplicateColumn, c.Location, "column \"%s\" appears twice in %s constraint", name, word)
		}
		if x.Primary {
			t.rel.Columns[at].NotNull = true
		}
		t.indexable(t.rel.Columns[at].Type.OID, -1)
		x.Keys = append(x.Keys, catalog.IndexKey{Column: at, Type: t.rel.Columns[at].Type})
	}
	for _, name := range strs(c.Including) {
		x.Include = append(x.Include, t.keyColumn(name, c.Location))
	}
	return x
}

func (t *tableDraft) keyColumn(name string, loc int32) int {
	at := t.rel.ColumnNamed(name)
	if at < 0 {
		if slices.Contains(systemColumns, name) {
			t.unsupported(loc, "Name columns of the table.", "an index on system columns is not supported")
		}
		t.failf(sqlerr.UndefinedColumn, loc, "column \"%s\" named in key does not exist", name)
	}
	return at
}

// indexable refuses types without an order.
func (b *binder) indexable(oid types.OID, loc int32) {
	if info := types.Lookup(oid); info == nil || !info.Comparable {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "data type %s has no default operator class for access method \"btree\"", b.formatType(oid)).
			WithHint("You must specify an operator class for the index or define a default operator class for the data type.").At(b.pos(loc)))
	}
}

// keyUsing is ADD ... USING INDEX: an index that exists becomes a constraint's.
func (t *tableDraft) keyUsing(c pendingConstraint, x *catalog.Index) *catalog.Index {
	old := t.rel.IndexNamed(c.Indexname)
	switch {
	case old == nil:
		t.failf(sqlerr.UndefinedObject, c.Location, "index \"%s\" does not exist", c.Indexname)
	case old.Constraint:
		t.failf(sqlerr.ObjectNotInPrerequisiteState, c.Location, "index \"%s\" is already associated with a constraint", c.Indexname)
	case !old.Unique:
		t.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a unique index", c.Indexname).
			WithDetail("Cannot create a primary key or unique constraint using such an index.").At(t.pos(c.Location)))
	case old.Where != "":
		t.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is a partial index", c.Indexname).
			WithDetail("Cannot create a primary key or unique constraint using such an index.").At(t.pos(c.Location)))
	}
	used := *old
	used.Constraint, used.Primary = true, x.Primary
	for _, k := range old.Keys {
		if k.Column < 0 {
			t.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "index \"%s\" contains expressions", c.Indexname).
				WithDetail("Cannot create a primary key or unique constraint using such an index.").At(t.pos(c.Location)))
		}
		if k.Desc || k.NullsFirst {
			t.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "index \"%s\" column number %d does not have default sorting behavior", c.Indexname, 1).
				WithDetail("Cannot create a primary key or unique constraint using such an index.").At(t.pos(c.Location)))
		}
		if x.Primary {
			t.rel.Columns[k.Column].NotNull = true
		}
	}
	if x.Name != "" && x.Name != old.Name {
		t.notice("ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"%s\" to \"%s\"", old.Name, x.Name)
		used.Name = x.Name
	}
	return &used
}

// nameKeys gives keys without a name theirs, leaves out what says the same twice,
// and adds them to the table: the primary key first.
func (t *tableDraft) nameKeys(keys []*catalog.Index) {
	slices.SortStableFunc(keys, func(a, b *catalog.Index) int {
		switch {
		case a.Primary == b.Primary:
			return 0
		case a.Primary:
			return -1
		}
		return 1
	})
	for i, x := range keys {
		if x.OID != 0 {
			t.replaceIndex(x)
			continue
		}
		same := slices.IndexFunc(keys[:i], func(y *catalog.Index) bool { return y != nil && sameKeys(x, y) && (x.Name == "" || y.Name == "") })
		if same >= 0 {
			if x.Name != "" {
				keys[same].Name = x.Name
			}
			keys[i] = nil
		}
	}
	for _, x := range keys {
		if x == nil || x.OID != 0 {
			continue
		}
		if x.Name == "" {
			x.Name = t.indexName(x, nil)
		} else if slices.ContainsFunc(t.rel.Table.Checks, func(c catalog.Check) bool { return c.Name == x.Name }) {
			t.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", x.Name, t.rel.Name))
		} else if t.nameTaken(x.Name) {
			t.fail(sqlerr.Errorf(sqlerr.DuplicateTable, "relation \"%s\" already exists", x.Name))
		}
		t.taken = append(t.taken, x.Name)
		t.rel.Table.Indexes = append(t.rel.Table.Indexes, x)
	}
}

func (t *tableDraft) replaceIndex(x *catalog.Index) {
	for i, y := range t.rel.Table.Indexes {
		if y.OID == x.OID {
			t.rel.Table.Indexes[i] = x
		}
	}
}

func sameKeys(a, b *catalog.Index) bool {
	return slices.Equal(a.Keys, b.Keys) && slices.Equal(a.Include, b.Include) && a.NullsNotDistinct == b.NullsNotDistinct
}

// indexName chooses an index's name (ChooseIndexName). parts are its key
// columns' names; nil: they are columns all.
func (t *tableDraft) indexName(x *catalog.Index, parts []string) string {
	if x.Primary {
		return catalog.ChooseName(t.rel.Name, "", "pkey", t.constraintTaken)
	}
	if parts == nil {
		for _, k := range x.Keys {
			parts = append(parts, t.rel.Columns[k.Column].Name)
		}
	}
	if x.Constraint {
		return catalog.ChooseName(t.rel.Name, strings.Join(parts, "_"), "key", t.constraintTaken)
	}
	return catalog.ChooseName(t.rel.Name, strings.Join(parts, "_"), "idx", t.nameTaken)
}

// constraintTaken: names of constraints are their table's, those of indexes the
// schema's.
func (t *tableDraft) constraintTaken(name string) bool {
	return t.nameTaken(name) || t.constraintNamed(name)
}

// unplaced runs f for ALTER TABLE, whose errors in the expressions of columns and
// checks have no position, as in PostgreSQL.
func (t *tableDraft) unplaced(f func()) {
	if !t.alter {
		f()
		return
	}
	defer func() {
		r := recover()
		if e, ok := r.(bindError); ok {
			err := *e.err
			err.Position = 0
			r = bindError{&err}
		}
		if r != nil {
			panic(r)
		}
	}()
	f()
}

// check binds CHECK (expr).
func (t *tableDraft) check(c *pg.Constraint) catalog.Check {
	var e plan.Expr
	t.unplaced(func() { e = t.rowCondition(c.RawExpr, exprCheck, "CHECK") })
	k := catalog.Check{Name: clipName(c.Conname), Expr: t.stored(e, c.Location), Attrs: t.attributesOf(e), NoInherit: c.IsNoInherit}
	taken := func(name string) bool {
		return slices.Contains(t.taken, name) || slices.ContainsFunc(t.rel.Table.Checks, func(k catalog.Check) bool { return k.Name == name }) || t.rel.IndexNamed(name) != nil
	}
	if k.Name == "" {
		k.Name = catalog.ChooseName(t.rel.Name, t.onlyColumn(e), "check", taken)
	} else if slices.ContainsFunc(t.rel.Table.Checks, func(o catalog.Check) bool { return o.Name == k.Name }) {
		if t.alter {
			t.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "constraint \"%s\" for relation \"%s\" already exists", k.Name, t.rel.Name))
		}
		t.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "check constraint \"%s\" already exists", k.Name))
	}
	return k
}

// attributesOf are the numbers of the columns that an expression reads.
func (t *tableDraft) attributesOf(e plan.Expr) []int16 {
	var all []int16
	plan.Walk(e, func(x plan.Expr) bool {
		if c, ok := x.(*plan.Column); ok && !slices.Contains(all, t.rel.Attribute(c.Index)) {
			all = append(all, t.rel.Attribute(c.Index))
		}
		return true
	})
	return all
}

// rowCondition binds a condition over a row of the table.
func (t *tableDraft) rowCondition(n *pg.Node, k exprKind, construct string) plan.Expr {
	return t.boolean(t.expr(n, t.rowScope(nil), k), construct, location(n))
}

// onlyColumn is the name of the one column that an expression reads; "": of none,
// or of several.
func (t *tableDraft) onlyColumn(e plan.Expr) string {
	name, several := "", false
	plan.Walk(e, func(x plan.Expr) bool {
		if c, ok := x.(*plan.Column); ok {
			several = several || name != "" && name != c.Name
			name = c.Name
		}
		return true
	})
	if several {
		return ""
	}
	return name
}

// rowScope are the columns of the table's row, less those that hide keeps back.
func (t *tableDraft) rowScope(hide func(catalog.Column) bool) *scope {
	return tableScope(t.rel, hide)
}

// tableScope is the scope of an expression that a table keeps.
func tableScope(r *catalog.Relation, hide func(catalog.Column) bool) *scope {
	item := &rangeItem{name: r.Name, relVisible: true, colsVisible: true, rel: r}
	for i, c := range r.Columns {
		if hide == nil || !hide(c) {
			item.cols = append(item.cols, itemCol{name: c.Name, expr: columnOfType(i, c)})
		}
	}
	return &scope{items: []*rangeItem{item}}
}

// defaultText binds DEFAULT expr of a column.
func (b *binder) defaultText(n *pg.Node, c catalog.Column) string {
	o := b.operand(n, &scope{}, exprDefault)
	e := b.coerceTo(o.e, c.Type, assignment, o.loc)
	if e == nil {
		b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "column \"%s\" is of type %s but default expression is of type %s", c.Name, b.formatType(c.Type.OID), b.formatType(o.e.Type().OID)).
			WithHint("You will need to rewrite or cast the expression."))
	}
	if k, ok := e.(*plan.Const); ok && k.Value.Null {
		return "" // as none at all
	}
	return b.storedText(e, nil, o.loc)
}

// generatedText binds GENERATED ALWAYS AS (expr) STORED of the column at a place.
func (t *tableDraft) generatedText(n *pg.Node, at int) string {
	c := t.rel.Columns[at]
	o := t.operand(n, t.rowScope(nil), exprGenerated)
	plan.Walk(o.e, func(x plan.Expr) bool {
		if col, ok := x.(*plan.Column); ok && t.generated[col.Index] != nil || ok && t.rel.Columns[col.Index].Generated != "" {
			detail := "A generated column cannot reference another generated column."
			if col.Index == at {
				detail = "This would cause the generated column to depend on its own value."
				if t.rel.Columns[at].Name == col.Name {
					detail = "A generated column cannot reference another generated column."
				}
			}
			t.fail(sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "cannot use generated column \"%s\" in column generation expression", col.Name).
				WithDetail("%s", detail).At(t.pos(o.loc)))
		}
		return true
	})
	if plan.Any(o.e, isMutable) {
		t.fail(sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "generation expression is not immutable"))
	}
	e := t.coerceTo(o.e, c.Type, assignment, o.loc)
	if e == nil {
		t.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "column \"%s\" is of type %s but default expression is of type %s", c.Name, t.formatType(c.Type.OID), t.formatType(o.e.Type().OID)).
			WithHint("You will need to rewrite or cast the expression."))
	}
	return t.stored(e, o.loc)
}

// isMutable: what it gives may change with the session or the time.
func isMutable(e plan.Expr) bool {
	switch x := e.(type) {
	case *plan.Call:
		return x.Func.Volatility != 'i'
	case *plan.Cast:
		return x.Method == plan.CastText && (mutableText(x.Typ.OID) || mutableText(x.Arg.Type().OID))
	}
	return false
}

// mutableText are the types whose text form settings decide.
func mutableText(oid types.OID) bool {
	switch oid {
	case types.Date, types.Timestamp, types.Timestamptz, types.Timetz, types.Interval, types.Bytea, types.Float4, types.Float8, types.Regclass:
		return true
	}
	return false
}

func (t *tableDraft) stored(e plan.Expr, loc int32) string {
	return t.storedText(e, columnNames(t.rel), loc)
}

func columnNames(r *catalog.Relation) []string {
	names := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		names[i] = c.Name
	}
	return names
}

// storedText is an expression as the catalog keeps it.
func (b *binder) storedText(e plan.Expr, names []string, loc int32) string {
	d := &deparser{names: names, stored: true, catalog: b.c.Catalog}
	text := d.text(e, false)
	if d.failed {
		b.unsupported(loc, "Write it with functions and operators.", "this kind of expression in a table's definition is not supported")
	}
	return text
}
