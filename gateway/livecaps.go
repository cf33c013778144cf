package gateway

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// liveCaps say where a live query ends that a client reads to its end, as tools do
// that show an answer when they have it whole; 0 of each is no end.
type liveCaps struct {
	rows, bytes int64
	time        time.Duration
}

func newLiveCaps(rows, kilobytes, millisecs string) liveCaps {
	var c liveCaps
	// They were checked when they were set.
	c.rows, _ = strconv.ParseInt(rows, 10, 64)
	c.bytes, _ = strconv.ParseInt(kilobytes, 10, 64)
	c.bytes *= 1024
	c.time = millis(millisecs)
	return c
}

func (c liveCaps) any() bool { return c != liveCaps{} }

// sendSome sends a live query's rows up to the first of the session's caps, and
// tells which it was.
func (x *session) sendSome(ctx context.Context, rows *cursorRows, write func(w *writer, b *vec.Batch) error) (n int64, ended bool, err error) {
	caps := x.settings.current.live
	var late <-chan time.Time
	if caps.time > 0 {
		t := time.NewTimer(caps.time)
		defer t.Stop()
		late = t.C
	}
	before := x.w.written()
	for {
		if err := x.w.flush(); err != nil {
			return n, false, err
		}
		want := int64(vec.MaxRows)
		if caps.rows > 0 {
			want = min(want, caps.rows-n)
		}
		b, err := rows.next(ctx, want, late)
		switch {
		case errors.Is(err, io.EOF):
			return n, true, nil
		case err != nil:
			return n, false, err
		case b == nil:
			x.noticeCapped("ferris.live_time")
			return n, true, nil
		}
		if err := write(x.w, b); err != nil {
			return n, false, err
		}
		n += int64(b.Len())
		switch {
		case caps.rows > 0 && n >= caps.rows:
			x.noticeCapped("ferris.live_rows")
			return n, true, nil
		case caps.bytes > 0 && x.w.written()-before >= caps.bytes:
			x.noticeCapped("ferris.live_bytes")
			return n, true, nil
		}
	}
}

// noticeCapped tells that a live query has more rows than were sent.
func (x *session) noticeCapped(setting string) {
	n := sqlerr.Errorf(sqlerr.SuccessfulCompletion, "the query is live: it was ended by the setting \"%s\"", setting)
	n.Severity = "NOTICE"
	x.notice(n)
}
