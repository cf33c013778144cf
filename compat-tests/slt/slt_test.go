package slt

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

var rewrite = flag.Bool("rewrite", false, "write PostgreSQL's answers into the files")

// sides is a PostgreSQL and a gateway with the same tables.
type sides struct {
	postgres, ours string // addresses
	dir            string // where files of streams may be
}

func start(t *testing.T) sides { return startWith(t, "") }

// startWith starts them with a configuration of the gateway.
func startWith(t *testing.T, yaml string) sides {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL and a gateway")
	}
	o := gateway.Options{}
	if yaml != "" {
		path := filepath.Join(t.TempDir(), "ferris.yaml")
		if err := os.WriteFile(path, []byte(yaml), 0o644); err != nil {
			t.Fatal(err)
		}
		o.Args = []string{"--config", path}
	}
	g := gateway.Start(t, o)
	return sides{
		postgres: net.JoinHostPort("127.0.0.1", strconv.Itoa(postgres.Start(t).Port())),
		ours:     g.Listen,
		dir:      g.DataDir,
	}
}

// connect opens a connection to each side, closed with the test.
func (s sides) connect(t *testing.T) (theirs, ours *server) {
	t.Helper()
	ctx := context.Background()
	theirs, err := connect(ctx, "PostgreSQL", s.postgres)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.conn.Close(ctx) })
	if ours, err = connect(ctx, "the gateway", s.ours); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.conn.Close(ctx) })
	return theirs, ours
}

// forgetRoles drops the roles that files have made.
const forgetRoles = `DO $$ DECLARE r text; BEGIN
	FOR r IN SELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> current_user LOOP
		EXECUTE 'DROP OWNED BY ' || r || ' CASCADE';
		EXECUTE 'DROP ROLE ' || r;
	END LOOP;
END $$`

// load makes the tables on both sides; PostgreSQL's public schema is emptied and
// its roles are dropped first, since its server outlives a test.
func (s sides) load(t *testing.T, tables []table) {
	t.Helper()
	theirs, ours := s.connect(t)
	ctx := context.Background()
	for _, sql := range []string{"DROP SCHEMA public CASCADE", "CREATE SCHEMA public", forgetRoles} {
		if _, err := theirs.ask(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range tables {
		if err := table.loadPostgres(ctx, theirs); err != nil {
			t.Fatal(err)
		}
		if err := table.declare(ctx, ours, s.dir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFiles runs every record of testdata on both sides.
func TestFiles(t *testing.T) { testFiles(t, "") }

// onDisk is the least memory that a gateway permits, of which a thousandth is
// used before a query writes to disk.
const onDisk = "sql: {query_memory_limit_mb: 1, spill_threshold_ratio: 0.001}"

// TestFilesOnDisk runs them where every operator writes to disk.
func TestFilesOnDisk(t *testing.T) {
	if os.Getenv("FERRIS_TIER") != "long" {
		t.Skip("the same files again; FERRIS_TIER=long runs it")
	}
	testFiles(t, onDisk)
}

func testFiles(t *testing.T, yaml string) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.slt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("finding the files: %d, %v", len(paths), err)
	}
	tables, err := fixedTables()
	if err != nil {
		t.Fatal(err)
	}
	both := startWith(t, yaml)
	both.load(t, tables)
	total := 0
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".slt"), func(t *testing.T) {
			records, err := readFile(path)
			if err != nil {
				t.Fatal(err)
			}
			total += runFile(t, both, path, records)
		})
	}
	t.Logf("%d records", total)
}

// runFile runs records in their order on two new connections.
func runFile(t *testing.T, both sides, path string, records []record) int {
	t.Helper()
	theirs, ours := both.connect(t)
	ran := 0
	for i := range records {
		r := &records[i]
		if r.sql == "" {
			continue
		}
		ran++
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		want, err := theirs.ask(ctx, r.sql)
		if err != nil {
			t.Fatalf("%s:%d: %v", path, r.line, err)
		}
		if *rewrite {
			r.answer(want)
		} else if diff := r.differs(want); diff != "" {
			t.Errorf("%s:%d: %s\nPostgreSQL does not answer as the file says: %s", path, r.line, r.sql, diff)
		}
		got, err := ours.ask(ctx, r.sql)
		if err != nil {
			t.Fatalf("%s:%d: %s\n%v", path, r.line, r.sql, err)
		}
		compare(t, fmt.Sprintf("%s:%d", path, r.line), r, want, got)
		if extended(r, got) {
			if got, err = ours.askExtended(ctx, r.sql); err != nil {
				t.Fatalf("%s:%d: %s\n%v", path, r.line, r.sql, err)
			}
			compare(t, fmt.Sprintf("%s:%d, extended protocol", path, r.line), r, want, got)
		}
		cancel()
	}
	if *rewrite {
		var b strings.Builder
		for i := range records {
			b.WriteString(records[i].text())
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return ran
}

// extended reports whether the record is also asked in the extended protocol:
// where that leaves the session as it is.
func extended(r *record, simple *answer) bool {
	return r.kind == query && r.ours == "" && simple.status == 'I' &&
		(strings.HasPrefix(r.sql, "SELECT") || strings.HasPrefix(r.sql, "VALUES") || strings.HasPrefix(r.sql, "WITH")) &&
		!strings.Contains(r.sql, "set_config") && !changes.MatchString(r.sql)
}

// changes finds the statements that would not answer the same a second time.
var changes = regexp.MustCompile(`\b(INSERT INTO|UPDATE \w+ SET|DELETE FROM|nextval|FOR UPDATE)\b`)

// compare holds the gateway's answer to PostgreSQL's.
func compare(t *testing.T, where string, r *record, want, got *answer) {
	t.Helper()
	if r.ours == "answers" {
		if got.err != nil {
			t.Errorf("%s: %s\nwant an answer, got %s", where, r.sql, got.text(true))
		}
		return
	}
	if r.ours == "" {
		if w, g := want.text(r.sorted), got.like(want).text(r.sorted); w != g {
			t.Errorf("%s: %s\n%s", where, r.sql, difference(w, g))
		}
		return
	}
	switch {
	case got.err == nil || got.err.Code != r.ours:
		t.Errorf("%s: %s\nwant error %s, got what follows; where that is PostgreSQL's answer, take the line `ours error` away\n%s", where, r.sql, r.ours, got.text(true))
	case got.err.Code == "0A000" && got.err.Hint == "":
		t.Errorf("%s: %s\nrefused without a hint: %s", where, r.sql, got.text(true))
	}
}

// difference is what is only in the one answer and only in the other.
func difference(want, got string) string {
	theirs, ours := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	write := func(sign string, lines, other []string) {
		n := 0
		for _, l := range lines {
			if l != "" && !slices.Contains(other, l) {
				if n++; n <= 5 {
					b.WriteString(sign + l + "\n")
				}
			}
		}
		if n > 5 {
			fmt.Fprintf(&b, "%s ... %d lines\n", sign, n)
		}
	}
	write("want ", theirs, ours)
	write("got  ", ours, theirs)
	if b.Len() == 0 {
		return "want " + want + "got  " + got
	}
	return b.String()
}

// differs says how the answer is not the record's; "": it is.
func (r *record) differs(a *answer) string {
	want := *r
	want.comments, want.line = nil, 0
	got := want
	got.answer(a)
	if got.kind == query && want.kind == query {
		got.sorted = want.sorted
	}
	if w, g := want.text(), got.text(); w != g || !slices.Equal(want.expected, got.expected) {
		return g
	}
	return ""
}
