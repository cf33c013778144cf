package seeds

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
)

var rewrite = flag.Bool("rewrite", false, "write what the statements answer into their cases, to be checked by hand")

// limit is how long a case may take.
const limit = 3 * time.Minute

// TestSeeds runs each statement: none is left out.
func TestSeeds(t *testing.T) {
	texts, err := filepath.Glob(filepath.Join(statements, "*.sql"))
	if err != nil || len(texts) < 57 {
		t.Fatalf("%d statements (%v), want at least 57", len(texts), err)
	}
	for _, text := range texts {
		name := strings.TrimSuffix(filepath.Base(text), ".sql")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := readSeed(filepath.Join("testdata", name+".seed"))
			if err != nil {
				t.Fatal(err)
			}
			runSeed(t, s)
		})
	}
}

// trial is a case that runs.
type trial struct {
	*testing.T
	seed   *seed
	dir    string
	broker string
	client *kgo.Client
	conn   *pgconn.PgConn
}

func runSeed(t *testing.T, s *seed) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	b, err := kafka.StartBroker(kafka.BrokerOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c := &trial{T: t, seed: s, dir: t.TempDir(), broker: b.Addr()}
	if c.client, err = kgo.NewClient(kgo.SeedBrokers(c.broker), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	c.fill(ctx)
	config := filepath.Join(c.dir, "ferris.yaml")
	if err := os.WriteFile(config, []byte("file:\n  roots: ["+c.dir+"]\nstorage: {checkpoint_interval_ms: 20}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := gateway.Start(t, gateway.Options{Brokers: c.broker, Args: []string{"--config", config}})
	if c.conn, err = pgconn.Connect(ctx, p.URL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.conn.Close(context.Background()) })
	if _, err := c.ask(ctx, c.expand(s.text("setup"))); err != nil {
		t.Fatalf("setup: %v", err)
	}
	sql, err := s.statement()
	if err != nil {
		t.Fatal(err)
	}
	c.answers(ctx, c.expand(sql), c.expand(strings.ReplaceAll(s.text("then"), "$seed", plain(sql))))
	c.outputs(ctx)
	if *rewrite {
		if err := s.write(); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *trial) expand(sql string) string {
	return strings.NewReplacer("$dir", c.dir, "$brokers", c.broker).Replace(sql)
}

// fill makes topics and files.
func (c *trial) fill(ctx context.Context) {
	c.Helper()
	topic := func(name string, records []string) error {
		made, err := kadm.NewClient(c.client).CreateTopics(ctx, 1, 1, nil, name)
		if err = errors.Join(err, made.Error()); err != nil {
			return fmt.Errorf("making topic %s: %w", name, err)
		}
		for _, r := range records {
			if err := c.client.ProduceSync(ctx, &kgo.Record{Topic: name, Value: []byte(r)}).FirstErr(); err != nil {
				return fmt.Errorf("filling topic %s: %w", name, err)
			}
		}
		return nil
	}
	err := errors.Join(
		c.seed.named("topic", func(name string, x *section) error { return topic(name, x.lines) }),
		c.seed.named("in topic", func(name string, _ *section) error { return topic(name, nil) }),
		c.seed.named("file", func(name string, x *section) error {
			return os.WriteFile(filepath.Join(c.dir, name), []byte(strings.Join(x.lines, "\n")+"\n"), 0o600)
		}))
	if err != nil {
		c.Fatal(err)
	}
}

// ask runs statements and returns the rows of each query among them.
func (c *trial) ask(ctx context.Context, sql string) ([][]string, error) {
	var all [][]string
	results := c.conn.Exec(ctx, sql)
	for results.NextResult() {
		r := results.ResultReader()
		query := len(r.FieldDescriptions()) > 0
		rows := []string{}
		for r.NextRow() {
			var fields []string
			for _, f := range r.Values() {
				if f == nil {
					f = []byte(`\N`)
				}
				fields = append(fields, string(f))
			}
			rows = append(rows, strings.Join(fields, "|"))
		}
		if !query {
			continue
		}
		if !c.seed.ordered {
			slices.Sort(rows)
		}
		all = append(all, rows)
	}
	return all, results.Close()
}

// answers runs the statement, and what comes after it, and compares their rows.
func (c *trial) answers(ctx context.Context, statement, then string) {
	c.Helper()
	got := c.askOrFail(ctx, statement, "error")
	more := c.askOrFail(ctx, then, "then error")
	if *rewrite && c.seed.until {
		c.pause(ctx, time.Second)
	}
	for c.seed.until && (*rewrite || !c.equal(slices.Concat(got, more))) && ctx.Err() == nil {
		c.pause(ctx, 10*time.Millisecond)
		var err error
		if len(got) > 0 {
			got, err = c.ask(ctx, statement)
		}
		if len(more) > 0 && err == nil {
			more, err = c.ask(ctx, then)
		}
		if err != nil {
			c.Fatal(err)
		}
		if *rewrite {
			break
		}
	}
	for i, rows := range slices.Concat(got, more) {
		c.compare(c.answer(i+1), rows)
	}
}

// askOrFail runs statements, which fail where the case has a section that says how.
func (c *trial) askOrFail(ctx context.Context, sql, section string) [][]string {
	c.Helper()
	got, err := c.ask(ctx, sql)
	want := c.seed.section(section)
	switch {
	case want == nil && err != nil:
		c.Fatal(err)
	case want == nil:
		return got
	}
	text := fmt.Sprint(err)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		text = refused.Code + " " + refused.Message
	}
	c.compare(want, []string{text})
	return got
}

// answer is the section of an answer, made where there is none, so that no rows go
// unchecked.
func (c *trial) answer(n int) *section {
	for _, x := range c.seed.sections {
		if answerNumber(x.head) == n {
			return x
		}
	}
	x := &section{head: "answer"}
	if n > 1 {
		x.head = fmt.Sprintf("answer %d", n)
	}
	c.seed.sections = append(c.seed.sections, x)
	return x
}

func (c *trial) equal(all [][]string) bool {
	for i, rows := range all {
		if !slices.Equal(masked(rows), c.answer(i+1).lines) {
			return false
		}
	}
	return true
}

// settled is how long the jobs may take to write what is wanted.
const settled = 45 * time.Second

// outputs compares what topics and files have once the jobs have written what is
// wanted, and have been stopped.
func (c *trial) outputs(ctx context.Context) {
	c.Helper()
	type output struct {
		want *section
		read func() ([]string, error)
	}
	var all []output
	_ = c.seed.named("in topic", func(name string, x *section) error {
		all = append(all, output{x, func() ([]string, error) { return c.records(ctx, name) }})
		return nil
	})
	_ = c.seed.named("in file", func(name string, x *section) error {
		all = append(all, output{x, func() ([]string, error) { return fileLines(filepath.Join(c.dir, name)) }})
		return nil
	})
	if *rewrite {
		c.pause(ctx, 2*time.Second)
	}
	begun := time.Now()
	for _, o := range all {
		for !*rewrite {
			have, err := o.read()
			if err != nil {
				c.Fatal(err)
			}
			if slices.Equal(masked(net(have)), o.want.lines) || time.Since(begun) > settled {
				break
			}
			if err := c.failure(ctx); err != nil {
				c.Fatal(err)
			}
			c.pause(ctx, 10*time.Millisecond)
		}
	}
	if err := c.failure(ctx); err != nil {
		c.Error(err)
	}
	c.stop(ctx)
	for _, o := range all {
		have, err := o.read()
		if err != nil {
			c.Fatal(err)
		}
		c.compare(o.want, net(have))
	}
}

// failure is why a job does not go on; nil: all do.
func (c *trial) failure(ctx context.Context) error {
	rows, err := c.ask(ctx, "SELECT job_name, state, error FROM ferris.jobs WHERE error IS NOT NULL OR state = 'failed' OR rejected > 0")
	if err != nil || len(rows[0]) == 0 {
		return err
	}
	return fmt.Errorf("jobs: %s", strings.Join(rows[0], "\n"))
}

// stop stops the jobs that run. One with a LIMIT may finish before it is told to stop.
func (c *trial) stop(ctx context.Context) {
	c.Helper()
	jobs, err := c.ask(ctx, "SELECT job_name FROM ferris.jobs WHERE state = 'running'")
	if err != nil {
		c.Fatal(err)
	}
	for _, j := range jobs[0] {
		_, err := c.ask(ctx, `STOP JOB "`+j+`"`)
		if err == nil {
			continue
		}
		state, asked := c.ask(ctx, "SELECT state FROM ferris.jobs WHERE job_name = '"+j+"'")
		if asked != nil || !slices.Equal(state[0], []string{"finished"}) {
			c.Fatal(errors.Join(err, asked))
		}
	}
}

// compare compares lines with those of a section, or writes them there.
func (c *trial) compare(want *section, got []string) {
	c.Helper()
	got = masked(got)
	if *rewrite {
		want.lines = got
		return
	}
	if !slices.Equal(got, want.lines) {
		c.Errorf("%s:\n%s\nwant\n%s", want.head, strings.Join(got, "\n"), strings.Join(want.lines, "\n"))
	}
}

// net are lines, sorted, without changes that another takes back.
func net(lines []string) []string {
	const plus, minus = `{"_op":"+"`, `{"_op":"-"`
	var all []string
	count := map[string]int{}
	for _, l := range lines {
		if row, ok := strings.CutPrefix(l, plus); ok {
			count[row]++
		} else if row, ok := strings.CutPrefix(l, minus); ok {
			count[row]--
		} else {
			all = append(all, l)
		}
	}
	for row, n := range count {
		op := plus
		if n < 0 {
			n, op = -n, minus
		}
		all = append(all, slices.Repeat([]string{op + row}, n)...)
	}
	slices.Sort(all)
	return all
}

var instant = regexp.MustCompile(`20\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:\d\d)?)`)

// masked writes $now for each time that is close to that of the run.
func masked(lines []string) []string {
	out := []string{}
	for _, l := range lines {
		out = append(out, instant.ReplaceAllStringFunc(l, func(text string) string {
			at, err := time.Parse("2006-01-02T15:04:05.999999Z07", strings.Replace(strings.TrimSuffix(text, ":00"), " ", "T", 1))
			if err == nil && time.Since(at).Abs() < 10*time.Minute {
				return "$now"
			}
			return text
		}))
	}
	return out
}

// records are a topic's, as far as read_committed consumers see them.
func (c *trial) records(ctx context.Context, topic string) ([]string, error) {
	ends, err := kadm.NewClient(c.client).ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	end, _ := ends.Lookup(topic, 0)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.broker), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0)}}))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var all []string
	for at := int64(0); at < end.Offset; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("reading topic %s: %w", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if at = r.Offset + 1; !r.Attrs.IsControl() {
				all = append(all, string(r.Value))
			}
		})
	}
	return all, nil
}

// fileLines are a file's, which may be compressed.
func fileLines(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		r, zipped := gzip.NewReader(bytes.NewReader(text))
		if zipped != nil {
			return nil, zipped
		}
		text, _ = io.ReadAll(r) // a frame that is being written is cut
	}
	var all []string
	for line := range bytes.Lines(text) {
		all = append(all, strings.TrimSuffix(string(line), "\n"))
	}
	return all, err
}

func (c *trial) pause(ctx context.Context, d time.Duration) {
	c.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		c.Fatalf("waiting: %v; %v", ctx.Err(), c.failure(context.Background()))
	}
}
