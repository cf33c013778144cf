package exec

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// lookedUp are the relations that a stream can meet as of now, each with what makes it
// give every name the owner n.
var lookedUp = map[string]struct {
	declare func(f *fixture)
	own     func(f *fixture, n int)
}{
	"asked, and kept": {
		func(f *fixture) { f.dimension("d", lookupOption("cache.ttl", "2ms"), lookupOption("batch.size", "3")) },
		func(f *fixture, n int) {
			for _, name := range "abcd" {
				f.dimensions.put(string(name), strconv.Itoa(n))
			}
			<-time.After(3 * time.Millisecond) // nothing that is kept is older than its time
		},
	},
	"a table by its key": {
		func(f *fixture) {
			f.run("CREATE TABLE d (name text PRIMARY KEY, owner text)", "INSERT INTO d VALUES ('a'), ('b'), ('c'), ('d')")
		},
		func(f *fixture, n int) { f.run(fmt.Sprintf("UPDATE d SET owner = %d", n)) },
	},
	"a copy of a table": {
		func(f *fixture) {
			f.run("CREATE TABLE d (name text, owner text)", "INSERT INTO d VALUES ('a'), ('b'), ('c'), ('d')")
		},
		func(f *fixture, n int) { f.run(fmt.Sprintf("UPDATE d SET owner = %d", n)) },
	},
}

// TestLookupsDivided: a job that looks rows up as of now, and gets other numbers of tasks
// while rows come, up and down, and is killed after some of the changes, gives each row
// once, with what the relation held at some time since the row came.
func TestLookupsDivided(t *testing.T) {
	goleakAfter(t)
	const rows = 60 // of each round
	for name, relation := range lookedUp {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits for epochs
			rng := rand.New(rand.NewPCG(uint64(len(name)), 17))
			f := fixtureBeside(t)
			e := f.events("e")
			e.batch = 7
			relation.declare(f)
			if err := f.sqlJob("j", "SELECT e.id, d.owner FROM e LEFT JOIN d ON e.name = d.name"); err != nil {
				t.Fatal(err)
			}
			rounds := []int{4, 2, 3, 1, 4, 1, 2, 3, 1}
			for round, tasks := range rounds {
				relation.own(f, round)
				from := int64(rows * round)
				fill(e, from, from+rows/2)
				f.run(fmt.Sprintf("ALTER JOB j SET (parallelism = %d)", tasks))
				fill(e, from+rows/2, from+rows)
				switch rng.IntN(3) {
				case 0:
					f.kill()
					f.start()
				case 1:
					f.committedMore("j", 1)
				}
			}
			e.end()
			f.waitState("j", catalog.JobFinished)
			seen := map[int]bool{}
			for _, line := range f.topics.file("j_out").read() {
				id, owner, _ := strings.Cut(line, "|")
				i, err := strconv.Atoi(id)
				if err != nil {
					t.Fatalf("row %q: %v", line, err)
				}
				if n, err := strconv.Atoi(owner); err != nil || seen[i] || n < i/rows {
					t.Errorf("row %s is there twice (%t), or has the owner of before it came", line, seen[i])
				}
				seen[i] = true
			}
			if got := (jobsProvider{f.Engine}).Jobs()[0]; got.RowsIn != int64(rows*len(rounds)) || got.RowsOut != got.RowsIn {
				t.Errorf("the job says %d rows in and %d out, want %d", got.RowsIn, got.RowsOut, rows*len(rounds))
			}
			if len(seen) != rows*len(rounds) {
				t.Errorf("%d rows, want %d", len(seen), rows*len(rounds))
			}
		})
	}
}
