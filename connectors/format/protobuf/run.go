package protobuf

import (
	"encoding/binary"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// op is how a field's value goes into its column.
type op uint8

const (
	opOther     op = iota // by its text form
	opInt64               // a plain varint into bigint
	opInt32               // a plain varint into integer
	opWhole               // any other whole number into bigint or integer
	opUnsigned            // 64 bits without a sign into numeric
	opBool                // into boolean
	opFloat               // into real
	opDouble              // into double precision
	opText                // a string into text
	opBytes               // into bytea
	opEnum                // into text
	opTimestamp           // a Timestamp into timestamp or timestamptz
	opDecimal             // any of the decimals into numeric
	opMessage             // another message that is one value
	opJSON                // into json or jsonb
	opList                // repeated into an array
	opBelow               // a message whose fields are columns
)

// maxDepth is how deep messages lie in each other, as in Google's libraries.
const maxDepth = 100

// step decodes one field into its column.
type step struct {
	tag    uint64
	op     op
	field  *field
	typ    types.Type
	column int
	name   string
	sub    *program
	elem   *step // of a list: how an element goes into its own column

	seen   uint64 // the last record that had it
	from   int    // of a message: where it lay, the first time
	to     int
	merged []byte // of one that comes again: all of its parts, one behind the other
	spans  []span // of JSON: where the parts lie

	col  vec.Vec
	i32  *vec.Fixed[int32]
	i64  *vec.Fixed[int64]
	f64  *vec.Fixed[float64]
	text *vec.Bytes
	num  *vec.Numeric
}

// span is where a value lies in a record, or, of wireVarint and the fixed ones, begins.
type span struct {
	from, to int
	wire     uint64
}

// choose picks the op of a step; an error where its column cannot take the values.
func (s *step) choose() error {
	f, oid := s.field, s.typ.OID
	info := types.Lookup(oid)
	switch {
	case f.list && !f.isMap && info != nil && info.Phys == types.PhysList && (f.message == nil || f.message.scalar()):
		one := *f
		one.list, one.presence = false, true
		s.op, s.elem = opList, &step{field: &one, tag: s.tag, column: -1, typ: types.Type{OID: info.Elem, Mod: s.typ.Mod}, name: s.name}
		if err := s.elem.choose(); err != nil {
			return err
		}
		if s.elem.op == opJSON {
			return s.refuse()
		}
		return nil
	case (oid == types.JSON || oid == types.JSONB) && (f.list || f.kind != kindString):
		s.op = opJSON
		return nil
	case f.list, f.nested(), f.message != nil && f.message.means >= meansStruct && f.message.means <= meansAny:
		if oid != types.Text {
			return s.refuse()
		}
		s.op = opJSON
		return nil
	case f.message != nil:
		s.op = opMessage
		switch {
		case f.message.means == meansTimestamp && (oid == types.Timestamp || oid == types.Timestamptz) && s.typ.Mod < 0:
			s.op = opTimestamp
		case f.message.means >= meansUnits && f.message.means <= meansBinary && oid == types.Numeric:
			s.op = opDecimal
		}
		return nil
	}
	switch k := f.kind; {
	case k == kindInt64 && oid == types.Int8:
		s.op = opInt64
	case k == kindInt32 && oid == types.Int4:
		s.op = opInt32
	case k.whole() && k != kindUint64 && k != kindFixed64 && oid == types.Int8,
		(k == kindSint32 || k == kindSfixed32) && oid == types.Int4:
		s.op = opWhole
	case (k == kindUint64 || k == kindFixed64) && oid == types.Numeric && (s.typ.Mod < 0 || s.typ.Mod == 20<<16+4):
		s.op = opUnsigned
	case k == kindBool && oid == types.Bool:
		s.op = opBool
	case k == kindFloat && oid == types.Float4:
		s.op = opFloat
	case k == kindDouble && oid == types.Float8:
		s.op = opDouble
	case k == kindString && oid == types.Text:
		s.op = opText
	case k == kindBytes && oid == types.Bytea:
		s.op = opBytes
	case k == kindEnum && oid == types.Text:
		s.op = opEnum
	}
	return nil
}

func (s *step) refuse() error {
	e := sqlerr.Errorf(sqlerr.DatatypeMismatch, "column \"%s\" is %s, and the field of its name in the Protobuf schema is not", s.name, types.FormatType(s.typ)).
		WithHint("Declare it as %s, or its fields as columns named with dots.", types.FormatType(s.field.columnType()))
	e.Column = s.name
	return e
}

func (s *step) bind(col vec.Vec) {
	s.col, s.i32, s.i64, s.f64, s.text, s.num = col, nil, nil, nil, nil, nil
	switch c := col.(type) {
	case *vec.Fixed[int32]:
		s.i32 = c
	case *vec.Fixed[int64]:
		s.i64 = c
	case *vec.Fixed[float64]:
		s.f64 = c
	case *vec.Bytes:
		s.text = c
	case *vec.Numeric:
		s.num = c
	case *vec.List:
		if s.elem != nil {
			s.elem.bind(c.Elem)
		}
	}
}

// run decodes the message in b[i:end]. false: it breaks off, or d.err.
func (d *Decoder) run(p *program, b []byte, i, end, depth int) bool {
	if depth > maxDepth {
		d.err = tooDeep()
		return false
	}
	b = b[:end]
	next := 0
	for i < len(b) {
		tag := uint64(b[i])
		if i++; tag >= 0x80 {
			if tag, i = wire.Uvarint(b, i-1); i < 0 {
				return false
			}
		}
		var s *step
		if next < len(p.steps) && p.steps[next].tag == tag {
			s = p.steps[next]
			next++
		} else {
			if badNumber(tag) {
				d.err = malformed("field number %d, which no field has", tag>>3)
				return false
			}
			f := p.message.number(tag >> 3)
			if f != nil && p.byPlace[f.place] > 0 {
				s = p.steps[p.byPlace[f.place]-1]
				if next = p.byPlace[f.place]; s.op == opList {
					next-- // which may go on
				}
			}
			if s == nil || !s.field.takes(tag) {
				if i = skip(b, i, tag, depth); i < 0 {
					return false
				}
				continue
			}
		}
		switch s.op {
		case opInt64:
			v, k := wire.Uvarint(b, i)
			if i = k; i < 0 {
				return false
			}
			if s.seen == d.record {
				vec.Truncate(s.col, d.row)
			}
			s.i64.Values = append(s.i64.Values, int64(v))
		case opText:
			v, k := wire.Uvarint(b, i)
			if k < 0 || v > uint64(len(b)-k) {
				return false
			}
			i = k + int(v)
			if s.seen == d.record {
				vec.Truncate(s.col, d.row)
			}
			if !wire.AppendPlain(s.text, b, k, i) {
				if !d.fault(s, notText(b[k:i])) {
					return false
				}
				continue
			}
		default:
			if i = d.value(s, b, i, tag, depth); i < 0 {
				return false
			}
		}
		s.seen = d.record
	}
	return true
}

// value decodes a value of any op and returns the index after it; -1 as run's false.
func (d *Decoder) value(s *step, b []byte, i int, tag uint64, depth int) int {
	if s.seen == d.record && s.op < opTimestamp {
		vec.Truncate(s.col, d.row)
	}
	switch s.op {
	case opList:
		return d.items(s, b, i, tag, depth)
	case opJSON:
		if s.seen != d.record {
			s.spans = s.spans[:0]
		}
		from := i
		if i = skip(b, i, tag, depth); i < 0 {
			return -1
		}
		s.spans = append(s.spans, spanOf(b, from, i, tag))
		return i
	case opBelow, opTimestamp, opDecimal, opMessage:
		next := skip(b, i, tag, depth)
		if next < 0 {
			return -1
		}
		at := spanOf(b, i, next, tag)
		if s.op == opBelow {
			if !d.run(s.sub, b, at.from, at.to, depth+1) {
				return -1
			}
			return next
		}
		part := b[at.from:at.to]
		if s.seen == d.record {
			if len(s.merged) == 0 {
				s.merged = append(s.merged, b[s.from:s.to]...)
			}
			// What the parts are together is decoded once they are all there.
			s.merged = append(s.merged, part...)
			return next
		}
		s.from, s.to, s.merged = at.from, at.to, s.merged[:0]
		if !d.message(s, part) {
			return -1
		}
		return next
	}
	return d.scalar(s, b, i)
}

// spanOf is where what lies in a value does: of a length, or a group, behind and
// before what says it.
func spanOf(b []byte, from, next int, tag uint64) span {
	switch tag & 7 {
	case wireBytes:
		_, from = wire.Uvarint(b, from)
	case wireGroup:
		for next--; next > from && b[next-1]&0x80 != 0; next-- { // the tag of its end
		}
	}
	return span{from, next, tag & 7}
}

// items appends the elements of a repeated field, one, or many packed together.
func (d *Decoder) items(s *step, b []byte, i int, tag uint64, depth int) int {
	e := s.elem
	switch {
	case tag&7 == wireBytes && e.field.kind.wire() != wireBytes && e.field.kind != kindGroup:
		n, k := wire.Uvarint(b, i)
		if k < 0 || n > uint64(len(b)-k) {
			return -1
		}
		end := k + int(n)
		for k < end {
			if k = d.scalar(e, b[:end], k); k < 0 {
				return -1
			}
		}
		return end
	case e.field.message != nil:
		next := skip(b, i, tag, depth)
		if next < 0 {
			return -1
		}
		at := spanOf(b, i, next, tag)
		if !d.message(e, b[at.from:at.to]) {
			return -1
		}
		return next
	}
	return d.scalar(e, b, i)
}

// scalar appends a value that is no message.
func (d *Decoder) scalar(s *step, b []byte, i int) int {
	u, from, next := s.field.read(b, i)
	if next < 0 {
		return -1
	}
	switch s.op {
	case opInt64:
		s.i64.Append(int64(u))
	case opInt32:
		s.i32.Append(int32(u))
	case opWhole:
		if v := s.field.kind.integer(u); s.i64 != nil {
			s.i64.Append(v)
		} else {
			s.i32.Append(int32(v))
		}
	case opUnsigned:
		if u <= math.MaxInt64 {
			s.num.AppendInt64(int64(u), 0)
		} else {
			s.num.Append(types.NewDecimal128(0, u, 0))
		}
	case opBool:
		s.col.(*vec.Fixed[bool]).Append(u != 0)
	case opFloat:
		s.col.(*vec.Fixed[float32]).Append(math.Float32frombits(uint32(u)))
	case opDouble:
		s.f64.Append(math.Float64frombits(u))
	case opBytes:
		s.text.Append(b[from:next])
	case opEnum:
		if n := int32(u); uint32(n) < uint32(len(s.field.dense)) {
			s.text.AppendString(s.field.dense[n])
		} else {
			s.text.Append(s.field.appendEnum(d.scratch[:0], n))
		}
	default:
		if s.op == opText && wire.AppendPlain(s.text, b, from, next) {
			return next
		}
		var err error
		if d.scratch, err = s.field.appendText(d.scratch[:0], u, b[from:next]); err == nil {
			err = d.parse(s, d.scratch)
		}
		if err != nil && !d.fault(s, err) {
			return -1
		}
	}
	return next
}

// read reads a value that is no message: its bits, or where its bytes begin.
func (f *field) read(b []byte, i int) (u uint64, from, next int) {
	switch f.kind.wire() {
	case wireVarint:
		u, next = wire.Uvarint(b, i)
	case wireFixed64:
		if i+8 > len(b) {
			return 0, 0, -1
		}
		u, next = binary.LittleEndian.Uint64(b[i:]), i+8
	case wireFixed32:
		if i+4 > len(b) {
			return 0, 0, -1
		}
		u, next = uint64(binary.LittleEndian.Uint32(b[i:])), i+4
	default:
		n, k := wire.Uvarint(b, i)
		if k < 0 || n > uint64(len(b)-k) {
			return 0, 0, -1
		}
		return 0, k, k + int(n)
	}
	return u, 0, next
}

// integer is the number that the bits of a whole kind are, but of 64 without a sign.
func (k kind) integer(u uint64) int64 {
	switch k {
	case kindSint32:
		return int64(int32(uint32(u)>>1) ^ -int32(uint32(u)&1))
	case kindSint64:
		return int64(u>>1) ^ -int64(u&1)
	case kindUint32, kindFixed32:
		return int64(uint32(u))
	case kindInt32, kindSfixed32, kindEnum:
		return int64(int32(uint32(u)))
	}
	return int64(u)
}

// finish gives each column that the record has had nothing for its default, and the
// lists their end. there: the message is.
func (d *Decoder) finish(p *program, there bool) bool {
	for _, v := range p.nulls {
		vec.AppendNull(v)
	}
	for _, s := range p.steps {
		seen := s.seen == d.record
		switch {
		case s.op == opBelow:
			if !d.finish(s.sub, there && seen) {
				return false
			}
		case !there:
			vec.AppendNull(s.col)
		case s.op == opList:
			s.col.(*vec.List).EndRow()
		case s.op == opJSON && (seen || s.field.list):
			if !seen {
				s.spans = s.spans[:0]
			}
			if !d.asJSON(s) {
				return false
			}
		case seen && s.op >= opTimestamp && s.op <= opMessage && len(s.merged) > 0:
			vec.Truncate(s.col, d.row)
			if !d.message(s, s.merged) {
				return false
			}
		case seen:
		case s.field.presence:
			vec.AppendNull(s.col)
		default:
			if !d.zero(s) {
				return false
			}
		}
	}
	return true
}

// zero appends the default of a type.
func (d *Decoder) zero(s *step) bool {
	switch s.op {
	case opText, opBytes:
		s.text.Append(nil)
		return true
	case opOther:
		if s.field.kind.wire() == wireBytes && s.typ.OID != types.Text && s.typ.OID != types.Varchar {
			vec.AppendNull(s.col) // no text is no value of another type
			return true
		}
	}
	var none [9]byte // any kind of zero, or the length of nothing
	return d.scalar(s, none[:], 0) >= 0
}

// badNumber reports whether a tag's number is none that a field can have.
func badNumber(tag uint64) bool { return tag>>3-1 >= 1<<29-1 }

// skip returns the index after the value of a tag, -1 where it does not end in b.
func skip(b []byte, i int, tag uint64, depth int) int {
	switch tag & 7 {
	case wireVarint:
		_, i = wire.Uvarint(b, i)
		return i
	case wireFixed64:
		i += 8
	case wireFixed32:
		i += 4
	case wireBytes:
		n, k := wire.Uvarint(b, i)
		if k < 0 || n > uint64(len(b)-k) {
			return -1
		}
		return k + int(n)
	case wireGroup:
		for depth < maxDepth {
			inner, k := wire.Uvarint(b, i)
			if k < 0 || badNumber(inner) {
				return -1
			}
			if inner&7 == wireEnd {
				if inner>>3 != tag>>3 {
					return -1
				}
				return k
			}
			if i = skip(b, k, inner, depth+1); i < 0 {
				return -1
			}
		}
		return -1
	default:
		return -1
	}
	if i > len(b) {
		return -1
	}
	return i
}

func tooDeep() error {
	return sqlerr.Errorf(sqlerr.StatementTooComplex, "a Protobuf message is nested more than %d deep", maxDepth)
}

// fault deals with a value that its column does not take: false where it is the
// record's error.
func (d *Decoder) fault(s *step, err error) bool {
	vec.Truncate(s.col, s.rows(d.row))
	if d.options.NullBad {
		vec.AppendNull(s.col)
		s.seen = d.record
		return true
	}
	e := *sqlerr.From(err)
	if e.Code == sqlerr.InternalError {
		e.Code = sqlerr.InvalidBinaryRepresentation
	}
	e.Column, e.DataType = s.name, types.FormatType(s.typ)
	if len(e.Message) > 256 {
		e.Message = e.Message[:256] + "..."
	}
	d.err = &e
	return false
}

// rows is how many rows a step's column had before the value in hand: of elements
// that nobody counts all that there are.
func (s *step) rows(row int) int {
	if s.column < 0 {
		return s.col.Len()
	}
	return row
}

func notText(b []byte) error {
	return sqlerr.Errorf(sqlerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\"").WithDetail("The value begins with %s.", head(b))
}
