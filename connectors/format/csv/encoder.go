package csv

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// EncodeOptions of an Encoder.
type EncodeOptions struct {
	Delimiter byte // default ,
	Quote     byte // default "
	Null      string
	// Op writes + or - as the first field: an insert or a delete.
	Op bool
	// Labels are what the values of enum types are called; nil: their numbers
	// stand for them.
	Labels func(types.OID) *types.Enum
}

// Encoder writes rows as CSV records, values in PostgreSQL's text form (ISO
// dates, UTC), NULL as Options.Null, as COPY does. It belongs to one goroutine.
type Encoder struct {
	o     EncodeOptions
	names []string
	text  []func([]byte, vec.Vec, int) []byte
}

// NewEncoder compiles an encoder for the columns.
func NewEncoder(columns []catalog.Column, o EncodeOptions) *Encoder {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	if o.Quote == 0 {
		o.Quote = '"'
	}
	e := &Encoder{o: o}
	format := types.DefaultFormat()
	format.Enum = o.Labels
	for _, c := range columns {
		e.names = append(e.names, c.Name)
		e.text = append(e.text, vec.TextAppender(c.Type, format))
	}
	return e
}

// Header appends the header record, without its line end.
func (e *Encoder) Header(dst []byte) []byte {
	if e.o.Op {
		dst = append(dst, "_op"...)
		if len(e.names) > 0 {
			dst = append(dst, e.o.Delimiter)
		}
	}
	for i, n := range e.names {
		if i > 0 {
			dst = append(dst, e.o.Delimiter)
		}
		at := len(dst)
		dst = e.quote(append(dst, n...), at, len(e.names) == 1)
	}
	return dst
}

// Append appends physical row i of the batch, without its line end.
func (e *Encoder) Append(dst []byte, b *vec.Batch, row int) []byte {
	if e.o.Op {
		op := byte('+')
		if b.Op(row) == vec.Delete {
			op = '-'
		}
		dst = append(dst, op)
		if len(e.text) > 0 {
			dst = append(dst, e.o.Delimiter)
		}
	}
	for i, text := range e.text {
		if i > 0 {
			dst = append(dst, e.o.Delimiter)
		}
		v, r := b.Cols[i], row
		if c, ok := v.(*vec.Const); ok {
			v, r = c.Of, 0
		}
		if n := v.Nulls(); n.Any() && n.Get(r) {
			dst = append(dst, e.o.Null...)
			continue
		}
		at := len(dst)
		dst = e.quote(text(dst, v, r), at, len(e.text) == 1)
	}
	return dst
}

// quote puts the field from dst[at:] into quotes where it needs them: it holds a
// delimiter, quote or line break, or would be read as NULL; alone also where it
// is \. , which ends COPY's input.
func (e *Encoder) quote(dst []byte, at int, alone bool) []byte {
	s := dst[at:]
	need := string(s) == e.o.Null || alone && string(s) == `\.`
	quotes := 0
	for _, c := range s {
		switch c {
		case e.o.Quote:
			quotes++
			need = true
		case e.o.Delimiter, '\n', '\r':
			need = true
		}
	}
	if !need {
		return dst
	}
	n := len(s)
	for range quotes + 2 {
		dst = append(dst, e.o.Quote)
	}
	s = dst[at:]
	for i, k := n-1, len(s)-2; i >= 0; i-- {
		c := s[i]
		s[k] = c
		k--
		if c == e.o.Quote {
			s[k] = c
			k--
		}
	}
	s[0] = e.o.Quote
	return dst
}
