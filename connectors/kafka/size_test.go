package kafka

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestRows: a topic's size is known once it was read, and then also where the
// broker no longer answers.
func TestRows(t *testing.T) {
	b := start(t)
	b.topic("t", 2)
	b.produce("t", 0, `{"id":1}`, `{"id":2}`)
	b.produce("t", 1, `{"id":3}`)
	var sizer stream.Sizer = Connector{}
	if rows, ok := sizer.Rows(b.env(), relation("t")); ok {
		t.Fatalf("Rows before any read = %v, want none known", rows)
	}
	if _, err := b.open(relation("t"), stream.Scan{Bounded: true}, nil).rest(); err != nil {
		t.Fatal(err)
	}
	env := b.env()
	b.Close()
	if rows, ok := sizer.Rows(env, relation("t")); !ok || rows != 3 {
		t.Errorf("Rows after a read = %v, %v, want 3", rows, ok)
	}
	if rows, ok := sizer.Rows(env, relation("other")); ok {
		t.Errorf("Rows of another topic = %v, want none known", rows)
	}
}
