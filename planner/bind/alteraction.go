package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// actions are PostgreSQL's words for what an ALTER does.
var actions = map[pg.AlterTableType]string{
	pg.AlterTableType_AT_AddColumn:                 "ADD COLUMN",
	pg.AlterTableType_AT_ColumnDefault:             "ALTER COLUMN ... SET DEFAULT",
	pg.AlterTableType_AT_DropNotNull:               "ALTER COLUMN ... DROP NOT NULL",
	pg.AlterTableType_AT_SetNotNull:                "ALTER COLUMN ... SET NOT NULL",
	pg.AlterTableType_AT_DropExpression:            "ALTER COLUMN ... DROP EXPRESSION",
	pg.AlterTableType_AT_SetStatistics:             "ALTER COLUMN ... SET STATISTICS",
	pg.AlterTableType_AT_SetOptions:                "ALTER COLUMN ... SET",
	pg.AlterTableType_AT_ResetOptions:              "ALTER COLUMN ... RESET",
	pg.AlterTableType_AT_SetStorage:                "ALTER COLUMN ... SET STORAGE",
	pg.AlterTableType_AT_SetCompression:            "ALTER COLUMN ... SET COMPRESSION",
	pg.AlterTableType_AT_DropColumn:                "DROP COLUMN",
	pg.AlterTableType_AT_AddConstraint:             "ADD CONSTRAINT",
	pg.AlterTableType_AT_AlterConstraint:           "ALTER CONSTRAINT",
	pg.AlterTableType_AT_ValidateConstraint:        "VALIDATE CONSTRAINT",
	pg.AlterTableType_AT_DropConstraint:            "DROP CONSTRAINT",
	pg.AlterTableType_AT_AlterColumnType:           "ALTER COLUMN ... SET DATA TYPE",
	pg.AlterTableType_AT_AlterColumnGenericOptions: "ALTER COLUMN ... OPTIONS",
	pg.AlterTableType_AT_AddIdentity:               "ALTER COLUMN ... ADD IDENTITY",
	pg.AlterTableType_AT_SetIdentity:               "ALTER COLUMN ... SET",
	pg.AlterTableType_AT_DropIdentity:              "ALTER COLUMN ... DROP IDENTITY",
	pg.AlterTableType_AT_ChangeOwner:               "OWNER TO",
	pg.AlterTableType_AT_ClusterOn:                 "CLUSTER ON",
	pg.AlterTableType_AT_DropCluster:               "SET WITHOUT CLUSTER",
	pg.AlterTableType_AT_SetAccessMethod:           "SET ACCESS METHOD",
	pg.AlterTableType_AT_SetLogged:                 "SET LOGGED",
	pg.AlterTableType_AT_SetUnLogged:               "SET UNLOGGED",
	pg.AlterTableType_AT_DropOids:                  "SET WITHOUT OIDS",
	pg.AlterTableType_AT_SetTableSpace:             "SET TABLESPACE",
	pg.AlterTableType_AT_SetRelOptions:             "SET",
	pg.AlterTableType_AT_ResetRelOptions:           "RESET",
	pg.AlterTableType_AT_EnableTrig:                "ENABLE TRIGGER",
	pg.AlterTableType_AT_EnableAlwaysTrig:          "ENABLE ALWAYS TRIGGER",
	pg.AlterTableType_AT_EnableReplicaTrig:         "ENABLE REPLICA TRIGGER",
	pg.AlterTableType_AT_DisableTrig:               "DISABLE TRIGGER",
	pg.AlterTableType_AT_EnableTrigAll:             "ENABLE TRIGGER ALL",
	pg.AlterTableType_AT_DisableTrigAll:            "DISABLE TRIGGER ALL",
	pg.AlterTableType_AT_EnableTrigUser:            "ENABLE TRIGGER USER",
	pg.AlterTableType_AT_DisableTrigUser:           "DISABLE TRIGGER USER",
	pg.AlterTableType_AT_EnableRule:                "ENABLE RULE",
	pg.AlterTableType_AT_EnableAlwaysRule:          "ENABLE ALWAYS RULE",
	pg.AlterTableType_AT_EnableReplicaRule:         "ENABLE REPLICA RULE",
	pg.AlterTableType_AT_DisableRule:               "DISABLE RULE",
	pg.AlterTableType_AT_AddInherit:                "INHERIT",
	pg.AlterTableType_AT_DropInherit:               "NO INHERIT",
	pg.AlterTableType_AT_AddOf:                     "OF",
	pg.AlterTableType_AT_DropOf:                    "NOT OF",
	pg.AlterTableType_AT_ReplicaIdentity:           "REPLICA IDENTITY",
	pg.AlterTableType_AT_EnableRowSecurity:         "ENABLE ROW SECURITY",
	pg.AlterTableType_AT_DisableRowSecurity:        "DISABLE ROW SECURITY",
	pg.AlterTableType_AT_ForceRowSecurity:          "FORCE ROW SECURITY",
	pg.AlterTableType_AT_NoForceRowSecurity:        "NO FORCE ROW SECURITY",
	pg.AlterTableType_AT_GenericOptions:            "OPTIONS",
	pg.AlterTableType_AT_AttachPartition:           "ATTACH PARTITION",
	pg.AlterTableType_AT_DetachPartition:           "DETACH PARTITION",
	pg.AlterTableType_AT_DetachPartitionFinalize:   "DETACH PARTITION ... FINALIZE",
}

// actionWord is PostgreSQL's word for an action.
func actionWord(t pg.AlterTableType) string {
	if w := actions[t]; w != "" {
		return w
	}
	return objectWord(pg.ObjectType_OBJECT_TABLE)
}

// replicaIdentity is REPLICA IDENTITY: there are no replicas of a table, but an index
// that is named must be one that could tell them of a row.
func (a *alteration) replicaIdentity(x *pg.ReplicaIdentityStmt) {
	if x.Name == "" {
		return
	}
	index := a.rel.IndexNamed(x.Name)
	switch {
	case index == nil && a.indexNamed(a.rel.Schema, x.Name) != nil:
		a.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not an index for table \"%s\"", x.Name, a.rel.Name))
	case index == nil && a.c.Catalog.NameTaken(a.rel.Schema, x.Name):
		a.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not an index", x.Name))
	case index == nil:
		a.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "index \"%s\" for table \"%s\" does not exist", x.Name, a.rel.Name))
	case !index.Unique:
		a.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot use non-unique index \"%s\" as replica identity", x.Name))
	case slices.ContainsFunc(index.Keys, func(k catalog.IndexKey) bool { return k.Column < 0 }):
		a.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot use expression index \"%s\" as replica identity", x.Name))
	case index.Where != "":
		a.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot use partial index \"%s\" as replica identity", x.Name))
	}
	for _, k := range index.Keys {
		if c := a.rel.Columns[k.Column]; !c.NotNull {
			a.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "index \"%s\" cannot be used as replica identity because column \"%s\" is nullable", x.Name, c.Name))
		}
	}
}

// absent is an action on what no table has: triggers of a user's, rules, policies for
// rows, ancestors. To turn off what is not there is done.
func (a *alteration) absent(c *pg.AlterTableCmd) {
	switch c.Subtype {
	case pg.AlterTableType_AT_EnableTrigAll, pg.AlterTableType_AT_EnableTrigUser, pg.AlterTableType_AT_DisableTrigUser,
		pg.AlterTableType_AT_DisableRowSecurity, pg.AlterTableType_AT_NoForceRowSecurity:
		return
	case pg.AlterTableType_AT_DisableTrigAll:
		if len(a.rel.Table.Foreign) == 0 && len(a.c.Catalog.References(a.rel.OID)) == 0 {
			return
		}
		a.unsupported(-1, "Drop the foreign keys, load the rows, and add them again: ALTER TABLE ... DROP CONSTRAINT, ADD FOREIGN KEY.",
			"DISABLE TRIGGER ALL of a table with foreign keys is not supported")
	case pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_EnableAlwaysTrig, pg.AlterTableType_AT_EnableReplicaTrig, pg.AlterTableType_AT_DisableTrig:
		a.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "trigger \"%s\" for table \"%s\" does not exist", c.Name, a.rel.Name))
	case pg.AlterTableType_AT_AlterConstraint:
		a.alterConstraint(c.Def.GetConstraint())
		return
	case pg.AlterTableType_AT_SetAccessMethod:
		if c.Name != "heap" && !accessMethods[c.Name] && c.Name != "btree" {
			a.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "access method \"%s\" does not exist", c.Name))
		}
		if c.Name != "heap" {
			a.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "access method \"%s\" is not of type TABLE", c.Name))
		}
		return
	case pg.AlterTableType_AT_EnableRule, pg.AlterTableType_AT_EnableAlwaysRule, pg.AlterTableType_AT_EnableReplicaRule, pg.AlterTableType_AT_DisableRule:
		a.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "rule \"%s\" for relation \"%s\" does not exist", c.Name, a.rel.Name))
	}
	a.unsupported(-1, "A table has columns, constraints and indexes; see ALTER TABLE ... ADD, DROP, ALTER COLUMN.", "ALTER TABLE ... %s is not supported", actionWord(c.Subtype))
}

// indexStatistics is ALTER INDEX ... ALTER COLUMN n SET STATISTICS, which an expression
// may have.
func (b *binder) indexStatistics(x *foundIndex, n int) {
	switch {
	case n < 1 || n > len(x.Keys)+len(x.Include):
		b.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column number %d of relation \"%s\" does not exist", n, x.Name))
	case n > len(x.Keys):
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot alter statistics on included column \"%s\" of index \"%s\"", x.table.Columns[x.Include[n-len(x.Keys)-1]].Name, x.Name))
	case x.Keys[n-1].Column >= 0:
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot alter statistics on non-expression column \"%s\" of index \"%s\"", x.table.Columns[x.Keys[n-1].Column].Name, x.Name).
			WithHint("Alter statistics on table column instead."))
	}
}

// alterConstraint is ALTER CONSTRAINT, which says when a foreign key is checked.
func (a *alteration) alterConstraint(c *pg.Constraint) {
	if !slices.ContainsFunc(a.rel.Table.Foreign, func(k catalog.ForeignKey) bool { return k.Name == c.Conname }) {
		if !a.constraintNamed(c.Conname) {
			a.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "constraint \"%s\" of relation \"%s\" does not exist", c.Conname, a.rel.Name))
		}
		a.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "constraint \"%s\" of relation \"%s\" is not a foreign key constraint", c.Conname, a.rel.Name))
	}
	if c.Deferrable || c.Initdeferred {
		a.unsupported(-1, "Leave DEFERRABLE out: constraints are checked by each statement.", "deferrable constraints are not supported")
	}
}
