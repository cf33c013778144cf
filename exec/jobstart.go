package exec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// start brings a job back to its committed epoch and opens everything. The order
// is ARCHITECTURE.md's: what is beyond the committed epoch goes, first in the
// sinks and then in the store; then what is committed is delivered; then the
// sources open where the epoch ended.
func (l *life) start(ctx context.Context) error {
	defer l.j.asked.ask("what it opens")()
	e := l.j.e
	var err error
	if l.plan, err = e.o.Plan(ctx, e.o.Catalog.Snapshot(), l.j.def); err != nil {
		return fmt.Errorf("planning job %s: %w", l.j.def.Name, err)
	}
	l.settings = l.settings.of(l.plan)
	if err := checkJobPlan(l.j.def.Name, l.plan.Root, l.plan.View); err != nil {
		return err
	}
	if l.env, err = JobEnv(l.j.def, e.o.Catalog.Snapshot()); err != nil {
		return err
	}
	if err := l.openLetters(); err != nil {
		return err
	}
	l.handle = e.o.Store.Job(l.j.id)
	rec, err := l.handle.Recover()
	if err != nil {
		return err
	}
	if rec, err = l.ask(ctx, rec); err != nil {
		return err
	}
	l.j.remember()
	if err := l.openSinks(ctx, rec); err != nil {
		return err
	}
	if err := l.recover(ctx, rec); err != nil {
		return err
	}
	progress, err := l.handle.Progress()
	if err != nil {
		return err
	}
	first := rec.Epoch == 0 && len(progress.Positions) == 0 // a state may have been imported
	if err := l.build(ctx, first); err != nil {
		return err
	}
	if err := l.openSources(ctx, progress, first); err != nil {
		return err
	}
	l.j.view.begin(stream.Epoch(rec.Epoch))
	l.j.mu.Lock()
	l.j.present = l
	l.j.mu.Unlock()
	l.j.open()
	return nil
}

// openSinks opens every sink of the plan at its last committed epoch, which makes
// it drop what lies past that.
func (l *life) openSinks(ctx context.Context, rec state.Recovery) error {
	e := l.j.e
	known := map[string]state.SinkRecovery{}
	for _, s := range rec.Sinks {
		known[s.Sink] = s
	}
	l.fails = make(chan error, len(l.plan.Sinks)+len(l.boxes)+1) // and of an epoch's commit
	add := func(name string, r *catalog.Relation, sink stream.Sink, size int, p faultPolicy) *sinkTask {
		t := &sinkTask{name: name, batch: size, sink: sink, job: l.j, handle: l.handle, reject: l.refused(p), omits: l.omitted, failure: p.failure,
			queue: newWorkQueue(l.settings.memory), prepared: make(chan preparedToken, 1), decisions: make(chan work, 2), fails: l.fails}
		l.sinks = append(l.sinks, t)
		t.start(ctx, e)
		e.log.Info("sink created", "job", l.j.def.Name, "sink", name, "type", r.Connector)
		return t
	}
	open := func(name string, r *catalog.Relation, p faultPolicy) (*sinkTask, error) {
		o := stream.SinkOptions{Job: l.j.def.Name, ID: l.j.id.String(), Committed: stream.Epoch(rec.Epoch), Changelog: l.plan.Changelog && !l.takesLetters(r),
			Decider: l.decidedBy(r), Create: l.takesLetters(r)}
		if o.Changelog {
			key, err := e.changeKey(l.plan, r)
			if err != nil {
				return nil, p.failure(jobError(l.j.def.Name, "sinks", name, err))
			}
			o.Key = key
		}
		if ts := known[name].Tokens; len(ts) > 0 {
			last := ts[len(ts)-1]
			o.Committed, o.Token = stream.Epoch(last.Epoch), last.Token
			o.Delivered = known[name].Delivered >= last.Epoch
		}
		sink, err := l.openSink(ctx, name, r, o, known[name], p)
		if err != nil {
			return nil, p.failure(jobError(l.j.def.Name, "sinks", name, system{err}))
		}
		if w, ok := sink.(stream.Impeded); ok {
			l.hindered(w)
		}
		size, err := e.sinkBatch(r)
		if err != nil {
			return nil, firstError(err, sink.Close())
		}
		return add(name, r, sink, size, p), nil
	}
	for i, target := range l.plan.Sinks {
		if target.Table != nil {
			name := sinkName(i, target.Relation)
			if l.plan.View {
				name = "view" // which may be given another name
			}
			sink, err := l.openTableSink(name, i, target, l.policies.sinks[i])
			if err != nil {
				return jobError(l.j.def.Name, "sinks", name, system{err})
			}
			add(name, target.Relation, sink, 0, l.policies.sinks[i])
			continue
		}
		r := l.sinkRelation(target.Relation)
		if _, err := open(sinkName(i, r), r, l.policies.sinks[i]); err != nil {
			return err
		}
	}
	return l.openBoxes(open)
}

// openSink opens a sink, or what stages its rows.
func (l *life) openSink(ctx context.Context, name string, r *catalog.Relation, o stream.SinkOptions, known state.SinkRecovery, p faultPolicy) (stream.Sink, error) {
	e := l.j.e
	connector, staged := l.stages(r)
	if !staged {
		return e.openSink(ctx, r, o)
	}
	s := &stagedSink{name: name, rel: r, ops: o.Changelog, reject: l.refused(p), letters: p.box != nil}
	if l.stagedByName(r) {
		s.decider = func() (stream.Decider, error) {
			return connector.Decider(&e.o.Env, []*catalog.Relation{r}, stream.DeciderOptions{Job: l.j.def.Name, ID: l.j.id.String() + "-" + name, Checkpoint: l.settings.checkpoint})
		}
	}
	s.open = func(ctx context.Context, d stream.Decider) (stream.Sink, error) {
		o := o
		o.Decider = d
		return e.openSink(ctx, r, o)
	}
	return l.newStagedSink(ctx, s, len(l.sinks), known.Delivered)
}

// hindered has the job ask what a part of it waits for.
func (l *life) hindered(by stream.Impeded) {
	l.j.mu.Lock()
	defer l.j.mu.Unlock()
	l.j.waits = append(l.j.waits, by)
}

// sinkRelation returns the sink as the catalog has it now, with the columns of
// the job's rows where it declares none.
func (l *life) sinkRelation(planned *catalog.Relation) *catalog.Relation {
	r := *planned
	if now := l.j.e.o.Catalog.Snapshot().Relation(r.Schema, r.Name); now != nil {
		r = *now
	}
	if len(r.Columns) == 0 {
		for _, f := range l.plan.Root.Schema() {
			r.Columns = append(r.Columns, catalog.Column{Name: f.Name, Type: f.Type})
		}
	}
	return &r
}

// recover undoes what the job's last life left undecided, and delivers what it
// left undelivered. An epoch that is still only prepared is not decided, and goes.
func (l *life) recover(ctx context.Context, rec state.Recovery) error {
	if p := rec.Prepared; p != nil {
		for _, t := range p.Tokens {
			for _, s := range l.sinks {
				if s.name != t.Sink {
					continue
				}
				if err := s.sink.Rollback(ctx, stream.Epoch(p.Epoch), t.Bytes); err != nil {
					return fmt.Errorf("undoing epoch %d of sink '%s': %w", p.Epoch, s.name, err)
				}
			}
		}
	}
	next, err := l.handle.Rollback()
	if err != nil {
		return err
	}
	for _, s := range l.sinks {
		for _, known := range rec.Sinks {
			if known.Sink != s.name {
				continue
			}
			for _, t := range known.Tokens {
				if err := s.sink.Commit(ctx, stream.Epoch(t.Epoch), t.Token); err != nil {
					return fmt.Errorf("delivering epoch %d to sink '%s': %w", t.Epoch, s.name, err)
				}
				if _, ok := s.sink.(*stagedSink); ok {
					continue // which tells when it is
				}
				if table, ok := s.sink.(*tableSink); ok {
					if err := table.takeKept(stream.Epoch(t.Epoch)); err != nil {
						return fmt.Errorf("reading what sink '%s' has refused of epoch %d: %w", s.name, t.Epoch, err)
					}
				}
				if err := l.handle.Delivered(t.Epoch, s.name); err != nil {
					return err
				}
			}
		}
	}
	l.next(stream.Epoch(next))
	return nil
}

// build makes the operators of every task. first: no epoch was committed yet, so
// rows that are in the plan itself have not been passed on.
func (l *life) build(ctx context.Context, first bool) error {
	e := l.j.e
	limit := l.settings.memory
	if limit == 0 {
		limit = e.o.QueryMemory
	}
	l.memory = newJobMemory(limit, func(text string) {
		e.log.Warn(text, "job", l.j.def.Name, "hint", "lower max_batch_size, or raise batch.memory_limit_mb")
	})
	l.account = l.stateAccount()
	l.pool = &batchPool{types: schemaTypes(l.plan.Root)}
	if len(l.plan.Sinks) == 0 {
		kept, err := loadResults(e.o.Store, l.j.id, l.plan.Root.Schema(), l.env.Format)
		if err != nil {
			return err
		}
		kept.ops = l.plan.Changelog
		l.results = kept
	}
	if err := l.makeTasks(ctx); err != nil {
		return err
	}
	if err := l.keepOperators(first); err != nil {
		return err
	}
	if err := l.loadMarks(); err != nil {
		return err
	}
	l.pace = newEpochPace(l.account, len(l.tasks))
	if len(l.tasks) > 1 {
		return nil // each does, as what it reads goes to others
	}
	return l.tasks[0].readBounded(ctx, first)
}

// readBounded reads the leaves that end: those that no state has the rows of at each
// start and in every task, others at a job's first and in the first task.
func (t *task) readBounded(ctx context.Context, first bool) error {
	bounded, _ := t.tree.splitLeaves()
	for _, leaf := range bounded {
		var err error
		if leaf.again || first && t.number == 0 {
			err = t.tree.readLeaf(ctx, leaf)
		} else {
			err = leaf.skip(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// makeTasks makes the tasks and their operators.
func (l *life) makeTasks(ctx context.Context) error {
	n := l.settings.parallelism
	root, first := l.plan.Root, map[plan.Node]bool(nil)
	var shared []*sharedScan
	if n > 1 {
		d, err := distribute(root, l.settings.partial)
		if err != nil {
			return err
		}
		root, first = d.root, d.first
		for _, one := range d.scans {
			shared = append(shared, newSharedScan(n, one))
		}
	}
	for i := range n {
		env := *l.env
		t := &task{life: l, number: i, env: &env, inbox: make(chan message, mailbox*n), nudge: make(chan struct{}, 1),
			barriers: make(chan struct{}, 1), resumes: make(chan struct{}, 1)}
		l.tasks = append(l.tasks, t)
		if err := t.build(ctx, root, shared); err != nil {
			return err
		}
		t.place(first)
	}
	return nil
}

// place says of each operator at what level it is, and whether its rows are all the
// first task's.
func (t *task) place(first map[plan.Node]bool) {
	for _, n := range t.tree.nodes { // inputs first
		n.single = first[n.plan]
		n.off = n.single && t.number > 0
		up := n.level
		if _, ok := n.op.(*exchange); ok {
			up++
		}
		if to := n.to.node; to != nil {
			to.level = max(to.level, up)
		}
		t.levels = max(t.levels, up)
	}
	t.arrived = make([]int, t.levels+1)
}

// build makes a task's operators.
func (t *task) build(ctx context.Context, root plan.Node, shared []*sharedScan) error {
	l := t.life
	b := l.j.e.builder(t.env)
	*b.scope.ctx = ctx
	b.live, b.job, b.task, b.account = true, l.handle, t, l.account
	t.origins = map[*plan.Scan]*origin{}
	b.faultIn, b.lateRow, b.allowed = t.faultIn, t.lateIn, l.settings.allowed
	b.late = func(rows int) { l.j.count(tally{late: int64(rows)}) }
	t.names, t.batches = map[*scan]string{}, map[*scan]int{}
	var badPolicy error
	b.scanned = func(s *scan) {
		if shared != nil && !s.spec.Bounded {
			s.shared, s.task = shared[0], t.number
			shared = shared[1:]
		}
		name := sourceName(len(t.names), s.plan.Relation)
		t.names[s] = name
		s.spec.Group = jobGroup(l.j.def.Name)
		s.spec.Job = l.j.id.String() + "/" + name
		s.begin(l.j.def.Start)
		l.j.mu.Lock()
		l.j.streams[name] = s.plan.Relation.Name
		switch {
		case s.table != nil:
			l.j.follows[name] = true
		case !s.spec.Bounded:
			l.j.reads[name] = sourceRead{s.plan.Relation, s.spec, plan.Derive(s.plan).Bounded && !s.plan.Looked}
		}
		l.j.mu.Unlock()
		size, err := batchSize(s.plan.Relation.Options)
		t.batches[s] = size
		l.onReject(s)
		if s.spec.Bounded {
			// It is no part of an epoch, nor are its records at fault.
			s.faults = func(r stream.Reject) error { return t.rejected(&leaf{scan: s}, "", r) }
		}
		if err != nil {
			badPolicy = err
		}
	}
	t.fan = &fanOut{life: l}
	var err error
	if t.tree, err = b.tree(root, t.fan); err != nil {
		b.view.close()
		return err
	}
	t.tree.view = b.view
	b.followAtCuts(root)
	_, t.live = t.tree.splitLeaves()
	t.live = slices.DeleteFunc(t.live, func(l *leaf) bool { return l.scan.shared != nil && l.scan.shared.first && t.number > 0 })
	return badPolicy
}

// jobGroup is the consumer group that shows a job's lag to a broker's tools.
func jobGroup(name string) string { return "ferris-streams-" + name }

// onReject sets what a source does with records that do not decode: what the
// stream says, else what the job does.
func (l *life) onReject(s *scan) {
	policy := l.policies.of(s.plan.Relation)
	s.spec.Raw = policy.box != nil
	if _, ok := s.plan.Relation.Options.Get("on_error"); ok {
		if s.spec.OnReject == stream.Fail {
			return
		}
	} else {
		s.spec.OnReject = stream.Skip
		if policy.strategy == failBatch || policy.strategy == retryWithBackoff {
			s.spec.OnReject = stream.Fail
		}
	}
	// They belong to the epoch of the rows that they were read with: item.
	s.faults = func(stream.Reject) error { return nil }
}

// openSources opens every stream where the committed epoch ended, and starts
// reading.
func (l *life) openSources(ctx context.Context, p state.Progress, first bool) error {
	l.j.mu.Lock()
	for _, at := range p.Positions {
		l.j.positions[place{at.Source, stream.Split(at.Split)}] = slices.Clone(at.Offset)
	}
	l.j.mu.Unlock()
	times := map[string]*sourceTime{}
	for _, leaf := range l.tasks[0].live {
		if leaf.clock != nil {
			times[l.tasks[0].names[leaf.scan]] = leaf.clock.sourceTime
			l.drifting.streams = append(l.drifting.streams, timedStream{leaf.clock.sourceTime, leaf.scan.splits})
		}
	}
	l.j.mu.Lock()
	l.j.times, l.j.measures = times, map[string][]stream.Measured{}
	l.j.mu.Unlock()
	for _, t := range l.tasks {
		if err := t.openSources(ctx, p); err != nil {
			return err
		}
	}
	if len(l.tasks) > 1 {
		l.startTasks(ctx, first)
	}
	return nil
}

func (t *task) openSources(ctx context.Context, p state.Progress) error {
	l, e := t.life, t.life.j.e
	t.at, t.moved, t.caught = map[place]stream.Offset{}, map[place]stream.Offset{}, map[place]time.Time{}
	for _, at := range p.Positions {
		t.at[place{at.Source, stream.Split(at.Split)}] = slices.Clone(at.Offset)
	}
	for _, leaf := range t.live {
		name := t.names[leaf.scan]
		e.log.Info("Creating "+leaf.scan.kind()+" source", "job", l.j.def.Name, "source", name)
		var from []stream.Position
		for _, at := range p.Positions {
			if at.Source == name {
				from = append(from, stream.Position{Split: stream.Split(at.Split), Offset: at.Offset})
			}
		}
		if hasEnded(p, name) && (leaf.clock != nil || !l.goesOn) {
			continue
		}
		if leaf.scan.table != nil && len(from) > 0 {
			version, err := tableVersion(from[0].Offset)
			if err != nil {
				return err
			}
			leaf.version, leaf.parted = version, false
		}
		if err := leaf.scan.open(ctx, from); err != nil {
			return jobError(l.j.def.Name, "data sources", name, system{err})
		}
		l.j.measuredBy(name, leaf.scan.source)
		e.log.Info("Successfully created "+leaf.scan.kind()+" source", "job", l.j.def.Name, "source", name)
	}
	l.j.shown(p.Watermarks)
	t.setClocks(p)
	t.open = len(t.live)
	reading := slices.DeleteFunc(slices.Clone(t.live), func(leaf *leaf) bool { return leaf.scan.reader == nil })
	if len(l.tasks) == 1 {
		if err := t.resumeClocks(ctx); err != nil {
			return err
		}
	}
	t.pumps = startPumps(ctx, e, reading, readsAlone)
	l.hindered(t.pumps)
	t.startAckers(ctx)
	return nil
}
