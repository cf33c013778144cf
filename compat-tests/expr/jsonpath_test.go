package expr

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// pathOracle answers what a path finds, whether it exists, and how it is
// printed, or what is wrong with it.
const pathOracle = `CREATE OR REPLACE FUNCTION pg_temp.path(d text, p text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE q text; r text; s text; e text;
BEGIN
	BEGIN q := p::jsonpath; EXCEPTION WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm; END;
	BEGIN r := jsonb_path_query_array(d::jsonb, p::jsonpath, '{"x": 1, "y": "a", "z": {"a": [1]}}'); EXCEPTION WHEN OTHERS THEN r := sqlstate || ' ' || sqlerrm; END;
	BEGIN s := jsonb_path_query_array(d::jsonb, p::jsonpath, '{"x": 1, "y": "a"}', true); EXCEPTION WHEN OTHERS THEN s := sqlstate || ' ' || sqlerrm; END;
	BEGIN e := coalesce((d::jsonb @? p::jsonpath)::text, 'null') || coalesce((d::jsonb @@ p::jsonpath)::text, 'null'); EXCEPTION WHEN OTHERS THEN e := sqlstate || ' ' || sqlerrm; END;
	RETURN q || ' :: ' || r || ' :: ' || s || ' :: ' || e;
END $$`

var pathDocuments = []string{
	`{"a": [1, 2, {"b": 3, "a": null}], "b": {"a": "abc", "b": [true, false]}, "c": -1.50}`, `[1, "a", [2, [3]], {"a": 1}, null]`, `"abc"`, `12.5`, `{}`, `[]`,
	`{"a": {"a": {"a": 1, "b": [{"a": "x\"y"}]}}}`, `["2024-02-29", "2024-02-29 12:00:00", "12:30:00+02", "10:00:00", "2024-02-29T10:00:00+03:30", "1e3", "x"]`, `[[1, 2], [3], []]`, `null`,
}

// TestRandomPaths compares random paths over documents with PostgreSQL's
// answers. PATH_SEED and PATH_COUNT say which and how many.
func TestRandomPaths(t *testing.T) {
	conn := connect(t)
	answer(t, conn, "SET TimeZone = 'UTC'")
	answer(t, conn, pathOracle)
	seed, count := setting("PATH_SEED", 1), setting("PATH_COUNT", 2000)
	ctx, env := planning(t)
	g := pathGenerator{rand.New(rand.NewPCG(uint64(seed), 11))}
	var documents, paths []string
	for range count {
		documents, paths = append(documents, pathDocuments[g.IntN(len(pathDocuments))]), append(paths, g.path())
	}
	m := pgtype.NewMap()
	var params [][]byte
	for _, c := range [][]string{documents, paths} {
		b, err := m.Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		params = append(params, b)
	}
	result := conn.ExecParams(context.Background(), "SELECT pg_temp.path(d, p) FROM unnest($1::text[], $2::text[]) AS x(d, p)", params, nil, nil, nil).Read()
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	run := func(sql string) string {
		got, err := planned(ctx, env, sql)
		if err != nil {
			return string(sqlerr.CodeOf(err)) + " " + sqlerr.From(err).Message
		}
		return got
	}
	wrong := 0
	for i, row := range result.Rows {
		d, p := quote(documents[i])+"::jsonb", quote(paths[i])+"::jsonpath"
		got := run(p + "::text")
		if !strings.Contains(got, " ") || len(got) < 6 || got[5] != ' ' || got[0] < '0' || got[0] > '9' {
			got += " :: " + run("jsonb_path_query_array("+d+", "+p+`, '{"x": 1, "y": "a", "z": {"a": [1]}}')`) +
				" :: " + run("jsonb_path_query_array("+d+", "+p+`, '{"x": 1, "y": "a"}', true)`)
			e := run("coalesce((" + d + " @? " + p + ")::text, 'null') || coalesce((" + d + " @@ " + p + ")::text, 'null')")
			got += " :: " + e
		}
		if got != string(row[0]) {
			if wrong++; wrong > 20 {
				break
			}
			t.Errorf("%s, %s:\n got %s\nwant %s", documents[i], paths[i], got, row[0])
		}
	}
}

// pathGenerator makes paths, most of them valid.
type pathGenerator struct{ *rand.Rand }

func (g *pathGenerator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g *pathGenerator) path() string {
	mode := g.pick("", "", "lax ", "strict ", "strict ")
	if g.IntN(4) == 0 {
		return mode + g.predicate(2, false)
	}
	return mode + g.expr(3, false)
}

func (g *pathGenerator) expr(depth int, filter bool) string {
	if depth == 0 {
		return g.pick("1", "$", "2.50", `"a"`)
	}
	switch g.IntN(12) {
	case 0:
		return g.expr(depth-1, filter) + g.pick(" + ", " - ", " * ", "/", " % ") + g.expr(depth-1, filter)
	case 1:
		return g.pick("-", "+") + g.expr(depth-1, filter)
	case 2:
		return "(" + g.expr(depth-1, filter) + ")" + g.accessors(depth-1, filter)
	case 3:
		return "(" + g.predicate(depth-1, filter) + ")" + g.pick(".type()", ".a", "[0]", "")
	}
	start := g.pick("$", "$", "$", "$", "$x", "$y", "$z", "$\"y\"", "1", `"abc"`, "null", "true", "0x1f", "1_000", "1e1", ".5", "$nope", "(1)", "last")
	if filter && g.IntN(2) == 0 {
		start = "@"
	}
	return start + g.accessors(depth, filter)
}

func (g *pathGenerator) accessors(depth int, filter bool) string {
	var b strings.Builder
	for range g.IntN(4) {
		b.WriteString(g.accessor(depth, filter))
	}
	return b.String()
}

func (g *pathGenerator) accessor(depth int, filter bool) string {
	switch g.IntN(11) {
	case 0, 1, 2:
		return "." + g.pick("a", "b", "c", `"a"`, "type", "last", "\\u0061", `"ä"`, "x y")
	case 3:
		return g.pick(".*", "[*]", ".**", ".**{1}", ".**{1 to 2}", ".**{last}", ".**{0 to last}")
	case 4:
		return "[" + g.pick("0", "1", "last", "last - 1", "0 to 1", "1 to last", "0, 2", "-1", "5", "1.9", `"a"`, "$x", "$.c", "$") + "]"
	case 5, 6:
		return "." + g.pick("type()", "size()", "abs()", "floor()", "ceiling()", "double()", "keyvalue()", "datetime()", "nope()")
	case 7, 8, 9:
		if depth > 0 {
			return " ? (" + g.predicate(depth-1, true) + ")"
		}
	}
	return g.pick("[*]", ".a", ".*")
}

func (g *pathGenerator) predicate(depth int, filter bool) string {
	if depth == 0 {
		return g.pick("1 == 1", "$ > 1", `$.a == "abc"`, "exists ($.a)")
	}
	switch g.IntN(10) {
	case 0:
		return g.predicate(depth-1, filter) + g.pick(" && ", " || ") + g.predicate(depth-1, filter)
	case 1:
		return "!(" + g.predicate(depth-1, filter) + ")"
	case 2:
		return "(" + g.predicate(depth-1, filter) + ") is unknown"
	case 3:
		return "exists (" + g.expr(depth-1, filter) + ")"
	case 4:
		return g.expr(depth-1, filter) + " starts with " + g.pick(`"a"`, "$y", "1")
	case 5:
		return g.expr(depth-1, filter) + " like_regex " + g.pick(`"^a"`, `"B" flag "i"`, `"a.c" flag "q"`, `"(" `, `"a" flag "x"`, `"a" flag "z"`, `"^.$" flag "smi"`)
	}
	return g.expr(depth-1, filter) + g.pick(" == ", " != ", " <> ", " < ", " > ", "<=", " >= ") + g.expr(depth-1, filter)
}
