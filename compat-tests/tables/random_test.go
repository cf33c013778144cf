package tables

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

var (
	seed   = flag.Uint64("seed", 1, "of random transactions")
	rounds = flag.Int("rounds", 6, "of random transactions, each a fresh table")
)

// TestRandom runs random statements in random transactions of three sessions, one
// after the other, alike on both sides. A statement that would wait gives up at
// once, so that the order is the same on both.
func TestRandom(t *testing.T) {
	addrs := start(t)
	var sides [2][]*pgconn.PgConn
	for i, addr := range addrs {
		for range 3 {
			c := connect(t, addr)
			must(t, c, "SET lock_timeout = '20ms'")
			sides[i] = append(sides[i], c)
		}
	}
	for _, level := range []string{"READ COMMITTED", "REPEATABLE READ"} {
		for round := range *rounds {
			r := rand.New(rand.NewPCG(*seed, uint64(round)))
			var log strings.Builder
			step := func(session int, sql string) bool {
				theirs, ours := run(sides[0][session], sql), run(sides[1][session], sql)
				fmt.Fprintf(&log, "%d: %s -> %s\n", session, sql, theirs)
				if !alike(theirs, ours) {
					t.Errorf("%s, round %d: PostgreSQL answers %s, the gateway %s, after\n%s", level, round, theirs, ours, log.String())
				}
				return alike(theirs, ours)
			}
			ok := step(0, "DROP TABLE IF EXISTS r") && step(0, "CREATE TABLE r (id int PRIMARY KEY, k int UNIQUE, v int CHECK (v < 90))") &&
				step(0, "INSERT INTO r SELECT i, i * 10, i FROM generate_series(1, 6) i")
			var open [3]bool
			for range 60 {
				if !ok {
					break
				}
				s := r.IntN(3)
				sql := statement(r, &open[s], level)
				ok = step(s, sql)
			}
			for s := range open {
				ok = step(s, "ROLLBACK") && ok
			}
			if !ok || !step(0, "SELECT * FROM r ORDER BY id") {
				return
			}
		}
	}
}

// alike reports whether two answers are the same. A key of a row that another
// transaction is changing, but not the key, is there whatever becomes of the
// change: the gateway says so at once, PostgreSQL waits for its end first.
func alike(theirs, ours string) bool {
	return theirs == ours || theirs == "ERROR 55P03" && ours == "ERROR 23505"
}

// statement is a random one of a session that may have a transaction open.
func statement(r *rand.Rand, open *bool, level string) string {
	if !*open && r.IntN(2) == 0 {
		*open = true
		return "BEGIN ISOLATION LEVEL " + level
	}
	id, other := r.IntN(8)+1, r.IntN(8)+1
	switch r.IntN(14) {
	case 0, 1:
		if *open {
			*open = false
			return [...]string{"COMMIT", "COMMIT", "ROLLBACK"}[r.IntN(3)]
		}
		fallthrough
	case 2:
		return "SELECT * FROM r ORDER BY id"
	case 3:
		return fmt.Sprintf("SELECT * FROM r WHERE id = %d FOR UPDATE", id)
	case 4:
		return fmt.Sprintf("INSERT INTO r VALUES (%d, %d, %d)", id, other*10, r.IntN(100))
	case 5:
		return fmt.Sprintf("INSERT INTO r VALUES (%d, %d, 1) ON CONFLICT (id) DO UPDATE SET v = r.v + 1 RETURNING *", id, other*10)
	case 6:
		return fmt.Sprintf("DELETE FROM r WHERE id = %d AND v > %d", id, r.IntN(60))
	case 7:
		return fmt.Sprintf("DELETE FROM r WHERE id = %d RETURNING *", id)
	case 8:
		return fmt.Sprintf("UPDATE r SET k = %d WHERE id = %d", other*10, id)
	case 9:
		return fmt.Sprintf("SELECT id FROM r WHERE v < %d ORDER BY id FOR SHARE SKIP LOCKED", r.IntN(50))
	case 10:
		return fmt.Sprintf("SELECT sum(v) FROM r WHERE id BETWEEN %d AND %d", min(id, other), max(id, other))
	}
	return fmt.Sprintf("UPDATE r SET v = v + %d WHERE id = %d RETURNING v", r.IntN(40), id)
}
