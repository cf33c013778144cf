package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// query binds a SELECT, VALUES, or set operation. parent is the scope around
// it, ctes the WITH queries it can name.
func (b *binder) query(sel *pg.SelectStmt, parent *scope, ctes map[string]*cte) plan.Node {
	return b.queryKeeping(sel, parent, ctes, false)
}

// queryKeeping is query that, with keepUnknown, leaves literals of unknown type
// in the select list for the caller to decide.
func (b *binder) queryKeeping(sel *pg.SelectStmt, parent *scope, ctes map[string]*cte, keepUnknown bool) plan.Node {
	if name := locked(sel); name != "" && isSetOperation(sel) {
		b.failf(sqlerr.FeatureNotSupported, -1, "%s is not allowed with UNION/INTERSECT/EXCEPT", name)
	} else if name != "" && len(sel.ValuesLists) > 0 {
		b.failf(sqlerr.FeatureNotSupported, -1, "%s cannot be applied to VALUES", name)
	}
	b.level++
	defer func() { b.level-- }()
	walk := b.walk
	b.walk = nil
	ctes, own := b.with(sel.WithClause, parent, ctes)
	b.walk = walk
	var n plan.Node
	switch {
	case sel.Op != pg.SetOperation_SETOP_NONE && sel.Op != pg.SetOperation_SET_OPERATION_UNDEFINED:
		n = b.setOperation(sel, parent, ctes)
	case len(sel.ValuesLists) > 0:
		n = b.values(sel, parent, ctes, keepUnknown)
	default:
		n = b.selectBlock(sel, parent, ctes, keepUnknown)
	}
	return b.closeWith(n, own)
}

// refuseInto answers INTO where a query is not a statement.
func (b *binder) refuseInto(sel *pg.SelectStmt) {
	if sel.IntoClause != nil && b.level > 1 && sel != b.into {
		b.failf(sqlerr.SyntaxError, sel.IntoClause.Rel.Location, "SELECT ... INTO is not allowed here")
	}
}

// block is a SELECT while it is bound.
type block struct {
	scope   *scope
	targets []target
	where   plan.Expr
	having  plan.Expr
	groups  grouping
	grouped bool
	order   []orderKey
	on      []plan.Expr // DISTINCT ON
	closing *plan.ClosingKeys
}

// selectBlock binds one SELECT, in the order in which PostgreSQL looks at its
// parts, so that of two mistakes the same one is reported.
func (b *binder) selectBlock(sel *pg.SelectStmt, parent *scope, ctes map[string]*cte, keepUnknown bool) plan.Node {
	b.refuseInto(sel)
	b.streamClauses(sel)
	walk := b.walk
	b.walk = nil
	s := &scope{parent: parent, ctes: ctes, aggs: &aggregates{}, windows: newWindows(sel.WindowClause), locking: sel.LockingClause}
	if c := b.stmt.BySelect[sel]; c != nil {
		s.within, s.asOf = c.Within, c.AsOf
	}
	q := &block{scope: s}
	input := b.from(sel.FromClause, s)
	var window *plan.TimeWindow
	if c := b.stmt.BySelect[sel]; c != nil && c.Window != nil {
		window = b.windowClause(c.Window, input, s)
	}
	sets := len(b.sets)
	q.targets = b.targets(sel.TargetList, s)
	sets = len(b.sets) - sets
	if sel.WhereClause != nil {
		q.where = b.boolean(b.expr(sel.WhereClause, s, exprWhere), "WHERE", location(sel.WhereClause))
	}
	if sel.HavingClause != nil {
		q.having = b.boolean(b.expr(sel.HavingClause, s, exprHaving), "HAVING", location(sel.HavingClause))
	}
	if walk != nil {
		b.carry(walk, q)
	}
	q.order = b.orderBy(sel.SortClause, q)
	q.groups = b.groupBy(sel, q)
	b.distinctOn(sel, q)
	b.finishTargets(q.targets, s, keepUnknown)
	b.windowDefinitions(s)
	b.locking(sel, q, sets > 0)
	q.grouped = len(sel.GroupClause) > 0 || q.having != nil || len(s.aggs.calls)+len(s.aggs.groupings) > 0
	if s.readsItself && len(s.aggs.calls) > 0 {
		b.failf(sqlerr.InvalidRecursion, s.aggs.refs[0].loc, "aggregate functions are not allowed in a recursive query's recursive term")
	}
	n := filtered(input, window, q.where)
	if len(sel.LockingClause) > 0 {
		return b.projectLocked(n, input, q, sel)
	}
	if q.grouped {
		b.groupByWindow(n, q, window)
		if len(sel.GroupClause) == 0 && len(s.aggs.calls)+len(s.aggs.groupings) == 0 && !b.live && window == nil {
			n = &plan.Values{Rows: [][]plan.Expr{{}}} // HAVING alone asks nothing of FROM and WHERE
		}
		n = b.group(n, q)
	}
	return b.project(b.window(n, q), q, sel)
}

// filtered applies WHERE to the rows of FROM, before they go to the windows of
// the clause; a condition that names a window's bounds comes after.
func filtered(n plan.Node, window *plan.TimeWindow, where plan.Expr) plan.Node {
	width := len(n.Schema())
	late := false
	if where != nil {
		plan.EachColumn(where, func(r plan.Ref) { late = late || r.Index >= width })
	}
	if where != nil && !late {
		n = &plan.Filter{Input: n, Cond: where}
	}
	if window != nil {
		window.Input = n
		n = window
	}
	if late {
		n = &plan.Filter{Input: n, Cond: where}
	}
	return n
}

// project computes the select list with what ORDER BY and DISTINCT ON need
// beside it, removes duplicates, sorts, limits, and drops the extra columns again.
func (b *binder) project(n plan.Node, q *block, sel *pg.SelectStmt) plan.Node {
	distinct := len(sel.DistinctClause) > 0
	exprs := make([]plan.Expr, 0, len(q.targets))
	fields := make([]plan.Field, 0, len(q.targets))
	for _, t := range q.targets {
		exprs = append(exprs, t.e)
		fields = append(fields, t.field)
	}
	column := func(e plan.Expr) int {
		if i := indexOfExpr(exprs, e); i >= 0 {
			return i
		}
		exprs = append(exprs, e)
		fields = append(fields, plan.Field{Name: exprName(e), Type: e.Type()})
		return len(exprs) - 1
	}
	ref := func(i int) *plan.Column { return &plan.Column{Index: i, Typ: fields[i].Type, Name: fields[i].Name} }
	var keys []plan.SortKey
	for _, o := range q.order {
		i := o.target
		if i < 0 {
			i = column(o.e)
			if distinct && len(q.on) == 0 && i >= len(q.targets) {
				b.failf(sqlerr.InvalidColumnReference, o.loc, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
			}
		}
		k := o.key
		k.Expr = ref(i)
		keys = append(keys, k)
	}
	var on []plan.Expr
	for _, e := range q.on {
		on = append(on, ref(column(e)))
	}
	visible := fields[:len(q.targets):len(q.targets)]
	n, exprs = b.expandSets(n, exprs)
	n = &plan.Project{Input: n, Exprs: exprs, Fields: fields}
	if distinct && len(q.on) == 0 {
		n = &plan.DistinctNode{Input: n}
	}
	if len(keys) > 0 {
		n = &plan.Sort{Input: n, Keys: keys}
	}
	if len(on) > 0 {
		n = &plan.DistinctNode{Input: n, On: on}
	}
	n = b.limit(n, keys, sel, q.scope)
	if len(fields) == len(visible) {
		return n
	}
	strip := make([]plan.Expr, len(visible))
	for i := range strip {
		strip[i] = ref(i)
	}
	return &plan.Project{Input: n, Exprs: strip, Fields: visible}
}

// projectLocked is project of a query with FOR UPDATE or its like: the rows are
// locked in their order, as many of them as LIMIT asks for, and computed from what
// they are then.
func (b *binder) projectLocked(n, from plan.Node, q *block, sel *pg.SelectStmt) plan.Node {
	var keys []plan.SortKey
	for _, o := range q.order {
		k := o.key
		if k.Expr = o.e; o.target >= 0 {
			k.Expr = q.targets[o.target].e
		}
		keys = append(keys, k)
	}
	if len(keys) > 0 {
		n = &plan.Sort{Input: n, Keys: keys}
	}
	n = b.limit(b.lockRows(n, from, q.where, sel, q.scope), keys, sel, q.scope)
	out := &plan.Project{Input: n}
	for _, t := range q.targets {
		out.Exprs = append(out.Exprs, t.e)
		out.Fields = append(out.Fields, t.field)
	}
	return out
}

// distinctOn binds DISTINCT ON and checks it, and DISTINCT, against ORDER BY.
func (b *binder) distinctOn(sel *pg.SelectStmt, q *block) {
	if len(sel.DistinctClause) == 0 {
		return
	}
	if sel.DistinctClause[0].Node == nil {
		for i, t := range q.targets {
			q.targets[i].e = b.defaultType(t.e, t.loc)
			b.needsOrder(q.targets[i].e.Type().OID, t.loc)
		}
		return
	}
	var locs []int32
	for _, n := range sel.DistinctClause {
		k := b.clauseTarget(n, q, exprDistinct, "DISTINCT ON")
		e := k.e
		if k.target >= 0 {
			e = q.targets[k.target].e
		}
		b.needsOrder(e.Type().OID, k.loc)
		if !containsExpr(q.on, e) {
			q.on = append(q.on, e)
			locs = append(locs, k.loc)
		}
	}
	b.matchOrder(q, locs)
}

// matchOrder sees that the expressions of DISTINCT ON are the first of ORDER BY.
func (b *binder) matchOrder(q *block, locs []int32) {
	const message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions"
	matched := make([]bool, len(q.on))
	skipped := false
	for _, o := range q.order {
		e := o.e
		if o.target >= 0 {
			e = q.targets[o.target].e
		}
		i := indexOfExpr(q.on, e)
		switch {
		case i < 0:
			skipped = true
		case skipped:
			b.failf(sqlerr.InvalidColumnReference, locs[i], message)
		default:
			matched[i] = true
		}
	}
	for i, m := range matched {
		if !m && skipped {
			b.failf(sqlerr.InvalidColumnReference, locs[i], message)
		}
	}
}

// limit applies LIMIT, OFFSET and FETCH FIRST to rows that come in the order of
// the keys.
func (b *binder) limit(n plan.Node, keys []plan.SortKey, sel *pg.SelectStmt, s *scope) plan.Node {
	if sel.LimitCount == nil && sel.LimitOffset == nil {
		return n
	}
	l := &plan.Limit{Input: n}
	if sel.LimitOption == pg.LimitOption_LIMIT_OPTION_WITH_TIES {
		if isNullConst(sel.LimitCount) {
			b.failf(sqlerr.InvalidRowCountInLimitClause, -1, "row count cannot be null in FETCH FIRST ... WITH TIES clause")
		}
		l.Ties = keys
	}
	l.Offset = b.limitExpr(sel.LimitOffset, s, exprOffset)
	l.Count = b.limitExpr(sel.LimitCount, s, exprLimit)
	if l.Count == nil && l.Offset == nil {
		return n
	}
	return l
}

func (b *binder) limitExpr(node *pg.Node, s *scope, k exprKind) plan.Expr {
	if node == nil || isNullConst(node) {
		return nil
	}
	inner := &scope{parent: s.parent, items: s.items, ctes: s.ctes}
	e := b.specific(b.expr(node, inner, k), types.Int8, string(k), location(node))
	plan.EachColumn(e, func(plan.Ref) {
		b.failf(sqlerr.InvalidColumnReference, inner.firstUse(e, location(node)), "argument of %s must not contain variables", string(k))
	})
	return e
}

// firstUse is the place of the first reference of e to the scope's rows, else loc.
func (s *scope) firstUse(e plan.Expr, loc int32) int32 {
	found := false
	at := func(x plan.Expr) {
		if use, ok := s.refs[x]; ok && !found {
			loc, found = use.loc, true
		}
	}
	plan.Walk(e, func(x plan.Expr) bool {
		at(x)
		return !found
	})
	eachOuter(e, 0, func(o *plan.Outer) { at(o) })
	return loc
}

func isNullConst(n *pg.Node) bool {
	c := n.GetAConst()
	return c != nil && c.Isnull
}
