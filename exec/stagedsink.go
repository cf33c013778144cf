package exec

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// stagedSink is a sink that gets its rows after the decision. An epoch's rows are part
// of the job's own epoch; a goroutine delivers the committed ones in order, and tries
// again for as long as the sink's system is away. Meanwhile the job goes on, until
// what waits takes sink.buffer; then it waits too, or drops rows where it says so.
//
// Exactly once, each epoch is delivered in a transaction of the sink's system, which
// also records it there: whether it has been is asked of that record.
type stagedSink struct {
	life   *life
	name   string
	rel    *catalog.Relation
	layout *rowkey.Layout
	read   *rowkey.Reader
	ops    bool // rows have an op
	most   int64
	drops  bool
	reject func(where string, r stream.Reject) error
	// letters: what the sink refuses are dead letters, which an epoch of the job's has
	// before the sink's system has the rest.
	letters bool
	// open opens the sink itself, and decider, where each row is to be there once,
	// what it writes in; nil: rows are there at least once.
	open    func(context.Context, stream.Decider) (stream.Sink, error)
	decider func() (stream.Decider, error)
	handle  *state.Job
	stage   tableStage

	rows    changeList // of the epoch that runs
	dropped int64      // rows of it
	next    stagedEpoch

	mu      sync.Mutex // guards what follows
	queue   []stagedEpoch
	held    int64           // bytes of queue
	gone    []stagedEpoch   // delivered: their rows go with the next epoch
	last    stream.Epoch    // that is known to be delivered
	failed  error           // what will not pass
	problem error           // what it waits for
	sink    stream.Sink     // nil: it is not open
	refused []stream.Reject // of the first of queue, until the epoch that ends next takes them
	waits   bool            // the delivery does, until an epoch has them as dead letters
	within  stream.Epoch    // of the job's, the one that has them
	aside   stream.Epoch    // the last whose refused rows are committed as dead letters
	changed chan struct{}   // closed and replaced when any of this changes

	// Of the goroutine:
	out    stream.Decider
	batch  *vec.Batch
	cancel context.CancelFunc
	done   chan struct{}
}

// stagedEpoch is an epoch's rows in the store.
type stagedEpoch struct {
	epoch   stream.Epoch
	parts   int
	bytes   int64
	letters bool // some of its rows are dead letters, which is noted beside them
}

// newStagedSink starts the delivery. last is the last epoch that is known to be
// delivered.
func (l *life) newStagedSink(ctx context.Context, s *stagedSink, number int, last uint64) (*stagedSink, error) {
	s.life, s.handle, s.last = l, l.handle, stream.Epoch(last)
	s.most, s.drops = l.settings.sinkBuffer, l.settings.sinkDrops
	ts := schemaTypes(l.plan.Root)
	if l.takesLetters(s.rel) {
		ts = ts[:0:0]
		for _, c := range s.rel.Columns {
			ts = append(ts, c.Type)
		}
	}
	attrs, all := make([]rowkey.Attr, len(ts)), make([]int, len(ts))
	for i, t := range ts {
		attrs[i].Type, all[i] = t, i
	}
	s.layout = rowkey.NewLayout(attrs)
	s.read = s.layout.Reader(all)
	s.batch = vec.NewBatch(ts)
	s.stage.store, s.stage.job, s.stage.space = l.j.e.o.Store, l.j.id, state.Space{Operator: stageOperator, Shard: uint16(number)}
	sn := l.j.e.o.Store.Snapshot(l.j.id)
	defer sn.Close()
	err := sn.Scan(l.j.id, s.stage.space, nil, nil, func(key, _ []byte) error {
		switch e := stream.Epoch(binary.BigEndian.Uint64(key)); {
		case e <= s.last:
			s.stage.old = append(s.stage.old, slices.Clone(key))
		case bytes.Equal(key, stageKey(e, lettersPart)):
			s.aside = e
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.changed, s.done = make(chan struct{}), make(chan struct{})
	ctx, s.cancel = context.WithCancel(ctx)
	go func() {
		defer close(s.done)
		s.run(ctx)
	}()
	return s, nil
}

// tell wakes those who wait for a change. mu is held.
func (s *stagedSink) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Write keeps the rows of a batch for the epoch that runs.
func (s *stagedSink) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	if err := s.room(ctx); err != nil {
		return nil, err
	}
	var row []byte
	keep := func(r int) {
		if s.drops && !s.fits() {
			s.dropped++
			return
		}
		row = s.layout.Append(row[:0], b.Cols, r)
		s.rows.append(b.Op(r), row)
	}
	if b.Sel != nil {
		for _, r := range b.Sel {
			keep(int(r))
		}
		return nil, nil
	}
	for r := range b.Rows {
		keep(r)
	}
	return nil, nil
}

// fits reports whether there is room for more rows: always for the first ones.
func (s *stagedSink) fits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held+int64(len(s.rows.buf)) < s.most || s.held == 0 && len(s.rows.buf) == 0
}

// room waits until there is room for more rows. What lies before the epoch that runs
// is delivered meanwhile; that epoch alone may take more than the limit, and so may one
// that has to end before the delivery goes on.
func (s *stagedSink) room(ctx context.Context) error {
	for {
		s.mu.Lock()
		failed, changed := s.failed, s.changed
		full := s.held > 0 && s.held+int64(len(s.rows.buf)) >= s.most && !s.waits
		s.mu.Unlock()
		if failed != nil || !full || s.drops {
			return failed
		}
		select {
		case <-changed:
		case <-s.life.j.stop:
			return nil // what is left of the last epoch
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Prepare has the epoch's rows ready to be staged.
func (s *stagedSink) Prepare(ctx context.Context, e stream.Epoch) ([]byte, error) {
	if err := s.room(ctx); err != nil {
		return nil, err
	}
	if s.dropped > 0 {
		s.life.j.e.log.Warn("rows were dropped: the sink does not take them, and sink.buffer is full", "job", s.life.j.def.Name, "sink", s.name, "rows", s.dropped)
		s.life.j.countSunk(tally{skipped: s.dropped})
		s.dropped = 0
	}
	token := s.stage.prepare(s.rows)
	s.next = stagedEpoch{epoch: e, parts: len(s.stage.parts), bytes: int64(len(s.rows.buf))}
	s.rows = changeList{}
	return token, nil
}

// stageInto puts the prepared epoch's rows into the pages of the job's, and removes
// those that are delivered.
func (s *stagedSink) stageInto(pages *state.Batch, e stream.Epoch) {
	s.mu.Lock()
	gone := s.gone
	s.gone = nil
	if s.within == e {
		pages.Set(s.stage.space, stageKey(s.queue[0].epoch, lettersPart), []byte{})
	}
	s.mu.Unlock()
	for _, g := range gone {
		for i := range g.parts {
			s.stage.old = append(s.stage.old, stageKey(g.epoch, i))
		}
		if g.letters {
			s.stage.old = append(s.stage.old, stageKey(g.epoch, lettersPart))
		}
	}
	s.stage.write(pages, e)
	s.stage.old = nil // what was just written waits to be delivered
}

// Commit has a committed epoch delivered. It does not wait for that.
func (s *stagedSink) Commit(_ context.Context, e stream.Epoch, token []byte) error {
	next := s.next
	if next.epoch != e {
		parts, err := stageParts(token)
		if err != nil {
			return err
		}
		next = stagedEpoch{epoch: e, parts: parts, bytes: int64(parts) * stagePart}
	}
	s.next = stagedEpoch{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.within == e {
		s.within, s.aside = 0, s.queue[0].epoch
		s.tell()
	}
	if e <= s.last {
		return nil
	}
	s.queue = append(s.queue, next)
	s.held += next.bytes
	s.tell()
	return s.failed
}

// Rollback forgets the epoch's rows: what was staged of them goes with the job's epoch.
func (s *stagedSink) Rollback(context.Context, stream.Epoch, []byte) error {
	s.rows, s.dropped, s.next, s.stage.parts = changeList{}, 0, stagedEpoch{}, nil
	return nil
}

// Close ends the delivery. What is staged is delivered after the next start.
func (s *stagedSink) Close() error {
	s.cancel()
	<-s.done
	return s.closeSink()
}

// Impediment is stream.Impeded's.
func (s *stagedSink) Impediment() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.sink.(stream.Impeded); ok && s.problem == nil {
		return w.Impediment()
	}
	return s.problem
}

// delivered waits until nothing is left to be delivered. Where rows that were refused wait
// for an epoch to end, it has that end.
func (s *stagedSink) delivered(ctx context.Context, stop <-chan struct{}) (bool, error) {
	for {
		s.mu.Lock()
		left, failed, changed := len(s.queue), s.failed, s.changed
		s.mu.Unlock()
		if left == 0 || failed != nil {
			return true, failed
		}
		if s.life.hasLetters() {
			if err := s.life.end(ctx); err != nil {
				return false, err
			}
			continue
		}
		select {
		case <-changed:
		case <-s.life.j.hurry: // another sink has letters, perhaps
		case <-stop:
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// run delivers one epoch after the other.
func (s *stagedSink) run(ctx context.Context) {
	wait := s.life.settings.backoff
	for {
		s.mu.Lock()
		var e stagedEpoch
		some, changed := len(s.queue) > 0, s.changed
		if some {
			e = s.queue[0]
		}
		s.mu.Unlock()
		if !some {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return
			}
		}
		err := s.deliver(ctx, e)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			s.took(e)
			wait = s.life.settings.backoff
			continue
		}
		_ = s.closeSink() // it has failed: another one is opened
		var said strategyError
		if errors.As(err, &said) || permanent(err) && !missing(system{err}) {
			s.fail(err)
			return
		}
		s.impeded(err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		wait = min(2*wait, time.Minute)
	}
}

func (s *stagedSink) took(e stagedEpoch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.letters = s.aside == e.epoch
	s.queue, s.held, s.last, s.problem = s.queue[1:], s.held-e.bytes, e.epoch, nil
	s.gone = append(s.gone, e)
	s.tell()
}

func (s *stagedSink) impeded(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem == nil { // the log hears of an outage once
		s.life.j.e.log.Warn("delivering to a sink", "job", s.life.j.def.Name, "sink", s.name, "error", err)
	}
	s.problem = err
	s.tell()
}

// fail makes an error that does not pass the job's.
func (s *stagedSink) fail(err error) {
	err = fmt.Errorf("Sink '%s': %w", s.name, system{err})
	s.mu.Lock()
	s.failed = err
	s.tell()
	s.mu.Unlock()
	select {
	case s.life.fails <- err:
	default: // the job has failed already
	}
}

// deliver writes the rows of an epoch to the sink itself.
func (s *stagedSink) deliver(ctx context.Context, e stagedEpoch) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	sink, there := s.sink, e.epoch <= s.last
	s.mu.Unlock()
	if !there && (e.parts > 0 || s.out != nil) { // each is recorded where that is asked
		rows, err := s.stage.read(e.epoch, e.parts)
		if err != nil {
			return fmt.Errorf("reading the rows of epoch %d for sink %s: %w", e.epoch, s.rel.Name, err)
		}
		refused, err := s.write(ctx, sink, rows)
		if err == nil && len(refused) > 0 {
			err = s.putAside(ctx, e, refused)
		}
		if err != nil {
			return err
		}
		token, err := sink.Prepare(ctx, e.epoch)
		if err != nil {
			return err
		}
		if s.out != nil {
			err = s.out.Decide(ctx, stream.Decision{Epoch: e.epoch, Version: uint64(e.epoch)})
		}
		if err == nil {
			err = sink.Commit(ctx, e.epoch, token)
		}
		if err != nil {
			return err
		}
	}
	return s.handle.Delivered(uint64(e.epoch), s.name)
}

// strategyError is what the job fails with by its strategy, as a row is refused.
type strategyError struct{ error }

func (s strategyError) Unwrap() error { return s.error }

// write returns the rows that are to be dead letters.
func (s *stagedSink) write(ctx context.Context, sink stream.Sink, rows changeList) (refused []stream.Reject, err error) {
	b := s.batch
	b.Reset()
	flush := func() error {
		rejects, err := sink.Write(ctx, b)
		for _, r := range rejects {
			switch {
			case err != nil:
			case s.letters:
				refused = append(refused, r)
			default:
				if err = s.reject(s.name, r); err != nil {
					err = strategyError{err}
				}
			}
		}
		b.Reset()
		return err
	}
	for i := range rows.len() {
		op, row := rows.at(i)
		if err := s.read.Read(row, b.Cols); err != nil {
			return nil, fmt.Errorf("reading the rows staged for sink %s: %w", s.rel.Name, err)
		}
		if s.ops {
			b.Ops = append(b.Ops, op)
		}
		if b.Rows++; b.Rows == vec.MaxRows {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if b.Rows > 0 {
		err = flush()
	}
	return refused, err
}

// putAside returns when an epoch of the job's has, as dead letters, the rows that the sink
// has refused of one, and is committed. Where the delivery is repeated it has them already.
func (s *stagedSink) putAside(ctx context.Context, e stagedEpoch, refused []stream.Reject) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aside == e.epoch {
		return nil
	}
	s.refused, s.waits = refused, true
	defer func() { s.waits = false }()
	s.tell()
	for s.aside != e.epoch {
		changed := s.changed
		s.mu.Unlock()
		s.life.j.hurryUp()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// refuses reports whether rows that the sink has refused wait for an epoch to end.
func (s *stagedSink) refuses() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused != nil
}

// lettersFor makes dead letters of an epoch of what the sink has refused.
func (s *stagedSink) lettersFor(e stream.Epoch) error {
	s.mu.Lock()
	refused := s.refused
	if s.refused = nil; refused != nil {
		s.within = e
	}
	s.mu.Unlock()
	for _, r := range refused {
		if err := s.reject(s.name, r); err != nil {
			return err
		}
	}
	return nil
}

// ready opens the sink where it is not open, and asks what it has got.
func (s *stagedSink) ready(ctx context.Context) error {
	if s.sink != nil {
		return nil
	}
	if s.decider != nil {
		d, err := s.decider()
		if err != nil {
			return err
		}
		s.out = d
		last, err := d.Ask(ctx)
		if err != nil {
			return err
		}
		if err := s.agrees(d, last.Epoch); err != nil {
			return err
		}
	}
	sink, err := s.open(ctx, s.out)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sink = sink
	return nil
}

// agrees compares what the sink's system has recorded as delivered with what is known
// here: the epoch that was last delivered, or the one after it, of which nothing was
// heard.
func (s *stagedSink) agrees(d stream.Decider, last stream.Epoch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last == s.last {
		return nil
	}
	if len(s.queue) > 0 && last == s.queue[0].epoch {
		s.last = last
		return nil
	}
	return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "job %q cannot go on: sink %q has got epoch %d as the state store knows, and %s names epoch %d",
		s.life.j.def.Name, s.rel.Name, s.last, d, last).
		WithHint("Restore what belongs together; or DROP JOB %s and create it again, which writes rows once more.", s.life.j.def.Name)
}

// closeSink closes the sink, and what it writes in.
func (s *stagedSink) closeSink() error {
	s.mu.Lock()
	sink := s.sink
	s.sink = nil
	s.mu.Unlock()
	var errs []error
	if sink != nil {
		errs = append(errs, sink.Close())
	}
	if s.out != nil {
		errs = append(errs, s.out.Close())
		s.out = nil
	}
	return errors.Join(errs...)
}

// staging is a sink whose rows lie in the job's own epochs.
type staging interface {
	stageInto(pages *state.Batch, e stream.Epoch)
}

func (s *tableSink) stageInto(pages *state.Batch, e stream.Epoch) { s.stage.write(pages, e) }

var (
	_ stream.Impeded = (*stagedSink)(nil)
	_ staging        = (*stagedSink)(nil)
	_ staging        = (*tableSink)(nil)
)

// Omitted is stream.Omitting's, of the sink that the rows are delivered to.
func (s *stagedSink) Omitted() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.sink.(stream.Omitting); ok {
		return o.Omitted()
	}
	return 0
}
