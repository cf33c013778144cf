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

var queries = flag.Int("queries", 0, "random queries of TestRandom; 0: 40, or 2000 in the long tier")

// TestRandom has jobs of random queries over random rows, out of order as far as
// the watermark allows: what they come to is what a SELECT over the same rows
// says, and what PostgreSQL says.
func TestRandom(t *testing.T) {
	n := *queries
	if n == 0 {
		n = 40
		if os.Getenv("FERRIS_TIER") == "long" {
			n = 2000
		}
	}
	conn, err := pgconn.Connect(t.Context(), postgres.Start(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	c := &comparison{t: t, conn: conn, broker: broker(t)}
	c.postgres("SET TimeZone = 'UTC'", "CREATE TEMP TABLE e ("+streamColumns+")", "CREATE TEMP TABLE f ("+streamColumns+")")
	refused, answered := map[string]int{}, map[string]int{}
	failed := 0
	for i := range n {
		if i > 0 && i%100 == 0 {
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
		t.Errorf("seed %d, query %d:\n%s%s\nPostgreSQL: %s\ne:\n%s\nf:\n%s\n%s", *seed, i, s.ours(), s.emit, s.theirs(), strings.Join(s.rows["e"], "\n"), strings.Join(s.rows["f"], "\n"), diff)
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

func (c *comparison) postgres(statements ...string) {
	c.t.Helper()
	for _, s := range statements {
		if _, err := c.conn.Exec(c.t.Context(), s).ReadAll(); err != nil {
			c.t.Fatalf("%s: %v", s, err)
		}
	}
}

// theirs is PostgreSQL's answer.
func (c *comparison) theirs(s *scenario) []string {
	c.t.Helper()
	for name, rows := range s.rows {
		c.postgres("TRUNCATE " + name)
		text := strings.Join(rows, "\n") + "\n"
		if len(rows) == 0 {
			continue
		}
		if _, err := c.conn.CopyFrom(c.t.Context(), strings.NewReader(text), "COPY "+name+" FROM STDIN WITH (FORMAT csv)"); err != nil {
			c.t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if _, err := c.conn.CopyTo(c.t.Context(), &out, "COPY ("+s.theirs()+") TO STDOUT WITH (FORMAT csv)"); err != nil {
		c.t.Fatalf("%s: %v", s.theirs(), err)
	}
	return slices.Sorted(slices.Values(lines(out.String())))
}

// compare returns how the answers differ; "": they do not, or the query is refused
// in a job.
func (c *comparison) compare(s *scenario, seed uint64) (diff, refusal string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	want := c.theirs(s)
	rng := rand.New(rand.NewPCG(seed, 77))
	got, err := c.ours(ctx, s, rng)
	if sqlerr.CodeOf(err) == sqlerr.FeatureNotSupported {
		return "", sqlerr.From(err).Message
	}
	if err != nil {
		return err.Error(), ""
	}
	if !slices.Equal(got, want) {
		return fmt.Sprintf("the job comes to %d rows\n%s\nPostgreSQL to %d\n%s", len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n")), ""
	}
	if rng.IntN(3) == 0 {
		p := *s
		p.rows = map[string][]string{"e": permuted(rng, s.rows["e"]), "f": permuted(rng, s.rows["f"])}
		got, err := c.ours(ctx, &p, rng)
		if err != nil {
			return err.Error(), ""
		}
		if !slices.Equal(got, want) {
			return fmt.Sprintf("with its rows in this order\n%s\n\n%s\nthe job comes to %d rows\n%s\nPostgreSQL to %d\n%s", strings.Join(p.rows["e"], "\n"), strings.Join(p.rows["f"], "\n"),
				len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n")), ""
		}
	}
	bounded, err := selectRows(ctx, s)
	if err != nil {
		return "SELECT: " + err.Error(), ""
	}
	if !slices.Equal(bounded, want) {
		return fmt.Sprintf("SELECT comes to %d rows\n%s\nPostgreSQL to %d\n%s", len(bounded), strings.Join(bounded, "\n"), len(want), strings.Join(want, "\n")), ""
	}
	return "", ""
}

// ours is what the job comes to.
func (c *comparison) ours(ctx context.Context, s *scenario, rng *rand.Rand) ([]string, error) {
	c.t.Helper()
	dir, err := os.MkdirTemp(c.t.TempDir(), "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &run{golden: s.golden(), dir: dir, rng: rng}
	r.batch, r.tasks = 1+r.rng.IntN(20), 1+r.rng.IntN(4)
	if r.rng.IntN(2) == 0 {
		c.topics++
		r.broker, r.topics, r.spread = c.broker, fmt.Sprintf("random-%d-", c.topics), true
	}
	answers, err := r.drive(ctx, newHost(c.broker))
	if err != nil {
		return nil, err
	}
	return given(slices.Concat(answers[0].stages...)), nil
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
	for name, rows := range s.rows {
		path := filepath.Join(dir, name+".csv")
		text := strings.Join(rows, "\n")
		if text != "" {
			text += "\n"
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
		if err := e.run(ctx, fmt.Sprintf("CREATE STREAM %s (%s, WATERMARK FOR ts AS ts - INTERVAL '5 seconds') WITH ('type' = 'file', 'path' = '%s', 'format' = 'csv', 'header' = 'false')", name, streamColumns, path)); err != nil {
			return nil, err
		}
	}
	statements, err := planner.Parse(s.ours())
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
		return nil, fmt.Errorf("%q is no query", s.ours())
	}
	cursor, err := t.Query(ctx, q, env)
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	var columns []catalog.Column
	for _, f := range q.Root.Schema() {
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
