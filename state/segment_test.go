package state

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testSegment = 512

// bareLog is a log without a store: entries of the sizes given lie in it, of
// versions 10, 20 and so on, over as many segments of testSegment bytes as it takes.
func bareLog(t *testing.T, sizes ...int) (dir string, segments uint64, entries []string) {
	t.Helper()
	s := open(t, Options{InMemory: true, redoDir: t.TempDir(), segment: testSegment})
	for i, size := range sizes {
		entry := strings.Repeat(fmt.Sprint(i), size)[:size]
		ok(t, s.redo.room(size))
		ok(t, s.redo.append(uint64(10*(i+1)), []byte(entry)))
		entries = append(entries, entry)
	}
	s.redo.wait.Wait()
	return s.redo.dir, s.redo.segments[s.redo.active].number, entries
}

// reopenLog opens a bare log and returns its entries.
func reopenLog(dir string, segments uint64) (*redoLog, []string, error) {
	s := &Store{counter: counter{limit: 1 << 20}}
	s.writer.fault = func(step) error { return nil }
	last, err := s.openRedo(dir, testSegment, 1, segments, 0)
	if err != nil {
		return nil, nil, err
	}
	var got []string
	var seen uint64
	r := s.redo.read(0, 0, math.MaxUint64)
	err = r.until(math.MaxUint64, func(log []byte, version uint64) error {
		if seen = version; version != uint64(10*(len(got)+1)) {
			return fmt.Errorf("entry %d has version %d", len(got), version)
		}
		got = append(got, string(log))
		return nil
	})
	if err == nil && seen != last {
		err = fmt.Errorf("the last entry has version %d, and the log says %d", seen, last)
	}
	return s.redo, got, err
}

// copyLog copies a log's files to a directory, the last one as changed.
func copyLog(t *testing.T, from string, segments uint64, change func(last []byte) []byte) string {
	t.Helper()
	to := t.TempDir()
	for n := uint64(1); n <= segments; n++ {
		data, err := os.ReadFile((&redoLog{dir: from}).path(n))
		ok(t, err)
		if n == segments {
			data = change(data)
		}
		ok(t, os.WriteFile((&redoLog{dir: to}).path(n), data, 0o600))
	}
	return to
}

// ends are where the records of a segment end, and to which entry.
func ends(t *testing.T, dir string, number uint64) []int {
	t.Helper()
	sg, data, err := readSegment((&redoLog{dir: dir}).path(number), number)
	ok(t, err)
	var all []int
	for at := sg.end; ; {
		_, entry, whole := sg.record(data, at)
		if !whole {
			return all
		}
		at += recordHead + len(entry)
		all = append(all, at)
		at = (at + recordAlign - 1) / recordAlign * recordAlign
	}
}

// TestLogCutAtEveryByte: a log whose end never got to the disk, from any byte on,
// has the entries before it, and what is then appended follows them.
func TestLogCutAtEveryByte(t *testing.T) {
	dir, segments, entries := bareLog(t, 1, 200, 7, 150, 90, 8, 31, 120, 3)
	if segments < 2 {
		t.Fatal("the log has one segment")
	}
	at := ends(t, dir, segments)
	before := len(entries) - len(at)
	for cut := segmentHead; cut <= testSegment; cut++ {
		kept := before
		for _, end := range at {
			if end <= cut {
				kept++
			}
		}
		torn := copyLog(t, dir, segments, func(b []byte) []byte { clear(b[cut:]); return b })
		l, got, err := reopenLog(torn, segments)
		ok(t, err)
		expect(t, fmt.Sprintf("cut at byte %d", cut), got, entries[:kept])
		ok(t, l.append(uint64(10*(kept+1)), []byte("appended")))
		ok(t, l.close())
		l, got, err = reopenLog(torn, segments)
		ok(t, err)
		expect(t, fmt.Sprintf("cut at byte %d, and appended to", cut), got, append(entries[:kept:kept], "appended"))
		ok(t, l.close())
	}
}

// TestTornRecord: of a record that was being written any parts may have got to the
// disk, in any order.
func TestTornRecord(t *testing.T) {
	dir, segments, entries := bareLog(t, 20, 400)
	at := ends(t, dir, segments)
	from := at[len(at)-1] - 400 - recordHead
	const parts, part = 7, 64
	for mask := range 1<<parts - 1 { // all but whole
		torn := copyLog(t, dir, segments, func(b []byte) []byte {
			for i := range parts {
				if mask&(1<<i) == 0 {
					clear(b[from+i*part : min(from+(i+1)*part, len(b))])
				}
			}
			return b
		})
		l, got, err := reopenLog(torn, segments)
		ok(t, err)
		if len(got) != len(entries)-1 {
			t.Fatalf("with the parts %b of the last record there are %d entries", mask, len(got))
		}
		ok(t, l.close())
	}
}

// TestDamagedLogIsRefused: a byte that has changed before the last record is
// noticed, wherever it is, and so is a segment that is missing.
func TestDamagedLogIsRefused(t *testing.T) {
	dir, segments, entries := bareLog(t, 40, 5, 64, 16, 9)
	at := ends(t, dir, segments)
	if segments != 1 || len(at) != len(entries) {
		t.Fatalf("the log has %d segments", segments)
	}
	last := (at[len(at)-2] + recordAlign - 1) / recordAlign * recordAlign
	for i := range at[len(at)-1] {
		changed := copyLog(t, dir, segments, func(b []byte) []byte { b[i] ^= 0x10; return b })
		l, got, err := reopenLog(changed, segments)
		padding := false
		for _, end := range at {
			padding = padding || i >= end && i < (end+recordAlign-1)/recordAlign*recordAlign
		}
		switch {
		case i >= last:
			ok(t, err) // it may as well be torn
			expect(t, "before the last record", got, entries[:len(entries)-1])
		case padding:
			ok(t, err)
			expect(t, "with other padding", got, entries)
		case i >= segmentHead-4 && i < segmentHead || !errors.Is(err, ErrRedoDamaged):
			if !errors.Is(err, ErrRedoDamaged) {
				t.Errorf("byte %d has changed: %d entries, %v", i, len(got), err)
			}
		}
		if err == nil {
			ok(t, l.close())
		}
	}

	dir, segments, _ = bareLog(t, 300, 300, 300)
	if segments != 3 {
		t.Fatalf("the log has %d segments", segments)
	}
	ok(t, os.Remove((&redoLog{dir: dir}).path(2)))
	if _, _, err := reopenLog(dir, segments); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a segment is missing: %v", err)
	}
}

// TestCutBeforeTheLastSegment: what was lost is not at the end of the log.
func TestCutBeforeTheLastSegment(t *testing.T) {
	dir, segments, _ := bareLog(t, 300, 300)
	path := (&redoLog{dir: dir}).path(segments - 1)
	data, err := os.ReadFile(path)
	ok(t, err)
	clear(data[segmentHead+8:])
	ok(t, os.WriteFile(path, data, 0o600))
	if _, _, err := reopenLog(dir, segments); !errors.Is(err, ErrRedoDamaged) {
		t.Errorf("opening a log whose first segment was cut: %v, want ErrRedoDamaged", err)
	}
}

// TestForgedRecord: an entry that holds the bytes of a record of another segment
// is no record where it was torn.
func TestForgedRecord(t *testing.T) {
	other := &segment{salt: [8]byte{1, 2, 3}}
	forged := bytes.Repeat(other.appendRecord(nil, 0, 99, []byte("forged")), 4)
	s := open(t, Options{InMemory: true, redoDir: t.TempDir(), segment: testSegment})
	ok(t, s.redo.room(len(forged)))
	ok(t, s.redo.append(10, []byte("first")))
	ok(t, s.redo.append(20, forged))
	torn := copyLog(t, s.redo.dir, 1, func(b []byte) []byte {
		clear(b[segmentHead+recordSize(5) : segmentHead+recordSize(5)+recordHead])
		return b
	})
	l, got, err := reopenLog(torn, 1)
	ok(t, err)
	expect(t, "entries", got, []string{"first"})
	ok(t, l.close())
	if names, err := filepath.Glob(filepath.Join(torn, "*")); err != nil || len(names) != 1 {
		t.Errorf("%v %v", names, err)
	}
}
