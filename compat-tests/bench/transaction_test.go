package bench

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// transactionRows are how many records a transaction is to have.
const transactionRows = 10_000

// copyCPU runs a job that copies the stream events into a topic, to its end, and
// returns the gateway's processor time for one record, how long it took, and how
// many epochs.
func copyCPU(t *testing.T, p *gateway.Process, name, options string) (cpu, took time.Duration, epochs int) {
	t.Helper()
	start := fmt.Sprintf("START JOB %s AS SELECT order_id, customer_id, symbol, price, quantity, side, event_time FROM events INTO k_%[1]s WITH ('k_%[1]s.type' = 'kafka', 'k_%[1]s.topic' = '%[1]s'%s)", name, options)
	cost, err := RunJob(p, name, start, fmt.Sprintf("rows_out = %d", pipelineRows))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Start(fmt.Sprintf("SELECT epoch FROM ferris.jobs WHERE job_name = '%s'", name)); err != nil {
		t.Fatal(err)
	}
	row, err := c.Next()
	if err == nil && len(row) > 6 {
		epochs, err = strconv.Atoi(string(row[6:])) // behind the number of columns and a length
	}
	if err != nil {
		t.Fatal(err)
	}
	return cost.CPU / pipelineRows, cost.Took, epochs
}

// transactionRounds are how often each of the copies runs.
const transactionRounds = 5

// transactionBars copy a topic into another: at least once, in epochs of 50 ms,
// and exactly once, in transactions of about so many records as the
// first copies' pace makes of an interval.
func transactionBars(t *testing.T, p *gateway.Process, base time.Duration) []bar {
	least, leastTook, _ := copies(t, p, "least", ", 'checkpoint.interval' = '50ms'")
	interval := max(leastTook*transactionRows/pipelineRows, time.Millisecond).Truncate(time.Millisecond)
	once, onceTook, epochs := copies(t, p, "once", fmt.Sprintf(", 'use_transactions' = 'true', 'checkpoint.interval' = '%v'", interval))
	return []bar{{name: "Kafka -> Kafka, exactly once / encoding/json", value: float64(once) / float64(base), limit: 0.5,
		note: fmt.Sprintf("%v a record, %d records a transaction, %.0f k/s; at least once %v, %.0f k/s", once, pipelineRows/max(epochs, 1),
			pipelineRows/onceTook.Seconds()/1000, least, pipelineRows/leastTook.Seconds()/1000)}}
}

// copies are the medians of several copies.
func copies(t *testing.T, p *gateway.Process, name, options string) (cpu, took time.Duration, epochs int) {
	t.Helper()
	var cpus, tooks, all []float64
	for i := range transactionRounds {
		c, d, n := copyCPU(t, p, fmt.Sprintf("%s%d", name, i), options)
		cpus, tooks, all = append(cpus, float64(c)), append(tooks, float64(d)), append(all, float64(n))
	}
	return time.Duration(Median(cpus)), time.Duration(Median(tooks)), int(Median(all))
}
