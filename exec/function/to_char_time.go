package function

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func init() {
	define("to_char(timestamp, text) text strict stable", Definition{
		Value: func(_ *Env, a []types.Value) (types.Value, error) {
			steps, err := timeSteps(a[1].S)
			if err != nil {
				return types.Value{}, err
			}
			return formatTimestamp(a[0].I, steps)
		},
		Bind: timeTemplate(func(_ *Env, at int64, steps []timeStep) (types.Value, error) { return formatTimestamp(at, steps) }),
		Examples: examples("to_char(timestamp '2024-02-09 03:04:05.678901', 'YYYY-MM-DD HH24:MI:SS.MS US')", "2024-02-09 03:04:05.678 678901",
			"to_char(timestamp '2024-02-09 15:04:05', 'FMMonth FMDD, YYYY HH12:MI AM Dy DY Mon MON ddth D IW WW Q J CC IYYY ID DDD')", "February 9, 2024 03:04 PM Fri FRI Feb FEB 09th 6 06 06 1 2460350 21 2024 5 040",
			`to_char(timestamp '2024-02-09 15:04:05', '"Day" Day|Month|day')`, "Day Friday   |February |friday   ", "to_char(timestamp '0044-03-15 BC', 'YYYY BC')", "0044 BC",
			"to_char(timestamp 'infinity', 'YYYY')", "NULL", "to_char(timestamp '2024-02-09 00:30', 'HH12:MI p.m. RM Y,YYY SSSS')", "12:30 a.m. II   2,024 1800", "to_char(timestamp '2024-02-09', '')", "NULL"),
	})
	define("to_char(timestamptz, text) text strict stable", Definition{
		Value: func(env *Env, a []types.Value) (types.Value, error) {
			steps, err := timeSteps(a[1].S)
			if err != nil {
				return types.Value{}, err
			}
			return formatInstant(env, a[0].I, steps)
		},
		Bind:     timeTemplate(formatInstant),
		Examples: examples("to_char(timestamptz '2024-02-09 15:04:05+02', 'HH24:MI OF TZH:TZM TZ')", "13:04 +00 +00:00 UTC"),
	})
}

// timeTemplate is a Bind that reads a constant template once.
func timeTemplate(format func(env *Env, at int64, steps []timeStep) (types.Value, error)) func(*Env, []*types.Value) (ValueFunc, error) {
	return func(_ *Env, consts []*types.Value) (ValueFunc, error) {
		if consts[1] == nil || consts[1].Null {
			return nil, nil
		}
		steps, err := timeSteps(consts[1].S)
		if err != nil {
			return nil, nil //nolint:nilerr // it is an error of each call, and of none where there is none
		}
		return func(env *Env, a []types.Value) (types.Value, error) { return format(env, a[0].I, steps) }, nil
	}
}

func formatTimestamp(at int64, steps []timeStep) (types.Value, error) {
	if infiniteTimestamp(at) || steps == nil {
		return null(types.Text)
	}
	return formatTime(timeWriter{civil: civilOf(at)}, steps)
}

func formatInstant(env *Env, at int64, steps []timeStep) (types.Value, error) {
	if infiniteTimestamp(at) || steps == nil {
		return null(types.Text)
	}
	local := types.InstantToLocal(at, env.Format)
	return formatTime(timeWriter{civil: civilOf(local), east: int((local - at) / microsPerSecond), zone: types.ZoneOfInstant(at, env.Format)}, steps)
}

// timeField writes one field of to_char's template.
type timeField func(t *timeWriter)

// timeWriter writes one template.
type timeWriter struct {
	civil
	east int
	zone string
	fill bool // not under FM
	word string
	out  strings.Builder
}

// number writes a number with zeros before it; width counts its sign.
func (t *timeWriter) number(n, width int) {
	var buf [20]byte
	digits := strconv.AppendInt(buf[:0], int64(abs(n)), 10)
	if n < 0 {
		t.out.WriteByte('-')
		width--
	}
	for i := len(digits); t.fill && i < width; i++ {
		t.out.WriteByte('0')
	}
	t.out.Write(digits)
}

// signedWidth leaves room for the sign of a negative number.
func signedWidth(n, width int) int {
	if n < 0 {
		return width + 1
	}
	return width
}

// name writes a word in the case of the template's, padded to nine letters.
func (t *timeWriter) name(s string, width int) {
	switch {
	case t.word == strings.ToUpper(t.word):
		s = strings.ToUpper(s)
	case t.word == strings.ToLower(t.word):
		s = strings.ToLower(s)
	}
	t.out.WriteString(s)
	for i := len(s); t.fill && i < width; i++ {
		t.out.WriteByte(' ')
	}
}

// shownYear is the year as BC and AD count it.
func shownYear(y int) int {
	if y <= 0 {
		return 1 - y
	}
	return y
}

var romanMonths = [...]string{"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}

func (t *timeWriter) hour12() int { return (t.hour+11)%12 + 1 }

func (t *timeWriter) half(am, pm string) {
	if t.hour >= 12 {
		am = pm
	}
	t.name(am, 0)
}

func (t *timeWriter) isoYear() int {
	y, _ := t.isoWeek()
	return shownYear(y)
}

// timeFields are the fields, longest names first where one begins another. Those
// of words keep the case of the template.
var timeFields = []struct {
	names string
	write timeField
}{
	{"A.M. P.M. a.m. p.m.", func(t *timeWriter) { t.half("A.M.", "P.M.") }},
	{"A.D. B.C. a.d. b.c.", func(t *timeWriter) { t.name(era(t.year, "A.D.", "B.C."), 0) }},
	{"AM PM am pm", func(t *timeWriter) { t.half("AM", "PM") }},
	{"AD BC ad bc", func(t *timeWriter) { t.name(era(t.year, "AD", "BC"), 0) }},
	{"MONTH Month month", func(t *timeWriter) { t.name(time.Month(t.month).String(), 9) }},
	{"MON Mon mon", func(t *timeWriter) { t.name(time.Month(t.month).String()[:3], 0) }},
	{"DAY Day day", func(t *timeWriter) { t.name(time.Weekday(t.dateField("dow")).String(), 9) }},
	{"DY Dy dy", func(t *timeWriter) { t.name(time.Weekday(t.dateField("dow")).String()[:3], 0) }},
	{"HH24 hh24", func(t *timeWriter) { t.number(t.hour, 2) }},
	{"HH12 hh12 HH hh", func(t *timeWriter) { t.number(t.hour12(), 2) }},
	{"MI mi", func(t *timeWriter) { t.number(t.minute, 2) }},
	{"SSSSS SSSS sssss ssss", func(t *timeWriter) { t.number(int(t.timeOfDay()/microsPerSecond), 0) }},
	{"SS ss", func(t *timeWriter) { t.number(t.second, 2) }},
	{"MS ms FF3 ff3", func(t *timeWriter) { fmt.Fprintf(&t.out, "%03d", t.micros/1000) }},
	{"US us FF6 ff6", func(t *timeWriter) { fmt.Fprintf(&t.out, "%06d", t.micros) }},
	{"FF1 ff1", func(t *timeWriter) { fmt.Fprintf(&t.out, "%01d", t.micros/100000) }},
	{"FF2 ff2", func(t *timeWriter) { fmt.Fprintf(&t.out, "%02d", t.micros/10000) }},
	{"FF4 ff4", func(t *timeWriter) { fmt.Fprintf(&t.out, "%04d", t.micros/100) }},
	{"FF5 ff5", func(t *timeWriter) { fmt.Fprintf(&t.out, "%05d", t.micros/10) }},
	{"Y,YYY y,yyy", func(t *timeWriter) {
		y := shownYear(t.year)
		fmt.Fprintf(&t.out, "%d,%03d", y/1000, y%1000)
	}},
	{"IYYY iyyy", func(t *timeWriter) { t.number(t.isoYear(), 4) }},
	{"IYY iyy", func(t *timeWriter) { t.number(t.isoYear()%1000, 3) }},
	{"IY iy", func(t *timeWriter) { t.number(t.isoYear()%100, 2) }},
	{"IW iw", func(t *timeWriter) { t.number(t.dateField("week"), 2) }},
	{"IDDD iddd", func(t *timeWriter) {
		y, _ := t.isoWeek()
		sy, sm, sd := isoWeekStart(y, 1)
		t.number(t.julian()-civil{year: sy, month: sm, day: sd}.julian()+1, 3)
	}},
	{"ID id", func(t *timeWriter) { t.number(t.dateField("isodow"), 0) }},
	{"I i", func(t *timeWriter) { t.number(t.isoYear()%10, 0) }},
	{"YYYY yyyy", func(t *timeWriter) { t.number(shownYear(t.year), 4) }},
	{"YYY yyy", func(t *timeWriter) { t.number(shownYear(t.year)%1000, 3) }},
	{"YY yy", func(t *timeWriter) { t.number(shownYear(t.year)%100, 2) }},
	{"Y y", func(t *timeWriter) { t.number(shownYear(t.year)%10, 1) }},
	{"MM mm", func(t *timeWriter) { t.number(t.month, 2) }},
	{"DDD ddd", func(t *timeWriter) { t.number(t.dateField("doy"), 3) }},
	{"DD dd", func(t *timeWriter) { t.number(t.day, 2) }},
	{"D d", func(t *timeWriter) { t.number(t.dateField("dow")+1, 0) }},
	{"WW ww", func(t *timeWriter) { t.number((t.dateField("doy")-1)/7+1, 2) }},
	{"W w", func(t *timeWriter) { t.number((t.day-1)/7+1, 0) }},
	{"CC cc", func(t *timeWriter) { t.number(t.dateField("century"), signedWidth(t.dateField("century"), 2)) }},
	{"J j", func(t *timeWriter) { t.number(t.julian(), 0) }},
	{"Q q", func(t *timeWriter) { t.number(t.dateField("quarter"), 0) }},
	{"RM rm", func(t *timeWriter) { t.name(romanMonths[t.month-1], 4) }},
	{"TZH tzh", func(t *timeWriter) { fmt.Fprintf(&t.out, "%c%02d", sign(t.east), abs(t.east)/3600) }},
	{"TZM tzm", func(t *timeWriter) { fmt.Fprintf(&t.out, "%02d", abs(t.east)/60%60) }},
	{"TZ tz", func(t *timeWriter) { t.name(t.zone, 0) }},
	{"OF of", func(t *timeWriter) {
		t.out.WriteByte(sign(t.east))
		t.number(abs(t.east)/3600, 2)
		if m := abs(t.east) / 60 % 60; m != 0 {
			fmt.Fprintf(&t.out, ":%02d", m)
		}
	}},
	{"FX fx", func(*timeWriter) {}},
}

func sign(n int) byte {
	if n < 0 {
		return '-'
	}
	return '+'
}

func abs(n int) int { return max(n, -n) }

func era(year int, ad, bc string) string {
	if year <= 0 {
		return bc
	}
	return ad
}

// timeWord is a name of a field.
type timeWord struct {
	word  string
	write timeField
}

// timeWords are the names of timeFields, by their first letters, in the same order.
var timeWords = sync.OnceValue(func() *[256][]timeWord {
	var all [256][]timeWord
	for _, f := range timeFields {
		for word := range strings.FieldsSeq(f.names) {
			all[word[0]] = append(all[word[0]], timeWord{word, f.write})
		}
	}
	return &all
})

// timeFieldAt is the field whose name begins s.
func timeFieldAt(s string) (timeField, string) {
	if s == "" {
		return nil, ""
	}
	for _, f := range timeWords()[s[0]] {
		if strings.HasPrefix(s, f.word) {
			return f.write, f.word
		}
	}
	return nil, ""
}

// timeStep is a part of a template: a field, or text as it stands.
type timeStep struct {
	literal string
	write   timeField // nil: literal
	word    string    // the field's name, which words follow in their case
	fill    bool      // not under FM
	ordinal string    // TH or th behind it; "": none
}

// timeSteps reads a template for to_char. It keeps nothing of it. Of an empty one,
// whose result is NULL, it returns nil.
func timeSteps(template string) ([]timeStep, error) {
	if template == "" {
		return nil, nil
	}
	nodes, err := parseTimeTemplate(template)
	if err != nil {
		return nil, err
	}
	steps := make([]timeStep, 0, len(nodes))
	var literal []byte // what stands before the next field
	flush := func() {
		if len(literal) > 0 {
			steps = append(steps, timeStep{literal: string(literal)})
			literal = literal[:0]
		}
	}
	for i := range nodes {
		n := &nodes[i]
		if n.kind != timeFieldNode {
			literal = append(literal, n.char...)
			continue
		}
		flush()
		step := timeStep{write: n.write, word: strings.Clone(n.field), fill: !n.fill, ordinal: strings.Clone(n.th)}
		switch n.name() {
		case "MONTH", "DAY":
			step.fill = step.fill && !n.tm // in the C locale names are English, and not filled
		case "TZH", "TZM", "OF":
			step.ordinal = ""
		}
		steps = append(steps, step)
	}
	flush()
	return steps, nil
}

// formatTime is to_char.
func formatTime(t timeWriter, steps []timeStep) (types.Value, error) {
	w := &t
	w.out.Grow(32)
	for i := range steps {
		s := &steps[i]
		if s.write == nil {
			w.out.WriteString(s.literal)
			continue
		}
		w.fill, w.word = s.fill, s.word
		before := w.out.Len()
		s.write(w)
		if s.ordinal != "" {
			w.ordinal(w.out.String()[before:], s.ordinal)
		}
	}
	return text(w.out.String())
}

// ordinal appends st, nd, rd or th to a number, and nothing to a word.
func (t *timeWriter) ordinal(number, like string) {
	if number == "" || number[len(number)-1] < '0' || number[len(number)-1] > '9' {
		return
	}
	suffix := ordinalSuffix(number)
	if like == "TH" {
		suffix = strings.ToUpper(suffix)
	}
	t.out.WriteString(suffix)
}

// ordinalSuffix is the st, nd, rd or th of a number.
func ordinalSuffix(number string) string {
	n := len(number)
	if n < 2 || number[n-2] != '1' {
		switch number[n-1] {
		case '1':
			return "st"
		case '2':
			return "nd"
		case '3':
			return "rd"
		}
	}
	return "th"
}

// firstRune is the length of a string's first character.
func firstRune(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}
