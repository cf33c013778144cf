package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestLongValues: what a batch's rows grow to meets the query's limit, whoever
// makes it: the rows before it have their values.
func TestLongValues(t *testing.T) {
	const rows, limit = 100, 40_000
	for _, sql := range []string{
		"repeat('" + strings.Repeat("x", 100) + "', 10)",
		"'" + strings.Repeat("x", 500) + "' || '" + strings.Repeat("y", 500) + "'",
		"array_fill('" + strings.Repeat("x", 100) + "'::text, ARRAY[10])",
	} {
		for name, sel := range map[string][]int32{"all": nil, "selected": {0, 10, 20, 30, 39, 40, 50, 60, 70, 80, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99}} {
			t.Run(sql[:8]+" "+name, func(t *testing.T) {
				env := testEnv()
				env.MemoryLimit = limit
				passes := limit / 1000
				if sel != nil {
					env.MemoryLimit, passes = limit/4, limit/4/1000
				}
				b := &vec.Batch{Rows: rows}
				e := readSQL(t, sql, env, func(v types.Value) plan.Expr {
					col := vec.New(v.Type)
					for range rows {
						vec.Append(col, v)
					}
					b.Cols = append(b.Cols, col)
					return &plan.Column{Index: len(b.Cols) - 1, Typ: v.Type}
				})
				p, err := Compile(e, env)
				if err != nil {
					t.Fatal(err)
				}
				_, errs := p.Run(b, sel)
				for i := range rows {
					row := i
					if sel != nil {
						if i == len(sel) {
							break
						}
						row = int(sel[i])
					}
					var coded *sqlerr.Error
					err := errs.At(row)
					switch {
					case i < passes && err != nil:
						t.Fatalf("row %d of %d = %v", row, passes, err)
					case i >= passes && (!errors.As(err, &coded) || coded.Code != sqlerr.OutOfMemory):
						t.Fatalf("row %d, past the limit: %v", row, err)
					}
				}
			})
		}
	}
}
