// Package formats runs the examples of the formats, as a user would.
package formats

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/registry"
)

var rewrite = flag.Bool("rewrite", false, "write what the examples answer into their example.out, to be checked by hand")

// TestExamples runs each examples/*/example.sql in a copy of its directory.
func TestExamples(t *testing.T) {
	root, err := gateway.Root()
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(root, "examples", "*", "example.sql"))
	if err != nil || len(all) == 0 {
		t.Fatalf("there are no examples: %v", err)
	}
	for _, sql := range all {
		dir := filepath.Dir(sql)
		text, err := os.ReadFile(sql)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if !strings.Contains(string(text), registryOfExamples) {
				example(t, dir, string(text))
				return
			}
			registry.Both(t, func(t *testing.T, r *registry.Registry) {
				at := strings.Replace(r.URL, "127.0.0.1", "localhost", 1)
				example(t, dir, strings.ReplaceAll(string(text), registryOfExamples, at))
			})
		})
	}
}

// registryOfExamples is where the examples have their registry.
const registryOfExamples = "http://localhost:8081"

func example(t *testing.T, from, statements string) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	o := gateway.Options{Dev: true, Dir: dir}
	if _, err := os.Stat(filepath.Join(dir, "ferris.yaml")); err == nil {
		o.Args = []string{"--config", "ferris.yaml"}
	}
	p := gateway.Start(t, o)
	// From here on: building the binary takes its time.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out strings.Builder
	config, err := pgconn.ParseConfig(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { out.WriteString(n.Severity + ": " + n.Message + "\n") }
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for statement := range strings.SplitSeq(statements, ";\n") {
		results, err := conn.Exec(ctx, statement).ReadAll()
		if err != nil {
			t.Fatalf("%s\n%v", statement, err)
		}
		for _, r := range results {
			for _, row := range r.Rows {
				for i, field := range row {
					if i > 0 {
						out.WriteByte('|')
					}
					if out.Write(field); field == nil {
						out.WriteString("NULL")
					}
				}
				out.WriteByte('\n')
			}
			out.WriteString(r.CommandTag.String() + "\n")
		}
	}
	golden := filepath.Join(from, "example.out")
	if *rewrite {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the example answers\n%s\nwant\n%s", out.String(), want)
	}
}
