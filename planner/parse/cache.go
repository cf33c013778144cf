package parse

import (
	"container/list"
	"sync"
)

// Statements of texts up to cachedText bytes are kept, least recently used out
// first, while their estimated size is below cachedTotal bytes.
const (
	cachedText  = 64 << 10
	cachedTotal = 16 << 20
)

// Tree sizes are estimated from the length of the text: a test measures that a
// parsed text takes no more than this per byte, plus perStatement.
const (
	perByte      = 200
	perStatement = 2048
)

// cache keeps parsed texts.
type cache struct {
	mu    sync.Mutex
	byKey map[string]*list.Element
	used  *list.List // of *entry, most recently used first
	bytes int
}

type entry struct {
	text  string
	stmts []Statement
	size  int
}

var shared = cache{byKey: make(map[string]*list.Element), used: list.New()}

// Cached is Parse behind a cache by text. The statements it returns are shared:
// nobody may change them. It is safe for concurrent use.
func Cached(text string) ([]Statement, error) {
	if stmts, ok := shared.get(text); ok {
		return stmts, nil
	}
	stmts, err := Parse(text)
	if err == nil && len(text) <= cachedText {
		shared.put(text, stmts)
	}
	return stmts, err
}

func (c *cache) get(text string) ([]Statement, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[text]
	if !ok {
		return nil, false
	}
	c.used.MoveToFront(e)
	return e.Value.(*entry).stmts, true
}

func (c *cache) put(text string, stmts []Statement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[text]; ok {
		return // another session parsed it meanwhile
	}
	e := &entry{text: text, stmts: stmts, size: perByte*len(text) + perStatement*len(stmts)}
	c.byKey[text] = c.used.PushFront(e)
	for c.bytes += e.size; c.bytes > cachedTotal; {
		last := c.used.Back()
		old := c.used.Remove(last).(*entry)
		delete(c.byKey, old.text)
		c.bytes -= old.size
	}
}
