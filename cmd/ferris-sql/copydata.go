package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// printCopies has the rows of COPY ... TO STDOUT written to out: a result of
// pgconn's has none of them.
func printCopies(config *pgconn.Config, out io.Writer) {
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &copyConn{Conn: c, r: bufio.NewReaderSize(c, 64<<10), out: out}, nil
	}
}

// copyConn is a connection that reads the server's messages one by one, and
// writes what is in a CopyData to out in place of handing it on. A Read returns
// nothing past the message it is in, so that out has everything in order.
type copyConn struct {
	net.Conn
	r       *bufio.Reader
	out     io.Writer
	begun   bool   // a message has come: no answer to an SSLRequest
	opaque  bool   // the connection is encrypted: handed on as it is
	head    []byte // of the message, as far as it was not handed on
	body    int    // bytes of it that come yet
	storage [5]byte
}

func (c *copyConn) Read(p []byte) (int, error) {
	if len(p) == 0 || c.opaque && len(c.head) == 0 {
		return c.r.Read(p)
	}
	for len(c.head) == 0 && c.body == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	n, err := c.r.Read(p[:min(len(p), c.body)])
	c.body -= n
	return n, err
}

// next reads the head of a message, and the whole of a CopyData.
func (c *copyConn) next() error {
	if _, err := io.ReadFull(c.r, c.storage[:1]); err != nil {
		return err
	}
	kind := c.storage[0]
	if !c.begun && (kind == 'N' || kind == 'S') {
		c.head, c.opaque = c.storage[:1], kind == 'S'
		return nil
	}
	c.begun = true
	if _, err := io.ReadFull(c.r, c.storage[1:]); err != nil {
		return err
	}
	body := int(binary.BigEndian.Uint32(c.storage[1:])) - 4
	if body < 0 {
		return fmt.Errorf("reading the server's answer: a message of %d bytes", body)
	}
	if kind != 'd' {
		c.head, c.body = c.storage[:], body
		return nil
	}
	if _, err := io.CopyN(c.out, c.r, int64(body)); err != nil {
		return fmt.Errorf("printing copied rows: %w", err)
	}
	return nil
}
