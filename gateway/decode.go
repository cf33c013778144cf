package gateway

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/charset"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// decoder reads a message's body as PostgreSQL's pq_getmsg functions do, with
// their errors. After the first failure every read gives zero.
type decoder struct {
	b       []byte
	charset *charset.Charset // of its texts; nil: UTF8
	err     error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = sqlerr.Errorf(sqlerr.ProtocolViolation, format, args...)
	}
	d.b = nil
}

func (d *decoder) byte() byte {
	if len(d.b) < 1 {
		d.fail("no data left in message")
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) int16() int {
	if len(d.b) < 2 {
		d.fail("insufficient data left in message")
		return 0
	}
	n := int(binary.BigEndian.Uint16(d.b))
	d.b = d.b[2:]
	return n
}

func (d *decoder) int32() int32 {
	if len(d.b) < 4 {
		d.fail("insufficient data left in message")
		return 0
	}
	n := int32(binary.BigEndian.Uint32(d.b))
	d.b = d.b[4:]
	return n
}

func (d *decoder) bytes(n int) []byte {
	if n < 0 || len(d.b) < n {
		d.fail("insufficient data left in message")
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

// raw is the bytes up to a zero byte, which is skipped.
func (d *decoder) raw() []byte {
	for i, c := range d.b {
		if c == 0 {
			b := d.b[:i]
			d.b = d.b[i+1:]
			return b
		}
	}
	d.fail("invalid string in message")
	return nil
}

// text is raw in UTF-8, which the caller checks where the client says it is that.
func (d *decoder) text() []byte {
	b := d.raw()
	if d.err == nil && d.charset != nil {
		b, d.err = decodeAll(d.charset, b)
	}
	return b
}

// string is text, checked.
func (d *decoder) string() string {
	b := d.text()
	if d.err == nil {
		d.err = types.CheckUTF8(b)
	}
	return string(b)
}

// end checks that nothing is left.
func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("invalid message format")
	}
	return d.err
}
