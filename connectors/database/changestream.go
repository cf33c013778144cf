package database

import (
	"context"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// changeStream hands on the changes of a table, as rows with a mark beside each.
type changeStream struct {
	reader *reader
	source *source
	split  stream.Split
	place  func() stream.Offset // behind what was handed on, where no transaction is open
	busy   func() error         // is called now and then while nobody takes what there is; nil: nothing is due

	batch    *vec.Batch
	rejects  []stream.Reject
	rows     int  // of the batch, those refused with them
	size     int  // of their values, in bytes
	open     bool // a transaction has begun and not ended
	caughtAt time.Time
	kept     []int
	mark     []byte
}

// say delivers a mark about all rows.
func (w *changeStream) say(ctx context.Context, mark []byte, read stream.Read) error {
	if err := w.room(ctx); err != nil {
		return err
	}
	w.appendMark(mark)
	return w.deliver(ctx, read)
}

// room sees that there is a batch with room for a change, which may be two rows.
func (w *changeStream) room(ctx context.Context) error {
	if w.batch != nil && (w.rows > vec.MaxRows-2 || w.size >= batchBytes) {
		if err := w.flush(ctx, false); err != nil {
			return err
		}
	}
	for w.batch == nil {
		timer := time.NewTimer(statusEvery)
		select {
		case w.batch = <-w.reader.free:
			w.batch.Reset()
		case <-timer.C:
			if err := w.wait(); err != nil {
				return err
			}
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// wait does what is due while nobody takes what there is.
func (w *changeStream) wait() error {
	if w.busy == nil {
		return nil
	}
	return w.busy()
}

// quiet does what is due when nothing comes.
func (w *changeStream) quiet(ctx context.Context, now time.Time) error {
	if w.rows > 0 && !w.open {
		if err := w.flush(ctx, true); err != nil {
			return err
		}
		w.caughtAt = now
	}
	if !w.open && now.Sub(w.caughtAt) >= idleTell {
		w.caughtAt = now
		return w.send(ctx, delivery{read: stream.Read{Split: w.split, CaughtUp: true}})
	}
	return nil
}

// flush hands the rows on that have come. Within a transaction no position goes with
// them.
func (w *changeStream) flush(ctx context.Context, caughtUp bool) error {
	read := stream.Read{Split: w.split, CaughtUp: caughtUp && !w.open}
	if !w.open {
		read.Next = w.place()
	}
	return w.deliver(ctx, read)
}

func (w *changeStream) deliver(ctx context.Context, read stream.Read) error {
	read.Rejects = w.rejects
	b := w.batch
	w.batch, w.rows, w.size, w.rejects = nil, 0, 0, nil
	return w.send(ctx, delivery{batch: b, read: read})
}

// send hands a delivery over.
func (w *changeStream) send(ctx context.Context, d delivery) error {
	for {
		timer := time.NewTimer(statusEvery)
		select {
		case w.reader.out <- d:
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
			if err := w.wait(); err != nil {
				return err
			}
		}
	}
}
