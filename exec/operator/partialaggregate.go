package operator

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// PartialAggregateSpec is what a PartialAggregate computes: as AggregateSpec.
type PartialAggregateSpec struct {
	Keys     []*expr.Program
	KeyTypes []types.Type
	Calls    []*Call // of functions that are Combiners, without DISTINCT and ORDER BY
	// End is the key that is the end of a window of time; -1: none is. A group goes on
	// before its window, and Grace, have passed.
	End     int
	Grace   int64
	Account *memory.Account // of this operator alone
	Fault   Fault
}

// A PartialAggregate holds so many groups, and bytes, before it passes them on.
const (
	mostPartial      = 1 << 15
	mostPartialBytes = 4 << 20
)

// PartialAggregate groups the rows of one task by keys, and passes on at the barrier
// what each group has got: its keys, its Inserts less its Deletes, and the states of
// its calls. It holds nothing from one epoch to the next. It takes Deletes, which may
// come before their Inserts.
type PartialAggregate struct {
	spec  PartialAggregateSpec
	table *table // nil: there are no keys, and one group
	rows  []int64
	first int64 // the first end of a window that is held; never: there is none
	empty int64 // the bytes that are held when no group is
	calls []aggregate.Combiner
	cols  []vec.Vec
	ids   []int32
	live  []int32
	all   []int32
	sel   selector
	state []byte
	out   *vec.Batch
}

// NewPartialAggregate returns a PartialAggregate.
func NewPartialAggregate(spec PartialAggregateSpec) *PartialAggregate {
	p := &PartialAggregate{spec: spec, first: never, cols: make([]vec.Vec, len(spec.Keys))}
	for _, c := range spec.Calls {
		p.calls = append(p.calls, c.spec.Func.(aggregate.Combiner))
	}
	p.out = vec.NewBatch(append(slices.Clone(spec.KeyTypes), types.Of(types.Int8), types.Of(types.Bytea)))
	p.renew()
	return p
}

func (p *PartialAggregate) renew() {
	if len(p.spec.Keys) > 0 {
		p.table = newTable(p.spec.KeyTypes, p.spec.Account, "GROUP BY")
	}
}

// Process adds rows to their groups.
func (p *PartialAggregate) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	sel, err := runAll(p.spec.Keys, b, p.cols, p.spec.Fault, &p.live)
	if err != nil {
		return err
	}
	if sel, err = computable(p.spec.Calls, b, p.sel.all(sel, b.Rows), p.spec.Fault); err != nil || len(sel) == 0 {
		return err
	}
	p.ids = sized(p.ids, b.Rows)
	groups := 1
	if p.table == nil {
		clear(p.ids)
	} else {
		if err := p.table.assign(p.cols, b.Rows, sel, p.ids); err != nil {
			return err
		}
		groups = p.table.Len()
	}
	if groups > len(p.rows) {
		p.rows = append(p.rows, make([]int64, groups-len(p.rows))...)
	}
	for _, r := range sel {
		if b.Op(int(r)) == vec.Delete {
			p.rows[p.ids[r]]--
		} else {
			p.rows[p.ids[r]]++
		}
	}
	if p.spec.End >= 0 {
		ends := timeColumn(p.cols[p.spec.End])
		for _, r := range sel {
			if end, ok := ends.get(r); ok && end < p.first {
				p.first = end
			}
		}
	}
	for _, c := range p.spec.Calls {
		if c.groups < groups {
			if err := c.grow(max(groups, 2*c.groups)); err != nil {
				return err
			}
		}
		if err := c.add(b, sel, p.ids, p.spec.Fault); err != nil {
			return err
		}
	}
	if groups >= mostPartial || p.spec.Account.Used()-p.empty >= mostPartialBytes {
		return p.flush(ctx, out)
	}
	return nil
}

// Watermark passes the groups on before a window of theirs is closed.
func (p *PartialAggregate) Watermark(ctx context.Context, t int64, out Output) error {
	if p.first == never || p.first+p.spec.Grace > t {
		return nil
	}
	return p.flush(ctx, out)
}

// Held says that groups wait for the barrier, but for those of windows, which the
// watermark may pass.
func (p *PartialAggregate) Held() int64 { return heldRows(p.spec.End < 0 && len(p.rows) > 0) }

// Barrier passes the groups on.
func (p *PartialAggregate) Barrier(ctx context.Context, _ stream.Epoch, out Output) error {
	return p.flush(ctx, out)
}

// Finish passes the groups on.
func (p *PartialAggregate) Finish(ctx context.Context, _ int, out Output) error {
	return p.flush(ctx, out)
}

// flush passes the groups on and forgets them.
func (p *PartialAggregate) flush(ctx context.Context, out Output) error {
	n := len(p.rows)
	if n == 0 {
		return nil
	}
	for len(p.all) < n {
		p.all = append(p.all, int32(len(p.all)))
	}
	for some := range slices.Chunk(p.all[:n], vec.MaxRows) {
		if err := p.emit(ctx, some, out); err != nil {
			return err
		}
	}
	for i, c := range p.calls {
		c.Clear(p.all[:n])
		if err := p.spec.Calls[i].charge(); err != nil {
			return err
		}
	}
	p.rows, p.first = p.rows[:0], never
	if p.table != nil {
		p.table.close()
	}
	p.renew()
	p.empty = p.spec.Account.Used()
	return nil
}

// emit passes on the groups in which something has come.
func (p *PartialAggregate) emit(ctx context.Context, groups []int32, out Output) error {
	p.out.Reset()
	keys := len(p.spec.Keys)
	if p.table != nil {
		for i, col := range p.out.Cols[:keys] {
			vec.CopyRows(col, p.table.keys[i], groups)
		}
	}
	counts, states := p.out.Cols[keys].(*vec.Fixed[int64]), p.out.Cols[keys+1].(*vec.Bytes)
	for _, g := range groups {
		counts.Append(p.rows[g])
		p.state = p.state[:0]
		for _, c := range p.calls {
			p.state = c.Save(g, p.state)
		}
		states.Append(p.state)
	}
	p.out.Rows = len(groups)
	return out.Emit(ctx, p.out)
}

// Close gives the groups back.
func (p *PartialAggregate) Close() error {
	if p.table != nil {
		p.table.close()
	}
	for _, c := range p.spec.Calls {
		c.close()
	}
	p.rows = nil
	return nil
}

// partialStates adds what a PartialAggregate has passed on to an Aggregate.
type partialStates struct {
	calls   []aggregate.Combiner // each with the states of one batch
	groups  []int32
	numbers []int32
}

func (m *partialStates) add(a *Aggregate, b *vec.Batch, sel []int32) error {
	if m.calls == nil {
		for _, c := range a.spec.Calls {
			f, err := c.spec.New()
			if err != nil {
				return err
			}
			f.Grow(vec.MaxRows)
			m.calls = append(m.calls, f.(aggregate.Combiner))
		}
	}
	counts := vec.Flat(b.Cols[a.spec.Counts]).(*vec.Fixed[int64]).Values
	states := vec.Flat(b.Cols[a.spec.Counts+1]).(*vec.Bytes)
	m.groups, m.numbers = m.groups[:0], m.numbers[:0]
	for i, r := range sel {
		m.groups, m.numbers = append(m.groups, a.ids[r]), append(m.numbers, int32(i))
		if !a.stay {
			a.rows[a.ids[r]] += counts[r]
		}
		src := states.At(int(r))
		for _, c := range m.calls {
			var err error
			if src, err = c.Load(int32(i), src); err != nil {
				return err
			}
		}
	}
	for i, c := range a.spec.Calls {
		if err := c.spec.Func.(aggregate.Combiner).Combine(m.groups, m.calls[i], m.numbers); err != nil {
			return err
		}
		m.calls[i].Clear(m.numbers)
		if err := c.charge(); err != nil {
			return err
		}
	}
	return nil
}
