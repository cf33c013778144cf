package exec

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// olderStates are queries of whose jobs testdata/state4 has what a version of format 4 has
// exported after 40 rows.
var olderStates = map[string]string{
	"groups":  exportQuery,
	"windows": "SELECT name, window_end, count(*), count(DISTINCT id % 30) AS d FROM e WINDOW TUMBLING (INTERVAL '1000 days') GROUP BY name EMIT CHANGES",
}

// TestStateOfFormat4: a job goes on from state in which all values of DISTINCT lie in one
// table, also where it evicts them at once, and by several tasks.
func TestStateOfFormat4(t *testing.T) {
	const before, after = 40, 30
	for name, query := range olderStates {
		file, err := os.ReadFile(filepath.Join("testdata", "state4", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, options := range [][]string{nil, {"'state.memory_limit_mb' = '0'"}, {"'state.memory_limit_mb' = '0'", "'parallelism' = '3'"}} {
			t.Run(name, func(t *testing.T) {
				f := newFixture(t)
				e := f.events("e")
				if err := f.sqlJob("j", query, options...); err != nil {
					t.Fatal(err)
				}
				f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
				f.waitState("j", catalog.JobStopped)
				for i := range int64(before + after) {
					e.add(0, event(i, string(rune('a'+i%3)), float64(i)))
				}
				e.end()
				if err := f.ImportState(f.context(), "j", bytes.NewReader(file)); err != nil {
					t.Fatal(err)
				}
				f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStart})
				f.waitState("j", catalog.JobFinished)
				want, err := f.sql(strings.TrimSuffix(query, " EMIT CHANGES"), -1)
				if err != nil {
					t.Fatal(err)
				}
				first, err := os.ReadFile(filepath.Join("testdata", "state4", name+".rows"))
				if err != nil {
					t.Fatal(err)
				}
				slices.Sort(want)
				rows := append(strings.Split(strings.TrimSpace(string(first)), "\n"), f.topics.file("j_out").read()...)
				equal(t, "rows", accumulated(t, rows), want)
			})
		}
	}
}
