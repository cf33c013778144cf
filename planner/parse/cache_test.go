package parse

import (
	"container/list"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestCached(t *testing.T) {
	const text = "SELECT a FROM cached_test EMIT CHANGES"
	first, err := Cached(text)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Cached(text)
	if err != nil || &first[0] != &second[0] {
		t.Errorf("the second time parsed again (%v)", err)
	}
	for range 2 {
		if _, err := Cached("SELEC"); err == nil {
			t.Error("an error was forgotten")
		}
	}
}

func TestCacheBound(t *testing.T) {
	c := cache{byKey: make(map[string]*list.Element), used: list.New()}
	one := func(i int) string { return fmt.Sprintf("%060d", i) }
	size := perByte*60 + perStatement
	n := cachedTotal/size + 10
	for i := range n {
		c.put(one(i), make([]Statement, 1))
		c.get(one(0)) // stays the most recently used
	}
	if c.bytes > cachedTotal || c.bytes != len(c.byKey)*size || c.used.Len() != len(c.byKey) {
		t.Errorf("%d bytes in %d texts, at most %d wanted", c.bytes, len(c.byKey), cachedTotal)
	}
	for i, want := range map[int]bool{0: true, 1: false, n - 1: true} {
		if _, ok := c.get(one(i)); ok != want {
			t.Errorf("text %d kept: %v, want %v", i, ok, want)
		}
	}
}

// TestTreeSize holds the cache's estimate against what trees take.
func TestTreeSize(t *testing.T) {
	for name, text := range map[string]string{
		"short":     "SELECT 1",
		"targets":   "SELECT a" + strings.Repeat(", a", 5000),
		"constants": "SELECT 1" + strings.Repeat(",1", 5000),
		"query":     "SELECT t.a, sum(t.b) AS c FROM orders t JOIN users u ON t.x = u.x WHERE t.a > 5 GROUP BY t.a EMIT CHANGES",
		"pairs":     "CREATE SINK k WITH ('a' = 'b'" + strings.Repeat(", 'some.key' = 'a value'", 500) + ")",
	} {
		const copies = 20
		each := math.MaxInt
		for range 3 { // the runtime's own may come between
			var kept [copies][]Statement
			before := heap()
			for i := range kept {
				var err error
				if kept[i], err = Parse(text); err != nil {
					t.Fatal(err)
				}
			}
			each = min(each, (heap()-before)/copies)
			runtime.KeepAlive(kept)
		}
		estimate := perByte*len(text) + perStatement
		t.Logf("%s: %d bytes of text, %d bytes, estimated %d", name, len(text), each, estimate)
		if each > estimate {
			t.Errorf("%s: a tree takes %d bytes, more than the estimate of %d", name, each, estimate)
		}
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestConcurrent parses from many goroutines, as sessions do.
func TestConcurrent(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Go(func() {
			for i := range 200 {
				text := fmt.Sprintf("SELECT %d FROM s WITH ('é' = 'b') EMIT CHANGES", i)
				stmts, err := Cached(text)
				if err != nil || len(stmts) != 1 || stmts[0].Text != text || stmts[0].With[0].Pos != stmts[0].Source.Char(strings.Index(text, "'é'")) {
					t.Errorf("goroutine %d: %v", g, err)
				}
				if _, err := Cached("SELECT " + fmt.Sprint(i) + " FROM"); err == nil {
					t.Error("no error")
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"select-1": "SELECT 1",
		"query":    "SELECT symbol, price * quantity AS total FROM trades WHERE price > 100 AND symbol = 'X' EMIT CHANGES",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"-cached", func(b *testing.B) {
			for b.Loop() {
				if _, err := Cached(text); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"-lexer", func(b *testing.B) {
			for b.Loop() {
				lex(text)
			}
		})
	}
}
