package operator

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestPageDeltas has many groups of which an epoch changes few of each page: their pages
// get deltas, with groups that are new, changed and dead, and what they come to is what
// an aggregate has that holds all, when it is restored and when its share is another too.
func TestPageDeltas(t *testing.T) {
	withoutRace(t)
	const most = 30_000
	for i, k := range evictKeys {
		t.Run(k.name, func(t *testing.T) {
			ts := append(k.cols[:len(k.cols):len(k.cols)], types.Of(types.Int8))
			bind := binder{ts}
			var keys []string
			for c := range k.cols {
				keys = append(keys, fmt.Sprintf("$%d", c))
			}
			calls := []string{"count(*)", fmt.Sprintf("sum($%d)", len(k.cols))}
			b := newBeside(t, uint64(i), 700<<10, append(ts[:len(k.cols):len(k.cols)], callTypes(bind, calls)...), func(account *memory.Account) Kept {
				all, _ := chargedCalls(bind, calls, account)()
				return NewAggregate(AggregateSpec{Keys: programs(bind, keys), KeyTypes: k.cols, Changes: true, Account: account, Calls: all})
			})
			rows := func(key func(i int) int) *vec.Batch {
				rows := vec.NewBatch(ts)
				for i := range vec.MaxRows {
					k.fill(rows, key(i), b.rng)
					vec.Append(rows.Cols[len(k.cols)], types.NewInt(types.Int8, 1))
				}
				rows.Rows = vec.MaxRows
				return rows
			}
			for at := 0; at < most; at += vec.MaxRows {
				b.process(0, rows(func(i int) int { return (at + i) % most }))
				b.barrier()
			}
			deltas, dead := 0, 0
			for range 3 * epochs(60) {
				some := rows(func(int) int { return b.rng.IntN(most + most/8) })
				b.process(0, some)
				if b.rng.IntN(3) == 0 {
					b.process(0, takeBack(b, some))
				}
				b.barrier()
				n, d := b.deltas()
				deltas, dead = max(deltas, n), max(dead, d)
			}
			b.end()
			if err := b.free.Close(); err != nil {
				t.Fatal(err)
			}
			if b.evicted == 0 || deltas == 0 {
				t.Errorf("%d groups were evicted, and pages had %d deltas", b.evicted, deltas)
			}
			t.Logf("%d groups evicted, %d deltas with %d dead groups", b.evicted, deltas, dead)
		})
	}
}

// deltas is how many the store has, and how many groups are dead in them.
func (b *beside) deltas() (n, dead int) {
	b.Helper()
	sn := b.keep.store.Snapshot(b.keep.job.ID())
	defer sn.Close()
	r := StateReader{Snapshot: sn, Job: b.keep.job.ID(), Operator: b.keep.space}
	err := r.Scan([]byte{tagPages}, func(key, value []byte) error {
		if binary.BigEndian.Uint16(key[len(key)-2:]) < deltaPart {
			return nil
		}
		n++
		p, err := parsePage(value)
		for i := range p.n {
			if p.dead(i) {
				dead++
			}
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return n, dead
}
