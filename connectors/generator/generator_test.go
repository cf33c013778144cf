package generator

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// program stands in for compiled expressions: column k of row n is n*10^k.
type program struct{ n int }

func (p program) Run(in, out *vec.Batch) error {
	for k := range p.n {
		scale := int64(1)
		for range k {
			scale *= 10
		}
		for _, x := range in.Cols[0].(*vec.Fixed[int64]).Values {
			out.Cols[k].(*vec.Fixed[int64]).Append(x * scale)
		}
	}
	return nil
}

func env() *stream.Env {
	return &stream.Env{
		Metrics: &stream.Metrics{},
		Compile: func(_ *catalog.Relation, columns []catalog.Column) (stream.RowProgram, error) {
			return program{len(columns)}, nil
		},
	}
}

func relation(options ...string) *catalog.Relation {
	r := &catalog.Relation{Name: "g", Kind: catalog.Stream, Hidden: Connector{}.PseudoColumns(), Columns: []catalog.Column{
		{Name: "a", Type: types.Of(types.Int8), Generated: "_offset"},
		{Name: "b", Type: types.Of(types.Int8), Generated: "_offset * 10"},
	}}
	for i := 0; i < len(options); i += 2 {
		r.Options = append(r.Options, catalog.Option{Key: options[i], Value: options[i+1]})
	}
	return r
}

func open(t *testing.T, rel *catalog.Relation, columns []int, at stream.Offset) (stream.Reader, *vec.Batch) {
	t.Helper()
	src, err := Connector{}.Source(t.Context(), env(), rel)
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Open(t.Context(), []stream.Position{{Split: split, Offset: at}}, stream.Scan{Columns: columns, Bounded: true})
	if err != nil {
		t.Fatal(err)
	}
	all := rel.AllColumns()
	b := &vec.Batch{}
	for _, c := range columns {
		b.Cols = append(b.Cols, vec.New(all[c].Type))
	}
	return r, b
}

func TestRead(t *testing.T) {
	rel := relation("rows", "2500")
	var at stream.Offset
	n := int64(0)
	for {
		r, b := open(t, rel, []int{1, 2}, at) // a new reader at every batch
		read, err := r.Read(t.Context(), b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows {
			x, off := b.Cols[0].(*vec.Fixed[int64]).Values[i], b.Cols[1].(*vec.Fixed[int64]).Values[i]
			if x != n || off != n { // the only column compiled is the first
				t.Fatalf("row %d: %d at %d", n, x, off)
			}
			n++
		}
		at = read.Next
	}
	if n != 2500 {
		t.Errorf("%d rows, want 2500", n)
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := open(t, relation("rows", "25", "rate", "10"), []int{0}, nil)
		began := time.Now()
		n := 0
		for {
			_, err := r.Read(t.Context(), b)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n += b.Rows
		}
		if took := time.Since(began).Round(10 * time.Millisecond); n != 25 || took != 2500*time.Millisecond {
			t.Errorf("%d rows in %v, want 25 in 2.5s", n, took)
		}
	})
}

func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := open(t, relation("rate", "1"), []int{0}, nil)
		go func() {
			time.Sleep(time.Millisecond) // of the bubble: once Read waits
			r.Wake()
		}()
		read, err := r.Read(t.Context(), b)
		if err != nil || b.Rows != 0 || read.Split != split {
			t.Errorf("woken: %d rows, %+v, %v", b.Rows, read, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := r.Read(ctx, b); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("past its deadline: %v", err)
		}
	})
}

func TestErrors(t *testing.T) {
	bare := relation()
	bare.Columns[1].Generated = ""
	quoted, empty := relation(), relation()
	quoted.Name, quoted.Columns[1].Name, quoted.Columns[1].Generated = `my "g"`, "a b", ""
	empty.Name, empty.Columns = `my "g"`, nil
	for _, c := range []struct {
		rel        *catalog.Relation
		role       stream.Role
		code       sqlerr.Code
		text, hint string
	}{
		{bare, stream.RoleSource, "42P16", `column "b" of generator "g" has no expression`, "b bigint GENERATED ALWAYS AS (expression) STORED"},
		{quoted, stream.RoleSource, "42P16", `column "a b" of generator "my "g"" has no expression`, `Write "a b" bigint GENERATED ALWAYS AS`},
		{empty, stream.RoleSource, "42P16", `generator "my "g"" has no columns`, `CREATE STREAM "my ""g""" (id bigint`},
		{relation("row", "5"), stream.RoleSource, "22023", `unrecognized parameter "row"`, `"rows"`},
		{relation("rows", "-1"), stream.RoleSource, "22023", `invalid value for parameter "rows"`, "whole number"},
		{relation(), stream.RoleSink, "0A000", "cannot be written to", "blackhole"},
	} {
		e := sqlerr.From(Connector{}.Check(&stream.Env{}, c.rel, c.role))
		if e == nil || e.Code != c.code || !strings.Contains(e.Message, c.text) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%v: %+v, want %s %s (%s)", c.rel.Options, e, c.code, c.text, c.hint)
		}
	}
}

func TestEveryOptionIsRead(t *testing.T) {
	_, v, err := read(relation(), stream.RoleSource)
	if err != nil {
		t.Fatal(err)
	}
	if u := v.Unread(options); len(u) > 0 {
		t.Errorf("nobody reads the options %v", u)
	}
}

// TestLimit: a generator gives the rows before a limit, and goes on there when there is none
// any more.
func TestLimit(t *testing.T) {
	r, b := open(t, relation("rows", "3000"), []int{2}, nil)
	numbers := func() (first, n int64) {
		t.Helper()
		if _, err := r.Read(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if b.Rows > 0 {
			first = b.Cols[0].(*vec.Fixed[int64]).Values[0]
		}
		return first, int64(b.Rows)
	}
	r.(stream.Limited).Limit([]stream.Position{{Split: split, Offset: binary.BigEndian.AppendUint64(nil, 5)}})
	if first, n := numbers(); first != 0 || n != 5 {
		t.Fatalf("%d rows from %d, want 5 from 0", n, first)
	}
	r.Wake()
	if _, n := numbers(); n != 0 {
		t.Fatalf("%d rows at the limit", n)
	}
	r.(stream.Limited).Limit(nil)
	if first, n := numbers(); first != 5 || n == 0 {
		t.Fatalf("%d rows from %d, want some from 5", n, first)
	}
}

// TestPause: a generator that is left alone gives nothing until it is taken up again,
// and then goes on where it was.
func TestPause(t *testing.T) {
	r, b := open(t, relation("rows", "3000"), []int{2}, nil)
	if _, err := r.Read(t.Context(), b); err != nil || b.Rows == 0 {
		t.Fatalf("%d rows, %v", b.Rows, err)
	}
	n := b.Rows
	r.(stream.Pauser).Pause([]stream.Split{split})
	r.Wake()
	if read, err := r.Read(t.Context(), b); err != nil || b.Rows != 0 || read.CaughtUp {
		t.Fatalf("paused: %d rows, caught up %t, %v", b.Rows, read.CaughtUp, err)
	}
	r.(stream.Pauser).Pause(nil)
	for {
		_, err := r.Read(t.Context(), b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.Rows > 0 && b.Cols[0].(*vec.Fixed[int64]).Values[0] != int64(n) {
			t.Fatalf("it goes on at row %d, want %d", b.Cols[0].(*vec.Fixed[int64]).Values[0], n)
		}
		n += b.Rows
	}
	if n != 3000 {
		t.Errorf("%d rows, want 3000", n)
	}
}
