package exec

import (
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// lookupCache keeps the rows that keys were found to have, up to a size and for a
// time. What was asked for longest ago goes first. It belongs to one goroutine.
type lookupCache struct {
	limit         int64
	ttl, negative time.Duration // of keys with rows, and without
	now           func() time.Time
	account       *memory.Account

	entries map[string]*lookupEntry
	ends    lookupEntry // its next is the one asked for last, its previous longest ago
	bytes   int64
}

// lookupEntry is what one key had: rows, each behind its length.
type lookupEntry struct {
	key            string
	rows           []byte
	until          time.Time
	next, previous *lookupEntry
}

// lookupOverhead is about what an entry takes beside its key and rows.
const lookupOverhead = 160

func (e *lookupEntry) size() int64 { return lookupOverhead + int64(len(e.key)+cap(e.rows)) }

func newLookupCache(limit int64, ttl, negative time.Duration, account *memory.Account) *lookupCache {
	c := &lookupCache{limit: limit, ttl: ttl, negative: negative, now: time.Now, account: account, entries: map[string]*lookupEntry{}}
	c.ends.next, c.ends.previous = &c.ends, &c.ends
	return c
}

// get returns a key's rows, none where it is known to have none; false: it has to be
// asked for.
func (c *lookupCache) get(key []byte) (rows []byte, ok bool) {
	e := c.entries[string(key)]
	if e == nil {
		return nil, false
	}
	if c.now().After(e.until) {
		c.drop(e)
		return nil, false
	}
	e.unlink()
	c.first(e)
	return e.rows, true
}

// put keeps a key's rows, which are the cache's from then on, where there is room for
// them: memory that others need is not taken. at is when they were asked for.
func (c *lookupCache) put(key, rows []byte, at time.Time) {
	ttl := c.ttl
	if len(rows) == 0 {
		ttl = c.negative
	}
	if old := c.entries[string(key)]; old != nil {
		c.drop(old)
	}
	e := &lookupEntry{key: string(key), rows: rows, until: at.Add(ttl)}
	if ttl <= 0 || e.size() > c.limit {
		return
	}
	for c.bytes+e.size() > c.limit {
		c.drop(c.ends.previous)
	}
	for c.account.Resize(c.bytes, c.bytes+e.size()) != nil {
		if c.bytes == 0 {
			return
		}
		c.drop(c.ends.previous)
	}
	c.bytes += e.size()
	c.entries[e.key] = e
	c.first(e)
}

func (c *lookupCache) drop(e *lookupEntry) {
	e.unlink()
	delete(c.entries, e.key)
	c.bytes -= e.size()
	c.account.Release(e.size())
}

func (c *lookupCache) first(e *lookupEntry) {
	e.previous, e.next = &c.ends, c.ends.next
	e.previous.next, e.next.previous = e, e
}

func (e *lookupEntry) unlink() { e.previous.next, e.next.previous = e.next, e.previous }

func (c *lookupCache) close() {
	c.account.Release(c.bytes)
	c.bytes = 0
	clear(c.entries)
	c.ends.next, c.ends.previous = &c.ends, &c.ends
}
