package table

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

func diskTables(b testing.TB, dir string, o Options) (*Tables, func()) {
	b.Helper()
	s, err := state.Open(state.Options{Dir: dir})
	ok(b, err)
	tables, err := Open(s, o)
	ok(b, err)
	return tables, func() { ok(b, errors.Join(tables.Close(), s.Close())) }
}

// batchOf are n rows of about 100 bytes whose text does not compress.
func batchOf(from int64, n int, r *rand.Rand) []vec.Vec {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	id, name, x := &vec.Fixed[int64]{}, &vec.Bytes{}, &vec.Fixed[int64]{}
	for i := range int64(n) {
		id.Append(from + i)
		for range 84 {
			name.Data = append(name.Data, letters[r.Uint32()&63])
		}
		name.EndRow()
		x.Append(r.Int64())
	}
	return []vec.Vec{id, name, x}
}

// justKey is accounts without the second index.
func justKey(storage uint32) *Desc {
	r := *accounts(storage).Relation
	t := *r.Table
	t.Indexes = t.Indexes[:1]
	r.Table = &t
	return describe(&r)
}

func fill(b testing.TB, tables *Tables, d *Desc, rows int) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	x := tables.Begin()
	s := x.Statement()
	for at := 0; at < rows; at += vec.MaxRows {
		n := min(vec.MaxRows, rows-at)
		_, err := x.Insert(context.Background(), s, d, batchOf(int64(at), n, r), n)
		ok(b, err)
	}
	ok(b, x.Commit(context.Background(), nil))
}

// anonymous is the process's anonymous resident memory in bytes.
func anonymous(t testing.TB) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("no /proc of the process to read its memory from: %v", err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if kb, found := strings.CutPrefix(line, "RssAnon:"); found {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(kb, "kB")), 10, 64)
			ok(t, err)
			return n << 10
		}
	}
	t.Skip("the system does not tell anonymous memory apart")
	return 0
}

// TestResidentMemory: rows of 100 bytes, with their primary key, take at most 280
// bytes each of anonymous memory, beside 120 MB that a store takes, in a process
// that was told GOGC 400: a million of them 400 MB. While one transaction loads
// them, its locks and the tables that Badger builds come on top.
// FERRIS_TABLE_TEST_ROWS says how many rows.
func TestResidentMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("it measures memory")
	}
	count := 100_000
	if n, err := strconv.Atoi(os.Getenv("FERRIS_TABLE_TEST_ROWS")); err == nil {
		count = n
	}
	bar := int64(120<<20) + 280*int64(count)
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	dir := t.TempDir()
	tables, done := diskTables(t, dir, Options{})
	d := justKey(16384)
	var peak atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				peak.Store(max(peak.Load(), anonymous(t)))
			}
		}
	}()
	began := time.Now()
	fill(t, tables, d, count)
	t.Logf("loaded in %v; at most %d MB, then %d MB", time.Since(began), peak.Load()>>20, anonymous(t)>>20)
	close(stop)
	<-stopped
	if most := bar + bar/4; peak.Load() > most {
		t.Errorf("%d MB are held while loading, want at most %d", peak.Load()>>20, most>>20)
	}
	done()
	runtime.GC()
	debug.FreeOSMemory()
	began = time.Now()
	tables, done = diskTables(t, dir, Options{})
	t.Logf("opened in %v with %d MB", time.Since(began), anonymous(t)>>20)
	s := tables.Latest()
	c := s.Scan(d, ScanSpec{Columns: []int{0, 1, 2}})
	b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text), types.Of(types.Int8)})
	rows := 0
	began = time.Now()
	for c.Next(t.Context(), b) == nil {
		rows += b.Rows
		b.Reset()
	}
	t.Logf("read in %v with %d MB", time.Since(began), anonymous(t)>>20)
	if n := anonymous(t); n > bar {
		t.Errorf("%d MB are held after all was read, want at most %d", n>>20, bar>>20)
	}
	s.Close()
	expect(t, "rows", rows, count)
	done()
}

// TestBudget: with a budget a table larger than that is read whole and stays in it.
func TestBudget(t *testing.T) {
	const budget = 4 << 20
	dir := t.TempDir()
	tables, done := diskTables(t, dir, Options{Budget: budget})
	d := justKey(16384)
	fill(t, tables, d, 100_000)
	for range 2 {
		tables.cache.mu.Lock()
		held := tables.cache.bytes
		tables.cache.mu.Unlock()
		if held > budget {
			t.Errorf("%d bytes of pages are held, the budget is %d", held, budget)
		}
		s := tables.Latest()
		rows, _ := read(t, s, d, ScanSpec{Index: d.Relation.Table.Indexes[0]})
		s.Close()
		expect(t, "rows", len(rows), 100_000)
	}
	done()
}

// BenchmarkCommit is a transaction that inserts one row, from some sessions at
// once, against a bare sync of a page's bytes.
func BenchmarkCommit(b *testing.B) {
	b.Run("sync", func(b *testing.B) {
		f, err := os.Create(b.TempDir() + "/f")
		ok(b, err)
		page := make([]byte, 4096)
		for b.Loop() {
			_, err := f.Write(page)
			ok(b, errors.Join(err, f.Sync()))
		}
		ok(b, f.Close())
	})
	for _, sessions := range []int{1, 8} {
		b.Run(fmt.Sprint("sessions=", sessions), func(b *testing.B) {
			tables, done := diskTables(b, b.TempDir(), Options{})
			d := justKey(16384)
			var next, left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			for range sessions {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						x := tables.Begin()
						err := insert(x, d, account{next.Add(1), "a name of some length", 5})
						if err == nil {
							err = x.Commit(context.Background(), nil)
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			done()
		})
	}
}

// BenchmarkPoint finds one row of a million by its key, and decodes it.
func BenchmarkPoint(b *testing.B) {
	tables := openTables(b, Options{})
	d := justKey(16384)
	fill(b, tables, d, 1_000_000)
	r := rand.New(rand.NewPCG(3, 4))
	s := tables.Latest()
	defer s.Close()
	var c Scan
	batch := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text), types.Of(types.Int8)})
	key := []types.Value{types.NewInt(types.Int8, 0)}
	points := [][]types.Value{key}
	columns := []int{0, 1, 2}
	b.ReportAllocs()
	for b.Loop() {
		key[0].I = r.Int64N(1_000_000)
		s.ScanInto(&c, d, ScanSpec{Columns: columns, Index: d.Relation.Table.Indexes[0], Points: points})
		batch.Reset()
		ok(b, c.Next(context.Background(), batch))
		if batch.Rows != 1 {
			b.Fatal(batch.Rows)
		}
	}
}

// BenchmarkScan reads a million rows.
func BenchmarkScan(b *testing.B) {
	tables := openTables(b, Options{})
	d := justKey(16384)
	fill(b, tables, d, 1_000_000)
	s := tables.Latest()
	defer s.Close()
	batch := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Text), types.Of(types.Int8)})
	for b.Loop() {
		c := s.Scan(d, ScanSpec{Columns: []int{0, 1, 2}})
		for c.Next(context.Background(), batch) == nil {
			batch.Reset()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/row")
}

// BenchmarkTree is what an entry costs in a tree alone.
func BenchmarkTree(b *testing.B) {
	for _, order := range []string{"append", "random"} {
		b.Run(order, func(b *testing.B) {
			e := &edit{pg: resident{}}
			e.begin()
			r := rand.New(rand.NewPCG(5, 6))
			var key []byte
			value := make([]byte, 20)
			i := int64(0)
			for b.Loop() {
				i++
				k := i
				if order == "random" {
					k = int64(r.Uint64() >> 1)
				}
				key = rowKey(key[:0], k)
				if _, err := e.put(key, value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
