package types

// Microseconds in the units of dates and times.
const (
	microsPerSecond int64 = 1000000
	microsPerMinute       = 60 * microsPerSecond
	microsPerHour         = 60 * microsPerMinute
	microsPerDay          = 24 * microsPerHour
	secondsPerDay   int64 = 86400
)

// Julian day numbers, as PostgreSQL counts them.
const (
	epochJulian     = 2451545 // 2000-01-01
	unixEpochJulian = 2440588 // 1970-01-01
	// minJulianYear and month: the first that PostgreSQL's Julian arithmetic takes.
	minJulianYear, minJulianMonth = -4713, 11
	maxJulianYear, maxJulianMonth = 5874898, 6
	// The end of date (5874898-01-01) and of timestamp (294277-01-01), exclusive.
	dateEndJulian      = 2147483494
	timestampEndJulian = 109203528
)

// The range of timestamp: 4714-11-24 BC to 294277-01-01, exclusive.
const (
	minTimestamp int64 = -211813488000000000
	endTimestamp int64 = 9223371331200000000
)

// ToJulian is the Julian day of a Gregorian date. Year 0 is 1 BC. It is right
// from 4714-11-24 BC on.
func toJulian(y, m, d int) int {
	if m > 2 {
		m++
		y += 4800
	} else {
		m += 13
		y += 4799
	}
	century := y / 100
	j := y*365 - 32167
	j += y/4 - century + century/4
	return j + 7834*m/256 + d
}

// fromJulian is the date of a Julian day.
func fromJulian(jd int) (y, m, d int) {
	julian := uint32(jd) + 32044
	quad := julian / 146097
	extra := (julian-quad*146097)*4 + 3
	julian += 60 + quad*3 + extra/146097
	quad = julian / 1461
	julian -= quad * 1461
	year := julian * 4 / 1461
	if year != 0 {
		julian = (julian + 305) % 365
	} else {
		julian = (julian + 306) % 366
	}
	julian += 123
	year += quad * 4
	quad = julian * 2141 / 65536
	return int(year) - 4800, int((quad+10)%12) + 1, int(julian - 7834*quad/256)
}

func isLeap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

var monthDays = [13]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func daysIn(y, m int) int {
	if m == 2 && isLeap(y) {
		return 29
	}
	return int(monthDays[m])
}

func validJulian(y, m int) bool {
	return (y > minJulianYear || y == minJulianYear && m >= minJulianMonth) &&
		(y < maxJulianYear || y == maxJulianYear && m < maxJulianMonth)
}

// DateToDays is the day number of a date since 2000-01-01; year 0 is 1 BC. It
// is false for a date that does not exist or that date cannot hold.
func DateToDays(year, month, day int) (int32, bool) {
	if month < 1 || month > 12 || !validJulian(year, month) || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	j := toJulian(year, month, day)
	return int32(j - epochJulian), j >= 0 && j < dateEndJulian
}

// DaysToDate is the date of a day number since 2000-01-01; year 0 is 1 BC.
func DaysToDate(days int32) (year, month, day int) { return fromJulian(int(days) + epochJulian) }

// splitMicros is the day and the microsecond in it, which is never negative.
func splitMicros(micros int64) (days, rest int64) {
	days = micros / microsPerDay
	rest = micros % microsPerDay
	if rest < 0 {
		days--
		rest += microsPerDay
	}
	return days, rest
}

// ValidTimestamp reports whether timestamp can hold the instant; infinities
// are none.
func ValidTimestamp(micros int64) bool { return micros >= minTimestamp && micros < endTimestamp }
