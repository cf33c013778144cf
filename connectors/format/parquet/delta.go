package parquet

import "encoding/binary"

// delta reads DELTA_BINARY_PACKED: a first value, and blocks of differences, each
// parted into small ones that have a width of bits of their own. It reads as it goes,
// whatever number of values the header says.
type delta struct {
	b      []byte
	block  int // values of a block
	minis  int
	total  uint64 // values that have not been read
	last   int64
	first  bool // the first value has not been read
	least  int64
	widths []byte // of the small blocks that are left
	mini   []byte // the one in hand
	width  uint
	left   int // values of it
	at     int
	room   [64]uint64
}

func newDelta(b []byte) (delta, bool) {
	d := delta{b: b, first: true}
	block, ok1 := d.uvarint()
	minis, ok2 := d.uvarint()
	total, ok3 := d.uvarint()
	first, ok4 := d.uvarint()
	if !ok1 || !ok2 || !ok3 || !ok4 || block == 0 || block > 1<<20 || minis == 0 || minis > block || block%minis != 0 || block/minis%8 != 0 {
		return d, false
	}
	d.block, d.minis, d.total = int(block), int(minis), total
	d.last = int64(first>>1) ^ -int64(first&1)
	return d, true
}

func (d *delta) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		return 0, false
	}
	d.b = d.b[n:]
	return v, true
}

// begin takes up the next small block.
func (d *delta) begin() bool {
	if len(d.widths) == 0 {
		least, ok := d.uvarint()
		if !ok || len(d.b) < d.minis {
			return false
		}
		d.least = int64(least>>1) ^ -int64(least&1)
		d.widths, d.b = d.b[:d.minis], d.b[d.minis:]
	}
	d.width, d.widths = uint(d.widths[0]), d.widths[1:]
	d.left, d.at = d.block/d.minis, 0
	size := d.left / 8 * int(d.width)
	if d.width > 64 || size > len(d.b) && uint64(len(d.b))*8 < min(d.total, uint64(d.left))*uint64(d.width) {
		return false
	}
	size = min(size, len(d.b))
	d.mini, d.b = d.b[:size:size], d.b[size:]
	return true
}

// readDelta fills dst; false: there are fewer values, or they are damaged.
func readDelta[T int32 | int64](d *delta, dst []T) bool {
	if uint64(len(dst)) > d.total {
		return false
	}
	d.total -= uint64(len(dst))
	if d.first && len(dst) > 0 {
		d.first = false
		dst[0] = T(d.last)
		dst = dst[1:]
	}
	for len(dst) > 0 {
		if d.left == 0 {
			d.total += uint64(len(dst))
			ok := d.begin()
			d.total -= uint64(len(dst))
			if !ok {
				return false
			}
		}
		n := min(d.left, len(dst), len(d.room))
		room := d.room[:n]
		unpack(room, d.mini, d.at, d.width)
		last := d.last
		for i, x := range room {
			last += d.least + int64(x)
			dst[i] = T(last)
		}
		d.last = last
		d.at, d.left = d.at+n, d.left-n
		dst = dst[n:]
	}
	return true
}

// end passes over all that is left and returns the bytes behind it.
func (d delta) end() ([]byte, bool) {
	d.total -= min(d.total, 1) // the first has no difference
	if !d.first {
		return nil, false
	}
	for d.total > 0 {
		if !d.begin() {
			return nil, false
		}
		d.total -= min(d.total, uint64(d.left))
	}
	// The last block has all its small blocks' widths, and the bytes of none that is
	// not begun.
	return d.b, true
}
