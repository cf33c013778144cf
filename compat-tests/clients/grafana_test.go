package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// grafanaRange is what a dashboard shows when its queries are sent.
type grafanaRange struct {
	from, to  time.Time
	interval  time.Duration
	timescale bool // the data source is told that there is TimescaleDB
}

// grafanaMacro is one in a query: a name, and arguments without parentheses.
var grafanaMacro = regexp.MustCompile(`\$(__[a-zA-Z]+)\(([^)]*)\)`)

// expand is what Grafana's PostgreSQL data source makes of a query: first variables,
// then macros.
func (r grafanaRange) expand(t *testing.T, sql string, variables map[string]string) string {
	t.Helper()
	for name, value := range variables {
		sql = strings.ReplaceAll(sql, "$"+name, value)
	}
	sql = regexp.MustCompile(`\$__interval\b`).ReplaceAllString(sql, r.interval.String())
	const stamp = "2006-01-02T15:04:05.999999999Z07:00"
	from, to := r.from.UTC().Format(stamp), r.to.UTC().Format(stamp)
	return grafanaMacro.ReplaceAllStringFunc(sql, func(call string) string {
		m := grafanaMacro.FindStringSubmatch(call)
		args := strings.Split(m[2], ",")
		for i := range args {
			args[i] = strings.TrimSpace(args[i])
		}
		seconds := 0.0
		if len(args) > 1 {
			d, err := time.ParseDuration(strings.Trim(args[1], "'"))
			if err != nil {
				t.Fatalf("%s: %v", call, err)
			}
			seconds = d.Seconds()
		}
		name, alias := strings.CutSuffix(m[1], "Alias")
		out, c := "", args[0]
		switch name {
		case "__time":
			out = c + ` AS "time"`
		case "__timeEpoch":
			out = fmt.Sprintf(`extract(epoch from %s) as "time"`, c)
		case "__timeFilter":
			out = fmt.Sprintf("%s BETWEEN '%s' AND '%s'", c, from, to)
		case "__timeFrom":
			out = "'" + from + "'"
		case "__timeTo":
			out = "'" + to + "'"
		case "__timeGroup":
			if r.timescale {
				out = fmt.Sprintf("time_bucket('%.3fs',%s)", seconds, c)
			} else {
				out = fmt.Sprintf("floor(extract(epoch from %s)/%v)*%v", c, seconds, seconds)
			}
		case "__unixEpochFilter":
			out = fmt.Sprintf("%s >= %d AND %s <= %d", c, r.from.Unix(), c, r.to.Unix())
		case "__unixEpochNanoFilter":
			out = fmt.Sprintf("%s >= %d AND %s <= %d", c, r.from.UnixNano(), c, r.to.UnixNano())
		case "__unixEpochNanoFrom":
			out = strconv.FormatInt(r.from.UnixNano(), 10)
		case "__unixEpochNanoTo":
			out = strconv.FormatInt(r.to.UnixNano(), 10)
		case "__unixEpochGroup":
			out = fmt.Sprintf("floor((%s)/%v)*%v", c, seconds, seconds)
		default:
			t.Fatalf("a macro that Grafana has not: %s", call)
		}
		if alias {
			out += ` AS "time"`
		}
		return out
	})
}

// grafanaQuery is a query of a dashboard.
type grafanaQuery struct {
	Title  string
	RawSQL string `json:"rawSql"`
	Format string
}

// grafanaDashboard reads the queries of a dashboard: of panels, annotations, variables.
func grafanaDashboard(t *testing.T, path string) []grafanaQuery {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type source struct{ Type, UID string }
	var d struct {
		Panels []struct {
			Title      string
			Datasource source
			Targets    []grafanaQuery
		}
		Annotations struct {
			List []struct {
				Name       string
				Datasource source
				Target     grafanaQuery
			}
		}
		Templating struct {
			List []struct {
				Name, Query string
				Datasource  source
			}
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var all []grafanaQuery
	from := func(title string, s source) {
		if (s != source{"grafana-postgresql-datasource", "ferris"}) {
			t.Errorf("%s asks the data source %v", title, s)
		}
	}
	for _, p := range d.Panels {
		from(p.Title, p.Datasource)
		for _, q := range p.Targets {
			q.Title = p.Title
			all = append(all, q)
		}
	}
	for _, a := range d.Annotations.List {
		from(a.Name, a.Datasource)
		a.Target.Title = a.Name
		all = append(all, a.Target)
	}
	for _, v := range d.Templating.List {
		from(v.Name, v.Datasource)
		all = append(all, grafanaQuery{Title: v.Name, RawSQL: v.Query, Format: "variable"})
	}
	return all
}

// grafanaTypes are those whose values Grafana shows as they are.
var grafanaTypes = []uint32{
	pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID, pgtype.NumericOID,
	pgtype.BoolOID, pgtype.TextOID, pgtype.VarcharOID, pgtype.TimestampOID, pgtype.TimestamptzOID,
}

// askGrafana sends a query as Grafana does, in the simple protocol, and reads it to its
// end: only results of SELECT are shown.
func askGrafana(t *testing.T, conn *pgconn.PgConn, sql string) *pgconn.Result {
	t.Helper()
	results, err := conn.Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	last := results[len(results)-1]
	if !last.CommandTag.Select() {
		t.Fatalf("%s\nis %s, which Grafana does not show", sql, last.CommandTag)
	}
	for _, f := range last.FieldDescriptions {
		if !slices.Contains(grafanaTypes, f.DataTypeOID) {
			t.Errorf("%s\ncolumn %s has type %d, which Grafana shows as text", sql, f.Name, f.DataTypeOID)
		}
	}
	return last
}

// checkSeries holds a result to what Grafana makes series of: a column time, of times or
// of numbers, that ascends and is never NULL.
func checkSeries(t *testing.T, sql string, r *pgconn.Result) {
	t.Helper()
	at := slices.IndexFunc(r.FieldDescriptions, func(f pgconn.FieldDescription) bool { return f.Name == "time" })
	if at < 0 {
		t.Errorf("%s\nhas no column time", sql)
		return
	}
	numbers := r.FieldDescriptions[at].DataTypeOID != pgtype.TimestamptzOID
	last := ""
	for _, row := range r.Rows {
		v := string(row[at])
		late := v < last
		if numbers && last != "" {
			a, aerr := strconv.ParseFloat(last, 64)
			b, berr := strconv.ParseFloat(v, 64)
			late = aerr != nil || berr != nil || b < a
		}
		if row[at] == nil || late {
			t.Errorf("%s\ntime %q comes after %q", sql, v, last)
			return
		}
		last = v
	}
}

// TestGrafana runs every query of the dashboard in deploy/grafana, and each macro that
// its data source has.
func TestGrafana(t *testing.T) {
	g := gateway.Start(t, gateway.Options{Dev: true})
	conn := connect(t, g.URL()).PgConn()
	for end := time.Now().Add(time.Minute); ; {
		if r := askGrafana(t, conn, "SELECT min(n) FROM (SELECT count(*) AS n FROM trades UNION ALL SELECT count(*) FROM orders UNION ALL SELECT count(*) FROM clicks UNION ALL SELECT count(*) FROM sensors) c"); string(r.Rows[0][0]) != "0" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the demo's streams stay empty")
		}
	}
	queries := grafanaDashboard(t, filepath.Join("..", "..", "deploy", "grafana", "dashboards", "demo.json"))
	if len(queries) < 10 {
		t.Fatalf("the dashboard has %d queries", len(queries))
	}
	settings, err := os.ReadFile(filepath.Join("..", "..", "deploy", "grafana", "provisioning", "datasources", "ferris.yaml"))
	if err != nil || !strings.Contains(string(settings), "uid: ferris\n") || !strings.Contains(string(settings), "type: grafana-postgresql-datasource\n") {
		t.Errorf("the data source is not the one that the dashboard asks: %v", err)
	}
	now := time.Now()
	for _, timescale := range []bool{true, false} {
		r := grafanaRange{from: now.Add(-24*time.Hour + 123456789), to: now.Add(time.Hour), interval: 30 * time.Second, timescale: timescale}
		for _, q := range queries {
			t.Run(fmt.Sprintf("%s, time_bucket %v", q.Title, timescale), func(t *testing.T) {
				sql := r.expand(t, q.RawSQL, map[string]string{"symbol": "'AAPL','MSFT','GOOG','AMZN','NVDA','TSLA'"})
				got := askGrafana(t, conn, sql)
				if len(got.Rows) == 0 && q.Title != "Jobs" && q.Title != "Large trades" {
					t.Errorf("%s\nhas no rows", sql)
				}
				if q.Format == "time_series" {
					checkSeries(t, sql, got)
				}
			})
		}
		for _, macro := range []string{
			"$__time(at)", "$__timeEpoch(at)", "$__timeGroup(at,'5m') AS \"time\"", "$__timeGroupAlias(at,'1h',0)", "$__timeGroup(at, 1m, NULL) AS time", "$__unixEpochGroup(seconds,'5m') AS time",
			"$__unixEpochGroupAlias(seconds,'5m',previous)", "$__timeFrom()::timestamptz AS time, $__timeTo()::timestamptz AS t", "$__unixEpochNanoFrom() / 1000000000 AS time, $__unixEpochNanoTo() AS t",
		} {
			for _, filter := range []string{"$__timeFilter(at)", "$__unixEpochFilter(seconds)", "$__unixEpochNanoFilter(nanos)", "at > $__timeFrom() AND at < $__timeTo()"} {
				sql := r.expand(t, "SELECT "+macro+", price FROM (SELECT at, price, extract(epoch FROM at)::bigint AS seconds, (extract(epoch FROM at) * 1000000000)::bigint AS nanos FROM trades) AS t WHERE "+filter+" ORDER BY 1 LIMIT 100", nil)
				got := askGrafana(t, conn, sql)
				if len(got.Rows) == 0 {
					t.Errorf("%s\nhas no rows", sql)
				}
				checkSeries(t, sql, got)
			}
		}
	}
	// Its health check.
	if _, err := conn.Exec(t.Context(), "-- ping").ReadAll(); err != nil {
		t.Error(err)
	}
	// Several statements, of which the last is shown.
	if r := askGrafana(t, conn, "SET TimeZone TO 'Europe/Berlin'; SET ferris.live_rows = 3; SELECT at AS time, price FROM trades EMIT CHANGES"); len(r.Rows) != 3 {
		t.Errorf("a live query with a cap gave %d rows, want 3", len(r.Rows))
	}
}
