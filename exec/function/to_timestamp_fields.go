package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// dayParts says which parts of a date were given.
type dayParts struct{ year, month, day bool }

// finish makes a day and time of the fields that were read, as PostgreSQL's
// do_to_timestamp.
func (r *timeReader) finish() (civil, error) {
	c := civil{month: 1, day: 1}
	if err := r.timeOfDay(&c); err != nil {
		return c, err
	}
	var given dayParts
	r.yearOf(&c, &given)
	if r.j != 0 {
		c.year, c.month, c.day = types.DaysToDate(int32(r.j - julianEpoch))
		given = dayParts{true, true, true}
	}
	if r.ww != 0 && r.mode == isoWeekMode {
		day := weekStart(c.year, r.ww)
		switch {
		case r.d > 1:
			day += r.d - 2
		case r.d != 0:
			day += 6
		}
		c.year, c.month, c.day = types.DaysToDate(int32(day - julianEpoch))
		given = dayParts{true, true, true}
	} else if r.ww != 0 {
		r.ddd = (r.ww-1)*7 + 1
	}
	if r.w != 0 {
		r.dd = (r.w-1)*7 + 1
	}
	if r.dd != 0 {
		c.day, given.day = r.dd, true
	}
	if r.mm != 0 {
		c.month, given.month = r.mm, true
	}
	if r.ddd != 0 && (c.month <= 1 || c.day <= 1) {
		if err := r.dayOfYear(&c, &given); err != nil {
			return c, err
		}
	}
	return c, r.check(c, given)
}

// weekStart is the Julian day of the Monday of an ISO week.
func weekStart(year, week int) int {
	fourth := civil{year: year, month: 1, day: 4}.julian()
	return fourth - fourth%7 + (week-1)*7
}

func (r *timeReader) timeOfDay(c *civil) error {
	if r.ssss != 0 {
		c.hour, c.minute, c.second = r.ssss/3600, r.ssss/60%60, r.ssss%60
	}
	for _, f := range []struct {
		from int
		to   *int
	}{{r.ss, &c.second}, {r.mi, &c.minute}, {r.hh, &c.hour}} {
		if f.from != 0 {
			*f.to = f.from
		}
	}
	if r.clock12 {
		if c.hour < 1 || c.hour > 12 {
			return badTime("hour \"%d\" is invalid for the 12-hour clock", c.hour).WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
		}
		switch {
		case r.pm != 0 && c.hour < 12:
			c.hour += 12
		case r.pm == 0 && c.hour == 12:
			c.hour = 0
		}
	}
	c.micros = r.ms*1000 + r.us
	return nil
}

// yearOf is the year, completed by the century where only two digits are given.
func (r *timeReader) yearOf(c *civil, given *dayParts) {
	century := r.cc
	if r.bc != 0 {
		century = -century
	}
	switch {
	case r.year != 0 && r.cc != 0 && r.yysz <= 2:
		c.year = r.year % 100
		switch {
		case c.year != 0 && century >= 0:
			c.year += (century - 1) * 100
		case c.year != 0:
			c.year = (century+1)*100 - c.year + 1
		case century >= 0:
			c.year = century * 100
		default:
			c.year = century*100 + 1
		}
	case r.year != 0:
		c.year = r.year
		if r.bc != 0 {
			c.year = -c.year
		}
		if c.year < 0 {
			c.year++
		}
	case r.cc != 0 && century >= 0:
		c.year = (century-1)*100 + 1
	case r.cc != 0:
		c.year = century*100 + 1
	default:
		return
	}
	given.year = true
}

func (r *timeReader) dayOfYear(c *civil, given *dayParts) error {
	if c.year == 0 && r.bc == 0 {
		return badTime("cannot calculate day of year without year information")
	}
	if r.mode == isoWeekMode {
		c.year, c.month, c.day = types.DaysToDate(int32(weekStart(c.year, 1) - 1 + r.ddd - julianEpoch))
		*given = dayParts{true, true, true}
		return nil
	}
	month, day := 1, r.ddd
	for month <= 12 && day > daysIn(c.year, month) {
		day -= daysIn(c.year, month)
		month++
	}
	if c.month <= 1 {
		c.month = month
	}
	if c.day <= 1 {
		c.day = day
	}
	given.month, given.day = true, true
	return nil
}

// offset is the zone in seconds east.
func (r *timeReader) offset() *int {
	if r.tzsign == 0 {
		return nil
	}
	east := r.tzsign * (r.tzh*60 + r.tzm) * 60
	return &east
}

func (r *timeReader) check(c civil, given dayParts) error {
	last := 31
	if given == (dayParts{true, true, true}) && c.month >= 1 && c.month <= 12 {
		last = daysIn(c.year, c.month)
	}
	switch {
	case given.month && (c.month < 1 || c.month > 12), given.day && (c.day < 1 || c.day > last),
		c.hour < 0 || c.hour > 23 || c.minute < 0 || c.minute > 59 || c.second < 0 || c.second > 59 || c.micros < 0 || c.micros >= microsPerSecond:
		return sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", r.in)
	case r.tzh < 0 || r.tzh > 15 || r.tzm < 0 || r.tzm > 59:
		return sqlerr.Errorf(sqlerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range: \"%s\"", r.in)
	}
	return nil
}
