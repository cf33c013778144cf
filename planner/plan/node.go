// Package plan holds what bind produces and exec runs: nodes and expressions.
// They are data and String, nothing else, and once planned never change: a plan
// may run many times, and on several goroutines.
package plan

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Node is a relational operator. Its rows have the columns of Schema; the
// expressions of a node see the rows of its input (of a Join: left, then right).
type Node interface {
	Schema() []Field
	Inputs() []Node
	String() string // one line, for EXPLAIN
	node()
}

// Field is one column of a node's rows.
type Field struct {
	Name  string
	Type  types.Type
	Table types.OID // where it is a relation's own column, for RowDescription; else 0
	Attr  int16
	// Row are the columns of a record, where they are known; nil: they are not.
	Row *RowShape
}

// RowShape are the columns of a row value.
type RowShape struct{ Cols []types.RowColumn }

// Props are what the planner derives of a relation (streaming.md).
type Props struct {
	Bounded    bool
	AppendOnly bool
	Keys       [][]int // each a set of columns that is unique
	Time       int     // the event-time column, -1 for none
	// Times: the event time is the latest of these columns; Time is -1 then. nil: it
	// is Time's.
	Times []int
	// Spread is how many microseconds they may lie apart in one row; Loose: any.
	Spread int64
	// Window are the bounds of the window of time that a row is in; nil: in none.
	Window *WindowBounds
}

// Scan reads a stream or a table.
type Scan struct {
	Relation *catalog.Relation
	// Columns are places in Relation.AllColumns; the rows have these. In a table
	// the place behind its last column is the row id, a bigint.
	Columns []int
	Filters []Expr // over the scan's own rows: what a connector may use to skip
	// Seeks taken from Filters, NULL Exprs where there is none; they are still
	// filtered by Filter above.
	FromTime, UntilTime     Expr // timestamptz: _timestamp >= , <
	FromOffset, UntilOffset Expr // bigint: _offset >=, <
	Partition               Expr // int: _partition =
	// Watermark is over the scan's rows: no row is expected whose event time lies
	// before the highest value that it has had. nil: nobody asks for one.
	Watermark Expr
	Fields    []Field
	Alias     string
	Access    *IndexAccess // of a table; nil: all rows in order of their ids
	// Current names the row of a table that WHERE CURRENT OF means; nil: the scan
	// reads others too.
	Current *CursorRow
	// Derived are RowRules.Derived of a table, over its columns.
	Derived []Expr
	// Follow: of a table, in a continuous query: the rows there, and then what
	// commits change, for ever. Else the rows that are there once.
	Follow bool
	// Looked: of a stream whose connector can be asked for the rows of keys. A stream
	// that is joined with it asks; otherwise it is read, and ends.
	Looked bool
	// Changes: of a stream that is a table which another system changes, in a
	// continuous query: its rows by their key, as they change. Else the rows that are
	// there once.
	Changes bool
}

// VirtualScan reads a catalog relation, by its provider.
type VirtualScan struct {
	Relation *catalog.Relation
	Columns  []int
	Fields   []Field
	Alias    string
}

// Values are literal rows; one row without columns is the FROM of a SELECT that
// has none.
type Values struct {
	Rows   [][]Expr
	Fields []Field
}

// FunctionScan is a function in FROM, or several in step: the columns of one that
// ends before the others are NULL. With Ordinality the row's number comes last.
type FunctionScan struct {
	Calls      []FunctionCall
	Ordinality bool
	Fields     []Field
}

// FunctionCall is one function of a FunctionScan. Its expressions may hold Outer
// where the scan is lateral.
type FunctionCall struct {
	Func    *catalog.Function
	Args    []Expr
	Value   Expr // where Func is nil: an expression, whose value is the one row
	Columns int  // of the rows
	Spread  bool // each of Func's values is a row whose columns they are
}

// Filter keeps the rows for which Cond is true.
type Filter struct {
	Input Node
	Cond  Expr
}

// Project computes columns.
type Project struct {
	Input  Node
	Exprs  []Expr
	Fields []Field
}

// ProjectSet computes columns of which some return sets.
type ProjectSet struct {
	Input  Node
	Exprs  []Expr // a Call whose Func.Set is true yields rows
	Fields []Field
}

// GroupingSets passes each row once for every set. After the input's columns
// come the Keys, NULL where the set has them not, and the set's number from 1.
type GroupingSets struct {
	Input  Node
	Keys   []Expr
	Sets   [][]int // places in Keys, ascending
	Fields []Field
}

// AggregateNode groups by Keys (over the input) and computes Calls: the rows are
// the keys, then the calls. No key and no row gives one row.
type AggregateNode struct {
	Input Node
	Keys  []Expr
	Calls []AggCall
	// Always are keys, constants, of groups that are there without rows too: of
	// empty grouping sets.
	Always [][]Expr
	Fields []Field
	// EmitChanges: after each epoch the net change of every group.
	EmitChanges bool
	// Closing: the groups are of windows of time; nil: they never end.
	Closing *ClosingKeys
}

// DistinctNode removes duplicates.
type DistinctNode struct {
	Input Node
	On    []Expr // DISTINCT ON; nil: the whole row
}

// Sort orders a bounded input.
type Sort struct {
	Input Node
	Keys  []SortKey
}

// Limit passes at most Count rows after Offset; nil: none.
type Limit struct {
	Input         Node
	Count, Offset Expr
	// Ties: rows that are equal to the last one by these keys, in whose order the
	// input comes, pass too; nil: none do.
	Ties []SortKey
	// Changes: it counts the rows of a live query as they are given, those that take
	// others back too. Else there are none such.
	Changes bool
}

// JoinKind is the kind of a Join.
type JoinKind uint8

// Kinds of Join.
const (
	JoinInner JoinKind = iota
	JoinLeft
	JoinRight
	JoinFull
	JoinSemi
	JoinAnti
	// JoinNotIn is the anti join that NOT IN means: one key on each side and no
	// condition. A left row stays where the right side has no row at all, or where
	// neither its key nor any of the right side's is NULL and none is equal.
	JoinNotIn
	// JoinRightSemi and JoinRightAnti are JoinSemi and JoinAnti with the sides
	// exchanged: they give right rows alone. Of a query that ends.
	JoinRightSemi
	JoinRightAnti
	// JoinRightNotIn is JoinNotIn likewise.
	JoinRightNotIn
)

// KeepsRight reports whether a join of the kind gives right rows alone, each once or
// not at all.
func (k JoinKind) KeepsRight() bool {
	return k == JoinRightSemi || k == JoinRightAnti || k == JoinRightNotIn
}

// KeepsLeft reports whether a join of the kind gives left rows alone, each once
// or not at all.
func (k JoinKind) KeepsLeft() bool { return k == JoinSemi || k == JoinAnti || k == JoinNotIn }

// Join joins its inputs. Cond is over left's columns and then right's; nil
// is a cross join. LeftKeys[i] = RightKeys[i] (Eq[i]) are taken out of Cond;
// RightKeys are over the right row alone.
type Join struct {
	Kind                JoinKind
	Left, Right         Node
	LeftKeys, RightKeys []Expr
	Cond                Expr // the residual
	// Bounds are what the times of two streams must hold to, of a continuous query
	// alone; they are not in Cond. nil: there are none.
	Bounds *JoinBounds
	// Forgets say which rows of either side need not be kept for ever, of a continuous
	// query alone; nil: each may meet what is yet to come.
	Forgets [2]*Forget
	Lateral bool // Right holds Outer of depth 1 into Left
	// Lookup says how the right side is asked for its rows; nil: it is read.
	Lookup *Lookup
	Fields []Field
}

// Lookup is how a relation is asked for the rows of keys: a stream that another is
// joined with, as it is when a row comes, or a table, by an index. The relation is
// that of the scan below the join's right side (Scanned).
type Lookup struct {
	By      []int          // the join's keys that are given, by their places
	Columns []int          // of the relation: what they are
	Index   *catalog.Index // of a table, whose first keys they are; nil: it is a stream
}

// Scanned is the scan of which n's rows are, each by itself, filtered and projected;
// nil: they are of none.
func Scanned(n Node) *Scan {
	for {
		switch x := n.(type) {
		case *Filter:
			n = x.Input
		case *Project:
			n = x.Input
		case *Scan:
			return x
		default:
			return nil
		}
	}
}

// MapScanned is n with another node for the scan of which its rows are.
func MapScanned(n Node, f func(*Scan) Node) Node {
	if s, ok := n.(*Scan); ok {
		return f(s)
	}
	return MapNode(n, func(e Expr) Expr { return e }, func(in Node) Node { return MapScanned(in, f) })
}

// ScannedColumn is the column of the relation that an expression over n, of which
// Scanned is not nil, is; -1: none.
func ScannedColumn(n Node, e Expr) int {
	for {
		c, ok := e.(*Column)
		if !ok {
			return -1
		}
		switch x := n.(type) {
		case *Filter:
			n = x.Input
		case *Project:
			n, e = x.Input, x.Exprs[c.Index]
		case *Scan:
			return x.Columns[c.Index]
		default:
			return -1
		}
	}
}

// Append is UNION ALL.
type Append struct {
	Children []Node
	Fields   []Field
}

// SetOp is UNION, INTERSECT, EXCEPT [ALL] where it is not Append.
type SetOp struct {
	Op          string // union, intersect, except
	All         bool
	Left, Right Node
	Fields      []Field
	// Changes: a job keeps it up to date as its inputs change, also where they end.
	Changes bool
}

// CTE is a WITH query read in one or more places: the scans name its ID.
type CTE struct {
	ID        int
	Name      string
	Query     Node
	Recursive Node // its scans of ID read the last iteration's rows
	Distinct  bool // UNION rather than UNION ALL
	Body      Node
}

// CTEScan reads a CTE.
type CTEScan struct {
	ID     int
	Name   string
	Fields []Field
}
