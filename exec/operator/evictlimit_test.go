package operator

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// limited is an operator that keepsTheLimit plays to.
type limited struct {
	*keeper
	account *memory.Account
	op      Kept
	stores  bool // false: all is held, and nothing is stored
	wanted  bool // the operator holds far too much
}

// keepsTheLimit plays the same twice: to an operator that holds all, which is so many times
// the limit at least, and to one that is stored and takes one and a half times the limit at
// most. Both give as many rows. play begins with begin.
func keepsTheLimit(t *testing.T, most, times int64, play func(l *limited) (rows int)) {
	t.Helper()
	withoutRace(t)
	run := func(account *memory.Account, stores bool) int {
		t.Helper()
		l := &limited{keeper: newKeeper(t), account: account, stores: stores}
		l.crowded = func() { l.wanted = true }
		rows := play(l)
		if err := l.op.Close(); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	free, account := memory.New("free", 0, ""), evicting(most)
	want := run(free, false)
	if got := run(account, true); got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
	if free.Peak() < times*most {
		t.Errorf("all of it takes %d bytes, which is little", free.Peak())
	}
	if account.Peak() > most*3/2 {
		t.Errorf("%d bytes were held, the limit is %d", account.Peak(), most)
	}
	t.Logf("held %d of %d, without a limit %d", account.Peak(), most, free.Peak())
}

func (l *limited) begin(op Kept) {
	l.Helper()
	l.op = op
	l.keep(op, 0)
}

func (l *limited) process(input int, b *vec.Batch, out Output) {
	l.Helper()
	if err := l.op.Process(l.Context(), input, b, out); err != nil {
		l.Fatal(err)
	}
}

func (l *limited) advance(t int64, out Output) {
	l.Helper()
	if err := l.op.Watermark(l.Context(), t, out); err != nil {
		l.Fatal(err)
	}
}

// due reports whether an epoch is to end: at a time, or because the operator asks for it.
func (l *limited) due(time bool) bool {
	due := time || l.wanted
	l.wanted = false
	return due
}

// store stores what an epoch has changed.
func (l *limited) store() {
	l.Helper()
	if l.stores {
		l.save(l.op)
	}
}

// TestKeyPastTheLimit: a key of which more has to be in memory than there is room for ends
// an operator at the limit, with the figure and the setting.
func TestKeyPastTheLimit(t *testing.T) {
	withoutRace(t)
	in := []types.Type{types.Of(types.Int8), types.Of(types.Timestamptz), types.Of(types.Text)}
	for _, c := range []struct {
		name string
		op   func(account *memory.Account) Kept
	}{
		{"join of changes", func(account *memory.Account) Kept {
			return joinOf(plan.JoinInner, in, "$0", "", [2]bool{true, true}, account)
		}},
		{"interval join", func(account *memory.Account) Kept {
			s := IntervalJoinSpec{Kind: plan.JoinInner, Types: [2][]types.Type{in, in}, KeyTypes: in[:1], Before: 1e9, After: 1e9, Account: account}
			for i := range 2 {
				s.Times[i], s.Keys[i] = binder{in}.program("$1"), programs(binder{in}, []string{"$0"})
			}
			return NewIntervalJoin(s)
		}},
		{"sessions", func(account *memory.Account) Kept {
			return NewSessionAggregate(SessionAggregateSpec{
				Partition: programs(binder{in}, []string{"$0"}), PartitionTypes: in[:1], Time: binder{in}.program("$1"), TimeType: in[1], Gap: 1, Final: true,
				Keys: []int{0}, Calls: combiningCalls(binder{in}, []string{"max($2)"}, account), Account: account,
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := memory.New("the job", 1<<20, "state.memory_limit_mb")
			op, keep := c.op(job.Evictable("an operator")), newKeeper(t)
			keep.keep(op, 0)
			for n := range 300 {
				b := vec.NewBatch(in)
				for i := range vec.MaxRows {
					vec.Append(b.Cols[0], types.NewInt(types.Int8, 1))
					vec.Append(b.Cols[1], types.NewInt(types.Timestamptz, 10*int64(n*vec.MaxRows+i)))
					vec.Append(b.Cols[2], types.NewText(strings.Repeat("v", 100)))
					b.Rows++
				}
				err := op.Process(t.Context(), 0, b, discard{})
				if err == nil {
					if err = op.Barrier(t.Context(), 1, discard{}); err != nil {
						t.Fatal(err)
					}
					keep.save(op)
					continue
				}
				if e := sqlerr.From(err); e.Code != sqlerr.OutOfMemory || !strings.Contains(e.Detail, "state.memory_limit_mb = 1") {
					t.Errorf("it fails with %v", err)
				}
				if n < 10 {
					t.Errorf("it fails after %d batches", n)
				}
				if err := op.Close(); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("it holds %d bytes", job.Used())
		})
	}
}
