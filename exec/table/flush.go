package table

import (
	"errors"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// dirtyMost is how many bytes of pages may wait to be written, where no budget
// says less: a quarter of it.
const dirtyMost = 64 << 20

// pieceBytes is how much of a flush is written and synced at a time: what a commit
// that comes meanwhile may find before it on the disk.
const pieceBytes = 2 << 20

// flush is a writing of the pages that wait, as they are when it begins. Commits go on
// while a goroutine writes them piece by piece; what those change waits for the next
// one. Whoever leads a group of commits begins it and ends it, and owns what is not
// said to be the goroutine's.
type flush struct {
	t    *Tables
	base *roots // of which the pages are
	// unwritten are the pages, seqs the sequences of which only the log has the
	// state, and log what there is of it.
	unwritten map[uint32]*unwritten
	seqs      []*sequence
	states    []state.Write
	log       redo
	dropped   map[uint32]bool // storages that went meanwhile

	settling *state.Settling
	written  chan struct{} // closed when the goroutine has written all, or failed
	err      error         // the goroutine's until then; afterwards that of the whole
	ended    chan struct{} // closed at the end
}

// full reports whether it is time for the pages to be written.
func (t *Tables) full() bool {
	return t.redo.bytes > redoLimit || t.cache.waiting.Load() > t.dirtyMost()
}

func (t *Tables) dirtyMost() int64 {
	if t.cache.budget > 0 {
		return min(dirtyMost, t.cache.budget/4)
	}
	return dirtyMost
}

// writeBehind has the pages written, while commits go on.
func (t *Tables) writeBehind() {
	if t.behind.Swap(true) {
		return
	}
	t.sweeps.Add(1)
	go func() {
		defer t.sweeps.Done()
		defer t.behind.Store(false)
		if err := t.flush(); err != nil {
			t.log.Warn("writing the pages of tables; what was committed is in the log, and the next commit tries again", "error", err)
		}
	}()
}

// flush writes all pages that wait and returns when the store has them.
func (t *Tables) flush() error {
	f, err := t.beginFlush()
	if err != nil {
		return err
	}
	f.write(nil)
	return f.end()
}

// beginFlush is to be followed by write and end.
func (t *Tables) beginFlush() (f *flush, err error) {
	err = t.enqueue(&commit{x: &Txn{t: t}, turn: make(chan bool, 1), lead: func() error {
		f, err = t.startFlush()
		return err
	}})
	return f, err
}

// startFlush is beginFlush's part of who leads a group.
func (t *Tables) startFlush() (*flush, error) {
	t.endFlush()
	p, err := t.store.Settle()
	if err != nil {
		return nil, err
	}
	f := &flush{
		t: t, base: t.newest(), unwritten: t.unwritten, log: t.redo, dropped: map[uint32]bool{},
		settling: p, written: make(chan struct{}), ended: make(chan struct{}),
	}
	f.seqs, f.states = t.seqs.takeLogged()
	for _, u := range f.unwritten {
		u.boundParts()
	}
	t.unwritten, t.redo, t.flushing = map[uint32]*unwritten{}, redo{}, f
	return f, nil
}

// write writes the pieces; between is called after each, nil: nothing is. It
// may commit what goes into the log, and nothing that writes pages.
func (f *flush) write(between func()) {
	defer close(f.written)
	var piece []state.Write
	size := 0
	flush := func() error {
		if len(piece) == 0 {
			return nil
		}
		err := f.settling.Put(piece)
		piece, size = piece[:0], 0
		if err == nil && between != nil {
			between()
		}
		return err
	}
	put := func(w state.Write) error {
		if w.Key != nil {
			w.Key = append([]byte(nil), w.Key...)
		}
		piece, size = append(piece, w), size+len(w.Key)+len(w.Value)
		if size < f.t.piece {
			return nil
		}
		return flush()
	}
	f.err = f.each(put)
	if f.err == nil {
		f.err = flush()
	}
}

// each calls put with all that is to be written.
func (f *flush) each(put func(state.Write) error) error {
	w := &work{t: f.t, base: f.base}
	for storage, u := range f.unwritten {
		if err := w.writePages(put, storage, u, nil); err != nil {
			return err
		}
	}
	for _, s := range f.states {
		if err := put(s); err != nil {
			return err
		}
	}
	return f.log.endOlder(put)
}

// end ends the flush, whose pieces are written.
func (f *flush) end() error {
	t := f.t
	err := t.enqueue(&commit{x: &Txn{t: t}, turn: make(chan bool, 1), lead: func() error {
		if t.flushing == f { // else who led another group has ended it
			t.endFlush()
		}
		return nil
	}})
	return errors.Join(err, f.err)
}

// endFlush waits for the pieces of the flush that runs, if one does, and ends it: what
// it has written is what the store has. Where it failed its pages wait again, and
// flush returns why. Who leads a group calls it.
func (t *Tables) endFlush() {
	f := t.flushing
	if f == nil {
		return
	}
	<-f.written
	t.flushing = nil
	defer close(f.ended)
	defer t.release(f.base)
	var held *state.Snapshot
	if f.err == nil {
		held, f.err = f.settling.Finish()
	}
	if f.err != nil {
		f.settling.Abandon()
		f.putBack()
		return
	}
	version := held.Version(state.TablesID)
	now := t.newest()
	t.publish(now.with(nil, version, held))
	t.release(now)
	for _, u := range f.unwritten {
		t.settle(u, nil, version)
	}
}

// putBack has what was not written wait for the next flush.
func (f *flush) putBack() {
	t := f.t
	t.seqs.putBack(f.seqs)
	t.redo.bytes += f.log.bytes
	t.redo.older, t.redo.era = f.log.older, f.log.era
	for storage, old := range f.unwritten {
		if f.dropped[storage] {
			continue
		}
		u := t.unwritten[storage]
		if u == nil {
			t.unwritten[storage] = old
			continue
		}
		u.rows = u.rows || old.rows
		for n := range old.leaves {
			if t.cache.live(n) {
				u.leaves[n] = struct{}{}
			}
		}
		for name, parts := range old.gone {
			u.gone[name] = max(u.gone[name], parts)
		}
	}
}
