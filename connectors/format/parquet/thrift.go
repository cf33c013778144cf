package parquet

import (
	"encoding/binary"
	"math"
)

// Types of Thrift's compact protocol, in which footers and page headers lie.
const (
	thriftStop   = 0
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// maxThriftDepth is how deep structures may lie in each other; the format's own are
// seven deep.
const maxThriftDepth = 24

// thrift reads from b. It makes room for nothing that the bytes only claim: lists are
// walked, and what is kept is b's. short: the bytes end too early; bad: they are none
// of the protocol.
type thrift struct {
	b          []byte
	i          int
	depth      int
	short, bad bool
}

func (t *thrift) failed() bool { return t.short || t.bad }

func (t *thrift) byte() byte {
	if t.failed() {
		return 0
	}
	if t.i >= len(t.b) {
		t.short = true
		return 0
	}
	t.i++
	return t.b[t.i-1]
}

func (t *thrift) uvarint() uint64 {
	if t.failed() {
		return 0
	}
	v, n := binary.Uvarint(t.b[t.i:])
	switch {
	case n == 0:
		t.short = true
		return 0
	case n < 0:
		t.bad = true
		return 0
	}
	t.i += n
	return v
}

// int reads a number of 16, 32 or 64 bits.
func (t *thrift) int() int64 {
	v := t.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// int32 reads a number that must have 32 bits.
func (t *thrift) int32() int32 {
	v := t.int()
	if v < math.MinInt32 || v > math.MaxInt32 {
		t.bad = true
		return 0
	}
	return int32(v)
}

// binary reads a string; it is b's.
func (t *thrift) binary() []byte {
	n := t.uvarint()
	if t.failed() {
		return nil
	}
	if n > uint64(len(t.b)-t.i) {
		t.short = true
		return nil
	}
	t.i += int(n)
	return t.b[t.i-int(n) : t.i : t.i]
}

// structure walks the fields of a structure. field reads the value of a field, or
// returns false, and it is passed over. A boolean is its type.
func (t *thrift) structure(field func(id int, kind byte) bool) {
	if t.depth++; t.depth > maxThriftDepth {
		t.bad = true
	}
	id := 0
	for !t.failed() {
		head := t.byte()
		if head&15 == thriftStop {
			break
		}
		if delta := int(head >> 4); delta > 0 {
			id += delta
		} else {
			id = int(t.int())
		}
		if !field(id, head&15) {
			t.skip(head & 15)
		}
	}
	t.depth--
}

// holds notes that what was read from an index on is bad where it is shorter than it
// must be.
func (t *thrift) holds(from, least int) {
	if t.i-from < least {
		t.bad = true
	}
}

// list walks the items of a list; item reads one.
func (t *thrift) list(item func(kind byte)) {
	n, kind := t.listHead()
	for ; n > 0 && !t.failed(); n-- {
		item(kind)
	}
}

func (t *thrift) listHead() (n uint64, kind byte) {
	head := t.byte()
	n = uint64(head >> 4)
	if n == 15 {
		n = t.uvarint()
	}
	if n > uint64(len(t.b)) {
		t.short = true // an item takes a byte at least
	}
	return n, head & 15
}

// skip passes over a value of a kind, of a field.
func (t *thrift) skip(kind byte) {
	switch kind {
	case thriftTrue, thriftFalse:
	case thriftByte:
		t.byte()
	case thriftI16, thriftI32, thriftI64:
		t.uvarint()
	case thriftDouble:
		if t.i += 8; t.i > len(t.b) {
			t.i, t.short = len(t.b), true
		}
	case thriftBinary:
		t.binary()
	case thriftList, thriftSet:
		t.list(t.skipItem)
	case thriftMap:
		n := t.uvarint()
		if n == 0 || t.failed() {
			return
		}
		if n > uint64(len(t.b)) {
			t.short = true
		}
		kinds := t.byte()
		for ; n > 0 && !t.failed(); n-- {
			t.skipItem(kinds >> 4)
			t.skipItem(kinds & 15)
		}
	case thriftStruct:
		t.structure(func(int, byte) bool { return false })
	default:
		t.bad = true
	}
}

// skipItem passes over an item of a list, where a boolean is a byte of its own.
func (t *thrift) skipItem(kind byte) {
	if t.depth++; t.depth > maxThriftDepth {
		t.bad = true
	}
	if kind == thriftTrue || kind == thriftFalse {
		t.byte()
	} else {
		t.skip(kind)
	}
	t.depth--
}

// thriftWriter writes structures: begin, fields in ascending order, end.
type thriftWriter struct {
	b    []byte
	last []int // of each structure that is open, the field written last
}

func (w *thriftWriter) begin() { w.last = append(w.last, 0) }

func (w *thriftWriter) end() {
	w.b = append(w.b, thriftStop)
	w.last = w.last[:len(w.last)-1]
}

func (w *thriftWriter) field(id int, kind byte) {
	at := &w.last[len(w.last)-1]
	if delta := id - *at; delta > 0 && delta < 16 {
		w.b = append(w.b, byte(delta)<<4|kind)
	} else {
		w.b = binary.AppendVarint(append(w.b, kind), int64(id))
	}
	*at = id
}

func (w *thriftWriter) i32(id int, v int64) {
	w.field(id, thriftI32)
	w.b = binary.AppendVarint(w.b, v)
}

func (w *thriftWriter) i64(id int, v int64) {
	w.field(id, thriftI64)
	w.b = binary.AppendVarint(w.b, v)
}

func (w *thriftWriter) bool(id int, v bool) {
	if v {
		w.field(id, thriftTrue)
	} else {
		w.field(id, thriftFalse)
	}
}

func (w *thriftWriter) binary(id int, v []byte) {
	w.field(id, thriftBinary)
	w.text(v)
}

func (w *thriftWriter) text(v []byte) {
	w.b = append(binary.AppendUvarint(w.b, uint64(len(v))), v...)
}

func (w *thriftWriter) structure(id int) {
	w.field(id, thriftStruct)
	w.begin()
}

// empty writes a field that is a structure of no fields.
func (w *thriftWriter) empty(id int) {
	w.structure(id)
	w.end()
}

func (w *thriftWriter) list(id, n int, kind byte) {
	w.field(id, thriftList)
	if n < 15 {
		w.b = append(w.b, byte(n)<<4|kind)
	} else {
		w.b = binary.AppendUvarint(append(w.b, 0xf0|kind), uint64(n))
	}
}
