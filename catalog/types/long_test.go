package types

import (
	"errors"
	"strings"
	"testing"
)

// TestLongInputEnds: whoever waits for a long multirange, path or polygon to be read is
// asked all the while whether he does.
func TestLongInputEnds(t *testing.T) {
	for oid, text := range map[OID]string{
		4451:    "{" + strings.Repeat("[1,2),", 40_000) + "[5,7)}",
		GeoPath: "(" + strings.Repeat("(1,2),", 10_000) + "(3,4))",
		Polygon: "(" + strings.Repeat("(1,2),", 10_000) + "(3,4))",
	} {
		typ, name := Of(oid), Lookup(oid).Name
		questions := 0
		format := *DefaultFormat()
		format.Ended = func() error { questions++; return nil }
		v, err := Parse(typ, text, &format)
		if err != nil || questions < 9 {
			t.Fatalf("%s: %d questions, %v", name, questions, err)
		}
		if name == "int4multirange" && string(AppendText(nil, v, &format)) != "{[1,2),[5,7)}" {
			t.Errorf("%s is %s", name, AppendText(nil, v, &format))
		}
		tired := errors.New("tired")
		for stop := 0; stop < questions; stop += 1 + questions/8 {
			left := stop
			format.Ended = func() error {
				if left--; left < 0 {
					return tired
				}
				return nil
			}
			if _, err := Parse(typ, text, &format); !errors.Is(err, tired) {
				t.Errorf("%s, given up at question %d of %d: %v", name, stop, questions, err)
			}
		}
	}
}
