package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// statement is one that a client sent, as it was captured.
type statement struct {
	group    string // what the client was asked to do
	text     string
	extended bool // it went through Parse, with params
	params   []uint32
}

var (
	captureMark = regexp.MustCompile(`^-- \[(.*)\]`)
	parseMark   = regexp.MustCompile(`^-- extended-protocol parse, param types \[(.*)\]$`)
)

// readCaptured reads a file of captured statements: each ends in a semicolon at the
// end of a line, and comments before it say what it is of.
func readCaptured(t *testing.T, path string) []statement {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []statement
	var s statement
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
		if len(lines) == 0 {
			if m := captureMark.FindStringSubmatch(line); m != nil {
				s.group = m[1]
				continue
			}
			if m := parseMark.FindStringSubmatch(line); m != nil {
				s.extended = true
				for oid := range strings.FieldsSeq(m[1]) {
					n, err := strconv.ParseUint(oid, 10, 32)
					if err != nil {
						t.Fatal(err)
					}
					s.params = append(s.params, uint32(n))
				}
				continue
			}
			if strings.HasPrefix(line, "-- ") && !strings.HasSuffix(line, ";") {
				continue
			}
		}
		lines = append(lines, line)
		if whole, ok := strings.CutSuffix(line, ";"); ok {
			lines[len(lines)-1] = whole
			s.text = strings.Join(lines, "\n")
			all = append(all, s)
			s, lines = statement{group: s.group}, nil
		}
	}
	if len(lines) > 0 {
		t.Fatalf("%s ends within a statement", path)
	}
	return all
}

// subject is a server that the captured statements are sent to.
type subject struct {
	conn    *pgconn.PgConn
	names   map[uint32]string // of the types and relations that were made for the test
	objects map[string]string // OIDs as captured -> those of this server
}

// capturedObjects are the OIDs that the captured statements name.
var capturedObjects = map[string]string{
	"16390": "'events'::regclass", "16398": "'events_name'::regclass", "16399": "'v_events'::regclass", "16403": "'mv_events'::regclass",
	"16408": "'mood'::regtype", "16418": "'streams.s1'::regclass", "16424": "'sq'::regclass",
}

func newSubject(t *testing.T, url string) *subject {
	t.Helper()
	setup, err := os.ReadFile(filepath.Join("testdata", "captured.sql"))
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, url)
	ctx := t.Context()
	if _, err := conn.Exec(ctx, string(setup)); err != nil {
		t.Fatal(err)
	}
	s := &subject{conn: conn.PgConn(), names: map[uint32]string{}, objects: map[string]string{}}
	rows, err := conn.Query(ctx, `SELECT oid, oid::regtype::text FROM pg_type WHERE oid >= 16384 UNION ALL SELECT oid, oid::regclass::text FROM pg_class WHERE oid >= 16384 AND relkind <> 't'`)
	if err != nil {
		t.Fatal(err)
	}
	var oid uint32
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&oid, &name}, func() error { s.names[oid] = name; return nil }); err != nil {
		t.Fatal(err)
	}
	for captured, expr := range capturedObjects {
		if err := conn.QueryRow(ctx, "SELECT "+expr+"::oid").Scan(&oid); err != nil {
			t.Fatal(err)
		}
		s.objects[captured] = strconv.Itoa(int(oid))
	}
	return s
}

// typeName is a type as both servers tell it.
func (s *subject) typeName(oid uint32) string {
	if name, ok := s.names[oid]; ok {
		return name
	}
	if oid >= 16384 {
		return "of the statements"
	}
	return strconv.Itoa(int(oid))
}

// objectName is what an OID stands for, so that both servers name it alike.
func (s *subject) objectName(oid string) string {
	n, err := strconv.ParseUint(oid, 10, 32)
	if err != nil || n < 10000 {
		return oid
	}
	return s.typeName(uint32(n))
}

// argument is what a parameter of a type is given.
func argument(oid uint32, statement string) []byte {
	if oid == 1009 && strings.Contains(statement, "selected_classes") {
		return []byte("{mood,_mood,events}")
	}
	text, ok := map[uint32]string{
		16: "t", 17: `\x01`, 20: "1", 21: "1", 23: "1", 25: "ok", 26: "23", 701: "1.5", 1007: "{1,2}", 1009: "{n1}", 1043: "ok", 1082: "2024-01-01",
		1184: "2000-01-01 00:00:00+00", 1182: "{2024-01-02}", 1700: "1.50", 2206: "mood", 2950: "6ecd8c99-4036-403d-bf84-cf8400f67836", 3802: "{}",
	}[oid]
	if !ok {
		return nil
	}
	return []byte(text)
}

var (
	sleeps              = regexp.MustCompile(`pg_sleep\(\d+\)`)
	numbers             = regexp.MustCompile(`\b16[34]\d\d\b`)
	ordered             = regexp.MustCompile(`(?i)order by`)
	copiesIn, copiesOut = regexp.MustCompile(`(?i)^copy .* from stdin`), regexp.MustCompile(`(?i)^copy .* to stdout`)
)

// answer is what a server says to a statement.
type answer struct {
	shape  string // parameters, columns, tags and errors
	rows   []string
	failed bool
}

// ask sends a statement as the client did. Nobody waits for pg_sleep.
func (s *subject) ask(ctx context.Context, st statement) answer {
	text := sleeps.ReplaceAllString(st.text, "pg_sleep(0)")
	text = numbers.ReplaceAllStringFunc(text, func(n string) string {
		if here, ok := s.objects[n]; ok {
			return here
		}
		return n
	})
	var a answer
	var shape strings.Builder
	switch {
	case copiesIn.MatchString(text):
		tag, err := s.conn.CopyFrom(ctx, strings.NewReader(""), text)
		fmt.Fprintf(&shape, "tag %s\n", tag)
		sayError(&shape, err)
		a.shape = shape.String()
		return a
	case copiesOut.MatchString(text):
		var out bytes.Buffer
		tag, err := s.conn.CopyTo(ctx, &out, text)
		fmt.Fprintf(&shape, "tag %s\n", tag)
		sayError(&shape, err)
		a.shape, a.rows = shape.String(), strings.Split(out.String(), "\n")
		return a
	case !st.extended:
		results := s.conn.Exec(ctx, text)
		for results.NextResult() {
			s.read(results.ResultReader(), &shape, &a)
		}
		if err := results.Close(); err != nil && !a.failed {
			sayError(&shape, err)
		}
		a.shape = shape.String()
		return a
	}
	d, err := s.conn.Prepare(ctx, "", text, st.params)
	if err != nil {
		sayError(&shape, err)
		a.shape = shape.String()
		return a
	}
	var args [][]byte
	for _, oid := range d.ParamOIDs {
		fmt.Fprintf(&shape, "parameter %s\n", s.typeName(oid))
		args = append(args, argument(oid, text))
	}
	s.sayColumns(&shape, d.Fields)
	s.read(s.conn.ExecPrepared(ctx, "", args, nil, nil), &shape, &a)
	a.shape = shape.String()
	return a
}

func (s *subject) sayColumns(b *strings.Builder, fields []pgconn.FieldDescription) {
	for _, f := range fields {
		fmt.Fprintf(b, "column %s %s %d of %s\n", f.Name, s.typeName(f.DataTypeOID), f.TypeModifier, s.typeName(f.TableOID))
	}
}

// read reads one result. Where it ends in an error, whether its columns were
// told before depends on when that was found: no client sees them.
func (s *subject) read(r *pgconn.ResultReader, shape *strings.Builder, a *answer) {
	var columns strings.Builder
	s.sayColumns(&columns, r.FieldDescriptions())
	for r.NextRow() {
		var row []string
		for i, v := range r.Values() {
			switch {
			case v == nil:
				row = append(row, "NULL")
			case r.FieldDescriptions()[i].DataTypeOID == 26 && r.FieldDescriptions()[i].Format == 0:
				row = append(row, s.objectName(string(v)))
			default:
				row = append(row, string(v))
			}
		}
		a.rows = append(a.rows, strings.Join(row, "|"))
	}
	tag, err := r.Close()
	if err == nil {
		shape.WriteString(columns.String())
	}
	words := strings.Fields(tag.String())
	if len(words) > 0 {
		fmt.Fprintf(shape, "tag %s\n", words[0])
	}
	if err != nil && !a.failed {
		a.failed = true
		sayError(shape, err)
	}
}

func sayError(b *strings.Builder, err error) {
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e):
		fmt.Fprintf(b, "error %s at %d\n", e.Code, e.Position)
	case err != nil:
		fmt.Fprintf(b, "failure %v\n", err)
	}
}

// otherRows are statements whose rows are not PostgreSQL's, and why: a part of the
// statement, or of what the client was asked for.
var otherRows = []struct{ part, why string }{
	{"schemata where schema_name not in", "the schema ferris is listed"},
	{"where nspname not like 'pg_%' order by nspname", "so it is to SQLAlchemy"},
	{`not t.typnotnull as "nullable"`, "the catalogs' domains are their base types"},
	{"not in ('information_schema', 'pg_catalog') order by 1", "so are its relations"},
	{"has_any_column_privilege(current_user", "so are its relations"},
	{"from pg_catalog.pg_namespace n left outer join", "so is the schema"},
	{"getSchemas", "so is the schema"},
	{"getTables(null,null,%,null)", "the catalogs have no indexes here"},
	{"getColumns(all)", "the catalogs' domains are their base types, and ferris has columns"},
	{"hideUnprivilegedObjects", "the catalogs have no indexes here"},
	{"dataset over a query", "one of many rows, in no order"},
	{"\\dn", "the schema ferris is listed"},
	{"\\dt *.*", "PostgreSQL's information_schema has tables of features"},
	{"\\dtS", "no TOAST tables, and ferris has views"},
	{"n.nspname NOT LIKE E'pg\\\\_%'", "the schema ferris is listed"},
	{"pg_extension", "no plpgsql"},
	{"pg_ts_config", "no text search"},
	{"pg_conversion", "no conversions: all is UTF-8"},
	{"version()", "another server"},
	{"server_version", "another server"},
	{"pg_database", "the database ferris is there, templates are not"},
	{"pg_foreign_data_wrapper", "the connectors, with their privileges"},
	{"pg_roles", "PostgreSQL has roles of its own, and its first one is another"},
	{"pg_type t left outer join", "not all types are here"},
	{"getTypeInfo", "not all types are here"},
	{"getUDTs", "no domains, and other catalogs"},
	{"a.typcategory = 'A'", "not all types are here"},
	{"\\dTS", "not all types are here"},
	{"\\dC", "not all types are here"},
	{"pg_catalog.pg_get_partkeydef(c.oid)", "OIDs of files, and transaction ids"},
	{"left outer join pg_depend dep", "_rowid in place of ctid and its like"},
	{"pg_total_relation_size", "relations have no files"},
	{"pg_size_pretty", "relations have no files"},
	{"as index_rel_size", "relations have no files"},
	{"getIndexInfo", "pages are not counted"},
	{"pg_get_viewdef", "a view's text is as it was written"},
	{"pg_stat_activity", "each has its sessions"},
	{"pg_backend_pid()", "each has its sessions"},
	{"pg_locks", "the catalogs are not locked"},
	{"now()", "each has its clock"},
	{"\\d mv_events", "no rules, and its key is an index"},
	{"[\\di]", "the key of a materialized view is an index"},
	{"metadata of mv_events", "its key is an index"},
	{"\\d pg_class", "the catalogs have no indexes here"},
	{"\\db", "another owner"},
	{"\\dx", "no plpgsql"},
	{"\\dL", "no plpgsql"},
	{"\\dF", "no text search"},
	{"\\dconfig", "not all settings are here"},
	{"show all", "not all settings are here"},
	{"explain", "another planner"},
	{"limit 3", "in no order"},
	{"events limit 1", "in no order"},
	{"select id from events", "in no order"},
}

func rowsMayDiffer(st statement) bool {
	text := strings.ToLower("[" + st.group + "] " + st.text)
	for _, o := range otherRows {
		if strings.Contains(text, strings.ToLower(o.part)) {
			return true
		}
	}
	return false
}

// TestCapturedStatements sends what nine clients sent, and what other BI tools are known
// to, to PostgreSQL 16 and to the gateway over the same objects.
func TestCapturedStatements(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "planner", "testdata", "clients", "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of captured statements: %v", err)
	}
	files = append(files, filepath.Join("testdata", "psql_tab.sql"), filepath.Join("testdata", "superset.sql"))
	oracle, g := postgres.Start(t), gateway.Start(t, gateway.Options{})
	if _, err := connect(t, g.URL()).Exec(t.Context(), "CREATE ROLE postgres SUPERUSER LOGIN"); err != nil {
		t.Fatal(err)
	}
	want, got := newSubject(t, oracle.DSN()), newSubject(t, "postgres://postgres@"+g.Listen+"/postgres?sslmode=disable")
	ctx := t.Context()
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sql"), func(t *testing.T) {
			group := ""
			for _, st := range readCaptured(t, file) {
				if st.group != group {
					group = st.group
					for _, s := range []*subject{want, got} {
						for _, clean := range []string{"ROLLBACK", "DISCARD ALL"} {
							if _, err := s.conn.Exec(ctx, clean).ReadAll(); err != nil {
								t.Fatal(err)
							}
						}
					}
				}
				a, b := want.ask(ctx, st), got.ask(ctx, st)
				if a.shape != b.shape {
					t.Errorf("[%s] %s\nPostgreSQL says\n%swe say\n%s", st.group, st.text, a.shape, b.shape)
				}
				if !ordered.MatchString(st.text) {
					slices.Sort(a.rows)
					slices.Sort(b.rows)
				}
				if !slices.Equal(a.rows, b.rows) && !rowsMayDiffer(st) {
					t.Errorf("[%s] %s\nPostgreSQL's rows\n%s\nours\n%s", st.group, st.text, strings.Join(a.rows, "\n"), strings.Join(b.rows, "\n"))
				}
			}
		})
	}
}
