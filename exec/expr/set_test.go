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
			if strings.Contains(ex.SQL, " FROM ") {
				continue // a set of several columns: compat-tests/expr runs it through a gateway
			}
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
	columns := []types.Type{call.Typ}
	if len(call.Func.Out) > 0 {
		columns = nil
		for _, o := range call.Func.Out {
			columns = append(columns, o.Type)
		}
	}
	out := vec.NewBatch(columns)
	rows := []string{}
	for {
		n, err := set.Next(out.Cols, limit)
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
	for row := range out.Cols[0].Len() {
		var cells []string
		for i, t := range columns {
			v := vec.Get(out.Cols[i], row, t)
			if len(columns) > 1 {
				cells = append(cells, cellOf(v, env))
			} else {
				cells = append(cells, show(v, env))
			}
		}
		text := strings.Join(cells, ",")
		if len(columns) > 1 {
			text = "(" + text + ")"
		}
		rows = append(rows, text)
	}
	return strings.Join(rows, ", "), nil
}

// cellOf is a value within the text of a record.
func cellOf(v types.Value, env *function.Env) string {
	if v.Null {
		return ""
	}
	s := show(v, env)
	if s == "" || strings.ContainsAny(s, "\"\\(), \t\n") {
		return `"` + strings.NewReplacer(`"`, `""`, `\`, `\\`).Replace(s) + `"`
	}
	return s
}
