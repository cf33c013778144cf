package stdout

import (
	"bytes"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func relation(options ...catalog.Option) *catalog.Relation {
	return &catalog.Relation{Name: "k", Kind: catalog.Sink, Options: options, Columns: []catalog.Column{
		{Name: "n", Type: types.Of(types.Numeric)}, {Name: "s", Type: types.Of(types.Text)},
	}}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		options []catalog.Option
		ops     bool
		want    string
	}{
		{nil, false, `{"n":1.50,"s":"a,b"}` + "\n"},
		{nil, true, `{"_op":"-","n":1.50,"s":"a,b"}` + "\n"},
		{[]catalog.Option{{Key: "json.decimals", Value: "string"}}, false, `{"n":"1.50","s":"a,b"}` + "\n"},
		{[]catalog.Option{{Key: "format", Value: "csv"}}, false, "1.50,\"a,b\"\n"},
	} {
		var out bytes.Buffer
		s, err := Connector{}.Sink(t.Context(), &stream.Env{Stdout: &out, Metrics: &stream.Metrics{}}, relation(c.options...), stream.SinkOptions{Changelog: c.ops})
		if err != nil {
			t.Fatal(err)
		}
		b := vec.NewBatch([]types.Type{types.Of(types.Numeric), types.Of(types.Text)})
		b.Cols[0].(*vec.Numeric).AppendInt64(150, 2)
		b.Cols[1].(*vec.Bytes).AppendString("a,b")
		b.Rows = 1
		if c.ops {
			b.Ops = []vec.Op{vec.Delete}
		}
		if _, err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if out.Len() > 0 {
			t.Errorf("printed before the commit: %q", &out)
		}
		token, err := s.Prepare(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(t.Context(), 1, token); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("printed %q, want %q", &out, c.want)
		}
	}
}

func TestEveryOptionIsRead(t *testing.T) {
	_, v, err := read(relation(), stream.RoleSink)
	if err != nil {
		t.Fatal(err)
	}
	if u := v.Unread(options); len(u) > 0 {
		t.Errorf("nobody reads the options %v", u)
	}
}

func TestNowhereToPrint(t *testing.T) {
	_, err := Connector{}.Sink(t.Context(), &stream.Env{Metrics: &stream.Metrics{}}, relation(), stream.SinkOptions{})
	if sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("without a standard output: %v", err)
	}
}
