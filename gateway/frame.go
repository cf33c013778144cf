package gateway

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// message is one frontend message. Its body belongs to whoever took it.
type message struct {
	kind byte
	body []byte
	// tooLong: the body was skipped; its length is kept for the error.
	tooLong int
	// waited: it was not there yet when the session asked for it.
	waited bool
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

// errBadLength ends a connection at once and, as PostgreSQL does, without a word
// to the client: what follows has no meaning. The log hears of it.
var errBadLength = errors.New("invalid message length")

// What a message's length word may say, PostgreSQL's PQ_SMALL_MESSAGE_LIMIT and
// PQ_LARGE_MESSAGE_LIMIT.
const (
	smallMessage = 10000
	largeMessage = 1<<30 - 2
)

// readMessage reads one message; the body of one longer than limit is skipped.
func readMessage(r *bufio.Reader, limit int) (message, error) {
	head, err := r.Peek(5)
	if len(head) == 0 {
		return message{}, err
	}
	m := message{kind: head[0]}
	most := longest(m.kind)
	switch {
	case most == 0: // known by the first byte, whether more comes or not
		return m, sqlerr.Errorf(sqlerr.ProtocolViolation, "invalid frontend message type %d", m.kind).Fatal()
	case err != nil:
		return m, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length < 4 || length > most {
		return m, errBadLength
	}
	if _, err := r.Discard(len(head)); err != nil {
		return m, err
	}
	switch n := int(length) - 4; {
	case n > limit:
		m.tooLong = n
		_, err = r.Discard(n)
	case n > 0:
		m.body, err = readBody(r, n)
	}
	return m, err
}

// isBuffered reports whether r holds the whole next message, so that reading it
// waits for nobody.
func isBuffered(r *bufio.Reader) bool {
	n := r.Buffered()
	if n < 5 {
		return false
	}
	head, err := r.Peek(5)
	return err == nil && uint64(n) > uint64(binary.BigEndian.Uint32(head[1:]))
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

// longest is what the length word of a message of that type may say; 0: there
// is no such type.
func longest(kind byte) uint32 {
	switch kind {
	case 'Q', 'P', 'B', 'F', 'd':
		return largeMessage
	case 'D', 'E', 'C', 'S', 'H', 'X', 'c', 'f':
		return smallMessage
	}
	return 0
}
