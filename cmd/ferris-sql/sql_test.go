package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runCommand runs a subcommand in this process.
func runCommand(t *testing.T, stdin string, args ...string) (out, errs string, err error) {
	t.Helper()
	root := rootCommand()
	var stdout, stderr bytes.Buffer
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	err = root.ExecuteContext(context.Background())
	return stdout.String(), stderr.String(), err
}

func TestEmbedded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.sql")
	if err := os.WriteFile(file, []byte("SELECT 'from a file' AS t"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, stdin, want string
		args              []string
	}{
		{"table", "", " n | s\n---+----\n 1 | x\n 2 | yy\n(2 rows)\n\n", []string{"-c", "SELECT * FROM (VALUES (1, 'x'), (2, 'yy')) AS v(n, s)"}},
		{"lines in a table", "", "" +
			" n | s    | last\n" +
			"---+------+--------\n" +
			" 1 | a   +| x     +\n" +
			"   | long+|       +\n" +
			"   |      | y\n" +
			" 2 | b    | \n" +
			" 3 |     +| \\r\\x1B\n" +
			"   |      | \n" +
			"(3 rows)\n\n", []string{"-c", "SELECT * FROM (VALUES (1, E'a\\nlong\\n', E'x\\n\\ny'), (2, 'b', ''), (3, E'\\n', E'\\r\\x1b')) AS v(n, s, last)"}},
		{"a tab in a table", "", " t\n-----------\n a       b\n(1 row)\n\n", []string{"-c", "SELECT E'a\\tb' AS t"}},
		{"csv", "", "a,b\n1,\"x,y\"\n", []string{"--format", "csv", "-c", "SELECT 1 AS a, 'x,y' AS b"}},
		{"json lines", "", `{"a":1,"b":null,"c":true,"d":1.50,"e":"x","f":{"k":[1]},"g":"NaN","h":"{1}"}` + "\n", []string{"--format", "json-lines", "-c",
			"SELECT 1 AS a, NULL AS b, true AS c, 1.50 AS d, 'x' AS e, '{\"k\": [1]}'::jsonb AS f, 'nan'::float8 AS g, ARRAY[1] AS h"}},
		{"file", "", " t\n-------------\n from a file\n(1 row)\n\n", []string{file}},
		{"standard input", "SELECT 3 AS three", "three\n3\n", []string{"--format", "csv"}},
		{"limit", "", "g\n1\n2\n", []string{"--format", "csv", "--limit", "2", "-c", "SELECT g FROM generate_series(1, 100) AS g"}},
		{"copy", "", "a\n1\n1\tx\n2\t\\N\nb\n2\n", []string{"--format", "csv", "-c",
			"SELECT 1 AS a; COPY (SELECT * FROM (VALUES (1, 'x'), (2, NULL)) AS v(n, s)) TO STDOUT; SELECT 2 AS b"}},
		{"copy alone", "", "1\n", []string{"-c", "COPY (SELECT 1) TO STDOUT"}},
		{"tags", "", "CREATE STREAM\n n\n---\n 5\n(1 row)\n\n", []string{"-c",
			"CREATE STREAM g (a bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rows = '5'); SELECT count(*) AS n FROM g"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, err := runCommand(t, c.stdin, append([]string{"sql", "--embedded"}, c.args...)...)
			if err != nil || out != c.want {
				t.Errorf("printed %q, want %q (%v)\n%s", out, c.want, err, errs)
			}
		})
	}
}

// TestEmbeddedJobs: the jobs of the statements have done their work when the
// command ends, and one that failed is its failure.
func TestEmbeddedJobs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	_, errs, err := runCommand(t, "", "sql", "--embedded", "-c",
		"CREATE STREAM g (a bigint GENERATED ALWAYS AS (_offset) STORED) WITH (type = 'generator', rows = '30000');"+
			"CREATE STREAM j AS SELECT a FROM g INTO o WITH ('o.type' = 'file_sink', 'o.path' = 'o.csv', 'o.format' = 'csv')")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	text, err := os.ReadFile("o.csv")
	if got := strings.Count(string(text), "\n"); err != nil || got != 30000 {
		t.Errorf("%d lines, want 30000 (%v)", got, err)
	}
	if err := os.WriteFile("bad.json", []byte("{\"a\": \"x\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, err = runCommand(t, "", "sql", "--embedded", "-c",
		"CREATE STREAM f (a bigint) WITH (type = 'file', path = 'bad.json', format = 'json');"+
			"START JOB bad AS SELECT a FROM f WITH ('failure_strategy' = 'FailBatch')")
	if err == nil || !strings.Contains(errs, `job "bad" has failed`) {
		t.Errorf("printed %q (%v), want that the job has failed", errs, err)
	}
}

func TestErrorNamesThePlace(t *testing.T) {
	_, errs, err := runCommand(t, "", "sql", "--embedded", "-c", "SELECT 1;\nSELECT é,  nope")
	want := "ERROR:  42703: column \"é\" does not exist\nLINE 2: SELECT é,  nope\n               ^\n"
	if err == nil || errs != want {
		t.Errorf("printed %q (%v), want %q", errs, err, want)
	}
	out, _, err := runCommand(t, "", "sql", "--embedded", "-c", "SELECT 1 / 0 AS none")
	if err == nil || out != "" {
		t.Errorf("printed %q (%v), want no head without rows", out, err)
	}
}

func TestRefusedCommands(t *testing.T) {
	config := filepath.Join(t.TempDir(), "ferris.yaml")
	if err := os.WriteFile(config, []byte("server.lissten: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"--format \"xml\": expected table, csv or json-lines": {"sql", "--embedded", "--format", "xml", "-c", "SELECT 1"},
		"-c and a file exclude each other":                    {"sql", "-c", "SELECT 1", "file.sql"},
		`did you mean "server.listen"?`:                       {"serve", "--config", config},
		"--log-format \"xml\": expected text or json":         {"serve", "--log-format", "xml"},
		"--insecure-trust-remote":                             {"serve", "--listen", "0.0.0.0:0", "--data-dir", t.TempDir()},
		"connect":                                             {"sql", "--url", "postgres://127.0.0.1:1/ferris?sslmode=disable", "-c", "SELECT 1"},
	} {
		if _, _, err := runCommand(t, "", args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", strings.Join(args, " "), err, want)
		}
	}
}

func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := runCommand(t, "", "man", dir); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"ferris-sql.1", "ferris-sql-serve.1", "ferris-sql-sql.1", "ferris-sql-dev-broker.1"} {
		if b, err := os.ReadFile(filepath.Join(dir, page)); err != nil || !bytes.Contains(b, []byte(".TH")) {
			t.Errorf("%s: %v", page, err)
		}
	}
}

func TestPlace(t *testing.T) {
	for _, c := range []struct {
		text         string
		pos          int
		line, column int
		source       string
	}{
		{"SELECT x", 8, 1, 7, "SELECT x"},
		{"a\n\tbc\nd", 4, 2, 1, " bc"},
		{"a", 9, 0, 0, ""},
		{"a", 0, 0, 0, ""},
	} {
		if line, column, source := place(c.text, c.pos); line != c.line || column != c.column || source != c.source {
			t.Errorf("place(%q, %d) = %d, %d, %q", c.text, c.pos, line, column, source)
		}
	}
}
