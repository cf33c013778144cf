package types

// The fixed forms that nearly all dates and times come in. Each reader is false
// where the text has another form, or where anything in it is out of range:
// then the general reader decides, and words the error.

// two reads two digits at s[i:].
func two(s string, i int) (int, bool) {
	a, b := s[i]-'0', s[i+1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// fixedDate reads YYYY-MM-DD at the head of s, as days since 2000-01-01.
func fixedDate(s string) (int64, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	c, ok1 := two(s, 0)
	y, ok2 := two(s, 2)
	m, ok3 := two(s, 5)
	d, ok4 := two(s, 8)
	y += 100 * c
	if !(ok1 && ok2 && ok3 && ok4) || y < 1 || m < 1 || m > 12 || d < 1 || d > 28 && d > daysIn(y, m) {
		return 0, false
	}
	return int64(toJulian(y, m, d) - epochJulian), true
}

// fixedClock reads HH:MM[:SS[.f{1,6}]] at the head of s, as microseconds, and
// says where it ends. Leap seconds and 24:00 go the general way.
func fixedClock(s string) (micros int64, end int, ok bool) {
	if len(s) < 5 || s[2] != ':' {
		return 0, 0, false
	}
	h, ok1 := two(s, 0)
	m, ok2 := two(s, 3)
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, 0, false
	}
	micros = int64(h)*microsPerHour + int64(m)*microsPerMinute
	if len(s) < 8 || s[5] != ':' {
		return micros, 5, true
	}
	sec, ok := two(s, 6)
	if !ok || sec > 59 {
		return 0, 0, false
	}
	micros += int64(sec) * microsPerSecond
	if len(s) == 8 || s[8] != '.' {
		return micros, 8, true
	}
	unit := int64(100000)
	for end = 9; end < len(s) && isDigit(s[end]); end++ {
		if unit == 0 {
			return 0, 0, false
		}
		micros += int64(s[end]-'0') * unit
		unit /= 10
	}
	return micros, end, end > 9
}

// fixedStamp reads YYYY-MM-DD, or YYYY-MM-DD and after a space or T a clock, at
// the head of s, as microseconds since 2000-01-01, and says where it ends.
func fixedStamp(s string) (micros int64, end int, ok bool) {
	days, ok := fixedDate(s)
	if !ok {
		return 0, 0, false
	}
	micros = days * microsPerDay
	if len(s) == 10 {
		return micros, 10, true
	}
	if s[10] != ' ' && s[10] != 'T' {
		return 0, 0, false
	}
	clock, end, ok := fixedClock(s[11:])
	return micros + clock, 11 + end, ok
}

// fixedOffset reads all of s as Z, ±HH, ±HHMM or ±HH:MM, in seconds east.
func fixedOffset(s string) (int, bool) {
	if s == "Z" || s == "+00" {
		return 0, true
	}
	if len(s) != 3 && len(s) != 5 && (len(s) != 6 || s[3] != ':') || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, ok := two(s, 1)
	m := 0
	if len(s) > 3 {
		var ok2 bool
		m, ok2 = two(s, len(s)-2)
		ok = ok && ok2
	}
	if !ok || h > 15 || m > 59 {
		return 0, false
	}
	east := h*3600 + m*60
	if s[0] == '-' {
		east = -east
	}
	return east, true
}
