package state

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

// pieces is the space of what is written by settlings only.
var pieces = Space{Operator: 8}

func putPiece(t *testing.T, p *Settling, writes ...Write) {
	t.Helper()
	ok(t, p.Put(writes))
}

func piece(key, value string) Write {
	return Write{Space: pieces, Key: []byte(key), Value: []byte(value)}
}

// piecesOf are the pieces that a snapshot of the tables has.
func piecesOf(t *testing.T, sn *Snapshot) map[string]string {
	t.Helper()
	all := map[string]string{}
	ok(t, sn.Scan(TablesID, pieces, nil, nil, func(k, v []byte) error { all[string(k)] = string(v); return nil }))
	return all
}

// TestCommitsBetweenPieces: while the log is settled piece by piece, commits of each
// kind get through, and are there afterwards; who reads at a version of before sees
// nothing of the pieces, who reads after Finish sees all of them, with the entries
// that came meanwhile. So it is after a start, too.
func TestCommitsBetweenPieces(t *testing.T) {
	for name, o := range map[string]Options{
		"memory": {InMemory: true, memTable: testMemTable},
		"disk":   {Dir: t.TempDir(), memTable: testMemTable, segment: 512},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, o)
			n := 0
			var want []string
			one := func(c TableChange, catalog func(*Writer) error) {
				n++
				c.Log = fmt.Appendf(nil, "%d %s", n, strings.Repeat("x", 100))
				want = append(want, string(c.Log))
				commitLog(t, s, c, catalog).Close()
			}
			several := func() {
				one(TableChange{}, nil)
				one(TableChange{Writes: eachOf([]Write{{Space: pages, Key: []byte("k"), Value: fmt.Append(nil, n)}})}, nil)
				one(TableChange{}, func(w *Writer) error { w.Set([]byte("c"), fmt.Append(nil, n)); return nil })
				one(TableChange{}, nil)
				ok(t, s.Update(func(w *Writer) error { w.Set([]byte("c"), fmt.Append(nil, n)); return nil }))
			}
			several()
			for round := range 3 {
				before := s.Snapshot(TablesID)
				had, settled := piecesOf(t, before), len(want)
				p, err := s.Settle()
				ok(t, err)
				now := map[string]string{}
				for k := range 3 {
					key, value := fmt.Sprint(k), fmt.Sprint(round, strings.Repeat(" ", 2000))
					now[key] = value
					putPiece(t, p, piece(key, value))
					several()
					during := s.Snapshot(TablesID)
					expect(t, "pieces before the end", piecesOf(t, during), had)
					expect(t, "the log before the end", logOf(t, during), want)
					during.Close()
				}
				if _, err := s.Commit(TableChange{Settled: true}, nil); !errors.Is(err, ErrSettling) {
					t.Fatalf("a commit that settles, beside a settling: %v", err)
				}
				if _, err := s.Settle(); !errors.Is(err, ErrSettling) {
					t.Fatalf("a second settling: %v", err)
				}
				sn, err := p.Finish()
				ok(t, err)
				p.Abandon()
				older := append([]string{}, want[:settled]...)
				want = want[settled:]
				expect(t, "pieces", piecesOf(t, sn), now)
				expect(t, "the log", logOf(t, sn), want)
				expect(t, "pieces of before", piecesOf(t, before), had)
				expect(t, "the log of before", logOf(t, before), older)
				several()
				latest := s.Snapshot(TablesID)
				expect(t, "the log", logOf(t, latest), want)
				for _, sn := range []*Snapshot{sn, before, latest} {
					sn.Close()
				}
				if o.InMemory {
					continue
				}
				ok(t, s.Close())
				s = open(t, o)
				sn = s.Snapshot(TablesID)
				expect(t, "pieces after a start", piecesOf(t, sn), now)
				expect(t, "the log after a start", logOf(t, sn), want)
				sn.Close()
			}
		})
	}
}

// TestSettlingThatDoesNotEnd: what a settling has written that is given up, that
// failed, or that a crash cut off is undone, and no commit beside it.
func TestSettlingThatDoesNotEnd(t *testing.T) {
	for _, how := range []string{"abandoned", "a commit beside it fails", "its end fails", "crash"} {
		t.Run(how, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), memTable: testMemTable}
			d := &dying{at: stepTables, times: math.MaxInt}
			mortal := o
			mortal.fault = d.fault
			s, err := Open(mortal)
			ok(t, err)
			entry := func(log string) { commitLog(t, s, TableChange{Log: []byte(log)}, nil).Close() }
			first, err := s.Settle()
			ok(t, err)
			putPiece(t, first, piece("a", "of before"), piece("b", "of before"))
			sn, err := first.Finish()
			ok(t, err)
			sn.Close()
			entry("one")
			p, err := s.Settle()
			ok(t, err)
			putPiece(t, p, piece("a", "undone"))
			entry("two")
			putPiece(t, p, piece("c", "undone"))
			switch how {
			case "abandoned":
				p.Abandon()
				if err := p.Put([]Write{piece("d", "refused")}); err == nil {
					t.Error("a settling that was given up takes a piece")
				}
				entry("three")
			case "a commit beside it fails":
				d.times = 0
				_, err := s.Commit(TableChange{Writes: eachOf([]Write{{Space: pages, Key: []byte("k")}})}, nil)
				crashed(t, err)
				d.dead, d.times = false, math.MaxInt
				entry("three")
				if _, err := p.Finish(); err == nil {
					t.Error("a settling that was undone ends well")
				}
			case "its end fails":
				d.times = 0
				_, err := p.Finish()
				crashed(t, err)
				d.dead, d.times = false, math.MaxInt
				entry("three")
			}
			check := func() {
				t.Helper()
				sn := s.Snapshot(TablesID)
				defer sn.Close()
				expect(t, "pieces", piecesOf(t, sn), map[string]string{"a": "of before", "b": "of before"})
				want := []string{"one", "two", "three"}
				if how == "crash" {
					want = want[:2]
				}
				expect(t, "the log", logOf(t, sn), want)
			}
			if how != "crash" {
				check()
			}
			ok(t, s.Close())
			s = open(t, o)
			check()
		})
	}
}

// TestNoVersionBelowTheSettling: a commit for which there is none left waits for the
// settling's end.
func TestNoVersionBelowTheSettling(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), memTable: testMemTable})
	log := TableChange{Log: []byte("entry")}
	commitLog(t, s, log, nil).Close() // there is a segment
	p, err := s.Settle()
	ok(t, err)
	s.counter.mu.Lock()
	s.counter.next = p.version - 2
	s.counter.mu.Unlock()
	commitLog(t, s, log, nil).Close()
	if v, err := s.NewVersion(); err != nil || v != p.version-1 {
		t.Fatalf("version %d, %v", v, err)
	}
	for range 2 {
		if _, err := s.Commit(log, nil); !errors.Is(err, ErrSettling) {
			t.Fatalf("a commit above the settling: %v", err)
		}
	}
	sn, err := p.Finish()
	ok(t, err)
	expect(t, "the log", logOf(t, sn), []string{"entry"})
	sn.Close()
	commitLog(t, s, log, nil).Close()
	if v := s.tablesVersion(); v <= p.version {
		t.Errorf("version %d follows the settling's, %d", v, p.version)
	}
}
