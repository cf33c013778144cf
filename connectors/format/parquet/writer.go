package parquet

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// WriteOptions of a Writer.
type WriteOptions struct {
	Codec Codec
	// GroupRows and GroupBytes are how much a row group holds at most, the bytes before
	// they are compressed; 0: 131,072 rows, 64 MB.
	GroupRows  int
	GroupBytes int
	// Op writes the column _op: + for an insert, - for a delete.
	Op bool
	// Labels are what the values of enum types are called; nil: their numbers stand for
	// them.
	Labels func(types.OID) *types.Enum
}

// Writer makes Parquet files, forward only: rows are added, Group appends those that were
// added as a row group, Footer ends the file. Behind a footer there may be row groups
// again, and another footer, which is that of all of them: so a file that grows ends in a
// footer after each of its epochs, and is cut where one of them ended. A Writer belongs to
// one goroutine.
type Writer struct {
	options WriteOptions
	columns []*output
	op      *output
	pack    packer
	rows    int
	groups  []writtenGroup
	schema  []element
}

type writtenGroup struct {
	raw   []byte // as the footer has it
	rows  int64
	start int64
}

// opColumn is the column of a changelog's operations.
const opColumn = "_op"

// maxGroups is how many row groups a file has at most: readers count them in 16 bits, and
// each footer says them all again.
const maxGroups = 4096

// NewWriter makes a writer of rows of the columns.
func NewWriter(columns []catalog.Column, o WriteOptions) (*Writer, error) {
	if o.GroupRows <= 0 {
		o.GroupRows = 128 << 10
	}
	if o.GroupBytes <= 0 {
		o.GroupBytes = 64 << 20
	}
	w := &Writer{options: o}
	format := types.DefaultFormat()
	format.Enum = o.Labels
	if o.Op {
		w.op = outputOf(catalog.Column{Name: opColumn, Type: types.Of(types.Text)}, format)
		w.columns = append(w.columns, w.op)
	}
	for i, c := range columns {
		if slices.ContainsFunc(columns[:i], func(other catalog.Column) bool { return other.Name == c.Name }) || o.Op && c.Name == opColumn {
			return nil, sqlerr.Errorf(sqlerr.DuplicateColumn, "column %q is there more than once", c.Name).
				WithHint("Name the columns in the query: SELECT ... AS name.")
		}
		w.columns = append(w.columns, outputOf(c, format))
	}
	// The schema as a reader sees it, to compare a file's with.
	f, err := readFooter(w.footer())
	if err != nil {
		return nil, err
	}
	w.schema = f.schema
	return w, nil
}

// Resume takes up the row groups of a file that rows are appended to: its columns must be
// the writer's.
func (w *Writer) Resume(f *File) error {
	if !slices.Equal(f.footer.schema[1:], w.schema[1:]) {
		return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "it has other columns than the rows that are written").
			WithHint("Write to another file.")
	}
	w.groups = w.groups[:0]
	for _, g := range f.footer.groups {
		start := f.begin
		for _, c := range g.chunks {
			start = min(start, c.begin())
		}
		w.groups = append(w.groups, writtenGroup{raw: g.raw, rows: g.rows, start: start})
	}
	return nil
}

// Cut forgets rows that no row group has, and row groups that begin at or behind a byte.
func (w *Writer) Cut(length int64) {
	w.clear()
	w.groups = slices.DeleteFunc(w.groups, func(g writtenGroup) bool { return g.start >= length })
}

func (w *Writer) clear() {
	w.rows = 0
	for _, o := range w.columns {
		o.reset()
	}
}

// Add adds a physical row of a batch, which has the writer's columns. The error, a
// *sqlerr.Error with the Column, is the row's: it has no form in Parquet, and is not added.
func (w *Writer) Add(b *vec.Batch, row int) error {
	columns := w.columns
	if w.op != nil {
		op := "+"
		if b.Op(row) == vec.Delete {
			op = "-"
		}
		one := &vec.Bytes{}
		one.AppendString(op)
		if err := w.op.add(one, 0); err != nil {
			return err
		}
		columns = columns[1:]
	}
	for i, o := range columns {
		err := o.add(b.Cols[i], row)
		if err == nil {
			continue
		}
		for _, done := range columns[:i+1] {
			done.back()
		}
		if w.op != nil {
			w.op.back()
		}
		e := *sqlerr.From(err)
		e.Column = o.col.Name
		return &e
	}
	w.rows++
	return nil
}

// Rows is how many rows have been added that no row group has.
func (w *Writer) Rows() int { return w.rows }

// Size is about how many bytes those rows hold.
func (w *Writer) Size() int {
	n := 0
	for _, o := range w.columns {
		n += o.size()
	}
	return n
}

// Full reports whether the rows that have been added make a row group.
func (w *Writer) Full() bool {
	// The size is added up now and then: every row would ask every column.
	return w.rows >= w.options.GroupRows || w.rows&255 == 255 && w.Size() >= w.options.GroupBytes
}

// Group appends the rows that have been added as a row group that begins at byte `at` of
// the file; at its beginning stands the format's mark. No rows make no row group.
func (w *Writer) Group(dst []byte, at int64) ([]byte, error) {
	if at == 0 {
		dst = append(dst, magic[:]...)
		at = int64(len(magic))
	}
	if w.rows == 0 {
		return dst, nil
	}
	if len(w.groups) >= maxGroups {
		return dst, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a Parquet file has %d row groups already, one for each commit", len(w.groups)).
			WithHint("Let the sink begin new files: rotation = 'daily', or {batch_id} in its path.")
	}
	start, from := at, len(dst)
	chunks := make([]written, len(w.columns))
	for i, o := range w.columns {
		var err error
		if dst, chunks[i], err = o.write(dst, at+int64(len(dst)-from), w.options.Codec, &w.pack); err != nil {
			return dst, err
		}
	}
	w.groups = append(w.groups, writtenGroup{raw: w.describe(chunks, start), rows: int64(w.rows), start: start})
	w.clear()
	return dst, nil
}

// describe writes what the footer says of a row group.
func (w *Writer) describe(chunks []written, start int64) []byte {
	var t thriftWriter
	t.begin()
	t.list(1, len(chunks), thriftStruct)
	var size, packed int64
	for i := range chunks {
		c, o := &chunks[i], w.columns[i]
		size, packed = size+c.uncompressed, packed+c.size
		t.begin()
		t.i64(2, c.from)
		t.structure(3)
		t.i32(1, int64(o.form.phys))
		encodings := []int64{encPlain, encRLE}
		if c.dict {
			encodings = append(encodings, encDictionary)
		}
		t.list(2, len(encodings), thriftI32)
		for _, e := range encodings {
			t.b = binary.AppendVarint(t.b, e)
		}
		path := []string{o.col.Name}
		if o.list {
			path = append(path, "list", "element")
		}
		t.list(3, len(path), thriftBinary)
		for _, p := range path {
			t.text([]byte(p))
		}
		t.i32(4, int64(c.codec))
		t.i64(5, c.values)
		t.i64(6, c.uncompressed)
		t.i64(7, c.size)
		t.i64(9, c.data)
		if c.dict {
			t.i64(11, c.dictionary)
		}
		t.structure(12)
		t.i64(3, c.nulls)
		if c.low != nil {
			t.binary(5, c.high)
			t.binary(6, c.low)
		}
		t.end()
		t.end()
		t.end()
	}
	t.i64(2, size)
	t.i64(3, int64(w.rows))
	t.i64(5, start)
	t.i64(6, packed)
	t.end()
	return t.b
}

// Footer appends the footer of all row groups.
func (w *Writer) Footer(dst []byte) []byte {
	f := w.footer()
	dst = append(dst, f...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(f)))
	return append(dst, magic[:]...)
}

func (w *Writer) footer() []byte {
	var t thriftWriter
	t.begin()
	t.i32(1, 2)
	elements := 1
	for _, o := range w.columns {
		if elements++; o.list {
			elements += 2
		}
	}
	t.list(2, elements, thriftStruct)
	t.begin()
	t.binary(4, []byte("schema"))
	t.i32(5, int64(len(w.columns)))
	t.end()
	for _, o := range w.columns {
		if o.list {
			writeElement(&t, &element{phys: physGroup, repetition: optional, name: o.col.Name, children: 1, converted: convertedList, logical: logicalList})
			writeElement(&t, &element{phys: physGroup, repetition: repeated, name: "list", children: 1, converted: -1})
			e := o.form.element
			e.name = "element"
			writeElement(&t, &e)
			continue
		}
		e := o.form.element
		e.name = o.col.Name
		writeElement(&t, &e)
	}
	var rows int64
	for _, g := range w.groups {
		rows += g.rows
	}
	t.i64(3, rows)
	t.list(4, len(w.groups), thriftStruct)
	for _, g := range w.groups {
		t.b = append(t.b, g.raw...)
	}
	t.binary(6, []byte("ferris-sql (FerrisStreams)"))
	t.list(7, len(w.columns), thriftStruct)
	for range w.columns {
		t.begin() // the order of the column's type
		t.empty(1)
		t.end()
	}
	t.end()
	return t.b
}

func writeElement(t *thriftWriter, e *element) {
	t.begin()
	if e.phys != physGroup {
		t.i32(1, int64(e.phys))
	}
	if e.phys == physFixed {
		t.i32(2, int64(e.length))
	}
	t.i32(3, int64(e.repetition))
	t.binary(4, []byte(strings.ToValidUTF8(e.name, "\uFFFD")))
	if e.children > 0 {
		t.i32(5, int64(e.children))
	}
	if e.converted >= 0 {
		t.i32(6, int64(e.converted))
	}
	if e.logical == logicalDecimal {
		t.i32(7, int64(e.scale))
		t.i32(8, int64(e.prec))
	}
	if e.logical != logicalNone {
		t.structure(10)
		t.structure(e.logical)
		switch e.logical {
		case logicalDecimal:
			t.i32(1, int64(e.scale))
			t.i32(2, int64(e.prec))
		case logicalTime, logicalTimestamp:
			t.bool(1, e.utc)
			t.structure(2)
			t.empty(2) // microseconds
			t.end()
		case logicalInteger:
			t.field(1, thriftByte)
			t.b = append(t.b, byte(e.bits))
			t.bool(2, e.signed)
		}
		t.end()
		t.end()
	}
	t.end()
}

// Close frees what the writer holds.
func (w *Writer) Close() { w.pack.close() }
