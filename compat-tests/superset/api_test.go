package superset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"
)

// object is a JSON object as Superset answers it.
type object = map[string]any

// api is a user's session with Superset's REST API: with a token, and with a cookie
// and the token against forged requests that belongs to it, as a browser has them.
type api struct {
	url, token, csrf string
	client           *http.Client
}

// login opens a session.
func (s server) login(t *testing.T) *api {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &api{url: s.url, client: &http.Client{Jar: jar}}
	a.token = a.call(t, http.MethodPost, "/api/v1/security/login", object{"username": "admin", "password": s.password, "provider": "db", "refresh": true})["access_token"].(string)
	a.csrf = a.call(t, http.MethodGet, "/api/v1/security/csrf_token/", nil)["result"].(string)
	return a
}

// call sends a request that has to be answered with a status of success.
func (a *api) call(t *testing.T, method, path string, body any) object {
	t.Helper()
	status, answer := a.send(t, method, path, body)
	if status/100 != 2 {
		t.Fatalf("%s %s %v: %d %v", method, path, body, status, answer)
	}
	return answer
}

// send sends a request and returns what it is answered with, errors too.
func (a *api) send(t *testing.T, method, path string, body any) (status int, answer object) {
	t.Helper()
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	status, text, err := a.exchange(t.Context(), method, path, "application/json", encoded)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return status, answer
}

// exchange sends a body of any type, nil for none, and returns what comes back as it is.
func (a *api) exchange(ctx context.Context, method, path, contentType string, body []byte) (status int, text []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Referer", a.url)
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	if a.csrf != "" {
		req.Header.Set("X-CSRFToken", a.csrf)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// database is a connection that Superset was told of.
type database struct {
	*api
	id int
}

// addDatabase tests a connection and keeps it.
func (a *api) addDatabase(t *testing.T, name, uri string) database {
	t.Helper()
	d := object{"database_name": name, "sqlalchemy_uri": uri, "extra": `{"schemas_allowed_for_file_upload": ["public"], "cost_estimate_enabled": true, "allows_virtual_table_explore": true}`}
	if got := a.call(t, http.MethodPost, "/api/v1/database/test_connection/", d); got["message"] != "OK" {
		t.Errorf("testing the connection to %s: %v", name, got)
	}
	for _, allowed := range []string{"expose_in_sqllab", "allow_ctas", "allow_cvas", "allow_dml", "allow_file_upload"} {
		d[allowed] = true
	}
	return database{a, id(a.call(t, http.MethodPost, "/api/v1/database/", d))}
}

// id is that of what a request made.
func id(answer object) int { return int(answer["id"].(float64)) }

// path is that of a request about the database.
func (d database) path(rest string) string { return fmt.Sprintf("/api/v1/database/%d/%s", d.id, rest) }

// schemas, and the relations of one with their kinds, as its trees show them.
func (d database) schemas(t *testing.T) []any {
	t.Helper()
	return d.call(t, http.MethodGet, d.path("schemas/?q=(force:!t)"), nil)["result"].([]any)
}

func (d database) relations(t *testing.T, schema string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, r := range d.call(t, http.MethodGet, d.path("tables/?q="+url.QueryEscape("(force:!t,schema_name:"+schema+")")), nil)["result"].([]any) {
		found[r.(object)["value"].(string)] = r.(object)["type"].(string)
	}
	return found
}

// dataset makes one over a relation, or over a query where sql is not empty, and
// returns its id and the columns that were synced: name to type, kind of values, and
// whether it is a time.
func (d database) dataset(t *testing.T, name, sql string) (int, object) {
	t.Helper()
	body := object{"database": d.id, "schema": "public", "table_name": name}
	if sql != "" {
		body["sql"] = sql
	}
	made := id(d.call(t, http.MethodPost, "/api/v1/dataset/", body))
	path := fmt.Sprintf("/api/v1/dataset/%d", made)
	d.call(t, http.MethodPut, path+"/refresh", nil)
	columns := object{}
	for _, c := range d.call(t, http.MethodGet, path, nil)["result"].(object)["columns"].([]any) {
		c := c.(object)
		columns[c["column_name"].(string)] = []any{c["type"], c["type_generic"], c["is_dttm"]}
	}
	return made, columns
}

// ask asks for the data of a chart over a dataset, and returns what it shows, or why not.
func (d database) ask(t *testing.T, dataset int, kind string, query object) object {
	t.Helper()
	status, answer := d.send(t, http.MethodPost, "/api/v1/chart/data", object{
		"datasource": object{"id": dataset, "type": "table"}, "queries": []any{query}, "result_format": "json", "result_type": kind, "force": true,
	})
	results, ok := answer["result"].([]any)
	if status != http.StatusOK || !ok || len(results) != 1 {
		return object{"http": status, "error": answer}
	}
	r := results[0].(object)
	return object{"rows": r["data"], "names": r["colnames"], "types": r["coltypes"], "count": r["rowcount"], "error": r["error"]}
}

// run runs a text of SQL Lab to its end.
func (d database) run(t *testing.T, client, sql string, more object) (status int, answer object) {
	t.Helper()
	return d.send(t, http.MethodPost, executePath, d.text(client, sql, more))
}

const executePath = "/api/v1/sqllab/execute/"

// text is one of SQL Lab as it is sent.
func (d database) text(client, sql string, more object) object {
	body := object{"client_id": client, "database_id": d.id, "sql": sql, "schema": "public", "runAsync": false, "expand_data": true, "queryLimit": 1000}
	for k, v := range more {
		body[k] = v
	}
	return body
}
