package pipelines

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

var (
	queries    = flag.Int("queries", 0, "random queries of TestRandom; 0: 20, or 2000 in the long tier")
	firstQuery = flag.Int("query", 0, "the number of the first random query")
)

// TestRandom has jobs of random queries over random rows, out of order as far as
// the watermark allows: what they come to is what a SELECT over the same rows
// says, and what PostgreSQL says.
func TestRandom(t *testing.T) {
	n := *queries
	if n == 0 {
		n = 20
		if os.Getenv("FERRIS_TIER") == "long" {
			n = 2000
		}
	}
	c := newComparison(t)
	refused, answered := map[string]int{}, map[string]int{}
	failed := 0
	for i := *firstQuery; i < *firstQuery+n; i++ {
		if i > *firstQuery && i%100 == 0 {
			t.Logf("%d queries, %d differences", i, failed)
		}
		way := rand.NewPCG(*seed, uint64(i))
		s := newScenario(rand.New(way))
		diff, refusal := c.compare(s, uint64(i))
		if refusal != "" {
			refused[refusal]++
			continue
		}
		if diff == "" {
			for _, f := range s.features() {
				answered[f]++
			}
			continue
		}
		s, diff = c.minimise(s, uint64(i), diff)
		t.Errorf("seed %d, query %d:\n%s\nPostgreSQL: %s\n%s\n%s", *seed, i, s.golden().sql, s.theirs(), s.records(), diff)
		if failed++; failed == 10 {
			t.Fatal("too many differences")
		}
	}
	for text, times := range refused {
		t.Logf("refused %d times: %s", times, text)
	}
	total := 0
	for _, times := range refused {
		total += times
	}
	t.Logf("%d queries, %d refused", n, total)
	if total > n/3 {
		t.Errorf("%d of %d queries were refused", total, n)
	}
	for _, f := range allFeatures() {
		t.Logf("%d queries answered alike have %s", answered[f], f)
		if n >= 1000 && answered[f] == 0 {
			t.Errorf("no query answered has %s", f)
		}
	}
}

type comparison struct {
	t      *testing.T
	conn   *pgconn.PgConn
	broker string
	topics int
}

// newComparison compares with a PostgreSQL that has the tables of random queries.
func newComparison(t *testing.T) *comparison {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), postgres.Start(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	c := &comparison{t: t, conn: conn, broker: broker(t)}
	c.tables()
	return c
}

func (c *comparison) postgres(statements ...string) {
	c.t.Helper()
	for _, s := range statements {
		if _, err := c.conn.Exec(c.t.Context(), s).ReadAll(); err != nil {
			c.t.Fatalf("%s: %v", s, err)
		}
	}
}

// tables makes PostgreSQL's tables of the streams.
func (c *comparison) tables() {
	c.t.Helper()
	c.postgres("SET TimeZone = 'UTC'")
	for _, st := range randomInputs {
		c.postgres("CREATE TEMP TABLE " + st.name + " (" + streamColumns + ")")
	}
	c.postgres("ALTER TABLE t ADD PRIMARY KEY (id)")
	c.postgres("CREATE TEMP TABLE u_all (" + streamColumns + ", n serial)")
}

// theirs is PostgreSQL's answer; refusal: it gives none.
func (c *comparison) theirs(s *scenario) (answer []string, refusal string) {
	c.t.Helper()
	for _, st := range s.streams() {
		if st.format == statements {
			c.fill(st.name, nil)
			c.postgres(s.rows[st.name]...)
			continue
		}
		c.fill(st.name, st.table(s.rows[st.name]))
		if st.name == "u" {
			c.fill("u_all (id, k, v, x, d, ts)", s.rows[st.name])
		}
	}
	var out bytes.Buffer
	if _, err := c.conn.CopyTo(c.t.Context(), &out, "COPY ("+s.theirs()+") TO STDOUT WITH (FORMAT csv)"); err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && (!strings.HasPrefix(pg.Code, "42") || pg.Code == "42P20") {
			return nil, "PostgreSQL: " + pg.Message
		}
		c.t.Fatalf("%s: %v", s.theirs(), err)
	}
	return slices.Sorted(slices.Values(lines(out.String()))), ""
}

// fill puts rows in the place of a table's.
func (c *comparison) fill(table string, rows []string) {
	c.t.Helper()
	name, _, _ := strings.Cut(table, " ")
	c.postgres("TRUNCATE " + name)
	if len(rows) == 0 {
		return
	}
	if _, err := c.conn.CopyFrom(c.t.Context(), strings.NewReader(strings.Join(rows, "\n")+"\n"), "COPY "+table+" FROM STDIN WITH (FORMAT csv)"); err != nil {
		c.t.Fatal(err)
	}
}

// compare returns how the answers differ; "": they do not, or the query is refused
// in a job.
func (c *comparison) compare(s *scenario, seed uint64) (diff, refusal string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	want, refusal := c.theirs(s)
	if refusal != "" {
		return "", refusal
	}
	rng := rand.New(rand.NewPCG(seed, 77))
	got, err := c.ours(ctx, s, rng)
	if sqlerr.CodeOf(err) == sqlerr.FeatureNotSupported {
		return "", sqlerr.From(err).Message
	}
	if err != nil {
		return err.Error(), ""
	}
	if !slices.Equal(got, want) {
		return "the job " + unlike(got, want), ""
	}
	if rng.IntN(2) == 0 && !s.source.late {
		p := s.permuted(rng)
		got, err := c.ours(ctx, p, rng)
		if err != nil {
			return err.Error(), ""
		}
		if !slices.Equal(got, want) {
			return fmt.Sprintf("with its rows in this order\n%s\nthe job %s", p.records(), unlike(got, want)), ""
		}
	}
	return asked(ctx, s, want, 1+rng.IntN(20)), ""
}

// asked returns how the answers differ that a client gets of the query, bounded and live.
func asked(ctx context.Context, s *scenario, want []string, batch int) (diff string) {
	if s.source.late {
		return "" // nothing is late where all is there
	}
	bounded, err := selectRows(ctx, s)
	if err != nil {
		return "SELECT: " + err.Error()
	}
	if !slices.Equal(bounded, want) {
		return "SELECT " + unlike(bounded, want)
	}
	if _, ok := s.rows["t"]; ok || s.update {
		return "" // it has no end, or the policy is a job's
	}
	live, err := liveRows(ctx, s, batch)
	if err != nil && sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		return "the live query: " + err.Error()
	}
	if err == nil && !slices.Equal(live, want) {
		return "the live query " + unlike(live, want)
	}
	return ""
}

// unlike says what an answer has, and what the right one.
func unlike(got, want []string) string {
	return fmt.Sprintf("comes to %d rows\n%s\nPostgreSQL to %d\n%s", len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
}

// ours is what the job comes to.
func (c *comparison) ours(ctx context.Context, s *scenario, rng *rand.Rand) ([]string, error) {
	c.t.Helper()
	dir, err := os.MkdirTemp(c.t.TempDir(), "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := c.run(s, dir, rng)
	answers, err := r.drive(ctx, newHost(c.broker))
	if err != nil {
		return nil, err
	}
	return given(slices.Concat(answers[0].stages...)), nil
}

// run is the scenario's golden in a random way.
func (c *comparison) run(s *scenario, dir string, rng *rand.Rand) *run {
	r := &run{golden: s.golden(), dir: dir, rng: rng}
	r.batch, r.tasks = 1+rng.IntN(20), 1+rng.IntN(mostTasks)
	r.evict, r.divide, r.phases = rng.IntN(3) == 0, rng.IntN(4) == 0, rng.IntN(3)
	if rng.IntN(2) == 0 {
		c.topics++
		r.broker, r.topics, r.spread = c.broker, fmt.Sprintf("random-%d-", c.topics), true
	}
	return r
}

// minimise makes a scenario smaller for as long as it differs.
func (c *comparison) minimise(s *scenario, seed uint64, diff string) (*scenario, string) {
	for tries := 0; ; {
		found := false
		for _, smaller := range s.smaller() {
			if tries++; tries > 150 {
				return s, diff
			}
			if d, _ := c.compare(smaller, seed); d != "" {
				s, diff, found = smaller, d, true
				break
			}
		}
		if !found {
			return s, diff
		}
	}
}

// selectRows are the rows of the bounded query over files.
func selectRows(ctx context.Context, s *scenario) ([]string, error) {
	return clientRows(ctx, s, s.bounded(), "")
}

// liveRows are what the changes of the live query over files come to, of which so many
// rows are read at a time.
func liveRows(ctx context.Context, s *scenario, batch int) ([]string, error) {
	emit := s.emit
	if emit == "" {
		emit = " EMIT CHANGES"
	}
	all, err := clientRows(ctx, s, s.bounded()+emit, fmt.Sprintf(", 'follow' = 'true', 'batch.size' = '%d'", batch))
	return given(all), err
}

// clientRows are the rows that a client gets of a query over files.
func clientRows(ctx context.Context, s *scenario, text, more string) ([]string, error) {
	dir, err := os.MkdirTemp("", "select")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	e, err := openEngine(ctx, dir, "")
	if err != nil {
		return nil, err
	}
	defer e.close()
	e.streams.end() // no more comes than there is
	for _, st := range s.streams() {
		in := st.input(s.rows[st.name])
		if st.format == statements {
			if err := e.run(ctx, strings.Join(append([]string{st.declaration("")}, in.stages[0]...), ";\n")); err != nil {
				return nil, err
			}
			continue
		}
		path := filepath.Join(dir, st.name+".records")
		records := strings.Join(in.stages[0], "\n")
		if records != "" {
			records += "\n"
		}
		if err := os.WriteFile(path, []byte(records), 0o600); err != nil {
			return nil, err
		}
		options := fmt.Sprintf("'type' = 'file', 'path' = '%s', 'format' = '%s'", path, st.format)
		if st.format == "csv" {
			options += ", 'header' = 'false'"
		}
		options += more
		if err := e.run(ctx, st.declaration(options)); err != nil {
			return nil, err
		}
	}
	statements, err := planner.Parse(text)
	if err != nil {
		return nil, err
	}
	t := e.Begin()
	defer t.Rollback()
	env := environment(ctx, t.Snapshot())
	b, err := planner.Plan(ctx, e.context(t.Snapshot(), env), statements[0])
	if err != nil {
		return nil, err
	}
	q, ok := b.Statement.(*plan.Query)
	if !ok {
		return nil, fmt.Errorf("%q is no query", text)
	}
	cursor, err := t.Query(ctx, q, env)
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	var columns []catalog.Column
	for _, f := range b.Fields {
		columns = append(columns, catalog.Column{Name: f.Name, Type: f.Type})
	}
	encoder := csv.NewEncoder(columns, csv.EncodeOptions{})
	var all []string
	for {
		b, err := cursor.Next(ctx)
		if errors.Is(err, io.EOF) {
			slices.Sort(all)
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		each(b, func(row int) { all = append(all, string(encoder.Append(nil, b, row))) })
	}
}

func each(b *vec.Batch, f func(row int)) {
	if b.Sel != nil {
		for _, r := range b.Sel {
			f(int(r))
		}
		return
	}
	for r := range b.Rows {
		f(r)
	}
}
