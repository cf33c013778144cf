package changelog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestChangesNet nets random changes, sent in a random order within an epoch and let out whenever
// they are too many, and compares what a reader has of each key.
func TestChangesNet(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(7, seed))
		c := New[int](nil)
		table, read := map[string]string{}, map[string]string{}
		for range 10 {
			type step struct {
				key, row string
				net      int
			}
			var steps []step
			for range r.IntN(20) {
				key := fmt.Sprint(r.IntN(3))
				if row, ok := table[key]; ok {
					steps = append(steps, step{key, row, -1})
					delete(table, key)
				}
				if r.IntN(3) > 0 {
					table[key] = fmt.Sprint(r.IntN(4))
					steps = append(steps, step{key, table[key], 1})
				}
			}
			cut := r.IntN(3) == 0
			if !cut {
				r.Shuffle(len(steps), func(i, k int) { steps[i], steps[k] = steps[k], steps[i] })
			}
			seen := map[string]int{}
			let := func(last bool) {
				c.Flush(last, func(rec Record[int]) {
					seen[string(rec.Key)]++
					if delete(read, string(rec.Key)); rec.Value != nil {
						read[string(rec.Key)] = string(rec.Value)
					}
				})
			}
			for i, s := range steps {
				c.Add([]byte(s.key), []byte(s.row), s.net, i)
				if cut && r.IntN(4) == 0 {
					let(false)
				}
			}
			let(true)
			if fmt.Sprint(read) != fmt.Sprint(table) {
				t.Fatalf("seed %d: a reader has %v, want %v", seed, read, table)
			}
			for key, n := range seen {
				if n > 1 && !cut {
					t.Fatalf("seed %d: %d records of key %s in one epoch", seed, n, key)
				}
			}
		}
	}
}

// TestChangesLate lets changes out in the middle of an epoch, and then has a deletion come after
// the insertion of what replaced the row.
func TestChangesLate(t *testing.T) {
	c := New[string](nil)
	var got []string
	add := func(row string, net int) { c.Add([]byte("k"), []byte(row), net, "of "+row) }
	let := func(last bool) {
		c.Flush(last, func(r Record[string]) { got = append(got, string(r.Key)+"="+string(r.Value)+" "+r.Beside) })
	}
	add("new", 1)
	let(false)
	add("old", -1)
	let(true)
	add("new", -1)
	let(true)
	if want := []string{"k=new of new", "k= of new"}; !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
}

// TestChangesTooLarge writes a change whose two rows do not fit into one record as two.
func TestChangesTooLarge(t *testing.T) {
	c := New[struct{}](func(dst, before, after []byte) []byte {
		return append(append(append(dst, before...), '>'), after...)
	})
	c.Fits = func(r Record[struct{}]) bool { return len(r.Value) <= 1000 }
	long := func(b string) []byte { return []byte(strings.Repeat(b, 600)) }
	c.Add([]byte("k"), long("a"), -1, struct{}{})
	c.Add([]byte("k"), long("b"), 1, struct{}{})
	var got []string
	c.Flush(true, func(r Record[struct{}]) { got = append(got, string(r.Value)) })
	if want := []string{string(long("a")) + ">", ">" + string(long("b"))}; !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
}

// TestChangesReset forgets what an epoch had that is undone, also of what was let out.
func TestChangesReset(t *testing.T) {
	c := New[struct{}](nil)
	c.Add(nil, []byte("a"), 1, struct{}{})
	c.Flush(false, func(Record[struct{}]) {})
	c.Add(nil, []byte("b"), 1, struct{}{})
	if c.Held() == 0 {
		t.Error("a row takes no room")
	}
	c.Reset()
	c.Add(nil, []byte("a"), -1, struct{}{})
	n := 0
	c.Flush(true, func(Record[struct{}]) { n++ })
	if n != 1 || c.Held() != 0 {
		t.Errorf("%d records and %d bytes after it, want the deletion alone", n, c.Held())
	}
}
