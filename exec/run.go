package exec

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// errEnough ends a tree whose output wants no more rows at all. (stream.Done
// ends only the leaf whose rows are not wanted.)
var errEnough = errors.New("the rows wanted are there")

// runBounded reads every leaf to its end, one after the other, in order.
func (t *tree) runBounded(ctx context.Context) error {
	err := t.readLeaves(ctx, t.leaves)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (t *tree) readLeaves(ctx context.Context, leaves []*leaf) error {
	for _, l := range leaves {
		if err := t.readLeaf(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// readLeaf reads a leaf to its end, or until nobody wants more of it.
func (t *tree) readLeaf(ctx context.Context, l *leaf) error {
	if l.scan != nil {
		if err := l.scan.open(ctx, nil); err != nil {
			return err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		b, err := l.next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		done, err := l.take(ctx, b)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	if l.scan != nil {
		if err := l.closeScan(); err != nil {
			return err
		}
	}
	return l.end(ctx)
}

// next returns the next rows, lent until the following call; io.EOF at the end.
func (l *leaf) next(ctx context.Context) (*vec.Batch, error) {
	if l.ahead == nil && l.reads == aheadFrom {
		l.ahead = startAhead(ctx, l)
	}
	if l.ahead != nil {
		return l.ahead.next(ctx)
	}
	if !l.to.tree.timed {
		return l.read(ctx)
	}
	start := time.Now()
	b, err := l.read(ctx)
	l.elapsed += time.Since(start)
	return b, err
}

func (l *leaf) read(ctx context.Context) (*vec.Batch, error) {
	if l.scan == nil {
		return l.src.Next(ctx)
	}
	_, err := l.scan.read(ctx, l.scan.batch)
	if l.scan.batch.Len() > 0 {
		l.reads++
	}
	return l.scan.batch, err
}

// closeScan ends what reads the scan, and then the scan. It may be called twice.
func (l *leaf) closeScan() error {
	if l.ahead != nil {
		l.ahead.close()
		l.ahead = nil
	}
	return l.scan.close()
}
