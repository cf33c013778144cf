package exec

import (
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// A job that has got another number of tasks begins with what its operators had stored
// divided among the tasks that there are. What of an operator fits is brought into memory,
// and the first epoch stores it as it lies then. What does not is brought there slice by
// slice, of the hashes of keys, and each goes out to the store before the next comes: under
// shards of the new division, at which nobody looks until the first epoch says that it is
// the one that counts. A start before that begins the division anew.

// division divides what is stored of operators among the tasks that there are.
type division struct {
	life  *life
	sn    *state.Snapshot
	bytes map[uint32]int64 // that the store has of each operator
}

// stateGrowth is how many times as many bytes a state may take in memory as in the
// store, and slicePart how much of what an operator may hold a slice of it should.
const (
	stateGrowth = 10
	slicePart   = 0.2
)

// mostSlices bounds the slices of a state to its power of two, and leastSlices are those
// where as little of it as can be is to be in memory.
const (
	mostSlices  = 10
	leastSlices = 2
)

// division begins to divide, where that has to be done: what one that did not come to its
// end has left goes.
func (l *life) division(sn *state.Snapshot) (*division, error) {
	d := &division{life: l, sn: sn, bytes: map[uint32]int64{}}
	if l.stored == l.layout {
		return d, l.takeBack(sn)
	}
	var left state.Batch
	var failed error
	err := sn.ScanKeys(l.j.id, func(sp state.Space, key []byte, size int) error {
		switch {
		case sp.Operator < firstOperator, sp.Operator == historySpace.Operator: // no operator's, and of no generation
		case uint8(sp.Shard>>8) == l.stored.generation:
			d.bytes[sp.Operator] += int64(size)
		default:
			if left.Delete(sp, key); left.Size() > amendBytes {
				failed = l.handle.Amend(&left)
				left.Reset()
			}
		}
		return failed
	})
	if err == nil {
		err = l.handle.Amend(&left)
	}
	return d, err
}

// takeBack removes what a division has left that did not come to its end, where the job has
// the tasks that it had before: it lies under the generation that would have been next.
func (l *life) takeBack(sn *state.Snapshot) error {
	var left state.Batch
	for _, k := range l.tasks[0].kept {
		from := state.Space{Operator: k.number, Shard: layout{generation: l.stored.generation + 1}.shard(0)}
		err := sn.ScanKeysFrom(l.j.id, from, func(sp state.Space, key []byte, _ int) error {
			if sp.Operator != from.Operator || sp.Shard>>8 != from.Shard>>8 {
				return state.ErrStop
			}
			left.Delete(sp, key)
			if left.Size() <= amendBytes {
				return nil
			}
			defer left.Reset()
			return l.handle.Amend(&left)
		})
		if err != nil {
			return err
		}
	}
	return l.handle.Amend(&left)
}

// amendBytes is how much of what is left is removed at a time.
const amendBytes = 1 << 20

// restore gives an operator of a task its part of what is stored.
func (d *division) restore(t *task, k keptOperator) error {
	l := d.life
	r := operator.StateReader{Snapshot: d.sn, Job: l.j.id, Operator: k.number}
	if l.stored == l.layout {
		r.Shard = l.layout.shard(t.number)
		return k.op.Restore(r)
	}
	x, slices := d.slices(k)
	for slice := range 1 << slices {
		r.Share = &operator.Share{Task: t.number, Tasks: len(l.tasks), Single: k.single || len(l.tasks) == 1, Slice: slice, Slices: slices}
		for task := range l.stored.tasks {
			r.Shard = l.stored.shard(task)
			if err := k.op.Restore(r); err != nil {
				return err
			}
		}
		if slices == 0 {
			break
		}
		if err := d.putOut(t, k, x); err != nil {
			return err
		}
	}
	return nil
}

// slices is into how many slices, as a power of two, what is stored of an operator is cut:
// none where it has room, or where it cannot be elsewhere.
func (d *division) slices(k keptOperator) (operator.Evicting, uint8) {
	l := d.life
	x, ok := k.op.(operator.Evicting)
	if !ok || !x.Evicts() {
		return nil, 0
	}
	one := l.account.Evictable("an operator")
	room := max(int64(slicePart*float64(one.Share())), 1)
	one.Close()
	tasks := int64(len(l.tasks))
	if k.single {
		tasks = 1
	}
	n := uint8(bits.Len64(uint64(stateGrowth * d.bytes[k.number] / tasks / room)))
	if l.settings.stateMemory == 0 {
		return x, leastSlices
	}
	return x, min(n, mostSlices)
}

// putOut stores what an operator holds, of which then only so much stays in memory as it
// may hold: in the epoch in which it becomes too much it is stored as it is, in the next it
// goes into pages, and then out of memory.
func (d *division) putOut(t *task, k keptOperator, x operator.Evicting) error {
	l := d.life
	for range 3 {
		var b state.Batch
		if err := k.op.Save(operator.StateWriter{Batch: &b, Operator: k.number, Shard: l.layout.shard(t.number), Whole: true}); err != nil {
			return err
		}
		if err := l.handle.Amend(&b); err != nil {
			return err
		}
		x.Committed()
		if b.Len() == 0 {
			break
		}
	}
	return nil
}

// divideAnew removes what lies as the stored layout has it: the epoch at hand writes
// all of it as the tasks have it now.
func (l *life) divideAnew(pages *state.Batch) error {
	if l.stored == l.layout {
		return nil
	}
	sn := l.j.e.o.Store.Snapshot(l.j.id)
	defer sn.Close()
	for _, k := range l.tasks[0].kept {
		for task := range l.stored.tasks {
			sp := state.Space{Operator: k.number, Shard: l.stored.shard(task)}
			err := sn.ScanKeysUnder(l.j.id, sp, nil, func(key []byte) error {
				pages.Delete(sp, key)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	l.stored = l.layout
	return nil
}
