package kafka

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestUpperBoundOfTime ends a partition at the first record past the bound where
// what follows is known to lie past it too, and only there.
func TestUpperBoundOfTime(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	const at = 1_700_000_000_000
	stamps := []int64{0, 1000, 3000, 2000, 5000, 1500, 9000} // the milliseconds of the producer's clock
	for i, ms := range stamps {
		b.record(&kgo.Record{Topic: "t", Timestamp: time.UnixMilli(at + ms), Value: fmt.Appendf(nil, `{"id":%d}`, i)})
	}
	row := func(n ...int) (all []string) {
		for _, i := range n {
			all = append(all, fmt.Sprintf("%d NULL @0:%d", i, i))
		}
		return all
	}
	all := row(0, 1, 2, 3, 4, 5, 6)
	for _, c := range []struct {
		name    string
		options []string
		until   int64 // microseconds of Unix
		want    []string
	}{
		{"the producers' time, in no order", nil, (at + 2500) * 1000, all},
		{"a disorder of 4 s", []string{"timestamp.max_disorder", "4s"}, (at + 2500) * 1000, row(0, 1, 2, 3, 4, 5)},
		{"a disorder of 1 s", []string{"timestamp.max_disorder", "1000"}, (at + 2500) * 1000, row(0, 1, 2, 3)},
		{"no disorder", []string{"timestamp.max_disorder", "0"}, (at + 2500) * 1000, row(0, 1)},
	} {
		until := c.until + types.UnixEpoch
		for _, bounded := range []bool{true, false} {
			if !bounded && len(c.want) == len(all) {
				continue // it would wait for more
			}
			got, err := b.open(relation("t", c.options...), stream.Scan{Bounded: bounded, Until: stream.Bound{Timestamp: &until}}, nil).rest()
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s, bounded %v: %q, %v, want %q", c.name, bounded, got, err, c.want)
			}
		}
	}
}

// TestPast: a record that the broker has stamped needs no declaration.
func TestPast(t *testing.T) {
	until := int64(1_700_000_000_000_000) + types.UnixEpoch
	r := &reader{source: &source{config: &config{}}, scan: stream.Scan{Until: stream.Bound{Timestamp: &until}}}
	for _, c := range []struct {
		rec  record
		want bool
	}{
		{record{millis: 1_700_000_000_000, appended: true}, true},
		{record{millis: 1_699_999_999_999, appended: true}, false},
		{record{millis: 1_700_000_000_000}, false},
	} {
		if got := r.past(&c.rec); got != c.want {
			t.Errorf("a record at %d, appended %v: past %v, want %v", c.rec.millis, c.rec.appended, got, c.want)
		}
	}
	r.scan.Until.Timestamp = nil
	if r.past(&record{appended: true}) {
		t.Error("past a bound that is not there")
	}
}
