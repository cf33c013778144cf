package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// grouping is what the rows of a grouped query are made of: the keys, with
// grouping sets the set's number, the aggregate calls, the values of GROUPING.
type grouping struct {
	keys []plan.Expr
	sets [][]int // each set's keys, ascending; nil: all of them in one
	// targets are the keys of the columns of the select list that are keys: of two
	// equal columns each may be one by itself.
	targets map[int]int
}

// firstCall is the column of the first aggregate call.
func (g *grouping) firstCall() int {
	if g.sets == nil {
		return len(g.keys)
	}
	return len(g.keys) + 1
}

// PostgreSQL's bounds.
const (
	maxGroupingSets = 4096
	maxCube         = 12
	maxGroupingArgs = 31
)

// groupBy binds GROUP BY (transformGroupClause).
func (b *binder) groupBy(sel *pg.SelectStmt, q *block) grouping {
	var g grouping
	var plain []int
	var parts [][][]int // of each grouping set its sets, which are combined
	for _, n := range flatGroups(sel.GroupClause) {
		if n.GetGroupingSet() != nil {
			parts = append(parts, b.groupingSet(n, q, &g))
			continue
		}
		plain = append(plain, b.groupKey(n, q, &g))
	}
	if parts == nil {
		return g
	}
	sets := [][]int{nil}
	for _, part := range append([][][]int{{plain}}, parts...) {
		if len(sets)*len(part) > maxGroupingSets {
			b.failf(sqlerr.StatementTooComplex, -1, "too many grouping sets present (maximum %d)", maxGroupingSets)
		}
		var product [][]int
		for _, s := range sets {
			for _, more := range part {
				set := append(slices.Clone(s), more...)
				slices.Sort(set)
				product = append(product, slices.Compact(set))
			}
		}
		sets = product
	}
	if sel.GroupDistinct {
		slices.SortStableFunc(sets, slices.Compare)
		sets = slices.CompactFunc(sets, slices.Equal)
	}
	if len(sets) > 1 || len(g.keys) > 0 && len(sets[0]) < len(g.keys) {
		g.sets = sets
	}
	return g
}

// flatGroups takes the items out of the rows (a, b) of a list.
func flatGroups(list []*pg.Node) []*pg.Node {
	var out []*pg.Node
	for _, n := range list {
		if r := n.GetRowExpr(); r != nil && r.RowFormat == pg.CoercionForm_COERCE_IMPLICIT_CAST {
			out = append(out, flatGroups(r.Args)...)
			continue
		}
		out = append(out, n)
	}
	return out
}

// groupingSet is the list of sets that an item of GROUP BY or GROUPING SETS
// stands for (expand_groupingset_node).
func (b *binder) groupingSet(n *pg.Node, q *block, g *grouping) [][]int {
	x := n.GetGroupingSet()
	if x == nil { // an expression or a row, one set by itself
		return [][]int{b.groupKeys(n, q, g)}
	}
	var out [][]int
	switch x.Kind {
	case pg.GroupingSetKind_GROUPING_SET_EMPTY:
		return [][]int{nil}
	case pg.GroupingSetKind_GROUPING_SET_ROLLUP:
		items := b.groupItems(x.Content, q, g)
		for i := len(items); i >= 0; i-- {
			out = append(out, slices.Concat(items[:i]...))
		}
	case pg.GroupingSetKind_GROUPING_SET_CUBE:
		items := b.groupItems(x.Content, q, g)
		if len(items) > maxCube {
			b.failf(sqlerr.TooManyColumns, x.Location, "CUBE is limited to %d elements", maxCube)
		}
		for bits := range 1 << len(items) {
			var set []int
			for i, item := range items {
				if bits&(1<<i) != 0 {
					set = append(set, item...)
				}
			}
			out = append(out, set)
		}
	default:
		for _, part := range x.Content {
			out = append(out, b.groupingSet(part, q, g)...)
		}
	}
	for i, set := range out {
		slices.Sort(set)
		out[i] = slices.Compact(set)
	}
	return out
}

// groupItems are the elements of ROLLUP or CUBE.
func (b *binder) groupItems(list []*pg.Node, q *block, g *grouping) [][]int {
	out := make([][]int, len(list))
	for i, n := range list {
		out[i] = b.groupKeys(n, q, g)
	}
	return out
}

// groupKeys are the keys of an expression, or of each in a row.
func (b *binder) groupKeys(n *pg.Node, q *block, g *grouping) []int {
	var out []int
	for _, item := range flatGroups([]*pg.Node{n}) {
		out = append(out, b.groupKey(item, q, g))
	}
	return out
}

// groupKey binds one expression and returns its place among the keys.
func (b *binder) groupKey(n *pg.Node, q *block, g *grouping) int {
	k := b.clauseTarget(n, q, exprGroupBy, "GROUP BY")
	e := k.e
	if k.target >= 0 {
		e = q.targets[k.target].e
		if plan.Any(e, func(x plan.Expr) bool { return isAggRef(x) || isGroupingRef(x) }) {
			b.failf(sqlerr.GroupingError, aggLocation(e, k.loc), "aggregate functions are not allowed in GROUP BY")
		}
		if plan.Any(e, isWinRef) {
			b.failf(sqlerr.WindowingError, winLocation(e, k.loc), "window functions are not allowed in GROUP BY")
		}
	}
	b.needsOrder(e.Type().OID, k.loc)
	if k.target < 0 {
		if i := indexOfExpr(g.keys, e); i >= 0 {
			return i
		}
		g.keys = append(g.keys, e)
		return len(g.keys) - 1
	}
	i, ok := g.targets[k.target]
	if !ok {
		if g.targets == nil {
			g.targets = map[int]int{}
		}
		i = len(g.keys)
		g.keys, g.targets[k.target] = append(g.keys, e), i
	}
	return i
}

// group puts the aggregation of a block above its input and turns the block's
// expressions into ones over groups.
func (b *binder) group(n plan.Node, q *block) plan.Node {
	s, g := q.scope, &q.groups
	for i := range q.targets {
		if key, ok := g.targets[i]; ok {
			q.targets[i].e = &plan.Column{Index: key, Typ: g.keys[key].Type(), Name: exprName(g.keys[key])}
			continue
		}
		q.targets[i].e = b.regroup(q.targets[i].e, g, s)
	}
	q.having = b.regroup(q.having, g, s)
	for i := range q.order {
		if q.order[i].target < 0 {
			q.order[i].e = b.regroup(q.order[i].e, g, s)
		}
	}
	for i, e := range q.on {
		q.on[i] = b.regroup(e, g, s)
	}
	b.checkDirect(q)
	b.regroupWindows(g, s)
	n = b.groupValues(b.aggregateNode(n, q), q)
	if q.having != nil {
		n = &plan.Filter{Input: n, Cond: q.having}
	}
	return n
}

// aggregateNode is the aggregation itself. Set-returning keys are computed below
// it.
func (b *binder) aggregateNode(n plan.Node, q *block) *plan.AggregateNode {
	s, g := q.scope, &q.groups
	live := b.live && hasStream(n)
	fields := make([]plan.Field, 0, len(g.keys)+1)
	for _, k := range g.keys {
		f := plan.Field{Name: exprName(k), Type: k.Type()}
		if c, ok := k.(*plan.Column); ok {
			use := s.refs[c]
			f.Table, f.Attr = use.table, use.attr
		}
		fields = append(fields, f)
	}
	n, keys := b.expandSets(n, g.keys)
	agg := &plan.AggregateNode{Input: n, Keys: keys, Calls: s.aggs.calls, EmitChanges: live, Closing: q.closing}
	if g.sets != nil {
		fields = append(fields, plan.Field{Name: "grouping", Type: types.Of(types.Int4)})
		overSets(agg, g.sets, fields)
	}
	agg.Fields = append(agg.Fields, fields...)
	for _, c := range s.aggs.calls {
		agg.Fields = append(agg.Fields, plan.Field{Name: c.Func.Name, Type: c.Typ})
	}
	return agg
}

// overSets puts grouping sets below an aggregation, which then groups by the
// keys as each set has them and by the set's number.
func overSets(agg *plan.AggregateNode, sets [][]int, fields []plan.Field) {
	in := agg.Input.Schema()
	n := &plan.GroupingSets{Input: agg.Input, Keys: agg.Keys, Sets: sets, Fields: append(in[:len(in):len(in)], fields...)}
	for i, set := range sets {
		if len(set) > 0 {
			continue
		}
		row := make([]plan.Expr, len(fields))
		for j, k := range agg.Keys {
			row[j] = plan.NewConst(types.NullOf(k.Type()))
		}
		row[len(row)-1] = plan.NewConst(types.NewInt(types.Int4, int64(i)+1))
		agg.Always = append(agg.Always, row)
	}
	agg.Input, agg.Keys = n, columnRefs(fields, len(in))
}

// groupingRef stands for GROUPING(...) until the query's keys are known. It
// never leaves this package.
type groupingRef struct {
	plan.Expr
	index int
	loc   int32
}

func (*groupingRef) Type() types.Type { return types.Of(types.Int4) }

func (*groupingRef) String() string { return "grouping" }

func isGroupingRef(e plan.Expr) bool {
	_, ok := e.(*groupingRef)
	return ok
}

// groupingCall binds GROUPING(...), whose arguments name keys of the query, or of
// one around it where they are its columns.
func (b *binder) groupingCall(x *pg.GroupingFunc, s *scope, k exprKind) plan.Expr {
	if len(x.Args) > maxGroupingArgs {
		b.failf(sqlerr.TooManyArguments, x.Location, "GROUPING must have fewer than %d arguments", maxGroupingArgs+1)
	}
	args := b.operands(x.Args, s, k)
	exprs := make([]plan.Expr, len(args))
	for i, a := range args {
		exprs[i] = a.e
	}
	depth := b.levelOf(exprs)
	b.refuseInAggregate(args, depth, s)
	to := s.out(depth)
	at := k
	if depth > 0 {
		at = to.at
	}
	if to.aggs == nil || !mayAggregate(at) {
		b.failf(sqlerr.GroupingError, x.Location, "grouping operations are not allowed in %s", string(at))
	}
	for i := range args {
		args[i].e = nearer(args[i].e, depth)
	}
	index := slices.IndexFunc(to.aggs.groupings, func(have []operand) bool {
		return slices.EqualFunc(have, args, func(a, b operand) bool { return plan.Equal(a.e, b.e) })
	})
	if index < 0 {
		index = len(to.aggs.groupings)
		to.aggs.groupings = append(to.aggs.groupings, args)
		to.aggs.masks = append(to.aggs.masks, &groupingRef{index: index, loc: x.Location})
	}
	if depth > 0 {
		o := &plan.Outer{Depth: depth, Index: firstGrouping + index, Typ: types.Of(types.Int4), Name: "grouping"}
		to.note(o, columnUse{loc: x.Location})
		return o
	}
	return to.aggs.masks[index]
}

// groupValues computes the query's GROUPING calls above its groups.
func (b *binder) groupValues(agg *plan.AggregateNode, q *block) plan.Node {
	calls := q.scope.aggs.groupings
	if len(calls) == 0 {
		return agg
	}
	p := &plan.Project{Input: agg, Exprs: columnRefs(agg.Fields, 0), Fields: agg.Fields[:len(agg.Fields):len(agg.Fields)]}
	for _, args := range calls {
		p.Exprs = append(p.Exprs, b.groupingValue(args, &q.groups))
		p.Fields = append(p.Fields, plan.Field{Name: "grouping", Type: types.Of(types.Int4)})
	}
	return p
}

// groupingValue is a number with a bit for each argument, the first one's the
// highest: 1 where the row's set has not the argument.
func (b *binder) groupingValue(args []operand, g *grouping) plan.Expr {
	places := make([]int, len(args))
	for i, a := range args {
		if places[i] = indexOfExpr(g.keys, a.e); places[i] < 0 {
			b.failf(sqlerr.GroupingError, a.loc, "arguments to GROUPING must be grouping expressions of the associated query level")
		}
	}
	mask := func(set []int) plan.Expr {
		bits := int64(0)
		for _, p := range places {
			bits <<= 1
			if !slices.Contains(set, p) {
				bits |= 1
			}
		}
		return plan.NewConst(types.NewInt(types.Int4, bits))
	}
	if g.sets == nil {
		return plan.NewConst(types.NewInt(types.Int4, 0))
	}
	masks := &plan.ArrayOf{Typ: types.Of(arrayType(types.Int4))}
	for _, set := range g.sets {
		masks.Items = append(masks.Items, mask(set))
	}
	number := &plan.Column{Index: len(g.keys), Typ: types.Of(types.Int4), Name: "grouping"}
	return &plan.Subscript{Arg: masks, Items: []plan.Index{{Upper: number}}, Typ: types.Of(types.Int4)}
}
