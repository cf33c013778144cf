package exec

import (
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestReadAhead reads a stream of more batches than are read without a
// goroutine: in order, with the error after the rows before it, and left early.
func TestReadAhead(t *testing.T) {
	const rows, bad = 40, 33
	var want []string
	for i := range rows {
		want = append(want, fmt.Sprintf("%d|x", i))
	}
	open := func(t *testing.T) (*fixture, *Cursor, *plan.Scan) {
		f := newFixture(t)
		in := scanOf(f.stream("s"))
		s := f.topics.topic("s")
		s.batch = 2
		for i := range int64(rows) {
			s.add(0, row(i, "x"))
		}
		return f, f.query(&plan.Query{Root: in}, testEnv()), in
	}
	noReaders := func(t *testing.T, f *fixture) {
		t.Helper()
		if n := f.topics.topic("s").readers; n != 0 {
			t.Errorf("%d readers are open after the end", n)
		}
	}
	t.Run("to the end", func(t *testing.T) {
		f, c, in := open(t)
		equal(t, "rows", f.rows(c, in, -1), want)
		noReaders(t, f)
	})
	t.Run("to an error", func(t *testing.T) {
		f, c, in := open(t)
		f.topics.topic("s").bad[bad] = true
		got, err := tryRows(f.context(), c, in, -1)
		if code := sqlerr.CodeOf(err); code != sqlerr.InvalidTextRepresentation {
			t.Errorf("the error is %v (%s), want 22P02", err, code)
		}
		equal(t, "rows before the error", got, want[:bad-1]) // whose batch has one more
		noReaders(t, f)
	})
	t.Run("closed early", func(t *testing.T) {
		f, c, in := open(t)
		f.rows(c, in, 2*(aheadFrom+2))
		c.Close()
		noReaders(t, f)
	})
}
