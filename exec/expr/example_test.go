package expr

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func testEnv() *function.Env {
	f := types.DefaultFormat()
	now := time.Date(2024, 2, 29, 12, 30, 45, 678901000, time.UTC).UnixMicro() + types.UnixEpoch
	f.Now = now
	f.RegIn = func(oid types.OID, name string) (types.OID, error) {
		if info, ok := types.ByName(name); ok && oid == types.Regtype {
			return info.OID, nil
		}
		return 0, sqlerr.Errorf(sqlerr.UndefinedTable, "relation %q does not exist", name)
	}
	f.RegOut = func(oid, id types.OID) (string, bool) {
		return types.FormatType(types.Of(id)), oid == types.Regtype
	}
	return &function.Env{Format: f, SearchPath: []string{"public"}, User: "ferris", Database: "ferris", TransactionTime: now, StatementTime: now}
}

// needsGateway are the functions whose examples need what only a gateway has: a
// session, its connection, names of relations. compat-tests/expr runs them there.
var needsGateway = map[string]bool{
	"current_query": true, "system_user": true, "inet_client_addr": true, "inet_client_port": true, "inet_server_addr": true, "inet_server_port": true,
	"pg_cancel_backend": true, "pg_notify": true, "pg_notification_queue_usage": true, "pg_terminate_backend": true, "setseed": true, "pg_get_functiondef": true, "pg_get_viewdef": true,
	"to_regclass": true, "to_regnamespace": true, "to_regrole": true, "to_regproc": true, "to_regprocedure": true,
	"enum_eq": true, "enum_ne": true, "enum_lt": true, "enum_le": true, "enum_gt": true, "enum_ge": true, "enum_cmp": true,
	"enum_smaller": true, "enum_larger": true, "enum_first": true, "enum_last": true, "enum_range": true,
	"nextval": true, "currval": true, "lastval": true, "setval": true,
	"to_regoper": true, "to_regoperator": true, "to_regcollation": true,
}

// locksAdvisory are the functions that take advisory locks.
func locksAdvisory(name string) bool { return strings.Contains(name, "advisory_") }

// asksPrivilege are the functions about roles and objects of a catalog.
func asksPrivilege(name string) bool {
	return strings.HasPrefix(name, "has_") && strings.HasSuffix(name, "_privilege") || name == "pg_has_role"
}

// TestExamples runs every example three times: with its literals as constants,
// which are folded; as columns, over rows of which others are NULL; and over a
// selection of those.
func TestExamples(t *testing.T) {
	for _, d := range function.All() {
		if d.Func.Kind != catalog.Scalar || d.Func.Set || needsGateway[d.Func.Name] || locksAdvisory(d.Func.Name) || asksPrivilege(d.Func.Name) {
			continue
		}
		for _, ex := range d.Examples {
			t.Run(ex.SQL, func(t *testing.T) {
				env := testEnv()
				if got := outcome(func() (string, error) { return evalConst(t, ex.SQL, env) }); got != ex.Text {
					t.Errorf("%s = %s, want %s", ex.SQL, got, ex.Text)
				}
				for _, sel := range [][]int32{nil, {1}, {1, 3}} {
					if got := outcome(func() (string, error) { return evalColumns(t, ex.SQL, env, sel) }); got != ex.Text {
						t.Errorf("%s over columns, selection %v = %s, want %s", ex.SQL, sel, got, ex.Text)
					}
				}
			})
		}
	}
}

// TestEveryFunctionHasAnExample that calls it.
func TestEveryFunctionHasAnExample(t *testing.T) {
	for _, d := range function.All() {
		if len(d.Examples) == 0 {
			t.Errorf("function %s%v has no example", d.Func.Name, d.Func.Args)
		}
		if d.Func.Kind != catalog.Scalar || d.Func.Set || needsGateway[d.Func.Name] {
			continue
		}
		for _, ex := range d.Examples {
			func() {
				defer func() {
					if p := recover(); p != nil {
						if _, ok := p.(error); !ok {
							t.Errorf("%s: %v", ex.SQL, p)
						}
					}
				}()
				if !calls(readSQL(t, ex.SQL, testEnv(), nil), d.Func) {
					t.Errorf("%s does not call %s%v", ex.SQL, d.Func.Name, d.Func.Args)
				}
			}()
		}
	}
}

// calls reports whether an expression calls f.
func calls(e plan.Expr, f *catalog.Function) bool {
	found := false
	plan.Walk(e, func(e plan.Expr) bool {
		switch e := e.(type) {
		case *plan.Call:
			found = found || e.Func == f
		case *plan.AnyAll:
			found = found || e.Op == f
		}
		return !found
	})
	return found
}

// outcome is a value's text, or ERROR and the SQLSTATE; what the reader of SQL
// panics with is an error of the statement where it is one.
func outcome(f func() (string, error)) (s string) {
	defer func() {
		p := recover()
		if err, ok := p.(*sqlerr.Error); ok {
			s = "ERROR " + string(err.Code)
		} else if p != nil {
			s = fmt.Sprintf("PANIC %v", p)
		}
	}()
	s, err := f()
	if err != nil {
		if sqlerr.CodeOf(err) == sqlerr.InternalError {
			return "ERROR " + err.Error()
		}
		return "ERROR " + string(sqlerr.CodeOf(err))
	}
	return s
}

func evalConst(t *testing.T, sql string, env *function.Env) (string, error) {
	e := readSQL(t, sql, env, nil)
	v, err := Eval(e, env)
	if err != nil {
		return "", err
	}
	return show(v, env), nil
}

func show(v types.Value, env *function.Env) string {
	if v.Null {
		return "NULL"
	}
	if v.Type.OID == types.Void {
		return ""
	}
	return string(types.AppendText(nil, v, env.Format))
}

// evalColumns makes a column of every literal: row 1 holds it, the others NULL.
func evalColumns(t *testing.T, sql string, env *function.Env, sel []int32) (string, error) {
	b := &vec.Batch{Rows: 4}
	e := readSQL(t, sql, env, func(v types.Value) plan.Expr {
		col := vec.New(v.Type)
		for row := range b.Rows {
			if row == 1 {
				vec.Append(col, v)
			} else {
				vec.AppendNull(col)
			}
		}
		b.Cols = append(b.Cols, col)
		return &plan.Column{Index: len(b.Cols) - 1, Typ: v.Type}
	})
	p, err := Compile(e, env)
	if err != nil {
		return "", err
	}
	for range 2 { // the second run finds used buffers
		v, errs := p.Run(b, sel)
		if v.Len() != b.Rows {
			return "", fmt.Errorf("%d rows, want %d", v.Len(), b.Rows)
		}
		if err := errs.At(1); err != nil {
			return "", err
		}
		if t := show(vec.Get(v, 1, e.Type()), env); strings.Contains(t, "\x00") {
			return t, nil
		}
	}
	v, _ := p.Run(b, sel)
	return show(vec.Get(v, 1, e.Type()), env), nil
}
