package systems

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// askedAway is a system that is asked by key, and read where it has rows that grow.
type askedAway struct {
	*away
	there string // the options of a stream that is asked
	grows string // of one that is read; "": none is
}

func askedPostgres(t *testing.T) *askedAway {
	a := awayPostgres(t, "")
	a.into(0) // makes a table
	there := "type = 'postgres', connection = '$line', 'table' = '$schema.out0'"
	return &askedAway{a, there, there}
}

func askedMySQL(t *testing.T) *askedAway {
	a := awayMySQL(t, "")
	a.into(0)
	there := "type = 'mysql', connection = '$line', 'table' = 'out0'"
	return &askedAway{a, there, there}
}

func askedHTTP(t *testing.T) *askedAway {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":%s}`, strings.TrimPrefix(r.URL.Path, "/"))
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	l := lineTo(t, server.Listener.Addr().String())
	a := &away{pair: alone(t, "http.allow: [127.0.0.1]\n"), line: l, exact: true}
	return &askedAway{away: a, there: "type = 'http', endpoint = 'http://" + l.Addr().String() + "/{id}'"}
}

// TestAskedAway stops and drops jobs whose look-up hangs in the middle of an epoch, and
// whose source does, and cancels queries: that ends soon, and each row is there once when
// they have gone on.
func TestAskedAway(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) *askedAway{"postgres": askedPostgres, "mysql": askedMySQL, "http": askedHTTP} {
		t.Run(name, func(t *testing.T) {
			a := begin(t)
			a.path = filepath.Join(filepath.Dir(a.options.DataDir), "lines.json")
			a.add(1)
			a.here("CREATE STREAM lines (id bigint) WITH (type = 'file', path = '" + a.path + "', follow = 'true')")
			a.here("CREATE STREAM there (id bigint) WITH (" + a.there + ", 'lookup.cache.ttl' = '0s')")
			a.here("CREATE TABLE asked (id bigint, other bigint)")
			const join = "SELECT l.id, t.id FROM lines l LEFT JOIN there t ON t.id = l.id"
			jobs := []string{"asks"}
			a.here("START JOB asks AS " + join + " INTO asked WITH (stop_timeout = '1s', retry_backoff = '50ms')")
			if a.grows != "" {
				jobs = append(jobs, "reads")
				a.here("CREATE STREAM grows (id bigint) WITH (" + a.grows + ", 'incremental.column' = 'id', poll_interval = '20ms')")
				a.here("CREATE TABLE read (id bigint)")
				a.here("START JOB reads AS SELECT id FROM grows INTO read WITH (stop_timeout = '1s', retry_backoff = '50ms')")
			}
			a.got = func(int) []string { return a.here("SELECT id FROM asked") }
			a.arrives(0)
			for _, hangs := range []bool{true, false} {
				live := a.ask(join + " EMIT CHANGES")
				a.eventually(func() []string { return []string{fmt.Sprint(live.seen())} }, fmt.Sprint(a.rows))
				read := a.read()
				a.leaves(hangs)
				a.add(20)
				a.eventually(func() []string { return []string{fmt.Sprint(a.read() >= read+20)} }, "true")
				live.cancelled()
				if a.grows != "" { // it can be read whole, so a SELECT may look up in it
					a.ask(join).cancelled()
				}
				for _, job := range jobs {
					if said := a.ends("STOP JOB " + job); hangs && job == "asks" && !strings.Contains(said, "look-up in there") {
						t.Errorf("STOP JOB says %q", said)
					}
				}
				a.returns()
				for _, job := range jobs {
					a.here("START JOB " + job)
				}
				a.arrives(0)
			}
			a.line.hold()
			a.add(20)
			for _, job := range jobs {
				a.ends("DROP JOB " + job)
			}
		})
	}
}
