package optimize

import (
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// What a join costs, in rows that are read one after the other and hashed: to look
// one key up by an index, and each row that it finds there.
const (
	lookCost  = 8
	foundCost = 2
)

// indexJoin has a join of few rows with a table look those up in the table by an
// index, instead of reading all of it. The sides of a join are exchanged for that,
// and a table's rows that are IN a few others are looked up by those.
func indexJoin(n plan.Node, env *Env) plan.Node {
	if env.Continuous {
		return n
	}
	n = plan.MapNode(n, func(e plan.Expr) plan.Expr { return e }, func(in plan.Node) plan.Node { return indexJoin(in, env) })
	j, ok := n.(*plan.Join)
	if !ok || j.Lateral || len(j.LeftKeys) == 0 {
		return n
	}
	c := &cardinality{env: env}
	var choices []func() (plan.Node, float64)
	straight := func() (plan.Node, float64) { return c.lookingUp(j) }
	swapped := func() (plan.Node, float64) { return c.lookingUpLeft(j) }
	switch j.Kind {
	case plan.JoinInner:
		choices = append(choices, straight, swapped)
	case plan.JoinLeft, plan.JoinAnti:
		choices = append(choices, straight)
	case plan.JoinRight:
		choices = append(choices, swapped)
	case plan.JoinSemi:
		choices = append(choices, straight, func() (plan.Node, float64) { return c.lookingUpAny(j) })
	}
	best, least := plan.Node(j), math.Inf(1)
	for _, choice := range choices {
		if found, cost := choice(); found != nil && cost < least {
			best, least = found, cost
		}
	}
	return best
}

// lookingUp is a join that looks its left rows up in the table on its right; nil where
// that has no index for it, or reading the table costs less.
func (c *cardinality) lookingUp(j *plan.Join) (plan.Node, float64) {
	s := plan.Scanned(j.Right)
	if s == nil || !s.Relation.Stored() || s.Access != nil || s.Current != nil || s.Follow || !plan.Derive(j.Left).AppendOnly {
		return nil, 0
	}
	look := c.env.seekable(j, s)
	if look == nil {
		return nil, 0
	}
	left, known := c.rows(j.Left)
	all, sized := c.read(j.Right)
	if !known || !sized {
		return nil, 0
	}
	cost := float64(lookCost)
	if !look.Index.Unique || len(look.By) < len(look.Index.Keys) {
		// Nothing counts the values of a key. Those that have many rows are few, and
		// are looked up once for all rows of a batch.
		cost += foundCost * math.Sqrt(c.base(j.Right))
	}
	if cost *= left; cost >= all {
		return nil, 0
	}
	out := *j
	out.Lookup = look
	out.Right = plan.MapScanned(j.Right, func(s *plan.Scan) plan.Node {
		found := *s
		found.Access = &plan.IndexAccess{Index: look.Index}
		return &found
	})
	return &out, cost
}

// read is how many rows are read to have those of one side of a join: the whole
// table, but where its own conditions are found by an index.
func (c *cardinality) read(n plan.Node) (float64, bool) {
	rows, known := c.rows(n)
	for f := n; ; {
		switch x := f.(type) {
		case *plan.Project:
			f = x.Input
			continue
		case *plan.Filter:
			if s, ok := tableScan(x.Input); ok && accessFiltered(x, s, c.env) != plan.Node(x) {
				return rows, known
			}
		}
		return c.base(n), known
	}
}

// lookingUpLeft is lookingUp with the sides exchanged.
func (c *cardinality) lookingUpLeft(j *plan.Join) (plan.Node, float64) {
	kind := plan.JoinInner
	if j.Kind == plan.JoinRight {
		kind = plan.JoinLeft
	}
	left, right := j.Left.Schema(), j.Right.Schema()
	at := make([]int, len(left)+len(right))
	for i := range at {
		if at[i] = i + len(right); i >= len(left) {
			at[i] = i - len(left)
		}
	}
	swapped := &plan.Join{Kind: kind, Left: j.Right, Right: j.Left, LeftKeys: j.RightKeys, RightKeys: j.LeftKeys}
	if j.Cond != nil {
		swapped.Cond = move(j.Cond, at)
	}
	swapped.Fields = append(append(swapped.Fields, j.Fields[len(left):]...), j.Fields[:len(left)]...)
	found, cost := c.lookingUp(swapped)
	if found == nil {
		return nil, 0
	}
	return restore(found, at, j.Fields), cost
}

// lookingUpAny is the join that a semi join of a table with few rows is: the distinct
// keys of those, looked up in the table.
func (c *cardinality) lookingUpAny(j *plan.Join) (plan.Node, float64) {
	if j.Cond != nil {
		return nil, 0
	}
	keys := &plan.Project{Input: j.Right, Exprs: j.RightKeys}
	inner := &plan.Join{Kind: plan.JoinInner, Right: j.Left, RightKeys: j.LeftKeys}
	for i, e := range j.RightKeys {
		f := plan.Field{Name: "key", Type: e.Type()}
		if col, ok := e.(*plan.Column); ok {
			f.Name = col.Name
		}
		keys.Fields = append(keys.Fields, f)
		inner.LeftKeys = append(inner.LeftKeys, &plan.Column{Index: i, Typ: f.Type, Name: f.Name})
	}
	inner.Left = &plan.DistinctNode{Input: keys}
	inner.Fields = append(append(inner.Fields, keys.Fields...), j.Left.Schema()...)
	found, cost := c.lookingUp(inner)
	if found == nil {
		return nil, 0
	}
	at := make([]int, len(j.Fields))
	for i := range at {
		at[i] = len(keys.Fields) + i
	}
	return restore(found, at, j.Fields), cost
}

// seekable finds the index of a table that a join can look its keys up in: the
// longest beginning that the keys give, of a unique one at best.
func (e *Env) seekable(j *plan.Join, s *plan.Scan) *plan.Lookup {
	columns := make([]int, len(j.RightKeys)) // in the table; -1: an expression
	for i, k := range j.RightKeys {
		columns[i] = plan.ScannedColumn(j.Right, unlabelled(k))
	}
	var best *plan.Lookup
	whole := func(l *plan.Lookup) bool { return l.Index.Unique && len(l.By) == len(l.Index.Keys) }
	for _, x := range e.indexes(s.Relation) {
		look := lookupBy(x, j, columns)
		switch {
		case look == nil:
		case best == nil, whole(look) && !whole(best), len(look.By) > len(best.By) && whole(look) == whole(best):
			best = look
		}
	}
	return best
}

// lookupBy is how the keys of a join, which are these columns, are found by an index;
// nil: they are not.
func lookupBy(x *catalog.Index, j *plan.Join, columns []int) *plan.Lookup {
	if x.Where != "" {
		return nil
	}
	look := &plan.Lookup{Index: x}
	for _, key := range x.Keys {
		at := slices.Index(columns, key.Column)
		if key.Column < 0 || at < 0 || !sameForm(j.LeftKeys[at].Type().OID, key.Type.OID) {
			break
		}
		look.By, look.Columns = append(look.By, at), append(look.Columns, key.Column)
	}
	if len(look.By) == 0 {
		return nil
	}
	return look
}

// sameForm reports whether values of one type are keys of an index as those of the
// other are.
func sameForm(have, want types.OID) bool {
	return have == want || have == types.Text && want == types.Varchar
}

// unlabelled is a varchar that is compared as text.
func unlabelled(e plan.Expr) plan.Expr {
	if c, ok := e.(*plan.Cast); ok && c.Method == plan.CastRelabel && c.Typ.OID == types.Text && c.Arg.Type().OID == types.Varchar {
		return c.Arg
	}
	return e
}
