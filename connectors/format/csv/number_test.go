package csv

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestDigits reads numbers of every length, in a buffer that goes on and in one
// that ends there, and with a byte that is no digit in each place.
func TestDigits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 20 {
		for range 20 {
			var text []byte
			for range n {
				text = append(text, byte('0'+rnd.IntN(10)))
			}
			want, err := strconv.ParseInt(string(text), 10, 64)
			good := err == nil && n <= 18
			for _, rest := range []string{"", "7", ",8765432,10987654"} {
				b := append([]byte("99"+string(text)), rest...)
				if got, ok := digits(b, 2, 2+n); ok != good || ok && got != want {
					t.Errorf("digits(%q in %q) = %d, %v, want %d, %v", text, b, got, ok, want, good)
				}
				for i := range n {
					for _, c := range []byte{0, ' ', '/', ':', '-', '.', 0xb5, 0xff} {
						bad := append([]byte(nil), b...)
						bad[2+i] = c
						if got, ok := digits(bad, 2, 2+n); ok {
							t.Errorf("digits(%q) = %d", bad[2:2+n], got)
						}
					}
				}
			}
		}
	}
}

func TestScaled(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for point := 1; point < 18; point++ {
		for n := range 20 {
			text := strings.Repeat("0", n+point)
			for range 20 {
				b := []byte(text)
				for i := range b {
					b[i] = byte('0' + rnd.IntN(10))
				}
				want, err := strconv.ParseInt(string(b), 10, 64)
				good := err == nil && n > 0 && n+point <= 18
				number := string(b[:n]) + "." + string(b[n:])
				for _, rest := range []string{"", ",10,11,12"} {
					b := []byte("9" + number + rest)
					if got, ok := scaled(b, 1, 1+len(number), point); ok != good || ok && got != want {
						t.Errorf("scaled(%q, %d) = %d, %v, want %d, %v", number, point, got, ok, want, good)
					}
				}
			}
		}
	}
}
