package bench

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

const pipelineRows = 1_000_000

// cpuPerRecord runs the event query five times over a stream of n records, and
// returns the median of the gateway's processor time for one record.
func cpuPerRecord(t *testing.T, p *gateway.Process, stream string, n int) time.Duration {
	t.Helper()
	c, err := Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	query := fmt.Sprintf(eventQuery, stream)
	want := 0
	for i := range n {
		if eventQuantity(i) > 500 {
			want++
		}
	}
	var runs []float64
	for range 5 {
		before, err := CPU(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		rows, err := c.Query(query)
		if err != nil || rows != want {
			t.Fatalf("%s: %d rows (%v), want %d", query, rows, err, want)
		}
		after, err := CPU(p.PID())
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, float64(after-before)/float64(n))
	}
	return time.Duration(Median(runs))
}

func exec(t *testing.T, p *gateway.Process, sql string) {
	t.Helper()
	c, err := Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Query(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func kafkaBars(t *testing.T, base time.Duration) []bar {
	broker := gateway.StartBroker(t)
	if err := FillTopic(t.Context(), broker, "events", pipelineRows, eventLine); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := gateway.Start(t, gateway.Options{Brokers: broker, DataDir: dir})
	exec(t, p, "CREATE STREAM events "+eventColumns+" WITH (type = 'kafka', topic = 'events')")
	cpu := cpuPerRecord(t, p, "events", pipelineRows)
	filter := bar{name: "Kafka -> filter -> text rows / encoding/json", value: float64(cpu) / float64(base), limit: 0.15, note: fmt.Sprintf("%v a record", cpu)}
	return append([]bar{filter, avroBar(t, p, dir, cpu)}, transactionBars(t, broker, p, base)...)
}

// eventSchema is the event's in Avro.
const eventSchema = `{"type": "record", "name": "event", "fields": [
	{"name": "order_id", "type": "long"}, {"name": "customer_id", "type": "string"}, {"name": "symbol", "type": "string"},
	{"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}}, {"name": "quantity", "type": "long"},
	{"name": "side", "type": "string"}, {"name": "event_time", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}`

// avroBar asks the same of the same records in Avro.
func avroBar(t *testing.T, p *gateway.Process, dir string, json time.Duration) bar {
	t.Helper()
	schema := filepath.Join(dir, "event.avsc")
	if err := os.WriteFile(schema, []byte(eventSchema), 0o600); err != nil {
		t.Fatal(err)
	}
	start := "START JOB fill AS SELECT * FROM events INTO filled WITH ('filled.type' = 'kafka', 'filled.topic' = 'in_avro', 'filled.format' = 'avro', 'filled.avro.schema' = '" + schema + "')"
	if _, err := RunJob(p, "fill", start, fmt.Sprintf("rows_out = %d", pipelineRows)); err != nil {
		t.Fatal(err)
	}
	exec(t, p, "STOP JOB fill")
	exec(t, p, "CREATE STREAM in_avro WITH (type = 'kafka', topic = 'in_avro', format = 'avro', 'avro.schema' = '"+schema+"')")
	avro := cpuPerRecord(t, p, "in_avro", pipelineRows)
	return bar{name: "the same in Avro: records for a second of processor time / JSON", value: float64(json) / float64(avro), limit: 1.4, least: true, note: fmt.Sprintf("%v a record", avro)}
}

func fileBars(t *testing.T, base time.Duration) []bar {
	dir := t.TempDir()
	path := filepath.Join(dir, "events.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var line []byte
	for i := range pipelineRows {
		line = append(eventLine(line[:0], i), '\n')
		if _, err := w.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{DataDir: dir})
	exec(t, p, "CREATE STREAM events "+eventColumns+" WITH (type = 'file', path = '"+path+"', format = 'json')")
	cpu := cpuPerRecord(t, p, "events", pipelineRows)
	return []bar{{name: "file -> filter -> text rows / encoding/json", value: float64(cpu) / float64(base), limit: 0.15, note: fmt.Sprintf("%v a record", cpu)}}
}

// generatorBars compare rows per second with PostgreSQL reading a table of the
// same rows.
func generatorBars(t *testing.T, _ time.Duration) []bar {
	const n = 1_000_000
	p := gateway.Start(t, gateway.Options{})
	exec(t, p, `CREATE STREAM g (
		a bigint GENERATED ALWAYS AS (_offset) STORED,
		b bigint GENERATED ALWAYS AS (_offset * 2) STORED,
		c bigint GENERATED ALWAYS AS (_offset % 1000) STORED,
		d text GENERATED ALWAYS AS ('row ' || _offset::text) STORED,
		e timestamp GENERATED ALWAYS AS (TIMESTAMP '2024-01-01' + _offset * INTERVAL '1 second') STORED
	) WITH (type = 'generator', rows = '1000000')`)
	server := postgres.Start(t)
	err := server.Exec(t.Context(), `CREATE UNLOGGED TABLE g AS SELECT i AS a, i*2 AS b, i%1000 AS c, 'row ' || i::text AS d,
		TIMESTAMP '2024-01-01' + i * INTERVAL '1 second' AS e FROM generate_series(0::bigint, 999999) i`)
	if err != nil {
		t.Fatal(err)
	}

	ours, err := Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs, err := Dial(postgresAddr(server), "postgres", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	rate := func(query func(string) (int, error)) float64 {
		start := time.Now()
		rows, err := query("SELECT a, b, c, d, e FROM g")
		if err != nil || rows != n {
			t.Fatalf("%d rows, %v", rows, err)
		}
		return n / time.Since(start).Seconds()
	}
	var all []bar
	for _, form := range []struct {
		name         string
		ours, theirs func(string) (int, error)
	}{{"text", ours.Query, theirs.Query}, {"binary", ours.QueryBinary, theirs.QueryBinary}} {
		var a, b []float64
		for range 5 {
			a = append(a, rate(form.ours))
			b = append(b, rate(form.theirs))
		}
		all = append(all, bar{name: "generator rows/s, " + form.name + " / PostgreSQL 16", value: Median(a) / Median(b), limit: 2.5, least: true,
			note: fmt.Sprintf("%.2f M rows/s against %.2f M", Median(a)/1e6, Median(b)/1e6)})
	}
	return all
}

func postgresAddr(s *postgres.Server) string { return fmt.Sprintf("127.0.0.1:%d", s.Port()) }
