package nexmark

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	_ "embed"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/cache"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/kafka"
)

//go:embed flink/pom.xml
var flinkPom string

// flinkOpens are what Flink's own scripts open of the JDK.
var flinkOpens = []string{"java.lang", "java.lang.invoke", "java.lang.reflect", "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks", "java.io", "java.net", "java.nio", "java.text", "java.time", "sun.nio.ch", "sun.net.util"}

// simpleQueries are those of which ours takes a fifth of Flink's processor time at
// most; of the others it is half.
var simpleQueries = []string{"q0", "q1", "q2", "q5", "q7", "q8", "q11", "q12"}

// TestFlink runs each query over the same topics of an Apache Kafka in Flink SQL and
// in a gateway, and compares the processor time that they take for an event. Flink
// keeps its state on the heap, takes no checkpoints, and has run the query before:
// what costs it least. Ours has a checkpoint each second, and starts cold.
func TestFlink(t *testing.T) {
	if os.Getenv("FERRIS_TIER") != "long" && !*speed {
		t.Skip("runs Flink for some minutes; run with FERRIS_TIER=long, or -speed")
	}
	jars, err := cache.Jars(flinkPom, "flink")
	if err != nil {
		t.Fatal(err)
	}
	n := *events
	if n == 0 {
		n = 500_000
	}
	broker := kafka.Start(t).Addr()
	counts := produce(t, broker, n)
	side := filepath.Join(t.TempDir(), "side.csv")
	if err := os.WriteFile(side, []byte(sideText()), 0o600); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "query\tours, ns an event\tFlink's\tratio\tat most\t")
	for i := range queryCount {
		name := fmt.Sprintf("q%d", i)
		if *only != "" && !slices.Contains(strings.Split(*only, ","), name) {
			continue
		}
		text, _ := query(t, name)
		theirs, ok := query(t, name+".flink")
		var ours time.Duration
		if !t.Run(name, func(t *testing.T) { ours, _ = measure(t, broker, name, text, counts) }) {
			fmt.Fprintf(w, "%s\tFAILED\t\t\t\t\n", name)
			continue
		}
		if !ok {
			fmt.Fprintf(w, "%s\t%d\tFlink refuses it\t\t\t\n", name, ours.Nanoseconds()/int64(n))
			continue
		}
		flink, err := inFlink(t, jars, broker, side, theirs)
		if err != nil {
			t.Errorf("%s in Flink: %v", name, err)
			continue
		}
		most := 0.5
		if slices.Contains(simpleQueries, name) {
			most = 0.2
		}
		ratio, verdict := ours.Seconds()/flink.Seconds(), "ok"
		if ratio > most {
			verdict = "MISSED"
			t.Errorf("%s takes %.2f of Flink's processor time, at most %.1f", name, ratio, most)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%.1f\t%s\n", name, ours.Nanoseconds()/int64(n), flink.Nanoseconds()/int64(n), ratio, most, verdict)
	}
	w.Flush()
	fmt.Fprint(os.Stdout, table.String())
}

// inFlink returns the processor time that Flink takes for a query.
func inFlink(t *testing.T, jars, broker, side, query string) (time.Duration, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "query.sql")
	if err := os.WriteFile(file, []byte(query), 0o600); err != nil {
		return 0, err
	}
	args := []string{"-Xmx4g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", jars}
	for _, p := range flinkOpens {
		args = append(args, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "java", append(args, "flink/Nexmark.java", broker, side, file)...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var cpu, wall int64
	if _, err := fmt.Sscan(lines[len(lines)-1], &cpu, &wall); err != nil {
		return 0, fmt.Errorf("reading what it took: %w\n%s", err, out)
	}
	return time.Duration(cpu), nil
}
