package codec

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

var dateSeed = flag.Uint64("dateseed", 1, "which random texts of dates and intervals to compare")

// dateOracle reads a text as a type and prints it, or says what is wrong with it.
const dateOracle = `CREATE OR REPLACE FUNCTION pg_temp.reads(typ text, s text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
	EXECUTE 'SELECT (' || quote_literal(s) || '::' || typ || ')::text' INTO r;
	RETURN r;
EXCEPTION WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm;
END $$`

// TestRandomDates gives texts of dates, times and intervals, most of them near
// to what can be read, to PostgreSQL and to us, under every style, and compares
// what comes out.
func TestRandomDates(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real PostgreSQL; run without -short")
	}
	count := 400
	if os.Getenv("FERRIS_TIER") == "long" {
		count = 3000
	}
	o := newOracle(t)
	var all []settings
	for _, dates := range dateSettings {
		for _, spans := range intervalStyleSettings {
			all = append(all, settings(strings.Trim(string(dates+";"+spans), ";")))
		}
	}
	m := pgtype.NewMap()
	for i, set := range all {
		g := dateText{rand.New(rand.NewPCG(*dateSeed, uint64(i)))}
		o.exec(set.sql())
		o.exec(dateOracle)
		f := set.format()
		f.Now = time.Now().UnixMicro() + types.UnixEpoch // the offset of a time of day is today's
		var names, texts []string
		for len(names) < count {
			name, text := g.question()
			if oldZones.MatchString(text) {
				continue
			}
			names, texts = append(names, name), append(texts, text)
		}
		var params [][]byte
		for _, column := range [][]string{names, texts} {
			b, err := m.Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, column, nil)
			if err != nil {
				t.Fatal(err)
			}
			params = append(params, b)
		}
		r := o.conn.ExecParams(context.Background(), "SELECT pg_temp.reads(t, s) FROM unnest($1::text[], $2::text[]) AS x(t, s)", params, nil, nil, nil).Read()
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		for j, row := range r.Rows {
			got := ""
			if v, err := types.Parse(typeOf(names[j]), texts[j], f); err != nil {
				e := sqlerr.From(err)
				got = string(e.Code) + " " + e.Message
			} else {
				got = string(types.AppendText(nil, v, f))
			}
			if want := string(row[0]); got != want {
				t.Errorf("%s: %q as %s is %q, PostgreSQL says %q", set, texts[j], names[j], got, want)
			}
		}
		if t.Failed() {
			break
		}
	}
}

// oldZones are names whose rules changed in the zone database of 2024, which not
// every build of PostgreSQL has; and what means the day of the test.
var oldZones = regexp.MustCompile(`(?i)\b(EST|EST5EDT\d*|CST6CDT|MST7MDT|PST8PDT|MST|HST|MET|CET|EET|WET)\b|(?i)today|tomorrow|yesterday|now`)

// dateText makes texts.
type dateText struct{ *rand.Rand }

func (g dateText) pick(of ...string) string { return of[g.IntN(len(of))] }

// question is a type and a text for it.
func (g dateText) question() (typ, text string) {
	if g.IntN(2) == 0 {
		return g.pick("interval", "interval", "interval", "interval(2)", "interval year to month", "interval day to second", "interval hour to minute", "interval minute to second", "interval day to hour", "interval second(1)"), g.near(intervalInputs, g.span)
	}
	return g.pick("date", "timestamp without time zone", "timestamp with time zone", "timestamp(2) without time zone", "time without time zone", "time with time zone", "time(1) without time zone"), g.near(stampInputs, g.stamp)
}

// near is a new text, or one of known ones, with some characters changed.
func (g dateText) near(known []string, fresh func() string) string {
	var s string
	if g.IntN(2) == 0 {
		s = known[g.IntN(len(known))]
	} else {
		s = fresh()
	}
	for g.IntN(3) == 0 && s != "" {
		b := []byte(s)
		at := g.IntN(len(b))
		switch g.IntN(4) {
		case 0:
			b = append(b[:at], b[at+1:]...)
		case 1:
			b = append(b[:at+1], b[at:]...)
		case 2:
			b[at] = "0123456789 :-+./TZPJBCdhms"[g.IntN(26)]
		default:
			s = s[:at] + g.pick(" ", "-", ":", ".", "0", "1", "T", "+5", "ago") + s[at:]
			continue
		}
		s = string(b)
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}

func (g dateText) sign() string { return g.pick("", "", "", "-", "+") }

func (g dateText) digits(most int) string { return fmt.Sprintf("%d", g.IntN(most)) }

// span is the text of an interval, in the words of one of the styles.
func (g dateText) span() string {
	switch g.IntN(4) {
	case 0: // sql_standard
		s := g.sign() + g.digits(30) + "-" + g.digits(13)
		if g.IntN(2) == 0 {
			s = ""
		}
		if g.IntN(2) == 0 {
			s += " " + g.sign() + g.digits(100)
		}
		return strings.TrimSpace(s + " " + g.sign() + g.digits(30) + ":" + g.digits(61) + g.pick("", ":"+g.digits(61), ":"+g.digits(60)+"."+g.digits(1000000)))
	case 1: // iso_8601
		s := "P"
		for _, unit := range []string{"Y", "M", "W", "D", "T", "H", "M", "S"} {
			if unit == "T" {
				s += g.pick("T", "T", "T", "")
			} else if g.IntN(2) == 0 {
				s += g.pick("", "", "-") + g.digits(50) + g.pick("", "", "."+g.digits(1000)) + unit
			}
		}
		return s
	}
	s := g.pick("", "", "@ ")
	for range 1 + g.IntN(4) {
		s += g.sign() + g.digits(200) + g.pick("", "", "", "."+g.digits(100000)) + g.pick(" ", " ", "") +
			g.pick("years", "mons", "days", "hours", "mins", "secs", "week", "decade", "century", "mil", "us", "ms", "y", "d", "h", "m", "s", "month", "quarter", "") + " "
	}
	return s + g.pick("", "", "", "ago", g.sign()+g.digits(30)+":"+g.digits(60)+":"+g.digits(61))
}

// stamp is the text of a date, a time, or both.
func (g dateText) stamp() string {
	separator := g.pick("-", "-", "-", "/", ".", " ", "")
	year := g.pick(fmt.Sprintf("%04d", g.IntN(3000)), fmt.Sprintf("%04d", g.IntN(3000)), fmt.Sprintf("%02d", g.IntN(100)), g.digits(300000))
	month := g.pick(fmt.Sprintf("%02d", g.IntN(14)), fmt.Sprintf("%02d", g.IntN(14)), g.digits(13), "Jan", "march", "SEPT")
	day := g.pick(fmt.Sprintf("%02d", g.IntN(32)), g.digits(33))
	date := strings.Join([][]string{{year, month, day}, {year, month, day}, {month, day, year}, {day, month, year}, {year, day, month}, {year, g.digits(400)}}[g.IntN(6)], separator)
	clock := g.pick("", " ", " ", " ", "T") + fmt.Sprintf("%02d:%02d", g.IntN(25), g.IntN(60)) + g.pick("", fmt.Sprintf(":%02d", g.IntN(61)), fmt.Sprintf(":%02d.%d", g.IntN(60), g.IntN(10000000)))
	s := g.pick(date+clock, date+clock, date+clock, date, clock+" "+date, strings.TrimSpace(clock))
	s += g.pick("", "", "", "Z", "+02", "-03:30", "+5", " EST", " America/New_York", " PDT", " MSK", "+05:45:30", " Foo/Bar")
	if len(year) > 4 {
		return s // before 4713 BC there are no dates
	}
	return s + g.pick("", "", "", "", " BC", " AD", " PM", " AM", " Tue")
}
