// Package pgcopy turns what a client sends for COPY FROM, in PostgreSQL's text,
// CSV and binary formats, into columns. It knows nothing of the protocol: bytes
// come in chunks that end anywhere.
package pgcopy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/charset"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Options say how rows are written.
type Options struct {
	Format                   string // text, csv, binary
	Delimiter, Quote, Escape byte
	Null                     string
	Default                  *string // what stands for a column's default; nil: nothing does
	Header, HeaderMatch      bool
	Encoding                 *charset.Charset // of the text, or of the texts in binary forms; nil: UTF8
	// ForceNull and ForceNotNull are by field, nil for none.
	ForceNull, ForceNotNull []bool
	// HasDefault is by field: whether Default may stand there.
	HasDefault []bool
	// MaxRow is how many bytes of one row are read before it is refused, for all of it is
	// held; 0: a gigabyte, as in PostgreSQL.
	MaxRow int
}

// Reader reads rows. It belongs to one goroutine.
type Reader struct {
	o      Options
	table  string
	fields []field
	marks  []*vec.Fixed[bool] // with Default: which rows have a field's default
	chunk  func(ctx context.Context) ([]byte, error)
	format *types.Format

	buf     []byte // from at on what was not read yet; before it the rows of batch
	at      int
	begun   int    // where the row in hand begins
	eof     bool   // chunk has given all
	foreign []byte // of another encoding: what came and was not decoded yet
	garbled error  // of what comes next in it
	ended   bool   // the end of the data was read
	started bool
	line    int64  // lines read so far
	eol     string // "": not known yet
	stray   byte   // a line end of another kind; 0: none came
	lines   []span // of the batch's rows
	failed  error  // of the row after them
	batch   *vec.Batch
	scratch []byte
	parts   []part
}

// span is a row's place in buf, with the number of its line.
type span struct {
	from, to int
	line     int64
}

// maxBatchRows is how many rows PostgreSQL writes together: of those, what is wrong
// with a key comes after what else is wrong with any.
const maxBatchRows = 1000

// maxBatchBytes ends a batch of long rows early, so that few of them are in
// memory twice.
const maxBatchBytes = 1 << 20

// NewReader returns a reader of rows with the columns given, for the relation
// table. chunk returns more bytes, which are the reader's until the next call, and
// io.EOF at their end. With o.Default a row has, behind its columns, a boolean for
// each: whether the field was the marker.
func NewReader(o Options, table string, columns []catalog.Column, format *types.Format, chunk func(ctx context.Context) ([]byte, error)) *Reader {
	if o.MaxRow == 0 {
		o.MaxRow = 1 << 30
	}
	r := &Reader{o: o, table: table, chunk: chunk, format: format, batch: &vec.Batch{}}
	for _, c := range columns {
		f := newField(c)
		r.fields = append(r.fields, f)
		r.batch.Cols = append(r.batch.Cols, f.col)
	}
	if o.Default != nil {
		for range columns {
			m := &vec.Fixed[bool]{}
			r.marks = append(r.marks, m)
			r.batch.Cols = append(r.batch.Cols, m)
		}
	}
	return r
}

// Close does nothing: the chunks are their giver's.
func (r *Reader) Close() error { return nil }

// Next returns the next rows, which are lent until the following call; io.EOF at
// the end. Errors say in which line and column, and come after the rows before it.
func (r *Reader) Next(ctx context.Context) (*vec.Batch, error) {
	if r.failed != nil {
		return nil, r.failed
	}
	r.batch.Reset()
	r.lines = r.lines[:0]
	r.buf, r.at, r.begun = r.buf[:copy(r.buf, r.buf[r.at:])], 0, 0
	if !r.started {
		r.started = true
		if err := r.begin(ctx); err != nil {
			return nil, err
		}
	}
	for !r.ended && r.batch.Rows < maxBatchRows && r.at < maxBatchBytes && r.failed == nil {
		ok, err := r.row(ctx)
		if r.failed = err; ok {
			r.batch.Rows++
		}
	}
	if r.failed != nil {
		if r.batch.Rows == 0 {
			return nil, r.failed
		}
		for _, c := range r.batch.Cols {
			vec.Truncate(c, r.batch.Rows)
		}
	}
	if r.batch.Rows == 0 {
		return nil, io.EOF
	}
	return r.batch, nil
}

// begin reads what stands before the first row.
func (r *Reader) begin(ctx context.Context) error {
	if r.o.Format == "binary" {
		return r.binaryHeader(ctx)
	}
	if !r.o.Header && !r.o.HeaderMatch {
		return nil
	}
	line, ok, err := r.nextLine(ctx)
	if err != nil || !ok || !r.o.HeaderMatch {
		return err
	}
	return r.matchHeader(line)
}

func (r *Reader) matchHeader(line span) error {
	parts, err := r.split(line)
	if err != nil {
		return err
	}
	if len(parts) != len(r.fields) {
		return r.inLine(line, sqlerr.Errorf(sqlerr.BadCopyFileFormat, "wrong number of fields in header line: got %d, expected %d", len(parts), len(r.fields)))
	}
	for i, p := range parts {
		switch want := r.fields[i].name; {
		case p.null:
			return r.inLine(line, sqlerr.Errorf(sqlerr.BadCopyFileFormat, "column name mismatch in header line field %d: got null value (\"%s\"), expected \"%s\"", i+1, r.o.Null, want))
		case string(p.text) != want:
			return r.inLine(line, sqlerr.Errorf(sqlerr.BadCopyFileFormat, "column name mismatch in header line field %d: got \"%s\", expected \"%s\"", i+1, p.text, want))
		}
	}
	return nil
}

// row reads one row; false: there was none.
func (r *Reader) row(ctx context.Context) (bool, error) {
	r.begun = r.at
	if r.o.Format == "binary" {
		return r.binaryRow(ctx)
	}
	line, ok, err := r.nextLine(ctx)
	if err != nil || !ok {
		return false, err
	}
	if r.o.Format == "text" && !bytes.ContainsRune(r.buf[line.from:line.to], '\\') && r.o.Default == nil {
		err = r.plainRow(line)
	} else {
		err = r.splitRow(line)
	}
	if err != nil {
		return false, err
	}
	r.lines = append(r.lines, line)
	return true, nil
}

// plainRow decodes a line of text without a backslash straight into the columns.
func (r *Reader) plainRow(line span) error {
	b := r.buf[line.from:line.to]
	n := len(r.fields)
	if n == 0 && len(b) > 0 {
		return r.inLine(line, errExtra())
	}
	for i := range r.fields {
		s, more := b, false
		if end := bytes.IndexByte(b, r.o.Delimiter); end >= 0 {
			s, b, more = b[:end], b[end+1:], true
		}
		if more && i == n-1 {
			return r.inLine(line, errExtra())
		}
		f := &r.fields[i]
		if r.isNull(s) {
			f.null()
		} else if err := f.set(s, r.format); err != nil {
			return r.inField(line, i, s, err)
		}
		if !more && i < n-1 {
			return r.inLine(line, sqlerr.Errorf(sqlerr.BadCopyFileFormat, "missing data for column \"%s\"", r.fields[i+1].name))
		}
	}
	return nil
}

func (r *Reader) isNull(s []byte) bool { return string(s) == r.o.Null }

func errExtra() error {
	return sqlerr.Errorf(sqlerr.BadCopyFileFormat, "extra data after last expected column")
}

// splitRow decodes a line whose fields have to be taken apart first.
func (r *Reader) splitRow(line span) error {
	parts, err := r.split(line)
	if err != nil {
		return err
	}
	for i := range r.fields {
		if i == len(parts) {
			return r.inLine(line, sqlerr.Errorf(sqlerr.BadCopyFileFormat, "missing data for column \"%s\"", r.fields[i].name))
		}
		p, f := parts[i], &r.fields[i]
		if r.marks != nil {
			r.marks[i].Append(p.deflt)
		}
		switch {
		case p.deflt && !r.o.HasDefault[i]:
			err := sqlerr.Errorf(sqlerr.BadCopyFileFormat, "unexpected default marker in COPY data").WithDetail("Column \"%s\" has no default value.", f.name)
			return r.inLine(line, err)
		case p.deflt, p.null:
			f.null()
		default:
			if err := f.set(p.text, r.format); err != nil {
				return r.inField(line, i, p.text, err)
			}
		}
	}
	if len(parts) > len(r.fields) {
		return r.inLine(line, errExtra())
	}
	return nil
}

// Failed is the error of the row after the last batch, nil where none is known.
func (r *Reader) Failed() error { return r.failed }

// Line says, as an error's context does, which line a row of the last batch came
// from.
func (r *Reader) Line(row int) string {
	if row >= len(r.lines) {
		return fmt.Sprintf("COPY %s", r.table)
	}
	return fmt.Sprintf("COPY %s, line %d", r.table, r.lines[row].line)
}

// Where is Line with the text of the row.
func (r *Reader) Where(row int) string {
	if row >= len(r.lines) || r.o.Format == "binary" {
		return r.Line(row)
	}
	l := r.lines[row]
	return fmt.Sprintf("COPY %s, line %d: \"%s\"", r.table, l.line, shown(r.buf[l.from:l.to]))
}

// inLine adds the line that an error is in.
func (r *Reader) inLine(l span, err error) error {
	return where(err, fmt.Sprintf("COPY %s, line %d: \"%s\"", r.table, l.line, shown(r.buf[l.from:l.to])))
}

// inField adds the line, column and value that an error is in.
func (r *Reader) inField(l span, i int, value []byte, err error) error {
	return where(err, fmt.Sprintf("COPY %s, line %d, column %s: \"%s\"", r.table, l.line, r.fields[i].name, shown(value)))
}

func where(err error, text string) error {
	var e *sqlerr.Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Where = text
	return &c
}

// maxShown is how many bytes of a value a context shows.
const maxShown = 100

func shown(b []byte) string {
	if len(b) <= maxShown {
		return strings.ToValidUTF8(string(b), "?")
	}
	return strings.ToValidUTF8(string(b[:maxShown]), "") + "..."
}

// here says which line is being read.
func (r *Reader) here() string {
	line := r.line
	if r.o.Format != "binary" {
		line++ // lines are counted when they have ended
	}
	return fmt.Sprintf("COPY %s, line %d", r.table, line)
}

// more reads another chunk; false: there is none.
func (r *Reader) more(ctx context.Context) (bool, error) {
	if r.eof {
		return false, nil
	}
	if len(r.buf)-r.begun > r.o.MaxRow {
		err := sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a row of COPY data has more than %d bytes", r.o.MaxRow).
			WithHint("Check the ends of lines and the quotes of the data. A row has to fit into the memory of a statement (sql.query_memory_limit_mb), and into a gigabyte.")
		return false, where(err, r.here())
	}
	b, err := r.chunk(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		if r.o.Format == "binary" {
			return false, err
		}
		return false, where(err, r.here())
	}
	r.eof = err != nil
	if r.o.Encoding != nil && r.o.Format != "binary" {
		return r.decode(b)
	}
	r.buf = append(r.buf, b...)
	return !r.eof, nil
}

// decode reads a chunk of another encoding. What is wrong in it is told when all that
// stands before it has been read.
func (r *Reader) decode(b []byte) (bool, error) {
	if r.garbled != nil {
		return false, where(r.garbled, r.here())
	}
	r.foreign = append(r.foreign, b...)
	var n int
	r.buf, n, r.garbled = r.o.Encoding.Decode(r.buf, r.foreign, r.eof)
	r.foreign = append(r.foreign[:0], r.foreign[n:]...)
	r.eof = r.eof && r.garbled == nil
	return !r.eof, nil
}
