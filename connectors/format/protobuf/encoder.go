package protobuf

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// opColumn is the field of a changelog's operations.
const opColumn = "_op"

// EncodeOptions of an Encoder.
type EncodeOptions struct {
	Framing Framing
	// Message is the type of the records; "": the schema's first.
	Message string
	// ID is the schema's in the registry, of Confluent.
	ID uint32
	// Op writes the field _op: "+" for an insert, "-" for a delete.
	Op bool
	// Labels are what the values of enum types are called; nil: their numbers
	// stand for them.
	Labels func(types.OID) *types.Enum
}

// Encoder writes rows as messages. A field takes the column of its name, exactly or
// else without regard to case, a message in it also the columns named message.field;
// NULL is not written, and neither is a field without a column. An Encoder belongs to
// one goroutine.
type Encoder struct {
	head []byte
	row  put
}

// put appends the fields of a row.
type put func(dst []byte, b *vec.Batch, row int) ([]byte, error)

// cell appends a field with a value that is not NULL.
type cell func(dst []byte, v vec.Vec, row int) ([]byte, error)

// NewEncoder compiles an encoder. A column that the message has no field for is an
// error, and so is a required field without a column.
func NewEncoder(s *Schema, columns []catalog.Column, o EncodeOptions) (*Encoder, error) {
	m, err := s.message(o.Message)
	if err != nil {
		return nil, err
	}
	e := &Encoder{}
	if o.Framing == Confluent {
		places, _, err := s.Places(o.Message)
		if err != nil {
			return nil, err
		}
		e.head = AppendFrame(nil, o.ID, places)
	}
	format := types.DefaultFormat()
	format.Enum = o.Labels
	c := encodeCompiler{columns: columns, used: make([]bool, len(columns)), op: o.Op, format: format}
	if e.row, err = c.message(m, ""); err != nil {
		return nil, err
	}
	for i, used := range c.used {
		if !used {
			return nil, sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" is no field of the Protobuf message %s", columns[i].Name, m.name).
				WithHint("Columns are named as the message's fields, a field of a message in it as \"message.field\".")
		}
	}
	return e, nil
}

// Append appends physical row i of the batch, which has the encoder's columns. The
// error, a *sqlerr.Error with the Column, is the row's: it has no form in the schema.
func (e *Encoder) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	return e.row(append(dst, e.head...), b, row)
}

type encodeCompiler struct {
	columns []catalog.Column
	used    []bool
	op      bool
	format  *types.Format
}

// message compiles a message, whose fields are the columns that begin with prefix.
func (c *encodeCompiler) message(m *message, prefix string) (put, error) {
	fields := slices.Clone(m.fields)
	slices.SortFunc(fields, func(a, b *field) int { return int(a.num) - int(b.num) })
	var puts []put
	for _, f := range fields {
		p, err := c.field(m, f, prefix+f.name)
		if err != nil {
			return nil, err
		}
		if p != nil {
			puts = append(puts, p)
		}
	}
	return func(dst []byte, b *vec.Batch, row int) ([]byte, error) {
		var err error
		for _, p := range puts {
			if dst, err = p(dst, b, row); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}, nil
}

func (c *encodeCompiler) field(m *message, f *field, name string) (put, error) {
	tag := appendTag(nil, f, f.kind.wire())
	if c.op && name == opColumn && f.kind == kindString && !f.list {
		return func(dst []byte, b *vec.Batch, row int) ([]byte, error) {
			op := "+"
			if b.Op(row) == vec.Delete {
				op = "-"
			}
			return appendText(append(dst, tag...), op), nil
		}, nil
	}
	for _, equal := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		if at := slices.IndexFunc(c.columns, func(col catalog.Column) bool { return equal(col.Name, name) }); at >= 0 && !c.used[at] {
			c.used[at] = true
			return c.column(m, f, at)
		}
	}
	below := name + "."
	if f.nested() && slices.ContainsFunc(c.columns, func(col catalog.Column) bool {
		return len(col.Name) > len(below) && strings.EqualFold(col.Name[:len(below)], below)
	}) {
		p, err := c.message(f.message, below)
		if err != nil {
			return nil, err
		}
		return func(dst []byte, b *vec.Batch, row int) ([]byte, error) {
			at := len(dst)
			out, err := p(dst, b, row)
			if err != nil || len(out) == at && !f.required {
				return out, err // nothing in it has been set
			}
			return enclose(out, at, f), nil
		}, nil
	}
	if f.required {
		return nil, sqlerr.Errorf(sqlerr.UndefinedColumn, "field %q of the Protobuf message %s is required, and has no column", name, m.name).
			WithHint("Select a column named %q.", name)
	}
	return nil, nil
}

// enclose puts a field's tag and length before what has been written of it from at on,
// or, of a group, its tags around it.
func enclose(dst []byte, at int, f *field) []byte {
	var room [2 * binary.MaxVarintLen64]byte
	n := len(dst) - at
	if f.kind == kindGroup {
		head := appendTag(room[:0], f, wireGroup)
		dst = slices.Insert(dst, at, head...)
		return appendTag(dst, f, wireEnd)
	}
	head := binary.AppendUvarint(appendTag(room[:0], f, wireBytes), uint64(n))
	dst = append(dst, head...) // for its room
	copy(dst[at+len(head):], dst[at:at+n])
	copy(dst[at:], head)
	return dst
}

func appendTag(dst []byte, f *field, wireType uint64) []byte {
	return binary.AppendUvarint(dst, uint64(f.num)<<3|wireType)
}

func appendText[T []byte | string](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// column compiles a column that goes whole into a field.
func (c *encodeCompiler) column(m *message, f *field, at int) (put, error) {
	col := c.columns[at]
	write, err := c.cell(f, col.Type)
	if err != nil {
		e := *sqlerr.From(err)
		e.Column, e.Message = col.Name, "column \""+col.Name+"\": "+e.Message
		return nil, &e
	}
	return func(dst []byte, b *vec.Batch, row int) ([]byte, error) {
		v, r := b.Cols[at], row
		if c, ok := v.(*vec.Const); ok {
			v, r = c.Of, 0
		}
		if nulls := v.Nulls(); nulls.Any() && nulls.Get(r) {
			if f.required {
				return dst, &sqlerr.Error{Code: sqlerr.NotNullViolation, Column: col.Name, Message: "null value in column \"" + col.Name + "\" has no form: its field in the Protobuf message " + m.name + " is required"}
			}
			return dst, nil
		}
		dst, err := write(dst, v, r)
		if err != nil {
			e := *sqlerr.From(err)
			e.Column = col.Name
			return dst, &e
		}
		return dst, nil
	}, nil
}

func noForm(f *field, t types.Type) error {
	return sqlerr.Errorf(sqlerr.DatatypeMismatch, "a value of type %s has no form as the Protobuf field %q", types.FormatType(t), f.name).
		WithHint("Cast the column in the query.")
}

func (c *encodeCompiler) cell(f *field, t types.Type) (cell, error) {
	isJSON := t.OID == types.JSON || t.OID == types.JSONB
	info := types.Lookup(t.OID)
	switch {
	case isJSON && (f.list || f.kind != kindString):
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendFromJSON(dst, f, v.(*vec.Bytes).At(row))
		}, nil
	case f.list && !f.isMap && info != nil && info.Phys == types.PhysList:
		return c.list(f, types.Type{OID: info.Elem, Mod: t.Mod})
	case f.list:
		return nil, noForm(f, t)
	}
	value, err := c.value(f, t)
	if err != nil {
		return nil, err
	}
	if f.message != nil {
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			at := len(dst)
			dst, err := value(dst, v, row)
			if err != nil {
				return dst, err
			}
			return enclose(dst, at, f), nil
		}, nil
	}
	tag := appendTag(nil, f, f.kind.wire())
	return func(dst []byte, v vec.Vec, row int) ([]byte, error) { return value(append(dst, tag...), v, row) }, nil
}

// list compiles arrays of one dimension.
func (c *encodeCompiler) list(f *field, elem types.Type) (cell, error) {
	value, err := c.value(f, elem)
	if err != nil {
		return nil, err
	}
	tag := appendTag(nil, f, f.kind.wire())
	return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
		l := v.(*vec.List)
		if dims := l.DimsAt(row); len(dims) > 1 {
			return dst, sqlerr.Errorf(sqlerr.FeatureNotSupported, "an array of %d dimensions has no form as a repeated Protobuf field", len(dims)).
				WithHint("Write it as jsonb, into a field of type string: to_jsonb(column).")
		}
		from, to := l.At(row)
		start := len(dst)
		for i := from; i < to; i++ {
			if l.Elem.Nulls().Get(i) {
				return dst, sqlerr.Errorf(sqlerr.NotNullViolation, "a NULL in an array has no form in a repeated Protobuf field").
					WithHint("Leave it out: array_remove(column, NULL).")
			}
			at := len(dst)
			if !f.packed && f.message == nil {
				dst = append(dst, tag...)
			}
			var err error
			if dst, err = value(dst, l.Elem, i); err != nil {
				return dst, err
			}
			if f.message != nil {
				dst = enclose(dst, at, f)
			}
		}
		if f.packed && to > from {
			dst = enclose(dst, start, f)
		}
		return dst, nil
	}, nil
}

// value compiles a value without its tag, or, of a message, its length.
func (c *encodeCompiler) value(f *field, t types.Type) (cell, error) {
	oid := t.OID
	textual := oid == types.Text || oid == types.Varchar || oid == types.BPChar || oid == types.Name || oid == types.JSON || oid == types.JSONB
	if f.message != nil {
		return c.meant(f, t)
	}
	switch k := f.kind; {
	case k.whole() && (oid == types.Int2 || oid == types.Int4 || oid == types.Int8):
		get := integers(oid)
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) { return k.appendInteger(dst, get(v, row)) }, nil
	case k.whole() && oid == types.Numeric:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return k.appendNumber(dst, v.(*vec.Numeric).At(row))
		}, nil
	case k == kindBool && oid == types.Bool:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			if v.(*vec.Fixed[bool]).Values[row] {
				return append(dst, 1), nil
			}
			return append(dst, 0), nil
		}, nil
	case k == kindDouble && oid == types.Float8:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.(*vec.Fixed[float64]).Values[row])), nil
		}, nil
	case k == kindDouble && oid == types.Float4:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint64(dst, math.Float64bits(float64(v.(*vec.Fixed[float32]).Values[row]))), nil
		}, nil
	case k == kindFloat && oid == types.Float4:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(v.(*vec.Fixed[float32]).Values[row])), nil
		}, nil
	case k == kindBytes && oid == types.Bytea, k == kindString && textual:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendText(dst, v.(*vec.Bytes).At(row)), nil
		}, nil
	case k == kindString:
		text := vec.TextAppender(t, c.format)
		var scratch []byte
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			scratch = text(scratch[:0], v, row)
			return appendText(dst, scratch), nil
		}, nil
	case k == kindEnum && oid != types.Bytea && (textual || c.format.Enum != nil && c.format.Enum(oid) != nil):
		text := vec.TextAppender(t, c.format)
		var scratch []byte
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			scratch = text(scratch[:0], v, row)
			return f.appendLabel(dst, string(scratch))
		}, nil
	}
	return nil, noForm(f, t)
}

// meant compiles a message that is one value.
func (c *encodeCompiler) meant(f *field, t types.Type) (cell, error) {
	oid, m := t.OID, f.message
	switch {
	case m.means == meansTimestamp && (oid == types.Timestamptz || oid == types.Timestamp):
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendInstant(dst, v.(*vec.Fixed[int64]).Values[row])
		}, nil
	case m.means == meansDuration && oid == types.Interval:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendSpan(dst, v.(*vec.Fixed[types.IntervalValue]).Values[row])
		}, nil
	case m.means >= meansUnits && m.means <= meansBinary && oid == types.Numeric:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return m.appendDecimal(dst, v.(*vec.Numeric).At(row))
		}, nil
	case m.means >= meansUnits && m.means <= meansBinary && (oid == types.Int2 || oid == types.Int4 || oid == types.Int8):
		get := integers(oid)
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return m.appendDecimal(dst, types.DecimalFromInt64(get(v, row)))
		}, nil
	case m.means == meansDate && oid == types.Date:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendDate(dst, v.(*vec.Fixed[int32]).Values[row])
		}, nil
	case m.means == meansTimeOfDay && oid == types.Time:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendTimeOfDay(dst, v.(*vec.Fixed[int64]).Values[row]), nil
		}, nil
	case m.means == meansWrapper:
		inner := m.fields[0]
		value, err := c.value(inner, t)
		if err != nil {
			return nil, err
		}
		tag := appendTag(nil, inner, inner.kind.wire())
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) { return value(append(dst, tag...), v, row) }, nil
	}
	return nil, noForm(f, t)
}

func integers(oid types.OID) func(v vec.Vec, row int) int64 {
	switch oid {
	case types.Int2:
		return func(v vec.Vec, row int) int64 { return int64(v.(*vec.Fixed[int16]).Values[row]) }
	case types.Int4:
		return func(v vec.Vec, row int) int64 { return int64(v.(*vec.Fixed[int32]).Values[row]) }
	}
	return func(v vec.Vec, row int) int64 { return v.(*vec.Fixed[int64]).Values[row] }
}
