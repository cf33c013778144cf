package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// disk is what Badger's logs are on a disk that loses what was not synced.
type disk struct {
	mu     sync.Mutex
	synced map[string][]byte // logs, by name
	syncs  int               // of logs
}

func (d *disk) sync(f *os.File) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !strings.HasSuffix(f.Name(), logSuffix) {
		return f.Sync()
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	if err != nil {
		return err
	}
	d.synced[filepath.Base(f.Name())] = b
	d.syncs++
	return f.Sync()
}

// after copies a data directory as it is when the power fails now.
func (d *disk) after(t *testing.T, dir string) string {
	t.Helper()
	for range 1000 {
		to := t.TempDir()
		before := listing(t, dir)
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if listing(t, dir) == before { // else Badger has moved something meanwhile
			d.lose(t, to)
			return to
		}
		ok(t, os.RemoveAll(to))
	}
	t.Fatal("the directory does not come to rest")
	return ""
}

// listing is what Badger has: its manifest, and the names of its files.
func listing(t *testing.T, dir string) string {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(dir, storeDir, "MANIFEST"))
	ok(t, err)
	entries, err := os.ReadDir(filepath.Join(dir, storeDir))
	ok(t, err)
	return fmt.Sprintf("%x %s", manifest, entries)
}

// lose has a copy's logs be what was synced of them.
func (d *disk) lose(t *testing.T, dir string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, storeDir, "*"+logSuffix))
	ok(t, err)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, path := range logs {
		b, synced := d.synced[filepath.Base(path)]
		if !synced {
			ok(t, os.Remove(path))
			continue
		}
		ok(t, os.WriteFile(path, b, 0o600))
	}
}

// TestEpochSurvivesPowerFailure: a committed epoch of several memory tables is there
// when all that was not synced has gone, and one that is not whole is undone.
func TestEpochSurvivesPowerFailure(t *testing.T) {
	dir, d := t.TempDir(), &disk{synced: map[string][]byte{}}
	var unmarked string // the directory before the mark of the second epoch
	chunks, last := 0, uint64(0)
	s, err := Open(Options{Dir: dir, memTable: testMemTable, syncLog: d.sync, fault: func(at step) error {
		switch {
		case at == stepChunk.done():
			chunks++
		case at == stepPrepared && last == 2:
			unmarked = d.after(t, dir)
		}
		return nil
	}})
	ok(t, err)
	defer func() { ok(t, s.Close()) }()
	j := begun(t, s)
	const keys = 400
	epoch := func(e uint64) *Batch {
		var b Batch
		for k := range keys {
			b.Set(pages, fmt.Appendf(nil, "k%03d", k), append(bytes.Repeat([]byte{byte(e)}, 900), byte(k)))
		}
		return &b
	}
	for e := uint64(1); e <= 3; e++ {
		before := d.syncs
		last = e
		_, err := j.Prepare(e, epoch(e), Progress{})
		ok(t, err)
		ok(t, j.Commit(e))
		if chunks < 4 {
			t.Fatalf("an epoch has %d chunks, want some", chunks)
		}
		// Pages, prepared and committed are three syncs, of some logs each; a table in
		// memory that was filled meanwhile has one more, and so has one that is still
		// being written out.
		if n := d.syncs - before; n > chunks+2 {
			t.Errorf("an epoch of %d chunks was synced %d times", chunks, n)
		}
		chunks = 0
	}
	// The mark says that all pages are durable.
	whole, err := Open(Options{Dir: unmarked, memTable: testMemTable})
	ok(t, err)
	found := 0
	ok(t, whole.scan(math.MaxUint64, appendSpace(nil, j.ID(), pages), func(_, value []byte) error {
		if value[0] == 2 {
			found++
		}
		return nil
	}))
	expect(t, "keys of the epoch that is not marked yet", found, keys)
	ok(t, whole.Close())
	for path, want := range map[string]uint64{unmarked: 1, d.after(t, dir): 3} {
		after, err := Open(Options{Dir: path, memTable: testMemTable})
		ok(t, err)
		j := after.Job(j.ID())
		r, err := j.Recover()
		ok(t, err)
		if r.Epoch != want || r.Prepared != nil {
			t.Fatalf("after the failure epoch %d is committed, prepared %v, want %d", r.Epoch, r.Prepared, want)
		}
		_, err = j.Rollback()
		ok(t, err)
		sn := after.Snapshot(j.ID())
		found = 0
		ok(t, sn.Scan(j.ID(), pages, nil, nil, func(key, value []byte) error {
			if len(value) != 901 || value[0] != byte(want) {
				return fmt.Errorf("%s is of epoch %d", key, value[0])
			}
			found++
			return nil
		}))
		sn.Close()
		expect(t, "keys", found, keys)
		ok(t, after.Close())
	}
}

// TestSmallEpochsSurvivePowerFailure: of epochs that fit a transaction each is two syncs, and
// there when all that was not synced has gone, also where a memory table was filled meanwhile.
func TestSmallEpochsSurvivePowerFailure(t *testing.T) {
	dir, d := t.TempDir(), &disk{synced: map[string][]byte{}}
	s, err := Open(Options{Dir: dir, memTable: testMemTable, syncLog: d.sync})
	ok(t, err)
	defer func() { ok(t, s.Close()) }()
	j := begun(t, s)
	const epochs = 150
	for e := uint64(1); e <= epochs; e++ {
		before, log := d.syncs, s.writer.logs.last
		var b Batch
		b.Set(pages, []byte("k"), append(bytes.Repeat([]byte{'x'}, 2000), byte(e)))
		_, err := j.Prepare(e, &b, Progress{Tokens: []Token{{"sink", []byte{byte(e)}}}})
		ok(t, err)
		ok(t, j.Commit(e))
		ok(t, j.Settled(e, "sink"))
		if n := d.syncs - before; n > 2 && s.writer.logs.last == log {
			t.Errorf("epoch %d was synced %d times, want 2", e, n)
		}
		if e%10 != 0 && s.writer.logs.last == log {
			continue
		}
		after, err := Open(Options{Dir: d.after(t, dir), memTable: testMemTable})
		ok(t, err)
		r, err := after.Job(j.ID()).Recover()
		ok(t, err)
		if r.Epoch != e || r.Prepared != nil || r.Sinks[0].Delivered < e-1 {
			t.Fatalf("after epoch %d the failure leaves %+v", e, r)
		}
		_, err = after.Job(j.ID()).Rollback()
		ok(t, err)
		sn := after.Snapshot(j.ID())
		value, found, err := sn.Get(j.ID(), pages, []byte("k"), nil)
		if err != nil || !found || value[2000] != byte(e) {
			t.Fatalf("after epoch %d the failure leaves a page of %v, %v, %v", e, value, found, err)
		}
		sn.Close()
		ok(t, after.Close())
	}
	if s.writer.logs.last < 5 {
		t.Fatalf("the newest log is %d: no memory table was filled", s.writer.logs.last)
	}
}

// TestSyncFailsForAll: the system tells of a page that it could not write once; who
// waits for the next sync is not told that its write is durable.
func TestSyncFailsForAll(t *testing.T) {
	var armed atomic.Bool
	begun, release := make(chan struct{}), make(chan struct{})
	s, err := Open(Options{Dir: t.TempDir(), syncLog: func(f *os.File) error {
		if armed.CompareAndSwap(true, false) {
			close(begun)
			<-release
			return syscall.EIO
		}
		return f.Sync()
	}})
	ok(t, err)
	defer func() { _ = s.Close() }() // of a store that has failed
	armed.Store(true)
	answers := make(chan error, 2)
	go func() { answers <- s.writer.sync() }()
	<-begun
	go func() { answers <- s.writer.sync() }()
	close(release)
	for range 2 {
		if err := <-answers; !errors.Is(err, syscall.EIO) {
			t.Errorf("a sync that waits for one that fails answers %v, want %v", err, syscall.EIO)
		}
	}
	if err := s.writer.logs.sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the logs' sync after one that failed answers %v, want %v", err, syscall.EIO)
	}
}
