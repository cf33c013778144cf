package codec

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

// columns are values of every base type, as text; what a text format must escape
// is among them. A NULL is added to each.
var columns = []struct {
	typ    string
	values []string
	// csvOnly are values that JSON has nothing for: a null of json beside NULL, an
	// array that does not count from 1.
	csvOnly []string
}{
	{"boolean", []string{"t", "f"}, nil},
	{"smallint", []string{"-32768", "7"}, nil},
	{"integer", []string{"-2147483648", "7"}, nil},
	{"bigint", []string{"-9223372036854775808", "9007199254740993"}, nil},
	{"real", []string{"1.5", "NaN", "-Infinity", "1e-40"}, nil},
	{"double precision", []string{"0.1", "NaN", "Infinity", "1e300", "-0"}, nil},
	{"numeric", []string{"1.50", "NaN", "-Infinity", "123456789012345678901234567890.5"}, nil},
	{"numeric(6,2)", []string{"1.5", "-9999.99"}, nil},
	{"text", []string{"", "a,b", `"q"`, "two\nlines", `back\slash`, "\t", "é", `\N`, `\.`}, nil},
	{"character varying(5)", []string{"", "a,b", "ééééé"}, nil},
	{"character(4)", []string{"", "ab", "é,\""}, nil},
	{"bpchar", []string{"ab  ", "x"}, nil},
	{"name", []string{"relname", "a b"}, nil},
	{`"char"`, []string{"", "a", `\351`, `,`}, nil},
	{"bytea", []string{"", `\x00ff`, `\x5c22`}, nil},
	{"uuid", []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, nil},
	{"date", []string{"2024-02-29", "infinity", "0044-03-15 BC"}, nil},
	{"time", []string{"23:59:59.999999", "24:00:00"}, nil},
	{"time(2) with time zone", []string{"23:59:59.99+05:30", "00:00:00-12"}, nil},
	{"timetz", []string{"10:00:00.123456+02"}, nil},
	{"timestamp", []string{"2024-01-15 10:00:00.5", "infinity", "0044-03-15 10:00:00 BC"}, nil},
	{"timestamptz", []string{"2024-01-15 10:00:00.5+00", "-infinity"}, nil},
	{"interval", []string{"1 year 2 mons 3 days 04:05:06.7", "-1 day +02:00:00"}, nil},
	{"json", []string{`{"a": [1, "x,\"y"]}`, `"s"`, "1.50", "[ ]"}, []string{"null"}},
	{"jsonb", []string{`{"a": [1, "x,\"y"]}`, `"s"`, "1.50", "[ ]", "true"}, []string{"null"}},
	{"jsonpath", []string{`$.a[*] ? (@ > 1)`, `strict $."a b"`}, nil},
	{"bit(3)", []string{"101", "000"}, nil},
	{"bit(12)", []string{"101010101010"}, nil},
	{"bit varying", []string{"", "1", "10101010101"}, nil},
	{"bit varying(4)", []string{"", "1011"}, nil},
	{"inet", []string{"192.168.0.1", "192.168.0.1/24", "::1", "2001:db8::/32"}, nil},
	{"cidr", []string{"192.168.0.0/16", "2001:db8::/32"}, nil},
	{"macaddr", []string{"08:00:2b:01:02:03"}, nil},
	{"macaddr8", []string{"08:00:2b:01:02:03:04:05"}, nil},
	{"money", []string{"1234.56", "-92233720368547758.08"}, nil},
	{"xml", []string{"<a b=\"c\">d, e</a>", "x"}, nil},
	{"tsvector", []string{"'a':1A,2 'b c'", ""}, nil},
	{"tsquery", []string{"'a' & !'b' <-> 'c'"}, nil},
	{"pg_lsn", []string{"16/B374D848", "0/0"}, nil},
	{"tid", []string{"(0,1)", "(4294967295,65535)"}, nil},
	{"xid", []string{"4294967295", "3"}, nil},
	{"xid8", []string{"18446744073709551615"}, nil},
	{"cid", []string{"4294967295"}, nil},
	{"oid", []string{"4294967295", "0"}, nil},
	{"regclass", []string{"pg_class"}, nil},
	{"regtype", []string{"integer"}, nil},
	{"pg_snapshot", []string{"10:20:10,14,15"}, nil},
	{"int2vector", []string{"1 2 3"}, nil},
	{"oidvector", []string{"1 2 4294967295"}, nil},
	{"point", []string{"(1,2.5)", "(NaN,Infinity)"}, nil},
	{"line", []string{"{1,-1,0}"}, nil},
	{"lseg", []string{"[(0,0),(1,1)]"}, nil},
	{"box", []string{"(2,2),(0,0)"}, nil},
	{"path", []string{"((0,0),(1,1),(2,0))", "[(0,0),(1,1)]"}, nil},
	{"polygon", []string{"((0,0),(1,1),(2,0))"}, nil},
	{"circle", []string{"<(1,2),3>"}, nil},
	{"int4range", []string{"[1,10)", "empty", "(,5)"}, nil},
	{"int8range", []string{"[1,)"}, nil},
	{"numrange", []string{"(1.5,2.50]"}, nil},
	{"daterange", []string{"[2024-01-01,2024-02-01)", "(,)"}, nil},
	{"tsrange", []string{`["2024-01-01 10:00:00","2024-01-02 00:00:00")`}, nil},
	{"tstzrange", []string{`["2024-01-01 10:00:00+00",infinity)`}, nil},
	{"int4multirange", []string{"{[1,3),[5,8)}", "{}"}, nil},
	{"int8multirange", []string{"{[1,3)}"}, nil},
	{"nummultirange", []string{"{(1.5,2.50],[7,)}"}, nil},
	{"datemultirange", []string{"{[2024-01-01,2024-02-01)}"}, nil},
	{"tsmultirange", []string{`{["2024-01-01 10:00:00","2024-01-02 00:00:00")}`}, nil},
	{"tstzmultirange", []string{`{["2024-01-01 10:00:00+00",)}`}, nil},
	{"integer[]", []string{"{1,NULL,3}", "{}", "{{1,2},{3,4}}"}, []string{"[0:1]={1,2}"}},
	{"text[]", []string{`{"a,b","q\"r",NULL,"NULL",""}`}, nil},
	{"inet[]", []string{"{192.168.0.1,::1}"}, nil},
	{"int4range[]", []string{`{"[1,3)",empty}`}, nil},
	{"bit(3)[]", []string{"{101,000}"}, nil},
	{"jsonb[]", []string{`{"{\"a\": 1}"}`}, []string{`{"null"}`}},
	{"box[]", []string{"{(2,2),(0,0);(1,1),(0,0)}"}, nil},
}

// peer is a server that is asked.
type peer struct {
	t    *testing.T
	conn *pgconn.PgConn
}

func dial(t *testing.T, dsn string) peer {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	p := peer{t, conn}
	for _, s := range []string{"SET TimeZone = 'UTC'", "SET DateStyle = 'ISO, MDY'", "SET IntervalStyle = 'postgres'"} {
		if _, err := p.conn.Exec(t.Context(), s).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p peer) run(sql string) error {
	_, err := p.conn.Exec(p.t.Context(), sql).ReadAll()
	return err
}

// show is the answer as text, or its error.
func show(rows [][][]byte, err error) string {
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, r := range rows {
		for _, v := range r {
			if v == nil {
				lines = append(lines, "NULL")
			} else {
				lines = append(lines, fmt.Sprintf("%q", v))
			}
		}
	}
	return strings.Join(lines, " ")
}

func (p peer) ask(sql string) string {
	results, err := p.conn.Exec(p.t.Context(), sql).ReadAll()
	if err != nil {
		return err.Error()
	}
	return show(results[len(results)-1].Rows, nil)
}

func (p peer) copy(sql string) string {
	var b bytes.Buffer
	if _, err := p.conn.CopyTo(p.t.Context(), &b, sql); err != nil {
		return err.Error()
	}
	return b.String()
}

// param gives one parameter and takes the result, both as text or as binary.
func (p peer) param(sql string, value []byte, oid types.OID, format int16) string {
	r := p.conn.ExecParams(p.t.Context(), sql, [][]byte{value}, []uint32{uint32(oid)}, []int16{format}, []int16{format}).Read()
	return show(r.Rows, r.Err)
}

// TestEveryTypeAsAColumn carries values of every base type through files of both
// formats, COPY in its three, and parameters, and compares what comes out with
// what PostgreSQL says.
func TestEveryTypeAsAColumn(t *testing.T) {
	g := gateway.Start(t, gateway.Options{})
	ours := dial(t, "postgres://u@"+g.Listen+"/postgres?sslmode=disable")
	theirs := dial(t, postgres.Start(t).DSN())
	for i, c := range columns {
		for _, format := range []string{"json", "csv"} {
			c.values = append(c.values, map[string][]string{"csv": c.csvOnly}[format]...)
			s := fmt.Sprintf("s%d_%s", i, format)
			if err := theirs.run(fmt.Sprintf("DROP TABLE IF EXISTS t; CREATE TEMP TABLE t (n int, v %s); INSERT INTO t VALUES %s", c.typ, strings.Join(rowsOf(c.typ, c.values), ", "))); err != nil {
				t.Fatalf("%s: %v", c.typ, err)
			}
			if err := throughFile(ours, c.typ, s, format, filepath.Join(g.DataDir, s+"."+format), rowsOf(c.typ, c.values)); err != nil {
				t.Errorf("%s through %s: %v", c.typ, format, err)
				continue
			}
			if got, want := ours.ask(fmt.Sprintf("SELECT v FROM %s ORDER BY n", s)), theirs.ask("SELECT v FROM t ORDER BY n"); got != want {
				t.Errorf("%s through %s:\n%s, want\n%s", c.typ, format, got, want)
			}
			for _, copied := range []string{"text", "csv", "binary"} {
				q := "COPY (SELECT n, v FROM %s ORDER BY n) TO STDOUT (FORMAT " + copied + ")"
				if got, want := ours.copy(fmt.Sprintf(q, s)), theirs.copy(fmt.Sprintf(q, "t")); got != want {
					t.Errorf("COPY %s, from %s, as %s:\n%q, want\n%q", c.typ, format, copied, got, want)
				}
			}
		}
		from := fmt.Sprintf("s%d_csv", i)
		oid := typeOf(c.typ).OID
		for k, v := range c.values {
			sql := fmt.Sprintf("SELECT $1::%s", c.typ)
			if got, want := ours.param(sql, []byte(v), oid, 0), theirs.param(sql, []byte(v), oid, 0); got != want {
				t.Errorf("parameter %s %q: %s, want %s", c.typ, v, got, want)
			}
			r := theirs.conn.ExecParams(t.Context(), fmt.Sprintf("SELECT v FROM t WHERE n = %d", k), nil, nil, nil, []int16{1}).Read()
			if r.Err != nil {
				continue // it has no binary form
			}
			form := r.Rows[0][0]
			if got, want := ours.param(sql, form, oid, 1), theirs.param(sql, form, oid, 1); got != want {
				t.Errorf("binary parameter %s %s: %s, want %s", c.typ, hex.EncodeToString(form), got, want)
			}
			find := fmt.Sprintf("SELECT n FROM %s WHERE v::text = ($1::%s)::text ORDER BY n", "%s", c.typ)
			if got, want := ours.param(fmt.Sprintf(find, from), form, oid, 1), theirs.param(fmt.Sprintf(find, "t"), form, oid, 1); got != want {
				t.Errorf("rows of %s found by %q: %s, want %s", c.typ, v, got, want)
			}
		}
	}
}

// notColumns are base types that are left out of columns: those that only
// PostgreSQL's own catalogs and indexes have, and names of objects, which are
// read as text and depend on what there is.
var notColumns = strings.Fields(`aclitem gtsvector pg_brin_bloom_summary pg_brin_minmax_multi_summary pg_dependencies pg_mcv_list
	pg_ndistinct pg_node_tree refcursor regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole
	txid_snapshot`)

// TestEveryBaseTypeIsAColumn compares columns with PostgreSQL's own list.
func TestEveryBaseTypeIsAColumn(t *testing.T) {
	have := map[types.OID]bool{}
	for _, c := range columns {
		have[typeOf(c.typ).OID] = true
	}
	theirs := dial(t, postgres.Start(t).DSN())
	r := theirs.conn.ExecParams(t.Context(), `SELECT oid, typname FROM pg_type WHERE typtype IN ('b', 'r', 'm')
		AND typnamespace = 'pg_catalog'::regnamespace AND NOT (typelem <> 0 AND typlen = -1 AND typcategory = 'A' AND typname LIKE '\_%')`, nil, nil, nil, nil).Read()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	for _, row := range r.Rows {
		oid, err := strconv.ParseUint(string(row[0]), 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		if name := string(row[1]); !have[types.OID(oid)] && !slices.Contains(notColumns, name) {
			t.Errorf("no column has the type %s", name)
		}
	}
}

// rowsOf are the values as rows of VALUES, numbered, and a NULL.
func rowsOf(typ string, values []string) []string {
	var rows []string
	for i, v := range values {
		rows = append(rows, fmt.Sprintf("(%d, '%s'::%s)", i, strings.ReplaceAll(v, "'", "''"), typ))
	}
	return append(rows, fmt.Sprintf("(%d, NULL::%s)", len(values), typ))
}

// throughFile makes a stream over a file, whose first row SELECT INTO has
// written and the others INSERT.
func throughFile(p peer, typ, name, format, path string, rows []string) error {
	options := []string{"'%stype' = 'file'", "'%spath' = '" + path + "'", "'%sformat' = '" + format + "'"}
	with := func(prefix string) string { return strings.ReplaceAll(strings.Join(options, ", "), "%s", prefix) }
	for _, sql := range []string{
		fmt.Sprintf("CREATE STREAM %s (n int, v %s) WITH (%s)", name, typ, with("")),
		fmt.Sprintf("SELECT n, v FROM (VALUES %s) AS v(n, v) INTO o WITH (%s)", rows[0], with("o.")),
		fmt.Sprintf("INSERT INTO %s VALUES %s", name, strings.Join(rows[1:], ", ")),
	} {
		if err := p.run(sql); err != nil {
			return fmt.Errorf("running %s: %w", sql, err)
		}
	}
	return nil
}
