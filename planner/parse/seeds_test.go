package parse

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/cockroachdb/datadriven" // declares -rewrite
	"github.com/google/go-cmp/cmp"
)

// TestSeeds parses every statement of the two documents that the product was
// asked for, in their spelling, and compares its structure with a golden.
func TestSeeds(t *testing.T) {
	files, err := filepath.Glob("testdata/seeds/*.sql")
	if err != nil || len(files) < 50 {
		t.Fatalf("found %d statements (%v), want at least 50", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(string(text))
			if strings.HasPrefix(got, "error") {
				t.Errorf("does not parse: %s", got)
			}
			golden(t, strings.TrimSuffix(file, ".sql")+".golden", got)
		})
	}
}

// golden compares got with a file, or writes it under -rewrite.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if flag.Lookup("rewrite").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, diff)
	}
}
