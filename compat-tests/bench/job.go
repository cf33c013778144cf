package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// jobLimit is how long a job that is measured may take.
const jobLimit = 3 * time.Minute

// JobCost is what a job took of its gateway.
type JobCost struct {
	CPU  time.Duration // processor time
	Took time.Duration // by the clock
}

// RunJob starts the job of that name with a statement, and returns what it took until
// done, a condition over its row of ferris.jobs, held. The job then still runs.
func RunJob(p *gateway.Process, name, start, done string) (JobCost, error) {
	c, err := Dial(p.Listen, "ferris", "ferris")
	if err != nil {
		return JobCost{}, err
	}
	defer c.Close()
	before, err := CPU(p.PID())
	if err != nil {
		return JobCost{}, err
	}
	begun := time.Now()
	if _, err := c.Query(start); err != nil {
		return JobCost{}, fmt.Errorf("%s: %w", start, err)
	}
	row := fmt.Sprintf("SELECT 1 FROM ferris.jobs WHERE job_name = '%s' AND ", name)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := begun.Add(jobLimit); ; <-tick.C {
		n, err := c.Query(row + "((" + done + ") OR state <> 'running')")
		if err != nil {
			return JobCost{}, err
		}
		if n == 1 {
			break
		}
		if time.Now().After(deadline) {
			return JobCost{}, fmt.Errorf("job %s: %s does not hold after %v", name, done, jobLimit)
		}
	}
	took := time.Since(begun)
	after, err := CPU(p.PID())
	if err != nil {
		return JobCost{}, err
	}
	n, err := c.Query(row + "state = 'running'")
	if err == nil && n != 1 {
		err = fmt.Errorf("job %s does not run any more\n%s", name, p.Log())
	}
	if err != nil {
		return JobCost{}, err
	}
	return JobCost{after - before, took}, nil
}

// producer is a client that fills topics quickly.
func producer(broker string) (*kgo.Client, error) {
	return kgo.NewClient(kgo.SeedBrokers(broker), kgo.ProducerBatchMaxBytes(1<<20), kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(50_000))
}

// Fill makes topics and produces n records, which next appends to the buffer that it
// is given and says the topic of.
func Fill(ctx context.Context, broker string, partitions int32, n int, next func(dst []byte, i int) (topic string, record []byte), topics ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	client, err := producer(broker)
	if err != nil {
		return err
	}
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopics(ctx, partitions, 1, nil, topics...)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		return fmt.Errorf("making topics: %w", err)
	}
	for i := range n {
		topic, record := next(nil, i)
		client.Produce(ctx, &kgo.Record{Topic: topic, Value: record}, nil)
	}
	return client.Flush(ctx)
}

// FillTopic fills one topic.
func FillTopic(ctx context.Context, broker, topic string, n int, record func(dst []byte, i int) []byte) error {
	return Fill(ctx, broker, 4, n, func(dst []byte, i int) (string, []byte) { return topic, record(dst, i) }, topic)
}
