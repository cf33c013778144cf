package csv

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// lined are texts as the fields of records of one, with some bytes before them and
// behind.
func lined(texts []string, null string, digits bool) (*cells, int) {
	b := bytes.Repeat([]byte{','}, 20)
	at := []int32{19}
	for _, s := range texts {
		b = append(append(b, s...), '\n')
		at = append(at, int32(len(b)-1))
	}
	return &cells{b: append(b, bytes.Repeat([]byte{'1'}, 40)...), at: at, width: 1, null: null, digits: digits}, len(texts)
}

// TestNumbersByVectors reads numbers of every length and scale, and with a byte that
// does not belong there in each place: what is read is what is read by hand.
func TestNumbersByVectors(t *testing.T) {
	if !vectors {
		t.Skip("this processor has no AVX2")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for scale := range len(layouts) + 2 {
		for n := range 19 {
			text := make([]byte, n)
			for i := range text {
				text[i] = byte('0' + rnd.IntN(10))
			}
			if at := n - scale - 1; scale > 0 && at >= 0 {
				text[at] = '.'
			}
			texts := []string{string(text), "-" + string(text), "--" + string(text)}
			for i := range text {
				for _, c := range []byte{' ', '/', ':', '-', '.', '0', 0x7f, 0xb5, 0xff} {
					bad := slices.Clone(text)
					bad[i] = c
					texts = append(texts, string(bad))
				}
			}
			for _, s := range texts {
				limit := int64(math.MaxInt64)
				if n%2 == 1 {
					limit = pow10[n/2]
				}
				c, _ := lined([]string{s}, "", false)
				f := field{scale: int32(scale), limit: limit}
				want, good := f.coefficient(c.b, 20, 20+len(s))
				digits := len(s)
				if digits > 0 && s[0] == '-' {
					digits--
				}
				var out [1]int64
				read := c.numbers(out[:], 0, int32(scale), limit) == 1
				if read && (!good || out[0] != want) {
					t.Fatalf("%q of scale %d, less than %d: %d, want %d, %v", s, scale, limit, out[0], want, good)
				}
				if !read && good && digits <= 16 && scale < len(layouts) {
					t.Fatalf("%q of scale %d, less than %d, is not read by vectors", s, scale, limit)
				}
			}
		}
	}
	c, rows := lined([]string{"1", "-22", "333", "x", "5"}, "", false)
	out := make([]int64, rows)
	if n := c.numbers(out, 0, 0, math.MaxInt64); n != 3 || !slices.Equal(out[:3], []int64{1, -22, 333}) {
		t.Errorf("three numbers before one that is none: %d, %d", n, out)
	}
	if n := c.numbers(out[:1], 4, 0, math.MaxInt64); n != 1 || out[0] != 5 {
		t.Errorf("the last number: %d, %d", n, out[0])
	}
	if c.digits = true; c.numbers(out, 0, 0, math.MaxInt64) != 0 {
		t.Error("numbers are read by vectors where one may say NULL")
	}
	// Nothing is read before the buffer.
	for n := range 20 {
		b := append(bytes.Repeat([]byte{'7'}, n), '\n')
		c := &cells{b: b, at: []int32{-1, int32(n)}, width: 1}
		if got := c.numbers(out[:1], 0, 0, math.MaxInt64); got != map[bool]int{true: 1}[n == 16] {
			t.Errorf("%d digits at the beginning of a buffer: %d numbers", n, got)
		}
	}
}

// TestTimesByVectors reads timestamps in every form, with a byte that does not belong
// there in each place: what is read is what is read by hand.
func TestTimesByVectors(t *testing.T) {
	if !vectors {
		t.Skip("this processor has no AVX2")
	}
	const whole = "2024-02-29T23:59:58.987654"
	for _, of := range []kind{kindTimestamp, kindTimestamptz} {
		for _, zone := range map[kind][]string{kindTimestamp: {""}, kindTimestamptz: {"Z", "+00"}}[of] {
			hand := func(s string) (int64, int32, bool) {
				var k calendar
				read := k.timestamptz
				if of == kindTimestamp {
					read = k.timestamp
				}
				v, ok := read([]byte(s))
				return v, k.days, ok
			}
			_, days, _ := hand(whole + zone)
			var k clock
			k.set([]byte(whole+zone), of, days)
			for n := range len(whole) + 3 {
				good := (whole + "123")[:n]
				texts := []string{good, good + zone, good + "z", good + "+01", good + zone + zone}
				for i := range n {
					for _, c := range []byte("0123456789.:-T /;\x00\xb0\xff") {
						texts = append(texts, good[:i]+string([]byte{c})+good[i+1:]+zone)
					}
				}
				for _, s := range texts {
					c, _ := lined([]string{s}, "", false)
					want, _, ok := hand(s)
					var out [1]int64
					read := c.times(out[:], 0, &k) == 1
					if read && (!ok || out[0] != want) {
						t.Fatalf("%q: %d, want %d, %v", s, out[0], want, ok)
					}
					like := len(s) > 11 && s[:11] == whole[:11] && len(s) >= 19+len(zone) && s[len(s)-len(zone):] == zone
					if !read && ok && like {
						t.Fatalf("%q is not read by vectors, as %q is", s, whole+zone)
					}
				}
			}
		}
	}
	// Nothing is read behind the buffer, or before it.
	var k clock
	k.set([]byte(whole+"Z"), kindTimestamptz, 0)
	for n := range 40 {
		b := append([]byte(whole+"Z"), "\n2024-02-29T23"...)[:n]
		c := &cells{b: b, at: []int32{-1, int32(min(n, 27))}, width: 1}
		var out [1]int64
		if got := c.times(out[:], 0, &k); got != map[bool]int{true: 1}[n >= 30] {
			t.Errorf("a timestamp in a buffer of %d bytes: %d are read", n, got)
		}
	}
}
