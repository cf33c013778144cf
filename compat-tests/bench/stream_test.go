package bench

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// streamRows are as many as a job reads of the topic: each a millisecond after the
// one before it, and each key of the million twice.
const streamRows = 2_000_000

// streamTries are the runs of which the median counts.
var streamTries = flag.Int("tries", 5, "runs of each job that the bars of streams measure")

// streamOnly is what the names of the jobs contain.
var streamOnly = flag.String("job", "", "measure only the jobs of streams whose names contain this")

var streamBegin = time.Date(2024, 1, 15, 10, 0, 0, 0, time.UTC)

// streamLine is eventLine with a time that goes on.
func streamLine(dst []byte, i int) []byte {
	return fmt.Appendf(dst, `{"order_id":%d,"customer_id":"customer-%06d","symbol":"%s","price":%d.%04d,"quantity":%d,"side":"%s","event_time":"%s"}`,
		1000000000+i, i*37%100000, [...]string{"AAPL", "MSFT", "GOOGL", "F", "BRK.A"}[i%5], 50+i%300, i*7919%10000, eventQuantity(i),
		[...]string{"BUY", "SELL"}[i%2], streamBegin.Add(time.Duration(i)*time.Millisecond).Format("2006-01-02T15:04:05.000000Z"))
}

// streamQueries are the jobs that are measured. limit 0: it is only printed.
var streamQueries = []struct {
	name, query string
	inputs      int // of a record
	limit       float64
}{
	{"copy", "SELECT order_id, symbol, price FROM events", 1, 0},
	{"tumbling count and sum, 1,000 keys", "SELECT order_id % 1000 AS k, window_end, count(*), sum(price) FROM events WINDOW TUMBLING (INTERVAL '10 seconds') GROUP BY k, window_end", 1, 0.30},
	{"tumbling count and sum, 1 M keys", "SELECT order_id * 7919 % 1000003 AS k, window_end, count(*), sum(price) FROM events WINDOW TUMBLING (INTERVAL '1 hour') GROUP BY k, window_end", 1, 0.6},
	{"interval join", "SELECT a.order_id, b.price FROM events a JOIN events b ON a.order_id = b.order_id WITHIN INTERVAL '10 seconds'", 2, 0.5},
	{"hopping, 6 windows a row", "SELECT order_id % 1000 AS k, window_end, count(*), sum(price) FROM events WINDOW HOPPING (INTERVAL '1 minute', INTERVAL '10 seconds') GROUP BY k, window_end", 1, 0},
	{"session", "SELECT order_id % 1000 AS k, window_end, count(*), sum(price) FROM events WINDOW SESSION (INTERVAL '500 milliseconds') GROUP BY k, window_end", 1, 0},
	{"groups, 1,000 keys, changes", "SELECT order_id % 1000 AS k, count(*), sum(price) FROM events GROUP BY k", 1, 0},
	{"OVER, 10 rows", "SELECT order_id, sum(price) OVER (PARTITION BY order_id % 1000 ORDER BY event_time ROWS 9 PRECEDING) AS s FROM events", 1, 0},
	{"top 3 of a window", `SELECT * FROM (SELECT symbol, price, window_end, row_number() OVER (PARTITION BY window_end, symbol ORDER BY price DESC) AS r
		FROM events WINDOW TUMBLING (INTERVAL '10 seconds')) x WHERE r <= 3`, 1, 0},
}

// streamBars measure jobs over a topic that they read to its end, with a checkpoint
// each second: the gateway's processor time for each record that an input reads.
func streamBars(t *testing.T, base time.Duration) []bar {
	broker := gateway.StartBroker(t)
	if err := FillTopic(t.Context(), broker, "stream", streamRows, streamLine); err != nil {
		t.Fatal(err)
	}
	var all []bar
	for i, q := range streamQueries {
		if !strings.Contains(q.name, *streamOnly) {
			continue
		}
		var runs []float64
		var rate float64
		tries := *streamTries
		if q.limit == 0 {
			tries = 1
		}
		measured := t.Run(q.name, func(t *testing.T) {
			for range tries {
				cpu, took := jobCPU(t, broker, fmt.Sprintf("j%d", i), q.query, streamRows*q.inputs)
				runs = append(runs, float64(cpu)/float64(base))
				rate = float64(streamRows) / took.Seconds()
			}
		})
		if !measured {
			all = append(all, bar{name: "Kafka -> " + q.name, failed: true})
			continue
		}
		b := bar{name: "Kafka -> " + q.name + " / encoding/json", value: Median(runs), limit: q.limit,
			note: fmt.Sprintf("%v a record and input, %.0f k/s", time.Duration(Median(runs)*float64(base)), rate/1000)}
		if q.limit == 0 {
			b.limit = 1e9
		}
		all = append(all, b)
	}
	return all
}

// jobCPU runs a job in a gateway of its own until it has read so many rows, and
// returns the processor time for each, and how long all took.
func jobCPU(t *testing.T, broker, name, query string, rows int) (cpu, took time.Duration) {
	t.Helper()
	p := gateway.Start(t, gateway.Options{Brokers: broker})
	defer p.Kill()
	exec(t, p, "CREATE STREAM events (order_id bigint, customer_id text, symbol text, price numeric(18,4), quantity bigint, side text, event_time timestamptz, WATERMARK FOR event_time AS event_time) WITH (type = 'kafka', topic = 'stream')")
	start := fmt.Sprintf("START JOB %s AS %s INTO o WITH ('o.type' = 'blackhole')", name, query)
	cost, err := RunJob(p, name, start, fmt.Sprintf("rows_in = %d", rows))
	if err != nil {
		t.Fatal(err)
	}
	return cost.CPU / time.Duration(rows), cost.Took
}
