package gateway

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/charset"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A session's texts are UTF-8 within the server. What a client of another
// client_encoding sends is decoded where its messages are read, and what it gets is
// encoded where they are written; nil stands for UTF8, and for SQL_ASCII, of whose
// texts nothing is changed either.

// checkEncoding takes PostgreSQL's encodings in every spelling that it takes for them;
// drivers also send them in single quotes.
func checkEncoding(v string) (string, error) {
	c := charset.Find(v)
	switch {
	case c == nil:
		return "", errBadValue
	case !c.Converts():
		return "", sqlerr.Unsupported("Set client_encoding to UTF8 and convert in the client.", "client encoding %q is not supported", v)
	}
	return c.Name, nil
}

// encodingOf is the encoding of a name in settings and plans; nil: UTF8.
func encodingOf(name string) *charset.Charset {
	if name == "UTF8" {
		return nil // most sessions' is not looked up
	}
	if c := charset.Find(name); !c.Plain() {
		return c
	}
	return nil
}

// copyEncoding is the encoding of COPY's text: the client's where it names none, and of
// texts in binary forms, of which ENCODING says nothing.
func (x *session) copyEncoding(format, name string) *charset.Charset {
	if name == "" || format == "binary" {
		return x.charset()
	}
	return encodingOf(name)
}

// charset is the client's encoding, nil for UTF8.
func (x *session) charset() *charset.Charset { return x.settings.current.charset }

// decoder reads a message's body as the client wrote it.
func (x *session) decoder(body []byte) decoder { return decoder{b: body, charset: x.charset()} }

// decodeAll is a client's whole text in UTF-8.
func decodeAll(c *charset.Charset, text []byte) ([]byte, error) {
	return c.DecodeAll(make([]byte, 0, len(text)+len(text)/2), text)
}

// decodeParam is a parameter's form with its texts in UTF-8.
func decodeParam(c *charset.Charset, t types.Type, raw []byte, format int16) ([]byte, error) {
	if format == 0 {
		return decodeAll(c, raw)
	}
	return types.AppendConverted(nil, t.OID, raw, c.DecodeAll)
}

// encoded is an appender whose texts are in the client's encoding. A character that
// it does not have is told by e.err.
func (e *rowEncoder) encoded(c *charset.Charset, t types.Type, format int16, add appender) appender {
	return func(dst []byte, v vec.Vec, row int) []byte {
		e.scratch = add(e.scratch[:0], v, row)
		var err error
		if format == 1 {
			dst, err = types.AppendConverted(dst, t.OID, e.scratch, c.Encode)
		} else {
			dst, err = c.Encode(dst, e.scratch)
		}
		if err != nil && e.err == nil {
			e.err = err
		}
		return dst
	}
}

// charset is the encoding of what is written, nil for UTF8.
func (w *writer) charset() *charset.Charset {
	if w.settings == nil {
		return nil // before there is a session
	}
	return w.settings.current.charset
}

// text is s for the client. A character that its encoding does not have is an error.
func (w *writer) text(s string) (string, error) {
	c := w.charset()
	if c == nil {
		return s, nil
	}
	b, err := c.Encode(nil, []byte(s))
	return string(b), err
}

// likeText is s for the client, with a question mark for what its encoding does not
// have: of what is told beside an answer, which must not fail for it.
func (w *writer) likeText(s string) string {
	c := w.charset()
	if c == nil {
		return s
	}
	var b []byte
	for _, r := range s {
		next, err := c.Encode(b, []byte(string(r)))
		if err != nil {
			next = append(b, '?')
		}
		b = next
	}
	return string(b)
}
