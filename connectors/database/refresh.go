package database

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// readAgain reads a table, or the answer of a query, whole, again and again. What a
// snapshot does not have any more goes at its end. But for the first one, a snapshot is
// part of one epoch, so that nobody sees rows of two.
func (r *reader) readAgain(ctx context.Context) error {
	at := changesAt{snapshot: true}.encode()
	w := &changeStream{reader: r, source: r.source, split: r.from[0].Split}
	what := selection{split: r.source.whole(), next: at}
	r.known = &refusals{}
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
	there, err := conn.columns(ctx) // as they are now: who altered one has changed its values, too
	if err != nil {
		return err
	}
	columns, err := c.match(s.rel.Columns, there)
	if err != nil {
		return err
	}
	w.reader.fields = s.fields(w.reader.scan.Columns, columns)
	what.fields = w.reader.fields
	if err := w.say(ctx, stream.MarkRefresh, stream.Read{Split: w.split, Next: what.next}); err != nil {
		return err
	}
	if _, err = w.reader.copy(ctx, conn, what); err == nil {
		w.reader.known.next()
	}
	return err
}

// stays says of a row that was refused that the one which its key had stays.
func (c *copying) stays(values [][]byte) {
	if !c.reader.scan.Marks {
		return
	}
	b := c.batch
	for i := range c.reader.fields {
		switch {
		case !slices.Contains(c.reader.keys, i):
			vec.AppendNull(b.Cols[i])
		case values[i] == nil || c.reader.fields[i].set(b.Cols[i], values[i]) != nil:
			c.cut() // no row has such a key
			return
		}
	}
	b.Cols[len(c.reader.fields)].(*vec.Bytes).Append(stream.MarkRefused)
	b.Rows++
}

// cut takes away what was appended of a row.
func (c *copying) cut() {
	for _, v := range c.batch.Cols {
		if v.Len() > c.batch.Rows {
			vec.Truncate(v, c.batch.Rows)
		}
	}
}

// refusals are the rows that one snapshot has refused, for the next one not to report
// them again. They are known by a hash, and forgotten with the reader.
type refusals struct {
	last, now map[[sha256.Size]byte]struct{}
}

// mostRefusals is how many rows are remembered, at 32 bytes and what a map takes; those
// beyond are reported by each snapshot.
const mostRefusals = 1 << 16

// again notes a row, in text form, and reports whether it is one of the last snapshot's.
// nil knows none.
func (k *refusals) again(raw []byte) bool {
	if k == nil {
		return false
	}
	sum := sha256.Sum256(raw)
	if k.now == nil {
		k.now = map[[sha256.Size]byte]struct{}{}
	}
	if len(k.now) < mostRefusals {
		k.now[sum] = struct{}{}
	}
	_, known := k.last[sum]
	return known
}

// next begins another snapshot.
func (k *refusals) next() { k.last, k.now = k.now, nil }
