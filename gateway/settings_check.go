package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// canonical checks a value as SET does and returns the form that is kept.
func (s *setting) canonical(v string) (string, error) {
	var err error
	switch s.vartype {
	case "bool":
		b, ok := parseBool(v)
		if !ok {
			return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "parameter %q requires a Boolean value", s.name)
		}
		v = onOff(b)
	case "integer":
		v, err = s.integer(v)
	case "enum":
		i := slices.IndexFunc(s.enum, func(e string) bool { return strings.EqualFold(e, strings.TrimSpace(v)) })
		if i < 0 && s.check == nil {
			return "", s.invalid(v).WithHint("Available values: %s.", strings.Join(s.enum, ", "))
		}
		if i >= 0 {
			v = s.enum[i]
		}
	}
	if err != nil || s.check == nil {
		return v, err
	}
	c, err := s.check(v)
	if errors.Is(err, errBadValue) {
		e := s.invalid(v)
		if s.enum != nil {
			e.WithHint("Available values: %s.", strings.Join(s.enum, ", "))
		}
		return "", e
	}
	return c, err
}

// errBadValue is a check's way to ask for the plain error of its setting.
var errBadValue = fmt.Errorf("invalid value")

func (s *setting) invalid(v string) *sqlerr.Error {
	name := s.name
	if s.vartype == "enum" {
		name = strings.ToLower(name) // as PostgreSQL does, of enums alone
	}
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter %q: %q", name, v)
}

// unitScale gives how many of a base unit one of another is.
var unitScale = map[string]map[string]float64{
	"ms": {"us": 0.001, "ms": 1, "s": 1000, "min": 60000, "h": 3600000, "d": 86400000},
	"s":  {"us": 0.000001, "ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400},
	"kB": {"B": 1.0 / 1024, "kB": 1, "MB": 1024, "GB": 1 << 20, "TB": 1 << 30},
}

var unitHint = map[string]string{
	"ms": `Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`,
	"s":  `Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`,
	"kB": `Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".`,
}

// integer reads '5s', '0.5 min', '1000', and returns the number in base units.
func (s *setting) integer(v string) (string, error) {
	text := strings.TrimSpace(v)
	end := len(text)
	for end > 0 && !strings.ContainsRune("0123456789.", rune(text[end-1])) {
		end--
	}
	number, unit := text[:end], strings.TrimSpace(text[end:])
	x, err := strconv.ParseFloat(number, 64)
	if err != nil {
		n, ierr := strconv.ParseInt(number, 0, 64)
		if ierr != nil {
			return "", s.invalid(v)
		}
		x = float64(n)
	}
	if unit != "" {
		scale, ok := unitScale[s.unit][unit]
		if !ok {
			e := s.invalid(v)
			if h := unitHint[s.unit]; h != "" {
				e.WithHint("%s", h)
			}
			return "", e
		}
		x *= scale
	}
	if x != x || x > 1<<62 || x < -(1<<62) {
		return "", s.invalid(v).WithHint("Value exceeds integer range.")
	}
	n := roundHalfEven(x)
	if n < s.min || n > s.max {
		space := ""
		if s.unit != "" {
			space = " "
		}
		return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "%d%s%s is outside the valid range for parameter %q (%d .. %d)",
			n, space, s.unit, s.name, s.min, s.max)
	}
	return strconv.FormatInt(n, 10), nil
}

func roundHalfEven(x float64) int64 {
	n := int64(x)
	switch d := x - float64(n); {
	case d > 0.5 || d == 0.5 && n%2 != 0:
		n++
	case d < -0.5 || d == -0.5 && n%2 != 0:
		n--
	}
	return n
}

// display writes a canonical value as SHOW does: with the largest unit that
// keeps it whole.
func (s *setting) display(v string) string {
	if s.unit == "" {
		return v
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n <= 0 {
		return v
	}
	units := []struct {
		name string
		size int64
	}{{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}}
	switch s.unit {
	case "s":
		units = units[:4]
		n *= 1000
	case "kB":
		units = units[:0]
		units = append(units, []struct {
			name string
			size int64
		}{{"TB", 1 << 30}, {"GB", 1 << 20}, {"MB", 1 << 10}, {"kB", 1}}...)
	}
	for _, u := range units {
		if n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return v
}

// parseBool reads PostgreSQL's spellings and their unambiguous beginnings.
func parseBool(v string) (value, ok bool) {
	v = strings.ToLower(strings.TrimSpace(v))
	if v == "" {
		return false, false
	}
	switch {
	case v == "1", v == "on", strings.HasPrefix("true", v), strings.HasPrefix("yes", v):
		return true, true
	case v == "0", v == "of", v == "off", strings.HasPrefix("false", v), strings.HasPrefix("no", v):
		return false, true
	}
	return false, false
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// checkApplicationName keeps printable ASCII, as PostgreSQL does.
func checkApplicationName(v string) (string, error) {
	if len(v) > 63 {
		v = v[:63]
	}
	var b strings.Builder
	for i := range len(v) {
		if v[i] >= 32 && v[i] <= 126 {
			b.WriteByte(v[i])
		} else {
			fmt.Fprintf(&b, "\\x%02x", v[i])
		}
	}
	return b.String(), nil
}

func checkMessages(v string) (string, error) {
	switch strings.ToLower(v) {
	case "debug":
		return "debug2", nil
	case "info":
		return "info", errBadValue
	}
	if !slices.Contains(messageLevels, v) {
		return "", errBadValue
	}
	return v, nil
}

func checkLocale(v string) (string, error) {
	switch {
	case v == "" || strings.EqualFold(v, "C") || strings.EqualFold(v, "POSIX"):
		return v, nil
	}
	return "", errBadValue
}

func checkConformingStrings(v string) (string, error) {
	if v != "on" {
		return "", sqlerr.Unsupported(`Write E'...' where a string needs backslash escapes.`, "standard_conforming_strings cannot be turned off")
	}
	return v, nil
}

// splitIdentifiers reads a comma list of identifiers, quoted or not.
func splitIdentifiers(s string) ([]string, bool) {
	var items []string
	rest := strings.TrimSpace(s)
	if rest == "" {
		return nil, true
	}
	for {
		var item string
		if rest != "" && rest[0] == '"' {
			var b strings.Builder
			i := 1
			for ; i < len(rest); i++ {
				if rest[i] == '"' {
					if i+1 >= len(rest) || rest[i+1] != '"' {
						break
					}
					i++
				}
				b.WriteByte(rest[i])
			}
			if i >= len(rest) {
				return nil, false
			}
			item, rest = b.String(), rest[i+1:]
		} else {
			end := strings.IndexAny(rest, ", \t\n\r")
			if end < 0 {
				end = len(rest)
			}
			item, rest = strings.ToLower(rest[:end]), rest[end:]
			if item == "" {
				return nil, false
			}
		}
		items = append(items, item)
		rest = strings.TrimSpace(rest)
		if rest == "" {
			return items, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = strings.TrimSpace(rest[1:])
	}
}

func checkSearchPath(v string) (string, error) {
	if _, ok := splitIdentifiers(v); !ok {
		return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter %q: %q", "search_path", v).
			WithDetail("List syntax is invalid.")
	}
	return v, nil
}

// loadZone returns a zone and its name as SHOW TimeZone prints it. A number
// is hours east of Greenwich.
func loadZone(name string) (*time.Location, string, error) {
	if hours, err := strconv.ParseFloat(strings.TrimSpace(name), 64); err == nil && hours >= -168 && hours <= 168 {
		loc, canonical := types.FixedZone(int(roundHalfEven(hours * 3600)))
		return loc, canonical, nil
	}
	loc, canonical, err := types.LoadZone(name)
	if err != nil {
		return nil, "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter %q: %q", "TimeZone", name)
	}
	return loc, canonical, nil
}

// parseDateStyle changes the style and order that a DateStyle value names.
func parseDateStyle(v string, style types.DateStyle, order types.DateOrder) (types.DateStyle, types.DateOrder, error) {
	bad := func() error {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter %q: %q", "DateStyle", v)
	}
	items, ok := splitIdentifiers(v)
	if !ok {
		return 0, 0, bad()
	}
	var haveStyle, haveOrder bool
	setStyle := func(s types.DateStyle) bool {
		conflict := haveStyle && s != style
		style, haveStyle = s, true
		return !conflict
	}
	setOrder := func(o types.DateOrder) bool {
		conflict := haveOrder && o != order
		order, haveOrder = o, true
		return !conflict
	}
	for _, item := range items {
		ok := true
		switch item = strings.ToLower(item); {
		case item == "iso":
			ok = setStyle(types.DateISO)
		case item == "sql":
			ok = setStyle(types.DateSQL)
		case strings.HasPrefix(item, "postgres"):
			ok = setStyle(types.DatePostgres)
		case item == "german":
			ok = setStyle(types.DateGerman)
			if !haveOrder {
				order = types.OrderDMY
			}
		case item == "ymd":
			ok = setOrder(types.OrderYMD)
		case item == "dmy", strings.HasPrefix(item, "euro"):
			ok = setOrder(types.OrderDMY)
		case item == "mdy", item == "us", strings.HasPrefix(item, "noneuro"):
			ok = setOrder(types.OrderMDY)
		case item == "default":
			if !haveStyle {
				style = types.DateISO
			}
			if !haveOrder {
				order = types.OrderMDY
			}
		default:
			return 0, 0, bad().(*sqlerr.Error).WithDetail("Unrecognized key word: %q.", item)
		}
		if !ok {
			return 0, 0, bad().(*sqlerr.Error).WithDetail(`Conflicting "datestyle" specifications.`)
		}
	}
	return style, order, nil
}

func dateStyleName(s types.DateStyle, o types.DateOrder) string {
	return [...]string{"ISO", "Postgres", "SQL", "German"}[s] + ", " + [...]string{"MDY", "DMY", "YMD"}[o]
}
