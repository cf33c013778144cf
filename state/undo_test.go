package state

import (
	"errors"
	"testing"
)

// dying is a store whose process dies at a step, and what comes after it.
type dying struct {
	at    step
	times int // that the step is passed before
	dead  bool
}

func (d *dying) fault(at step) error {
	if at == d.at {
		if d.times--; d.times < 0 {
			d.dead = true
		}
	}
	if d.dead {
		return errCrash
	}
	return nil
}

func crashed(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, errCrash) {
		t.Fatalf("%v, want a crash", err)
	}
}

// TestRollbackThatWasCutOff: once a rollback has begun to write over a prepared
// epoch, that epoch can be neither read nor committed.
func TestRollbackThatWasCutOff(t *testing.T) {
	for _, at := range []step{stepUndo.done(), stepUndone} {
		first := open(t, Options{InMemory: true})
		j := begun(t, first)
		prepare(t, j, 1, "a", "1")
		ok(t, j.Commit(1))
		prepare(t, j, 2, "a", "2", "b", "2")

		d := &dying{at: at}
		second := open(t, Options{InMemory: true, existing: first.db, fault: d.fault})
		_, err := second.Job(j.ID()).Rollback()
		crashed(t, err)
		if err := second.Job(j.ID()).Commit(2); !errors.Is(err, ErrUndecided) {
			t.Errorf("%s: Commit in the same process: %v, want ErrUndecided", at, err)
		}

		third := open(t, Options{InMemory: true, existing: first.db})
		j = third.Job(j.ID())
		r, err := j.Recover()
		ok(t, err)
		expect(t, string(at), r, Recovery{Epoch: 1, Version: r.Version, Dirty: true})
		if err := j.Commit(2); !errors.Is(err, ErrUndecided) {
			t.Errorf("%s: Commit: %v, want ErrUndecided", at, err)
		}
		running := j.Running()
		expect(t, string(at)+": as operators read", content(t, running, j), "a=1 ")
		running.Close()
		next, err := j.Rollback()
		ok(t, err)
		if next <= 2 {
			t.Errorf("%s: the next epoch is %d", at, next)
		}
		prepare(t, j, next, "c", "3")
		ok(t, j.Commit(next))
		expect(t, string(at)+": committed", committed(t, third, j), "a=1 c=3 ")
	}
}

// TestFirstUpdateThatWasCutOff: a change of several transactions, of which the
// first was written before there was any record of the catalog.
func TestFirstUpdateThatWasCutOff(t *testing.T) {
	d := &dying{at: stepCatalog, times: 1}
	first := open(t, Options{InMemory: true, memTable: testMemTable, fault: d.fault})
	big := make([]byte, 5000)
	crashed(t, first.Update(func(w *Writer) error {
		w.Set([]byte("a"), big)
		w.Set([]byte("b"), big)
		return nil
	}))
	second := open(t, Options{InMemory: true, existing: first.db})
	ok(t, second.Update(func(w *Writer) error { w.Set([]byte("c"), []byte("1")); return nil }))
	got := ""
	ok(t, second.Scan(nil, func(k, _ []byte) error { got += string(k); return nil }))
	expect(t, "keys", got, "c")
}

// TestUpdateThatFailedIsUndone: the next change in the same process does not
// bring the failed one along.
func TestUpdateThatFailedIsUndone(t *testing.T) {
	d := &dying{at: stepCatalog, times: 1}
	s := open(t, Options{InMemory: true, memTable: testMemTable, fault: d.fault})
	big := make([]byte, 5000)
	crashed(t, s.Update(func(w *Writer) error {
		w.Set([]byte("a"), big)
		w.Set([]byte("b"), big)
		return nil
	}))
	d.dead, d.times = false, 100
	ok(t, s.Update(func(w *Writer) error { w.Set([]byte("c"), []byte("1")); return nil }))
	got := ""
	ok(t, s.Scan(nil, func(k, _ []byte) error { got += string(k); return nil }))
	expect(t, "keys", got, "c")
}

// TestDropsThatWereCutOff: the next start goes on with all of them.
func TestDropsThatWereCutOff(t *testing.T) {
	d := &dying{at: stepSweep}
	first := open(t, Options{InMemory: true, fault: d.fault})
	kept := begun(t, first)
	prepare(t, kept, 1, "a", "1")
	ok(t, kept.Commit(1))
	var gone []*Job
	for range 8 {
		j := begun(t, first)
		prepare(t, j, 1, "a", "1")
		ok(t, j.Commit(1))
		gone = append(gone, j)
	}
	for _, j := range gone {
		d.dead, d.times = false, 0
		ok(t, first.DropJob(j.ID()))
		first.sweeping.Wait() // it dies there
	}
	second := open(t, Options{InMemory: true, existing: first.db})
	second.sweeping.Wait()
	for _, j := range gone {
		n := 0
		ok(t, second.scan(1<<62, appendID(nil, j.ID()), func(_, _ []byte) error { n++; return nil }))
		expect(t, "keys left", n, 0)
	}
	expect(t, "jobs", second.Jobs(), []ID{kept.ID()})
	expect(t, "kept", committed(t, second, second.Job(kept.ID())), "a=1 ")
}

// TestRecoverAfterAFailure: whether a commit that broke off is durable is not
// known, so nobody is told that it is not.
func TestRecoverAfterAFailure(t *testing.T) {
	s := open(t, Options{InMemory: true})
	j := begun(t, s)
	prepare(t, j, 1, "a", "1")
	ok(t, j.Commit(1))
	prepare(t, j, 2, "a", "2")
	_ = s.writer.fail(errors.New("the disk is gone"))
	if err := j.Commit(2); !errors.Is(err, ErrFailed) {
		t.Errorf("Commit: %v, want ErrFailed", err)
	}
	if r, err := j.Recover(); !errors.Is(err, ErrFailed) {
		t.Errorf("Recover: %+v, %v, want ErrFailed", r, err)
	}
}
