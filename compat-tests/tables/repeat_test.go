package tables

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// repeated are statements that come again and again with other numbers in them, as
// the gateway keeps them compiled, with numbers that mean something in other places
// than as values, and with values that fail.
var repeated = []string{
	"SELECT * FROM r WHERE id = %d",
	"SELECT n, %d, -%[1]d, v FROM r WHERE id = %[1]d",
	"SELECT n - %d, n -%[1]d, n - -%[1]d, (%[1]d), -(%[1]d), 2*%[1]d+1 FROM r WHERE id = 2",
	"SELECT %d / (n - n) FROM r WHERE id = 1",
	"SELECT v, 'it''s %d', 1.%[1]d, .5 FROM r WHERE id = %[1]d",
	"SELECT id FROM r WHERE id = %d AND n > 10 AND v IS NOT NULL",
	"SELECT id FROM r WHERE id = %d::int",
	"SELECT v::varchar(%d) FROM r WHERE id = 2",
	"SELECT id, n FROM r WHERE id < %d ORDER BY 1 DESC LIMIT 2",
	"SELECT id, n FROM r ORDER BY %d, 1, 2",
	"SELECT id FROM r ORDER BY id LIMIT %d OFFSET 1",
	"SELECT count(*), n %% %d + 1 FROM r GROUP BY 2 ORDER BY 2",
	"SELECT id FROM r WHERE id IN (%d, 3, 2147483648) ORDER BY id",
	"SELECT id FROM r WHERE id = 2147483647 + %d",
	"SELECT id FROM r WHERE big = 30000000%d",
	"SELECT id FROM r WHERE big = %d",
	"SELECT id FROM r WHERE num = %d",
	"INSERT INTO r (id, n, small, v) VALUES (10%d, %[1]d, %[1]d, 'new')",
	"INSERT INTO r (id, n, small) VALUES (20%d, 1, 3276%[1]d) RETURNING id, small",
	"INSERT INTO r (id, n) VALUES (1, %d)",
	"INSERT INTO r (id, n) VALUES (30%d, 1), (31%[1]d, -%[1]d) RETURNING *",
	"INSERT INTO r (id, n) SELECT 40%d, n FROM r WHERE id = %[1]d",
	"UPDATE r SET n = n + %d WHERE id = 1",
	"UPDATE r SET n = -%d, v = 'u%[1]d' WHERE id = %[1]d RETURNING id, n, v",
	"UPDATE r SET n = %d WHERE id > 3",
	"DELETE FROM r WHERE id = 10%d RETURNING id",
	"DELETE FROM r WHERE id = %d",
	"SELECT * FROM r ORDER BY id, %d::int",
}

// TestRepeated asks both servers each statement with several numbers, as Query
// strings and prepared, in transactions and out of them, and compares.
func TestRepeated(t *testing.T) {
	var logs [2][]string
	for side, addr := range start(t) {
		c := connect(t, addr)
		ctx := context.Background()
		must(t, c, "DROP TABLE IF EXISTS r; CREATE TABLE r (id int PRIMARY KEY, n int, small smallint CHECK (small < 32767), big bigint UNIQUE, num numeric(10,2) UNIQUE, v text DEFAULT 'd')")
		note := func(what string, results []*pgconn.Result, err error) {
			var b strings.Builder
			fmt.Fprintf(&b, "%s:", what)
			if err != nil {
				results = nil // one computes ahead what the other computes for a row
			}
			for _, r := range results {
				for _, f := range r.FieldDescriptions {
					fmt.Fprintf(&b, " %s/%d", f.Name, f.DataTypeOID)
				}
				for _, row := range r.Rows {
					fmt.Fprintf(&b, " %q", row)
				}
				fmt.Fprintf(&b, " %s", r.CommandTag)
			}
			var e *pgconn.PgError
			if errors.As(err, &e) {
				fmt.Fprintf(&b, " %s %s %s %d", e.Code, e.Message, e.Detail, e.Position)
			} else if err != nil {
				t.Fatal(err)
			}
			logs[side] = append(logs[side], b.String())
		}
		for _, round := range []string{"alone", "block"} {
			must(t, c, "TRUNCATE r; INSERT INTO r SELECT i, i * 7, i, 3000000000 + i, i, 'value ' || i FROM generate_series(1, 9) i")
			for _, sql := range repeated {
				for i := 1; i <= 5; i++ {
					q := fmt.Sprintf(sql, i)
					if round == "alone" {
						r, err := c.Exec(ctx, q).ReadAll()
						note(q, r, err)
						continue
					}
					must(t, c, "BEGIN")
					r, err := c.Exec(ctx, q).ReadAll()
					note(q, r, err)
					if err == nil && i%2 == 0 {
						r, err = c.Exec(ctx, q).ReadAll() // it sees what the first did
						note(q, r, err)
					}
					end := "COMMIT"
					if i == 3 {
						end = "ROLLBACK"
					}
					must(t, c, end)
				}
			}
		}
		must(t, c, "CREATE TABLE s (k int PRIMARY KEY, v int)")
		if _, err := c.Prepare(ctx, "put", "INSERT INTO s VALUES ($1, $2) RETURNING v + $1", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Prepare(ctx, "get", "SELECT v, $1::int + 1 FROM s WHERE k = $1", nil); err != nil {
			t.Fatal(err)
		}
		for _, v := range []string{"1", "2", "2", "", "3"} {
			var arg []byte
			if v != "" {
				arg = []byte(v)
			}
			for _, name := range []string{"put", "get"} {
				args := [][]byte{arg, []byte("5")}
				if name == "get" {
					args = args[:1]
				}
				r := c.ExecPrepared(ctx, name, args, nil, nil).Read()
				note(name+" "+v, []*pgconn.Result{r}, r.Err)
			}
		}
		// The table under a statement that is kept changes.
		for i := range 6 {
			if i == 3 {
				must(t, c, "ALTER TABLE s ADD COLUMN w int DEFAULT 9")
			}
			r, err := c.Exec(ctx, fmt.Sprintf("SELECT * FROM s WHERE k = %d", i)).ReadAll()
			note("altered", r, err)
		}
		must(t, c, "DROP TABLE r, s")
	}
	for i := range logs[0] {
		if i >= len(logs[1]) || logs[0][i] != logs[1][i] {
			t.Errorf("PostgreSQL:  %s\nthe gateway: %s", logs[0][i], logs[1][i])
		}
	}
}
