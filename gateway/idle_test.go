package gateway

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestIdleTimeoutsRunAtRest: from ReadyForQuery until the next message has come
// to its end. Between the messages of the extended protocol nothing runs, however
// long the client takes.
func TestIdleTimeoutsRunAtRest(t *testing.T) {
	const limit = 20 * time.Second
	tests := map[string]struct {
		code sqlerr.Code
		text string
		open bool
		// before is sent at once, after it more than the limit passes; then last.
		before, last []byte
	}{
		"at rest":                     {code: sqlerr.IdleSessionTimeout, text: "idle-session"},
		"half a header":               {code: sqlerr.IdleSessionTimeout, text: "idle-session", before: []byte("Q\x00\x00")},
		"half a body":                 {code: sqlerr.IdleSessionTimeout, text: "idle-session", before: []byte("Q\x00\x00\x00\x09ab")},
		"half a message in a block":   {code: sqlerr.IdleInTransactionSessionTimeout, text: "idle-in-transaction", open: true, before: []byte("Q\x00")},
		"after Flush":                 {before: []byte("H\x00\x00\x00\x04"), last: []byte("S\x00\x00\x00\x04")},
		"after Flush in a block":      {open: true, before: []byte("H\x00\x00\x00\x04"), last: []byte("S\x00\x00\x00\x04")},
		"after Parse, half a message": {before: []byte("P\x00\x00\x00\x10\x00SELECT 1\x00\x00\x00H\x00"), last: []byte("\x00\x00\x04S\x00\x00\x00\x04")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := newMemoryEngine()
				s, err := New(Options{Engine: engine, Planner: memoryPlanner{}, Eval: evalExpr, Version: "1.2.3"})
				if err != nil {
					t.Fatal(err)
				}
				client, server := net.Pipe()
				defer client.Close()
				s.start(server)
				f := pgproto3.NewFrontend(client, client)
				f.Send(&pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{
					"user": "ana", "database": "ferris", "idle_session_timeout": limit.String(), "idle_in_transaction_session_timeout": limit.String()}})
				if test.open {
					f.Send(&pgproto3.Query{String: "begin"})
				}
				go f.Flush() // a pipe has no buffer
				receive[*pgproto3.ReadyForQuery](t, f)
				if test.open {
					receive[*pgproto3.ReadyForQuery](t, f)
				}
				write := func(b []byte) {
					if _, err := client.Write(b); err != nil {
						t.Errorf("writing: %v", err)
					}
				}
				if test.before != nil {
					write(test.before)
				}
				if test.code != "" {
					wantFatal(t, f, test.code, test.text)
				} else {
					read := make(chan struct{})
					go func() {
						defer close(read)
						receive[*pgproto3.ReadyForQuery](t, f)
					}()
					time.Sleep(2 * limit) // of the bubble
					write(test.last)
					<-read
				}
				client.Close()
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
