package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the settings into docs/operations.md again")

const (
	settingsBegin = "<!-- settings: made by go test ./config -run Document -rewrite -->\n"
	settingsEnd   = "<!-- end of settings -->\n"
)

// TestDocument holds docs/operations.md to the keys.
func TestDocument(t *testing.T) {
	var table strings.Builder
	table.WriteString("| key | what it is | default |\n|---|---|---|\n")
	for _, k := range Keys() {
		unset := ""
		if d := k.Default(); d != "" {
			unset = "`" + d + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", k.Name, k.Help, unset)
	}
	path := filepath.Join("..", "docs", "operations.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), settingsBegin)
	have, after, ends := strings.Cut(rest, settingsEnd)
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no part between %q and %q", path, settingsBegin, settingsEnd)
	case have == table.String():
	case !*rewrite:
		t.Errorf("%s is not what is read: run go test ./config -run Document -rewrite\n%s", path, table.String())
	default:
		if err := os.WriteFile(path, []byte(before+settingsBegin+table.String()+settingsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
