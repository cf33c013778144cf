package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// TestEvolvedUnderKill kills the gateway at random moments of the statements that change a
// job or its state: CREATE OR REPLACE JOB, ALTER JOB ... SWAP WITH, EXPORT STATE and IMPORT
// STATE. Afterwards there is the old or the new, and the new where the statement had
// answered; and in all each row once.
func TestEvolvedUnderKill(t *testing.T) {
	rounds := 1
	if os.Getenv("FERRIS_TIER") == "long" {
		rounds = 40
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute+time.Duration(rounds)*20*time.Second)
	defer cancel()
	e := evolve(ctx, t)
	var produced atomic.Int64
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- produce(ctx, e.broker, &produced, stop) }()
	grows(ctx, t, e.path("copied"))
	for range rounds {
		e.replaced()
		e.swapped()
		e.exported()
		e.imported()
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	e.comesTo(int(produced.Load()))
}

// evolved are jobs that are changed again and again.
type evolved struct {
	*testing.T
	ctx     context.Context
	g       gateway.Options
	p       *gateway.Process
	broker  string
	dir     string
	version int               // of the query of the job copy
	jobs    map[string]string // a and b, by their ids
	state   string            // a file that has the state of groups
	cut     int               // statements that had not answered
}

const evolvedOptions = "'use_transactions' = 'true', 'checkpoint.interval' = '50ms', 'retry_backoff' = '100ms'"

// copyOf is the query of the job copy in a version.
func copyOf(version int) string {
	return fmt.Sprintf("SELECT id, name, %d AS version FROM input INTO copied, output WITH (%s)", version, evolvedOptions)
}

func evolve(ctx context.Context, t *testing.T) *evolved {
	e := &evolved{T: t, ctx: ctx, broker: gateway.StartBroker(t), dir: t.TempDir()}
	makeTopics(ctx, t, e.broker)
	e.g = gateway.Options{DataDir: filepath.Join(e.dir, "data"), Brokers: e.broker, Listen: gateway.FreeAddr(), Args: []string{"--config", config(t, e.dir)}}
	e.p = start(t, e.g)
	statements := []string{
		"CREATE STREAM input (id bigint, name text) WITH (type = 'kafka', topic = 'input')",
		"CREATE SINK output WITH (type = 'kafka', topic = 'output')",
		"CREATE SINK changes WITH (type = 'kafka', topic = 'changes', key = 'g', changelog = 'ops')",
		"CREATE SINK second WITH (type = 'kafka', topic = 'second', key = 'g', changelog = 'ops')",
	}
	for _, name := range []string{"copied", "a_file", "b_file"} {
		statements = append(statements, fmt.Sprintf("CREATE SINK %s WITH (type = 'file', path = '%s', format = 'json')", name, e.path(name)))
	}
	for _, name := range []string{"a", "b"} {
		statements = append(statements, fmt.Sprintf("START JOB %[1]s AS SELECT id, name FROM input INTO %[1]s_file WITH (%[2]s)", name, evolvedOptions))
	}
	for name, sink := range map[string]string{"groups": "changes", "other": "second"} {
		statements = append(statements, fmt.Sprintf("START JOB %s AS SELECT id %% 50 AS g, count(*) AS n, sum(id) AS s FROM input GROUP BY id %% 50 INTO %s WITH (%s)", name, sink, evolvedOptions))
	}
	execSQL(ctx, t, e.p, append(statements, "START JOB copy AS "+copyOf(0))...)
	e.jobs = e.ids()
	return e
}

func (e *evolved) path(name string) string { return filepath.Join(e.dir, name+".out") }

// ask is the text of the one row and column of a query.
func (e *evolved) ask(sql string) string {
	e.Helper()
	got := ""
	query(e.ctx, e.T, e.p, sql, func(value []byte) { got = string(value) })
	return got
}

func (e *evolved) ids() map[string]string {
	return map[string]string{"a": e.ask("SELECT job_id::text FROM ferris.jobs WHERE job_name = 'a'"), "b": e.ask("SELECT job_id::text FROM ferris.jobs WHERE job_name = 'b'")}
}

// kill ends the gateway at a moment of a statement and starts it, and reports whether the
// statement had answered.
func (e *evolved) kill(sql string) (answered bool) {
	e.Helper()
	conn, err := pgx.Connect(e.ctx, e.p.URL())
	if err != nil {
		e.Fatal(err)
	}
	defer conn.Close(e.ctx)
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Exec(e.ctx, sql)
		failed <- err
	}()
	wait(e.ctx, e.T, time.Duration(rand.IntN(25_000)<<rand.IntN(5))*time.Microsecond)
	e.p.Kill()
	err = <-failed
	if refused := new(pgconn.PgError); errors.As(err, &refused) {
		e.Fatalf("%s: %v", sql, err)
	} else if err != nil {
		e.cut++
	}
	e.p = start(e.T, e.g)
	return err == nil
}

func (e *evolved) replaced() {
	e.Helper()
	answered := e.kill("CREATE OR REPLACE JOB copy AS " + copyOf(e.version+1))
	is := e.ask("SELECT definition FROM ferris.jobs WHERE job_name = 'copy'")
	switch {
	case strings.Contains(is, copyOf(e.version+1)):
		e.version++
	case answered || !strings.Contains(is, copyOf(e.version)):
		e.Fatalf("CREATE OR REPLACE to version %d, answered %t: the job is %q", e.version+1, answered, is)
	}
	grows(e.ctx, e.T, e.path("copied"))
}

func (e *evolved) swapped() {
	e.Helper()
	answered := e.kill("ALTER JOB a SWAP WITH b")
	is := e.ids()
	switch {
	case is["a"] == e.jobs["b"] && is["b"] == e.jobs["a"]:
		e.jobs = is
	case answered || is["a"] != e.jobs["a"] || is["b"] != e.jobs["b"]:
		e.Fatalf("SWAP, answered %t: the jobs are %v, and were %v", answered, is, e.jobs)
	}
	grows(e.ctx, e.T, e.path("a_file"))
	grows(e.ctx, e.T, e.path("b_file"))
}

func (e *evolved) exported() {
	e.Helper()
	path := filepath.Join(e.dir, fmt.Sprintf("%d.state", rand.Uint64()))
	answered := e.kill(fmt.Sprintf("EXPORT STATE OF groups TO '%s'", path))
	switch _, err := os.Stat(path); {
	case err == nil:
		e.state = path
	case answered:
		e.Fatalf("EXPORT STATE has answered: %v", err)
	}
	if e.state == "" {
		e.state = path
		execSQL(e.ctx, e.T, e.p, fmt.Sprintf("EXPORT STATE OF groups TO '%s'", path))
	}
}

func (e *evolved) imported() {
	e.Helper()
	execSQL(e.ctx, e.T, e.p, "STOP JOB other")
	answered := e.kill(fmt.Sprintf("IMPORT STATE OF other FROM '%s'", e.state))
	if is := e.ask("SELECT state FROM ferris.jobs WHERE job_name = 'other'"); is != "stopped" {
		e.Fatalf("IMPORT STATE, answered %t: the job is %s", answered, is)
	}
	execSQL(e.ctx, e.T, e.p, "START JOB other")
}

// comesTo finds each of so many rows once, where rows are copied, and in the groups.
func (e *evolved) comesTo(total int) {
	e.Helper()
	for _, job := range []string{"groups", "other"} {
		got := ""
		for end := time.Now().Add(time.Minute); got != strconv.Itoa(total); wait(e.ctx, e.T, 50*time.Millisecond) {
			if got = e.ask("SELECT rows_in::text FROM ferris.jobs WHERE job_name = '" + job + "'"); time.Now().After(end) {
				e.Fatalf("job %s has read %s rows of %d: %s", job, got, total, e.ask("SELECT coalesce(error, '') FROM ferris.jobs WHERE job_name = '"+job+"'"))
			}
		}
	}
	// What the state has that was imported, and what was read since, is all that there is.
	last := map[int64]change{}
	read(e.ctx, e.T, e.broker, "second", func(value []byte) {
		var c change
		if err := json.Unmarshal(value, &c); err != nil {
			e.Fatalf("record %q: %v", value, err)
		}
		if c.Op == "+" {
			last[c.G] = c
		}
	}, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	for g, want := range groupsOf(total) {
		if last[g] != want {
			e.Errorf("group %d is %+v, want %+v", g, last[g], want)
		}
	}
	wantGroups(e.ctx, e.T, e.p, e.broker, total)
	counts := map[string]map[int64]int{"the topic": consume(e.ctx, e.T, e.broker, "output", total, kgo.FetchIsolationLevel(kgo.ReadCommitted()))}
	for file, job := range map[string]string{"copied": "copy", "a_file": "a", "b_file": "b"} {
		counts[file] = complete(e.ctx, e.T, e.p, job, e.path(file), total)
	}
	for where, ids := range counts {
		for id := range total {
			if n := ids[int64(id)]; n != 1 {
				e.Fatalf("record %d is in %s %d times, want once; %d produced", id, where, n, total)
			}
		}
	}
	e.Logf("%d rows, each once; %d statements were cut short; version %d", total, e.cut, e.version)
}
