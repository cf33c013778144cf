// Package ferrisstreams_test holds the tests of the tree itself: who may import
// whom, how long a file may be, which words it may not hold.
package ferrisstreams_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ferrisstreams/ferrisstreams/"

// floors is the table of ARCHITECTURE.md: a package imports strictly lower
// floors only. A trailing /* is every package directly below that folder which
// has no line of its own.
var floors = map[string]int{
	"cmd/ferris-sql":             12,
	"gateway/rest":               11,
	"gateway":                    10,
	"connectors":                 10,
	"gateway/auth":               9,
	"exec":                       8,
	"exec/operator":              7,
	"connectors/*":               7,
	"connectors/s3":              8,
	"exec/table":                 6,
	"connectors/format/*":        6,
	"connectors/object":          6,
	"exec/expr":                  5,
	"exec/function/aggregate":    5,
	"connectors/format/registry": 5,
	"connectors/format/wire":     5,
	"planner":                    5,
	"exec/stream":                4,
	"exec/function":              4,
	"exec/rowkey":                4,
	"planner/bind":               4,
	"planner/optimize":           4,
	"exec/memory":                3,
	"planner/plan":               3,
	"planner/parse":              3,
	"catalog/pgcatalog":          3,
	"exec/vec":                   2,
	"catalog":                    2,
	"catalog/types":              1,
	"catalog/charset":            1,
	"state":                      0,
	"catalog/sqlerr":             0,
	"catalog/scram":              0,
	"catalog/blocksort":          0,
	"catalog/regex":              0,
	"config":                     0,
	"notify":                     0,
}

// fences says which packages may import a dependency: swapping one touches only
// those.
var fences = map[string][]string{
	"github.com/jackc/pgx/v5/pgproto3":    {"gateway", "connectors/database"},
	"github.com/jackc/pgx/v5/pgconn":      {"cmd/ferris-sql", "connectors/database"},
	"github.com/go-sql-driver/mysql":      {"connectors/database"},
	"github.com/go-mysql-org/go-mysql":    {"connectors/database"},
	"modernc.org/sqlite":                  {"connectors/database"},
	"modernc.org/libc":                    {"connectors/database"},
	"github.com/pganalyze/pg_query_go/v5": {"planner/parse", "planner/bind"},
	"github.com/twmb/franz-go":            {"connectors/kafka", "connectors/format/registry"},
	"golang.org/x/oauth2":                 {"connectors/kafka"},
	"github.com/jcmturner/gokrb5":         {"connectors/kafka"},
	"github.com/hamba/avro":               {"connectors/format/avro"},
	"github.com/ProtonMail/go-crypto":     {"connectors/file"},
	"github.com/bufbuild/protocompile":    {"connectors/format/protobuf"},
	"github.com/dgraph-io/badger/v4":      {"state"},
	"github.com/prometheus/client_golang": {"gateway/rest"},
	"github.com/minio/minio-go":           {"connectors/s3"},
	"github.com/spf13/cobra":              {"cmd/ferris-sql"},
	"go.yaml.in/yaml/v3":                  {"config"},
}

// outside are trees that stand outside the floors: they may import anything
// public, and nothing imports them but themselves.
func outside(pkg string) bool {
	return pkg == "" || pkg == "compat-tests" || strings.HasPrefix(pkg, "compat-tests/") || strings.HasPrefix(pkg, "examples/")
}

func floor(pkg string) (int, bool) {
	if f, ok := floors[pkg]; ok {
		return f, true
	}
	f, ok := floors[filepath.Dir(pkg)+"/*"]
	return f, ok
}

func TestFloors(t *testing.T) {
	for _, f := range goFiles(t) {
		pkg, test := filepath.Dir(f), strings.HasSuffix(f, "_test.go")
		if pkg == "." {
			pkg = ""
		}
		own, known := floor(pkg)
		if !known && !outside(pkg) {
			t.Errorf("%s: package %s is on no floor: give it a line in floors_test.go and ARCHITECTURE.md", f, pkg)
			continue
		}
		for _, path := range imports(t, f) {
			for dep, may := range fences {
				if (path == dep || strings.HasPrefix(path, dep+"/")) && !outside(pkg) && !test && !contains(may, pkg) {
					t.Errorf("%s imports %s: only %s may", f, path, strings.Join(may, " and "))
				}
			}
			dep, ours := strings.CutPrefix(path, module)
			if !ours || outside(pkg) || (test && dep == pkg) {
				continue
			}
			if outside(dep) {
				if !test {
					t.Errorf("%s imports %s, which stands outside", f, dep)
				}
				continue
			}
			if below, ok := floor(dep); !ok || below >= own {
				t.Errorf("%s (floor %d) imports %s (floor %d): only strictly lower floors", f, own, dep, below)
			}
		}
	}
}

// TestFloorsAreThere is the other direction: no floor is kept for a package that is gone.
func TestFloorsAreThere(t *testing.T) {
	there := map[string]bool{}
	for _, f := range goFiles(t) {
		there[filepath.Dir(f)] = true
		there[filepath.Dir(filepath.Dir(f))+"/*"] = true
	}
	for pkg := range floors {
		if !there[pkg] {
			t.Errorf("floors_test.go has a floor for %s, which is no package", pkg)
		}
	}
}

func TestFileSize(t *testing.T) {
	const most = 800
	for _, f := range goFiles(t) {
		if n := strings.Count(read(t, f), "\n"); n > most {
			t.Errorf("%s has %d lines, at most %d: one concept a file", f, n, most)
		}
	}
}

func TestNames(t *testing.T) {
	nothing := []string{"util", "utils", "helper", "helpers", "common", "misc", "manager", "base", "impl", "v2", "enhanced", "optimized", "unified", "smart"}
	for _, f := range goFiles(t) {
		for _, part := range strings.FieldsFunc(strings.TrimSuffix(f, ".go"), func(r rune) bool { return r == '/' || r == '_' }) {
			if contains(nothing, part) {
				t.Errorf("%s: %q says nothing of what is inside", f, part)
			}
		}
	}
}

func TestPhrases(t *testing.T) {
	// Written in two halves, so that this file does not hold them.
	later := []string{"for" + " now", "place" + "holder", "in a real" + " implementation", "TO" + "DO", "FIX" + "ME", "not yet" + " implemented", "X" + "XX:"}
	for _, f := range goFiles(t) {
		text := read(t, f)
		for _, phrase := range later {
			for i, line := range strings.Split(text, "\n") {
				if _, comment, ok := strings.Cut(line, "//"); ok && strings.Contains(comment, phrase) {
					t.Errorf("%s:%d promises a later day: %q", f, i+1, phrase)
				}
			}
		}
	}
}

func TestNoSleepInTests(t *testing.T) {
	for _, f := range goFiles(t) {
		if !strings.HasSuffix(f, "_test.go") || f == "floors_test.go" {
			continue
		}
		for i, line := range strings.Split(read(t, f), "\n") {
			if strings.Contains(line, "time.Sleep(") && !strings.Contains(line, "// ") {
				t.Errorf("%s:%d sleeps without a reason on the line", f, i+1)
			}
		}
	}
}

func TestArchitecturePathsExist(t *testing.T) {
	for _, doc := range []string{"ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"} {
		n := 0
		for _, word := range codeWords(read(t, doc)) {
			path := strings.TrimSuffix(word, "/")
			if !strings.Contains(path, "/") || strings.ContainsAny(path, "*<>{}:= $()") || strings.HasPrefix(path, "/") || strings.HasPrefix(path, ".") {
				continue
			}
			if _, err := os.Stat(strings.SplitN(path, "/", 2)[0]); err != nil {
				continue // github.com/..., topics/...: not a path of this tree
			}
			n++
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s names %s, which does not exist", doc, path)
			}
		}
		if doc == "ARCHITECTURE.md" && n < 10 {
			t.Errorf("%s names %d paths: the check has lost them", doc, n)
		}
	}
}

// TestArchitectureNamesExist: what ARCHITECTURE.md calls by its package is declared in it.
func TestArchitectureNamesExist(t *testing.T) {
	texts := map[string]string{} // of packages, by their folder's name
	for _, f := range goFiles(t) {
		if !strings.HasSuffix(f, "_test.go") {
			texts[filepath.Base(filepath.Dir(f))] += read(t, f)
		}
	}
	n := 0
	for _, word := range codeWords(read(t, "ARCHITECTURE.md")) {
		m := regexp.MustCompile(`^([a-z]\w*)\.([A-Z]\w*)(?:\.([A-Z]\w*))?$`).FindStringSubmatch(word)
		if m == nil || texts[m[1]] == "" {
			continue
		}
		n++
		for _, name := range m[2:] {
			if name != "" && !regexp.MustCompile(`\b`+name+`\b`).MatchString(texts[m[1]]) {
				t.Errorf("ARCHITECTURE.md names %s, and package %s has no %s", word, m[1], name)
			}
		}
	}
	if n < 20 {
		t.Errorf("ARCHITECTURE.md names %d things of packages: the check has lost them", n)
	}
}

// TestEveryPackageIsInArchitecture is the other direction.
func TestEveryPackageIsInArchitecture(t *testing.T) {
	doc := read(t, "ARCHITECTURE.md")
	seen := map[string]bool{}
	for _, f := range goFiles(t) {
		if pkg := filepath.Dir(f); pkg != "." && !seen[pkg] {
			seen[pkg] = true
			if !strings.Contains(doc, "`"+pkg+"/`") {
				t.Errorf("ARCHITECTURE.md does not name `%s/`", pkg)
			}
		}
	}
}

// codeWords are the texts between single backquotes.
func codeWords(doc string) []string {
	var words []string
	for i, part := range strings.Split(doc, "`") {
		if i%2 == 1 && !strings.Contains(part, "\n") {
			words = append(words, part)
		}
	}
	return words
}

func goFiles(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("found %d Go files: the walk has lost them", len(all))
	}
	sort.Strings(all)
	return all
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}
