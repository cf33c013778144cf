package gateway

import (
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// A cursor that is open and not read keeps what its query holds: a place in its
// streams, versions of the tables. ferris.snapshot_timeout after it was last read
// its query is ended, while the session waits for its client; who reads the cursor
// then is told 72000.

// watchCursors sees to it that the session is woken when the next cursor's time has
// come. It is called before the session waits.
func (x *session) watchCursors() {
	x.reads(nil)
	limit := x.settings.current.snapshotTimeout
	if limit <= 0 || len(x.portals) == 0 {
		return
	}
	var first time.Time
	for _, p := range x.portals {
		if p.keepsQuery() && (first.IsZero() || p.used.Before(first)) {
			first = p.used
		}
	}
	if first.IsZero() {
		return
	}
	// A wake that comes late, or for a cursor that was read since, finds nothing to
	// end and arms the timer anew.
	x.in.pokes = true
	wait := max(time.Until(first.Add(limit)), time.Millisecond)
	if x.forgotten == nil {
		x.forgotten = time.AfterFunc(wait, x.in.poke)
	} else {
		x.forgotten.Reset(wait)
	}
}

// endForgotten ends the queries of the cursors whose time has come.
func (x *session) endForgotten() {
	limit := x.settings.current.snapshotTimeout
	for _, p := range x.portals {
		if limit > 0 && p.keepsQuery() && time.Since(p.used) >= limit {
			p.out.rows.drop()
			p.stale = sqlerr.Errorf(sqlerr.SnapshotTooOld, "snapshot too old").
				WithDetail("Cursor \"%s\" was not read for longer than \"ferris.snapshot_timeout\", which is %s.", p.name, limit)
		}
	}
}

// reads says which cursor a statement reads; nil: the session waits.
func (x *session) reads(p *portal) {
	if x.reading != nil && x.reading != p {
		x.reading.used = time.Now()
	}
	x.reading = p
}

// keepsQuery reports whether the portal has a query that has not given all its rows.
func (p *portal) keepsQuery() bool {
	if p.out == nil || p.out.rows == nil || p.stale != nil {
		return false
	}
	r := p.out.rows
	return r.cursor != nil && !r.ended && r.err == nil
}
