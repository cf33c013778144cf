package gateway

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestInterruptBeforeBegin: a cancel that comes while a statement is parsed is for it,
// and one that comes while the session is ready is for none.
func TestInterruptBeforeBegin(t *testing.T) {
	cause := errors.New("cancelled")
	i := newInterrupt(t.Context())
	i.raise(cause)
	i.work()
	ctx := i.begin(time.Hour)
	if ctx.Err() != nil {
		t.Error("a cancel reached a statement that came after it")
	}
	i.end()
	i.raise(cause)
	if ctx = i.begin(0); !errors.Is(context.Cause(ctx), cause) {
		t.Errorf("a cancel before the statement's begin: %v", context.Cause(ctx))
	}
	i.end()
	i.raise(cause)
	i.rest()
	i.work()
	if ctx = i.begin(0); ctx.Err() != nil {
		t.Error("a cancel outlived its statement")
	}
	i.end()
	i.stop()
}
