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

// TestCutBatches: where the texts between a batch and its narrow values are too
// long for one evaluation, the rows are computed in parts: all have their values
// and errors, in order, and no text between holds much more than partBytes.
func TestCutBatches(t *testing.T) {
	const rows, each = 64, 1 << 20
	env := testEnv()
	env.MemoryLimit = 24 << 20
	b := &vec.Batch{Rows: rows}
	numbers := &vec.Fixed[int32]{}
	for i := range rows {
		numbers.Append(int32(i))
	}
	b.Cols = []vec.Vec{numbers}
	column := func(v types.Value) plan.Expr {
		if v.Type.OID == types.Int4 && v.I == 0 {
			return &plan.Column{Index: 0, Typ: v.Type}
		}
		return plan.NewConst(v)
	}
	odd := []int32{}
	for i := int32(1); i < rows; i += 2 {
		odd = append(odd, i)
	}
	for name, sel := range map[string][]int32{"all": nil, "selected": odd} {
		t.Run(name, func(t *testing.T) {
			p, err := Compile(readSQL(t, "length(repeat('x', 1048576 + 0)) / (0 - 5)", env, column), env)
			if err != nil {
				t.Fatal(err)
			}
			v, errs := p.Run(b, sel)
			for row := range rows {
				if sel != nil && row%2 == 0 {
					continue
				}
				if row == 5 {
					if errs.At(row) == nil {
						t.Error("row 5 divides by zero and has no error")
					}
					continue
				}
				if got, want := vec.Get(v, row, types.Of(types.Int4)).I, int64((each+row)/(row-5)); errs.At(row) != nil || got != want {
					t.Errorf("row %d = %d, %v, want %d", row, got, errs.At(row), want)
				}
			}
			filter, err := Compile(readSQL(t, "length(repeat('x', 1048576 + 0)) % 4 = 3", env, column), env)
			if err != nil {
				t.Fatal(err)
			}
			kept, errs := filter.Filter(b, sel)
			if len(kept) != rows/4 || errs.Any() || kept[1] != 7 {
				t.Errorf("the filter keeps %v, %v", kept, errs.First())
			}
			wide, err := Compile(readSQL(t, "repeat('x', 1048576 + 0)", env, column), env)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, ok := wide.TryRun(b, sel); ok {
				t.Error("all rows at once are said to fit")
			}
			seen := 0
			err = Parts(b, sel, func(part []int32) (bool, error) {
				v, errs, ok := wide.TryRun(b, part)
				if !ok {
					return false, nil
				}
				for _, row := range part {
					if text := v.(*vec.Bytes); errs.Any() || len(text.At(int(row))) != each+int(row) || len(text.Data) > partBytes {
						t.Errorf("row %d has %d bytes in %d, %v", row, len(text.At(int(row))), len(text.Data), errs.First())
					}
				}
				seen += len(part)
				return true, nil
			})
			if want := live(b, sel); seen != want || err != nil {
				t.Errorf("the parts have %d rows, %v, want %d", seen, err, want)
			}
		})
	}
}
