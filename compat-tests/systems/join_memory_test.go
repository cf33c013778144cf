package systems

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestJoinedRowsPastTheLimit joins a topic with the rows of a file, which are several times
// as large as what the job may hold, over kills of the gateway and by two tasks.
func TestJoinedRowsPastTheLimit(t *testing.T) {
	const parts = 80_000
	p := alone(t, "", "$broker", gateway.StartBroker(t))
	memory := limited(t, p, 8)
	path := filepath.Join(filepath.Dir(p.options.DataDir), "parts.csv")
	length := func(id int) int { return 20 + id%13*32 }
	var text strings.Builder
	for id := range parts {
		fmt.Fprintf(&text, "%d,%s\n", id, strings.Repeat("x", length(id)))
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p.here("CREATE STREAM parts (id bigint, title text) WITH (type = 'file', path = '" + path + "', format = 'csv', header = 'false')")
	p.here("CREATE STREAM orders (id bigint, part bigint) WITH (type = 'kafka', topic = 'orders', 'bootstrap.servers' = '$broker')")
	p.here("CREATE TABLE lines (id bigint PRIMARY KEY, n bigint)")
	var orders []string
	for round := range 4 {
		var values []string
		for range 2000 {
			id, part := len(orders)+1, rand.IntN(parts*5/4)
			values = append(values, fmt.Sprintf("(%d, %d)", id, part))
			want := fmt.Sprintf("%d|%d", id, length(part))
			if part >= parts {
				want = fmt.Sprintf("%d|NULL", id)
			}
			orders = append(orders, want)
		}
		p.here("INSERT INTO orders VALUES " + strings.Join(values, ", "))
		if round == 0 {
			p.here("START JOB lines AS SELECT o.id, length(p.title)::bigint AS n FROM orders o LEFT JOIN parts p ON p.id = o.part INTO lines" + memory.options())
		}
		switch round {
		case 0, 1:
			p.wait(time.Duration(rand.IntN(300)) * time.Millisecond)
			p.gateway.Kill()
			p.again()
		case 2:
			p.here("ALTER JOB lines SET (parallelism = 2)")
		}
		memory.eventually("SELECT count(*) FROM lines", strconv.Itoa(len(orders)))
		if got := p.here("SELECT * FROM lines ORDER BY id"); !slices.Equal(got, orders) {
			t.Fatalf("after round %d the job has other lines than those of the orders", round)
		}
	}
	memory.check()
	p.here("DROP JOB lines")
}
