package tables

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

const enumRows = "INSERT INTO people VALUES (1, 'ok', '{happy,ok}'), (2, 'happy', '{}'), (3, 'sad', NULL), (4, 'o\"k, \\', '{NULL,sad}')"

// TestEnumForms compares what values of enums look like in every form that the
// wire has: results and parameters, text and binary, COPY both ways.
func TestEnumForms(t *testing.T) {
	var answers [2]string
	for side, addr := range start(t) {
		c := connect(t, addr)
		must(t, c, `DROP SCHEMA IF EXISTS enums CASCADE; CREATE SCHEMA enums; SET search_path = enums`)
		must(t, c, `CREATE TYPE mood AS ENUM ('sad', 'ok', 'o"k, \', 'happy')`)
		must(t, c, `CREATE TABLE people (id int PRIMARY KEY, m mood, ms mood[])`)
		must(t, c, enumRows)
		answers[side] = enumForms(t, c)
	}
	if answers[0] != answers[1] {
		t.Errorf("PostgreSQL answers\n%s\nthe gateway answers\n%s", answers[0], answers[1])
	}
}

func enumForms(t *testing.T, c *pgconn.PgConn) string {
	t.Helper()
	ctx := context.Background()
	var out strings.Builder
	elem := oidOf(t, c, "mood")
	// The element type's number is part of an array's binary form.
	number := func(b []byte) []byte { return bytes.ReplaceAll(b, elem, []byte("ELEM")) }
	for _, format := range []int16{0, 1} {
		r := c.ExecParams(ctx, "SELECT m, ms, ROW(m) FROM people ORDER BY m", nil, nil, nil, []int16{format, format, 0}).Read()
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		for _, row := range r.Rows {
			fmt.Fprintf(&out, "%q\n", number(bytes.Join(row, []byte("|"))))
			q := c.ExecParams(ctx, "SELECT id, $1::mood, $2::mood[] FROM people WHERE m = $1 AND ms IS NOT DISTINCT FROM $2",
				row[:2], nil, []int16{format, format}, nil).Read()
			fmt.Fprintf(&out, "%q %v\n", q.Rows, q.Err)
		}
	}
	for _, bad := range []string{"nice", ""} {
		for _, format := range []int16{0, 1} {
			q := c.ExecParams(ctx, "SELECT $1::mood", [][]byte{[]byte(bad)}, nil, []int16{format}, nil).Read()
			fmt.Fprintln(&out, q.Err)
		}
	}
	for _, options := range []string{"", "(FORMAT csv, HEADER)", "(FORMAT binary)"} {
		var data bytes.Buffer
		if _, err := c.CopyTo(ctx, &data, "COPY (SELECT * FROM people ORDER BY id) TO STDOUT "+options); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%q\n", number(data.Bytes()))
		must(t, c, "TRUNCATE people")
		tag, err := c.CopyFrom(ctx, &data, "COPY people FROM STDIN "+options)
		fmt.Fprintln(&out, tag, err, run(c, "SELECT * FROM people ORDER BY m"))
	}
	_, err := c.CopyFrom(ctx, strings.NewReader("9\tnice\t\\N\n"), "COPY people FROM STDIN")
	fmt.Fprintln(&out, err)
	_, err = c.CopyFrom(ctx, strings.NewReader("9\tok\t{nice}\n"), "COPY people FROM STDIN")
	fmt.Fprintln(&out, err)
	return out.String()
}

// oidOf is a type's OID as four bytes.
func oidOf(t *testing.T, c *pgconn.PgConn, name string) []byte {
	t.Helper()
	r := c.ExecParams(context.Background(), "SELECT oid FROM pg_type WHERE typname = $1 AND typnamespace = 'enums'::regnamespace", [][]byte{[]byte(name)}, nil, nil, []int16{1}).Read()
	if r.Err != nil || len(r.Rows) != 1 {
		t.Fatalf("the OID of %s: %v, %v", name, r.Rows, r.Err)
	}
	return r.Rows[0][0]
}

// TestEnumsStay: types, their labels' order and columns of them are there after a
// restart, and streams read and write labels.
func TestEnumsStay(t *testing.T) {
	if testing.Short() {
		t.Skip("starts gateways")
	}
	dir := t.TempDir()
	files := dir
	if err := os.WriteFile(filepath.Join(files, "in.json"), []byte("{\"id\":1,\"m\":\"happy\",\"ms\":[\"ok\",\"sad\"]}\n{\"id\":2,\"m\":\"nice\"}\n{\"id\":3,\"m\":\"ok\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(files, "in.csv"), []byte("1,sad\n2,happy\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{DataDir: dir})
	c := connect(t, p.Listen)
	for _, sql := range []string{
		"CREATE TYPE mood AS ENUM ('sad', 'happy')",
		"ALTER TYPE mood ADD VALUE 'ok' BEFORE 'happy'",
		"CREATE TABLE people (id int PRIMARY KEY, m mood DEFAULT 'ok', ms mood[])",
		"CREATE INDEX ON people (m)",
		"INSERT INTO people VALUES (1, 'happy', '{sad}'), (2, 'sad', NULL), (3, 'ok', '{}')",
		"ALTER TABLE people ADD COLUMN n mood DEFAULT 'happy'",
		"ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'",
		"ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'",
	} {
		must(t, c, sql)
	}
	if err := p.Stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	p = gateway.Start(t, gateway.Options{DataDir: dir})
	c = connect(t, p.Listen)
	for _, q := range []struct{ sql, want string }{
		{"INSERT INTO people (id) VALUES (4) RETURNING *", "4,ok,NULL,happy INSERT 0 1"},
		{"SELECT * FROM people ORDER BY m, id", "2,sad,NULL,happy 3,ok,{},happy 4,ok,NULL,happy 1,happy,{sad},happy SELECT 4"},
		{"SELECT id FROM people WHERE m = 'happy'", "1 SELECT 1"},
		{"SELECT enum_range(NULL::mood)", "{sad,ok,happy} SELECT 1"},
		{"CREATE STREAM j (id int, m mood, ms mood[]) WITH (type = 'file', path = '" + files + "/in.json', format = 'json')", "CREATE STREAM"},
		{"SELECT id, m, ms FROM j WHERE m > 'sad' ORDER BY m DESC", "ERROR 22P02"},
		{"CREATE STREAM v (id int, m mood) WITH (type = 'file', path = '" + files + "/in.csv', format = 'csv', header = 'false')", "CREATE STREAM"},
		{"SELECT v.id, p.id FROM v JOIN people p USING (m) ORDER BY 1", "1,2 2,1 SELECT 2"},
		{"DROP TYPE mood", "ERROR 2BP01"},
		{"CREATE SINK o (id int, m mood) WITH (type = 'file', path = '" + files + "/out.json', format = 'json')", "CREATE SINK"},
		{"INSERT INTO o SELECT id, m FROM people ORDER BY m", "INSERT 0 4"},
	} {
		if got := run(c, q.sql); got != q.want {
			t.Errorf("%s:\n%s\nwant\n%s", q.sql, got, q.want)
		}
	}
	b, err := os.ReadFile(filepath.Join(files, "out.json"))
	if want := "{\"id\":2,\"m\":\"sad\"}\n{\"id\":3,\"m\":\"ok\"}\n{\"id\":4,\"m\":\"ok\"}\n{\"id\":1,\"m\":\"happy\"}\n"; string(b) != want {
		t.Errorf("the sink's file is %q (%v), want %q", b, err, want)
	}
}
