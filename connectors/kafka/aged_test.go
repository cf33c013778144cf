package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestHeldBefore: a topic has held records before a time where one is stamped earlier,
// in whatever partition.
func TestHeldBefore(t *testing.T) {
	b := start(t)
	b.topic("t", 3)
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	held := func(before time.Time) bool {
		t.Helper()
		src, err := Connector{}.Source(t.Context(), b.env(), relation("t"))
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		yes, err := src.(*source).HeldBefore(t.Context(), before)
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	if held(at.Add(time.Hour)) {
		t.Error("an empty topic has held records")
	}
	b.record(&kgo.Record{Topic: "t", Partition: 1, Value: []byte(`{"id":1}`), Timestamp: at})
	if held(at) || held(at.Add(-time.Second)) {
		t.Error("the topic held a record before its first one")
	}
	if !held(at.Add(time.Second)) {
		t.Error("the topic held no record after its first one")
	}
}
