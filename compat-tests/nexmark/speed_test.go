package nexmark

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/bench"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

var (
	speed = flag.Bool("speed", false, "measure the queries; needs the machine to itself")
	only  = flag.String("query", "", "measure only these queries, parted by commas")
)

// published are the best published events a second and core, of Flink on other
// hardware: a yardstick.
var published = map[string]float64{
	"q0": 378e3, "q1": 396e3, "q2": 414e3, "q3": 219e3, "q4": 34e3, "q5": 75e3, "q7": 99e3, "q8": 162e3, "q9": 14e3, "q11": 46e3, "q12": 194e3,
	"q15": 168e3, "q16": 45e3, "q17": 161e3, "q18": 65e3, "q19": 44e3, "q20": 19e3, "q21": 147e3, "q22": 211e3,
}

// TestSpeed prints what each query makes of the events in three topics: all events
// count, also those of topics that it does not read, as they do where the figures
// were published. A core's events a second are those of the gateway's processor
// time; the broker is a process of its own.
func TestSpeed(t *testing.T) {
	if !*speed {
		t.Skip("make bench-stream measures the queries")
	}
	n := *events
	if n == 0 {
		n = 500_000
	}
	broker := gateway.StartBroker(t)
	counts := produce(t, broker, n)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "query\tevents/s of a core\tpublished\tratio\tof the wall clock")
	for i := range queryCount {
		name := fmt.Sprintf("q%d", i)
		if *only != "" && !slices.Contains(strings.Split(*only, ","), name) {
			continue
		}
		text, _ := query(t, name)
		var cpu, took time.Duration
		// One that fails does not end the others.
		if !t.Run(name, func(t *testing.T) { cpu, took = measure(t, broker, name, text, counts) }) {
			fmt.Fprintf(w, "%s\tFAILED\t\t\t\n", name)
			continue
		}
		rate := float64(n) / cpu.Seconds()
		line := fmt.Sprintf("%s\t%.0f k\t", name, rate/1000)
		if p := published[name]; p > 0 {
			line += fmt.Sprintf("%.0f k\t%.1f", p/1000, rate/p)
		} else {
			line += "\t"
		}
		fmt.Fprintf(w, "%s\t%.0f k\n", line, float64(n)/took.Seconds()/1000)
	}
	w.Flush()
	fmt.Fprint(os.Stdout, table.String())
}

// produce fills the topics and returns how many records each has.
func produce(t *testing.T, broker string, n int) map[string]int {
	t.Helper()
	counts := map[string]int{}
	g := NewGenerator(*seed)
	err := bench.Fill(t.Context(), broker, 1, n, func(dst []byte, _ int) (string, []byte) {
		kind, line := g.Next(dst)
		counts[Streams[kind]]++
		return Streams[kind], line
	}, Streams[:]...)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

var reads = regexp.MustCompile(`(?:FROM |JOIN |hop\(|tumble\(|session\()(person|auction|bid)\b`)

// measure runs a query as a job in a gateway of its own until it has read all
// records.
func measure(t *testing.T, broker, name, text string, counts map[string]int) (cpu, took time.Duration) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "ferris.yaml")
	if err := os.WriteFile(config, []byte("file:\n  roots: ["+dir+"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{DataDir: filepath.Join(dir, "data"), Brokers: broker, Args: []string{"--config", config}})
	defer p.Kill()
	c, err := bench.Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exec := func(sql string) {
		t.Helper()
		if _, err := c.Query(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	for kind, stream := range Streams {
		exec(fmt.Sprintf("CREATE STREAM %[1]s (%[2]s, WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds') WITH (type = 'kafka', topic = '%[1]s')", stream, Columns[kind]))
	}
	if name == "q13" {
		path := filepath.Join(dir, "side.csv")
		if err := os.WriteFile(path, []byte(sideText()), 0o600); err != nil {
			t.Fatal(err)
		}
		exec("CREATE STREAM side (key bigint, value text) WITH (type = 'file', path = '" + path + "', format = 'csv', header = 'false')")
	}
	rows := 0
	for _, m := range reads.FindAllStringSubmatch(text, -1) {
		rows += counts[m[1]]
	}
	cost, err := bench.RunJob(p, name, "START JOB "+name+" AS "+text+" INTO o WITH ('o.type' = 'blackhole')", fmt.Sprintf("rows_in >= %d", rows))
	if err != nil {
		t.Fatal(err)
	}
	return cost.CPU, cost.Took
}
