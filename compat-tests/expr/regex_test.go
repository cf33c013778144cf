package expr

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ferrisstreams/ferrisstreams/catalog/regex"
)

// regexOracle answers where the first match is and what its groups are, or what
// is wrong with the expression.
const regexOracle = `CREATE OR REPLACE FUNCTION pg_temp.found(s text, p text, f text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE m text[]; r text;
BEGIN
	m := regexp_match(s, p, f);
	IF m IS NULL THEN RETURN 'none'; END IF;
	r := regexp_instr(s, p, 1, 1, 0, f) || ' ' || regexp_instr(s, p, 1, 1, 1, f);
	FOR i IN 1 .. array_length(m, 1) LOOP r := r || ' ' || coalesce(m[i], '-'); END LOOP;
	RETURN r;
EXCEPTION WHEN OTHERS THEN RETURN sqlerrm;
END $$`

// TestRandomRegexes compares matches and errors of random expressions over
// random texts with PostgreSQL's. REGEX_SEED and REGEX_COUNT say which and how
// many.
func TestRandomRegexes(t *testing.T) {
	conn := connect(t)
	answer(t, conn, regexOracle)
	seed, count := setting("REGEX_SEED", 1), setting("REGEX_COUNT", 4000)
	g := regexGenerator{rand.New(rand.NewPCG(uint64(seed), 7)), 0}
	wrong := 0
	for done := 0; done < count && wrong < 20; done += 500 {
		var texts, patterns, flags []string
		for range 500 {
			g.groups = 0
			patterns, texts, flags = append(patterns, g.pattern(3)), append(texts, g.text()), append(flags, g.pick("", "", "", "", "i", "n", "x", "w", "p", "e", "b"))
		}
		want := regexAnswers(t, conn, texts, patterns, flags)
		for i := range texts {
			if got := regexFound(texts[i], patterns[i], flags[i]); got != want[i] {
				wrong++
				t.Errorf("regexp_match(%q, %q, %q) = %q, PostgreSQL says %q", texts[i], patterns[i], flags[i], got, want[i])
			}
		}
	}
}

// TestRegexClasses compares which characters of the basic plane belong to each
// class.
func TestRegexClasses(t *testing.T) {
	conn := connect(t)
	for _, class := range []string{"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit", "word"} {
		pattern := "[[:" + class + ":]]"
		want := answer(t, conn, "SELECT string_agg(i::text, ' ' ORDER BY i) FROM generate_series(1, 55295) AS i WHERE chr(i) ~ '"+pattern+"'")
		re, err := regex.Compile(pattern, regex.Flags{})
		if err != nil {
			t.Fatal(err)
		}
		theirs := map[string]bool{}
		for _, c := range strings.Fields(want) {
			theirs[c] = true
		}
		var wrong []string
		for c := rune(1); c <= 55295; c++ {
			switch c {
			case 0xc04, 0xcf3, 0xece, 0xf82, 0xf83, 0x10fc, 0xa7f2, 0xa7f3, 0xa7f4, 0xab69: // in which versions of Unicode differ
				continue
			}
			if ok, err := re.Match(string(c), nil); err != nil || ok != theirs[strconv.Itoa(int(c))] {
				wrong = append(wrong, fmt.Sprintf("%04x %t", c, ok))
			}
		}
		if len(wrong) > 0 {
			t.Errorf("class %s: %d characters belong to it or do not, otherwise than in PostgreSQL: %.600s", class, len(wrong), strings.Join(wrong, ", "))
		}
	}
}

func setting(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// tiered is how many of something a test makes in CI's tier and in the long one.
func tiered(short, long int) int {
	if os.Getenv("FERRIS_TIER") == "long" {
		return long
	}
	return short
}

func regexAnswers(t *testing.T, conn *pgconn.PgConn, columns ...[]string) []string {
	t.Helper()
	m := pgtype.NewMap()
	var params [][]byte
	for _, c := range columns {
		b, err := m.Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		params = append(params, b)
	}
	result := conn.ExecParams(context.Background(), "SELECT pg_temp.found(s, p, f) FROM unnest($1::text[], $2::text[], $3::text[]) AS x(s, p, f)", params, nil, nil, nil).Read()
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	var all []string
	for _, row := range result.Rows {
		all = append(all, string(row[0]))
	}
	return all
}

func regexFound(text, pattern, flags string) string {
	f := regex.Flags{}
	switch flags {
	case "i":
		f.Fold = true
	case "n":
		f.LineStop, f.LineEdge = true, true
	case "x":
		f.Expanded = true
	case "w":
		f.LineEdge = true
	case "p":
		f.LineStop = true
	case "b", "e": // sic: PostgreSQL's e clears what it sets
		f.Basic = true
	}
	re, err := regex.Compile(pattern, f)
	if err != nil {
		return "invalid regular expression: " + err.Error()
	}
	m, err := re.Find(text, 0, nil)
	if err != nil {
		return err.Error()
	}
	if m == nil {
		return "none"
	}
	chars := func(at int) int { return len([]rune(text[:at])) + 1 }
	out := fmt.Sprintf("%d %d", chars(m[0]), chars(m[1]))
	if len(m) == 2 {
		return out + " " + text[m[0]:m[1]]
	}
	for i := 2; i < len(m); i += 2 {
		if m[i] < 0 {
			out += " -"
			continue
		}
		out += " " + text[m[i]:m[i+1]]
	}
	return out
}

// regexGenerator makes expressions, most of them valid, over few characters, so
// that they match often.
type regexGenerator struct {
	*rand.Rand
	groups int
}

func (g *regexGenerator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g *regexGenerator) text() string {
	var b strings.Builder
	for range g.IntN(12) {
		b.WriteString(g.pick("a", "b", "a", "b", "c", "A", "1", "_", " ", "\n", "é", "-"))
	}
	return b.String()
}

func (g *regexGenerator) pattern(depth int) string {
	var b strings.Builder
	if depth == 3 && g.IntN(30) == 0 {
		b.WriteString(g.pick("***:", "***=", "(?i)", "(?x)", "(?n)", "(?q)", "(?e)", "(?b)", "(?c)", "(?z)", "***", "(?is)"))
	}
	for i := range 1 + g.IntN(3)*g.IntN(2) {
		if i > 0 {
			b.WriteByte('|')
		}
		for range 1 + g.IntN(3) {
			b.WriteString(g.atom(depth))
			if g.IntN(2) == 0 {
				b.WriteString(g.pick("*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{2,}", "{1}?", "{0}", "{1,1}", "{1,1}?", "{,2}", "*+"))
			}
		}
	}
	return b.String()
}

func (g *regexGenerator) atom(depth int) string {
	n := g.IntN(24)
	switch {
	case n < 9 || depth == 0:
		return g.pick("a", "b", "a", "b", "c", "é", "-", " ", "ab")
	case n < 13:
		g.groups++
		return "(" + g.pattern(depth-1) + ")"
	case n < 14:
		return "(?:" + g.pattern(depth-1) + ")"
	case n < 15:
		return g.pick("(?=", "(?!", "(?<=", "(?<!") + g.pattern(depth-1) + ")"
	case n < 17 && g.groups > 0:
		return `\` + strconv.Itoa(1+g.IntN(g.groups))
	case n < 19:
		return g.pick("^", "$", `\m`, `\M`, `\y`, `\Y`, `\A`, `\Z`, "[[:<:]]", "[[:>:]]")
	case n < 21:
		return g.pick(".", `\d`, `\w`, `\s`, `\D`, `\W`, `\S`, `\n`, `\x61`, `\u00e9`, `\012`, `\\`, `\.`, `\e`, `\cA`, `\q`, `\u12`, "{", "#", ")", "(", "(?z)", "(?#x)")
	}
	return g.pick("[ab]", "[^a]", "[a-c]", "[[:alpha:]]", "[^[:alnum:]]", `[\d_]`, `[^\s]`, "[]a]", "[a-]", "[[.hyphen.]]", "[[=a=]b]", "[b-a]", "[[:x:]]", "[[.zz.]]", `[\W]`, "[[:upper:]]", "[a", "[a-c-e]", "[--a]", "[[:lower:]1]", `[\y]`, "[^]", "[[.a.]-c]")
}
