package exec

import (
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// holder is the account of an operator of a tree.
type holder struct {
	plan    plan.Node
	account *memory.Account
}

// holder returns an account for an operator that writes to disk what memory has
// no room for. It is closed with the tree. In a live query rows have to go on
// within the epoch, so that nothing can be put off: there the account is the
// query's.
func (b *builder) holder(t *tree, n plan.Node) *memory.Account {
	if b.live {
		return b.account
	}
	return b.spiller(t, n)
}

// spiller is holder of an operator that, where rows have to go on, still writes to disk.
func (b *builder) spiller(t *tree, n plan.Node) *memory.Account {
	a := b.account.Spillable("an operator")
	t.holders = append(t.holders, holder{n, a})
	return a
}

// sortedBy reports whether a node's rows come sorted by the expressions, in
// whatever order of theirs: equal ones lie side by side.
func sortedBy(n plan.Node, by []plan.Expr) bool {
	s, ok := n.(*plan.Sort)
	if !ok || len(by) == 0 || len(s.Keys) < len(by) {
		return false
	}
	for _, k := range s.Keys[:len(by)] {
		found := false
		for _, e := range by {
			found = found || plan.Equal(k.Expr, e)
		}
		if !found {
			return false
		}
	}
	for _, e := range by {
		found := false
		for _, k := range s.Keys[:len(by)] {
			found = found || plan.Equal(k.Expr, e)
		}
		if !found {
			return false
		}
	}
	return true
}
