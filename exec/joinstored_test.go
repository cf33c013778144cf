package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// storedJoinQueries join streams with rows that end.
var storedJoinQueries = []string{
	"SELECT a.id, t.x FROM e a JOIN (SELECT n, 'a value of some length: ' || n AS x FROM generate_series(1, 60000) g (n)) t ON t.n = a.id * 7",
	"SELECT a.id, t.x FROM e a LEFT JOIN (SELECT n, 'a value of some length: ' || n AS x FROM generate_series(1, 60000) g (n)) t ON t.n = a.id * 7 AND t.x LIKE '%3%'",
	"SELECT a.id FROM e a WHERE NOT EXISTS (SELECT 1 FROM (SELECT n, 'a value of some length: ' || n AS x FROM generate_series(1, 60000) g (n)) t WHERE t.n = a.id * 7 AND t.x LIKE '%' || a.name || '%')",
	"SELECT a.id FROM e a WHERE a.id * 7 IN (SELECT n FROM generate_series(1, 120000) g (n) WHERE n % 3 > 0)",
	"SELECT a.id FROM e a WHERE a.id * 7 NOT IN (SELECT n FROM generate_series(1, 120000) g (n) WHERE n % 3 > 0)",
	"SELECT a.name, count(*) AS c, max(t.x) AS m FROM e a JOIN (SELECT n, 'a value of some length: ' || n AS x FROM generate_series(1, 60000) g (n)) t ON t.n = a.id * 7 GROUP BY a.name",
}

// TestJoinWithRowsPastTheLimit: rows that end, and that a job joins a stream with, are not
// held in memory past the limit; a kill has them read again.
func TestJoinWithRowsPastTheLimit(t *testing.T) {
	withoutRace(t)
	const limit = 2 << 20
	for i, q := range storedJoinQueries {
		for _, tasks := range []int{1, 2} {
			t.Run(fmt.Sprintf("%d/%d", i, tasks), func(t *testing.T) {
				f := newFixture(t)
				disk, process := memory.NewDisk(t.TempDir(), 0), memory.New("the process", 0, memory.ProcessSetting)
				process.SpillTo(disk, 0.8)
				f.memory, f.queryMemory = process, limit
				f.kill()
				f.start()
				e := f.events("e")
				e.add(1) // a split that is found later may be found after the end
				if err := f.sqlJob("j", q, fmt.Sprintf("parallelism = '%d'", tasks)); err != nil {
					t.Fatal(err)
				}
				rng := rand.New(rand.NewPCG(uint64(i), 19))
				next := int64(0)
				for range 3 {
					for range 1000 {
						e.add(rng.IntN(2), event(next, string(rune('1'+rng.IntN(4))), float64(next)))
						next += int64(rng.IntN(9))
					}
					f.committedMore("j", 1)
					if n := disk.Used(); n == 0 {
						f.eventually(func() bool { return disk.Used() > 0 }, "nothing was written to disk")
					}
					f.kill()
					if n := process.Used(); n != 0 || disk.Used() != 0 {
						t.Fatalf("a job that was killed holds %d bytes, and %d on disk", n, disk.Used())
					}
					f.start()
				}
				e.end()
				f.waitState("j", catalog.JobFinished)
				if most := process.Peak(); most > limit*3/2*int64(tasks) {
					t.Errorf("the job held %d bytes, of %d", most, limit)
				}
				got := netRows(t, f.topics.file("j_out").read())
				want, err := f.sql(q, -1)
				if err != nil {
					t.Fatal(err)
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("the job gives %d rows, the query %d, and they differ", len(got), len(want))
				}
			})
		}
	}
}

// TestJoinWithoutDisk: where nothing may be written to disk, a job whose rows that end do
// not fit ends with the figure and the setting.
func TestJoinWithoutDisk(t *testing.T) {
	f := newFixture(t)
	f.Engine.o.QueryMemory = 2 << 20
	f.events("e").add(1)
	if err := f.sqlJob("j", storedJoinQueries[0], "restart_policy = 'never'"); err != nil {
		t.Fatal(err)
	}
	if def := f.waitState("j", catalog.JobFailed); def.Failure.Code != sqlerr.OutOfMemory {
		t.Errorf("the job failed with %s: %s", def.Failure.Code, def.Failure)
	}
}
