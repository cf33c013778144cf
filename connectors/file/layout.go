package file

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// layout says where a scan's columns come from: a file's records, the folders that
// it lies in, a record's place.
type layout struct {
	columns []catalog.Column // the relation's that records hold
	cols    []int            // those of columns that are decoded
	out     []int            // where they stand in the batch
	folders []folder
	hidden  []hidden
	given   []int // of the relation, those that folders have
}

// folder is a column whose value is in a file's path.
type folder struct {
	out   int
	value types.Value
}

// hidden is a pseudo-column that is read.
type hidden struct {
	out  int
	name string
}

// newLayout arranges a scan's columns, of which some have a value for the whole file.
func newLayout(rel *catalog.Relation, scan *stream.Scan, values map[int]types.Value) layout {
	l := layout{columns: rel.Columns, given: givenBy(values)}
	at := make([]int, len(rel.Columns)) // in columns
	if len(values) > 0 {
		l.columns = nil
	}
	for i, c := range rel.Columns {
		if at[i] = i; len(values) == 0 {
			continue
		}
		at[i] = len(l.columns)
		if _, ok := values[i]; !ok {
			l.columns = append(l.columns, c)
		}
	}
	all := rel.AllColumns()
	for i, c := range scan.Columns {
		if c >= len(rel.Columns) && json.OfChange(all[c].Name) {
			// The decoder of changes has it of their records.
			l.columns = append(l.columns[:len(l.columns):len(l.columns)], all[c])
			l.cols, l.out = append(l.cols, len(l.columns)-1), append(l.out, i)
		} else if c >= len(rel.Columns) {
			l.hidden = append(l.hidden, hidden{out: i, name: all[c].Name})
		} else if v, ok := values[c]; ok {
			l.folders = append(l.folders, folder{out: i, value: v})
		} else {
			l.cols, l.out = append(l.cols, at[c]), append(l.out, i)
		}
	}
	return l
}

// givenBy are the columns that have a value, in their order.
func givenBy(values map[int]types.Value) []int {
	var given []int
	for c := range values {
		given = append(given, c)
	}
	slices.Sort(given)
	return given
}

// decoded are the columns that are decoded.
func (l *layout) decoded() []catalog.Column {
	read := make([]catalog.Column, len(l.cols))
	for i, k := range l.cols {
		read[i] = l.columns[k]
	}
	return read
}

// wants reports whether a hidden column is read.
func (l *layout) wants(name string) bool {
	return slices.ContainsFunc(l.hidden, func(h hidden) bool { return h.name == name })
}

// origin is what hidden columns have of the records of a batch.
type origin struct {
	offsets []int64 // one a row, where _offset is read
	mtime   int64
	number  int32
	path    string
}

// fillBeside gives a batch's rows what they have beside their records.
func (l *layout) fillBeside(b *vec.Batch, o origin) {
	for _, h := range l.hidden {
		switch v := b.Cols[h.out].(type) {
		case *vec.Fixed[int64]:
			if h.name == "_offset" {
				v.Values = append(v.Values, o.offsets...)
				continue
			}
			for range b.Rows {
				v.Values = append(v.Values, o.mtime)
			}
		case *vec.Fixed[int32]:
			for range b.Rows {
				v.Values = append(v.Values, o.number)
			}
		case *vec.Bytes:
			for range b.Rows {
				if h.name == fileColumn {
					v.AppendString(o.path)
				} else {
					v.AppendNull()
				}
			}
		}
	}
	l.fillFolders(b)
}

// fillFolders gives a batch's rows the values of the file's folders.
func (l *layout) fillFolders(b *vec.Batch) {
	for _, f := range l.folders {
		for range b.Rows {
			vec.Append(b.Cols[f.out], f.value)
		}
	}
}
