package stream

import (
	"context"
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// Changing is a connector some of whose relations are tables that others change: what
// a reader of one that is not Bounded delivers are changes of the rows of a PRIMARY
// KEY. An Insert puts a row in the place of the one with its key, a Delete, of which
// nothing but the key need be there, takes that away; the engine keeps the rows, and
// so knows what each change takes back.
//
// A Scan of such a relation has all columns of its key, and one more behind its
// Columns (Scan.Marks), a bytea that is NULL in most rows: what AppendKept and the like
// give. Where a Read has rows and no Next no epoch ends behind it: a transaction stays
// together.
type Changing interface {
	// Changes reports whether the relation is one.
	Changes(rel *catalog.Relation) bool
	// Key tells the columns of the PRIMARY KEY of a relation whose declaration has none;
	// none: there is none.
	Key(ctx context.Context, env *Env, rel *catalog.Relation) ([]string, error)
	// Forget gives back what a job that is gone has had kept for its Scans, whose Job
	// begins with this id. What is not there any more is no error.
	Forget(ctx context.Context, env *Env, rel *catalog.Relation, job string) error
	// Kept is what is kept for the job that reads a relation under a name that the
	// relation gives it, as a message has it: two jobs cannot have it at a time. "": what
	// is kept has a name of each job's own. A job that begins there makes it anew, and
	// Forget leaves it to a job that reads it.
	Kept(env *Env, rel *catalog.Relation) string
}

// Marks of rows of a Changing relation's reader, but for AppendKept's rows without values.
var (
	// MarkRefresh begins a snapshot in the midst of what was read before: rows that do
	// not come until MarkRefreshed are gone.
	MarkRefresh   = []byte{markRefresh}
	MarkRefreshed = []byte{markRefreshed}
	// MarkTruncate takes every row away.
	MarkTruncate = []byte{markTruncate}
	// MarkRefused is of an Insert that has nothing but a key: a change of its row, or the
	// row of a snapshot, was left out. The row that there was stays, and gives no values to
	// those that AppendKept speaks of.
	MarkRefused = []byte{markRefused}
)

// Kinds of mark, a mark's first byte.
const (
	markRefresh   = 'r'
	markRefreshed = 'd'
	markTruncate  = 't'
	markKept      = 'k'
	markMoved     = 'm'
	markRefused   = 's'
)

// AppendKept appends the mark of an Insert that does not have the values of some
// columns, whose places in the Scan are given: they are those of the row with its key.
// moved: of the row that the Delete right before it has taken away, whose key was
// another.
func AppendKept(dst []byte, moved bool, columns []int) []byte {
	kind := byte(markKept)
	if moved {
		kind = markMoved
	}
	dst = append(dst, kind)
	for _, c := range columns {
		dst = binary.BigEndian.AppendUint16(dst, uint16(c))
	}
	return dst
}

// Mark is a mark, read.
type Mark struct {
	Refresh, Refreshed, Truncate bool
	Moved, Refused               bool
	Kept                         []byte // EachKept reads it
}

// ReadMark reads a mark; false: it is none.
func ReadMark(b []byte) (m Mark, ok bool) {
	if len(b) == 0 {
		return m, false
	}
	switch b[0] {
	case markRefresh:
		m.Refresh = true
	case markRefreshed:
		m.Refreshed = true
	case markTruncate:
		m.Truncate = true
	case markRefused:
		m.Refused = true
	case markKept, markMoved:
		m.Moved, m.Kept = b[0] == markMoved, b[1:]
		return m, len(m.Kept)%2 == 0
	default:
		return m, false
	}
	return m, len(b) == 1
}

// Whole reports whether the mark is about all rows: its row is none.
func (m Mark) Whole() bool { return m.Refresh || m.Refreshed || m.Truncate }

// EachKept calls f with each column of AppendKept.
func (m Mark) EachKept(f func(column int)) {
	for b := m.Kept; len(b) >= 2; b = b[2:] {
		f(int(binary.BigEndian.Uint16(b)))
	}
}
