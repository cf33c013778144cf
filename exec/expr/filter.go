package expr

import "github.com/ferrisstreams/ferrisstreams/exec/vec"

// Filter returns the rows of sel (nil: all) for which the program, a boolean,
// is true. As in PostgreSQL's WHERE the parts of a top-level AND are tried in
// order, and a row is done with at the first that is not true. The selection
// belongs to the program until its next Run or Filter; a row in the errors is
// not in it.
func (p *Program) Filter(b *vec.Batch, sel []int32) ([]int32, *Errors) {
	p.begin(b, sel)
	rows := p.filter(b, sel)
	if p.run.cut.over {
		rows = p.filterParts(b, sel)
	}
	if p.errs.Any() {
		return rows, &p.errs
	}
	return rows, nil
}

func (p *Program) filter(b *vec.Batch, sel []int32) []int32 {
	out := selection(&p.sel, b.Rows)
	for _, cond := range p.conds {
		if none(&p.run, sel) {
			sel = out[:0]
			break
		}
		v := cond.eval(&p.run, sel)
		sel = out[:selectTrue(out, v, sel, b.Rows)]
		if p.run.errs.Any() {
			sel = without(sel, p.run.errs)
		}
	}
	return sel
}

// selectTrue writes the rows of sel for which v is true to out, which may be
// sel's own buffer, and returns how many. It has no branch on one row's value.
func selectTrue(out []int32, v vec.Vec, sel []int32, rows int) int {
	if k, ok := v.(*vec.Const); ok {
		return selectConst(out, k, sel, rows)
	}
	b := v.(*vec.Fixed[bool])
	nulls := b.Nulls()
	n := 0
	switch {
	case sel == nil && !nulls.Any():
		n = selectDense(out[:rows], b.Values[:rows])
	case sel == nil:
		for i, x := range b.Values[:rows] {
			out[n] = int32(i)
			n += bit(x) &^ bit(nulls.Get(i))
		}
	case !nulls.Any():
		for _, row := range sel {
			out[n] = row
			n += bit(b.Values[row])
		}
	default:
		for _, row := range sel {
			out[n] = row
			n += bit(b.Values[row]) &^ bit(nulls.Get(int(row)))
		}
	}
	return n
}

func selectConst(out []int32, k *vec.Const, sel []int32, rows int) int {
	if !isTrue(k, 0) {
		return 0
	}
	if sel != nil {
		return copy(out, sel)
	}
	for i := range rows {
		out[i] = int32(i)
	}
	return rows
}

// bit is 1 for true; the compiler makes no branch of it.
func bit(b bool) int {
	var x uint8
	if b {
		x = 1
	}
	return int(x)
}

// without removes the rows that failed, in place.
func without(sel []int32, errs *Errors) []int32 {
	n := 0
	for _, row := range sel {
		sel[n] = row
		n += 1 - bit(errs.Has(int(row)))
	}
	return sel[:n]
}
