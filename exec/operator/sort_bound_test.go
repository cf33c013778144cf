package operator

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// rowTexts collects rows as text.
type rowTexts struct {
	types []types.Type
	rows  []string
}

func (o *rowTexts) Emit(_ context.Context, b *vec.Batch) error {
	return rows(b, func(r int32) error {
		line := ""
		for i, c := range b.Cols {
			if c.Nulls().Get(int(r)) {
				line += "NULL|"
				continue
			}
			line += string(vec.TextAppender(o.types[i], types.DefaultFormat())(nil, c, int(r))) + "|"
		}
		o.rows = append(o.rows, line)
		return nil
	})
}

// TestTopIsTheBeginning compares the first rows of a Sort with a top, over many
// batches, with those of one without.
func TestTopIsTheBeginning(t *testing.T) {
	ts := []types.Type{types.Of(types.Int8), types.Of(types.Numeric), types.Of(types.Text), types.Of(types.Int4)}
	bind := binder{ts}
	rnd := rand.New(rand.NewPCG(3, 4))
	var batches []*vec.Batch
	for n := range 20 {
		b := vec.NewBatch(ts)
		for range vec.MaxRows {
			vec.Append(b.Cols[0], types.NewInt(types.Int8, rnd.Int64N(1<<20)))
			b.Cols[1].(*vec.Numeric).AppendInt64(rnd.Int64N(500), 2)
			vec.Append(b.Cols[2], types.NewText(string(rune('a'+rnd.IntN(5)))))
			if rnd.IntN(300) == 0 {
				vec.AppendNull(b.Cols[3])
			} else {
				vec.Append(b.Cols[3], types.NewInt(types.Int4, rnd.Int64N(1000)))
			}
			b.Rows++
		}
		if n%3 == 1 {
			for r := range int32(b.Rows) {
				if r%2 == 0 {
					b.Sel = append(b.Sel, r)
				}
			}
		}
		batches = append(batches, b)
	}
	for _, keys := range [][]string{{"$0"}, {"$1", "$0"}, {"$2", "$1"}, {"$3"}, {"$3", "$2", "$0"}} {
		for _, desc := range []bool{false, true} {
			run := func(top int64) []string {
				sortKeys := sortKeys(bind, keys)
				sortKeys[0].Desc, sortKeys[0].NullsFirst = desc, desc
				s := NewSort(sortKeys, ts, top, nil, nil)
				out := rowTexts{types: ts}
				for _, b := range batches {
					if err := s.Process(t.Context(), 0, b, &out); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Finish(t.Context(), 0, &out); err != nil {
					t.Fatal(err)
				}
				return out.rows
			}
			all := run(-1)
			for _, top := range []int64{1, 70, 5000} {
				if got := run(top); !slices.Equal(got, all[:top]) {
					t.Errorf("top %d by %v (descending %v) = %q, want %q", top, keys, desc, got, all[:top])
				}
			}
		}
	}
}

// TestTiesOfTheTop compares the first rows with their ties out of a Sort that
// keeps no others with those out of one that keeps all, in memory and on disk.
func TestTiesOfTheTop(t *testing.T) {
	ts := []types.Type{types.Of(types.Int4), types.Of(types.Text), types.Of(types.Int8)}
	bind := binder{ts}
	rnd := rand.New(rand.NewPCG(5, 6))
	var batches []*vec.Batch
	for range 12 {
		b := vec.NewBatch(ts)
		for range vec.MaxRows {
			if rnd.IntN(100) == 0 {
				vec.AppendNull(b.Cols[0])
			} else {
				vec.Append(b.Cols[0], types.NewInt(types.Int4, rnd.Int64N(40)))
			}
			vec.Append(b.Cols[1], types.NewText(string(rune('a'+rnd.IntN(3)))))
			vec.Append(b.Cols[2], types.NewInt(types.Int8, rnd.Int64N(1<<40)))
			b.Rows++
		}
		batches = append(batches, b)
	}
	for _, names := range [][]string{{"$0"}, {"$1", "$0"}, {"$2"}} {
		for _, desc := range []bool{false, true} {
			keys := sortKeys(bind, names)
			keys[0].Desc, keys[0].NullsFirst = desc, desc
			run := func(s *Sort, count, offset int64) []string {
				out := rowTexts{types: ts}
				limit := NewLimitTies(count, offset, keys)
				for _, b := range batches {
					if err := s.Process(t.Context(), 0, b, nil); err != nil {
						t.Fatal(err)
					}
				}
				kept := s.spool.Rows()
				err := s.Finish(t.Context(), 0, outputFunc(func(b *vec.Batch) error { return limit.Process(t.Context(), 0, b, &out) }))
				if err != nil && !errors.Is(err, stream.Done) {
					t.Fatal(err)
				}
				if most := int64(4*vec.MaxRows + 4*len(out.rows)); s.top >= 0 && kept > most {
					t.Errorf("%v: %d rows were kept for %d", names, kept, len(out.rows))
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				return out.rows
			}
			for _, n := range [][2]int64{{1, 0}, {3, 2}, {0, 5}, {1500, 0}} {
				count, offset := n[0], n[1]
				want := run(NewSort(keys, ts, -1, nil, nil), count, offset)
				if got := run(NewSortTies(keys, ts, count+offset, nil, nil), count, offset); !slices.Equal(got, want) {
					t.Errorf("%d rows after %d by %v (descending %v): %d rows, want %d", count, offset, names, desc, len(got), len(want))
				}
				tight := newSpillingQuery(t)
				account := tight.Spillable("the operator")
				if got := run(NewSortTies(keys, ts, count+offset, account, nil), count, offset); !slices.Equal(got, want) {
					t.Errorf("on disk: %d rows after %d by %v (descending %v): %d rows, want %d", count, offset, names, desc, len(got), len(want))
				}
				account.Close()
				tight.clean(t)
			}
		}
	}
}
