package plan

import (
	"reflect"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Equal reports whether two expressions are the same in all but their places in
// the text: what GROUP BY and DISTINCT match by.
func Equal(a, b Expr) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Type() != b.Type() {
		return false
	}
	switch a := a.(type) {
	case *Column:
		b, ok := b.(*Column)
		return ok && a.Index == b.Index
	case *Outer:
		b, ok := b.(*Outer)
		return ok && a.Depth == b.Depth && a.Index == b.Index
	case *Const:
		b, ok := b.(*Const)
		return ok && equalValues(a.Value, b.Value)
	case *Param:
		b, ok := b.(*Param)
		return ok && a.N == b.N
	case *Call:
		b, ok := b.(*Call)
		return ok && a.Func == b.Func && a.Spread == b.Spread && a.Numbers == b.Numbers && equalLists(a.Args, b.Args)
	case *Cast:
		b, ok := b.(*Cast)
		return ok && a.Method == b.Method && a.Explicit == b.Explicit && Equal(a.Arg, b.Arg) && Equal(a.Elem, b.Elem)
	case *And:
		b, ok := b.(*And)
		return ok && equalLists(a.Args, b.Args)
	case *Or:
		b, ok := b.(*Or)
		return ok && equalLists(a.Args, b.Args)
	case *Not:
		b, ok := b.(*Not)
		return ok && Equal(a.Arg, b.Arg)
	case *IsNull:
		b, ok := b.(*IsNull)
		return ok && a.Not == b.Not && a.Row == b.Row && Equal(a.Arg, b.Arg)
	case *IsBool:
		b, ok := b.(*IsBool)
		return ok && a.Not == b.Not && a.Test == b.Test && Equal(a.Arg, b.Arg)
	case *Case:
		b, ok := b.(*Case)
		if !ok || len(a.Whens) != len(b.Whens) || !Equal(a.Else, b.Else) {
			return false
		}
		for i := range a.Whens {
			if !Equal(a.Whens[i].Cond, b.Whens[i].Cond) || !Equal(a.Whens[i].Then, b.Whens[i].Then) {
				return false
			}
		}
		return true
	case *Coalesce:
		b, ok := b.(*Coalesce)
		return ok && equalLists(a.Args, b.Args)
	case *NullIf:
		b, ok := b.(*NullIf)
		return ok && Equal(a.Left, b.Left) && Equal(a.Eq, b.Eq)
	case *MinMax:
		b, ok := b.(*MinMax)
		return ok && a.Greatest == b.Greatest && equalLists(a.Args, b.Args)
	case *Distinct:
		b, ok := b.(*Distinct)
		return ok && a.Not == b.Not && Equal(a.Left, b.Left) && Equal(a.Right, b.Right)
	case *In:
		b, ok := b.(*In)
		return ok && a.Eq == b.Eq && Equal(a.Arg, b.Arg) && equalLists(a.List, b.List)
	case *AnyAll:
		b, ok := b.(*AnyAll)
		return ok && a.Op == b.Op && a.All == b.All && Equal(a.Arg, b.Arg) && Equal(a.Array, b.Array)
	case *ArrayOf:
		b, ok := b.(*ArrayOf)
		return ok && a.Multi == b.Multi && equalLists(a.Items, b.Items)
	case *Subscript:
		b, ok := b.(*Subscript)
		return ok && Equal(a.Arg, b.Arg) && slices.EqualFunc(a.Items, b.Items, equalIndex)
	case *Assign:
		b, ok := b.(*Assign)
		return ok && Equal(a.Arg, b.Arg) && Equal(a.Value, b.Value) && slices.EqualFunc(a.Items, b.Items, equalIndex)
	case *Row:
		b, ok := b.(*Row)
		return ok && a.Typ == b.Typ && slices.Equal(a.Names, b.Names) && equalLists(a.Items, b.Items) && Equal(a.Present, b.Present)
	case *FieldOf:
		b, ok := b.(*FieldOf)
		return ok && a.Index == b.Index && Equal(a.Arg, b.Arg)
	case *Subquery:
		b, ok := b.(*Subquery)
		return ok && a.Kind == b.Kind && slices.Equal(a.Op, b.Op) && equalLists(a.Left, b.Left) && EqualNodes(a.Input, b.Input)
	}
	return false
}

func equalIndex(x, y Index) bool {
	return x.Slice == y.Slice && Equal(x.Lower, y.Lower) && Equal(x.Upper, y.Upper)
}

// EqualNodes reports whether two trees are the same in all but their places in
// the text.
func EqualNodes(a, b Node) bool {
	if a == b {
		return true
	}
	if reflect.TypeOf(a) != reflect.TypeOf(b) || a.String() != b.String() || !slices.EqualFunc(details(a), details(b), func(x, y detail) bool { return x.key == y.key && x.value == y.value }) || !slices.EqualFunc(a.Schema(), b.Schema(), func(f, g Field) bool { return f.Type == g.Type }) {
		return false
	}
	switch a := a.(type) {
	case *CTE:
		return false // of two numbers
	case *CTEScan:
		return a.ID == b.(*CTEScan).ID
	case *Scan:
		return a.Relation == b.(*Scan).Relation && slices.Equal(a.Columns, b.(*Scan).Columns)
	case *VirtualScan:
		return a.Relation == b.(*VirtualScan).Relation && slices.Equal(a.Columns, b.(*VirtualScan).Columns)
	}
	return equalLists(nodeExprs(a), nodeExprs(b)) && slices.EqualFunc(a.Inputs(), b.Inputs(), EqualNodes)
}

func nodeExprs(n Node) []Expr {
	var out []Expr
	EachExpr(n, func(e Expr) { out = append(out, e) })
	return out
}

func equalLists(a, b []Expr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// EqualCalls reports whether two aggregate calls are the same.
func EqualCalls(a, b AggCall) bool {
	if a.Func != b.Func || a.Star != b.Star || a.Distinct != b.Distinct || a.Typ != b.Typ || a.Direct != b.Direct ||
		!equalLists(a.Args, b.Args) || !Equal(a.Filter, b.Filter) || len(a.OrderBy) != len(b.OrderBy) {
		return false
	}
	for i, k := range a.OrderBy {
		o := b.OrderBy[i]
		if k.Desc != o.Desc || k.NullsFirst != o.NullsFirst || !Equal(k.Expr, o.Expr) {
			return false
		}
	}
	return true
}

func equalValues(a, b types.Value) bool {
	if a.Type != b.Type || a.Null != b.Null {
		return false
	}
	if a.Null || a.Type.OID == types.Unknown {
		return a.S == b.S
	}
	if types.IsRow(a.Type.OID) {
		return a.S == b.S
	}
	f := types.DefaultFormat()
	return string(types.AppendText(nil, a, f)) == string(types.AppendText(nil, b, f))
}
