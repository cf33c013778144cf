package operator

import (
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// TestTimeWindow puts single times into windows. Bounds were read off a calendar.
func TestTimeWindow(t *testing.T) {
	const second, minute, hour = int64(1e6), int64(60e6), int64(3600e6)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		spec TimeWindowSpec
		at   string
		want string
	}{
		{"tumbling", TimeWindowSpec{Size: minute}, "2026-01-01 00:01:00", "00:01:00 00:02:00"},
		{"tumbling, before 1970", TimeWindowSpec{Size: minute}, "1969-12-31 23:59:59.9", "23:59:00 00:00:00"},
		{"a week begins on a Thursday, as 1970 did", TimeWindowSpec{Size: 7 * 24 * hour}, "2026-01-07 12:00:00", "2026-01-01 2026-01-08"},
		{"offset", TimeWindowSpec{Size: hour, Offset: 15 * minute}, "2026-01-01 10:14:00", "09:15:00 10:15:00"},
		{"hopping", TimeWindowSpec{Kind: plan.WindowHopping, Size: minute, Slide: 30 * second}, "2026-01-01 00:00:45", "00:00:30 00:01:30|00:00:00 00:01:00"},
		{"hopping, the slide does not divide the size", TimeWindowSpec{Kind: plan.WindowHopping, Size: 25 * second, Slide: 10 * second}, "2026-01-01 00:00:26",
			"00:00:20 00:00:45|00:00:10 00:00:35"},
		{"cumulate", TimeWindowSpec{Kind: plan.WindowCumulate, Size: minute, Slide: 20 * second}, "2026-01-01 00:00:20", "00:00:00 00:00:40|00:00:00 00:01:00"},
		{"days of a zone: spring forward has 23 hours", TimeWindowSpec{Size: 24 * hour, Zone: berlin}, "2026-03-29 12:00:00", "2026-03-28 23:00:00 2026-03-29 22:00:00"},
		{"days of a zone: fall back has 25", TimeWindowSpec{Size: 24 * hour, Zone: berlin}, "2026-10-25 12:00:00", "2026-10-24 22:00:00 2026-10-25 23:00:00"},
		{"the hour that comes twice is one window", TimeWindowSpec{Size: hour, Zone: berlin}, "2026-10-25 01:30:00", "2026-10-25 00:00:00 2026-10-25 02:00:00"},
		{"a half hour that comes twice ends when it has come twice", TimeWindowSpec{Size: hour / 2, Zone: berlin}, "2026-10-25 01:10:00", "2026-10-25 00:00:00 2026-10-25 01:30:00"},
		{"a quarter before it does not", TimeWindowSpec{Size: hour / 4, Zone: berlin}, "2026-10-24 23:50:00", "2026-10-24 23:45:00 2026-10-25 00:00:00"},
		{"an end that the clock leaves out", TimeWindowSpec{Kind: plan.WindowHopping, Size: hour, Slide: 30 * minute, Zone: berlin}, "2026-03-29 00:40:00",
			"2026-03-29 00:30:00 2026-03-29 01:00:00|2026-03-29 00:00:00 2026-03-29 01:00:00"},
		{"a start that it leaves out", TimeWindowSpec{Size: 7 * minute, Offset: 5 * minute, Zone: berlin}, "2026-03-29 01:00:30", "2026-03-29 01:00:00 2026-03-29 01:06:00"},
		{"no time", TimeWindowSpec{Size: minute}, "NULL", ""},
		{"no end of time", TimeWindowSpec{Size: minute}, "infinity", ""},
	} {
		in := []types.Type{types.Of(types.Timestamp)}
		out := []types.Type{in[0], in[0], in[0]}
		c.spec.Time = binder{in}.program("$0")
		for _, s := range shapes {
			events := []event{{values: []types.Value{parse(in[0], c.at)}}}
			var got []string
			for _, line := range play(t, NewTimeWindow(c.spec), [][]types.Type{in}, out, events, s) {
				day, _, _ := strings.Cut(c.at, " ")
				bounds := strings.TrimPrefix(line, "+ "+c.at+" ")
				if !strings.Contains(c.want, "-") {
					for _, d := range []string{day, "1970-01-01"} {
						bounds = strings.ReplaceAll(bounds, d+" ", "")
					}
				} else {
					bounds = strings.ReplaceAll(bounds, " 00:00:00", "")
				}
				got = append(got, bounds)
			}
			want := c.want
			if strings.Contains(want, "-") {
				want = strings.ReplaceAll(want, " 00:00:00", "")
			}
			if g := strings.Join(got, "|"); g != want {
				t.Errorf("%s, %v: %s is in %q, want %q", c.name, s, c.at, g, want)
			}
		}
	}
}
