package bench

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/mariadb"
)

// single is how long rows are put one by one.
const single = 3 * time.Second

// mysqlBars are those of MariaDB, each commit of which is on its disk, beside its client
// and a driver's prepared upserts.
func mysqlBars(t *testing.T) []bar {
	p := gateway.Start(t, gateway.Options{})
	server, err := mariadb.MariaDB.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	setup := fmt.Sprintf("SET GLOBAL innodb_flush_log_at_trx_commit = 1; SET GLOBAL sync_binlog = 1; SET GLOBAL innodb_buffer_pool_size = 268435456;"+
		"CREATE TABLE accounts %s; INSERT INTO accounts SELECT seq, seq %% 100, seq %% 7919, CONCAT('filler ', seq) FROM seq_1_to_%d;"+
		"CREATE TABLE put (id bigint PRIMARY KEY, n bigint, filler text); CREATE TABLE customers (id bigint PRIMARY KEY, name varchar(100));"+
		"INSERT INTO customers SELECT seq, CONCAT('customer ', seq) FROM seq_0_to_999", tableColumns, snapshotRows)
	if err := server.Exec(t.Context(), "test", setup); err != nil {
		t.Fatal(err)
	}
	ours := contender{p.Listen, "ferris", "ferris"}
	with := fmt.Sprintf("type = 'mysql', connection = '%s', ", server.URL("test"))
	ours.exec(t, "CREATE STREAM accounts WITH ("+with+"'table' = 'accounts')")
	ours.exec(t, "CREATE STREAM customers WITH ("+with+"'table' = 'customers', refresh_interval = '1 hour')")
	ordersAndCustomers(t, ours)
	host, port, err := net.SplitHostPort(server.Address())
	if err != nil {
		t.Fatal(err)
	}
	return []bar{
		snapshotBar(t, ours, "database snapshot / mariadb's SELECT to stdout", client(t, "mariadb", "--no-defaults", "-h", host, "-P", port, "-u", "root", "--quick", "--batch", "--skip-column-names", "-e", "SELECT * FROM accounts", "test")),
		upsertBar(t, p, ours, "upsert sink / single-row upserts of MySQL", fmt.Sprintf("'$.type' = 'mysql', '$.connection' = '%s'", server.URL("test")), func() float64 { return mysqlSingle(t, server) }),
		lookupBar(t, p, "look-up join of MySQL, warm / a local table"),
	}
}

// mysqlSingle puts rows by one prepared statement on one connection.
func mysqlSingle(t *testing.T, server *mariadb.Server) float64 {
	t.Helper()
	db, err := server.Open("test")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	put, err := conn.PrepareContext(t.Context(), "INSERT INTO put VALUES (?, ?, 'filler') ON DUPLICATE KEY UPDATE n = VALUES(n), filler = VALUES(filler)")
	if err != nil {
		t.Fatal(err)
	}
	defer put.Close()
	n, begun := 0, time.Now()
	for ; time.Since(begun) < single; n++ {
		id := rand.IntN(100_000)
		if _, err := put.ExecContext(t.Context(), id, id); err != nil {
			t.Fatal(err)
		}
	}
	return float64(n) / time.Since(begun).Seconds()
}

// sqliteBars are those of a SQLite file, beside database/sql over the driver that the gateway
// has, too, and the sqlite3 of its makers. That reads twice as fast: the driver is SQLite
// in Go.
func sqliteBars(t *testing.T) []bar {
	dir := t.TempDir()
	config := filepath.Join(dir, "ferris.yaml")
	if err := os.WriteFile(config, []byte("file:\n  roots: ["+dir+"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{Args: []string{"--config", config}})
	file := filepath.Join(dir, "bench.db")
	sqlite3(t, file, fmt.Sprintf("CREATE TABLE accounts (aid integer PRIMARY KEY, bid integer, abalance integer, filler text);"+
		"WITH RECURSIVE c(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM c WHERE g < %d) INSERT INTO accounts SELECT g, g %% 100, g %% 7919, 'filler ' || g FROM c;"+
		"CREATE TABLE put (id integer PRIMARY KEY, n integer, filler text); CREATE TABLE customers (id integer PRIMARY KEY, name text);"+
		"WITH RECURSIVE c(g) AS (SELECT 0 UNION ALL SELECT g + 1 FROM c WHERE g < 999) INSERT INTO customers SELECT g, 'customer ' || g FROM c;", snapshotRows))
	ours := contender{p.Listen, "ferris", "ferris"}
	with := "type = 'sqlite', connection = 'sqlite:" + file + "', "
	ours.exec(t, "CREATE STREAM accounts WITH ("+with+"'table' = 'accounts')")
	ours.exec(t, "CREATE STREAM customers (id bigint, name text) WITH ("+with+"'table' = 'customers', refresh_interval = '1 hour')")
	ordersAndCustomers(t, ours)
	return []bar{
		snapshotBar(t, ours, "database snapshot / a SELECT by the Go driver of SQLite", func() { sqliteRead(t, file) }),
		upsertBar(t, p, ours, "upsert sink / single-row upserts of SQLite", "'$.type' = 'sqlite', '$.connection' = 'sqlite:"+file+"'", func() float64 { return sqliteSingle(t, file) }),
		lookupBar(t, p, "look-up join of SQLite, warm / a local table"),
	}
}

// sqliteRead reads the accounts through database/sql.
func sqliteRead(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT aid, bid, abalance, filler FROM accounts")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var aid, bid, balance int64
	var filler string
	n := 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(&aid, &bid, &balance, &filler); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil || n != snapshotRows {
		t.Fatalf("%d rows, %v", n, err)
	}
}

// sqlite3 runs a script.
func sqlite3(t *testing.T, file, script string) {
	t.Helper()
	cmd := osexec.CommandContext(t.Context(), "sqlite3", "-batch", "-bail", file)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("sqlite3: %v\n%s", err, out)
	}
}

// sqliteSingle puts rows by statements of their own, each a transaction.
func sqliteSingle(t *testing.T, file string) float64 {
	t.Helper()
	const rows = 500 // at a time
	n, begun := 0, time.Now()
	for ; time.Since(begun) < single; n += rows {
		var script strings.Builder
		for range rows {
			id := rand.IntN(100_000)
			fmt.Fprintf(&script, "INSERT INTO put VALUES (%d, %[1]d, 'filler') ON CONFLICT (id) DO UPDATE SET n = excluded.n, filler = excluded.filler;\n", id)
		}
		sqlite3(t, file, script.String())
	}
	return float64(n) / time.Since(begun).Seconds()
}
