package gateway

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// cursorRows are a query's rows with a place in them, for portals, SQL cursors
// and plain statements alike. Rows pass through, unless they are kept to be
// read again (SCROLL) or after the transaction (WITH HOLD).
type cursorRows struct {
	cursor  Cursor // nil: all rows are in kept, or it was closed
	live    bool   // goes on with what arrives
	endless bool   // live, and without a LIMIT
	instant bool   // a read never waits
	binary  bool   // of a BINARY cursor
	kept    *rowBuffer
	base    int64 // rows that were read before the first of kept
	current currentRow

	// pos counts the rows before and at the current one; atEnd is past the last.
	pos     int64
	atEnd   bool
	err     error // of the query; it is not asked again
	ended   bool  // the cursor has given all its rows
	batch   *vec.Batch
	taken   int // live rows of batch that were given out
	header  vec.Batch
	backSel []int32

	waiting    chan fetched // of a read that outlived a fetch timeout
	stopWaited context.CancelFunc
}

type fetched struct {
	batch *vec.Batch
	err   error
}

// next gives at most max rows after the position: a batch that is valid until
// the next call. It is io.EOF at the end, and nil, nil when late came first.
func (c *cursorRows) next(ctx context.Context, max int64, late <-chan time.Time) (*vec.Batch, error) {
	if c.atEnd || max <= 0 {
		return nil, io.EOF
	}
	var b *vec.Batch
	var err error
	if c.kept != nil {
		b, err = c.nextKept(ctx, max, late)
	} else if b, err = c.read(ctx, late); err == nil && b != nil {
		b = c.cut(max)
	}
	switch {
	case errors.Is(err, io.EOF):
		c.atEnd = true
	case err == nil && b != nil:
		c.pos += int64(b.Len())
		c.current.note(b)
	}
	return b, err
}

// read makes sure that batch has rows that were not given out.
func (c *cursorRows) read(ctx context.Context, late <-chan time.Time) (*vec.Batch, error) {
	for c.batch == nil || c.taken >= c.batch.Len() {
		switch {
		case c.err != nil:
			return nil, c.err
		case c.ended || c.cursor == nil:
			return nil, io.EOF
		case late != nil || c.waiting != nil:
			if done, err := c.readAside(ctx, late); !done || err != nil {
				return nil, err
			}
		default:
			b, err := c.cursor.Next(ctx)
			if err := c.take(ctx, b, err); err != nil {
				return nil, err
			}
		}
	}
	return c.batch, nil
}

func (c *cursorRows) take(ctx context.Context, b *vec.Batch, err error) error {
	c.batch, c.taken = nil, 0
	switch {
	case err == nil:
		c.batch = b
		return nil
	case errors.Is(err, io.EOF):
		c.ended = true
		return io.EOF
	}
	c.err = explain(ctx, err)
	return c.err
}

// readAside reads on a goroutine of its own, so that it can be left when late
// comes first; the next read finds its rows, and close waits for it. The
// statement's context ends with the statement, so the read has another.
func (c *cursorRows) readAside(ctx context.Context, late <-chan time.Time) (done bool, err error) {
	if c.waiting == nil {
		out := make(chan fetched, 1)
		background, stop := context.WithCancel(context.WithoutCancel(ctx))
		c.batch, c.waiting, c.stopWaited = nil, out, stop
		cursor := c.cursor
		go func() {
			b, err := cursor.Next(background)
			out <- fetched{b, err}
		}()
	}
	select {
	case f := <-c.waiting:
		c.waiting = nil
		err := c.take(ctx, f.batch, f.err)
		c.stopWaited()
		return true, err
	case <-ctx.Done():
		return true, context.Cause(ctx)
	case <-late:
		return false, nil
	}
}

// cut gives out at most max rows of batch.
func (c *cursorRows) cut(max int64) *vec.Batch {
	b, left := c.batch, c.batch.Len()-c.taken
	n := int(min(max, int64(left)))
	if c.taken == 0 && n == left {
		c.taken = n
		return b
	}
	c.header = vec.Batch{Cols: b.Cols, Ops: b.Ops, Rows: b.Rows}
	if b.Sel != nil {
		c.header.Sel = b.Sel[c.taken : c.taken+n]
	} else {
		c.backSel = rowRange(c.backSel[:0], c.taken, n)
		c.header.Sel = c.backSel
	}
	c.taken += n
	return &c.header
}

func rowRange(dst []int32, from, n int) []int32 {
	for i := range n {
		dst = append(dst, int32(from+i))
	}
	return dst
}

func (c *cursorRows) nextKept(ctx context.Context, max int64, late <-chan time.Time) (*vec.Batch, error) {
	at := c.pos - c.base
	for at >= c.kept.rows {
		b, err := c.read(ctx, late)
		if err != nil || b == nil {
			return nil, err
		}
		if err := c.kept.add(c.cut(int64(vec.MaxRows))); err != nil {
			c.err = err
			return nil, err
		}
	}
	b, row, err := c.kept.find(at)
	if err != nil {
		c.err = err
		return nil, err
	}
	n := int(min(max, int64(b.Rows-row)))
	c.backSel = rowRange(c.backSel[:0], row, n)
	c.header = vec.Batch{Cols: b.Cols, Rows: b.Rows, Sel: c.backSel}
	return &c.header, nil
}

// prior gives at most max rows before the current one, last first, so its Sel
// descends. io.EOF at the start.
func (c *cursorRows) prior(max int64) (*vec.Batch, error) {
	if !c.scrollable() {
		return nil, errForwardOnly()
	}
	if max <= 0 {
		return nil, io.EOF
	}
	at := c.pos - 1 // index of the current row
	if c.atEnd {
		at = c.pos
	}
	if at <= 0 {
		c.pos, c.atEnd = 0, false
		return nil, io.EOF
	}
	b, row, err := c.kept.find(at - 1)
	if err != nil {
		return nil, err
	}
	n := int(min(max, int64(row+1)))
	c.backSel = rowRange(c.backSel[:0], row-n+1, n)
	slices.Reverse(c.backSel)
	c.header = vec.Batch{Cols: b.Cols, Rows: b.Rows, Sel: c.backSel}
	c.pos, c.atEnd = at-int64(n)+1, false
	// The last of its rows, which descend, is the current one.
	c.current.note(&c.header)
	return &c.header, nil
}

func errForwardOnly() error {
	return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "cursor can only scan forward").
		WithHint("Declare it with SCROLL option to enable backward scan.")
}

// scrollable reports whether every row read so far is kept.
func (c *cursorRows) scrollable() bool { return c.kept != nil && c.base == 0 }

// atStart reports whether no row was read, or all were read back.
func (c *cursorRows) atStart() bool { return c.pos == 0 && !c.atEnd }

// rewind goes before the first row.
func (c *cursorRows) rewind() error {
	if c.atStart() {
		return nil
	}
	if !c.scrollable() {
		return errForwardOnly()
	}
	c.pos, c.atEnd = 0, false
	return nil
}

// hold reads what is left, which it keeps, and ends the query.
func (c *cursorRows) hold(ctx context.Context, fields []plan.Field, account *memory.Account) error {
	if c.kept == nil {
		c.kept, c.base = newRowBuffer(fields, account), c.pos
		c.current = currentRow{} // the ids are not kept
	}
	for {
		b, err := c.read(ctx, nil)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if b == nil {
			continue
		}
		if err := c.kept.add(c.cut(int64(vec.MaxRows))); err != nil {
			return err
		}
	}
	return c.close()
}

// drop ends the query, which nobody reads any more, and gives up what was kept.
func (c *cursorRows) drop() {
	_ = c.close()
	if c.kept != nil {
		c.kept.close()
		c.kept = nil
	}
}

// close ends the query; rows that were kept stay.
func (c *cursorRows) close() error {
	if c.cursor == nil {
		return nil
	}
	if c.waiting != nil {
		c.stopWaited()
		<-c.waiting
		c.waiting = nil
	}
	err := c.cursor.Close()
	c.cursor, c.batch = nil, nil
	return err
}
