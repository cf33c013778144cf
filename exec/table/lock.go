package table

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// RowLock is how a row is locked, weakest first.
type RowLock uint8

// PostgreSQL's row locks.
const (
	ForKeyShare RowLock = iota
	ForShare
	ForNoKeyUpdate
	ForUpdate
)

// TableLock is how a table is locked.
type TableLock uint8

// PostgreSQL's table locks.
const (
	AccessShare TableLock = iota
	RowShare
	RowExclusive
	ShareUpdateExclusive
	Share
	ShareRowExclusive
	Exclusive
	AccessExclusive
)

// tableLockNames are as deadlock details and pg_locks write them.
var tableLockNames = [...]string{
	"AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
	"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
}

// Policy says what to do where a lock is held by another.
type Policy uint8

// What to do.
const (
	Block Policy = iota
	NoWait
	Skip
)

// modes of all locks, as bits: four of rows, eight of tables.
type modes uint16

const tableModes = 4 // the first bit of a table's

// conflicts are, for each mode, those that another may not hold beside it.
var conflicts = [12]modes{
	ForKeyShare:    1 << ForUpdate,
	ForShare:       1<<ForNoKeyUpdate | 1<<ForUpdate,
	ForNoKeyUpdate: 1<<ForShare | 1<<ForNoKeyUpdate | 1<<ForUpdate,
	ForUpdate:      1<<ForKeyShare | 1<<ForShare | 1<<ForNoKeyUpdate | 1<<ForUpdate,

	tableModes + int(AccessShare):          tm(AccessExclusive),
	tableModes + int(RowShare):             tm(Exclusive, AccessExclusive),
	tableModes + int(RowExclusive):         tm(Share, ShareRowExclusive, Exclusive, AccessExclusive),
	tableModes + int(ShareUpdateExclusive): tm(ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive),
	tableModes + int(Share):                tm(RowExclusive, ShareUpdateExclusive, ShareRowExclusive, Exclusive, AccessExclusive),
	tableModes + int(ShareRowExclusive):    tm(RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive),
	tableModes + int(Exclusive):            tm(RowShare, RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive),
	tableModes + int(AccessExclusive):      0xff << tableModes,
}

func tm(all ...TableLock) modes {
	var m modes
	for _, l := range all {
		m |= 1 << (tableModes + l)
	}
	return m
}

// conflicting are all modes that one of m excludes.
func conflicting(m modes) modes {
	var c modes
	for i, other := range conflicts {
		if m&(1<<i) != 0 {
			c |= other
		}
	}
	return c
}

// lockID names what is locked: a row, a key of a unique index, a table. It is a
// hash: two things under one would only make a transaction wait that need not,
// and a lock takes no more memory than that.
type lockID uint64

func rowLockID(storage uint32, id int64) lockID {
	return lockID(mix64(uint64(storage)<<32^uint64(storage)*0x9e3779b97f4a7c15, uint64(id)))
}

func mix64(a, b uint64) uint64 {
	x := a ^ b*0xbf58476d1ce4e5b9
	x ^= x >> 31
	x *= 0x94d049bb133111eb
	x ^= x >> 29
	x *= 0xe7037ed1a0b428db
	return x ^ x>>32
}

// locked is what a lock is on, as the detail of a deadlock says it.
type locked struct {
	relation types.OID
	table    TableLock
	row      int64
	what     lockedKind
}

type lockedKind uint8

const (
	lockedKey lockedKind = iota
	lockedRow
	lockedTable
)

func (l locked) String() string {
	switch l.what {
	case lockedRow:
		return fmt.Sprintf("ExclusiveLock on tuple (%d,%d) of relation %d of database 1", l.row>>16, l.row&0xffff, l.relation)
	case lockedTable:
		return fmt.Sprintf("%s on relation %d of database 1", tableLockNames[l.table], l.relation)
	}
	return "ShareLock on transaction"
}

// owner is a transaction as its locks know it. Its fields are guarded by
// lockTable.mu.
type owner struct {
	pid   int32
	held  []held // in order of taking
	wants *waiter
}

// held is a lock with the modes that its holder had of it before.
type held struct {
	id  lockID
	old modes
}

// grant is one holder of a lock.
type grant struct {
	o *owner
	m modes
}

// crowd is a lock with several holders, or with waiters.
type crowd struct {
	holders []grant
	queue   []*waiter // in order of coming
}

type waiter struct {
	o       *owner
	id      lockID
	m       modes
	what    string
	granted chan struct{} // closed when it holds the lock
	done    bool
}

// lockTable has all locks. Most have one holder and nobody who waits: they are
// in single; the others are crowds.
type lockTable struct {
	mu     sync.Mutex
	single map[lockID]grant
	crowds map[lockID]*crowd
}

func (l *lockTable) init() {
	l.single, l.crowds = map[lockID]grant{}, map[lockID]*crowd{}
}

var (
	errLocked = errors.New("locked by another transaction")
)

// try takes a lock, or says that it cannot be had now. fresh: the owner had no
// lock of that id before. l.mu is held.
func (l *lockTable) try(o *owner, id lockID, m modes) (got, fresh bool) {
	g, ok := l.single[id]
	if !ok {
		if c := l.crowds[id]; c != nil {
			return l.tryCrowd(c, o, id, m)
		}
		l.single[id] = grant{o, m}
		o.held = append(o.held, held{id, 0})
		return true, true
	}
	if g.o == o {
		if g.m|m != g.m {
			o.held = append(o.held, held{id, g.m})
			l.single[id] = grant{o, g.m | m}
		}
		return true, false
	}
	if conflicting(m)&g.m != 0 {
		return false, false
	}
	delete(l.single, id)
	l.crowds[id] = &crowd{holders: []grant{g, {o, m}}}
	o.held = append(o.held, held{id, 0})
	return true, true
}

func (l *lockTable) tryCrowd(c *crowd, o *owner, id lockID, m modes) (got, fresh bool) {
	mine := -1
	for i, g := range c.holders {
		if g.o == o {
			mine = i
		}
	}
	if mine >= 0 && c.holders[mine].m|m == c.holders[mine].m {
		return true, false
	}
	bad := conflicting(m)
	for _, g := range c.holders {
		if g.o != o && g.m&bad != 0 {
			return false, false
		}
	}
	// Who comes later does not pass those who wait for what excludes it, except
	// a holder who wants more: he would wait for himself.
	if mine < 0 {
		for _, w := range c.queue {
			if w.m&bad != 0 {
				return false, false
			}
		}
		c.holders = append(c.holders, grant{o, m})
		o.held = append(o.held, held{id, 0})
		return true, true
	}
	o.held = append(o.held, held{id, c.holders[mine].m})
	c.holders[mine].m |= m
	return true, false
}

// take takes a lock and waits for it. timeout 0: for ever. what names the lock
// in the detail of a deadlock.
func (l *lockTable) take(ctx context.Context, o *owner, id lockID, m modes, policy Policy, timeout time.Duration, what locked) (fresh bool, err error) {
	l.mu.Lock()
	got, fresh := l.try(o, id, m)
	if got || policy != Block {
		l.mu.Unlock()
		if !got {
			return false, errLocked
		}
		return fresh, nil
	}
	w := l.enqueue(o, id, m, what.String())
	if cycle := l.cycle(w); cycle != nil {
		err := deadlock(cycle)
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
	select {
	case <-w.granted:
		return true, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-expired:
		err = sqlerr.Errorf(sqlerr.LockNotAvailable, "canceling statement due to lock timeout")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.done {
		// It came at the same moment; whoever fails here gives it back with the
		// rest.
		return false, err
	}
	l.abandon(w)
	return false, err
}

func (l *lockTable) enqueue(o *owner, id lockID, m modes, what string) *waiter {
	c := l.crowds[id]
	if c == nil {
		c = &crowd{holders: []grant{l.single[id]}}
		delete(l.single, id)
		l.crowds[id] = c
	}
	w := &waiter{o: o, id: id, m: m, what: what, granted: make(chan struct{})}
	at := len(c.queue)
	for _, g := range c.holders {
		if g.o == o {
			at = 0 // a holder who wants more comes before those who hold nothing
		}
	}
	c.queue = append(c.queue, nil)
	copy(c.queue[at+1:], c.queue[at:])
	c.queue[at] = w
	o.wants = w
	return w
}

// abandon takes a waiter out of its queue.
func (l *lockTable) abandon(w *waiter) {
	w.o.wants = nil
	c := l.crowds[w.id]
	for i, q := range c.queue {
		if q == w {
			c.queue = append(c.queue[:i], c.queue[i+1:]...)
			break
		}
	}
	l.serve(w.id, c)
}

// serve gives a lock to those in front of its queue who can have it.
func (l *lockTable) serve(id lockID, c *crowd) {
	for len(c.queue) > 0 {
		w := c.queue[0]
		bad, mine := conflicting(w.m), -1
		free := true
		for i, g := range c.holders {
			if g.o == w.o {
				mine = i
			} else if g.m&bad != 0 {
				free = false
			}
		}
		if !free {
			break
		}
		c.queue = c.queue[1:]
		if mine < 0 {
			c.holders = append(c.holders, grant{w.o, w.m})
			w.o.held = append(w.o.held, held{id, 0})
		} else {
			w.o.held = append(w.o.held, held{id, c.holders[mine].m})
			c.holders[mine].m |= w.m
		}
		w.done, w.o.wants = true, nil
		close(w.granted)
	}
	switch {
	case len(c.queue) > 0 || len(c.holders) > 1:
	case len(c.holders) == 1:
		l.single[id] = c.holders[0]
		delete(l.crowds, id)
	default:
		delete(l.crowds, id)
	}
}

// release gives back an owner's locks, those taken from place from on.
func (l *lockTable) release(o *owner, from int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(o.held) - 1; i >= from; i-- {
		l.restore(o, o.held[i])
	}
	o.held = o.held[:from]
	if from == 0 {
		o.held = nil
	}
}

// drop gives back the lock that was taken last.
func (l *lockTable) drop(o *owner) { l.release(o, len(o.held)-1) }

func (l *lockTable) restore(o *owner, h held) {
	if g, ok := l.single[h.id]; ok {
		if g.o != o {
			return
		}
		if h.old == 0 {
			delete(l.single, h.id)
		} else {
			l.single[h.id] = grant{o, h.old}
		}
		return
	}
	c := l.crowds[h.id]
	if c == nil {
		return
	}
	for i, g := range c.holders {
		if g.o != o {
			continue
		}
		if h.old == 0 {
			c.holders = append(c.holders[:i], c.holders[i+1:]...)
		} else {
			c.holders[i].m = h.old
		}
		break
	}
	l.serve(h.id, c)
}

// has reports whether an owner holds all of some modes of a lock.
func (l *lockTable) has(o *owner, id lockID, any modes) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g, ok := l.single[id]; ok {
		return g.o == o && g.m&any != 0
	}
	if c := l.crowds[id]; c != nil {
		for _, g := range c.holders {
			if g.o == o {
				return g.m&any != 0
			}
		}
	}
	return false
}

// blockers are the owners that a waiter waits for: holders of what excludes it,
// and those before it in the queue who want that.
func (l *lockTable) blockers(w *waiter) []*owner {
	c := l.crowds[w.id]
	if c == nil {
		return nil
	}
	bad := conflicting(w.m)
	var all []*owner
	for _, g := range c.holders {
		if g.o != w.o && g.m&bad != 0 {
			all = append(all, g.o)
		}
	}
	for _, q := range c.queue {
		if q == w {
			break
		}
		if q.o != w.o && q.m&bad != 0 {
			all = append(all, q.o)
		}
	}
	return all
}

// cycle finds a circle of transactions that wait for each other through w.
func (l *lockTable) cycle(w *waiter) []*waiter {
	return Circle(w, func(w *waiter) *owner { return w.o }, func(o *owner) (*waiter, bool) { return o.wants, o.wants != nil }, l.blockers)
}

func deadlock(cycle []*waiter) error {
	return Deadlock(cycle, func(w *waiter) int32 { return w.o.pid }, func(w *waiter) string { return w.what })
}
