package function

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/regex"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// itemTime is a date or time of a jsonpath.
type itemTime struct {
	kind  timeKind
	local int64 // microseconds since 2000-01-01, or midnight, where its zone says
	east  int   // seconds, of a kind with a zone
}

type timeKind uint8

const (
	kindDate timeKind = iota
	kindTime
	kindTimetz
	kindTimestamp
	kindTimestamptz
)

func (k timeKind) String() string {
	return [...]string{"date", "time without time zone", "time with time zone", "timestamp without time zone", "timestamp with time zone"}[k]
}

// short is a kind as errors name it.
func (k timeKind) short() string {
	return [...]string{"date", "time", "timetz", "timestamp", "timestamptz"}[k]
}

// String is a date or time in ISO 8601.
func (t itemTime) String() string {
	c := civilOf(t.local)
	var b strings.Builder
	bc := ""
	if t.kind == kindDate || t.kind >= kindTimestamp {
		year := c.year
		if year <= 0 {
			year, bc = 1-year, " BC"
		}
		fmt.Fprintf(&b, "%04d-%02d-%02d", year, c.month, c.day)
	}
	if t.kind >= kindTimestamp {
		b.WriteByte('T')
	}
	if t.kind != kindDate {
		fmt.Fprintf(&b, "%02d:%02d:%02d", c.hour, c.minute, c.second)
		if c.micros != 0 {
			b.WriteString(strings.TrimRight(fmt.Sprintf(".%06d", c.micros), "0"))
		}
	}
	if t.kind == kindTimetz || t.kind == kindTimestamptz {
		sign, east := '+', t.east
		if east < 0 {
			sign, east = '-', -east
		}
		fmt.Fprintf(&b, "%c%02d:%02d", sign, east/3600, east/60%60)
	}
	return b.String() + bc
}

// isoTimes are the forms that .datetime() knows without a template.
var isoTimes = mustRegex(`^\s*(?:(\d+)-(\d{1,2})-(\d{1,2}))?([ T]?)\s*(?:(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?(?:\s*([-+])(\d{1,2})(?::(\d{1,2}))?)?)?$`)

func mustRegex(pattern string) *regex.Regexp {
	re, err := regex.Compile(pattern, regex.Flags{})
	if err != nil {
		panic(err)
	}
	return re
}

// readISOTime reads a date or time in one of ISO 8601's forms.
func readISOTime(s string) (t itemTime, ok bool) {
	m, err := isoTimes.Find(s, 0, nil)
	if err != nil || m == nil {
		return t, false
	}
	part := func(n int) string {
		if m[2*n] < 0 {
			return ""
		}
		return s[m[2*n]:m[2*n+1]]
	}
	number := func(n int) int {
		i, err := strconv.Atoi(part(n))
		if err != nil {
			return 0
		}
		return i
	}
	dated, timed, zoned := part(1) != "", part(5) != "", part(9) != ""
	if !dated && !timed || dated && timed != (part(4) != "") || !dated && part(4) == "T" {
		return t, false
	}
	c := civil{year: number(1), month: number(2), day: number(3), hour: number(5), minute: number(6), second: number(7)}
	fraction := (part(8) + "000000")[:6]
	c.micros, _ = strconv.Atoi(fraction)
	if c.hour > 23 || c.minute > 59 || c.second > 59 || number(10) > 15 || number(11) > 59 {
		return t, false
	}
	if zoned {
		t.east = number(10)*3600 + number(11)*60
		if part(9) == "-" {
			t.east = -t.east
		}
	}
	return t, t.fill(c, dated, timed, zoned)
}

// fill sets kind and time; it is false for what is no date.
func (t *itemTime) fill(c civil, dated, timed, zoned bool) bool {
	switch {
	case dated && timed && zoned:
		t.kind = kindTimestamptz
	case dated && timed:
		t.kind = kindTimestamp
	case dated:
		t.kind = kindDate
	case zoned:
		t.kind = kindTimetz
	default:
		t.kind = kindTime
	}
	if !dated {
		t.local = c.timeOfDay()
		return true
	}
	if _, ok := types.DateToDays(c.year, c.month, c.day); !ok {
		return false
	}
	var err error
	t.local, err = c.timestamp()
	return err == nil
}

// readTimeBy reads a date or time by a template, whose fields say of which kind
// it is.
func readTimeBy(s, template string) (t itemTime, err error) {
	nodes, err := parseTimeTemplate(template)
	if err != nil {
		return t, err
	}
	if err := checkStandard(nodes); err != nil {
		return t, err
	}
	c, err := readTimeNodes(s, nodes, true)
	if err != nil {
		return t, err
	}
	dated, timed, zoned := fieldsOfTemplate(nodes)
	switch {
	case dated && zoned && !timed:
		return t, badTime("datetime format is zoned but not timed")
	case !dated && !timed:
		return t, badTime("datetime format is not dated and not timed")
	case c.east != nil:
		t.east = *c.east
	}
	if !t.fill(c.civil, dated, timed, zoned) {
		return t, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range: \"%s\"", s)
	}
	if t.kind != kindDate {
		t.local = types.RoundMicros(t.local, c.digits)
	}
	return t, nil
}

// checkStandard refuses what SQL's templates may not have between their fields,
// unless it is quoted.
func checkStandard(nodes []timeNode) error {
	for _, n := range nodes {
		if n.kind != timeFieldNode && !n.quoted && !strings.Contains("-./,':; ", n.char) {
			return badTime("invalid datetime format separator: \"%s\"", n.char)
		}
	}
	return nil
}

// fieldsOfTemplate says which parts of a date and time a template has.
func fieldsOfTemplate(nodes []timeNode) (dated, timed, zoned bool) {
	for _, n := range nodes {
		if n.kind != timeFieldNode {
			continue
		}
		switch n.name() {
		case "FX", "IW": // PostgreSQL takes the week for no part of a date
		case "A.M.", "P.M.", "AM", "PM", "HH", "HH12", "HH24", "MI", "SS", "SSSS", "SSSSS", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
			timed = true
		case "TZ", "OF", "TZH", "TZM":
			zoned = true
		default:
			dated = true
		}
	}
	return dated, timed, zoned
}

// utc is the instant of a date or time; one without a zone is in the session's,
// which only the _tz functions may ask.
func (x *pathRun) utc(t itemTime, with timeKind) (int64, error) {
	switch t.kind {
	case kindTimetz, kindTimestamptz:
		return t.local - int64(t.east)*microsPerSecond, nil
	}
	if !x.zones {
		return 0, sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot convert value from %s to %s without time zone usage", t.kind.short(), with.short()).
			WithHint("Use *_tz() function for time zone support.")
	}
	if t.kind == kindTime {
		now := types.InstantToLocal(x.env.TransactionTime, x.env.Format)
		day := now - (now%microsPerDay+microsPerDay)%microsPerDay
		return t.local + types.LocalToInstant(day, x.env.Format) - day, nil
	}
	return types.LocalToInstant(t.local, x.env.Format), nil
}

// compareTimes orders dates and times; ok is false for those that have no order.
func (x *pathRun) compareTimes(a, b itemTime) (order int, ok bool, err error) {
	clock := func(k timeKind) bool { return k == kindTime || k == kindTimetz }
	if clock(a.kind) != clock(b.kind) {
		return 0, false, nil
	}
	zoned := func(k timeKind) bool { return k == kindTimetz || k == kindTimestamptz }
	left, right := a.local, b.local
	if zoned(a.kind) || zoned(b.kind) {
		if left, err = x.utc(a, b.kind); err != nil {
			return 0, false, err
		}
		if right, err = x.utc(b, a.kind); err != nil {
			return 0, false, err
		}
		if left == right && a.kind == kindTimetz && b.kind == kindTimetz {
			// As timetz has it, the western zone is greater.
			left, right = int64(-a.east), int64(-b.east)
		}
	}
	switch {
	case left < right:
		return -1, true, nil
	case left > right:
		return 1, true, nil
	}
	return 0, true, nil
}
