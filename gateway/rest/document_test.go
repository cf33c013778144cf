package rest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ferrisstreams/ferrisstreams/gateway"
)

// TestDocument: docs/operations.md has a row of each metric, with its help, and of no
// other.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(ferris_[a-z_]+)` \\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		told[row[1]] = row[2]
	}
	described := make(chan *prometheus.Desc, 100)
	newCollector(Options{Gateway: &gateway.Server{}, Engine: &engine{}, Jobs: jobs{}}).Describe(described)
	close(described)
	parts := regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "([^"]*)"`)
	for d := range described {
		found := parts.FindStringSubmatch(d.String())
		if found == nil {
			t.Fatalf("%s is not as client_golang writes a description", d)
		}
		if told[found[1]] != found[2] {
			t.Errorf("docs/operations.md should have this row:\n| `%s` | %s |", found[1], found[2])
		}
		delete(told, found[1])
	}
	for name := range told {
		t.Errorf("docs/operations.md tells of %s, which is no metric", name)
	}
}
