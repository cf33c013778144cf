package function

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// suffixes of PostgreSQL's comparison functions, and their operators.
var (
	comparisonWords = [...]string{equal: "eq", notEqual: "ne", less: "lt", lessEqual: "le", greater: "gt", greaterEqual: "ge"}
	comparisonSigns = [...]string{equal: "=", notEqual: "<>", less: "<", lessEqual: "<=", greater: ">", greaterEqual: ">="}
)

// comparisons are the six functions over one pair of types. pattern is their
// name with a % for eq, ne, ...; low is less than high.
type comparisons struct {
	pattern     string
	left, right string
	kernel      func(op comparison) VectorFunc // nil: as the arguments' own type orders them
	low, high   string
}

func ofType(oid types.OID) func(comparison) VectorFunc {
	return func(op comparison) VectorFunc { return rowComparison(op, types.Of(oid)) }
}

func init() {
	for _, f := range []comparisons{
		{"int2%", "int2", "int2", intComparison[int16, int16], "(-3)::int2", "4::int2"},
		{"int24%", "int2", "int4", intComparison[int16, int32], "(-3)::int2", "70000"},
		{"int28%", "int2", "int8", intComparison[int16, int64], "3::int2", "5000000000"},
		{"int42%", "int4", "int2", intComparison[int32, int16], "-70000", "4::int2"},
		{"int4%", "int4", "int4", intComparison[int32, int32], "3", "4"},
		{"int48%", "int4", "int8", intComparison[int32, int64], "3", "5000000000"},
		{"int82%", "int8", "int2", intComparison[int64, int16], "-5000000000", "4::int2"},
		{"int84%", "int8", "int4", intComparison[int64, int32], "-5000000000", "4"},
		{"int8%", "int8", "int8", intComparison[int64, int64], "4999999999", "5000000000"},
		{"oid%", "oid", "oid", intComparison[uint32, uint32], "3::oid", "4000000000::oid"},
		{"date_%", "date", "date", intComparison[int32, int32], "date '2024-02-29'", "date '2024-03-01'"},
		{"time_%", "time", "time", intComparison[int64, int64], "time '10:00'", "time '10:00:00.000001'"},
		{"timestamp_%", "timestamp", "timestamp", intComparison[int64, int64], "timestamp '2024-02-29 10:00'", "timestamp 'infinity'"},
		{"timestamptz_%", "timestamptz", "timestamptz", intComparison[int64, int64], "timestamptz '2024-02-29 10:00+02'", "timestamptz '2024-02-29 10:00+01'"},
		{"float4%", "float4", "float4", floatComparison[float32, float32], "1.5::float4", "2.5::float4"},
		{"float48%", "float4", "float8", floatComparison[float32, float64], "1.5::float4", "2.5::float8"},
		{"float84%", "float8", "float4", floatComparison[float64, float32], "1.5::float8", "2.5::float4"},
		{"float8%", "float8", "float8", floatComparison[float64, float64], "'Infinity'::float8", "'NaN'::float8"},
		{"numeric_%", "numeric", "numeric", numericComparison, "1.49", "1.5"},
		{"bool%", "bool", "bool", boolComparison, "false", "true"},
		{"byteal%", "bytea", "bytea", bytesComparison, `'\x01'::bytea`, `'\x0100'::bytea`},
		{"text_%", "text", "text", bytesComparison, "'Z'::text", "'a'::text"},
		{"name%", "name", "name", bytesComparison, "'Z'::name", "'a'::name"},
		{"name%text", "name", "text", bytesComparison, "'Z'::name", "'a'::text"},
		{"text%name", "text", "name", bytesComparison, "'Z'::text", "'a'::name"},
		{"char%", "char", "char", ofType(types.Char), `'a'::"char"`, `'b'::"char"`},
		{"bpchar%", "bpchar", "bpchar", ofType(types.BPChar), "'a '::char(3)", "'b'::char(1)"},
		{"uuid_%", "uuid", "uuid", ofType(types.UUID), "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'::uuid"},
		{"interval_%", "interval", "interval", ofType(types.Interval), "interval '29 days 23:00'", "interval '1 month'"},
		{"bit%", "bit", "bit", bytesComparison, "B'10'", "B'101'"},
		{"varbit%", "varbit", "varbit", bytesComparison, "varbit '1'", "varbit '1000'"},
		{"network_%", "inet", "inet", bytesComparison, "inet '10.0.0.1/8'", "inet '10.0.0.0/16'"},
		{"macaddr_%", "macaddr", "macaddr", bytesComparison, "macaddr '08:00:2b:01:02:03'", "macaddr '80:00:2b:01:02:03'"},
		{"macaddr8_%", "macaddr8", "macaddr8", bytesComparison, "macaddr8 '08:00:2b:01:02:03:04:05'", "macaddr8 '80:00:2b:01:02:03:04:05'"},
		{"cash_%", "money", "money", intComparison[int64, int64], "money '-1.50'", "money '1,000'"},
		{"timetz_%", "timetz", "timetz", bytesComparison, "timetz '10:00+02'", "timetz '10:00+01'"},
		{"pg_lsn_%", "pg_lsn", "pg_lsn", intComparison[int64, int64], "pg_lsn '1/0'", "pg_lsn 'FFFFFFFF/0'"},
		{"xid8%", "xid8", "xid8", intComparison[int64, int64], "xid8 '1'", "xid8 '18446744073709551615'"},
		{"tid%", "tid", "tid", bytesComparison, "tid '(1,2)'", "tid '(4294967295,0)'"},
		{"oidvector%", "oidvector", "oidvector", nil, "oidvector '2'", "oidvector '1 1'"},
		{"tsvector_%", "tsvector", "tsvector", bytesComparison, "tsvector 'b'", "tsvector 'a b'"},
		{"tsquery_%", "tsquery", "tsquery", nil, "tsquery 'b'", "tsquery 'a & b'"},
		{"range_%", "anyrange", "anyrange", nil, "int4range '[1,5)'", "int4range '[1,)'"},
		{"multirange_%", "anymultirange", "anymultirange", nil, "int4multirange '{[1,5)}'", "int4multirange '{[1,5),[6,7]}'"},
		{"jsonb_%", "jsonb", "jsonb", jsonbComparison, `'1'::jsonb`, `'[1, 2]'::jsonb`},
		{"record_%", "record", "record", recordComparison, "ROW(1, 'a'::text)", "ROW(1, 'b'::text)"},
		{"array_%", "anyarray", "anyarray", arrayComparison, "ARRAY[1, 2]", "ARRAY[1, 3]"},
	} {
		f.define()
	}
}

// define registers the six functions, with examples for each operator.
func (f comparisons) define() {
	for op, word := range comparisonWords {
		name := strings.Replace(f.pattern, "%", word, 1)
		switch f.pattern {
		case "byteal%":
			name = "bytea" + word
		case "text_%":
			if op := comparison(op); op == equal || op == notEqual {
				name = "text" + word
			}
		}
		op := comparison(op)
		if f.kernel == nil {
			define(fmt.Sprintf("%s(%s, %s) bool strict immutable", name, f.left, f.right), Definition{
				Value: func(_ *Env, a []types.Value) (types.Value, error) {
					return boolean(op.holds(types.Compare(a[0], a[1])))
				},
				Examples: f.examples(op),
			})
			continue
		}
		define(fmt.Sprintf("%s(%s, %s) bool strict immutable", name, f.left, f.right),
			Definition{Vector: f.kernel(op), Examples: f.examples(op)})
	}
}

func (f comparisons) examples(op comparison) []Example {
	sql := f.low + " " + comparisonSigns[op] + " " + f.high
	all := []Example{
		{SQL: sql, Text: truth(op.holds(-1))},
		{SQL: fmt.Sprintf("NULL::%s %s %s", strings.NewReplacer("anyarray", "int[]", "anyrange", "int4range", "anymultirange", "int4multirange", "bpchar", "bpchar", "char", `"char"`).Replace(f.left), comparisonSigns[op], f.high), Text: "NULL"},
	}
	if f.left == f.right {
		all = append(all,
			Example{SQL: f.high + " " + comparisonSigns[op] + " " + f.low, Text: truth(op.holds(1))},
			Example{SQL: f.low + " " + comparisonSigns[op] + " " + f.low, Text: truth(op.holds(0))})
	}
	return all
}

func truth(b bool) string {
	if b {
		return "t"
	}
	return "f"
}
