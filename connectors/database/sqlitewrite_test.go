package database

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestSQLiteUndone: where a trigger ends the whole transaction, what is written after it
// is outside of any, and is refused.
func TestSQLiteUndone(t *testing.T) {
	dir := t.TempDir()
	env := &stream.Env{FileRoots: []string{dir}, Metrics: &stream.Metrics{}}
	rel := &catalog.Relation{Kind: catalog.Sink, Name: "k", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}},
		Options: catalog.Options{{Key: "connection", Value: "sqlite:" + filepath.Join(dir, "x.db")}, {Key: "create", Value: "true"}}}
	c, err := read(env, rel, stream.RoleSink)
	if err != nil {
		t.Fatal(err)
	}
	on, err := c.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer on.close()
	for _, text := range []string{"CREATE TABLE k (id integer)", "CREATE TRIGGER g BEFORE INSERT ON k WHEN new.id = 3 BEGIN SELECT RAISE(ROLLBACK, 'no'); END"} {
		if _, err := on.exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Connector{}.Sink(t.Context(), env, rel, stream.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(id int64) error {
		b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
		vec.Append(b.Cols[0], types.Value{Type: types.Of(types.Int8), I: id})
		b.Rows = 1
		_, err := s.Write(t.Context(), b)
		return err
	}
	if err := put(1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if put(3) == nil {
		t.Error("what ended the transaction has no error")
	}
	_ = s.Rollback(t.Context(), 2, nil) // of the statement, which cannot be taken back alone
	for what, err := range map[string]error{"writing": put(4), "committing": s.Commit(t.Context(), 2, nil)} {
		if sqlerr.CodeOf(err) != sqlerr.ConnectionFailure {
			t.Errorf("%s after it: %v", what, err)
		}
	}
	if rows, err := on.(*sqliteSession).texts(t.Context(), 1, "SELECT count(*) FROM k"); err != nil || rows[0][0] != "0" {
		t.Errorf("%q are left of it: %v", rows, err)
	}
}

// TestSQLitePlaces goes on behind values of every kind, also those of columns without a
// type, which are not compared with texts as numbers.
func TestSQLitePlaces(t *testing.T) {
	dir := t.TempDir()
	env := &stream.Env{FileRoots: []string{dir}, Metrics: &stream.Metrics{}}
	url := "sqlite:" + filepath.Join(dir, "x.db")
	made := &catalog.Relation{Kind: catalog.Sink, Name: "t", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}},
		Options: catalog.Options{{Key: "connection", Value: url}, {Key: "create", Value: "true"}}}
	c, err := read(env, made, stream.RoleSink)
	if err != nil {
		t.Fatal(err)
	}
	on, err := c.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer on.close()
	if _, err := on.exec(t.Context(), "CREATE TABLE t (id)"); err != nil {
		t.Fatal(err)
	}
	if _, err := on.exec(t.Context(), "INSERT INTO t VALUES (-1), (0.1), (2), (10), ('it''s'), (x'00ff')"); err != nil {
		t.Fatal(err)
	}
	rel := &catalog.Relation{Kind: catalog.Stream, Name: "s", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Bytea)}},
		Options: catalog.Options{{Key: "connection", Value: url}, {Key: "query", Value: "SELECT id FROM t"}, {Key: "incremental.column", Value: "id"}}}
	src, err := Connector{}.Source(t.Context(), env, rel)
	if err != nil {
		t.Fatal(err)
	}
	s := src.(*source)
	places, _, err := s.config.server.dialect.places(s, true)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var at position
	for range 10 { // one after the other, each behind the last
		text := s.statement(selection{split: s.whole(), places: places, settled: []string{"id IS NOT NULL"}, at: at, order: " ASC", limit: 1})
		last := at
		if err := on.rows(t.Context(), text, len(places), func(values [][]byte) (err error) {
			at, err = placed(places, values)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if slices.Equal(at, last) {
			break
		}
		got = append(got, fmt.Sprint(at))
	}
	if want := []string{"[-1]", "[0.1]", "[2]", "[10]", "['it''s']", "[X'00FF']"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestSQLiteSchemas: a table of temp would be gone with the connection.
func TestSQLiteSchemas(t *testing.T) {
	for text, ok := range map[string]bool{"t": true, "main.t": true, "MAIN.t": true, "temp.t": false, `"temp"."t"`: false, "other.t": false} {
		if _, err := (sqliteDialect{}).parseName(text); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestProbeSink: a table that has lost a column, or has no key that the mode needs, is known
// before a job is started; one that is not there yet is not refused.
func TestProbeSink(t *testing.T) {
	dir := t.TempDir()
	env := &stream.Env{FileRoots: []string{dir}, Metrics: &stream.Metrics{}}
	probe := func(table string, options ...catalog.Option) error {
		rel := &catalog.Relation{Kind: catalog.Sink, Name: "k", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}, {Name: "v", Type: types.Of(types.Text)}},
			Options: append(catalog.Options{{Key: "connection", Value: "sqlite:" + filepath.Join(dir, "x.db")}, {Key: "table", Value: table}}, options...)}
		return Connector{}.ProbeSink(t.Context(), env, rel, "")
	}
	c, err := read(env, &catalog.Relation{Kind: catalog.Sink, Name: "k", Options: catalog.Options{{Key: "connection", Value: "sqlite:" + filepath.Join(dir, "x.db")}, {Key: "create", Value: "true"}}}, stream.RoleSink)
	if err != nil {
		t.Fatal(err)
	}
	on, err := c.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer on.close()
	for _, text := range []string{"CREATE TABLE whole (id integer, v text)", "CREATE TABLE less (id integer)"} {
		if _, err := on.exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	upsert := catalog.Option{Key: "mode", Value: "upsert"}
	for _, x := range []struct {
		table   string
		options []catalog.Option
		code    sqlerr.Code
	}{
		{"whole", nil, ""},
		{"none", nil, ""},
		{"less", nil, sqlerr.UndefinedColumn},
		{"whole", []catalog.Option{upsert}, sqlerr.InvalidParameterValue},
		{"whole", []catalog.Option{upsert, {Key: "key", Value: "id"}}, ""},
	} {
		if err := probe(x.table, x.options...); (err == nil) != (x.code == "") || err != nil && sqlerr.CodeOf(err) != x.code {
			t.Errorf("table %s %v: %v, want %q", x.table, x.options, err, x.code)
		}
	}
}
