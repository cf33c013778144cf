package parse

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// deep are texts that make PostgreSQL's trees deep: n repeats.
var deep = map[string]func(n int) string{
	"plus":          func(n int) string { return "SELECT 1" + strings.Repeat("+1", n) },
	"cast":          func(n int) string { return "SELECT 1" + strings.Repeat("::int", n) },
	"not":           func(n int) string { return "SELECT " + strings.Repeat("NOT ", n) + "true" },
	"minus":         func(n int) string { return "SELECT " + strings.Repeat("- ", n) + "1" },
	"prefix":        func(n int) string { return "SELECT " + strings.Repeat("@ ", n) + "1" },
	"brackets":      func(n int) string { return "SELECT " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
	"open brackets": func(n int) string { return "SELECT " + strings.Repeat("(", n) },
	"calls":         func(n int) string { return "SELECT " + strings.Repeat("f(", n) + "1" + strings.Repeat(")", n) },
	"subqueries":    func(n int) string { return "SELECT " + strings.Repeat("(SELECT ", n) + "1" + strings.Repeat(")", n) },
	"from":          func(n int) string { return strings.Repeat("SELECT * FROM (", n) + "t" + strings.Repeat(") x", n) },
	"with": func(n int) string {
		return strings.Repeat("WITH a AS (", n) + "SELECT 1" + strings.Repeat(") SELECT 1", n)
	},
	"case when": func(n int) string {
		return "SELECT " + strings.Repeat("CASE WHEN ", n) + "a" + strings.Repeat(" THEN 1 END", n)
	},
	"case else": func(n int) string {
		return "SELECT " + strings.Repeat("CASE WHEN a THEN b ELSE ", n) + "1" + strings.Repeat(" END", n)
	},
	"case and label": func(n int) string {
		return "SELECT " + strings.Repeat("CASE WHEN a.end AND b THEN ", n) + "1" + strings.Repeat(" END", n)
	},
	"union":       func(n int) string { return "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1, 2", n) },
	"intersect":   func(n int) string { return "SELECT 1" + strings.Repeat(" INTERSECT SELECT 1", n) },
	"joins":       func(n int) string { return "SELECT * FROM a" + strings.Repeat(" JOIN a ON b AND c", n) },
	"comma joins": func(n int) string { return "SELECT * FROM a" + strings.Repeat(" CROSS JOIN a", n) },
	"subscripts":  func(n int) string { return "SELECT a" + strings.Repeat("[1]", n) },
	"arrays":      func(n int) string { return "SELECT ARRAY" + strings.Repeat("[", n) + "1" + strings.Repeat("]", n) },
	"collate":     func(n int) string { return "SELECT a" + strings.Repeat(" COLLATE x", n) },
	"time zones":  func(n int) string { return "SELECT a" + strings.Repeat(" AT TIME ZONE x", n) },
	"is null":     func(n int) string { return "SELECT a" + strings.Repeat(" IS NULL", n) },
	"isnull":      func(n int) string { return "SELECT a" + strings.Repeat(" ISNULL", n) },
	"operator":    func(n int) string { return "SELECT a" + strings.Repeat(" OPERATOR(pg_catalog.+) a", n) },
	"concat":      func(n int) string { return "SELECT a" + strings.Repeat("||'x'", n) },
	"arrows":      func(n int) string { return "SELECT a" + strings.Repeat("->'x'", n) },
	"between": func(n int) string {
		return "SELECT " + strings.Repeat("NOT ", n/2) + "a BETWEEN b AND " + strings.Repeat("- ", n/2) + "c"
	},
	"in a pair":    func(n int) string { return "CREATE SINK k WITH ('a' = 1" + strings.Repeat("+1", n) + ")" },
	"in a window":  func(n int) string { return "SELECT a FROM t WINDOW TUMBLING (1" + strings.Repeat("+1", n) + ")" },
	"in a default": func(n int) string { return "CREATE STREAM s (a int DEFAULT 1" + strings.Repeat("+1", n) + ")" },
	"in a watermark": func(n int) string {
		return "CREATE STREAM s (a int, WATERMARK FOR a AS 1" + strings.Repeat("::int", n) + ")"
	},
	"in a type":    func(n int) string { return "SELECT CAST(a, 'numeric(1" + strings.Repeat("+1", n) + ")')" },
	"after a hash": func(n int) string { return "SELECT 1 # 2" + strings.Repeat("+1", n) },
	"in brackets":  func(n int) string { return "SELECT " + strings.Repeat("(1+", n) + "1" + strings.Repeat(")", n) },
	"grouping": func(n int) string {
		return "SELECT 1 GROUP BY " + strings.Repeat("GROUPING SETS (", n) + "a" + strings.Repeat(")", n)
	},
	"quoted": func(n int) string { return `SELECT "a"` + strings.Repeat(`+"a"`, n) },
}

// TestDeep sends trees that would end the process to Parse and Expr.
func TestDeep(t *testing.T) {
	for name, text := range deep {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{6000, 30000} {
				_, err := Parse(text(n))
				if code := sqlerr.CodeOf(err); code != sqlerr.StatementTooComplex {
					t.Fatalf("%d repeats: %v (%s), want %s", n, err, code, sqlerr.StatementTooComplex)
				}
				if sqlerr.From(err).Hint == "" {
					t.Fatalf("%d repeats: no hint", n)
				}
			}
			// As deep as the bound lets through, the parser must live, whatever it says.
			_, err := Parse(text(maxDepth - 10))
			t.Logf("%d repeats: %v", maxDepth-10, err)
		})
	}
	if _, err := Expr("1" + strings.Repeat("+1", 30000)); sqlerr.CodeOf(err) != sqlerr.StatementTooComplex {
		t.Errorf("Expr: %v", err)
	}
	if _, err := Query("SELECT 1" + strings.Repeat("+1", 30000)); sqlerr.CodeOf(err) != sqlerr.StatementTooComplex {
		t.Errorf("Query: %v", err)
	}
}

// TestWide sends long texts whose trees are flat: they must parse.
func TestWide(t *testing.T) {
	for name, text := range map[string]string{
		"list":       "SELECT a FROM t WHERE b IN (1" + strings.Repeat(", 1", 20000) + ")",
		"or":         "SELECT a FROM t WHERE b = 0" + strings.Repeat(" OR b = 1", 20000),
		"and":        "SELECT a FROM t WHERE b = 0" + strings.Repeat(" AND b IS NOT NULL AND b BETWEEN 1 AND 2", 10000),
		"values":     "INSERT INTO t VALUES (-1, 'a')" + strings.Repeat(", (-1, 'a' || 'b')", 10000),
		"targets":    "SELECT a + 1" + strings.Repeat(", a + 1", 20000),
		"statements": strings.Repeat("SELECT 1 + 1; ", 6000),
		"arms":       "SELECT CASE a" + strings.Repeat(" WHEN b = 1 THEN c + 1", 10000) + " END",
		"columns":    "CREATE STREAM s (a0 int NOT NULL" + strings.Repeat(", a int NOT NULL DEFAULT -1", 10000) + ")",
		"options":    "CREATE SINK s WITH ('a' = 'b'" + strings.Repeat(", 'a' = -1", 10000) + ")",
		"comment":    "SELECT 1 /*" + strings.Repeat("/*", 1<<20) + strings.Repeat("*/", 1<<20) + "*/",
		"line":       "SELECT 1 " + strings.Repeat("/* -- */", 1<<17) + " --" + strings.Repeat("/*", 1<<20),
		"dollars":    "SELECT $a$" + strings.Repeat("$b$ $c ", 1<<17) + "$a$",
		"string":     "SELECT '" + strings.Repeat("(", 100000) + "'",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(text); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRefused sends texts that no parser should see.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		text    string
		code    sqlerr.Code
		message string
	}{
		{"SELECT 'a\x00b'", sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0x00`},
		{"\x00", sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0x00`},
		{"SELECT '\xff'", sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0xff`},
		{"SELECT '\xc3('", sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0xc3 0x28`},
		{"SELECT '\xed\xa0\x80'", sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0xed 0xa0 0x80`},
		{"SELECT '\xf0\x9f", sqlerr.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0xf0 0x9f`},
		{"SELECT 1" + strings.Repeat(" ", MaxText), sqlerr.ProgramLimitExceeded, "a statement text of 16777224 bytes exceeds the limit of 16777216 bytes"},
		{"SELECT " + strings.Repeat("+", 1<<20) + "1", sqlerr.SyntaxError, "operator too long"},
		{"SELECT 1" + strings.Repeat("+-*@", 1<<20), sqlerr.SyntaxError, "operator too long"},
		{"SELECT 1" + strings.Repeat(",1", MaxTokens/2), sqlerr.ProgramLimitExceeded, "a statement text exceeds the limit of 500000 words and symbols"},
	} {
		for _, parse := range []func(string) error{
			func(s string) error { _, err := Parse(s); return err },
			func(s string) error { _, err := Cached(s); return err },
			func(s string) error { _, err := Expr(s); return err },
		} {
			err := parse(c.text)
			if e := sqlerr.From(err); err == nil || e.Code != c.code || e.Message != c.message {
				t.Errorf("%.20q: %v, want %s %s", c.text, err, c.code, c.message)
			}
		}
	}
}
