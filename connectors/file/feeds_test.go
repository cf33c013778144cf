package file

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

func TestFeeds(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "logs"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "logs", "here.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "logs", "here.json"), filepath.Join(dir, "there.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "else.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file := func(path string) *catalog.Relation {
		return &catalog.Relation{Name: "r", Options: catalog.Options{{Key: "path", Value: filepath.Join(dir, path)}}}
	}
	env := &stream.Env{FileRoots: []string{dir}}
	for _, c := range []struct {
		sink, source string
		want         bool
	}{
		{"logs/a.json", "logs/a.json", true},
		{"link/a.json", "logs/a.json", true},
		{"logs/a.json", "logs/*.json", true},
		{"logs/a.json", "link/?.json", true},
		{"logs/a.json", "logs/b.json", false},
		{"logs/a.csv", "logs/*.json", false},
		{"logs/a.json", "*.json", false},
		{"../a.json", "../a.json", false},
		{"there.txt", "logs/here.json", true},
		{"there.txt", "logs/*.json", true},
		{"logs/here.json", "*.txt", true},
		{"else.txt", "logs/*.json", false},
	} {
		if _, got := (Connector{}).Feeds(t.Context(), env, file(c.sink), file(c.source)); got != c.want {
			t.Errorf("%s is read by %s: %t, want %t", c.sink, c.source, got, c.want)
		}
	}
}
