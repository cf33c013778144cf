package planner_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/planner"
)

// TestSeeds binds the statements of the documents that the product grew from,
// with the streams they read declared in testdata/seed_streams.sql. The golden
// says how each is answered.
func TestSeeds(t *testing.T) {
	s := newSession(t, signatures(t))
	ddl, err := os.ReadFile("testdata/seed_streams.sql")
	if err != nil {
		t.Fatal(err)
	}
	if out := s.exec(string(ddl)); strings.Contains(out, "ERROR") {
		t.Fatal(out)
	}
	files, err := filepath.Glob("parse/testdata/seeds/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no seeds", err)
	}
	datadriven.RunTest(t, "testdata/golden_seeds", func(t *testing.T, d *datadriven.TestData) string {
		var out strings.Builder
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s: %s\n", filepath.Base(path), strings.Join(s.answers(string(text)), "; "))
		}
		return out.String()
	})
}

// answers says of each statement of a text whether it binds.
func (s *session) answers(text string) []string {
	stmts, err := planner.Parse(text)
	if err != nil {
		return []string{firstLine(showError(err))}
	}
	var out []string
	for _, st := range stmts {
		b, err := planner.Plan(context.Background(), s.context(), st)
		if err != nil {
			out = append(out, firstLine(showError(err)))
			continue
		}
		out = append(out, strings.TrimPrefix(fmt.Sprintf("%T", b.Statement), "*plan."))
	}
	return out
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
