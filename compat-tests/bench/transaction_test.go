package bench

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// A transaction is to have transactionRows records. So many come at once, each
// transactionPace, which is the interval of the epochs too.
const (
	transactionRows = 10_000
	transactionPace = 30 * time.Millisecond
	// copiedRows are those of one copy.
	copiedRows = 100 * transactionRows
	// transactionRounds are how often each of the copies runs.
	transactionRounds = 5
)

// copyCPU runs a job that copies a topic, which is filled at the pace meanwhile, into
// another, and returns the gateway's processor time for one record, and how many epochs
// it took.
func copyCPU(t *testing.T, broker string, p *gateway.Process, name, options string) (cpu time.Duration, epochs int) {
	t.Helper()
	from := name + "_from"
	exec(t, p, fmt.Sprintf("CREATE STREAM %s %s WITH (type = 'kafka', topic = '%[1]s')", from, eventColumns))
	made := make(chan error, 1)
	produce, err := paced(t.Context(), broker, from)
	if err != nil {
		t.Fatal(err)
	}
	go func() { made <- produce() }()
	start := fmt.Sprintf("START JOB %s AS SELECT order_id, customer_id, symbol, price, quantity, side, event_time FROM %s INTO k_%[1]s WITH ('k_%[1]s.type' = 'kafka', 'k_%[1]s.topic' = '%[1]s', 'checkpoint.interval' = '%[3]v'%[4]s)", name, from, transactionPace, options)
	cost, err := RunJob(p, name, start, fmt.Sprintf("rows_out = %d", copiedRows))
	if err := errors.Join(err, <-made); err != nil {
		t.Fatal(err)
	}
	c := dial(t, p)
	defer c.Close()
	epochs = int(jobNumbers(t, c, name, "epoch")[0])
	exec(t, p, "STOP JOB "+name)
	return cost.CPU / copiedRows, epochs
}

// paced makes a topic; what it returns fills that.
func paced(ctx context.Context, broker, topic string) (produce func() error, err error) {
	client, err := producer(broker)
	if err != nil {
		return nil, err
	}
	made, err := kadm.NewClient(client).CreateTopics(ctx, 4, 1, nil, topic)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("making topics: %w", err)
	}
	return func() error {
		defer client.Close()
		tick := time.NewTicker(transactionPace)
		defer tick.Stop()
		for i := range copiedRows {
			if i%transactionRows == 0 {
				<-tick.C
			}
			client.Produce(ctx, &kgo.Record{Topic: topic, Value: eventLine(nil, i)}, nil)
		}
		return client.Flush(ctx)
	}, nil
}

// transactionBars copy a topic into another, at least once, and exactly once in
// transactions of so many records.
func transactionBars(t *testing.T, broker string, p *gateway.Process, base time.Duration) []bar {
	least, _ := copies(t, broker, p, "least", "")
	once, epochs := copies(t, broker, p, "once", ", 'use_transactions' = 'true'")
	return []bar{{name: "Kafka -> Kafka, exactly once / encoding/json", value: float64(once) / float64(base), limit: 0.5,
		note: fmt.Sprintf("%v a record, %d records a transaction; at least once %v", once, copiedRows/max(epochs, 1), least)}}
}

// copies are the medians of several copies.
func copies(t *testing.T, broker string, p *gateway.Process, name, options string) (cpu time.Duration, epochs int) {
	t.Helper()
	var cpus, all []float64
	for i := range transactionRounds {
		c, n := copyCPU(t, broker, p, fmt.Sprintf("%s%d", name, i), options)
		cpus, all = append(cpus, float64(c)), append(all, float64(n))
	}
	return time.Duration(Median(cpus)), int(Median(all))
}
