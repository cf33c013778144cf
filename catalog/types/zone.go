package types

import (
	_ "embed" // the tables of zones below
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// The names of the zones, one a line, and PostgreSQL's default abbreviations:
// name, then seconds east with D for daylight-saving time, or the zone whose
// rules decide.
var (
	//go:embed zone_names.txt
	zoneNamesText string
	//go:embed zone_abbrevs.txt
	zoneAbbrevsText string
)

// abbreviation is what one stands for.
type abbreviation struct {
	word
	zone string
}

var zoneTables = sync.OnceValues(func() (names map[string]string, abbrevs map[string]abbreviation) {
	names = map[string]string{}
	for name := range strings.Lines(zoneNamesText) {
		name = strings.TrimSpace(name)
		names[strings.ToLower(name)] = name
	}
	abbrevs = map[string]abbreviation{}
	for line := range strings.Lines(zoneAbbrevsText) {
		f := strings.Fields(line)
		seconds, err := strconv.Atoi(f[1])
		switch {
		case err != nil:
			abbrevs[f[0]] = abbreviation{word{wordNamedZone, 0}, f[1]}
		case len(f) > 2:
			abbrevs[f[0]] = abbreviation{word{wordDaylight, seconds}, ""}
		default:
			abbrevs[f[0]] = abbreviation{word{wordZone, seconds}, ""}
		}
	}
	return names, abbrevs
})

func zoneAbbrev(s string) (word, bool) {
	_, abbrevs := zoneTables()
	a, ok := abbrevs[cutWord(s)]
	return a.word, ok
}

// abbrevZone is the zone behind an abbreviation whose offset varies.
func abbrevZone(s string) string {
	_, abbrevs := zoneTables()
	return abbrevs[cutWord(s)].zone
}

// ZoneNames are the zones that pg_timezone_names lists.
func ZoneNames() []string { return strings.Fields(zoneNamesText) }

// ZoneAbbrevs calls f for each abbreviation that pg_timezone_abbrevs lists, with
// the offset, seconds east, that it has at an instant.
func ZoneAbbrevs(micros int64, f func(abbrev string, east int, daylight bool)) {
	_, abbrevs := zoneTables()
	for line := range strings.Lines(zoneAbbrevsText) {
		name, _, _ := strings.Cut(line, " ")
		a := abbrevs[name]
		if a.kind != wordNamedZone {
			f(strings.ToUpper(name), a.value, a.kind == wordDaylight)
			continue
		}
		days, rest := splitMicros(micros)
		sec := (days+epochJulian-unixEpochJulian)*secondsPerDay + rest/microsPerSecond
		t := abbrevTime(sec, name, findZone(a.zone))
		_, east := t.Zone()
		f(strings.ToUpper(name), east, t.IsDST())
	}
}

// ZoneAt finds the zone that AT TIME ZONE names: an abbreviation, which is an
// offset that may depend on when (an instant, or a local time of the zone behind
// it), or what LoadZone knows.
func ZoneAt(name string, micros int64, local bool) (loc *time.Location, canonical string, err error) {
	_, abbrevs := zoneTables()
	a, ok := abbrevs[cutWord(strings.ToLower(name))]
	switch {
	case !ok:
		return LoadZone(name)
	case a.kind != wordNamedZone:
		loc, canonical = FixedZone(a.value)
		return loc, canonical, nil
	}
	zone := findZone(a.zone)
	if local {
		micros = LocalToInstant(micros, &Format{TimeZone: zone})
	}
	days, rest := splitMicros(micros)
	sec := (days+epochJulian-unixEpochJulian)*secondsPerDay + rest/microsPerSecond
	_, east := abbrevTime(sec, strings.ToLower(name), zone).Zone()
	loc, canonical = FixedZone(east)
	return loc, canonical, nil
}

// zones caches what findZone found, by the name asked for. Names come from
// users, so the cache is bounded.
var zones struct {
	sync.RWMutex
	byName map[string]namedZone
}

type namedZone struct {
	loc       *time.Location
	canonical string
}

const maxCachedZones = 4096

// LoadZone finds a time zone as SET TimeZone does: an IANA name in any case, or
// a POSIX rule. canonical is what SHOW TimeZone prints.
func LoadZone(name string) (loc *time.Location, canonical string, err error) {
	z := lookupZone(name)
	if z.loc == nil {
		return nil, "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"TimeZone\": \"%s\"", name)
	}
	return z.loc, z.canonical, nil
}

// FixedZone is the zone that SET TIME ZONE makes of a number: seconds east of
// UTC, with PostgreSQL's POSIX name for it.
func FixedZone(east int) (loc *time.Location, canonical string) {
	abbrev := string(appendOffset(nil, east))
	return time.FixedZone(abbrev, east), "<" + abbrev + ">" + string(appendOffset(nil, -east))
}

func findZone(name string) *time.Location { return lookupZone(name).loc }

func lookupZone(name string) namedZone {
	zones.RLock()
	z, ok := zones.byName[name]
	zones.RUnlock()
	if ok {
		return z
	}
	z = readZone(name)
	if z.loc == nil {
		return z
	}
	zones.Lock()
	defer zones.Unlock()
	if zones.byName == nil || len(zones.byName) >= maxCachedZones {
		zones.byName = map[string]namedZone{}
	}
	zones.byName[strings.Clone(name)] = z
	return z
}

func readZone(name string) namedZone {
	names, _ := zoneTables()
	if canonical, ok := names[strings.ToLower(name)]; ok {
		if canonical == "UTC" {
			return namedZone{time.UTC, canonical}
		}
		if loc, err := time.LoadLocation(canonical); err == nil {
			return namedZone{loc, canonical}
		}
	}
	return posixZone(strings.ToUpper(name))
}

// ruleName begins the names of the locations that follow a POSIX rule.
const ruleName = "POSIX "

// ruled moves a moment before 1970 by whole cycles of the calendar where loc
// follows a POSIX rule: package time finds a rule's changes there a day late.
func ruled(sec int64, loc *time.Location) int64 {
	const cycle = 146097 * secondsPerDay // 400 years
	if sec < 0 && strings.HasPrefix(loc.String(), ruleName) {
		return sec%cycle + cycle
	}
	return sec
}

// posixZone reads a POSIX rule: EST5, EST5EDT, <+03>-3, EST5EDT,M3.2.0,M11.1.0.
// Its offsets count west. Without a rule the daylight-saving time is that of the
// United States, as in PostgreSQL.
func posixZone(rule string) namedZone {
	std, rest, ok := posixName(rule)
	if !ok && rest != rule || rule == "" {
		return namedZone{}
	}
	west, rest, ok := posixOffset(rest)
	if !ok {
		return namedZone{}
	}
	if rest == "" {
		if std == "" {
			std = string(appendOffset(nil, -west))
		}
		return namedZone{time.FixedZone(std, -west), rule}
	}
	dst, rest, ok := posixName(rest)
	if !ok {
		return namedZone{}
	}
	dstWest := west - 3600
	if rest != "" && rest[0] != ',' {
		if dstWest, rest, ok = posixOffset(rest); !ok {
			return namedZone{}
		}
	}
	switch {
	case rest == "":
		rest = ",M3.2.0,M11.1.0"
	case !posixRules(rest):
		return namedZone{}
	}
	footer := posixQuote(std) + posixSeconds(west) + posixQuote(dst) + posixSeconds(dstWest) + rest
	loc, err := time.LoadLocationFromTZData(ruleName+rule, zoneFile(std, -west, footer))
	if err != nil {
		return namedZone{}
	}
	return namedZone{loc, rule}
}

func posixName(s string) (name, rest string, ok bool) {
	if s != "" && s[0] == '<' {
		end := strings.IndexByte(s, '>')
		if end < 2 {
			return "", "", false
		}
		return s[1:end], s[end+1:], true
	}
	i := 0
	for i < len(s) && !isDigit(s[i]) && s[i] != ',' && s[i] != '-' && s[i] != '+' {
		i++
	}
	return s[:i], s[i:], i > 0
}

// posixOffset reads [+-]hh[:mm[:ss]] as seconds.
func posixOffset(s string) (seconds int, rest string, ok bool) {
	sign := 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	for unit, most := 3600, 167; unit > 0; unit, most = unit/60, 59 {
		if unit == 1 {
			most = 60 // a leap second
		}
		v, after, fits := leadingInt(s)
		if !fits || len(after) == len(s) || s[0] == '+' || s[0] == '-' || v > most {
			return 0, "", false
		}
		seconds += v * unit
		if s = after; s == "" || s[0] != ':' || unit == 1 {
			return sign * seconds, s, true
		}
		s = s[1:]
	}
	return 0, "", false
}

// posixRules reports whether s is ",start,end" of daylight-saving time, each Jn, n
// or Mm.w.d with a time behind a slash or none.
func posixRules(s string) bool {
	within := func(lo, hi int) bool {
		v, rest, ok := leadingInt(s)
		if !ok || len(rest) == len(s) || s[0] == '-' || s[0] == '+' || v < lo || v > hi {
			return false
		}
		s = rest
		return true
	}
	passes := func(c byte) bool {
		if s == "" || s[0] != c {
			return false
		}
		s = s[1:]
		return true
	}
	for range 2 {
		ok := passes(',')
		switch {
		case !ok:
		case passes('J'):
			ok = within(1, 365)
		case passes('M'):
			ok = within(1, 12) && passes('.') && within(1, 5) && passes('.') && within(0, 6)
		default:
			ok = within(0, 365)
		}
		if ok && passes('/') {
			_, s, ok = posixOffset(s)
		}
		if !ok {
			return false
		}
	}
	return s == ""
}

func posixQuote(name string) string { return "<" + name + ">" }

func posixSeconds(west int) string {
	sign := ""
	if west < 0 {
		sign, west = "-", -west
	}
	return sign + strconv.Itoa(west/3600) + ":" + strconv.Itoa(west/60%60) + ":" + strconv.Itoa(west%60)
}

// zoneFile is a TZif file (RFC 8536) that has no transition but the rule of its
// footer.
func zoneFile(abbrev string, east int, footer string) []byte {
	block := func(b []byte) []byte {
		b = append(b, "TZif2"...)
		b = append(b, make([]byte, 15)...)
		for _, n := range []int{0, 0, 0, 0, 1, len(abbrev) + 1} {
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		}
		b = binary.BigEndian.AppendUint32(b, uint32(int32(east)))
		b = append(b, 0, 0)
		return append(append(b, abbrev...), 0)
	}
	b := block(nil)
	b = block(b)
	return append(append(append(b, '\n'), footer...), '\n')
}

// localOffset is the offset, seconds east, of a local time: seconds since 1970
// as if it were UTC. In the hour that does not exist, and that exists twice,
// the answer is the one before and after the change: the later instant.
func localOffset(local int64, loc *time.Location) int {
	if loc == time.UTC {
		return 0
	}
	local = ruled(local-secondsPerDay, loc) + secondsPerDay
	t := time.Unix(local-secondsPerDay, 0).In(loc)
	_, before := t.Zone()
	_, end := t.ZoneBounds()
	if end.IsZero() {
		return before
	}
	_, after := end.Zone()
	beforeTime, afterTime, boundary := local-int64(before), local-int64(after), end.Unix()
	switch {
	case beforeTime < boundary && afterTime < boundary:
		return before
	case beforeTime > boundary && afterTime >= boundary:
		return after
	case beforeTime > afterTime:
		return before
	}
	return after
}

// abbrevOffset is the offset, seconds east, that an abbreviation of the zone
// means at a local time: that of its latest use, or of its first one after.
func abbrevOffset(local int64, abbrev string, loc *time.Location) int {
	sec := local - int64(localOffset(local, loc))
	_, east := abbrevTime(sec, abbrev, loc).Zone()
	return east
}

// abbrevTime is an instant at which the abbreviation is in use: the latest not
// after sec, else the first after it, else sec itself.
func abbrevTime(sec int64, abbrev string, loc *time.Location) time.Time {
	at := time.Unix(sec, 0).In(loc)
	uses := func(t time.Time) bool {
		name, _ := t.Zone()
		return strings.EqualFold(name, abbrev)
	}
	for t := at; ; {
		if uses(t) {
			return t
		}
		start, _ := t.ZoneBounds()
		if start.IsZero() {
			break
		}
		t = start.Add(-time.Second)
	}
	for t, n := at, 0; n < 1000; n++ {
		_, end := t.ZoneBounds()
		if end.IsZero() {
			break
		}
		if t = end; uses(t) {
			return t
		}
	}
	return at
}
