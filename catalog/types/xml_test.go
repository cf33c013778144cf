package types

import (
	"errors"
	"strings"
	"testing"
)

// TestLongXMLEnds: whoever waits for a long text of XML to be read is asked all the
// while whether he does, in both of its passes.
func TestLongXMLEnds(t *testing.T) {
	s := "<a>" + strings.Repeat(`<b c="d">x</b>`, 10_000) + "</a>"
	questions := 0
	format := *DefaultFormat()
	format.Ended = func() error { questions++; return nil }
	if v, err := Parse(Of(XML), s, &format); err != nil || v.S != s {
		t.Fatalf("%d bytes, want %d: %v", len(v.S), len(s), err)
	}
	if least := 2 * len(s) / 4096; questions < least {
		t.Errorf("%d questions, want %d at least", questions, least)
	}
	tired := errors.New("tired")
	for _, stop := range []int{0, 1, questions / 2, questions - 1} {
		left := stop
		format.Ended = func() error {
			if left--; left < 0 {
				return tired
			}
			return nil
		}
		if _, err := Parse(Of(XML), s, &format); !errors.Is(err, tired) {
			t.Errorf("given up at question %d of %d: %v", stop, questions, err)
		}
	}
}
