package file

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
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
		if c >= len(rel.Columns) {
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

// fillFolders gives a batch's rows the values of the file's folders.
func (l *layout) fillFolders(b *vec.Batch) {
	for _, f := range l.folders {
		for range b.Rows {
			vec.Append(b.Cols[f.out], f.value)
		}
	}
}
