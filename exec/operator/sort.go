package operator

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// SortKey is one key of a Sort.
type SortKey struct {
	Program    *expr.Program
	Type       types.Type
	Desc       bool
	NullsFirst bool

	unlike *unlike // of a key that may hold rows of several shapes, where somebody asks for it
}

// Sort keeps its whole input and passes it in order when it ends; rows that are
// equal keep their order. With a top it keeps no more than it must to know the
// first rows. What memory has no room for goes to disk in sorted runs. It refuses
// Deletes.
type Sort struct {
	stateless
	keys     []SortKey
	programs []*expr.Program
	fault    Fault
	top      int64 // -1: all rows
	next     int64 // so many rows are pruned; those that are kept may be more than top
	width    int   // columns of a row; after them come the keys' columns
	account  *memory.Account
	spool    *Spool
	runs     sortedRuns
	refs     []ref
	cols     []vec.Vec
	live     []int32
	bound    bound
	all      selector
	out      *vec.Batch
}

// NewSort returns a Sort of rows of the types given; top -1: all of them.
func NewSort(keys []SortKey, ts []types.Type, top int64, account *memory.Account, fault Fault) *Sort {
	keys = watched(keys)
	s := &Sort{keys: keys, fault: fault, top: top, width: len(ts), account: account}
	all := slices.Clone(ts)
	for _, k := range keys {
		all = append(all, k.Type)
		s.programs = append(s.programs, k.Program)
	}
	s.cols = make([]vec.Vec, len(all))
	s.spool = newPickSpool(all, refBytes, account, "ORDER BY")
	s.runs = sortedRuns{types: all, keys: keys, first: s.width, top: top, account: account}
	s.out = vec.NewBatch(ts)
	s.next = 4 * max(top, vec.MaxRows)
	return s
}

// NewSortTies is NewSort of the first top rows and those that are equal to the
// last of them by the keys; others may follow.
func NewSortTies(keys []SortKey, ts []types.Type, top int64, account *memory.Account, fault Fault) *Sort {
	s := NewSort(keys, ts, top, account, fault)
	s.bound.ties = true
	s.runs.top = -1
	return s
}

// Process keeps the rows.
func (s *Sort) Process(ctx context.Context, _ int, b *vec.Batch, _ Output) error {
	if hasDelete(b) {
		return refuseDelete("ORDER BY")
	}
	copy(s.cols, b.Cols)
	sel, err := runAll(s.programs, b, s.cols[s.width:], s.fault, &s.live)
	if err != nil {
		return err
	}
	if s.bound.keys != nil {
		sel = s.bound.before(s.cols[s.width:], s.keys, s.all.all(sel, b.Rows))
		if err := unlikeRows(s.keys); err != nil || len(sel) == 0 {
			return err
		}
	}
	if err := s.spool.Add(&vec.Batch{Cols: s.cols, Sel: sel, Rows: b.Rows}); err != nil {
		return err
	}
	if s.top >= 0 && s.spool.Rows() > s.next {
		if err := s.prune(ctx); err != nil {
			return err
		}
	}
	if s.account.Pressed() {
		return s.spill(ctx)
	}
	return nil
}

// refBytes are what each row takes to be sorted: its ref, twice.
const refBytes = 16

// spill writes the rows as a run.
func (s *Sort) spill(ctx context.Context) error {
	if err := s.order(ctx); err != nil {
		return err
	}
	if err := s.runs.write(ctx, s.spool, s.refs); err != nil {
		return err
	}
	s.spool.Reset()
	s.refs = nil
	return s.account.Check()
}

// prune keeps only the first top rows of what was seen.
func (s *Sort) prune(ctx context.Context) error {
	if err := s.order(ctx); err != nil {
		return err
	}
	if s.top > 0 && int64(len(s.refs)) >= s.top && len(s.keys) > 0 {
		last := s.refs[s.top-1]
		s.bound.take(s.spool.chunks[last>>32].Cols[s.width:], s.keys, int(int32(last)))
	}
	keep := newPickSpool(s.spool.types, refBytes, s.account, s.spool.what)
	part := vec.NewBatch(s.spool.types)
	for refs := range slices.Chunk(s.refs, s.spool.perPick()) {
		part.Reset()
		s.spool.pick(part.Cols, refs)
		part.Rows = len(refs)
		if err := keep.Add(part); err != nil {
			return err
		}
	}
	s.spool.Reset()
	s.spool = keep
	s.next = max(s.next, 2*keep.Rows())
	return nil
}

// order sorts refs, which then hold no more than top, and ties.
func (s *Sort) order(ctx context.Context) error {
	s.refs = s.spool.refs(s.refs[:0])
	if err := sortRefs(ctx, s.refs, s.compare); err != nil {
		return err
	}
	if err := unlikeRows(s.keys); err != nil {
		return err
	}
	if s.top < 0 || int64(len(s.refs)) <= s.top {
		return nil
	}
	n := int(s.top)
	if s.bound.ties && n > 0 {
		for n < len(s.refs) && s.compare(s.refs[s.top-1], s.refs[n]) == 0 {
			n++
		}
	}
	s.refs = s.refs[:n]
	return nil
}

func (s *Sort) compare(a, b ref) int {
	ca, cb := s.spool.chunks[a>>32].Cols[s.width:], s.spool.chunks[b>>32].Cols[s.width:]
	i, j := int(int32(a)), int(int32(b))
	for k := range s.keys {
		if c := s.keys[k].compare(ca[k], i, cb[k], j); c != 0 {
			return c
		}
	}
	return 0
}

func (k *SortKey) compare(a vec.Vec, i int, b vec.Vec, j int) int {
	an, bn := a.Nulls().Get(i), b.Nulls().Get(j)
	switch {
	case an && bn:
		return 0
	case an == k.NullsFirst && an != bn:
		// Either a is NULL and NULLs come first, or b is and they come last.
		return -1
	case an != bn:
		return 1
	}
	var c int
	if k.unlike != nil {
		c = k.unlike.compare(a, i, b, j, k.Type)
	} else {
		c = vec.Compare(a, i, b, j, k.Type)
	}
	if k.Desc {
		return -c
	}
	return c
}

// Finish passes the rows on in order.
func (s *Sort) Finish(ctx context.Context, _ int, out Output) error {
	if !s.runs.empty() {
		if err := s.spill(ctx); err != nil {
			return err
		}
		return s.runs.merge(ctx, func(b *vec.Batch) error {
			return out.Emit(ctx, &vec.Batch{Cols: b.Cols[:s.width], Rows: b.Rows})
		})
	}
	if err := s.order(ctx); err != nil {
		return err
	}
	for refs := range slices.Chunk(s.refs, s.spool.perPick()) {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.out.Reset()
		s.spool.pick(s.out.Cols, refs)
		s.out.Rows = len(refs)
		if err := out.Emit(ctx, s.out); err != nil {
			return err
		}
	}
	return nil
}

// Close gives the rows back.
func (s *Sort) Close() error {
	s.spool.Reset()
	s.runs.close()
	s.refs = nil
	return nil
}
