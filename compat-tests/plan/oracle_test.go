package plan_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestOracle asks PostgreSQL 16 what the planner's goldens say: the types of
// parameters and columns of each statement, or its error with code, text,
// detail, hint and position. CREATE STREAM is CREATE TABLE there. A golden with
// the argument "differs" is one where the answers are meant to differ.
func TestOracle(t *testing.T) {
	files, err := filepath.Glob("../../planner/testdata/golden/sql/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens to compare", err)
	}
	conn := connect(t)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			run(t, conn, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
			var wrong []string // datadriven ends a file at its first error: all are wanted
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				switch {
				case d.Cmd == "exec":
					run(t, conn, asTable(d.Input))
				case d.Cmd == "plan" && !d.HasArg("differs"):
					var params []uint32
					for _, a := range d.CmdArgs {
						if a.Key == "params" {
							for _, v := range a.Vals {
								var n uint32
								fmt.Sscan(v, &n)
								params = append(params, n)
							}
						}
					}
					got, want := describe(t, conn, d.Input, params), head(d.Expected)
					if got != want {
						wrong = append(wrong, fmt.Sprintf("%s: %s\nPostgreSQL:\n%sgolden:\n%s", d.Pos, d.Input, got, want))
					}
				}
				return d.Expected
			})
			for _, w := range wrong {
				t.Error(w)
			}
		})
	}
}

func run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.PgConn().Exec(context.Background(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// asTable turns the declarations of streams and views into PostgreSQL's.
func asTable(sql string) string {
	var out []string
	for _, s := range strings.Split(sql, ";") {
		s = strings.TrimSpace(s)
		if i := strings.Index(s, " WITH ("); i > 0 && strings.HasPrefix(s, "CREATE STREAM") {
			s = s[:i]
		}
		if strings.Contains(s, " AS SELECT") {
			s = strings.Replace(s, "CREATE STREAM", "CREATE VIEW", 1)
		}
		out = append(out, strings.Replace(s, "CREATE STREAM", "CREATE TABLE", 1))
	}
	return strings.Join(out, ";")
}

// describe prepares a statement and prints what PostgreSQL says of it as the
// goldens do.
func describe(t *testing.T, conn *pgx.Conn, sql string, params []uint32) string {
	t.Helper()
	d, err := conn.PgConn().Prepare(context.Background(), "", sql, params)
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		var b strings.Builder
		fmt.Fprintf(&b, "ERROR %s: %s\n", pe.Code, pe.Message)
		if pe.Detail != "" {
			fmt.Fprintf(&b, "DETAIL: %s\n", pe.Detail)
		}
		if pe.Hint != "" {
			fmt.Fprintf(&b, "HINT: %s\n", pe.Hint)
		}
		if pe.Position != 0 {
			fmt.Fprintf(&b, "POSITION: %d\n", pe.Position)
		}
		return b.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if len(d.ParamOIDs) > 0 {
		names := make([]string, len(d.ParamOIDs))
		for i, o := range d.ParamOIDs {
			names[i] = typeName(t, conn, o, -1)
		}
		fmt.Fprintf(&b, "params: %s\n", strings.Join(names, ", "))
	}
	if d.Fields != nil {
		names := make([]string, len(d.Fields))
		for i, f := range d.Fields {
			names[i] = f.Name + " " + typeName(t, conn, f.DataTypeOID, f.TypeModifier)
		}
		fmt.Fprintf(&b, "fields: %s\n", strings.Join(names, ", "))
	}
	return b.String()
}

func typeName(t *testing.T, conn *pgx.Conn, oid uint32, mod int32) string {
	t.Helper()
	r := conn.PgConn().Exec(context.Background(), fmt.Sprintf("select format_type(%d, %d)", oid, mod))
	results, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return string(results[0].Rows[0][0])
}

// head is the part of a golden that PostgreSQL can say too.
func head(expected string) string {
	var b strings.Builder
	for _, line := range strings.SplitAfter(expected, "\n") {
		for _, p := range []string{"ERROR ", "DETAIL: ", "HINT: ", "POSITION: ", "params: ", "fields: "} {
			if strings.HasPrefix(line, p) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}
