package expr

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestSetExamples runs the functions that return sets, a few rows at a time.
func TestSetExamples(t *testing.T) {
	for _, d := range function.All() {
		if !d.Func.Set {
			continue
		}
		for _, ex := range d.Examples {
			for _, limit := range []int{1, 2, 1000} {
				if got := outcome(func() (string, error) { return setRows(t, ex.SQL, limit) }); got != ex.Text {
					t.Errorf("%s, %d at a time = %s, want %s", ex.SQL, limit, got, ex.Text)
				}
			}
		}
	}
}

func setRows(t *testing.T, sql string, limit int) (string, error) {
	env := testEnv()
	call := readSQL(t, sql, env, nil).(*plan.Call)
	var args []types.Value
	for _, a := range call.Args {
		v, err := Eval(a, env)
		if err != nil {
			return "", err
		}
		args = append(args, v)
	}
	set, err := function.Kernel(call.Func).Set(env, args)
	if err != nil {
		return "", err
	}
	out := vec.New(call.Typ)
	for {
		n, err := set.Next([]vec.Vec{out}, limit)
		if err != nil {
			return "", err
		}
		if n > limit {
			t.Errorf("%s gave %d rows of at most %d", sql, n, limit)
		}
		if n == 0 {
			break
		}
	}
	var rows []string
	for row := range out.Len() {
		rows = append(rows, show(vec.Get(out, row, call.Typ), env))
	}
	return strings.Join(rows, ", "), nil
}
