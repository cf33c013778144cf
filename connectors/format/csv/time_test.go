package csv

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// TestCalendar reads dates that change, come back and are none, one after the other.
func TestCalendar(t *testing.T) {
	var c calendar
	for _, text := range []string{
		"2024-02-29", "2024-02-29", "2023-02-29", "2024-02-29", "2024-02-28", "2024-03-01", "0001-01-01", "9999-12-31", "0000-01-01",
		"2024-13-01", "2024-1a-01", "2024x01-01", "2024-03-01", "2024-03-0a", "2024-03-01",
	} {
		want, err := types.ParseDateBytes([]byte(text), types.DefaultFormat())
		if got, ok := c.date([]byte(text)); ok != (err == nil) || ok && got != want {
			t.Errorf("%s: day %d, %v, want %d, %v", text, got, ok, want, err)
		}
		stamp := text + "T10:11:12.5Z"
		at, err := types.ParseTimestamptzBytes([]byte(stamp), types.DefaultFormat())
		if got, ok := c.timestamptz([]byte(stamp)); ok != (err == nil) || ok && got != at {
			t.Errorf("%s: %d, %v, want %d, %v", stamp, got, ok, at, err)
		}
	}
	if _, ok := c.date(make([]byte, 10)); ok {
		t.Errorf("%q is a date", make([]byte, 10))
	}
}
