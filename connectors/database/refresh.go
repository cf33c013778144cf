package database

import (
	"context"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// readAgain reads a table, or the answer of a query, whole, again and again. What a
// snapshot does not have any more goes at its end. But for the first one, a snapshot is
// part of one epoch, so that nobody sees rows of two.
func (r *reader) readAgain(ctx context.Context) error {
	at := changesAt{snapshot: true}.encode()
	w := &changeStream{reader: r, source: r.source, split: r.from[0].Split}
	what := selection{split: r.source.whole(), fields: r.fields, next: at}
	if r.from[0].Offset != nil {
		what.next, what.parted = nil, true
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		begun := time.Now()
		if err := w.again(ctx, what); err != nil {
			return err
		}
		if err := w.say(ctx, stream.MarkRefreshed, stream.Read{Split: w.split, Next: at, CaughtUp: true}); err != nil {
			return err
		}
		what.next, what.parted = nil, true
		timer.Reset(max(0, r.source.config.every-time.Since(begun)))
	}
}

// again reads one snapshot. A connection lasts for as long: a pool, or a server, that
// ends those which are idle is nothing to wait for.
func (w *changeStream) again(ctx context.Context, what selection) error {
	s := w.source
	c := s.config
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.close()
	if what.places, _, err = c.server.dialect.places(s, true); err != nil {
		return err
	}
	if err := conn.snapshot(ctx, false); err != nil {
		return c.failure("reading "+c.subject(), err)
	}
	if err := w.say(ctx, stream.MarkRefresh, stream.Read{Split: w.split, Next: what.next}); err != nil {
		return err
	}
	_, err = w.reader.copy(ctx, conn, what)
	return err
}
