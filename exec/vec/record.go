package vec

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// Rows as values are a *Bytes column of their encoded form (types.NewRow), so
// that whatever copies, spills or keys columns needs no case for them; only who
// compares or hashes reads what is inside.

// AppendEncodedRow appends one row of some columns, in their encoded form: header is
// types.RowHeader of their types.
func AppendEncodedRow(dst *Bytes, header []byte, cols []Vec, ts []types.Type, row int) {
	b := append(dst.Data, header...)
	at := len(b)
	b = types.AppendRowNulls(b, len(cols))
	var val types.Value
	for i, c := range cols {
		Borrow(&val, c, row, ts[i])
		if val.Null {
			types.SetRowNull(b, at, i)
			continue
		}
		b = types.AppendRowValue(b, ts[i], val)
	}
	dst.Data = b
	dst.EndRow()
}

// recordHash hashes rows in their encoded form: by their values, so that rows
// that are equal hash alike. It keeps a column of one row for each of theirs.
type recordHash struct {
	row  types.Row
	cols []Vec
	of   []types.RowColumn
}

func (h *recordHash) sum(b []byte) uint64 {
	h.row.Read(stringOf(b))
	if len(h.of) != len(h.row.Cols) || len(h.of) > 0 && &h.of[0] != &h.row.Cols[0] {
		h.of = h.row.Cols
		h.cols = make([]Vec, len(h.of))
		for i, c := range h.of {
			h.cols[i] = newAny(c.Type)
		}
	}
	x := hashWord(uint64(len(h.of)))
	for i, val := range h.row.Vals {
		if val.Null {
			x = combine(x, nullHash)
			continue
		}
		col := h.cols[i]
		col.Reset()
		Append(col, val)
		x = combine(x, rowHash(col, h.of[i].Type)(0))
	}
	return x
}

// newAny is New, but for types that have no column: their values are strings.
func newAny(t types.Type) Vec {
	if info := types.Lookup(t.OID); info == nil || info.Phys == types.PhysNone {
		return &Bytes{}
	}
	return New(t)
}
