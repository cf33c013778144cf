package exec

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// TestSeveralOperatorsPastTheLimit: the operators of a job, which would each hold more than
// its limit, hold half more than that at most together, where some of them get all that an
// epoch changes at its end, and give the same rows over a kill.
func TestSeveralOperatorsPastTheLimit(t *testing.T) {
	withoutRace(t)
	const (
		groups = "SELECT a.id, a.n, b.s FROM (SELECT id, count(*) AS n FROM e GROUP BY id) a LEFT JOIN (SELECT id, sum(id) AS s FROM e GROUP BY id) b ON a.id = b.id"
		three  = "SELECT a.id, b.name, c.ts FROM e a JOIN e b ON a.id = b.id JOIN e c ON b.id = c.id"
		again  = "SELECT id, count(*), sum(n) FROM (SELECT id, count(*) AS n FROM e GROUP BY id UNION ALL SELECT id, sum(id) FROM e GROUP BY id) x GROUP BY id"
	)
	for _, c := range []struct {
		query        string
		limit, tasks int64 // megabytes
		tier         string
	}{
		{groups, 4, 1, ""}, {three, 4, 1, ""}, {again, 4, 1, ""}, {groups, 4, 2, ""},
		{groups, 12, 1, ""}, {three, 12, 1, "long"}, {again, 12, 1, ""}, {again, 12, 4, "long"},
		{groups, 64, 1, "long"}, {three, 64, 1, "long"}, {again, 64, 1, "long"},
	} {
		t.Run(fmt.Sprintf("%s/%d/%d", c.query, c.limit, c.tasks), func(t *testing.T) {
			if c.tier != "" && c.tier != os.Getenv("FERRIS_TIER") {
				t.Skipf("takes a minute: in the %s tier", c.tier)
			}
			holdsNearLimit(t, c.query, c.limit<<20, min(c.limit*15_000, 600_000), fmt.Sprintf("parallelism = '%d'", c.tasks))
		})
	}
}

// holdsNearLimit runs a query as a job over so many keys, the first half of them before a kill.
func holdsNearLimit(t *testing.T, query string, limit, most int64, option string) {
	f := newFixture(t)
	process := memory.New("the process", 0, memory.ProcessSetting)
	f.memory, f.queryMemory = process, limit
	f.kill()
	f.start()
	e := f.events("e")
	e.add(1) // a split that is found later may be found after the end
	if err := f.sqlJob("j", query+" EMIT CHANGES", "restart_policy = 'never'", option); err != nil {
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
}
