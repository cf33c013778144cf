package tables

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// waitsFor is how long a step that is to wait is watched: where it answers
// meanwhile, it did not wait.
const waitsFor = 200 * time.Millisecond

// schedules are transactions that meet, after Martin Kleppmann's Hermitage: steps
// "session: SQL" in order. A step with * behind its session waits for another
// session; "session." takes its answer.
var schedules = map[string]string{
	"dirty writes (G0)": `
		1: UPDATE test SET value = 11 WHERE id = 1
		2*: UPDATE test SET value = 12 WHERE id = 1
		1: UPDATE test SET value = 21 WHERE id = 2
		1: COMMIT
		2.
		2: UPDATE test SET value = 22 WHERE id = 2
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"LOCK TABLE holds writers up, and readers not": `
		1: LOCK TABLE test IN SHARE MODE
		2: SELECT * FROM test ORDER BY id
		2*: INSERT INTO test VALUES (7, 70)
		1: SELECT count(*) FROM test
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT count(*) FROM test`,
	"a writer holds LOCK TABLE up": `
		1: UPDATE test SET value = 11 WHERE id = 1
		2: LOCK TABLE test IN ROW EXCLUSIVE MODE
		2: COMMIT
		1: SELECT * FROM test ORDER BY id
		1: COMMIT`,
	"LOCK TABLE NOWAIT": `
		1: UPDATE test SET value = 11 WHERE id = 1
		2: LOCK TABLE test NOWAIT
		2: ROLLBACK
		1: COMMIT`,
	"rows that are locked hold LOCK TABLE up": `
		1: SELECT * FROM test WHERE id = 1 FOR KEY SHARE
		2: LOCK TABLE test IN SHARE ROW EXCLUSIVE MODE NOWAIT
		2: ROLLBACK
		2: LOCK TABLE test IN EXCLUSIVE MODE NOWAIT
		2: ROLLBACK
		1: COMMIT`,
	"rows that are locked hold ALTER TABLE up": `
		1: SELECT * FROM test WHERE id = 1 FOR SHARE
		2*: ALTER TABLE test ADD COLUMN more int
		1: SELECT count(*) FROM test
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"who locks rows waits for LOCK TABLE": `
		1: LOCK TABLE test IN EXCLUSIVE MODE
		2*: SELECT * FROM test WHERE id = 1 FOR UPDATE
		1: UPDATE test SET value = 11 WHERE id = 1
		1: COMMIT
		2.
		2: COMMIT`,
	"who locks rows waits for TRUNCATE": `
		1: TRUNCATE test
		1: INSERT INTO test VALUES (1, 99)
		2*: SELECT * FROM test WHERE id = 1 FOR UPDATE
		1: COMMIT
		2.
		2: COMMIT`,
	"an index waits for writers": `
		1: UPDATE test SET value = 11 WHERE id = 1
		2*: CREATE INDEX test_value ON test (value)
		1: UPDATE test SET value = 12 WHERE id = 2
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT id FROM test WHERE value = 12`,
	"aborted reads (G1a)": `
		1: UPDATE test SET value = 101 WHERE id = 1
		2: SELECT * FROM test ORDER BY id
		1: ROLLBACK
		2: SELECT * FROM test ORDER BY id
		2: COMMIT`,
	"intermediate reads (G1b)": `
		1: UPDATE test SET value = 101 WHERE id = 1
		2: SELECT * FROM test ORDER BY id
		1: UPDATE test SET value = 11 WHERE id = 1
		1: COMMIT
		2: SELECT * FROM test ORDER BY id
		2: COMMIT`,
	"predicate-many-preceders (PMP)": `
		1: SELECT * FROM test WHERE value = 30
		2: INSERT INTO test VALUES (3, 30)
		2: COMMIT
		1: SELECT * FROM test WHERE value % 3 = 0 ORDER BY id
		1: COMMIT`,
	"predicate-many-preceders, write": `
		1: UPDATE test SET value = value + 10
		2*: DELETE FROM test WHERE value = 20
		1: COMMIT
		2.
		2: SELECT * FROM test ORDER BY id
		2: COMMIT`,
	"lost update (P4)": `
		1: SELECT * FROM test WHERE id = 1
		2: SELECT * FROM test WHERE id = 1
		1: UPDATE test SET value = 11 WHERE id = 1
		2*: UPDATE test SET value = 12 WHERE id = 1
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"read skew (G-single)": `
		1: SELECT * FROM test WHERE id = 1
		2: SELECT * FROM test WHERE id = 1
		2: UPDATE test SET value = 12 WHERE id = 1
		2: UPDATE test SET value = 18 WHERE id = 2
		2: COMMIT
		1: SELECT * FROM test WHERE id = 2
		1: COMMIT`,
	"read skew, write": `
		1: SELECT * FROM test WHERE id = 1
		2: UPDATE test SET value = 12 WHERE id = 1
		2: UPDATE test SET value = 18 WHERE id = 2
		2: COMMIT
		1: DELETE FROM test WHERE value = 20
		1: COMMIT
		2: SELECT * FROM test ORDER BY id`,
	"write skew (G2-item)": `
		1: SELECT * FROM test WHERE id IN (1, 2) ORDER BY id
		2: SELECT * FROM test WHERE id IN (1, 2) ORDER BY id
		1: UPDATE test SET value = 11 WHERE id = 1
		2: UPDATE test SET value = 21 WHERE id = 2
		1: COMMIT
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"a unique key waits for its rival": `
		1: INSERT INTO test VALUES (5, 50)
		2*: INSERT INTO test VALUES (5, 51)
		1: COMMIT
		2.
		2: ROLLBACK
		1: SELECT * FROM test ORDER BY id`,
	"a unique key whose rival goes": `
		1: INSERT INTO test VALUES (5, 50)
		2*: INSERT INTO test VALUES (5, 51)
		1: ROLLBACK
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"on conflict waits for its rival": `
		1: INSERT INTO test VALUES (5, 50)
		2*: INSERT INTO test VALUES (5, 51) ON CONFLICT (id) DO UPDATE SET value = test.value + 1
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"a locked row is skipped": `
		1: SELECT * FROM test WHERE id = 1 FOR UPDATE
		2: SELECT * FROM test ORDER BY id FOR UPDATE SKIP LOCKED
		1: COMMIT
		2: COMMIT`,
	"a locked row is refused": `
		1: SELECT * FROM test WHERE id = 1 FOR UPDATE
		2: SELECT * FROM test WHERE id = 1 FOR SHARE NOWAIT
		1: COMMIT
		2: ROLLBACK`,
	"a row that was changed is locked as it is": `
		1: UPDATE test SET value = 99 WHERE id = 1
		2*: SELECT * FROM test WHERE value < 50 ORDER BY id FOR UPDATE
		1: COMMIT
		2.
		2: COMMIT`,
	"a row that was deleted": `
		1: DELETE FROM test WHERE id = 1
		2*: UPDATE test SET value = 1 WHERE id = 1 RETURNING *
		1: COMMIT
		2.
		2: COMMIT`,
	"an update with a join decides again": `
		1: UPDATE test SET value = 77 WHERE id = 2
		2*: UPDATE test SET value = v.w FROM (VALUES (1, 100), (2, 200)) v (i, w) WHERE v.i = test.id AND test.value < 50 RETURNING test.*
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"merge decides again": `
		1: UPDATE test SET value = 77 WHERE id = 2
		2*: MERGE INTO test USING (VALUES (2, 5)) v (i, w) ON v.i = test.id WHEN MATCHED AND value > 50 THEN UPDATE SET value = -1 WHEN MATCHED THEN UPDATE SET value = w
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"a new reference holds a delete up": `
		1: INSERT INTO child VALUES (1, 1)
		2*: DELETE FROM test WHERE id = 1
		1: COMMIT
		2.
		2: ROLLBACK
		1: SELECT * FROM child ORDER BY id`,
	"a new reference that is taken back lets a delete go": `
		1: INSERT INTO child VALUES (1, 1)
		2*: DELETE FROM test WHERE id = 1
		1: ROLLBACK
		2.
		2: COMMIT
		1: SELECT * FROM child ORDER BY id`,
	"a delete holds a new reference up": `
		1: DELETE FROM test WHERE id = 1
		2*: INSERT INTO child VALUES (1, 1)
		1: COMMIT
		2.
		2: ROLLBACK`,
	"a delete that is taken back": `
		1: DELETE FROM test WHERE id = 1
		2*: INSERT INTO child VALUES (1, 1)
		1: ROLLBACK
		2.
		2: COMMIT
		1: SELECT * FROM child ORDER BY id`,
	"a key that changes holds a new reference up": `
		1: UPDATE test SET id = 5 WHERE id = 1
		2*: INSERT INTO child VALUES (1, 1)
		1: COMMIT
		2.
		2: ROLLBACK`,
	"what is no key changes beside a new reference": `
		1: UPDATE test SET value = 5 WHERE id = 1
		2: INSERT INTO child VALUES (1, 1)
		1: COMMIT
		2: COMMIT
		1: SELECT * FROM child ORDER BY id`,
	"two references to one row": `
		1: INSERT INTO child VALUES (1, 1)
		2: INSERT INTO child VALUES (2, 1)
		1: COMMIT
		2: COMMIT
		1: SELECT * FROM child ORDER BY id`,
	"a reference that goes lets a delete wait": `
		1: INSERT INTO child VALUES (1, 1)
		1: COMMIT
		1: BEGIN
		1: DELETE FROM child WHERE id = 1
		2: SELECT 1
		2*: DELETE FROM test WHERE id = 1
		1: COMMIT
		2.
		2: COMMIT`,
	"a table that references waits for who deletes": `
		1: DELETE FROM test WHERE id = 1
		2*: CREATE TABLE late (tid int REFERENCES test)
		1: COMMIT
		2.
		2: ROLLBACK`,
	"a table that references holds a delete up": `
		1: CREATE TABLE late (tid int REFERENCES test)
		2: SELECT * FROM test ORDER BY id
		2*: DELETE FROM test WHERE id = 1
		1: ROLLBACK
		2.
		2: COMMIT`,
	"a key that is not committed is none": `
		1: INSERT INTO test VALUES (3, 30)
		2: INSERT INTO child VALUES (1, 3)
		1: COMMIT
		2: ROLLBACK`,
	"on conflict do nothing waits for its rival": `
		1: INSERT INTO test VALUES (5, 50)
		2*: INSERT INTO test VALUES (5, 51), (6, 60) ON CONFLICT DO NOTHING
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"on conflict do nothing whose rival goes": `
		1: INSERT INTO test VALUES (5, 50)
		2*: INSERT INTO test VALUES (5, 51) ON CONFLICT DO NOTHING
		1: ROLLBACK
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"a sequence with a cache": `
		1: SELECT nextval('q')
		2: SELECT nextval('q')
		1: SELECT nextval('q'), nextval('q')
		1: SELECT last_value, is_called FROM q
		1: ROLLBACK
		1: SELECT nextval('q'), nextval('q'), nextval('q')
		2: SELECT nextval('q')
		1: SELECT setval('q', 50)
		1: SELECT nextval('q')
		2: SELECT nextval('q'), nextval('q')
		2: SELECT nextval('q'), nextval('q')
		2: COMMIT
		1: DISCARD SEQUENCES
		1: SELECT nextval('q')
		1: SELECT last_value FROM pg_sequences WHERE sequencename = 'q'`,
	"a savepoint gives its locks back": `
		1: SAVEPOINT a
		1: UPDATE test SET value = 5 WHERE id = 1
		1: ROLLBACK TO a
		2: UPDATE test SET value = 6 WHERE id = 1
		2: COMMIT
		1: COMMIT
		1: SELECT * FROM test ORDER BY id`,
}

func TestSchedules(t *testing.T) {
	addrs := start(t)
	for _, level := range []string{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"} {
		for name, text := range schedules {
			t.Run(level+"/"+name, func(t *testing.T) {
				theirs, ours := play(t, addrs[0], level, text), play(t, addrs[1], level, text)
				if theirs != ours {
					t.Errorf("PostgreSQL:\n%s\nthe gateway:\n%s", theirs, ours)
				}
			})
		}
	}
}

// play runs a schedule and returns every step with its answer.
func play(t *testing.T, addr, level, text string) string {
	t.Helper()
	setup := connect(t, addr)
	must(t, setup, "DROP TABLE IF EXISTS child; DROP TABLE IF EXISTS test; CREATE TABLE test (id int PRIMARY KEY, value int); INSERT INTO test VALUES (1, 10), (2, 20); CREATE TABLE child (id int PRIMARY KEY, tid int REFERENCES test);"+
		"DROP SEQUENCE IF EXISTS q; CREATE SEQUENCE q CACHE 5")
	sessions := map[string]*pgconn.PgConn{}
	for _, name := range []string{"1", "2"} {
		sessions[name] = connect(t, addr)
		must(t, sessions[name], "BEGIN ISOLATION LEVEL "+level)
	}
	waiting := map[string]chan string{}
	var out strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		line = strings.TrimSpace(line)
		who := line[:1]
		_, sql, _ := strings.Cut(line, ": ")
		switch {
		case strings.HasSuffix(line, "."):
			fmt.Fprintf(&out, "%s -> %s\n", line, <-waiting[who])
		case line[1] == '*':
			answer := make(chan string, 1)
			waiting[who] = answer
			go func() { answer <- runAs(sessions[who], sql) }()
			select {
			case got := <-answer:
				answer <- got
				fmt.Fprintf(&out, "%s -> did not wait\n", line)
			case <-time.After(waitsFor):
				fmt.Fprintf(&out, "%s -> waits\n", line)
			}
		default:
			fmt.Fprintf(&out, "%s -> %s\n", line, run(sessions[who], sql))
		}
	}
	for _, s := range sessions {
		run(s, "ROLLBACK")
	}
	fmt.Fprintf(&out, "after -> %s\n", run(setup, "SELECT * FROM test ORDER BY id"))
	return out.String()
}
