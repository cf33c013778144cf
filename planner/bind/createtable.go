package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// tableDraft is a table in the making: its description, and what can only be
// settled when all its columns are known.
type tableDraft struct {
	*binder
	rel     *catalog.Relation
	owned   []catalog.OwnedSequence
	pending []pendingConstraint // in the order of the text
	primary bool                // a primary key has been named
	// defaults and generated are the expressions of columns, by place.
	defaults, generated map[int]*pg.Node
	// new: only these columns are looked at for expressions; nil: all.
	taken []string // names that the statement itself gives away
	alter bool
}

// pendingConstraint is a constraint of a table, or of the column at a place.
type pendingConstraint struct {
	*pg.Constraint
	column int // -1: of the table
}

// createTable is CREATE TABLE.
func (b *binder) createTable(x *pg.CreateStmt) *plan.Bound {
	v := x.Relation
	r := b.newTable(v, x.Oncommit)
	if x.IfNotExists && b.c.Catalog.NameTaken(r.Schema, r.Name) {
		return done(&plan.CreateTable{Relation: r, IfNotExists: true})
	}
	b.refuseTableClauses(x)
	r.Table.Options = b.storageOptions(x.Options, tableOptions)
	t := &tableDraft{binder: b, rel: r, defaults: map[int]*pg.Node{}, generated: map[int]*pg.Node{}}
	for _, n := range x.TableElts {
		switch e := n.Node.(type) {
		case *pg.Node_ColumnDef:
			t.column(e.ColumnDef)
		case *pg.Node_Constraint:
			t.constraint(e.Constraint, -1)
		case *pg.Node_TableLikeClause:
			t.like(e.TableLikeClause)
		}
	}
	t.settle()
	return done(&plan.CreateTable{Relation: r, Owned: t.owned, IfNotExists: x.IfNotExists})
}

// newTable starts a table that a statement declares.
func (b *binder) newTable(v *pg.RangeVar, onCommit pg.OnCommitAction) *catalog.Relation {
	name := parse.Name{Schema: v.Schemaname, Name: clipName(v.Relname), Pos: b.pos(v.Location)}
	temporary := v.Relpersistence == "t"
	if temporary {
		if name.Schema != "" && name.Schema != "pg_temp" && name.Schema != b.c.TempSchema {
			b.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "cannot create temporary relation in non-temporary schema").At(name.Pos))
		}
		name.Schema = b.c.TempSchema
	}
	r := b.newRelation(name, catalog.Table)
	if v.Relpersistence == "u" && catalog.Temporary(r.Schema) {
		b.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "only temporary relations may be created in temporary schemas").At(name.Pos))
	}
	r.Table = &catalog.TableInfo{OnCommit: catalog.PreserveRows, Unlogged: v.Relpersistence == "u"}
	switch onCommit {
	case pg.OnCommitAction_ONCOMMIT_DELETE_ROWS:
		r.Table.OnCommit = catalog.DeleteRows
	case pg.OnCommitAction_ONCOMMIT_DROP:
		r.Table.OnCommit = catalog.DropTable
	}
	if onCommit > pg.OnCommitAction_ONCOMMIT_NOOP && !catalog.Temporary(r.Schema) {
		b.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "ON COMMIT can only be used on temporary tables"))
	}
	return r
}

func (b *binder) refuseTableClauses(x *pg.CreateStmt) {
	switch {
	case x.Partspec != nil:
		b.unsupported(x.Partspec.Location, "Create one table, with an index on what would be the partition key.", "PARTITION BY is not supported")
	case x.Partbound != nil:
		b.unsupported(x.Relation.Location, "Create one table, with an index on what would be the partition key.", "PARTITION OF is not supported")
	case len(x.InhRelations) > 0:
		b.unsupported(location(x.InhRelations[0]), "Write the columns out, or LIKE parent INCLUDING ALL in the column list.", "INHERITS is not supported")
	case x.OfTypename != nil:
		b.unsupported(x.OfTypename.Location, "Write the columns out.", "a table OF a type is not supported")
	case x.AccessMethod != "" && x.AccessMethod != "heap":
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "access method \"%s\" does not exist", x.AccessMethod))
	}
	b.tablespace(x.Tablespacename)
}

// tablespace knows the one there is.
func (b *binder) tablespace(name string) {
	switch name {
	case "", "pg_default":
	case "pg_global":
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "only shared relations can be placed in pg_global tablespace"))
	default:
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "tablespace \"%s\" does not exist", name))
	}
}

// clipName cuts a name to PostgreSQL's length.
func clipName(name string) string {
	if len(name) <= 63 {
		return name
	}
	n := 63
	for n > 0 && name[n]&0xc0 == 0x80 {
		n--
	}
	return name[:n]
}

// systemColumns are the names that no column of a table may have.
var systemColumns = []string{"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"}

// serials are the types that are an integer with a sequence.
var serials = map[string]types.OID{
	"smallserial": types.Int2, "serial2": types.Int2, "serial": types.Int4, "serial4": types.Int4, "bigserial": types.Int8, "serial8": types.Int8,
}

// column adds a column and what stands beside it.
func (t *tableDraft) column(def *pg.ColumnDef) int {
	name := clipName(def.Colname)
	at := len(t.rel.Columns)
	c := catalog.Column{Name: name}
	serial := t.serialType(def.TypeName)
	if serial != 0 {
		c.Type, c.NotNull = types.Of(serial), true
	} else {
		c.Type = t.typeName(def.TypeName)
	}
	t.rel.Columns = append(t.rel.Columns, c)
	t.checkColumnName(name, at)
	t.checkColumnType(def, c)
	t.rel.Columns[at].Collation = t.columnCollation(def.CollClause, c)
	if serial != 0 {
		t.own(at, t.sequence(serial, nil))
	}
	t.columnConstraints(def, at, serial != 0)
	t.rel.Columns[at].NotNull = t.rel.Columns[at].NotNull || def.IsNotNull
	return at
}

func (t *tableDraft) checkColumnName(name string, at int) {
	for _, c := range t.rel.Columns[:at] {
		if c.Name == name {
			t.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column \"%s\" specified more than once", name))
		}
	}
	if slices.Contains(systemColumns, name) {
		t.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column name \"%s\" conflicts with a system column name", name))
	}
}

func (t *tableDraft) checkColumnType(def *pg.ColumnDef, c catalog.Column) {
	info := types.Lookup(c.Type.OID)
	if info != nil && info.Kind == 'p' {
		t.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "column \"%s\" has pseudo-type %s", c.Name, t.formatType(c.Type.OID)))
	}
	if info == nil || info.Phys == types.PhysNone {
		t.unsupported(def.TypeName.Location, "Use text, or jsonb for nested values.", "column \"%s\" of type %s is not supported", c.Name, types.FormatType(c.Type))
	}
}

// columnCollation is the collation that a column is declared with, "" for its type's.
func (t *tableDraft) columnCollation(x *pg.CollateClause, c catalog.Column) string {
	if x == nil {
		return ""
	}
	names := strs(x.Collname)
	name := names[len(names)-1]
	if !collations[name] || len(names) > 1 && names[0] != "pg_catalog" {
		t.failf(sqlerr.UndefinedObject, x.Location, "collation \"%s\" for encoding \"UTF8\" does not exist", strings.Join(names, "."))
	}
	if category(c.Type.OID) != 'S' && category(elemType(c.Type.OID)) != 'S' {
		t.failf(sqlerr.DatatypeMismatch, x.Location, "collations are not supported by type %s", t.formatType(c.Type.OID))
	}
	if name == "default" {
		return ""
	}
	return name
}

func (t *tableDraft) serialType(n *pg.TypeName) types.OID {
	names := strs(n.Names)
	if len(names) != 1 || n.PctType || n.Setof {
		return 0
	}
	oid := serials[names[0]]
	if oid != 0 && len(n.ArrayBounds) > 0 {
		t.failf(sqlerr.FeatureNotSupported, n.Location, "array of serial is not implemented") // PostgreSQL's words
	}
	return oid
}

// own makes a sequence that numbers the column at a place.
func (t *tableDraft) own(at int, info *catalog.SequenceInfo) {
	name := catalog.ChooseName(t.rel.Name, t.rel.Columns[at].Name, "seq", t.nameTaken)
	t.ownNamed(at, info, name)
}

func (t *tableDraft) ownNamed(at int, info *catalog.SequenceInfo, name string) {
	t.taken = append(t.taken, name)
	t.owned = append(t.owned, catalog.OwnedSequence{Column: at, Relation: newSequence(t.rel.Schema, name, t.rel.Owner, info)})
}

// nameTaken: among the relations of the schema, and what the statement makes.
func (t *tableDraft) nameTaken(name string) bool {
	return t.c.Catalog.NameTaken(t.rel.Schema, name) || name == t.rel.Name || slices.Contains(t.taken, name)
}

// columnConstraints reads what follows a column's type, in the order of the text.
func (t *tableDraft) columnConstraints(def *pg.ColumnDef, at int, serial bool) {
	name, table := t.rel.Columns[at].Name, t.rel.Name
	nullable, notNull := false, false
	hasDefault, identity := serial, false
	t.constraintAttributes(def.Constraints)
	for _, n := range def.Constraints {
		c := n.GetConstraint()
		loc := c.Location
		if serial && c.Contype != pg.ConstrType_CONSTR_IDENTITY {
			loc = -1 // of what serial stands for
		}
		twice := func(what string) {
			t.failf(sqlerr.SyntaxError, loc, "%s for column \"%s\" of table \"%s\"", what, name, table)
		}
		switch c.Contype {
		case pg.ConstrType_CONSTR_NULL:
			if notNull || serial {
				twice("conflicting NULL/NOT NULL declarations")
			}
			nullable = true
		case pg.ConstrType_CONSTR_NOTNULL:
			if nullable {
				twice("conflicting NULL/NOT NULL declarations")
			}
			notNull = true
			t.rel.Columns[at].NotNull = true
		case pg.ConstrType_CONSTR_DEFAULT:
			if hasDefault {
				twice("multiple default values specified")
			}
			hasDefault = true
			t.defaults[at] = c.RawExpr
		case pg.ConstrType_CONSTR_IDENTITY:
			if identity {
				twice("multiple identity specifications")
			}
			identity = true
			t.identity(c, def, at)
			if nullable {
				twice("conflicting NULL/NOT NULL declarations")
			}
			notNull = true
		case pg.ConstrType_CONSTR_GENERATED:
			if t.generated[at] != nil {
				twice("multiple generation clauses specified")
			}
			t.generated[at] = c.RawExpr
		default:
			t.constraint(c, at)
		}
		switch {
		case hasDefault && identity:
			twice("both default and identity specified")
		case hasDefault && t.generated[at] != nil:
			twice("both default and generation expression specified")
		case identity && t.generated[at] != nil:
			twice("both identity and generation expression specified")
		}
	}
}

// identity is GENERATED ... AS IDENTITY (options).
func (t *tableDraft) identity(c *pg.Constraint, def *pg.ColumnDef, at int) {
	col := &t.rel.Columns[at]
	switch col.Type.OID {
	case types.Int2, types.Int4, types.Int8:
	default:
		t.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "identity column type must be smallint, integer, or bigint"))
	}
	info := t.sequence(col.Type.OID, withoutName(c.Options))
	if name := sequenceName(c.Options); name != "" {
		t.ownNamed(at, info, name)
	} else {
		t.own(at, info)
	}
	col.Identity, col.NotNull = catalog.Identity(c.GeneratedWhen[0]), true
}

// constraint keeps a constraint until all columns are known.
func (t *tableDraft) constraint(c *pg.Constraint, at int) {
	switch c.Contype {
	case pg.ConstrType_CONSTR_EXCLUSION:
		t.unsupported(c.Location, "Use UNIQUE, or a condition where rows are inserted.", "EXCLUDE is not supported")
	case pg.ConstrType_CONSTR_ATTR_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_DEFERRED:
		t.unsupported(c.Location, "Leave DEFERRABLE out: constraints are checked by each statement.", "deferrable constraints are not supported")
	case pg.ConstrType_CONSTR_ATTR_NOT_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_IMMEDIATE:
		return
	}
	if c.Deferrable || c.Initdeferred {
		t.unsupported(c.Location, "Leave DEFERRABLE out: constraints are checked by each statement.", "deferrable constraints are not supported")
	}
	if c.Contype == pg.ConstrType_CONSTR_PRIMARY {
		if t.rel.PrimaryKey() != nil {
			t.fail(sqlerr.Errorf(sqlerr.InvalidTableDefinition, "multiple primary keys for table \"%s\" are not allowed", t.rel.Name))
		}
		if t.primary {
			t.failf(sqlerr.InvalidTableDefinition, c.Location, "multiple primary keys for table \"%s\" are not allowed", t.rel.Name)
		}
		t.primary = true
	}
	t.pending = append(t.pending, pendingConstraint{c, at})
}
