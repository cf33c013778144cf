package types

import (
	"math"
	"strconv"
)

// moment is a date and time being read, field by field.
type moment struct {
	year, month, day int
	dayOfYear        int
	hour, min, sec   int
	micros           int // of the second; a million where it rounds up
	offset           int // seconds west of UTC, PostgreSQL's sign
}

// leadingInt reads a C int at the head of s, 0 where there is none.
func leadingInt(s string) (v int, rest string, ok bool) {
	v64, rest, ok := leadingInt64(s)
	return int(v64), rest, ok && v64 == int64(int32(v64))
}

// leadingInt64 is strtoll: ok is false where the number overflows.
func leadingInt64(s string) (v int64, rest string, ok bool) {
	i := 0
	neg := false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	if i == len(s) || !isDigit(s[i]) {
		return 0, s, true
	}
	ok = true
	for ; i < len(s) && isDigit(s[i]); i++ {
		d := int64(s[i] - '0')
		if v < (math.MinInt64+d)/10 {
			ok = false
			continue
		}
		v = v*10 - d
	}
	if !neg {
		if v == math.MinInt64 {
			return math.MaxInt64, s[i:], false
		}
		v = -v
	}
	return v, s[i:], ok
}

// fraction reads all of s, a point and digits, as a number below one.
func fraction(s string) (float64, problem) {
	if s == "." {
		return 0, noProblem
	}
	for i := 1; i < len(s); i++ {
		if !isDigit(s[i]) {
			return 0, badFormat
		}
	}
	x, err := strconv.ParseFloat("0"+s, 64)
	if err != nil {
		return 0, badFormat
	}
	return x, noProblem
}

// setFraction reads a fraction of a second, rounded to microseconds.
func (m *moment) setFraction(s string) problem {
	x, p := fraction(s)
	m.micros = int(math.RoundToEven(x * 1e6))
	return p
}

// clock reads h:m[:s[.f]]; hours are not bounded.
func (m *moment) clock(s string) (hours int64, p problem) { return m.clockOf(s, false) }

// clockOf is clock; short: h:m are minutes and seconds.
func (m *moment) clockOf(s string, short bool) (hours int64, p problem) {
	hours, rest, ok := leadingInt64(s)
	if !ok {
		return 0, fieldOverflow
	}
	if rest == "" || rest[0] != ':' {
		return 0, badFormat
	}
	if m.min, rest, ok = leadingInt(rest[1:]); !ok {
		return 0, fieldOverflow
	}
	m.sec, m.micros = 0, 0
	switch {
	case rest == "" && !short:
	case rest == "" || rest[0] == '.': // with a fraction always minutes and seconds
		if p := m.setFraction(rest); rest != "" && p != noProblem {
			return 0, p
		}
		if hours != int64(int32(hours)) {
			return 0, fieldOverflow
		}
		m.sec, m.min, hours = m.min, int(hours), 0
	case rest[0] == ':':
		if m.sec, rest, ok = leadingInt(rest[1:]); !ok {
			return 0, fieldOverflow
		}
		if rest != "" {
			if rest[0] != '.' {
				return 0, badFormat
			}
			if p := m.setFraction(rest); p != noProblem {
				return 0, p
			}
		}
	default:
		return 0, badFormat
	}
	if hours < 0 || m.min < 0 || m.min > 59 || m.sec < 0 || m.sec > 60 || m.micros < 0 || m.micros > 1000000 {
		return 0, fieldOverflow
	}
	return hours, noProblem
}

// clockOverflows reports whether the time of day is over 24:00:00.
func (m *moment) clockOverflows() bool {
	if m.hour < 0 || m.hour > 24 || m.min < 0 || m.min > 59 || m.sec < 0 || m.sec > 60 || m.micros < 0 || m.micros > 1000000 {
		return true
	}
	return m.timeOfDay() > microsPerDay
}

func (m *moment) timeOfDay() int64 {
	return int64((m.hour*60+m.min)*60+m.sec)*microsPerSecond + int64(m.micros)
}

// zoneOffset reads ±hh[:mm[:ss]] or ±hhmm as seconds west of UTC.
func zoneOffset(s string) (west int, p problem) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0, badFormat
	}
	hr, rest, ok := leadingInt(s[1:])
	if !ok {
		return 0, zoneOverflow
	}
	min, sec := 0, 0
	switch {
	case rest != "" && rest[0] == ':':
		if min, rest, ok = leadingInt(rest[1:]); !ok {
			return 0, zoneOverflow
		}
		if rest != "" && rest[0] == ':' {
			if sec, rest, ok = leadingInt(rest[1:]); !ok {
				return 0, zoneOverflow
			}
		}
	case rest == "" && len(s) > 3:
		hr, min = hr/100, hr%100
	}
	if hr < 0 || hr > 15 || min < 0 || min > 59 || sec < 0 || sec > 59 {
		return 0, zoneOverflow
	}
	if rest != "" {
		return 0, badFormat
	}
	west = -(hr*3600 + min*60 + sec)
	if s[0] == '-' {
		west = -west
	}
	return west, noProblem
}

// number reads a plain numeric field of a date in the context of those before
// it. It may be a time where the date is complete.
func (r *dateReader) number(s string, textMonth bool, have fieldMask) (set fieldMask, p problem) {
	v, rest, ok := leadingInt(s)
	if !ok {
		return 0, fieldOverflow
	}
	if len(rest) == len(s) {
		return 0, badFormat
	}
	if rest != "" {
		if rest[0] != '.' {
			return 0, badFormat
		}
		// More than two digits before the point: a date or a run-together time.
		if len(s)-len(rest) > 2 {
			return r.runTogether(s, have|dateMask)
		}
		if p := r.setFraction(rest); p != noProblem {
			return 0, p
		}
	}
	if len(s) == 3 && have&dateMask == mask(wordYear) && v >= 1 && v <= 366 {
		r.dayOfYear = v
		return mask(wordDayOfYear, wordMonth, wordDay), noProblem
	}
	year := func() (fieldMask, problem) {
		r.year, r.twoDigits = v, len(s) <= 2
		return mask(wordYear), noProblem
	}
	month := func() (fieldMask, problem) {
		r.month = v
		return mask(wordMonth), noProblem
	}
	day := func() (fieldMask, problem) {
		r.day = v
		return mask(wordDay), noProblem
	}
	switch have & dateMask {
	case 0:
		switch {
		case len(s) >= 3 || r.f.DateOrder == OrderYMD:
			return year()
		case r.f.DateOrder == OrderDMY:
			return day()
		}
		return month()
	case mask(wordYear):
		return month()
	case mask(wordMonth):
		if textMonth && (len(s) >= 3 || r.f.DateOrder == OrderYMD) {
			return year()
		}
		return day()
	case mask(wordYear, wordMonth):
		if textMonth && len(s) >= 3 && r.twoDigits {
			// DD-MON-YYYY in YMD order: what was taken as year is the day.
			r.day, r.year, r.twoDigits = r.year, v, false
			return mask(wordDay), noProblem
		}
		return day()
	case mask(wordDay):
		return month()
	case mask(wordMonth, wordDay):
		return year()
	case dateMask:
		return r.runTogether(s, have)
	}
	return 0, badFormat
}

// runTogether reads digits without separators as a date or a time.
func (r *dateReader) runTogether(s string, have fieldMask) (set fieldMask, p problem) {
	digits := s
	if i := indexByte(s, '.'); i >= 0 {
		digits = s[:i]
		r.micros = 0
		if tail := s[i:]; tail != "." {
			x, p := fraction(tail)
			if p != noProblem {
				return 0, p
			}
			r.micros = int(math.RoundToEven(x * 1e6))
		}
	} else if have&dateMask != dateMask && len(s) >= 6 {
		n := len(s)
		r.day, r.month, r.year = atoi(s[n-2:]), atoi(s[n-4:n-2]), atoi(s[:n-4])
		if n == 6 {
			r.twoDigits = true
		}
		return dateMask, noProblem
	}
	if have&timeMask != timeMask {
		switch len(digits) {
		case 6:
			r.hour, r.min, r.sec = atoi(digits[:2]), atoi(digits[2:4]), atoi(digits[4:])
			return timeMask, noProblem
		case 4:
			r.hour, r.min, r.sec = atoi(digits[:2]), atoi(digits[2:]), 0
			return timeMask, noProblem
		}
	}
	return 0, badFormat
}

// atoi is C's: the leading digits, as an int.
func atoi(s string) int {
	v, _, _ := leadingInt64(s)
	return int(int32(v))
}

func indexByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}
