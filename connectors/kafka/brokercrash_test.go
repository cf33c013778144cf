package kafka

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// inTransaction has a producer write values in a transaction, which stays open.
func inTransaction(t *testing.T, addr, topic string, values ...string) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.TransactionalID("x"), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return cl
}

// TestBrokerKilledInATransaction: what was open when the broker was killed is
// undone with a marker. A read ends, and has what the same producer commits after.
func TestBrokerKilledInATransaction(t *testing.T) {
	dir, copied := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	b, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0", DataDir: dir, Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	cl := inTransaction(t, b.Addr(), "t", `{"id":1}`)
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	inTransaction(t, b.Addr(), "t", `{"id":2}`, `{"id":3}`)
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil { // as a kill leaves it
		t.Fatal(err)
	}
	b.Close()
	for round, want := range []string{"[1]", "[1 10]", "[1 10 11]"} {
		b, err := StartBroker(BrokerOptions{Addr: "127.0.0.1:0", DataDir: copied, Partitions: 1})
		if err != nil {
			t.Fatal(err)
		}
		if round > 0 {
			cl := inTransaction(t, b.Addr(), "t", fmt.Sprintf(`{"id":%d}`, 9+round))
			if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
				t.Fatal(err)
			}
		}
		env := &stream.Env{Brokers: b.Addr(), Metrics: &stream.Metrics{}}
		src, err := Connector{}.Source(t.Context(), env, relation("t"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Open(t.Context(), []stream.Position{{Split: "0"}}, stream.Scan{Columns: []int{0}, Bounded: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		rows := vec.NewBatch([]types.Type{types.Of(types.Int8)})
		for {
			if _, err := r.Read(t.Context(), rows); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			got = append(got, rows.Cols[0].(*vec.Fixed[int64]).Values[:rows.Rows]...)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("round %d: read %v, want %s", round, got, want)
		}
		r.Close()
		src.Close()
		b.Close()
	}
	if _, err := os.Stat(filepath.Join(copied, "running")); err == nil {
		t.Error("a broker that was closed says that it runs")
	}
}
