package types

import (
	"math"
	"strconv"
)

// span is an interval being read.
type span struct {
	years, months, days int32
	micros              int64
}

// addMicros adds val*unit and the fraction frac of a unit; false on overflow.
func (t *span) addMicros(val int64, frac float64, unit int64) bool {
	sum, _ := mul64(val, unit).add(int128From(t.micros))
	if !sum.fits64() {
		return false
	}
	t.micros = int64(sum.lo)
	return t.addFraction(frac, unit)
}

// addFraction adds the fraction frac, below one, of a unit of microseconds.
func (t *span) addFraction(frac float64, unit int64) bool {
	if frac == 0 {
		return true
	}
	frac *= float64(unit)
	p := int64(frac)
	frac -= float64(p)
	if frac > 0.5 {
		p++
	} else if frac < -0.5 {
		p--
	}
	sum := t.micros + p
	if (p > 0) != (sum > t.micros) && p != 0 {
		return false
	}
	t.micros = sum
	return true
}

func addInt32(to *int32, val, unit int64) bool {
	if val != int64(int32(val)) {
		return false
	}
	p := val * unit
	sum := int64(*to) + p
	if p != int64(int32(p)) || sum != int64(int32(sum)) {
		return false
	}
	*to = int32(sum)
	return true
}

// addDays adds val*unit days, and the fraction of as many.
func (t *span) addDays(val int64, frac float64, unit int64) bool {
	if !addInt32(&t.days, val, unit) {
		return false
	}
	return t.addDayFraction(frac, unit)
}

func (t *span) addDayFraction(frac float64, unit int64) bool {
	if frac == 0 {
		return true
	}
	frac *= float64(unit)
	extra := int64(frac)
	return addInt32(&t.days, extra, 1) && t.addFraction(frac-float64(extra), microsPerDay)
}

func (t *span) addMonths(val int64, frac float64) bool {
	return addInt32(&t.months, val, 1) && t.addDayFraction(frac, 30)
}

func (t *span) addYears(val int64, frac float64, unit int64) bool {
	return addInt32(&t.years, val, unit) && addInt32(&t.months, int64(math.RoundToEven(frac*float64(unit)*12)), 1)
}

// add adds a number of a unit; set is the unit for the mask of those seen.
func (t *span) add(unit wordKind, val int64, frac float64) (set fieldMask, ok, known bool) {
	switch unit {
	case wordMicrosecond:
		ok = t.addMicros(val, frac, 1)
	case wordMillisecond:
		ok = t.addMicros(val, frac, 1000)
	case wordSecond:
		if ok = t.addMicros(val, frac, microsPerSecond); frac != 0 {
			return secondsMask, ok, true
		}
	case wordMinute:
		ok = t.addMicros(val, frac, microsPerMinute)
	case wordHour:
		ok = t.addMicros(val, frac, microsPerHour)
	case wordDay:
		ok = addInt32(&t.days, val, 1) && t.addFraction(frac, microsPerDay)
	case wordWeek:
		ok = t.addDays(val, frac, 7)
	case wordMonth:
		ok = t.addMonths(val, frac)
	case wordYear:
		ok = t.addYears(val, frac, 1)
	case wordDecade:
		ok = t.addYears(val, frac, 10)
	case wordCentury:
		ok = t.addYears(val, frac, 100)
	case wordMillennium:
		ok = t.addYears(val, frac, 1000)
	default:
		return 0, false, false
	}
	return mask(unit), ok, true
}

// clock adds a field h:m[:s]. It replaces the microseconds, as PostgreSQL's
// reader does; a field that is no clock changes nothing.
func (t *span) clock(s string, mod int32) problem {
	var m moment
	// Two fields of MINUTE TO SECOND are minutes and seconds.
	hours, p := m.clockOf(s, intervalRange(mod) == rangeMinuteSecond)
	if p != noProblem {
		return p
	}
	u := span{micros: int64(m.micros)}
	if !u.addMicros(hours, 0, microsPerHour) || !u.addMicros(int64(m.min), 0, microsPerMinute) ||
		!u.addMicros(int64(m.sec), 0, microsPerSecond) {
		return fieldOverflow
	}
	t.micros = u.micros
	return noProblem
}

// decodeInterval reads fields from the last to the first, so that a unit is
// known before its number.
func decodeInterval(fields []field, mod int32, f *Format) (t span, p problem) {
	unit := wordIgnored // of the number to come
	var have fieldMask
	ago := false
	negative := f.IntervalStyle == IntervalSQLStandard && leadsNegative(fields)
	for i := len(fields) - 1; i >= 0; i-- {
		s := fields[i].text
		var set fieldMask
		switch kind := fields[i].kind; kind {
		case fieldTime, fieldZone, fieldDate, fieldNumber:
			if kind == fieldTime || kind == fieldZone && indexByte(s, ':') >= 0 {
				p = t.signedClock(s, kind, mod, negative)
				if p == noProblem {
					set, unit = timeMask, wordDay
					break
				}
				if kind == fieldTime {
					return t, p
				}
			}
			if unit == wordIgnored {
				unit = defaultUnit(mod)
			}
			if set, unit, p = t.number(s, unit, negative); p != noProblem {
				return t, p
			}
		default:
			w, ok := unitWord(s)
			switch {
			case ok && w.kind == wordIgnored:
				unit = wordIgnored
				continue
			case ok && w.kind == wordUnits:
				unit = wordKind(w.value)
			case ok && w.kind == wordAgo:
				ago, unit = true, wordAgo // a number before it has no unit
			default:
				return t, badFormat
			}
		}
		if set&have != 0 {
			return t, badFormat
		}
		have |= set
	}
	if have == 0 {
		return t, badFormat
	}
	if ago {
		if t.micros == math.MinInt64 || min(t.days, t.months, t.years) == math.MinInt32 {
			return t, fieldOverflow
		}
		t = span{-t.years, -t.months, -t.days, -t.micros}
	}
	return t, noProblem
}

// leadsNegative reports whether the first field has the only sign, a minus.
func leadsNegative(fields []field) bool {
	for i, f := range fields {
		if signed := f.text[0] == '-' || f.text[0] == '+'; signed != (i == 0) || i == 0 && f.text[0] != '-' {
			return false
		}
	}
	return len(fields) > 0
}

func (t *span) signedClock(s string, kind fieldKind, mod int32, negative bool) problem {
	minus := false
	if kind == fieldZone {
		minus = s[0] == '-'
		s = s[1:]
	}
	if p := t.clock(s, mod); p != noProblem {
		return p
	}
	if minus || negative && t.micros > 0 {
		t.micros = -t.micros
	}
	return noProblem
}

// number reads a number, or years-months, of a unit. next is the unit of a
// number before it that has none of its own.
func (t *span) number(s string, unit wordKind, negative bool) (set fieldMask, next wordKind, p problem) {
	val, rest, ok := leadingInt64(s)
	if !ok {
		return 0, unit, fieldOverflow
	}
	frac := 0.0
	switch {
	case rest == "":
	case rest[0] == '-': // years-months
		months, rest, ok := leadingInt(rest[1:])
		if !ok || months < 0 || months > 11 {
			return 0, unit, fieldOverflow
		}
		if rest != "" {
			return 0, unit, badFormat
		}
		unit = wordMonth
		if s[0] == '-' {
			months = -months
		}
		if val > math.MaxInt64/12-1 || val < math.MinInt64/12+1 {
			return 0, unit, fieldOverflow
		}
		val = val*12 + int64(months)
	case rest[0] == '.':
		if frac, p = fraction(rest); p != noProblem {
			return 0, unit, p
		}
		if s[0] == '-' {
			frac = -frac
		}
	default:
		return 0, unit, badFormat
	}
	if negative {
		val, frac = -max(val, -val), -math.Abs(frac)
	}
	set, ok, known := t.add(unit, val, frac)
	switch {
	case !known:
		return 0, unit, badFormat
	case !ok:
		return 0, unit, fieldOverflow
	case unit == wordHour:
		unit = wordDay
	}
	return set, unit, noProblem
}

// decodeISOInterval reads ISO 8601's P1Y2M3DT4H5M6S, P0001-02-03T04:05:06 and
// P00010203T040506.
func decodeISOInterval(s string) (t span, p problem) {
	if len(s) < 2 || s[0] != 'P' {
		return t, badFormat
	}
	s = s[1:]
	inDate, seen := true, false
	for s != "" {
		if s[0] == 'T' {
			inDate, seen = false, false
			s = s[1:]
			continue
		}
		start := s
		val, frac, rest, p := isoNumber(s)
		if p != noProblem {
			return t, p
		}
		s = rest
		var designator byte
		if s != "" {
			designator = s[0]
			s = s[1:]
		}
		done := false
		if inDate {
			if unit, ok := isoDateUnits[designator]; ok {
				p = t.addISO(unit, val, frac)
			} else if designator == 'T' || designator == 0 || designator == '-' {
				s, done, p = t.isoDate(start, s, designator, val, frac, seen)
				inDate = false
			} else {
				p = badFormat
			}
			if p == noProblem && !inDate {
				seen = false
				if done {
					return t, noProblem
				}
				continue
			}
		} else {
			if unit, ok := isoTimeUnits[designator]; ok {
				p = t.addISO(unit, val, frac)
			} else if designator == 0 || designator == ':' {
				return t, t.isoTime(start, s, designator, val, frac, seen)
			} else {
				p = badFormat
			}
		}
		if p != noProblem {
			return t, p
		}
		seen = true
	}
	return t, noProblem
}

var (
	isoDateUnits = map[byte]wordKind{'Y': wordYear, 'M': wordMonth, 'W': wordWeek, 'D': wordDay}
	isoTimeUnits = map[byte]wordKind{'H': wordHour, 'M': wordMinute, 'S': wordSecond}
)

func (t *span) addISO(unit wordKind, val int64, frac float64) problem {
	if _, ok, _ := t.add(unit, val, frac); !ok {
		return fieldOverflow
	}
	return noProblem
}

// isoDate reads the rest of a date in the alternative forms. done: the text is
// at its end; else a time follows.
func (t *span) isoDate(start, s string, designator byte, val int64, frac float64, seen bool) (rest string, done bool, p problem) {
	if designator != '-' && integerWidth(start) == 8 && !seen {
		if !t.addYears(val/10000, 0, 1) || !t.addMonths(val/100%100, 0) || !t.addDays(val%100, 0, 1) || !t.addFraction(frac, microsPerDay) {
			return s, false, fieldOverflow
		}
		return s, designator == 0, noProblem
	}
	if seen {
		return s, false, badFormat
	}
	if p := t.addISO(wordYear, val, frac); p != noProblem || designator != '-' {
		return s, designator == 0, p
	}
	for _, unit := range []wordKind{wordMonth, wordDay} {
		val, frac, rest, p := isoNumber(s)
		if p != noProblem {
			return s, false, p
		}
		if p := t.addISO(unit, val, frac); p != noProblem {
			return s, false, p
		}
		if rest == "" || rest[0] == 'T' {
			return rest, rest == "", noProblem
		}
		if unit == wordDay || rest[0] != '-' {
			break
		}
		s = rest[1:]
	}
	return s, false, badFormat
}

// isoTime reads the rest of a time in the alternative forms.
func (t *span) isoTime(start, s string, designator byte, val int64, frac float64, seen bool) problem {
	if designator == 0 && integerWidth(start) == 6 && !seen {
		if !t.addMicros(val/10000, 0, microsPerHour) || !t.addMicros(val/100%100, 0, microsPerMinute) ||
			!t.addMicros(val%100, 0, microsPerSecond) || !t.addFraction(frac, 1) {
			return fieldOverflow
		}
		return noProblem
	}
	if seen {
		return badFormat
	}
	if p := t.addISO(wordHour, val, frac); p != noProblem || designator == 0 {
		return p
	}
	for _, unit := range []wordKind{wordMinute, wordSecond} {
		val, frac, rest, p := isoNumber(s)
		if p != noProblem {
			return p
		}
		if p := t.addISO(unit, val, frac); p != noProblem {
			return p
		}
		if rest == "" {
			return noProblem
		}
		if unit == wordSecond || rest[0] != ':' {
			break
		}
		s = rest[1:]
	}
	return badFormat
}

// isoNumber reads what C's strtod would at the head of s, exponents included.
func isoNumber(s string) (val int64, frac float64, rest string, p problem) {
	if s == "" || !isDigit(s[0]) && s[0] != '-' && s[0] != '.' {
		return 0, 0, s, badFormat
	}
	end := 0
	if s[0] == '-' {
		end = 1
	}
	for end < len(s) && (isDigit(s[end]) || s[end] == '.' && indexByte(s[:end], '.') < 0) {
		end++
	}
	if e := end; e+1 < len(s) && s[e]|0x20 == 'e' {
		e++
		if (s[e] == '-' || s[e] == '+') && e+1 < len(s) {
			e++
		}
		if isDigit(s[e]) {
			for end = e; end < len(s) && isDigit(s[end]); end++ {
			}
		}
	}
	x, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0, 0, s, badFormat
	}
	if x < -1e15 || x > 1e15 {
		return 0, 0, s, fieldOverflow
	}
	val = int64(x)
	return val, x - float64(val), s[end:], noProblem
}

// integerWidth counts the digits before a point.
func integerWidth(s string) int {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}
