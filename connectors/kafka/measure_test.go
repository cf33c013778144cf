package kafka

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestMeasure: places in a partition are offsets, and its end is what the last answer to a fetch
// request said.
func TestMeasure(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`, `{"id":3}`)
	c := b.open(relation("t"), stream.Scan{Bounded: true}, nil)
	m := c.src.(stream.Measured)
	at := encode([16]byte{1}, 2, -1)
	if place, end, ok := m.Measure("0", at); place != 2 || end != -1 || !ok {
		t.Errorf("before anything was read: place %d, end %d, %v; want 2 and no end", place, end, ok)
	}
	if _, err := c.rest(); err != nil {
		t.Fatal(err)
	}
	if place, end, ok := m.Measure("0", at); place != 2 || end != 3 || !ok {
		t.Errorf("place %d, end %d, %v; want 2 of 3", place, end, ok)
	}
	if _, _, ok := m.Measure("0", []byte("?")); ok {
		t.Error("what is no position was measured")
	}
}
