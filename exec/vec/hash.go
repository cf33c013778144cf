package vec

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Constants of wyhash (github.com/wangyi-fudan/wyhash, public domain).
const (
	k0 = 0xa0761d6478bd642f
	k1 = 0xe7037ed1a0b428db
	k2 = 0x8ebc6af09c88c6e3
	k3 = 0x589965cc75374cc3
)

const nullHash = k3

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// combine folds the hash x of one more column into h.
func combine(h, x uint64) uint64 { return mix(h^k1, x^k0) }

func hashWord(x uint64) uint64 { return mix(x^k0, k2) }

// HashBytes is the hash of a byte string. It is the same in every process, and
// may be kept.
func HashBytes(b []byte) uint64 {
	seed := uint64(len(b)) ^ k0
	for len(b) > 16 {
		seed = mix(binary.LittleEndian.Uint64(b)^k1, binary.LittleEndian.Uint64(b[8:])^seed)
		b = b[16:]
	}
	var lo, hi uint64
	switch {
	case len(b) >= 8:
		lo, hi = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[len(b)-8:])
	case len(b) >= 4:
		lo, hi = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))
	case len(b) > 0:
		lo = uint64(b[0])<<16 | uint64(b[len(b)>>1])<<8 | uint64(b[len(b)-1])
	}
	return mix(lo^k2, hi^seed)
}

// Hash combines the hash of a column's rows into h, by physical row: the rows
// of sel, or all where sel is nil. Values that are equal have equal hashes
// whatever their scale, sign of zero or padding; NULLs hash alike. Hashes are
// the same in every process.
func Hash(v Vec, t types.Type, sel []int32, h []uint64) {
	if c, ok := v.(*Const); ok {
		var one [1]uint64
		hashRows(c.Of, t, nil, 1, func(_ int, x uint64) { one[0] = x })
		eachRow(c.N, sel, func(row int) { h[row] = combine(h[row], one[0]) })
		return
	}
	if v, ok := v.(*Fixed[int64]); ok && !v.nulls.any {
		hashInt64(v.Values, sel, h)
		return
	}
	if v, ok := v.(*Bytes); ok && Bytewise(t.OID) {
		hashBytes(v, sel, h)
		return
	}
	hashRows(v, t, sel, v.Len(), func(row int, x uint64) { h[row] = combine(h[row], x) })
}

func hashInt64(values []int64, sel []int32, h []uint64) {
	if sel == nil {
		h = h[:len(values)]
		for i, x := range values {
			h[i] = combine(h[i], hashWord(uint64(x)))
		}
		return
	}
	for _, row := range sel {
		h[row] = combine(h[row], hashWord(uint64(values[row])))
	}
}

func hashBytes(v *Bytes, sel []int32, h []uint64) {
	eachRow(v.Len(), sel, func(row int) {
		x := uint64(nullHash)
		if !v.nulls.Get(row) {
			x = HashBytes(v.Data[v.Offsets[row]:v.Offsets[row+1]])
		}
		h[row] = combine(h[row], x)
	})
}

// hashRows calls put with the hash of each row, which does not depend on what
// was combined before.
func hashRows(v Vec, t types.Type, sel []int32, n int, put func(row int, x uint64)) {
	nulls := v.Nulls()
	hash := rowHash(v, t)
	eachRow(n, sel, func(row int) {
		if nulls.any && nulls.Get(row) {
			put(row, nullHash)
			return
		}
		put(row, hash(row))
	})
}

// rowHash returns the hash of a column's rows that are not NULL.
func rowHash(v Vec, t types.Type) func(row int) uint64 {
	switch v := v.(type) {
	case *Fixed[bool]:
		return func(row int) uint64 {
			if v.Values[row] {
				return hashWord(1)
			}
			return hashWord(0)
		}
	case *Fixed[int16]:
		return func(row int) uint64 { return hashWord(uint64(int64(v.Values[row]))) }
	case *Fixed[int32]:
		return func(row int) uint64 { return hashWord(uint64(int64(v.Values[row]))) }
	case *Fixed[int64]:
		return func(row int) uint64 { return hashWord(uint64(v.Values[row])) }
	case *Fixed[uint32]:
		return func(row int) uint64 { return hashWord(uint64(v.Values[row])) }
	case *Fixed[float32]:
		return func(row int) uint64 { return hashFloat(float64(v.Values[row])) }
	case *Fixed[float64]:
		return func(row int) uint64 { return hashFloat(v.Values[row]) }
	case *Fixed[types.IntervalValue]:
		return func(row int) uint64 {
			days, micros := intervalSpan(v.Values[row])
			return mix(uint64(days)^k1, uint64(micros)^k0)
		}
	case *Fixed[types.UUIDValue]:
		return func(row int) uint64 { return HashBytes(v.Values[row][:]) }
	case *Bytes:
		switch t.OID {
		case types.BPChar:
			return func(row int) uint64 { return HashBytes(bytes.TrimRight(v.At(row), " ")) }
		case types.JSONB:
			return func(row int) uint64 { return hashJSONB(v.At(row)) }
		case types.NumRange, types.NumMultirange, types.TSQuery:
			key := types.Lookup(t.OID).AppendKey
			var buf []byte
			return func(row int) uint64 {
				buf = key(buf[:0], v.At(row))
				return HashBytes(buf)
			}
		}
		if types.IsRow(t.OID) {
			var h recordHash
			return func(row int) uint64 { return h.sum(v.At(row)) }
		}
		return func(row int) uint64 { return HashBytes(v.At(row)) }
	case *Numeric:
		return func(row int) uint64 { return hashDecimal(v, row) }
	case *List:
		elem := rowHash(v.Elem, v.Type)
		nulls := v.Elem.Nulls()
		return func(row int) uint64 {
			from, to := v.At(row)
			x := hashWord(uint64(to - from))
			for i := from; i < to; i++ {
				if nulls.Get(i) {
					x = combine(x, nullHash)
					continue
				}
				x = combine(x, elem(i))
			}
			return x
		}
	}
	panic("vec: unknown column")
}

func hashFloat(f float64) uint64 {
	switch {
	case f == 0:
		return hashWord(0)
	case f != f:
		return hashWord(0x7ff8000000000000)
	}
	return hashWord(math.Float64bits(f))
}

// hashDecimal hashes a coefficient of 64 bits without its trailing zeros, so
// that 1.50 is 1.5; wider ones go through their Decimal.
func hashDecimal(v *Numeric, row int) uint64 {
	lo := v.Lo[row]
	if v.Hi != nil && v.Hi[row] != lo>>63 || v.Wide != nil && v.Wide[row] != nil {
		return v.At(row).Hash()
	}
	scale := v.Scale
	if v.Scales != nil {
		scale = v.Scales[row]
	}
	if lo == 0 {
		scale = 0
	}
	for scale > 0 && lo%10 == 0 {
		lo /= 10
		scale--
	}
	return types.Decimal{Hi: lo >> 63, Lo: uint64(lo), Scale: scale}.Hash()
}

// hashJSONB hashes jsonb's canonical text with the zeros that end a fraction
// left out, since 1.0 and 1 are the same number.
func hashJSONB(b []byte) uint64 {
	var buf [256]byte
	return HashBytes(appendPlainNumbers(buf[:0], b))
}

func appendPlainNumbers(dst, b []byte) []byte {
	inString := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case inString:
			dst = append(dst, c)
			if c == '\\' && i+1 < len(b) {
				i++
				dst = append(dst, b[i])
			} else if c == '"' {
				inString = false
			}
		case c == '.':
			end := i + 1
			for end < len(b) && b[end] >= '0' && b[end] <= '9' {
				end++
			}
			if fraction := bytes.TrimRight(b[i:end], "0"); len(fraction) > 1 {
				dst = append(dst, fraction...)
			}
			i = end - 1
		default:
			inString = c == '"'
			dst = append(dst, c)
		}
	}
	return dst
}
