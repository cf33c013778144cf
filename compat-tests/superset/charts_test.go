package superset

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// synced are the relations that datasets are made over, and a query.
var synced = []struct{ name, sql string }{
	{"trades", ""}, {"kinds", ""}, {"desks", ""}, {"large_trades", ""}, {"trades_by_symbol", ""},
	{"desk_trades", "SELECT t.symbol, d.desk, t.quantity, t.at FROM trades AS t JOIN desks AS d ON d.symbol = t.symbol"},
}

// aggregate is a metric of a column, as forms make it; expression is one in SQL.
func aggregate(function, column string) object {
	return object{"expressionType": "SIMPLE", "aggregate": function, "column": object{"column_name": column}, "label": strings.ToLower(function + "_" + column)}
}

func expression(sql, label string) object {
	return object{"expressionType": "SQL", "sqlExpression": sql, "label": label}
}

// axis is a column of time, in steps of a grain, as charts over time have it.
func axis(grain string) object {
	return object{"columnType": "BASE_AXIS", "expressionType": "SQL", "sqlExpression": "at", "label": "at", "timeGrain": grain}
}

// milliseconds are a time as charts have it.
func milliseconds(expression string) string {
	return "(extract(epoch FROM " + expression + ") * 1000)::bigint AS at"
}

// chart is one that is asked of both, and as SQL of the gateway.
type chart struct {
	name, dataset string
	query         object
	direct        string
	ordered       bool
}

// list are the charts: what the visualisations of Superset send for their data.
func (s *sides) list() []chart {
	where := s.span.where()
	count := expression("COUNT(*)", "count")
	volume := aggregate("SUM", "quantity")
	filter := func(col, op string, val any) []any {
		return []any{s.span.filter(), object{"col": col, "op": op, "val": val}}
	}
	raw := []string{"trade_id", "symbol", "price", "quantity", "side", "at"}
	trades := "SELECT trade_id, symbol, price, quantity, side, " + milliseconds("at") + " FROM trades WHERE " + where
	all := []chart{
		{"table of rows", "trades", object{"columns": raw, "filters": []any{s.span.filter()}, "orderby": []any{[]any{"trade_id", true}}, "row_limit": 200},
			trades + " ORDER BY trade_id LIMIT 200", true},
		{"row limit and offset", "trades", object{"columns": raw, "filters": []any{s.span.filter()}, "orderby": []any{[]any{"trade_id", false}}, "row_limit": 7, "row_offset": 5},
			trades + " ORDER BY trade_id DESC LIMIT 7 OFFSET 5", true},
		{"number of rows", "trades", object{"columns": raw, "filters": []any{s.span.filter()}, "is_rowcount": true, "row_limit": 10000},
			"SELECT count(*) AS rowcount FROM (SELECT 1 FROM trades WHERE " + where + " LIMIT 10000) AS t", true},
		{"pie", "trades", object{"columns": []string{"symbol"}, "metrics": []any{count}, "filters": []any{s.span.filter()}, "orderby": []any{[]any{count, false}}, "row_limit": 100},
			"SELECT symbol, count(*) AS count FROM trades WHERE " + where + " GROUP BY symbol", false},
		{"big number", "trades", object{"columns": []string{}, "metrics": []any{volume}, "filters": []any{s.span.filter()}},
			"SELECT sum(quantity) AS sum_quantity FROM trades WHERE " + where, true},
		{"aggregates", "trades", object{"columns": []string{"side", "symbol"}, "filters": []any{s.span.filter()}, "row_limit": 100, "orderby": []any{[]any{"symbol", true}, []any{"side", false}}, "metrics": []any{
			aggregate("AVG", "price"), aggregate("MIN", "price"), aggregate("MAX", "at"), aggregate("COUNT", "side"), aggregate("COUNT_DISTINCT", "symbol"), expression("SUM(price * quantity)", "notional"),
			expression("PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY quantity)", "median"),
		}}, "SELECT side, symbol, avg(price) AS avg_price, min(price) AS min_price, (extract(epoch FROM max(at)) * 1000)::bigint AS max_at, count(side) AS count_side, count(DISTINCT symbol) AS count_distinct_symbol, " +
			"sum(price * quantity) AS notional, percentile_cont(0.5) WITHIN GROUP (ORDER BY quantity) AS median FROM trades WHERE " + where + " GROUP BY side, symbol ORDER BY symbol, side DESC", true},
		{"conditions", "trades", object{"columns": []string{"symbol"}, "metrics": []any{volume}, "filters": []any{s.span.filter()}, "row_limit": 100,
			"extras": object{"where": "(side = 'BUY' AND quantity > 10)", "having": "(SUM(quantity) > 1)"}},
			"SELECT symbol, sum(quantity) AS sum_quantity FROM trades WHERE " + where + " AND side = 'BUY' AND quantity > 10 GROUP BY symbol HAVING sum(quantity) > 1", false},
		{"the largest of series", "trades", object{"columns": []any{axis("PT1S"), "symbol"}, "series_columns": []string{"symbol"}, "series_limit": 2, "series_limit_metric": volume, "order_desc": true,
			"metrics": []any{volume}, "filters": []any{s.span.filter()}, "row_limit": 1000},
			"SELECT " + milliseconds("date_trunc('second', at)") + ", symbol, sum(quantity) AS sum_quantity FROM trades WHERE " + where +
				" AND symbol IN (SELECT symbol FROM trades WHERE " + where + " GROUP BY symbol ORDER BY sum(quantity) DESC LIMIT 2) GROUP BY date_trunc('second', at), symbol", false},
		{"search", "trades", object{"columns": []string{"symbol", "trade_id"}, "filters": filter("symbol", "ILIKE", "%ap%"), "orderby": []any{[]any{"trade_id", true}}, "row_limit": 50},
			"SELECT symbol, trade_id FROM trades WHERE " + where + " AND symbol = 'AAPL' ORDER BY trade_id LIMIT 50", true},
		{"a view", "large_trades", object{"columns": []string{"symbol"}, "metrics": []any{aggregate("MAX", "notional")}, "filters": []any{s.span.filter()}, "row_limit": 10},
			"SELECT symbol, max(price * quantity) AS max_notional FROM trades WHERE price * quantity > 100000 AND " + where + " GROUP BY symbol", false},
		{"a materialized view", "trades_by_symbol", object{"columns": []string{"symbol", "trades", "quantity"}, "orderby": []any{[]any{"symbol", true}}, "row_limit": 10},
			"SELECT symbol, count(*) AS trades, sum(quantity) AS quantity FROM trades WHERE at < '" + s.span.to.Format(stamp) + "Z' GROUP BY symbol ORDER BY symbol", true},
		{"a query of one's own", "desk_trades", object{"columns": []string{"desk"}, "metrics": []any{volume}, "filters": []any{s.span.filter()}, "row_limit": 10},
			"SELECT desk, sum(quantity) AS sum_quantity FROM trades JOIN desks USING (symbol) WHERE " + where + " GROUP BY desk", false},
		{"a table", "desks", object{"columns": []string{"desk", "symbol", "traders"}, "orderby": []any{[]any{"symbol", true}}, "row_limit": 10},
			"SELECT desk, symbol, traders FROM desks ORDER BY symbol", true},
		{"a day", "desks", object{"columns": []string{"symbol"}, "filters": []any{object{"col": "opened", "op": "TEMPORAL_RANGE", "val": "2020-01-01 : 2021-01-01"}}, "row_limit": 10},
			"SELECT symbol FROM desks WHERE opened >= '2020-01-01' AND opened < '2021-01-01'", true},
	}
	for _, f := range []struct {
		col, op string
		val     any
		sql     string
	}{
		{"symbol", "IN", []string{"AAPL", "TSLA"}, "symbol IN ('AAPL', 'TSLA')"}, {"symbol", "NOT IN", []string{"AAPL"}, "symbol NOT IN ('AAPL')"},
		{"symbol", "==", "MSFT", "symbol = 'MSFT'"}, {"quantity", ">=", 250, "quantity >= 250"}, {"price", "<", 200.5, "price < 200.5"}, {"quantity", "!=", 7, "quantity <> 7"},
		{"symbol", "LIKE", "%A%", "symbol LIKE '%A%'"}, {"side", "IS NOT NULL", nil, "side IS NOT NULL"}, {"side", "IS NULL", nil, "side IS NULL"}, {"quantity", "IN", []int{1, 2, 3}, "quantity IN (1, 2, 3)"},
	} {
		all = append(all, chart{"filter " + f.col + " " + f.op, "trades", object{"columns": []string{"symbol"}, "metrics": []any{count}, "filters": filter(f.col, f.op, f.val), "row_limit": 100},
			"SELECT symbol, count(*) AS count FROM trades WHERE " + where + " AND " + f.sql + " GROUP BY symbol", false})
	}
	for grain, sql := range map[string]string{
		"PT1S": "date_trunc('second', at)", "PT5S": "date_bin('5 seconds', at, '2000-01-01 00:00Z')", "PT1M": "date_trunc('minute', at)", "PT5M": "date_bin('5 minutes', at, '2000-01-01 00:00Z')",
		"PT15M": "date_bin('15 minutes', at, '2000-01-01 00:00Z')", "PT1H": "date_trunc('hour', at)", "P1D": "date_trunc('day', at)", "P1W": "date_trunc('week', at)", "P1M": "date_trunc('month', at)",
		"P3M": "date_trunc('quarter', at)", "P1Y": "date_trunc('year', at)",
	} {
		all = append(all, chart{"line by " + grain, "trades", object{"columns": []any{axis(grain), "side"}, "metrics": []any{volume}, "filters": []any{s.span.filter()}, "extras": object{"time_grain_sqla": grain}, "row_limit": 1000},
			"SELECT " + milliseconds(sql) + ", side, sum(quantity) AS sum_quantity FROM trades WHERE " + where + " GROUP BY " + sql + ", side", false})
	}
	return all
}

// explore makes datasets over streams, tables, views and a query, charts them, and holds
// what comes to PostgreSQL's, and to what the gateway answers without Superset. Its
// metadata in SQLite takes a table's name once, so one database is done with before the
// other begins.
func (s *sides) explore(t *testing.T) {
	charts := s.list()
	want, got := s.theirs.explored(t, charts), s.ours.explored(t, charts)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want[name], got[name]); diff != "" {
				t.Errorf("(-PostgreSQL's +ours):\n%s", diff)
			}
			if failure := got[name]["error"]; failure != nil {
				t.Errorf("it fails: %v", failure)
			}
		})
	}
	for _, c := range charts {
		t.Run(c.name+", asked directly", func(t *testing.T) {
			rows, ok := got[c.name]["rows"].([]any)
			if !ok {
				t.Fatalf("it has no rows: %v", got[c.name])
			}
			if diff := cmp.Diff(inOrder(s.rows(t, c.direct), c.ordered), rows); diff != "" {
				t.Errorf("(-what the gateway says +what the chart has):\n%s", diff)
			}
			if len(rows) == 0 && !strings.HasSuffix(c.name, "IS NULL") {
				t.Error("it has no rows")
			}
		})
	}
	for _, name := range []string{"trades", "large_trades", "desk_trades"} {
		// Its type, which kind of values that is (2: of times), and whether charts take it for time.
		if at, ok := got["columns of "+name]["at"].([]any); !ok || at[1] != 2.0 || at[2] != true {
			t.Errorf("the column at of %s is no time: %v", name, got["columns of "+name])
		}
	}
}

// explored are the answers of a database, by what was asked for.
func (d database) explored(t *testing.T, charts []chart) map[string]object {
	t.Helper()
	answers, datasets := map[string]object{}, map[string]int{}
	for _, r := range synced {
		datasets[r.name], answers["columns of "+r.name] = d.dataset(t, r.name, r.sql)
	}
	for _, c := range charts {
		answer := d.ask(t, datasets[c.dataset], "full", c.query)
		if rows, ok := answer["rows"].([]any); ok {
			answer["rows"] = inOrder(rows, c.ordered)
		}
		answers[c.name] = answer
	}
	answers["samples"] = d.ask(t, datasets["kinds"], "samples", object{"columns": []string{}, "metrics": []any{}, "orderby": []any{[]any{"id", true}}})
	for dataset, column := range map[string]string{"trades": "symbol", "kinds": "m", "trades_by_symbol": "symbol"} {
		values := d.call(t, http.MethodGet, fmt.Sprintf("/api/v1/datasource/table/%d/column/%s/values/", datasets[dataset], column), nil)["result"].([]any)
		answers["values of "+dataset+"."+column] = object{"rows": inOrder(values, false)}
	}
	answers["saved"] = d.saved(t, datasets["trades"], charts[0])
	for _, made := range datasets {
		d.call(t, http.MethodDelete, fmt.Sprintf("/api/v1/dataset/%d", made), nil)
	}
	return answers
}

// saved keeps a chart on a dashboard, reads both back, and asks for the chart's data as
// reports do.
func (d database) saved(t *testing.T, dataset int, c chart) object {
	t.Helper()
	context, err := json.Marshal(object{"datasource": object{"id": dataset, "type": "table"}, "force": true, "queries": []any{c.query}, "result_format": "json", "result_type": "full"})
	if err != nil {
		t.Fatal(err)
	}
	board := id(d.call(t, http.MethodPost, "/api/v1/dashboard/", object{"dashboard_title": "demo"}))
	slice := id(d.call(t, http.MethodPost, "/api/v1/chart/", object{"slice_name": c.name, "viz_type": "table", "datasource_id": dataset, "datasource_type": "table",
		"params": `{"viz_type": "table"}`, "query_context": string(context), "dashboards": []int{board}}))
	shown := d.call(t, http.MethodGet, fmt.Sprintf("/api/v1/dashboard/%d/charts", board), nil)["result"].([]any)
	r := d.call(t, http.MethodGet, fmt.Sprintf("/api/v1/chart/%d/data/?force=true", slice), nil)["result"].([]any)[0].(object)
	d.call(t, http.MethodDelete, fmt.Sprintf("/api/v1/chart/%d", slice), nil)
	d.call(t, http.MethodDelete, fmt.Sprintf("/api/v1/dashboard/%d", board), nil)
	return object{"rows": r["data"], "error": r["error"], "charts of the dashboard": len(shown)}
}

// inOrder are the rows as they came where that is defined, else sorted as texts.
func inOrder(rows []any, ordered bool) []any {
	if ordered {
		return rows
	}
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // what was decoded from JSON can be encoded
		}
		return string(b)
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	return rows
}
