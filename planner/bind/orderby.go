package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// orderKey is one key of ORDER BY: a column of the select list, or an
// expression over the block's input where target is -1.
type orderKey struct {
	target int
	e      plan.Expr
	loc    int32
	key    plan.SortKey
}

func (b *binder) orderBy(list []*pg.Node, q *block) []orderKey {
	var out []orderKey
	for _, n := range list {
		sb := n.GetSortBy()
		k := b.clauseTarget(sb.Node, q, exprOrderBy, "ORDER BY")
		t := k.e
		if k.target >= 0 {
			t = q.targets[k.target].e
		}
		b.needsOrdering(t.Type().OID, location(sb.Node))
		k.key = b.sortKey(sb, nil)
		duplicate := false
		for _, o := range out {
			if o.target == k.target && (k.target >= 0 || plan.Equal(o.e, k.e)) {
				duplicate = true
			}
		}
		if !duplicate {
			out = append(out, k)
		}
	}
	return out
}

func (b *binder) needsOrdering(t types.OID, loc int32) {
	if info := types.Lookup(t); info != nil && info.Comparable {
		return
	}
	b.fail(sqlerr.Errorf(sqlerr.UndefinedFunction, "could not identify an ordering operator for type %s", b.formatType(t)).
		WithHint("Use an explicit ordering operator or modify the query.").At(b.pos(loc)))
}

// sortKey reads the direction and the place of NULLs.
func (b *binder) sortKey(sb *pg.SortBy, e plan.Expr) plan.SortKey {
	k := plan.SortKey{Expr: e}
	switch sb.SortbyDir {
	case pg.SortByDir_SORTBY_DESC:
		k.Desc = true
	case pg.SortByDir_SORTBY_USING:
		op := strs(sb.UseOp)
		switch op[len(op)-1] {
		case "<", "~<~":
		case ">", "~>~":
			k.Desc = true
		default:
			b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "operator %s is not a valid ordering operator", op[len(op)-1]).
				WithHint("Ordering operators must be \"<\" or \">\" members of btree operator families.").At(b.pos(sb.Location)))
		}
	}
	switch sb.SortbyNulls {
	case pg.SortByNulls_SORTBY_NULLS_FIRST:
		k.NullsFirst = true
	case pg.SortByNulls_SORTBY_NULLS_LAST:
	default:
		k.NullsFirst = k.Desc
	}
	return k
}

// clauseTarget resolves an item of ORDER BY, GROUP BY or DISTINCT ON: a position
// in the select list, an output name, or an expression
// (findTargetlistEntrySQL92).
func (b *binder) clauseTarget(n *pg.Node, q *block, k exprKind, clause string) orderKey {
	key := b.findTarget(n, q, k, clause)
	if i := key.target; i >= 0 {
		q.targets[i].e = b.defaultType(q.targets[i].e, q.targets[i].loc)
	} else {
		key.e = b.defaultType(key.e, key.loc)
	}
	return key
}

func (b *binder) findTarget(n *pg.Node, q *block, k exprKind, clause string) orderKey {
	loc := location(n)
	if c := n.GetColumnRef(); c != nil && len(c.Fields) == 1 {
		if names := strs(c.Fields); len(names) == 1 {
			if i := b.outputName(names[0], q, k, clause, c.Location); i >= 0 {
				return orderKey{target: i, loc: loc}
			}
		}
	}
	if c := n.GetAConst(); c != nil {
		v, ok := c.Val.(*pg.A_Const_Ival)
		if !ok {
			b.failf(sqlerr.SyntaxError, c.Location, "non-integer constant in %s", clause)
		}
		i := int(v.Ival.Ival)
		if i < 1 || i > len(q.targets) {
			b.failf(sqlerr.InvalidColumnReference, c.Location, "%s position %d is not in select list", clause, i)
		}
		return orderKey{target: i - 1, loc: loc}
	}
	e := b.expr(n, q.scope, k)
	for i, t := range q.targets {
		if plan.Equal(t.e, e) {
			return orderKey{target: i, loc: loc}
		}
	}
	return orderKey{target: -1, e: e, loc: loc}
}

// outputName finds a name in the select list, -1 where it is not there or, in
// GROUP BY, where a column of the input has the name.
func (b *binder) outputName(name string, q *block, k exprKind, clause string, loc int32) int {
	if k == exprGroupBy && b.inputHas(name, q.scope) {
		return -1
	}
	found := -1
	for i, t := range q.targets {
		if t.name != name {
			continue
		}
		if found >= 0 && !plan.Equal(q.targets[found].e, t.e) {
			b.failf(sqlerr.AmbiguousColumn, loc, "%s \"%s\" is ambiguous", clause, name)
		}
		if found < 0 {
			found = i
		}
	}
	return found
}

func (b *binder) inputHas(name string, s *scope) bool {
	for _, item := range s.items {
		if !item.colsVisible {
			continue
		}
		for _, c := range item.cols {
			if c.name == name {
				return true
			}
		}
	}
	return false
}
