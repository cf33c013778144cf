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
	"time"

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

// TestLookupRecords: a record that does not decode is a fault of its key, of every key where
// it does not tell whose it is, and the others have their rows.
func TestLookupRecords(t *testing.T) {
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/one/2":
			fmt.Fprint(w, `[{"id":2,"name":"n2"},{"id":2,"name":"\u0000"},{"id":2,"name":"m2"}]`)
		case strings.HasPrefix(r.URL.Path, "/one/"):
			id := strings.TrimPrefix(r.URL.Path, "/one/")
			fmt.Fprintf(w, `{"id":%s,"name":"n%[1]s"}`, id)
		case r.URL.Path == "/whose":
			fmt.Fprint(w, `[{"id":1,"name":"n1"},{"id":"?","name":"n2"}]`)
		case r.URL.Path == "/others": // of a key that nobody has asked for
			fmt.Fprint(w, `[{"id":1,"name":"n1"},{"id":9,"name":"\u0000"},{"id":3,"name":"n3"}]`)
		case r.URL.Path == "/csv":
			fmt.Fprint(w, "name,id\nn1,1\n\"\xff\",2\nn3,3\n")
		default:
			fmt.Fprint(w, `[{"id":1,"name":"n1"},{"id":2,"name":"\u0000"},{"id":3,"name":"n3"}]`)
		}
	})
	for _, c := range []struct {
		rel    *catalog.Relation
		faults []int
	}{
		{feed(s.URL+"/one/{id}", "lookup.connections", "2"), []int{1}},
		{feed(s.URL+"/?ids={id}", "lookup.keys", "list"), []int{1}},
		{feed(s.URL+"/", "lookup.keys", "body", "method", "POST"), []int{1}},
		{feed(s.URL+"/csv?ids={id}", "lookup.keys", "list", "format", "csv"), []int{0, 1, 2}}, // what is no UTF-8 has no columns
		{feed(s.URL+"/whose?ids={id}", "lookup.keys", "list"), []int{0, 1, 2}},
		{feed(s.URL+"/others?ids={id}", "lookup.keys", "list"), nil},
	} {
		rows, faults, err := find(t, c.rel, 1, 2, 3)
		if err != nil {
			t.Errorf("%v: %v", c.rel.Options, err)
			continue
		}
		var at []int
		for _, f := range faults {
			at = append(at, f.Key)
			if e := sqlerr.From(f.Err); e == nil || !strings.Contains(e.Message, "record ") || !strings.Contains(e.Hint, "failure_strategy") {
				t.Errorf("%v: a fault is %+v", c.rel.Options, e)
			}
		}
		slices.Sort(at)
		if !slices.Equal(at, c.faults) {
			t.Errorf("%v: faults of %v, want %v", c.rel.Options, at, c.faults)
		}
		if len(c.faults) < 3 && (!slices.Contains(rows, "0: 1 n1") || !slices.Contains(rows, "2: 3 n3")) {
			t.Errorf("%v: rows %q", c.rel.Options, rows)
		}
	}
}

// TestLookupHoldsFewAnswers: of requests for each key no more are answered than may be
// under way while nobody takes the rows.
func TestLookupHoldsFewAnswers(t *testing.T) {
	var answered atomic.Int64
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		answered.Add(1)
		id := strings.TrimPrefix(r.URL.Path, "/")
		rows := strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"id":%s,"name":"n"},`, id), vec.MaxRows+1), ",")
		fmt.Fprintf(w, "[%s]", rows)
	})
	l, err := Connector{}.Lookup(t.Context(), env(), feed(s.URL+"/{id}", "lookup.connections", "2"), stream.LookupScan{Keys: []int{0}, Columns: []int{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	key := &vec.Fixed[int64]{}
	for i := range int64(40) {
		key.Append(i)
	}
	rows, first := 0, true
	_, err = l.Find(t.Context(), []vec.Vec{key}, 40, func(b *vec.Batch, _ []int32) error {
		if first {
			first = false
			time.Sleep(50 * time.Millisecond) // what would be asked for in spite of it is asked for meanwhile
			if n := answered.Load(); n > 4 {
				t.Errorf("%d requests were answered when the first rows were taken", n)
			}
		}
		rows += b.Rows
		return nil
	})
	if want := 40 * (vec.MaxRows + 1); err != nil || rows != want {
		t.Errorf("%d rows, %v, want %d", rows, err, want)
	}
}
