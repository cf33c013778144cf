package superset

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answered is what SQL Lab shows of an answer: its columns and rows, or errors.
func answered(status int, answer object) object {
	shown := object{"http": status, "status": answer["status"], "data": answer["data"], "columns": answer["columns"]}
	if q, ok := answer["query"].(object); ok {
		shown["rows"], shown["limiting"] = q["rows"], q["limitingFactor"]
	}
	var errors []any
	if all, ok := answer["errors"].([]any); ok {
		for _, e := range all {
			errors = append(errors, object{"message": e.(object)["message"], "type": e.(object)["error_type"]})
		}
	}
	shown["errors"] = errors
	return shown
}

// client is the id that a tab of SQL Lab gives a query.
func client() string { return strings.ToLower(rand.Text()[:11]) }

// lab runs texts in SQL Lab, estimates what one costs, and exports and uploads rows.
func (s *sides) lab(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		more      object // beside what is sent of each
		refused   string // is in the error
	}{
		{"every type", "SELECT * FROM kinds ORDER BY id", nil, ""},
		{"a stream", "SELECT * FROM trades WHERE " + s.span.where() + " ORDER BY trade_id", nil, ""},
		{"limit", "SELECT trade_id FROM trades WHERE " + s.span.where() + " ORDER BY trade_id", object{"queryLimit": 5}, ""},
		{"limit of the text", "SELECT trade_id FROM trades WHERE " + s.span.where() + " ORDER BY trade_id LIMIT 3", object{"queryLimit": 5}, ""},
		{"several", "SELECT 1 AS a; SELECT 'b' AS b, NULL AS c", nil, ""},
		{"joined", "WITH t AS (SELECT symbol, sum(quantity) AS quantity FROM trades WHERE " + s.span.where() + " GROUP BY symbol)\nSELECT symbol, desk, t.quantity, row_number() OVER (ORDER BY symbol) AS n, rank() OVER (ORDER BY desk NULLS LAST) AS r FROM t LEFT JOIN desks USING (symbol) ORDER BY symbol", nil, ""},
		{"no rows", "SELECT symbol, at FROM trades WHERE symbol = 'none'", nil, ""},
		{"twice a name", "SELECT 1 AS a, 2 AS a", nil, ""},
		{"insert", "INSERT INTO desks VALUES ('NVDA', 'chips', '2024-05-06', 1)", nil, ""},
		{"update", "UPDATE desks SET traders = traders + 1 WHERE desk = 'chips'; SELECT * FROM desks WHERE desk = 'chips'", nil, ""},
		{"delete", "DELETE FROM desks WHERE desk = 'chips'", nil, ""},
		{"it is gone", "SELECT count(*) FROM desks", nil, ""},
		{"create table as", "SELECT symbol, desk FROM desks", object{"select_as_cta": true, "tmp_table_name": "desks_copied", "ctas_method": "TABLE"}, ""},
		{"which is there", "SELECT * FROM desks_copied ORDER BY symbol", nil, ""},
		{"create view as", "SELECT symbol, desk FROM desks", object{"select_as_cta": true, "tmp_table_name": "desks_seen", "ctas_method": "VIEW"}, ""},
		{"which is there too", "SELECT * FROM desks_seen ORDER BY symbol", nil, ""},
		{"drop", "DROP VIEW desks_seen; DROP TABLE desks_copied", nil, ""},
		{"no column", "SELECT symbol,\n  nope FROM trades", nil, "nope"},
		{"no relation", "SELECT * FROM nope", nil, "relation \"nope\" does not exist"},
		{"division", "SELECT 1 / 0", nil, "division by zero"},
		{"syntax", "SELECT * FORM trades WHERE", nil, "Error parsing"},
		{"search path", "SET search_path = pg_catalog; SELECT 1", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.both(t, c.sql, func(d database) any { return answered(d.run(t, client(), c.sql, c.more)) }).(object)
			if refusal := fmt.Sprint(got["errors"]); (got["status"] == "success") != (c.refused == "") || !strings.Contains(refusal, c.refused) {
				t.Errorf("%s: %v, want the refusal %q", c.sql, got, c.refused)
			}
		})
	}
	t.Run("statements of our own", s.statements)
	t.Run("what it costs", s.cost)
	t.Run("export", func(t *testing.T) {
		got := s.both(t, "a file", func(d database) any {
			c := client()
			d.run(t, c, "SELECT id, n, t, tz, b FROM kinds ORDER BY id", nil)
			status, text, err := d.exchange(t.Context(), http.MethodGet, "/api/v1/sqllab/export/"+c+"/", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(status, "\n", string(text))
		}).(string)
		if !strings.HasPrefix(got, "200\n") || strings.Count(got, "\n") < 11 {
			t.Errorf("exported\n%s", got)
		}
	})
	t.Run("upload", s.upload)
}

// statements are those that PostgreSQL has not: Superset hands on what it does not know
// by its first word, without a COMMIT, and refuses clauses that its parser has not.
func (s *sides) statements(t *testing.T) {
	execute(t, s.direct, "CREATE STREAM ten (n bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rows = '10')")
	for _, c := range []struct{ sql, refused string }{
		{"SHOW STREAMS", ""},
		{"DESCRIBE trades", ""},
		{"CREATE MATERIALIZED VIEW by_parity AS SELECT n % 2 AS parity, count(*) AS numbers FROM ten GROUP BY n % 2", ""},
		{"SELECT symbol FROM trades EMIT CHANGES LIMIT 3", "Error parsing near 'CHANGES'"},
	} {
		got := answered(s.ours.run(t, client(), c.sql, nil))
		if refusal := fmt.Sprint(got["errors"]); (got["status"] == "success") != (c.refused == "") || !strings.Contains(refusal, c.refused) {
			t.Errorf("%s: %v, want the refusal %q", c.sql, got, c.refused)
		}
	}
	s.await(t, "SELECT sum(numbers)::text FROM by_parity", "10")
	got := answered(s.ours.run(t, client(), "SELECT * FROM by_parity ORDER BY parity", nil))
	if want := []any{object{"parity": 0.0, "numbers": 5.0}, object{"parity": 1.0, "numbers": 5.0}}; !cmp.Equal(want, got["data"]) {
		t.Errorf("a materialized view of SQL Lab has %v, want %v", got, want)
	}
}

// cost asks for an estimate, which is the cost of a plan in PostgreSQL's units.
func (s *sides) cost(t *testing.T) {
	for _, d := range []database{s.theirs, s.ours} {
		got := d.call(t, http.MethodPost, "/api/v1/sqllab/estimate/", object{"database_id": d.id, "schema": "public", "sql": "SELECT symbol, count(*) FROM trades GROUP BY symbol"})["result"].([]any)
		if len(got) != 1 {
			t.Fatalf("an estimate of the database %d: %v", d.id, got)
		}
		if got[0].(object)["Total cost"] == nil {
			t.Errorf("an estimate of the database %d has no cost: %v", d.id, got)
		}
	}
}

// upload makes a table of a file, and reads it.
func (s *sides) upload(t *testing.T) {
	const file = "id,name,price,at\n1,one,1.5,2024-02-29 01:02:03\n2,\"two, €\",,\n3,three,2.25,2024-03-01 00:00:00\n"
	s.both(t, "its rows", func(d database) any {
		name := fmt.Sprintf("uploaded_%d", d.id)
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for _, field := range [][2]string{{"type", "csv"}, {"table_name", name}, {"schema", "public"}, {"already_exists", "fail"}, {"delimiter", ","}, {"column_dates", "at"}} {
			if err := form.WriteField(field[0], field[1]); err != nil {
				t.Fatal(err)
			}
		}
		w, err := form.CreateFormFile("file", "uploaded.csv")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(file)); err != nil {
			t.Fatal(err)
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		status, text, err := d.exchange(t.Context(), http.MethodPost, d.path("upload/"), form.FormDataContentType(), body.Bytes())
		if err != nil || status/100 != 2 {
			t.Fatalf("uploading: %d %s %v", status, text, err)
		}
		return answered(d.run(t, client(), "SELECT * FROM "+name+" ORDER BY id", nil))
	})
}

// cancel stops queries of SQL Lab while they run: one that works, and one that waits for
// a lock.
func (s *sides) cancel(t *testing.T) {
	holder := connect(t, s.direct.Config().ConnString())
	execute(t, holder, "BEGIN; UPDATE desks SET traders = 0")
	for _, c := range []struct{ sql, mark string }{
		{"SELECT count(*) FROM generate_series(1, 100000000000) AS n WHERE n % 7 = 3", "100000000000"},
		{"UPDATE desks SET traders = 123456789 WHERE symbol = 'AAPL'", "123456789"},
	} {
		t.Run(c.sql, func(t *testing.T) {
			tab := client()
			body, err := json.Marshal(s.ours.text(tab, c.sql, nil))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var text []byte
			var running sync.WaitGroup
			running.Go(func() { _, text, err = s.ours.exchange(ctx, http.MethodPost, executePath, "application/json", body) })
			defer running.Wait()
			defer cancel()
			sessions := "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%" + c.mark + "%'"
			s.await(t, sessions, "1")
			if stopped := s.ours.call(t, http.MethodPost, "/api/v1/query/stop", object{"client_id": tab}); stopped["result"] != "OK" {
				t.Errorf("stopping it: %v", stopped)
			}
			running.Wait()
			if err != nil || strings.Contains(string(text), `"success"`) {
				t.Errorf("it was answered: %s, %v", text, err)
			}
			s.await(t, sessions, "0")
		})
	}
	execute(t, holder, "ROLLBACK")
}
