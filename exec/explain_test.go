package exec

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// TestExplainAnalyze: the figures of a query's nodes, in every format.
func TestExplainAnalyze(t *testing.T) {
	f := newFixture(t)
	f.stream("s")
	f.stream("t")
	for i := range 40 {
		f.topics.topic("s").add(i%2, row(int64(i), "a"))
		f.topics.topic("t").add(0, row(int64(i%4), "x"))
	}
	const sql = "SELECT s.id, (SELECT count(*) FROM t WHERE t.id < s.id) FROM s WHERE s.id < 10"

	lines, err := f.sql("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) "+sql, -1)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{
		`Project \(actual time=[0-9.]+\.\.[0-9.]+ rows=10 loops=1\)`,
		`Bytes: 1\d\d`,
		`Aggregate \(actual time=[0-9.]+\.\.[0-9.]+ rows=1 loops=10\)`,
		`Stream Scan on t \(actual time=[0-9.]+\.\.[0-9.]+ rows=40 loops=2\)`,
		`Source: records=\d+ bytes=\d+ splits=2 pruned=0 seeks=0 rejects=0`,
		`Peak Memory: \d+ kB`, `Planning Time: [0-9.]+ ms`, `Execution Time: [0-9.]+ ms`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}

	lines, err = f.sql("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, COSTS OFF) "+sql, -1)
	if err != nil {
		t.Fatal(err)
	}
	text = strings.Join(lines, "\n")
	if !strings.Contains(text, "Project (actual rows=10 loops=1)\n") || strings.Contains(text, "time=") || strings.Contains(text, "Execution Time") {
		t.Errorf("without timing and summary:\n%s", text)
	}

	lines, err = f.sql("EXPLAIN (ANALYZE, FORMAT JSON) "+sql, -1)
	if err != nil || len(lines) != 1 {
		t.Fatalf("%d rows, %v", len(lines), err)
	}
	type node struct {
		Type     string   `json:"Node Type"`
		Relation string   `json:"Parent Relationship"`
		Name     string   `json:"Relation Name"`
		Cost     *float64 `json:"Total Cost"`
		Time     *float64 `json:"Actual Total Time"`
		Rows     int      `json:"Actual Rows"`
		Loops    int      `json:"Actual Loops"`
		Splits   int      `json:"Splits Read"`
		Plans    []node
	}
	var got []struct {
		Plan      node
		Planning  *float64 `json:"Planning Time"`
		Execution *float64 `json:"Execution Time"`
		Peak      *int64   `json:"Peak Memory Usage"`
		Triggers  []any
	}
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatalf("%v in %s", err, lines[0])
	}
	top := got[0]
	if top.Planning == nil || top.Execution == nil || top.Peak == nil || top.Triggers == nil {
		t.Errorf("a figure of the whole is missing: %s", lines[0])
	}
	if n := top.Plan; n.Type != "Project" || n.Rows != 10 || n.Loops != 1 || n.Cost == nil || n.Time == nil || len(n.Plans) != 2 ||
		n.Plans[0].Relation != "SubPlan" || n.Plans[0].Loops != 10 || n.Plans[1].Relation != "Outer" {
		t.Errorf("the plan is %s", lines[0])
	}
	scan := top.Plan
	for len(scan.Plans) > 0 {
		scan = scan.Plans[len(scan.Plans)-1]
	}
	if scan.Type != "Stream Scan" || scan.Name != "s" || scan.Rows != 40 || scan.Splits != 2 {
		t.Errorf("the scan is %+v", scan)
	}
}
