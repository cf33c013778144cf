package file

import (
	"context"
	"slices"
	"sync"
	"time"
)

// turns are the writers of this process by the file they write, in the order in
// which they came. The first has its turn, and it alone asks for the lock, which
// keeps other processes out; so that nobody waits longer than those before him
// write.
type turns struct {
	mu    sync.Mutex
	files map[string][]*turn
}

type turn struct {
	path  string
	owner string        // the job; "": a transaction, which ends soon
	come  chan struct{} // closed when it has come
}

var writers turns

// job is the one whose turn it is with a file; "": no job's.
func (q *turns) job(path string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.files[path]) == 0 {
		return ""
	}
	return q.files[path][0].owner
}

// enter joins the queue of a file.
func (q *turns) enter(path, owner string) *turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := &turn{path: path, owner: owner, come: make(chan struct{})}
	if len(q.files[path]) == 0 {
		close(t.come)
	}
	if q.files == nil {
		q.files = map[string][]*turn{}
	}
	q.files[path] = append(q.files[path], t)
	return t
}

// leave ends a turn, or the wait for it. It may be called twice.
func (q *turns) leave(t *turn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.files[t.path]
	i := slices.Index(all, t)
	if i < 0 {
		return
	}
	if all = slices.Delete(all, i, i+1); len(all) == 0 {
		delete(q.files, t.path)
		return
	}
	q.files[t.path] = all
	if i == 0 {
		close(all[0].come)
	}
}

// wait returns true when the turn has come, false when patience ends before.
func (t *turn) wait(ctx context.Context, patience time.Duration) (bool, error) {
	select {
	case <-t.come:
		return true, nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-t.come:
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}
