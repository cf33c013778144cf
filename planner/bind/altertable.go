package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// alteration is ALTER TABLE in the making.
type alteration struct {
	*tableDraft
	stmt *plan.AlterTable
	// values compute the columns of a new row from an old one, by place; nil
	// until a column comes or changes.
	values  []plan.Expr
	rewrite bool
}

// alterTable is ALTER TABLE, and ALTER of what else has columns.
func (b *binder) alterTable(x *pg.AlterTableStmt) *plan.Bound {
	v := x.Relation
	if b.findRelation(v.Schemaname, v.Relname) == nil {
		if index := b.indexNamed(v.Schemaname, v.Relname); index != nil {
			return b.alterIndex(x)
		}
		if x.MissingOk {
			b.notice("relation \"%s\" does not exist, skipping", v.Relname)
			return done(&plan.Nothing{Tag: b.alterTag(x.Objtype)})
		}
	}
	old := b.maintained(v)
	b.ownRelation(old)
	if b.stmt.Word != "" {
		b.wrongKind(old)
	}
	switch old.Kind {
	case catalog.Table:
	case catalog.Virtual:
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", old.Name))
	default:
		return b.alterOther(x, old)
	}
	if x.Objtype != pg.ObjectType_OBJECT_TABLE {
		b.wrongObject(x.Objtype, old)
	}
	a := &alteration{tableDraft: b.altered(old)}
	a.stmt = &plan.AlterTable{Old: old, Relation: a.rel, Tag: "ALTER TABLE"}
	for i, c := range old.Columns {
		a.values = append(a.values, columnOfType(i, c))
	}
	for _, n := range x.Cmds {
		a.command(n.GetAlterTableCmd())
	}
	a.stmt.Owned = a.owned
	if a.stmt.Build && len(a.rel.Columns) != len(old.Columns) {
		a.rewrite = true // an index over what rows do not have yet
	}
	if a.rewrite {
		b.refuseRewritten(old)
		a.stmt.Rewrite = a.values
	}
	if a.rewrite || a.stmt.Build {
		a.stmt.Rules = b.rowRules(a.rel)
	}
	return done(a.stmt)
}

// wrongObject: ALTER VIEW of a table and its like.
func (b *binder) wrongObject(o pg.ObjectType, r *catalog.Relation) {
	word := map[pg.ObjectType]string{
		pg.ObjectType_OBJECT_VIEW: "a view", pg.ObjectType_OBJECT_SEQUENCE: "a sequence", pg.ObjectType_OBJECT_INDEX: "an index",
		pg.ObjectType_OBJECT_MATVIEW: "a materialized view", pg.ObjectType_OBJECT_FOREIGN_TABLE: "a foreign table",
	}[o]
	if word != "" {
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not %s", r.Name, word))
	}
}

// alterOther is ALTER of a view, sequence, stream or sink, of which only the
// owner can be said.
func (b *binder) alterOther(x *pg.AlterTableStmt, r *catalog.Relation) *plan.Bound {
	tag := b.alterTag(x.Objtype)
	if r.Kind == catalog.Stream && b.stmt.Word == "STREAM" {
		return b.alterStream(x, r)
	}
	changed := *r
	for _, n := range x.Cmds {
		c := n.GetAlterTableCmd()
		if c.Subtype == pg.AlterTableType_AT_ChangeOwner {
			b.chown(&changed, c.Newowner)
			continue
		}
		if r.Kind == catalog.Stream && x.Objtype == pg.ObjectType_OBJECT_TABLE {
			b.unsupported(x.Relation.Location, "Write ALTER STREAM "+r.Name+" ADD, DROP or RENAME COLUMN.", "ALTER TABLE on a stream is not supported")
		}
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "ALTER action %s cannot be performed on relation \"%s\"", actionWord(c.Subtype), r.Name).WithDetail("%s", noSupport(r)))
	}
	return done(&plan.AlterTable{Old: r, Relation: &changed, Tag: tag})
}

// roleName is a role as OWNER TO names it.
func (b *binder) roleName(r *pg.RoleSpec) string {
	switch r.GetRoletype() {
	case pg.RoleSpecType_ROLESPEC_CURRENT_USER, pg.RoleSpecType_ROLESPEC_CURRENT_ROLE:
		return b.c.User
	case pg.RoleSpecType_ROLESPEC_SESSION_USER:
		return b.c.sessionUser()
	}
	name := r.GetRolename()
	if name != b.c.User && !slices.Contains(b.c.Catalog.Roles(), name) {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "role \"%s\" does not exist", name))
	}
	return name
}

// command does one command on the draft.
func (a *alteration) command(c *pg.AlterTableCmd) {
	cascade := c.Behavior == pg.DropBehavior_DROP_CASCADE
	switch c.Subtype {
	case pg.AlterTableType_AT_AddColumn:
		a.addColumn(c.Def.GetColumnDef(), c.MissingOk)
	case pg.AlterTableType_AT_DropColumn:
		a.refuseFollowed(a.rel, "dropping a column")
		a.dropColumn(c.Name, c.MissingOk, cascade)
	case pg.AlterTableType_AT_ColumnDefault:
		a.columnDefault(c.Name, c.Def)
	case pg.AlterTableType_AT_SetNotNull:
		a.setNotNull(a.place(c.Name))
	case pg.AlterTableType_AT_DropNotNull:
		a.dropNotNull(a.place(c.Name))
	case pg.AlterTableType_AT_DropExpression:
		a.dropExpression(a.place(c.Name), c.MissingOk)
	case pg.AlterTableType_AT_AlterColumnType:
		a.refuseFollowed(a.rel, "changing a column's type")
		a.refuseKeyed(a.place(c.Name))
		a.columnType(a.place(c.Name), c.Def.GetColumnDef())
	case pg.AlterTableType_AT_AddIdentity:
		a.addIdentity(a.place(c.Name), c.Def)
	case pg.AlterTableType_AT_SetIdentity:
		a.setIdentity(a.place(c.Name), c.Def)
	case pg.AlterTableType_AT_DropIdentity:
		a.dropIdentity(a.place(c.Name), c.MissingOk)
	case pg.AlterTableType_AT_AddConstraint:
		a.addConstraint(c.Def.GetConstraint())
	case pg.AlterTableType_AT_DropConstraint:
		a.dropConstraint(c.Name, c.MissingOk, cascade)
	case pg.AlterTableType_AT_ValidateConstraint:
		a.validateConstraint(c.Name)
	case pg.AlterTableType_AT_ChangeOwner:
		a.chown(a.rel, c.Newowner)
	case pg.AlterTableType_AT_SetRelOptions:
		a.setOptions(a.storageOptions(c.Def.GetList().GetItems(), tableOptions))
	case pg.AlterTableType_AT_ResetRelOptions:
		a.resetOptions(c.Def.GetList().GetItems())
	case pg.AlterTableType_AT_SetLogged:
		a.rel.Table.Unlogged = false
	case pg.AlterTableType_AT_SetUnLogged:
		a.rel.Table.Unlogged = true
	case pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_SetStorage, pg.AlterTableType_AT_SetCompression, pg.AlterTableType_AT_SetOptions, pg.AlterTableType_AT_ResetOptions:
		if c.Num > 0 {
			a.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot refer to non-index column by number"))
		}
		a.place(c.Name) // how rows are sampled and packed is the server's own business
	case pg.AlterTableType_AT_ClusterOn:
		if a.rel.IndexNamed(c.Name) == nil {
			a.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "index \"%s\" for table \"%s\" does not exist", c.Name, a.rel.Name))
		}
	case pg.AlterTableType_AT_SetTableSpace:
		a.tablespace(c.Name)
	case pg.AlterTableType_AT_ReplicaIdentity:
		a.replicaIdentity(c.Def.GetReplicaIdentityStmt())
	case pg.AlterTableType_AT_DropCluster, pg.AlterTableType_AT_DropOids:
	default:
		a.absent(c)
	}
}

// place is the column that a command names.
func (a *alteration) place(name string) int {
	at := a.rel.ColumnNamed(name)
	if at < 0 {
		if slices.Contains(systemColumns, name) {
			a.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot alter system column \"%s\"", name))
		}
		a.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, a.rel.Name))
	}
	return at
}

func (a *alteration) setOptions(o catalog.Options) {
	all := slices.Clone(a.rel.Table.Options)
	for _, p := range o {
		all = append(slices.DeleteFunc(all, func(q catalog.Option) bool { return q.Key == p.Key }), p)
	}
	a.rel.Table.Options = all
}

func (a *alteration) resetOptions(list []*pg.Node) {
	for _, n := range list {
		name := n.GetDefElem().Defname
		if _, ok := tableOptions[name]; !ok {
			a.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized parameter \"%s\"", name))
		}
		a.rel.Table.Options = slices.DeleteFunc(slices.Clone(a.rel.Table.Options), func(q catalog.Option) bool { return q.Key == name })
	}
}

// overOld is an expression over a new row as one over the old row.
func (a *alteration) overOld(e plan.Expr) plan.Expr {
	return plan.MapColumns(e, func(c *plan.Column) plan.Expr { return a.values[c.Index] })
}

// demand makes the statement fail for rows of which cond is false.
func (a *alteration) demand(cond plan.Expr, err *sqlerr.Error) {
	a.stmt.Checks = append(a.stmt.Checks, plan.RowCheck{Cond: a.overOld(cond), Err: err})
}
