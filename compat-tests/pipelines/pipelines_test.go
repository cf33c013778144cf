package pipelines

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
)

var (
	rewrite = flag.Bool("rewrite", false, "write the goldens anew")
	seed    = flag.Uint64("seed", 1, "where chance begins")
	runs    = flag.Int("runs", 0, "how often each golden runs in each way; 0: once, or ten times in the long tier")
)

func TestMain(m *testing.M) {
	if brokers, ok := os.LookupEnv(hostVariable); ok {
		if err := serveHost(brokers); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func times() int {
	switch {
	case *runs > 0:
		return *runs
	case os.Getenv("FERRIS_TIER") == "long":
		return 10
	}
	return 1
}

func goldens(t *testing.T) []*golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	var all []*golden
	for _, p := range paths {
		g, err := readGolden(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	return all
}

func broker(t *testing.T) string {
	t.Helper()
	b, err := kafka.StartBroker(kafka.BrokerOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.Addr()
}

// TestStraight runs each golden over files, stage by stage.
func TestStraight(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			r := &run{golden: g, dir: t.TempDir()}
			answers := answer(t, r, newHost(""))
			if *rewrite {
				for i, a := range answers {
					if !g.exact {
						for s := range a.stages {
							a.stages[s] = net(a.stages[s])
						}
					}
					g.expected[i] = a
				}
				if err := g.write(); err != nil {
					t.Fatal(err)
				}
			}
			if diff := r.differences(answers); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEvicted runs each golden as TestStraight does, by jobs that hold as little of
// their state in memory as they can.
func TestEvicted(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			r := &run{golden: g, dir: t.TempDir(), evict: true}
			if diff := r.differences(answer(t, r, newHost(""))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPieces runs each golden with its records in pieces of random sizes and in
// batches of random sizes, from files and from topics of one partition and of
// several, by jobs of several tasks, one more at each start, which evict what state
// they can or hold all of it; and its engine is ended and started again between
// pieces.
func TestPieces(t *testing.T) {
	addr := broker(t)
	for _, g := range goldens(t) {
		for i := range times() {
			for _, way := range []string{"file", "topic", "partitions"} {
				t.Run(fmt.Sprintf("%s/%s/%d", g.name, way, i), func(t *testing.T) {
					t.Parallel()
					r := &run{golden: g, dir: t.TempDir(), rng: chance(g.name, way, i)}
					r.batch, r.tasks, r.evict = 1+r.rng.IntN(20), 1+r.rng.IntN(mostTasks), r.rng.IntN(2) == 0
					if way != "file" {
						r.broker, r.topics, r.spread = addr, fmt.Sprintf("%s-%s-%d-", g.name, way, i), way == "partitions"
					}
					if diff := r.differences(answer(t, r, newHost(addr))); diff != "" {
						t.Error(diff)
					}
				})
			}
		}
	}
}

// TestDivided runs goldens whose jobs get four tasks, two, three and one again while
// they run and rows come: without a start of the engine between, and with one that is
// cut short by the engine's end. A third of them, each in one way, or, in the long
// tier, all of them in each.
func TestDivided(t *testing.T) {
	addr := broker(t)
	long := os.Getenv("FERRIS_TIER") == "long"
	ways := []string{"file", "topic", "partitions"}
	for n, g := range goldens(t) {
		for i := range times() {
			for k, way := range ways {
				if !long && *runs == 0 && uint64(n+k)%9 != *seed%9 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%d", g.name, way, i), func(t *testing.T) {
					t.Parallel()
					r := &run{golden: g, dir: t.TempDir(), divide: true, rng: chance(g.name, "divided "+way, i)}
					r.batch, r.evict = 1+r.rng.IntN(20), r.rng.IntN(2) == 0
					if way != "file" {
						r.broker, r.topics, r.spread = addr, fmt.Sprintf("%s-divided-%s-%d-", g.name, way, i), way == "partitions"
					}
					if diff := r.differences(answer(t, r, newHost(addr))); diff != "" {
						t.Error(diff)
					}
				})
			}
		}
	}
}

// answer is what a run comes to in a host of this process.
func answer(t *testing.T, r *run, h *Host) []expected {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	answers, err := r.drive(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// chance is the same for the same names and seed.
func chance(golden, way string, i int) *rand.Rand {
	n := *seed
	for _, c := range golden + way {
		n = n*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(n, uint64(i)))
}

// shard is how many goldens are in one process that is killed.
const shard = 24

// TestKilled runs goldens in a process that is killed at random moments. Each
// piece of their records is written after some kill and before another, and of half of
// them the jobs get other numbers of tasks between.
func TestKilled(t *testing.T) {
	addr := broker(t)
	for i := range times() {
		for n, some := range slices.Collect(slices.Chunk(goldens(t), shard)) {
			t.Run(fmt.Sprintf("%d/%d", i, n), func(t *testing.T) { killed(t, some, addr, i) })
		}
	}
}

func killed(t *testing.T, goldens []*golden, addr string, i int) {
	h, err := startMortal(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer h.end()
	var all sync.WaitGroup
	for _, g := range goldens {
		r := &run{golden: g, dir: t.TempDir(), rng: chance(g.name, "killed", i)}
		r.tasks, r.evict, r.divide = 1+r.rng.IntN(mostTasks), r.rng.IntN(2) == 0, r.rng.IntN(2) == 0
		if r.rng.IntN(2) == 0 {
			r.broker, r.topics, r.spread = addr, fmt.Sprintf("%s-killed-%d-", g.name, i), r.rng.IntN(2) == 0
		}
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
			defer cancel()
			answers, err := r.survive(ctx, h)
			if err != nil {
				t.Errorf("%s: %v", g.name, err)
			} else if diff := r.differences(answers); diff != "" {
				t.Errorf("%s: %s", g.name, diff)
			}
		})
	}
	h.killAll(t, chance("kills", "", i))
	all.Wait()
}

// killAll kills the process as often as it is to be.
func (m *mortal) killAll(t *testing.T, rng *rand.Rand) {
	t.Helper()
	for range kills {
		timer := time.NewTimer(time.Duration(100+rng.IntN(250)) * time.Millisecond)
		<-timer.C
		if err := m.kill(); err != nil {
			t.Error(err)
			break
		}
	}
}
