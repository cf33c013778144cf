package clients

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// snippet is an example of a page: a fenced block, and its language.
var snippet = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// TestPages runs every example of the pages in docs/clients, docs/statements.md and
// docs/tables.md, as it stands there but for the gateway's address.
func TestPages(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "clients", "*.md"))
	if err != nil || len(pages) < 18 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	pages = append(pages, filepath.Join("..", "..", "docs", "statements.md"), filepath.Join("..", "..", "docs", "tables.md"))
	g := gateway.Start(t, gateway.Options{Dev: true})
	root, err := gateway.Root()
	if err != nil {
		t.Fatal(err)
	}
	python := []string{"PYTHONPATH=" + pythonDir(t), "PYTHONDONTWRITEBYTECODE=1"}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		if name == "README" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			found := snippet.FindAllStringSubmatch(string(text), -1)
			if len(found) == 0 {
				t.Fatal("it has no example")
			}
			for _, m := range found {
				code := strings.NewReplacer("127.0.0.1:7432", g.Listen, "Port=7432", "Port="+port(g), "port=7432", "port="+port(g)).Replace(m[2])
				file := func(name string) string {
					path := filepath.Join(t.TempDir(), name)
					if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
						t.Fatal(err)
					}
					return path
				}
				out := ""
				switch m[1] {
				case "bash":
					out = run(t, "", nil, "bash", "-euo", "pipefail", "-c", code)
				case "go":
					out = run(t, "", nil, "go", "-C", root, "run", file("main.go"))
				case "js":
					out = run(t, "", []string{"NODE_PATH=" + filepath.Join(cacheDir(t), "node", "node_modules")}, "node", file("example.js"))
				case "java":
					out = run(t, "", nil, "java", "-cp", filepath.Join(cacheDir(t), "pgjdbc.jar"), file("Example.java"))
				case "perl":
					out = run(t, "", nil, "/usr/bin/perl", file("example.pl"))
				case "python":
					out = run(t, "", append(python, odbcDrivers(t)...), "python3", file("example.py"))
				case "sql":
					results, err := connect(t, g.URL()).PgConn().Exec(t.Context(), code).ReadAll()
					if err != nil {
						t.Fatalf("%s\n%v", code, err)
					}
					for _, r := range results {
						out += r.CommandTag.String()
					}
				case "text": // what may be written, not an example
					continue
				default:
					t.Fatalf("nothing runs an example in %s", m[1])
				}
				if strings.TrimSpace(out) == "" {
					t.Errorf("the example printed nothing:\n%s", code)
				}
			}
		})
	}
}

// odbcDrivers names psqlODBC's driver as its package registers it.
func odbcDrivers(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/*/odbc/psqlodbcw.so")
	if err != nil || len(found) == 0 {
		t.Fatalf("psqlODBC is not installed; compat-tests/install.sh (make deps) does: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "odbcinst.ini"), []byte("[PostgreSQL Unicode]\nDriver="+found[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"ODBCSYSINI=" + dir}
}
