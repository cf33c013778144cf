package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/function/aggregate"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Once the groups of an Aggregate do not fit into a cache, a row waits for memory
// in the index and again in each call. So rows are then kept back in bins, by the
// stretch of the index where their groups are, until they hold more than the
// groups do; a bin's rows, grouped one after the other, wait only for what no
// earlier one of them has fetched. Rows of one group stay in order. (The radix
// cluster of Manegold, Boncz and Kersten, Optimizing Main-Memory Join on Modern
// Hardware, 2002.)
const (
	// nearBytes is what groups may hold before their rows are kept back: as much
	// lies in a cache as a whole.
	nearBytes = 4 << 20
	// binBytes is what the rows kept back hold at least before they are grouped,
	// where memory allows it.
	binBytes = 64 << 20
	// wideRow is the most bytes of a row that is kept back: to copy a wider one
	// costs more than it saves.
	wideRow = 64
	// farApart is how many groups lie between two that share no cache line and
	// hardly a page.
	farApart = 256
	// passFrom is how many groups of bins of which no row will come go out by
	// themselves.
	passFrom = 2 * vec.MaxRows
)

// mayKeepBack reports whether rows of the input may be kept back at all.
func mayKeepBack(spec AggregateSpec) bool {
	if spec.Types == nil || !spec.AppendOnly || spec.Changes || len(spec.KeyTypes) != 1 || !isWord(spec.KeyTypes[0]) {
		return false
	}
	width, fixed := rowWidth(spec.Types)
	return fixed && width <= wideRow
}

// watch begins to keep rows back, where the groups hold much and those of the
// last batch lie far from each other; known is how many there were before it.
func (a *Aggregate) watch(sel []int32, known int32) {
	if a.near == 0 || a.over.parts != nil || a.state() < a.near {
		return
	}
	x := a.table.index.(*wordIndex)
	// Groups that are new lie together in the calls, but not among slots.
	far, last := 0, int32(0)
	for _, r := range sel {
		if g := a.ids[r]; g-last > farApart || last-g > farApart || g >= known && x.direct == nil {
			far, last = far+1, g
		}
	}
	if width, _ := rowWidth(a.spec.Types); 2*far > len(sel) && a.spec.Account.Room(0) > 8*binsSize(width) {
		a.bins = newBins(a.spec.Types, a.spec.Account)
	}
}

// state is how many bytes the groups hold.
func (a *Aggregate) state() int64 {
	n := a.table.held + a.held
	for _, c := range a.spec.Calls {
		n += c.held
	}
	return n
}

// mostKept is how many bytes rows that are kept back may hold: they leave the
// groups room to become twice as many.
func (a *Aggregate) mostKept() int64 {
	return min(a.keep+2*a.state(), a.spec.Account.Room(0)/4)
}

// keepBack puts rows into bins, and groups all that are there when they are
// enough.
func (a *Aggregate) keepBack(ctx context.Context, b *vec.Batch, sel []int32) error {
	p, x := a.bins, a.table.index.(*wordIndex)
	p.to = sized(p.to, len(sel))
	ws, _ := x.load(a.cols[0], sel)
	x.places(ws, p.to)
	p.add(b, sel, p.to)
	if p.held < a.mostKept() {
		return nil
	}
	if err := a.groupBins(ctx, nil); err != nil || !full(a.spec.Account) {
		return err
	}
	return a.relieve(ctx)
}

// groupBins groups the rows that were kept back. out is where groups may go of
// which no row will come; nil: rows are to come.
func (a *Aggregate) groupBins(ctx context.Context, out Output) error {
	if a.bins == nil {
		return nil
	}
	x := a.table.index.(*wordIndex)
	split, first, passes := x.parts != nil, a.count, out != nil && a.shrinks()
	all := int(a.bins.held / a.bins.batch * vec.MaxRows)
	for bin := range binCount {
		if err := ctx.Err(); err != nil {
			return err
		}
		if split {
			x.enter(bin)
		}
		rows, err := a.groupBin(ctx, bin)
		if err != nil {
			return err
		}
		if split {
			x.leave()
		}
		if split && out != nil {
			x.forget(bin)
		}
		switch {
		case passes && a.count-first >= passFrom:
			if err := a.emitGroups(ctx, first, a.count, out); err != nil {
				return err
			}
			a.shrink(first)
		case split && !passes && bin == 0 && rows > 0:
			// Words are spread evenly over parts: the others will bring as many.
			if err := a.foresee(first + min((a.count-first)*binCount, all)); err != nil {
				return err
			}
		}
	}
	a.bins.close()
	a.bins = nil
	return nil
}

// groupBin groups the rows of one bin, and returns how many there are.
func (a *Aggregate) groupBin(ctx context.Context, bin int) (rows int, err error) {
	err = a.bins.take(bin, func(b *vec.Batch) error {
		sel, err := runAll(a.spec.Keys, b, a.cols, a.spec.Fault, &a.live)
		if err != nil {
			return err
		}
		rows += b.Rows
		_, err = a.group(ctx, b, a.sel.all(sel, b.Rows))
		return err
	})
	return rows, err
}

// shrinks reports whether groups can be forgotten before all rows are grouped:
// none of those may fail, which would have to be before any group goes out.
func (a *Aggregate) shrinks() bool {
	if a.kept != nil {
		return false
	}
	for _, c := range a.spec.Calls {
		if !c.shrinks() {
			return false
		}
	}
	return true
}

// shrink forgets the groups from n on: those that come use their memory again.
func (a *Aggregate) shrink(n int) {
	for _, c := range a.spec.Calls {
		c.spec.Func.(aggregate.Shrinker).Shrink(n)
		c.groups = n
	}
	a.table.index.(*wordIndex).truncate(n)
	a.count = n
}

// shrinks reports whether groups can be taken from the call's function, and no row
// that is given to it fails.
func (c *Call) shrinks() bool {
	_, ok := c.spec.Func.(aggregate.Shrinker)
	return ok && c.plain && c.distinct == nil && c.ordered == nil && c.rows == nil
}

// foresee makes room for n groups, where memory has it.
func (a *Aggregate) foresee(n int) error {
	if a.spec.Account.Room(0) < 2*a.state()/int64(max(a.count, 1))*int64(n) {
		return nil
	}
	for _, c := range a.spec.Calls {
		c.spec.Func.Grow(n)
		if err := c.charge(); err != nil {
			return err
		}
	}
	return nil
}
