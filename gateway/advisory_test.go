package gateway

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
)

// wanted starts to take a lock; the channel has what came of it.
func wanted(ctx context.Context, l *advisoryLocks, o *advisoryOwner, lock function.AdvisoryLock, m function.AdvisoryMode, timeout time.Duration) <-chan error {
	done := make(chan error, 1)
	go func() {
		got, err := l.take(ctx, o, lock, m, timeout)
		if err == nil && !got {
			err = errors.New("not taken")
		}
		done <- err
	}()
	return done
}

func TestAdvisoryQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l advisoryLocks
		ctx := t.Context()
		lock, other := function.AdvisoryLock{Low: 1}, function.AdvisoryLock{Low: 2}
		a, b, c, d := &advisoryOwner{pid: 1}, &advisoryOwner{pid: 2}, &advisoryOwner{pid: 3}, &advisoryOwner{pid: 4}
		shared := function.AdvisoryMode{Shared: true}
		for _, o := range []*advisoryOwner{a, b} {
			if err := <-wanted(ctx, &l, o, lock, shared, 0); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := l.take(ctx, c, lock, function.AdvisoryMode{Try: true}, 0); got || err != nil {
			t.Errorf("an exclusive lock beside shared ones: %v, %v", got, err)
		}
		exclusive := wanted(ctx, &l, c, lock, function.AdvisoryMode{Transaction: true}, 0)
		synctest.Wait()
		// Who comes later does not pass who waits, unless it has the lock.
		late := wanted(ctx, &l, d, lock, shared, 0)
		synctest.Wait()
		if err := <-wanted(ctx, &l, a, lock, shared, 0); err != nil {
			t.Error(err)
		}
		if len(l.locks[lock].queue) != 2 {
			t.Fatalf("%d wait, want 2", len(l.locks[lock].queue))
		}
		l.unlockAll(a)
		l.giveUp(b, lock, advisoryShared, false)
		if err := <-exclusive; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(late) != 0 {
			t.Error("a shared lock was given beside an exclusive one")
		}
		l.endTxn(c, 0)
		if err := <-late; err != nil {
			t.Error(err)
		}

		// A wait ends with its statement, or when its time is up.
		short, cancel := context.WithCancel(ctx)
		first := wanted(short, &l, a, lock, function.AdvisoryMode{}, 0)
		second := wanted(ctx, &l, b, lock, function.AdvisoryMode{}, time.Second)
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("a wait that was cancelled: %v", err)
		}
		if e := (*sqlerr.Error)(nil); !errors.As(<-second, &e) || e.Code != sqlerr.LockNotAvailable {
			t.Errorf("a wait whose time is up: %v", e)
		}

		// A circle is found by who closes it.
		if err := <-wanted(ctx, &l, a, other, function.AdvisoryMode{}, 0); err != nil {
			t.Fatal(err)
		}
		waits := wanted(ctx, &l, a, lock, function.AdvisoryMode{}, 0)
		synctest.Wait()
		e := (*sqlerr.Error)(nil)
		want := "Process 4 waits for ExclusiveLock on advisory lock [1,0,2,1]; blocked by process 1.\nProcess 1 waits for ExclusiveLock on advisory lock [1,0,1,1]; blocked by process 4."
		if err := <-wanted(ctx, &l, d, other, function.AdvisoryMode{}, 0); !errors.As(err, &e) || e.Code != sqlerr.DeadlockDetected || e.Detail != want {
			t.Errorf("a circle: %v, %+v", err, e)
		}
		l.unlockAll(d)
		if err := <-waits; err != nil {
			t.Error(err)
		}
		l.unlockAll(a)
		if len(l.locks) != 0 {
			t.Errorf("%d locks are left", len(l.locks))
		}
	})
}
