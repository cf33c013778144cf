package operator

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Runs that are merged at once, as far as memory has room for a batch of each.
const (
	leastFanIn = 2
	mostFanIn  = 128
)

// sortedRuns are rows that did not fit memory: sorted as much as did at a time,
// written to disk as a run, and merged at the end. Rows that are equal keep
// their order, as each run came whole before the next.
type sortedRuns struct {
	types   []types.Type
	keys    []SortKey
	first   int   // column of the first key; the others follow
	top     int64 // rows wanted; -1: all
	account *memory.Account
	file    *memory.File
	runs    []*memory.Run
}

// empty reports whether no run was written.
func (s *sortedRuns) empty() bool { return len(s.runs) == 0 }

// write makes a run of the spool's rows, which refs has in their order.
func (s *sortedRuns) write(ctx context.Context, spool *Spool, refs []ref) error {
	if len(refs) == 0 {
		return nil
	}
	if s.file == nil {
		var err error
		if s.file, err = s.account.NewFile(); err != nil {
			return err
		}
	}
	most := max(frameSize(s.account, 8), leastFrame)
	n := int(min(max(most*spool.Rows()/max(spool.size(), 1), 1), vec.MaxRows))
	run, part := &memory.Run{}, vec.NewBatch(s.types)
	for some := range slices.Chunk(refs, n) {
		if err := ctx.Err(); err != nil {
			return err
		}
		part.Reset()
		spool.pick(part.Cols, some)
		part.Rows = len(some)
		if err := s.file.Write(run, part); err != nil {
			return err
		}
	}
	s.runs = append(s.runs, run)
	return nil
}

// merge calls f with all rows, in order, in batches that are lent.
func (s *sortedRuns) merge(ctx context.Context, f func(b *vec.Batch) error) error {
	for n := s.fanIn(); len(s.runs) > n; n = s.fanIn() {
		if err := s.pass(ctx, n); err != nil {
			return err
		}
	}
	return s.mergeSome(ctx, s.runs, f)
}

// fanIn is how many runs can be merged at once: each takes its batch twice, as
// it was read and as columns.
func (s *sortedRuns) fanIn() int {
	widest := int64(leastFrame)
	for _, r := range s.runs {
		widest = max(widest, r.Widest())
	}
	return int(min(max(s.account.Room(0)/(2*widest), leastFanIn), mostFanIn))
}

// pass merges each n runs into one, in a file of their own.
func (s *sortedRuns) pass(ctx context.Context, n int) error {
	to, err := s.account.NewFile()
	if err != nil {
		return err
	}
	var merged []*memory.Run
	for some := range slices.Chunk(s.runs, n) {
		run := &memory.Run{}
		err := s.mergeSome(ctx, some, func(b *vec.Batch) error { return to.Write(run, b) })
		if err != nil {
			return errors.Join(err, to.Close())
		}
		merged = append(merged, run)
	}
	err = s.file.Close()
	s.file, s.runs = to, merged
	return err
}

func (s *sortedRuns) mergeSome(ctx context.Context, runs []*memory.Run, f func(b *vec.Batch) error) error {
	m := merger{keys: s.keys, first: s.first, out: vec.NewBatch(s.types), f: f, left: s.top}
	held := int64(0)
	for _, r := range runs {
		in := &runReader{run: r, in: s.file.Reader(), batch: *vec.NewBatch(s.types)}
		m.in = append(m.in, in)
		held += 2 * r.Widest()
	}
	s.account.Force(held)
	defer s.account.Release(held)
	if err := s.account.Check(); err != nil {
		return err
	}
	if err := m.run(ctx); err != nil {
		return err
	}
	return unlikeRows(s.keys)
}

// close gives the file back.
func (s *sortedRuns) close() {
	if s.file != nil {
		_ = s.file.Close() // nobody reads it any more
	}
	s.file, s.runs = nil, nil
}

// merger merges sorted runs with a tree of losers (Knuth, The Art of Computer
// Programming, volume 3, 5.4.1): tree[0] is the run with the next row, and every
// other node the run that lost there.
type merger struct {
	keys  []SortKey
	first int
	in    []*runReader
	rows  []int // of each run the next row of its batch; -1: it has ended
	tree  []int
	out   *vec.Batch
	left  int64 // rows wanted; -1: all
	f     func(b *vec.Batch) error

	from int     // the run of the rows of sel
	sel  []int32 // rows that come next and are not yet copied
}

func (m *merger) run(ctx context.Context) error {
	k := len(m.in)
	m.rows, m.tree = make([]int, k), make([]int, max(k, 1))
	for i := range m.in {
		if err := m.advance(i); err != nil {
			return err
		}
	}
	for i := range m.tree {
		m.tree[i] = -1
	}
	for i := range m.in {
		m.play(i)
	}
	for k > 0 && m.left != 0 {
		win := m.tree[0]
		if m.rows[win] < 0 {
			break
		}
		if err := m.take(ctx, win); err != nil {
			return err
		}
		m.play(win)
	}
	return m.emit(ctx)
}

// take adds the next row of a run to the output and goes on in the run.
func (m *merger) take(ctx context.Context, i int) error {
	if m.from != i {
		m.copy()
		m.from = i
	}
	m.sel = append(m.sel, int32(m.rows[i]))
	m.left--
	last := m.rows[i]+1 == m.in[i].batch.Rows
	if last || m.out.Rows+len(m.sel) == vec.MaxRows {
		m.copy()
	}
	if m.out.Rows == vec.MaxRows || last && batchBytes(m.out) > mostFrame {
		if err := m.emit(ctx); err != nil {
			return err
		}
	}
	if last {
		return m.advance(i)
	}
	m.rows[i]++
	return nil
}

// advance reads the next batch of a run.
func (m *merger) advance(i int) error {
	_, err := m.in[i].next()
	switch {
	case errors.Is(err, io.EOF):
		m.rows[i] = -1
		return nil
	case err != nil:
		return err
	}
	m.rows[i] = 0
	return nil
}

func (m *merger) copy() {
	if len(m.sel) == 0 {
		return
	}
	for c, to := range m.out.Cols {
		vec.CopyRows(to, m.in[m.from].batch.Cols[c], m.sel)
	}
	m.out.Rows += len(m.sel)
	m.sel = m.sel[:0]
}

func (m *merger) emit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.copy()
	if m.out.Rows == 0 {
		return nil
	}
	err := m.f(m.out)
	m.out.Reset()
	return err
}

// play lets a run go up the tree from its leaf; where it loses it stays, and the
// winner goes on. A node that nobody has come to yet keeps the first to come.
func (m *merger) play(i int) {
	for node := (i + len(m.in)) / 2; node > 0; node /= 2 {
		other := m.tree[node]
		if other < 0 {
			m.tree[node] = i
			return
		}
		if m.before(other, i) {
			m.tree[node], i = i, other
		}
	}
	m.tree[0] = i
}

// before reports whether the next row of run a comes before that of run b; a run
// that has ended comes last.
func (m *merger) before(a, b int) bool {
	i, j := m.rows[a], m.rows[b]
	if i < 0 || j < 0 {
		return j < 0 && i >= 0
	}
	ca, cb := m.in[a].batch.Cols[m.first:], m.in[b].batch.Cols[m.first:]
	for k := range m.keys {
		if c := m.keys[k].compare(ca[k], i, cb[k], j); c != 0 {
			return c < 0
		}
	}
	return a < b
}
