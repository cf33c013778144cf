package exec

import (
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// TestDrift: of two streams with a long past the one that is read faster waits for
// the other: no more of it is taken in than watermark.max_drift and what was read
// ahead by then. The answer is the same.
func TestDrift(t *testing.T) {
	for _, tasks := range []string{"1", "2"} {
		f := newFixture(t)
		drift := catalog.Option{Key: "watermark.max_drift", Value: "10 minutes"}
		e, g := f.events("e", drift), f.events("g", drift)
		const rows, minutes = 4000, 10
		e.batch, g.batch = 20, 20
		e.gate, g.gate = 20, 40
		for i := range int64(rows) { // two rows a minute, of two splits
			e.add(int(i%2), event(i, "a", float64(i*30)))
			g.add(int(i%2), event(i, "a", float64(i*30)))
		}
		query := "SELECT a.id, b.id AS other FROM e a JOIN g b ON a.id = b.id WITHIN INTERVAL '1 second'"
		if err := f.sqlJob("j", query, "parallelism = '"+tasks+"'"); err != nil {
			t.Fatal(err)
		}
		// A stream of which a split has not been read yet waits for nobody.
		f.reachedRows("j", 2*20+2*40)
		e.open()
		if err := e.waitPaused(f.context()); err != nil {
			t.Fatal(err)
		}
		f.committedMore("j", 3)
		// Of g 40 rows of each split are in, so it has come to 40 minutes.
		in := (jobsProvider{f.Engine}).Jobs()[0].RowsIn
		if most := int64(2*40 + 2*(40+minutes) + 2*(ahead+4)*20); in > most {
			t.Errorf("%d rows were taken in while one stream waits, want at most %d", in, most)
		}
		e.end()
		g.end()
		g.open()
		f.waitState("j", catalog.JobFinished)
		got := f.topics.file("j_out").read()
		slices.Sort(got)
		if got = slices.Compact(got); len(got) != rows {
			t.Errorf("%d rows, want %d", len(got), rows)
		}
	}
}
