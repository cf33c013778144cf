package clients

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// liveClients are how many clients follow one topic.
const liveClients = 200

// TestLiveClientsShare has two hundred clients follow one topic, with ten different
// conditions: every record is fetched and decoded once, as it is for one client, and
// each client has its rows.
func TestLiveClientsShare(t *testing.T) {
	broker := gateway.StartBroker(t)
	g := gateway.Start(t, gateway.Options{Brokers: broker})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	producer, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("shared"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	if _, err := kadm.NewClient(producer).CreateTopic(ctx, 1, 1, nil, "shared"); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, g.URL()).Exec(ctx, "CREATE STREAM shared (id bigint, mark boolean) WITH (type = 'kafka', topic = 'shared')"); err != nil {
		t.Fatal(err)
	}
	id := 0
	// produce sends records, the last of which every client gets.
	produce := func(n int) {
		t.Helper()
		var records []*kgo.Record
		for i := range n {
			records = append(records, kgo.StringRecord(fmt.Sprintf(`{"id":%07d,"mark":%-5t}`, 1_000_000+id, i == n-1)))
			id++
		}
		if err := producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (records, bytes float64) {
		t.Helper()
		return liveMetric(t, g, "ferris_source_records_total"), liveMetric(t, g, "ferris_source_bytes_total")
	}

	const chunks, chunk = 5, 100
	var clients []*liveClient
	// follow brings chunks to all clients and returns what was fetched for them.
	follow := func() (records, bytes float64) {
		t.Helper()
		r, b := read()
		for range chunks {
			from := id
			produce(chunk)
			for i, c := range clients {
				want := 0
				for n := from; n < id; n++ {
					if n == id-1 || n%10 == i%10 {
						want++
					}
				}
				if got := c.next(t); got != want {
					t.Errorf("client %d has %d rows of a chunk, want %d", i, got, want)
				}
			}
		}
		r2, b2 := read()
		return r2 - r, b2 - b
	}

	produce(1)
	var wait sync.WaitGroup
	t.Cleanup(wait.Wait)
	t.Cleanup(cancel)
	join := func() {
		t.Helper()
		c := &liveClient{conn: connectLive(t, g), chunks: make(chan int, 1)}
		sql := fmt.Sprintf("SELECT id, mark FROM shared WHERE mark OR id %% 10 = %d EMIT CHANGES", len(clients)%10)
		wait.Go(func() { c.run(ctx, sql) })
		clients = append(clients, c)
		c.next(t) // the first record: it runs
	}
	join()
	one, oneBytes := follow()
	for len(clients) < liveClients {
		join()
		for c := clients[len(clients)-1]; c.marks < clients[0].marks; {
			c.next(t)
		}
	}
	// Each goes over to the shared reader when it has caught up.
	shared := false
	for try := 0; !shared && try < 500; try++ {
		before, _ := read()
		produce(1)
		for _, c := range clients {
			c.next(t)
		}
		after, _ := read()
		shared = after-before == 1
	}
	if !shared {
		t.Fatal("a record is still decoded more than once")
	}
	all, allBytes := follow()
	if one != chunks*chunk || all != one || allBytes != oneBytes || oneBytes == 0 {
		t.Errorf("%.0f records of %.0f bytes were read for one client, and %.0f of %.0f for %d; want %d for both", one, oneBytes, all, allBytes, len(clients), chunks*chunk)
	}
}

// liveClient reads a live query until its context ends.
type liveClient struct {
	conn   *pgconn.PgConn
	chunks chan int // the rows up to each mark; closed at the end
	marks  int      // that next has seen
	err    error
}

func (c *liveClient) run(ctx context.Context, sql string) {
	defer close(c.chunks)
	results := c.conn.Exec(ctx, sql)
	rows := 0
	for results.NextResult() {
		r := results.ResultReader()
		for r.NextRow() {
			rows++
			if string(r.Values()[1]) == "t" {
				select {
				case c.chunks <- rows:
				case <-ctx.Done():
				}
				rows = 0
			}
		}
	}
	c.err = results.Close()
}

// next returns how many rows came up to the next mark.
func (c *liveClient) next(t *testing.T) int {
	t.Helper()
	n, ok := <-c.chunks
	if !ok {
		t.Fatalf("a live query has ended: %v", c.err)
	}
	c.marks++
	return n
}

func connectLive(t *testing.T, g *gateway.Process) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), g.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// liveMetric is a counter of /metrics.
func liveMetric(t *testing.T, g *gateway.Process, name string) float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.HTTP+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("/metrics has no %s", name)
	return 0
}
