package table

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// whole holds a table's indexes against its rows: each row has its entries, and
// there are no others.
func whole(t testing.TB, tables *Tables, d *Desc) []account {
	t.Helper()
	s := tables.Latest()
	defer s.Close()
	rows, _ := read(t, s, d, ScanSpec{})
	byID := slices.Clone(rows)
	slices.SortFunc(byID, func(a, b account) int { return int(a.id - b.id) })
	byKey, _ := read(t, s, d, ScanSpec{Index: d.Relation.Table.Indexes[0]})
	if !slices.Equal(byID, byKey) {
		t.Errorf("the primary key has %d rows, the table %d", len(byKey), len(byID))
	}
	byN, _ := read(t, s, d, ScanSpec{Index: d.Relation.Table.Indexes[1]})
	if len(byN) != len(rows) || !slices.IsSortedFunc(byN, func(a, b account) int { return int(b.n - a.n) }) {
		t.Errorf("the index on n has %d rows, the table %d, or they are in no order", len(byN), len(rows))
	}
	slices.SortFunc(byN, func(a, b account) int { return int(a.id - b.id) })
	if !slices.Equal(byID, byN) {
		t.Error("the index on n has other rows than the table")
	}
	expect(t, "count", tables.Rows(d), int64(len(rows)))
	return byID
}

func retryable(err error) bool {
	code := sqlerr.CodeOf(err)
	return code == sqlerr.SerializationFailure || code == sqlerr.DeadlockDetected
}

func TestEightSessionsCount(t *testing.T) {
	for _, level := range []Isolation{ReadCommitted, RepeatableRead, Serializable} {
		tables := openTables(t, Options{})
		d := accounts(16384)
		x := tables.Begin()
		ok(t, insert(x, d, account{1, "counter", 0}))
		ok(t, x.Commit(t.Context(), nil))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 200 {
					for {
						x := tables.Begin()
						x.Isolation(level)
						err := change(t.Context(), x, d, 1, func(a account) account { a.n++; return a })
						if err == nil {
							err = x.Commit(t.Context(), nil)
						}
						x.Rollback()
						if err == nil {
							break
						}
						if level == ReadCommitted || !retryable(err) {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		all.Wait()
		rows := whole(t, tables, d)
		expect(t, fmt.Sprint("counted at level ", level), texts(rows), "1:counter:1600")
	}
}

// TestTransfers moves amounts between accounts from several goroutines, which
// insert and delete accounts too; every snapshot has the same sum.
func TestTransfers(t *testing.T) {
	for _, level := range []Isolation{ReadCommitted, RepeatableRead, Serializable} {
		t.Run(fmt.Sprint(level), func(t *testing.T) {
			dir := t.TempDir()
			s, err := state.Open(state.Options{Dir: dir})
			ok(t, err)
			tables, err := Open(s, Options{Budget: 64 << 10})
			ok(t, err)
			d := accounts(16384)
			x := tables.Begin()
			const count, sum = 300, 300 * 100
			for i := range int64(count) {
				ok(t, insert(x, d, account{i, fmt.Sprint("account ", i), 100}))
			}
			ok(t, x.Commit(t.Context(), nil))
			transfers(t, tables, d, level, sum)
			rows := whole(t, tables, d)
			ok(t, errors.Join(tables.Close(), s.Close()))

			s, err = state.Open(state.Options{Dir: dir})
			ok(t, err)
			tables, err = Open(s, Options{Budget: 32 << 10})
			ok(t, err)
			if again := whole(t, tables, d); !slices.Equal(rows, again) {
				t.Errorf("%d rows after a start, want %d", len(again), len(rows))
			}
			x = tables.Begin()
			ok(t, insert(x, d, account{count + 1000, "new", 0}))
			ok(t, x.Commit(t.Context(), nil))
			whole(t, tables, d)
			ok(t, errors.Join(tables.Close(), s.Close()))
		})
	}
}

func transfers(t *testing.T, tables *Tables, d *Desc, level Isolation, sum int64) {
	var writers, readers sync.WaitGroup
	var next atomic.Int64
	next.Store(1000)
	stop := make(chan struct{})
	for g := range 4 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 7))
			for range 100 {
				x := tables.Begin()
				x.Isolation(level)
				err := transfer(t.Context(), x, d, r, &next)
				if err == nil && r.IntN(8) > 0 {
					err = x.Commit(t.Context(), nil)
				}
				x.Rollback()
				if err != nil && !retryable(err) {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := tables.Latest()
				total := int64(0)
				rows, _ := read(t, s, d, ScanSpec{Index: d.Relation.Table.Indexes[1]})
				for _, a := range rows {
					total += a.n
				}
				s.Close()
				if total != sum {
					t.Errorf("a snapshot has the sum %d, want %d", total, sum)
					return
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

// transfer moves 1 from some account to another, or an account's all to a new one.
func transfer(ctx context.Context, x *Txn, d *Desc, r *rand.Rand, next *atomic.Int64) error {
	moved := int64(0)
	take := func(a account) account { moved = min(a.n, 1); a.n -= moved; return a }
	give := func(a account) account { a.n += moved; moved = 0; return a }
	m := x.Mark()
	if err := change(ctx, x, d, int64(r.IntN(300)), take); err != nil {
		return err
	}
	if r.IntN(5) == 0 {
		x.RollbackTo(m)
		moved = 0
	}
	if moved == 0 {
		return nil
	}
	if r.IntN(4) == 0 {
		return insert(x, d, account{next.Add(1), "made", moved})
	}
	if err := change(ctx, x, d, int64(r.IntN(300)), give); err != nil {
		return err
	}
	if moved != 0 {
		return errors.New("the account is not there")
	}
	return nil
}

func TestDeadlockIsFound(t *testing.T) {
	tables := openTables(t, Options{})
	d := accounts(16384)
	x := tables.Begin()
	ok(t, insert(x, d, account{1, "a", 0}, account{2, "b", 0}))
	ok(t, x.Commit(t.Context(), nil))
	one, two := tables.Begin(), tables.Begin()
	one.SetProcess(11)
	two.SetProcess(22)
	same := func(a account) account { a.n++; return a }
	ok(t, change(t.Context(), one, d, 1, same))
	ok(t, change(t.Context(), two, d, 2, same))
	done := make(chan error, 1)
	go func() { done <- change(t.Context(), one, d, 2, same) }()
	waiting(t, one)
	err := change(t.Context(), two, d, 1, same)
	var e *sqlerr.Error
	if !errors.As(err, &e) || e.Code != sqlerr.DeadlockDetected {
		t.Fatalf("%v, want 40P01", err)
	}
	want := "Process 22 waits for ExclusiveLock on tuple (0,1) of relation 16384 of database 1; blocked by process 11.\n" +
		"Process 11 waits for ExclusiveLock on tuple (0,2) of relation 16384 of database 1; blocked by process 22."
	expect(t, "detail", e.Detail, want)
	two.Rollback()
	ok(t, <-done)
	ok(t, one.Commit(t.Context(), nil))
	expect(t, "rows", latest(t, tables, d, ScanSpec{}), "1:a:1 2:b:1")
}

// waiting returns when a transaction waits for a lock.
func waiting(t *testing.T, x *Txn) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		x.t.locks.mu.Lock()
		waits := x.owner.wants != nil
		x.t.locks.mu.Unlock()
		if waits {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not wait")
		}
	}
}

func TestLockPolicies(t *testing.T) {
	tables := openTables(t, Options{})
	d := accounts(16384)
	x := tables.Begin()
	ok(t, insert(x, d, account{1, "a", 0}, account{2, "b", 0}))
	ok(t, x.Commit(t.Context(), nil))
	one, two := tables.Begin(), tables.Begin()
	defer two.Rollback()
	ok(t, change(t.Context(), one, d, 1, func(a account) account { return a }))
	s := two.Statement()
	_, ids := read(t, s, d, ScanSpec{})
	results := make([]LockResult, 2)
	ok(t, two.Lock(t.Context(), s, d, ids, ForUpdate, Skip, results))
	expect(t, "skip locked", fmt.Sprint(results), fmt.Sprint([]LockResult{LockSkipped, LockOK}))
	err := two.Lock(t.Context(), s, d, ids, ForUpdate, NoWait, results)
	expect(t, "nowait", sqlerr.CodeOf(err), sqlerr.LockNotAvailable)
	two.SetLockTimeout(time.Millisecond)
	err = two.Lock(t.Context(), s, d, ids, ForUpdate, Block, results)
	expect(t, "lock_timeout", sqlerr.CodeOf(err), sqlerr.LockNotAvailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	two.SetLockTimeout(0)
	err = two.Lock(ctx, s, d, ids, ForUpdate, Block, results)
	expect(t, "cancelled", errors.Is(err, context.Canceled), true)
	ok(t, one.Commit(t.Context(), nil))
	ok(t, two.Lock(t.Context(), s, d, ids, ForUpdate, Block, results))
	expect(t, "after its commit", fmt.Sprint(results), fmt.Sprint([]LockResult{LockChanged, LockOK}))
}

// TestKeyOfAnother: an insert of a key that another transaction has inserted, or
// deleted, waits for that.
func TestKeyOfAnother(t *testing.T) {
	tables := openTables(t, Options{})
	d := accounts(16384)
	for _, commits := range []bool{true, false} {
		one, two := tables.Begin(), tables.Begin()
		id := int64(7)
		ok(t, insert(one, d, account{id, "a", 0}))
		done := make(chan error, 1)
		go func() { done <- insert(two, d, account{id, "b", 0}) }()
		waiting(t, two)
		if commits {
			ok(t, one.Commit(t.Context(), nil))
			expect(t, "the second insert", sqlerr.CodeOf(<-done), sqlerr.UniqueViolation)
			x := tables.Begin()
			s := x.Statement()
			_, ids := read(t, s, d, ScanSpec{})
			ok(t, x.Lock(t.Context(), s, d, ids, ForUpdate, Block, make([]LockResult, 1)))
			ok(t, x.Delete(t.Context(), s, d, ids, nil))
			ok(t, x.Commit(t.Context(), nil))
		} else {
			one.Rollback()
			ok(t, <-done)
		}
		two.Rollback()
	}
	expect(t, "rows", latest(t, tables, d, ScanSpec{}), "")
}

func TestInsertUnless(t *testing.T) {
	tables := openTables(t, Options{})
	d := accounts(16384)
	x := tables.Begin()
	ok(t, insert(x, d, account{1, "a", 0}, account{2, "b", 0}))
	ok(t, x.Commit(t.Context(), nil))
	x = tables.Begin()
	s := x.Statement()
	inserted, ids, err := x.InsertUnless(t.Context(), s, d, columns([]account{{2, "x", 1}, {3, "c", 1}, {3, "y", 1}}), 3, nil)
	ok(t, err)
	expect(t, "inserted", fmt.Sprint(inserted), "[false true false]")
	expect(t, "the row in the way of the third is the second", ids[2], ids[1])
	expect(t, "touched", fmt.Sprint(x.Touched(s, d, ids[0]), x.Touched(s, d, ids[2])), "false true")
	ok(t, x.Commit(t.Context(), nil))
	expect(t, "rows", latest(t, tables, d, ScanSpec{}), "1:a:0 2:b:0 3:c:1")
}

// TestWriteSkew: two transactions that each read what the other writes.
func TestWriteSkew(t *testing.T) {
	for level, fails := range map[Isolation]bool{RepeatableRead: false, Serializable: true} {
		tables := openTables(t, Options{})
		d := accounts(16384)
		x := tables.Begin()
		ok(t, insert(x, d, account{1, "a", 1}, account{2, "b", 1}))
		ok(t, x.Commit(t.Context(), nil))
		one, two := tables.Begin(), tables.Begin()
		for _, x := range []*Txn{one, two} {
			x.Isolation(level)
			rows, _ := read(t, x.Statement(), d, ScanSpec{})
			expect(t, "both read", texts(rows), "1:a:1 2:b:1")
		}
		zero := func(a account) account { a.n = 0; return a }
		ok(t, change(t.Context(), one, d, 1, zero))
		ok(t, change(t.Context(), two, d, 2, zero))
		ok(t, one.Commit(t.Context(), nil))
		err := two.Commit(t.Context(), nil)
		expect(t, fmt.Sprint("the second fails at level ", level), retryable(err), fails)
	}
}
