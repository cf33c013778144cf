package operator

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A HashCopy that memory has no room for lies on disk in the order of the hashes of keys, as
// the right rows of a Join do, and in memory is what has changed since: rows that have come,
// and rows that have gone, which count less than nothing. When that is too much both become
// a new file.

// leastStored is how many bytes of changes are not worth a new file, and changesPart the part
// of the rows on disk that they have to be for one.
const (
	leastStored = 64 << 10
	changesPart = 64
)

// full reports whether what is in memory is to go to disk.
func (c *HashCopy) full() bool {
	if !pressed(c.account) {
		return false
	}
	if c.stored != nil {
		if c.stored.cache.drop(); !pressed(c.account) {
			return false
		}
	}
	own := c.side.held
	if c.side.rows != nil {
		own += c.side.rows.held
	}
	return c.account.Check() != nil || own >= leastStored && own*changesPart >= c.bytes
}

// store moves all rows to disk, where those that follow go too until somebody asks.
func (c *HashCopy) store(ctx context.Context) error {
	old, was, keys := c.stored, c.side, c.table
	c.stored, c.bytes = newStoredRight(c.types, c.account), 0
	gone := newGoneRows(was)
	var err error
	if old != nil {
		err = old.all(ctx, func(b *vec.Batch) error { return c.toDisk(ctx, b, gone) })
		old.close()
	}
	c.open()
	if err == nil {
		err = eachCounted(was, func(row int) int64 { return was.now[row] }, func(b *vec.Batch) error { return c.toDisk(ctx, b, nil) })
	}
	if err == nil { // what has gone before it has come
		err = eachCounted(was, func(row int) int64 { return -was.now[row] - gone.seen[int32(row)] }, c.take)
	}
	if keys != nil {
		keys.close()
	}
	was.close()
	return err
}

// toDisk adds rows to those on disk, but for those that have gone and those that have a NULL
// among their keys, to which nothing is equal.
func (c *HashCopy) toDisk(ctx context.Context, b *vec.Batch, gone *goneRows) error {
	keys := c.side.keys
	sel, err := runAll(c.programs, b, keys, c.fault, &c.live)
	if err != nil {
		return err
	}
	sel = c.sel.all(sel, b.Rows)
	if someNull(keys) {
		sel = slices.DeleteFunc(slices.Clone(sel), func(r int32) bool { return anyNull(keys, int(r)) })
	}
	if gone != nil {
		sel = gone.without(b, sel)
	}
	if len(sel) == 0 {
		return nil
	}
	c.bytes += vec.BatchSize(b)
	return c.stored.add(ctx, b, keys, c.keyTypes, sel)
}

// findStored calls f with the rows on disk of n keys.
func (c *HashCopy) findStored(ctx context.Context, keys []vec.Vec, n int, f func(rows *vec.Batch, of []int32) error) error {
	if err := c.stored.finished(ctx); err != nil {
		return err
	}
	all := c.sel.all(nil, n)
	var places *table
	if len(c.keyTypes) > 0 {
		places = newTable(c.keyTypes, nil, "JOIN")
		if err := places.assign(keys, n, all, sized([]int32(nil), n)); err != nil {
			return err
		}
	}
	gone := newGoneRows(c.side)
	cols := make([]vec.Vec, len(c.programs))
	var of []int32
	return c.stored.each(ctx, keys, c.keyTypes, n, slices.Clone(all), func(b *vec.Batch) error {
		sel, err := runAll(c.programs, b, cols, c.fault, &c.live)
		if err != nil {
			return err
		}
		sel = c.sel.all(sel, b.Rows)
		of = sized(of, b.Rows)
		if places == nil {
			clear(of)
		} else {
			places.lookup(cols, b.Rows, sel, of)
			sel = slices.DeleteFunc(slices.Clone(sel), func(r int32) bool { return of[r] < 0 })
		}
		if sel = gone.without(b, sel); len(sel) == 0 {
			return nil
		}
		return f(&vec.Batch{Cols: b.Cols, Sel: sel, Rows: b.Rows}, of)
	})
}

// finished merges what was written, where that has not been done.
func (s *storedRight) finished(ctx context.Context) error {
	if !s.filling() {
		return nil
	}
	return s.finish(ctx)
}

// all calls f with all rows that were merged, which it may not keep.
func (s *storedRight) all(ctx context.Context, f func(b *vec.Batch) error) error {
	b := vec.NewBatch(s.runs.types)
	for page := range s.first {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.in.Read(&s.pages, page, b); err != nil {
			return err
		}
		if err := f(&vec.Batch{Cols: b.Cols[:s.width], Rows: b.Rows}); err != nil {
			return err
		}
	}
	return nil
}

// eachCounted calls f with the rows of a side, each as often as times says. f may keep
// nothing.
func eachCounted(s *changesSide, times func(row int) int64, f func(b *vec.Batch) error) error {
	part := vec.NewBatch(s.types)
	for row := range s.now {
		for range times(row) {
			for i, v := range s.columns() {
				vec.AppendRow(part.Cols[i], v, row)
			}
			if part.Rows++; part.Rows < vec.MaxRows {
				continue
			}
			if err := f(part); err != nil {
				return err
			}
			part.Reset()
		}
	}
	if part.Rows == 0 {
		return nil
	}
	return f(part)
}

// goneRows leaves those rows out that a side has less than none of.
type goneRows struct {
	side *changesSide
	some bool
	seen map[int32]int64 // of each such row: how many have been left out
	ids  []int32
}

func newGoneRows(s *changesSide) *goneRows {
	return &goneRows{side: s, some: slices.ContainsFunc(s.now, func(n int64) bool { return n < 0 }), seen: map[int32]int64{}}
}

// without are those rows of sel that are not gone. Each row is to be asked for once.
func (g *goneRows) without(b *vec.Batch, sel []int32) []int32 {
	if !g.some {
		return sel
	}
	g.ids = sized(g.ids, b.Rows)
	g.side.rows.lookup(b.Cols, b.Rows, sel, g.ids)
	left := make([]int32, 0, len(sel))
	for _, r := range sel {
		if row := g.ids[r]; row >= 0 && g.seen[row] < -g.side.now[row] {
			g.seen[row]++
		} else {
			left = append(left, r)
		}
	}
	return left
}
