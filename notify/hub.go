// Package notify is the hub between NOTIFY, the sessions that LISTEN and the
// sinks that notify. As in PostgreSQL, what a transaction notifies is delivered
// when it has committed, in the order of the commits, to whoever listens then.
package notify

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// MaxPayload is how many bytes a payload may have, PostgreSQL's limit.
const MaxPayload = 7999

// MaxChannel is how many bytes a channel's name may have.
const MaxChannel = 63

// DefaultLimit is how many bytes of notes a hub keeps for those who have not taken
// them.
const DefaultLimit = 64 << 20

// Note is one notification.
type Note struct {
	PID     int32 // of the session that notified; 0: a job
	Channel string
	Payload string
}

// size is what a note is counted as while a listener has not taken it.
func (n *Note) size() int { return len(n.Channel) + len(n.Payload) + 64 }

// ErrFull says that the listeners have not taken what is there, and that more
// would be too much.
var ErrFull = errors.New("too many notifications in the NOTIFY queue")

// Hub delivers notes to listeners. All methods may be called from several
// goroutines.
type Hub struct {
	limit int
	turn  chan struct{} // room for one: who sends, so that notes have the order of their commits

	mu        sync.Mutex
	bytes     int // of notes, counted for each listener that has not taken them
	channels  map[string]map[*Listener]struct{}
	listeners map[*Listener]struct{}
	room      chan struct{} // closed when bytes shrink; nil: nobody waits
}

// NewHub returns a hub that keeps up to limit bytes of notes for those who have
// not taken them.
func NewHub(limit int) *Hub {
	return &Hub{
		limit: limit, turn: make(chan struct{}, 1),
		channels: map[string]map[*Listener]struct{}{}, listeners: map[*Listener]struct{}{},
	}
}

// Usage is how full the hub is, 0 to 1.
func (h *Hub) Usage() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return min(1, float64(h.bytes)/float64(h.limit))
}

// Slowest is the PID of the listener that the most is kept for; 0: none has
// anything to take.
func (h *Hub) Slowest() int32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var pid int32
	most := 0
	for l := range h.listeners {
		if l.bytes > most {
			pid, most = l.pid, l.bytes
		}
	}
	return pid
}

// Send runs commit, and delivers the notes when it has succeeded. Those who send
// take turns, so that notes arrive in the order of their commits. It returns
// ErrFull, and does not run commit, where the notes have no room.
func (h *Hub) Send(ctx context.Context, notes []Note, commit func() error) error {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-h.turn }()
	if !h.fits(notes) {
		return ErrFull
	}
	if err := commit(); err != nil {
		return err
	}
	h.deliver(notes)
	return nil
}

// fits reports whether notes have room. An empty hub has room for any.
func (h *Hub) fits(notes []Note) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	need := 0
	for i := range notes {
		need += notes[i].size() * len(h.channels[notes[i].Channel])
	}
	return need == 0 || h.bytes == 0 || h.bytes+need <= h.limit
}

func (h *Hub) deliver(notes []Note) {
	woken := map[*Listener]struct{}{}
	h.mu.Lock()
	for i := range notes {
		n := &notes[i]
		for l := range h.channels[n.Channel] {
			l.pending = append(l.pending, n)
			l.bytes += n.size()
			h.bytes += n.size()
			l.waiting.Store(true)
			woken[l] = struct{}{}
		}
	}
	h.mu.Unlock()
	for l := range woken {
		l.wake()
	}
}

// Room returns a channel that is closed when listeners have taken something.
func (h *Hub) Room() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.room == nil {
		h.room = make(chan struct{})
	}
	return h.room
}

// Listen returns a listener of no channel. wake is called, by any goroutine, when
// there is something to take; it must not block.
func (h *Hub) Listen(pid int32, wake func()) *Listener {
	l := &Listener{hub: h, pid: pid, wake: wake, channels: map[string]struct{}{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners[l] = struct{}{}
	return l
}

// Listener is one session's.
type Listener struct {
	hub     *Hub
	pid     int32
	wake    func()
	waiting atomic.Bool // pending is not empty

	// Guarded by the hub's lock.
	channels map[string]struct{}
	pending  []*Note
	bytes    int
}

// Add listens to a channel.
func (l *Listener) Add(channel string) {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.channels[channel] == nil {
		h.channels[channel] = map[*Listener]struct{}{}
	}
	h.channels[channel][l] = struct{}{}
	l.channels[channel] = struct{}{}
}

// Remove listens to a channel no more: not even to what has not been taken.
func (l *Listener) Remove(channel string) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.remove(channel)
}

func (l *Listener) remove(channel string) {
	delete(l.channels, channel)
	if h := l.hub; h.channels[channel] != nil {
		if delete(h.channels[channel], l); len(h.channels[channel]) == 0 {
			delete(h.channels, channel)
		}
	}
}

// RemoveAll listens to nothing any more.
func (l *Listener) RemoveAll() {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	for channel := range l.channels {
		l.remove(channel)
	}
}

// Channels are those that are listened to, by name.
func (l *Listener) Channels() []string {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return slices.Sorted(maps.Keys(l.channels))
}

// Waiting reports whether there is something to take; it costs a nanosecond.
func (l *Listener) Waiting() bool { return l.waiting.Load() }

// Take returns what has been notified, and forgets it.
func (l *Listener) Take() []*Note {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	all := l.release()
	return slices.DeleteFunc(all, func(n *Note) bool {
		_, listens := l.channels[n.Channel]
		return !listens
	})
}

// release empties what is pending. The hub's lock is held.
func (l *Listener) release() []*Note {
	h := l.hub
	all := l.pending
	h.bytes -= l.bytes
	l.pending, l.bytes = nil, 0
	l.waiting.Store(false)
	if h.room != nil && len(all) > 0 {
		close(h.room)
		h.room = nil
	}
	return all
}

// Close ends the listener.
func (l *Listener) Close() {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	for channel := range l.channels {
		l.remove(channel)
	}
	l.release()
	delete(h.listeners, l)
}
