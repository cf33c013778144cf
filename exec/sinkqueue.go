package exec

import "sync"

// A sink's queue takes what an epoch's end brings forth, and the rows of the next epoch
// until the one before is decided: so many bytes, and some batches whatever they hold.
const (
	queuedBytes   = 16 << 20
	queuedBatches = 8
)

// workQueue is the work that waits for a sink, in the order in which it is to be done.
// Several may offer; one takes.
type workQueue struct {
	most int64         // bytes
	room chan struct{} // gets something, where there is room for it, when work was taken

	mu      sync.Mutex
	more    sync.Cond // there is work, or there will be none
	all     []work
	batches int
	bytes   int64
	closed  bool
}

// newWorkQueue returns a queue for a job that may hold so many bytes of rows on their
// way; 0: any number.
func newWorkQueue(limit int64) *workQueue {
	q := &workQueue{most: queuedBytes, room: make(chan struct{}, 1)}
	if limit > 0 {
		q.most = min(q.most, limit/4)
	}
	q.more.L = &q.mu
	return q
}

// offer adds work where there is room for it. Rows alone need room.
func (q *workQueue) offer(w work) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.rows != nil && q.full() {
		return false
	}
	q.add(w)
	if w.rows != nil && !q.full() {
		q.tell() // somebody else may wait for room
	}
	return true
}

// put adds work that needs no room.
func (q *workQueue) put(w work) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(w)
}

func (q *workQueue) full() bool { return q.batches >= queuedBatches && q.bytes >= q.most }

func (q *workQueue) add(w work) {
	if w.rows != nil {
		q.batches++
		q.bytes += w.rows.size
	}
	q.all = append(q.all, w)
	q.more.Signal()
}

func (q *workQueue) tell() {
	select {
	case q.room <- struct{}{}:
	default:
	}
}

// take removes the first work, and waits for it; false: there is none and will be none.
func (q *workQueue) take() (work, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.all) == 0 {
		if q.closed {
			return work{}, false
		}
		q.more.Wait()
	}
	w := q.all[0]
	q.all[0] = work{}
	if q.all = q.all[1:]; len(q.all) == 0 {
		q.all = nil // its array goes
	}
	if w.rows != nil {
		q.batches--
		q.bytes -= w.rows.size
		if !q.full() {
			q.tell()
		}
	}
	return w, true
}

// close says that nothing is added any more.
func (q *workQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Signal()
}
