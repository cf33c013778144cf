package avro

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// EncodeOptions of an Encoder.
type EncodeOptions struct {
	Framing Framing
	// ID is the schema's in its registry, of Confluent.
	ID uint32
	// Op writes the field _op: + for an insert, - for a delete.
	Op bool
	// Labels are what the values of enum types are called; nil: their numbers
	// stand for them.
	Labels func(types.OID) *types.Enum
}

// Encoder writes rows as records of a schema. A field takes the column of its name,
// exactly or else without regard to case, a nested record also the columns named
// record.field; of a field without a column the default is written. An Encoder
// belongs to one goroutine.
type Encoder struct {
	head  []byte
	field put
}

// put appends the value of a row.
type put func(dst []byte, b *vec.Batch, row int) ([]byte, error)

// opColumn is the field of a changelog's operations.
const opColumn = "_op"

// NewEncoder compiles an encoder. A column that the schema has no field for is an
// error, and so is a field without default that no column fills.
func NewEncoder(s *Schema, columns []catalog.Column, o EncodeOptions) (*Encoder, error) {
	head, err := header(s, o)
	if err != nil {
		return nil, err
	}
	e := &Encoder{head: head}
	format := types.DefaultFormat()
	format.Enum = o.Labels
	c := encodeCompiler{columns: columns, used: make([]bool, len(columns)), op: o.Op, format: format}
	root := s.root.one()
	if root == nil {
		return nil, sqlerr.Unsupported("Give a schema that is one record.", "writing rows as a union of several Avro types is not supported")
	}
	if root.kind == kindRecord {
		e.field, err = c.record(root, "")
	} else if len(columns) == 1 {
		c.used[0] = true
		e.field, err = c.column(root, 0)
	} else {
		err = sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the Avro schema is of type %s, which takes one column, and there are %d", root.label(), len(columns))
	}
	if err != nil {
		return nil, err
	}
	if root != s.root {
		e.head = appendVarint(e.head, int64(slices.Index(s.root.branches, root)))
	}
	for i, used := range c.used {
		if !used {
			return nil, sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" is no field of the Avro schema", columns[i].Name).
				WithHint("Columns are named as the schema's fields, a field of a nested record as \"record.field\".")
		}
	}
	return e, nil
}

// header is what stands before each record.
func header(s *Schema, o EncodeOptions) ([]byte, error) {
	switch o.Framing {
	case Confluent:
		return binary.BigEndian.AppendUint32([]byte{0}, o.ID), nil
	case SingleObject:
		f, err := s.Fingerprint()
		return append([]byte{0xc3, 0x01}, f[:]...), err
	}
	return nil, nil
}

// Append appends physical row i of the batch, which has the encoder's columns. The
// error, a *sqlerr.Error with the Column, is the row's: it has no form in the schema.
func (e *Encoder) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	return e.field(append(dst, e.head...), b, row)
}

type encodeCompiler struct {
	columns []catalog.Column
	used    []bool
	op      bool
	format  *types.Format
}

// record compiles a record, whose fields are the columns that begin with prefix.
func (c *encodeCompiler) record(n *node, prefix string) (put, error) {
	var puts []put
	for _, f := range n.fields {
		p, err := c.fieldOf(n, f, prefix)
		if err != nil {
			return nil, err
		}
		puts = append(puts, p)
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

func (c *encodeCompiler) fieldOf(n *node, f field, prefix string) (put, error) {
	name := prefix + f.name
	if c.op && name == opColumn && f.node.one() != nil && f.node.one().kind == kindString {
		return putOp(f.node), nil
	}
	for _, equal := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		if at := slices.IndexFunc(c.columns, func(col catalog.Column) bool { return equal(col.Name, name) }); at >= 0 {
			c.used[at] = true
			return c.column(f.node, at)
		}
	}
	if of := f.node.one(); of != nil && of.kind == kindRecord {
		below := name + "."
		if slices.ContainsFunc(c.columns, func(col catalog.Column) bool {
			return len(col.Name) > len(below) && strings.EqualFold(col.Name[:len(below)], below)
		}) {
			p, err := c.record(of, below)
			if err != nil || of == f.node {
				return p, err
			}
			branch := int64(slices.Index(f.node.branches, of))
			return func(dst []byte, b *vec.Batch, row int) ([]byte, error) {
				return p(appendVarint(dst, branch), b, row)
			}, nil
		}
	}
	def := f.def
	if def == nil && f.node.kind == kindUnion && f.node.null >= 0 {
		def = appendVarint(nil, int64(f.node.null))
	}
	if def == nil {
		return nil, sqlerr.Errorf(sqlerr.UndefinedColumn, "field %q of the Avro record %q has no column, and no default", name, n.name).
			WithHint("Select a column named %q.", name)
	}
	return func(dst []byte, _ *vec.Batch, _ int) ([]byte, error) { return append(dst, def...), nil }, nil
}

func putOp(n *node) put {
	branch := []byte(nil)
	if n.kind == kindUnion {
		branch = appendVarint(nil, int64(slices.Index(n.branches, n.one())))
	}
	return func(dst []byte, b *vec.Batch, row int) ([]byte, error) {
		op := "+"
		if b.Op(row) == vec.Delete {
			op = "-"
		}
		return appendBytes(append(dst, branch...), op), nil
	}
}

// column compiles a column that goes whole into a field.
func (c *encodeCompiler) column(n *node, at int) (put, error) {
	col := c.columns[at]
	write, null, err := c.nullable(n, col.Type)
	if err != nil {
		e := *sqlerr.From(err)
		e.Column = col.Name
		e.Message = "column \"" + col.Name + "\": " + e.Message
		return nil, &e
	}
	return func(dst []byte, b *vec.Batch, row int) ([]byte, error) {
		v, r := b.Cols[at], row
		if c, ok := v.(*vec.Const); ok {
			v, r = c.Of, 0
		}
		if nulls := v.Nulls(); nulls.Any() && nulls.Get(r) {
			if null == nil {
				return dst, &sqlerr.Error{Code: sqlerr.NotNullViolation, Column: col.Name, Message: "null value in column \"" + col.Name + "\" has no form: its field in the Avro schema is not a union with null"}
			}
			return append(dst, null...), nil
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

// cell appends a value that is not NULL.
type cell func(dst []byte, v vec.Vec, row int) ([]byte, error)

// nullable compiles a value, and what NULL is, nil where the type has none.
func (c *encodeCompiler) nullable(n *node, t types.Type) (write cell, null []byte, err error) {
	if n.kind == kindNull {
		return nil, []byte{}, nil
	}
	if n.kind != kindUnion {
		write, err = c.cell(n, t)
		return write, nil, err
	}
	if n.null >= 0 {
		null = appendVarint(nil, int64(n.null))
	}
	one := n.one()
	if one == nil && (t.OID == types.JSONB || t.OID == types.JSON) {
		write, err = c.cell(n, t)
		return write, null, err
	}
	if one == nil {
		// The branch of the column's own type, else the first that takes it.
		for _, b := range n.branches {
			if b.kind != kindNull && columnType(b).OID == t.OID {
				one = b
				break
			}
		}
		for i := 0; one == nil && i < len(n.branches); i++ {
			if _, e := c.cell(n.branches[i], t); e == nil && i != n.null {
				one = n.branches[i]
			}
		}
	}
	if one == nil {
		return nil, nil, noForm(n, t)
	}
	inner, err := c.cell(one, t)
	branch := int64(slices.Index(n.branches, one))
	return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
		return inner(appendVarint(dst, branch), v, row)
	}, null, err
}

func noForm(n *node, t types.Type) error {
	return sqlerr.Errorf(sqlerr.DatatypeMismatch, "a value of type %s has no form as the Avro type %s", types.FormatType(t), n.label()).
		WithHint("Cast the column in the query.")
}

func (c *encodeCompiler) cell(n *node, t types.Type) (cell, error) {
	oid := t.OID
	info := types.Lookup(oid)
	textual := oid == types.Text || oid == types.Varchar || oid == types.BPChar || oid == types.Name
	switch {
	case oid == types.JSON || oid == types.JSONB:
		if n.kind == kindString && n.logical != logicalJSON {
			return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
				return appendBytes(dst, v.(*vec.Bytes).At(row)), nil
			}, nil
		}
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return jsonWriter{}.append(dst, n, v.(*vec.Bytes).At(row), 0)
		}, nil
	case n.kind == kindBool && oid == types.Bool:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			if v.(*vec.Fixed[bool]).Values[row] {
				return append(dst, 1), nil
			}
			return append(dst, 0), nil
		}, nil
	case (n.kind == kindInt || n.kind == kindLong) && n.logical == logicalNone:
		return integers(n, t)
	case n.kind == kindInt || n.kind == kindLong:
		return times(n, t)
	case n.kind == kindFloat || n.kind == kindDouble:
		return floats(n, t)
	case n.logical == logicalDecimal:
		return decimals(n, t)
	case n.logical == logicalUUID && n.kind == kindFixed && oid == types.UUID:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			u := v.(*vec.Fixed[types.UUIDValue]).Values[row]
			return append(dst, u[:]...), nil
		}, nil
	case n.logical == logicalDuration && oid == types.Interval:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendDuration(dst, v.(*vec.Fixed[types.IntervalValue]).Values[row])
		}, nil
	case (n.kind == kindBytes || n.kind == kindFixed) && oid == types.Bytea:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendFixed(dst, n, v.(*vec.Bytes).At(row))
		}, nil
	case n.kind == kindEnum && textual:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendSymbol(dst, n, v.(*vec.Bytes).At(row))
		}, nil
	case n.kind == kindEnum && info != nil && oid != types.Bytea && info.Phys == types.PhysInt64 && c.format.Enum != nil && c.format.Enum(oid) != nil:
		text := vec.TextAppender(t, c.format)
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) { return appendSymbol(dst, n, text(nil, v, row)) }, nil
	case n.kind == kindString && textual:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendBytes(dst, v.(*vec.Bytes).At(row)), nil
		}, nil
	case n.kind == kindString:
		text := vec.TextAppender(t, c.format)
		var scratch []byte
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			scratch = text(scratch[:0], v, row)
			return appendBytes(dst, scratch), nil
		}, nil
	case n.kind == kindArray && info != nil && info.Phys == types.PhysList:
		return c.array(n, types.Type{OID: info.Elem, Mod: t.Mod})
	}
	return nil, noForm(n, t)
}

func integers(n *node, t types.Type) (cell, error) {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	if n.kind == kindInt {
		lo, hi = math.MinInt32, math.MaxInt32
	}
	var get func(v vec.Vec, row int) int64
	switch t.OID {
	case types.Int2:
		get = func(v vec.Vec, row int) int64 { return int64(v.(*vec.Fixed[int16]).Values[row]) }
	case types.Int4:
		get = func(v vec.Vec, row int) int64 { return int64(v.(*vec.Fixed[int32]).Values[row]) }
	case types.Int8:
		get = func(v vec.Vec, row int) int64 { return v.(*vec.Fixed[int64]).Values[row] }
	default:
		return nil, noForm(n, t)
	}
	return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
		x := get(v, row)
		if x < lo || x > hi {
			return dst, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value %d is out of range for the Avro type %s", x, n.label())
		}
		return appendVarint(dst, x), nil
	}, nil
}

func times(n *node, t types.Type) (cell, error) {
	switch {
	case n.logical == logicalDate && t.OID == types.Date:
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendUnits(dst, n, int64(v.(*vec.Fixed[int32]).Values[row]))
		}, nil
	case n.logical == logicalTime && t.OID == types.Time,
		(n.logical == logicalInstant || n.logical == logicalLocal) && (t.OID == types.Timestamp || t.OID == types.Timestamptz):
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendUnits(dst, n, v.(*vec.Fixed[int64]).Values[row])
		}, nil
	}
	return nil, noForm(n, t)
}

func floats(n *node, t types.Type) (cell, error) {
	var get func(v vec.Vec, row int) float64
	switch t.OID {
	case types.Float4:
		get = func(v vec.Vec, row int) float64 { return float64(v.(*vec.Fixed[float32]).Values[row]) }
	case types.Float8:
		get = func(v vec.Vec, row int) float64 { return v.(*vec.Fixed[float64]).Values[row] }
	default:
		return nil, noForm(n, t)
	}
	if n.kind == kindFloat {
		if t.OID == types.Float8 {
			return nil, noForm(n, t)
		}
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(get(v, row)))), nil
		}, nil
	}
	return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(get(v, row))), nil
	}, nil
}

func decimals(n *node, t types.Type) (cell, error) {
	if t.OID == types.Numeric {
		return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
			return appendDecimal(dst, n, v.(*vec.Numeric).At(row))
		}, nil
	}
	whole, err := integers(&node{kind: kindLong}, t)
	if err != nil {
		return nil, noForm(n, t)
	}
	return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
		var word [binary.MaxVarintLen64]byte
		raw, err := whole(word[:0], v, row)
		if err != nil {
			return dst, err
		}
		x, _ := wire.Varint(raw, 0)
		return appendDecimal(dst, n, types.DecimalFromInt64(x))
	}, nil
}

// array compiles arrays of one dimension.
func (c *encodeCompiler) array(n *node, elem types.Type) (cell, error) {
	write, null, err := c.nullable(n.items, elem)
	if err != nil {
		return nil, err
	}
	return func(dst []byte, v vec.Vec, row int) ([]byte, error) {
		l := v.(*vec.List)
		if dims := l.DimsAt(row); len(dims) > 1 {
			return dst, sqlerr.Errorf(sqlerr.FeatureNotSupported, "an array of %d dimensions has no form as an Avro array of %s", len(dims), n.items.label()).
				WithHint("Write it as jsonb: to_jsonb(column).")
		}
		from, to := l.At(row)
		if to > from {
			dst = appendVarint(dst, int64(to-from))
		}
		for i := from; i < to; i++ {
			var err error
			switch {
			case !l.Elem.Nulls().Get(i):
				dst, err = write(dst, l.Elem, i)
			case null == nil:
				err = sqlerr.Errorf(sqlerr.NotNullViolation, "a NULL in an array has no form: its items in the Avro schema are not a union with null")
			default:
				dst = append(dst, null...)
			}
			if err != nil {
				return dst, err
			}
		}
		return append(dst, 0), nil
	}, nil
}
