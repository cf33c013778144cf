package expr

import (
	"fmt"
	"strings"
)

// Families of random templates: of texts that do not come of their template, and
// SQL's strict ones in jsonpath.

var strictWords = []string{"YYYY", "MM", "DD", "HH24", "HH12", "MI", "SS", "MS", "US", "FF3", "FF6", "TZH", "TZM", "AM", "Mon", "Day", "DDD", "J", "Q", "W", "YY", "FX", "FMDD", "DDth", "ID", "IYYY", "IW", "SSSS", "CC", "BC", "TZ", `"T"`}

var strictTexts = map[string][]string{
	"YYYY": {"2017", "17", "0"}, "MM": {"03", "3", "13"}, "DD": {"10", "1", "31"}, "HH24": {"12", "5", "24"}, "HH12": {"11", "01", "13"}, "MI": {"34", "7", "60"},
	"SS": {"56", "9"}, "MS": {"123", "5"}, "US": {"123456", "1"}, "FF3": {"123", "1"}, "FF6": {"123456"}, "TZH": {"+05", "-7", "5", " 3", "+16"}, "TZM": {"20", "5", "70"},
	"AM": {"PM", "am"}, "Mon": {"Mar", "xx"}, "Day": {"Friday"}, "DDD": {"069", "7"}, "J": {"2451187"}, "Q": {"1"}, "W": {"2"}, "YY": {"17"}, "FMDD": {"1", "10"},
	"DDth": {"1st", "10th"}, "ID": {"5"}, "IYYY": {"2017"}, "IW": {"10"}, "SSSS": {"3600"}, "CC": {"21"}, "BC": {"BC", "AD"}, "TZ": {"UTC"}, `"T"`: {"T", "t", " "},
}

// strict is a template of SQL and a text that is near to it.
func (g formatGenerator) strict() (text, template string) {
	separators := []string{" ", "-", "/", ":", ",", ".", ";", "", "", "_", "a", "  "}
	for range 1 + g.IntN(6) {
		word := g.pick(strictWords[:14]...)
		if g.IntN(5) == 0 {
			word = g.pick(strictWords...)
		}
		template += word
		text += g.pick(append(strictTexts[word], "")[:max(len(strictTexts[word]), 1)]...)
		between := g.pick(" ", "-", ":")
		if g.IntN(2) == 0 {
			between = g.pick(separators...)
		}
		template += between
		if g.IntN(14) == 0 {
			between = g.pick(separators...)
		}
		text += between
	}
	if g.IntN(2) == 0 {
		return strings.TrimRight(text, " "), strings.TrimRight(template, " ")
	}
	return text, template
}

func init() {
	formatFamilies = append(formatFamilies, []formatFamily{
		{"texts of no template", func(g formatGenerator) string {
			text, template := g.strict()
			return fmt.Sprintf("%s('%s', '%s')", g.pick("to_timestamp", "to_date"), text, template)
		}},
		{"strict templates", func(g formatGenerator) string {
			text, template := g.strict()
			return fmt.Sprintf(`jsonb_path_query_first('"%s"', '$.datetime("%s")')`, text, strings.ReplaceAll(template, `"`, `\"`))
		}},
	}...)
}
