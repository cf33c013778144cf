package exec

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// TestHalfJoinsPastTheLimit: semi and anti joins whose keys take several times what their job
// may hold count half more than that at most, and give the same rows over a kill.
func TestHalfJoinsPastTheLimit(t *testing.T) {
	withoutRace(t)
	const most, limit = 250_000, 8 << 20
	for i, query := range []string{
		"SELECT a.id FROM e a WHERE EXISTS (SELECT 1 FROM e b WHERE b.id = a.id + 125000)",
		"SELECT a.id FROM e a WHERE NOT EXISTS (SELECT 1 FROM e b WHERE b.id = a.id + 125000)",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := newFixture(t)
			process := memory.New("the process", 0, memory.ProcessSetting)
			f.memory, f.queryMemory = process, limit
			f.kill()
			f.start()
			e := f.events("e")
			e.add(1) // a split that is found later may be found after the end
			if err := f.sqlJob("j", query+" EMIT CHANGES", "restart_policy = 'never'"); err != nil {
				t.Fatal(err)
			}
			keys(e, 0, most/2)
			f.reachedRows("j", most/2)
			f.kill()
			f.start()
			keys(e, most/2, most)
			e.end()
			f.waitState("j", catalog.JobFinished)
			peak := process.Peak()
			if t.Logf("held %.1f MB at most, of %d", float64(peak)/(1<<20), limit>>20); peak > limit*3/2 {
				t.Errorf("the job held %d bytes, of %d", peak, limit)
			}
			f.kill()
			f.memory, f.queryMemory = nil, 0
			f.start()
			want, err := f.sql(query, -1)
			if err != nil {
				t.Fatal(err)
			}
			got := netRows(t, f.topics.file("j_out").read())
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("the job gives %d rows, the query %d, and they differ", len(got), len(want))
			}
		})
	}
}
