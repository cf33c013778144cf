package parse

import pg "github.com/pganalyze/pg_query_go/v5"

// Integer is an integer literal of a statement's text.
type Integer struct {
	At    int // byte of the text, from 0
	Value int32
}

// ParamIntegers puts parameters of type int4, $1 and so on, in the place of a
// statement's integer literals, in its tree. negated are those with a minus, which
// PostgreSQL's parser takes as part of the number: the parameter is the negative
// value. false: a literal stands where it is not simply a value of that type (in
// ORDER BY, in a type's modifier, in LIMIT), or the statement is not a plain one
// over a table; the tree is then of no use any more.
func (s Statement) ParamIntegers(ints []Integer) (negated []bool, ok bool) {
	if s.Node == nil || s.Stream != nil || len(s.Clauses) > 0 || len(s.With) > 0 || len(s.Into) > 0 {
		return nil, false
	}
	p := integerParams{ints: ints, negated: make([]bool, len(ints)), taken: make([]bool, len(ints))}
	if !p.statement(s.Node) {
		return nil, false
	}
	for _, taken := range p.taken {
		if !taken {
			return nil, false
		}
	}
	return p.negated, true
}

type integerParams struct {
	ints           []Integer
	negated, taken []bool
}

func (p *integerParams) statement(n *pg.Node) bool {
	switch n := n.Node.(type) {
	case *pg.Node_SelectStmt:
		return p.selection(n.SelectStmt)
	case *pg.Node_InsertStmt:
		s := n.InsertStmt
		return s.OnConflictClause == nil && s.WithClause == nil && s.SelectStmt != nil && s.SelectStmt.GetSelectStmt() != nil &&
			p.selection(s.SelectStmt.GetSelectStmt()) && p.all(s.ReturningList)
	case *pg.Node_UpdateStmt:
		s := n.UpdateStmt
		return s.WithClause == nil && len(s.FromClause) == 0 && p.all(s.TargetList) && p.node(s.WhereClause) && p.all(s.ReturningList)
	case *pg.Node_DeleteStmt:
		s := n.DeleteStmt
		return s.WithClause == nil && len(s.UsingClause) == 0 && p.node(s.WhereClause) && p.all(s.ReturningList)
	}
	return false
}

func (p *integerParams) selection(s *pg.SelectStmt) bool {
	plain := s.Op == pg.SetOperation_SETOP_NONE && s.WithClause == nil && s.IntoClause == nil && len(s.DistinctClause) == 0 &&
		len(s.GroupClause) == 0 && s.HavingClause == nil && len(s.WindowClause) == 0 && len(s.SortClause) == 0 &&
		s.LimitCount == nil && s.LimitOffset == nil && len(s.LockingClause) == 0 && len(s.FromClause) <= 1
	if !plain {
		return false
	}
	for _, f := range s.FromClause {
		if f.GetRangeVar() == nil {
			return false
		}
	}
	for _, row := range s.ValuesLists {
		if row.GetList() == nil || !p.all(row.GetList().Items) {
			return false
		}
	}
	return p.all(s.TargetList) && p.node(s.WhereClause)
}

func (p *integerParams) all(nodes []*pg.Node) bool {
	for _, n := range nodes {
		if !p.node(n) {
			return false
		}
	}
	return true
}

// node replaces the literals of an expression.
func (p *integerParams) node(n *pg.Node) bool {
	if n == nil {
		return true
	}
	switch x := n.Node.(type) {
	case *pg.Node_AConst:
		v, ok := x.AConst.Val.(*pg.A_Const_Ival)
		if !ok || x.AConst.Isnull {
			return true // of another type, as it was
		}
		i, ok := p.take(int(x.AConst.Location), v.Ival.GetIval())
		if ok {
			n.Node = &pg.Node_ParamRef{ParamRef: &pg.ParamRef{Number: int32(i + 1), Location: x.AConst.Location}}
		}
		return ok
	case *pg.Node_ResTarget:
		return len(x.ResTarget.Indirection) == 0 && p.node(x.ResTarget.Val)
	case *pg.Node_AExpr:
		return p.node(x.AExpr.Lexpr) && p.node(x.AExpr.Rexpr)
	case *pg.Node_BoolExpr:
		return p.all(x.BoolExpr.Args)
	case *pg.Node_List:
		return p.all(x.List.Items)
	case *pg.Node_NullTest:
		return p.node(x.NullTest.Arg)
	case *pg.Node_TypeCast:
		return p.node(x.TypeCast.Arg)
	case *pg.Node_CoalesceExpr:
		return p.all(x.CoalesceExpr.Args)
	case *pg.Node_ColumnRef, *pg.Node_SetToDefault, *pg.Node_SqlvalueFunction:
		return true
	}
	return false
}

// take finds the literal that a constant of the tree was made of: the one where it
// stands, or the one behind the minus there.
func (p *integerParams) take(at int, value int32) (int, bool) {
	for i, lit := range p.ints {
		if lit.At < at {
			continue
		}
		if p.taken[i] || lit.At > at && value == 0 {
			return 0, false
		}
		p.taken[i] = true
		if value == lit.Value {
			return i, true
		}
		p.negated[i] = true
		return i, value == -lit.Value
	}
	return 0, false
}
