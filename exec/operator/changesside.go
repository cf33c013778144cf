package operator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// changesSide is what one input of a ChangesJoin has brought: its distinct rows
// by number, or, where none is ever taken back, its rows.
type changesSide struct {
	types   []types.Type
	keys    []vec.Vec
	rows    *table     // of distinct rows; nil: the input only grows
	grown   *vec.Batch // then these
	counts  bool       // the matches of a row are counted
	account *memory.Account
	held    int64

	group  []int32 // by row: its key's; -1: a NULL is among it
	next   []int32 // the next row of the group; -1 ends
	heads  []int32 // by group; -1: none
	now    []int64 // by row: how often it is there
	before []int64 // and was at the last barrier
	// matches is how many rows of the other side match a row that is there, and
	// matchesBefore was at the last barrier, where noted.
	matches       []int64
	matchesBefore []int64
	noted         rowMarks

	touched []int32
	listed  rowMarks // rows of touched
	alive   int      // rows that were there at the last barrier
	ids     []int32
	sel     selector
	kept    *keptSide // nil: nothing is stored
}

func newChangesSide(ts []types.Type, keys int, appendOnly, counts bool, account *memory.Account) *changesSide {
	s := &changesSide{types: ts, keys: make([]vec.Vec, keys), counts: counts, account: account}
	s.clear(appendOnly)
	return s
}

// clear forgets every row.
func (s *changesSide) clear(appendOnly bool) {
	s.rows, s.grown = nil, nil
	if appendOnly {
		s.grown = vec.NewBatch(s.types)
	} else {
		s.rows = newTable(s.types, s.account, "JOIN")
	}
	s.group, s.next, s.heads, s.now, s.before, s.matches, s.matchesBefore = nil, nil, nil, nil, nil, nil, nil
	s.noted, s.listed, s.alive = nil, nil, 0
	s.kept.restart()
}

func (s *changesSide) columns() []vec.Vec {
	if s.rows != nil {
		return s.rows.keys
	}
	return s.grown.Cols
}

// add counts the rows of sel, whose groups are given by physical row.
func (s *changesSide) add(b *vec.Batch, sel, groups []int32, nullable bool) error {
	s.ids = sized(s.ids, b.Rows)
	if s.rows != nil {
		if err := s.rows.assign(b.Cols, b.Rows, sel, s.ids); err != nil {
			return err
		}
	} else {
		if hasDelete(b) {
			return refuseDelete("a join")
		}
		for i, c := range b.Cols {
			vec.CopyRows(s.grown.Cols[i], c, sel)
		}
		for i, r := range sel {
			s.ids[r] = int32(s.grown.Rows + i)
		}
		s.grown.Rows += len(sel)
	}
	for _, r := range sel {
		row := s.ids[r]
		if int(row) == len(s.now) {
			g := groups[r]
			if nullable && anyNull(s.keys, int(r)) {
				g = -1
			}
			s.open(g)
		}
		if b.Op(int(r)) == vec.Delete {
			s.now[row]--
		} else {
			s.now[row]++
		}
		s.kept.touch(row)
		if !s.listed.get(row) {
			s.listed.set(row)
			s.touched = append(s.touched, row)
		}
	}
	return s.charge()
}

// open makes the next row, of a group.
func (s *changesSide) open(g int32) {
	row := int32(len(s.now))
	s.kept.touch(row)
	s.now, s.before, s.group, s.next = append(s.now, 0), append(s.before, 0), append(s.group, g), append(s.next, -1)
	if s.counts {
		s.matches, s.matchesBefore = append(s.matches, 0), append(s.matchesBefore, 0)
	}
	if g < 0 {
		return
	}
	for int(g) >= len(s.heads) {
		s.heads = append(s.heads, -1)
	}
	s.next[row], s.heads[g] = s.heads[g], row
}

func (s *changesSide) charge() error {
	size := int64(len(s.now))*(4+4+8+8) + int64(len(s.heads))*4 + int64(len(s.matches))*16
	if s.grown != nil {
		n := batchBytes(s.grown)
		if n > 1<<31-1<<20 {
			return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "JOIN holds more than 2 GB of one input")
		}
		size += n
	}
	if size <= s.held {
		return nil
	}
	err := s.account.Reserve(size - s.held)
	if err == nil {
		s.held = size
	}
	return err
}

// settle leaves of the rows touched those that are there more or less often than
// they were.
func (s *changesSide) settle() {
	kept := s.touched[:0]
	for _, row := range s.touched {
		if max(s.now[row], 0) == max(s.before[row], 0) {
			s.listed.unset(row)
			s.before[row] = s.now[row]
			continue
		}
		kept = append(kept, row)
	}
	s.touched = kept
}

func (s *changesSide) isTouched(row int32) bool { return s.listed.get(row) }

// each calls f for the rows of a group that are there or were.
func (s *changesSide) each(g int32, f func(row int32) error) error {
	if g < 0 || int(g) >= len(s.heads) {
		return nil
	}
	for row := s.heads[g]; row >= 0; row = s.next[row] {
		if s.now[row] <= 0 && s.before[row] <= 0 {
			continue
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}

// alone is how often a row goes out by itself that is there so often and has so
// many matches.
func (s *changesSide) alone(kind plan.JoinKind, there, matches int64) int64 {
	if (matches > 0) != (kind == plan.JoinSemi) {
		return 0
	}
	return max(there, 0)
}

// endEpoch makes what is now what was before.
func (s *changesSide) endEpoch() {
	for _, row := range s.touched {
		if s.before[row] > 0 && s.now[row] <= 0 {
			s.alive--
		} else if s.before[row] <= 0 && s.now[row] > 0 {
			s.alive++
		}
		s.before[row] = s.now[row]
		s.listed.unset(row)
	}
	s.touched = s.touched[:0]
}

func (s *changesSide) close() {
	if s.rows != nil {
		s.rows.close()
	}
	s.account.Release(s.held)
	s.held, s.touched = 0, nil
	s.clear(true)
}
