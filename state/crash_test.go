package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A child process works on a data directory and kills itself, with SIGKILL, at
// its k-th step; for k = 1, 2, ... until it gets to the end. After each death the
// directory must be whole: every value in it names its epoch, so a mixture shows.

const (
	childDir  = "FERRIS_STATE_TEST_DIR"
	childStep = "FERRIS_STATE_TEST_STEP" // "any": it works until it is killed
)

var (
	crashJobs = []ID{{1}, {2}}
	dropped   = ID{3}
)

// logged is the number under which the journal has the entries of the redo log,
// withCatalog what other entries begin with.
const (
	logged      = 7
	withCatalog = "with the catalog"
)

// journal is what the child says it does, before it does it, and has done.
type journal struct {
	f     *os.File
	entry uint64 // the last of the redo log that was tried
}

func openJournal(dir string) (*journal, error) {
	f, err := os.OpenFile(filepath.Join(dir, "journal"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &journal{f: f}, err
}

func (j *journal) say(format string, args ...any) error {
	_, err := fmt.Fprintf(j.f, format+"\n", args...)
	return err
}

// TestCrashChild is the child; alone it does nothing.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("it is run by TestKillAtEveryStep")
	}
	die, steps := 0, 0
	forEver := os.Getenv(childStep) == "any"
	if !forEver {
		n, err := strconv.Atoi(os.Getenv(childStep))
		ok(t, err)
		die = n
	}
	var mu sync.Mutex // segments of the redo log are made in the background
	s, err := Open(Options{Dir: dir, memTable: testMemTable, segment: testSegment, fault: func(step) error {
		mu.Lock()
		defer mu.Unlock()
		if steps++; steps == die {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			select {} // until the signal is there
		}
		return nil
	}})
	ok(t, err)
	log, err := openJournal(dir)
	ok(t, err)
	log.entry = readJournal(t, dir).last["try"][logged]
	ok(t, work(s, log))
	for forEver {
		ok(t, work(s, log))
	}
	ok(t, s.Close())
}

// work is one life: decide what the last one left, and go on.
func work(s *Store, log *journal) error {
	for i, id := range crashJobs {
		j := s.Job(id)
		r, err := j.Recover()
		if err != nil {
			return err
		}
		if r.Prepared != nil && r.Prepared.Epoch%2 == 0 {
			err = commitEpoch(j, i, r.Prepared.Epoch, log)
		} else {
			_, err = j.Rollback()
		}
		if err != nil {
			return err
		}
	}
	for round := range 2 {
		if err := updateCatalog(s, log); err != nil {
			return err
		}
		for i, id := range crashJobs {
			if err := runEpoch(s.Job(id), i, round, log); err != nil {
				return err
			}
		}
	}
	return dropAndMake(s)
}

func runEpoch(j *Job, i, round int, log *journal) error {
	epoch := j.Next()
	if err := log.say("use %d %d", i, epoch); err != nil {
		return err
	}
	var b Batch
	size := 1
	if round == 1 {
		size = 900 // several transactions
	}
	for k := range 20 {
		b.Set(pages, fmt.Appendf(nil, "k%02d", k), []byte(strings.Repeat(" ", size)+strconv.FormatUint(epoch, 10)))
	}
	// A key that only some epochs have.
	if epoch%2 == 0 {
		b.Set(pages, []byte("even"), []byte(strconv.FormatUint(epoch, 10)))
	} else {
		b.Delete(pages, []byte("even"))
	}
	_, err := j.Prepare(epoch, &b, Progress{
		Positions: []Position{{"source", "0", tokenOf(epoch)}}, Tokens: []Token{{"sink", tokenOf(epoch)}},
	})
	if err != nil {
		return err
	}
	if round == 1 && i == 1 {
		_, err := j.Rollback()
		return err
	}
	return commitEpoch(j, i, epoch, log)
}

func commitEpoch(j *Job, i int, epoch uint64, log *journal) error {
	if err := log.say("try %d %d", i, epoch); err != nil {
		return err
	}
	if err := j.Commit(epoch); err != nil {
		return err
	}
	if err := log.say("done %d %d", i, epoch); err != nil {
		return err
	}
	if err := j.Delivered(epoch, "sink"); err != nil {
		return err
	}
	return log.say("delivered %d %d", i, epoch)
}

func updateCatalog(s *Store, log *journal) error {
	n := 0
	if err := s.Scan([]byte("c00"), func(_, v []byte) (err error) {
		n, err = strconv.Atoi(strings.TrimSpace(string(v)))
		return err
	}); err != nil {
		return err
	}
	// A life may end before it has said what it did.
	if err := log.say("catalog 0 %d", n); err != nil {
		return err
	}
	n++
	var tables []Write
	for k := range 20 {
		// Every other change is too large for one transaction.
		tables = append(tables, Write{Space: pages, Key: fmt.Appendf(nil, "t%02d", k), Value: []byte(strings.Repeat(" ", n%2*900) + strconv.Itoa(n))})
	}
	if err := logEntries(s, log, 6); err != nil {
		return err
	}
	change := TableChange{Writes: eachOf(tables), Settled: n%3 == 0}
	if n%2 == 0 {
		change.Log = fmt.Appendf(nil, "%s %d", withCatalog, n)
	}
	if change.Settled {
		if err := log.say("settle %d %d", logged, log.entry); err != nil {
			return err
		}
	}
	sn, err := s.Commit(change, func(w *Writer) error {
		for k := range 20 {
			w.Set(fmt.Appendf(nil, "c%02d", k), []byte(strings.Repeat(" ", n%2*900)+strconv.Itoa(n)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	sn.Close()
	if err := s.Update(func(w *Writer) error { w.Set([]byte("single"), []byte(strconv.Itoa(n))); return nil }); err != nil {
		return err
	}
	if err := log.say("catalog 0 %d", n); err != nil {
		return err
	}
	if n%2 == 0 {
		return nil
	}
	return settleInPieces(s, n, log)
}

// settleInPieces settles the log while entries are appended to it.
func settleInPieces(s *Store, n int, log *journal) error {
	p, err := s.Settle()
	if err != nil {
		return err
	}
	settled := log.entry
	for k := range 2 {
		err := p.Put([]Write{{Space: pieces, Key: []byte{byte('0' + k)}, Value: []byte(strconv.Itoa(n) + strings.Repeat(" ", 900))}})
		if err == nil && k == 0 {
			err = logEntries(s, log, 2)
		}
		if err != nil {
			return err
		}
	}
	if err := log.say("settle %d %d", logged, settled); err != nil {
		return err
	}
	sn, err := p.Finish()
	if err == nil {
		sn.Close()
	}
	return err
}

// logEntries appends numbers to the redo log.
func logEntries(s *Store, log *journal, n int) error {
	for range n {
		log.entry++
		if err := log.say("try %d %d", logged, log.entry); err != nil {
			return err
		}
		sn, err := s.Commit(TableChange{Log: fmt.Appendf(nil, "%100d", log.entry)}, nil)
		if err != nil {
			return err
		}
		sn.Close()
		if err := log.say("done %d %d", logged, log.entry); err != nil {
			return err
		}
	}
	return nil
}

// verifyLog: of the entries that were said to be done none is missing that was not
// being settled, and there is none that was not tried.
func verifyLog(t *testing.T, s *Store, said said, die int) {
	t.Helper()
	sn := s.Snapshot(TablesID)
	defer sn.Close()
	has, last := map[uint64]bool{}, uint64(0)
	ok(t, sn.Log(func(entry []byte, _ uint64) error {
		if strings.HasPrefix(string(entry), withCatalog) {
			return nil
		}
		n, err := strconv.ParseUint(strings.TrimSpace(string(entry)), 10, 64)
		if err != nil {
			return err
		}
		if n <= last || n > said.last["try"][logged] {
			return fmt.Errorf("entry %d follows %d; it said %v", n, last, said.last)
		}
		has[n], last = true, n
		return nil
	}))
	for _, n := range said.logged {
		if n > said.last["settle"][logged] && !has[n] {
			t.Errorf("step %d: entry %d is not there; it said %v", die, n, said.last)
		}
	}
}

func dropAndMake(s *Store) error {
	j := s.Job(dropped)
	if r, err := j.Recover(); err != nil || r.Version > 0 {
		return errors.Join(err, s.DropJob(dropped))
	}
	next, err := j.Rollback()
	if err != nil {
		return err
	}
	var b Batch
	for k := range 20 {
		b.Set(pages, []byte{byte(k)}, make([]byte, 900))
	}
	if _, err := j.Prepare(next, &b, Progress{}); err != nil {
		return err
	}
	return j.Commit(next)
}

func TestKillAtEveryStep(t *testing.T) {
	dir := t.TempDir()
	for die := 1; ; die++ {
		child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
		child.Env = append(os.Environ(), childDir+"="+dir, childStep+"="+strconv.Itoa(die))
		out, err := child.CombinedOutput()
		if err == nil {
			if die < 40 {
				t.Errorf("the child got to its end in %d steps: it does not do what it should", die)
			}
			t.Logf("killed at %d steps", die-1)
			return
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the child that was to die at step %d: %v\n%s", die, err, out)
		}
		verify(t, dir, die)
		if t.Failed() {
			return
		}
	}
}

// TestKillAtAnyTime kills the child from outside, at moments that are no steps of
// ours: Badger writes tables, merges them and makes logs in the background.
func TestKillAtAnyTime(t *testing.T) {
	rounds := 6
	if n, err := strconv.Atoi(os.Getenv("FERRIS_STATE_TEST_KILLS")); err == nil {
		rounds = n
	}
	dir := t.TempDir()
	for round := 1; round <= rounds && !t.Failed(); round++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(50+rand.IntN(300))*time.Millisecond)
		child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCrashChild$")
		child.Env = append(os.Environ(), childDir+"="+dir, childStep+"=any")
		out, err := child.CombinedOutput()
		cancel()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the child that was to work until it is killed: %v\n%s", err, out)
		}
		verify(t, dir, round)
	}
}

// verify opens what the dead left, changes nothing, and holds it against the journal.
func verify(t *testing.T, dir string, die int) {
	t.Helper()
	said := readJournal(t, dir)
	s, err := Open(Options{Dir: dir, memTable: testMemTable})
	if err != nil {
		t.Fatalf("after the death at step %d: %v", die, err)
	}
	defer func() { ok(t, s.Close()) }()
	for i, id := range crashJobs {
		j := s.Job(id)
		r, err := j.Recover()
		ok(t, err)
		if r.Epoch != said.last["done"][i] && r.Epoch != said.last["try"][i] {
			t.Errorf("step %d: job %d has committed epoch %d; it said %v", die, i, r.Epoch, said.last)
		}
		sn := s.Snapshot(id)
		uniform(t, fmt.Sprintf("step %d: committed pages of job %d", die, i), sn, id, r.Epoch)
		sn.Close()
		p, err := j.Progress()
		ok(t, err)
		if r.Epoch > 0 {
			expect(t, "positions", p.Positions, []Position{{"source", "0", tokenOf(r.Epoch)}})
			if d := r.Sinks[0].Delivered; d < said.last["delivered"][i] || d > r.Epoch {
				t.Errorf("step %d: job %d has delivered %d; it said %v", die, i, d, said.last)
			}
		}
		if r.Prepared != nil {
			running := j.Running()
			uniform(t, fmt.Sprintf("step %d: prepared pages of job %d", die, i), running, id, r.Prepared.Epoch)
			running.Close()
			expect(t, "prepared tokens", r.Prepared.Tokens, []Token{{"sink", tokenOf(r.Prepared.Epoch)}})
		}
	}
	verifyLog(t, s, said, die)
	values := map[string]int{}
	ok(t, s.Scan([]byte("c"), func(_, v []byte) error { values[strings.TrimSpace(string(v))]++; return nil }))
	last := strconv.FormatUint(said.last["catalog"][0], 10)
	next := strconv.FormatUint(said.last["catalog"][0]+1, 10)
	if len(values) > 1 || len(values) == 1 && values[last]+values[next] != 20 {
		t.Errorf("step %d: the catalog has the values %v; the last that was said is %s", die, values, last)
	}
	tables := map[string]int{}
	sn := s.Snapshot(TablesID)
	defer sn.Close()
	ok(t, sn.Scan(TablesID, pages, nil, nil, func(_, v []byte) error { tables[strings.TrimSpace(string(v))]++; return nil }))
	expect(t, fmt.Sprintf("step %d: tables, as the catalog that was committed with them", die), tables, values)
	if whole := piecesOf(t, sn); len(whole) > 0 {
		for k := range 2 {
			expect(t, fmt.Sprintf("step %d: a piece of a settling, as the first one", die), whole[strconv.Itoa(k)], whole["0"])
		}
	}
}

func uniform(t *testing.T, what string, sn *Snapshot, id ID, epoch uint64) {
	t.Helper()
	values := map[string]int{}
	ok(t, sn.Scan(id, pages, nil, nil, func(_, v []byte) error { values[strings.TrimSpace(string(v))]++; return nil }))
	want := map[string]int{}
	if epoch > 0 {
		want[strconv.FormatUint(epoch, 10)] = 20 + int((epoch+1)%2)
	}
	expect(t, what, values, want)
}

// said is the journal read back: the last number of each kind for each job.
type said struct {
	last   map[string]map[int]uint64
	logged []uint64 // entries of the redo log that were done
}

func readJournal(t *testing.T, dir string) said {
	t.Helper()
	j := said{last: map[string]map[int]uint64{"use": {}, "try": {}, "done": {}, "delivered": {}, "catalog": {}, "settle": {}}}
	f, err := os.Open(filepath.Join(dir, "journal"))
	if errors.Is(err, os.ErrNotExist) {
		return j
	}
	ok(t, err)
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var what string
		var i int
		var n uint64
		if _, err := fmt.Sscan(lines.Text(), &what, &i, &n); err != nil {
			t.Fatal(err)
		}
		if what == "use" && n <= j.last["use"][i] {
			t.Errorf("job %d used epoch %d after %d", i, n, j.last["use"][i])
		}
		j.last[what][i] = n
		if what == "done" && i == logged {
			j.logged = append(j.logged, n)
		}
	}
	return j
}
