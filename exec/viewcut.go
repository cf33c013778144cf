package exec

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Materialized views that are made from the same have its changes when their jobs' epochs
// end, each at its own time. Who reads several of them reads them at a cut: the jobs stop
// at one place of each split of their streams and at one version of their tables, those of
// views of views behind those of the views that they read, and end their epochs there. The
// newest version of the store is then one at which all of the views follow from the same,
// and what is read at it is taken before the jobs go on.
//
// A cut holds jobs up for as long as an epoch takes to be committed, and not at all where
// nothing has come since the last. Those who ask for one of the same views while another
// is made share the next.

// cutPatience is how long a cut may take. Where a job does not get on, who asked is
// answered without: that the view is not kept up to date he is told in any case.
const cutPatience = 5 * time.Second

// cutRest is for how long no other cut is tried of views of which none was made in time:
// jobs that stood still for it get on meanwhile, however often they are asked for.
const cutRest = cutPatience

// cutter makes the cuts of an engine, one at a time.
type cutter struct {
	turn chan struct{} // held by the one that is being made

	mu      sync.Mutex
	waiting map[string][]*cutRequest // by their views
	resting map[string]time.Time     // by their views: until when there is no cut of them
}

// cutRequest is somebody who waits for a cut.
type cutRequest struct {
	take func()
	done chan struct{} // closed when take has returned

	mu   sync.Mutex
	gone bool // nobody waits any more
}

func newCutter() *cutter {
	return &cutter{turn: make(chan struct{}, 1), waiting: map[string][]*cutRequest{}, resting: map[string]time.Time{}}
}

// rests reports whether no cut is to be tried of some views.
func (c *cutter) rests(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.resting, func(_ string, until time.Time) bool { return time.Now().After(until) })
	_, rests := c.resting[key]
	return rests
}

// rest has none tried of them for a while.
func (c *cutter) rest(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resting[key] = time.Now().Add(cutRest)
}

// atCut has take called at a cut of some views, by another goroutine, or when none could be
// made; not at all where the engine ends.
func (e *Engine) atCut(views []*catalog.Relation, take func()) *cutRequest {
	r := &cutRequest{take: take, done: make(chan struct{})}
	var oids []types.OID
	for _, v := range views {
		oids = append(oids, v.OID)
	}
	slices.Sort(oids)
	key := fmt.Sprint(oids)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining || e.ctx.Err() != nil {
		close(r.done)
		return r
	}
	c := e.cuts
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[key] = append(c.waiting[key], r)
	if len(c.waiting[key]) == 1 {
		e.background.Go(func() { e.serveCut(key, oids) })
	}
	return r
}

// serveCut makes a cut for all who wait for one of its views when it begins.
func (e *Engine) serveCut(key string, views []types.OID) {
	c := e.cuts
	c.turn <- struct{}{} // who has it gives it back within cutPatience
	defer func() { <-c.turn }()
	c.mu.Lock()
	all := c.waiting[key]
	delete(c.waiting, key)
	c.mu.Unlock()
	if !c.rests(key) {
		ctx, cancel := context.WithTimeout(e.ctx, cutPatience)
		defer cancel()
		release, err := e.cut(ctx, relations(e.o.Catalog.Snapshot(), views))
		defer release()
		if err != nil && e.ctx.Err() == nil {
			e.log.Warn("materialized views are read at different moments", "error", err)
		}
		if err != nil && ctx.Err() != nil {
			c.rest(key)
		}
	}
	for _, r := range all {
		r.serve()
	}
}

// serve calls take, unless nobody waits any more.
func (r *cutRequest) serve() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.gone {
		r.take()
	}
	close(r.done)
}

// await returns when take has been called, or never will be.
func (r *cutRequest) await(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	return context.Cause(ctx)
}

// cutMember is a job that is brought to a cut.
type cutMember struct {
	view  *catalog.Relation
	j     *job
	l     *life
	level int // above the views that read none
}

// errMoved is of a cut whose jobs are other ones by now.
var errMoved = errors.New("a job has been started again")

// cut brings views, and those that they read, to one cut. They stay there until release,
// which is never nil.
func (e *Engine) cut(ctx context.Context, views []*catalog.Relation) (release func(), err error) {
	for {
		release, err = e.tryCut(ctx, views)
		if !errors.Is(err, errMoved) {
			return release, err
		}
		release()
		pause := time.NewTimer(10 * time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return func() {}, err
		}
	}
}

// tryCut is cut, of the jobs as they are.
func (e *Engine) tryCut(ctx context.Context, views []*catalog.Relation) (release func(), err error) {
	var undo []func()
	var moments []*table.Moment
	release = func() {
		for _, f := range slices.Backward(undo) {
			f()
		}
		for _, m := range moments { // nobody is held at it any more
			m.Close()
		}
	}
	members, err := e.cutMembers(views)
	if err != nil {
		return release, err
	}
	var pumps []*pump
	frozen := &table.Moment{}
	for _, m := range members {
		m.j.still.Store(true)
		undo = append(undo, func() { m.j.still.Store(false) })
		pumps = append(pumps, m.l.streamPumps()...)
		for _, f := range m.l.followings() {
			f.Hold(frozen)
			undo = append(undo, f.Release)
		}
	}
	g := closeGate(pumps)
	undo = append(undo, g.release)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, m := range members {
		go func() { // which ends with the cut
			select {
			case <-m.l.lived:
				cancel(errMoved)
			case <-ctx.Done():
			}
		}()
	}
	if err := g.align(ctx); err != nil {
		return release, err
	}
	for level := 0; ; level++ {
		now := e.o.Tables.Now()
		moments = append(moments, now)
		more, waits := false, []func() error{}
		for _, m := range members {
			more = more || m.level > level
			if m.level == level {
				waits = append(waits, m.bring(ctx, g, now, &undo))
			}
		}
		for _, wait := range waits {
			if err := wait(); err != nil {
				return release, err
			}
		}
		if !more {
			return release, nil
		}
	}
}

// cutMembers are the jobs of some views, and of those that they read, but for those that do
// not get on.
func (e *Engine) cutMembers(views []*catalog.Relation) ([]*cutMember, error) {
	s := e.o.Catalog.Snapshot()
	levels := map[types.OID]int{}
	var all []*cutMember
	var visit func(v *catalog.Relation) error
	visit = func(v *catalog.Relation) error {
		if _, seen := levels[v.OID]; seen || v.Kind != catalog.MatView {
			return nil
		}
		m := &cutMember{view: v}
		for _, on := range readBy(s, v) {
			if err := visit(on); err != nil {
				return err
			}
			if level, ok := levels[on.OID]; ok {
				m.level = max(m.level, level+1)
			}
		}
		levels[v.OID] = m.level
		def := s.Job(v.Job)
		if def == nil {
			return nil
		}
		e.mu.Lock()
		m.j = e.jobs[def.UUID]
		e.mu.Unlock()
		if m.j == nil || m.j.ending() || m.j.ended() {
			return nil
		}
		var held bool
		if m.l, held = m.j.now(); held {
			return nil // it stands still, and is not waited for
		}
		if m.l == nil {
			return errMoved
		}
		all = append(all, m)
		return nil
	}
	for _, v := range views {
		if err := visit(v); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// now is the life that the job is in; nil: none, or it has not opened what it reads. held:
// it does not get on.
func (j *job) now() (l *life, held bool) {
	j.mu.Lock()
	l, problem, waits := j.present, j.problem, j.waits
	j.mu.Unlock()
	held = l == nil && problem.Message != ""
	for _, w := range waits {
		held = held || w.Impediment() != nil
	}
	return l, held
}

// streamPumps are the pumps of a life that read streams.
func (l *life) streamPumps() []*pump {
	var all []*pump
	for _, t := range l.tasks {
		for _, p := range t.pumps.all {
			if p.places != nil {
				all = append(all, p)
			}
		}
	}
	return all
}

// followings are those of the tables that a life follows.
func (l *life) followings() []*table.Following {
	var all []*table.Following
	for _, t := range l.tasks {
		for _, leaf := range t.live {
			if leaf.scan.table != nil && !slices.Contains(all, leaf.scan.table.in) {
				all = append(all, leaf.scan.table.in)
			}
		}
	}
	return all
}

// cutRounds is how often readers that cannot stop at a place are let go on before no cut is
// made: where rows flow they meet by chance. Others need three.
const cutRounds = 20

// errApart is of readers that do not meet.
var errApart = errors.New("the readers of a stream cannot stop at a place, and do not meet while rows flow")

// align has the pumps of a gate stop at one place of each split, and tell their tasks.
func (g *gate) align(ctx context.Context) error {
	stands := map[*pump]stand{}
	waiting := map[*pump]bool{}
	for p := range g.orders {
		waiting[p] = true
	}
	for round := 0; len(waiting) > 0; round++ {
		if round > cutRounds {
			return errApart
		}
		for len(waiting) > 0 {
			select {
			case s := <-g.stands:
				stands[s.pump] = s
				delete(waiting, s.pump)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		most := furthest(stands)
		for p, s := range stands {
			if to := s.left(most[p.leaf.scan.plan.Relation.OID]); to != nil {
				g.orders[p] <- order{to} // there is room: it has taken the one before
				waiting[p] = true
			}
		}
	}
	for p, s := range stands {
		if !s.over {
			g.orders[p] <- order{}
		}
	}
	return nil
}

// bring has a job end the epoch that has what was read before the gate, and of tables what
// a moment has. The function that it returns waits until that is in the view.
func (m *cutMember) bring(ctx context.Context, g *gate, now *table.Moment, undo *[]func()) func() error {
	goal := &viewGoal{gate: g, done: make(chan struct{})}
	for _, r := range readBy(m.j.e.o.Catalog.Snapshot(), m.view) {
		if r.Stored() {
			goal.version = max(goal.version, now.ChangedAt(table.Describe(r)))
		}
	}
	for _, f := range m.l.followings() {
		f.Hold(now)
	}
	m.j.view.add(goal)
	*undo = append(*undo, func() { m.j.view.drop(goal) })
	m.j.hurryUp()
	return func() error {
		select {
		case <-goal.done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// related are those of the materialized views that a plan reads which are made from
// something that another one of them is made from, or is.
func related(s *catalog.Snapshot, views []*catalog.Relation) []*catalog.Relation {
	if len(views) < 2 {
		return nil
	}
	from := map[types.OID]map[types.OID]bool{}
	for _, v := range views {
		from[v.OID] = map[types.OID]bool{}
		madeFrom(s, v, from[v.OID])
	}
	return slices.DeleteFunc(slices.Clone(views), func(v *catalog.Relation) bool {
		for _, o := range views {
			if o.OID == v.OID {
				continue
			}
			for on := range maps.Keys(from[v.OID]) {
				if from[o.OID][on] {
					return false
				}
			}
		}
		return true
	})
}

// anyTable stands for all tables: one commit may change several.
const anyTable types.OID = 0

// madeFrom adds a relation and what it is made from.
func madeFrom(s *catalog.Snapshot, r *catalog.Relation, to map[types.OID]bool) {
	if to[r.OID] {
		return
	}
	to[r.OID] = true
	if r.Kind == catalog.Table {
		to[anyTable] = true
	}
	if r.Kind == catalog.View || r.Kind == catalog.MatView {
		for _, on := range relations(s, r.DependsOn) {
			madeFrom(s, on, to)
		}
	}
}

// relatedViews are the materialized views that a plan reads, or follows, of which several
// are made from the same.
func relatedViews(s *catalog.Snapshot, root plan.Node) []*catalog.Relation {
	return related(s, matViewsIn(root))
}

// matViewsIn are the materialized views that a plan reads, each once.
func matViewsIn(root plan.Node) []*catalog.Relation {
	var views []*catalog.Relation
	plan.WalkAll(root, func(n plan.Node) {
		scan, ok := n.(*plan.Scan)
		if ok && scan.Relation.Kind == catalog.MatView && !slices.ContainsFunc(views, func(v *catalog.Relation) bool { return v.OID == scan.Relation.OID }) {
			views = append(views, scan.Relation)
		}
	})
	return views
}

// followAtCuts has what follows several views that are made from the same go from one cut of
// them to the next.
func (b *builder) followAtCuts(root plan.Node) {
	if b.follow == nil {
		return
	}
	if views := relatedViews(b.engine.o.Catalog.Snapshot(), root); len(views) > 0 {
		b.follow.AtCuts(func(take func()) { b.engine.atCut(views, take) })
	}
}

// atOneCut takes the statement's snapshot at a cut of the views that its plan reads, where
// several are made from the same. Where it is the snapshot of the statements that follow
// too, that is a cut of all that may be read beside them.
func (t *Txn) atOneCut(ctx context.Context, b *builder, root plan.Node) error {
	if b.view.snap != nil || t.e.o.Tables == nil || t.tab != nil && t.isolation != table.ReadCommitted {
		return nil
	}
	s := t.Snapshot()
	views := matViewsIn(root)
	if len(views) > 0 && t.isolation != table.ReadCommitted {
		for _, r := range s.Relations() {
			if r.Kind == catalog.MatView && !slices.ContainsFunc(views, func(v *catalog.Relation) bool { return v.OID == r.OID }) {
				views = append(views, r)
			}
		}
	}
	if views = related(s, views); len(views) == 0 {
		return nil
	}
	var err error
	if werr := t.e.atCut(views, func() { _, err = b.view.snapshot(t.e) }).await(ctx); werr != nil {
		b.view.close()
		return werr
	}
	return err
}
