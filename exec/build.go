package exec

import (
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// builder makes a tree of a plan. What it builds belongs to one goroutine, the
// trees of subqueries included.
type builder struct {
	engine  *Engine
	env     *function.Env
	account *memory.Account
	fault   operator.Fault
	// faultIn gives fault anew for each node of the plan; nil: it is one for all.
	faultIn func(plan.Node) operator.Fault
	// live: streams are read for ever, unless they lie under an input that must
	// end first.
	live   bool
	latest bool // live streams start at their ends
	again  bool // what is built is not kept: a job reads it at each start
	scope  *scope
	view   *tableView          // what the statement sees of the tables
	follow *table.Following    // the tables whose changes it follows; nil: none yet
	job    *state.Job          // whose positions keep their versions; nil: a query's
	copied operator.Leaf       // the rows of a COPY FROM; nil: it is none
	ctes   map[int]*cte        // by ID, of the whole statement
	kept   map[plan.Node]*kept // parts of a recursive term that run once; nil: none
	// scanned is called with each stream scan before it is opened; nil: nobody.
	scanned func(*scan)
	task    *task          // of a job that has several; nil: of none
	late    func(rows int) // told of rows whose window was closed; nil: nobody is
	// lateRow gives what keeps the late rows that a node gets; nil: nothing does.
	lateRow func(plan.Node) operator.LateRow
	allowed time.Duration // of plan.LateUpdate
	timed   bool
	ran     func(*tree) // called with each tree that has run to its end; nil: nobody
	// scanCond is the condition under which the relation that is built next is read;
	// nil: there is none.
	scanCond plan.Expr
	// origin says which node of the plan one that stands in for it was made of,
	// for EXPLAIN ANALYZE; nil: nobody asks.
	origin map[plan.Node]plan.Node
}

// tree builds the operators and leaves of a plan, whose rows go to out.
func (b *builder) tree(n plan.Node, out operator.Output) (*tree, error) {
	t := &tree{out: out, timed: b.timed}
	if t.timed {
		t.begun = time.Now()
	}
	if err := b.node(t, n, target{tree: t}); err != nil {
		_ = t.close() // nothing of it has run
		return nil, err
	}
	return t, nil
}

// operator puts an operator in its place and builds its inputs in the order
// given, which is the order in which bounded ones are read.
func (b *builder) operator(t *tree, n plan.Node, op operator.Operator, to target, inputs ...input) error {
	place := &node{op: op, plan: n, to: to, open: len(inputs), inputs: len(inputs), ends: !b.live}
	if x, ok := op.(*exchange); ok {
		x.node = place
	}
	for _, in := range inputs {
		if err := b.node(t, in.node, target{node: place, input: in.number, tree: t}); err != nil {
			_ = op.Close() // it has not run
			return err
		}
	}
	t.nodes = append(t.nodes, place)
	return nil
}

type input struct {
	node   plan.Node
	number int
}

func (b *builder) leaf(t *tree, n plan.Node, src operator.Leaf, to target) {
	t.leaves = append(t.leaves, &leaf{src: src, plan: n, to: to, again: b.again})
}

// node builds one plan node and what is under it.
func (b *builder) node(t *tree, n plan.Node, to target) error {
	if k := b.kept[n]; k != nil {
		b.leaf(t, n, &keptLeaf{of: k}, to)
		return nil
	}
	if b.faultIn != nil {
		b.fault = b.faultIn(n)
	}
	switch n := n.(type) {
	case *plan.Scan:
		return b.scan(t, n, to)
	case *plan.VirtualScan:
		return b.virtual(t, n, to)
	case *plan.Values:
		return b.values(t, n, to)
	case *plan.FunctionScan:
		return b.functionScan(t, n, to)
	case *plan.CTEScan:
		return b.cteScan(t, n, to)
	case *plan.Filter:
		cond, err := b.compile(n.Cond)
		if err != nil {
			return err
		}
		switch n.Input.(type) {
		case *plan.VirtualScan, *plan.Scan:
			if b.kept[n.Input] == nil {
				b.scanCond = n.Cond
			}
		}
		filter := operator.NewFilter(cond, b.fault)
		if src, ok := b.copied.(copySource); ok {
			filter.Locate(func(row int, err error) error { return inCopied(err, src.Where(row)) })
		}
		return b.operator(t, n, filter, to, input{n.Input, 0})
	case *plan.Project:
		programs, err := b.compileAll(n.Exprs)
		if err != nil {
			return err
		}
		fault := b.fault
		if fault == nil {
			if fault, err = recordFault(n); err != nil {
				return err
			}
		}
		return b.operator(t, n, operator.NewProject(programs, fault), to, input{n.Input, 0})
	case *plan.ProjectSet:
		return b.projectSet(t, n, to)
	case *plan.GroupingSets:
		return b.groupingSets(t, n, to)
	case *plan.AggregateNode:
		return b.aggregate(t, n, to)
	case *plan.PartialAggregate:
		return b.partialAggregate(t, n, to)
	case *plan.MergeAggregate:
		return b.mergeAggregate(t, n, to)
	case *plan.Window:
		return b.window(t, n, to)
	case *plan.TimeWindow:
		return b.timeWindow(t, n, to)
	case *plan.Exchange:
		return b.exchange(t, n, to)
	case *plan.DistinctNode:
		return b.distinct(t, n, to)
	case *plan.Sort:
		return b.sort(t, n, -1, to)
	case *plan.Limit:
		return b.limit(t, n, to)
	case *plan.Join:
		return b.join(t, n, to)
	case *plan.AsOfJoin:
		return b.asOfJoin(t, n, to)
	case *plan.Append:
		var inputs []input
		for i, c := range n.Children {
			inputs = append(inputs, input{c, i})
		}
		return b.operator(t, n, operator.NewAppend(), to, inputs...)
	case *plan.SetOp:
		return b.setOp(t, n, to)
	case *plan.CTE:
		return b.cte(t, n, to)
	case *plan.Modify:
		return b.modify(t, n, to)
	case *plan.LockRows:
		return b.lockRows(t, n, to)
	case *plan.CopyScan:
		b.leaf(t, n, b.copied, to)
		return nil
	}
	return sqlerr.Errorf(sqlerr.InternalError, "no operator for plan node %T", n)
}

func (b *builder) compile(e plan.Expr) (*expr.Program, error) {
	return expr.CompileWith(e, b.env, b.scope)
}

// compileAll compiles a list; nil for a nil one.
func (b *builder) compileAll(es []plan.Expr) ([]*expr.Program, error) {
	if es == nil {
		return nil, nil
	}
	programs := make([]*expr.Program, len(es))
	for i, e := range es {
		var err error
		if programs[i], err = b.compile(e); err != nil {
			return nil, err
		}
	}
	return programs, nil
}

func (b *builder) scan(t *tree, n *plan.Scan, to target) error {
	cond := b.scanCond
	b.scanCond = nil
	follows := n.Follow && b.live
	if n.Relation.Stored() && !follows {
		return b.tableScan(t, n, to)
	}
	s, err := newScan(b.engine, n, b.env, !b.live)
	if err != nil {
		return err
	}
	if follows {
		s.table = b.tableSource(n.Relation)
	}
	var key []int
	if n.Changes && b.live {
		key = s.changing()
	}
	s.spec.Latest = b.live && b.latest
	if b.timed {
		s.counted = &stream.Metrics{}
	}
	if b.scanned != nil {
		b.scanned(s)
	}
	c, err := newClock(b, s)
	if err != nil {
		return err
	}
	if s.changes {
		to = b.lastRows(t, n, s, key, to)
	}
	if b.live && b.job == nil && c == nil && !b.timed && s.sharable() {
		s.filter = newShareFilter(cond, n, b.env)
	}
	t.leaves = append(t.leaves, &leaf{scan: s, clock: c, plan: n, to: to, again: b.again, parted: follows})
	return nil
}

func (b *builder) values(t *tree, n *plan.Values, to target) error {
	rows := make([][]*expr.Program, len(n.Rows))
	for i, r := range n.Rows {
		programs, err := b.compileAll(r)
		if err != nil {
			return err
		}
		rows[i] = programs
	}
	b.leaf(t, n, operator.NewValues(rows, schemaTypes(n)), to)
	return nil
}

func (b *builder) functionScan(t *tree, n *plan.FunctionScan, to target) error {
	ts := schemaTypes(n)
	calls := make([]operator.ScanCall, len(n.Calls))
	at := 0
	for i, c := range n.Calls {
		calls[i] = operator.ScanCall{Func: c.Func, Spread: c.Spread, Types: ts[at : at+c.Columns]}
		at += c.Columns
		var err error
		if c.Func == nil {
			if calls[i].Value, err = b.compile(c.Value); err != nil {
				return err
			}
			continue
		}
		if calls[i].Args, err = b.compileAll(c.Args); err != nil {
			return err
		}
	}
	src, err := operator.NewFunctionScan(calls, ts, n.Ordinality, b.env)
	if err != nil {
		return err
	}
	b.leaf(t, n, src, to)
	return nil
}

func (b *builder) projectSet(t *tree, n *plan.ProjectSet, to target) error {
	columns := make([]operator.SetColumn, len(n.Exprs))
	for i, e := range n.Exprs {
		columns[i].Type = e.Type()
		c, ok := e.(*plan.Call)
		if !ok || !c.Func.Set {
			p, err := b.compile(e)
			if err != nil {
				return err
			}
			columns[i].Program = p
			continue
		}
		args, err := b.compileAll(c.Args)
		if err != nil {
			return err
		}
		columns[i].Func, columns[i].Args = c.Func, args
	}
	op, err := operator.NewProjectSet(columns, b.env, b.fault)
	if err != nil {
		return err
	}
	return b.operator(t, n, op, to, input{n.Input, 0})
}

func (b *builder) aggregate(t *tree, n *plan.AggregateNode, to target) error {
	changes := n.EmitChanges && b.live
	if changes && n.Closing != nil && !plan.Derive(n.Input).Bounded {
		return b.windowAggregate(t, n, to)
	}
	if n.Closing != nil && n.Closing.Final {
		changes = false // no row of what ends is late, so its windows are complete at its end
	}
	if b.live && !n.EmitChanges && !plan.Derive(n.Input).Bounded {
		return sqlerr.Unsupported("Add EMIT CHANGES to the query, or remove it from the outer one.",
			"an aggregate over a stream that does not end has no final result")
	}
	keys, err := b.compileAll(n.Keys)
	if err != nil {
		return err
	}
	appendOnly := !b.live || plan.Derive(n.Input).AppendOnly
	use, account := callUse{live: b.live, retracts: !appendOnly}, b.holder(t, n)
	if changes {
		if account, err = b.aggregateHolder(t, n, n, use); err != nil {
			return err
		}
		if use.values, err = b.valuesHolder(t, n, use); err != nil {
			return err
		}
	}
	spec := operator.AggregateSpec{Keys: keys, AppendOnly: appendOnly, Changes: changes, Retention: b.retention(), Account: account, Fault: b.fault}
	if !plan.Volatile(n) {
		spec.Types = schemaTypes(n.Input)
	}
	for _, k := range n.Keys {
		spec.KeyTypes = append(spec.KeyTypes, k.Type())
	}
	if spec.Always, err = b.rows(n.Always, spec.KeyTypes); err != nil {
		return err
	}
	if spec.Calls, err = b.calls(n.Calls, use, account); err != nil {
		return err
	}
	return b.operator(t, n, operator.NewAggregate(spec), to, input{n.Input, 0})
}

func (b *builder) sortKeys(keys []plan.SortKey) ([]operator.SortKey, error) {
	var out []operator.SortKey
	for _, k := range keys {
		p, err := b.compile(k.Expr)
		if err != nil {
			return nil, err
		}
		out = append(out, operator.SortKey{Program: p, Type: k.Expr.Type(), Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	return out, nil
}

func (b *builder) distinct(t *tree, n *plan.DistinctNode, to target) error {
	if n.On == nil && b.live && !plan.Derive(n.Input).AppendOnly {
		op := operator.NewDistinctChanges(schemaTypes(n), b.evicter(t, n))
		op.Retain(b.retention())
		return b.operator(t, n, op, to, input{n.Input, 0})
	}
	keys, err := b.compileAll(n.On)
	if err != nil {
		return err
	}
	ts := schemaTypes(n)
	if n.On != nil {
		ts = nil
		for _, k := range n.On {
			ts = append(ts, k.Type())
		}
	}
	if sortedBy(n.Input, n.On) {
		return b.operator(t, n, operator.NewDistinctSorted(keys, ts, b.fault), to, input{n.Input, 0})
	}
	return b.operator(t, n, b.distinctOver(n, operator.NewDistinct(keys, ts, b.distinctHolder(t, n), b.fault)), to, input{n.Input, 0})
}

// distinctOver says of a Distinct whether its rows end.
func (b *builder) distinctOver(n plan.Node, op *operator.Distinct) *operator.Distinct {
	if b.live && !plan.Derive(n).Bounded {
		op.Live(b.retention())
	}
	return op
}

func (b *builder) sort(t *tree, n *plan.Sort, top int64, to target) error {
	keys, err := b.sortKeys(n.Keys)
	if err != nil {
		return err
	}
	return b.operator(t, n, operator.NewSort(keys, schemaTypes(n), top, b.holder(t, n), b.fault), to, input{n.Input, 0})
}

// limitTies builds FETCH FIRST ... WITH TIES. A sort under it, by the same keys,
// keeps the first rows and their ties.
func (b *builder) limitTies(t *tree, n *plan.Limit, count, offset int64, to target) error {
	keys, err := b.sortKeys(n.Ties)
	if err != nil {
		return err
	}
	op := operator.NewLimitTies(count, offset, keys)
	s, sorted := n.Input.(*plan.Sort)
	if !sorted || offset > 1<<40 || count > 1<<40 || !slices.EqualFunc(n.Ties, s.Keys, sameKey) {
		return b.operator(t, n, op, to, input{n.Input, 0})
	}
	if keys, err = b.sortKeys(s.Keys); err != nil {
		return err
	}
	place := &node{op: op, plan: n, to: to, open: 1, inputs: 1}
	top := operator.NewSortTies(keys, schemaTypes(s), count+offset, b.holder(t, s), b.fault)
	if err := b.operator(t, s, top, target{node: place, tree: t}, input{s.Input, 0}); err != nil {
		return err
	}
	t.nodes = append(t.nodes, place)
	return nil
}

func sameKey(a, b plan.SortKey) bool {
	return a.Desc == b.Desc && a.NullsFirst == b.NullsFirst && plan.Equal(a.Expr, b.Expr)
}

func (b *builder) limit(t *tree, n *plan.Limit, to target) error {
	count, err := b.rowCount(n.Count, -1, sqlerr.InvalidRowCountInLimitClause, "LIMIT")
	if err != nil {
		return err
	}
	offset, err := b.rowCount(n.Offset, 0, sqlerr.InvalidRowCountInOffsetClause, "OFFSET")
	if err != nil {
		return err
	}
	if n.Ties != nil && count >= 0 {
		return b.limitTies(t, n, count, offset, to)
	}
	op := operator.NewLimit(count, offset)
	if n.Changes {
		op = operator.NewLimitOfChanges(count, offset)
	}
	s, sorted := n.Input.(*plan.Sort)
	if !sorted || count < 0 || offset > 1<<40 || count > 1<<40 {
		return b.operator(t, n, op, to, input{n.Input, 0})
	}
	place := &node{op: op, plan: n, to: to, open: 1, inputs: 1, ends: !b.live}
	if err := b.sort(t, s, count+offset, target{node: place, tree: t}); err != nil {
		return err
	}
	t.nodes = append(t.nodes, place)
	return nil
}

// rowCount computes a LIMIT or OFFSET; NULL and nothing are none.
func (b *builder) rowCount(e plan.Expr, none int64, code sqlerr.Code, what string) (int64, error) {
	if e == nil {
		return none, nil
	}
	v, err := b.eval(e)
	if err != nil || v.Null {
		return none, err
	}
	if v.I < 0 {
		return 0, sqlerr.Errorf(code, "%s must not be negative", what)
	}
	return v.I, nil
}

// eval computes an expression without columns, which may refer to outer rows.
func (b *builder) eval(e plan.Expr) (types.Value, error) {
	p, err := b.compile(e)
	if err != nil {
		return types.Value{}, err
	}
	return operator.EvalRow(p, e.Type())
}

func (b *builder) setOp(t *tree, n *plan.SetOp, to target) error {
	ts := schemaTypes(n)
	if n.Op == "union" {
		if b.live && !(plan.Derive(n.Left).AppendOnly && plan.Derive(n.Right).AppendOnly) {
			changes := operator.NewDistinctChanges(ts, b.evicter(t, n))
			changes.Retain(b.retention())
			return b.operator(t, n, changes, to, input{n.Left, 0}, input{n.Right, 1})
		}
		op := b.distinctOver(n, operator.NewUnion(2, ts, b.distinctHolder(t, n), b.fault))
		return b.operator(t, n, op, to, input{n.Left, 0}, input{n.Right, 1})
	}
	kind := operator.Intersect
	if n.Op == "except" {
		kind = operator.Except
	}
	if b.live && (n.Changes || !plan.Derive(n).Bounded) {
		return b.operator(t, n, operator.NewSetOpChanges(kind, n.All, ts, b.account), to, input{n.Left, 0}, input{n.Right, 1})
	}
	return b.operator(t, n, operator.NewSetOp(kind, n.All, ts, b.holder(t, n)), to, input{n.Left, 0}, input{n.Right, 1})
}

func schemaTypes(n plan.Node) []types.Type {
	fields := n.Schema()
	ts := make([]types.Type, len(fields))
	for i, f := range fields {
		ts[i] = f.Type
	}
	return ts
}

// retention is how long groups and rows are kept that nothing touches.
func (b *builder) retention() operator.Retention {
	if b.task == nil || b.task.life.settings.ttl == 0 {
		return operator.Retention{}
	}
	env := b.env
	return operator.Retention{For: b.task.life.settings.ttl.Microseconds(), Now: func() int64 { return env.StatementTime }}
}

func exprTypes(es []plan.Expr) []types.Type {
	var ts []types.Type
	for _, e := range es {
		ts = append(ts, e.Type())
	}
	return ts
}
