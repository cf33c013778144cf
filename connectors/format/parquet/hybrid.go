package parquet

import "encoding/binary"

// hybrid reads the format's mix of runs of one value and of packed values, in which
// levels and the numbers of a dictionary's values lie. It holds nothing but where it
// is, so that a run may say that it is of any length.
type hybrid struct {
	b     []byte // what is left after the run in hand
	width uint

	run   int    // values left of the run in hand
	value uint32 // of a run of one value
	pack  []byte // of packed ones; nil: it is a run of one value
	at    int    // of the packed, the next
}

func newHybrid(b []byte, width uint) hybrid { return hybrid{b: b, width: width} }

// next begins the next run. false: there is none.
func (h *hybrid) next() bool {
	for h.run == 0 {
		head, n := binary.Uvarint(h.b)
		if n <= 0 {
			return false
		}
		h.b = h.b[n:]
		if head&1 == 0 {
			size := int(h.width+7) / 8
			if len(h.b) < size {
				return false
			}
			h.value, h.pack = 0, nil
			for i, c := range h.b[:size] {
				h.value |= uint32(c) << (8 * i)
			}
			h.b = h.b[size:]
			h.run = int(min(head>>1, 1<<40))
			continue
		}
		groups := int(min(head>>1, 1<<32))
		h.run, h.at = groups*8, 0
		size := groups * int(h.width)
		if size > len(h.b) {
			// The last run may leave out the bytes of values that are not there.
			size = len(h.b)
			h.run = size * 8 / int(h.width)
		}
		h.pack, h.b = h.b[:size:size], h.b[size:]
		if h.run == 0 && groups > 0 {
			return false
		}
	}
	return true
}

// read fills dst; false: there are fewer values.
func (h *hybrid) read(dst []uint32) bool {
	for len(dst) > 0 {
		if h.run == 0 && !h.next() {
			return false
		}
		n := min(h.run, len(dst))
		if h.pack == nil {
			for i := range dst[:n] {
				dst[i] = h.value
			}
		} else {
			unpack(dst[:n], h.pack, h.at, h.width)
			h.at += n
		}
		h.run -= n
		dst = dst[n:]
	}
	return true
}

// levels is read for values that fit a byte.
func (h *hybrid) levels(dst []uint8) bool {
	for len(dst) > 0 {
		if h.run == 0 && !h.next() {
			return false
		}
		n := min(h.run, len(dst))
		if h.pack == nil {
			for i := range dst[:n] {
				dst[i] = uint8(h.value)
			}
		} else {
			unpack(dst[:n], h.pack, h.at, h.width)
			h.at += n
		}
		h.run -= n
		dst = dst[n:]
	}
	return true
}

// unpack takes values of so many bits from b, from the value at on: the lowest bits
// first.
func unpack[T uint8 | uint32 | uint64](dst []T, b []byte, at int, width uint) {
	if width == 0 {
		clear(dst)
		return
	}
	mask := uint64(1)<<width - 1
	if width == 64 {
		mask = ^uint64(0)
	}
	bit := uint(at) * width
	i := 0
	if width <= 56 {
		for ; i < len(dst); i++ {
			from := int(bit >> 3)
			if from+8 > len(b) {
				break
			}
			dst[i] = T(binary.LittleEndian.Uint64(b[from:]) >> (bit & 7) & mask)
			bit += width
		}
	}
	for ; i < len(dst); i++ {
		var v uint64
		var have uint
		from := int(bit >> 3)
		for k := from; have < width+bit&7 && k < len(b) && have < 64; k++ {
			v |= uint64(b[k]) << have
			have += 8
		}
		v >>= bit & 7
		if got := have - min(have, bit&7); got < width && from+8 < len(b) {
			v |= uint64(b[from+8]) << got
		}
		dst[i] = T(v & mask)
		bit += width
	}
}

// widthOf is how many bits hold the numbers up to n.
func widthOf(n int) uint {
	w := uint(0)
	for n>>w > 0 {
		w++
	}
	return w
}

// bigEndianLevels are levels as the first version of the format packed them, the
// highest bits first, as bytes.
func bigEndianLevels(b []byte, n int, width uint) ([]byte, bool) {
	if width == 0 || width > 8 || n > len(b)*8/int(width) {
		return nil, false
	}
	out := make([]byte, n)
	for i := range out {
		for k := range width {
			bit := uint(i)*width + k
			out[i] = out[i]<<1 | b[bit>>3]>>(7-bit&7)&1
		}
	}
	return out, true
}

// appendHybrid writes values of so many bits: runs of eight and more equal ones as
// such, the others packed.
func appendHybrid[T uint8 | uint32](dst []byte, values []T, width uint) []byte {
	size := int(width+7) / 8
	flush := func(part []T) {
		for len(part) > 0 {
			n := min(len(part), 8*504) // a header of two bytes
			groups := (n + 7) / 8
			dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
			at := len(dst)
			dst = append(dst, make([]byte, groups*int(width))...)
			for i, v := range part[:n] {
				bit := uint(i) * width
				x := uint64(v) << (bit & 7)
				for k := at + int(bit>>3); x != 0; k++ {
					dst[k] |= byte(x)
					x >>= 8
				}
			}
			part = part[n:]
		}
	}
	from := 0 // of those that are to be packed
	for i := 0; i < len(values); {
		n := 1
		for i+n < len(values) && values[i+n] == values[i] {
			n++
		}
		// A packed run is of eights, so it takes what it lacks from this one.
		lack := (8 - (i-from)%8) % 8
		if n-lack < 8 {
			i += n
			continue
		}
		flush(values[from : i+lack])
		dst = binary.AppendUvarint(dst, uint64(n-lack)<<1)
		for k := range size {
			dst = append(dst, byte(uint64(values[i])>>(8*k)))
		}
		i += n
		from = i
	}
	flush(values[from:])
	return dst
}
