package expr

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// callPools are texts of values of each type, most of them where behaviour
// changes: zero, the ends of what fits, empty, NaN, odd forms.
var callPools = map[string][]string{
	"regrole": {"0", "-"}, "regcollation": {"0", `"C"`, "nope", "a.b", "a b"}, "regoper": {"0", "||/", "+", "nope.+"}, "regoperator": {"0", "+(integer,integer)", "-(none, int8)", "+"}, "regprocedure": {"0", "now()", "abs(integer)", "nope()", "a.b.c()"},
	"regconfig": {"0", "nope", "nope.nope", "a b", "."}, "regdictionary": {"0", "nope", "nope.nope", "a.b.c.d"},
	"bool":    {"t", "f", "true", "false"},
	"int2":    {"0", "1", "-1", "2", "3", "7", "32767", "-32768", "100"},
	"int4":    {"0", "1", "-1", "2", "3", "5", "10", "-7", "64", "31", "2147483647", "-2147483648", "1000"},
	"int8":    {"0", "1", "-1", "2", "3", "10", "-12", "2147483648", "9223372036854775807", "-9223372036854775808", "4611686018427387904", "123456789"},
	"float4":  {"0", "-0", "1", "-1", "0.5", "1.5", "2.5", "-2.5", "3.4e38", "1e-38", "1e-45", "NaN", "Infinity", "-Infinity", "123.456", "0.1"},
	"float8":  {"0", "-0", "1", "-1", "0.5", "1.5", "2.5", "-2.5", "1e308", "-1e308", "1e-308", "5e-324", "NaN", "Infinity", "-Infinity", "123.456", "0.1", "30", "90", "180", "1e15", "2147483647.5", "9.3e18"},
	"numeric": {"0", "0.00", "1", "-1", "0.5", "1.50", "2.5", "-2.5", "0.000001", "123.456", "-999.999", "1e20", "12345678901234567890.123456789", "NaN", "Infinity", "-Infinity", "3", "10", "100", "1e-20", "2147483648", "9223372036854775808"},
	"text":    {"", "a", "abc", "ABC", "Hello World", "ä€😀", " x ", "aXbXc", "it's", `a\b`, "%", "a_c", "1", "12.5", "null", "{1,2}", "true", "2024-02-29", "a,b,c", `{"a": 1}`, "$.a", "(a)(b)?", "x y", "\t\n", "zz"},
	"varchar": {"", "a", "abc", "Abc ", "ä€😀", "12"}, "bpchar": {"", "a", "abc  ", "ab", " ä"},
	"name": {"", "a", "pg_class", "Abc", strings.Repeat("n", 63)}, "char": {"", "a", "Z", `\377`, "0"},
	"bytea": {"", `\x00`, `\x6162`, `\xff00ff`, `\x0102030405060708090a`, "abc"},
	"bit":   {"0", "1"}, "varbit": {"", "0", "1", "101", "00000000", "1111000011110000", "11111111111111111111111111111111"},
	"date": {"2024-02-29", "2000-01-01", "1999-12-31", "0001-01-01", "4713-01-01 BC", "5874897-12-31", "infinity", "-infinity", "1970-01-01", "2023-03-31"},
	"time": {"00:00", "12:34:56.789", "24:00:00", "23:59:59.999999", "01:02:03"}, "timetz": {"00:00+00", "12:34:56.789+02", "24:00-15:59", "23:59:59.999999-08", "12:34+05:30"},
	"timestamp":   {"2024-02-29 12:34:56.789", "2000-01-01", "1999-12-31 23:59:59.999999", "0044-03-15 BC", "294276-12-31 23:59:59", "4713-01-01 BC", "infinity", "-infinity", "1970-01-01", "2023-10-29 02:30"},
	"timestamptz": {"2024-02-29 12:34:56.789+02", "2000-01-01", "1999-12-31 23:59:59.999999", "0044-03-15 BC", "294276-12-31 23:59:59", "infinity", "-infinity", "1970-01-01", "2023-10-29 02:30 Europe/Berlin"},
	"interval":    {"0", "1 day", "1 month", "-1 month", "1 year 2 months 3 days 04:05:06.789", "-25:00", "00:00:00.000001", "100 years", "1 month -30 days", "178000000 years", "2 hours", "15 minutes", "40 days"},
	"uuid":        {"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
	"json":        {"null", "1", `"a"`, "[]", "{}", "[1, 2, 3]", `{"a": 1, "b": [1, {"c": null}]}`, `{"a":1,"a":2}`, `[{"a": 1}, {"a": "x"}]`, "true", `["a", "b"]`, `{"b": {"c": 1.50}}`, ` [ 1 ] `},
	"jsonb":       {"null", "1", "-1.50", `"a"`, "[]", "{}", "[1, 2, 3]", `{"a": 1, "b": [1, {"c": null}]}`, `[{"a": 1}, {"a": "x"}]`, "true", `["a", "b"]`, `{"a": {"b": 1}, "c": 2}`, "[[1, 2], [3]]", "1e30"},
	"jsonpath":    {"$", "$.a", "$[*]", "$.b[*].c", "strict $.a", "$.a ? (@ > 1)", "$[0] == 1", "$.**", "exists($.a)", "$.a.type()", "$[last]", "$x + 1"},
	"inet":        {"192.168.1.5/24", "10.0.0.1", "::1", "2001:db8::1/64", "0.0.0.0/0", "255.255.255.255", "192.168.1.0/25"}, "cidr": {"192.168.1.0/24", "10.0.0.0/8", "::/0", "2001:db8::/32", "0.0.0.0/0", "192.168.0.0/16"},
	"macaddr": {"08:00:2b:01:02:03", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"}, "macaddr8": {"08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff", "08:00:2b:ff:fe:01:02:03"},
	"money": {"0", "1.50", "-1234.56", "92233720368547758.07", "3"}, "oid": {"0", "1", "16", "23", "25", "1259", "4294967295", "2249"},
	"pg_lsn": {"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"}, "tid": {"(0,0)", "(1,2)", "(4294967295,65535)"}, "xid": {"0", "3", "4294967295"}, "xid8": {"0", "3", "18446744073709551615"}, "cid": {"0", "7"},
	"point": {"(0,0)", "(1,2)", "(-1.5,1e10)", "(3,4)", "(NaN,1)", "(Infinity,2)"}, "line": {"{1,-1,0}", "{0,1,2}", "{1,0,-3}", "[(0,0),(1,2)]"}, "lseg": {"[(0,0),(1,1)]", "[(1,2),(3,4)]", "[(0,0),(0,0)]", "[(0,1),(1,0)]", "[(0,0),(0,5)]"},
	"box": {"(1,1),(0,0)", "(3,4),(1,2)", "(0,0),(0,0)", "(2,2),(-2,-2)"}, "path": {"[(0,0),(1,1),(2,0)]", "((0,0),(1,1),(2,0))", "((1,1))", "[(0,0),(3,0)]"},
	"polygon": {"((0,0),(1,1),(2,0))", "((0,0),(0,4),(4,4),(4,0))", "((1,1))", "((5,5),(6,6),(7,5))"}, "circle": {"<(0,0),1>", "<(1,2),3>", "<(0,0),0>", "<(5,5),2>"},
	"regclass": {"pg_class", "pg_type", "0", "nope", "a b", "a.b.c", "a.b.c.d", ""}, "regtype": {"integer", "text", "numeric(3,1)", "0", "-", "timestamp (3) with time zone", "a b", "int[][]", "nope"}, "regproc": {"now", "0", "nope", "a.b", "abs", "pg_catalog.now"},
	"regnamespace": {"pg_catalog", "0", "nope", "a.b", `"`},
	"int2vector":   {"", "1", "1 2 3"}, "oidvector": {"", "23", "23 25"},
	"tsvector": {"", "'a' 'b'", "'a':1A 'b':2,3", "'cat':3B 'sat':4"}, "tsquery": {"", "'a'", "'a' & 'b'", "'a' | !'c'", "'a' <-> 'b'", "'ca':*"},
	"xml": {"<a/>", "<a b='1'>x</a>", "text"},
}

// callRanges are ranges by their subtype, and their texts.
var callRanges = map[types.OID]struct {
	typ, multi string
	texts      []string
}{
	types.Int4:        {"int4range", "int4multirange", []string{"empty", "[1,10)", "[5,5]", "(,3]", "[20,)", "(,)", "(1,4)"}},
	types.Int8:        {"int8range", "int8multirange", []string{"empty", "[1,10)", "[5,5]", "(,3]", "[20,)", "(,)"}},
	types.Numeric:     {"numrange", "nummultirange", []string{"empty", "[1.5,10)", "[5,5]", "(,3.0]", "[20,)", "(,)", "(1,1.5)"}},
	types.Date:        {"daterange", "datemultirange", []string{"empty", "[2024-01-01,2024-02-01)", "[2024-02-29,2024-02-29]", "(,2000-01-01]", "(,)"}},
	types.Timestamp:   {"tsrange", "tsmultirange", []string{"empty", "[2024-01-01,2024-02-01)", "(,2000-01-01 12:00]", "(,)"}},
	types.Timestamptz: {"tstzrange", "tstzmultirange", []string{"empty", "[2024-01-01,2024-02-01)", "(,2000-01-01 12:00]", "(,)"}},
}

// callElements are the types that polymorphic arguments take.
var callElements = []types.OID{types.Int4, types.Int4, types.Text, types.Text, types.Numeric, types.Int8, types.Float8, types.Bool, types.Date, types.Timestamptz, types.Timestamp, types.Interval, types.UUID, types.JSONB, types.Bytea, types.Varchar, types.Int2, types.Inet, types.PointType}

// callTexts are texts that some functions know what to do with, by the
// function's name, for its arguments in order ("" in a name's place: any).
var callTexts = map[string][][]string{
	"date_part":         {{"year", "month", "epoch", "dow", "isoyear", "julian", "timezone", "hour", "microseconds", "quarter", "week", "century", "nope", "timezone_h", "Decade", "doy", "second"}},
	"date_trunc":        {{"year", "month", "week", "quarter", "hour", "millennium", "nope", "microseconds", "day", "decade", "milliseconds"}},
	"encode":            {nil, {"hex", "base64", "escape", "nope", "HEX"}},
	"decode":            {{"", "ab", "YWJj", "0g", `a\001`, "61626", " YWI= "}, {"hex", "base64", "escape", "nope"}},
	"timezone":          {{"UTC", "America/New_York", "Europe/Berlin", "EST", "+03", "nope", "PDT"}},
	"format":            {{"%s", "%I-%L", "%2$s %1$s", "%%", "%-5s|", "%*s", "%x", "a"}},
	"convert_from":      {nil, {"UTF8", "LATIN1", "nope", "SQL_ASCII"}},
	"convert_to":        {nil, {"UTF8", "LATIN1", "nope"}},
	"convert":           {nil, {"UTF8", "LATIN1"}, {"UTF8", "LATIN1"}},
	"to_date":           {{"2024-02-29", "29 Feb 2024", "20240229", "x"}, {"YYYY-MM-DD", "DD Mon YYYY", "YYYYMMDD", "Q"}},
	"to_timestamp":      {{"2024-02-29 10:11:12", "29 Feb 2024", "x"}, {"YYYY-MM-DD HH24:MI:SS", "DD Mon YYYY", "TZ"}},
	"to_char":           {nil, {"YYYY-MM-DD", "HH12:MI:SS AM", "999D99", "FM0000", "RN", "", "Day", "SG9.9EEEE"}},
	"to_number":         {{"12.5", "1,234", "-5", "x"}, {"99.9", "9,999", "S9", ""}},
	"normalize":         {nil, {"NFC", "NFD", "NFKC", "NFKD", "nope"}},
	"is_normalized":     {nil, {"NFC", "NFD", "NFKC", "NFKD", "nope"}},
	"digest":            {nil, {"md5", "sha256"}},
	"regexp_match":      {{"foobarbaz", "abcabc", ""}, {"b.*?z", "(a)(b)?", "", "(", "[a-c]+"}, {"i", "g", "", "n", "q"}},
	"regexp_matches":    {{"foobarbaz", "abcabc", ""}, {"b.*?z", "(a)(b)?", "", "(", "[a-c]+"}, {"i", "g", "", "n", "q"}},
	"regexp_like":       {{"foobarbaz", "abcabc", ""}, {"B.*Z", "(a)(b)?", "", "(", "[a-c]+"}, {"i", "g", "", "n", "q"}},
	"regexp_replace":    {{"foobarbaz", "abcabc", ""}, {"b.", "(a)(b)?", "", "(", "[a-c]+"}, {`<\1>`, `\&`, "", `\9`}, {"g", "i", "", "2"}},
	"pg_input_is_valid": {{"1", "a", "", "2024-02-30"}, {"int4", "date", "numeric(3,1)", "nope", "text[]"}},
	"set_bit":           {{`\x00ff`, `\x`}}, "set_byte": {{`\x00ff`, `\x`}},
	"string_to_array": {{"a,b,c", "", "a"}, {",", "", "a"}, {"b", ""}}, "string_to_table": {{"a,b,c", "", "a"}, {",", "", "a"}, {"b", ""}},
	"unistr": {{`\0041`, `a\\b`, `\+01F600`, `\d83d`, "x"}}, "parse_ident": {{"a.b", `"A b".c`, "a b", ""}},
	"split_part": {{"a,b,c", ""}, {",", "b", ""}}, "translate": {{"abcabc"}, {"ab", ""}, {"x", ""}},
}

// callSmall are functions whose numbers are sizes: they get small ones only,
// as PostgreSQL would build what they say.
var callSmall = map[string]bool{"repeat": true, "lpad": true, "rpad": true, "array_fill": true, "generate_series": true, "generate_subscripts": true, "gen_random_bytes": true, "factorial": true, "power": true, "pow": true, "numeric_power": true}

// callMaker makes the arguments of calls.
type callMaker struct {
	*rand.Rand
	name    string
	element types.OID // of polymorphic arguments, in this call
}

func (m *callMaker) pick(of ...string) string { return of[m.IntN(len(of))] }

// Pseudo types that have no constant.
const (
	anyEnum                 types.OID = 3500
	anyCompatibleMultirange types.OID = 4538
	anyCompatible           types.OID = 5077
	anyCompatibleArray      types.OID = 5078
	anyCompatibleNonArray   types.OID = 5079
	anyCompatibleRange      types.OID = 5080
)

// concrete is the type that an argument gets: of a polymorphic one this call's.
func (m *callMaker) concrete(oid types.OID) types.OID {
	switch oid {
	case types.Any, types.AnyElement, types.AnyNonArray, anyCompatible, anyCompatibleNonArray:
		if m.IntN(15) == 0 {
			m.element = callElements[m.IntN(len(callElements))]
		}
		return m.element
	case types.AnyArray, anyCompatibleArray:
		return types.Lookup(m.element).Array
	case types.AnyRange, anyCompatibleRange, types.AnyMultirange, anyCompatibleMultirange:
		if _, ok := callRanges[m.element]; !ok {
			m.element = []types.OID{types.Int4, types.Int4, types.Numeric, types.Date, types.Timestamptz, types.Int8, types.Timestamp}[m.IntN(7)]
		}
		name := callRanges[m.element].typ
		if oid == types.AnyMultirange || oid == anyCompatibleMultirange {
			name = callRanges[m.element].multi
		}
		info, _ := types.ByName(name)
		return info.OID
	}
	return oid
}

// value is an argument of a type, as SQL; false where none can be written. place
// is the argument's number.
func (m *callMaker) value(oid types.OID, place int) (string, bool) {
	oid = m.concrete(oid)
	switch oid {
	case anyEnum:
		return literal(m.pick("sad", "ok", "happy")) + "::mood", true
	case types.Record:
		return m.row(), true
	}
	s, ok := m.text(oid, place)
	if !ok {
		return "", false
	}
	typ := types.FormatType(types.Of(oid))
	switch m.IntN(24) {
	case 0:
		return "NULL", true
	case 1:
		return "NULL::" + typ, true
	case 2, 3, 4: // its type is what the call makes of it
		return literal(s), true
	case 5, 6: // an integer constant
		if strings.Trim(s, "0123456789") == "" && s != "" && len(s) < 10 && oid != types.Bit && oid != types.Varbit {
			return s, true
		}
	}
	return literal(s) + "::" + typ, true
}

// text is the text of a value of a type.
func (m *callMaker) text(oid types.OID, place int) (string, bool) {
	if known := callTexts[m.name]; place >= 0 && place < len(known) && known[place] != nil && m.IntN(6) > 0 {
		return m.pick(known[place]...), true
	}
	info := types.Lookup(oid)
	if info == nil {
		return "", false
	}
	switch oid {
	case types.Int2, types.Int4, types.Int8, types.Numeric, types.Float8:
		if callSmall[m.name] {
			return fmt.Sprint(m.IntN(15) - 4), true
		}
		if m.IntN(3) == 0 {
			return fmt.Sprint(m.IntN(200) - 100), true
		}
	}
	if pool, ok := callPools[info.Name]; ok {
		return m.pick(pool...), true
	}
	for _, r := range callRanges {
		switch info.Name {
		case r.typ:
			return m.pick(r.texts...), true
		case r.multi:
			return m.pick("{}", "{"+r.texts[1+m.IntN(len(r.texts)-1)]+"}", "{"+r.texts[1]+","+r.texts[2]+"}"), true
		}
	}
	if info.Elem == 0 {
		return "", false
	}
	return m.array(info.Elem)
}

// array is the text of an array.
func (m *callMaker) array(elem types.OID) (string, bool) {
	items := []string{"NULL", "NULL", "NULL", "NULL"}
	for i := range items {
		s, ok := m.text(elem, -1)
		if !ok {
			return "", false
		}
		if m.IntN(8) > 0 {
			items[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
		}
	}
	delim := ","
	if elem == types.Box {
		delim = ";"
	}
	switch m.IntN(9) {
	case 0:
		return "{}", true
	case 1:
		return "{{" + items[0] + delim + items[1] + "}" + delim + "{" + items[2] + delim + items[3] + "}}", true
	case 2:
		return "[0:1]={" + items[0] + delim + items[1] + "}", true
	}
	return "{" + strings.Join(items[:1+m.IntN(4)], delim) + "}", true
}

// row is a record.
func (m *callMaker) row() string {
	var values []string
	for range 1 + m.IntN(3) {
		element := []types.OID{types.Int4, types.Text, types.Numeric, types.Int4}[m.IntN(4)]
		s, _ := m.text(element, -1)
		values = append(values, literal(s)+"::"+types.FormatType(types.Of(element)))
	}
	return "ROW(" + strings.Join(values, ", ") + ")"
}
