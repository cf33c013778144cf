package aggregate

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
)

var rewrite = flag.Bool("rewrite", false, "write docs/functions.md again")

// TestDocument holds docs/functions.md to the registry: every function with its
// first example. Those that only compute an operator or a cast are left out.
func TestDocument(t *testing.T) {
	text := document()
	path := filepath.Join("..", "..", "..", "docs", "functions.md")
	if *rewrite {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != text {
		t.Error("docs/functions.md is not what the registry has: run go test ./exec/function/aggregate -run Document -rewrite")
	}
}

func document() string {
	behind := map[*catalog.Function]bool{}
	for _, o := range function.Builtins().Operators {
		behind[o.Func] = true
	}
	for _, c := range function.Builtins().Casts {
		behind[c.Func] = true
	}
	var rows []string
	for _, d := range function.All() {
		if len(d.Examples) == 0 || behind[d.Func] {
			continue
		}
		ex := d.Examples[0]
		rows = append(rows, fmt.Sprintf("| `%s` | %s | `%s` | `%s` |\n", signature(d.Func), types.FormatType(types.Of(d.Func.Ret)),
			cell(ex.SQL), cell(ex.Text)))
	}
	sort.Strings(rows)
	var b strings.Builder
	b.WriteString("# Functions\n\nMade of the functions' own examples, which are also their tests: run\n" +
		"`go test ./exec/function/aggregate -run Document -rewrite` after adding one. Operators are PostgreSQL's.\n\n" +
		"| function | returns | example | value |\n|---|---|---|---|\n")
	for _, r := range rows {
		b.WriteString(r)
	}
	return b.String()
}

func signature(f *catalog.Function) string {
	var args []string
	for i, a := range f.Args {
		arg := types.FormatType(types.Of(a))
		if f.Variadic && i == len(f.Args)-1 {
			arg = "VARIADIC " + arg
		}
		args = append(args, arg)
	}
	return f.Name + "(" + strings.Join(args, ", ") + ")"
}

// cell keeps a text within one cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "`", "'").Replace(s)
}
