package exec

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// filtersShared is how many conditions the shares of an engine ask, and of how many
// members.
func (f *fixture) filtersShared() (filters, members int) {
	f.sharing.mu.Lock()
	defer f.sharing.mu.Unlock()
	for _, x := range f.sharing.shares {
		x.mu.Lock()
		filters += len(x.filters)
		for _, each := range x.filters {
			members += each.members
		}
		x.mu.Unlock()
	}
	return filters, members
}

// TestShareAsksEachFilterOnce has queries with three conditions, and one with none,
// share a reader: three are asked, each query has its rows, and who leaves takes its
// condition along.
func TestShareAsksEachFilterOnce(t *testing.T) {
	f := newFixture(t)
	r := f.stream("s")
	s := f.topics.topic("s")
	s.addRows(0, 0, 10)
	over := func(n int64) plan.Node {
		in := scanOf(r)
		if n < 0 {
			return in
		}
		return &plan.Filter{Input: in, Cond: call("<>", column(in, 0), number64(n))}
	}
	bounds := []int64{15, 15, 16, 16, 16, 17, -1}
	var cursors []*Cursor
	var roots []plan.Node
	for _, n := range bounds {
		root := over(n)
		cursors, roots = append(cursors, f.query(&plan.Query{Root: root, Live: true}, testEnv())), append(roots, root)
	}
	for i := range bounds {
		f.rows(cursors[i], roots[i], 10)
	}
	if err := s.waitReaders(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	if filters, members := f.filtersShared(); filters != 3 || members != 6 {
		t.Errorf("%d conditions are asked for %d members, want 3 for 6", filters, members)
	}
	s.addRows(0, 10, 20)
	for i, n := range bounds {
		var want []string
		for id := int64(10); id < 20; id++ {
			if id != n {
				want = append(want, fmt.Sprintf("%d|n%d", id, id))
			}
		}
		if got := f.rows(cursors[i], roots[i], len(want)); !slices.Equal(got, want) {
			t.Errorf("query %d: %q, want %q", i, got, want)
		}
	}
	cursors[5].Close()
	cursors[0].Close()
	if filters, members := f.filtersShared(); filters != 2 || members != 4 {
		t.Errorf("after two have left %d conditions are asked for %d members, want 2 for 4", filters, members)
	}
}

// TestSharedFilterFails has a condition that fails for a row: who has it gets the rows
// before and the error, and the others go on.
func TestSharedFilterFails(t *testing.T) {
	f := newFixture(t)
	in := scanOf(f.stream("s"))
	s := f.topics.topic("s")
	s.addRows(0, 0, 10)
	failing := &plan.Filter{Input: in, Cond: call("<>", call("/", number64(1), call("-", column(in, 0), number64(12))), number64(7))}
	var broken []*Cursor
	for range 2 {
		c := f.query(&plan.Query{Root: failing, Live: true}, testEnv())
		f.rows(c, failing, 10)
		broken = append(broken, c)
	}
	sound := f.query(&plan.Query{Root: in, Live: true}, testEnv())
	f.rows(sound, in, 10)
	if err := s.waitReaders(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	if filters, members := f.filtersShared(); filters != 1 || members != 2 {
		t.Errorf("%d conditions are asked for %d members, want 1 for 2", filters, members)
	}
	s.addRows(0, 10, 15)
	for _, c := range broken {
		equal(t, "before the row that fails", f.rows(c, failing, 2), []string{"10|n10", "11|n11"})
		if _, err := tryRows(f.context(), c, failing, 1); sqlerr.CodeOf(err) != sqlerr.DivisionByZero {
			t.Errorf("at the row that fails: %v, want 22012", err)
		}
	}
	equal(t, "who has another condition", f.rows(sound, in, 5), []string{"10|n10", "11|n11", "12|n12", "13|n13", "14|n14"})
}

// TestShareAsksNothingThatTakesLong has queries with conditions that make long values,
// look for patterns or have very many terms: their members ask them for themselves,
// where the end of a query and its limit of memory reach them, and those with a
// comparison are asked by the share.
func TestShareAsksNothingThatTakesLong(t *testing.T) {
	f := newFixture(t)
	in := scanOf(f.stream("s"))
	s := f.topics.topic("s")
	s.addRows(0, 0, 10)
	text := func(s string) plan.Expr { return &plan.Const{Value: types.NewText(s)} }
	many := &plan.Or{}
	for i := range int64(1000) {
		many.Args = append(many.Args, call("=", column(in, 0), number64(i)))
	}
	long := &plan.Filter{Input: in, Cond: call("<>", call("||", column(in, 1), text("long")), text(""))}
	pattern := &plan.Filter{Input: in, Cond: call("~", column(in, 1), text("^n[0-9]+$"))}
	roots := []plan.Node{
		long, pattern, &plan.Filter{Input: in, Cond: many},
		&plan.Filter{Input: in, Cond: call("<>", call("%", column(in, 0), number64(7)), number64(9))},
	}
	var cursors []*Cursor
	for _, root := range roots {
		cursors = append(cursors, f.query(&plan.Query{Root: root, Live: true}, testEnv()))
	}
	for i, root := range roots {
		f.rows(cursors[i], root, 10)
	}
	if err := s.waitReaders(f.context(), 1); err != nil {
		t.Fatal(err)
	}
	if filters, members := f.filtersShared(); filters != 1 || members != 1 {
		t.Errorf("%d conditions are asked for %d members, want 1 for 1", filters, members)
	}
	s.addRows(0, 10, 20)
	for i, root := range roots {
		f.rows(cursors[i], root, 10)
	}
}

// TestShareWaitsForWhoKeepsUp has a member that takes one item each time that its queue
// is full: it is not waited for, and one that has taken half of its queue is, as long as
// the share has patience.
func TestShareWaitsForWhoKeepsUp(t *testing.T) {
	m := &member{in: make(chan item, memberQueue)}
	patience := sharePatience
	fill := func() {
		for len(m.in) < memberQueue {
			if !m.give(item{}, &patience) {
				t.Fatal("there is room, and it is not given the item")
			}
		}
	}
	for range memberAlive - 1 {
		fill()
		<-m.in
	}
	fill()
	if m.give(item{}, &patience) || m.taken != 0 || patience != sharePatience {
		t.Errorf("who took %d items was waited for: %v of patience are left", memberAlive-1, patience)
	}
	<-m.in
	fill()
	none := time.Duration(0)
	if m.give(item{}, &none) || m.taken != 0 {
		t.Error("a share without patience waited")
	}
	if m.give(item{}, &patience) || m.taken != memberAlive || patience >= sharePatience {
		t.Errorf("who took %d items was not waited for: %v of patience are left", memberAlive, patience)
	}
	if m.give(item{}, &patience) || m.taken != memberAlive {
		t.Error("who has taken nothing since was waited for again")
	}
}

// TestSharedConditionPanics: where a condition that a share asks panics, its members go on
// by themselves, and have each row once.
func TestSharedConditionPanics(t *testing.T) {
	for range 3 {
		f := newFixture(t)
		r := f.stream("s")
		s := f.topics.topic("s")
		s.addRows(0, 0, 10)
		var cursors []*Cursor
		var roots []plan.Node
		for i := range 8 {
			in := scanOf(r)
			root := plan.Node(in)
			if i == 0 {
				root = &plan.Filter{Input: in, Cond: call("<>", column(in, 0), number64(-1))}
			}
			c := f.query(&plan.Query{Root: root, Live: true}, testEnv())
			cursors, roots = append(cursors, c), append(roots, root)
			f.rows(c, root, 10)
		}
		if err := s.waitReaders(f.context(), 1); err != nil {
			t.Fatal(err)
		}
		f.sharing.mu.Lock()
		for _, x := range f.sharing.shares {
			x.mu.Lock()
			for _, each := range x.filters {
				each.program = nil // whoever asks it panics
			}
			x.mu.Unlock()
		}
		f.sharing.mu.Unlock()
		s.addRows(0, 10, 20)
		got := make([][]string, len(cursors))
		for i, c := range cursors {
			got[i] = f.rows(c, roots[i], 10)
		}
		s.addRows(0, 20, 22)
		var want []string
		for i := 10; i < 22; i++ {
			want = append(want, fmt.Sprintf("%d|n%[1]d", i))
		}
		for i, c := range cursors {
			equal(t, fmt.Sprintf("query %d", i), append(got[i], f.rows(c, roots[i], 2)...), want)
			c.Close()
		}
		if n := f.panics.Load(); n == 0 {
			t.Error("nobody has asked the condition")
		} else {
			f.wantPanics.Store(n) // those that share anew ask it again
		}
	}
}
