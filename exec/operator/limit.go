package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Limit passes count rows after the first offset ones, and then wants no more.
// It refuses Deletes, as which rows come first would change, unless it counts them
// as rows too.
type Limit struct {
	stateless
	changes    bool
	skip, left int64    // left -1: no limit
	stored     [2]int64 // what Save wrote last, where it has
	saved      bool
	out        vec.Batch
	sel        selector
}

// NewLimit returns a Limit; count -1: no limit.
func NewLimit(count, offset int64) *Limit { return &Limit{skip: offset, left: count} }

// NewLimitOfChanges returns a Limit that counts rows and Deletes alike.
func NewLimitOfChanges(count, offset int64) *Limit {
	return &Limit{changes: true, skip: offset, left: count}
}

// Full is Filling's.
func (l *Limit) Full() bool { return l.left == 0 }

// Process passes on the rows within the bounds.
func (l *Limit) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	if l.left == 0 {
		return stream.Done
	}
	if !l.changes && hasDelete(b) {
		return refuseDelete("LIMIT")
	}
	n := int64(b.Len())
	if n <= l.skip {
		l.skip -= n
		return nil
	}
	l.out = *b
	if l.skip > 0 || l.left >= 0 && n-l.skip > l.left {
		sel := l.sel.of(b)[l.skip:]
		if l.left >= 0 && int64(len(sel)) > l.left {
			sel = sel[:l.left]
		}
		l.out.Sel = sel
	}
	l.skip = 0
	if l.left >= 0 {
		l.left -= int64(l.out.Len())
	}
	if err := out.Emit(ctx, &l.out); err != nil {
		return err
	}
	if l.left == 0 {
		return stream.Done
	}
	return nil
}
