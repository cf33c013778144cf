package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

func payloads(l *Listener) []string {
	var all []string
	for _, n := range l.Take() {
		all = append(all, n.Channel+":"+n.Payload)
	}
	return all
}

func send(t *testing.T, h *Hub, notes ...Note) {
	t.Helper()
	if err := h.Send(context.Background(), notes, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestWhoListensTakes(t *testing.T) {
	h := NewHub(1 << 20)
	woken := 0
	a, b := h.Listen(1, func() { woken++ }), h.Listen(2, func() {})
	a.Add("x")
	a.Add("y")
	b.Add("y")
	send(t, h, Note{7, "x", "1"}, Note{7, "y", "2"}, Note{7, "z", "3"})
	if woken != 1 || !a.Waiting() {
		t.Errorf("woken %d times, waiting %v", woken, a.Waiting())
	}
	if got := payloads(a); !slices.Equal(got, []string{"x:1", "y:2"}) {
		t.Errorf("a takes %v", got)
	}
	if got := payloads(b); !slices.Equal(got, []string{"y:2"}) {
		t.Errorf("b takes %v", got)
	}
	if a.Waiting() || h.Usage() != 0 {
		t.Errorf("after all was taken: waiting %v, usage %v", a.Waiting(), h.Usage())
	}
	send(t, h, Note{7, "x", "4"}, Note{7, "y", "5"})
	a.Remove("x")
	if got := payloads(a); !slices.Equal(got, []string{"y:5"}) {
		t.Errorf("after Remove a takes %v", got)
	}
	if got := a.Channels(); !slices.Equal(got, []string{"y"}) {
		t.Errorf("channels are %v", got)
	}
	a.RemoveAll()
	b.Close()
	send(t, h, Note{7, "y", "6"})
	if a.Waiting() || h.Usage() != 0 || len(h.channels) != 0 {
		t.Errorf("nobody listens, but waiting %v, usage %v, channels %v", a.Waiting(), h.Usage(), h.channels)
	}
}

func TestFullHub(t *testing.T) {
	h := NewHub(1000)
	a, b := h.Listen(1, func() {}), h.Listen(2, func() {})
	a.Add("x")
	b.Add("x")
	send(t, h, Note{0, "x", "first"})
	b.Take()
	big := Note{0, "x", string(make([]byte, 500))}
	ran := false
	err := h.Send(context.Background(), []Note{big}, func() error { ran = true; return nil })
	if !errors.Is(err, ErrFull) || ran {
		t.Fatalf("a full hub answers %v, and commit ran: %v", err, ran)
	}
	if pid := h.Slowest(); pid != 1 {
		t.Errorf("the slowest is %d", pid)
	}
	room := h.Room()
	a.Take()
	<-room
	send(t, h, big) // alone, however large
	if h.Usage() != 1 {
		t.Errorf("usage is %v", h.Usage())
	}
}

func TestFailedCommitSaysNothing(t *testing.T) {
	h := NewHub(1 << 20)
	a := h.Listen(1, func() {})
	a.Add("x")
	broken := errors.New("broken")
	if err := h.Send(context.Background(), []Note{{0, "x", ""}}, func() error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("Send returns %v", err)
	}
	if a.Waiting() {
		t.Error("a commit that failed has notified")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	held := make(chan struct{})
	var other sync.WaitGroup
	err := h.Send(context.Background(), nil, func() error {
		other.Go(func() {
			defer close(held)
			if err := h.Send(ctx, nil, func() error { return nil }); !errors.Is(err, context.Canceled) {
				t.Errorf("waiting for its turn, cancelled: %v", err)
			}
		})
		<-held
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	other.Wait()
}

// Every listener sees the notes of all senders in the one order of their commits.
func TestOrderOfCommits(t *testing.T) {
	h := NewHub(64 << 20)
	var commits []string
	var listeners []*Listener
	for i := range 3 {
		l := h.Listen(int32(i), func() {})
		l.Add("x")
		listeners = append(listeners, l)
	}
	got := make([][]string, len(listeners))
	stop := make(chan struct{})
	var takers, senders sync.WaitGroup
	for i, l := range listeners {
		takers.Go(func() {
			for ended := false; !ended; {
				select {
				case <-stop:
					ended = true
				default:
				}
				got[i] = append(got[i], payloads(l)...)
			}
		})
	}
	for s := range 4 {
		senders.Go(func() {
			for n := range 200 {
				p := fmt.Sprintf("%d/%d", s, n)
				send := func() error { commits = append(commits, "x:"+p); return nil }
				if err := h.Send(context.Background(), []Note{{int32(s), "x", p}}, send); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	close(stop)
	takers.Wait()
	for i := range got {
		if !slices.Equal(got[i], commits) {
			t.Errorf("listener %d has %d notes in another order than that of %d commits", i, len(got[i]), len(commits))
		}
	}
}
