package kafka

import (
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between clients and a listener of a broker, which tells them its address.
type proxy struct {
	addr string
	down count        // bytes that clients have got
	cuts atomic.Int64 // connections that were ended

	mu    sync.Mutex
	limit func() int64 // what a connection that comes may get before it is ended; nil: all
	open  map[net.Conn]bool
	wait  sync.WaitGroup
}

// count is a writer that counts.
type count struct{ atomic.Int64 }

func (c *count) Write(b []byte) (int, error) {
	c.Add(int64(len(b)))
	return len(b), nil
}

// before starts a proxy of its own address, which leads to another.
func before(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), open: map[net.Conn]bool{}}
	p.wait.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // it was closed
			}
			p.wait.Go(func() { p.serve(client, to) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		for c := range p.open {
			c.Close()
		}
		p.open = nil
		p.mu.Unlock()
		p.wait.Wait()
	})
	return p
}

// cutting has connections that come from now on end when they have got so much.
func (p *proxy) cutting(limit func() int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = limit
}

// keep notes a connection, to be closed at the end; false: that has come.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *proxy) serve(client net.Conn, to string) {
	defer client.Close()
	if !p.keep(client) {
		return
	}
	broker, err := net.Dial("tcp", to)
	if err != nil {
		return // the client sees that it is gone
	}
	defer broker.Close()
	if !p.keep(broker) {
		return
	}
	p.mu.Lock()
	most := int64(math.MaxInt64)
	if p.limit != nil {
		most = p.limit()
	}
	p.mu.Unlock()
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(broker, client) // how it ends is the client's affair
		broker.Close()
	})
	n, _ := io.CopyN(io.MultiWriter(client, &p.down), broker, most) // likewise
	if n == most {
		p.cuts.Add(1)
	}
	client.Close()
	broker.Close()
	up.Wait()
}
