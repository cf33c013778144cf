package parquet

import (
	"encoding/binary"
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
)

// scratch holds values as they lie in the file, those that are not NULL, in the slice
// of their physical type; byte strings of any length are views of the page or the
// dictionary.
type scratch struct {
	bools []bool
	i32   []int32
	i64   []int64
	f32   []float32
	f64   []float64
	bytes [][]byte
	// checked: the bytes are known to be text.
	checked bool

	index []uint32
	built []byte // what bytes view where a page has them in parts
	lens  []int32
	pre   []int32
}

// weight is how many bytes the first n values take that are byte strings.
func (s *scratch) weight(phys, n int) int {
	if phys != physBytes && phys != physFixed {
		return 0
	}
	sum := 0
	for _, b := range s.bytes[:n] {
		sum += len(b)
	}
	return sum
}

// dictionary is a chunk's.
type dictionary struct {
	there bool
	n     int
	i32   []int32
	i64   []int64
	f32   []float32
	f64   []float64
	bytes [][]byte
	text  bool
}

// dictionary reads a dictionary page: values that lie plainly.
func (l *leaf) dictionary(h pageHeader, b []byte) error {
	if l.dict.there {
		return corrupt("a column has two dictionaries in a row group")
	}
	if h.encoding != encPlain && h.encoding != encPlainDictionary || l.node.phys == physBool {
		return corrupt("a dictionary of type %s has the encoding %d", physNames[l.node.phys], h.encoding)
	}
	b, err := l.pack.unpack(l.chunk.codec, b, nil, int(h.uncompressed))
	if err != nil {
		return err
	}
	if l.chunk.codec == int32(Uncompressed) {
		b = append([]byte(nil), b...) // the window's
	}
	least := l.size()
	if least == 0 {
		least = 4
	}
	n := int(h.values)
	if n > len(b)/least {
		return corrupt("a dictionary of %d bytes says that it has %d values", len(b), n)
	}
	d := &l.dict
	d.there, d.n = true, n
	switch l.node.phys {
	case physInt32:
		d.i32 = make([]int32, n)
		copyFixed(d.i32, b)
	case physInt64:
		d.i64 = make([]int64, n)
		copyFixed(d.i64, b)
	case physFloat:
		d.f32 = make([]float32, n)
		copyFixed(d.f32, b)
	case physDouble:
		d.f64 = make([]float64, n)
		copyFixed(d.f64, b)
	default:
		d.bytes = make([][]byte, n)
		if _, ok := cut(d.bytes, b, l.size()); !ok {
			return corrupt("a dictionary ends in a value")
		}
		d.text = true
		for _, v := range d.bytes {
			d.text = d.text && wire.PlainText(v)
		}
	}
	return nil
}

// copyFixed copies values of one size that lie in b, which has them all.
func copyFixed[T int32 | int64 | float32 | float64](dst []T, b []byte) {
	if len(dst) == 0 {
		return
	}
	if littleEndian {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), len(dst)*int(unsafe.Sizeof(dst[0]))), b)
		return
	}
	for i := range dst {
		if unsafe.Sizeof(dst[0]) == 4 {
			*(*uint32)(unsafe.Pointer(&dst[i])) = binary.LittleEndian.Uint32(b[4*i:])
		} else {
			*(*uint64)(unsafe.Pointer(&dst[i])) = binary.LittleEndian.Uint64(b[8*i:])
		}
	}
}

var littleEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()

// cut parts b into values, of so many bytes each, or, 0, that have their length before
// them. It returns what is left.
func cut(dst [][]byte, b []byte, size int) ([]byte, bool) {
	if size > 0 {
		if len(dst) > len(b)/size {
			return b, false
		}
		for i := range dst {
			dst[i] = b[:size:size]
			b = b[size:]
		}
		return b, true
	}
	for i := range dst {
		if len(b) < 4 {
			return b, false
		}
		n := binary.LittleEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) {
			return b, false
		}
		dst[i] = b[4 : 4+n : 4+n]
		b = b[4+n:]
	}
	return b, true
}

// read reads n values of the page into the scratch.
func (l *leaf) read(n int) error {
	s := &l.scratch
	var ok bool
	switch l.node.phys {
	case physBool:
		s.bools = grown(s.bools, n)
		ok = l.readBools(s.bools)
	case physInt32:
		s.i32 = grown(s.i32, n)
		if l.encoding == encDelta {
			ok = readDelta(&l.delta, s.i32)
		} else {
			ok = readFixed(l, s.i32, l.dict.i32)
		}
	case physInt64:
		s.i64 = grown(s.i64, n)
		if l.encoding == encDelta {
			ok = readDelta(&l.delta, s.i64)
		} else {
			ok = readFixed(l, s.i64, l.dict.i64)
		}
	case physFloat:
		s.f32 = grown(s.f32, n)
		ok = readFixed(l, s.f32, l.dict.f32)
	case physDouble:
		s.f64 = grown(s.f64, n)
		ok = readFixed(l, s.f64, l.dict.f64)
	default:
		s.bytes = grown(s.bytes, n)
		ok = l.readBytes(s.bytes)
	}
	if !ok {
		return corrupt("a page has fewer values than it says, or damaged ones")
	}
	return nil
}

func (l *leaf) readBools(dst []bool) bool {
	s := &l.scratch
	s.index = grown(s.index, len(dst))
	if l.encoding != encPlain && l.encoding != encRLE || !l.index.read(s.index) {
		return false
	}
	for i, v := range s.index {
		dst[i] = v != 0
	}
	return true
}

// numbers reads numbers of the dictionary's values, each of which is one of them.
func (l *leaf) numbers(n int) ([]uint32, bool) {
	s := &l.scratch
	s.index = grown(s.index, n)
	if !l.index.read(s.index) {
		return nil, false
	}
	most := uint32(0)
	for _, k := range s.index {
		most = max(most, k)
	}
	return s.index, n == 0 || int64(most) < int64(l.dict.n)
}

func readFixed[T int32 | int64 | float32 | float64](l *leaf, dst []T, dict []T) bool {
	if len(dst) == 0 {
		return true
	}
	size := int(unsafe.Sizeof(dst[0]))
	switch l.encoding {
	case encPlain:
		if len(dst) > len(l.plain)/size {
			return false
		}
		copyFixed(dst, l.plain)
		l.plain = l.plain[len(dst)*size:]
		return true
	case encDictionary:
		index, ok := l.numbers(len(dst))
		if !ok {
			return false
		}
		for i, k := range index {
			dst[i] = dict[k]
		}
		return true
	case encSplit:
		if len(dst) > l.splitN-l.splitAt {
			return false
		}
		l.scratch.built = grown(l.scratch.built, len(dst)*size)
		l.join(l.scratch.built, size)
		copyFixed(dst, l.scratch.built)
		return true
	}
	return false
}

// join puts together values whose first bytes come first in the page, then their
// second ones, and so on.
func (l *leaf) join(dst []byte, size int) {
	n := len(dst) / size
	for k := range size {
		stream := l.split[k*l.splitN+l.splitAt:]
		for i := range n {
			dst[i*size+k] = stream[i]
		}
	}
	l.splitAt += n
}

func (l *leaf) readBytes(dst [][]byte) bool {
	s := &l.scratch
	s.checked = false
	if len(dst) == 0 {
		return true
	}
	var ok bool
	switch l.encoding {
	case encPlain:
		l.plain, ok = cut(dst, l.plain, l.size())
		return ok
	case encDictionary:
		index, ok := l.numbers(len(dst))
		if !ok {
			return false
		}
		for i, k := range index {
			dst[i] = l.dict.bytes[k]
		}
		s.checked = l.dict.text
		return true
	case encDeltaLength:
		s.lens = grown(s.lens, len(dst))
		if !readDelta(&l.lengths, s.lens) {
			return false
		}
		for i, n := range s.lens {
			if n < 0 || int(n) > len(l.plain) {
				return false
			}
			dst[i] = l.plain[:n:n]
			l.plain = l.plain[n:]
		}
		return true
	case encDeltaBytes:
		return l.readPrefixed(dst)
	case encSplit:
		size := l.size()
		if len(dst) > l.splitN-l.splitAt {
			return false
		}
		s.built = grown(s.built, len(dst)*size)
		l.join(s.built, size)
		_, ok = cut(dst, s.built, size)
		return ok
	}
	return false
}

// maxBuilt is how many bytes the values of a batch take at most that are put together
// of the one before and a rest: each may be longer than the page.
const maxBuilt = 256 << 20

// readPrefixed reads values each of which begins as the one before does.
func (l *leaf) readPrefixed(dst [][]byte) bool {
	s := &l.scratch
	s.lens, s.pre = grown(s.lens, len(dst)), grown(s.pre, len(dst))
	if !readDelta(&l.lengths, s.lens) || !readDelta(&l.prefixes, s.pre) {
		return false
	}
	total, before := 0, len(l.previous)
	rest := len(l.plain)
	for i, n := range s.lens {
		pre := s.pre[i]
		if n < 0 || pre < 0 || int(pre) > before || int(n) > rest {
			return false
		}
		rest -= int(n)
		before = int(pre) + int(n)
		if total += before; total > maxBuilt || l.size() > 0 && before != l.size() {
			return false
		}
	}
	s.built = grown(s.built, total)[:0]
	previous := l.previous
	for i, n := range s.lens {
		from := len(s.built)
		s.built = append(s.built, previous[:s.pre[i]]...)
		s.built = append(s.built, l.plain[:n]...)
		l.plain = l.plain[n:]
		dst[i] = s.built[from:len(s.built):len(s.built)]
		previous = dst[i]
	}
	l.previous = append(l.previous[:0], previous...)
	return true
}
