package operator

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// CallSpec describes one aggregate call.
type CallSpec struct {
	Func     aggregate.Aggregate
	Args     []*expr.Program
	ArgTypes []types.Type
	Filter   *expr.Program // nil: none
	Distinct bool
	OrderBy  []SortKey
	Result   types.Type
	Account  *memory.Account
}

// Call is one aggregate call of an Aggregate: which rows reach the function, and
// in which order.
type Call struct {
	spec     CallSpec
	result   types.Type
	args     []vec.Vec
	distinct *distinctRows
	ordered  *orderedRows
	groups   int
	held     int64
	live     []int32
}

// NewCall returns a call.
func NewCall(s CallSpec) *Call {
	c := &Call{spec: s, result: s.Result, args: make([]vec.Vec, len(s.Args))}
	if s.Distinct {
		c.distinct = &distinctRows{
			table: newTable(append([]types.Type{types.Of(types.Int4)}, s.ArgTypes...), s.Account, "DISTINCT"),
			cols:  make([]vec.Vec, 1+len(s.Args)),
		}
	}
	if len(s.OrderBy) > 0 {
		c.ordered = newOrderedRows(s)
	}
	return c
}

// grow makes groups 0 to n-1.
func (c *Call) grow(n int) error {
	c.groups = n
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
	sel, err := runAll(c.spec.Args, &part, c.args, fault, &c.live)
	if err != nil || len(sel) == 0 {
		return err
	}
	if c.distinct != nil {
		if sel, err = c.distinct.changed(b, sel, groups, c.args); err != nil || len(sel) == 0 {
			return err
		}
	}
	if c.ordered != nil {
		part.Sel = sel
		return c.ordered.add(&part, groups, c.args, fault)
	}
	if err := c.spec.Func.Add(groups, c.args, sel, b.Ops); err != nil {
		return err
	}
	return c.charge()
}

// results appends the value of each group.
func (c *Call) results(groups []int32, dst vec.Vec) error {
	if c.ordered != nil {
		if err := c.ordered.drain(c.spec.Func); err != nil {
			return err
		}
	}
	return c.spec.Func.Result(groups, dst)
}

func (c *Call) close() {
	if c.distinct != nil {
		c.distinct.table.close()
	}
	if c.ordered != nil {
		c.ordered.spool.Reset()
	}
	c.spec.Account.Release(c.held)
	c.held = 0
}

// distinctRows counts the rows of each group and arguments.
type distinctRows struct {
	table  *table
	counts []int64
	cols   []vec.Vec
	group  vec.Fixed[int32]
	ids    []int32
	out    []int32
}

// changed returns the rows that bring a value into its group or take the last of
// it out.
func (d *distinctRows) changed(b *vec.Batch, sel, groups []int32, args []vec.Vec) ([]int32, error) {
	d.group.Values = groups
	d.cols[0] = &d.group
	copy(d.cols[1:], args)
	d.ids = sized(d.ids, b.Rows)
	if err := d.table.assign(d.cols, b.Rows, sel, d.ids); err != nil {
		return nil, err
	}
	for len(d.counts) < d.table.Len() {
		d.counts = append(d.counts, 0)
	}
	d.out = d.out[:0]
	for _, r := range sel {
		n := &d.counts[d.ids[r]]
		if b.Op(int(r)) == vec.Delete {
			*n--
			if *n == 0 {
				d.out = append(d.out, r)
			}
		} else {
			*n++
			if *n == 1 {
				d.out = append(d.out, r)
			}
		}
	}
	return d.out, nil
}

// orderedRows keeps the rows of a call with ORDER BY until the groups are
// complete.
type orderedRows struct {
	keys     []SortKey
	programs []*expr.Program
	args     int
	spool    *Spool // group, arguments, keys
	cols     []vec.Vec
	group    vec.Fixed[int32]
	live     []int32
}

func newOrderedRows(s CallSpec) *orderedRows {
	o := &orderedRows{keys: s.OrderBy, args: len(s.Args)}
	ts := append([]types.Type{types.Of(types.Int4)}, s.ArgTypes...)
	for _, k := range s.OrderBy {
		ts = append(ts, k.Type)
		o.programs = append(o.programs, k.Program)
	}
	o.cols = make([]vec.Vec, len(ts))
	o.spool = newPickSpool(ts, s.Account, "ORDER BY")
	return o
}

func (o *orderedRows) add(b *vec.Batch, groups []int32, args []vec.Vec, fault Fault) error {
	if hasDelete(b) {
		return refuseDelete("an aggregate with ORDER BY")
	}
	o.group.Values = groups
	o.cols[0] = &o.group
	copy(o.cols[1:], args)
	sel, err := runAll(o.programs, b, o.cols[1+len(args):], fault, &o.live)
	if err != nil {
		return err
	}
	return o.spool.Add(&vec.Batch{Cols: o.cols, Sel: sel, Rows: b.Rows})
}

// drain gives all rows to the function, in order.
func (o *orderedRows) drain(f aggregate.Aggregate) error {
	refs := o.spool.refs(nil)
	slices.SortStableFunc(refs, func(a, b ref) int {
		ca, cb := o.spool.chunks[a>>32].Cols[1+o.args:], o.spool.chunks[b>>32].Cols[1+o.args:]
		for k := range o.keys {
			if c := o.keys[k].compare(ca[k], int(int32(a)), cb[k], int(int32(b))); c != 0 {
				return c
			}
		}
		return 0
	})
	part := vec.NewBatch(o.spool.types[:1+o.args])
	for some := range slices.Chunk(refs, vec.MaxRows) {
		part.Reset()
		o.spool.pick(part.Cols, some)
		groups := part.Cols[0].(*vec.Fixed[int32]).Values
		if err := f.Add(groups, part.Cols[1:], nil, nil); err != nil {
			return err
		}
	}
	o.spool.Reset()
	return nil
}

// identical reports whether two values read the same: equal, and a numeric with
// the same number of digits.
func identical(a, b vec.Vec, i int, t types.Type) bool {
	if !vec.Equal(a, i, b, i, t) {
		return false
	}
	x, ok := a.(*vec.Numeric)
	if !ok || x.Nulls().Get(i) {
		return true
	}
	return x.At(i).Scale == b.(*vec.Numeric).At(i).Scale
}
