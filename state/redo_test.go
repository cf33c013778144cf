package state

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// logOf are the entries of a snapshot.
func logOf(t *testing.T, sn *Snapshot) []string {
	t.Helper()
	all := []string{}
	last := uint64(0)
	ok(t, sn.Log(func(log []byte, version uint64) error {
		if version <= last {
			return fmt.Errorf("version %d comes after %d", version, last)
		}
		last = version
		all = append(all, string(log))
		return nil
	}))
	return all
}

// commitLog commits and returns the snapshot, which is closed with the test.
func commitLog(t *testing.T, s *Store, c TableChange, catalog func(*Writer) error) *Snapshot {
	t.Helper()
	sn, err := s.Commit(c, catalog)
	ok(t, err)
	return sn
}

// TestRedoLog commits entries alone, with writes, with changes of the catalog, and
// settles them, at random, closes and opens the store, and reads it at every version
// that is held.
func TestRedoLog(t *testing.T) {
	for name, options := range map[string]Options{
		"memory": {InMemory: true, memTable: testMemTable},
		"disk":   {Dir: t.TempDir(), memTable: testMemTable, segment: 4 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, options)
			r := rand.New(rand.NewPCG(11, 12))
			want := []string{}
			n := 0
			type read struct {
				sn   *Snapshot
				want []string
			}
			var held []read
			keep := func(sn *Snapshot) {
				expect(t, "the log", logOf(t, sn), want)
				held = append(held, read{sn, append([]string{}, want...)})
			}
			for range 400 {
				n++
				entry := fmt.Sprint(n, " ", string(bytes.Repeat([]byte("x"), r.IntN(600))))
				c := TableChange{Log: []byte(entry)}
				switch r.IntN(12) {
				case 0:
					c.Writes = eachOf([]Write{{Space: pages, Key: []byte("k"), Value: []byte(entry)}})
					want = append(want, entry)
					keep(commitLog(t, s, c, nil))
				case 1:
					want = append(want, entry)
					keep(commitLog(t, s, c, func(w *Writer) error { w.Set([]byte("c"), []byte(entry)); return nil }))
				case 2:
					want = []string{}
					keep(commitLog(t, s, TableChange{Settled: true}, nil))
				case 3:
					ok(t, s.Update(func(w *Writer) error { w.Set([]byte("c"), []byte(entry)); return nil }))
				case 4:
					for _, h := range held {
						expect(t, "an older version's log", logOf(t, h.sn), h.want)
						h.sn.Close()
					}
					held = nil
				case 5:
					if options.InMemory {
						break
					}
					for _, h := range held {
						h.sn.Close()
					}
					held = nil
					version := s.tablesVersion()
					ok(t, s.Close())
					s = open(t, options)
					if now := s.tablesVersion(); now != version {
						t.Fatalf("after a start the tables are at version %d, want %d", now, version)
					}
					keep(s.Snapshot(TablesID))
				case 6: // more than a segment has room for
					c.Log = bytes.Repeat([]byte("y"), 5<<10)
					want = append(want, string(c.Log))
					keep(commitLog(t, s, c, nil))
				default:
					want = append(want, entry)
					keep(commitLog(t, s, c, nil))
				}
			}
			for _, h := range held {
				expect(t, "an older version's log", logOf(t, h.sn), h.want)
				h.sn.Close()
			}
			if options.InMemory {
				return
			}
			commitLog(t, s, TableChange{Settled: true}, nil).Close()
			commitLog(t, s, TableChange{Settled: true}, nil).Close()
			s.redo.wait.Wait()
			if names, err := os.ReadDir(s.redo.dir); err != nil || len(names) > 2 {
				t.Errorf("%d segments are left when all is settled and nobody reads, %v", len(names), err)
			}
		})
	}
}

// TestLogOfAFollowedVersion: entries stay for as long as a job may read the tables
// at its version, over a start.
func TestLogOfAFollowedVersion(t *testing.T) {
	o := Options{Dir: t.TempDir(), memTable: testMemTable, segment: 512}
	s := open(t, o)
	j := begun(t, s)
	commitLog(t, s, TableChange{Log: []byte("a")}, nil).Close()
	sn := commitLog(t, s, TableChange{Log: []byte("b")}, nil)
	at := sn.Version(TablesID)
	sn.Close()
	followed(t, j, at)
	for range 3 {
		for i := range 30 {
			commitLog(t, s, TableChange{Log: fmt.Appendf(nil, "later %060d", i)}, nil).Close()
		}
		commitLog(t, s, TableChange{Settled: true}, nil).Close()
	}
	check := func() {
		t.Helper()
		sn, err := s.Job(j.ID()).Reopen(at)
		ok(t, err)
		defer sn.Close()
		expect(t, "the log at the followed version", logOf(t, sn), []string{"a", "b"})
	}
	check()
	ok(t, s.Close())
	s = open(t, o)
	check()
	j = s.Job(j.ID())
	_, err := j.Rollback()
	ok(t, err)
	followed(t, j, s.tablesVersion())
	commitLog(t, s, TableChange{Settled: true}, nil).Close()
	if n := len(s.redo.segments); n > 2 {
		t.Errorf("%d segments are kept for nobody", n)
	}
}

// TestBackupHasTheLog: entries of segments and of slots, in their order.
func TestBackupHasTheLog(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), segment: 512})
	commitLog(t, s, TableChange{Log: []byte("settled")}, nil).Close()
	commitLog(t, s, TableChange{Settled: true}, nil).Close()
	var want []string
	for i := range 20 {
		c := TableChange{Log: fmt.Appendf(nil, "entry %050d", i)}
		if i%4 == 0 {
			c.Writes = eachOf([]Write{{Space: pages, Key: []byte("k"), Value: []byte("v")}})
		}
		want = append(want, string(c.Log))
		commitLog(t, s, c, nil).Close()
	}
	var file bytes.Buffer
	ok(t, s.Backup(t.Context(), &file))
	commitLog(t, s, TableChange{Log: []byte("after it")}, nil).Close()

	dir := filepath.Join(t.TempDir(), "restored")
	ok(t, Restore(t.Context(), dir, &file))
	for range 2 {
		r := open(t, Options{Dir: dir, segment: 512})
		sn := r.Snapshot(TablesID)
		expect(t, "the restored log", logOf(t, sn), want)
		sn.Close()
		c := TableChange{Log: []byte("in the restored store")}
		want = append(want, string(c.Log))
		commitLog(t, r, c, nil).Close()
		ok(t, r.Close())
	}
}

// TestChangeThatWasCutOffAboveTheLog: what is undone is above every entry, and the
// mark that was written with it says nothing.
func TestChangeThatWasCutOffAboveTheLog(t *testing.T) {
	o := Options{Dir: t.TempDir(), memTable: testMemTable}
	d := &dying{at: stepTables, times: 0}
	dead := o
	dead.fault = d.fault
	s := open(t, o)
	commitLog(t, s, TableChange{Log: []byte("one")}, nil).Close()
	ok(t, s.Close())
	s, err := Open(dead)
	ok(t, err)
	commitLog(t, s, TableChange{Log: []byte("two")}, nil).Close()
	d.times = 1 // the first part is written
	big := TableChange{Settled: true, Writes: func(put func(Write) error) error {
		for i := range 100 {
			if err := put(Write{Space: pages, Key: fmt.Appendf(nil, "k%d", i), Value: make([]byte, 5000)}); err != nil {
				return err
			}
		}
		return nil
	}}
	_, err = s.Commit(big, nil)
	crashed(t, err)
	_ = s.Close()
	s = open(t, o)
	sn := s.Snapshot(TablesID)
	expect(t, "the log", logOf(t, sn), []string{"one", "two"})
	ok(t, sn.Scan(TablesID, pages, nil, nil, func(key, _ []byte) error { return fmt.Errorf("key %s is left", key) }))
	sn.Close()
	commitLog(t, s, TableChange{Log: []byte("three")}, nil).Close()
	sn = s.Snapshot(TablesID)
	expect(t, "the log", logOf(t, sn), []string{"one", "two", "three"})
	sn.Close()
}

// TestLogWithoutSpace: a commit for whose entry there is no segment is refused, and
// may be tried again.
func TestLogWithoutSpace(t *testing.T) {
	free := uint64(reserve)
	s := open(t, Options{Dir: t.TempDir(), segment: 512, free: func(string) (uint64, error) { return free, nil }})
	entry := TableChange{Log: make([]byte, 200)}
	for range 5 {
		commitLog(t, s, entry, nil).Close()
	}
	s.redo.wait.Wait()
	free = reserve - 1
	refused := 0
	for range 5 {
		sn, err := s.Commit(entry, nil)
		switch {
		case errors.Is(err, ErrNoSpace):
			refused++
		case err != nil:
			t.Fatal(err)
		default:
			sn.Close()
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	free = reserve
	commitLog(t, s, entry, nil).Close()
}

// TestSegmentAheadWithoutSpace: where there was no room for a segment that was to be
// made ahead, and there is when a commit needs it, the commit makes it.
func TestSegmentAheadWithoutSpace(t *testing.T) {
	free := uint64(reserve)
	s := open(t, Options{Dir: t.TempDir(), segment: 512, free: func(string) (uint64, error) { return free, nil }})
	entry := TableChange{Log: make([]byte, 100)}
	commitLog(t, s, entry, nil).Close()
	free = reserve - 1
	for n := 0; s.redo.making == nil; n++ {
		if n == 4 {
			t.Fatal("no segment is made ahead")
		}
		commitLog(t, s, entry, nil).Close()
	}
	s.redo.wait.Wait()
	free = reserve
	for range 5 {
		commitLog(t, s, entry, nil).Close()
	}
	if n := s.redo.active; n == 0 {
		t.Error("the log has gone on to no segment")
	}
}

// TestStartSyncsASeal: a process that is killed before a seal is synced leaves one that
// a start reads; it syncs it before records of the next segment are.
func TestStartSyncsASeal(t *testing.T) {
	d := &dying{at: stepSeal.done(), times: 0}
	o := Options{Dir: t.TempDir(), segment: 512}
	dead := o
	dead.fault = d.fault
	s, err := Open(dead)
	ok(t, err)
	entry := TableChange{Log: make([]byte, 100)}
	for n := 0; err == nil; n++ {
		if n == 10 {
			t.Fatal("no segment has been sealed")
		}
		var sn *Snapshot
		if sn, err = s.Commit(entry, nil); err == nil {
			sn.Close()
			s.redo.wait.Wait() // the next segment is there
		}
	}
	crashed(t, err)
	_ = s.Close()
	var synced []string
	o.resync = func(f *os.File) error {
		synced = append(synced, filepath.Base(f.Name()))
		return f.Sync()
	}
	s = open(t, o)
	expect(t, "the segments that are synced", synced, []string{"0000000000000001.log", "0000000000000002.log"})
	commitLog(t, s, entry, nil).Close()
	if n := s.redo.place(); n != 2 {
		t.Errorf("the log goes on in segment %d", n)
	}
}
