package operator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestPassingJoinOnDisk: rows that pass a join are joined with those that lie on disk as
// with those in memory, each before the next batch, Deletes too.
func TestPassingJoinOnDisk(t *testing.T) {
	both := append(slices.Clone(manyTypes), manyTypes...)
	rng := rand.New(rand.NewPCG(8, 1))
	for name, c := range map[string]struct {
		left, right, keys int
		on, cond          []string
	}{
		"many keys":   {left: 300, right: 900, keys: 200, on: []string{"$0"}},
		"one key":     {left: 30, right: 600, keys: 1, on: []string{"$0"}},
		"residual":    {left: 60, right: 600, keys: 30, on: []string{"$0"}, cond: []string{"$2 < $19"}},
		"nested loop": {left: 20, right: 150, keys: 5, cond: []string{"$2 < $19"}},
		"two keys":    {left: 150, right: 400, keys: 10, on: []string{"$0", "$6"}},
		"other keys":  {left: 400, right: 500, keys: 900, on: []string{"$0"}},
	} {
		left, right := randomWide(rng, c.left, c.keys), randomWide(rng, c.right, c.keys)
		for _, kind := range []plan.JoinKind{plan.JoinInner, plan.JoinLeft, plan.JoinSemi, plan.JoinAnti, plan.JoinNotIn} {
			once := c.on != nil && c.cond == nil && (kind == plan.JoinSemi || kind == plan.JoinAnti)
			if (kind == plan.JoinNotIn || once) && name != "other keys" {
				continue // there must be much that is kept
			}
			right := right
			if kind == plan.JoinNotIn {
				right = haveKey(right)
			}
			events := append(rowEvents(JoinRight, right), rowEvents(JoinLeft, left)...)
			for i := range events {
				if e := &events[i]; e.input == JoinLeft && e.kind == 0 && i%5 == 0 {
					e.op = vec.Delete
				}
			}
			t.Run(fmt.Sprint(name, " ", kind), func(t *testing.T) {
				out := both
				if kind >= plan.JoinSemi {
					out = manyTypes
				}
				build := func(a *memory.Account) Operator {
					s := JoinSpec{Kind: kind, LeftTypes: manyTypes, RightTypes: manyTypes, Account: a, Passing: true}
					b := binder{manyTypes}
					if c.on != nil {
						s.LeftKeys, s.RightKeys, s.KeyTypes = programs(b, c.on), programs(b, c.on), typesOf(b, c.on)
					}
					if c.cond != nil {
						s.Cond = binder{both}.program(c.cond[0])
					}
					return NewJoin(s)
				}
				ins := [][]types.Type{manyTypes, manyTypes}
				sameWithDisk(t, build, ins, out, events, false)
				// Nothing waits for the end of the left rows.
				q := newSpillingQuery(t)
				account := q.Spillable("the operator")
				events := slices.Insert(slices.Clone(events), len(events)-1, event{kind: eventBarrier})
				lines := play(t, build(account), ins, out, events, spillShapes[0])
				if n := slices.Index(lines, "barrier"); n != len(lines)-2 {
					t.Errorf("of %d lines %d come after the barrier", len(lines), len(lines)-n-2)
				}
				account.Close()
				q.clean(t)
			})
		}
	}
}

// TestStoredRightGivenUp: right rows that the disk has no room for while they go to pages
// leave nothing accounted, and give back no more than they had.
func TestStoredRightGivenUp(t *testing.T) {
	ts := []types.Type{types.Of(types.Int8)}
	ended := 0
	for limit := int64(256 << 10); limit <= 1<<20; limit += 32 << 10 {
		q := spillingQuery{dir: t.TempDir()}
		q.disk = memory.NewDisk(q.dir, limit)
		q.Account = memory.New("the query", 4<<20, memory.QuerySetting)
		q.SpillTo(q.disk, 0.02)
		account := q.Spillable("the operator")
		s := newStoredRight(ts, account)
		var err error
		for n := int64(0); n < 20 && err == nil; n++ {
			b, rows := vec.NewBatch(ts), selector{}
			for i := range int64(vec.MaxRows) {
				vec.Append(b.Cols[0], types.NewInt(types.Int8, (n*vec.MaxRows+i)*7919))
			}
			b.Rows = vec.MaxRows
			err = s.add(context.Background(), b, b.Cols, ts, rows.all(nil, b.Rows))
		}
		if err == nil {
			if err = s.finish(context.Background()); err != nil && len(s.first) > 0 {
				ended++
			}
		}
		if s.close(); account.Used() != 0 {
			t.Errorf("given up at %d bytes of disk: %d bytes are held, %v", limit, account.Used(), err)
		}
		account.Close()
		q.clean(t)
	}
	if ended == 0 {
		t.Error("none was given up among its pages")
	}
}
