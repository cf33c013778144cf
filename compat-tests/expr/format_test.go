package expr

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// formatOracle answers an expression's text, or what is wrong with it.
const formatOracle = `CREATE OR REPLACE FUNCTION pg_temp.said(e text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
	EXECUTE 'SELECT (' || e || ')::text' INTO r;
	RETURN coalesce(r, 'NULL');
EXCEPTION WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm;
END $$`

// TestRandomFormats compares dates, templates, intervals, zones and strings made
// at random with PostgreSQL's answers. FORMAT_SEED and FORMAT_COUNT say which and
// how many of each family.
func TestRandomFormats(t *testing.T) {
	conn := connect(t)
	answer(t, conn, "SET TimeZone = 'UTC'")
	answer(t, conn, formatOracle)
	seed, count := setting("FORMAT_SEED", 1), setting("FORMAT_COUNT", tiered(1000, 20000))
	ctx, env := planning(t)
	m := pgtype.NewMap()
	for n, family := range formatFamilies {
		t.Run(family.name, func(t *testing.T) {
			g := formatGenerator{pathGenerator{rand.New(rand.NewPCG(uint64(seed), uint64(n)))}}
			var exprs []string
			for range count {
				exprs = append(exprs, family.make(g))
			}
			param, err := m.Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, exprs, nil)
			if err != nil {
				t.Fatal(err)
			}
			result := conn.ExecParams(context.Background(), "SELECT pg_temp.said(e) FROM unnest($1::text[]) AS x(e)", [][]byte{param}, nil, nil, nil).Read()
			if result.Err != nil {
				t.Fatal(result.Err)
			}
			wrong := 0
			for i, e := range exprs {
				got, err := planned(ctx, env, "("+e+")::text")
				if err != nil {
					s := sqlerr.From(err)
					got = string(s.Code) + " " + s.Message
				}
				if want := string(result.Rows[i][0]); got != want {
					t.Errorf("%s = %q, PostgreSQL says %q", e, got, want)
					if wrong++; wrong == 25 {
						t.FailNow()
					}
				}
			}
		})
	}
}

// formatGenerator makes expressions.
type formatGenerator struct{ pathGenerator }

// formatFamily makes expressions of one kind.
type formatFamily struct {
	name string
	make func(formatGenerator) string
}

var formatFamilies = []formatFamily{
	{"to_char of times", func(g formatGenerator) string {
		return fmt.Sprintf("to_char(%s, %s)", g.pick(g.timestamp(), g.timestamptz()), g.template(timeWords))
	}},
	{"to_timestamp", func(g formatGenerator) string {
		template := g.template(readWords)
		return fmt.Sprintf("%s(to_char(%s, %s), %s)", g.pick("to_timestamp", "to_date"), g.timestamp(), template, template)
	}},
	{"zones", func(g formatGenerator) string {
		return fmt.Sprintf("%s AT TIME ZONE %s", g.pick(g.timestamp(), g.timestamptz()), g.zone())
	}},
	{"intervals", func(g formatGenerator) string {
		switch g.IntN(6) {
		case 0:
			return "age(" + g.timestamp() + ", " + g.timestamp() + ")"
		case 1:
			return g.pick("justify_hours", "justify_days", "justify_interval") + "(" + g.interval() + ")"
		case 2:
			return "date_bin(" + g.interval() + ", " + g.timestamp() + ", " + g.timestamp() + ")"
		case 3:
			return g.interval() + g.pick(" + ", " - ") + g.interval()
		case 4:
			return g.timestamp() + g.pick(" + ", " - ") + g.interval()
		}
		return fmt.Sprintf("make_interval(%d, %d, %d, %d, %d, %d, %d.5)", g.IntN(9)-4, g.IntN(30)-15, g.IntN(9)-4, g.IntN(90)-45, g.IntN(50)-25, g.IntN(200)-100, g.IntN(200)-100)
	}},
	{"made times", func(g formatGenerator) string {
		switch g.IntN(4) {
		case 0:
			return fmt.Sprintf("make_date(%d, %d, %d)", g.IntN(6000)-3000, g.IntN(14), g.IntN(33))
		case 1:
			return fmt.Sprintf("make_time(%d, %d, %d.%d)", g.IntN(26), g.IntN(62), g.IntN(62), g.IntN(999))
		case 2:
			return fmt.Sprintf("make_timestamptz(%d, %d, %d, %d, %d, 1.5, %s)", g.IntN(2100), g.IntN(13), g.IntN(31), g.IntN(24), g.IntN(60), g.zone())
		}
		return fmt.Sprintf("make_timestamp(%d, %d, %d, %d, %d, %d.25)", g.IntN(4000)-2000, g.IntN(14), g.IntN(32), g.IntN(26), g.IntN(61), g.IntN(61))
	}},
	{"strings", func(g formatGenerator) string {
		s, n, p := g.text(), g.IntN(12)-4, g.text()
		switch g.IntN(12) {
		case 0:
			return fmt.Sprintf("format(%s, %s, %s, 3)", g.template(formatWords), s, p)
		case 1:
			return fmt.Sprintf("%s(%s, %d, %s)", g.pick("lpad", "rpad"), s, n, p)
		case 2:
			return fmt.Sprintf("split_part(%s, %s, %d)", s, p, n)
		case 3:
			return fmt.Sprintf("%s(%s, %s)", g.pick("ltrim", "rtrim", "btrim", "strpos", "starts_with", "string_to_array"), s, p)
		case 4:
			return fmt.Sprintf("substr(%s, %d, %d)", s, n, g.IntN(8)-1)
		case 5:
			return fmt.Sprintf("overlay(%s placing %s from %d for %d)", s, p, n, g.IntN(6)-1)
		case 6:
			return fmt.Sprintf("%s(%s, %d)", g.pick("left", "right", "repeat"), s, n)
		case 7:
			return fmt.Sprintf("translate(%s, %s, %s)", s, p, g.text())
		case 8:
			return fmt.Sprintf("replace(%s, %s, %s)", s, p, g.text())
		case 9:
			return fmt.Sprintf("%s(%s)", g.pick("initcap", "reverse", "ascii", "md5", "quote_literal", "quote_ident", "length", "octet_length", "upper", "lower"), s)
		case 10:
			return fmt.Sprintf("encode(%s::bytea, %s)", g.pick("'a\\000b'", "'xyz'", "'\\xff00'"), g.pick("'hex'", "'base64'", "'escape'", "'nope'"))
		}
		return fmt.Sprintf("concat_ws(%s, %s, NULL, %d, %s)", p, s, n, g.text())
	}},
}

var timeWords = []string{"YYYY", "YYY", "YY", "Y", "Y,YYY", "IYYY", "IY", "MM", "MON", "Mon", "Month", "FMMonth", "MONTH", "month", "DD", "DDD", "D", "ID", "IDDD", "DAY", "Day", "FMDay", "dy", "W", "WW", "IW", "CC", "J", "Q",
	"HH", "HH12", "HH24", "MI", "SS", "MS", "US", "FF1", "FF3", "FF6", "SSSS", "SSSSS", "AM", "a.m.", "PM", "BC", "a.d.", "RM", "rm", "TMMonth", "OF", "TZH", "TZM", "TZ", "tz", `"text"`, `\"`, "-", "/", ":", " ", ".", ",", "DDth", "DDTH"}

var readWords = []string{"YYYY", "YYY", "YY", "Y,YYY", "MM", "MON", "Month", "FMMonth", "DD", "DDD", "W", "WW", "IW", "IYYY", "ID", "CC", "Q", "HH", "HH12", "HH24", "MI", "SS", "MS", "SSSS", "AM", "a.m.", "BC", "A.D.", "RM", "-", "/", ":", " ", ".", `"x"`, "DDth"}

var formatWords = []string{"%s", "%I", "%L", "%%", "%1$s", "%2$L", "%3$s", "%10s", "%-6s", "%*s", "%4$s", "%*1$s", "%x", "%", "a", " ", "%-2$I"}

// template joins words to the literal of a template.
func (g formatGenerator) template(words []string) string {
	var b strings.Builder
	for range 1 + g.IntN(5) {
		b.WriteString(g.pick(words...))
		b.WriteString(g.pick("", "", " ", "-"))
	}
	return "'" + strings.ReplaceAll(b.String(), "'", "''") + "'"
}

func (g formatGenerator) civil() string {
	year := g.pick("2024", "1999", "0001", "1582", "12345", "1900", "2000", "0044")
	bc := ""
	if year[0] == '0' || year == "1582" {
		bc = g.pick("", " BC")
	}
	return fmt.Sprintf("%s-%02d-%02d %02d:%02d:%02d%s%s", year, 1+g.IntN(12), 1+g.IntN(28), g.IntN(24), g.IntN(60), g.IntN(60), g.pick("", ".5", ".123456", ".000001", ".999"), bc)
}

func (g formatGenerator) timestamp() string { return "timestamp '" + g.civil() + "'" }

func (g formatGenerator) timestamptz() string {
	s := g.civil()
	if i := strings.Index(s, " BC"); i >= 0 {
		s = s[:i]
	}
	return "timestamptz '" + s + g.pick("", "+02", "-03:30", " UTC") + "'"
}

func (g formatGenerator) interval() string {
	var b strings.Builder
	for _, unit := range []string{"years", "mons", "weeks", "days", "hours", "mins", "secs"} {
		if g.IntN(2) == 0 {
			fmt.Fprintf(&b, "%d%s %s ", g.IntN(200)-70, g.pick("", "", "", ".5", ".25"), unit)
		}
	}
	return "interval '" + b.String() + "1 sec" + g.pick("", " ago") + "'"
}

func (g formatGenerator) zone() string {
	return g.pick("'UTC'", "'America/New_York'", "'Europe/Berlin'", "'Asia/Kolkata'", "'Australia/Lord_Howe'", "'America/St_Johns'", "'Africa/Monrovia'", "'Pacific/Apia'", "'Antarctica/Troll'", "'EST'", "'CEST'", "'PDT'", "'MSK'", "'+03'", "'-05:30'", "'UTC+3'",
		"'EST5EDT,M3.2.0,M11.1.0'", "'<+0330>-3:30'", "'XYZ-4:15:30'", "'FOO+5BAR'", "'nope'", "'Europe/Nowhere'", "interval '-3 hours'", "interval '5:30'", "interval '1 month'", "'z'", "'Z'", "'posixrules'", "'10'")
}

func (g formatGenerator) text() string {
	return g.pick("''", "'a'", "'abc'", "'aXbXc'", "'ä€😀'", "'Hello World'", "'it''s'", "' x '", "'aaa'", "'X'", "'b'", "'\"q\"'", "'select'", "NULL", "'ab,cd,,e'", "','")
}
