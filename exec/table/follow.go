package table

import (
	"context"
	"fmt"
	"io"

	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Follower delivers a table's rows as they are committed, and then, for ever, what
// commits change: an update is a Delete of the old row and an Insert of the new.
// What several commits did between two calls comes as their net effect, in order
// of row ids, and never a part of a commit. It belongs to one goroutine.
type Follower struct {
	t      *Tables
	d      *Desc
	reader rowkey.Reader
	id     int
	from   *roots // what was delivered
	to     *roots // what is being delivered; nil: nothing is
	a, b   cursor
	cols   []vec.Vec
	closed bool
}

// Follow starts with an empty table, so that its first rows are what is there.
// columns are as ScanSpec.Columns. fromNow: they are not delivered.
func (t *Tables) Follow(d *Desc, columns []int, fromNow bool) *Follower {
	f := &Follower{t: t, d: d, id: -1}
	var attrs []int
	for i, place := range columns {
		if place == len(d.Relation.Columns) {
			f.id = i
			continue
		}
		attrs = append(attrs, d.attrs[place])
	}
	f.reader.Reset(d.layout, attrs)
	if fromNow {
		f.from = t.newest()
	}
	return f
}

// Version is the version of the store up to which everything was delivered: the
// commits of it and before it, and none after. 0: nothing was.
func (f *Follower) Version() uint64 {
	if f.from == nil {
		return 0
	}
	return f.from.version
}

// Next appends up to vec.MaxRows changes to the batch, whose columns are
// Follow's, and sets its Ops. It waits until there are some. done: with them
// everything is delivered that was committed when they were begun.
func (f *Follower) Next(ctx context.Context, b *vec.Batch) (done bool, err error) {
	for {
		if f.closed {
			return false, io.EOF
		}
		if f.to == nil {
			if err := f.wait(ctx); err != nil {
				return false, err
			}
		}
		n, done, err := f.fill(b)
		if err != nil {
			return false, fmt.Errorf("following table %s: %w", f.d.Relation.Name, err)
		}
		if done {
			if f.from != nil {
				f.t.release(f.from)
			}
			f.from, f.to = f.to, nil
		}
		if n > 0 {
			return done, nil
		}
	}
}

// wait takes the newest roots, when they are others than those delivered.
func (f *Follower) wait(ctx context.Context) error {
	for {
		changed := f.t.Changed() // before the look: what comes after it is heard of
		r := f.t.newest()
		if f.from == nil || f.from.get(f.d.storage).n != r.get(f.d.storage).n {
			f.to = r
			return f.begin()
		}
		f.t.release(f.from)
		f.from = r
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *Follower) begin() error {
	var old *node
	version := f.to.version
	if f.from != nil {
		old, version = f.from.get(f.d.storage).n, f.from.version
	}
	f.a.reset(old, &stored{f.t, f.d.storage, version})
	f.b.reset(f.to.get(f.d.storage).n, &stored{f.t, f.d.storage, f.to.version})
	if err := f.a.seek(nil); err != nil {
		return err
	}
	return f.b.seek(nil)
}

// fill appends what fits. done: there is no more.
func (f *Follower) fill(b *vec.Batch) (n int, done bool, err error) {
	f.cols = f.cols[:0]
	for i, v := range b.Cols {
		if i != f.id {
			f.cols = append(f.cols, v)
		}
	}
	b.Ops = b.Ops[:0]
	put := func(op vec.Op, id int64, value []byte) error {
		b.Ops = append(b.Ops, op)
		if f.id >= 0 {
			b.Cols[f.id].(*vec.Fixed[int64]).Append(id)
		}
		n++
		return f.reader.Read(rowBody(value), f.cols)
	}
	defer func() { b.Rows = n }()
	for n < vec.MaxRows-1 {
		key, old, now, ok, err := nextDifference(&f.a, &f.b)
		if err != nil {
			return n, false, err
		}
		if !ok {
			return n, true, nil
		}
		id := rowID(key)
		if old != nil {
			if err := put(vec.Delete, id, old); err != nil {
				return n, false, err
			}
		}
		if now != nil {
			if err := put(vec.Insert, id, now); err != nil {
				return n, false, err
			}
		}
	}
	return n, false, nil
}

// Close lets go of the versions that the follower holds. It may be called twice.
func (f *Follower) Close() {
	f.closed = true
	for _, r := range []*roots{f.from, f.to} {
		if r != nil {
			f.t.release(r)
		}
	}
	f.from, f.to = nil, nil
}
