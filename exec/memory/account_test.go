package memory

import (
	"strings"
	"sync"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

func TestReserveStopsAtTheNearestLimit(t *testing.T) {
	process := New("the process", 100<<20, ProcessSetting)
	query := process.Child("the query", 64<<20, QuerySetting)
	sort := query.Child("sort", 0, "")

	if err := sort.Reserve(60 << 20); err != nil {
		t.Fatal(err)
	}
	err := sort.Reserve(10 << 20)
	e := sqlerr.From(err)
	if e.Code != sqlerr.OutOfMemory {
		t.Fatalf("code = %s, want 53200", e.Code)
	}
	if want := "out of memory: the query would hold 70 MB, over its limit of 64 MB"; e.Message != want {
		t.Errorf("message = %q, want %q", e.Message, want)
	}
	if want := "The limit is set by sql.query_memory_limit_mb = 64."; e.Detail != want {
		t.Errorf("detail = %q, want %q", e.Detail, want)
	}
	if !strings.Contains(e.Hint, QuerySetting) {
		t.Errorf("hint %q does not name the setting", e.Hint)
	}
	if got := [3]int64{process.Used(), query.Used(), sort.Used()}; got != [3]int64{60 << 20, 60 << 20, 60 << 20} {
		t.Errorf("a refused reservation was counted: %v", got)
	}

	other := process.Child("another query", 0, "")
	e = sqlerr.From(other.Reserve(50 << 20))
	if want := "out of memory: the process would hold 110 MB, over its limit of 100 MB"; e.Message != want {
		t.Errorf("message = %q, want %q", e.Message, want)
	}
}

func TestCloseGivesEverythingBack(t *testing.T) {
	process := New("the process", 0, ProcessSetting)
	query := process.Child("the query", 1000, QuerySetting)
	if err := query.Resize(0, 700); err != nil {
		t.Fatal(err)
	}
	if err := query.Resize(700, 200); err != nil {
		t.Fatal(err)
	}
	if err := query.Resize(200, 1201); err == nil {
		t.Error("1201 of 1000 bytes were granted")
	}
	query.Close()
	if process.Used() != 0 || query.Used() != 0 {
		t.Errorf("after Close: process %d, query %d", process.Used(), query.Used())
	}
	if query.Peak() != 700 {
		t.Errorf("peak = %d, want 700", query.Peak())
	}
}

func TestConcurrentReservationsNeverPassTheLimit(t *testing.T) {
	root := New("the process", 1000, ProcessSetting)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			child := root.Child("the query", 0, "")
			for range 1000 {
				if child.Reserve(300) == nil {
					child.Release(300)
				}
			}
			child.Close()
		})
	}
	wg.Wait()
	if root.Used() != 0 {
		t.Errorf("used = %d after everything was released", root.Used())
	}
	if root.Peak() > 1000 {
		t.Errorf("peak = %d, over the limit", root.Peak())
	}
}

func TestNilAccountRefusesNothing(t *testing.T) {
	var a *Account
	if err := a.Reserve(1 << 60); err != nil {
		t.Fatal(err)
	}
	a.Release(1 << 60)
	a.Close()
}

// TestOverrun: the holder of an evictable account hears of a limit when it has passed it
// by far, others when they reserve.
func TestOverrun(t *testing.T) {
	const mb = 1 << 20
	job := New("job j", 100*mb, QuerySetting)
	a := job.Evictable("an operator")
	if err := a.Reserve(150 * mb); err != nil {
		t.Fatal(err)
	}
	if err := a.Overrun(); err != nil {
		t.Error(err)
	}
	if err := a.Reserve(1); err != nil {
		t.Fatal(err)
	}
	if e := sqlerr.From(a.Overrun()); e.Code != sqlerr.OutOfMemory {
		t.Errorf("%d bytes of %d: %v", a.Used(), 100*mb, e)
	}
	if err := (*Account)(nil).Overrun(); err != nil {
		t.Error(err)
	}
}

// TestOthersBesideEvicters: who cannot evict is not refused for what others of the job
// are about to evict, but for what stays, and where the limit is passed by far.
func TestOthersBesideEvicters(t *testing.T) {
	const mb = 1 << 20
	job := New("process", 0, "").Child("job", 100*mb, "state.memory_limit_mb")
	job.EvictAbove(100 * mb)
	evicts, stays := job.Evictable("a join"), job.Child("an aggregate", 0, "")
	evicts.Force(99 * mb)
	if err := stays.Reserve(20 * mb); err != nil {
		t.Errorf("119 MB of 100, of which 99 are evicted soon: %v", err)
	}
	if err := stays.Reserve(40 * mb); sqlerr.CodeOf(err) != sqlerr.OutOfMemory {
		t.Errorf("159 MB of 100: %v", err)
	}
	evicts.Release(99 * mb)
	if err := stays.Reserve(81 * mb); sqlerr.CodeOf(err) != sqlerr.OutOfMemory {
		t.Errorf("101 MB that stay, of 100: %v", err)
	}
	if err := stays.Reserve(80 * mb); err != nil {
		t.Errorf("100 MB that stay, of 100: %v", err)
	}
}

// TestEpochRoom: what holders that can evict may take in an epoch is what is left of a
// quarter over their job's limit, and of the process's.
func TestEpochRoom(t *testing.T) {
	const mb = 1 << 20
	process := New("process", 400*mb, ProcessSetting)
	job := process.Child("job", 200*mb, QuerySetting)
	job.EvictAbove(100 * mb)
	room := func(want int64) {
		t.Helper()
		if got := job.EpochRoom(); got != want {
			t.Errorf("with %d MB of %d MB there is room for %d bytes, want %d", job.Used()/mb, process.Used()/mb, got, want)
		}
	}
	room(1 << 40)
	a := job.Evictable("a join")
	room(125 * mb)
	a.Force(60 * mb)
	room(65 * mb)
	if a.Crowded() {
		t.Error("60 MB of 100 are too much")
	}
	process.Force(290 * mb)
	room(50 * mb)
	a.Force(50 * mb)
	room(15 * mb)
	if !a.Crowded() {
		t.Error("110 MB of 100 are not too much")
	}
	a.Force(20 * mb)
	room(100 * mb / leastEpoch)
}

// TestCrest: the most that was held since it was asked for last.
func TestCrest(t *testing.T) {
	a := New("job", 0, "")
	a.Force(100)
	a.Release(60)
	for _, want := range []int64{100, 40} {
		if got := a.Crest(); got != want {
			t.Errorf("Crest() = %d, want %d", got, want)
		}
	}
	a.Force(20)
	a.Release(50)
	if got := a.Crest(); got != 60 || a.Peak() != 100 {
		t.Errorf("Crest() = %d of %d, want 60 of 100", got, a.Peak())
	}
}
