package tables

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestBackupUnderWriters backs a data directory up while four sessions write to it, and
// restores what was written: all that was answered before the backup began is there, of
// each transaction all or nothing, no session's rows have a gap, and indexes and long
// values are whole. The directory that was restored is written to as any other.
func TestBackupUnderWriters(t *testing.T) {
	if testing.Short() {
		t.Skip("starts gateways")
	}
	p := gateway.Start(t, gateway.Options{})
	c := connect(t, p.Listen)
	for _, sql := range []string{
		"CREATE TABLE acc (id int PRIMARY KEY, bal bigint NOT NULL)",
		fmt.Sprintf("INSERT INTO acc SELECT g, 1000 FROM generate_series(1, %d) g", accounts),
		"CREATE TABLE moves (who int, i int, a int NOT NULL, b int NOT NULL, note text, PRIMARY KEY (who, i))",
		"CREATE INDEX moves_a ON moves (a)",
	} {
		must(t, c, sql)
	}
	var answered [writers]atomic.Int64
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for who := range writers {
		s := connect(t, p.Listen)
		wait.Go(func() { move(s, who, &answered[who], stop) })
	}
	const backups = 3
	var files [backups]string
	var before, after [backups][writers]int64
	for n := range backups {
		for who := range writers { // each has written since the last backup
			for was := answered[who].Load(); answered[who].Load() == was; {
				if t.Context().Err() != nil || run(c, "SELECT 1") != "1 SELECT 1" {
					t.Fatal("the gateway does not answer")
				}
			}
		}
		for who := range writers {
			before[n][who] = answered[who].Load()
		}
		files[n] = filepath.Join(t.TempDir(), "backup")
		command(t, "backup", "--data-dir", p.DataDir, files[n])
		for who := range writers {
			after[n][who] = answered[who].Load() + 1 // which may not have been answered yet
		}
	}
	close(stop)
	wait.Wait()
	p.Kill()
	for n, file := range files {
		dir := filepath.Join(t.TempDir(), "restored")
		command(t, "restore", "--data-dir", dir, file)
		restored := gateway.Start(t, gateway.Options{DataDir: dir})
		c := connect(t, restored.Listen)
		for who := range writers {
			var rows, last int64
			out := run(c, fmt.Sprintf("SELECT count(*), coalesce(max(i), 0) FROM moves WHERE who = %d", who))
			if _, err := fmt.Sscanf(out, "%d,%d", &rows, &last); err != nil || rows != last || rows < before[n][who] || rows > after[n][who] {
				t.Errorf("backup %d has of session %d (rows|highest) %s, want them alike and from %d to %d", n, who, out, before[n][who], after[n][who])
			}
		}
		for sql, want := range map[string]string{
			"SELECT sum(bal) FROM acc": fmt.Sprint(accounts * 1000),
			"SELECT count(*) FROM acc WHERE bal <> 1000 - (SELECT count(*) FROM moves WHERE a = id) + (SELECT count(*) FROM moves WHERE b || '' = id::text)": "0",
			"SELECT count(*) FROM moves WHERE note <> repeat(md5(who || '.' || i), 1 + i % 300)":                                                             "0",
		} {
			if got := run(c, sql); got != want+" SELECT 1" {
				t.Errorf("backup %d: %s answers %s, want %s", n, sql, got, want)
			}
		}
		must(t, c, "UPDATE acc SET bal = bal + 1 WHERE id = 1; INSERT INTO moves VALUES (99, 1, 1, 2, 'later')")
		restored.Kill()
	}
}

// move moves amounts between accounts, each time in one transaction with a row that
// says so, until it is to stop.
func move(c *pgconn.PgConn, who int, answered *atomic.Int64, stop chan struct{}) {
	rng := rand.New(rand.NewPCG(5, uint64(who)))
	for i := 1; ; {
		select {
		case <-stop:
			return
		default:
		}
		a, b := 1+rng.IntN(accounts), 1+rng.IntN(accounts)
		if a > b {
			a, b = b, a
		}
		sql := fmt.Sprintf(`BEGIN; UPDATE acc SET bal = bal - 1 WHERE id = %d; UPDATE acc SET bal = bal + 1 WHERE id = %d;
			INSERT INTO moves VALUES (%d, %d, %d, %d, repeat(md5('%d.%d'), %d)); COMMIT`, a, b, who, i, a, b, who, i, 1+i%300)
		_, err := c.Exec(context.Background(), sql).ReadAll()
		if err != nil {
			return
		}
		answered.Store(int64(i))
		i++
	}
}

// command runs the binary.
func command(t *testing.T, args ...string) {
	t.Helper()
	binary, err := gateway.Binary()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput(); err != nil {
		t.Fatalf("ferris-sql %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
