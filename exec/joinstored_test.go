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

// TestTableCopyPastTheLimit: the copy of a table that a job's join holds, for want of an index,
// is not held in memory past the limit, and follows what commits change; a kill has it made
// again.
func TestTableCopyPastTheLimit(t *testing.T) {
	withoutRace(t)
	const limit, rows, owners = 2 << 20, 60_000, 20_000
	for _, tasks := range []int{1, 2} {
		t.Run(fmt.Sprint(tasks), func(t *testing.T) {
			f := newFixture(t)
			disk, process := memory.NewDisk(t.TempDir(), 0), memory.New("the process", 0, memory.ProcessSetting)
			process.SpillTo(disk, 0.8)
			f.run("CREATE TABLE t (k bigint, v text)", fmt.Sprintf("INSERT INTO t SELECT n %% %d, 'a value of some length, which takes memory: ' || n FROM generate_series(1, %d) g (n)", owners, rows))
			f.memory, f.queryMemory = process, limit
			f.kill()
			f.start()
			e := f.events("e")
			e.add(1) // a split that is found later may be found after the end
			if err := f.sqlJob("j", "SELECT e.id, e.name, count(*) AS n, min(t.v) AS least, max(t.v) AS most FROM e LEFT JOIN t ON t.k = e.id % 25000 GROUP BY e.id, e.name", fmt.Sprintf("parallelism = '%d'", tasks)); err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(uint64(tasks), 20))
			next, spilled, most := int64(0), int64(0), int64(0)
			var want []string
			for round, change := range []string{"", "UPDATE t SET v = 'another ' || v WHERE k % 7 = 3", "DELETE FROM t WHERE k % 5 = 1", "INSERT INTO t SELECT n, 'more ' || n FROM generate_series(10000, 22000) g (n)"} {
				if change != "" {
					f.run(change)
				}
				name := string(rune('a' + round))
				for range 500 {
					e.add(rng.IntN(2), event(next, name, float64(next)))
					next += 1 + rng.Int64N(40)
				}
				if err := f.topics.file("j_out").wait(f.context(), 500*(round+1)); err != nil {
					t.Fatal(err)
				}
				spilled, most = max(spilled, disk.Used()), max(most, f.heldBy("j"))
				if round == 0 { // and no statement has held anything
					most = process.Peak()
				}
				now, err := f.sql("SELECT e.id, e.name, count(*) AS n, min(t.v) AS least, max(t.v) AS most FROM e LEFT JOIN t ON t.k = e.id % 25000 WHERE e.name = '"+name+"' GROUP BY e.id, e.name", -1)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, now...)
				if round == 1 {
					f.kill()
					if n := process.Used(); n != 0 || disk.Used() != 0 {
						t.Fatalf("a job that was killed holds %d bytes, and %d on disk", n, disk.Used())
					}
					f.start()
				}
			}
			e.end()
			f.waitState("j", catalog.JobFinished)
			if t.Logf("the job held %d bytes, of %d", most, limit); spilled == 0 || most > limit*3/2*int64(tasks) {
				t.Errorf("the job held %d bytes, of %d, and %d on disk", most, limit, spilled)
			}
			got := accumulated(t, f.topics.file("j_out").read())
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("the job gives %d rows, the query %d, and they differ", len(got), len(want))
			}
		})
	}
}
