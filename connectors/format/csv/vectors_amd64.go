package csv

import "golang.org/x/sys/cpu"

func hasVectors() bool {
	return cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT
}

// found is what findMarks has found.
type found struct {
	marks  int    // how many
	lines  int    // how many of them are line breaks
	wide   uint64 // not 0: bytes are not ASCII
	behind uint64 // 1: there is a quote or NUL, and the marks are those before it
}

// findMarks writes to at where the delimiters and line breaks of the blocks at b are,
// of which the first begins at base, until it has found want, which are not 0. at has
// room for a block more. delimiter and quote are eight of each.
//
//go:noescape
func findMarks(b *byte, blocks int, delimiter, quote uint64, base int, at *int32, want int, f *found)

// byVectors is blocks by vectors. b is not empty.
func (m *marks) byVectors(b []byte, base, want int) bool {
	if m.n >= want {
		return true
	}
	var f found
	findMarks(&b[0], len(b)/block, m.delimiter, m.quote, base, &m.at[m.n+1], want-m.n, &f)
	m.n += f.marks
	m.lines += f.lines
	m.wide = m.wide || f.wide != 0
	return f.behind == 0
}

// layout is how the numbers of a column lie: digits, and where they have a scale a
// point before the last of them.
type layout struct {
	shuffle [16]byte // takes the point from the 16 bytes that end with a number
	least   uint64   // a number has so many bytes, its sign not counted,
	more    uint64   // or up to so many more
	point   uint64   // so many bytes before a number's end; 0: it has none
}

// layouts are those of scales.
var layouts = func() (all [15]layout) {
	for scale := range all {
		l := &all[scale]
		for i := range l.shuffle {
			l.shuffle[i] = byte(i)
		}
		if l.least = 1; scale > 0 {
			l.least, l.point = uint64(scale)+2, uint64(scale)+1
			for i := range 16 - scale {
				l.shuffle[i] = byte(i - 1) // 255: a zero
			}
		}
		l.more = 16 - l.least
	}
	return all
}()

// readNumbers reads up to rows numbers of a layout, whose magnitude is less than
// limit, and returns how many came before the first that is none. at and width are as
// in cells.
//
//go:noescape
func readNumbers(b *byte, at *int32, width, rows int, out *int64, l *layout, limit int64) int

// numbers reads the fields from record k on into out, times 10^scale, up to the first
// that is not a number of that scale in at most 16 bytes, and less than limit. It
// returns how many it has read.
func (c *cells) numbers(out []int64, k int, scale int32, limit int64) int {
	if !vectors || c.digits || int(scale) >= len(layouts) {
		return 0
	}
	return readNumbers(&c.b[0], &c.at[k*c.width], c.width, len(out), &out[0], &layouts[scale], limit)
}

// readTimes reads up to rows timestamps of the day and in the form of a clock, and
// returns how many came before the first that is none. None begins behind last, which
// is 30 bytes before the end of b. at and width are as in cells.
//
//go:noescape
func readTimes(b *byte, at *int32, width, rows int, out *int64, k *clock, last int) int

// times reads the fields from record k on into out, up to the first that is not a
// timestamp of the clock's day, and returns how many it has read.
func (c *cells) times(out []int64, k int, on *clock) int {
	if !vectors || c.digits || len(c.b) < 30 {
		return 0
	}
	return readTimes(&c.b[0], &c.at[k*c.width], c.width, len(out), &out[0], on, len(c.b)-30)
}
