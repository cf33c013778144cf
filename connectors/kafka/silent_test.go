package kafka

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestOpeningEndsWithItsStatement: a broker that lets a client in and then is silent does
// not hold a statement that has ended.
func TestOpeningEndsWithItsStatement(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		conn, err := silent.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			return
		}
		cancel()
		<-t.Context().Done()
	}()
	begun := time.Now()
	_, err = Connector{}.Source(ctx, &stream.Env{Metrics: &stream.Metrics{}}, relation("t", "bootstrap.servers", silent.Addr().String()))
	if err == nil || ctx.Err() == nil {
		t.Errorf("a source is opened: %v", err)
	}
	if took := time.Since(begun); took > connectTimeout/2 {
		t.Errorf("opening has ended after %v: %v", took, err)
	}
}
