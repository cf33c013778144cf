package function

import (
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// to_date and to_timestamp with a template, by the rules of PostgreSQL's
// formatting.c (DCH_from_char and do_to_timestamp).

func init() {
	type vs = []types.Value
	define("to_date(text, text) date strict stable", Definition{
		Value: func(_ *Env, a vs) (types.Value, error) {
			c, err := readTime(a[0].S, a[1].S)
			if err != nil {
				return types.Value{}, err
			}
			days, ok := types.DateToDays(c.year, c.month, c.day)
			if !ok {
				return types.Value{}, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range: \"%s\"", a[0].S)
			}
			return types.NewInt(types.Date, int64(days)), nil
		},
		Examples: examples("to_date('05 Dec 2000', 'DD Mon YYYY')", "2000-12-05", "to_date('20240229', 'YYYYMMDD')", "2024-02-29", "to_date('2024-060', 'YYYY-DDD')", "2024-02-29", "to_date('2024-W09-4', 'IYYY-\"W\"IW-ID')", "2024-02-29", "to_date('44-03-15 BC', 'YYYY-MM-DD BC')", "0044-03-15 BC",
			"to_date('29/02/23', 'DD/MM/YY')", "ERROR 22008", "to_date('2024-13-01', 'YYYY-MM-DD')", "ERROR 22008", "to_date('abc', 'YYYY')", "ERROR 22007", "to_date('99', 'YY')", "1999-01-01", "to_date('24', 'YY')", "2024-01-01", "to_date('2451187', 'J')", "1999-01-08", "to_date('IV 2024', 'RM YYYY')", "2024-04-01",
			"to_date('2024-2-9', 'YYYY-MM-DD')", "2024-02-09", "to_date('  2024   02', 'YYYY MM')", "2024-02-01", "to_date('2024 IW', 'YYYY IW')", "ERROR 22007", "to_date('Foo 2024', 'Mon YYYY')", "ERROR 22007", "to_date('21', 'CC')", "2001-01-01", "to_date('2,024-05', 'Y,YYY-MM')", "2024-05-01", "to_date('1st Feb 2024', 'DDth Mon YYYY')", "2024-02-01", "to_date('', '')", "0001-01-01 BC",
			"to_date('2024-02', 'YYYY-MM-MM')", "2024-02-01", "to_date('02 03', 'MM MM')", "ERROR 22007", "to_date('4', 'DD TZ')", "0001-01-04 BC", "to_date('2024 2 Feb', 'YYYY MM MONTH')", "ERROR 22007", "to_date('2024 15 W', 'YYYY WW')", "2024-04-08", "to_date('20 2024', 'DDD YYYY')", "2024-01-20")})
	define("to_timestamp(text, text) timestamptz strict stable", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			c, err := readTime(a[0].S, a[1].S)
			if err != nil {
				return types.Value{}, err
			}
			local, err := c.timestamp()
			if err != nil {
				return types.Value{}, err
			}
			m := local
			if c.east == nil {
				m = types.LocalToInstant(local, env.Format)
			} else {
				m -= int64(*c.east) * microsPerSecond
			}
			if m = types.RoundMicros(m, c.digits); !types.ValidTimestamp(m) {
				return types.Value{}, timestampOutOfRange()
			}
			return timestamptz(m, nil)
		},
		Examples: examples("to_timestamp('2024-02-29 12:34:56.789', 'YYYY-MM-DD HH24:MI:SS.MS')", "2024-02-29 12:34:56.789+00", "to_timestamp('05 Dec 2000 03:04 pm', 'DD Mon YYYY HH12:MI am')", "2000-12-05 15:04:00+00", "to_timestamp('2024-02-29 12:00 -05:30', 'YYYY-MM-DD HH24:MI TZH:TZM')", "2024-02-29 17:30:00+00",
			"to_timestamp('2024-02-29 25:00', 'YYYY-MM-DD HH24:MI')", "ERROR 22008", "to_timestamp('13:00', 'HH12:MI')", "ERROR 22007", "to_timestamp('2024 3600', 'YYYY SSSS')", "2024-01-01 01:00:00+00", "to_timestamp('20240229123456', 'YYYYMMDDHH24MISS')", "2024-02-29 12:34:56+00", "to_timestamp('12:34:56.5', 'HH24:MI:SS.US')", "0001-01-01 12:34:56.5+00 BC",
			"to_timestamp('2024-02-29T08:09', 'YYYY-MM-DD\"T\"HH24:MI')", "2024-02-29 08:09:00+00", "to_timestamp('2024 1', 'YYYYMM')", "2024-01-01 00:00:00+00", "to_timestamp('20241', 'YYYYMMDD')", "ERROR 22007", "to_timestamp('2024-02-29 1:2:3', 'YYYY-MM-DD HH24:MI:SS')", "2024-02-29 01:02:03+00", "to_timestamp('2024/02/29', 'FXYYYY-MM-DD')", "2024-02-29 00:00:00+00", "to_timestamp('2024-02-29 12.123456', 'YYYY-MM-DD HH24.FF3')", "2024-02-29 12:00:00.123+00", "to_timestamp('2024', 'YYYY OF')", "2024-01-01 00:00:00+00", "to_timestamp('2024 +00', 'YYYY OF')", "ERROR 0A000")})
}

// timeReader reads one text; its fields are those of PostgreSQL's TmFromChar, 0
// where none was read.
type timeReader struct {
	in   string
	at   int
	node *timeNode
	next *timeNode // nil at the end

	hh, pm, mi, ss, ssss, d, dd, ddd, mm, ms, us, year, bc, ww, w, cc, j, yysz int
	ff                                                                         int // the digits of the last FF
	tzsign, tzh, tzm                                                           int
	clock12                                                                    bool
	mode                                                                       timeMode
}

// timeMode tells the calendars apart that must not be mixed.
type timeMode uint8

const (
	anyMode timeMode = iota
	gregorianMode
	isoWeekMode
)

func badTime(format string, args ...any) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.InvalidDatetimeFormat, format, args...)
}

// timeRead is what was read by a template: a day and time, seconds east of
// Greenwich where the text says so, and to how many digits FF rounds the seconds.
type timeRead struct {
	civil
	east   *int
	digits int32
}

// readTime reads a text by a template.
func readTime(in, template string) (timeRead, error) {
	nodes, err := parseTimeTemplate(template)
	if err != nil {
		return timeRead{}, err
	}
	return readTimeNodes(in, nodes, false)
}

// readTimeNodes reads a text by a template that is parsed; standard as SQL has
// it: nothing of the text, nor of the template, is passed over.
func readTimeNodes(in string, nodes []timeNode, standard bool) (timeRead, error) {
	r := &timeReader{in: in, ff: 6}
	if err := r.read(nodes, standard); err != nil {
		return timeRead{}, err
	}
	c, err := r.finish()
	return timeRead{c, r.offset(), int32(r.ff)}, err
}

func (r *timeReader) rest() string { return r.in[r.at:] }

func (r *timeReader) skipSpaces() int {
	n := 0
	for ; r.at < len(r.in) && isSpaceByte(r.in[r.at]); n++ {
		r.at++
	}
	return n
}

func (r *timeReader) read(nodes []timeNode, standard bool) error {
	fixed := standard
	skipped := 0 // characters passed beyond those of the template
	for i := range nodes {
		if r.at >= len(r.in) {
			if standard {
				return badTime("input string is too short for datetime format")
			}
			return nil
		}
		n := &nodes[i]
		r.node, r.next = n, nil
		if i+1 < len(nodes) {
			r.next = &nodes[i+1]
		}
		if !fixed && (n.kind == timeFieldNode && n.name() != "FX" || n.kind != timeFieldNode && i == 0) {
			skipped += r.skipSpaces()
			if r.at >= len(r.in) && n.kind != timeFieldNode {
				return nil
			}
		}
		switch {
		case n.kind == timeFieldNode:
		case standard && !strings.HasPrefix(r.rest(), n.char):
			if n.kind == timeCharNode {
				return badTime("unmatched format character \"%s\"", n.char)
			}
			return badTime("unmatched format separator \"%s\"", n.char)
		case fixed:
			r.at += firstRune(r.rest())
			continue
		case n.kind != timeCharNode:
			skipped--
			if c := r.in[r.at]; isSpaceByte(c) || isSeparatorByte(c) {
				r.at++
				skipped++
			}
			continue
		case skipped > 0:
			skipped--
			continue
		default:
			r.at += firstRune(r.rest())
			continue
		}
		if n.name() == "FX" {
			fixed = true
			continue
		}
		if err := r.field(skipped); err != nil {
			return err
		}
		if !fixed {
			skipped = r.skipSpaces()
		}
	}
	if r.skipSpaces(); standard && r.at < len(r.in) {
		return badTime("trailing characters remain in input string after datetime format")
	}
	return nil
}

var (
	monthNames   = namesOf(12, func(i int) string { return time.Month(i + 1).String() })
	weekdayNames = namesOf(7, func(i int) string { return time.Weekday(i).String() })
)

func namesOf(n int, name func(i int) string) []string {
	var all []string
	for i := range n {
		all = append(all, name(i))
	}
	return all
}

func shortNames(names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, n[:3])
	}
	return all
}

// field reads one field.
func (r *timeReader) field(skipped int) error {
	name := r.node.name()
	if err := r.setMode(name); err != nil {
		return err
	}
	switch name {
	case "A.M.", "P.M.", "AM", "PM":
		words := []string{"am", "pm"}
		if len(name) > 2 {
			words = []string{"a.m.", "p.m."}
		}
		r.clock12 = true
		return r.word(words, &r.pm, func(i int) int { return i })
	case "A.D.", "B.C.", "AD", "BC":
		words := []string{"ad", "bc"}
		if len(name) > 2 {
			words = []string{"a.d.", "b.c."}
		}
		return r.word(words, &r.bc, func(i int) int { return i })
	case "MONTH":
		return r.word(monthNames, &r.mm, func(i int) int { return i + 1 })
	case "MON":
		return r.word(shortNames(monthNames), &r.mm, func(i int) int { return i + 1 })
	case "DAY", "DY":
		words := weekdayNames
		if name == "DY" {
			words = shortNames(words)
		}
		// As PostgreSQL has it, a day that was read before is compared with one less.
		err := r.word(words, &r.d, func(i int) int { return i })
		r.d++
		return err
	case "RM":
		var words []string
		for i := range romanMonths {
			words = append(words, romanMonths[len(romanMonths)-1-i])
		}
		return r.word(words, &r.mm, func(i int) int { return 12 - i })
	case "TZ", "OF":
		return sqlerr.Errorf(sqlerr.FeatureNotSupported, "formatting field \"%s\" is only supported in to_char", r.node.field)
	case "TZH", "TZM":
		return r.zone(name, skipped)
	case "Y,YYY":
		return r.groupedYear()
	}
	return r.numberField(name)
}

// setMode notes which calendar a field is of.
func (r *timeReader) setMode(name string) error {
	mode := anyMode
	switch name {
	case "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I":
		mode = isoWeekMode
	case "DDD", "DD", "D", "MM", "MONTH", "MON", "RM", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY", "Y":
		mode = gregorianMode
	}
	if mode == anyMode || r.mode == anyMode || r.mode == mode {
		r.mode = max(r.mode, mode)
		return nil
	}
	return badTime("invalid combination of date conventions").WithHint("Do not mix Gregorian and ISO week date conventions in a formatting template.")
}

// numberField reads a field of digits.
func (r *timeReader) numberField(name string) error {
	var dest *int
	width := len(name)
	switch name {
	case "HH", "HH12":
		r.clock12, dest, width = true, &r.hh, 2
	case "HH24":
		dest, width = &r.hh, 2
	case "MI":
		dest = &r.mi
	case "SS":
		dest = &r.ss
	case "SSSS", "SSSSS":
		dest = &r.ssss
	case "MS":
		return r.fraction(&r.ms, 3, 3)
	case "US":
		return r.fraction(&r.us, 6, 6)
	case "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		r.ff = int(name[2] - '0')
		return r.fraction(&r.us, r.ff, 6)
	case "MM":
		dest = &r.mm
	case "DD":
		dest = &r.dd
	case "DDD":
		dest = &r.ddd
	case "IDDD":
		dest, width = &r.ddd, 3
	case "D":
		dest = &r.d
	case "ID":
		_, err := r.number(&r.d, 1)
		if r.d++; r.d > 7 {
			r.d = 1
		}
		return err
	case "WW", "IW":
		dest = &r.ww
	case "W":
		dest = &r.w
	case "CC":
		dest = &r.cc
	case "J":
		dest = &r.j
	case "YYYY", "IYYY", "YYY", "IYY", "YY", "IY", "Y", "I":
		length, err := r.number(&r.year, width)
		if err == nil && width < 4 && length < 4 {
			r.year = near2020(r.year)
		}
		r.yysz = width
		r.skipOrdinal()
		return err
	default: // Q says too little
		var ignored int
		dest = &ignored
	}
	_, err := r.number(dest, width)
	r.skipOrdinal()
	return err
}

// near2020 completes a year of less than four digits.
func near2020(year int) int {
	switch {
	case year < 70:
		return year + 2000
	case year < 100:
		return year + 1900
	case year < 520:
		return year + 2000
	case year < 1000:
		return year + 1000
	}
	return year
}

func (r *timeReader) fraction(dest *int, width, places int) error {
	n, err := r.number(dest, width)
	for ; n < places; n++ {
		*dest *= 10
	}
	r.skipOrdinal()
	return err
}

// skipOrdinal passes the st, nd, rd or th of a number.
func (r *timeReader) skipOrdinal() {
	if r.node.th != "" {
		r.at = min(r.at+2, len(r.in))
	}
}

// slurps reports whether a number is read to its end, not to a width.
func (r *timeReader) slurps() bool {
	switch {
	case r.node.fill || r.node.th != "" || r.next == nil:
		return true
	case r.next.kind == timeFieldNode:
		return !r.next.digits()
	}
	return !(len(r.next.char) == 1 && r.next.char[0] >= '0' && r.next.char[0] <= '9')
}

// number reads an integer of up to width characters, and returns how many it
// took.
func (r *timeReader) number(dest *int, width int) (int, error) {
	start := r.at
	r.skipSpaces()
	window := r.rest()
	window = window[:min(width, len(window))]
	shown := window
	var digits string
	if r.slurps() {
		digits = leadingInteger(r.rest())
	} else {
		if len(window) < width {
			return 0, badTime("source string too short for \"%s\" formatting field", r.node.field).
				WithDetail("Field requires %d characters, but only %d remain.", width, len(window)).
				WithHint("If your source string is not fixed-width, try using the \"FM\" modifier.")
		}
		if digits = leadingInteger(window); digits != "" && len(digits) < width {
			return 0, badTime("invalid value \"%s\" for \"%s\"", shown, r.node.field).
				WithDetail("Field requires %d characters, but only %d could be parsed.", width, len(digits)).
				WithHint("If your source string is not fixed-width, try using the \"FM\" modifier.")
		}
	}
	if digits == "" {
		return 0, badTime("invalid value \"%s\" for \"%s\"", shown, r.node.field).WithDetail("Value must be an integer.")
	}
	r.at += len(digits)
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "value for \"%s\" in source string is out of range", r.node.field).
			WithDetail("Value must be in the range %d to %d.", -1<<31, 1<<31-1)
	}
	return r.at - start, r.set(dest, int(n))
}

// leadingInteger is what strtol would read.
func leadingInteger(s string) string {
	i := 0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		i++
	}
	from := i
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == from {
		return ""
	}
	return s[:i]
}

func (r *timeReader) set(dest *int, n int) error {
	if *dest != 0 && *dest != n {
		return badTime("conflicting values for \"%s\" field in formatting string", r.node.field).
			WithDetail("This value contradicts a previous setting for the same field type.")
	}
	*dest = n
	return nil
}

// word reads one of some words, in any case.
func (r *timeReader) word(words []string, dest *int, value func(i int) int) error {
	for i, w := range words {
		if s := r.rest(); len(s) >= len(w) && strings.EqualFold(s[:len(w)], w) {
			r.at += len(w)
			return r.set(dest, value(i))
		}
	}
	shown, _, _ := strings.Cut(r.rest(), " ")
	return badTime("invalid value \"%s\" for \"%s\"", shown, r.node.field).
		WithDetail("The given value did not match any of the allowed values for this field.")
}

func (r *timeReader) zone(name string, skipped int) error {
	if name == "TZM" {
		if r.tzsign == 0 {
			r.tzsign = 1
		}
		_, err := r.number(&r.tzm, 2)
		return err
	}
	r.tzsign = 1
	switch c := r.rest(); {
	case c != "" && (c[0] == '+' || c[0] == '-' || c[0] == ' '):
		if c[0] == '-' {
			r.tzsign = -1
		}
		r.at++
	case skipped > 0 && r.at > 0 && r.in[r.at-1] == '-':
		// The sign was passed as a separator.
		r.tzsign = -1
	}
	_, err := r.number(&r.tzh, 2)
	return err
}

// groupedYear is Y,YYY.
func (r *timeReader) groupedYear() error {
	r.skipSpaces()
	thousands := leadingInteger(r.rest())
	rest, ok := strings.CutPrefix(r.rest()[len(thousands):], ",")
	years := leadingInteger(rest[:min(3, len(rest))])
	high, err := strconv.Atoi(thousands)
	low, lowErr := strconv.Atoi(years)
	if !ok || err != nil || lowErr != nil {
		return badTime("invalid input string for \"Y,YYY\"")
	}
	r.at += len(thousands) + 1 + len(years)
	r.yysz = 4
	r.skipOrdinal()
	return r.set(&r.year, high*1000+low)
}
