package state

import (
	"fmt"
	"testing"
)

func benchStore(b *testing.B) *Store {
	b.Helper()
	s, err := Open(Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// BenchmarkEpoch is the store's part of an epoch that only moves a position:
// three syncs.
func BenchmarkEpoch(b *testing.B) {
	j := benchStore(b).Job(NewID())
	epoch, err := j.Rollback()
	if err != nil {
		b.Fatal(err)
	}
	p := Progress{Positions: []Position{{"public.trades", "0", []byte("1234567")}}, Tokens: []Token{{"out", []byte("17")}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Prepare(epoch, nil, p); err != nil {
			b.Fatal(err)
		}
		if err := j.Commit(epoch); err != nil {
			b.Fatal(err)
		}
		epoch++
	}
}

// BenchmarkPages writes epochs of 256 pages of 4 KB.
func BenchmarkPages(b *testing.B) {
	j := benchStore(b).Job(NewID())
	epoch, err := j.Rollback()
	if err != nil {
		b.Fatal(err)
	}
	const pages, size = 256, 4 << 10
	var batch Batch
	page := make([]byte, size)
	key := make([]byte, 0, 16)
	b.SetBytes(pages * size)
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		for i := range pages {
			key = fmt.Appendf(key[:0], "%08d", (int(epoch)*7919+i)%50000)
			batch.Set(Space{Operator: 1}, key, page)
		}
		if _, err := j.Prepare(epoch, &batch, Progress{}); err != nil {
			b.Fatal(err)
		}
		if err := j.Commit(epoch); err != nil {
			b.Fatal(err)
		}
		epoch++
	}
}
