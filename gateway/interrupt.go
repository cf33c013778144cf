package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// interrupt carries what may stop a statement from outside: CancelRequest, a
// timeout, a hang-up, shutdown. Nothing reaches a statement that has ended: raise
// looks, under mu, whether one is running. One that is still parsed or planned is
// cancelled when it begins; a session that is ready has none.
//
// One context serves every statement until it is cancelled, so that a
// statement that nobody cancels allocates none.
type interrupt struct {
	mu      sync.Mutex
	parent  context.Context
	ctx     context.Context
	cancel  context.CancelCauseFunc
	running bool
	busy    bool  // a message is at hand, whose statement begins or has ended
	pending error // a cancel that came then, for the next statement that begins
	gone    error // set by end of connection: every later statement starts cancelled
	rows    bool  // the statement does nothing but return rows
	deaf    error // set when nobody reads rows any more

	timer    *time.Timer
	timerGen uint64
}

func newInterrupt(parent context.Context) *interrupt { return &interrupt{parent: parent} }

// begin starts a statement that may run for limit (0: for ever).
func (i *interrupt) begin(limit time.Duration) context.Context {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ctx == nil || i.ctx.Err() != nil {
		i.ctx, i.cancel = context.WithCancelCause(i.parent)
	}
	i.running = true
	if i.gone != nil {
		i.cancel(i.gone)
	}
	if i.pending != nil {
		i.cancel(i.pending)
		i.pending = nil
	}
	if limit > 0 {
		i.timerGen++
		gen := i.timerGen
		i.timer = time.AfterFunc(limit, func() { i.expire(gen) })
	}
	return i.ctx
}

// expire is the statement timer. A timer that fires as its statement ends may
// get the lock late; the generation then tells that it is not its turn.
func (i *interrupt) expire(gen uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.running && gen == i.timerGen {
		i.cancel(sqlerr.Errorf(sqlerr.QueryCanceled, "canceling statement due to statement timeout"))
	}
}

// end ends the statement.
func (i *interrupt) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running, i.rows = false, false
	if i.timer != nil {
		i.timer.Stop()
		i.timer = nil
		i.timerGen++
	}
}

// raise cancels the statement that is running, or that is about to.
func (i *interrupt) raise(cause error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.running:
		i.cancel(cause)
	case i.busy:
		i.pending = cause
	}
}

// work says that a message with a statement is at hand.
func (i *interrupt) work() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.busy = true
}

// rest says that the session is about to tell its client that it is ready.
func (i *interrupt) rest() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.busy, i.pending = false, nil
}

// leave cancels the statement that is running and every later one.
func (i *interrupt) leave(cause error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.gone == nil {
		i.gone = cause
	}
	if i.running {
		i.cancel(cause)
	}
}

// deafen cancels the statement that is running, and later ones, if they only
// return rows: the client said Terminate and closed, so what it asked to be
// done is still done.
func (i *interrupt) deafen(cause error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.deaf = cause
	if i.running && i.rows {
		i.cancel(cause)
	}
}

// returnsRows says that the statement running only returns rows.
func (i *interrupt) returnsRows() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rows = true
	if i.deaf != nil && i.running {
		i.cancel(i.deaf)
	}
}

// stop releases the context.
func (i *interrupt) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cancel != nil {
		i.cancel(context.Canceled)
	}
}

// explain replaces the error of a cancelled statement by the cause.
func explain(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	var e *sqlerr.Error
	if errors.As(err, &e) && e.Code != sqlerr.QueryCanceled {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func errUserCancel() error {
	return sqlerr.Errorf(sqlerr.QueryCanceled, "canceling statement due to user request")
}

func errShutdown() error {
	return sqlerr.Errorf(sqlerr.AdminShutdown, "terminating connection due to administrator command").Fatal()
}

// errHangup is the cause when the client has gone; nobody reads its text.
var errHangup = errors.New("the client has gone")
