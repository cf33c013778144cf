package file

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestTransactionsWriteInTurn has several write to one file at once; each waits
// for the others, and those that roll back leave nothing.
func TestTransactionsWriteInTurn(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.json")
	rel := relation(p)
	rel.Kind = catalog.Sink
	const writers, times = 4, 50
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for i := range times {
				s, err := Connector{}.Sink(t.Context(), env(filepath.Dir(p)), rel, stream.SinkOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				put(t, s, 1)
				token := prepare(t, s, 1)
				if i%2 == 0 {
					err = s.Rollback(t.Context(), 1, token)
				} else {
					err = s.Commit(t.Context(), 1, token)
				}
				if err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte(row1)); n != writers*times/2 || len(b) != n*len(row1) {
		t.Errorf("%d rows in %d bytes, want %d", n, len(b), writers*times/2)
	}
}

// TestWritersComeInOrder has many wait for a file, one give up, and each write
// before those that came after it.
func TestWritersComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := filepath.Join(t.TempDir(), "a.json")
		first := openSink(t, p, stream.SinkOptions{})
		rel := relation(p)
		rel.Kind = catalog.Sink
		var all sync.WaitGroup
		var order []int
		gone, cancel := context.WithCancel(t.Context())
		for i := range 20 {
			ctx := t.Context()
			if i == 7 {
				ctx = gone
			}
			all.Go(func() {
				s, err := Connector{}.Sink(ctx, env(filepath.Dir(p)), rel, stream.SinkOptions{})
				if i == 7 {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("%v, want that it gave up", err)
					}
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i) // the lock guards it
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		want := slices.DeleteFunc(upTo(19), func(i int) bool { return i == 7 })
		if want = append([]int{0}, want...); !slices.Equal(order, want) {
			t.Errorf("they came as %v, want %v", order, want)
		}
		if len(writers.files) != 0 {
			t.Errorf("%v are left in the queue", writers.files)
		}
	})
}

// TestJobDoesNotWait: what holds a file against a job will hardly let go of it.
func TestJobDoesNotWait(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.json")
	openSink(t, p, stream.SinkOptions{Job: "j", ID: "1"})
	rel := relation(p)
	rel.Kind = catalog.Sink
	_, err := Connector{}.Sink(t.Context(), env(filepath.Dir(p)), rel, stream.SinkOptions{Job: "k", ID: "2"})
	if sqlerr.CodeOf(err) != sqlerr.ObjectInUse {
		t.Errorf("%v, want 55006", err)
	}
}
