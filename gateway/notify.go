package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/notify"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// announcements are what a transaction has said with LISTEN, UNLISTEN and NOTIFY:
// nothing of it happens before the commit. pg_notify adds to it from whichever
// goroutine computes, while its session waits for it.
type announcements struct {
	mu    sync.Mutex
	seen  map[notify.Note]struct{} // of notes: equal ones of one transaction are one
	notes []notify.Note
	said  []plan.Listen
	bytes int // of the notes, about, as memory holds them
}

// announced is how far a transaction's announcements went at a savepoint.
type announced struct{ notes, said int }

// announceBytes is how much one transaction may notify.
const announceBytes = 64 << 20

// noteBytes is a note with its place in the list and in the map.
func noteBytes(n notify.Note) int { return len(n.Channel) + len(n.Payload) + 128 }

func (a *announcements) mark() announced {
	a.mu.Lock()
	defer a.mu.Unlock()
	return announced{len(a.notes), len(a.said)}
}

// rollbackTo forgets what came after a mark.
func (a *announcements) rollbackTo(m announced) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m == (announced{}) {
		a.seen, a.notes, a.said, a.bytes = nil, nil, nil, 0
		return
	}
	for _, n := range a.notes[m.notes:] {
		delete(a.seen, n)
		a.bytes -= noteBytes(n)
	}
	a.notes, a.said = a.notes[:m.notes], a.said[:m.said]
}

// listenStatement is LISTEN and UNLISTEN.
func (x *session) listenStatement(s *plan.Listen) (string, error) {
	x.begin()
	x.announced.said = append(x.announced.said, *s)
	if s.Stop {
		return "UNLISTEN", nil
	}
	return "LISTEN", nil
}

// Notify is NOTIFY and pg_notify.
func (x *session) Notify(channel, payload string) error {
	switch {
	case channel == "":
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "channel name cannot be empty")
	case len(channel) > notify.MaxChannel:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "channel name too long")
	case len(payload) > notify.MaxPayload:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "payload string too long")
	}
	a := &x.announced
	n := notify.Note{PID: x.pid, Channel: strings.Clone(channel), Payload: strings.Clone(payload)}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, twice := a.seen[n]; twice {
		return nil
	}
	if a.bytes += noteBytes(n); a.bytes > announceBytes {
		a.bytes -= noteBytes(n)
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a transaction cannot notify more than %d MB", announceBytes>>20)
	}
	if a.seen == nil {
		a.seen = map[notify.Note]struct{}{}
	}
	a.seen[n] = struct{}{}
	a.notes = append(a.notes, n)
	return nil
}

// Listening are the channels that the session listens to, by name.
func (x *session) Listening() []string {
	if x.listener == nil {
		return nil
	}
	return x.listener.Channels()
}

// NotifyUsage is pg_notification_queue_usage.
func (x *session) NotifyUsage() float64 { return x.server.hub.Usage() }

// decide commits, and does what the transaction has announced in the very order of
// the commits, before jobs and views that the commit starts or ends are waited for.
func (x *session) decide(ctx context.Context, t Txn) error {
	switch announces := x.announced.mark() != (announced{}); {
	case t == nil && announces:
		return x.announce(ctx, func() error { return nil })
	case t == nil:
		return nil
	case announces:
		t.Around(func(decide func() error) error { return x.announce(ctx, decide) })
	}
	return t.Commit(ctx)
}

// announce runs commit and then does what the transaction has announced: it listens
// to what it notifies itself.
func (x *session) announce(ctx context.Context, commit func() error) error {
	err := x.server.hub.Send(ctx, x.announced.notes, func() error {
		if err := commit(); err != nil {
			return err
		}
		for _, s := range x.announced.said {
			x.listenTo(s)
		}
		return nil
	})
	if errors.Is(err, notify.ErrFull) {
		e := sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "%v", err)
		return e.WithDetail("The session with PID %d takes the longest to read what it listens to.", x.server.hub.Slowest()).
			WithHint("The notifications go on when that session ends its current transaction, or reads.")
	}
	return err
}

// listenTo is one LISTEN or UNLISTEN, committed.
func (x *session) listenTo(s plan.Listen) {
	switch {
	case !s.Stop:
		if x.listener == nil {
			x.listener = x.server.hub.Listen(x.pid, x.in.poke)
			x.in.pokes = true
		}
		x.listener.Add(s.Channel)
	case x.listener == nil:
	case s.Channel == "":
		x.listener.RemoveAll()
	default:
		x.listener.Remove(s.Channel)
	}
}

// deliver sends the notifications that wait, unless a transaction is open.
func (x *session) deliver() {
	if x.listener == nil || x.txn.open() || !x.listener.Waiting() {
		return
	}
	for notes := range slices.Chunk(x.listener.Take(), 64) {
		for _, n := range notes {
			at := x.w.begin('A')
			x.w.buf = appendInt32(x.w.buf, n.PID)
			x.w.buf = appendString(x.w.buf, x.w.likeText(n.Channel))
			x.w.buf = appendString(x.w.buf, x.w.likeText(n.Payload))
			x.w.end(at)
		}
		if x.w.put(x.w.buf) != nil {
			return
		}
	}
}
