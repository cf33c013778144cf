package types

// CivilDays counts the days from 2000-01-01 to a day of the proleptic Gregorian
// calendar (Howard Hinnant, days_from_civil: years begin in March). false: there
// is no such day, or it lies before the year 1.
func CivilDays(y, m, d int) (int32, bool) {
	if y < 1 || m < 1 || m > 12 || d < 1 || d > civilMonth(y, m) {
		return 0, false
	}
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	const to2000 = 730425 // from 0000-03-01
	return int32(era*146097 + doe - to2000), true
}

func civilMonth(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
