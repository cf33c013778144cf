package gateway

import (
	"sync/atomic"
	"time"
)

// watchEvery is how often the sessions at work are looked at: one that is at
// work on the same message as the time before gets a watcher.
const watchEvery = 10 * time.Millisecond

// watch has the sessions looked at, from when one begins to work until none
// works unwatched.
type watch struct {
	server *Server
	on     atomic.Bool
}

// busy says that a session begins to work.
func (w *watch) busy() {
	if !w.on.Load() && w.on.CompareAndSwap(false, true) {
		w.server.running.Go(w.run) // the session's own count is among the others
	}
}

func (w *watch) run() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	seen := map[*inbox]uint64{}
	for {
		<-tick.C
		if seen = w.look(seen); len(seen) > 0 {
			continue
		}
		// A session that began to work before on was set back is found now; one
		// that begins later starts the watch anew.
		w.on.Store(false)
		if seen = w.look(seen); len(seen) == 0 || !w.on.CompareAndSwap(false, true) {
			return
		}
	}
}

// look starts watchers for the sessions that are at work on what they were at
// work on before, and returns what those without a watcher are at work on.
func (w *watch) look(before map[*inbox]uint64) map[*inbox]uint64 {
	now := map[*inbox]uint64{}
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	for _, x := range w.server.sessions {
		turn := x.in.turn.Load()
		switch last, ok := before[x.in]; {
		case turn&1 == 0 || x.in.isWatched():
		case ok && last == turn:
			x.in.watch(turn)
		default:
			now[x.in] = turn
		}
	}
	return now
}
