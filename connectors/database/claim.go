package database

import (
	"context"
	"fmt"
	"sync"
)

// A slot that a declaration names outlives the job that it was made for: by the time
// the server hears that this is gone, the slot may be another job's. claims says whose
// each is in this process, and whoever makes or drops one has its turn.
var claims = claimed{slots: map[string]*claim{}}

type claimed struct {
	mu    sync.Mutex
	slots map[string]*claim // by Kept
}

type claim struct {
	turn chan struct{} // holds one: who has it makes or drops the slot
	job  string        // that read it last; "": none has
}

// take waits for a slot's turn.
func (c *claimed) take(ctx context.Context, slot string) (*claim, error) {
	c.mu.Lock()
	one := c.slots[slot]
	if one == nil {
		one = &claim{turn: make(chan struct{}, 1)}
		c.slots[slot] = one
	}
	c.mu.Unlock()
	select {
	case one.turn <- struct{}{}:
		return one, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// give ends the turn.
func (c *claim) give() { <-c.turn }

// kept names a slot, or a server's id, of the declaration's; "": each job has its own.
func (c *config) kept() string {
	if !c.cdc {
		return ""
	}
	return c.log().kept(c)
}

func (postgres) kept(c *config) string {
	if c.slot == "" {
		return ""
	}
	return fmt.Sprintf("replication slot %q of %s", c.slot, c.server)
}
