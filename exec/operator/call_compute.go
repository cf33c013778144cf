package operator

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// computable returns the rows of sel, which is not nil, of which every call can be
// computed. Another is shown to fault, once, and is of no group: a row that is left
// out of one call must not be counted by the next. The calls keep what they computed,
// for add. Where fault is nil nothing is computed, as add ends at a row that fails.
func computable(calls []*Call, b *vec.Batch, sel []int32, fault Fault) ([]int32, error) {
	var failed []int32
	note := func(b *vec.Batch, row int, err error) error {
		failed = append(failed, int32(row))
		return fault(b, row, err)
	}
	for _, c := range calls {
		c.ready = false
		if fault == nil || c.plain {
			continue
		}
		known := len(failed)
		if err := c.compute(b, sel, note); err != nil {
			return nil, err
		}
		if len(failed) > known {
			sel = slices.DeleteFunc(slices.Clone(sel), func(r int32) bool { return slices.Contains(failed[known:], r) })
		}
	}
	return sel, nil
}

// compute runs the call's programs over the rows sel of b. ready: their values are
// in c.args.
func (c *Call) compute(b *vec.Batch, sel []int32, fault Fault) error {
	part := vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}
	c.computed = len(sel)
	if c.spec.Filter != nil {
		kept, errs := c.spec.Filter.Filter(&part, sel)
		if errs.Any() {
			if err := faults(&part, errs, fault); err != nil {
				return err
			}
		}
		part.Sel = kept
	}
	c.passed = part.Sel
	parts := 0
	err := runParts(c.spec.Args, &part, c.args, fault, &c.live, func(sel []int32) error {
		parts++
		_, err := runAll(c.kept.programs, &vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel, Rows: b.Rows}, c.kept.cols[len(c.kept.cols)-len(c.kept.programs):], fault, &c.kept.live)
		return err
	})
	c.ready = err == nil && parts == 1
	return err
}

// among are the rows of sel, some of those that were computed, that the filter lets
// pass.
func (c *Call) among(sel []int32) []int32 {
	if c.spec.Filter == nil {
		return sel
	}
	if len(sel) == c.computed {
		return c.passed
	}
	both, rest := c.live[:0], c.passed
	for _, r := range sel {
		for len(rest) > 0 && rest[0] < r {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0] == r {
			both = append(both, r)
		}
	}
	c.live = both
	return both
}

// neverFails reports whether no row that is given to the call fails: all that it
// reads are columns.
func (s *CallSpec) neverFails() bool {
	failing := func(p *expr.Program) bool { return p != nil && !p.Plain() }
	return !failing(s.Filter) && !slices.ContainsFunc(s.Args, failing) && !slices.ContainsFunc(s.OrderBy, func(k SortKey) bool { return failing(k.Program) })
}
