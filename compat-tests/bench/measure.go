// Package bench measures the product from outside, in ratios of one run:
// against encoding/json, against PostgreSQL 16, against fixed limits. A bar
// that is missed fails `make bench`.
package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of /proc/PID/stat: 1/100 s on Linux.
const clockTick = 10 * time.Millisecond

// CPU is the processor time, user and system, that a process has used.
func CPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The command in parentheses may hold blanks: fields count from behind it.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return 0, err
	}
	return time.Duration(user+system) * clockTick, nil
}

// Resident is a process's resident memory in bytes.
func Resident(pid int) (int64, error) { return statusBytes(pid, "VmRSS:") }

// Anonymous is the part of it that no file holds.
func Anonymous(pid int) (int64, error) { return statusBytes(pid, "RssAnon:") }

func statusBytes(pid int, name string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no line %s in the status of process %d", name, pid)
}

// Median of measurements.
func Median(all []float64) float64 {
	s := append([]float64(nil), all...)
	sort.Float64s(s)
	return s[len(s)/2]
}

// Client speaks just enough of the protocol to count rows at the speed of the
// socket: it decodes nothing.
type Client struct {
	conn net.Conn
	buf  []byte
	r, w int
}

// Dial connects with trust authentication.
func Dial(addr, user, database string) (*Client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, buf: make([]byte, 1<<20)}
	body := []byte{0, 3, 0, 0}
	for _, s := range []string{"user", user, "database", database} {
		body = append(append(body, s...), 0)
	}
	body = append(body, 0)
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)); err != nil {
		return nil, err
	}
	_, err = c.untilReady()
	return c, err
}

// Close hangs up.
func (c *Client) Close() { c.conn.Close() }

// Query runs a simple query and returns its number of rows.
func (c *Client) Query(sql string) (rows int, err error) {
	if err := c.send('Q', append([]byte(sql), 0)); err != nil {
		return 0, err
	}
	return c.untilReady()
}

// QueryBinary runs a query through the extended protocol with binary results.
func (c *Client) QueryBinary(sql string) (rows int, err error) {
	var out []byte
	out = message(out, 'P', append(append([]byte{0}, sql...), 0, 0, 0))
	out = message(out, 'B', []byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 1})
	out = message(out, 'E', []byte{0, 0, 0, 0, 0})
	out = message(out, 'S', nil)
	if _, err := c.conn.Write(out); err != nil {
		return 0, err
	}
	return c.untilReady()
}

// Start sends a query and leaves its rows to Next.
func (c *Client) Start(sql string) error { return c.send('Q', append([]byte(sql), 0)) }

// Next returns the body of the next DataRow; it belongs to the client.
func (c *Client) Next() ([]byte, error) {
	for {
		kind, body, err := c.message()
		switch {
		case err != nil:
			return nil, err
		case kind == 'D':
			return body, nil
		case kind == 'E':
			return nil, fmt.Errorf("server: %q", body)
		case kind == 'Z':
			return nil, io.EOF
		}
	}
}

func (c *Client) send(kind byte, body []byte) error {
	_, err := c.conn.Write(message(nil, kind, body))
	return err
}

func message(dst []byte, kind byte, body []byte) []byte {
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)+4))
	return append(dst, body...)
}

func (c *Client) untilReady() (rows int, err error) {
	for {
		kind, body, e := c.message()
		switch {
		case e != nil:
			return rows, e
		case kind == 'D':
			rows++
		case kind == 'E':
			err = fmt.Errorf("server: %q", body)
			if body[0] == 'S' && bytes.HasPrefix(body[1:], []byte("FATAL")) {
				return rows, err
			}
		case kind == 'Z':
			return rows, err
		}
	}
}

// message returns the next message; its body is valid until the next call.
func (c *Client) message() (byte, []byte, error) {
	for c.w-c.r < 5 {
		if err := c.fill(5); err != nil {
			return 0, nil, err
		}
	}
	n := int(binary.BigEndian.Uint32(c.buf[c.r+1:])) + 1
	for c.w-c.r < n {
		if err := c.fill(n); err != nil {
			return 0, nil, err
		}
	}
	kind, body := c.buf[c.r], c.buf[c.r+5:c.r+n]
	c.r += n
	return kind, body, nil
}

func (c *Client) fill(need int) error {
	if c.r > 0 && len(c.buf)-c.r < need || c.r == c.w {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	if need > len(c.buf) {
		c.buf = append(c.buf, make([]byte, need)...)
	}
	n, err := c.conn.Read(c.buf[c.w:])
	c.w += n
	return err
}
