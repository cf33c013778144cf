package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Follower delivers a table's rows as they are committed, and then, for ever, what
// commits change: an update is a Delete of the old row and an Insert of the new.
// What several commits did between two calls comes as their net effect, in order
// of row ids, and never a part of a commit. It belongs to one goroutine.
type Follower struct {
	t      *Tables
	d      *Desc
	in     *Following
	reader rowkey.Reader
	id     int
	from   *roots // what was delivered
	to     *roots // what is being delivered; nil: nothing is
	a, b   cursor
	cols   []vec.Vec
	check  func() error
	wakes  chan struct{}
	closed bool
}

// Following are followers of several tables that move together: each delivers
// what changed from one version to the next, and only when all have does any of
// them go on. So there are moments at which all have delivered the same version.
type Following struct {
	t  *Tables
	mu sync.Mutex
	// members are those that are open, each with what it has to deliver next.
	members map[*Follower]bool // true: it has delivered target
	target  *roots             // nil: none was taken
	start   *roots             // where those begin that are not given what is there, until there is a target; nil: none do
	moved   chan struct{}      // closed when target changes, or a member comes or goes
	held    *Moment            // the only version to go on to; nil: the newest
	cuts    func(take func())  // what AtCuts was given; nil: any version may be gone on to
	asked   bool               // cuts was, and has not taken
	taken   *roots             // what it took last, until that is gone on to
}

// Following returns followers that move together, of which there are none.
func (t *Tables) Following() *Following {
	return &Following{t: t, members: map[*Follower]bool{}, moved: make(chan struct{})}
}

// lag is how many versions of other tables may pass before a follower whose table
// has not changed says that it has got further.
const lag = 1 << 16

// Follow starts with an empty table, so that its first rows are what is there.
// columns are as ScanSpec.Columns. fromNow: they are not delivered.
func (t *Tables) Follow(d *Desc, columns []int, fromNow bool) *Follower {
	g := t.Following()
	if fromNow {
		return g.FollowFromNow(d, columns)
	}
	return g.Follow(d, columns)
}

// FollowFromNow adds a follower of what changes from now on: of several, from the
// moment at which the first of them was added.
func (g *Following) FollowFromNow(d *Desc, columns []int) *Follower {
	f := g.Follow(d, columns)
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.target // nobody has been read before there is one
	if at == nil {
		if g.start == nil {
			g.start = g.t.newest()
		}
		at = g.start
	}
	f.from = g.t.retain(at)
	return f
}

// Follow adds a follower, which starts with an empty table. Those that are to move
// together are added before any of them is read.
func (g *Following) Follow(d *Desc, columns []int) *Follower {
	f := &Follower{t: g.t, d: d, in: g, id: -1, wakes: make(chan struct{}, 1)}
	var attrs []int
	for i, place := range columns {
		if place == len(d.Relation.Columns) {
			f.id = i
			continue
		}
		attrs = append(attrs, d.attrs[place])
	}
	f.reader.Reset(d.layout, attrs)
	g.mu.Lock()
	g.members[f] = true
	g.mu.Unlock()
	g.t.followers(d.storage, 1)
	return f
}

func (t *Tables) followers(storage uint32, more int) {
	t.followMu.Lock()
	defer t.followMu.Unlock()
	if t.followed[storage] += more; t.followed[storage] == 0 {
		delete(t.followed, storage)
	}
}

// Followed reports whether somebody follows a table.
func (t *Tables) Followed(r *catalog.Relation) bool {
	t.followMu.Lock()
	defer t.followMu.Unlock()
	return t.followed[r.Table.Storage] > 0
}

// Resume has the follower go on from a version that a job's positions had reached.
// 72000 where what changed since is no longer kept.
func (f *Follower) Resume(j *state.Job, version uint64) error {
	if version == 0 {
		return nil // no table had a row
	}
	r, err := f.t.rootsAt(j, f.d.storage, version)
	if errors.Is(err, state.ErrDiscarded) {
		now := f.t.newest()
		defer f.t.release(now)
		return discarded(f.d, version, now.version)
	}
	f.from = r
	return err
}

// discarded is the error of a follower whose version is gone.
func discarded(d *Desc, from, to uint64) error {
	return sqlerr.Errorf(sqlerr.SnapshotTooOld, "the changes of table %q between version %d and version %d are no longer kept", d.Relation.Name, from, to).
		WithHint("Who follows a table may lie some millions of versions behind. CREATE OR REPLACE, or DROP and CREATE, what follows it: it then begins with the rows that are there.")
}

// Check has Next fail where fn does, which is asked before each version that is to
// be delivered, and while Next waits.
func (f *Follower) Check(fn func() error) { f.check = fn }

// ErrRewritten is the error of a follower whose table has its rows elsewhere.
func ErrRewritten(r *catalog.Relation) error {
	return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "table %q was dropped or rewritten while it was followed", r.Name).
		WithHint("Begin again: the rows that are there come first.")
}

// Version is the version of the store up to which everything was delivered: the
// commits of it and before it, and none after. 0: nothing was.
func (f *Follower) Version() uint64 {
	if f.from == nil {
		return 0
	}
	return f.from.version
}

// Wake makes a Next that waits return without rows. Any goroutine may call it.
func (f *Follower) Wake() {
	select {
	case f.wakes <- struct{}{}:
	default:
	}
}

// Next appends up to vec.MaxRows changes to the batch, whose columns are
// Follow's, and sets its Ops. It waits until there are some, or Wake. done: with
// them everything is delivered up to Version; there may be no rows then, where it
// was another table of Following that changed.
func (f *Follower) Next(ctx context.Context, b *vec.Batch) (done bool, err error) {
	if f.closed {
		return false, io.EOF
	}
	b.Ops, b.Rows = b.Ops[:0], 0
	if f.to == nil {
		ok, err := f.wait(ctx)
		if err != nil || !ok {
			return false, err
		}
	}
	n, done, err := f.fill(b)
	if err != nil {
		return false, fmt.Errorf("following table %s: %w", f.d.Relation.Name, err)
	}
	if f.from != nil && n > 0 && f.t.store.Passed(f.from.version) && !done {
		return false, discarded(f.d, f.from.version, f.to.version)
	}
	if done {
		if f.from != nil {
			f.t.release(f.from)
		}
		f.from, f.to = f.to, nil
		f.in.delivered(f)
	}
	return done, nil
}

// wait takes the next roots to deliver; false: it was woken.
func (f *Follower) wait(ctx context.Context) (ok bool, err error) {
	for {
		changed := f.t.Changed() // before the look: what comes after it is heard of
		if f.check != nil {
			if err := f.check(); err != nil {
				return false, err
			}
		}
		to, moved := f.in.next(f)
		if to != nil {
			f.to = to
			return true, f.begin()
		}
		select {
		case <-changed:
		case <-moved:
		case <-f.wakes:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// next returns what a member has to deliver, retained; nil: nothing before moved
// is closed, or tables change.
func (g *Following) next(f *Follower) (*roots, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.members[f] {
		return g.t.retain(g.target), g.moved
	}
	for _, done := range g.members {
		if !done {
			return nil, g.moved
		}
	}
	r := g.candidate()
	if r == nil || !g.worth(r) {
		if r != nil {
			g.t.release(r)
		}
		return nil, g.moved
	}
	if g.cuts != nil && g.held == nil && r != g.taken {
		g.t.release(r)
		g.ask()
		return nil, g.moved
	}
	if g.taken != nil {
		g.t.release(g.taken)
		g.taken = nil
	}
	for _, old := range []*roots{g.target, g.start} {
		if old != nil {
			g.t.release(old)
		}
	}
	g.target, g.start = r, nil
	for m := range g.members {
		g.members[m] = false
	}
	g.stir()
	return g.t.retain(r), g.moved
}

// candidate is what may be gone on to, retained; nil: nothing now.
func (g *Following) candidate() *roots {
	switch {
	case g.held != nil && g.held.r == nil:
		return nil
	case g.held != nil:
		return g.t.retain(g.held.r)
	case g.taken != nil && (g.target == nil || g.taken.version > g.target.version) && g.worth(g.taken):
		return g.t.retain(g.taken)
	}
	return g.t.newest()
}

// ask has a version taken that may be gone on to.
func (g *Following) ask() {
	if g.asked {
		return
	}
	g.asked = true
	g.cuts(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.asked = false
		if g.taken != nil {
			g.t.release(g.taken)
			g.taken = nil
		}
		if len(g.members) > 0 {
			g.taken = g.t.newest()
		}
		g.stir()
	})
}

// stir wakes the members that wait. mu is held.
func (g *Following) stir() {
	close(g.moved)
	g.moved = make(chan struct{})
}

// AtCuts has the members go on to such versions alone as are the newest when take is
// called. cuts returns at once, and has take called once, by another goroutine, unless
// nobody is to go on any more. It is set before any member is read.
func (g *Following) AtCuts(cuts func(take func())) { g.cuts = cuts }

// Moment is a version of all tables, once there is one.
type Moment struct {
	t *Tables
	r *roots // nil: none was taken
}

// Hold has the members go on to one version alone, and to none where the moment has none.
// Release ends it.
func (g *Following) Hold(m *Moment) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = m
	g.stir()
}

// Release has the members go on to any version again.
func (g *Following) Release() { g.Hold(nil) }

// Now is the newest version. Close lets go of it.
func (t *Tables) Now() *Moment { return &Moment{t, t.newest()} }

// Close lets go of the version. Nobody holds on to it any more.
func (m *Moment) Close() { m.t.release(m.r) }

// ChangedAt is the version of the last commit that changed a table, up to the moment.
func (m *Moment) ChangedAt(d *Desc) uint64 { return m.r.get(d.storage).at }

// worth reports whether a member has something to deliver at r. All have delivered
// what they had before, so that their from is theirs to read.
func (g *Following) worth(r *roots) bool {
	for m := range g.members {
		if m.from == nil || m.from.get(m.d.storage).n != r.get(m.d.storage).n || r.version-m.from.version > lag {
			return true
		}
	}
	return false
}

// delivered notes that a member has got to the target.
func (g *Following) delivered(f *Follower) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, open := g.members[f]; open {
		g.members[f] = true
	}
	for _, done := range g.members {
		if !done {
			return
		}
	}
	g.stir()
}

// leave ends a member; the target goes with the last one.
func (g *Following) leave(f *Follower) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members, f)
	if len(g.members) == 0 {
		for _, r := range []*roots{g.target, g.start, g.taken} {
			if r != nil {
				g.t.release(r)
			}
		}
		g.target, g.start, g.taken = nil, nil, nil
	}
	g.stir()
}

func (f *Follower) begin() error {
	var old *node
	version := f.to.version
	if f.from != nil {
		old, version = f.from.get(f.d.storage).n, f.from.version
	}
	if old != nil && f.to.get(f.d.storage).n == nil {
		return ErrRewritten(f.d.Relation) // a table that loses its last row keeps its root
	}
	f.a.reset(old, &stored{f.t, f.d.storage, version})
	f.b.reset(f.to.get(f.d.storage).n, &stored{f.t, f.d.storage, f.to.version})
	if err := f.a.seek(nil); err != nil {
		return err
	}
	return f.b.seek(nil)
}

// fill appends what fits. done: there is no more.
func (f *Follower) fill(b *vec.Batch) (n int, done bool, err error) {
	f.cols = f.cols[:0]
	for i, v := range b.Cols {
		if i != f.id {
			f.cols = append(f.cols, v)
		}
	}
	put := func(op vec.Op, id int64, value []byte) error {
		b.Ops = append(b.Ops, op)
		if f.id >= 0 {
			b.Cols[f.id].(*vec.Fixed[int64]).Append(id)
		}
		n++
		return f.reader.Read(rowBody(value), f.cols)
	}
	defer func() { b.Rows = n }()
	for n < vec.MaxRows-1 {
		key, old, now, ok, err := nextDifference(&f.a, &f.b)
		if err != nil {
			return n, false, err
		}
		if !ok {
			return n, true, nil
		}
		id := rowID(key)
		if old != nil {
			if err := put(vec.Delete, id, old); err != nil {
				return n, false, err
			}
		}
		if now != nil {
			if err := put(vec.Insert, id, now); err != nil {
				return n, false, err
			}
		}
	}
	return n, false, nil
}

// Close lets go of the versions that the follower holds. It may be called twice.
func (f *Follower) Close() {
	if f.closed {
		return
	}
	f.closed = true
	f.t.followers(f.d.storage, -1)
	f.in.leave(f) // first: others look at from of those that are in it
	for _, r := range []*roots{f.from, f.to} {
		if r != nil {
			f.t.release(r)
		}
	}
	f.from, f.to = nil, nil
}

// rootsAt are the roots of one storage at an older version, which a job's
// positions hold: the pages that the store has there, with what the log had of them.
// Pages that have not changed since are those of the newest version's tree.
func (t *Tables) rootsAt(j *state.Job, storage uint32, version uint64) (*roots, error) {
	now := t.newest()
	defer t.release(now)
	if version == now.version {
		return t.retain(now), nil
	}
	if now.get(storage).at <= version {
		return t.retain(now), nil // the table has not changed since
	}
	old, err := j.Reopen(version)
	if err != nil {
		return nil, err
	}
	leaves, err := t.leavesAt(old, t.store.SnapshotAt(state.TablesID, now.version), now, storage)
	if err != nil {
		old.Close()
		return nil, err
	}
	r := &roots{version: version, held: old, refs: 1}
	if len(leaves) > 0 {
		r = r.with(map[uint32]root{storage: {n: treeOf(leaves)}}, version, old)
	}
	w := t.newWork(r)
	if _, _, err := w.replay(old, func(s uint32) bool { return s == storage }); err != nil {
		old.Close()
		return nil, err
	}
	if e := w.edits[storage]; e != nil {
		r = r.with(map[uint32]root{storage: {n: e.root}}, version, old)
	}
	return r, nil
}

// leavesAt are the leaves of a storage as old has them.
func (t *Tables) leavesAt(old, new *state.Snapshot, now *roots, storage uint32) ([]*node, error) {
	pages := state.Space{Operator: storage, Shard: shardPage}
	written := map[string]uint64{}
	err := new.SpaceVersions(state.TablesID, pages, func(key []byte, v uint64) error {
		written[string(key)] = v
		return nil
	})
	if err != nil {
		return nil, err
	}
	shared := map[string]*node{}
	eachLeaf(now.get(storage).n, func(n *node) { shared[n.name] = n })
	var leaves []*node
	err = old.SpaceVersions(state.TablesID, pages, func(key []byte, v uint64) error {
		n := shared[string(key)]
		if n == nil || written[string(key)] != v || !t.cache.storedAt(n, now.version) {
			n = &node{name: string(key), dead: true} // its page goes with who reads it
		}
		leaves = append(leaves, n)
		return nil
	})
	return leaves, err
}

func eachLeaf(n *node, fn func(*node)) {
	switch {
	case n == nil:
	case n.kids == nil:
		fn(n)
	default:
		for _, k := range n.kids {
			eachLeaf(k, fn)
		}
	}
}
