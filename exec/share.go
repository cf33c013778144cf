package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Live queries that follow one stream read the same bytes. Each begins with a
// reader of its own; when it has caught up, and there is another, it joins a
// shared one, which decodes each record once, with the columns that any member
// reads.
//
// Joining loses and doubles nothing because it happens only where the query's
// positions equal the share's, compared under the share's lock, under which the
// share also moves on. A member that does not keep up is let go with the
// positions behind its last batch and goes on with a reader of its own. So is
// every member of a share that fails: what one reads and another does not may be
// at fault, and each finds out for itself.

// shareKey names streams whose readers give the same rows.
type shareKey struct {
	relation *catalog.Relation
	onReject stream.Policy
	// columns decide which records are skipped; "" where none is.
	columns string
}

// memberQueue is how many batches may wait for a member before it is let go.
const memberQueue = 16

// sharing is what the engine knows of live scans and shares; Engine.mu is not
// held while a share's is taken.
type sharing struct {
	mu     sync.Mutex
	scans  map[shareKey]map[*scan]bool
	shares map[shareKey]*share
	closed bool
	wait   sync.WaitGroup // of the shares' goroutines
}

// share is one reader with its members.
type share struct {
	e      *Engine
	key    shareKey
	source stream.Source
	wake   chan struct{} // look at widened and added

	mu      sync.Mutex // guards what follows
	reader  stream.Reader
	columns []int // that the reader decodes
	wanted  []int // that the members read; where it is wider, the reader opens anew
	pool    *batchPool
	at      map[stream.Split]stream.Offset // where everything handed out ends
	added   []stream.Position
	members map[*member]bool
	filters []*shareFilter // of the members, each once
	handing []handed       // of the batch at hand
	ended   bool
}

// member is a live query in a share. in is closed when it is let go, and resume
// then says where to go on: err is why the share has failed, and nil where it has
// ended, or the member was too slow.
type member struct {
	share   *share
	columns []int
	filter  *shareFilter // nil: it sees all rows
	in      chan item
	given   int  // how many items have been put into in
	taken   int  // how many of them had been taken when it was last waited for
	due     bool // what it was given last did not say that it has caught up
	err     error
	resume  map[stream.Split]stream.Offset
}

func newSharing() *sharing {
	return &sharing{scans: map[shareKey]map[*scan]bool{}, shares: map[shareKey]*share{}}
}

// sharable reports whether a live scan reads a whole stream as others do.
func (s *scan) sharable() bool {
	return s.table == nil && !s.changes && !s.spec.Bounded && s.spec.From == (stream.Bound{}) && s.spec.Until == (stream.Bound{})
}

func (s *scan) shareKey() shareKey {
	key := shareKey{relation: s.plan.Relation, onReject: s.spec.OnReject}
	if key.onReject == stream.Skip {
		key.columns = fmt.Sprint(union(nil, s.spec.Columns))
	}
	return key
}

// enter counts a live scan, and wakes the others of its stream: there is someone
// to share with.
func (sh *sharing) enter(s *scan) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	key := s.shareKey()
	if sh.scans[key] == nil {
		sh.scans[key] = map[*scan]bool{}
	}
	sh.scans[key][s] = true
	for other := range sh.scans[key] {
		if other != s {
			other.wake()
		}
	}
}

func (sh *sharing) leave(s *scan) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	key := s.shareKey()
	delete(sh.scans[key], s)
	if len(sh.scans[key]) == 0 {
		delete(sh.scans, key)
	}
}

// close returns when every share has ended; the engine's context has.
func (sh *sharing) close() {
	sh.mu.Lock()
	sh.closed = true
	sh.mu.Unlock()
	sh.wait.Wait()
}

// join makes a scan at the positions given a member of its stream's share, which
// is made where there is none and someone else reads the stream. nil: not now.
func (sh *sharing) join(e *Engine, s *scan, at map[stream.Split]stream.Offset) *member {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	key := s.shareKey()
	x := sh.shares[key]
	if x == nil {
		if len(sh.scans[key]) < 2 || sh.closed {
			return nil
		}
		x = newShare(e, key, s, at)
		sh.shares[key] = x
		m := x.join(s, at) // before it runs: one without members ends
		sh.wait.Go(x.run)
		for other := range sh.scans[key] {
			if other != s {
				other.wake()
			}
		}
		return m
	}
	return x.join(s, at)
}

func newShare(e *Engine, key shareKey, s *scan, at map[stream.Split]stream.Offset) *share {
	x := &share{e: e, key: key, wake: make(chan struct{}, 1), at: map[stream.Split]stream.Offset{}, members: map[*member]bool{}}
	for split, o := range at {
		x.at[split] = bytes.Clone(o)
	}
	x.wanted = union(nil, s.spec.Columns)
	return x
}

// union returns the columns of both lists, ascending.
func union(a, b []int) []int {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func (x *share) join(s *scan, at map[stream.Split]stream.Offset) *member {
	x.mu.Lock()
	defer x.mu.Unlock()
	same := maps.EqualFunc(x.at, at, func(a, b stream.Offset) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) })
	if x.ended || !same {
		return nil
	}
	m := &member{share: x, columns: s.spec.Columns, filter: x.filter(s.filter), in: make(chan item, memberQueue), due: true}
	x.members[m] = true
	x.wanted = union(x.wanted, s.spec.Columns)
	x.signal()
	return m
}

// leave takes a member out; the last one ends the share.
func (m *member) leave() {
	x := m.share
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget(m)
	x.signal()
}

// signal has the share's goroutine look up. mu is held.
func (x *share) signal() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
	if x.reader != nil {
		x.reader.Wake()
	}
}

// run reads until no member is left.
func (x *share) run() {
	ctx, cancel := context.WithCancel(x.e.ctx)
	err := x.read(ctx)
	cancel()
	x.e.sharing.mu.Lock()
	if x.e.sharing.shares[x.key] == x {
		delete(x.e.sharing.shares, x.key)
	}
	x.e.sharing.mu.Unlock()
	x.mu.Lock()
	x.ended = true
	for m := range x.members {
		x.release(m, x.at, err)
	}
	r := x.reader
	x.reader = nil
	x.mu.Unlock()
	x.closeReader(r)
	if x.source != nil {
		if err := x.source.Close(); err != nil {
			x.e.log.Warn("closing a stream", "stream", x.key.relation.Name, "error", err)
		}
	}
}

// release lets a member go. mu is held.
func (x *share) release(m *member, at map[stream.Split]stream.Offset, err error) {
	m.err, m.resume = err, maps.Clone(at)
	x.forget(m)
	close(m.in)
}

func (x *share) closeReader(r stream.Reader) {
	if r == nil {
		return
	}
	if err := r.Close(); err != nil {
		x.e.log.Warn("closing a reader", "stream", x.key.relation.Name, "error", err)
	}
}

func (x *share) read(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = x.e.panicked("shared reader of "+x.key.relation.Name, p, debug.Stack())
		}
	}()
	if x.source, err = x.e.openSource(ctx, x.key.relation, nil); err != nil {
		return err
	}
	var watch sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer watch.Wait()
	defer cancel()
	watch.Go(func() { x.watch(ctx) })
	for {
		done, err := x.prepare(ctx)
		if done || err != nil {
			return err
		}
		b := x.pool.get()
		r, err := x.reader.Read(ctx, b)
		if err != nil {
			return err
		}
		if b.Len() == 0 && r.Next == nil {
			x.pool.pool.Put(b)
			continue
		}
		x.hand(b, r)
	}
}

// prepare opens the reader where a member needs more columns, and gives it new
// splits. done: there is no member. What may wait for a broker does so without
// the lock, which queries take to begin and to end.
func (x *share) prepare(ctx context.Context) (done bool, err error) {
	x.mu.Lock()
	select {
	case <-x.wake:
	default:
	}
	if len(x.members) == 0 {
		x.ended = true
		x.mu.Unlock()
		return true, nil
	}
	more := x.added
	x.added = nil
	for _, p := range more {
		x.at[p.Split] = p.Offset
	}
	if r := x.reader; r != nil && slices.Equal(x.columns, x.wanted) {
		x.mu.Unlock()
		if len(more) == 0 {
			return false, nil
		}
		return false, r.Add(ctx, more)
	}
	old := x.reader
	x.reader, x.columns = nil, x.wanted
	columns := x.columns
	all := x.key.relation.AllColumns()
	var ts []types.Type
	for _, c := range columns {
		ts = append(ts, all[c].Type)
	}
	x.pool = &batchPool{types: ts}
	var from []stream.Position
	for split, o := range x.at {
		from = append(from, stream.Position{Split: split, Offset: o})
	}
	x.mu.Unlock()
	x.closeReader(old)
	r, err := x.source.Open(ctx, from, stream.Scan{Columns: columns, OnReject: x.key.onReject})
	if err != nil {
		return false, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reader = r
	if len(x.wake) > 0 {
		r.Wake() // who signalled meanwhile found no reader
	}
	return false, nil
}

// handed is what a member is given of a batch.
type handed struct {
	to    *member
	batch *vec.Batch
}

// hand gives a batch to every member. One whose queue is full is let go with the
// positions before this batch. What members are to see is known before the first is
// given anything: a condition that panics leaves all of them before the batch, and none
// has it twice.
func (x *share) hand(b *vec.Batch, r stream.Read) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := newShared(b, x.pool, len(x.members)+1)
	defer s.release()
	for _, f := range x.filters {
		f.asked = false
	}
	x.handing = x.handing[:0]
	for m := range x.members {
		if !x.decodes(m) {
			// It joined while this batch was being read, and wants columns that
			// the batch has not.
			s.release()
			x.release(m, x.at, nil)
			continue
		}
		own := x.seen(m, b)
		if m.filter != nil && own.Len() == 0 && m.skips(r) {
			s.release()
			continue
		}
		x.handing = append(x.handing, handed{m, own})
	}
	patience := sharePatience
	for _, h := range x.handing {
		if !h.to.give(item{batch: h.batch, read: r, shared: s}, &patience) {
			s.release()
			x.release(h.to, x.at, nil)
		}
	}
	if r.Next != nil {
		x.at[r.Split] = bytes.Clone(r.Next)
	}
}

// seen are the columns of a batch that a member reads, and the rows that it is to see. mu
// is held.
func (x *share) seen(m *member, b *vec.Batch) *vec.Batch {
	own := &vec.Batch{Ops: b.Ops, Sel: b.Sel, Rows: b.Rows}
	for _, c := range m.columns {
		i, _ := slices.BinarySearch(x.columns, c)
		own.Cols = append(own.Cols, b.Cols[i])
	}
	if m.filter != nil && b.Len() > 0 {
		own.Sel = m.filter.kept(own)
	}
	return own
}

// decodes reports whether the batches have a member's columns. mu is held.
func (x *share) decodes(m *member) bool {
	for _, c := range m.columns {
		if _, ok := slices.BinarySearch(x.columns, c); !ok {
			return false
		}
	}
	return true
}

// watch looks for new splits.
func (x *share) watch(ctx context.Context) {
	tick := time.NewTicker(x.e.o.SplitPoll)
	defer tick.Stop()
	down := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := x.source.Splits(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, context.Canceled) && !down {
				down = true // the log hears of an outage once
				x.e.log.Warn("listing splits", "stream", x.key.relation.Name, "error", err)
			}
			continue
		}
		down = false
		x.mu.Lock()
		for _, split := range now {
			_, known := x.at[split]
			if !known && !slices.ContainsFunc(x.added, func(p stream.Position) bool { return p.Split == split }) {
				x.added = append(x.added, stream.Position{Split: split})
				x.signal()
			}
		}
		x.mu.Unlock()
	}
}
