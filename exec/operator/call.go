package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// CallSpec describes one aggregate call.
type CallSpec struct {
	Func aggregate.Aggregate
	// New makes a Func that has seen no row, for groups that come after those in
	// memory; nil: Account is not spillable.
	New      func() (aggregate.Aggregate, error)
	Args     []*expr.Program
	ArgTypes []types.Type
	Filter   *expr.Program // nil: none
	Distinct bool
	OrderBy  []SortKey
	// Rows: the call keeps its rows and computes its value of all of them when it is
	// asked for, with a Func of New, which takes no rows out.
	Rows    bool
	Result  types.Type
	Account *memory.Account
	// Values is the account of the values that DISTINCT has seen, where some of them
	// may be in the store alone; nil: all stay, in Account.
	Values *memory.Account
}

// Call is one aggregate call of an Aggregate: which rows reach the function, and
// in which order.
type Call struct {
	spec     CallSpec
	result   types.Type
	args     []vec.Vec
	kept     keptColumns
	distinct *distinctRows
	ordered  *orderedRows
	rows     *callRows
	groups   int
	held     int64
	live     []int32

	plain    bool    // no row fails
	ready    bool    // args, and passed, are of the batch at hand
	passed   []int32 // the rows that Filter lets pass, of so many
	computed int
}

// NewCall returns a call.
func NewCall(s CallSpec) *Call {
	c := &Call{spec: s, result: s.Result, args: make([]vec.Vec, len(s.Args)), plain: s.neverFails()}
	if s.Rows || s.Distinct || len(s.OrderBy) > 0 {
		c.kept = newKeptColumns(s)
	}
	if s.Rows {
		c.rows = newCallRows(s, c.kept)
		c.spec.Func, c.spec.New = noState{}, func() (aggregate.Aggregate, error) { return noState{}, nil }
		return c
	}
	if s.Distinct {
		values := s.Values
		if values == nil {
			values = s.Account
		}
		c.distinct = newDistinctRows(c.kept.types[:1+len(s.Args)], values)
	}
	if len(s.OrderBy) > 0 {
		c.ordered = newOrderedRows(s, c.kept.types)
	}
	return c
}

// grow makes groups 0 to n-1.
func (c *Call) grow(n int) error {
	c.groups = n
	if c.rows != nil {
		c.rows.grow(n)
	}
	c.spec.Func.Grow(n)
	return c.charge()
}

func (c *Call) charge() error {
	if n := c.spec.Func.Bytes(); n > c.held {
		if err := c.spec.Account.Reserve(n - c.held); err != nil {
			return err
		}
		c.held = n
	}
	return nil
}

// add gives the rows of sel to the function; groups is by physical row.
func (c *Call) add(b *vec.Batch, sel, groups []int32, fault Fault) error {
	if c.ready {
		return c.addPart(b, c.among(sel), groups, fault)
	}
	if c.spec.Filter != nil {
		part := vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}
		kept, errs := c.spec.Filter.Filter(&part, sel)
		if errs.Any() {
			if err := faults(&part, errs, fault); err != nil {
				return err
			}
		}
		sel = kept
	}
	part := vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}
	return runParts(c.spec.Args, &part, c.args, fault, &c.live, func(sel []int32) error {
		return c.addPart(&part, sel, groups, fault)
	})
}

// addPart is add of rows whose arguments are computed.
func (c *Call) addPart(b *vec.Batch, sel, groups []int32, fault Fault) error {
	if len(sel) == 0 {
		return nil
	}
	if c.distinct == nil && c.ordered == nil && c.rows == nil {
		if len(sel) == b.Rows {
			sel = nil // every row, in order: the function need not look each up
		}
		if err := c.spec.Func.Add(groups, c.args, sel, b.Ops); err != nil {
			return err
		}
		return c.charge()
	}
	part := vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}
	kept, err := c.kept.of(&part, groups, c.args, fault)
	if err != nil {
		return err
	}
	if c.rows != nil {
		return c.rows.add(kept)
	}
	return c.take(kept)
}

// take gives rows of kept columns on to what is next: DISTINCT, then ORDER BY,
// then the function.
func (c *Call) take(b *vec.Batch) error {
	if c.distinct != nil {
		sel, err := c.distinct.changed(b)
		if err != nil || len(sel) == 0 {
			return err
		}
		b = &vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}
	}
	if c.ordered != nil {
		return c.ordered.add(b)
	}
	return c.give(b)
}

// give gives rows of kept columns to the function.
func (c *Call) give(b *vec.Batch) error {
	groups := b.Cols[0].(*vec.Fixed[int32]).Values
	if err := c.spec.Func.Add(groups, b.Cols[1:1+len(c.args)], b.Sel, b.Ops); err != nil {
		return err
	}
	return c.charge()
}

// results appends the value of each group.
func (c *Call) results(ctx context.Context, groups []int32, dst vec.Vec) error {
	if c.rows != nil {
		return c.rows.results(ctx, groups, dst)
	}
	if c.distinct != nil {
		err := c.distinct.drain(ctx, func(b *vec.Batch) error {
			if err := c.take(b); err != nil || !c.spec.Account.Pressed() || c.ordered == nil {
				return err
			}
			return c.ordered.spill(ctx)
		})
		if err != nil {
			return err
		}
	}
	if c.ordered != nil {
		if err := c.ordered.drain(ctx, c.give); err != nil {
			return err
		}
		if err := c.charge(); err != nil {
			return err
		}
	}
	return c.spec.Func.Result(groups, dst)
}

// spill writes to disk what the call keeps of its rows, which is not what its
// function does.
func (c *Call) spill(ctx context.Context) error {
	if c.distinct != nil {
		if err := c.distinct.spill(); err != nil {
			return err
		}
	}
	if c.ordered != nil {
		return c.ordered.spill(ctx)
	}
	return nil
}

// renew begins again, for other groups.
func (c *Call) renew() (err error) {
	c.spec.Func, err = c.spec.New()
	return err
}

// close gives everything back; it may be used again after renew.
func (c *Call) close() {
	if c.distinct != nil {
		c.distinct.close()
	}
	if c.ordered != nil {
		c.ordered.close()
	}
	if c.rows != nil {
		c.rows.close()
		c.rows.relist(0)
	}
	c.spec.Account.Release(c.held)
	c.held = 0
}

// keptColumns are what is kept of a row until its group is complete: the group,
// the arguments, and what ORDER BY sorts by.
type keptColumns struct {
	types    []types.Type
	programs []*expr.Program
	cols     []vec.Vec
	group    vec.Fixed[int32]
	live     []int32
}

func newKeptColumns(s CallSpec) keptColumns {
	k := keptColumns{types: append([]types.Type{types.Of(types.Int4)}, s.ArgTypes...)}
	for _, key := range s.OrderBy {
		k.types = append(k.types, key.Type)
		k.programs = append(k.programs, key.Program)
	}
	k.cols = make([]vec.Vec, len(k.types))
	return k
}

// of returns the kept columns of b's rows.
func (k *keptColumns) of(b *vec.Batch, groups []int32, args []vec.Vec, fault Fault) (*vec.Batch, error) {
	k.group.Values = groups
	k.cols[0] = &k.group
	copy(k.cols[1:], args)
	sel, err := runAll(k.programs, b, k.cols[1+len(args):], fault, &k.live)
	if err != nil {
		return nil, err
	}
	return &vec.Batch{Cols: k.cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}, nil
}

// identical reports whether row i of a and row j of b read the same: 1.0 and 1.00 are
// equal, and do not.
func identical(a vec.Vec, i int, b vec.Vec, j int, t types.Type) bool {
	return vec.Equal(a, i, b, j, t) && (!vec.Imaged(t) || vec.ImageOf(a, i) == vec.ImageOf(b, j))
}
