package exec

import (
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// holdAcks makes a topic's readers wait in Ack until let is called.
func (f *fixture) holdAcks(name string) (let func()) {
	t := f.topics.topic(name)
	hold := make(chan struct{})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holdAck = hold
	return func() { close(hold) }
}

// TestAckHoldsNothingUp: while a broker does not answer an acknowledgement, a job
// reads on and its epochs are committed; then only the newest position is told.
func TestAckHoldsNothingUp(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	let := f.holdAcks("in")
	f.exec(f.copyJob("j", in, []string{"x"}))
	const epochs = 40
	topic := f.topics.topic("in")
	for i := range epochs {
		topic.addRows(0, i+1, i+2)
		if err := f.topics.file("x").wait(f.context(), i+1); err != nil {
			t.Fatalf("epoch %d: %v", i, err)
		}
	}
	let()
	topic.end()
	f.waitState("j", catalog.JobFinished)
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if topic.acked["0"] != epochs || topic.acks > 4 {
		t.Errorf("acknowledged up to %d by %d calls, want up to %d by few", topic.acked["0"], topic.acks, epochs)
	}
}

// TestAckHoldsNoEndUp: a job ends though nobody answers its acknowledgements.
func TestAckHoldsNoEndUp(t *testing.T) {
	f := newFixture(t)
	in := f.stream("in")
	f.holdAcks("in")
	f.topics.topic("in").addRows(0, 1, 3)
	f.exec(f.copyJob("j", in, []string{"x"}))
	if err := f.topics.file("x").wait(f.context(), 2); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	f.exec(&plan.AlterJob{Name: "j", Action: plan.JobStop})
	f.waitState("j", catalog.JobStopped)
	if took := time.Since(start); took > ackPatience {
		t.Errorf("the job's end took %v, want about %v", took, ackTimeout)
	}
}
