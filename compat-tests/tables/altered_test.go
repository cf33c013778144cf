package tables

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// alterings are schedules as those of TestSchedules, of statements that wait for a table
// while another transaction alters it, and then go on with it as it is.
var alterings = map[string]string{
	"a second ALTER": `
		1: ALTER TABLE test ADD COLUMN a int DEFAULT 3
		2*: ALTER TABLE test ADD COLUMN b int DEFAULT 7, ALTER COLUMN value TYPE bigint
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"a second ALTER that is impossible then": `
		1: ALTER TABLE test ADD COLUMN a int
		2*: ALTER TABLE test ADD COLUMN a int
		1: COMMIT
		2.
		2: ROLLBACK`,
	"a second ALTER after a ROLLBACK": `
		1: ALTER TABLE test ADD COLUMN a int
		2*: ALTER TABLE test ADD COLUMN a int
		1: ROLLBACK
		2.
		2: COMMIT`,
	"an ALTER of a table that is dropped": `
		1: DROP TABLE child, test
		2*: ALTER TABLE test ADD COLUMN a int
		1: COMMIT
		2.
		2: ROLLBACK
		1: CREATE TABLE test (id int)`,
	"an ALTER after a row": `
		1: INSERT INTO test VALUES (3, 30)
		2*: ALTER TABLE test ALTER COLUMN value TYPE text
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"an UPDATE": `
		1: ALTER TABLE test ALTER COLUMN value TYPE bigint
		2*: UPDATE test SET value = value + 1 RETURNING *
		1: COMMIT
		2.
		2: COMMIT`,
	"an UPDATE of a column that is gone": `
		1: ALTER TABLE test DROP COLUMN value
		2*: UPDATE test SET value = value + 1
		1: COMMIT
		2.
		2: ROLLBACK`,
	"an INSERT": `
		1: ALTER TABLE test ADD COLUMN c int NOT NULL DEFAULT 5
		2*: INSERT INTO test VALUES (9, 90) RETURNING *
		1: COMMIT
		2.
		2: COMMIT`,
	"an INSERT that meets a new constraint": `
		1: ALTER TABLE test ADD CHECK (value < 80)
		2*: INSERT INTO test VALUES (9, 90)
		1: COMMIT
		2.
		2: ROLLBACK`,
	"a DELETE with parameters": `
		1: ALTER TABLE test ADD COLUMN c int DEFAULT 5
		2*: EXTENDED DELETE FROM test WHERE id = $1::int
		1: COMMIT
		2.
		2: COMMIT`,
	"an ALTER by the extended protocol": `
		1: ALTER TABLE test ADD COLUMN c int DEFAULT 5
		2*: EXTENDED ALTER TABLE test ADD COLUMN d int DEFAULT 6
		1: COMMIT
		2.
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"an ALTER takes along what its snapshot has not": `
		2: SELECT count(*) FROM child
		1: INSERT INTO test VALUES (3, 30)
		1: COMMIT
		2: ALTER TABLE test ALTER COLUMN value TYPE text
		2: COMMIT
		1: SELECT * FROM test ORDER BY id`,
	"an index has what its snapshot has not": `
		2: SELECT count(*) FROM child
		1: INSERT INTO test VALUES (3, 30)
		1: COMMIT
		2: CREATE INDEX test_value ON test (value)
		2: COMMIT
		1: SELECT * FROM test WHERE value = 30`,
	"an index of one's own is younger than the snapshot": `
		2: SELECT count(*) FROM child
		1: INSERT INTO test VALUES (3, 30)
		1: COMMIT
		2: CREATE INDEX test_value ON test (value)
		2: SELECT * FROM test WHERE value = 30
		2: SELECT * FROM test WHERE value = 10
		2: ROLLBACK`,
	"an index that is younger than a snapshot": `
		2: SELECT count(*) FROM child
		1: CREATE INDEX test_value ON test (value)
		1: COMMIT
		2: SELECT * FROM test WHERE value = 20
		2: UPDATE test SET value = 21 WHERE value = 20
		2: SELECT id FROM test WHERE value > 0 ORDER BY value LIMIT 1
		2: COMMIT
		1: SELECT * FROM test WHERE value = 21`,
	"a check holds what its snapshot has not": `
		2: SELECT count(*) FROM child
		1: INSERT INTO test VALUES (3, 300)
		1: COMMIT
		2: ALTER TABLE test ADD CHECK (value < 100)
		2: ROLLBACK`,
	"an UPDATE of a row that the ALTER's transaction has changed": `
		1: UPDATE test SET value = 11 WHERE id = 1
		1: ALTER TABLE test ADD COLUMN c int DEFAULT 5
		2*: UPDATE test SET value = value + 1 WHERE id = 1 RETURNING *
		1: COMMIT
		2.
		2: ROLLBACK`,
	"a prepared statement": `
		2: PREPARE up (int) AS UPDATE test SET value = value + $1
		2: COMMIT
		1: ALTER TABLE test ADD COLUMN c int DEFAULT 5
		2*: EXECUTE up (3)
		1: COMMIT
		2.`,
}

// TestAltered plays them alike on both.
func TestAltered(t *testing.T) {
	addrs := start(t)
	for name, text := range alterings {
		for _, level := range []string{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"} {
			t.Run(name+"/"+level, func(t *testing.T) {
				theirs, ours := play(t, addrs[0], level, text), play(t, addrs[1], level, text)
				if theirs != ours {
					t.Errorf("PostgreSQL:\n%s\nthe gateway:\n%s", theirs, ours)
				}
			})
		}
	}
}

// TestIndexesAtOnce makes two indexes of a table in transactions that meet.
func TestIndexesAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a gateway")
	}
	g := gateway.Start(t, gateway.Options{})
	one, two := connect(t, g.Listen), connect(t, g.Listen)
	must(t, one, "CREATE TABLE test (id int, value int)")
	must(t, one, "BEGIN; CREATE INDEX test_a ON test (value)")
	answer := make(chan string, 1)
	go func() { answer <- run(two, "CREATE UNIQUE INDEX test_b ON test (value, id)") }()
	must(t, one, "COMMIT")
	if got := <-answer; got != "CREATE INDEX" {
		t.Errorf("the second: %s", got)
	}
	if got, want := run(one, "SELECT indexname FROM pg_indexes WHERE tablename = 'test' ORDER BY 1"), "test_a test_b SELECT 2"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// runAs is run, and by the extended protocol where the statement begins with EXTENDED:
// its parameter is then 1.
func runAs(c *pgconn.PgConn, sql string) string {
	text, ok := strings.CutPrefix(sql, "EXTENDED ")
	if !ok {
		return run(c, sql)
	}
	var params [][]byte
	if strings.Contains(text, "$1") {
		params = [][]byte{[]byte("1")}
	}
	r := c.ExecParams(context.Background(), text, params, nil, nil, nil).Read()
	if r.Err != nil {
		var e *pgconn.PgError
		if errors.As(r.Err, &e) {
			return "ERROR " + e.Code
		}
		return "lost: " + r.Err.Error()
	}
	return r.CommandTag.String()
}
