package exec

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// TestEpochPace: an epoch may read as many rows as there is room for, of what rows have come
// to in those before, and asks for its end once until a quarter more has come.
func TestEpochPace(t *testing.T) {
	const mb = 1 << 20
	job := memory.New("the process", 0, "").Child("job", 16*mb, memory.QuerySetting)
	p := newEpochPace(job, 1)
	if p.read(1 << 30) {
		t.Error("an epoch is to end where no operator can evict")
	}
	a := job.Evictable("a join")
	p.ended()
	p.read(10_000)
	a.Force(8 * mb) // at the barrier
	a.Release(4 * mb)
	p.ended()
	if perRow := p.perRow; perRow < 838 || perRow > 839 {
		t.Errorf("a row comes to %v bytes, want 8 MB of 10000", perRow)
	}
	most := int(p.most.Load())
	if want := int(16*mb/p.perRow) - 2048; most != want { // 20 MB, less 4 that are held
		t.Errorf("an epoch may have %d rows, want %d", most, want)
	}
	for _, c := range []struct {
		rows int
		full bool
	}{{most - 1, false}, {1, true}, {most / 8, false}, {most / 8, false}, {10, true}} {
		if full := p.read(c.rows); full != c.full {
			t.Errorf("after %d rows the end is asked for: %v, want %v", p.came.Load(), full, c.full)
		}
	}
	p.ended()
	if p.full.Load() || p.read(1) {
		t.Error("the end of an epoch that has begun is asked for")
	}
	a.Force(17 * mb)
	if !p.read(1) {
		t.Error("the end is not asked for where operators hold too much already")
	}
}

// TestEpochPaceOfFewRows: what a few rows have come to alone does not say what each does.
func TestEpochPaceOfFewRows(t *testing.T) {
	const mb = 1 << 20
	job := memory.New("job", 16*mb, memory.QuerySetting)
	a := job.Evictable("a join")
	p := newEpochPace(job, 1)
	p.read(10)
	a.Force(8 * mb)
	if p.ended(); p.perRow != rowMore*firstRowBytes {
		t.Errorf("a row comes to %v bytes, want %v", p.perRow, rowMore*firstRowBytes)
	}
	p.read(10)
	a.Force(mb)
	if p.ended(); p.perRow != rowMore*firstRowBytes {
		t.Errorf("a row comes to %v bytes, want what was known before: %v", p.perRow, rowMore*firstRowBytes)
	}
}
