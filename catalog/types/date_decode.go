package types

import "time"

// dateReader reads the fields of a date, a time or both.
type dateReader struct {
	moment
	f         *Format
	twoDigits bool // the year has one or two digits
	bc        bool
	julian    bool
	zoned     bool // a zone may be there
	special   int  // valEpoch, valEarly, valLate: no ordinary date
	badZone   string
	have      fieldMask

	meridiem  int // valAM, valPM, 0
	textMonth bool
	prefix    int // a label whose value is the next field
	zone      *time.Location
	abbrev    string // of zone, where it was named by an abbreviation
}

// decode reads fields as a date with an optional time.
func (r *dateReader) decode(fields []field) problem {
	for i := range fields {
		set, skip, p := r.field(fields, i)
		if p != noProblem {
			return p
		}
		if skip {
			continue
		}
		if set&r.have != 0 {
			return badFormat
		}
		r.have |= set
	}
	if r.prefix != 0 {
		return badFormat
	}
	if r.special != 0 {
		return noProblem
	}
	if p := r.validate(); p != noProblem {
		return p
	}
	if p := r.applyMeridiem(); p != noProblem {
		return p
	}
	if r.have&dateMask != dateMask {
		if r.have&timeMask == timeMask {
			return onlyTime
		}
		return badFormat
	}
	return r.applyZone()
}

func (r *dateReader) field(fields []field, i int) (set fieldMask, skip bool, p problem) {
	s := fields[i].text
	switch fields[i].kind {
	case fieldDate:
		set, p = r.dateField(s)
	case fieldTime:
		set, p = r.timeField(s)
		if p == noProblem && r.clockOverflows() {
			p = fieldOverflow
		}
	case fieldZone:
		r.offset, p = zoneOffset(s)
		set = mask(wordZone)
	case fieldNumber:
		set, p = r.numberField(s)
	default:
		return r.wordField(fields, i)
	}
	return set, false, p
}

// dateField reads a field with separators: a date, a zone name where the date
// is known, or a run-together time with an offset.
func (r *dateReader) dateField(s string) (set fieldMask, p problem) {
	if r.prefix == valJulian {
		v, rest, ok := leadingInt(s)
		if !ok || v < 0 {
			return 0, fieldOverflow
		}
		r.year, r.month, r.day = fromJulian(v)
		r.julian = true
		r.prefix = 0
		r.offset, p = zoneOffset(rest)
		return dateMask | timeMask | mask(wordZone), p
	}
	monthDay := mask(wordMonth, wordDay)
	if r.prefix == 0 && r.have&monthDay != monthDay {
		return r.dateParts(s)
	}
	if !isDigit(s[0]) && r.prefix == 0 {
		return r.zoneName(s)
	}
	if r.prefix != 0 && r.prefix != valTime {
		return 0, badFormat
	}
	r.prefix = 0
	if r.have&timeMask == timeMask {
		return 0, badFormat
	}
	dash := indexByte(s, '-')
	if dash < 0 {
		return 0, badFormat
	}
	if r.offset, p = zoneOffset(s[dash:]); p != noProblem {
		return 0, p
	}
	set, p = r.runTogether(s[:dash], r.have)
	return set | mask(wordZone), p
}

func (r *dateReader) zoneName(s string) (set fieldMask, p problem) {
	if r.zone = findZone(s); r.zone == nil {
		r.badZone = s
		return 0, badZone
	}
	return mask(wordZone), noProblem
}

// dateParts reads a whole date in one field.
func (r *dateReader) dateParts(s string) (set fieldMask, p problem) {
	var parts []string
	for i := 0; i < len(s) && len(parts) < maxFields; {
		for i < len(s) && !isDigit(s[i]) && !isAlpha(s[i]) {
			i++
		}
		if i == len(s) {
			return 0, badFormat
		}
		start := i
		class := isAlpha
		if isDigit(s[i]) {
			class = isDigit
		}
		for i < len(s) && class(s[i]) {
			i++
		}
		parts = append(parts, s[start:i])
		i++
	}
	textMonth := false
	have := r.have
	// Names first: they are months without doubt.
	for i, part := range parts {
		if !isAlpha(part[0]) {
			continue
		}
		w, ok := dateWord(part)
		if ok && w.kind == wordIgnored {
			continue
		}
		if !ok || w.kind != wordMonth || have&mask(wordMonth) != 0 {
			return 0, badFormat
		}
		r.month, textMonth = w.value, true
		have |= mask(wordMonth)
		set |= mask(wordMonth)
		parts[i] = ""
	}
	for _, part := range parts {
		if part == "" {
			continue
		}
		m, p := r.number(part, textMonth, have)
		if p != noProblem {
			return 0, p
		}
		if have&m != 0 {
			return 0, badFormat
		}
		have |= m
		set |= m
	}
	if have&^mask(wordDayOfYear, wordZone) != dateMask {
		return 0, badFormat
	}
	return set, noProblem
}

func (r *dateReader) timeField(s string) (set fieldMask, p problem) {
	if r.prefix != 0 {
		if r.prefix != valTime {
			return 0, badFormat
		}
		r.prefix = 0
	}
	hours, p := r.clock(s)
	if p != noProblem {
		return 0, p
	}
	if hours != int64(int32(hours)) {
		return 0, fieldOverflow
	}
	r.hour = int(hours)
	return timeMask, noProblem
}

func (r *dateReader) numberField(s string) (set fieldMask, p problem) {
	if r.prefix != 0 {
		return r.labelled(s)
	}
	point := indexByte(s, '.')
	switch {
	case point >= 0 && r.have&dateMask == 0:
		return r.dateParts(s)
	case point > 2:
		return r.runTogether(s, r.have)
	case point < 0 && len(s) >= 6 && (r.have&dateMask == 0 || r.have&timeMask == 0):
		return r.runTogether(s, r.have)
	}
	return r.number(s, r.textMonth, r.have)
}

// labelled reads the number after a label: a Julian day or an ISO time.
func (r *dateReader) labelled(s string) (set fieldMask, p problem) {
	v, rest, ok := leadingInt(s)
	if !ok {
		return 0, fieldOverflow
	}
	if rest != "" && rest[0] != '.' {
		return 0, badFormat
	}
	label := r.prefix
	r.prefix = 0
	switch label {
	case valJulian:
		if v < 0 {
			return 0, fieldOverflow
		}
		r.year, r.month, r.day = fromJulian(v)
		r.julian = true
		if rest == "" {
			return dateMask, noProblem
		}
		x, p := fraction(rest)
		if p != noProblem {
			return 0, p
		}
		t := int64(x * float64(microsPerDay))
		r.hour, t = int(t/microsPerHour), t%microsPerHour
		r.min, t = int(t/microsPerMinute), t%microsPerMinute
		r.sec, r.micros = int(t/microsPerSecond), int(t%microsPerSecond)
		return dateMask | timeMask, noProblem
	case valTime:
		set, p := r.runTogether(s, r.have|dateMask)
		if p == noProblem && set != timeMask {
			p = badFormat
		}
		return set, p
	}
	return 0, badFormat
}

func (r *dateReader) wordField(fields []field, i int) (set fieldMask, skip bool, p problem) {
	s := fields[i].text
	w, ok := zoneAbbrev(s)
	if !ok {
		w, ok = dateWord(s)
	}
	if !ok {
		w.kind = wordUnknown
	}
	set = mask(w.kind)
	switch w.kind {
	case wordIgnored:
		return 0, true, noProblem
	case wordReserved:
		set = r.reserved(w.value)
	case wordMonth:
		// A numeric month before it was the day.
		if r.have&mask(wordMonth) != 0 && !r.textMonth && r.have&mask(wordDay) == 0 && r.month >= 1 && r.month <= 31 {
			r.day = r.month
			set = mask(wordDay)
		}
		r.textMonth = true
		r.month = w.value
	case wordDaylightMod:
		set |= mask(wordDaylight)
		r.offset -= w.value
	case wordDaylight:
		set |= mask(wordZone)
		r.offset = -w.value
	case wordZone:
		r.offset = -w.value
	case wordNamedZone:
		set |= mask(wordZone)
		r.zone, r.abbrev = findZone(abbrevZone(s)), s
	case wordAMPM:
		r.meridiem = w.value
	case wordADBC:
		r.bc = w.value == valBC
	case wordWeekday:
	case wordUnits:
		if r.prefix != 0 {
			return 0, false, badFormat
		}
		r.prefix = w.value
		set = 0
	case wordISOTime:
		if r.have&dateMask != dateMask || r.prefix != 0 {
			return 0, false, badFormat
		}
		r.prefix = w.value
		set = 0
	case wordUnknown:
		if r.zone = findZone(s); r.zone == nil {
			return 0, false, badFormat
		}
		set = mask(wordZone)
	default:
		return 0, false, badFormat
	}
	return set, false, noProblem
}

// reserved sets a named instant or day.
func (r *dateReader) reserved(v int) fieldMask {
	switch v {
	case valNow:
		west := r.setNow()
		r.offset = west
		return dateMask | timeMask | mask(wordZone)
	case valYesterday, valToday, valTomorrow:
		clock := r.moment
		r.setNow()
		r.hour, r.min, r.sec, r.micros = clock.hour, clock.min, clock.sec, clock.micros
		shift := map[int]int{valYesterday: -1, valToday: 0, valTomorrow: 1}[v]
		r.year, r.month, r.day = fromJulian(toJulian(r.year, r.month, r.day) + shift)
		return dateMask
	case valZulu:
		r.hour, r.min, r.sec = 0, 0, 0
		r.offset = 0
		return timeMask | mask(wordZone)
	}
	r.special = v
	return dateMask | timeMask | mask(wordZone)
}

// setNow fills in the start of the transaction in the session's zone, and
// returns that zone's seconds west of UTC.
func (r *dateReader) setNow() (west int) {
	east, _ := zoneAt(r.f.TimeZone, r.f.Now)
	days, t := splitMicros(r.f.Now + int64(east)*microsPerSecond)
	r.year, r.month, r.day = fromJulian(int(days) + epochJulian)
	r.hour, t = int(t/microsPerHour), t%microsPerHour
	r.min, t = int(t/microsPerMinute), t%microsPerMinute
	r.sec, r.micros = int(t/microsPerSecond), int(t%microsPerSecond)
	return -east
}

// validate settles the year and checks the day.
func (r *dateReader) validate() problem {
	if r.have&mask(wordYear) != 0 && !r.julian {
		switch {
		case r.bc:
			if r.year <= 0 {
				return fieldOverflow
			}
			r.year = 1 - r.year
		case r.twoDigits:
			if r.year < 0 {
				return fieldOverflow
			}
			if r.year < 70 {
				r.year += 2000
			} else if r.year < 100 {
				r.year += 1900
			}
		case r.year <= 0:
			return fieldOverflow
		}
	}
	if r.have&mask(wordDayOfYear) != 0 {
		r.year, r.month, r.day = fromJulian(toJulian(r.year, 1, 1) + r.dayOfYear - 1)
	}
	if r.have&mask(wordMonth) != 0 && (r.month < 1 || r.month > 12) {
		return monthDayOverflow
	}
	if r.have&mask(wordDay) != 0 && (r.day < 1 || r.day > 31) {
		return monthDayOverflow
	}
	if r.have&dateMask == dateMask && r.day > daysIn(r.year, r.month) {
		return fieldOverflow
	}
	return noProblem
}

func (r *dateReader) applyMeridiem() problem {
	switch {
	case r.meridiem != 0 && r.hour > 12:
		return fieldOverflow
	case r.meridiem == valAM && r.hour == 12:
		r.hour = 0
	case r.meridiem == valPM && r.hour != 12:
		r.hour += 12
	}
	return noProblem
}

// applyZone finds the offset where it hangs on the date.
func (r *dateReader) applyZone() problem {
	daylightMod := r.have&mask(wordDaylightMod) != 0
	switch {
	case r.zone != nil && daylightMod:
		return badFormat
	case r.abbrev != "":
		r.offset = -abbrevOffset(r.local(), r.abbrev, r.zone)
	case !validJulian(r.year, r.month): // as PostgreSQL has it
	case r.zone != nil:
		r.offset = -localOffset(r.local(), r.zone)
	case r.have&mask(wordZone) == 0 && r.zoned:
		if daylightMod {
			return badFormat
		}
		r.offset = -localOffset(r.local(), r.f.TimeZone)
	}
	return noProblem
}

// local is the date and time as seconds since 1970 as if it were UTC.
func (r *dateReader) local() int64 {
	if !validJulian(r.year, r.month) {
		return 0
	}
	days := int64(toJulian(r.year, r.month, r.day) - unixEpochJulian)
	return days*secondsPerDay + int64((r.hour*60+r.min)*60+r.sec)
}
