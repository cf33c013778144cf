package database

import (
	"encoding/binary"
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// setter returns what appends a value in PostgreSQL's binary form to a column of
// type t; text: in its text form. fit: the type's modifier is applied.
func setter(t types.Type, text, fit bool, format *types.Format) func(v vec.Vec, b []byte) error {
	if text {
		return func(v vec.Vec, b []byte) error {
			val, err := types.Parse(t, string(b), format)
			if err == nil {
				vec.Append(v, val)
			}
			return err
		}
	}
	if fit {
		return func(v vec.Vec, b []byte) error {
			val, err := types.FromBinary(types.Of(t.OID), b, format)
			if err == nil {
				val, err = types.Coerce(val, t, false)
			}
			if err == nil {
				vec.Append(v, val)
			}
			return err
		}
	}
	switch t.OID {
	case types.Bool:
		return fixed(1, func(b []byte) bool { return b[0] != 0 })
	case types.Int2:
		return fixed(2, func(b []byte) int16 { return int16(binary.BigEndian.Uint16(b)) })
	case types.Int4, types.Date:
		return fixed(4, func(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) })
	case types.Int8, types.Time, types.Timestamp, types.Timestamptz:
		return fixed(8, func(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) })
	case types.Oid:
		return fixed(4, binary.BigEndian.Uint32)
	case types.Float4:
		return fixed(4, func(b []byte) float32 { return math.Float32frombits(binary.BigEndian.Uint32(b)) })
	case types.Float8:
		return fixed(8, func(b []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(b)) })
	case types.UUID:
		return fixed(16, func(b []byte) types.UUIDValue { return types.UUIDValue(b) })
	case types.Text, types.Varchar, types.BPChar, types.Bytea, types.JSON:
		return func(v vec.Vec, b []byte) error {
			v.(*vec.Bytes).Append(b)
			return nil
		}
	case types.Numeric:
		return func(v vec.Vec, b []byte) error {
			d, err := types.DecimalFromBinary(b)
			if err == nil {
				v.(*vec.Numeric).Append(d)
			}
			return err
		}
	}
	return func(v vec.Vec, b []byte) error {
		val, err := types.FromBinary(types.Of(t.OID), b, format)
		if err == nil {
			vec.Append(v, val)
		}
		return err
	}
}

// fixed appends values of one size.
func fixed[T vec.Value](size int, read func([]byte) T) func(v vec.Vec, b []byte) error {
	return func(v vec.Vec, b []byte) error {
		if len(b) != size {
			return sqlerr.Errorf(sqlerr.InvalidBinaryRepresentation, "a value of %d bytes where %d are due", len(b), size)
		}
		f := v.(*vec.Fixed[T])
		f.Values = append(f.Values, read(b))
		return nil
	}
}

// copySignature begins a binary COPY.
const copySignature = "PGCOPY\n\xff\r\n\x00"

// tuples takes a binary COPY as it comes, in pieces of any size, and hands each row's
// fields on; nil is a NULL. The fields are good until row returns.
type tuples struct {
	fields [][]byte
	row    func(fields [][]byte) error
	rest   []byte // of a row that has come in part
	begun  bool
	ended  bool
}

func errCopy() error {
	return sqlerr.Errorf(sqlerr.ProtocolViolation, "the server's answer is no binary COPY")
}

// Write is io.Writer's.
func (t *tuples) Write(p []byte) (int, error) {
	data := p
	if len(t.rest) > 0 {
		t.rest = append(t.rest, p...)
		data = t.rest
	}
	at, err := t.take(data)
	if err != nil {
		return 0, err
	}
	t.rest = append(t.rest[:0], data[at:]...)
	return len(p), nil
}

// take hands on the whole rows and returns where what is left begins.
func (t *tuples) take(b []byte) (int, error) {
	at := 0
	if !t.begun {
		const header = len(copySignature) + 8
		if len(b) < header {
			return 0, nil
		}
		extension := int(binary.BigEndian.Uint32(b[header-4:]))
		if string(b[:len(copySignature)]) != copySignature || extension < 0 {
			return 0, errCopy()
		}
		if len(b) < header+extension {
			return 0, nil
		}
		at, t.begun = header+extension, true
	}
	for {
		next, err := t.one(b, at)
		if err != nil || next == at {
			return at, err
		}
		at = next
	}
}

// one hands on the row at a place, and returns where the next one begins: at the same
// place where it has not come whole.
func (t *tuples) one(b []byte, at int) (int, error) {
	if t.ended {
		if at < len(b) {
			return at, errCopy()
		}
		return at, nil
	}
	if len(b)-at < 2 {
		return at, nil
	}
	n := int(int16(binary.BigEndian.Uint16(b[at:])))
	p := at + 2
	if n == -1 {
		t.ended = true
		return p, nil
	}
	if n != len(t.fields) {
		return at, errCopy()
	}
	for i := range n {
		if len(b)-p < 4 {
			return at, nil
		}
		size := int(int32(binary.BigEndian.Uint32(b[p:])))
		p += 4
		if size < 0 {
			t.fields[i] = nil
			continue
		}
		if len(b)-p < size {
			return at, nil
		}
		t.fields[i] = b[p : p+size : p+size]
		p += size
	}
	return p, t.row(t.fields)
}
