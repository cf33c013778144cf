package exec

import (
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func inserted(out *catalog.Relation, names ...types.Value) *plan.Insert {
	v := &plan.Values{Fields: []plan.Field{{Type: types.Of(types.Int8)}, {Type: types.Of(types.Text)}}}
	for i, name := range names {
		v.Rows = append(v.Rows, []plan.Expr{number64(int64(i)), &plan.Const{Value: name}})
	}
	return &plan.Insert{Target: out, Columns: []int{0, 1}, Input: v}
}

// TestInsertsShareASink has a transaction write twice to a relation that lets no
// second writer in.
func TestInsertsShareASink(t *testing.T) {
	f := newFixture(t)
	out, other := f.stream("out"), f.stream("other")
	txn := f.Begin()
	for _, s := range []*plan.Insert{
		inserted(out, types.NewText("a"), types.NewText("b")), inserted(other, types.NewText("x")), inserted(out, types.NewText("c")),
	} {
		if _, err := txn.Exec(f.context(), &plan.Bound{Statement: s}, testEnv()); err != nil {
			t.Fatal(err)
		}
	}
	if err := txn.Commit(f.context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "out", f.topics.file("out").read(), []string{"0|a", "1|b", "0|c"})
	equal(t, "other", f.topics.file("other").read(), []string{"0|x"})
	if n := len(f.topics.file("out").opens()); n != 1 {
		t.Errorf("the sink was opened %d times, want once", n)
	}
}

// TestPartialFailure has one of a transaction's sinks fail, before and after the
// decision: the error says where the rows are.
func TestPartialFailure(t *testing.T) {
	f := newFixture(t)
	a, b, c := f.stream("a"), f.stream("b"), f.stream("c")
	insert := func(names ...*catalog.Relation) error {
		txn := f.Begin()
		for _, r := range names {
			if _, err := txn.Exec(f.context(), &plan.Bound{Statement: inserted(r, types.NewText("x"))}, testEnv()); err != nil {
				t.Fatal(err)
			}
		}
		return txn.Commit(f.context())
	}
	f.topics.file("b").failing("commit", 1)
	err := insert(a, b, c)
	want := "The transaction is committed. Its rows are in a, c and not in b."
	if e := sqlerr.From(err); err == nil || e.Detail != want || e.Message != `delivering rows to "b": commit failed` {
		t.Errorf("commit: %+v, want the detail %q", e, want)
	}
	equal(t, "a", f.topics.file("a").read(), []string{"0|x"})

	f.topics.file("a").lasts = true
	f.topics.file("b").failing("prepare", 1)
	err = insert(a, b, c)
	want = "The transaction is undone, but for rows that a may have taken already."
	if e := sqlerr.From(err); err == nil || e.Detail != want || e.Message != `writing to "b": prepare failed` {
		t.Errorf("prepare: %+v, want the detail %q", e, want)
	}
	equal(t, "c", f.topics.file("c").read(), []string{"0|x"})
}

// TestInsertGivesMemoryBack has INSERTs succeed, fail, and be rolled back.
func TestInsertGivesMemoryBack(t *testing.T) {
	f := newFixture(t)
	account := memory.New("the process", 0, memory.ProcessSetting)
	f.o.Memory = account
	out := *f.stream("out")
	out.Columns[1].NotNull = true
	f.exec(inserted(&out, types.NewText("a")))
	names := slices.Repeat([]types.Value{types.NewText("a")}, 3*vec.MaxRows)
	_, err := f.try(inserted(&out, append(names, types.NullOf(types.Of(types.Text)))...))
	if sqlerr.CodeOf(err) != sqlerr.NotNullViolation {
		t.Errorf("NULL: %v, want 23502", err)
	}
	f.topics.file("out").failing("prepare", 1)
	if _, err := f.try(inserted(&out, types.NewText("b"))); err == nil {
		t.Error("COMMIT succeeded, and its sink did not")
	}
	txn := f.Begin()
	mark := txn.Mark()
	for range 2 {
		if _, err := txn.Exec(f.context(), &plan.Bound{Statement: inserted(&out, types.NewText("c"))}, testEnv()); err != nil {
			t.Fatal(err)
		}
	}
	txn.RollbackTo(mark)
	txn.Rollback()
	if used := account.Used(); used != 0 {
		t.Errorf("%d bytes are held, and nothing runs", used)
	}
	equal(t, "out", f.topics.file("out").read(), []string{"0|a"})
}
