package exec

import (
	"context"
	"math"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/operator"
)

// marks are the watermarks of several inputs, and what they come to.
type marks struct {
	of    []int64 // math.MaxInt64: the input has ended
	quiet []bool  // the input is idle: it holds nothing back
}

func newMarks(inputs int) marks {
	m := marks{of: make([]int64, inputs), quiet: make([]bool, inputs)}
	for i := range m.of {
		m.of[i] = noMark
	}
	return m
}

// set notes an input's watermark, which never goes back.
func (m *marks) set(input int, mark int64, quiet bool) {
	m.of[input], m.quiet[input] = max(m.of[input], mark), quiet
}

// low is the least of the inputs that are neither idle nor at their end. Where all
// that have not ended are idle it is how far the furthest of them has come.
func (m *marks) low() (mark int64, quiet bool) {
	low, high := int64(math.MaxInt64), int64(noMark)
	left, active := false, false
	for i, t := range m.of {
		if t == math.MaxInt64 {
			continue
		}
		left, high = true, max(high, t)
		if !m.quiet[i] {
			active, low = true, min(low, t)
		}
	}
	if left && !active {
		return high, true
	}
	return low, false
}

// least is the least of the inputs that have not ended, be they idle or not; quiet:
// all of them are idle.
func (m *marks) least() (mark int64, quiet bool) {
	low, left, active := int64(math.MaxInt64), false, false
	for i, t := range m.of {
		if t == math.MaxInt64 {
			continue
		}
		left, active, low = true, active || !m.quiet[i], min(low, t)
	}
	return low, left && !active
}

// watermark says that an input's rows from now on are not before mark.
func (t target) watermark(ctx context.Context, mark int64) error { return t.status(ctx, mark, false) }

// status says that an input's rows from now on are not before mark, and whether
// the input is idle. A node's watermark is the lowest of its inputs', and what it
// passes on is behind that by its delay.
func (t target) status(ctx context.Context, mark int64, quiet bool) error {
	n := t.node
	if n == nil {
		return nil
	}
	n.meet()
	n.marks.set(t.input, mark, quiet)
	low, quiet := n.marks.low()
	if low <= n.mark && quiet == n.quiet {
		return nil
	}
	return n.reach(ctx, max(low, n.mark), quiet)
}

// meet prepares a node for watermarks.
func (n *node) meet() {
	if n.marks.of == nil {
		n.marks, n.mark = newMarks(n.inputs), noMark
	}
}

// reach brings a node's watermark to low, or leaves it there, and passes it on.
func (n *node) reach(ctx context.Context, low int64, quiet bool) error {
	moved := low > n.mark
	n.mark, n.quiet = low, quiet
	if x, ok := n.op.(*exchange); ok && !n.off {
		return x.status(ctx, low, quiet) // what it passes on is not only of this task
	}
	if !n.off && moved {
		if s, ok := n.op.(operator.Settler); ok && n.marks.of != nil {
			t, _ := n.marks.least()
			s.Settled(t)
		}
		start := time.Now()
		err := n.op.Watermark(ctx, low, n)
		n.elapsed += time.Since(start)
		if err != nil {
			return err
		}
	}
	return n.pass(ctx)
}

// pass passes a node's watermark on: behind its own by its delay, and not ahead of the
// rows that it holds back.
func (n *node) pass(ctx context.Context) error {
	low, quiet := n.mark, n.quiet
	if low != noMark && low != math.MaxInt64 {
		low -= n.delay
	}
	if h, ok := n.op.(operator.Holder); ok && !n.off {
		held := h.Held()
		low, quiet = min(low, held), quiet && held == math.MaxInt64
	}
	return n.to.status(ctx, low, quiet)
}

// released passes a node's watermark on where rows waited for the barrier, and the
// watermark for them.
func (n *node) released(ctx context.Context) error {
	if _, ok := n.op.(operator.Holder); !ok || n.marks.of == nil || n.mark == noMark {
		return nil
	}
	return n.pass(ctx)
}

// meets are the nodes whose watermark is that of several inputs: it does not
// follow from how far the leaves have come, as an idle input may have been passed.
func (t *tree) meets() []*node {
	var all []*node
	for _, n := range t.nodes {
		if n.inputs > 1 {
			n.meet()
			all = append(all, n)
		}
	}
	return all
}
