package types

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Limits of arrays, PostgreSQL's.
const (
	maxDims     = 6
	maxElements = (1<<30 - 1) / 8
)

// errArrayMemory is 53200 for an array of so many elements, which may take limit bytes.
func errArrayMemory(count, limit int64) error {
	return sqlerr.Errorf(sqlerr.OutOfMemory, "out of memory: an array of %d elements is more than the query's limit of %d MB", count, limit>>20).
		WithDetail("The limit is set by sql.query_memory_limit_mb = %d.", limit>>20).
		WithHint("Read fewer elements at once, or raise sql.query_memory_limit_mb.")
}

// registerArray adds the array type of elem, whose pg_type.typname is name.
func registerArray(elem *Info, name string) *Info { return register(arrayInfo(elem, name)) }

func arrayInfo(elem *Info, name string) *Info {
	oid := elem.Array
	align := byte('i')
	if elem.Align == 'd' {
		align = 'd'
	}
	i := &Info{
		OID: oid, Name: name, SQLName: elem.SQLName + "[]", Elem: elem.OID, Len: -1, Align: align,
		Category: 'A', Kind: 'b', Delim: elem.Delim, Phys: PhysList, Comparable: elem.Comparable,
		ModIn: elem.ModIn, ModOut: elem.ModOut,
		In: func(s string, mod int32, f *Format) (Value, error) { return parseArray(s, elem, mod, f) },
		AppendText: func(dst []byte, v Value, f *Format) []byte {
			return appendArray(dst, v.A, elem, f)
		},
		Recv: func(b []byte, mod int32) (Value, error) {
			return recvArray(b, elem, mod, func(item []byte) (Value, error) { return elem.Recv(item, mod) })
		},
		AppendBinary: func(dst []byte, v Value, f *Format) []byte { return appendArrayBinary(dst, v.A, elem, f) },
		Compare:      func(a, b Value) int { return compareArrays(a.A, b.A, elem) },
	}
	if elem.Kind == 'p' {
		i.Category, i.Kind = 'P', 'p'
	}
	if elem.Coerce != nil {
		i.Coerce = func(v Value, mod int32, explicit bool) (Value, error) {
			out := *v.A
			out.Elem.Mod = mod
			out.Elems = make([]Value, len(v.A.Elems))
			for k, e := range v.A.Elems {
				var err error
				if !e.Null {
					e, err = elem.Coerce(e, mod, explicit)
				}
				if err != nil {
					return v, err
				}
				e.Type.Mod = mod
				out.Elems[k] = e
			}
			v.A = &out
			return v, nil
		}
	}
	return i
}

// appendArray appends the text form: bounds where they are not 1, then braces.
func appendArray(dst []byte, a *Array, elem *Info, f *Format) []byte {
	if len(a.Dims) == 0 {
		return append(dst, '{', '}')
	}
	for _, d := range a.Dims {
		if d.Lower == 1 {
			continue
		}
		for _, d := range a.Dims {
			dst = append(dst, '[')
			dst = AppendInt(dst, int64(d.Lower))
			dst = append(dst, ':')
			dst = AppendInt(dst, int64(d.Lower)+int64(d.Len)-1)
			dst = append(dst, ']')
		}
		dst = append(dst, '=')
		break
	}
	elems := a.Elems
	return appendDim(dst, a.Dims, &elems, elem, f)
}

func appendDim(dst []byte, dims []Dim, elems *[]Value, elem *Info, f *Format) []byte {
	dst = append(dst, '{')
	for i := range dims[0].Len {
		if i > 0 {
			dst = append(dst, elem.Delim)
		}
		if len(dims) > 1 {
			dst = appendDim(dst, dims[1:], elems, elem, f)
			continue
		}
		v := (*elems)[0]
		*elems = (*elems)[1:]
		if v.Null {
			dst = append(dst, "NULL"...)
			continue
		}
		start := len(dst)
		dst = elem.AppendText(dst, v, f)
		dst = QuoteElement(dst, start, elem.Delim)
	}
	return append(dst, '}')
}

// QuoteElement puts quotes around dst[start:], an array element's text, where
// the text form of arrays needs them, and escapes what is inside.
func QuoteElement(dst []byte, start int, delim byte) []byte {
	s := dst[start:]
	quote := len(s) == 0 || len(s) == 4 && strings.EqualFold(view(s), "null")
	escapes := 0
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			escapes++
			quote = true
		case c == '{' || c == '}' || c == delim || isSpace(c):
			quote = true
		}
	}
	if !quote {
		return dst
	}
	return quoted(dst, start, escapes, true)
}

// quoted puts quotes around dst[start:], and before each of the quotes and backslashes
// in it, of which there are so many, a backslash, or the same character.
func quoted(dst []byte, start, special int, backslash bool) []byte {
	n := len(dst) - start
	dst = append(dst, make([]byte, special+2)...)
	// Move from the end, so that nothing is overwritten before it moved.
	to := len(dst) - 1
	dst[to] = '"'
	for from := start + n - 1; from >= start; from-- {
		c := dst[from]
		to--
		dst[to] = c
		if c == '"' || c == '\\' {
			to--
			if dst[to] = c; backslash {
				dst[to] = '\\'
			}
		}
	}
	dst[start] = '"'
	return dst
}

func appendArrayBinary(dst []byte, a *Array, elem *Info, f *Format) []byte {
	be := binary.BigEndian
	dst = be.AppendUint32(dst, uint32(len(a.Dims)))
	flags := uint32(0)
	for _, e := range a.Elems {
		if e.Null {
			flags = 1
		}
	}
	dst = be.AppendUint32(dst, flags)
	dst = be.AppendUint32(dst, uint32(elem.OID))
	for _, d := range a.Dims {
		dst = be.AppendUint32(dst, uint32(d.Len))
		dst = be.AppendUint32(dst, uint32(d.Lower))
	}
	for _, e := range a.Elems {
		at := len(dst)
		dst = be.AppendUint32(dst, math.MaxUint32)
		if !e.Null {
			dst = elem.AppendBinary(dst, e, f)
			be.PutUint32(dst[at:], uint32(len(dst)-at-4))
		}
	}
	return dst
}

// recvArray reads the binary form; recv reads an element's.
func recvArray(b []byte, elem *Info, mod int32, recv func([]byte) (Value, error)) (Value, error) {
	r := binaryReader{b: b}
	ndim := r.int32()
	known := !r.short
	flags, oid := r.int32(), OID(r.int32())
	switch {
	case known && ndim < 0:
		return Value{}, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid number of dimensions: %d", ndim)
	case known && ndim > maxDims:
		return Value{}, errTooManyDims(int(ndim))
	case r.short:
		return Value{}, errBinaryLength(nil, 4)
	case flags != 0 && flags != 1:
		return Value{}, sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "invalid array flags")
	case oid != elem.OID:
		return Value{}, sqlerr.Errorf(sqlerr.DatatypeMismatch, "binary data has array element type %d (%s) instead of expected %d (%s)",
			oid, FormatType(Of(oid)), elem.OID, FormatType(Of(elem.OID)))
	}
	a := &Array{Elem: Type{elem.OID, mod}}
	count := int64(1)
	for range ndim {
		d := Dim{Len: r.int32(), Lower: r.int32()}
		if r.short {
			return Value{}, errBinaryLength(nil, 4)
		}
		if d.Len < 0 {
			return Value{}, errArraySize()
		}
		if int64(d.Lower)+int64(d.Len) > math.MaxInt32 {
			return Value{}, errLowerBound(d.Lower)
		}
		if count *= int64(d.Len); count > maxElements {
			return Value{}, errArraySize()
		}
		a.Dims = append(a.Dims, d)
	}
	if ndim == 0 || count == 0 {
		a.Dims = nil
		return Value{Type: Of(elem.Array), A: a}, r.end()
	}
	if count > int64(len(r.b)/4) {
		return Value{}, errBinaryLength(nil, 4)
	}
	a.Elems = make([]Value, 0, count)
	for range count {
		n := r.int32()
		if n == -1 && !r.short {
			a.Elems = append(a.Elems, NullOf(a.Elem))
			continue
		}
		item := r.take(int(n))
		if r.short {
			return Value{}, errBinaryLength(nil, 4)
		}
		v, err := recv(item)
		if err != nil {
			return Value{}, err
		}
		v.Type = a.Elem
		a.Elems = append(a.Elems, v)
	}
	return Value{Type: Of(elem.Array), A: a}, r.end()
}

func errTooManyDims(n int) error {
	return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, maxDims)
}

func errLowerBound(lower int32) error {
	return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "array lower bound is too large: %d", lower)
}

func errArraySize() error {
	return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", maxElements)
}

// binaryReader cuts a binary form; short is set once it runs out.
type binaryReader struct {
	b     []byte
	short bool
}

func (r *binaryReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *binaryReader) int32() int32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

func (r *binaryReader) end() error {
	if len(r.b) > 0 {
		return errBinaryLength(r.b, 0)
	}
	return nil
}

// compareArrays orders by elements, then their number, then the dimensions. A
// NULL element is above all others.
func compareArrays(a, b *Array, elem *Info) int {
	for i := range min(len(a.Elems), len(b.Elems)) {
		x, y := a.Elems[i], b.Elems[i]
		switch {
		case x.Null && y.Null:
			continue
		case x.Null:
			return 1
		case y.Null:
			return -1
		}
		if c := elem.Compare(x, y); c != 0 {
			return c
		}
	}
	return compareShapes(a, b)
}

// compareShapes orders arrays of equal elements, as far as both have such.
func compareShapes(a, b *Array) int {
	if c := compareInt(int64(len(a.Elems)), int64(len(b.Elems))); c != 0 {
		return c
	}
	if c := compareInt(int64(len(a.Dims)), int64(len(b.Dims))); c != 0 {
		return c
	}
	for i := range a.Dims {
		if c := compareInt(int64(a.Dims[i].Len), int64(b.Dims[i].Len)); c != 0 {
			return c
		}
		if c := compareInt(int64(a.Dims[i].Lower), int64(b.Dims[i].Lower)); c != 0 {
			return c
		}
	}
	return 0
}
