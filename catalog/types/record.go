package types

import (
	"encoding/binary"
	"math"
	"strings"
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// A value of a row type is one string of bytes that says of itself what its
// columns are: rows of different shapes may stand in one column, and what is
// kept on disk is read without the statement that made it. The bytes are a
// header (RowHeader), a bitmap of the columns that are NULL, and the values of
// the others, in order. Rows of one expression share their header to the byte.

// RowColumn is a column of a row type.
type RowColumn struct {
	Name string
	Type Type
}

// RowHeader is the beginning of every row of these columns: its own length, the
// number of columns, and of each its OID, modifier, and name.
func RowHeader(cols []RowColumn) []byte {
	body := binary.AppendUvarint(nil, uint64(len(cols)))
	for _, c := range cols {
		body = binary.LittleEndian.AppendUint32(body, uint32(c.Type.OID))
		body = binary.LittleEndian.AppendUint32(body, uint32(c.Type.Mod))
		body = binary.AppendUvarint(body, uint64(len(c.Name)))
		body = append(body, c.Name...)
	}
	return append(binary.AppendUvarint(nil, uint64(len(body))), body...)
}

// AppendRowNulls appends the bitmap of a row of n columns that has no NULL yet;
// SetRowNull sets a bit of the bitmap that begins at dst[at].
func AppendRowNulls(dst []byte, n int) []byte {
	for range (n + 7) / 8 {
		dst = append(dst, 0)
	}
	return dst
}

// SetRowNull marks column i in the bitmap that begins at dst[at].
func SetRowNull(dst []byte, at, i int) { dst[at+i/8] |= 1 << (i % 8) }

// NewRow returns a row of a row type.
func NewRow(oid OID, cols []RowColumn, vals []Value) Value {
	b := RowHeader(cols)
	at := len(b)
	b = AppendRowNulls(b, len(cols))
	for i, v := range vals {
		if v.Null {
			SetRowNull(b, at, i)
			continue
		}
		b = AppendRowValue(b, cols[i].Type, v)
	}
	return NewString(oid, view(b))
}

// AppendRowValue appends a value that is not NULL as a row keeps it.
func AppendRowValue(dst []byte, t Type, v Value) []byte {
	le := binary.LittleEndian
	switch physOf(t) {
	case PhysBool:
		return append(dst, byte(v.I))
	case PhysInt16:
		return le.AppendUint16(dst, uint16(v.I))
	case PhysInt32, PhysUint32:
		return le.AppendUint32(dst, uint32(v.I))
	case PhysInt64:
		return le.AppendUint64(dst, uint64(v.I))
	case PhysFloat32, PhysFloat64:
		return le.AppendUint64(dst, math.Float64bits(v.F))
	case PhysInterval:
		dst = le.AppendUint64(dst, uint64(v.Span.Micros))
		dst = le.AppendUint32(dst, uint32(v.Span.Days))
		return le.AppendUint32(dst, uint32(v.Span.Months))
	case PhysNumeric:
		start := len(dst)
		dst = le.AppendUint32(dst, 0)
		dst = AppendDecimalBinary(dst, v.N)
		le.PutUint32(dst[start:], uint32(len(dst)-start-4))
		return dst
	case PhysList:
		dst = binary.AppendUvarint(dst, uint64(len(v.A.Dims)))
		for _, d := range v.A.Dims {
			dst = le.AppendUint32(dst, uint32(d.Len))
			dst = le.AppendUint32(dst, uint32(d.Lower))
		}
		dst = binary.AppendUvarint(dst, uint64(len(v.A.Elems)))
		for _, e := range v.A.Elems {
			if e.Null {
				dst = append(dst, 1)
				continue
			}
			dst = AppendRowValue(append(dst, 0), v.A.Elem, e)
		}
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(len(v.S)))
	return append(dst, v.S...)
}

// physOf is a type's Phys; values of types that have no column are strings.
func physOf(t Type) Phys {
	switch {
	case isRowType(t.OID):
		return PhysBytes
	case RowRelation(t.OID) != 0:
		return PhysList
	}
	if i := Lookup(t.OID); i != nil {
		return i.Phys
	}
	return PhysNone
}

// Row is a row read from its bytes. Read may be called again and again: the
// columns are read anew only where the header differs.
type Row struct {
	Cols []RowColumn
	Vals []Value // whose strings are the row's own bytes

	header string
}

// HeaderOf is the header of a row: what RowHeader returned for its columns.
func HeaderOf(row string) string {
	size, n := binary.Uvarint(bytesOf(row))
	return row[:n+int(size)]
}

// Read reads a row.
func (r *Row) Read(s string) {
	header := HeaderOf(s)
	if r.Cols == nil || header != r.header {
		_, n := binary.Uvarint(bytesOf(s))
		r.readHeader(header, n)
	}
	rest := rowReader{s: s[len(header):]}
	nulls := rest.take((len(r.Cols) + 7) / 8)
	for i, c := range r.Cols {
		if nulls[i/8]&(1<<(i%8)) != 0 {
			r.Vals[i] = NullOf(c.Type)
			continue
		}
		r.Vals[i] = rest.value(c.Type)
	}
}

func (r *Row) readHeader(header string, skip int) {
	rest := rowReader{s: header[skip:]}
	n := rest.uvarint()
	r.Cols = make([]RowColumn, n)
	r.Vals = make([]Value, n)
	for i := range r.Cols {
		t := Type{OID: OID(rest.uint32()), Mod: int32(rest.uint32())}
		r.Cols[i] = RowColumn{Type: t, Name: strings.Clone(rest.take(rest.uvarint()))}
	}
	r.header = strings.Clone(header)
}

// ReadRow reads a row.
func ReadRow(s string) *Row {
	r := &Row{}
	r.Read(s)
	return r
}

// bytesOf is s without a copy, to be read only.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// rowReader cuts the bytes that the functions above wrote.
type rowReader struct{ s string }

func (r *rowReader) take(n int) string {
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

func (r *rowReader) uvarint() int {
	x, n := binary.Uvarint(bytesOf(r.s))
	r.s = r.s[n:]
	return int(x)
}

func (r *rowReader) uint32() uint32 { return binary.LittleEndian.Uint32(bytesOf(r.take(4))) }

func (r *rowReader) uint64() uint64 { return binary.LittleEndian.Uint64(bytesOf(r.take(8))) }

func (r *rowReader) value(t Type) Value {
	v := Value{Type: t}
	switch physOf(t) {
	case PhysBool:
		v.I = int64(r.take(1)[0])
	case PhysInt16:
		v.I = int64(int16(binary.LittleEndian.Uint16(bytesOf(r.take(2)))))
	case PhysInt32:
		v.I = int64(int32(r.uint32()))
	case PhysUint32:
		v.I = int64(r.uint32())
	case PhysInt64:
		v.I = int64(r.uint64())
	case PhysFloat32, PhysFloat64:
		v.F = math.Float64frombits(r.uint64())
	case PhysInterval:
		v.Span = IntervalValue{Micros: int64(r.uint64()), Days: int32(r.uint32()), Months: int32(r.uint32())}
	case PhysNumeric:
		n, err := Lookup(Numeric).Recv(bytesOf(r.take(int(r.uint32()))), -1)
		if err != nil {
			panic("types: a row holds a numeric that cannot be read: " + err.Error())
		}
		v.N = n.N
	case PhysList:
		v.A = r.array(t)
	default:
		v.S = r.take(r.uvarint())
	}
	return v
}

func (r *rowReader) array(t Type) *Array {
	a := &Array{Elem: Type{OID: Lookup(t.OID).Elem, Mod: t.Mod}}
	for range r.uvarint() {
		a.Dims = append(a.Dims, Dim{Len: int32(r.uint32()), Lower: int32(r.uint32())})
	}
	if n := r.uvarint(); n > 0 {
		a.Elems = make([]Value, n)
	}
	for i := range a.Elems {
		if r.take(1)[0] == 1 {
			a.Elems[i] = NullOf(a.Elem)
			continue
		}
		a.Elems[i] = r.value(a.Elem)
	}
	return a
}

// appendRowText appends the text form: (1,foo,"a b").
func appendRowText(dst []byte, v Value, f *Format) []byte {
	r := ReadRow(v.S)
	dst = append(dst, '(')
	for i, x := range r.Vals {
		if i > 0 {
			dst = append(dst, ',')
		}
		if x.Null {
			continue
		}
		start := len(dst)
		dst = appendAnyText(dst, x, f)
		dst = quoteColumn(dst, start)
	}
	return append(dst, ')')
}

// appendAnyText is AppendText, but for types that are only known to the
// catalogs: their value is their text.
func appendAnyText(dst []byte, v Value, f *Format) []byte {
	if i := Lookup(v.Type.OID); i != nil && i.AppendText != nil {
		return i.AppendText(dst, v, f)
	}
	return append(dst, v.S...)
}

// quoteColumn puts quotes around dst[start:], a column's text, where the text
// form of rows needs them, and doubles quotes and backslashes inside.
func quoteColumn(dst []byte, start int) []byte {
	s := dst[start:]
	quote, doubles := len(s) == 0, 0
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			quote = true
			doubles++
		case c == '(' || c == ')' || c == ',' || isSpace(c):
			quote = true
		}
	}
	if !quote {
		return dst
	}
	return quoted(dst, start, doubles, false)
}

// appendRowBinary appends the binary form: the number of columns, and of each
// its OID, length and bytes.
func appendRowBinary(dst []byte, v Value, f *Format) []byte {
	be := binary.BigEndian
	r := ReadRow(v.S)
	dst = be.AppendUint32(dst, uint32(len(r.Cols)))
	for i, x := range r.Vals {
		dst = be.AppendUint32(dst, uint32(r.Cols[i].Type.OID))
		at := len(dst)
		dst = be.AppendUint32(dst, 0xffffffff)
		if x.Null {
			continue
		}
		if info := Lookup(x.Type.OID); info != nil && info.AppendBinary != nil {
			dst = info.AppendBinary(dst, x, f)
		} else {
			dst = append(dst, x.S...)
		}
		be.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst
}

// CompareRows orders two rows as a btree does: column by column, a NULL above
// everything. It fails with the reason where PostgreSQL would.
func CompareRows(a, b string) (int, error) {
	x, y := ReadRow(a), ReadRow(b)
	for i := range min(len(x.Cols), len(y.Cols)) {
		c, err := compareColumn(x, y, i, NeedOrder, Order)
		if c != 0 || err != nil {
			return c, err
		}
	}
	if len(x.Cols) != len(y.Cols) {
		return compareInt(int64(len(x.Cols)), int64(len(y.Cols))),
			sqlerr.Errorf(sqlerr.DatatypeMismatch, "cannot compare record types with different numbers of columns")
	}
	return 0, nil
}

// EqualRows reports whether two rows are equal; two NULLs are. It fails with
// the reason where PostgreSQL would.
func EqualRows(a, b string) (bool, error) {
	x, y := ReadRow(a), ReadRow(b)
	for i := range min(len(x.Cols), len(y.Cols)) {
		c, err := compareColumn(x, y, i, NeedEquality, unequal)
		if c != 0 || err != nil {
			return false, err
		}
	}
	if len(x.Cols) != len(y.Cols) {
		return false, sqlerr.Errorf(sqlerr.DatatypeMismatch, "cannot compare record types with different numbers of columns")
	}
	return true, nil
}

// compareColumn orders one column; where it fails, by the types themselves.
func compareColumn(x, y *Row, i int, need func(OID) error, order func(a, b Value) (int, error)) (int, error) {
	xt, yt := x.Cols[i].Type.OID, y.Cols[i].Type.OID
	if xt != yt {
		return compareInt(int64(xt), int64(yt)), sqlerr.Errorf(sqlerr.DatatypeMismatch,
			"cannot compare dissimilar column types %s and %s at record column %d", FormatType(Of(xt)), FormatType(Of(yt)), i+1)
	}
	if err := need(xt); err != nil {
		return compareS(x.Vals[i], y.Vals[i]), err
	}
	a, b := x.Vals[i], y.Vals[i]
	switch {
	case a.Null && b.Null:
		return 0, nil
	case a.Null:
		return 1, nil
	case b.Null:
		return -1, nil
	}
	c, err := order(a, b)
	if err != nil && c == 0 {
		c = Compare(a, b)
	}
	return c, err
}

// unequal is 0 of equal values.
func unequal(a, b Value) (int, error) {
	same, err := Same(a, b)
	if same || err != nil {
		return 0, err
	}
	return 1, nil
}

func compareRowValues(a, b Value) int {
	if a.S == b.S {
		return 0
	}
	c, _ := CompareRows(a.S, b.S)
	return c
}

func errAnonymous() error {
	return sqlerr.Errorf(sqlerr.FeatureNotSupported, "input of anonymous composite types is not implemented").
		WithHint("Write the row out: ROW(...).")
}

var _ = register(&Info{
	OID: Record, Name: "record", SQLName: "record", Array: RecordArray, Len: -1, Align: 'd',
	Category: 'P', Kind: 'p', Delim: ',', Phys: PhysBytes, Comparable: true,
	In:           func(string, int32, *Format) (Value, error) { return Value{}, errAnonymous() },
	AppendText:   appendRowText,
	Recv:         func([]byte, int32) (Value, error) { return Value{}, errAnonymous() },
	AppendBinary: appendRowBinary,
	Compare:      compareRowValues,
})
