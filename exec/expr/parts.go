package expr

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A thousand values of a batch may be a thousand long texts, of which the
// query's memory holds a few. So an evaluation of several rows is given up as
// soon as one of its nodes has partBytes of text, and done anew with fewer rows
// at a time. What is volatile would be called twice, so it is not cut.

// partBytes is how much text a node makes of a batch before that is cut.
const partBytes = 16 << 20

// cut says how the evaluation of a program may be given up.
type cut struct {
	most int  // bytes of text in a node; 0: no matter
	over bool // there was more, and nothing of the values counts
}

// begin allows it for more than one row.
func (c *cut) begin(cuttable bool, rows int) {
	c.most, c.over = 0, false
	if cuttable && rows > 1 {
		c.most = partBytes
	}
}

// limit is the most bytes of strings that a node may hold, of which hard are
// the query's.
func (c *cut) limit(hard int) int {
	if c != nil && c.most > 0 {
		return min(hard, c.most)
	}
	return hard
}

func live(b *vec.Batch, sel []int32) int {
	if sel == nil {
		return b.Rows
	}
	return len(sel)
}

// TryRun is Run where the rows may be too many for their values: ok is false
// where they are, and nothing was computed; fewer of them may fit, and one does.
func (p *Program) TryRun(b *vec.Batch, sel []int32) (v vec.Vec, errs *Errors, ok bool) {
	p.begin(b, sel)
	v = p.root.eval(&p.run, sel)
	switch {
	case p.run.cut.over:
		return nil, nil, false
	case p.errs.Any():
		return v, &p.errs, true
	}
	return v, nil, true
}

// Parts calls f for the rows sel of b (nil: all), so many at a time that it
// returns true: all of them, else the half, and so on. f gets no row a second
// time for which it returned true; one row alone it does not refuse.
func Parts(b *vec.Batch, sel []int32, f func(part []int32) (bool, error)) error {
	ok, err := f(sel)
	if ok || err != nil {
		return err
	}
	rows := make([]int32, 0, live(b, sel))
	if sel != nil {
		rows = append(rows, sel...)
	} else {
		for row := range b.Rows {
			rows = append(rows, int32(row))
		}
	}
	for n := max(len(rows)/2, 1); len(rows) > 0; {
		n = min(n, len(rows))
		if ok, err = f(rows[:n]); err != nil {
			return err
		}
		if ok {
			rows = rows[n:]
		} else {
			n = max(n/2, 1)
		}
	}
	return nil
}

// runParts is Run of a batch that is cut: the parts' values, in one column.
func (p *Program) runParts(b *vec.Batch, sel []int32) vec.Vec {
	if p.merged == nil {
		p.merged = newColumn(p.typ)
	}
	p.merged.Reset()
	p.errs.Reset()
	whole := p.merged
	limit := newGuard(p.run.env, whole, nil)
	_ = Parts(b, sel, func(part []int32) (bool, error) {
		if live(b, part) == live(b, sel) && live(b, sel) > 1 {
			return false, nil // as was just tried
		}
		p.partErrs.Reset()
		p.run.errs = &p.partErrs
		p.run.cut.begin(true, len(part))
		v := p.root.eval(&p.run, part)
		p.run.errs = &p.errs
		if p.run.cut.over {
			return false, nil
		}
		for _, r := range part {
			row := int(r)
			vec.Pad(whole, row)
			err := p.partErrs.At(row)
			if err == nil {
				vec.AppendRow(whole, v, row)
				err = limit.holds()
			} else {
				vec.AppendNull(whole)
			}
			if err != nil {
				p.errs.Set(row, err)
			}
		}
		return true, nil
	})
	vec.Pad(whole, b.Rows)
	return whole
}

// filterParts is Filter of a batch that is cut.
func (p *Program) filterParts(b *vec.Batch, sel []int32) []int32 {
	kept := make([]int32, 0, live(b, sel))
	p.errs.Reset()
	_ = Parts(b, sel, func(part []int32) (bool, error) {
		if live(b, part) == live(b, sel) && live(b, sel) > 1 {
			return false, nil
		}
		p.partErrs.Reset()
		p.run.errs = &p.partErrs
		p.run.cut.begin(true, len(part))
		passed := p.filter(b, part)
		p.run.errs = &p.errs
		if p.run.cut.over {
			return false, nil
		}
		kept = append(kept, passed...)
		for row := range p.partErrs.Rows().Rows {
			p.errs.Set(row, p.partErrs.At(row))
		}
		return true, nil
	})
	return kept
}

// holds returns an error where the results have become too large.
func (g *guard) holds() error {
	if g.text == nil || len(g.text.Data) <= g.most {
		return nil
	}
	return function.OverLimit(len(g.text.Data), min(g.most, math.MaxInt32))
}
