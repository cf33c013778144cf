package gateway

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// fetch is FETCH and MOVE. A forward FETCH streams the rows through; whatever
// goes before the rows asked for is read when the statement runs.
func (x *session) fetch(ctx context.Context, s *plan.Fetch) (*outcome, error) {
	p, err := x.findPortal(s.Name)
	if err != nil {
		return nil, err
	}
	if p.stale != nil {
		return nil, p.stale
	}
	if _, query := p.bound.Statement.(*plan.Query); p.out == nil && query {
		// A portal that was bound, and that no Execute has begun.
		if err := x.startPortal(ctx, p); err != nil {
			return nil, err
		}
	}
	if p.out == nil || p.out.rows == nil || p.out.rows.err != nil {
		return nil, errCannotRun(p.name)
	}
	x.reads(p)
	x.txn.queried = true
	x.interrupt.returnsRows()
	rows := p.out.rows
	steps, err := fetchSteps(ctx, rows, s)
	if err == nil && steps.backward && !rows.scrollable() {
		err = errForwardOnly()
	}
	if err != nil {
		// A portal that has failed is of no more use, also after ROLLBACK TO.
		rows.err = err
		return nil, err
	}
	f := &fetchCursor{rows: rows, backward: steps.backward, left: steps.count, timeout: x.settings.current.fetchTimeout}
	if s.Timeout != nil {
		f.timeout = max(*s.Timeout, 1) // 0: whatever is there with the first row
	}
	if s.Move {
		n := steps.moved
		for {
			b, err := f.Next(ctx)
			if errors.Is(err, io.EOF) {
				return &outcome{word: "MOVE", counted: n}, nil
			}
			if err != nil {
				return nil, err
			}
			n += int64(b.Len())
		}
	}
	out := &cursorRows{cursor: f, live: rows.live, binary: rows.binary}
	return &outcome{fields: p.columns, rows: out, word: "FETCH"}, nil
}

// fetchPlan is what is left of a FETCH when its cursor stands where the rows
// asked for begin.
type fetchPlan struct {
	backward bool
	count    int64
	moved    int64 // what a MOVE counts without reading
}

// fetchSteps moves the cursor to where the rows of s begin, as PostgreSQL's
// DoPortalRunFetch does.
func fetchSteps(ctx context.Context, c *cursorRows, s *plan.Fetch) (fetchPlan, error) {
	count, direction := s.Count, s.Direction
	if direction == plan.FetchForward && count < 0 {
		direction, count = plan.FetchBackward, -count
	} else if direction == plan.FetchBackward && count < 0 {
		direction, count = plan.FetchForward, -count
	}
	switch direction {
	case plan.FetchAbsolute:
		switch {
		case count > 0:
			if count-1 <= c.pos/2 && c.scrollable() || c.atStart() {
				if err := c.rewind(); err != nil {
					return fetchPlan{}, err
				}
				return fetchPlan{count: 1}, c.skip(ctx, count-1)
			}
			at := c.pos
			if c.atEnd {
				at++
			}
			if count <= at {
				return fetchPlan{count: 1}, c.skipBack(at - count + 1)
			}
			return fetchPlan{count: 1}, c.skip(ctx, count-at-1)
		case count < 0:
			if err := c.skip(ctx, plan.FetchAll); err != nil {
				return fetchPlan{}, err
			}
			return fetchPlan{backward: true, count: 1}, c.skipBack(-count - 1)
		}
		return fetchPlan{}, c.rewind()
	case plan.FetchRelative:
		switch {
		case count > 0:
			return fetchPlan{count: 1}, c.skip(ctx, count-1)
		case count < 0:
			return fetchPlan{backward: true, count: 1}, c.skipBack(-count - 1)
		}
		direction = plan.FetchForward
	}
	if count != 0 {
		return fetchPlan{backward: direction == plan.FetchBackward, count: count}, nil
	}
	// FETCH 0 is the current row again.
	switch onRow := c.pos > 0 && !c.atEnd; {
	case !onRow:
		return fetchPlan{}, nil
	case s.Move:
		return fetchPlan{moved: 1}, nil
	}
	return fetchPlan{count: 1}, c.skipBack(1)
}

// skip moves forward over n rows.
func (c *cursorRows) skip(ctx context.Context, n int64) error {
	for n > 0 {
		b, err := c.next(ctx, n, nil)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if b != nil && n != plan.FetchAll {
			n -= int64(b.Len())
		}
	}
	return nil
}

// skipBack moves backward over n rows.
func (c *cursorRows) skipBack(n int64) error {
	for n > 0 {
		b, err := c.prior(n)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		n -= int64(b.Len())
	}
	return nil
}

// fetchCursor is a Cursor over some rows of another's. Closing it leaves that
// one open.
type fetchCursor struct {
	rows     *cursorRows
	backward bool
	left     int64
	timeout  time.Duration // from the first row on; 0: none
	timer    *time.Timer
	given    bool
}

func (f *fetchCursor) Next(ctx context.Context) (*vec.Batch, error) {
	if f.left <= 0 {
		return nil, io.EOF
	}
	if f.backward {
		b, err := f.rows.prior(f.left)
		return f.count(b, err)
	}
	var late <-chan time.Time
	if f.rows.live && f.given && f.timeout > 0 {
		if f.timer == nil {
			f.timer = time.NewTimer(f.timeout)
		}
		late = f.timer.C
	}
	b, err := f.rows.next(ctx, f.left, late)
	if b == nil && err == nil {
		// A short batch: the session asked for it, and it has a row.
		f.left = 0
		return nil, io.EOF
	}
	return f.count(b, err)
}

func (f *fetchCursor) count(b *vec.Batch, err error) (*vec.Batch, error) {
	if err != nil {
		return nil, err
	}
	f.given = true
	if f.left != plan.FetchAll {
		f.left -= int64(b.Len())
	}
	return b, nil
}

func (f *fetchCursor) Close() error {
	if f.timer != nil {
		f.timer.Stop()
	}
	return nil
}
