package database

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func TestSQLiteURL(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a b?.db")
	for text, want := range map[string]string{
		"sqlite:" + filepath.Join(dir, "x.db"): `SQLite file "` + filepath.Join(dir, "x.db") + `"`, "jdbc:sqlite:" + filepath.Join(dir, "x.db"): `SQLite file "` + filepath.Join(dir, "x.db") + `"`,
		"sqlite://" + filepath.Join(dir, "x.db"): `SQLite file "` + filepath.Join(dir, "x.db") + `"`,
		"sqlite:" + path:                         "22023", "sqlite::memory:": "22023", "sqlite:": "22023", "sqlite:/etc/passwd": "42501",
		"sqlite:" + dir + "/../../etc/x": "42501",
	} {
		s, err := parseURL(text, "", "", []string{dir})
		if err != nil {
			if string(sqlerr.CodeOf(err)) != want {
				t.Errorf("%s: %v, want %s", text, err, want)
			}
			continue
		}
		if s.String() != want {
			t.Errorf("%s: %s, want %s", text, s, want)
		}
	}
	if _, err := parseURL("sqlite:"+filepath.Join(dir, "x.db"), "user", "", []string{dir}); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
		t.Errorf("a file with a user: %v", err)
	}
}

// TestCheckQuery: of a query nothing is run but itself.
func TestCheckQuery(t *testing.T) {
	for query, ok := range map[string]bool{
		"SELECT 1": true, "SELECT ';' AS \"a;b\", [c;d], `e;f` FROM t -- all; of it": true, "SELECT /* ; */ 1": true, "SELECT 'it''s;'": true, "SELECT 1 - -1": true,
		"SELECT 1; DROP TABLE t": false, "SELECT 1) AS t; ATTACH '/x' AS y": false, "SELECT ''';": false, "SELECT 1 /* ": false, "SELECT ''; SELECT '": false,
		"SELECT 1 -- x\n; SELECT 2": false, "SELECT 1 /**/; SELECT 2": false, "SELECT 1\x00": false, "SELECT /*/ ; */ 1": true,
	} {
		if err := checkQuery(query); (err == nil) != ok {
			t.Errorf("%q: %v", query, err)
		}
	}
}

func TestSQLiteColumns(t *testing.T) {
	for declared, want := range map[string]types.OID{
		"": types.Text, "integer": types.Int8, "unsigned big int": types.Int8, "varchar(20)": types.Varchar, "text": types.Text, "real": types.Float8, "double precision": types.Float8,
		"decimal(10,2)": types.Numeric, "numeric text": types.Numeric, "boolean": types.Bool, "blob": types.Bytea, "date": types.Date, "datetime": types.Timestamp,
		"timestamptz": types.Timestamptz, "time": types.Time, "uuid text": types.UUID, "json text": types.JSON, "geometry": types.Text,
	} {
		if want == types.Varchar {
			want = types.Text
		}
		if got := sqliteColumn("c", declared).typ; got != types.Of(want) {
			t.Errorf("%q: %s, want %s", declared, types.FormatType(got), types.FormatType(types.Of(want)))
		}
	}
	if text := string(appendOr(nil, false, 100)); !strings.Contains(text, "(") {
		t.Errorf("the 100th condition is parted by %q", text)
	}
}
