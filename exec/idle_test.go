package exec

import "testing"

// TestIdleJobOpensNoEpoch has a source tell again and again where it is.
func TestIdleJobOpensNoEpoch(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	s := f.topics.topic("in")
	s.tells = make(chan struct{}, 1<<20)
	s.addRows(0, 1, 3)
	f.exec(f.copyJob("j", in, []string{"x"}))
	if err := f.topics.file("x").wait(f.context(), 2); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		select {
		case <-s.tells:
		case <-f.context().Done():
			t.Fatal("the source is not read")
		}
	}
	f.Engine.mu.Lock()
	j := f.jobs[f.catalog.Snapshot().Job("j").UUID]
	f.Engine.mu.Unlock()
	s.addRows(0, 3, 4)
	if err := f.topics.file("x").wait(f.context(), 3); err != nil {
		t.Fatal(err)
	}
	for {
		j.mu.Lock()
		epoch := j.past.epoch
		j.mu.Unlock()
		if epoch == 2 {
			return
		}
		if epoch > 2 {
			t.Fatalf("epoch %d, want 2: nothing moved between the two", epoch)
		}
	}
}
