package function

import (
	"math"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

const (
	microsPerSecond = 1000000
	microsPerDay    = 86400 * microsPerSecond
	monthDays       = 30 // of an interval's month, where days are counted
)

// civil is a point of time in its parts, as PostgreSQL's struct pg_tm. Year 0
// is 1 BC.
type civil struct {
	year, month, day     int
	hour, minute, second int
	micros               int
}

// civilOf splits microseconds since 2000-01-01, without any zone.
func civilOf(m int64) civil {
	days, rest := m/microsPerDay, m%microsPerDay
	if rest < 0 {
		days, rest = days-1, rest+microsPerDay
	}
	var c civil
	c.year, c.month, c.day = types.DaysToDate(int32(days))
	c.setTime(rest)
	return c
}

func (c *civil) setTime(micros int64) {
	c.hour = int(micros / (3600 * microsPerSecond))
	c.minute = int(micros / (60 * microsPerSecond) % 60)
	c.second = int(micros / microsPerSecond % 60)
	c.micros = int(micros % microsPerSecond)
}

// timeOfDay is the microseconds since midnight.
func (c civil) timeOfDay() int64 {
	return ((int64(c.hour)*60+int64(c.minute))*60+int64(c.second))*microsPerSecond + int64(c.micros)
}

// timestamp is the inverse of civilOf.
func (c civil) timestamp() (int64, error) {
	days, ok := types.DateToDays(c.year, c.month, c.day)
	m := int64(days)*microsPerDay + c.timeOfDay()
	if !ok || int64(days) > maxInt64/microsPerDay || int64(days) < -maxInt64/microsPerDay || !types.ValidTimestamp(m) {
		return 0, timestampOutOfRange()
	}
	return m, nil
}

func timestampOutOfRange() error {
	return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "timestamp out of range")
}

func dateOutOfRange() error {
	return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range")
}

func intervalOutOfRange() error {
	return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "interval out of range")
}

// julianDay of 2000-01-01.
const julianEpoch = 2451545

func (c civil) julian() int {
	days, _ := types.DateToDays(c.year, c.month, c.day)
	return int(days) + julianEpoch
}

// isoWeek is the ISO 8601 year and week.
func (c civil) isoWeek() (year, week int) {
	day := c.julian()
	monday := func(y int) int { // of week 1
		fourth := civil{year: y, month: 1, day: 4}.julian()
		return fourth - fourth%7
	}
	year = c.year
	switch start := monday(year); {
	case day < start:
		year--
	case day >= monday(year+1):
		year++
	}
	return year, (day-monday(year))/7 + 1
}

// isoWeekStart is the Monday of an ISO week.
func isoWeekStart(year, week int) (int, int, int) {
	fourth := civil{year: year, month: 1, day: 4}.julian()
	return types.DaysToDate(int32(fourth - fourth%7 + (week-1)*7 - julianEpoch))
}

// addMonths moves by months, and back to the last day of a shorter month.
func (c *civil) addMonths(n int) {
	m := c.year*12 + c.month - 1 + n
	c.year, c.month = m/12, m%12+1
	if m < 0 && m%12 != 0 {
		c.year, c.month = m/12-1, m%12+13
	}
	c.day = min(c.day, daysIn(c.year, c.month))
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func infiniteTimestamp(m int64) bool {
	return m == types.TimestampInfinity || m == types.TimestampNegInfinity
}

func infiniteDate(d int64) bool {
	return d == int64(types.DateInfinity) || d == int64(types.DateNegInfinity)
}

// addToTimestamp is timestamp + interval: months, then days, then the rest.
func addToTimestamp(m int64, span types.IntervalValue) (int64, error) {
	if infiniteTimestamp(m) {
		return m, nil
	}
	var err error
	if span.Months != 0 {
		c := civilOf(m)
		c.addMonths(int(span.Months))
		if m, err = c.timestamp(); err != nil {
			return 0, err
		}
	}
	if span.Days != 0 {
		if m += int64(span.Days) * microsPerDay; !types.ValidTimestamp(m) {
			return 0, timestampOutOfRange()
		}
	}
	sum := m + span.Micros
	if (sum^m)&(sum^span.Micros) < 0 || !types.ValidTimestamp(sum) {
		return 0, timestampOutOfRange()
	}
	return sum, nil
}

// addToInstant is timestamptz + interval: months and days pass on the clock of
// the session's zone, the rest in real time.
func addToInstant(m int64, span types.IntervalValue, f *types.Format) (int64, error) {
	if infiniteTimestamp(m) {
		return m, nil
	}
	if span.Months != 0 || span.Days != 0 {
		local, err := addToTimestamp(types.InstantToLocal(m, f), types.IntervalValue{Months: span.Months, Days: span.Days})
		if err != nil {
			return 0, err
		}
		m = types.LocalToInstant(local, f)
	}
	return addToTimestamp(m, types.IntervalValue{Micros: span.Micros})
}

// negative is -span.
func negative(span types.IntervalValue) (types.IntervalValue, error) {
	if span.Micros == minInt64 || span.Days == math.MinInt32 || span.Months == math.MinInt32 {
		return span, intervalOutOfRange()
	}
	return types.IntervalValue{Micros: -span.Micros, Days: -span.Days, Months: -span.Months}, nil
}

// between is the time from b to a as an interval of days and hours.
func between(_ *Env, a, b int64) (types.IntervalValue, error) {
	if infiniteTimestamp(a) || infiniteTimestamp(b) {
		return types.IntervalValue{}, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "cannot subtract infinite timestamps")
	}
	d := a - b
	if (a^b)&(d^a) < 0 {
		return types.IntervalValue{}, intervalOutOfRange()
	}
	return types.IntervalValue{Days: int32(d / microsPerDay), Micros: d % microsPerDay}, nil
}

// dateToTimestamp is the date's midnight.
func dateToTimestamp(d int64) (int64, error) {
	switch d {
	case int64(types.DateInfinity):
		return types.TimestampInfinity, nil
	case int64(types.DateNegInfinity):
		return types.TimestampNegInfinity, nil
	}
	if d > maxInt64/microsPerDay || !types.ValidTimestamp(d*microsPerDay) {
		return 0, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date out of range for timestamp")
	}
	return d * microsPerDay, nil
}

// timestampToDate drops the time of day.
func timestampToDate(m int64) int64 {
	switch m {
	case types.TimestampInfinity:
		return int64(types.DateInfinity)
	case types.TimestampNegInfinity:
		return int64(types.DateNegInfinity)
	}
	d := m / microsPerDay
	if m%microsPerDay < 0 {
		d--
	}
	return d
}

// zoned is f with another zone, by its name or offset, at an instant or a local
// time: an abbreviation may stand for one offset or another.
func zoned(f *types.Format, zone string, micros int64, local bool) (*types.Format, error) {
	loc, name, err := types.ZoneAt(strings.TrimSpace(zone), micros, local)
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "time zone \"%s\" not recognized", zone)
	}
	g := *f
	g.TimeZone, g.TimeZoneName = loc, name
	return &g, nil
}
