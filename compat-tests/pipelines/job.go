package pipelines

import (
	"context"
	"math/rand/v2"
	"slices"
	"sort"
)

// Job is a job over streams of JSON records, for tests in other packages. Its text
// is that of a golden, with one sink, out.
type Job struct {
	SQL     string
	Streams map[string][]string
	// Broker is where the streams are topics; "": they are files.
	Broker string
	Topics string // what their names begin with
	Tasks  int
	// Seed, but for 0, has the records come in random pieces, with restarts.
	Seed uint64
}

// Answer runs the job in a directory to the end of its streams, and returns what its
// sink comes to: rows of CSV, sorted.
func (j Job) Answer(ctx context.Context, dir string) ([]string, error) {
	g := &golden{name: "job", sql: j.SQL, expected: []expected{{"out", "csv", nil}}}
	for name, records := range j.Streams {
		g.inputs = append(g.inputs, input{name: name, format: "json", stages: [][]string{records}})
	}
	sort.Slice(g.inputs, func(i, k int) bool { return g.inputs[i].name < g.inputs[k].name })
	r := &run{golden: g, dir: dir, tasks: j.Tasks, broker: j.Broker, topics: j.Topics}
	if j.Seed > 0 {
		r.rng = rand.New(rand.NewPCG(j.Seed, 3))
	}
	answers, err := r.drive(ctx, newHost(j.Broker))
	if err != nil {
		return nil, err
	}
	return given(slices.Concat(answers[0].stages...)), nil
}

// given are the rows that lines come to, sorted; one that is taken back and was not
// given keeps its op.
func given(lines []string) []string {
	all := net(lines)
	for i, l := range all {
		if op, row, ok := cutOp(l); ok && op == '+' {
			all[i] = row[1:]
		}
	}
	slices.Sort(all)
	return all
}
