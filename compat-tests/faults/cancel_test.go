package faults

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// hostile are statements that run for long, or for ever, in as many ways.
var hostile = map[string]string{
	"nested loop":            "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a * 7 % 11 = b * 3 % 13 AND a + b < 0",
	"series":                 "SELECT count(*) FROM generate_series(1, 1000000000000)",
	"rows":                   "SELECT * FROM generate_series(1, 1000000000000)",
	"copy":                   "COPY (SELECT g, md5(g::text) FROM generate_series(1, 1000000000000) g) TO STDOUT",
	"sort":                   "SELECT x FROM (SELECT md5(g::text) AS x FROM generate_series(1, 5000000) g) s ORDER BY x OFFSET 4999999",
	"numeric power":          "SELECT sum(9.1 ^ (g % 900 + 4000)) FROM generate_series(1, 1000000) g",
	"numeric exp":            "SELECT sum(exp((4000 + g % 1000)::numeric)) FROM generate_series(1, 1000000) g",
	"numeric ln":             "SELECT sum(ln(9.7 * 10::numeric ^ (g % 900 + 1000))) FROM generate_series(1, 1000000) g",
	"numeric product":        "SELECT length(((10::numeric ^ 100000 + g) * (10::numeric ^ 100000 + g + 1))::text) FROM generate_series(1, 1000000) g",
	"factorial":              "SELECT sum(factorial(20000 + g % 10)) FROM generate_series(1, 100000) g",
	"string_agg":             "SELECT length(string_agg(md5(g::text), ',')) FROM generate_series(1, 5000000) g",
	"array_agg":              "SELECT array_length(array_agg(g), 1) FROM generate_series(1, 20000000) g",
	"jsonb_agg":              "SELECT jsonb_array_length(jsonb_agg(g)) FROM generate_series(1, 5000000) g",
	"count distinct":         "SELECT count(DISTINCT md5(g::text)) FROM generate_series(1, 5000000) g",
	"group by":               "SELECT count(*) FROM (SELECT g % 4000037 AS k, count(*), max(g) FROM generate_series(1, 8000000) g GROUP BY 1) s",
	"recursive":              "WITH RECURSIVE r(n) AS (SELECT 1::bigint UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
	"window":                 "SELECT max(s) FROM (SELECT sum(g) OVER (ORDER BY g::bigint * 7919 % 4999999) AS s FROM generate_series(1, 5000000) g) w",
	"window frame":           "SELECT max(s) FROM (SELECT max(g) OVER (ORDER BY g ROWS BETWEEN 100000 PRECEDING AND 100000 FOLLOWING) AS s FROM generate_series(1, 1000000) g) w",
	"hash join":              "SELECT count(*) FROM generate_series(1, 6000000) a JOIN (SELECT md5(g::text) AS k, g FROM generate_series(1, 5000000) g) b ON md5(a::text) = b.k",
	"hash join of one key":   "SELECT count(*) FROM (SELECT g, g % 2 AS k FROM generate_series(1, 1000000) g) a JOIN (SELECT g, g % 2 AS k FROM generate_series(1, 1000000) g) b ON a.k = b.k AND a.g + b.g < 0",
	"lateral":                "SELECT count(*) FROM generate_series(1, 1000000) a, LATERAL (SELECT sum(b) AS s FROM generate_series(1, a) b) l",
	"subquery":               "SELECT sum((SELECT count(*) FROM generate_series(1, 100000 + a) b WHERE b % 7 = a % 7)) FROM generate_series(1, 1000000) a",
	"regexp":                 `SELECT count(*) FROM generate_series(1, 1000000) g WHERE repeat('ab', 5000) || g ~ '(a|b|ab)*c(\d+)\1'`,
	"regexp_replace":         "SELECT max(length(regexp_replace(repeat('abc', 20000) || g, '(a|b)(c?)', '<\\2\\1>', 'g'))) FROM generate_series(1, 1000000) g",
	"regexp_matches":         "SELECT count(*) FROM regexp_matches(repeat('abc', 5000000), '(a)(b)', 'g')",
	"regexp_split":           "SELECT count(*) FROM regexp_split_to_table(repeat('abc', 5000000), 'b')",
	"regexp_count":           "SELECT regexp_count(repeat('a', 200000), '(?=a*b)a')",
	"lpad":                   "SELECT sum(length(lpad('x' || g, 50000000, 'abc'))) FROM generate_series(1, 1000) g",
	"normalize":              "SELECT sum(length(normalize(repeat('ä', 3000000) || g, NFD))) FROM generate_series(1, 1000) g",
	"string_to_array":        "SELECT sum(cardinality(string_to_array(repeat('a,', 300000) || g, ','))) FROM generate_series(1, 100000) g",
	"string_to_table":        "SELECT count(*) FROM string_to_table(repeat('a,', 50000000), ',') u",
	"json elements":          "SELECT count(*) FROM generate_series(1, 1000) g, jsonb_array_elements((SELECT jsonb_agg(x) FROM generate_series(1, 300000) x)) e WHERE g < 0 OR e <> 'null'",
	"grouping sets":          "SELECT count(*) FROM (SELECT x % 3 AS a, x % 5 AS b, x % 700001 AS c, count(*) FROM generate_series(1, 5000000) x GROUP BY GROUPING SETS ((1, 2, 3), (1, 3), (2, 3), (3), (1), ())) s",
	"ordered string_agg":     "SELECT length(string_agg(x::text, ',' ORDER BY md5(x::text))) FROM generate_series(1, 3000000) x",
	"percentile":             "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY md5(x::text)) FROM generate_series(1, 3000000) x",
	"except":                 "SELECT count(*) FROM (SELECT x FROM generate_series(1, 5000000) x EXCEPT SELECT x * 2 FROM generate_series(1, 5000000) x) s",
	"not in":                 "SELECT count(*) FROM generate_series(1, 5000000) a WHERE a::text NOT IN (SELECT b::text FROM generate_series(1, 5000000) b)",
	"not in of rows":         "SELECT count(*) FROM generate_series(1, 2000000) a WHERE (a, a) NOT IN (SELECT b, b FROM generate_series(1, 3000000) b)",
	"arrays overlap":         "SELECT count(*) FROM (SELECT array_agg(x) AS a FROM generate_series(1, 5000) x) s, generate_series(1, 10000000) g WHERE a && ARRAY[-g]",
	"joined arrays":          "SELECT count(*) FROM (SELECT array_agg(x) AS a FROM generate_series(1, 100000) x) s, generate_series(1, 10000000) g WHERE a[g % 7 + 1] < 0",
	"cast to jsonb":          `SELECT sum(length((('[' || repeat('{"b": "abcdef", "a": [1.50, null]}, ', 1500000 + g % 10) || '1]')::jsonb)::text)) FROM generate_series(1, 1000) g`,
	"cast to json":           `SELECT sum(length((('[' || repeat('{"b": "abcdef", "a": [1.50, null]}, ', 3000000 + g % 10) || '1]')::json)::text)) FROM generate_series(1, 1000) g`,
	"cast to array":          "SELECT sum(cardinality(('{' || repeat('1234567,', 2000000 + g % 10) || '1}')::int[])) FROM generate_series(1, 1000) g",
	"jsonpath":               "SELECT count(*) FROM generate_series(1, 1000) g, jsonb_path_query((SELECT jsonb_agg(x) FROM generate_series(1, 2000000) x), '$[*]') e WHERE g < 0 OR e <> 'null'",
	"jsonpath array":         "SELECT sum(length(jsonb_path_query_array((SELECT jsonb_agg(x) FROM generate_series(1, 2000000) x), '$[0 to last]')::text)) FROM generate_series(1, 1000) g",
	"recursive union":        "WITH RECURSIVE r(n, p) AS (SELECT 1, 'a' UNION SELECT n + 1, p || 'a' FROM r) SELECT max(length(p)) FROM r",
	"like":                   "SELECT count(*) FROM generate_series(1, 100000) g WHERE repeat('ab', 500000) || g LIKE '%a%b%a%b%c%b%a%x'",
	"cast of many keys":      "SELECT sum(length((t || repeat(' ', g % 10))::jsonb::text)) FROM documents, generate_series(1, 1000) g",
	"order of documents":     "SELECT count(*) FROM documents a, documents b, generate_series(1, 1000) g WHERE a.j < b.j AND g > 0",
	"document in another":    "SELECT count(*) FROM documents a, documents b, generate_series(1, 1000) g WHERE a.j @> b.j AND g > 0",
	"unique keys":            "SELECT count(*) FROM documents, generate_series(1, 1000) g WHERE t IS JSON WITH UNIQUE KEYS AND g > 0",
	"digest":                 "SELECT sum(length(sha512(repeat('xy' || g, 40000000)::bytea))) FROM generate_series(1, 1000) g",
	"format":                 "SELECT sum(length(format(repeat('%1$s', 10000000), g))) FROM generate_series(1, 1000) g",
	"slices":                 "SELECT sum(cardinality(a[g:])) FROM (SELECT array_agg(x) AS a FROM generate_series(1, 1000000) x) s, generate_series(1, 1000) g",
	"upper":                  "SELECT sum(length(upper(repeat('äy' || g, 20000000)))) FROM generate_series(1, 1000) g",
	"cast to xml":            `SELECT sum(length(('<a>' || repeat('<b c="d">x</b>', 3000000) || g || '</a>')::xml::text)) FROM generate_series(1, 1000) g`,
	"json text":              "SELECT sum(length((SELECT jsonb_agg(i + g) FROM generate_series(1, 300000) i)::text)) FROM generate_series(1, 1000) g",
	"series of dates":        "SELECT count(*) FROM generate_series('2000-01-01'::timestamptz, '290000-01-01', '1 second') g",
	"parse_ident":            "SELECT sum(cardinality(parse_ident(repeat('a.', 10000000) || 'a' || g))) FROM generate_series(1, 1000) g",
	"zeros as an integer":    "SELECT sum((repeat('0', 100000000) || g)::int) FROM generate_series(1, 1000) g",
	"zeros as a float":       "SELECT sum((repeat('0', 100000000) || g)::float8) FROM generate_series(1, 1000) g",
	"zeros as a numeric":     "SELECT sum((repeat('0', 100000000) || g)::numeric) FROM generate_series(1, 1000) g",
	"quote_ident":            "SELECT sum(length(quote_ident(repeat('a\"', 20000000) || g))) FROM generate_series(1, 1000) g",
	"convert_to":             "SELECT sum(length(convert_to(repeat('ä', 30000000) || g, 'LATIN1'))) FROM generate_series(1, 1000) g",
	"convert_from":           "SELECT sum(length(convert_from((repeat('xy', 30000000) || g)::bytea, 'LATIN1'))) FROM generate_series(1, 1000) g",
	"cast of elements":       "SELECT sum(cardinality((a || g)::text[])) FROM (SELECT array_agg(x) AS a FROM generate_series(1, 1000000) x) s, generate_series(1, 1000) g",
	"replace":                "SELECT sum(length(replace(repeat('ab', 30000000) || g, 'a', 'c'))) FROM generate_series(1, 1000) g",
	"translate":              "SELECT sum(length(translate(repeat('ab', 30000000) || g, 'abcdefgh', 'c'))) FROM generate_series(1, 1000) g",
	"substring":              "SELECT sum(length(substring(repeat('äb', 30000000) || g, 50000000))) FROM generate_series(1, 1000) g",
	"trim":                   "SELECT sum(length(btrim(repeat('ab', 40000000) || g, 'ab'))) FROM generate_series(1, 1000) g",
	"split_part":             "SELECT sum(length(split_part(repeat(',', 40000000) || g, ',', 30000000 + g))) FROM generate_series(1, 1000) g",
	"unistr":                 "SELECT sum(length(unistr(repeat('\\0061b', 10000000) || g))) FROM generate_series(1, 1000) g",
	"is_normalized":          "SELECT count(is_normalized(repeat('ä', 20000000) || g, 'NFC')) FROM generate_series(1, 1000) g",
	"decode":                 "SELECT sum(length(decode(repeat('abcd', 20000000) || '    ' || (g + 1000), 'base64'))) FROM generate_series(1, 1000) g",
	"cast to bytea":          "SELECT sum(length(('\\x' || repeat('abcd', 20000000) || (g + 1000))::bytea)) FROM generate_series(1, 1000) g",
	"bits":                   "SELECT sum(length(~(repeat('01', 40000000) || g % 2)::varbit & (repeat('01', 40000000) || g % 2)::varbit)) FROM generate_series(1, 1000) g",
	"array_remove":           "SELECT sum(cardinality(array_remove(a, g))) FROM (SELECT array_agg(x % 2) AS a FROM generate_series(1, 1000000) x) s, generate_series(0, 1000) g",
	"endless stream":         "SELECT count(*) FROM endless",
	"endless stream, sorted": "SELECT a FROM endless ORDER BY a DESC LIMIT 10",
	"insert":                 "INSERT INTO copies SELECT a FROM endless",
	"live":                   "SELECT a FROM endless EMIT CHANGES",
	"cursor":                 "BEGIN; DECLARE c CURSOR FOR SELECT md5(g::text) FROM generate_series(1, 1000000000000) g; MOVE 1000000000 IN c",
}

// cancelled runs a statement, cancels it after a while and returns how long it
// then took to end; false: it had ended by itself.
func cancelled(ctx context.Context, conn *pgconn.PgConn, sql string, after time.Duration) (took time.Duration, was bool, err error) {
	type answer struct {
		at  time.Time
		err error
	}
	ended := make(chan answer, 1)
	go func() {
		var err error
		if strings.HasPrefix(sql, "COPY") {
			_, err = conn.CopyTo(ctx, io.Discard, sql)
		} else {
			results := conn.Exec(ctx, sql)
			for results.NextResult() {
				rows := results.ResultReader()
				for rows.NextRow() {
				}
				if _, cerr := rows.Close(); err == nil {
					err = cerr
				}
			}
			if cerr := results.Close(); err == nil {
				err = cerr
			}
		}
		ended <- answer{time.Now(), err}
	}()
	select {
	case a := <-ended:
		return 0, false, a.err
	case <-time.After(after):
	}
	at := time.Now()
	if err := conn.CancelRequest(ctx); err != nil {
		return 0, false, err
	}
	a := <-ended
	var pg *pgconn.PgError
	if errors.As(a.err, &pg) && pg.Code == "57014" {
		return a.at.Sub(at), true, nil
	}
	return 0, false, a.err
}

// outOfMemory is whether a statement met its limit before its cancel.
func outOfMemory(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "53200"
}

// TestCancelIsQuick: whatever runs ends within 100 ms of its cancel, and what it
// takes to end a statement that does nothing. On a busy machine a processor may be
// away for as long, so that two of sixteen tries count: what does not look whether
// it has been cancelled is late in nearly each.
func TestCancelIsQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs and cancels statements for half a minute")
	}
	dir := t.TempDir()
	p := gateway.Start(t, gateway.Options{DataDir: dir})
	ctx := t.Context()
	conn := connect(t, p).PgConn()
	for _, sql := range []string{
		"CREATE STREAM endless (a bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rows = '1000000000000')",
		"CREATE TABLE documents (t text, j jsonb)",
		"INSERT INTO documents SELECT t, t::jsonb FROM (SELECT '{' || string_agg('\"' || (i::bigint * 7919 % 1000003) || '\": ' || CASE WHEN i = 126 THEN last ELSE 1 END, ', ') || '}' AS t FROM generate_series(1, 1000000) i, generate_series(1, 2) last GROUP BY last) s",
		"CREATE STREAM copies (a bigint) WITH (type = 'file', path = '" + filepath.Join(dir, "copies.csv") + "', format = 'csv')",
	} {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	try := func(t *testing.T, sql string, latest time.Duration) (took time.Duration, was bool) {
		t.Helper()
		took, was, err := cancelled(ctx, conn, sql, latest/10+rand.N(latest))
		if err != nil && !outOfMemory(err) {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
			t.Fatal(err)
		}
		return took, was
	}
	for name, sql := range hostile {
		t.Run(name, func(t *testing.T) {
			latest := 300 * time.Millisecond
			idle, _ := try(t, "SELECT pg_sleep(1000)", latest)
			limit := 100*time.Millisecond + 10*idle
			var all []time.Duration
			for quick, own := 0, 0; quick < 2; {
				if len(all) == 16 {
					t.Fatalf("ended %v after its cancels, want at most %v", all, limit)
				}
				took, was := try(t, sql, latest)
				if !was { // it came to its end by itself: cancel it earlier
					if own++; own == 20 {
						t.Fatalf("ended by itself %d times, at last within %v", own, latest)
					}
					latest = max(latest/2, 5*time.Millisecond)
					continue
				}
				all = append(all, took)
				if took <= limit {
					quick++
				}
			}
		})
	}
}
