package bind

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// plainStatement binds a statement that PostgreSQL has and that is no SELECT.
func (b *binder) plainStatement(n *pg.Node) *plan.Bound {
	b.refuseClauses(n)
	switch x := n.Node.(type) {
	case *pg.Node_VariableSetStmt:
		return done(b.setVariable(x.VariableSetStmt))
	case *pg.Node_VariableShowStmt:
		return b.showVariable(x.VariableShowStmt.Name)
	case *pg.Node_TransactionStmt:
		return b.transaction(x.TransactionStmt)
	case *pg.Node_DiscardStmt:
		return done(&plan.Discard{What: discardWord(x.DiscardStmt.Target)})
	case *pg.Node_PrepareStmt:
		return b.prepare(x.PrepareStmt)
	case *pg.Node_ExecuteStmt:
		return b.execute(x.ExecuteStmt)
	case *pg.Node_DeallocateStmt:
		return done(&plan.Deallocate{Name: x.DeallocateStmt.Name})
	case *pg.Node_DeclareCursorStmt:
		return b.declare(x.DeclareCursorStmt)
	case *pg.Node_FetchStmt:
		return b.fetch(x.FetchStmt)
	case *pg.Node_ClosePortalStmt:
		return done(&plan.ClosePortal{Name: x.ClosePortalStmt.Portalname})
	case *pg.Node_CopyStmt:
		return b.copy(x.CopyStmt)
	case *pg.Node_ExplainStmt:
		return b.explain(x.ExplainStmt)
	case *pg.Node_InsertStmt:
		return b.insert(x.InsertStmt)
	case *pg.Node_UpdateStmt:
		b.topWith = x.UpdateStmt.WithClause
		root, m := b.update(x.UpdateStmt, nil)
		return b.modification(root, "UPDATE", m.Fields)
	case *pg.Node_DeleteStmt:
		b.topWith = x.DeleteStmt.WithClause
		root, m := b.delete(x.DeleteStmt, nil)
		return b.modification(root, "DELETE", m.Fields)
	case *pg.Node_MergeStmt:
		b.topWith = x.MergeStmt.WithClause
		root, _ := b.merge(x.MergeStmt, nil)
		return b.modification(root, "MERGE", nil)
	case *pg.Node_CreateSchemaStmt:
		return b.createSchema(x.CreateSchemaStmt)
	case *pg.Node_CreateStmt:
		return b.createTable(x.CreateStmt)
	case *pg.Node_CreateTableAsStmt:
		if x.CreateTableAsStmt.Objtype == pg.ObjectType_OBJECT_TABLE {
			return b.createTableAs(x.CreateTableAsStmt)
		}
		return b.createMatView(x.CreateTableAsStmt)
	case *pg.Node_RefreshMatViewStmt:
		return b.refresh(x.RefreshMatViewStmt)
	case *pg.Node_CreateRoleStmt:
		return b.createRole(x.CreateRoleStmt)
	case *pg.Node_AlterRoleStmt:
		return b.alterRole(x.AlterRoleStmt)
	case *pg.Node_DropRoleStmt:
		return b.dropRoles(x.DropRoleStmt)
	case *pg.Node_GrantStmt:
		return b.grant(x.GrantStmt)
	case *pg.Node_AlterDefaultPrivilegesStmt:
		return b.defaultPrivileges(x.AlterDefaultPrivilegesStmt)
	case *pg.Node_ReassignOwnedStmt:
		return b.reassignOwned(x.ReassignOwnedStmt)
	case *pg.Node_DropOwnedStmt:
		return b.dropOwned(x.DropOwnedStmt)
	case *pg.Node_GrantRoleStmt:
		return b.grantRoles(x.GrantRoleStmt)
	case *pg.Node_CreateEnumStmt:
		return b.createEnum(x.CreateEnumStmt)
	case *pg.Node_AlterEnumStmt:
		return b.alterEnum(x.AlterEnumStmt)
	case *pg.Node_CreateSeqStmt:
		return b.createSequence(x.CreateSeqStmt)
	case *pg.Node_AlterSeqStmt:
		return b.alterSequence(x.AlterSeqStmt)
	case *pg.Node_IndexStmt:
		return b.createIndex(x.IndexStmt)
	case *pg.Node_AlterTableStmt:
		return b.alterTable(x.AlterTableStmt)
	case *pg.Node_RenameStmt:
		return b.renameStatement(x.RenameStmt)
	case *pg.Node_AlterObjectSchemaStmt:
		return b.setSchema(x.AlterObjectSchemaStmt)
	case *pg.Node_AlterOwnerStmt:
		return b.alterOwner(x.AlterOwnerStmt)
	case *pg.Node_CommentStmt:
		return b.comment(x.CommentStmt)
	case *pg.Node_TruncateStmt:
		return b.truncate(x.TruncateStmt)
	case *pg.Node_DropStmt:
		return b.drop(x.DropStmt)
	case *pg.Node_ViewStmt:
		return b.createView(x.ViewStmt)
	case *pg.Node_LockStmt:
		return b.lock(x.LockStmt)
	case *pg.Node_CheckPointStmt:
		return done(&plan.Nothing{Tag: "CHECKPOINT"})
	case *pg.Node_ConstraintsSetStmt:
		return b.setConstraints(x.ConstraintsSetStmt)
	case *pg.Node_ListenStmt:
		return done(&plan.Listen{Channel: x.ListenStmt.Conditionname})
	case *pg.Node_UnlistenStmt:
		return done(&plan.Listen{Channel: x.UnlistenStmt.Conditionname, Stop: true})
	case *pg.Node_NotifyStmt:
		return done(&plan.Notify{Channel: x.NotifyStmt.Conditionname, Payload: x.NotifyStmt.Payload})
	case *pg.Node_ReindexStmt:
		return b.reindex(x.ReindexStmt)
	case *pg.Node_ClusterStmt:
		return b.cluster(x.ClusterStmt)
	case *pg.Node_VacuumStmt:
		return b.vacuum(x.VacuumStmt)
	}
	b.unsupportedStatement(n)
	return nil
}

// refuseClauses answers WITH and INTO on statements that have no use for them.
func (b *binder) refuseClauses(n *pg.Node) {
	switch x := n.Node.(type) {
	case *pg.Node_CopyStmt, *pg.Node_DeclareCursorStmt, *pg.Node_PrepareStmt, *pg.Node_ExplainStmt, *pg.Node_FetchStmt:
		return
	case *pg.Node_CreateSchemaStmt:
		if b.stmt.From != nil {
			return
		}
	case *pg.Node_ViewStmt:
		if len(b.stmt.Into) == 0 {
			return
		}
	case *pg.Node_CreateTableAsStmt:
		if x.CreateTableAsStmt.Objtype == pg.ObjectType_OBJECT_MATVIEW && len(b.stmt.Into) == 0 {
			return
		}
	case *pg.Node_InsertStmt:
		if sel := x.InsertStmt.SelectStmt.GetSelectStmt(); sel != nil && len(sel.ValuesLists) == 0 && len(b.stmt.Into) == 0 {
			return
		}
	}
	if len(b.stmt.Into) > 0 {
		b.unsupportedAt(b.stmt.Into[0].Pos, "Write SELECT ... INTO.", "INTO is not supported here")
	}
	if len(b.stmt.With) > 0 {
		b.unsupportedAt(b.stmt.With[0].Pos, "Write the keys where the stream is declared: CREATE STREAM ... WITH (...).", "WITH is not supported here")
	}
}

func done(s plan.Statement) *plan.Bound { return &plan.Bound{Statement: s} }

// setVariable is SET and its relatives.
func (b *binder) setVariable(x *pg.VariableSetStmt) plan.Statement {
	name := settingName(x.Name)
	switch x.Kind {
	case pg.VariableSetKind_VAR_RESET:
		return &plan.ResetVariable{Name: name}
	case pg.VariableSetKind_VAR_RESET_ALL:
		return &plan.ResetVariable{Name: "all"}
	case pg.VariableSetKind_VAR_SET_DEFAULT:
		return &plan.SetVariable{Name: name, Local: x.IsLocal}
	case pg.VariableSetKind_VAR_SET_CURRENT:
		b.unsupported(-1, "Write the value: SET "+name+" TO ...", "SET ... FROM CURRENT is not supported outside a function")
	case pg.VariableSetKind_VAR_SET_MULTI:
		return b.setMulti(x)
	}
	return &plan.SetVariable{Name: name, Values: b.settingValues(name, x.Args), Local: x.IsLocal}
}

// settingName is a setting's name as the session keeps it.
func settingName(name string) string {
	switch strings.ToLower(name) {
	case "timezone":
		return "timezone"
	}
	return strings.ToLower(name)
}

// settingValues are the values of a SET as texts.
func (b *binder) settingValues(name string, args []*pg.Node) []string {
	values := []string{}
	for _, a := range args {
		values = append(values, b.settingValue(name, a))
	}
	return values
}

func (b *binder) settingValue(name string, n *pg.Node) string {
	if c := n.GetTypeCast(); c != nil {
		return b.zoneInterval(c)
	}
	c := n.GetAConst()
	if c == nil {
		b.failf(sqlerr.SyntaxError, location(n), "SET %s takes constants only", name)
	}
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		return strconv.Itoa(int(v.Ival.Ival))
	case *pg.A_Const_Fval:
		return v.Fval.Fval
	case *pg.A_Const_Boolval:
		return strconv.FormatBool(v.Boolval.Boolval)
	case *pg.A_Const_Sval:
		return v.Sval.Sval
	}
	return ""
}

// zoneInterval is SET TIME ZONE INTERVAL '...' as a POSIX offset.
func (b *binder) zoneInterval(c *pg.TypeCast) string {
	e, ok := b.typeCast(c, &scope{}, exprOther).(*plan.Const)
	if !ok {
		if v, folded := b.eval(b.typeCast(c, &scope{}, exprOther)); folded {
			e = plan.NewConst(v)
		}
	}
	if e == nil || e.Value.Type.OID != types.Interval || e.Value.Span.Months != 0 || e.Value.Span.Days != 0 {
		b.failf(sqlerr.InvalidParameterValue, c.Location, "cannot specify months or days in a time zone interval")
	}
	seconds := e.Value.Span.Micros / 1e6
	sign := "-"
	if seconds < 0 {
		sign, seconds = "+", -seconds
	}
	text := pad2(seconds / 3600)
	if seconds%3600 != 0 {
		text += ":" + pad2(seconds/60%60)
	}
	if s := seconds % 60; s != 0 {
		text += ":" + pad2(s)
	}
	name := "+" + text
	if sign == "+" {
		name = "-" + text
	}
	return "<" + name + ">" + sign + text
}

func pad2(n int64) string {
	s := strconv.FormatInt(n, 10)
	if len(s) < 2 {
		s = "0" + s
	}
	return s
}

// eval computes a constant expression where the binder can.
func (b *binder) eval(e plan.Expr) (types.Value, bool) {
	if c, ok := e.(*plan.Const); ok {
		return c.Value, true
	}
	if b.c.Eval == nil {
		return types.Value{}, false
	}
	v, err := b.c.Eval(e)
	b.check(err)
	return v, true
}

// setMulti is SET TRANSACTION and SET SESSION CHARACTERISTICS.
func (b *binder) setMulti(x *pg.VariableSetStmt) plan.Statement {
	if x.Name == "TRANSACTION SNAPSHOT" {
		b.unsupported(-1, "Begin a transaction of your own: each statement reads one consistent version.", "SET TRANSACTION SNAPSHOT is not supported")
	}
	modes := b.transactionModes(x.Args)
	prefix := ""
	if x.Name == "SESSION CHARACTERISTICS" {
		prefix = "default_"
	}
	var all []plan.SetVariable
	for _, name := range []string{"transaction_isolation", "transaction_read_only", "transaction_deferrable"} {
		if v, ok := modes[name]; ok {
			all = append(all, plan.SetVariable{Name: prefix + name, Values: []string{v}, Local: prefix == "" && len(all) == 0})
		}
	}
	first := all[0]
	first.Also = all[1:]
	return &first
}

// transactionModes reads ISOLATION LEVEL, READ ONLY and DEFERRABLE.
func (b *binder) transactionModes(opts []*pg.Node) map[string]string {
	modes := map[string]string{}
	for _, o := range opts {
		d := o.GetDefElem()
		if d == nil {
			continue
		}
		v := constText(d.Arg)
		switch d.Defname {
		case "transaction_read_only", "transaction_deferrable":
			on := "off"
			if v == "1" || v == "true" || v == "on" {
				on = "on"
			}
			modes[d.Defname] = on
		default:
			modes[d.Defname] = v
		}
	}
	return modes
}

// constText is a constant, or a name, as text.
func constText(n *pg.Node) string {
	if n == nil {
		return ""
	}
	switch x := n.Node.(type) {
	case *pg.Node_AConst:
		switch v := x.AConst.Val.(type) {
		case *pg.A_Const_Ival:
			return strconv.Itoa(int(v.Ival.Ival))
		case *pg.A_Const_Fval:
			return v.Fval.Fval
		case *pg.A_Const_Boolval:
			return strconv.FormatBool(v.Boolval.Boolval)
		case *pg.A_Const_Sval:
			return v.Sval.Sval
		}
	case *pg.Node_String_:
		return x.String_.Sval
	case *pg.Node_Integer:
		return strconv.Itoa(int(x.Integer.Ival))
	case *pg.Node_Float:
		return x.Float.Fval
	case *pg.Node_Boolean:
		return strconv.FormatBool(x.Boolean.Boolval)
	case *pg.Node_TypeName:
		return strings.Join(strs(x.TypeName.Names), ".")
	}
	return ""
}

func (b *binder) showVariable(name string) *plan.Bound {
	text := types.Of(types.Text)
	name = settingName(name)
	fields := []plan.Field{{Name: showName(name), Type: text}}
	if name == "all" {
		fields = []plan.Field{{Name: "name", Type: text}, {Name: "setting", Type: text}, {Name: "description", Type: text}}
	}
	return &plan.Bound{Statement: &plan.ShowVariable{Name: name}, Fields: fields}
}

// showName is a setting's name as SHOW heads its column.
func showName(name string) string {
	switch name {
	case "timezone":
		return "TimeZone"
	case "datestyle":
		return "DateStyle"
	case "intervalstyle":
		return "IntervalStyle"
	}
	return name
}

func discardWord(m pg.DiscardMode) string {
	switch m {
	case pg.DiscardMode_DISCARD_PLANS:
		return "PLANS"
	case pg.DiscardMode_DISCARD_SEQUENCES:
		return "SEQUENCES"
	case pg.DiscardMode_DISCARD_TEMP:
		return "TEMP"
	}
	return "ALL"
}

func (b *binder) transaction(x *pg.TransactionStmt) *plan.Bound {
	t := &plan.Transaction{Name: x.SavepointName, Chain: x.Chain}
	ends := false
	switch x.Kind {
	case pg.TransactionStmtKind_TRANS_STMT_BEGIN, pg.TransactionStmtKind_TRANS_STMT_START:
		t.Kind, t.Word = plan.TxnBegin, "BEGIN"
		if x.Kind == pg.TransactionStmtKind_TRANS_STMT_START {
			t.Word = "START TRANSACTION"
		}
		t.Modes = b.transactionModes(x.Options)
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT:
		t.Kind, ends = plan.TxnCommit, true
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK:
		t.Kind, ends = plan.TxnRollback, true
	case pg.TransactionStmtKind_TRANS_STMT_SAVEPOINT:
		t.Kind = plan.TxnSavepoint
	case pg.TransactionStmtKind_TRANS_STMT_RELEASE:
		t.Kind = plan.TxnRelease
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
		t.Kind, ends = plan.TxnRollbackTo, true
	default:
		b.unsupported(-1, "Use COMMIT: a transaction is committed in one step.", "two-phase commit (PREPARE TRANSACTION) is not supported")
	}
	return &plan.Bound{Statement: t, Ends: ends}
}
