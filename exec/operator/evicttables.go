package operator

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// evictedTables are the evicted groups of an operator that has many tables of groups,
// as one for each window. What the account has for one table they have together: when
// the groups in memory are too many, the largest tables become the generations before
// at once, and no other does until those are merged and committed. Then they are given
// back: what stays in memory of a table that nobody changes any more is what the page
// cache has of it.
type evictedTables struct {
	account *memory.Account
	from    Evictions
	reader  StateReader
	open    bool // reader's snapshot
	// Of the last Save: what the tables held, were allowed to, and had when some of
	// them were evicted last, and what the page caches held.
	held, most, least, cached int64
	// live is what those tables hold now that say so by noted; 0: none of them does.
	live int64
}

// evictable is one of the tables of an operator.
type evictable interface {
	// state is how many bytes the groups hold that are not evicted, and size how
	// many of them there are.
	state() int64
	size() int
	// outside are its evicted groups; nil: it never had one.
	outside() *evicted
	// freeze has its groups become the generation before.
	freeze() error
}

// newTable makes what a table has outside.
func (t *evictedTables) newTable(e *evicted) *evicted {
	e.of, e.reader = t, t.reader
	return e
}

// begin is called by Save, before any of the tables is saved.
func (t *evictedTables) begin(all []evictable) {
	share := t.account.Share()
	var groups int64
	t.held, t.cached = 0, 0
	for _, x := range all {
		t.held += x.state()
		if e := x.outside(); e != nil {
			groups += e.now.groups
		}
	}
	for _, x := range all {
		if e := x.outside(); e != nil {
			e.cache.limit(int64(cachePart * float64(share) * float64(e.now.groups) / float64(max(groups, 1))))
			t.cached += e.cache.held()
		}
	}
	t.most = t.threshold(share)
}

// threshold is how many bytes the tables may hold, of a share of the account.
func (t *evictedTables) threshold(share int64) int64 {
	return int64(hotPart*float64(share) - hotLess*float64(t.cached))
}

// noted says what a table holds that said so of was before.
func (t *evictedTables) noted(was, now int64) {
	if t != nil {
		t.live += now - was
	}
}

// pace is how much of what is merged has to be merged now.
func (t *evictedTables) pace() float64 {
	if t.held >= t.most {
		return 1
	}
	return 1.25 * float64(t.held-t.least) / float64(t.most-t.least)
}

// end is called by Save, when all tables are saved: it evicts what is too much.
func (t *evictedTables) end(w StateWriter, all []evictable) error {
	if t.held < t.most {
		return nil
	}
	for _, x := range all {
		if e := x.outside(); e != nil && e.old != nil {
			return nil
		}
	}
	order := slices.Clone(all)
	slices.SortStableFunc(order, func(a, b evictable) int { return cmp.Compare(b.state(), a.state()) })
	t.least = t.held
	for _, x := range order {
		if t.least <= t.most/4 {
			return nil
		}
		if x.size() == 0 {
			continue
		}
		held := x.state()
		if err := x.freeze(); err != nil {
			return err
		}
		x.outside().put(w)
		t.least += x.state() - held
	}
	return nil
}

// crowded asks for the end of the epoch where the operator holds far too much.
func (t *evictedTables) crowded() {
	if t == nil || t.from.Crowded == nil {
		return
	}
	held, share := t.account.Used(), t.account.Share()
	if held > 1<<20 && float64(held) > (1+hotPart*(hotFull-1))*float64(share) || t.live > 1<<20 && float64(t.live) > hotFull*float64(t.threshold(share)) {
		t.from.Crowded()
	}
}

// committed looks at the store as the last epoch has it.
func (t *evictedTables) committed(all []evictable) {
	if t == nil {
		return
	}
	t.close()
	for _, x := range all {
		e := x.outside()
		if e == nil {
			continue
		}
		if e.now.groups > 0 && !t.open {
			t.reader, t.open = t.from.Read(), true
		}
		e.reader = t.reader
		e.committed()
	}
}

// stored is how many groups are in pages.
func (t *evictedTables) stored(all []evictable) (n int64) {
	for _, x := range all {
		n += x.outside().stored()
	}
	return n
}

// close lets go of the store.
func (t *evictedTables) close() {
	if t != nil && t.open {
		t.reader.Snapshot.Close()
		t.open = false
	}
}

// proceed writes what of a table's evicted groups has changed.
func (e *evicted) proceed(w StateWriter) error {
	if e.old != nil && e.old.merge != nil {
		if err := e.take(w, e.of.pace(), epochPages(e.of.account.Share(), e.of.held, e.of.most)); err != nil {
			return err
		}
	}
	e.put(w)
	return nil
}

// moving reports whether there is something for proceed to do.
func (e *evicted) moving() bool {
	return e != nil && (e.changed || e.old != nil && e.old.merge != nil)
}

// forget removes all that is stored of groups that were evicted, and are closed.
func (e *evicted) forget(w StateWriter) error {
	if e == nil {
		return nil
	}
	if e.unmerged != nil {
		e.unmerged(w)
	}
	w.Delete(append(slices.Clone(e.prefix), tagEvicted))
	r := e.from.Read()
	defer r.Snapshot.Close()
	pages := append(slices.Clone(e.prefix), tagPages)
	err := r.keys(pages, func(key []byte) { w.Delete(append(pages[:len(pages):len(pages)], key...)) })
	if err != nil {
		return fmt.Errorf("removing evicted groups: %w", err)
	}
	return nil
}
