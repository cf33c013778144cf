package codec

var dateSettings = []settings{
	"", "TimeZone=America/New_York;DateStyle=ISO, DMY", "TimeZone=Asia/Kolkata;DateStyle=ISO, YMD", "TimeZone=America/New_York;DateStyle=Postgres, MDY",
	"TimeZone=Europe/Berlin;DateStyle=Postgres, DMY", "DateStyle=SQL, MDY", "TimeZone=America/New_York;DateStyle=SQL, DMY", "TimeZone=Asia/Kolkata;DateStyle=German, DMY",
	"TimeZone=America/Sao_Paulo;DateStyle=Postgres, YMD", "TimeZone=Australia/Lord_Howe;DateStyle=ISO, MDY", "TimeZone=America/Sao_Paulo;DateStyle=SQL, YMD",
}

var dateInputs = []string{
	"2001-02-03", "2001-2-3", "20010203", "010203", "99-01-02", "1/2/2003", "01/02/03", "13/2/2003", "2/13/2003", "1-2-2003", "1.2.2003", "2003.1.2", "2003/1/2", "Jan 2 2003", "2 Jan 2003", "January 2, 2003", "2003 Jan 2", "jan-02-2003", "02-jan-2003", "2003-Jan-02",
	"99-Jan-08", "08-Jan-99", "Jan-08-99", "jan 8", "monday", "Mon Jan 2 2003", "2001.034", "2001-034", "2001034", "J2451187", "j2451187", "julian 2451187", "JD 2451187.5", "0099-01-08", "99-08-01 BC", "2001-02-03 BC", "0001-01-01 BC", "0000-01-01", "0001-01-01", "4714-11-24 BC", "4714-11-23 BC", "4713-01-01 BC",
	"5874897-12-31", "5874898-01-01", "10000-01-01", "294276-12-31", "294277-01-01", "99999-12-31", "2001-02-29", "2000-02-29", "1900-02-29", "2001-00-01", "2001-13-01", "2001-01-00", "2001-01-32", "2001-04-31", "infinity", "-infinity", "+infinity", "epoch", "Infinity", " epoch ", "inf", "epoch 10:00", "", " ", "abc", "2001", "2001-02", "2001-02-03-04",
	"2001-02-03x", "2001-02-03 x", "2001-02-03 10:00", "2001-02-03T10:00:00Z", "2001-02-03 America/New_York", "2001-02-03 EST", "2001-02-03 +05", "y2001m02d03", "2001_02_03", "2001,02,03", "ad 2001-02-03", "2001-02-03 AD", "AD", "1999-01-08 BC AD", "today x", "12 34 56", "2001 02 03", "2001-02-03 24:00:00", "5874897-12-31 24:00:00",
	"Jan 32 2003", "Foo 1 2003", "Feb 29 2003", "sept 3 2003", "septembr 3 2003", "septemberxyz 3 2003", "2003-09-31", "1999-12-31 23:59:60", "2001-02-03 10:00 PM PM", "11111111111-01-01", "2147483648-01-01", "123456-01-02", "20010203 040506", "20010203040506", "2001-02-03\t", "\n2001-02-03", "2001--02-03", "2001-02-", "-2001-02-03",
	"on 2001-02-03", "2001-02-03 at", "2001-02-03 dst", "mm 5", "2001-01-01-05", "2001-01-01 J5", "1 2 3", "1/2/3", "32/1/2001", "1/32/2001", "2001/32/1", "1997-02-30 00:00:00", "2001-02-03é", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
}

var dateSuite = suite{
	name: "date", types: []string{"date"}, settings: dateSettings, inputs: dateInputs,
	recv: []string{"", "00000000", "7fffffff", "80000000", "80000001", "7ffffffe", "ffda957b", "ffda97b7", "ffda97bb", "0000000000"},
}

var timeSuite = suite{
	name: "time", types: []string{"time without time zone", "time(0) without time zone", "time(3) without time zone"}, settings: []settings{"", "TimeZone=America/New_York;DateStyle=SQL, DMY"},
	inputs: []string{"00:00", "00:00:00", "10:20", "10:20:30", "10:20:30.5", "10:20:30.123456", "10:20:30.1234567", "10:20:30.9999999", "23:59:59.999999", "23:59:59.9999999", "24:00:00", "24:00:01", "24:00:00.000001", "25:00", "10:60", "10:20:60", "10:20:61", "23:59:60", "1020", "102030", "102030.5", "10", "1", "10:20 AM", "10:20 PM", "12:00 AM", "12:00 PM", "13:00 PM", "00:30 AM", "0:30 PM",
		"10:20:30 PM", "10:20PM", "10:20:30+02", "10:20:30 -05:30", "10:20 EST", "10:20 America/New_York", "10:20 Etc/GMT+3", "2001-02-03 10:20:30", "2001-02-03 10:20:30 America/New_York", "2001-02-03 10:20 EST", "T10:20", "T102030", "t10:20:30", "allballs", "", " ", "abc", "10:", ":10", "10:20:", "10:20:30.", "10:20.5", "10:20:30:40", "-10:20", "10:20x", "10:20 x", "now x", "epoch", "infinity", "10:20:30.4999995", "10:20:30.0005", "00:00:00.0000005", "2001-02-03", "Jan 1 10:20",
		"10 20", "10:20 BC", "J2451187 10:20", "10.20", "102030-05", "102030 +05", "12345", "1234567", "2001-02-03T10:20:30Z", "10:20:30Z", "10:20 dst", "10:20 MET DST", "04:05:06 PST", "040506+08", "04:05-08:00", "04:05:06.789-8", "99999999999:00", "1:2:3", "1:2", "001:02", "10:20 Foo/Bar", "10:20 +20", "h10", "mon 10:20"},
	recv: []string{"", "0000000000000000", "000000141dd76000", "000000141dd76001", "ffffffffffffffff", "00000008a8ef2a40"},
}

var stampInputs = append([]string{
	"2001-02-03 04:05:06", "2001-02-03 04:05:06.789", "2001-02-03 04:05:06.123456", "2001-02-03 04:05:06.1234565", "2001-02-03 04:05:06.9999995", "2001-02-03 04:05:06.", "2001-02-03T04:05:06", "2001-02-03t04:05:06", "2001-02-03T04:05:06Z", "2001-02-03T04:05:06.789Z", "2001-02-03T04:05:06+02:00", "2001-02-03T04:05:06-0330", "2001-02-03 04:05:06+02",
	"2001-02-03 04:05:06 +02", "2001-02-03 04:05:06+2", "2001-02-03 04:05:06+02:03:04", "2001-02-03 04:05:06+15:59", "2001-02-03 04:05:06+16", "2001-02-03 04:05:06+02:60", "2001-02-03 04:05:06 EST", "2001-07-03 04:05:06 EDT", "2001-02-03 04:05:06 MSK", "2015-02-03 04:05:06 MSK", "2001-02-03 04:05:06 America/New_York", "2001-07-03 04:05:06 america/new_york", "2001-02-03 04:05:06 Foo/Bar",
	"2001-02-03 04:05:06 foo", "2001-02-03 04:05:06 EST5EDT", "2001-02-03 04:05:06 FOO+3", "2001-02-03 04:05:06 UTC", "2001-02-03 04:05:06 zulu", "2001-02-03 04:05:06 z", "2001-02-03 04:05:06 MET DST", "2001-02-03 04:05:06 dst", "2001-02-03 04:05 PM", "2001-02-03 04 PM", "2001-02-03 16:05 PM", "2001-02-03 24:00:00", "2001-02-03 24:00:01", "2001-02-03 23:59:60", "2001-02-03 23:59:60.5",
	"2001-02-03 25:00", "2001-02-03 10:60", "2001-02-03 040506", "20010203T040506", "20010203T040506.789-07", "20010203 040506+02", "2001-02-03 0405", "20010203T0405", "2001-02-03T", "T04:05:06", "04:05:06", "2001-02-03 allballs", "allballs 2001-02-03", "Sat Feb 03 04:05:06 2001 PST", "Sat Feb 03 04:05:06 2001", "Sat Feb 3 2001 04:05:06.5 EST", "Feb 3 04:05:06 2001", "03 Feb 2001 04:05:06",
	"Feb/03/2001 04:05:06", "2001-02-03 04:05:06 BC", "0044-03-15 12:00:00 BC", "4714-11-24 00:00:00 BC", "4714-11-23 23:59:59 BC", "4714-11-24 00:00:00+10 BC", "294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999-10", "294277-01-01 00:00:00", "294277-01-09 04:00:54.775806", "2001-03-11 02:30:00", "2007-03-11 02:30:00", "2007-03-11 03:30:00", "2007-11-04 01:30:00", "2007-11-04 00:59:59",
	"2007-11-04 01:30:00 EST", "2007-11-04 01:30:00 EDT", "2007-03-25 02:30:00", "2007-10-28 02:30:00", "1883-11-18 12:03:57", "1883-11-18 12:03:58", "1800-01-01 00:00:00", "1900-01-01 00:00:00", "1945-05-24 02:30", "2050-07-01 12:00", "2500-07-01 12:00", "3000-01-01 00:00:00", "1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2000-01-01", "1999-12-31 23:59:59.5", "1999-12-31 23:59:59.9999996",
	"J2451187", "J2451187.5", "J2451187 04:05:06", "J2451187+05", "2001-02-03 04:05:06 J2451187", "infinity", "-infinity", "epoch", "2001-02-03 epoch", "infinity infinity", "2001-02-03 10:11:12.3456789012345678901234567890", "2001-02-03 10:11:12.0000005", "2001-02-03 10:11:12.0000015", "1/2/2003 04:05", "2001.034 04:05", "2001-02-03 04.05", "2001-02-03 04.5", "12/31/1999 23:59:59.99 PST8PDT",
	"2001-02-03 04:05:06 -5", "2001-02-03 04:05:06 - 05", "2001-02-03 4:5:6", "2001-02-03  04:05:06", "2001-02-03 04:05:06 04:05:06", "2001-02-03 2001-02-03", "2001-02-03 +05 +05", "Wed 2001-02-03 Wed", "2001-02-03 04:05:06 PST PDT", "2001-02-03 04:05:06 LMT", "2001-02-03 04:05:06 ist", "2001-02-03 04:05:06 brst", "2001-02-03 04:05:06 Europe", "2001-02-03T04:05:06 Z", "2001-02-03T 04:05:06",
	"2001-02-03 99:05", "2001-02-03 999999", "2011-03-27 02:00:00 MSK", "1991-03-31 02:30:00 MSK", "2014-10-26 01:30 Europe/Moscow", "2001-02-03 04:05:06 US/Pacific", "2001-02-03 04:05:06 Pacific/Apia", "2001-02-03 04:05:06 <+03>-3", "2001-02-03 04:05:06 EST5EDT4", "2001-02-03 04:05:06 posixrules", "2001-02-03 04:05:06 now",
}, dateInputs...)

var timestampSuite = suite{
	name: "timestamp", types: []string{"timestamp without time zone"}, settings: []settings{"", "TimeZone=America/New_York;DateStyle=Postgres, DMY", "DateStyle=SQL, MDY", "TimeZone=Asia/Kolkata;DateStyle=German, DMY", "DateStyle=ISO, YMD"},
	inputs: stampInputs,
	recv:   []string{"", "0000000000000000", "7fffffffffffffff", "8000000000000000", "8000000000000001", "fd0f7e1b15a4d000", "7ffffffffffffffe", "000000141dd76000", "fd0ef09c48ef8000", "7fffff5b4b6ba000"},
}

var zonedSuite = suite{
	name: "timestamptz", types: []string{"timestamp with time zone"}, settings: dateSettings, inputs: stampInputs, recv: timestampSuite.recv,
}

// zoneSuite reads and prints instants in zones of every kind.
var zoneSuite = suite{
	name: "zones", types: []string{"timestamp with time zone", "timestamp(3) with time zone", "timestamp(0) with time zone", "timestamp(2) without time zone"},
	settings: []settings{"TimeZone=utc", "TimeZone=Asia/Kathmandu;DateStyle=Postgres, MDY", "TimeZone=<-03:30>+03:30;DateStyle=SQL, MDY", "TimeZone=FOO-3;DateStyle=Postgres, MDY", "TimeZone=America/St_Johns", "TimeZone=Africa/Monrovia", "TimeZone=Pacific/Kiritimati;DateStyle=German, MDY",
		"TimeZone=europe/london;DateStyle=SQL, DMY", "TimeZone=Etc/GMT+5;DateStyle=Postgres, MDY", "TimeZone=America/Caracas", "TimeZone=America/Chicago;DateStyle=Postgres, DMY", "TimeZone=XYZ4ABC;DateStyle=Postgres, MDY", "TimeZone=Europe/Dublin;DateStyle=Postgres, MDY"},
	inputs: []string{"2001-02-03 04:05:06.789", "2001-07-03 04:05:06.78951", "2001-02-03 04:05:06Z", "1800-01-01 00:00:00", "1900-06-15 12:34:56", "1919-05-31 23:00", "1972-01-07 00:30", "1995-01-01 00:00", "2007-12-09 03:00:00", "2016-05-01 02:45", "2030-10-27 01:30", "2099-07-01 00:00", "infinity", "0001-06-01 BC", "2001-02-03 04:05:06.9996", "2001-02-03 04:05:06.5", "1999-12-31 23:59:59.5", "1999-12-31 23:59:58.5", "1968-10-27 00:30"},
}

var intervalInputs = []string{
	"1 year", "2 years", "1 month", "-1 month", "1 day", "3 days", "1 hour", "5 minutes", "1 second", "1.5 seconds", "1 week", "1 decade", "1 century", "1 millennium", "1 microsecond", "1 millisecond", "1.5 ms", "1 us", "2 centuries", "3 mils", "1 y 2 mon 3 d 4 h 5 m 6 s", "1y2mon3d4h5m6s", "1-2", "-1-2", "+1-2", "1-12", "1-2 3", "1-2 3 4:05:06", "1-2 -3 4:05:06", "-1-2 +3 -4:05:06",
	"3 4:05:06", "3 4:05", "4:05", "4:05:06", "4:05:06.789", "-4:05:06", "+4:05", "- 4:05:06", "-3 4:05:06", "-3 -4:05:06", "100:20:30", "4:05.5", "@ 1 day", "@ 1 day ago", "@ 1 year -2 mons ago", "1 day ago", "ago", "1 day ago ago", "1 day ago 2 hours", "P1Y2M3DT4H5M6S", "P1Y", "PT1H", "P1W", "P1.5W", "P1.5Y", "P0.5M", "P1.5D", "PT1.5H", "PT1.5M", "PT1.5S", "P-1Y-2M3DT-4H5M-6S", "P0001-02-03T04:05:06", "P00010203T040506", "P00010203", "P0001-02", "P2001", "PT0405", "PT040506", "PT04:05", "PT04", "P", "PT", "P1", "P1X",
	"P1YT", "P1M1Y", "PT1D", "P1e3D", "P1D2", "p1y", "P1Y2", "P-1", "P--1Y", "1", "-1", "1.5", "0.000001", "0.0000005", "0.0000015", "1.9999999", "", " ", "abc", "1 foo", "day", "day 1", "1 day 1 day", "1 hour 1 minute 1 hour", "1 2 days", "1 day 2", "1 day hours", "1.5 days", "1.5 months", "1.5 years", "1.04 years", "1.1 weeks", "0.5 decade", "-1.5 days", "-1.5 months", "-0.1 years", "1.123456789 hours", "1.1 minutes", "0.3 microseconds", "0.5 microseconds", "1.5 microseconds", "2.5 microseconds", "1e3 days", "1_000 days",
	"178000000 years", "178956970 years 7 months", "178956970 years 8 months", "-178956970 years -8 months", "-178956970 years -9 months", "2147483647 days", "2147483648 days", "-2147483648 days", "-2147483649 days", "2147483647 months", "2147483648 months", "2562047788 hours", "2562047788:00:54.775807", "2562047788:00:54.775808", "-2562047788:00:54.775808", "-2562047788:00:54.775809", "9223372036854775807 us", "9223372036854775808 us", "-9223372036854775808 us", "9223372036854775807 days", "99999999999999999999 days", "-9223372036854775808 us ago", "-2147483648 days ago",
	"infinity", "-infinity", "now", "1 day 24:00:00", "23:59:60", "10:60", "10:59:61", "1:2:3", "1 mon -1 day", "-1 mon +1 day", "1 year -1 month 2 days -03:04:05", "-1 year 1 day", "1 day -00:00:01", "-1 day +00:00:01", "00:00:00.1", "-00:00:00.1", "0", "0 days", "1 quarter", "1 timezone", "1 day,2 hours", "1 day; 2 hours", "1:00 PM", "5 MINUTES", "1 Hour", "1 hours 2 mins 3 secs", "1 hr 2 hrs", "1 fortnight", "+1 day", "+ 1 day", "1 day+2 hours", "2 weeks 3 days", "13 months", "-13 months", "25 hours", "-25:00:00.000001",
	"1 microsecon", "1 microsecondsxyz", "1 milliseconds 2 seconds", "1.5 seconds 2 milliseconds", "1.", ".5", ".5 days", "-.5 days", "1 .5", "2001-02-03", "1/2", "1 day é", "P1Y é", "3000000000 millennium", "214748364 decades", "214748365 decades", "0.9999999 seconds", "P0.999999999Y", "P1E-2Y", "P1e20Y", "PT1e15S", "PT1e16S",
}

var intervalStyleSettings = []settings{"", "IntervalStyle=postgres_verbose", "IntervalStyle=sql_standard", "IntervalStyle=iso_8601"}

var intervalSuite = suite{
	name: "interval", types: []string{"interval"}, settings: intervalStyleSettings, inputs: intervalInputs,
	recv: []string{"", "00000000000000000000000000000000", "0000000000000001" + "00000001" + "00000001", "7fffffffffffffff7fffffff7fffffff", "80000000000000008000000080000000", "ffffffffffffffff00000001ffffffff", "00"},
}

var intervalModSuite = suite{
	name: "interval_modifiers",
	types: []string{"interval(0)", "interval(3)", "interval year", "interval month", "interval day", "interval hour", "interval minute", "interval second", "interval year to month", "interval day to hour", "interval day to minute",
		"interval day to second", "interval hour to minute", "interval hour to second", "interval minute to second", "interval second(2)", "interval day to second(1)", "interval minute to second(0)"},
	inputs: []string{"1", "-1", "1.5", "1-2", "1 2", "1:2", "1:2:3", "1 2:3", "1 2:3:4.5678", "1 year 2 months 3 days 4:05:06.789", "-1 year -2 months -3 days -4:05:06.789", "3 days", "12:34.567", "P1Y2M3DT4H5M6.789S", "2 3 4", "40 months", "0.5555 seconds", "1 day 1"},
}
