package state

import (
	"encoding/binary"
	"fmt"
	"sync"
)

// counter gives out versions. No number is given twice, over all starts: before
// a number is used, a limit above it is durable, and a start begins at the limit.
type counter struct {
	mu       sync.Mutex
	next     uint64
	limit    uint64
	reserved uint64 // the last one below the limit of its time, which is not given out; 0: none
}

// lease is how many numbers one durable write reserves, and so how many a start
// may skip. 2^64 lasts for ever at any rate.
const lease = 1 << 16

// take returns a fresh version.
func (s *Store) take() (uint64, error) {
	c := &s.counter
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next >= c.limit || c.next == c.reserved {
		if err := s.renew(); err != nil {
			return 0, err
		}
	}
	v := c.next
	c.next++
	return v, nil
}

// renew goes on with the numbers above the limit. counter.mu is held.
func (s *Store) renew() error {
	c := &s.counter
	// The limit itself is the one number that is free to be written at: it
	// was never given out, and whoever repeats this write after a crash
	// that lost it repeats it exactly.
	at, limit := c.limit, c.limit+lease
	e := entry{key: metaKey(kindCounter, nil), value: binary.BigEndian.AppendUint64(nil, limit)}
	if err := s.writer.alone(stepLease, at, e); err != nil {
		return fmt.Errorf("reserving versions: %w", err)
	}
	c.next, c.limit = at+1, limit
	return nil
}

// reserve returns a version that many others come before, which take gives out
// meanwhile. One is reserved at a time, until pass.
func (s *Store) reserve() (uint64, error) {
	c := &s.counter
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit-c.next < lease/2 {
		if err := s.renew(); err != nil {
			return 0, err
		}
	}
	c.reserved = c.limit - 1
	return c.reserved, nil
}

// pass has every later version be above a reserved one.
func (c *counter) pass(reserved uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next, c.reserved = max(c.next, reserved+1), 0
}

// newest is the highest version given out.
func (s *Store) newest() uint64 {
	s.counter.mu.Lock()
	defer s.counter.mu.Unlock()
	return s.counter.next - 1
}
