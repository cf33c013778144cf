package kafka

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestPause: partitions that are left alone are read on where they were, what had
// been fetched of them included.
func TestPause(t *testing.T) {
	b := start(t)
	b.topic("t", 2)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`)
	b.produce("t", 1, `{"id":11}`)
	c := b.open(relation("t"), stream.Scan{}, nil)
	r := c.r.(*reader)
	r.Pause([]stream.Split{"0"})
	c.want("11 NULL @1:0")
	b.produce("t", 1, `{"id":12}`)
	c.want("12 NULL @1:1")
	r.Pause([]stream.Split{"0", "1"})
	b.produce("t", 1, `{"id":13}`)
	r.Wake()
	if rows, err := c.next(); err != nil || len(rows) > 0 {
		t.Fatalf("with every partition paused, woken: %v, %v", rows, err)
	}
	r.Pause([]stream.Split{"1"})
	c.want("1 NULL @0:0", "2 NULL @0:1")
	r.Pause(nil)
	c.want("13 NULL @1:2")
}

// TestPauseKeepsWhatWasFetched leaves a partition alone whose records wait already.
func TestPauseKeepsWhatWasFetched(t *testing.T) {
	b := start(t)
	b.topic("t", 2)
	var want []string
	for _, id := range []string{"1", "2", "3"} {
		b.produce("t", 0, `{"id":`+id+`}`)
		want = append(want, id)
	}
	b.produce("t", 1, `{"id":11}`)
	c := b.open(relation("t", "max.poll.records", "10"), stream.Scan{Bounded: true}, nil)
	r := c.r.(*reader)
	for len(r.queue) == 0 {
		if err := r.poll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first := splitOf(r.queue[0].part.number)
	r.Pause([]stream.Split{first})
	r.Pause(nil)
	rows, err := c.rest()
	if err != nil || !errors.Is(func() error { _, err := c.next(); return err }(), io.EOF) {
		t.Fatal(err)
	}
	slices.Sort(rows)
	if got := []string{"1 NULL @0:0", "11 NULL @1:0", "2 NULL @0:1", "3 NULL @0:2"}; !slices.Equal(rows, got) || len(want) != 3 {
		t.Errorf("read %v, want %v", rows, got)
	}
}

// TestLimit: a partition is read up to a limit, also in the midst of what was fetched at
// once, and on from there when there is none any more; others are read on.
func TestLimit(t *testing.T) {
	b := start(t)
	b.topic("t", 2)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":4}`)
	c := b.open(relation("t"), stream.Scan{}, nil)
	r := c.r.(*reader)
	first, err := r.source.config.partition("0")
	if err != nil {
		t.Fatal(err)
	}
	id := r.parts[first].id
	r.Limit([]stream.Position{{Split: "0", Offset: encode(id, 2, -1)}, {Split: "7", Offset: encode(id, 1, -1)}})
	c.want("1 NULL @0:0", "2 NULL @0:1")
	b.produce("t", 1, `{"id":11}`)
	c.want("11 NULL @1:0")
	r.Wake()
	if rows, err := c.next(); err != nil || len(rows) > 0 {
		t.Fatalf("at the limit, woken: %v, %v", rows, err)
	}
	r.Limit([]stream.Position{{Split: "0", Offset: encode(id, 3, -1)}})
	c.want("3 NULL @0:2")
	r.Limit(nil)
	b.produce("t", 0, `{"id":5}`)
	c.want("4 NULL @0:3", "5 NULL @0:4")
}

// TestReaderWithoutPartitions waits for the first one, which may come to be later: a
// task of a job may have none at first.
func TestReaderWithoutPartitions(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`)
	c := b.open(relation("t"), stream.Scan{}, nil)
	none, err := c.src.Open(t.Context(), nil, stream.Scan{Columns: []int{0, 1, 2, 3, 4, 5, 6, 7}[:len(c.b.Cols)]})
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	none.Wake()
	if _, err := none.Read(t.Context(), c.b); err != nil {
		t.Fatalf("a reader without partitions: %v", err)
	}
	c.r.Close()
	if err := none.Add(t.Context(), []stream.Position{{Split: "0"}}); err != nil {
		t.Fatal(err)
	}
	c.r = none
	c.want("1 NULL @0:0")
}
