package conformance

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Fixture is a connector with somewhere to read from and write to.
type Fixture struct {
	Connector stream.Connector
	Env       *stream.Env
	// Source has rows rows with the ids from 0; nil: there is no source.
	Source *catalog.Relation
	Rows   int
	// Live never ends and holds no row; nil: there is none.
	Live *catalog.Relation
	// Sink is empty; nil: there is no sink.
	Sink *catalog.Relation
	// Holds reads back the ids that a sink has taken; nil: nobody can.
	Holds func(t *testing.T) []int64
	// TakesBack: what did not commit is not in Holds.
	TakesBack bool
	// Required are options for the smallest valid declaration.
	Required catalog.Options
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

// Declare makes a relation with one column, the ids.
func Declare(c stream.Connector, name string, kind catalog.Kind, options ...string) *catalog.Relation {
	r := &catalog.Relation{
		Schema: "public", Name: name, Kind: kind, Connector: c.Name(), Hidden: c.PseudoColumns(),
		Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8), Generated: "_offset"}},
	}
	for i := 0; i < len(options); i += 2 {
		r.Options = append(r.Options, catalog.Option{Key: options[i], Value: options[i+1]})
	}
	return r
}

// Rows are as many as a source has at most.
const Rows = 5000

// IDs reads lines such as {"id":7}.
func IDs(t *testing.T, lines string) []int64 {
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

// Prepare completes the environment; Run does it too.
func (f *Fixture) Prepare() {
	if f.Env == nil {
		f.Env = &stream.Env{}
	}
	f.Env.Metrics = &stream.Metrics{}
	f.Env.Compile = func(*catalog.Relation, []catalog.Column) (stream.RowProgram, error) { return numbers{}, nil }
}

// OpenSink opens the sink.
func (f *Fixture) OpenSink(t *testing.T, o stream.SinkOptions) stream.Sink {
	t.Helper()
	s, err := f.Connector.Sink(t.Context(), f.Env, f.Sink, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Write writes the ids from from to to, less one.
func (f *Fixture) Write(t *testing.T, s stream.Sink, from, to int64) {
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

func (f *Fixture) openSource(t *testing.T, rel *catalog.Relation) (stream.Source, []stream.Split) {
	t.Helper()
	src, err := f.Connector.Source(t.Context(), f.Env, rel)
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

// Read reads the source to its end. Given at, it opens a new reader at every
// batch boundary, as after a crash.
func (f *Fixture) Read(t *testing.T, at map[stream.Split]stream.Offset) []int64 {
	t.Helper()
	src, splits := f.openSource(t, f.Source)
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
