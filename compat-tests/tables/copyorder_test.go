package tables

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestCopyOrder sends COPY rows of which several break something: both servers name
// the same one, and where it stands. What is wrong with a row itself comes as the row
// is read, what is wrong with a key when a thousand rows are written, or row by row
// where a default may look into the table.
func TestCopyOrder(t *testing.T) {
	many := func(n int, last string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%d\t1\tx\n", i+10)
		}
		return b.String() + last
	}
	cases := []struct{ options, data string }{
		{"", "1\t1\tx\n2\tbad\ty\n"},
		{"", "2\t500\tx\n3\tbad\ty\n"},
		{"", "2\t1\tx\n3\t500\ty\n4\tbad\ty\n"},
		{"", "1\t1\tx\n2\t500\ty\n"},
		{"", "1\t1\tx\n2\t1\t\\N\n"},
		{"", "5\t1\tx\n5\t1\ty\n6\t1\tz\n"},
		{"", "5\t1\tx\n1\t1\ty\n6\t1\tz\t\n"},
		{"", "5\t1\tx\n6\t1\n"},
		{"(FORMAT csv)", "1,1,x\n2,1,\"y\n"},
		{"(FORMAT csv)", "2,1,x\n1,1,y\n3,1,z\n"},
		{"", many(1500, "12\t1\tx\n10\tbad\tx\n")},
		{"", many(1500, "1600\tbad\tx\n")},
		{"", many(900, "11\t1\tx\n2\tbad\tx\n")},
		{"WHERE 10 / (3 - id) > -100", "2\t500\tx\n3\t1\tx\n"},
		{"WHERE 10 / (3 - id) > -100", "2\t1\tx\n3\t1\ty\n4\tbad\tz\n"},
		{"WHERE 10 / (3 - id) > -100", "2\t1\tx\n4\tbad\tz\n3\t1\ty\n"},
		{"WHERE 10 / (3 - id) > 0", "4\t1\tx\n5\t1\ty\n3\t1\tz\n2\t500\tz\n"},
		{"WHERE 10 / (1603 - id) > -100", many(1700, "1603\tbad\tx\n")},
	}
	var answers [2][]string
	for side, addr := range start(t) {
		c := connect(t, addr)
		must(t, c, "DROP TABLE IF EXISTS rows_in_order; CREATE TABLE rows_in_order (id int PRIMARY KEY, n int CHECK (n < 100), t text NOT NULL, u float8 DEFAULT 0)")
		must(t, c, "INSERT INTO rows_in_order VALUES (1, 1, 'one')")
		for _, single := range []bool{false, true} {
			if single {
				must(t, c, "ALTER TABLE rows_in_order ALTER u SET DEFAULT random()")
			}
			for _, x := range cases {
				_, err := c.CopyFrom(context.Background(), strings.NewReader(x.data), "COPY rows_in_order (id, n, t) FROM STDIN "+x.options)
				var e *pgconn.PgError
				if !errors.As(err, &e) {
					t.Fatalf("COPY of %.40q %s: %v", x.data, x.options, err)
				}
				if e.ConstraintName == "rows_in_order_n_check" || e.Code == "23502" {
					e.Detail = "" // random
				}
				answers[side] = append(answers[side], fmt.Sprintf("%.40q %s: %s %s %s %s", x.data, x.options, e.Code, e.Message, e.Detail, e.Where))
			}
		}
		must(t, c, "DROP TABLE rows_in_order")
	}
	for i, want := range answers[0] {
		if got := answers[1][i]; got != want {
			t.Errorf("PostgreSQL %s\nthe gateway %s", want, got)
		}
	}
}
