package exec

import (
	"math"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestFutureOfAClockSetBack: rows that were true when the clock was right are true when it
// has been set back, and what was too far ahead then still is.
func TestFutureOfAClockSetBack(t *testing.T) {
	timestamps := types.Of(types.Timestamptz)
	program, err := expr.Compile(&plan.Column{Index: 0, Typ: timestamps, Name: "ts"}, &function.Env{})
	if err != nil {
		t.Fatal(err)
	}
	late := 0
	c := &clock{
		sourceTime: &sourceTime{marks: map[stream.Split]*splitMark{}, mark: noMark, first: math.MaxInt64},
		program:    program, limit: math.MinInt64, maxFuture: time.Hour, late: func(n int) { late += n },
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, x := range []struct {
		clock, row time.Duration // after now
		taken      bool
	}{
		{0, 0, true},
		{0, 2 * time.Hour, false},
		{-24 * time.Hour, time.Minute, true},
		{-24 * time.Hour, 2 * time.Hour, false},
		{time.Hour, 2 * time.Hour, true},
	} {
		b := vec.NewBatch([]types.Type{timestamps})
		b.Cols[0].(*vec.Fixed[int64]).Append(microsSince2000(now.Add(x.row)))
		b.Rows = 1
		was := late
		got, err := c.observe(b, stream.Read{Split: "a"}, now.Add(x.clock))
		if err != nil {
			t.Fatal(err)
		}
		if taken := got.Len() == 1; taken != x.taken || late-was != 1-got.Len() {
			t.Errorf("the clock is off by %v, the row by %v: taken %t, want %t; %d late", x.clock, x.row, taken, x.taken, late-was)
		}
	}
}
