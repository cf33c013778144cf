package operator

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// orderedRows keeps the rows of a call with ORDER BY until the groups are
// complete.
type orderedRows struct {
	keys    []SortKey
	first   int // column of the first key
	account *memory.Account
	spool   *Spool
	runs    sortedRuns
}

func newOrderedRows(s CallSpec, ts []types.Type) *orderedRows {
	keys := watched(s.OrderBy)
	o := &orderedRows{keys: keys, first: 1 + len(s.Args), account: s.Account}
	o.spool = newPickSpool(ts, refBytes, s.Account, "ORDER BY")
	o.runs = sortedRuns{types: ts, keys: keys, first: o.first, top: -1, account: s.Account}
	return o
}

func (o *orderedRows) add(b *vec.Batch) error {
	if hasDelete(b) {
		return refuseDelete("an aggregate with ORDER BY")
	}
	return o.spool.Add(b)
}

// drain gives all rows to the function, in order.
func (o *orderedRows) drain(ctx context.Context, give func(*vec.Batch) error) error {
	if !o.runs.empty() {
		if err := o.write(ctx); err != nil {
			return err
		}
		err := o.runs.merge(ctx, give)
		o.runs.close()
		return err
	}
	refs, err := o.order(ctx)
	if err != nil {
		return err
	}
	part := vec.NewBatch(o.spool.types)
	for some := range slices.Chunk(refs, o.spool.perPick()) {
		if err := ctx.Err(); err != nil {
			return err
		}
		part.Reset()
		o.spool.pick(part.Cols[:o.first], some)
		part.Rows = len(some)
		if err := give(part); err != nil {
			return err
		}
	}
	o.spool.Reset()
	return nil
}

// spill writes the rows as a run, unless that would help little.
func (o *orderedRows) spill(ctx context.Context) error {
	if small(o.spool.held, o.account) {
		return nil
	}
	return o.write(ctx)
}

// small reports whether n bytes are little beside all that the account's holder
// has.
func small(n int64, account *memory.Account) bool { return 8*n < account.Used() }

// write writes the rows as a run.
func (o *orderedRows) write(ctx context.Context) error {
	refs, err := o.order(ctx)
	if err != nil {
		return err
	}
	if err := o.runs.write(ctx, o.spool, refs); err != nil {
		return err
	}
	o.spool.Reset()
	return nil
}

func (o *orderedRows) order(ctx context.Context) ([]ref, error) {
	refs := o.spool.refs(make([]ref, 0, o.spool.Rows()))
	err := sortRefs(ctx, refs, func(a, b ref) int {
		ca, cb := o.spool.chunks[a>>32].Cols[o.first:], o.spool.chunks[b>>32].Cols[o.first:]
		for k := range o.keys {
			if c := o.keys[k].compare(ca[k], int(int32(a)), cb[k], int(int32(b))); c != 0 {
				return c
			}
		}
		return 0
	})
	if err != nil {
		return nil, err
	}
	return refs, unlikeRows(o.keys)
}

func (o *orderedRows) close() {
	o.spool.Reset()
	o.runs.close()
}
