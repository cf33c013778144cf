package exec

import (
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestLateRowsAreLetters: with late_policy dead_letter rows whose window is closed,
// and such as are dated too far ahead, are put aside, each with its record.
func TestLateRowsAreLetters(t *testing.T) {
	for _, query := range []string{
		"SELECT window_start, count(*) AS n FROM e WHERE id > 0 WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY window_start",
		"SELECT window_start, count(*) AS n FROM e WHERE id > 0 WINDOW SESSION (INTERVAL '10 seconds') GROUP BY window_start",
	} {
		f := newFixture(t)
		e := f.events("e")
		f.sinkNamed("dead")
		e.add(0, event(1, "a", 1000), event(40, "b", 1040))
		if err := f.sqlJob("j", query, "late_policy = 'dead_letter'", "dead_letter = 'dead'"); err != nil {
			t.Fatal(err)
		}
		f.committedMore("j", 1)
		f.reachedRows("j", 2)
		e.add(0, event(2, "late", 1002), event(41, "c", 1041), event(99, "far", 4_000_000_000))
		f.reachedRows("j", 5)
		e.end()
		f.waitState("j", "finished")
		got := f.letters("dead")
		for i, l := range got {
			fields := strings.Split(l, "|")
			if strings.HasSuffix(l, "far") && !strings.Contains(l, "dated 2096-10-02 07:06:40") {
				t.Errorf("%s: the letter does not name the row's own time", l)
			}
			got[i] = strings.Join(append(fields[1:4], fields[9]), " ")
		}
		slices.Sort(got)
		equal(t, query, got, []string{"e 0 2 2,late", "e 0 4 99,far"})
		if s := (jobsProvider{f.Engine}).Jobs()[0]; s.Late != 2 || s.Rejected != 0 {
			t.Errorf("%d late, %d rejected; want 2, 0", s.Late, s.Rejected)
		}
	}
}

// reachedRows returns when a job has committed so many rows read.
func (f *fixture) reachedRows(name string, n int64) {
	f.Helper()
	for (jobsProvider{f.Engine}).Jobs()[0].RowsIn < n {
		f.committedMore(name, 1)
	}
}

// TestLatePolicyRefused: what a policy cannot do is said when the job is made.
func TestLatePolicyRefused(t *testing.T) {
	f := newFixture(t)
	f.events("e")
	tumbling := "SELECT window_start, count(*) AS n FROM e WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY window_start"
	for _, c := range []struct {
		query, option string
		code          sqlerr.Code
	}{
		{tumbling, "late_policy = 'never'", sqlerr.InvalidParameterValue},
		{tumbling, "allowed_lateness = '1s'", sqlerr.InvalidParameterValue},
		{strings.Replace(tumbling, "TUMBLING (", "HOPPING (INTERVAL '5 seconds', ", 1), "late_policy = 'next_window'", sqlerr.FeatureNotSupported},
		{strings.Replace(tumbling, "TUMBLING", "SESSION", 1), "late_policy = 'next_window'", sqlerr.FeatureNotSupported},
		{tumbling, "late_policy = 'dead_letter'", sqlerr.InvalidParameterValue},
	} {
		if err := f.sqlJob("j", c.query, c.option); sqlerr.CodeOf(err) != c.code {
			t.Errorf("%s of %s: %v, want %s", c.option, c.query, err, c.code)
		}
	}
}
