package pipelines

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// golden is one file of testdata:
//
//	What it shows, in a sentence or two.
//	-- job.sql --
//	CREATE STREAM e (k text, v int, ts timestamptz, WATERMARK FOR ts AS ts - INTERVAL '2 seconds') WITH ($e);
//	START JOB sums AS SELECT k, sum(v) AS v FROM e GROUP BY k INTO out WITH ($out);
//	-- input e.csv --
//	a,1,2026-01-01 00:00:01
//	barrier
//	a,2,2026-01-01 00:00:02
//	-- expected out.csv --
//	+,a,1
//	barrier
//	-,a,1
//	+,a,3
//
// $e stands for the options of a stream over the input e, $out for those of the
// sink out. A line of an input is a record. What follows a barrier is written
// when the job has committed all that comes before it, in every input.
//
// What a sink has got is compared at each barrier, as the net change since the
// one before: rows sorted, and where rows are taken back (each line begins with +
// or -), without those that came and went.
//
// Lines of the first part that begin with # set how it runs:
//
//	# partitions: 1   rows keep their order: they are in one partition of the topic.
//	                  Then every run is compared at each barrier
//	# key: 2          rows of equal second field are in one partition
//	# tasks: 1        its jobs have one task each; otherwise they have one to four,
//	                  and another number at each start
//	# await: true     at a barrier as many rows are committed as are expected up to it,
//	                  which take some time to come: nothing that is read brings them
//	# ended: f        the input f is a file that is there as a whole before anything runs, and
//	                  not followed, wherever the others lie
//	# compare: exact  the sink's lines are compared as they are, in their order
type golden struct {
	name     string
	path     string
	about    []string // the first part, line by line
	sql      string
	inputs   []input
	expected []expected

	partitions int // 0: any number
	key        int // a field's number from 1; 0: rows are spread at random
	exact      bool
	single     bool // one task
	await      bool // for the lines expected at a barrier
	ended      string
}

// input is what a stream gets: its records between barriers.
type input struct {
	name   string
	format string
	stages [][]string
	key    func(record string) string // records of one key are in one partition; nil: they are anywhere
}

// expected is what a sink has got at each barrier, and at the end.
type expected struct {
	name   string
	format string
	stages [][]string
}

// barrier parts the stages of an input and of what is expected.
const barrier = "barrier"

var sectionHead = regexp.MustCompile(`^-- (.+) --$`)

// readGolden reads a file.
func readGolden(path string) (*golden, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	g := &golden{name: strings.TrimSuffix(filepath.Base(path), ".golden"), path: path}
	section := ""
	var body []string
	finish := func() error {
		if err := g.add(section, body); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	for line := range bytes.Lines(text) {
		l := strings.TrimSuffix(string(line), "\n")
		if m := sectionHead.FindStringSubmatch(l); m != nil {
			if err := finish(); err != nil {
				return nil, err
			}
			section, body = m[1], nil
			continue
		}
		body = append(body, l)
	}
	if err := finish(); err != nil {
		return nil, err
	}
	if g.sql == "" || len(g.expected) == 0 {
		return nil, fmt.Errorf("%s: it needs the sections job.sql and expected", path)
	}
	return g, nil
}

// add takes a section.
func (g *golden) add(section string, body []string) error {
	kind, file, _ := strings.Cut(section, " ")
	name, format, _ := strings.Cut(file, ".")
	switch kind {
	case "":
		g.about = body
		return g.settings()
	case "job.sql":
		g.sql = strings.Join(body, "\n")
	case "input":
		g.inputs = append(g.inputs, input{name: name, format: format, stages: stages(body)})
	case "expected":
		g.expected = append(g.expected, expected{name, format, stages(body)})
	default:
		return fmt.Errorf("unknown section %q", section)
	}
	return nil
}

// settings reads the lines that begin with #.
func (g *golden) settings() error {
	for _, l := range g.about {
		setting, ok := strings.CutPrefix(l, "# ")
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(setting, ": ")
		var err error
		switch {
		case key == "partitions":
			g.partitions, err = strconv.Atoi(value)
		case key == "key":
			g.key, err = strconv.Atoi(value)
		case key == "compare" && value == "exact":
			g.exact = true
		case key == "tasks" && value == "1":
			g.single = true
		case key == "await" && value == "true":
			g.await = true
		case key == "ended":
			g.ended = value
		default:
			err = fmt.Errorf("unknown setting %q", l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stages parts lines at the barriers.
func stages(lines []string) [][]string {
	all := [][]string{nil}
	for _, l := range lines {
		if l == barrier {
			all = append(all, nil)
			continue
		}
		all[len(all)-1] = append(all[len(all)-1], l)
	}
	return all
}

// barriers is how many stages there are.
func (g *golden) stages() int {
	n := 1
	for _, in := range g.inputs {
		n = max(n, len(in.stages))
	}
	return n
}

// stage is what an input has in a stage.
func (in input) stage(i int) []string {
	if i < len(in.stages) {
		return in.stages[i]
	}
	return nil
}

// write writes the golden anew.
func (g *golden) write() error {
	var b strings.Builder
	section := func(head string, all [][]string) {
		fmt.Fprintf(&b, "-- %s --\n", head)
		for i, s := range all {
			if i > 0 {
				b.WriteString(barrier + "\n")
			}
			for _, l := range s {
				b.WriteString(l + "\n")
			}
		}
	}
	for _, l := range g.about {
		b.WriteString(l + "\n")
	}
	section("job.sql", [][]string{strings.Split(g.sql, "\n")})
	for _, in := range g.inputs {
		section("input "+in.name+"."+in.format, in.stages)
	}
	for _, e := range g.expected {
		section("expected "+e.name+"."+e.format, e.stages)
	}
	return os.WriteFile(g.path, []byte(b.String()), 0o600)
}

// net is what lines come to: sorted, and where they are changes, without those
// that cancel out.
func net(lines []string) []string {
	if !slices.ContainsFunc(lines, func(l string) bool { return !isChange(l) }) {
		return netChanges(lines)
	}
	return slices.Sorted(slices.Values(lines))
}

// isChange reports whether a line of CSV or JSON begins with an op.
func isChange(l string) bool {
	_, _, ok := cutOp(l)
	return ok
}

const jsonOp = `{"_op":"`

func cutOp(l string) (op byte, row string, ok bool) {
	if rest, found := strings.CutPrefix(l, jsonOp); found {
		l = rest
	}
	if len(l) < 2 || l[0] != '+' && l[0] != '-' || l[1] != ',' && l[1] != '"' {
		return 0, "", false
	}
	return l[0], l[1:], true
}

func netChanges(lines []string) []string {
	count := map[string]int{}
	var rows []string
	for _, l := range lines {
		op, row, _ := cutOp(l)
		if _, known := count[row]; !known {
			rows = append(rows, row)
		}
		if op == '+' {
			count[row]++
		} else {
			count[row]--
		}
	}
	slices.Sort(rows)
	var all []string
	for _, row := range rows {
		n, op := count[row], "+"
		if n < 0 {
			n, op = -n, "-"
		}
		if row[0] == '"' {
			op = jsonOp + op
		}
		for range n {
			all = append(all, op+row)
		}
	}
	return all
}
