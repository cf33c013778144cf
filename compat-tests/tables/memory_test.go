package tables

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestTableMemory: a table that is several times what sql.table_memory_mb lets stay
// in memory is read whole, by rows, by key and backwards, changed, and read again
// after a start.
func TestTableMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a gateway")
	}
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("sql: {table_memory_mb: 2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := gateway.Options{DataDir: t.TempDir(), Args: []string{"--config", config}}
	p := gateway.Start(t, o)
	c := connect(t, p.Listen)
	const rows = 100_000 // of about 130 bytes, with their index
	must(t, c, "CREATE TABLE big (id int PRIMARY KEY, n int NOT NULL, filler text)")
	must(t, c, fmt.Sprintf("INSERT INTO big SELECT g, g %% 100, md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text) FROM generate_series(1, %d) g", rows))
	want := fmt.Sprintf("%d,%d,%d SELECT 1", rows, rows*(rows+1)/2, rows*96)
	check := func(when string) {
		t.Helper()
		if got := run(c, "SELECT count(*), sum(id), sum(length(filler)) FROM big"); got != want {
			t.Errorf("%s: all rows are %s, want %s", when, got, want)
		}
		if got := run(c, "SELECT id FROM big ORDER BY id DESC LIMIT 1"); got != strconv.Itoa(rows)+" SELECT 1" {
			t.Errorf("%s: the last row is %s", when, got)
		}
		for id := 1; id < rows; id += 997 {
			if got := run(c, fmt.Sprintf("SELECT n, filler = md5('%d') || md5('%d') || md5('%d') FROM big WHERE id = %d", id, id+1, id+2, id)); !strings.HasPrefix(got, fmt.Sprintf("%d,t ", id%100)) {
				t.Fatalf("%s: row %d is %s", when, id, got)
			}
		}
	}
	check("as loaded")
	must(t, c, "UPDATE big SET n = n + 100 WHERE id % 10 = 0")
	must(t, c, "UPDATE big SET n = n - 100 WHERE id % 10 = 0")
	check("changed")
	p.Kill()
	p = gateway.Start(t, o)
	c = connect(t, p.Listen)
	check("after a start")
}
