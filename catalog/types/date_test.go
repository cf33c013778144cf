package types

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestFastDates compares the readers of fixed forms with the general one.
func TestFastDates(t *testing.T) {
	f := DefaultFormat()
	digits := func(n int, hi int) *rapid.Generator[string] {
		return rapid.Map(rapid.IntRange(0, hi), func(i int) string { return fmt.Sprintf("%0*d", n, i) })
	}
	stamps := rapid.Custom(func(t *rapid.T) string {
		s := digits(4, 9999).Draw(t, "y") + "-" + digits(2, 13).Draw(t, "m") + "-" + digits(2, 32).Draw(t, "d")
		if rapid.Bool().Draw(t, "clock") {
			s += rapid.SampledFrom([]string{" ", "T", "t", "  "}).Draw(t, "sep") + digits(2, 25).Draw(t, "h") + ":" + digits(2, 61).Draw(t, "min")
		}
		if rapid.Bool().Draw(t, "seconds") {
			s += ":" + digits(2, 61).Draw(t, "s") + rapid.StringMatching(`(\.[0-9]{0,8})?`).Draw(t, "f")
		}
		return s + rapid.StringMatching(`(Z|z|[+-][01][0-9](:?[0-6][0-9])?)?`).Draw(t, "zone")
	})
	rapid.Check(t, func(t *rapid.T) {
		s := stamps.Draw(t, "s")
		m, err := ParseTimestamptz(s, f)
		slow := int64(0)
		r, slowErr := readDate(s, "timestamp with time zone", f)
		if slowErr == nil {
			slow, slowErr = r.stamp(s)
		}
		if m != slow || sqlerr.CodeOf(err) != sqlerr.CodeOf(slowErr) {
			t.Fatalf("%q = %d, %v; the general reader has %d, %v", s, m, err, slow, slowErr)
		}
	})
}

func TestDays(t *testing.T) {
	at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 4000 {
		y, m, d := at.Date()
		days, ok := DateToDays(y, int(m), d)
		want := int32((at.Unix() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()) / secondsPerDay)
		if !ok || days != want {
			t.Fatalf("DateToDays(%v) = %d %v, want %d", at, days, ok, want)
		}
		if y2, m2, d2 := DaysToDate(days); y2 != y || m2 != int(m) || d2 != d {
			t.Fatalf("DaysToDate(%d) = %d-%d-%d, want %v", days, y2, m2, d2, at)
		}
		at = at.AddDate(0, 0, 211)
	}
	for _, bad := range [][3]int{{2001, 2, 29}, {2001, 13, 1}, {2001, 0, 1}, {2001, 1, 32}, {5874898, 1, 1}, {-4713, 11, 23}, {-4714, 12, 1}} {
		if days, ok := DateToDays(bad[0], bad[1], bad[2]); ok {
			t.Errorf("DateToDays(%v) = %d, want none", bad, days)
		}
	}
}

func TestLoadZone(t *testing.T) {
	for name, want := range map[string]string{
		"utc": "UTC", "america/new_york": "America/New_York", "EST5EDT": "EST5EDT", "foo-3": "FOO-3", "<+05>-5": "<+05>-5", "gmt": "GMT",
	} {
		if _, canonical, err := LoadZone(name); err != nil || canonical != want {
			t.Errorf("LoadZone(%s) = %s, %v, want %s", name, canonical, err, want)
		}
	}
	for _, name := range []string{"", "Nowhere/Land", "abc", "../etc/passwd", "FOO+", "FOO+999"} {
		if loc, _, err := LoadZone(name); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
			t.Errorf("LoadZone(%q) = %v, %v, want 22023", name, loc, err)
		}
	}
	loc, canonical := FixedZone(-12600)
	if at := time.Unix(0, 0).In(loc).Format("-07:00"); at != "-03:30" || canonical != "<-03:30>+03:30" {
		t.Errorf("FixedZone(-12600) = %s %s", at, canonical)
	}
}

// TestAllZonesLoad: every name that pg_timezone_names lists is there.
func TestAllZonesLoad(t *testing.T) {
	for _, name := range ZoneNames() {
		if _, canonical, err := LoadZone(name); err != nil || canonical != name {
			t.Errorf("LoadZone(%s) = %s, %v", name, canonical, err)
		}
	}
	n := 0
	ZoneAbbrevs(0, func(string, int, bool) { n++ })
	if n < 100 {
		t.Errorf("%d abbreviations, want PostgreSQL's", n)
	}
}
