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
	pads    bool       // a row without a match goes out by itself
	account *memory.Account
	held    int64

	group  []int32 // by row: its key's; -1: nothing is equal to that
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
	sweep   int      // with so many rows it is worth looking which can be forgotten
	loose   bool     // some row has no group
	ids     []int32
	known   []int32
	sel     selector
	kept    *keptSide // nil: nothing is stored
	codec   rowCodec  // of rows that are evicted
	back    countedPart
}

func newChangesSide(ts []types.Type, keys int, appendOnly, counts bool, account *memory.Account) *changesSide {
	// known is a selection, so it is never nil: that would be every row.
	s := &changesSide{types: ts, keys: make([]vec.Vec, keys), counts: counts, account: account, known: []int32{}}
	s.back.rows = vec.NewBatch(ts)
	s.clear(appendOnly)
	return s
}

// clear forgets every row.
func (s *changesSide) clear(appendOnly bool) {
	s.rows, s.grown = nil, nil
	if appendOnly {
		s.grown = vec.NewBatch(s.types)
	} else {
		s.rows = newRowTable(s.types, s.account, "JOIN")
	}
	s.group, s.next, s.heads, s.now, s.before, s.matches, s.matchesBefore = nil, nil, nil, nil, nil, nil, nil
	s.noted, s.listed, s.alive, s.loose = nil, nil, 0, false
	s.kept.restart()
}

func (s *changesSide) columns() []vec.Vec {
	if s.rows != nil {
		return s.rows.keys
	}
	return s.grown.Cols
}

// noKeys takes the groups of those rows away that have a NULL among their keys; false:
// there is none.
func (s *changesSide) noKeys(sel, groups []int32) (some bool) {
	if !someNull(s.keys) {
		return false
	}
	for _, r := range sel {
		if anyNull(s.keys, int(r)) {
			groups[r], some = -1, true
		}
	}
	return some
}

// wanted are the rows of sel that something may come of: with a group, or by themselves.
func (s *changesSide) wanted(sel, groups []int32) []int32 {
	if !s.noKeys(sel, groups) || s.pads {
		return sel
	}
	s.known = s.known[:0]
	for _, r := range sel {
		if groups[r] >= 0 {
			s.known = append(s.known, r)
		}
	}
	return s.known
}

// add counts the rows of sel, whose groups are given by physical row.
func (s *changesSide) add(b *vec.Batch, sel, groups []int32) error {
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
			s.open(groups[r])
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
		s.loose = true
		return
	}
	for int(g) >= len(s.heads) {
		s.heads = append(s.heads, -1)
	}
	s.next[row], s.heads[g] = s.heads[g], row
}

// countedPart are some rows with their groups, how often each is there, and its matches
// where those are counted.
type countedPart struct {
	rows         *vec.Batch
	groups       []int32
	now, matches []int64
}

func (p *countedPart) reset() {
	p.rows.Reset()
	p.groups, p.now, p.matches = p.groups[:0], p.now[:0], p.matches[:0]
}

// put appends rows that are there since before the epoch, and charges for them.
func (s *changesSide) put(p *countedPart) error {
	n := p.rows.Rows
	sel := s.sel.all(nil, n)
	s.ids = sized(s.ids, n)
	if s.rows != nil {
		if err := s.rows.assign(p.rows.Cols, n, sel, s.ids); err != nil {
			return err
		}
	} else {
		for i, c := range p.rows.Cols {
			vec.CopyRows(s.grown.Cols[i], c, sel)
		}
		for i := range sel {
			s.ids[i] = int32(s.grown.Rows + i)
		}
		s.grown.Rows += n
	}
	for i, row := range s.ids[:n] {
		if int(row) == len(s.now) {
			s.open(p.groups[i])
		}
		if s.now[row] <= 0 && s.now[row]+p.now[i] > 0 {
			s.alive++
		}
		s.now[row] += p.now[i]
		s.before[row] += p.now[i]
		if s.counts {
			s.matches[row] = p.matches[i]
		}
		s.kept.touch(row)
	}
	return s.charge()
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

// release gives back what is held beside the rows of the table.
func (s *changesSide) release() {
	s.account.Release(s.held)
	s.held = 0
}

// settle leaves of the rows touched those that are there more or less often than
// they were.
func (s *changesSide) settle() {
	kept := s.touched[:0]
	for _, row := range s.touched {
		if now, before := s.now[row], s.before[row]; now == before || now <= 0 && before <= 0 && s.group[row] >= 0 {
			s.listed.unset(row)
			s.before[row] = s.now[row]
			continue
		}
		kept = append(kept, row)
	}
	s.touched = kept
}

// times is how often a row is there that has come so much more often than it went. One
// without a group is not known from earlier epochs, so it may go as well.
func (s *changesSide) times(row int32, n int64) int64 {
	if n > 0 || n < 0 && s.group[row] < 0 {
		return n
	}
	return 0
}

func (s *changesSide) isTouched(row int32) bool { return s.listed.get(row) }

// head is the first row of a group; -1: it has none.
func (s *changesSide) head(g int32) int32 {
	if g < 0 || int(g) >= len(s.heads) {
		return -1
	}
	return s.heads[g]
}

// each calls f for the rows of a group that are there or were.
func (s *changesSide) each(g int32, f func(row int32) error) error {
	for row := s.head(g); row >= 0; row = s.next[row] {
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
func (s *changesSide) alone(kind plan.JoinKind, row int32, there, matches int64) int64 {
	if (matches > 0) != (kind == plan.JoinSemi) {
		return 0
	}
	return s.times(row, there)
}

// endEpoch makes what is now what was before.
func (s *changesSide) endEpoch() {
	for _, row := range s.touched {
		if s.loose && s.group[row] < 0 {
			s.now[row] = 0 // it is forgotten
		}
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
	s.release()
	s.touched = nil
	s.clear(true)
}
