package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestLatestReadsNewPartitionsWhole makes a partition while a stream is read from
// its latest records on: what came into it before anyone looked is new, too.
func TestLatestReadsNewPartitionsWhole(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`)
	session := b.open(relation("t"), stream.Scan{Latest: true}, nil)
	declared := b.open(relation("t", "auto.offset.reset", "latest"), stream.Scan{}, nil)
	for _, c := range []*cursor{session, declared} {
		if rows, err := c.next(); err != nil || len(rows) > 0 {
			t.Fatalf("read %v, %v, want the end of the one partition", rows, err)
		}
	}
	if _, err := kadm.NewClient(b.cl).CreatePartitions(t.Context(), 1, "t"); err != nil {
		t.Fatal(err)
	}
	p, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: 1, Value: []byte(`{"id":2}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*cursor{session, declared} {
		if splits, err := c.src.Splits(t.Context()); err != nil || len(splits) != 2 {
			t.Fatalf("splits %v, %v, want 2", splits, err)
		}
		if err := c.r.Add(t.Context(), []stream.Position{{Split: "1"}}); err != nil {
			t.Fatal(err)
		}
		if rows, err := c.next(); err != nil || len(rows) != 1 || rows[0] != "2 NULL @1:0" {
			t.Fatalf("read %v, %v, want the first row of the new partition", rows, err)
		}
	}
	// A job that goes on where it was has a position for the old one only.
	again := b.open(relation("t", "auto.offset.reset", "latest"), stream.Scan{}, map[stream.Split]stream.Offset{"0": declared.at["0"]})
	again.want("2 NULL @1:0")
}
