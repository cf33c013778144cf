// Package codec holds what a real PostgreSQL 16 answers for values of every
// type: how it reads, prints and sends them, under many settings, and what it
// refuses in which words. The tests compare catalog/types with it.
package codec

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// settings are session settings as name=value, separated by semicolons.
type settings string

var dateStyles = map[string]types.DateStyle{
	"iso": types.DateISO, "postgres": types.DatePostgres, "sql": types.DateSQL, "german": types.DateGerman,
}

var dateOrders = map[string]types.DateOrder{"mdy": types.OrderMDY, "dmy": types.OrderDMY, "ymd": types.OrderYMD}

var intervalStyles = map[string]types.IntervalStyle{
	"postgres": types.IntervalPostgres, "postgres_verbose": types.IntervalPostgresVerbose,
	"sql_standard": types.IntervalSQLStandard, "iso_8601": types.IntervalISO8601,
}

func (s settings) each(f func(name, value string)) {
	for part := range strings.SplitSeq(string(s), ";") {
		name, value, _ := strings.Cut(part, "=")
		f(name, value)
	}
}

// format is the settings as this project has them.
func (s settings) format() *types.Format {
	f := types.DefaultFormat()
	s.each(func(name, value string) {
		switch name {
		case "TimeZone":
			loc, canonical, err := types.LoadZone(value)
			if err != nil {
				panic(err)
			}
			f.TimeZone, f.TimeZoneName = loc, canonical
		case "DateStyle":
			style, order, _ := strings.Cut(strings.ToLower(value), ", ")
			f.DateStyle, f.DateOrder = dateStyles[style], dateOrders[order]
		case "IntervalStyle":
			f.IntervalStyle = intervalStyles[value]
		case "extra_float_digits":
			var err error
			if f.ExtraFloatDigits, err = strconv.Atoi(value); err != nil {
				panic(err)
			}
		case "bytea_output":
			f.ByteaEscape = value == "escape"
		case "":
		default:
			panic("unknown setting " + name)
		}
	})
	return f
}

// sql sets the settings in PostgreSQL, after the defaults.
func (s settings) sql() string {
	var b strings.Builder
	b.WriteString("reset all; set timezone = 'UTC'; set datestyle = 'ISO, MDY'; ")
	s.each(func(name, value string) {
		if name != "" {
			fmt.Fprintf(&b, "set %s = '%s'; ", name, value)
		}
	})
	return b.String()
}
