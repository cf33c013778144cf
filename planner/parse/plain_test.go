package parse

import (
	"fmt"
	"os"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
)

// TestPlain parses statements that have nothing of the streaming dialect, all of
// testdata/plain.sql, alone and together: the trees must be PostgreSQL's own.
func TestPlain(t *testing.T) {
	b, err := os.ReadFile("testdata/plain.sql")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, text := range strings.Split(string(b), "\n\n") {
		if text = strings.TrimSpace(text); text != "" {
			texts = append(texts, text)
		}
	}
	if len(texts) < 100 {
		t.Fatalf("%d texts", len(texts))
	}
	for _, text := range append(texts, strings.Join(texts, "\n;\n")) {
		if diff := plainDiff(text); diff != "" {
			t.Errorf("%s\n%s", shorten(text), diff)
		}
	}
}

// plainDiff says how the statements of a text differ from PostgreSQL's own tree.
func plainDiff(text string) string {
	want, err := pg.Parse(text)
	if err != nil {
		return "PostgreSQL refuses it: " + err.Error()
	}
	got, err := Parse(text)
	if err != nil {
		return err.Error()
	}
	if len(want.Stmts) == 0 {
		if len(got) != 1 || got[0].Node != nil {
			return fmt.Sprintf("%d statements, want one that is empty", len(got))
		}
		return ""
	}
	if len(got) != len(want.Stmts) {
		return fmt.Sprintf("%d statements, want %d", len(got), len(want.Stmts))
	}
	for i, s := range got {
		switch {
		case s.Stream != nil, len(s.Clauses) > 0, len(s.With) > 0, len(s.Into) > 0:
			return fmt.Sprintf("statement %d is taken for a streaming one: %+v", i, s)
		case !proto.Equal(s.Node, want.Stmts[i].Stmt):
			return fmt.Sprintf("statement %d: got\n%v\nwant\n%v", i, s.Node, want.Stmts[i].Stmt)
		case !strings.Contains(text, s.Text) || []rune(text)[s.Pos-1] != []rune(s.Text)[0]:
			return fmt.Sprintf("statement %d: text %q at %d", i, s.Text, s.Pos)
		}
	}
	return ""
}
