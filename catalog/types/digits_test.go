package types

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// integers are those at which digits change, and random ones of every length.
func integers() []int64 {
	all := []int64{0, math.MaxInt64, math.MinInt64}
	for p := int64(1); p > 0 && p <= 1e18; p *= 10 {
		all = append(all, p, p-1, p+1, -p, 1-p, -p-1, 9*p, 5*p/2)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		all = append(all, int64(r.Uint64())>>r.IntN(64))
	}
	return all
}

// appended is what write appends, which is the same whatever room there is, and touches
// nothing before it.
func appended(t *testing.T, write func([]byte) []byte) string {
	t.Helper()
	roomy := string(write(append(make([]byte, 0, 256), "before"...)))
	tight := string(write([]byte("before")))
	if roomy != tight || !strings.HasPrefix(roomy, "before") {
		t.Fatalf("with room %q, without %q", roomy, tight)
	}
	return roomy[len("before"):]
}

func TestAppendInt(t *testing.T) {
	for _, i := range integers() {
		if got, want := appended(t, func(dst []byte) []byte { return AppendInt(dst, i) }), strconv.FormatInt(i, 10); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

func TestAppendScaled(t *testing.T) {
	for _, i := range integers() {
		for scale := range 22 {
			want := strings.TrimPrefix(strconv.FormatInt(i, 10), "-")
			if n := scale + 1 - len(want); n > 0 {
				want = strings.Repeat("0", n) + want
			}
			if scale > 0 {
				want = want[:len(want)-scale] + "." + want[len(want)-scale:]
			}
			if i < 0 {
				want = "-" + want
			}
			if got := appended(t, func(dst []byte) []byte { return AppendScaled(dst, i, scale) }); got != want {
				t.Fatalf("%d times 10^-%d = %s, want %s", i, scale, got, want)
			}
		}
	}
}

// TestAppendISO asks package time for the text of random instants of the years 1 to 9999.
func TestAppendISO(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	from, to := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro()
	instants := []int64{from, to, 0, -1, 1}
	for range 20000 {
		unix := from + r.Int64N(to-from)
		instants = append(instants, unix, unix-unix%1000, unix-unix%1000000)
	}
	for _, unix := range instants {
		at := time.UnixMicro(unix).UTC()
		want := at.Format("2006-01-02 15:04:05.999999")
		if got := appended(t, func(dst []byte) []byte { return AppendTimestamp(dst, unix+UnixEpoch, DefaultFormat()) }); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		if got := appended(t, func(dst []byte) []byte { return AppendTimestamptz(dst, unix+UnixEpoch, DefaultFormat()) }); got != want+"+00" {
			t.Fatalf("%s, want %s", got, want+"+00")
		}
	}
}

// TestDigitsStayWithin fills what is behind a buffer's capacity and finds it as it was.
func TestDigitsStayWithin(t *testing.T) {
	for room := range 48 {
		back := []byte(strings.Repeat("#", 96))
		for name, write := range map[string]func([]byte) []byte{
			"int":    func(dst []byte) []byte { return AppendInt(dst, math.MinInt64) },
			"scaled": func(dst []byte) []byte { return AppendScaled(dst, -9876543210987654, 7) },
			"stamp":  func(dst []byte) []byte { return AppendTimestamp(dst, 768294489123456, DefaultFormat()) },
		} {
			write(back[:0:room])
			if rest := string(back[room:]); rest != strings.Repeat("#", len(back)-room) {
				t.Errorf("%s with room for %d bytes wrote behind: %q", name, room, rest)
			}
		}
	}
}

// TestISOInstants compares with the library's RFC 3339, in buffers with and without room.
func TestISOInstants(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	micros := []int64{-63082281600000000, 252455615999999999, 0, 1, -1, 1e6, -1e6, 500_000, 820454400000000, 43200000000}
	for range 10_000 {
		m := r.Int64N(252455615999999999+63082281600000000) - 63082281600000000
		micros = append(micros, m, m/1e6*1e6, m/1000*1000)
	}
	var iso ISOInstants
	for i, m := range micros {
		for _, m := range []int64{m, m/microsPerDay*microsPerDay + r.Int64N(microsPerDay)} { // the second most often of the same day
			want := time.UnixMicro(m - UnixEpoch).UTC().Format("2006-01-02T15:04:05.000000")
			if got := string(iso.Append(make([]byte, 0, i%40), m)); got != want && m >= micros[0] && m <= micros[1] {
				t.Fatalf("%d is %s, want %s", m, got, want)
			}
		}
	}
}
