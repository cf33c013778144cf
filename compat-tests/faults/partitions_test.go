package faults

import (
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPartitionsAdded adds partitions to a topic that a job of several tasks reads:
// tasks that had none take them up, and every record of them is read, also what came
// before anyone looked.
func TestPartitionsAdded(t *testing.T) {
	broker := gateway.StartBroker(t)
	p := gateway.Start(t, gateway.Options{Brokers: broker})
	conn := connect(t, p)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopics(t.Context(), 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	send := func(c *kgo.Client, partition int32, id int) {
		t.Helper()
		r := &kgo.Record{Topic: "t", Partition: partition, Value: fmt.Appendf(nil, `{"id":%d}`, id)}
		if err := c.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	send(client, 0, 1)
	if _, err := run(t, conn, `CREATE STREAM t (id bigint) WITH (type = 'kafka', topic = 't');
		START JOB j AS SELECT id % 7 AS k, count(*) AS n FROM t GROUP BY id % 7 INTO hole WITH ('hole.type' = 'blackhole', parallelism = '3', 'checkpoint.interval' = '50ms')`); err != nil {
		t.Fatal(err)
	}
	eventually(t, conn, "SELECT rows_in FROM ferris.jobs", "[1]")
	if _, err := admin.CreatePartitions(t.Context(), 3, "t"); err != nil {
		t.Fatal(err)
	}
	fresh, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	for partition := range int32(4) {
		for id := range 10 {
			send(fresh, partition, id)
		}
	}
	eventually(t, conn, "SELECT rows_in FROM ferris.jobs", "[41]")
}
