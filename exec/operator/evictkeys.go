package operator

import (
	"bytes"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// foundKey is the key of a group that was found: a row of columns, or as it is
// stored.
type foundKey struct {
	cols   []vec.Vec
	row    int
	stored []byte
}

// canonical returns the keys of rows with those of groups that are not in the table
// as the other parts have them. 1.0 and 1.00 are one key: what of a group goes out is
// told by the row that brought it, and stays so when it is evicted.
func (e *evicted) canonical(t *table, cols []vec.Vec, n int, sel, ids []int32) ([]vec.Vec, error) {
	if e == nil || e.codec.exact || !e.some() {
		return cols, nil
	}
	t.lookup(cols, n, sel, ids)
	e.keys.Reset()
	var rows []int32
	for _, r := range sel {
		if ids[r] < 0 {
			rows = append(rows, r)
		}
	}
	for i, c := range cols {
		vec.CopyRows(e.keys.Cols[i], c, rows)
	}
	e.keys.Rows = len(rows)
	other := vec.NewBatch(e.codec.types)
	from := make([]int, n) // a row of other and 1; 0: the row is as it was
	var own, theirs []byte
	err := e.find(func(row int32, _ []byte) error {
		own = e.codec.layout.Append(own[:0], e.keys.Cols, int(row))
		if e.found.stored == nil {
			theirs = e.codec.layout.Append(theirs[:0], e.found.cols, e.found.row)
		} else {
			theirs = append(theirs[:0], e.found.stored...)
		}
		if bytes.Equal(own, theirs) {
			return nil
		}
		if err := e.codec.reader.Read(theirs, other.Cols); err != nil {
			return err
		}
		other.Rows++
		from[rows[row]] = other.Rows
		return nil
	})
	if err != nil || other.Rows == 0 {
		return cols, err
	}
	as := vec.NewBatch(e.codec.types)
	for i, c := range as.Cols {
		for r := range n {
			if from[r] > 0 {
				vec.AppendRow(c, other.Cols[i], from[r]-1)
			} else {
				vec.AppendRow(c, cols[i], r)
			}
		}
	}
	return as.Cols, nil
}
