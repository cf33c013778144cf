package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// SetColumn is one column of a ProjectSet: a Program, or a call of Func that
// returns a set.
type SetColumn struct {
	Type    types.Type
	Program *expr.Program
	Func    *catalog.Function
	Args    []*expr.Program
}

// ProjectSet computes columns of which some return sets: a row gives as many
// rows as its longest set, shorter ones being filled up with NULL. The rows of a
// Delete are Deletes.
type ProjectSet struct {
	stateless
	columns []SetColumn
	calls   []setCall // by column; those without a set are empty
	env     *function.Env
	fault   Fault
	cols    []vec.Vec // of the plain columns
	bufs    [][]int32
	sel     selector
	out     *vec.Batch
	ops     []vec.Op
	dels    bool
}

// NewProjectSet returns a ProjectSet.
func NewProjectSet(columns []SetColumn, env *function.Env, fault Fault) (*ProjectSet, error) {
	p := &ProjectSet{columns: columns, calls: make([]setCall, len(columns)), env: env, fault: fault,
		cols: make([]vec.Vec, len(columns)), bufs: make([][]int32, len(columns))}
	var ts []types.Type
	for i, c := range columns {
		ts = append(ts, c.Type)
		if c.Func == nil {
			continue
		}
		var err error
		if p.calls[i], err = newSetCall(c.Func, c.Args, c.Type); err != nil {
			return nil, err
		}
	}
	p.out = vec.NewBatch(ts)
	return p, nil
}

// Process passes on the rows of each row's sets.
func (p *ProjectSet) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	sel := b.Sel
	var failed error
	for i := range p.columns {
		programs, cols := p.calls[i].args, p.calls[i].cols
		if c := &p.columns[i]; c.Func == nil {
			programs, cols = []*expr.Program{c.Program}, p.cols[i:i+1]
		}
		part := vec.Batch{Cols: b.Cols, Sel: sel, Rows: b.Rows}
		kept, earlier, err := runBefore(programs, &part, cols, p.fault, &p.bufs[i])
		if err != nil {
			return err
		}
		if sel = kept; earlier != nil {
			failed = earlier
		}
	}
	for _, r := range p.sel.all(sel, b.Rows) {
		if err := p.row(ctx, b, int(r), out); err != nil {
			failed = err // what is there of the rows before it goes out first
			break
		}
	}
	for _, c := range p.out.Cols {
		vec.Truncate(c, p.out.Rows)
	}
	if err := p.flush(ctx, out); err != nil {
		return err
	}
	return failed
}

// row writes the rows of one input row.
func (p *ProjectSet) row(ctx context.Context, b *vec.Batch, r int, out Output) error {
	sets := make([]function.Set, len(p.columns))
	for i := range p.columns {
		if p.columns[i].Func == nil {
			continue
		}
		set, _, err := p.calls[i].begin(p.env, r)
		if err != nil {
			if p.fault == nil {
				return err
			}
			return p.fault(b, r, err)
		}
		sets[i] = set
	}
	for {
		if p.out.Rows == vec.MaxRows {
			if err := p.flush(ctx, out); err != nil {
				return err
			}
		}
		limit, most := vec.MaxRows-p.out.Rows, 0
		for i, set := range sets {
			if set == nil {
				continue
			}
			n, err := fill(set, p.out.Cols[i:i+1], limit)
			if err != nil {
				return err
			}
			if n == 0 {
				sets[i] = nil
			}
			most = max(most, n)
		}
		if most == 0 {
			return nil
		}
		p.fill(r, most)
		for range most {
			op := b.Op(r)
			p.ops = append(p.ops, op)
			p.dels = p.dels || op == vec.Delete
		}
	}
}

// fill completes n rows: plain columns repeat, sets that were shorter are NULL.
func (p *ProjectSet) fill(r, n int) {
	p.out.Rows += n
	for i, c := range p.out.Cols {
		for c.Len() < p.out.Rows {
			if p.columns[i].Func == nil {
				vec.AppendRow(c, p.cols[i], r)
			} else {
				vec.AppendNull(c)
			}
		}
	}
}

func (p *ProjectSet) flush(ctx context.Context, out Output) error {
	if p.out.Rows == 0 {
		return nil
	}
	if p.dels {
		p.out.Ops = p.ops
	}
	err := out.Emit(ctx, p.out)
	p.out.Reset()
	p.ops, p.dels = p.ops[:0], false
	return err
}
