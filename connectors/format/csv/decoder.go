// Package csv turns CSV records (RFC 4180) into columns and back: fields parted
// by a delimiter, quoted where they hold one, a quote inside a quoted field
// doubled. It knows nothing of where records come from.
package csv

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Options of a Decoder. As in PostgreSQL's COPY, an unquoted field equal to Null
// is NULL, and a quoted one is not.
type Options struct {
	Delimiter byte // default ,
	Quote     byte // default "
	Null      string
	// NullBad: a field that does not convert is NULL and no error.
	NullBad bool
	// Labels are what the values of enum types are called; nil: their numbers
	// stand for them.
	Labels func(types.OID) *types.Enum
}

// Decoder decodes records into the columns it was made for. It belongs to one
// goroutine.
type Decoder struct {
	o      Options
	fields []field
	at     []*field // by position in the record, nil where nobody reads it
	width  int      // how many fields a record has
	row    int
	buf    []byte
	format *types.Format

	// Of Lines:
	ends       marks
	coefs      []int64 // of one column, before they are appended
	ahead      int     // how many records it looks at in one go
	calendar   calendar
	nullDigits bool // the text that says NULL has digits
}

// NewDecoder compiles a decoder for the columns read, an index into all each.
// all are the columns as the record has them, in order, until Header says
// otherwise.
func NewDecoder(all []catalog.Column, read []int, o Options) *Decoder {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	if o.Quote == 0 {
		o.Quote = '"'
	}
	d := &Decoder{o: o, fields: make([]field, len(read)), width: len(all), format: types.DefaultFormat(), nullDigits: strings.ContainsAny(o.Null, "0123456789")}
	d.format.Enum = o.Labels
	d.at = make([]*field, len(all))
	for i, c := range read {
		d.fields[i] = newField(all[c])
		d.at[c] = &d.fields[i]
	}
	return d
}

// Header takes the columns' order from a header record: names match exactly,
// else without regard to case. A column of the decoder that the header lacks is
// an error; a name that nobody reads is passed over.
func (d *Decoder) Header(record []byte) error {
	names, err := d.split(record)
	if err != nil {
		return err
	}
	at := make([]*field, len(names))
	for i := range d.fields {
		f := &d.fields[i]
		k := index(names, func(s string) bool { return s == f.name })
		if k < 0 {
			k = index(names, func(s string) bool { return strings.EqualFold(s, f.name) })
		}
		if k < 0 {
			return &sqlerr.Error{
				Code: sqlerr.UndefinedColumn, Column: f.name,
				Message: fmt.Sprintf("the header has no column %q", f.name),
				Hint:    fmt.Sprintf("The header names %s. Declare the columns as it does, or set has_headers = 'false' where the first record is data.", shown(names)),
			}
		}
		at[k] = f
	}
	d.at, d.width, d.ends = at, len(names), marks{}
	return nil
}

// NoHeader says why a record that could have been a header was taken for data.
func (d *Decoder) NoHeader(record []byte, all []catalog.Column) string {
	names, err := d.split(record)
	if err != nil {
		return ""
	}
	for _, c := range all {
		if index(names, func(s string) bool { return strings.EqualFold(s, c.Name) }) < 0 {
			return fmt.Sprintf("The first record was not taken for a header, as it does not name column %q: it has %s. If it is one, declare the columns as it names them.", c.Name, shown(names))
		}
	}
	return ""
}

// shown are the first of some fields, as a message has them.
func shown(fields []string) string {
	const most = 300
	s := strings.ToValidUTF8(strings.Join(fields, ", "), "\uFFFD")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " ..."
	}
	return s
}

// IsHeader reports whether the record names every one of the columns.
func (d *Decoder) IsHeader(record []byte, all []catalog.Column) bool {
	names, err := d.split(record)
	if err != nil {
		return false
	}
	for _, c := range all {
		if index(names, func(s string) bool { return strings.EqualFold(s, c.Name) }) < 0 {
			return false
		}
	}
	return true
}

// OtherHeader shows the fields of a record that names every one of the columns, but in
// another order, or with others beside them; else it is empty. Rows with the columns in
// their order do not belong behind such a header.
func (d *Decoder) OtherHeader(record []byte, all []catalog.Column) string {
	names, err := d.split(record)
	if err != nil || !d.IsHeader(record, all) {
		return ""
	}
	for i, n := range names {
		if i >= len(all) || !strings.EqualFold(strings.TrimSpace(n), all[i].Name) {
			return shown(names)
		}
	}
	return ""
}

func index(names []string, is func(string) bool) int {
	for i, n := range names {
		if is(strings.TrimSpace(n)) {
			return i
		}
	}
	return -1
}

// split returns the fields of a record as text.
func (d *Decoder) split(record []byte) ([]string, error) {
	var names []string
	err := d.each(trim(record), func(_ int, s []byte, _ bool) error {
		names = append(names, string(s))
		return nil
	})
	return names, err
}

// Bind says where the rows go: one column for each that is read, all of one
// length.
func (d *Decoder) Bind(cols []vec.Vec) {
	d.row = 0
	for i := range d.fields {
		d.row = cols[i].Len()
		d.fields[i].bind(cols[i])
	}
}

// trim takes the line end off a record.
func trim(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}

// Decode appends the record, its line end included or not, as one row. On an
// error the columns are as they were; the error is a *sqlerr.Error with the
// field at fault as its Column.
func (d *Decoder) Decode(record []byte) error {
	record = trim(record)
	err := encoded(record)
	if err == nil {
		err = d.decode(record)
	}
	if err == nil {
		d.row++
		return nil
	}
	d.undo()
	if !d.o.NullBad {
		return err
	}
	d.Null()
	return nil
}

// Null appends a row of NULLs.
func (d *Decoder) Null() {
	for i := range d.fields {
		d.fields[i].null()
	}
	d.row++
}

func (d *Decoder) undo() {
	for i := range d.fields {
		vec.Truncate(d.fields[i].col, d.row)
	}
}

func (d *Decoder) decode(b []byte) error {
	if bytes.IndexByte(b, d.o.Quote) >= 0 {
		return d.quoted(b)
	}
	n := 0
	for {
		end := bytes.IndexByte(b, d.o.Delimiter)
		s := b
		if end >= 0 {
			s = b[:end]
		}
		if n >= d.width {
			return d.wrongWidth(n+1, b)
		}
		if f := d.at[n]; f != nil {
			if err := d.set(f, s, false); err != nil {
				return err
			}
		}
		n++
		if end < 0 {
			break
		}
		b = b[end+1:]
	}
	if n != d.width {
		return d.wrongWidth(n, nil)
	}
	return nil
}

func (d *Decoder) wrongWidth(n int, rest []byte) error {
	n += bytes.Count(rest, []byte{d.o.Delimiter})
	if n < d.width {
		return sqlerr.Errorf(sqlerr.BadCopyFileFormat, "missing data: the record has %d fields, not %d", n, d.width)
	}
	return sqlerr.Errorf(sqlerr.BadCopyFileFormat, "extra data after the last expected column: the record has %d fields, not %d", n, d.width)
}

// quoted decodes a record that has quotes.
func (d *Decoder) quoted(b []byte) error {
	n := 0
	err := d.each(b, func(i int, s []byte, quoted bool) error {
		n = i + 1
		if i >= d.width || d.at[i] == nil {
			return nil
		}
		return d.set(d.at[i], s, quoted)
	})
	if err == nil && n != d.width {
		err = d.wrongWidth(n, nil)
	}
	return err
}

// each calls visit with every field of the record, unquoted; the bytes are good
// until it returns.
func (d *Decoder) each(b []byte, visit func(i int, s []byte, quoted bool) error) error {
	for i := 0; ; i++ {
		if len(b) == 0 || b[0] != d.o.Quote {
			end := bytes.IndexByte(b, d.o.Delimiter)
			s := b
			if end >= 0 {
				s = b[:end]
			}
			if bytes.IndexByte(s, d.o.Quote) >= 0 {
				return sqlerr.Errorf(sqlerr.BadCopyFileFormat, "a quote inside an unquoted field: %s", excerpt(s))
			}
			if err := visit(i, s, false); err != nil {
				return err
			}
			if end < 0 {
				return nil
			}
			b = b[end+1:]
			continue
		}
		d.buf = d.buf[:0]
		b = b[1:]
		for {
			end := bytes.IndexByte(b, d.o.Quote)
			if end < 0 {
				return sqlerr.Errorf(sqlerr.BadCopyFileFormat, "unterminated CSV quoted field: %s", excerpt(b))
			}
			d.buf = append(d.buf, b[:end]...)
			b = b[end+1:]
			if len(b) == 0 || b[0] != d.o.Quote {
				break
			}
			d.buf = append(d.buf, d.o.Quote)
			b = b[1:]
		}
		if err := visit(i, d.buf, true); err != nil {
			return err
		}
		if len(b) == 0 {
			return nil
		}
		if b[0] != d.o.Delimiter {
			return sqlerr.Errorf(sqlerr.BadCopyFileFormat, "data after a quoted field: %s", excerpt(b))
		}
		b = b[1:]
	}
}

// set writes one field.
func (d *Decoder) set(f *field, s []byte, quoted bool) error {
	if !quoted && string(s) == d.o.Null {
		f.null()
		return nil
	}
	err := f.set(s, d.format)
	if err == nil {
		return nil
	}
	vec.Truncate(f.col, d.row)
	if d.o.NullBad {
		f.null()
		return nil
	}
	c := sqlerr.From(err)
	e := &sqlerr.Error{Code: c.Code, Column: f.name, DataType: types.FormatType(f.typ), Message: c.Message, Detail: c.Detail}
	if e.Code == sqlerr.InternalError {
		e.Code = sqlerr.InvalidTextRepresentation
	}
	if len(e.Message) > 256 {
		e.Message = e.Message[:256] + "..."
	}
	return e
}

func excerpt(b []byte) string {
	return fmt.Sprintf("%q", strings.ToValidUTF8(string(b[:min(len(b), 64)]), "\uFFFD"))
}

// encoded is an error for bytes that no text may hold: those that are not UTF-8,
// and NUL.
func encoded(b []byte) error {
	plain := true
	for _, c := range b {
		if c-1 >= utf8.RuneSelf-1 {
			plain = false
			break
		}
	}
	if plain {
		return nil
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return sqlerr.Errorf(sqlerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x00")
	}
	if !utf8.Valid(b) {
		return sqlerr.Errorf(sqlerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\"")
	}
	return nil
}

// End finds the end of the first record of b: the index after its line break,
// -1 where b does not hold all of it. quote is the quote character. from is
// where the search of an earlier, shorter b stopped, with the state it returned;
// 0 and a zero state at first.
func End(b []byte, quote byte, from int, inside bool) (end, stop int, in bool) {
	i := from
	for i < len(b) {
		if inside {
			k := bytes.IndexByte(b[i:], quote)
			if k < 0 {
				return -1, len(b), true
			}
			i += k + 1
			inside = false
			continue
		}
		nl := bytes.IndexByte(b[i:], '\n')
		line := b[i:]
		if nl >= 0 {
			line = b[i : i+nl]
		}
		if k := bytes.IndexByte(line, quote); k >= 0 {
			i += k + 1
			inside = true
			continue
		}
		if nl >= 0 {
			return i + nl + 1, 0, false
		}
		return -1, len(b), false
	}
	return -1, len(b), inside
}
