package gateway

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// message is one frontend message. Its body belongs to whoever popped it.
type message struct {
	kind byte
	body []byte
	// tooLong: the body was skipped; its length is kept for the error.
	tooLong int
}

// Bounds of an inbox: a client may pipeline this much before it has to wait
// for answers. One message larger than inboxBytes passes when it is alone.
const (
	inboxMessages = 1024
	inboxBytes    = 1 << 20
)

// inbox is the queue between a connection's reader and its session: one
// producer, one consumer. It is not a channel since it is bounded in bytes too.
type inbox struct {
	mu    sync.Mutex
	queue []message // from head on
	head  int
	bytes int
	err   error // why the reader ended; set last

	ready chan struct{} // room for one: something was pushed
	space chan struct{} // room for one: something was popped
	done  chan struct{} // closed when the session takes no more
}

func newInbox() *inbox {
	return &inbox{ready: make(chan struct{}, 1), space: make(chan struct{}, 1), done: make(chan struct{})}
}

// push adds a message, waiting for room. It returns false when the session has
// ended.
func (q *inbox) push(m message) bool {
	for {
		q.mu.Lock()
		n := len(q.queue) - q.head
		if n == 0 || n < inboxMessages && q.bytes+len(m.body) <= inboxBytes {
			q.queue = append(q.queue, m)
			q.bytes += len(m.body)
			q.mu.Unlock()
			signal(q.ready)
			return true
		}
		q.mu.Unlock()
		select {
		case <-q.space:
		case <-q.done:
			return false
		}
	}
}

// fail ends the queue: pop returns err once it is empty.
func (q *inbox) fail(err error) {
	q.mu.Lock()
	q.err = err
	q.mu.Unlock()
	signal(q.ready)
}

// tryPop returns the next message if there is one.
func (q *inbox) tryPop() (message, bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.queue) {
		return message{}, false, q.err
	}
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
	return m, true, nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// bodies are recycled between reader and session. Larger ones are left to the
// collector.
const smallBody = 1024

var bodies = sync.Pool{New: func() any { b := new([smallBody]byte); return b }}

func newBody(n int) []byte {
	if n > smallBody {
		return make([]byte, n)
	}
	return bodies.Get().(*[smallBody]byte)[:n]
}

// recycle gives a body back; nothing may refer to it any more.
func recycle(b []byte) {
	if cap(b) == smallBody {
		bodies.Put((*[smallBody]byte)(b[:smallBody]))
	}
}

// errBadLength ends a connection without a word: what follows has no meaning.
var errBadLength = errors.New("invalid message length")

// read moves messages from r to the queue until the client hangs up, breaks
// the protocol or sends Terminate and then hangs up. hangup is called once,
// after the last message was queued; orderly says that a Terminate came first.
func (q *inbox) read(r *bufio.Reader, limit int, hangup func(orderly bool)) {
	orderly := false
	err := func() error {
		var head [5]byte
		for {
			if _, err := io.ReadFull(r, head[:]); err != nil {
				return err
			}
			n := int(int32(binary.BigEndian.Uint32(head[1:]))) - 4
			if !knownMessage(head[0]) {
				return sqlerr.Errorf(sqlerr.ProtocolViolation, "invalid frontend message type %d", head[0]).Fatal()
			}
			if n < 0 {
				return errBadLength
			}
			m := message{kind: head[0]}
			if n > limit {
				if _, err := r.Discard(n); err != nil {
					return err
				}
				m.tooLong = n
			} else if n > 0 {
				body, err := readBody(r, n)
				if err != nil {
					return err
				}
				m.body = body
			}
			orderly = orderly || m.kind == 'X'
			if !q.push(m) {
				return io.ErrClosedPipe
			}
		}
	}()
	q.fail(err)
	hangup(orderly)
}

// readBody reads n bytes. A long body grows as it arrives, so that a length
// word alone makes nobody allocate.
func readBody(r *bufio.Reader, n int) ([]byte, error) {
	const step = 1 << 20
	if n <= step {
		b := newBody(n)
		_, err := io.ReadFull(r, b)
		return b, err
	}
	b := make([]byte, 0, step)
	for len(b) < n {
		want := min(n-len(b), max(step, len(b)))
		if cap(b)-len(b) < want {
			b = append(make([]byte, 0, len(b)+want), b...)
		}
		next := b[len(b) : len(b)+want]
		if _, err := io.ReadFull(r, next); err != nil {
			return nil, err
		}
		b = b[:len(b)+want]
	}
	return b, nil
}

func knownMessage(kind byte) bool {
	switch kind {
	case 'Q', 'P', 'B', 'D', 'E', 'C', 'S', 'H', 'X', 'F', 'p', 'd', 'c', 'f':
		return true
	}
	return false
}

// wait returns the next message. It returns errIdle when limit (0: none) has
// passed without one, and the cause when stop was closed.
func (q *inbox) wait(limit time.Duration, stop <-chan struct{}) (message, error) {
	if m, ok, err := q.tryPop(); ok || err != nil {
		return m, err
	}
	var expired <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		expired = t.C
	}
	for {
		select {
		case <-q.ready:
			if m, ok, err := q.tryPop(); ok || err != nil {
				return m, err
			}
		case <-stop:
			return message{}, errStopped
		case <-expired:
			return message{}, errIdle
		}
	}
}

var (
	errIdle    = errors.New("idle for too long")
	errStopped = errors.New("the session was told to end")
)
