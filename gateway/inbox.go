package gateway

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of an inbox: a client may pipeline this much before it has to wait
// for answers. One message larger than inboxBytes passes when it is alone. Of a
// client that has hung up all is read, to see how it left: no more than what the
// kernel holds is left of it.
const (
	inboxMessages = 1024
	inboxBytes    = 1 << 20
)

// lookForHangup is how often a watcher that waits for room looks whether the
// client is still there.
const lookForHangup = 250 * time.Millisecond

// inbox brings a session its messages. The session reads them from the
// connection itself, since a second goroutine would cost a short statement more
// than the statement does. Only while one message keeps the session busy for
// long does a watcher read instead, so that a hang-up ends what runs: it queues
// what it reads until the session waits again, and then gives the connection
// back.
type inbox struct {
	conn   net.Conn
	r      *bufio.Reader // of the session, or of the watcher while watched
	limit  int           // bytes of a message
	hangup func(orderly bool)

	// waits is called by the session before it waits for a message that has not come
	// yet, under mu; nil: nobody has to know.
	waits func()

	// turn is odd while the session is at work on a message. It grows with every
	// message, so that who looks twice knows whether it is the same one.
	turn atomic.Uint64

	// pokes says that the session wants to hear of poke; it is the session's own.
	pokes bool

	mu      sync.Mutex
	queue   []message // from head on
	head    int
	bytes   int
	err     error // why the watcher ended; set last
	watched bool  // a watcher reads
	reading bool  // the session reads
	peeking bool  // it waits for the first byte of a message, and has lost none where it is woken
	poked   bool  // since it was told
	waiting bool  // the session waits for what the watcher reads
	stopped bool
	closed  bool

	ready    chan struct{} // room for one: something was pushed
	nudge    chan struct{} // room for one: poke was called
	space    chan struct{} // room for one: something was popped
	end      chan struct{} // closed by stop
	done     chan struct{} // closed when the session takes no more
	watchers sync.WaitGroup
}

// newInbox reads a connection's messages from r. hangup is called when the
// client has gone, after its last message; orderly says that a Terminate came
// first.
func newInbox(conn net.Conn, r *bufio.Reader, limit int, hangup func(orderly bool)) *inbox {
	return &inbox{
		conn: conn, r: r, limit: limit, hangup: hangup,
		ready: make(chan struct{}, 1), nudge: make(chan struct{}, 1), space: make(chan struct{}, 1), end: make(chan struct{}), done: make(chan struct{}),
	}
}

var (
	errIdle    = errors.New("idle for too long")
	errStopped = errors.New("the session was told to end")
	errPoked   = errors.New("the session was woken")
)

// next returns the next message: the session is at work on it until it calls
// again. It returns errIdle when none has come until a time (zero: for ever),
// errStopped after stop, and errPoked, once, after poke.
func (q *inbox) next(until time.Time) (message, error) {
	if q.turn.Load()&1 == 1 {
		q.turn.Add(1)
	}
	m, err := q.take(until)
	if err == nil {
		q.turn.Add(1)
	}
	return m, err
}

func (q *inbox) take(until time.Time) (message, error) {
	q.mu.Lock()
	switch {
	case q.head < len(q.queue):
		defer q.mu.Unlock()
		return q.pop(), nil
	case q.err != nil:
		defer q.mu.Unlock()
		return message{}, q.err
	case q.stopped:
		q.mu.Unlock()
		return message{}, errStopped
	case q.watched:
		q.toWait()
		q.waiting = true
		q.mu.Unlock()
		m, err := q.wait(until)
		m.waited = true
		return m, err
	case isBuffered(q.r):
		// The rest of what one Read brought: nothing to be told to end, and no
		// limit to keep.
		m, err := readMessage(q.r, q.limit)
		q.mu.Unlock()
		if err != nil {
			q.hangup(false)
		}
		return m, err
	}
	q.toWait()
	if q.pokes && q.poked {
		defer q.mu.Unlock()
		q.poked = false
		return message{}, errPoked
	}
	q.reading, q.peeking = true, q.pokes
	if !until.IsZero() {
		q.conn.SetReadDeadline(until)
	}
	q.mu.Unlock()

	if q.pokes && q.peek(until) {
		return message{}, errPoked
	}
	m, err := readMessage(q.r, q.limit)
	m.waited = true

	q.mu.Lock()
	q.reading = false
	stopped := q.stopped
	if !until.IsZero() && !stopped {
		q.conn.SetReadDeadline(time.Time{})
	}
	q.mu.Unlock()
	switch {
	case err == nil:
		return m, nil
	case stopped:
		return m, errStopped
	case errors.Is(err, os.ErrDeadlineExceeded):
		return m, errIdle
	}
	q.hangup(false)
	return m, err
}

func (q *inbox) toWait() {
	if q.waits != nil {
		q.waits()
	}
}

// peek waits for the first byte of a message. It returns true where poke came
// first; whatever else comes first is seen by who reads on.
func (q *inbox) peek(until time.Time) bool {
	_, err := q.r.Peek(1)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.peeking = false
	if !q.poked || q.stopped {
		return false
	}
	// The deadline may be poke's.
	q.conn.SetReadDeadline(until)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false // a message has come: the session sees to the rest behind it
	}
	q.poked, q.reading = false, false
	if !until.IsZero() {
		q.conn.SetReadDeadline(time.Time{})
	}
	return true
}

// poke wakes the session where it waits for a message, or before it waits for the
// next. Any goroutine.
func (q *inbox) poke() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.poked = true
	signal(q.nudge)
	if q.peeking && !q.stopped {
		q.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// stop ends the session's wait for a message, and every later one.
func (q *inbox) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return
	}
	q.stopped = true
	close(q.end)
	if q.reading {
		q.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// close ends the watcher, after which nobody reads. The session calls it.
func (q *inbox) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	// Closing the connection ends the watcher's Read, closing done its push.
	close(q.done)
	q.conn.Close()
	q.watchers.Wait()
}

// watch starts a watcher, where the session has been at work on one message
// since turn was seen.
func (q *inbox) watch(turn uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.watched || q.closed || q.turn.Load() != turn {
		return
	}
	q.watched = true
	q.watchers.Go(q.read)
}

// isWatched reports whether the connection has a watcher, or needs none any more.
func (q *inbox) isWatched() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.watched || q.closed
}

// read is the watcher.
func (q *inbox) read() {
	orderly := false
	for {
		m, err := readMessage(q.r, q.limit)
		if err != nil {
			q.mu.Lock()
			q.err = err
			q.mu.Unlock()
			signal(q.ready)
			q.hangup(orderly)
			return
		}
		orderly = orderly || m.kind == 'X'
		if !q.push(m) {
			return
		}
	}
}

// push adds a message, waiting for room while the client is there. It returns
// false when the watcher has to end: the session has ended, or can read for
// itself again.
func (q *inbox) push(m message) bool {
	closed := false
	var look *time.Ticker // where there is no room
	for {
		q.mu.Lock()
		n := len(q.queue) - q.head
		if n == 0 || closed || n < inboxMessages && q.bytes+len(m.body) <= inboxBytes {
			q.queue = append(q.queue, m)
			q.bytes += len(m.body)
			q.watched = !q.waiting
			on := q.watched
			q.mu.Unlock()
			signal(q.ready)
			return on
		}
		q.mu.Unlock()
		if closed = peerClosed(q.conn); closed {
			continue
		}
		if look == nil {
			look = time.NewTicker(lookForHangup)
			defer look.Stop()
		}
		select {
		case <-q.space:
		case <-look.C:
		case <-q.done:
			return false
		}
	}
}

// pop returns the first message queued. The caller holds mu.
func (q *inbox) pop() message {
	m := q.queue[q.head]
	q.queue[q.head] = message{}
	q.head++
	switch {
	case q.head == len(q.queue) && cap(q.queue) > 64:
		q.queue, q.head = nil, 0
	case q.head == len(q.queue):
		q.queue, q.head = q.queue[:0], 0
	case q.head >= inboxMessages:
		n := copy(q.queue, q.queue[q.head:])
		q.queue, q.head = q.queue[:n], 0
	}
	q.bytes -= len(m.body)
	signal(q.space)
	return m
}

// wait waits for the watcher's next message.
func (q *inbox) wait(until time.Time) (message, error) {
	var expired <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		expired = t.C
	}
	defer func() {
		q.mu.Lock()
		q.waiting = false
		q.mu.Unlock()
	}()
	for {
		select {
		case <-q.ready:
			q.mu.Lock()
			if q.head < len(q.queue) {
				m := q.pop()
				q.mu.Unlock()
				return m, nil
			}
			err := q.err
			q.mu.Unlock()
			if err != nil {
				return message{}, err
			}
		case <-q.nudge:
			q.mu.Lock()
			q.poked = false
			q.mu.Unlock()
			return message{}, errPoked
		case <-q.end:
			return message{}, errStopped
		case <-expired:
			return message{}, errIdle
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
