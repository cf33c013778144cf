package exec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestDividedStateStaysWithinTheLimit: state that memory has no room for is divided among
// other tasks without being brought there as a whole, and comes to what it would have
// otherwise, also where the division is cut short.
func TestDividedStateStaysWithinTheLimit(t *testing.T) {
	withoutRace(t)
	const keysInAll, limit = 100_000, 4 << 20
	for i, query := range []string{
		"SELECT id, count(*), sum(id), min(name) FROM e GROUP BY id",
		"SELECT a.id, b.name FROM e a LEFT JOIN e b ON a.id = b.id",
		"SELECT a.id, b.name FROM e a LEFT JOIN e FOR SYSTEM_TIME AS OF a.ts AS b ON a.id = b.id",
		"SELECT id % 5, count(DISTINCT id), sum(DISTINCT id) FROM e GROUP BY id % 5",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := newFixture(t)
			process := memory.New("the process", 0, memory.ProcessSetting)
			f.memory, f.queryMemory = process, limit
			f.kill()
			f.start()
			e := f.events("e")
			e.add(1) // a split that is found later may be found after the end
			if err := f.sqlJob("j", query+" EMIT CHANGES", "'aggregate.phases' = '1'", "restart_policy = 'never'"); err != nil {
				t.Fatal(err)
			}
			keys(e, 0, keysInAll)
			scans := strings.Count(query, "FROM e") + strings.Count(query, "JOIN e")
			f.reachedRows("j", int64(scans*keysInAll)) // what is held from now on is the division's
			f.eventually(func() bool { return f.evictedOf("j") > keysInAll/2 }, "the keys have not been evicted")
			before := process.Peak()
			next := int64(keysInAll)
			for n, tasks := range []int{3, 2, 1} {
				f.run(fmt.Sprintf("ALTER JOB j SET (parallelism = %d)", tasks))
				if n == 1 {
					f.kill()
					f.start()
				}
				keys(e, next, next+10) // so that there is an epoch
				next += 10
				f.eventually(func() bool { return f.dividedAmong("j") == tasks }, "the state has not been divided")
			}
			e.end()
			f.waitState("j", catalog.JobFinished)
			peak := process.Peak()
			if t.Logf("held %.1f MB at most, and %.1f until it was divided, of %d", float64(peak)/(1<<20), float64(before)/(1<<20), limit>>20); peak > 3*limit {
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

// TestDivisionThatIsTakenBack: what a division that was cut short has stored goes when the job
// has the tasks that it had before.
func TestDivisionThatIsTakenBack(t *testing.T) {
	f := newFixture(t)
	e := f.events("e")
	fill(e, 0, 100)
	if err := f.sqlJob("j", "SELECT name, count(*) FROM e GROUP BY name EMIT CHANGES"); err != nil {
		t.Fatal(err)
	}
	f.reachedRows("j", 1)
	f.stop("j")
	id := f.catalog.Snapshot().Job("j").UUID
	var b state.Batch
	for task := range 3 {
		b.Set(state.Space{Operator: firstOperator, Shard: layout{generation: 1}.shard(task)}, []byte("left"), make([]byte, 100))
	}
	if err := f.store.Job(id).Amend(&b); err != nil {
		t.Fatal(err)
	}
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
	fill(e, 100, 200)
	left := func() (n int) {
		sn := f.store.Snapshot(id)
		defer sn.Close()
		err := sn.ScanKeys(id, func(sp state.Space, _ []byte, _ int) error {
			if sp.Operator >= firstOperator && sp.Shard>>8 > 0 {
				n++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	f.eventually(func() bool { return left() == 0 }, "what was left is still there")
	e.end()
	f.waitState("j", catalog.JobFinished)
}

// withoutRace leaves to the suite "limits" of compat-tests/run.sh what would take minutes
// with the race detector, and shows no race that its smaller likes do not.
func withoutRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("takes minutes with the race detector: the suite \"limits\" of compat-tests/run.sh plays it without")
	}
}
