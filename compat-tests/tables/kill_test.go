package tables

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// kills is how often TestKilled kills: 10 in the short tier, 200 in the long one,
// or as FERRIS_KILLS says.
func kills(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("FERRIS_KILLS")); err == nil {
		return n
	}
	if os.Getenv("FERRIS_TIER") == "long" {
		return 200
	}
	return 10
}

// writers insert, each on a connection of its own; movers move amounts between
// accounts, in transactions of two statements.
const (
	writers  = 4
	movers   = 2
	accounts = 50
)

// TestKilled: a gateway that is killed under load has every row whose INSERT was
// answered, at most one more of each session, and of a transaction all or
// nothing; an index says what the rows say.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills gateways")
	}
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(3, 4))
	p := gateway.Start(t, gateway.Options{DataDir: dir})
	c := connect(t, p.Listen)
	for _, sql := range []string{
		"CREATE TABLE k (turn int, who int, i int, note text, PRIMARY KEY (turn, who, i))",
		"CREATE INDEX k_note ON k (note)",
		"CREATE TABLE acc (id int PRIMARY KEY, bal bigint NOT NULL)",
		// Values that no stored value has room for, and of which several are no one transaction of the store.
		"CREATE TABLE big (id int PRIMARY KEY, t text)",
		"INSERT INTO big SELECT g, repeat(md5(g::text), 20000) FROM generate_series(1, 3) g",
		"UPDATE big SET t = t || t WHERE id = 2",
		fmt.Sprintf("INSERT INTO acc SELECT g, 1000 FROM generate_series(1, %d) g", accounts),
	} {
		if out := run(c, sql); strings.HasPrefix(out, "ERROR") || strings.HasPrefix(out, "lost") {
			t.Fatalf("%s: %s", sql, out)
		}
	}
	const sums = "SELECT id, length(t), md5(t) FROM big ORDER BY id"
	big := run(c, sums)
	for turn := range kills(t) {
		answered := load(t, p, turn, time.Duration(20+rng.IntN(400))*time.Millisecond)
		p = gateway.Start(t, gateway.Options{DataDir: dir})
		c = connect(t, p.Listen)
		for who, n := range answered {
			got := run(c, fmt.Sprintf("SELECT count(*), coalesce(max(i), 0) FROM k WHERE turn = %d AND who = %d", turn, who))
			if want, more := fmt.Sprintf("%d,%d ", n, n), fmt.Sprintf("%d,%d ", n+1, n+1); !strings.HasPrefix(got, want) && !strings.HasPrefix(got, more) {
				t.Errorf("turn %d, session %d: %d rows were answered, and there are (count|highest) %s", turn, who, n, got)
			}
			byIndex := run(c, fmt.Sprintf("SELECT count(*) FROM k WHERE note = 'n%d.%d'", turn, who))
			if all := run(c, fmt.Sprintf("SELECT count(*) FROM k WHERE note || '' = 'n%d.%d'", turn, who)); byIndex != all {
				t.Errorf("turn %d, session %d: %s rows by the index, %s without it", turn, who, byIndex, all)
			}
		}
		if now := run(c, sums); now != big {
			t.Fatalf("turn %d: the long texts are %s, and were %s", turn, now, big)
		}
		if sum := run(c, "SELECT sum(bal) FROM acc"); !strings.HasPrefix(sum, strconv.Itoa(accounts*1000)) {
			t.Fatalf("turn %d: the accounts hold %s", turn, sum)
		}
	}
}

// load runs writers and movers until the gateway is killed, and returns how many
// INSERTs of each writer were answered.
func load(t *testing.T, p *gateway.Process, turn int, after time.Duration) [writers]int {
	t.Helper()
	var answered [writers]int
	var wait sync.WaitGroup
	session := func(work func(c *pgconn.PgConn)) {
		c := connect(t, p.Listen)
		wait.Go(func() { work(c) })
	}
	for who := range writers {
		session(func(c *pgconn.PgConn) {
			for i := 1; ; i++ {
				if _, err := c.Exec(context.Background(), fmt.Sprintf("INSERT INTO k VALUES (%d, %d, %d, 'n%d.%d')", turn, who, i, turn, who)).ReadAll(); err != nil {
					return
				}
				answered[who] = i
			}
		})
	}
	for who := range movers {
		session(func(c *pgconn.PgConn) {
			rng := rand.New(rand.NewPCG(uint64(turn), uint64(who)))
			for {
				a, b := 1+rng.IntN(accounts), 1+rng.IntN(accounts)
				sql := fmt.Sprintf("BEGIN; UPDATE acc SET bal = bal - 1 WHERE id = %d; UPDATE acc SET bal = bal + 1 WHERE id = %d; COMMIT", a, b)
				if out := run(c, sql); strings.HasPrefix(out, "lost") {
					return
				} else if strings.HasPrefix(out, "ERROR") {
					run(c, "ROLLBACK") // a deadlock
				}
			}
		})
	}
	<-time.After(after)
	p.Kill()
	wait.Wait()
	return answered
}
