package gateway

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog/charset"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// copyStatement is COPY (query) TO STDOUT up to where its rows begin.
func (x *session) copyStatement(ctx context.Context, s *plan.Copy, params []types.Value) (*outcome, error) {
	x.notices(s.Query.Notices)
	o, err := x.runStatement(ctx, s.Query, params, nil)
	if err != nil {
		return nil, err
	}
	return &outcome{fields: s.Query.Fields, rows: o.rows, word: "COPY", copy: s}, nil
}

// copyOut sends all rows of o as COPY data.
func (x *session) copyOut(ctx context.Context, o *outcome) (int64, error) {
	c := newCopyEncoder(o.copy, o.fields, x.format(), x.copyEncoding(o.copy.Format, o.copy.Encoding))
	response := pgproto3.CopyOutResponse{ColumnFormatCodes: make([]uint16, len(o.fields))}
	if c.binary {
		response.OverallFormat = 1
		for i := range response.ColumnFormatCodes {
			response.ColumnFormatCodes[i] = 1
		}
	}
	x.w.encode(&response)
	if o.copy.Header && !c.binary {
		at := x.w.begin('d')
		from := len(x.w.buf)
		x.w.buf = c.appendHeader(x.w.buf, o.fields)
		if err := c.encodeFrom(x.w, from); err != nil {
			return 0, err
		}
		x.w.end(at)
	}
	n, _, err := x.sendRows(ctx, o.rows, 0, c.write)
	if err != nil {
		return n, err
	}
	if c.binary {
		at := x.w.begin('d')
		x.w.buf = append(c.preamble(x.w.buf), 0xff, 0xff)
		x.w.end(at)
	}
	x.w.message('c')
	return n, nil
}

// copyEncoder appends rows as CopyData messages in one of COPY's formats.
type copyEncoder struct {
	rows   *rowEncoder
	binary bool
	csv    bool

	started       bool // binary: the file header was written
	delimiter     byte
	quote, escape byte
	null          string
	force         []bool
	special       [256]bool // bytes that text escapes, or that make CSV quote
	scratch       []byte
	encoding      *charset.Charset // of text and CSV; nil: UTF8
	encoded       []byte
}

func newCopyEncoder(c *plan.Copy, fields []plan.Field, f *types.Format, encoding *charset.Charset) *copyEncoder {
	e := &copyEncoder{binary: c.Format == "binary", csv: c.Format == "csv", null: c.Null, force: make([]bool, len(fields))}
	if e.binary {
		e.rows = newRowEncoder(fields, []int16{1}, f, encoding)
		return e
	}
	e.rows = newRowEncoder(fields, nil, f, nil)
	e.encoding = encoding
	e.delimiter = firstByte(c.Delimiter, '\t')
	if e.csv {
		e.delimiter = firstByte(c.Delimiter, ',')
		e.quote = firstByte(c.Quote, '"')
		e.escape = firstByte(c.Escape, e.quote)
		for _, b := range []byte{e.delimiter, e.quote, '\n', '\r'} {
			e.special[b] = true
		}
	} else {
		for _, b := range []byte{e.delimiter, '\\', '\b', '\f', '\n', '\r', '\t', '\v'} {
			e.special[b] = true
		}
	}
	for i := range e.force {
		e.force[i] = c.ForceQuoteAll
	}
	for _, i := range c.ForceQuote {
		e.force[i] = true
	}
	return e
}

func firstByte(s string, otherwise byte) byte {
	if s == "" {
		return otherwise
	}
	return s[0]
}

// write writes the rows of a batch as CopyData, one a row.
func (e *copyEncoder) write(w *writer, b *vec.Batch) error {
	e.rows.load(b)
	for i := range b.Len() {
		r := rowOf(b, i)
		at := w.begin('d')
		if e.binary {
			w.buf = e.rows.appendTuple(e.preamble(w.buf), b, r)
			if e.rows.err != nil {
				w.dropUnfinished()
				return e.rows.take()
			}
		} else {
			from := len(w.buf)
			w.buf = e.appendLine(w.buf, b, r)
			if err := e.encodeFrom(w, from); err != nil {
				return err
			}
		}
		w.end(at)
		if err := w.put(w.buf); err != nil {
			return err
		}
	}
	return nil
}

// encodeFrom puts a message's bytes from a place on into the copy's encoding. Where that
// does not have a character, the message is none.
func (e *copyEncoder) encodeFrom(w *writer, from int) error {
	if e.encoding == nil {
		return nil
	}
	var err error
	if e.encoded, err = e.encoding.Encode(e.encoded[:0], w.buf[from:]); err != nil {
		w.dropUnfinished()
		return err
	}
	w.buf = append(w.buf[:from], e.encoded...)
	return nil
}

// preamble is the header of a binary copy, which goes into its first message.
func (e *copyEncoder) preamble(dst []byte) []byte {
	if e.started {
		return dst
	}
	e.started = true
	return append(dst, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
}

func (e *copyEncoder) appendLine(dst []byte, b *vec.Batch, r int) []byte {
	for i, add := range e.rows.appenders {
		if i > 0 {
			dst = append(dst, e.delimiter)
		}
		if n := e.rows.nulls[i]; n != nil && n.Get(r) {
			dst = append(dst, e.null...)
			continue
		}
		at := len(dst)
		dst = e.escapeFrom(add(dst, b.Cols[i], r), at, e.force[i], len(e.rows.appenders) == 1)
	}
	return append(dst, '\n')
}

// appendHeader is the line of column names.
func (e *copyEncoder) appendHeader(dst []byte, fields []plan.Field) []byte {
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, e.delimiter)
		}
		at := len(dst)
		dst = e.escapeFrom(append(dst, f.Name...), at, false, len(fields) == 1)
	}
	return append(dst, '\n')
}

// escapeFrom rewrites the value that dst holds from at on.
func (e *copyEncoder) escapeFrom(dst []byte, at int, force, alone bool) []byte {
	value := dst[at:]
	plain := true
	for _, c := range value {
		if e.special[c] {
			plain = false
			break
		}
	}
	if e.csv {
		if plain && !force && string(value) != e.null && !(alone && string(value) == `\.`) {
			return dst
		}
		return e.quoteCSV(dst, at)
	}
	if plain {
		return dst
	}
	e.scratch = append(e.scratch[:0], value...)
	dst = dst[:at]
	for _, c := range e.scratch {
		if !e.special[c] {
			dst = append(dst, c)
			continue
		}
		if i := strings.IndexByte("\b\f\n\r\t\v", c); i >= 0 {
			c = "bfnrtv"[i]
		}
		dst = append(dst, '\\', c)
	}
	return dst
}

func (e *copyEncoder) quoteCSV(dst []byte, at int) []byte {
	e.scratch = append(e.scratch[:0], dst[at:]...)
	dst = append(dst[:at], e.quote)
	for _, c := range e.scratch {
		if c == e.quote || c == e.escape {
			dst = append(dst, e.escape)
		}
		dst = append(dst, c)
	}
	return append(dst, e.quote)
}
