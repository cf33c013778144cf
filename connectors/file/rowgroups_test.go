package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/parquet"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// plain are rows without the place that follows them.
func plain(rows []string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r[:strings.Index(r, " @")]
	}
	return out
}

// TestParquetSink writes epochs, of which one is taken back and one not decided when the
// process ends: the file is whole after each of its commits.
func TestParquetSink(t *testing.T) {
	for _, codec := range []string{"none", "auto", "gzip", "zstd", "lz4"} {
		path := filepath.Join(t.TempDir(), "out.parquet")
		s := openSink(t, path, stream.SinkOptions{Job: "j", ID: "j"}, "compression", codec, "parquet.row_group_rows", "2")
		put(t, s, 1, 2, 3)
		token := prepare(t, s, 1)
		commit(t, s, 1, token)
		put(t, s, 4)
		if err := s.Rollback(t.Context(), 2, prepare(t, s, 2)); err != nil {
			t.Fatal(err)
		}
		commit(t, s, 2, prepare(t, s, 2)) // nothing
		put(t, s, 5, 6)
		token = prepare(t, s, 3)
		commit(t, s, 3, token)
		read := func(when string, want ...string) {
			t.Helper()
			rows, err := open(t, relation(path), filepath.Dir(path), stream.Scan{Bounded: true}, nil).rest()
			if err != nil || !slices.Equal(plain(rows), want) {
				t.Errorf("%s, %s: read %v, %v, want %v", codec, when, rows, err, want)
			}
		}
		read("after three epochs", "1 n1", "2 n2", "3 n3", "5 n5", "6 n6")
		put(t, s, 7, 8, 9)
		prepare(t, s, 4)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openSink(t, path, stream.SinkOptions{Job: "j", ID: "j", Committed: 3, Token: token}, "compression", codec)
		read("after a crash", "1 n1", "2 n2", "3 n3", "5 n5", "6 n6")
		put(t, s, 10)
		commit(t, s, 4, prepare(t, s, 4))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		read("after going on", "1 n1", "2 n2", "3 n3", "5 n5", "6 n6", "10 n10")
		rel := relation(path)
		rel.Columns = nil
		cols, err := inferrer{env(filepath.Dir(path))}.Infer(t.Context(), rel)
		if err != nil || describe(cols) != "id bigint, name text" {
			t.Errorf("columns %s, %v", describe(cols), err)
		}
	}
}

// TestParquetResume reads on from each position that was told.
func TestParquetResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.parquet")
	s := openSink(t, path, stream.SinkOptions{}, "parquet.row_group_rows", "1500")
	var want []string
	var ids []int64
	for i := range 4000 {
		ids = append(ids, int64(i))
		want = append(want, fmt.Sprintf("%d n%[1]d", i))
	}
	for part := range slices.Chunk(ids, 1000) {
		put(t, s, part...)
	}
	commit(t, s, 1, prepare(t, s, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	at := map[stream.Split]stream.Offset(nil)
	for {
		c := open(t, relation(path), filepath.Dir(path), stream.Scan{Bounded: true}, at)
		rows, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, plain(rows)...)
		if at = c.at; len(rows) == 0 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("read %d rows in pieces, want %d", len(got), len(want))
	}
}

// TestParquetPruned: row groups that no row can match of are not read.
func TestParquetPruned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.parquet")
	s := openSink(t, path, stream.SinkOptions{}, "parquet.row_group_rows", "100")
	for i := range int64(10) {
		var ids []int64
		for k := range int64(100) {
			ids = append(ids, i*100+k)
		}
		put(t, s, ids...)
	}
	commit(t, s, 1, prepare(t, s, 1))
	rel := relation(path)
	src, err := Connector{}.Source(t.Context(), env(filepath.Dir(path)), rel)
	if err != nil {
		t.Fatal(err)
	}
	// WHERE id = 555, over a scan of name and id.
	filter := &plan.Call{Op: "=", Args: []plan.Expr{&plan.Column{Index: 1, Typ: types.Of(types.Int8)}, &plan.Const{Value: types.NewInt(types.Int4, 555)}}}
	r, err := src.Open(t.Context(), []stream.Position{{Split: stream.Split(path)}}, stream.Scan{Columns: []int{1, 0}, Filters: []plan.Expr{filter}, Bounded: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := vec.NewBatch([]types.Type{types.Of(types.Text), types.Of(types.Int8)})
	n := 0
	for {
		if _, err := r.Read(t.Context(), b); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n += b.Rows
	}
	if n != 100 {
		t.Errorf("%d rows were read, want the 100 of one row group", n)
	}
}

// TestParquetDamage: what is damaged is an error that names file, row group, column and
// what to do, or, where bad records are passed over, a reject, and the rest is read.
func TestParquetDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.parquet")
	s := openSink(t, path, stream.SinkOptions{}, "parquet.row_group_rows", "2", "compression", "none")
	put(t, s, 1, 2, 3, 4, 5, 6)
	commit(t, s, 1, prepare(t, s, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := strings.Replace(string(whole), "n3", "\xffX", 1)
	for name, c := range map[string]struct {
		content string
		says    []string
		rows    []string
	}{
		"no Parquet": {`{"id":1}` + strings.Repeat(" ", 20), []string{"does not end in PAR1"}, nil},
		"short":      {"PAR1", []string{"it has 4 bytes"}, nil},
		"cut":        {string(whole[:len(whole)-1]), []string{"cut off"}, nil},
		"front cut":  {string(whole[10:]), []string{"row group 1", "field"}, nil},
		"page":       {spoilt, []string{"row group 2", "2 rows from row 1 on", `field "name"`, "checksum", "Write the file again"}, []string{"1 n1", "2 n2", "5 n5", "6 n6"}},
	} {
		write(t, path, c.content)
		_, err := open(t, relation(path), dir, stream.Scan{Bounded: true}, nil).rest()
		e := sqlerr.From(err)
		for _, says := range append(c.says, path, `stream "`) {
			if err == nil || e.Code != sqlerr.DataCorrupted || !strings.Contains(e.Message+e.Hint, says) {
				t.Errorf("%s: %v (%v), want %q", name, err, e, says)
			}
		}
		cur := open(t, relation(path), dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
		rows, err := cur.rest()
		if c.rows != nil && (err != nil || !slices.Equal(plain(rows), c.rows)) {
			t.Errorf("%s, passed over: %v, %v, want %v", name, rows, err, c.rows)
		}
		if len(cur.rejects) == 0 || err != nil {
			t.Errorf("%s, passed over: %v and no reject", name, err)
		}
	}
	write(t, path, "")
	if rows, err := open(t, relation(path), dir, stream.Scan{Bounded: true}, nil).rest(); err != nil || len(rows) != 0 {
		t.Errorf("a file of no bytes: %v, %v", rows, err)
	}
}

// TestParquetRows: a row that does not convert is the error of its place, a reject, or
// NULL, and those before it come first.
func TestParquetRows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.parquet")
	cols := []catalog.Column{{Name: "ID", Type: types.Of(types.Int8)}, {Name: "name", Type: types.Of(types.Bytea)}}
	w, err := parquet.NewWriter(cols, parquet.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := vec.NewBatch([]types.Type{cols[0].Type, cols[1].Type})
	for i, name := range []string{"n1", "n2", "\xff", "n4"} {
		b.Cols[0].(*vec.Fixed[int64]).Append(int64(i + 1))
		b.Cols[1].(*vec.Bytes).AppendString(name)
	}
	b.Rows = 4
	for i := range 4 {
		if err := w.Add(b, i); err != nil {
			t.Fatal(err)
		}
	}
	out, err := w.Group(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(w.Footer(out)))

	c := open(t, relation(path), dir, stream.Scan{Bounded: true}, nil)
	rows, err := c.next()
	if err != nil || !slices.Equal(plain(rows), []string{"1 n1", "2 n2"}) {
		t.Errorf("before the bad row: %v, %v", rows, err)
	}
	_, err = c.next()
	if e := sqlerr.From(err); err == nil || e.Code != sqlerr.CharacterNotInRepertoire || !strings.Contains(e.Message, "row group 1, row 3") || e.Column != "name" {
		t.Errorf("the bad row: %v", err)
	}
	c = open(t, relation(path), dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
	if rows, err := c.rest(); err != nil || !slices.Equal(plain(rows), []string{"1 n1", "2 n2", "4 n4"}) || len(c.rejects) != 1 {
		t.Errorf("passed over: %v, %v, %v", rows, c.rejects, err)
	}
	c = open(t, relation(path), dir, stream.Scan{Bounded: true, OnReject: stream.NullBad}, nil)
	if rows, err := c.rest(); err != nil || len(rows) != 4 || len(c.rejects) != 0 {
		t.Errorf("as NULL: %v, %v, %v", rows, c.rejects, err)
	}
}
