package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// inFolders are files of one record each, in folders that say more about it.
func inFolders(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, content)
	}
	return dir
}

// rowsIn reads every column of a relation, as text.
func rowsIn(t *testing.T, rel *catalog.Relation, root string) ([]string, error) {
	t.Helper()
	src, err := Connector{}.Source(t.Context(), env(root), rel)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	splits, err := src.Splits(t.Context())
	if err != nil {
		return nil, err
	}
	var from []stream.Position
	for _, s := range splits {
		from = append(from, stream.Position{Split: s})
	}
	var ts []types.Type
	scan := stream.Scan{Bounded: true}
	for i := range rel.Columns {
		ts = append(ts, rel.Columns[len(rel.Columns)-1-i].Type)
		scan.Columns = append(scan.Columns, len(rel.Columns)-1-i) // another order than the relation's
	}
	r, err := src.Open(t.Context(), from, scan)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var rows []string
	for b := vec.NewBatch(ts); ; {
		if _, err := r.Read(t.Context(), b); errors.Is(err, io.EOF) {
			slices.Sort(rows)
			return rows, nil
		} else if err != nil {
			return rows, err
		}
		for i := range b.Rows {
			row := ""
			for k := range b.Cols {
				v := vec.Get(b.Cols[len(b.Cols)-1-k], i, ts[len(ts)-1-k])
				text := "NULL"
				if !v.Null {
					text = string(types.AppendText(nil, v, types.DefaultFormat()))
				}
				row += "|" + text
			}
			rows = append(rows, row[1:])
		}
	}
}

// TestFolders reads the columns that folders give beside those of the records, of each
// format, declared in any place.
func TestFolders(t *testing.T) {
	for _, c := range []struct{ ext, one, two, three string }{
		{"json", `{"id":1,"name":"a","month":99}`, `{"id":2,"name":"b"}`, `{"id":3,"name":"c"}`},
		{"csv", "1,a", "2,b", "3,c"},
	} {
		dir := inFolders(t, map[string]string{
			"year=2026/month=11/a." + c.ext: c.one, "year=2026/month=12/b." + c.ext: c.two,
			"year=" + NullFolder + "/month=01/c%20d." + c.ext: c.three,
		})
		rel := relation(filepath.Join(dir, "year=*", "month=*", "*."+c.ext), "has_headers", "false")
		rel.Columns = []catalog.Column{
			{Name: "id", Type: types.Of(types.Int8)}, {Name: "year", Type: types.Of(types.Int4)},
			{Name: "name", Type: types.Of(types.Text)}, {Name: "month", Type: types.Of(types.Text)},
		}
		got, err := rowsIn(t, rel, dir)
		want := []string{"1|2026|a|11", "2|2026|b|12", "3|NULL|c|01"}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", c.ext, got, err, want)
		}
	}
}

// TestFoldersNamed reads only what partition_columns names, and says where it is not.
func TestFoldersNamed(t *testing.T) {
	dir := inFolders(t, map[string]string{"year=2026/a.json": `{"id":1,"year":7}`, "b.json": `{"id":2,"year":8}`})
	for _, c := range []struct {
		pattern, columns string
		want             []string
		code             sqlerr.Code
	}{
		{"year=2026/*.json", "none", []string{"1|7"}, ""},
		{"year=2026/*.json", "year", []string{"1|2026"}, ""},
		{"*.json", "year", nil, sqlerr.InvalidTextRepresentation},
		{"*.json", "auto", []string{"2|8"}, ""},
	} {
		rel := relation(filepath.Join(dir, c.pattern), "partition_columns", c.columns)
		rel.Columns = []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}, {Name: "year", Type: types.Of(types.Int4)}}
		got, err := rowsIn(t, rel, dir)
		if code := sqlerr.CodeOf(err); err != nil && code != c.code || err == nil && c.code != "" || !slices.Equal(got, c.want) {
			t.Errorf("%s of %s: %q, %v, want %q %s", c.columns, c.pattern, got, err, c.want, c.code)
		}
	}
	rel := relation(filepath.Join(dir, "year=2026", "*.json"))
	rel.Columns = []catalog.Column{{Name: "year", Type: types.Of(types.Date)}}
	if _, err := rowsIn(t, rel, dir); sqlerr.CodeOf(err) != sqlerr.InvalidDatetimeFormat || sqlerr.From(err).Hint == "" {
		t.Errorf("a folder that is no date: %v", err)
	}
}

// TestFoldersInferred tells the types of folders' columns by all their values.
func TestFoldersInferred(t *testing.T) {
	dir := inFolders(t, map[string]string{
		"day=2026-11-01/n=1/k=x/code=01/a.json": `{"id":1,"n":true}`, "day=2026-11-02/n=20/k=7/code=2/a.json": `{"id":2}`,
	})
	rel := relation(filepath.Join(dir, "*", "*", "*", "*", "*.json"))
	columns, err := Connector{}.Inferrer(env(dir)).Infer(t.Context(), rel)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range columns {
		got = append(got, fmt.Sprint(c.Name, " ", types.FormatType(c.Type)))
	}
	want := []string{"id bigint", "day date", "n bigint", "k text", "code bigint"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
