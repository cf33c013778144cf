package expr

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestExamplesPlanned runs the examples of scalar functions as the planner binds
// them.
func TestExamplesPlanned(t *testing.T) {
	ctx, env := planning(t)
	for _, d := range function.All() {
		if d.Func.Kind != catalog.Scalar || d.Func.Set || needsSession[d.Func.Name] || locksAdvisory(d.Func.Name) {
			continue
		}
		for _, ex := range d.Examples {
			got, err := planned(ctx, env, ex.SQL)
			if err != nil {
				got = "ERROR " + string(sqlerr.CodeOf(err))
			}
			if got != ex.Text {
				t.Errorf("%s = %s, want %s (%v)", ex.SQL, got, ex.Text, err)
			}
		}
	}
}

// TestProducts compares functions with PostgreSQL over many arguments: every
// expression for every value.
func TestProducts(t *testing.T) {
	ctx, env := planning(t)
	conn := connect(t)
	answer(t, conn, "SET TimeZone = 'UTC'")
	for _, p := range []struct{ exprs, values []string }{
		{[]string{"to_char(%s, '9')", "to_char(%s, '999')", "to_char(%s, '000')", "to_char(%s, '990.99')", "to_char(%s, 'FM990.99')", "to_char(%s, '9,999.9')", "to_char(%s, 'FM9,999.99')", "to_char(%s, 'S999.9')", "to_char(%s, '999.9MI')", "to_char(%s, '999PR')", "to_char(%s, '0999.90')", "to_char(%s, '.99')", "to_char(%s, 'FM0,000.0')"},
			[]string{"0", "0.0", "1", "-1", "0.5", "-0.5", "0.049", "12.345", "-12.345", "999.95", "1234.5", "-1234.56", "12345678"}},
		{[]string{"to_char(%s, 'YYYY-IYYY YYY YY Y IYY IY I')", "to_char(%s, 'WW IW W ID D DDD IDDD')", "to_char(%s, 'Q CC J MM RM FMRM mon Month MONTH FMMonth')", "to_char(%s, 'HH HH24 am P.M. MI SS SSSSS US MS FF1 FF4')", "to_char(%s, 'DDth FMDDTH Dayth BC ad')",
			"date_trunc('week', %s)", "date_trunc('quarter', %s)", "date_trunc('millennium', %s)", "extract(week from %s)", "extract(isoyear from %s)", "extract(julian from %s)", "extract(epoch from %s)", "extract(decade from %s)", "age(%s, timestamp '2001-04-30 12:00')", "%s + interval '1 month'", "%s - interval '13 months 29 days'", "age(timestamp '2001-04-30 12:00', %s)"},
			[]string{"timestamp '2024-02-29 23:59:59.999999'", "timestamp '1999-12-31 00:00'", "timestamp '2000-01-01 12:00'", "timestamp '2021-01-03 01:02:03'", "timestamp '2020-12-28'", "timestamp '0001-01-01'", "timestamp '0044-03-15 13:00 BC'", "timestamp '1900-03-01 11:11:11.5'"}},
		{[]string{"to_date(%s, 'YYYY-MM-DD')", "to_date(%s, 'YYYYMMDD')", "to_date(%s, 'DD Mon YYYY')", "to_timestamp(%s, 'YYYY-MM-DD HH24:MI:SS')", "to_timestamp(%s, 'FXYYYY-MM-DD HH12:MI')", "to_date(%s, 'IYYY-IW-ID')", "to_date(%s, 'YY MM DD')", "to_timestamp(%s, 'YYYY/MM/DD \"at\" HH24 MI TZH')", "to_date(%s, 'DDth Month YYY')", "to_date(%s, 'FMYYYY-FMMM-FMDD')"},
			[]string{"'2024-02-29'", "'20240229'", "'29 Feb 2024'", "'2024-2-9 3:4:5'", "'  2024 / 02 / 29  13:14:15 '", "'2024-09-4'", "'24 2 9'", "'2024/02/29 at 10 30 -05'", "'1st  March 024'", "''", "'-5-01-01'", "'2023-02-29'", "'2024--02--29'", "'99999-01-01'"}},
		{[]string{"to_number(%s, '999')", "to_number(%s, '9,999.99')", "to_number(%s, 'FM9G999D99')", "to_number(%s, 'S9999.9')", "to_number(%s, '9999.9S')", "to_number(%s, '999.99MI')", "to_number(%s, '999.99PR')", "to_number(%s, 'L999')", "to_number(%s, '9th')", "to_number(%s, 'SG99V9')", "to_number(%s, 'PL9990.0')"},
			[]string{"'1'", "'-1'", "'1-'", "'+12.5'", "' 1,234.56'", "'1234.567'", "'<12.3>'", "'$45'", "'3rd'", "'.5'", "''", "'x'", "'1 2 3'", "'-.5-'"}},
		{[]string{"to_char(%s, 'YYYY MM DD HH24:MI:SS')", "to_char(%s, 'HH12 AM MS US FF2')", "to_char(%s, 'FMDDD FMHH24 FMMI')", "to_char(%s, 'Y,YYY YYY YY Y CC Q')", "to_char(%s, 'SSSS WW W RM')"},
			[]string{"interval '1 month 15 days 12:00'", "interval '100 years 11 months'", "interval '49:59:59.25'", "interval '1 year 1 day'"}},
		{[]string{"jsonb_set(%s, '{a}', '9')", "jsonb_set(%s, '{1}', '9')", "jsonb_set(%s, '{a,1}', '9', false)", "jsonb_set(%s, '{-1,a}', '9')", "jsonb_insert(%s, '{0}', '9')", "jsonb_insert(%s, '{a,0}', '9', true)", "%s #- '{a}'", "%s #- '{-1}'", "%s #- '{a,0}'", "%s - 'a'::text", "%s - 0", "%s - '{a,b}'::text[]", "%s || '[1]'::jsonb", "'{\"a\":5}'::jsonb || %s",
			"%s @> '{\"a\":[2]}'::jsonb", "%s @> '[1]'::jsonb", "'[1,[1,2],{\"a\":1}]'::jsonb @> %s", "%s ?| '{a,b}'::text[]", "%s ?& '{a,b}'::text[]", "jsonb_strip_nulls(%s)", "jsonb_pretty(%s)", "jsonb_array_length(%s)", "jsonb_typeof(%s)", "%s #>> '{a,0}'", "%s -> -1", "json_strip_nulls(%s::text::json)"},
			[]string{"'{}'::jsonb", "'[]'::jsonb", "'null'::jsonb", "'1'::jsonb", "'\"a\"'::jsonb", "'{\"a\": null, \"b\": {\"c\": null}}'::jsonb", "'{\"a\": [1, 2, null]}'::jsonb", "'[1, {\"a\": 1}]'::jsonb", "'[[1, 2], \"a\", \"b\"]'::jsonb", "'{\"a\": {\"a\": {}}, \"é\\\\\": []}'::jsonb"}},
		{[]string{"regexp_count(%s, 'a|b', 2)", "regexp_instr(%s, '(a)(b)?', 1, 2, 1, '', 1)", "regexp_substr(%s, '(a)(b)?', 1, 1, 'i', 2)", "regexp_replace(%s, 'a', 'X', 2, 1)", "regexp_replace(%s, 'a*', '-', 'g')", "regexp_count(%s, 'b*')", "regexp_replace(%s, '(b)|', '<\\1>', 'g')", "regexp_replace(%s, 'A*', '<\\&>', 1, 0, 'i')", "parse_ident(%s)", "parse_ident(%s, false)", "unistr(%s)", "is_normalized(%s, 'NFD')", "string_to_array(%s, 'b', 'a')"},
			[]string{"''::text", "'abcabc'::text", "'aab'::text", "'x.\"Y z\".q'::text", "'éa'::text", "'a.b('::text", "'\\00e9'::text"}},
		{[]string{"trim_array(%s, 1)", "array_positions(%s, 2)", "array_position(%s, 2, 2)", "array_to_json(%s, true)", "width_bucket(2, %s)", "array_append(%s, 5)", "array_prepend(5, %s)", "%s || '{7,8}'::int[]", "'{1,2}'::int[] <@ %s", "%s && '{2,9}'::int[]", "array_remove(%s, 2)", "array_replace(%s, 2, 3)", "array_dims(%s)", "cardinality(%s)", "array_to_string(%s, ',', '*')"},
			[]string{"'{}'::int[]", "'{1,2,3}'::int[]", "'{2,NULL,2}'::int[]", "'[3:4]={1,2}'::int[]", "'{{1,2},{3,4}}'::int[]", "NULL::int[]"}},
		{[]string{"sind(%s)", "cosd(%s)", "tand(%s)", "cotd(%s)", "width_bucket(%s, 0, 100, 7)", "width_bucket(%s, 100, -100, 7)"},
			[]string{"0::float8", "30::float8", "-45::float8", "60::float8", "90::float8", "135::float8", "-270::float8", "360::float8", "720.5::float8"}},
		{[]string{"%s * 1.5::float8", "%s / 7::float8", "justify_interval(%s)", "justify_days(%s)", "justify_hours(%s)", "extract(epoch from %s)", "extract(second from %s)", "- %s", "date_trunc('hour', %s)"},
			[]string{"interval '1 month 15 days 12:00'", "interval '-1 month 40 days -30:00'", "interval '100 years'", "interval '00:00:00.000001'", "interval '-00:00:01.5'", "interval '1 year -1 day'"}},
		{[]string{"round(%s, 2)", "round(%s)", "trunc(%s, 1)", "ceil(%s)", "floor(%s)", "%s / 3", "%s %% 3", "sqrt(abs(%s))", "exp(%s / 100)", "ln(abs(%s) + 1)", "power(abs(%s), 1.5)", "%s::int", "%s::float8", "sign(%s)", "%s * %[1]s", "div(%s, 7)"},
			[]string{"0.00", "1.005", "-1.005", "2.5", "-2.5", "1234567.891", "99999999999.99999", "0.000001"}},
		{[]string{"initcap(%s)", "split_part(%s, 'b', 2)", "split_part(%s, 'b', -1)", "substring(%s, 2, 3)", "substring(%s, -1, 3)", "left(%s, -2)", "right(%s, -2)", "lpad(%s, 5, 'xy')", "rpad(%s, 5, 'xy')", "%s LIKE '%%b%%'", "%s LIKE '_b%%'", "%s ~ 'b+'", "%s ~ '^[^b]*$'", "regexp_replace(%s, '(a)(b)?', '<\\1\\2>', 'g')", "regexp_split_to_array(%s, 'b*')", "regexp_match(%s, '(a|ab)(c|bcd)?')", "translate(%s, 'ab', 'x')", "reverse(%s)", "strpos(%s, 'b')", "md5(%s)", "%s SIMILAR TO '(a|b)+%%'", "quote_literal(%s)", "quote_ident(%s)", "ascii(%s)", "trim(both 'ab' from %s)", "string_to_array(%s, 'b')", "to_json(%s)"},
			[]string{"''::text", "'abc'::text", "'abcdabcd'::text", "'bbb'::text", "'a b.c'::text", "'%_\\'::text", "E'a\\nb\\\"'::text"}},
	} {
		for _, e := range p.exprs {
			for _, v := range p.values {
				sql := fmt.Sprintf(e, v)
				got, err := planned(ctx, env, sql)
				if err != nil {
					got = "ERROR " + string(sqlerr.CodeOf(err))
				}
				if want := answer(t, conn, "SELECT "+sql); got != want {
					t.Errorf("%s = %q, PostgreSQL says %q (%v)", sql, got, want, err)
				}
			}
		}
	}
}

// planning is an empty catalog to plan over.
func planning(t *testing.T) (*planner.Context, *function.Env) {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	c, err := catalog.Open(store, function.Builtins(), pgcatalog.Relations()...)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMicro() + types.UnixEpoch
	f := types.DefaultFormat()
	f.Now = now
	f.RegIn = bind.Names{Catalog: c.Snapshot(), Path: []string{"public"}}.OID
	f.RegOut = func(oid, id types.OID) (string, bool) { return types.FormatType(types.Of(id)), oid == types.Regtype }
	env := &function.Env{Context: context.Background(), Catalog: c.Snapshot(), Format: f, SearchPath: []string{"public"},
		User: "ferris", Database: "ferris", TransactionTime: now, StatementTime: now}
	ctx := &planner.Context{Catalog: env.Catalog, SearchPath: env.SearchPath, User: env.User, Database: env.Database, Format: f,
		Eval: func(e plan.Expr) (types.Value, error) { return expr.Eval(e, env) }}
	return ctx, env
}

// planned plans SELECT and evaluates its one column.
func planned(c *planner.Context, env *function.Env, sql string) (string, error) {
	statements, err := planner.Parse("SELECT " + sql)
	if err != nil {
		return "", err
	}
	b, err := planner.Plan(context.Background(), c, statements[0])
	if err != nil {
		return "", err
	}
	var e plan.Expr
	switch root := b.Statement.(*plan.Query).Root.(type) {
	case *plan.Project:
		e = root.Exprs[0]
	case *plan.Values:
		e = root.Rows[0][0]
	default:
		return "", fmt.Errorf("planned as %T", root)
	}
	v, err := expr.Eval(e, env)
	if err != nil {
		return "", err
	}
	if v.Null {
		return "NULL", nil
	}
	if v.Type.OID == types.Void {
		return "", nil
	}
	return string(types.AppendText(nil, v, env.Format)), nil
}
