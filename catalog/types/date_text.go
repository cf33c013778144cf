package types

import (
	"time"
)

// appendPadded appends v in at least n digits.
func appendPadded(dst []byte, v, n int) []byte {
	if n == 2 && v < 100 {
		return append(dst, byte('0'+v/10), byte('0'+v%10))
	}
	if n == 4 && v < 10000 {
		return append(dst, byte('0'+v/1000), byte('0'+v/100%10), byte('0'+v/10%10), byte('0'+v%10))
	}
	for ; n > 1 && uint64(v) < pow10[n-1]; n-- {
		dst = append(dst, '0')
	}
	return AppendInt(dst, int64(v))
}

// appendDay appends a date in style; BC is the caller's to append, since it
// comes after the time.
func appendDay(dst []byte, y, m, d int, f *Format) []byte {
	if y <= 0 {
		y = 1 - y
	}
	a, b, sep := m, d, byte('-')
	if f.DateOrder == OrderDMY {
		a, b = d, m
	}
	switch f.DateStyle {
	case DateISO:
		dst = appendPadded(dst, y, 4)
		dst = append(dst, '-')
		dst = appendPadded(dst, m, 2)
		dst = append(dst, '-')
		return appendPadded(dst, d, 2)
	case DateSQL:
		sep = '/'
	case DateGerman:
		a, b, sep = d, m, '.'
	}
	dst = appendPadded(dst, a, 2)
	dst = append(dst, sep)
	dst = appendPadded(dst, b, 2)
	dst = append(dst, sep)
	return appendPadded(dst, y, 4)
}

func appendBC(dst []byte, year int) []byte {
	if year <= 0 {
		return append(dst, " BC"...)
	}
	return dst
}

// AppendDate appends a date: days since 2000-01-01 or an infinity.
func AppendDate(dst []byte, days int32, f *Format) []byte {
	switch days {
	case DateInfinity:
		return append(dst, "infinity"...)
	case DateNegInfinity:
		return append(dst, "-infinity"...)
	}
	y, m, d := DaysToDate(days)
	return appendBC(appendDay(dst, y, m, d, f), y)
}

// AppendTime appends a time of day in microseconds since midnight.
func AppendTime(dst []byte, micros int64) []byte {
	h := micros / microsPerHour
	micros -= h * microsPerHour
	m := micros / microsPerMinute
	micros -= m * microsPerMinute
	dst = appendPadded(dst, int(h), 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, int(m), 2)
	dst = append(dst, ':')
	s := micros / microsPerSecond
	dst = appendPadded(dst, int(s), 2)
	return appendFraction(dst, int(micros-s*microsPerSecond))
}

// appendFraction appends microseconds as .ffffff without zeros at the end.
func appendFraction(dst []byte, micros int) []byte {
	if micros == 0 {
		return dst
	}
	dst = append(dst, '.',
		byte('0'+micros/100000), byte('0'+micros/10000%10), byte('0'+micros/1000%10),
		byte('0'+micros/100%10), byte('0'+micros/10%10), byte('0'+micros%10))
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// AppendTimestamp appends a timestamp: microseconds since 2000-01-01 or an
// infinity.
func AppendTimestamp(dst []byte, micros int64, f *Format) []byte {
	if dst, ok := appendInfinity(dst, micros); ok {
		return dst
	}
	return appendStamp(dst, micros, f, 0, "")
}

// AppendTimestamptz appends an instant, microseconds since 2000-01-01 UTC or an
// infinity, in f's zone.
func AppendTimestamptz(dst []byte, micros int64, f *Format) []byte {
	if dst, ok := appendInfinity(dst, micros); ok {
		return dst
	}
	offset, abbrev := zoneAt(f.TimeZone, micros)
	if offset == 0 && abbrev == "" {
		abbrev = "UTC"
	}
	return appendStamp(dst, micros+int64(offset)*microsPerSecond, f, offset, abbrev)
}

func appendInfinity(dst []byte, micros int64) ([]byte, bool) {
	switch micros {
	case TimestampInfinity:
		return append(dst, "infinity"...), true
	case TimestampNegInfinity:
		return append(dst, "-infinity"...), true
	}
	return dst, false
}

const (
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
	dayNames   = "SunMonTueWedThuFriSat"
)

// appendStamp appends local microseconds in f's style. abbrev, where not "", is
// the name of the zone at offset seconds east.
func appendStamp(dst []byte, local int64, f *Format, offset int, abbrev string) []byte {
	days, rest := splitMicros(local)
	jd := int(days) + epochJulian
	y, m, d := fromJulian(jd)
	if f.DateStyle == DateISO && y > 0 && y <= 9999 {
		return appendZone(appendISO(dst, y, m, d, rest), offset, abbrev, f)
	}
	if f.DateStyle == DatePostgres {
		dow := (jd + 1) % 7
		dst = append(dst, dayNames[3*dow:3*dow+3]...)
		dst = append(dst, ' ')
		if f.DateOrder == OrderDMY {
			dst = appendPadded(dst, d, 2)
			dst = append(dst, ' ')
			dst = append(dst, monthNames[3*m-3:3*m]...)
		} else {
			dst = append(dst, monthNames[3*m-3:3*m]...)
			dst = append(dst, ' ')
			dst = appendPadded(dst, d, 2)
		}
		dst = append(dst, ' ')
		dst = AppendTime(dst, rest)
		dst = append(dst, ' ')
		abs := y
		if y <= 0 {
			abs = 1 - y
		}
		dst = appendPadded(dst, abs, 4)
		dst = appendZone(dst, offset, abbrev, f)
		return appendBC(dst, y)
	}
	dst = appendDay(dst, y, m, d, f)
	dst = append(dst, ' ')
	dst = AppendTime(dst, rest)
	dst = appendZone(dst, offset, abbrev, f)
	return appendBC(dst, y)
}

// appendZone appends the zone of a timestamptz: ISO has the offset, the others
// the abbreviation, of which PostgreSQL prints ten characters.
func appendZone(dst []byte, offset int, abbrev string, f *Format) []byte {
	if abbrev == "" {
		return dst
	}
	if f.DateStyle != DateISO {
		return append(append(dst, ' '), abbrev[:min(len(abbrev), 10)]...)
	}
	return appendOffset(dst, offset)
}

// appendOffset appends seconds east of UTC as +hh[:mm[:ss]].
func appendOffset(dst []byte, offset int) []byte {
	if offset == 0 {
		return append(dst, "+00"...)
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = append(dst, sign)
	dst = appendPadded(dst, offset/3600, 2)
	m, s := offset/60%60, offset%60
	if m == 0 && s == 0 {
		return dst
	}
	dst = append(dst, ':')
	dst = appendPadded(dst, m, 2)
	if s == 0 {
		return dst
	}
	dst = append(dst, ':')
	return appendPadded(dst, s, 2)
}

// zoneAt is the offset east of UTC in seconds, and its abbreviation, that loc
// has at an instant.
func zoneAt(loc *time.Location, micros int64) (offset int, abbrev string) {
	if loc == time.UTC {
		return 0, "UTC"
	}
	days, rest := splitMicros(micros)
	sec := (days+epochJulian-unixEpochJulian)*secondsPerDay + rest/microsPerSecond
	abbrev, offset = time.Unix(ruled(sec, loc), 0).In(loc).Zone()
	return offset, abbrev
}
