package http

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// find asks for ids, and returns the rows as texts by their key's place.
func find(t *testing.T, rel *catalog.Relation, ids ...int64) (rows []string, faults []stream.LookupFault, err error) {
	t.Helper()
	l, err := Connector{}.Lookup(t.Context(), env(), rel, stream.LookupScan{Keys: []int{0}, Columns: []int{0, 1}})
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	key := &vec.Fixed[int64]{}
	for _, id := range ids {
		key.Append(id)
	}
	faults, err = l.Find(t.Context(), []vec.Vec{key}, len(ids), func(b *vec.Batch, of []int32) error {
		for i := range b.Rows {
			id, name := vec.Get(b.Cols[0], i, types.Of(types.Int8)), vec.Get(b.Cols[1], i, types.Of(types.Text))
			rows = append(rows, fmt.Sprintf("%d: %d %s", of[i], id.I, name.S))
		}
		return nil
	})
	slices.Sort(rows)
	return rows, faults, err
}

// TestLookup asks a service for keys: one by one, as a list, in a body. It has none of
// some, is busy for others, and does not take one.
func TestLookup(t *testing.T) {
	var busy, now, most atomic.Int64
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		for n := now.Add(1); ; {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		defer now.Add(-1)
		var ids []int
		switch {
		case strings.HasPrefix(r.URL.Path, "/one/"):
			id, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/one/"))
			switch {
			case err != nil, id == 4:
				w.WriteHeader(http.StatusBadRequest)
				return
			case id == 2 && busy.Add(1) == 1:
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			case id == 3:
				w.WriteHeader(http.StatusNotFound)
				return
			case id == 5:
				fmt.Fprint(w, `[{"name":"five"},{"name":"fünf"}]`) // without the key
				return
			}
			fmt.Fprintf(w, `{"id":%d,"name":"n%d"}`, id, id)
			return
		case r.Method == http.MethodPost:
			var keys []map[string]string
			if err := json.NewDecoder(r.Body).Decode(&keys); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			for _, k := range keys {
				id, _ := strconv.Atoi(k["id"])
				ids = append(ids, id)
			}
		default:
			for id := range strings.SplitSeq(r.URL.Query().Get("ids"), ",") {
				n, _ := strconv.Atoi(id)
				ids = append(ids, n)
			}
		}
		var parts []string
		for _, id := range append(ids, 99) { // and one that nobody has asked for
			if id != 3 {
				parts = append(parts, fmt.Sprintf(`{"id":%d,"name":"n%d"}`, id, id))
			}
		}
		fmt.Fprintf(w, "[%s]", strings.Join(parts, ","))
	})
	rows, faults, err := find(t, feed(s.URL+"/one/{id}", "lookup.connections", "2"), 1, 2, 3, 4, 5)
	if want := []string{"0: 1 n1", "1: 2 n2", "4: 5 five", "4: 5 fünf"}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("%q, %v, want %q", rows, err, want)
	}
	if len(faults) != 1 || faults[0].Key != 3 || sqlerr.CodeOf(faults[0].Err) != sqlerr.InvalidParameterValue {
		t.Errorf("faults %v, want one of the fourth key", faults)
	}
	if n := most.Load(); n > 2 {
		t.Errorf("%d requests at a time, want 2", n)
	}
	for _, rel := range []*catalog.Relation{
		feed(s.URL+"/?ids={id}", "lookup.keys", "list"),
		feed(s.URL+"/", "lookup.keys", "body", "method", "POST"),
	} {
		rows, faults, err := find(t, rel, 1, 3, 2)
		if want := []string{"0: 1 n1", "2: 2 n2"}; err != nil || len(faults) > 0 || !slices.Equal(rows, want) {
			t.Errorf("%v: %q, %v, %v, want %q", rel.Options, rows, faults, err, want)
		}
	}
	down := feed("http://127.0.0.1:1/{id}", "request_retries", "0")
	if _, _, err := find(t, down, 1, 2); sqlerr.CodeOf(err) != sqlerr.ConnectionFailure {
		t.Errorf("a service that is not there: %v", err)
	}
}

// TestLooks: a URL says which keys it is asked by, and cannot be read whole.
func TestLooks(t *testing.T) {
	rel := feed("http://127.0.0.1/{id}")
	for _, c := range []struct {
		keys []int
		want bool
	}{{nil, true}, {[]int{0}, true}, {[]int{1}, false}, {[]int{0, 1}, false}} {
		if got := (Connector{}).Looks(rel, c.keys); got != c.want {
			t.Errorf("by %v: %v", c.keys, got)
		}
	}
	if (Connector{}).Looks(feed("http://127.0.0.1/"), nil) {
		t.Error("a URL without a key's place is asked")
	}
	if _, err := (Connector{}).Source(t.Context(), env(), rel); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported || !strings.HasSuffix(sqlerr.From(err).Hint, " = s.column EMIT CHANGES.") {
		t.Errorf("read whole: %v", err)
	}
	if _, err := (Connector{}).Source(t.Context(), env(), feed("http://127.0.0.1/{other}")); sqlerr.CodeOf(err) != sqlerr.UndefinedColumn {
		t.Errorf("a column that is not there: %v", err)
	}
}

// TestKeysInURLs: a key leads to no other place.
func TestKeysInURLs(t *testing.T) {
	rel := feed("http://127.0.0.1/a/{name}/b?q={name}")
	c, err := readSource(env(), rel)
	if err != nil {
		t.Fatal(err)
	}
	l := &lookup{source: &source{env: env(), rel: rel, config: c}, scan: stream.LookupScan{Keys: []int{1}}}
	for key, want := range map[string]string{
		"x":         "http://127.0.0.1/a/x/b?q=x",
		"..":        "http://127.0.0.1/a/%2E%2E/b?q=..",
		"a/b?c#d&e": "http://127.0.0.1/a/a%2Fb%3Fc%23d&e/b?q=a%2Fb%3Fc%23d%26e",
		"@evil.org": "http://127.0.0.1/a/@evil.org/b?q=%40evil.org",
	} {
		if r, err := l.request([]string{key}); err != nil || r.url.String() != want {
			t.Errorf("%q: %s, %v, want %s", key, r.url, err, want)
		}
	}
}

// TestDeclarations are refused where what they say does not go together.
func TestDeclarations(t *testing.T) {
	for _, c := range [][]string{
		{"cursor.path", "next"}, {"cursor.param", "x"}, {"next.param", "p"}, {"format", "csv", "records", "a"}, {"mode", "sse", "key", "id"},
		{"event", "x"}, {"request_body", "{}"}, {"records", "a..b"}, {"records", "a["}, {"poll_interval", "0"}, {"csv.delimiter", "ab"}, {"max_body", "0"},
		{"mode", "push"}, {"lookup.keys", "body"}, {"auth_token", "a", "auth_header", "b"}, {"auth_token", "a\nb"},
	} {
		if err := (Connector{}).Check(env(), feed("http://127.0.0.1/", c...), stream.RoleSource); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue || sqlerr.From(err).Hint == "" {
			t.Errorf("%q: %v", c, err)
		}
	}
	for _, key := range []string{"key", "cursor.column"} {
		if err := (Connector{}).Check(env(), feed("http://127.0.0.1/", key, "nothing", "cursor.param", map[bool]string{true: "c"}[key != "key"]), stream.RoleSource); sqlerr.CodeOf(err) != sqlerr.UndefinedColumn {
			t.Errorf("%s: %v", key, err)
		}
	}
}
