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

// absent is what a user of PostgreSQL may look for in vain.
const absent = "## What PostgreSQL has and this server has not\n\n" +
	"A call of one of these answers 42883, as a call of any function that does not exist:\n\n" +
	"- Geometry beyond input, output and comparison: `area`, `center`, `<->`, `@>`, `point(x, y)`, conversions between shapes.\n" +
	"- Text search: `to_tsvector`, `to_tsquery`, `@@`, `ts_rank`; the types `tsvector` and `tsquery` are read, written and compared. Use `LIKE` or `~`.\n" +
	"- XML beyond text: `xpath`, `xmlelement`, `xmlagg`, `query_to_xml` and their like, which answer 0A000 and say so. Use json.\n" +
	"- Large objects (`lo_*`), files of the server (`pg_read_file`, `pg_ls_dir`), full control of the server (`pg_reload_conf`, `pg_promote`, WAL, replication, backup).\n" +
	"- What only indexes, the planner and `CREATE TYPE` of PostgreSQL call: input and output functions, `*sel`, `gin_*`, `in_range`, transition functions.\n\n" +
	"## What there is\n\n"

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
		absent + "| function | returns | example | value |\n|---|---|---|---|\n")
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
