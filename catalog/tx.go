package catalog

import (
	"errors"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Tx is a change of the catalog in the making. Nobody else sees it before
// Commit. It belongs to one goroutine.
type Tx struct {
	c     *Catalog
	base  *Snapshot
	draft *draft // nil before the first change
	// changes are what has been done, each so that it can be done again on
	// another draft. They were checked on ours, with OIDs already taken.
	changes []func(*draft) error
	done    bool
}

// Snapshot is the catalog with this transaction's own changes.
func (t *Tx) Snapshot() *Snapshot {
	if len(t.changes) == 0 {
		return t.base
	}
	return t.draft.freeze(t.base.Version)
}

// Mark names the present point, for RollbackTo.
func (t *Tx) Mark() int { return len(t.changes) }

// RollbackTo takes back what was done since the mark.
func (t *Tx) RollbackTo(mark int) {
	if mark >= len(t.changes) {
		return
	}
	d := newDraft(t.base)
	for _, change := range t.changes[:mark] {
		if err := change(d); err != nil {
			panic("catalog: a change that passed does not pass again: " + err.Error())
		}
	}
	t.draft, t.changes = d, t.changes[:mark]
}

// apply does a change, and keeps it for Commit where it passes. A change checks
// all before it touches anything.
func (t *Tx) apply(change func(*draft) error) error {
	if t.done {
		return errTxDone
	}
	if t.draft == nil {
		t.draft = newDraft(t.base)
	}
	if err := change(t.draft); err != nil {
		return err
	}
	t.changes = append(t.changes, change)
	return nil
}

var errTxDone = errors.New("changing the catalog: the transaction has been committed")

// Commit does the changes again on the newest snapshot, writes them durably, all
// or nothing, and publishes them. What another transaction has made impossible
// is that object's own error, or 40001. After any error nothing has changed, and
// the transaction may not be used again.
func (t *Tx) Commit() error {
	j, err := t.Join()
	if j == nil || err != nil {
		return err
	}
	if err := t.c.store.Update(j.Write); err != nil {
		j.Abort()
		return fmt.Errorf("committing changes of the catalog: %w", err)
	}
	j.Done()
	return nil
}

// Join is a Commit in steps, for who commits more with it: the changes stand on
// the newest snapshot, and no other Commit comes between. Write writes them;
// then exactly one of Done, when they are durable, and Abort is called.
type Join struct {
	t      *Tx
	d      *draft
	newest *Snapshot
}

// Join ends the transaction. nil: it has changed nothing. Errors are Commit's.
func (t *Tx) Join() (*Join, error) {
	if t.done {
		return nil, errTxDone
	}
	t.done = true
	if len(t.changes) == 0 {
		return nil, nil
	}
	t.c.commit.Lock()
	j := &Join{t: t, d: t.draft, newest: t.c.Snapshot()}
	if j.newest == t.base {
		return j, nil
	}
	j.d = newDraft(j.newest)
	for _, change := range t.changes {
		if err := change(j.d); err != nil {
			t.c.commit.Unlock()
			return nil, err
		}
	}
	return j, nil
}

// Write writes the changes.
func (j *Join) Write(w *state.Writer) error { return j.d.write(w) }

// Done publishes them.
func (j *Join) Done() {
	j.d.added = nil
	j.t.c.current.Store(j.d.freeze(j.newest.Version + 1))
	j.t.c.commit.Unlock()
}

// Abort forgets them.
func (j *Join) Abort() { j.t.c.commit.Unlock() }

// conflict is the error of a change that another transaction has come before.
func conflict() *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.SerializationFailure, "could not serialize access due to concurrent update")
}

// notice is a message that is no error.
func notice(code sqlerr.Code, format string, args ...any) *sqlerr.Error {
	n := sqlerr.Errorf(code, format, args...)
	n.Severity = "NOTICE"
	return n
}
