package plan

// AsOfJoin joins each row of Left with the row of Right that is the newest of its
// keys at the row's time: of those whose time is not later, the latest. Both sides
// only grow, and a left row waits until the right side's time has passed its own.
type AsOfJoin struct {
	Kind                JoinKind // JoinInner or JoinLeft
	Left, Right         Node
	LeftTime, RightTime Expr // over the left row, and over the right row alone
	// LeftKeys and RightKeys are pairwise equal; without any all rows of Right are
	// versions of one.
	LeftKeys, RightKeys []Expr
	Cond                Expr // over both rows, asked of the version found; nil: none
	Fields              []Field
}

// Schema is left's columns and then right's.
func (n *AsOfJoin) Schema() []Field { return n.Fields }

// Inputs are Left and Right.
func (n *AsOfJoin) Inputs() []Node { return []Node{n.Left, n.Right} }

// String is its line in EXPLAIN.
func (n *AsOfJoin) String() string {
	if n.Kind == JoinLeft {
		return "As Of Left Join"
	}
	return "As Of Join"
}

func (*AsOfJoin) node() {}

// mapExprs is MapNode's part.
func (n *AsOfJoin) mapExprs(left, right Node, expr func(Expr) Expr, list func([]Expr) []Expr) AsOfJoin {
	c := *n
	c.Left, c.Right = left, right
	c.LeftTime, c.RightTime, c.Cond = expr(n.LeftTime), expr(n.RightTime), expr(n.Cond)
	c.LeftKeys, c.RightKeys = list(n.LeftKeys), list(n.RightKeys)
	return c
}

// details are its lines in EXPLAIN.
func (n *AsOfJoin) details(add func(key, value string)) {
	if len(n.LeftKeys) > 0 {
		add("Hash Cond", equalities(n.LeftKeys, n.RightKeys))
	}
	add("As Of", "right "+n.RightTime.String()+" at left "+n.LeftTime.String())
	if n.Cond != nil {
		add("Join Filter", n.Cond.String())
	}
}

// IsJoin reports whether a node joins two inputs.
func IsJoin(n Node) bool {
	switch n.(type) {
	case *Join, *AsOfJoin:
		return true
	}
	return false
}
