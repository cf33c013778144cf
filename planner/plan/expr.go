package plan

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Expr is a bound expression: every name is resolved, every type known, every
// implicit cast written out. It is data; exec/expr compiles it.
type Expr interface {
	Type() types.Type
	String() string
	expr()
}

// Column is column Index of the input row.
type Column struct {
	Index int
	Typ   types.Type
	Name  string
	Rel   string // whose column it is, where String is to say so
}

// Outer is column Index of the row of the query Depth levels out (1: the next).
type Outer struct {
	Depth, Index int
	Typ          types.Type
	Name, Rel    string
}

// Const is a literal.
type Const struct{ Value types.Value }

// Param is $N, from 1; its value is in the statement's Env.
type Param struct {
	N   int
	Typ types.Type
}

// Call applies a function (operators and cast functions included).
type Call struct {
	Func *catalog.Function
	Args []Expr
	Typ  types.Type
	// Spread: the last argument is an array whose items are the arguments that
	// the function repeats.
	Spread bool
	Op     string // the operator's name where it was written as one, for String and EXPLAIN
	Word   string // CURRENT_DATE or its like, which stands for the call
	Cast   CallCast
	// Numbers: nextval as an identity column calls it, which asks for no right on
	// the column's own sequence.
	Numbers bool
	Pos     int // of the statement's text, characters from 1
}

// CallCast says whether a Call is how a cast is made, and who wanted it.
type CallCast uint8

// What a Call's Cast can be.
const (
	NoCast CallCast = iota
	ImplicitCast
	ExplicitCast
)

// CastMethod is how a Cast converts.
type CastMethod uint8

// Methods of Cast. A cast by function is a Call.
const (
	CastRelabel CastMethod = iota // same representation, other type
	CastText                      // the source's text form read by the target
	CastMod                       // same type, apply the modifier; Explicit truncates
	CastArray                     // element by element: Elem converts one, its Column{0} is the element
)

// Cast converts Arg to Typ.
type Cast struct {
	Arg      Expr
	Typ      types.Type
	Method   CastMethod
	Explicit bool
	Elem     Expr
	Pos      int
}

// And is true where all are; evaluated left to right, narrowing.
type And struct{ Args []Expr }

// Or is true where one is.
type Or struct{ Args []Expr }

// Not negates.
type Not struct{ Arg Expr }

// IsNull is IS [NOT] NULL.
type IsNull struct {
	Arg Expr
	Not bool
	// Row: of a row value, whether all its columns are NULL, or none.
	Row bool
}

// BoolTest is what IsBool tests for.
type BoolTest uint8

// Tests of IsBool.
const (
	IsTrue BoolTest = iota
	IsFalse
	IsUnknown
)

// IsBool is IS [NOT] TRUE, FALSE, UNKNOWN.
type IsBool struct {
	Arg  Expr
	Test BoolTest
	Not  bool
}

// When is one arm of a Case.
type When struct{ Cond, Then Expr }

// Case is a searched CASE; a simple one is bound to equalities. Else nil: NULL.
type Case struct {
	Whens []When
	Else  Expr
	Typ   types.Type
}

// Coalesce is the first argument that is not NULL.
type Coalesce struct {
	Args []Expr
	Typ  types.Type
}

// NullIf is NULL where Eq(Left, Right), else Left.
type NullIf struct {
	Left, Right Expr // as written; Eq is over their coerced forms
	Eq          Expr // boolean
	Typ         types.Type
}

// MinMax is GREATEST or LEAST; NULLs are ignored.
type MinMax struct {
	Greatest bool
	Args     []Expr
	Typ      types.Type
}

// Distinct is IS [NOT] DISTINCT FROM. Eq is Left = Right.
type Distinct struct {
	Left, Right Expr
	Eq          Expr
	Not         bool
}

// In is Arg = ANY of the List, whose items have Arg's type. Negated by Not.
// Eq is the equality function.
type In struct {
	Arg  Expr
	List []Expr
	Eq   *catalog.Function
}

// AnyAll is Arg op ANY (array), or ALL.
type AnyAll struct {
	Arg   Expr
	Array Expr
	Op    *catalog.Function
	Name  string
	All   bool
}

// ArrayOf is ARRAY[...]; Multi: the items are arrays themselves.
type ArrayOf struct {
	Items []Expr
	Multi bool
	Typ   types.Type
}

// Subscript is Arg[i][j]..., or a slice where an item has Slice set.
type Subscript struct {
	Arg   Expr
	Items []Index
	Typ   types.Type
}

// Index is one subscript. Lower and Upper may be nil in a slice.
type Index struct {
	Slice        bool
	Lower, Upper Expr // not a slice: Upper
}

// Assign is Arg with the element or slice that Items name replaced by Value.
type Assign struct {
	Arg   Expr
	Items []Index
	Value Expr
	Typ   types.Type
}

// Row is ROW(...), or all columns of an entry of FROM. Where Present is not
// nil, the row is NULL unless Present is true: the entry may have no row here.
type Row struct {
	Items   []Expr
	Names   []string
	Typ     types.Type
	Present Expr
	Rel     string // whose columns they all are, "" for ROW(...)
}

// Shape are the row's columns.
func (e *Row) Shape() *RowShape {
	s := &RowShape{Cols: make([]types.RowColumn, len(e.Items))}
	for i, item := range e.Items {
		s.Cols[i] = types.RowColumn{Name: e.Names[i], Type: item.Type()}
	}
	return s
}

// FieldOf is (row).name.
type FieldOf struct {
	Arg   Expr
	Index int
	Typ   types.Type
	Name  string
}

// SubqueryKind is how a subquery is used.
type SubqueryKind uint8

// Kinds of Subquery.
const (
	SubScalar SubqueryKind = iota
	SubExists
	SubAny // Test over Outer row and Column{0..} of the subquery
	SubAll
	SubArray // ARRAY(SELECT ...)
)

// Subquery is a query inside an expression. Correlated ones hold Outer.
type Subquery struct {
	Kind       SubqueryKind
	Input      Node
	Correlated bool
	// Left and Op: of SubAny and SubAll, Left Op column.
	Left    []Expr
	Op      []*catalog.Function
	OpNames []string // as written, for EXPLAIN
	Typ     types.Type
}

// Aggregate call of an Aggregate node.
type AggCall struct {
	Func     *catalog.Function
	Args     []Expr
	Direct   int // the first so many Args are one value in a group; OrderBy sorts by the others
	Star     bool
	Distinct bool
	Filter   Expr
	OrderBy  []SortKey
	Typ      types.Type
	Pos      int
}

// SortKey is one key of an ORDER BY.
type SortKey struct {
	Expr       Expr
	Desc       bool
	NullsFirst bool
}
