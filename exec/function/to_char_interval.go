package function

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	define("to_char(interval, text) text strict stable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) { return formatInterval(a[0].Span, a[1].S) },
		Examples: examples("to_char(interval '15h 2m 12s', 'HH24:MI:SS')", "15:02:12", "to_char(interval '1 year 2 months 3 days 30:04:05.678', 'YYYY-MM-DD HH24:MI:SS.MS')", "0001-02-03 30:04:05.678", "to_char(interval '30 hours', 'HH12 AM HH am')", "06 AM 06 am", "to_char(interval '14 months 5 days', 'DDD Q CC YY Y W')", "425 1 00 01 1 1",
			"to_char(interval '1 day', 'Month')", "ERROR 22007", "to_char(interval '1 day', 'BC')", "ERROR 22007", "to_char(interval '1 day', 'Day')", "ERROR 22007", "to_char(interval '-3 days -04:05', 'DD HH24:MI')", "-3 -04:-05", "to_char(interval '1 day 2 hours', 'FMDD \"days\" FMHH24 \"h\"')", "1 days 2 h", "to_char(interval '90 minutes', 'SSSS')", "5400", "to_char(interval '3 days', 'DDth')", "03rd")})
}

// intervalWriter writes an interval's fields, which are not bound to a calendar.
type intervalWriter struct {
	years, months, days   int
	hour, minute, seconds int
	micros                int
}

// number gives the value of a numeric field and its width, in which a sign has
// room.
func (w *intervalWriter) number(field string) (value, width int, ok bool) {
	switch field {
	case "HH", "HH12":
		if value = w.hour % 12; value == 0 {
			value = 12
		}
		return value, signedWidth(w.hour, 2), true
	case "HH24":
		return w.hour, signedWidth(w.hour, 2), true
	case "MI":
		return w.minute, signedWidth(w.minute, 2), true
	case "SS":
		return w.seconds, signedWidth(w.seconds, 2), true
	case "SSSS", "SSSSS":
		return w.hour*3600 + w.minute*60 + w.seconds, 0, true
	case "MM":
		return w.months, signedWidth(w.months, 2), true
	case "DD":
		return w.days, 2, true
	case "DDD":
		return w.span(), 3, true
	case "WW":
		return (w.span()-1)/7 + 1, 2, true
	case "W":
		return (w.days-1)/7 + 1, 0, true
	case "CC":
		return w.years / 100, signedWidth(w.years/100, 2), true
	case "Q":
		return (w.months-1)/3 + 1, 0, true
	case "J":
		return w.day().julian(), 0, true
	case "IDDD":
		return w.day().isoDay(), 3, true
	case "IW":
		_, week := w.day().isoWeek()
		return week, 2, true
	}
	year, digits, ok := w.years, len(field), strings.Trim(field, "Y") == ""
	if strings.Trim(field, "Y") == "I" {
		year, _ = w.day().isoWeek()
		ok = true
	}
	if !ok {
		return 0, 0, false
	}
	for power, n := 10, 1; n < 4; power, n = power*10, n+1 {
		if digits == n {
			year %= power
		}
	}
	if digits == 1 {
		return year, 0, true
	}
	return year, signedWidth(w.years, digits), true
}

// span is about how many days the interval has.
func (w *intervalWriter) span() int { return (w.years*12+w.months)*monthDays + w.days }

// day reads the interval's years, months and days as a date, which fields of the
// calendar ask for.
func (w *intervalWriter) day() loosely { return loosely{w.years, w.months, w.days} }

// loosely is a date of any month and day, whose day numbers PostgreSQL computes
// without a look at what a calendar has.
type loosely struct{ year, month, day int }

func (d loosely) julian() int {
	year, month := d.year+4799, d.month+13
	if d.month > 2 {
		year, month = d.year+4800, d.month+1
	}
	century := year / 100
	return year*365 - 32167 + year/4 - century + century/4 + 7834*month/256 + d.day
}

// isoStart is the Julian day of the Monday of a year's first week.
func isoStart(year int) int {
	fourth := loosely{year, 1, 4}.julian()
	weekday := fourth % 7
	if weekday < 0 {
		weekday += 7
	}
	return fourth - weekday
}

func (d loosely) isoWeek() (year, week int) {
	day := d.julian()
	year = d.year
	start := isoStart(year)
	if day < start {
		year--
		start = isoStart(year)
	}
	if week = (day-start)/7 + 1; week >= 52 {
		if next := isoStart(d.year + 1); day >= next {
			return d.year + 1, (day-next)/7 + 1
		}
	}
	return year, week
}

func (d loosely) isoDay() int {
	year, _ := d.isoWeek()
	return d.julian() - isoStart(year) + 1
}

// fraction are the digits of a field of the second's fraction.
func (w *intervalWriter) fraction(field string) (string, bool) {
	places := map[string]int{"MS": 3, "US": 6, "FF1": 1, "FF2": 2, "FF3": 3, "FF4": 4, "FF5": 5, "FF6": 6}[field]
	if places == 0 {
		return "", false
	}
	unit := 1
	for range 6 - places {
		unit *= 10
	}
	return fmt.Sprintf("%0*d", places, w.micros/unit), true
}

// roman is RM: months count back from December where they are negative, and
// whole years end with one.
func (w *intervalWriter) roman() string {
	switch {
	case w.months > 0:
		return romanMonths[w.months-1]
	case w.months < 0:
		return romanMonths[12+w.months]
	case w.years > 0:
		return romanMonths[11]
	case w.years < 0:
		return romanMonths[0]
	}
	return ""
}

func formatInterval(v types.IntervalValue, template string) (types.Value, error) {
	if template == "" {
		return null(types.Text)
	}
	seconds := v.Micros / microsPerSecond
	w := &intervalWriter{years: int(v.Months / 12), months: int(v.Months % 12), days: int(v.Days),
		hour: int(seconds / 3600), minute: int(seconds / 60 % 60), seconds: int(seconds % 60), micros: int(v.Micros % microsPerSecond)}
	out := &timeWriter{}
	nodes, err := parseTimeTemplate(template)
	if err != nil {
		return types.Value{}, err
	}
	for _, n := range nodes {
		if n.kind != timeFieldNode {
			out.out.WriteString(n.char)
			continue
		}
		if err := w.field(out, &n); err != nil {
			return types.Value{}, err
		}
	}
	return text(out.out.String())
}

func (w *intervalWriter) field(out *timeWriter, n *timeNode) error {
	out.word, out.fill = n.field, !n.fill
	before := out.out.Len()
	name := n.name()
	value, width, ok := w.number(name)
	fraction, part := w.fraction(name)
	switch {
	case name == "Q" && w.months == 0, name == "FX", name == "RM" && w.roman() == "":
	case ok:
		out.number(value, width)
	case part:
		out.out.WriteString(fraction)
	case name == "Y,YYY":
		fmt.Fprintf(&out.out, "%d,%03d", w.years/1000, w.years%1000)
	case name == "AM" || name == "PM" || name == "A.M." || name == "P.M.":
		half := []string{"AM", "PM"}
		if len(name) > 2 {
			half = []string{"A.M.", "P.M."}
		}
		if w.hour%24 >= 12 {
			half = half[1:]
		}
		out.name(half[0], 0)
	case name == "RM":
		out.name(w.roman(), 4)
	default:
		return sqlerr.Errorf(sqlerr.InvalidDatetimeFormat, "invalid format specification for an interval value").
			WithHint("Intervals are not tied to specific calendar dates.")
	}
	if n.th != "" {
		out.ordinal(out.out.String()[before:], n.th)
	}
	return nil
}
