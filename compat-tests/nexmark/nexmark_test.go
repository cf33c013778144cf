package nexmark

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/pipelines"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
)

var (
	events = flag.Int("events", 0, "events of the test; 0: 100,000, or 20,000 in the short tier")
	seed   = flag.Uint64("seed", 1, "where chance begins")
)

//go:embed queries/*.sql
var queries embed.FS

const queryCount = 23

func query(t *testing.T, name string) (text string, ok bool) {
	t.Helper()
	b, err := queries.ReadFile("queries/" + name + ".sql")
	if os.IsNotExist(err) {
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimSpace(string(b)), ";"), true
}

// generate returns the records of each stream.
func generate(n int) map[string][]string {
	all := map[string][]string{}
	g := NewGenerator(*seed)
	var line []byte
	for range n {
		var kind Kind
		kind, line = g.Next(line[:0])
		all[Streams[kind]] = append(all[Streams[kind]], string(line))
	}
	return all
}

// side is the table that q13 joins.
func side() []string {
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprintf("%d,side %d", i, i*7))
	}
	return all
}

// sideText is side as a file.
func sideText() string { return strings.Join(side(), "\n") + "\n" }

// oracle is PostgreSQL with the events in tables.
func oracle(t *testing.T, all map[string][]string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), postgres.Start(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	run := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	run("SET TimeZone = 'UTC'")
	for kind, name := range Streams {
		run("CREATE TEMP TABLE doc_" + name + " (doc jsonb)")
		run("CREATE TEMP TABLE " + name + " (" + Columns[kind] + ")")
		text := strings.Join(all[name], "\n") + "\n"
		if _, err := conn.CopyFrom(t.Context(), strings.NewReader(text), "COPY doc_"+name+` FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')`); err != nil {
			t.Fatal(err)
		}
		run(fmt.Sprintf("INSERT INTO %[1]s SELECT (jsonb_populate_record(NULL::%[1]s, doc)).* FROM doc_%[1]s", name))
	}
	run("CREATE TEMP TABLE side (key bigint, value text)")
	if _, err := conn.CopyFrom(t.Context(), strings.NewReader(sideText()), "COPY side FROM STDIN WITH (FORMAT csv)"); err != nil {
		t.Fatal(err)
	}
	run("ANALYZE")
	return conn
}

// TestQueries runs each query as a job over the same events, and compares what it
// comes to with PostgreSQL's answer.
func TestQueries(t *testing.T) {
	n := *events
	if n == 0 {
		n = 100_000
		if os.Getenv("FERRIS_TIER") == "short" {
			n = 20_000
		}
	}
	all := generate(n)
	conn := oracle(t, all)
	for i := range queryCount {
		name := fmt.Sprintf("q%d", i)
		t.Run(name, func(t *testing.T) {
			text, _ := query(t, name)
			begun := time.Now()
			got := answer(t, name, text, all)
			took := time.Since(begun)
			if name == "q12" {
				byBidder(t, got, all)
				return
			}
			if own, ok := query(t, name+".postgres"); ok {
				text = own
			}
			var out bytes.Buffer
			if _, err := conn.CopyTo(t.Context(), &out, "COPY ("+text+") TO STDOUT WITH (FORMAT csv)"); err != nil {
				t.Fatal(err)
			}
			want := slices.Sorted(strings.Lines(out.String()))
			for i, l := range want {
				want[i] = strings.TrimSuffix(l, "\n")
			}
			slices.Sort(want)
			t.Logf("%d rows, %v", len(want), took)
			if len(want) == 0 {
				t.Error("PostgreSQL has no rows")
			}
			if !slices.Equal(got, want) {
				t.Errorf("the job comes to %d rows, PostgreSQL to %d; %s", len(got), len(want), difference(got, want))
			}
		})
	}
}

func answer(t *testing.T, name, text string, all map[string][]string) []string {
	t.Helper()
	dir := t.TempDir()
	sql := ""
	job := pipelines.Job{Streams: map[string][]string{}, Tasks: 1 + int(*seed)%2}
	if name == "q12" {
		b, err := kafka.StartBroker(kafka.BrokerOptions{Addr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		job.Broker = b.Addr()
	}
	for kind, stream := range Streams {
		sql += fmt.Sprintf("CREATE STREAM %[1]s (%[2]s, WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds') WITH ($%[1]s);\n", stream, Columns[kind])
		job.Streams[stream] = all[stream]
	}
	if name == "q13" {
		path := filepath.Join(dir, "side.csv")
		if err := os.WriteFile(path, []byte(sideText()), 0o600); err != nil {
			t.Fatal(err)
		}
		sql += fmt.Sprintf("CREATE STREAM side (key bigint, value text) WITH ('type' = 'file', 'path' = '%s', 'format' = 'csv', 'header' = 'false');\n", path)
	}
	job.SQL = sql + "START JOB nexmark AS " + text + "\nINTO out WITH ($out);"
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	got, err := job.Answer(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// byBidder checks q12, whose windows are of the time at which a bid came: each
// bidder's windows count all of the bidder's bids.
func byBidder(t *testing.T, got []string, all map[string][]string) {
	t.Helper()
	want, have := map[int64]int64{}, map[int64]int64{}
	for _, line := range all[Streams[Bid]] {
		var b struct{ Bidder int64 }
		if err := json.Unmarshal([]byte(line), &b); err != nil {
			t.Fatal(err)
		}
		want[b.Bidder]++
	}
	for _, line := range got {
		var bidder, bids int64
		if _, err := fmt.Sscanf(strings.ReplaceAll(line, ",", " "), "%d %d", &bidder, &bids); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		have[bidder] += bids
	}
	if !maps.Equal(have, want) {
		t.Errorf("the windows count %d bidders, want %d, or other numbers of bids", len(have), len(want))
	}
}

// difference names the first rows of which one side has more.
func difference(got, want []string) string {
	count := map[string]int{}
	for _, l := range got {
		count[l]++
	}
	for _, l := range want {
		count[l]--
	}
	var more []string
	for _, l := range slices.Sorted(maps.Keys(count)) {
		if n := count[l]; n != 0 && len(more) < 6 {
			more = append(more, fmt.Sprintf("%+d %s", n, l))
		}
	}
	return strings.Join(more, "\n")
}
