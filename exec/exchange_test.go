package exec

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// journal is an operator that notes what comes to it.
type journal struct {
	marks []int64
	rows  []int64 // each with the watermark at which it came
}

func (j *journal) at() int64 {
	if len(j.marks) == 0 {
		return noMark
	}
	return j.marks[len(j.marks)-1]
}

func (j *journal) Process(context.Context, int, *vec.Batch, operator.Output) error {
	j.rows = append(j.rows, j.at())
	return nil
}

func (j *journal) Watermark(_ context.Context, t int64, _ operator.Output) error {
	j.marks = append(j.marks, t)
	return nil
}

func (j *journal) Barrier(context.Context, stream.Epoch, operator.Output) error { return nil }

func (j *journal) Finish(context.Context, int, operator.Output) error { return nil }

func (j *journal) Close() error { return nil }

// TestExchangeWaitsForIdleTask: what an idle task holds comes before the watermark
// that passes it. Of two tasks, whose stream is silent, the one without splits hears
// first that silence has moved the stream's time past a window of which the other
// has rows: the window stays open until those have come.
func TestExchangeWaitsForIdleTask(t *testing.T) {
	got := &journal{}
	to := &node{op: got, open: 1, inputs: 1}
	x := &exchange{task: &task{}, pool: &batchPool{}, marks: newMarks(2), ended: make([]bool, 2), mark: noMark,
		node: &node{to: target{node: to, tree: &tree{}}}}
	tell := func(m message) {
		t.Helper()
		if err := x.receive(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	mark := func(from int, at int64, quiet bool) {
		t.Helper()
		tell(message{kind: messageMark, from: from, mark: at, quiet: quiet})
	}
	mark(0, 197, false)
	mark(1, 197, false)
	mark(0, 198, true)
	mark(1, 201, true) // silence has moved the time on
	tell(message{kind: messageRows, from: 0, batch: vec.NewBatch(nil)})
	mark(0, 201, true)
	if want := []int64{197, 198, 201}; !slices.Equal(got.marks, want) {
		t.Errorf("watermarks = %d, want %d", got.marks, want)
	}
	if want := []int64{198}; !slices.Equal(got.rows, want) {
		t.Errorf("the rows of the idle task came at watermark %d, want %d", got.rows, want)
	}
	if !to.quiet {
		t.Error("all tasks are idle, and what comes of them is not")
	}
	tell(message{kind: messageEnd, from: 0})
	mark(1, 205, false)
	if got.at() != 205 || to.quiet {
		t.Errorf("behind a task that has ended the watermark is %d, idle %t, want 205, active", got.at(), to.quiet)
	}
	tell(message{kind: messageEnd, from: 1})
	if to.open != 0 || got.at() != 205 && got.at() != math.MaxInt64 {
		t.Errorf("%d inputs are open when both tasks have ended", to.open)
	}
}
