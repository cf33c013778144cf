package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// log writes numbered lines and rotates by renaming, as logrotate does.
type log struct {
	t    *testing.T
	path string
	last int
	at   time.Time
}

func newLog(t *testing.T, path string) *log {
	l := &log{t: t, path: path, at: time.Now().Add(-1000 * time.Hour)}
	l.create()
	return l
}

// touch gives the file a time of its own: a machine's clock stands still for
// longer than some of these writes take.
func (l *log) touch() {
	l.t.Helper()
	l.at = l.at.Add(time.Second)
	if err := os.Chtimes(l.path, l.at, l.at); err != nil {
		l.t.Fatal(err)
	}
}

func (l *log) create() {
	write(l.t, l.path, "")
	l.touch()
}

func (l *log) lines(n int) {
	for range n {
		l.last++
		extend(l.t, l.path, fmt.Sprintf(`{"id":%d}`+"\n", l.last))
	}
	l.touch()
}

func (l *log) rotate() {
	l.t.Helper()
	for i := 30; i >= 0; i-- {
		from := l.path
		if i > 0 {
			from = fmt.Sprint(l.path, ".", i)
		}
		if err := os.Rename(from, fmt.Sprint(l.path, ".", i+1)); err != nil && (i == 0 || !errors.Is(err, os.ErrNotExist)) {
			l.t.Fatal(err)
		}
	}
	l.create()
}

// ids are the numbers of rows read.
func ids(rows []string) []int {
	n := make([]int, len(rows))
	for i, r := range rows {
		fmt.Sscan(r, &n[i])
	}
	slices.Sort(n)
	return n
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i + 1
	}
	return all
}

// TestPatternMatchesRotatedNames renames a file to a name that its stream's
// pattern matches too, while it is read and while it is not.
func TestPatternMatchesRotatedNames(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, filepath.Join(dir, "app.log"))
	rel := relation(filepath.Join(dir, "app*"), "follow", "true")
	l.lines(3)
	c := open(t, rel, dir, stream.Scan{}, nil)
	got := c.some(3)
	l.rotate()
	l.lines(2)
	got = append(got, c.some(2)...)
	// Whoever has the old file open may still write to it.
	l.last++
	extend(t, l.path+".1", fmt.Sprintf(`{"id":%d}`+"\n", l.last))
	got = append(got, c.some(1)...)
	c.r.Close()
	l.rotate()
	l.lines(1)
	l.rotate()
	l.lines(1)
	c = open(t, rel, dir, stream.Scan{}, c.at)
	got = append(got, c.some(2)...)
	for range 8 {
		rows, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rows...)
	}
	if got := ids(got); !slices.Equal(got, upTo(l.last)) {
		t.Errorf("read %v, want each line to %d once", got, l.last)
	}
	bounded, err := open(t, rel, dir, stream.Scan{Bounded: true}, nil).rest()
	if err != nil || !slices.Equal(ids(bounded), upTo(l.last)) {
		t.Errorf("at once: %v, %v", ids(bounded), err)
	}
}

// TestEachLineOnceThroughRotation writes, rotates, reads, stops and restarts in
// random order, with patterns that match rotated names and one that does not.
func TestEachLineOnceThroughRotation(t *testing.T) {
	for _, pattern := range []string{"app*", "*.log", "app.log"} {
		for seed := range uint64(20) {
			synctest.Test(t, func(t *testing.T) { rotation(t, pattern, seed) })
		}
	}
}

func rotation(t *testing.T, pattern string, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	l := newLog(t, filepath.Join(dir, "app.log"))
	rel := relation(filepath.Join(dir, pattern), "follow", "true")
	var got, trace []string
	at := map[stream.Split]stream.Offset{}
	var c *cursor
	read := func() {
		if c == nil {
			c = open(t, rel, dir, stream.Scan{}, at)
			trace = append(trace, "start")
		}
		rows, err := c.next()
		if err != nil {
			t.Fatal(pattern, seed, err, trace)
		}
		trace = append(trace, fmt.Sprint("read ", rows))
		got, at = append(got, rows...), maps.Clone(c.at)
	}
	read() // what was rotated before is not the stream's
	for range 40 {
		switch op := rnd.IntN(6); {
		case op < 2:
			n := 1 + rnd.IntN(3)
			l.lines(n)
			trace = append(trace, fmt.Sprint("lines ", n))
		case op == 2:
			l.rotate()
			trace = append(trace, "rotate")
		case op == 3 && c != nil:
			c.r.Close()
			c = nil
			trace = append(trace, "stop")
		default:
			read()
		}
	}
	for n := 0; n < 100 || len(got) < l.last && n < 1000; n++ {
		read()
	}
	if got := ids(got); !slices.Equal(got, upTo(l.last)) {
		t.Errorf("%s, seed %d: read %v, want each line to %d once: %s", pattern, seed, got, l.last, strings.Join(trace, ", "))
	}
	c.r.Close()
}

// TestReplacedUnderTheSameInode writes another file into the inode of one that
// was read, while nobody looks.
func TestReplacedUnderTheSameInode(t *testing.T) {
	for _, pattern := range []string{"a.json", "*.json"} {
		dir := t.TempDir()
		p := filepath.Join(dir, "a.json")
		write(t, p, `{"id":1}`+"\n"+`{"id":2}`+"\n")
		c := open(t, relation(filepath.Join(dir, pattern), "follow", "true"), dir, stream.Scan{}, nil)
		c.want("1 NULL @0", "2 NULL @9")
		c.r.Close()
		write(t, p, `{"id":7,"name":"x"}`+"\n"+`{"id":8}`+"\n")
		open(t, relation(filepath.Join(dir, pattern), "follow", "true", "on_data_loss", "continue"), dir, stream.Scan{}, c.at).want("7 x @0", "8 NULL @20")
		src, err := Connector{}.Source(t.Context(), env(dir), relation(filepath.Join(dir, pattern), "follow", "true"))
		if err != nil {
			t.Fatal(err)
		}
		var from []stream.Position
		for s, o := range c.at {
			from = append(from, stream.Position{Split: s, Offset: o})
		}
		_, err = src.Open(t.Context(), from, stream.Scan{Columns: []int{0}})
		if e := sqlerr.From(err); e == nil || e.Code != sqlerr.SnapshotTooOld || !strings.Contains(e.Message, "was replaced while nobody read it: what followed byte 18 is lost") {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	// And one that is not followed.
	dir := t.TempDir()
	p := filepath.Join(dir, "a.json")
	write(t, p, strings.Repeat(`{"id":1}`+"\n", 3000))
	c := open(t, relation(p), dir, stream.Scan{}, nil)
	if _, err := c.next(); err != nil {
		t.Fatal(err)
	}
	c.r.Close()
	write(t, p, strings.Repeat(`{"id":2}`+"\n", 3000))
	_, err := open(t, relation(p), dir, stream.Scan{}, c.at).rest()
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.DataCorrupted || !strings.Contains(e.Message, "is another one than that which was read up to byte 9216") {
		t.Errorf("not followed: %v", err)
	}
}

// older is a position as format 1 has it.
func older(p position) stream.Offset {
	b := []byte{1, p.shape}
	for _, x := range []uint64{uint64(p.offset), p.id.dev, p.id.ino} {
		b = binary.AppendUvarint(b, x)
	}
	return b
}

// TestOlderPositions goes on from positions of format 1, whose splits are paths.
func TestOlderPositions(t *testing.T) {
	for _, pattern := range []string{"app.log", "app*"} {
		dir := t.TempDir()
		l := newLog(t, filepath.Join(dir, "app.log"))
		l.lines(3)
		id, _, err := stat(l.path)
		if err != nil {
			t.Fatal(err)
		}
		l.rotate()
		l.lines(1)
		at := map[stream.Split]stream.Offset{stream.Split(l.path): older(position{offset: 9, id: id})}
		c := open(t, relation(filepath.Join(dir, pattern), "follow", "true"), dir, stream.Scan{}, at)
		if got := ids(c.some(3)); !slices.Equal(got, []int{2, 3, 4}) {
			t.Errorf("%s: read %v, want 2 3 4", pattern, got)
		}
		if got, err := decodePosition("", c.at[stream.Split(l.path)]); err != nil || got.head.n == 0 {
			t.Errorf("%s: the position that follows: %+v, %v", pattern, got, err)
		}
	}
	_, err := decodePosition("a", stream.Offset{3, 0, 0, 0, 0})
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.DataCorrupted || !strings.Contains(e.Message, "has format 3, and this version reads formats up to 2") {
		t.Errorf("a later format: %v", err)
	}
}

// TestRemovedFilesAreClosed removes rotated files that were read: the reader
// keeps neither them nor a place for them, and restarts without them.
func TestRemovedFilesAreClosed(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, filepath.Join(dir, "app.log"))
	rel := relation(filepath.Join(dir, "app*"), "follow", "true")
	c := open(t, rel, dir, stream.Scan{}, nil)
	for range 5 {
		l.lines(1)
		c.some(1)
		l.rotate()
		// One poll finds the new file, some that the old one is quiet.
		for old := false; !old; {
			if _, err := c.next(); err != nil {
				t.Fatal(err)
			}
			old = !slices.ContainsFunc(c.r.(*reader).inputs, func(in *input) bool { return in.own && in.path != in.label && in.rotated < quietPolls })
		}
		if err := os.Remove(l.path + ".1"); err != nil {
			t.Fatal(err)
		}
	}
	for len(c.r.(*reader).inputs) > 1 {
		if _, err := c.next(); err != nil {
			t.Fatal(err)
		}
	}
	c.r.Close()
	l.lines(1)
	c = open(t, rel, dir, stream.Scan{}, c.at)
	c.want("6 NULL @0")
	if n := len(c.r.(*reader).inputs); n != 1 {
		t.Errorf("%d files are read, want one", n)
	}
}

// TestCompressedByRotation has what was rotated compressed under a name that the
// pattern matches.
func TestCompressedByRotation(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "app.log")
	write(t, p, `{"id":1}`+"\n")
	write(t, p+".1.gz", "\x1f\x8b")
	c := open(t, relation(filepath.Join(dir, "app*"), "follow", "true"), dir, stream.Scan{}, nil)
	c.want("1 NULL @0")
}
