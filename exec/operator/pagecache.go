package operator

import (
	"encoding/binary"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// pageCache holds pages of evicted groups as they are stored, those that were put in
// last. A group takes a fifth in a page of what it takes in a table, so that a good
// part of the pages, or all of them, fit where some groups would; a page in memory is
// found and read in a fraction of a microsecond, one in the store in tens of them.
//
// Pages are appended to large chunks, which the collector does not look into, and the
// oldest chunk is used again when there may be no more of them (a log that is cleaned
// from its end: Rosenblum and Ousterhout, 1991). What is still wanted of that is
// appended anew, while all that is wanted fits.
//
// One goroutine puts and drops; any may get.
type pageCache struct {
	account *memory.Account

	mu     sync.Mutex
	most   int // how many chunks there may be
	size   int // of a chunk
	first  int // the number of the oldest chunk
	chunks [][]byte
	at     map[uint8][]uint64 // by bits and page: where it lies, and 1; 0: nowhere
	live   int                // bytes of pages that are somewhere
}

const (
	leastChunk = 4 << 10
	largeChunk = 1 << 20
	// chunksAtLeast is how many chunks a cache has, where they are not the smallest.
	chunksAtLeast = 16
	// cacheHead is what stands before a page: bits, page, length.
	cacheHead = 1 + 4 + 4
	// cacheWanted is which part of the cache pages may take that are appended anew.
	cacheWanted = 0.9
)

func newPageCache(account *memory.Account) *pageCache {
	return &pageCache{account: account, at: map[uint8][]uint64{}}
}

// limit has the cache hold at most so many bytes from now on.
func (c *pageCache) limit(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.chunks) == 0 {
		c.size = leastChunk
		for c.size < largeChunk && int64(c.size)*2*chunksAtLeast <= bytes {
			c.size *= 2
		}
	}
	c.most = int(max(bytes, 0) / int64(c.size))
	for len(c.chunks) > c.most {
		c.shift()
		c.account.Release(int64(c.size))
	}
}

// held is how many bytes the cache holds.
func (c *pageCache) held() int64 { return int64(len(c.chunks)) * int64(c.size) }

// shift forgets the oldest chunk, and returns its memory.
func (c *pageCache) shift() []byte {
	chunk := c.chunks[0]
	for from := 0; from < len(chunk); {
		at, size := readCacheHead(chunk[from:])
		if c.place(at) == c.offset(0, from) {
			c.at[at.bits][at.page] = 0
			c.live -= cacheHead + size
		}
		from += cacheHead + size
	}
	copy(c.chunks, c.chunks[1:])
	c.chunks[len(c.chunks)-1] = nil
	c.chunks = c.chunks[:len(c.chunks)-1]
	c.first++
	return chunk[:0]
}

// offset is where a page lies, by the index of its chunk and its place there.
func (c *pageCache) offset(chunk, from int) uint64 {
	return uint64(c.first+chunk)*uint64(c.size) + uint64(from) + 1
}

func (c *pageCache) place(at pagePlace) uint64 {
	if pages := c.at[at.bits]; int(at.page) < len(pages) {
		return pages[at.page]
	}
	return 0
}

func readCacheHead(b []byte) (at pagePlace, size int) {
	return pagePlace{b[0], binary.LittleEndian.Uint32(b[1:])}, int(binary.LittleEndian.Uint32(b[5:]))
}

// find returns a page, which lies there while mu is held.
func (c *pageCache) find(at pagePlace) ([]byte, bool) {
	offset := c.place(at)
	if offset == 0 {
		return nil, false
	}
	offset--
	chunk := c.chunks[offset/uint64(c.size)-uint64(c.first)]
	from := int(offset % uint64(c.size))
	_, size := readCacheHead(chunk[from:])
	return chunk[from+cacheHead : from+cacheHead+size], true
}

// has reports whether a page is there.
func (c *pageCache) has(at pagePlace) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.place(at) > 0
}

// get appends a page to dst; false: it is not there.
func (c *pageCache) get(at pagePlace, dst []byte) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	page, ok := c.find(at)
	return append(dst, page...), ok
}

// drop forgets a page.
func (c *pageCache) drop(at pagePlace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(at)
}

func (c *pageCache) forget(at pagePlace) {
	if page, ok := c.find(at); ok {
		c.live -= cacheHead + len(page)
		c.at[at.bits][at.page] = 0
	}
}

// put holds a page over what was there of it.
func (c *pageCache) put(at pagePlace, page []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(at)
	if c.room(cacheHead + len(page)) {
		c.append(at, page)
	}
}

// append puts a page into the newest chunk, which has room.
func (c *pageCache) append(at pagePlace, page []byte) {
	last := len(c.chunks) - 1
	if c.at[at.bits] == nil {
		c.at[at.bits] = make([]uint64, 1<<at.bits)
		c.account.Force(8 << at.bits)
	}
	c.at[at.bits][at.page] = c.offset(last, len(c.chunks[last]))
	b := binary.LittleEndian.AppendUint32(append(c.chunks[last], at.bits), at.page)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(page)))
	c.chunks[last] = append(b, page...)
	c.live += cacheHead + len(page)
}

// room makes the newest chunk have room for n bytes; false: none can.
func (c *pageCache) room(n int) bool {
	if n > c.size || c.most == 0 {
		return false
	}
	fits := func() bool {
		last := len(c.chunks) - 1
		return last >= 0 && c.size-len(c.chunks[last]) >= n
	}
	for again := len(c.chunks); !fits(); again-- {
		if len(c.chunks) < c.most {
			c.chunks = append(c.chunks, make([]byte, 0, c.size))
			c.account.Force(int64(c.size))
			continue
		}
		c.clean(again > 0 && float64(c.live) <= cacheWanted*float64(c.most*c.size))
	}
	return true
}

// clean makes the oldest chunk the newest. Its pages that are wanted stay where keep
// says so.
func (c *pageCache) clean(keep bool) {
	old := c.chunks[0]
	to := 0
	if keep {
		for from := 0; from < len(old); {
			at, size := readCacheHead(old[from:])
			end := from + cacheHead + size
			if c.place(at) == c.offset(0, from) {
				// It moves to the chunk's new number, where that is the last.
				copy(old[to:], old[from:end])
				c.at[at.bits][at.page] = c.offset(len(c.chunks), to)
				to += end - from
			}
			from = end
		}
		copy(c.chunks, c.chunks[1:])
		c.chunks[len(c.chunks)-1] = old[:to]
		c.first++
		return
	}
	empty := c.shift()
	c.chunks = append(c.chunks, empty)
}

// only forgets the pages of all numbers of pages but two.
func (c *pageCache) only(a, b uint8) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for bits, pages := range c.at {
		if bits == a || bits == b {
			continue
		}
		for page := range pages {
			c.forget(pagePlace{bits, uint32(page)})
		}
		delete(c.at, bits)
		c.account.Release(8 << bits)
	}
}

// close gives all memory back.
func (c *pageCache) close() {
	c.limit(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	for bits := range c.at {
		delete(c.at, bits)
		c.account.Release(8 << bits)
	}
}
