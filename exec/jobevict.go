package exec

import (
	"time"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// StateSetting is the job's option that says how much of its state is in memory.
const StateSetting = "state.memory_limit_mb"

// stateAccount makes the account of the job's operators. What cannot be evicted may
// hold as much as the job says, or as a query may where that is more.
func (l *life) stateAccount() *memory.Account {
	e, most := l.j.e, l.settings.stateMemory
	limit, setting := e.o.QueryMemory, memory.QuerySetting
	if limit > 0 && most > limit {
		limit, setting = most, StateSetting
	}
	a := e.o.Memory.Child("job "+l.j.def.Name, limit, setting)
	if most >= 0 {
		a.EvictAbove(most)
	}
	return a
}

// evicts reports whether an aggregate of a job can hold less than all of its groups:
// what its calls have of a group has to be small.
func (b *builder) evicts(n *plan.AggregateNode, use callUse) (bool, error) {
	if len(n.Keys) == 0 || n.Always != nil {
		return false, nil
	}
	for _, c := range n.Calls {
		if c.Distinct || len(c.OrderBy) > 0 {
			return false, nil
		}
		if rows, err := b.keepsRows(c, use); rows || err != nil {
			return false, err
		}
	}
	return true, nil
}

// aggregateHolder is the account of an aggregate n, which is part of the node given.
func (b *builder) aggregateHolder(t *tree, n *plan.AggregateNode, part plan.Node, use callUse) (*memory.Account, error) {
	some, err := b.evicts(n, use)
	if err != nil {
		return nil, err
	}
	if some {
		return b.evicter(t, part), nil
	}
	return b.holder(t, part), nil
}

// valuesHolder is the account of what the DISTINCT calls of an aggregate have seen; nil:
// there are none, or their values stay in memory with the groups.
func (b *builder) valuesHolder(t *tree, n *plan.AggregateNode, use callUse) (*memory.Account, error) {
	if b.task == nil || !b.keepsGroups(n, use) {
		return nil, nil
	}
	for _, c := range n.Calls {
		if rows, err := b.keepsRows(c, use); err != nil {
			return nil, err
		} else if evictsValues(c, rows) {
			return b.evicter(t, n), nil
		}
	}
	return nil, nil
}

// keepsGroups reports whether no group of an aggregate, or of one of its windows, goes while
// others stay: values that are elsewhere know their groups by their numbers, so those of
// groups that are gone could not be used again.
func (b *builder) keepsGroups(n *plan.AggregateNode, use callUse) bool {
	if n.Closing == nil {
		return b.retention().For == 0 && (!use.retracts || len(n.Keys) == 0)
	}
	bounds := 1 // among the keys
	if n.Closing.Start >= 0 && !startsDiffer(plan.Derive(n.Input).Window) {
		bounds++
	}
	return !use.retracts || len(n.Keys) == bounds
}

// evicter returns an account for an operator that, in a job, can evict what it holds,
// whether or not its rows end: elsewhere it is holder's.
func (b *builder) evicter(t *tree, n plan.Node) *memory.Account {
	if !b.live || b.task == nil {
		return b.holder(t, n)
	}
	a := b.account.Evictable("an operator")
	t.holders = append(t.holders, holder{n, a})
	return a
}

// distinctHolder is evicter for what keeps all of its rows where those end.
func (b *builder) distinctHolder(t *tree, n plan.Node) *memory.Account {
	if plan.Derive(n).Bounded {
		return b.holder(t, n)
	}
	return b.evicter(t, n)
}

// evict lets an operator that is kept read back what it has not in memory.
func (l *life) evict(t *task, k keptOperator) {
	x, ok := k.op.(operator.Evicting)
	if !ok {
		return
	}
	number := k.number
	x.Evict(operator.Evictions{
		Read: func() operator.StateReader {
			return operator.StateReader{Snapshot: l.j.e.o.Store.Snapshot(l.j.id), Job: l.j.id, Operator: number, Shard: l.layout.shard(t.number)}
		},
		Crowded: l.crowd,
	})
}

// crowd asks for the end of the epoch: memory is short.
func (l *life) crowd() {
	l.crowded.Store(true) // before the goroutine of the life is woken
	l.j.hurryUp()
}

// keptState is what is known of a job's state.
type keptState struct {
	bytes   int64         // in memory
	evicted int64         // groups that are in the store alone
	took    time.Duration // the last checkpoint, from its barrier until it was committed
	stalled time.Duration // how long it held rows back
}

// holds is what the operators hold. Nobody else has them.
func (l *life) holds() keptState {
	k := keptState{bytes: l.account.Used()}
	for _, t := range l.tasks {
		for _, o := range t.kept {
			if x, ok := o.op.(operator.Evicting); ok {
				k.evicted += x.Evicted()
			}
		}
	}
	return k
}

// operatorsCommitted says to those operators that want to know that what they saved
// is committed. Nobody else has them.
func (l *life) operatorsCommitted() {
	for _, t := range l.tasks {
		for _, k := range t.kept {
			if x, ok := k.op.(operator.Evicting); ok {
				x.Committed()
			}
		}
	}
}
