package plan

import "github.com/ferrisstreams/ferrisstreams/catalog"

// ModifyOp is what a Modify does.
type ModifyOp uint8

// What a Modify can do.
const (
	ModifyInsert ModifyOp = iota
	ModifyUpdate
	ModifyDelete
	ModifyMerge
)

// Word is the op as a command tag and EXPLAIN write it.
func (o ModifyOp) Word() string { return [...]string{"Insert", "Update", "Delete", "Merge"}[o] }

// Modify changes the rows of a table; its own rows are those of RETURNING. It runs
// once and to its end, however many of its rows are asked for.
//
// The Input of an insert is the new row, all columns of Target in order. That of
// an update, a delete and a merge is a row of FROM: RowID is the place of the
// target's row id in it (NULL where a merge has found no row), Row the place of
// each of the target's columns, -1 where nothing reads it.
//
// Where and the expressions that follow are computed over the Input's row: where
// another transaction has changed the target's row since it was read, its newest
// version takes the place of the old one in the Input's row, and what was decided
// is decided again.
type Modify struct {
	Op     ModifyOp
	Target *catalog.Relation
	Alias  string
	Input  Node
	RowID  int
	Row    []int
	// Once: the Input has each row of the target at most once.
	Once  bool
	Where Expr   // that a row has to meet, of a merge: ON; nil: none
	New   []Expr // of an update: the new row
	// Actions are those of a merge, in order.
	Actions  []MergeAction
	Conflict *OnConflict // of an insert; nil: a conflict is an error
	// Together: the rows that come at once, of a COPY, are all computed and checked
	// before one is written.
	Together bool
	Rules    RowRules
	Foreign  *Foreign // nil: the table has no foreign key, and none references it
	// Returning is over the columns of the target (of a delete the old row, else
	// the new one), its row id, and then the columns of Input. Of an insert there
	// are none of Input.
	Returning []Expr
	Fields    []Field // of Returning; nil: no rows
}

// RowRules are what a table asks of each new row. The expressions are over the
// row: the columns of the table.
type RowRules struct {
	// Generated is by column: what it is computed of, nil where it is not. nil:
	// the table has none.
	Generated []Expr
	Checks    []NewRowCheck
	// Views are the views WITH CHECK OPTION that the row is written through, and
	// what has to be true for them to show it. Where one is not, the row has been
	// written: it breaks every other rule first.
	Views []NewRowCheck
	// Derived are of each index in order its keys that are expressions and then its
	// predicate, where it has one.
	Derived []Expr
	// Shown are the columns whose values an error may show, by place; nil: all.
	Shown []bool
}

// NewRowCheck is a CHECK constraint.
type NewRowCheck struct {
	Name string
	Expr Expr
}

// OnConflict is ON CONFLICT of an INSERT. Its expressions are over the columns of
// the row that is there, those of the row that was to be inserted (EXCLUDED), and
// the first one's row id.
type OnConflict struct {
	// Arbiters are the indexes whose conflicts count; nil: every unique one.
	Arbiters []*catalog.Index
	Update   bool   // DO UPDATE rather than DO NOTHING
	New      []Expr // the new row
	Where    Expr
}

// MergeAction is a WHEN clause of MERGE. New is the new row of an insert or an
// update, over the Input's row.
type MergeAction struct {
	Matched bool
	Cond    Expr
	Op      ModifyOp
	Nothing bool // DO NOTHING
	New     []Expr
}

// RowLock says how rows are locked.
type RowLock uint8

// Strengths of a row lock, each stronger than those before it.
const (
	ForKeyShare RowLock = iota
	ForShare
	ForNoKeyUpdate
	ForUpdate
)

func (l RowLock) String() string {
	return [...]string{"FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"}[l]
}

// LockWait is what is done about a row that another transaction has locked.
type LockWait uint8

// What is done about a locked row.
const (
	LockBlock LockWait = iota
	LockSkip           // SKIP LOCKED
	LockError          // NOWAIT
)

// LockRows locks the rows of tables that each row of Input is made of, and passes
// it on; where one has changed since it was read, with its newest version, if it
// still meets Where.
type LockRows struct {
	Input Node
	Locks []TableLock
	Where Expr // over Input's row: the conditions of FROM and WHERE; nil: none
	// Single: few of the rows are wanted, so that they are locked one by one.
	Single bool
}

// TableLock locks rows of one table of a LockRows.
type TableLock struct {
	Target   *catalog.Relation
	Name     string // of the entry of FROM
	RowID    int    // place of the row id in Input
	Row      []int  // place of each of the table's columns, -1: nothing reads it
	Strength RowLock
	Wait     LockWait
}

// IndexAccess is how a Scan of a table finds its rows: by the index, those whose
// first keys equal Eq, and whose next key is one of Any or lies between Low and
// High. The expressions are over no row of the scan, but may hold Param and Outer;
// each is of its key's type. A NULL among Eq, Low and High finds no row.
type IndexAccess struct {
	Index *catalog.Index
	Eq    []Expr
	Any   []Expr // an IN list; nil: none
	Array Expr   // = ANY of the array; nil: none
	Low   *KeyBound
	High  *KeyBound
	// Ordered: the rows are wanted in the index's order, Backward in its reverse.
	Ordered, Backward bool
	// Conds are the conditions that the access stands for, over the scan's row.
	Conds []Expr
}

// KeyBound is one end of a range of keys.
type KeyBound struct {
	Value     Expr
	Inclusive bool
}

// CopyScan are the rows that a COPY FROM reads from its client.
type CopyScan struct{ Fields []Field }

// Modification is INSERT, UPDATE, DELETE or MERGE of a table, or a query with one
// of them in its WITH: it runs to its end before its first row is given.
type Modification struct {
	Root Node
	Word string // of the command tag: INSERT, UPDATE, DELETE, MERGE, SELECT
}

// Target is the relation that the statement itself changes, nil for a SELECT.
func (m *Modification) Target() *catalog.Relation {
	if x := m.Top(); x != nil {
		return x.Target
	}
	return nil
}

// Top is the Modify that the command tag counts the rows of, nil for a SELECT.
func (m *Modification) Top() *Modify {
	n := m.Root
	for {
		c, ok := n.(*CTE)
		if !ok {
			break
		}
		n = c.Body
	}
	x, _ := n.(*Modify)
	if m.Word == "SELECT" {
		return nil
	}
	return x
}

// CopyFrom is COPY t FROM STDIN. Insert is what is done with its rows, those of
// the one CopyScan in it.
type CopyFrom struct {
	Target  *catalog.Relation
	Columns []int // places in Target.AllColumns that the client's fields go to
	Insert  Statement
	Options CopyOptions
}

// CopyOptions are the options of COPY FROM.
type CopyOptions struct {
	Format                         string // text, csv, binary
	Delimiter, Null, Quote, Escape string
	Default                        *string // the text that stands for a column's default
	Header, HeaderMatch            bool
	Encoding                       string // of the text; "": the client's
	// ForceNull and ForceNotNull are by field.
	ForceNull, ForceNotNull []bool
	// HasDefault is by field: whether Default may stand there.
	HasDefault []bool
}

// Modifies reports whether a WITH query changes a table: it runs whoever reads it.
func Modifies(n Node) bool {
	for {
		switch x := n.(type) {
		case *CTE:
			n = x.Body
		case *Modify:
			return true
		default:
			return false
		}
	}
}

func (n *Modify) Schema() []Field   { return n.Fields }
func (n *LockRows) Schema() []Field { return n.Input.Schema() }
func (n *CopyScan) Schema() []Field { return n.Fields }

func (n *Modify) Inputs() []Node   { return []Node{n.Input} }
func (n *LockRows) Inputs() []Node { return []Node{n.Input} }
func (n *CopyScan) Inputs() []Node { return nil }

func (*Modify) node()   {}
func (*LockRows) node() {}
func (*CopyScan) node() {}

func (*Modification) statement() {}
func (*CopyFrom) statement()     {}
