package exec

import (
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// keys adds rows of so many keys to a topic, which gives them in large batches.
func keys(e *topic, from, to int64) {
	rows := make([][]types.Value, 0, to-from)
	for i := from; i < to; i++ {
		rows = append(rows, event(i, "a", 1))
	}
	e.mu.Lock()
	e.batch = 1000
	e.mu.Unlock()
	for half, split := range [][][]types.Value{rows[:len(rows)/2], rows[len(rows)/2:]} {
		e.add(half, split...)
	}
}

// TestGroupsPastTheLimit: a job of several tasks, whose aggregate has two phases, holds
// more groups than its limit has room for.
func TestGroupsPastTheLimit(t *testing.T) {
	f := newFixture(t)
	f.Engine.o.QueryMemory = 4 << 20
	e := f.events("e")
	e.add(1) // a split that is found later may be found after the end
	if err := f.sqlJob("j", "SELECT id, count(*), sum(id) FROM e GROUP BY id EMIT CHANGES", "parallelism = '2'"); err != nil {
		t.Fatal(err)
	}
	const most = 100_000
	keys(e, 0, most)
	e.end()
	f.waitState("j", catalog.JobFinished)
	if n := len(f.topics.file("j_out").read()); n != most {
		t.Errorf("the job gives %d rows of %d groups", n, most)
	}
}

// TestCrowdedEpochEnds: where memory is short an epoch ends before the interval has
// passed.
func TestCrowdedEpochEnds(t *testing.T) {
	for _, tasks := range []int{1, 2} {
		t.Run(fmt.Sprint(tasks), func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			e.add(1)
			b, err := f.bound(fmt.Sprintf("START JOB j AS SELECT id, count(*) FROM e GROUP BY id EMIT CHANGES INTO j_out WITH ('j_out.type' = 'topic', 'checkpoint.interval' = '1h', 'state.memory_limit_mb' = '0', parallelism = '%d')", tasks), testEnv())
			if err != nil {
				t.Fatal(err)
			}
			s := b.Statement.(*plan.StartJob)
			f.plans.Store(s.Text, s)
			f.exec(s)
			keys(e, 0, 200_000)
			if err := f.topics.file("j_out").wait(f.context(), 1); err != nil {
				t.Errorf("no epoch has ended: %v", err)
			}
			f.kill()
		})
	}
}
