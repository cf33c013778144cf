package slt

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestGeneratorReaches: each form of query is among the first two thousand.
func TestGeneratorReaches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	g := newGenerator(r, randomTables(r, 7))
	forms := map[string]int{"WITH RECURSIVE": 0, "ROLLUP": 0, "CUBE": 0, "GROUPING SETS": 0, "grouping(": 0, "EXCEPT ALL": 0,
		" ANY (SELECT": 0, " ALL (SELECT": 0, "FULL JOIN": 0, "IS DISTINCT FROM (": 0, "HAVING": 0,
		"LATERAL": 0, "EXCLUDE": 0, "GROUPS BETWEEN": 0, "WITH TIES": 0, "DISTINCT ON": 0, "NATURAL": 0, "USING (id)": 0, "NOT IN (SELECT": 0, "SEARCH": 0, "CYCLE": 0, "= (SELECT": 0}
	for range 2000 {
		sql := g.query().String()
		for f := range forms {
			if strings.Contains(sql, f) {
				forms[f]++
			}
		}
	}
	t.Log(forms)
	for f, n := range forms {
		if n < 10 {
			t.Errorf("%s is in %d queries of 2000", f, n)
		}
	}
}
