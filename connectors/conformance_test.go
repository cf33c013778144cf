package connectors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/notify"
)

// fixture is a connector with somewhere to read from and write to.
type fixture struct {
	stream.Connector
	env *stream.Env
	// source has rows rows with the ids from 0; nil: there is no source.
	source *catalog.Relation
	rows   int
	// live never ends and holds no row; nil: there is none.
	live *catalog.Relation
	// sink is empty; nil: there is no sink.
	sink *catalog.Relation
	// holds reads back the ids that a sink has taken; nil: nobody can.
	holds func(t *testing.T) []int64
	// takesBack: what did not commit is not in holds.
	takesBack bool
	// required are options for the smallest valid declaration.
	required catalog.Options
}

// numbers stands in for the compiled expression _offset.
type numbers struct{}

func (numbers) Run(in, out *vec.Batch) error {
	for _, c := range out.Cols {
		for _, x := range in.Cols[0].(*vec.Fixed[int64]).Values {
			c.(*vec.Fixed[int64]).Append(x)
		}
	}
	return nil
}

func declare(c stream.Connector, name string, kind catalog.Kind, options ...string) *catalog.Relation {
	r := &catalog.Relation{
		Schema: "public", Name: name, Kind: kind, Connector: c.Name(), Hidden: c.PseudoColumns(),
		Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8), Generated: "_offset"}},
	}
	for i := 0; i < len(options); i += 2 {
		r.Options = append(r.Options, catalog.Option{Key: options[i], Value: options[i+1]})
	}
	return r
}

const manyRows = 5000

// schemas numbers those that tests make on the one PostgreSQL.
var schemas atomic.Int64

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// fixtures has an entry for every listed connector; TestAll fails without one.
var fixtures = map[string]func(t *testing.T, c stream.Connector) *fixture{
	"generator": func(_ *testing.T, c stream.Connector) *fixture {
		return &fixture{
			source: declare(c, "s", catalog.Stream, "rows", fmt.Sprint(manyRows)), rows: manyRows,
			live: declare(c, "l", catalog.Stream, "rate", "1"),
		}
	},
	"blackhole": func(_ *testing.T, c stream.Connector) *fixture {
		return &fixture{sink: declare(c, "k", catalog.Sink)}
	},
	"stdout": func(t *testing.T, c stream.Connector) *fixture {
		var out bytes.Buffer
		f := &fixture{sink: declare(c, "k", catalog.Sink), env: &stream.Env{Stdout: &out}, takesBack: true}
		f.holds = func(t *testing.T) []int64 { return ids(t, out.String()) }
		return f
	},
	"notify": func(t *testing.T, c stream.Connector) *fixture {
		hub := notify.NewHub(notify.DefaultLimit)
		l := hub.Listen(1, func() {})
		l.Add("rows")
		f := &fixture{
			sink: declare(c, "k", catalog.Sink, "channel", "rows"), env: &stream.Env{Notify: hub}, takesBack: true,
			required: catalog.Options{{Key: "channel", Value: "rows"}},
		}
		var heard strings.Builder
		f.holds = func(t *testing.T) []int64 {
			for _, n := range l.Take() {
				heard.WriteString(n.Payload + "\n")
			}
			return ids(t, heard.String())
		}
		return f
	},
	"file": func(t *testing.T, c stream.Connector) *fixture {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.json"), filepath.Join(dir, "out.json")
		var lines strings.Builder
		for i := range manyRows {
			fmt.Fprintf(&lines, "{\"id\":%d}\n", i)
		}
		for path, content := range map[string]string{in: lines.String(), filepath.Join(dir, "live.json"): ""} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return &fixture{
			source: declare(c, "s", catalog.Stream, "path", in), rows: manyRows,
			live:      declare(c, "l", catalog.Stream, "path", filepath.Join(dir, "live.json"), "follow", "true"),
			sink:      declare(c, "k", catalog.Sink, "path", out),
			env:       &stream.Env{FileRoots: []string{dir}},
			takesBack: true,
			required:  catalog.Options{{Key: "path", Value: in}},
			holds: func(t *testing.T) []int64 {
				b, err := os.ReadFile(out)
				if err != nil {
					t.Fatal(err)
				}
				return ids(t, string(b))
			},
		}
	},
	"database": func(t *testing.T, c stream.Connector) *fixture {
		server := postgres.Start(t)
		schema := fmt.Sprintf("conformance_%d", schemas.Add(1))
		setup := fmt.Sprintf("CREATE SCHEMA %[1]s; CREATE TABLE %[1]s.source AS SELECT id FROM generate_series(0::bigint, %[2]d) id; CREATE TABLE %[1]s.live (id bigint); CREATE TABLE %[1]s.out (id bigint)", schema, manyRows-1)
		if err := server.Exec(t.Context(), setup); err != nil {
			t.Fatal(err)
		}
		return &fixture{
			source: declare(c, "s", catalog.Stream, "connection", server.DSN(), "table", schema+".source"), rows: manyRows,
			live:     declare(c, "l", catalog.Stream, "connection", server.DSN(), "table", schema+".live", "incremental.column", "id"),
			sink:     declare(c, "k", catalog.Sink, "connection", server.DSN(), "table", schema+".out"),
			required: catalog.Options{{Key: "connection", Value: server.DSN()}},
			holds: func(t *testing.T) []int64 {
				conn, err := pgx.Connect(t.Context(), server.DSN())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close(t.Context())
				rows, err := conn.Query(t.Context(), "SELECT id FROM "+schema+".out")
				if err != nil {
					t.Fatal(err)
				}
				got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
				if err != nil {
					t.Fatal(err)
				}
				return got
			},
		}
	},
	"kafka": func(t *testing.T, c stream.Connector) *fixture {
		broker, err := kafka.StartBroker(kafka.BrokerOptions{Addr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		f := &fixture{
			source: declare(c, "s", catalog.Stream, "topic", "in"), rows: manyRows,
			live:     declare(c, "l", catalog.Stream, "topic", "live"),
			sink:     declare(c, "k", catalog.Sink, "topic", "out"),
			env:      &stream.Env{Brokers: broker.Addr()},
			required: catalog.Options{{Key: "topic", Value: "in"}},
		}
		f.prepareEnv()
		// A sink makes its topic; nothing else of it is needed here.
		for _, topic := range []string{"live", "out"} {
			mk := &fixture{Connector: c, env: f.env, sink: declare(c, "mk", catalog.Sink, "topic", topic)}
			if err := mk.openSink(t, stream.SinkOptions{}).Close(); err != nil {
				t.Fatal(err)
			}
		}
		// The topic is filled through the connector's own sink.
		fill := &fixture{Connector: c, env: f.env, sink: declare(c, "fill", catalog.Sink, "topic", "in", "linger.ms", "0", "batch.size", "4096")}
		s := fill.openSink(t, stream.SinkOptions{})
		for i := int64(0); i < manyRows; i += 500 {
			fill.write(t, s, i, i+500)
		}
		if _, err := s.Prepare(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		f.holds = func(t *testing.T) []int64 {
			out := &fixture{Connector: c, env: f.env, source: declare(c, "o", catalog.Stream, "topic", "out")}
			return out.read(t, nil)
		}
		return f
	},
}

// ids reads lines such as {"id":7}.
func ids(t *testing.T, lines string) []int64 {
	t.Helper()
	var got []int64
	for line := range strings.Lines(lines) {
		var id int64
		if _, err := fmt.Sscanf(line, `{"id":%d}`, &id); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		got = append(got, id)
	}
	return got
}

func (f *fixture) prepareEnv() {
	if f.env == nil {
		f.env = &stream.Env{}
	}
	f.env.Metrics = &stream.Metrics{}
	f.env.Compile = func(*catalog.Relation, []catalog.Column) (stream.RowProgram, error) { return numbers{}, nil }
}

func (f *fixture) openSink(t *testing.T, o stream.SinkOptions) stream.Sink {
	t.Helper()
	s, err := f.Sink(t.Context(), f.env, f.sink, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *fixture) write(t *testing.T, s stream.Sink, from, to int64) {
	t.Helper()
	b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
	for i := from; i < to; i++ {
		b.Cols[0].(*vec.Fixed[int64]).Append(i)
	}
	b.Rows = int(to - from)
	if rejects, err := s.Write(t.Context(), b); err != nil || len(rejects) > 0 {
		t.Fatalf("writing: %v, %d rejects", err, len(rejects))
	}
}

func (f *fixture) openSource(t *testing.T, rel *catalog.Relation) (stream.Source, []stream.Split) {
	t.Helper()
	src, err := f.Source(t.Context(), f.env, rel)
	if err != nil {
		t.Fatal(err)
	}
	splits, err := src.Splits(t.Context())
	if err != nil || len(splits) == 0 {
		t.Fatalf("splits %v, %v", splits, err)
	}
	return src, splits
}

func positions(splits []stream.Split, at map[stream.Split]stream.Offset) []stream.Position {
	var from []stream.Position
	for _, s := range splits {
		from = append(from, stream.Position{Split: s, Offset: at[s]})
	}
	return from
}

// read reads the source to its end. Given at, it opens a new reader at every
// batch boundary, as after a crash.
func (f *fixture) read(t *testing.T, at map[stream.Split]stream.Offset) []int64 {
	t.Helper()
	src, splits := f.openSource(t, f.source)
	defer src.Close()
	scan := stream.Scan{Columns: []int{0}, Bounded: true}
	b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
	var got []int64
	var r stream.Reader
	defer func() { r.Close() }()
	for {
		var err error
		if r == nil {
			if r, err = src.Open(t.Context(), positions(splits, at), scan); err != nil {
				t.Fatal(err)
			}
		}
		read, err := r.Read(t.Context(), b)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.Rows > vec.MaxRows || b.Rows > 0 && (read.Split == "" || read.Next == nil) {
			t.Fatalf("%d rows of split %q, next %v", b.Rows, read.Split, read.Next)
		}
		got = append(got, b.Cols[0].(*vec.Fixed[int64]).Values...)
		if at != nil && b.Rows > 0 {
			at[read.Split] = read.Next
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r = nil
		}
	}
}

func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	for _, c := range All() {
		t.Run(c.Name(), func(t *testing.T) {
			mk := fixtures[c.Name()]
			if mk == nil {
				t.Fatalf("connector %q has no fixture", c.Name())
			}
			f := mk(t, c)
			f.Connector = c
			f.prepareEnv()
			test(t, f)
		})
	}
}

// TestOptions declares every option with its default, and one that is none.
// TestEveryPackageIsListed: a folder beside this file is a connector in All, or
// one of those that connectors share.
func TestEveryPackageIsListed(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() || e.Name() == "format" || e.Name() == "object" || e.Name() == "testdata" {
			continue
		}
		if !slices.ContainsFunc(All(), func(c stream.Connector) bool { return c.Name() == e.Name() }) {
			t.Errorf("connectors/%s is not in All", e.Name())
		}
	}
}

func TestOptions(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for role, rel := range map[stream.Role]*catalog.Relation{stream.RoleSource: f.source, stream.RoleSink: f.sink} {
			if rel == nil {
				if err := f.Check(f.env, declare(f, "x", catalog.Stream), role); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported || sqlerr.From(err).Hint == "" {
					t.Errorf("no %v: %v, want 0A000 with a hint", role, err)
				}
				continue
			}
			full := *rel
			full.Options = slices.Clone(f.required)
			for _, o := range f.Options(role) {
				if o.Help == "" {
					t.Errorf("option %q has no help", o.Key)
				}
				if _, there := full.Options.Get(o.Key); !there && o.Default != "" {
					full.Options = append(full.Options, catalog.Option{Key: o.Key, Value: o.Default})
				}
			}
			if err := f.Check(f.env, &full, role); err != nil {
				t.Errorf("the defaults of a %v: %v", role, err)
			}
			for _, o := range stream.EngineOptions {
				if _, there := full.Options.Get(o.Key); !there {
					full.Options = append(full.Options, catalog.Option{Key: o.Key, Value: o.Default})
				}
			}
			if err := f.Check(f.env, &full, role); err != nil {
				t.Errorf("the engine's options of a %v: %v", role, err)
			}
			full.Options = append(full.Options, catalog.Option{Key: "no.such.key", Value: "1"})
			if err := f.Check(f.env, &full, role); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue || sqlerr.From(err).Hint == "" {
				t.Errorf("an unknown option of a %v: %v", role, err)
			}
		}
	})
}

func TestBoundedEnd(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		if f.source == nil {
			t.Skip("cannot be read")
		}
		complete(t, f, f.read(t, nil))
	})
}

func TestResumeAtEveryBatch(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		if f.source == nil {
			t.Skip("cannot be read")
		}
		complete(t, f, f.read(t, map[stream.Split]stream.Offset{}))
	})
}

func complete(t *testing.T, f *fixture, got []int64) {
	t.Helper()
	slices.Sort(got)
	for i, id := range got {
		if id != int64(i) {
			t.Fatalf("row %d has id %d", i, id)
		}
	}
	if len(got) != f.rows {
		t.Errorf("%d rows, want %d", len(got), f.rows)
	}
}

// TestWake wakes a reader that waits, and cancels it.
func TestWake(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		if f.live == nil {
			t.Skip("has no endless source")
		}
		src, splits := f.openSource(t, f.live)
		defer src.Close()
		r, err := src.Open(t.Context(), positions(splits, nil), stream.Scan{Columns: []int{0}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
		for range 3 {
			done := make(chan error)
			go func() {
				_, err := r.Read(t.Context(), b)
				done <- err
			}()
			r.Wake()
			select {
			case err := <-done:
				if err != nil {
					t.Fatalf("woken: %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("Read goes on after Wake")
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for err = nil; err == nil; {
			_, err = r.Read(ctx, b)
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// TestCloseLeavesNothing closes everything twice and looks for goroutines.
func TestCloseLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		before := goleak.IgnoreCurrent()
		for _, rel := range []*catalog.Relation{f.source, f.live} {
			if rel == nil {
				continue
			}
			src, splits := f.openSource(t, rel)
			r, err := src.Open(t.Context(), positions(splits, nil), stream.Scan{Columns: []int{0}, Bounded: rel == f.source})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(t.Context(), vec.NewBatch([]types.Type{types.Of(types.Int8)})); err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			for range 2 {
				if err := errors.Join(r.Close(), src.Close()); err != nil {
					t.Errorf("closing: %v", err)
				}
			}
		}
		if f.sink != nil {
			s := f.openSink(t, stream.SinkOptions{})
			f.write(t, s, 0, 10)
			for range 2 {
				if err := s.Close(); err != nil {
					t.Errorf("closing: %v", err)
				}
			}
		}
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"), goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"))
	})
}

// TestSinkEpochs goes through commits, a rollback, and a crash with an epoch
// prepared and rows of the next one written.
func TestSinkEpochs(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		if f.sink == nil {
			t.Skip("cannot be written to")
		}
		prepare := func(s stream.Sink, e stream.Epoch) []byte {
			token, err := s.Prepare(t.Context(), e)
			if err != nil || token == nil {
				t.Fatalf("epoch %d prepares to %v, %v", e, token, err)
			}
			return token
		}
		commit := func(s stream.Sink, e stream.Epoch, token []byte) {
			for range 2 {
				if err := s.Commit(t.Context(), e, token); err != nil {
					t.Fatal(err)
				}
			}
		}
		s := f.openSink(t, stream.SinkOptions{Job: "j"})
		f.write(t, s, 0, 10)
		token := prepare(s, 1)
		f.write(t, s, 10, 20) // of epoch 2, before epoch 1 is decided
		commit(s, 1, token)
		for range 2 {
			if err := s.Rollback(t.Context(), 2, nil); err != nil {
				t.Fatal(err)
			}
		}
		f.write(t, s, 20, 30)
		prepare(s, 3)
		f.write(t, s, 30, 40)
		if err := s.Close(); err != nil { // the crash
			t.Fatal(err)
		}
		s = f.openSink(t, stream.SinkOptions{Job: "j", Committed: 1, Token: token})
		commit(s, 1, token)
		if err := s.Rollback(t.Context(), 3, nil); err != nil {
			t.Fatal(err)
		}
		f.write(t, s, 40, 50)
		commit(s, 4, prepare(s, 4))
		if _, lasts := s.(stream.Lasting); f.holds != nil && lasts == f.takesBack {
			t.Errorf("stream.Lasting: %v, and it takes rows back: %v", lasts, f.takesBack)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if f.holds == nil {
			return
		}
		got := f.holds(t)
		for _, part := range [][2]int64{{0, 10}, {40, 50}} {
			for id := part[0]; id < part[1]; id++ {
				if n := count(got, id); n == 0 || f.takesBack && n > 1 {
					t.Errorf("committed row %d is there %d times", id, n)
				}
			}
		}
		if f.takesBack && len(got) != 20 {
			t.Errorf("%d rows, want the 20 committed: %v", len(got), got)
		}
	})
}

func count(ids []int64, id int64) int {
	n := 0
	for _, x := range ids {
		if x == id {
			n++
		}
	}
	return n
}
