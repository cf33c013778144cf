package exec

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestSplitsTellTheirEnds: ferris.splits has where the splits of a job's streams end, and how much
// of them it has not read.
func TestSplitsTellTheirEnds(t *testing.T) {
	f := newFixture(t)
	in, topic := f.stream("in"), f.topics.topic("in")
	topic.addRows(0, 0, 5) // the job's filter leaves 0 out
	f.exec(f.copyJob("j", in, []string{"x"}))
	if err := f.topics.file("x").wait(f.context(), 4); err != nil {
		t.Fatal(err)
	}
	var got []pgcatalog.SplitStatus
	for f.context().Err() == nil {
		if got = (jobsProvider{f.Engine}).Splits(); len(got) == 1 && got[0].Position == "5" {
			break
		}
	}
	if len(got) != 1 || got[0].Split != "0" || got[0].Position != "5" || got[0].End != "5" || got[0].Lag == nil || *got[0].Lag != 0 {
		t.Fatalf("splits %+v, want 5 of 5", got)
	}
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	topic.addRows(0, 5, 9)
	if got = (jobsProvider{f.Engine}).Splits(); len(got) != 1 || got[0].End != "9" || got[0].Lag == nil || *got[0].Lag != 4 {
		t.Errorf("splits %+v, want 5 of 9, 4 behind", got)
	}
}
