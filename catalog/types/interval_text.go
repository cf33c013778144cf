package types

// AppendInterval appends an interval in f's IntervalStyle.
func AppendInterval(dst []byte, v IntervalValue, f *Format) []byte {
	p := intervalParts(v)
	switch f.IntervalStyle {
	case IntervalPostgresVerbose:
		return p.appendVerbose(dst)
	case IntervalSQLStandard:
		return p.appendSQL(dst)
	case IntervalISO8601:
		return p.appendISO(dst)
	}
	return p.appendPostgres(dst)
}

// parts are the fields of an interval; those of one of its three members have
// one sign.
type parts struct {
	years, months, days, hours, mins, secs, micros int64
}

func intervalParts(v IntervalValue) (p parts) {
	p.years, p.months, p.days = int64(v.Months)/12, int64(v.Months)%12, int64(v.Days)
	t := v.Micros
	p.hours, t = t/microsPerHour, t%microsPerHour
	p.mins, t = t/microsPerMinute, t%microsPerMinute
	p.secs, p.micros = t/microsPerSecond, t%microsPerSecond
	return p
}

func absInt(i int64) int64 { return max(i, -i) }

// appendMagnitude appends i without its sign, in at least width digits.
func appendMagnitude(dst []byte, i int64, width int) []byte {
	return appendPadded(dst, int(absInt(i)), width)
}

// appendSeconds appends seconds with their fraction, without a sign.
func (p parts) appendSeconds(dst []byte, width int) []byte {
	return appendFraction(appendMagnitude(dst, p.secs, width), int(absInt(p.micros)))
}

func (p parts) timeNegative() bool { return p.hours < 0 || p.mins < 0 || p.secs < 0 || p.micros < 0 }

func (p parts) hasTime() bool { return p.hours != 0 || p.mins != 0 || p.secs != 0 || p.micros != 0 }

func (p parts) appendPostgres(dst []byte) []byte {
	start := len(dst)
	before := false // the field before was negative
	for _, u := range [3]struct {
		n    int64
		name string
	}{{p.years, " year"}, {p.months, " mon"}, {p.days, " day"}} {
		if u.n == 0 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		if before && u.n > 0 {
			dst = append(dst, '+')
		}
		dst = append(AppendInt(dst, u.n), u.name...)
		if u.n != 1 {
			dst = append(dst, 's')
		}
		before = u.n < 0
	}
	if len(dst) > start {
		if !p.hasTime() {
			return dst
		}
		dst = append(dst, ' ')
	}
	if p.timeNegative() {
		dst = append(dst, '-')
	} else if before {
		dst = append(dst, '+')
	}
	return p.appendClock(dst, 2)
}

// appendClock appends h:mm:ss without a sign, hours in at least width digits.
func (p parts) appendClock(dst []byte, width int) []byte {
	dst = append(appendMagnitude(dst, p.hours, width), ':')
	dst = append(appendMagnitude(dst, p.mins, 2), ':')
	return p.appendSeconds(dst, 2)
}

func (p parts) appendVerbose(dst []byte) []byte {
	dst = append(dst, '@')
	zero, ago := true, false
	for _, u := range [5]struct {
		n    int64
		name string
	}{{p.years, " year"}, {p.months, " mon"}, {p.days, " day"}, {p.hours, " hour"}, {p.mins, " min"}} {
		n := u.n
		if n == 0 {
			continue
		}
		if zero {
			ago, n = n < 0, absInt(n)
		} else if ago {
			n = -n
		}
		dst = append(AppendInt(append(dst, ' '), n), u.name...)
		if n != 1 {
			dst = append(dst, 's')
		}
		zero = false
	}
	if p.secs != 0 || p.micros != 0 {
		dst = append(dst, ' ')
		if p.secs < 0 || p.secs == 0 && p.micros < 0 {
			if zero {
				ago = true
			} else if !ago {
				dst = append(dst, '-')
			}
		} else if ago {
			dst = append(dst, '-')
		}
		dst = append(p.appendSeconds(dst, 1), " sec"...)
		if absInt(p.secs) != 1 || p.micros != 0 {
			dst = append(dst, 's')
		}
		zero = false
	}
	if zero {
		dst = append(dst, " 0"...)
	}
	if ago {
		dst = append(dst, " ago"...)
	}
	return dst
}

func (p parts) appendSQL(dst []byte) []byte {
	negative := p.years < 0 || p.months < 0 || p.days < 0 || p.timeNegative()
	positive := p.years > 0 || p.months > 0 || p.days > 0 || p.hours > 0 || p.mins > 0 || p.secs > 0 || p.micros > 0
	yearMonth := p.years != 0 || p.months != 0
	dayTime := p.days != 0 || p.hasTime()
	sign := func(minus bool) byte {
		if minus {
			return '-'
		}
		return '+'
	}
	switch {
	case !negative && !positive:
		return append(dst, '0')
	case negative && positive || yearMonth && dayTime:
		// Not the standard's: every part has its sign.
		dst = append(dst, sign(p.years < 0 || p.months < 0))
		dst = append(appendMagnitude(dst, p.years, 1), '-')
		dst = append(appendMagnitude(dst, p.months, 1), ' ', sign(p.days < 0))
		dst = append(appendMagnitude(dst, p.days, 1), ' ', sign(p.timeNegative()))
		return p.appendClock(dst, 1)
	}
	if negative {
		dst = append(dst, '-')
	}
	if yearMonth {
		return appendMagnitude(append(appendMagnitude(dst, p.years, 1), '-'), p.months, 1)
	}
	if p.days != 0 {
		dst = append(appendMagnitude(dst, p.days, 1), ' ')
	}
	return p.appendClock(dst, 1)
}

func (p parts) appendISO(dst []byte) []byte {
	if p == (parts{}) {
		return append(dst, "PT0S"...)
	}
	part := func(n int64, unit byte) {
		if n != 0 {
			dst = append(AppendInt(dst, n), unit)
		}
	}
	dst = append(dst, 'P')
	part(p.years, 'Y')
	part(p.months, 'M')
	part(p.days, 'D')
	if p.hasTime() {
		dst = append(dst, 'T')
	}
	part(p.hours, 'H')
	part(p.mins, 'M')
	if p.secs == 0 && p.micros == 0 {
		return dst
	}
	if p.secs < 0 || p.micros < 0 {
		dst = append(dst, '-')
	}
	return append(p.appendSeconds(dst, 1), 'S')
}
