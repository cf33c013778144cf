package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// accounts is a table (id bigint primary key, name text, n bigint) with an index
// on n that goes down.
func accounts(storage uint32) *Desc {
	return Describe(&catalog.Relation{
		OID: types.OID(storage), Schema: "public", Name: "accounts", Kind: catalog.Table,
		Columns: []catalog.Column{
			{Name: "id", Type: types.Of(types.Int8), NotNull: true, Attr: 1},
			{Name: "name", Type: types.Of(types.Text), Attr: 2},
			{Name: "n", Type: types.Of(types.Int8), Attr: 3},
		},
		Table: &catalog.TableInfo{Storage: storage, Attrs: 3, Indexes: []*catalog.Index{
			{OID: types.OID(storage + 1), Name: "accounts_pkey", Storage: storage + 1, Unique: true, Primary: true, Constraint: true,
				Keys: []catalog.IndexKey{{Column: 0, Type: types.Of(types.Int8)}}},
			{OID: types.OID(storage + 2), Name: "accounts_n_idx", Storage: storage + 2,
				Keys: []catalog.IndexKey{{Column: 2, Type: types.Of(types.Int8), Desc: true, NullsFirst: true}}},
		}},
	})
}

func openTables(t testing.TB, o Options) *Tables {
	t.Helper()
	s, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(tables.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return tables
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type account struct {
	id   int64
	name string
	n    int64
}

func columns(rows []account) []vec.Vec {
	id, name, n := &vec.Fixed[int64]{}, &vec.Bytes{}, &vec.Fixed[int64]{}
	for _, r := range rows {
		id.Append(r.id)
		name.AppendString(r.name)
		n.Append(r.n)
	}
	return []vec.Vec{id, name, n}
}

func insert(x *Txn, d *Desc, rows ...account) error {
	s := x.Statement()
	defer s.Close()
	_, err := x.Insert(context.Background(), s, d, columns(rows), len(rows))
	return err
}

// read is what a scan delivers, and the row ids.
func read(t testing.TB, s *Snapshot, d *Desc, spec ScanSpec) (rows []account, ids []int64) {
	t.Helper()
	spec.Columns = []int{3, 0, 1, 2}
	c := s.Scan(d, spec)
	defer c.Close()
	b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Int8), types.Of(types.Text), types.Of(types.Int8)})
	for {
		b.Reset()
		err := c.Next(context.Background(), b)
		if errors.Is(err, io.EOF) {
			return rows, ids
		}
		ok(t, err)
		for i := range b.Rows {
			ids = append(ids, b.Cols[0].(*vec.Fixed[int64]).Values[i])
			rows = append(rows, account{
				b.Cols[1].(*vec.Fixed[int64]).Values[i], string(b.Cols[2].(*vec.Bytes).At(i)), b.Cols[3].(*vec.Fixed[int64]).Values[i],
			})
		}
	}
}

// TestPagesOfAGroupOfSerializable: a page that one transaction of a group has changed,
// which the next one's check has looked at and which that has changed again, is written
// as it is in the end.
func TestPagesOfAGroupOfSerializable(t *testing.T) {
	s, err := state.Open(state.Options{InMemory: true})
	ok(t, err)
	defer s.Close()
	tables, err := Open(s, Options{})
	ok(t, err)
	d := accounts(16384)
	var want []string
	for round := range int64(12) {
		group := make([]*commit, 4)
		for i := range group {
			x := tables.Begin()
			x.Isolation(Serializable)
			read := x.Statement()
			if n, _ := readAt(t, read, d, -1-round); n != 0 {
				t.Fatalf("%d rows of a key that is not there", n)
			}
			read.Close()
			id := 10*round + int64(i)
			ok(t, insert(x, d, account{id, "a", 0}))
			want = append(want, fmt.Sprintf("%d:a:0", id))
			group[i] = &commit{x: x, turn: make(chan bool, 1)}
		}
		tables.commitGroup(group)
		for _, c := range group {
			ok(t, c.err)
			c.x.end()
		}
		ok(t, tables.flush())
		again, err := Open(s, Options{})
		ok(t, err)
		expect(t, fmt.Sprint("after a start, round ", round), texts(whole(t, again, d)), strings.Join(want, " "))
		again.release(again.current)
	}
	ok(t, tables.Close())
}

// readAt reads a key.
func readAt(t testing.TB, s *Snapshot, d *Desc, id int64) (int, []int64) {
	rows, ids := read(t, s, d, ScanSpec{Index: d.Relation.Table.Indexes[0], Points: point(id)})
	return len(rows), ids
}

func texts(rows []account) string {
	var all []string
	for _, r := range rows {
		all = append(all, fmt.Sprintf("%d:%s:%d", r.id, r.name, r.n))
	}
	return strings.Join(all, " ")
}

func latest(t testing.TB, tables *Tables, d *Desc, spec ScanSpec) string {
	t.Helper()
	s := tables.Latest()
	defer s.Close()
	rows, _ := read(t, s, d, spec)
	return texts(rows)
}

func expect[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func point(ids ...int64) [][]types.Value {
	var all [][]types.Value
	for _, id := range ids {
		all = append(all, []types.Value{types.NewInt(types.Int8, id)})
	}
	return all
}

// change changes one account, as an UPDATE does: it locks the row, and looks at it
// as it is then.
func change(ctx context.Context, x *Txn, d *Desc, id int64, f func(account) account) error {
	s := x.Statement()
	defer s.Close()
	index := ScanSpec{Columns: []int{3, 0, 1, 2}, Index: d.Relation.Table.Indexes[0], Points: point(id)}
	b := vec.NewBatch([]types.Type{types.Of(types.Int8), types.Of(types.Int8), types.Of(types.Text), types.Of(types.Int8)})
	if err := s.Scan(d, index).Next(ctx, b); err != nil {
		return err
	}
	ids := slices.Clone(b.Cols[0].(*vec.Fixed[int64]).Values)
	results := make([]LockResult, 1)
	if err := x.Lock(ctx, s, d, ids, ForUpdate, Block, results); err != nil {
		return err
	}
	if results[0] == LockGone || results[0] == LockSelf {
		return nil
	}
	b.Reset()
	if err := s.Scan(d, ScanSpec{Columns: []int{3, 0, 1, 2}, RowIDs: ids, Latest: true}).Next(ctx, b); err != nil {
		return err
	}
	was := account{b.Cols[1].(*vec.Fixed[int64]).Values[0], string(b.Cols[2].(*vec.Bytes).At(0)), b.Cols[3].(*vec.Fixed[int64]).Values[0]}
	_, err := x.Update(ctx, s, d, ids, columns([]account{f(was)}), nil)
	return err
}

func TestTransactionSeesItsOwnWrites(t *testing.T) {
	tables := openTables(t, Options{})
	d := accounts(16384)
	x := tables.Begin()
	before := x.Statement()
	ok(t, insert(x, d, account{1, "a", 10}, account{2, "b", 20}, account{3, "c", 30}))
	rows, _ := read(t, before, d, ScanSpec{})
	expect(t, "an earlier statement", texts(rows), "")
	now := x.Statement()
	rows, _ = read(t, now, d, ScanSpec{})
	expect(t, "a later one", texts(rows), "1:a:10 2:b:20 3:c:30")
	rows, _ = read(t, now, d, ScanSpec{Index: d.Relation.Table.Indexes[1]})
	expect(t, "by the index that goes down", texts(rows), "3:c:30 2:b:20 1:a:10")
	rows, _ = read(t, now, d, ScanSpec{Index: d.Relation.Table.Indexes[1], Backward: true})
	expect(t, "backward", texts(rows), "1:a:10 2:b:20 3:c:30")
	expect(t, "others", latest(t, tables, d, ScanSpec{}), "")
	ok(t, x.Commit(t.Context(), nil))
	expect(t, "others, after the commit", latest(t, tables, d, ScanSpec{}), "1:a:10 2:b:20 3:c:30")
	expect(t, "points", latest(t, tables, d, ScanSpec{Index: d.Relation.Table.Indexes[0], Points: point(3, 1, 7, 3)}), "1:a:10 3:c:30")
	expect(t, "rows", tables.Rows(d), 3)

	x = tables.Begin()
	ok(t, change(t.Context(), x, d, 2, func(a account) account { a.n = 5; a.name = "z"; return a }))
	m := x.Mark()
	ok(t, insert(x, d, account{4, "d", 40}))
	x.RollbackTo(m)
	s := x.Statement()
	rows, _ = read(t, s, d, ScanSpec{Index: d.Relation.Table.Indexes[1]})
	expect(t, "after a savepoint", texts(rows), "3:c:30 1:a:10 2:z:5")
	x.Rollback()
	expect(t, "after the rollback", latest(t, tables, d, ScanSpec{Index: d.Relation.Table.Indexes[1]}), "3:c:30 2:b:20 1:a:10")
}

func TestUniqueViolation(t *testing.T) {
	tables := openTables(t, Options{})
	d := accounts(16384)
	x := tables.Begin()
	ok(t, insert(x, d, account{1, "a", 10}))
	ok(t, x.Commit(t.Context(), nil))
	for _, rows := range [][]account{{{1, "b", 1}}, {{7, "b", 1}, {7, "c", 2}}} {
		x = tables.Begin()
		err := insert(x, d, rows...)
		var e *sqlerr.Error
		if !errors.As(err, &e) || e.Code != sqlerr.UniqueViolation {
			t.Fatalf("%v, want 23505", err)
		}
		expect(t, "message", e.Message, `duplicate key value violates unique constraint "accounts_pkey"`)
		expect(t, "detail", e.Detail, fmt.Sprintf("Key (id)=(%d) already exists.", rows[0].id))
		expect(t, "names", e.Schema+" "+e.Table+" "+e.Constraint, "public accounts accounts_pkey")
		x.Rollback()
	}
}

func TestDeleteFreesTheKey(t *testing.T) {
	tables := openTables(t, Options{})
	d := accounts(16384)
	x := tables.Begin()
	ok(t, insert(x, d, account{1, "a", 10}))
	ok(t, x.Commit(t.Context(), nil))
	x = tables.Begin()
	s := x.Statement()
	_, ids := read(t, s, d, ScanSpec{})
	ok(t, x.Lock(t.Context(), s, d, ids, ForUpdate, Block, make([]LockResult, 1)))
	ok(t, x.Delete(t.Context(), s, d, ids, nil))
	results := make([]LockResult, 1)
	ok(t, x.Lock(t.Context(), s, d, ids, ForUpdate, Block, results))
	expect(t, "locking it again in the statement", results[0], LockSelf)
	ok(t, insert(x, d, account{1, "b", 11}))
	ok(t, x.Commit(t.Context(), nil))
	expect(t, "rows", latest(t, tables, d, ScanSpec{}), "1:b:11")
	expect(t, "by key", latest(t, tables, d, ScanSpec{Index: d.Relation.Table.Indexes[0]}), "1:b:11")
	expect(t, "count", tables.Rows(d), 1)
}
