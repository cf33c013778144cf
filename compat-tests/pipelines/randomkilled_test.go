package pipelines

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

var rounds = flag.Int("rounds", 0, "rounds of TestRandomKilled, of 24 random queries each; 0: one, or 20 in the long tier")

// TestRandomKilled has jobs of random queries, as TestRandom, in a process that is
// killed at random moments: what they come to is what PostgreSQL says.
func TestRandomKilled(t *testing.T) {
	n := *rounds
	if n == 0 {
		n = 1
		if os.Getenv("FERRIS_TIER") == "long" {
			n = 20
		}
	}
	c := newComparison(t)
	for round := range n {
		t.Run(fmt.Sprint(round), func(t *testing.T) { c.killed(t, uint64(round)) })
	}
}

// killed runs as many random queries as one process that is killed has goldens.
func (c *comparison) killed(t *testing.T, round uint64) {
	m, err := startMortal(c.broker)
	if err != nil {
		t.Fatal(err)
	}
	defer m.end()
	var all sync.WaitGroup
	for i := range uint64(shard) {
		n := round*shard + i
		rng := rand.New(rand.NewPCG(*seed, n))
		s := newScenario(rng)
		want, refusal := c.theirs(s)
		if _, changed := s.rows["t"]; changed || refusal != "" || c.refused(t, s) { // statements are not run twice
			continue
		}
		r := c.run(s, t.TempDir(), rng)
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
			defer cancel()
			answers, err := r.survive(ctx, m)
			if err != nil {
				t.Errorf("seed %d, query %d:\n%s\n%v", *seed, n, s.golden().sql, err)
				return
			}
			if got := given(slices.Concat(answers[0].stages...)); !slices.Equal(got, want) {
				t.Errorf("seed %d, query %d:\n%s\nPostgreSQL: %s\n%s\nthe job %s", *seed, n, s.golden().sql, s.theirs(), s.records(), unlike(got, want))
			}
		})
	}
	m.killAll(t, rand.New(rand.NewPCG(*seed, round)))
	all.Wait()
}

// refused reports whether a scenario's query is not supported in a job.
func (c *comparison) refused(t *testing.T, s *scenario) bool {
	t.Helper()
	empty := *s
	empty.rows = map[string][]string{}
	for name := range s.rows {
		empty.rows[name] = nil
	}
	r := &run{golden: empty.golden(), dir: t.TempDir()}
	_, err := r.drive(t.Context(), newHost(""))
	if err != nil && sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("%s\nover nothing: %v", strings.TrimSpace(s.golden().sql), err)
	}
	return err != nil
}
