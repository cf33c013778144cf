package gateway

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// bufferSize is how much output collects before it is sent. A message larger
// than what is left lets the buffer grow for as long as that message needs.
const bufferSize = 64 << 10

// buffers are handed out while there is something to send, so that a thousand
// idle connections hold none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, bufferSize+4096); return &b }}

// writer collects messages for one client. The session's goroutine owns it,
// but for the time between idle and busy, when a timer may send what it holds.
type writer struct {
	conn     net.Conn
	timeout  time.Duration
	counters *Counters
	settings *sessionSettings // of the session; nil: there is none yet
	err      error            // the first failure; nothing is written after it
	deadline time.Time

	buf  []byte // messages, the last one perhaps not finished
	lent *[]byte
	open int   // where the message that is not finished began, -1: none is
	sent int64 // bytes that the connection has taken

	mu    sync.Mutex // held by whoever writes buf; see idle
	away  bool
	timer *time.Timer
}

func newWriter(c net.Conn, timeout time.Duration, counters *Counters) *writer {
	return &writer{conn: c, timeout: timeout, counters: counters, open: -1}
}

// begin starts a message of that type and returns where it started. The
// length is patched by end.
func (w *writer) begin(kind byte) int {
	start := len(w.take())
	w.buf = append(w.buf, kind, 0, 0, 0, 0)
	w.open = start
	return start
}

func (w *writer) end(start int) {
	binary.BigEndian.PutUint32(w.buf[start+1:], uint32(len(w.buf)-start-1))
	w.open = -1
}

// dropUnfinished takes back a message that a panic left half written.
func (w *writer) dropUnfinished() {
	if w.open >= 0 {
		w.buf = w.buf[:w.open]
		w.open = -1
	}
}

// message writes a whole message that has no body, or a given one.
func (w *writer) message(kind byte, body ...byte) {
	at := w.begin(kind)
	w.buf = append(w.buf, body...)
	w.end(at)
}

// take returns the buffer for whole messages to be appended to.
func (w *writer) take() []byte {
	if w.buf == nil {
		w.lent = buffers.Get().(*[]byte)
		w.buf = (*w.lent)[:0]
	}
	return w.buf
}

// put takes back what take returned, with messages appended, and sends it when
// it is much.
func (w *writer) put(buf []byte) error {
	w.buf = buf
	if len(buf) < bufferSize {
		return nil
	}
	return w.send()
}

// written is how many bytes were ever appended.
func (w *writer) written() int64 { return w.sent + int64(len(w.buf)) }

func (w *writer) pending() bool { return len(w.buf) > 0 }

// flush sends what is held and gives the buffer back.
func (w *writer) flush() error {
	err := w.send()
	w.release()
	return err
}

// send sends what is held. A client that takes no byte for the write timeout is
// given up.
func (w *writer) send() error {
	if w.err != nil {
		return w.err
	}
	rest := w.buf
	for len(rest) > 0 {
		// The deadline is moved only when a quarter of it has passed: setting
		// it costs more than the write's bookkeeping otherwise.
		now := time.Now()
		if w.deadline.Sub(now) < w.timeout*3/4 {
			w.deadline = now.Add(w.timeout)
			w.conn.SetWriteDeadline(w.deadline)
		}
		n, err := w.conn.Write(rest)
		w.counters.BytesSent.Add(int64(n))
		w.sent += int64(n)
		rest = rest[n:]
		if err != nil && !(n > 0 && errors.Is(err, os.ErrDeadlineExceeded)) {
			w.err = err
			break
		}
	}
	w.buf = w.buf[:0]
	if cap(w.buf) > 4*bufferSize {
		w.release() // a large value made it grow
	}
	return w.err
}

// release gives the buffer back.
func (w *writer) release() {
	if w.lent == nil {
		return
	}
	if cap(w.buf) <= 4*bufferSize {
		*w.lent = w.buf[:0]
		buffers.Put(w.lent)
	}
	w.buf, w.lent = nil, nil
}

// idle lends the buffer to a timer: if busy is not called within d, what is
// held is sent. It is for the time that a bounded query computes its next
// batch. The timer's function and busy exclude each other by mu, and a timer
// that fires late finds away false.
func (w *writer) idle(d time.Duration) {
	if !w.pending() {
		return
	}
	w.mu.Lock()
	w.away = true
	w.mu.Unlock()
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.lateFlush)
	} else {
		w.timer.Reset(d)
	}
}

func (w *writer) lateFlush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		w.flush()
	}
}

// busy takes the buffer back.
func (w *writer) busy() {
	if w.timer == nil {
		return
	}
	w.timer.Stop()
	w.mu.Lock()
	w.away = false
	w.mu.Unlock()
}

// appendString appends a C string. Text cannot hold a zero byte, but an error
// message might quote one.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] == 0 {
			s = s[:i]
			break
		}
	}
	dst = append(dst, s...)
	return append(dst, 0)
}

func appendInt16(dst []byte, n int) []byte { return append(dst, byte(n>>8), byte(n)) }

func appendInt32(dst []byte, n int32) []byte {
	return append(dst, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
