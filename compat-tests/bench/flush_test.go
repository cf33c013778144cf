package bench

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// flushSeconds is long enough for several flushes.
const flushSeconds = "12"

// flushBars insert single rows, each synced, by one connection, while others change
// rows all over a table that has been loaded, so that pages are written back again and
// again: here the pages that wait, piece by piece, there by checkpoints. What counts is
// the slowest hundredth.
func flushBars(t *testing.T, ours, theirs contender) []bar {
	a, b := insertsBeside(t, ours, nil), insertsBeside(t, theirs, func(c contender) { c.exec(t, "CHECKPOINT") })
	return []bar{{name: "INSERT with sync while pages are written, p99 / PostgreSQL 16", value: float64(p99(a)) / float64(p99(b)), limit: 2,
		note: fmt.Sprintf("median %v, p99 %v, worst %v against %v, %v, %v", a[len(a)/2], p99(a), a[len(a)-1], b[len(b)/2], p99(b), b[len(b)-1])}}
}

func p99(sorted []time.Duration) time.Duration { return sorted[len(sorted)*99/100] }

// insertsBeside returns how long each INSERT took, ascending. again, nil: nothing, is
// called by a third connection over and over.
func insertsBeside(t *testing.T, c contender, again func(contender)) []time.Duration {
	t.Helper()
	c.exec(t, "CREATE TABLE noted (id bigserial PRIMARY KEY, aid int, filler char(22))")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{}, 2) // of the two who run beside
	running := 1
	go func() {
		defer func() { done <- struct{}{} }()
		defer cancel()
		script := fmt.Sprintf("\\set aid random(1, %d)\n\\set delta random(-5000, 5000)\nUPDATE accounts SET abalance = abalance + :delta WHERE aid = :aid;\n", tableRows)
		c.pgbench(t, script, "-M", "prepared", "-c", "6", "-j", "2", "-T", flushSeconds)
	}()
	if again != nil {
		running++
		go func() {
			defer func() { done <- struct{}{} }()
			for ctx.Err() == nil {
				again(c)
			}
		}()
	}
	conn := c.connect(t)
	defer conn.Close(context.Background())
	var took []time.Duration
	for i := 0; ctx.Err() == nil; i++ {
		begun := time.Now()
		if _, err := conn.Exec(t.Context(), fmt.Sprintf("INSERT INTO noted (aid, filler) VALUES (%d, 'x')", i)).ReadAll(); err != nil {
			t.Errorf("INSERT: %v", err)
			break
		}
		took = append(took, time.Since(begun))
	}
	for range running {
		<-done
	}
	if len(took) == 0 {
		t.Fatal("no row was inserted")
	}
	slices.Sort(took)
	return took
}
