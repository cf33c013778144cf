package pgcopy

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// signature begins a binary copy.
const signature = "PGCOPY\n\xff\r\n\x00"

func bad(format string, args ...any) error {
	return sqlerr.Errorf(sqlerr.BadCopyFileFormat, format, args...)
}

// take returns the next n bytes; nil: the data ends before.
func (r *Reader) take(ctx context.Context, n int) ([]byte, error) {
	for len(r.buf)-r.at < n {
		ok, err := r.more(ctx)
		if err != nil || !ok {
			return nil, err
		}
	}
	b := r.buf[r.at : r.at+n]
	r.at += n
	return b, nil
}

// binaryHeader reads what stands before the rows; its errors are of no row.
func (r *Reader) binaryHeader(ctx context.Context) error {
	b, err := r.take(ctx, len(signature))
	if err != nil {
		return err
	}
	if string(b) != signature {
		return bad("COPY file signature not recognized")
	}
	if b, err = r.take(ctx, 4); err != nil {
		return err
	}
	if b == nil {
		return bad("invalid COPY file header (missing flags)")
	}
	switch flags := binary.BigEndian.Uint32(b); {
	case flags&(1<<16) != 0:
		return bad("invalid COPY file header (WITH OIDS)")
	case flags>>16 != 0:
		return bad("unrecognized critical flags in COPY file header")
	}
	if b, err = r.take(ctx, 4); err != nil {
		return err
	}
	if b == nil || int32(binary.BigEndian.Uint32(b)) < 0 {
		return bad("invalid COPY file header (missing length)")
	}
	length := int(binary.BigEndian.Uint32(b))
	if b, err = r.take(ctx, length); err == nil && b == nil {
		err = bad("invalid COPY file header (wrong length)")
	}
	return err
}

// binaryRow reads one row of the binary format; false: there was none.
func (r *Reader) binaryRow(ctx context.Context) (bool, error) {
	r.line++
	b, err := r.take(ctx, 2)
	if err != nil {
		return false, err
	}
	if b == nil { // the trailer may be left out
		r.ended = true
		return false, nil
	}
	n := int(int16(binary.BigEndian.Uint16(b)))
	if n == -1 {
		r.ended = true
		if b, err = r.take(ctx, 1); err != nil {
			return false, err
		}
		if b != nil {
			return false, r.inTuple(bad("received copy data after EOF marker"))
		}
		return false, nil
	}
	if n != len(r.fields) {
		return false, r.inTuple(bad("row field count is %d, expected %d", n, len(r.fields)))
	}
	for i := range r.fields {
		if err := r.binaryField(ctx, i); err != nil {
			return false, err
		}
	}
	r.lines = append(r.lines, span{line: r.line})
	return true, nil
}

func (r *Reader) binaryField(ctx context.Context, i int) error {
	f := &r.fields[i]
	b, err := r.take(ctx, 4)
	if err != nil {
		return err
	}
	if b == nil {
		return r.inTuple(bad("unexpected EOF in COPY data"))
	}
	size := int32(binary.BigEndian.Uint32(b))
	switch {
	case size == -1:
		f.null()
		return nil
	case size < 0:
		return r.inTuple(bad("invalid field size"))
	}
	if b, err = r.take(ctx, int(size)); err != nil {
		return err
	}
	if b == nil {
		return r.inTuple(bad("unexpected EOF in COPY data"))
	}
	if r.o.Encoding != nil {
		r.scratch, err = types.AppendConverted(r.scratch[:0], f.typ.OID, b, r.o.Encoding.DecodeAll)
		b = r.scratch
	}
	var v types.Value
	if err == nil {
		v, err = types.FromBinary(f.typ, b, r.format)
	}
	if err == nil && f.typ.Mod >= 0 {
		v, err = fitted(v, f.typ)
	}
	if err != nil {
		return where(err, fmt.Sprintf("COPY %s, line %d, column %s", r.table, r.line, f.name))
	}
	vec.Append(f.col, v)
	return nil
}

// fitted is a value with its column's modifier applied.
func fitted(v types.Value, t types.Type) (types.Value, error) {
	info := types.Lookup(t.OID)
	if info == nil || info.Coerce == nil {
		return v, nil
	}
	return info.Coerce(v, t.Mod, false)
}

// inTuple adds the row that an error is in.
func (r *Reader) inTuple(err error) error {
	return where(err, fmt.Sprintf("COPY %s, line %d", r.table, r.line))
}
