package catalog

import "strings"

// quotedWords are the keywords that are no names without quotes: all but the
// unreserved ones.
var quotedWords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
		all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char
		character check coalesce collate collation column concurrently constraint create cross current_catalog current_date current_role
		current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end except
		exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike in initially inner
		inout int integer intersect interval into is isnull join json_array json_arrayagg json_object json_objectagg lateral leading
		least left like limit localtime localtimestamp national natural nchar none normalize not notnull null nullif numeric offset on
		only or order out outer overlaps overlay placing position precision primary real references returning right row select
		session_user setof similar smallint some substring symmetric system_user table tablesample then time timestamp to trailing treat
		trim true union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement
		xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`) {
		m[w] = true
	}
	return m
}()

// QuoteName is a name as SQL text has it: in quotes where it needs them
// (quote_identifier).
func QuoteName(s string) string {
	safe := s != "" && (s[0] == '_' || s[0] >= 'a' && s[0] <= 'z') && !quotedWords[s]
	for i := 0; safe && i < len(s); i++ {
		safe = IsNameByte(s[i])
	}
	if safe {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// IsNameByte reports whether c may stand in a name without quotes, behind its start.
func IsNameByte(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
