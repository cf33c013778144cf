package exec

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func constant(v types.Value) plan.Expr { return &plan.Const{Value: v} }

// TestSingle runs plans that need no coroutine.
func TestSingle(t *testing.T) {
	f := newFixture(t)
	none := &plan.Values{Rows: [][]plan.Expr{{}}}
	one, null := constant(types.NewInt(types.Int8, 1)), constant(types.NullOf(types.Of(types.Text)))
	sum := call("+", one, one)
	for name, c := range map[string]struct {
		root             plan.Node
		single, constant bool
		rows             int
	}{
		"constants":        {project(none, one, null), true, true, 1},
		"an expression":    {project(none, sum), true, false, 1},
		"a false filter":   {&plan.Filter{Input: project(none, one), Cond: constant(types.NewBool(false))}, true, false, 0},
		"two rows":         {&plan.Values{Rows: [][]plan.Expr{{one}, {one}}, Fields: []plan.Field{{Name: "a", Type: types.Of(types.Int8)}}}, false, false, 2},
		"a literal VALUES": {&plan.Values{Rows: [][]plan.Expr{{one}}, Fields: []plan.Field{{Name: "a", Type: types.Of(types.Int8)}}}, true, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := single(c.root); got != c.single {
				t.Errorf("single = %v, want %v", got, c.single)
			}
			if got := (&plan.Query{Root: c.root}).Literals() != nil; got != c.constant {
				t.Errorf("literals = %v, want %v", got, c.constant)
			}
			txn := f.Begin()
			defer txn.Rollback()
			cursor, err := txn.Query(context.Background(), &plan.Query{Root: c.root}, &function.Env{Context: context.Background(), Format: types.DefaultFormat()})
			if err != nil {
				t.Fatal(err)
			}
			defer cursor.Close()
			rows := 0
			for {
				b, err := cursor.Next(context.Background())
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := vec.Get(b.Cols[0], 0, types.Of(types.Int8)); got.Null || got.I < 1 {
					t.Errorf("the first column is %+v", got)
				}
				rows += b.Len()
			}
			if rows != c.rows {
				t.Errorf("%d rows, want %d", rows, c.rows)
			}
			if _, err := cursor.Next(context.Background()); !errors.Is(err, io.EOF) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

func TestSingleIsCancelled(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	txn := f.Begin()
	defer txn.Rollback()
	cursor, err := txn.Query(ctx, &plan.Query{Root: project(&plan.Values{Rows: [][]plan.Expr{{}}}, constant(types.NewInt(types.Int8, 1)))}, &function.Env{Context: ctx, Format: types.DefaultFormat()})
	if err != nil {
		t.Fatal(err)
	}
	defer cursor.Close()
	if _, err := cursor.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled query answered: %v", err)
	}
}
