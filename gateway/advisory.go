package gateway

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
)

// advisoryLocks are the locks of pg_advisory_lock and its like, of all sessions. A
// circle of sessions that wait for each other's is a deadlock for the one that closes
// it; one that goes through locks of tables and rows is not seen here, and ends by
// lock_timeout.
type advisoryLocks struct {
	mu    sync.Mutex // guards every owner, too
	locks map[function.AdvisoryLock]*advisoryCrowd
}

// advisoryCrowd is a lock that somebody holds.
type advisoryCrowd struct {
	holders []*advisoryHolder
	queue   []*advisoryWait // in order of coming
}

// advisoryHolder is how often a session has a lock, shared and exclusive.
type advisoryHolder struct {
	owner   *advisoryOwner
	session [2]int
	txn     [2]int
}

func (h *advisoryHolder) has(mode int) bool { return h.session[mode]+h.txn[mode] > 0 }

// Modes of advisory locks, as indexes.
const (
	advisoryShared    = 0
	advisoryExclusive = 1
)

// advisoryNames are as pg_locks and errors write them.
var advisoryNames = [2]string{"ShareLock", "ExclusiveLock"}

func advisoryMode(shared bool) int {
	if shared {
		return advisoryShared
	}
	return advisoryExclusive
}

// advisoryOwner is a session as its locks know it.
type advisoryOwner struct {
	pid   int32
	used  atomic.Bool     // it has asked for a lock: else nothing has to be looked for
	level atomic.Int32    // savepoints that there are
	txn   []advisoryTaken // for the transaction, in order of taking
	held  map[function.AdvisoryLock]*advisoryHolder
	wants *advisoryWait
	said  []*sqlerr.Error // warnings that the statement's end tells
}

type advisoryTaken struct {
	lock  function.AdvisoryLock
	mode  int
	level int
}

// advisoryWait is a session that waits for a lock.
type advisoryWait struct {
	owner   *advisoryOwner
	lock    function.AdvisoryLock
	mode    int
	txn     bool
	since   time.Time
	granted chan struct{} // closed when it has the lock
	done    bool
}

// take takes a lock and waits for it; false: it cannot be had now, and mode says not
// to wait. timeout 0: for ever.
func (l *advisoryLocks) take(ctx context.Context, o *advisoryOwner, lock function.AdvisoryLock, m function.AdvisoryMode, timeout time.Duration) (bool, error) {
	o.used.Store(true)
	l.mu.Lock()
	mode := advisoryMode(m.Shared)
	if l.free(o, lock, mode, nil) {
		l.grant(o, lock, mode, m.Transaction)
		l.mu.Unlock()
		return true, nil
	}
	if m.Try {
		l.mu.Unlock()
		return false, nil
	}
	w := &advisoryWait{owner: o, lock: lock, mode: mode, txn: m.Transaction, since: time.Now(), granted: make(chan struct{})}
	c := l.locks[lock]
	if o.held[lock] != nil {
		c.queue = append([]*advisoryWait{w}, c.queue...) // who holds it and wants more comes before those who hold nothing
	} else {
		c.queue = append(c.queue, w)
	}
	o.wants = w
	if circle := l.circle(w); circle != nil {
		err := advisoryDeadlock(circle)
		l.abandon(w)
		l.mu.Unlock()
		return false, err
	}
	l.mu.Unlock()
	var expired <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	var err error
	select {
	case <-w.granted:
		return true, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-expired:
		err = sqlerr.Errorf(sqlerr.LockNotAvailable, "canceling statement due to lock timeout")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.done {
		// It came at the same moment. It is given back, as the statement fails.
		l.giveUp(o, lock, mode, m.Transaction)
		if m.Transaction {
			o.txn = o.txn[:len(o.txn)-1]
		}
	} else {
		l.abandon(w)
	}
	return false, err
}

// free reports whether a lock can be had beside its holders, and beside those in the
// queue up to w; nil: all of them, whom a holder passes.
func (l *advisoryLocks) free(o *advisoryOwner, lock function.AdvisoryLock, mode int, w *advisoryWait) bool {
	c := l.locks[lock]
	if c == nil {
		return true
	}
	mine := o.held[lock]
	if mine != nil && mine.has(mode) {
		return true
	}
	for _, h := range c.holders {
		if h.owner != o && (mode == advisoryExclusive || h.has(advisoryExclusive)) {
			return false
		}
	}
	if mine != nil {
		return true
	}
	for _, q := range c.queue {
		if q == w {
			break
		}
		if mode == advisoryExclusive || q.mode == advisoryExclusive {
			return false
		}
	}
	return true
}

func (l *advisoryLocks) grant(o *advisoryOwner, lock function.AdvisoryLock, mode int, txn bool) {
	c := l.locks[lock]
	if c == nil {
		c = &advisoryCrowd{}
		if l.locks == nil {
			l.locks = map[function.AdvisoryLock]*advisoryCrowd{}
		}
		l.locks[lock] = c
	}
	h := o.held[lock]
	if h == nil {
		h = &advisoryHolder{owner: o}
		if o.held == nil {
			o.held = map[function.AdvisoryLock]*advisoryHolder{}
		}
		o.held[lock] = h
		c.holders = append(c.holders, h)
	}
	if txn {
		h.txn[mode]++
		o.txn = append(o.txn, advisoryTaken{lock, mode, int(o.level.Load())})
	} else {
		h.session[mode]++
	}
}

// giveUp gives back a lock that was taken once; false: it is not held so.
func (l *advisoryLocks) giveUp(o *advisoryOwner, lock function.AdvisoryLock, mode int, txn bool) bool {
	h := o.held[lock]
	switch {
	case h == nil:
		return false
	case txn && h.txn[mode] > 0:
		h.txn[mode]--
	case !txn && h.session[mode] > 0:
		h.session[mode]--
	default:
		return false
	}
	l.settle(o, lock, h)
	return true
}

// settle takes a holder away who has nothing left, and serves the queue.
func (l *advisoryLocks) settle(o *advisoryOwner, lock function.AdvisoryLock, h *advisoryHolder) {
	c := l.locks[lock]
	if h.session == [2]int{} && h.txn == [2]int{} {
		delete(o.held, lock)
		for i, other := range c.holders {
			if other == h {
				c.holders = append(c.holders[:i], c.holders[i+1:]...)
				break
			}
		}
	}
	l.serve(lock, c)
}

// serve gives a lock to those of its queue who can have it, in their order.
func (l *advisoryLocks) serve(lock function.AdvisoryLock, c *advisoryCrowd) {
	for i := 0; i < len(c.queue); {
		w := c.queue[i]
		if !l.free(w.owner, lock, w.mode, w) {
			i++
			continue
		}
		c.queue = append(c.queue[:i], c.queue[i+1:]...)
		w.done, w.owner.wants = true, nil
		l.grant(w.owner, lock, w.mode, w.txn)
		close(w.granted)
	}
	if len(c.holders) == 0 {
		delete(l.locks, lock)
	}
}

// abandon takes a session out of the queue that it waits in.
func (l *advisoryLocks) abandon(w *advisoryWait) {
	w.owner.wants = nil
	c := l.locks[w.lock]
	for i, q := range c.queue {
		if q == w {
			c.queue = append(c.queue[:i], c.queue[i+1:]...)
			break
		}
	}
	l.serve(w.lock, c)
}

// blockers are the sessions that w waits for.
func (l *advisoryLocks) blockers(w *advisoryWait) []*advisoryOwner {
	c := l.locks[w.lock]
	var all []*advisoryOwner
	for _, h := range c.holders {
		if h.owner != w.owner && (w.mode == advisoryExclusive || h.has(advisoryExclusive)) {
			all = append(all, h.owner)
		}
	}
	for _, q := range c.queue {
		if q == w {
			break
		}
		if w.mode == advisoryExclusive || q.mode == advisoryExclusive {
			all = append(all, q.owner)
		}
	}
	return all
}

// circle finds sessions that wait for each other through w.
func (l *advisoryLocks) circle(w *advisoryWait) []*advisoryWait {
	return table.Circle(w, func(w *advisoryWait) *advisoryOwner { return w.owner },
		func(o *advisoryOwner) (*advisoryWait, bool) { return o.wants, o.wants != nil }, l.blockers)
}

func advisoryDeadlock(circle []*advisoryWait) error {
	return table.Deadlock(circle, func(w *advisoryWait) int32 { return w.owner.pid }, func(w *advisoryWait) string {
		return fmt.Sprintf("%s on advisory lock [1,%d,%d,%d]", advisoryNames[w.mode], w.lock.High, w.lock.Low, advisorySubID(w.lock))
	})
}

// advisorySubID is what tells a bigint from two integers in pg_locks.
func advisorySubID(lock function.AdvisoryLock) int16 {
	if lock.Pair {
		return 2
	}
	return 1
}

// endTxn gives back what was taken for the transaction at a level or above it.
func (l *advisoryLocks) endTxn(o *advisoryOwner, from int) {
	if !o.used.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := len(o.txn); n > 0 && o.txn[n-1].level >= from; n = len(o.txn) {
		t := o.txn[n-1]
		o.txn = o.txn[:n-1]
		l.giveUp(o, t.lock, t.mode, true)
	}
}

// setLevel says how many savepoints there are; what was taken under those that were
// released belongs to the one around them.
func (l *advisoryLocks) setLevel(o *advisoryOwner, level int) {
	o.level.Store(int32(level))
	if !o.used.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range o.txn {
		o.txn[i].level = min(o.txn[i].level, level)
	}
}

// unlockAll gives back what a session has for itself.
func (l *advisoryLocks) unlockAll(o *advisoryOwner) {
	if !o.used.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for lock, h := range o.held {
		h.session = [2]int{}
		l.settle(o, lock, h)
	}
}

// LockAdvisory is pg_advisory_lock and its like.
func (x *session) LockAdvisory(ctx context.Context, lock function.AdvisoryLock, m function.AdvisoryMode) (bool, error) {
	return x.server.advisory.take(ctx, &x.advisory, lock, m, x.settings.current.lockTimeout)
}

// UnlockAdvisory is pg_advisory_unlock. A warning says that the session has no such
// lock.
func (x *session) UnlockAdvisory(lock function.AdvisoryLock, shared bool) bool {
	l, mode := &x.server.advisory, advisoryMode(shared)
	x.advisory.used.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.giveUp(&x.advisory, lock, mode, false) {
		return true
	}
	w := sqlerr.Errorf(sqlerr.Warning, "you don't own a lock of type %s", advisoryNames[mode])
	w.Severity = "WARNING"
	x.advisory.said = append(x.advisory.said, w)
	return false
}

// UnlockAllAdvisory is pg_advisory_unlock_all.
func (x *session) UnlockAllAdvisory() { x.server.advisory.unlockAll(&x.advisory) }

// endAdvisory gives back what was taken for the transaction since it had so many
// savepoints, which are what it has now.
func (x *session) endAdvisory(level int) {
	x.server.advisory.endTxn(&x.advisory, level)
	x.server.advisory.setLevel(&x.advisory, level)
}

// advise tells the warnings of the statement that ends.
func (x *session) advise() {
	if !x.advisory.used.Load() {
		return
	}
	l := &x.server.advisory
	l.mu.Lock()
	said := x.advisory.said
	x.advisory.said = nil
	l.mu.Unlock()
	x.notices(said)
}

// Locks are the rows of pg_locks: the advisory locks.
func (s *Server) Locks() []pgcatalog.LockStatus {
	l := &s.advisory
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []pgcatalog.LockStatus
	row := func(o *advisoryOwner, lock function.AdvisoryLock, mode int) *pgcatalog.LockStatus {
		all = append(all, pgcatalog.LockStatus{PID: o.pid, Class: lock.High, Object: lock.Low, SubID: advisorySubID(lock), Mode: advisoryNames[mode]})
		return &all[len(all)-1]
	}
	for lock, c := range l.locks {
		for _, h := range c.holders {
			for mode := range advisoryNames {
				if h.has(mode) {
					row(h.owner, lock, mode).Granted = true
				}
			}
		}
		for _, w := range c.queue {
			row(w.owner, lock, w.mode).Waiting = w.since
		}
	}
	return all
}
