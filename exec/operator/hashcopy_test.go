package operator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// copyTypes are the columns of the tables that are copied: a key, a number and a text.
var copyTypes = []types.Type{types.Of(types.Int8), types.Of(types.Numeric), types.Of(types.Text)}

// found is what a copy has of so many keys from one on, a line for each row.
func found(t *testing.T, c *HashCopy, from, n int) []string {
	t.Helper()
	keys := vec.New(copyTypes[0])
	for k := range n {
		vec.Append(keys, types.NewInt(types.Int8, int64(from+k)))
	}
	cols, count := []vec.Vec{keys}, n
	if len(c.keyTypes) == 0 {
		cols, count = nil, 1
	}
	var lines []string
	err := c.Find(t.Context(), cols, count, func(rows *vec.Batch, of []int32) error {
		var s selector
		for _, r := range s.of(rows) {
			lines = append(lines, fmt.Sprint(of[r], " ", rowText(rows, int(r), copyTypes)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// TestHashCopyOnDisk: a copy that has next to no memory finds what one finds that has all of
// it: of rows that come and go, several times, and go before they come, with keys and without.
func TestHashCopyOnDisk(t *testing.T) {
	for _, key := range []string{"$0", "$0 + 1", ""} {
		t.Run("by "+key, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(len(key)), 51))
			query := memory.New("the query", 1<<20, "sql.query_memory_limit_mb")
			disk := memory.NewDisk(t.TempDir(), 0)
			query.SpillTo(disk, 0.05)
			var by []string
			var ts []types.Type
			if key != "" {
				by, ts = []string{key}, copyTypes[:1]
			}
			copyOf := func(a *memory.Account) *HashCopy {
				return NewHashCopy(copyTypes, programs(binder{copyTypes}, by), ts, a, nil)
			}
			all, some := copyOf(nil), copyOf(query.Spillable("a copy"))
			keys, rounds := 3000, 150
			if key == "" {
				rounds = 60
			}
			var there [][]types.Value
			var owed [][]types.Value // that have gone before they come
			files := map[*storedRight]bool{}
			for round := range rounds {
				b := vec.NewBatch(copyTypes)
				put := func(op vec.Op, row []types.Value) {
					for i, v := range row {
						vec.Append(b.Cols[i], v)
					}
					b.Ops = append(b.Ops, op)
					b.Rows++
				}
				for _, row := range owed {
					put(vec.Insert, row)
				}
				owed = nil
				for range 1 + rng.IntN(300) {
					row := []types.Value{
						types.NewInt(types.Int8, rng.Int64N(int64(keys))), parse(copyTypes[1], fmt.Sprintf("1.%s", "000"[:rng.IntN(4)])),
						types.NewText(strings.Repeat("x", rng.IntN(120))),
					}
					if rng.IntN(50) == 0 {
						row[rng.IntN(3)] = types.NullOf(copyTypes[0])
						row[0] = types.NullOf(copyTypes[0])
						row[2] = types.NullOf(copyTypes[2])
					}
					switch kind := rng.IntN(10); {
					case round < 10: // the table as it is at first
						put(vec.Insert, row)
						there = append(there, row)
					case kind < 4 && len(there) > 0:
						at := rng.IntN(len(there))
						put(vec.Delete, there[at])
						there[at] = there[len(there)-1]
						there = there[:len(there)-1]
					case kind == 4:
						put(vec.Delete, row)
						owed = append(owed, row)
					case kind == 5 && len(there) > 0:
						row = there[rng.IntN(len(there))]
						fallthrough
					default:
						put(vec.Insert, row)
						there = append(there, row)
					}
				}
				if round < 10 {
					b.Ops = nil
				}
				for _, c := range []*HashCopy{all, some} {
					if err := c.Apply(t.Context(), b); err != nil {
						t.Fatal(err)
					}
				}
				if some.stored != nil {
					files[some.stored] = true
				}
				if round >= 10 && rng.IntN(3) > 0 {
					continue
				}
				from, n := rng.IntN(keys), 1+rng.IntN(500)
				if got, want := found(t, some, from, n), found(t, all, from, n); !slices.Equal(got, want) {
					t.Fatalf("round %d: %d rows, want %d; first other: %s", round, len(got), len(want), firstOther(got, want))
				}
			}
			if len(files) < 3 {
				t.Errorf("the rows were stored %d times, which is little", len(files))
			}
			for _, c := range []*HashCopy{all, some} {
				for range 2 {
					if err := c.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if query.Used() != 0 || disk.Used() != 0 {
				t.Errorf("%d bytes are held, and %d on disk", query.Used(), disk.Used())
			}
		})
	}
}

// TestHashCopyForgets: rows that have come and gone do not stay, and such as have gone before
// they come are not lost when they do not.
func TestHashCopyForgets(t *testing.T) {
	c := NewHashCopy(copyTypes, programs(binder{copyTypes}, []string{"$0"}), copyTypes[:1], nil, nil)
	one := func(op vec.Op, key int64) {
		b := vec.NewBatch(copyTypes)
		for i, v := range []types.Value{types.NewInt(types.Int8, key), types.NullOf(copyTypes[1]), types.NullOf(copyTypes[2])} {
			vec.Append(b.Cols[i], v)
		}
		b.Rows, b.Ops = 1, []vec.Op{op}
		if err := c.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	one(vec.Delete, 7)
	for key := range int64(4 * fewRows) {
		one(vec.Insert, 100+key)
		one(vec.Delete, 100+key)
	}
	if n := len(c.side.now); n > 2*fewRows {
		t.Errorf("the copy holds %d rows, of none", n)
	}
	one(vec.Insert, 7)
	if got := found(t, c, 7, 1); len(got) > 0 {
		t.Errorf("a row that has gone before it came is found: %q", got)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
