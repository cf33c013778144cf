package types

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
)

// TestLongInputEnds: whoever waits for a long value to be read is asked all the while
// whether he does.
func TestLongInputEnds(t *testing.T) {
	const mega = 1 << 20
	zeros := strings.Repeat("0", 10*mega)
	for _, c := range []struct {
		oid  OID
		text string
		want string // what comes of it; "": that is not looked at
	}{
		{4451, "{" + strings.Repeat("[1,2),", 40_000) + "[5,7)}", "{[1,2),[5,7)}"},
		{GeoPath, "(" + strings.Repeat("(1,2),", 10_000) + "(3,4))", ""},
		{Polygon, "(" + strings.Repeat("(1,2),", 10_000) + "(3,4))", ""},
		{Int2, "-" + zeros + "12", "-12"},
		{Int4, "0x" + zeros + "f", "15"},
		{Int8, strings.Repeat("0_0", 4*mega) + "7 ", "7"},
		{Float4, zeros + "1.5", "1.5"},
		{Float8, "-0." + zeros + "25e10485760", "-0.25"},
		{Float8, "1e-" + zeros + "3", "0.001"},
		{Numeric, zeros + "1.50", "1.50"},
		{Numeric, "0x" + zeros + "ff", "255"},
		{Numeric, "1e" + zeros + "2", "100"},
		{Bytea, `\x` + strings.Repeat("61", 5*mega), ""},
		{Varbit, "x" + zeros, ""},
		{Varbit, zeros, zeros},
		{Text, zeros, zeros},
		{JSON, `"` + strings.Repeat("ä", 5*mega) + `"`, ""},
		{1007, "{" + zeros + "3}", "{3}"},
		{3904, "[" + zeros + "3,5)", "[3,5)"},
	} {
		typ, name := Of(c.oid), Lookup(c.oid).Name
		text := c.text
		questions := 0
		format := *DefaultFormat()
		format.Ended = func() error { questions++; return nil }
		v, err := Parse(typ, text, &format)
		if err != nil || questions < 9 {
			t.Fatalf("%s: %d questions, %v", name, questions, err)
		}
		if got := string(AppendText(nil, v, &format)); c.want != "" && got != c.want {
			t.Errorf("%s is %.40s, want %.40s", name, got, c.want)
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

// TestLongFloats: a float of many digits is the same one as when all of them are read.
func TestLongFloats(t *testing.T) {
	tail := strings.Repeat("0", 9999)
	for text, want := range map[string]float64{
		"1" + tail + "e-" + strconv.Itoa(len(tail)):                        1,
		"0." + tail + "1e" + strconv.Itoa(len(tail)+1):                     1,
		"-0x" + tail + "a.8p1":                                             -21,
		"0x1." + tail + "1":                                                1,
		"9007199254740993." + tail:                                         9007199254740992,
		"9007199254740993." + tail + "1":                                   9007199254740994,
		"900719925474099300000" + tail + "1e-" + strconv.Itoa(len(tail)+6): 9007199254740994,
		"+." + tail + "5e" + strconv.Itoa(len(tail)):                       0.5,
		"1" + tail[:900] + "e-900":                                         1,
		strings.Repeat(" ", 9999) + "infinity" + strings.Repeat(" ", 9999): math.Inf(1),
	} {
		if x, err := ParseFloat64(text); err != nil || x != want {
			t.Errorf("%.20s... is %v, want %v: %v", text, x, want, err)
		}
	}
	for _, text := range []string{"1" + tail, "1" + tail + "e", "1" + tail + "e+", tail + "x", "." + strings.Repeat(" ", 9999) + "1", "0x" + strings.Repeat("g", 9999), tail + "1e5x", "1e" + tail + "x", strings.Repeat("x", 9999), "1" + tail + ".0.0", "-" + strings.Repeat("-", 9999)} {
		if x, err := ParseFloat64(text); err == nil {
			t.Errorf("%.20s... is %v", text, x)
		}
	}
}
