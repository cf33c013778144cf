package rowkey

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Reader reads some attributes of rows into columns. It belongs to one
// goroutine.
type Reader struct {
	l    *Layout
	want []int // by attribute: the column it goes to, -1: none
	last int   // attributes that are looked at
	cols int
}

// Reader returns a reader of attributes by their place; the same attribute may
// be wanted once.
func (l *Layout) Reader(attrs []int) *Reader {
	r := &Reader{}
	r.Reset(l, attrs)
	return r
}

// Reset makes r a reader of attributes of l, keeping its memory.
func (r *Reader) Reset(l *Layout, attrs []int) {
	r.l, r.last, r.cols = l, 0, len(attrs)
	if cap(r.want) < len(l.attrs) {
		r.want = make([]int, len(l.attrs))
	}
	r.want = r.want[:len(l.attrs)]
	for i := range r.want {
		r.want[i] = -1
	}
	for i, a := range attrs {
		r.want[a] = i
		r.last = max(r.last, a+1)
	}
}

var errDamaged = errors.New("a stored row is damaged")

// fixedSize is how many bytes a value has, 0: that depends on it.
var fixedSize = [...]int{
	types.PhysBool: 1, types.PhysInt16: 2, types.PhysInt32: 4, types.PhysInt64: 8, types.PhysUint32: 4,
	types.PhysFloat32: 4, types.PhysFloat64: 8, types.PhysInterval: 16, types.PhysUUID: 16,
	types.PhysBytes: 0, types.PhysNumeric: 0, types.PhysList: 0,
}

// Read appends one row to columns, one for each attribute wanted.
func (r *Reader) Read(row []byte, cols []vec.Vec) (err error) {
	if r.last == 0 {
		return nil
	}
	defer func() {
		if recover() != nil { // cut short: an index beyond its end
			err = fmt.Errorf("reading a row: %w", errDamaged)
		}
	}()
	head, n := binary.Uvarint(row)
	has := int(head >> 1)
	row = row[n:]
	var nulls []byte
	if head&1 != 0 {
		size := (has + 7) / 8
		nulls, row = row[:size], row[size:]
	}
	phys := r.l.phys
	stop := min(has, r.last)
	for i := range stop {
		to := r.want[i]
		if nulls != nil && nulls[i/8]&(1<<(i%8)) != 0 {
			if to >= 0 {
				vec.AppendNull(cols[to])
			}
			continue
		}
		if to < 0 {
			row = skip(row, phys[i])
			continue
		}
		row = readInto(cols[to], row)
	}
	for i := stop; i < r.last; i++ {
		if to := r.want[i]; to >= 0 {
			vec.Append(cols[to], r.l.missing(i))
		}
	}
	return nil
}

// missing is the value of an attribute that a row is too short for.
func (l *Layout) missing(i int) types.Value {
	if m := l.attrs[i].Missing; m.Type.OID != 0 {
		return m
	}
	return types.NullOf(l.attrs[i].Type)
}

func skip(row []byte, phys types.Phys) []byte {
	if n := fixedSize[phys]; n > 0 {
		return row[n:]
	}
	switch phys {
	case types.PhysBytes:
		size, n := binary.Uvarint(row)
		return row[n+int(size):]
	case types.PhysNumeric:
		head, n := binary.Uvarint(row)
		row = row[n:]
		switch head & 3 {
		case decimalShort:
			_, n = binary.Varint(row)
			return row[n:]
		case decimalLong:
			return row[16:]
		}
		size, n := binary.Uvarint(row)
		return row[n+int(size):]
	case types.PhysList:
		return row[4+binary.LittleEndian.Uint32(row):]
	}
	panic(errDamaged)
}

// readInto appends the value at the head of row to a column of its Phys.
func readInto(v vec.Vec, row []byte) []byte {
	le := binary.LittleEndian
	switch v := v.(type) {
	case *vec.Fixed[int32]:
		v.Append(int32(le.Uint32(row)))
		return row[4:]
	case *vec.Fixed[int64]:
		v.Append(int64(le.Uint64(row)))
		return row[8:]
	case *vec.Bytes:
		size, n := uint64(row[0]), 1
		if size >= 0x80 {
			size, n = binary.Uvarint(row)
		}
		v.Append(row[n : n+int(size)])
		return row[n+int(size):]
	case *vec.Fixed[bool]:
		v.Append(row[0] != 0)
		return row[1:]
	case *vec.Fixed[int16]:
		v.Append(int16(le.Uint16(row)))
		return row[2:]
	case *vec.Fixed[uint32]:
		v.Append(le.Uint32(row))
		return row[4:]
	case *vec.Fixed[float32]:
		v.Append(math.Float32frombits(le.Uint32(row)))
		return row[4:]
	case *vec.Fixed[float64]:
		v.Append(math.Float64frombits(le.Uint64(row)))
		return row[8:]
	case *vec.Fixed[types.IntervalValue]:
		v.Append(types.IntervalValue{
			Micros: int64(le.Uint64(row)), Days: int32(le.Uint32(row[8:])), Months: int32(le.Uint32(row[12:])),
		})
		return row[16:]
	case *vec.Fixed[types.UUIDValue]:
		v.Append(types.UUIDValue(row[:16]))
		return row[16:]
	case *vec.Numeric:
		return readDecimal(v, row)
	case *vec.List:
		return readList(v, row)
	}
	panic("rowkey: unknown column")
}

func readDecimal(v *vec.Numeric, row []byte) []byte {
	head, n := binary.Uvarint(row)
	row = row[n:]
	scale := int32(head >> 2)
	switch head & 3 {
	case decimalShort:
		coef, n := binary.Varint(row)
		v.AppendInt64(coef, scale)
		return row[n:]
	case decimalLong:
		lo, hi := binary.LittleEndian.Uint64(row), binary.LittleEndian.Uint64(row[8:])
		v.Append(types.NewDecimal128(int64(hi), lo, scale))
		return row[16:]
	}
	size, n := binary.Uvarint(row)
	end := n + int(size)
	val, err := types.FromBinary(types.Of(types.Numeric), row[n:end], nil)
	if err != nil {
		panic(err)
	}
	v.Append(val.N)
	return row[end:]
}

func readList(v *vec.List, row []byte) []byte {
	rest := row[4+binary.LittleEndian.Uint32(row):]
	row = row[4:]
	count, n := binary.Uvarint(row)
	row = row[n:]
	var dims []types.Dim
	for range count {
		dims = append(dims, types.Dim{Len: int32(binary.LittleEndian.Uint32(row)), Lower: int32(binary.LittleEndian.Uint32(row[4:]))})
		row = row[8:]
	}
	count, n = binary.Uvarint(row)
	row = row[n:]
	for range count {
		null := row[0] != 0
		row = row[1:]
		if null {
			vec.AppendNull(v.Elem)
			continue
		}
		row = readInto(v.Elem, row)
	}
	v.EndRowDims(dims)
	return rest
}
