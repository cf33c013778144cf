package parse

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// pairs reads 'key' = value, ... from token i to before j. A key is a string or
// a dotted name, a value a string, number or boolean.
func (u *unit) pairs(i, j int) []Pair {
	var out []Pair
	for _, e := range u.exprs(i, j) {
		p, err := u.pair(e)
		if err != nil {
			u.fail(err)
			return nil
		}
		out = append(out, p)
	}
	return out
}

// pair reads one pair.
func (u *unit) pair(e *pg.Node) (Pair, *sqlerr.Error) {
	x := e.GetAExpr()
	if x == nil || x.Kind != pg.A_Expr_Kind_AEXPR_OP || len(x.Name) != 1 || x.Name[0].GetString_().GetSval() != "=" || x.Lexpr == nil {
		return Pair{}, u.badPair(e, "a WITH option must be written 'key' = 'value'")
	}
	key, ok := optionKey(x.Lexpr)
	if !ok {
		return Pair{}, u.badPair(x.Lexpr, "the key of a WITH option must be a string")
	}
	value, ok := optionValue(x.Rexpr)
	if !ok {
		err := u.badPair(x.Rexpr, "the value of WITH option \""+key+"\" must be a string, a number or a boolean")
		if x.Rexpr.GetColumnRef() != nil {
			err = err.WithHint("Double quotes and bare words name identifiers; write the value in single quotes.")
		}
		return Pair{}, err
	}
	return Pair{Key: key, Value: value, Pos: u.src.Char(position(x.Lexpr))}, nil
}

// badPair is the error at a node of a WITH list.
func (u *unit) badPair(at *pg.Node, message string) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.SyntaxError, "%s", message).At(u.src.Char(position(at)))
}

// optionKey returns the key that a node writes.
func optionKey(n *pg.Node) (string, bool) {
	if s := n.GetAConst().GetSval(); s != nil {
		return s.Sval, true
	}
	var parts []string
	for _, f := range n.GetColumnRef().GetFields() {
		s := f.GetString_()
		if s == nil {
			return "", false
		}
		parts = append(parts, s.Sval)
	}
	return strings.Join(parts, "."), len(parts) > 0
}

// optionValue returns the text of a literal.
func optionValue(n *pg.Node) (string, bool) {
	c := n.GetAConst()
	if c == nil || c.Isnull {
		return "", false
	}
	switch v := c.Val.(type) {
	case *pg.A_Const_Sval:
		return v.Sval.Sval, true
	case *pg.A_Const_Fval:
		return v.Fval.Fval, true
	case *pg.A_Const_Boolval:
		return strconv.FormatBool(v.Boolval.GetBoolval()), true
	case *pg.A_Const_Ival:
		return strconv.Itoa(int(v.Ival.GetIval())), true
	}
	return "", false
}
