package database

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// textWriter writes a batch as one INSERT of many rows, its values as constants: of a
// database that takes no arrays.
type textWriter struct {
	sink     *sink
	found    []remote
	values   []func(dst []byte, v vec.Vec, row int) []byte
	insert   string // up to the rows
	conflict string // behind them
	remove   string // up to the keys
	most     int    // bytes of a statement, about
	buf      []byte
}

// newTextWriter makes the statements. conflict is what follows the rows of an upsert.
func newTextWriter(s *sink, found []remote, most int, conflict string) *textWriter {
	c := s.config
	d := c.server.dialect
	w := &textWriter{sink: s, found: found, most: most}
	var names []string
	for i, col := range c.rel.Columns {
		names = append(names, col.Name)
		w.values = append(w.values, constantAppender(col.Type, found[i], s.format))
	}
	w.insert = fmt.Sprintf("INSERT INTO %s (%s) VALUES ", c.sql(c.table), c.idents(names))
	if s.mode == modeUpsert {
		w.conflict = conflict
	}
	w.remove = "DELETE FROM " + c.sql(c.table) + " WHERE ("
	if len(s.key) == 1 {
		w.remove += d.ident(names[s.key[0]]) + " IN ("
	}
	return w
}

// distinct: texts are compared by a collation, and what is rounded or cut is another
// value.
func (w *textWriter) distinct(column int) bool {
	here, there := w.sink.config.rel.Columns[column].Type, w.found[column]
	if letters(here.OID) && letters(there.typ.OID) {
		return there.exact
	}
	return comparesAs(here, there.typ)
}

func (w *textWriter) apply(ctx context.Context, b *vec.Batch, put, gone []int32) error {
	t := w.sink.tx
	return t.on(func(on session) (err error) {
		rowsOnly := false
		defer func() {
			if err != nil && !rowsOnly {
				t.lose()
			}
		}()
		if err := t.begun(ctx, on); err != nil {
			return err
		}
		if _, err := on.exec(ctx, "SAVEPOINT ferris"); err != nil {
			return err
		}
		err = w.statements(ctx, on, b, put, gone)
		last := "RELEASE SAVEPOINT ferris"
		if err != nil {
			f := w.sink.config.server.dialect.fault(err)
			if f == nil || f.passes || !faultOfRows(f.code) {
				return err
			}
			last = "ROLLBACK TO SAVEPOINT ferris"
		}
		if _, end := on.exec(ctx, last); end != nil {
			return end
		}
		rowsOnly = true
		return err
	})
}

// statements removes rows and puts others, in statements that are not too long.
func (w *textWriter) statements(ctx context.Context, on session, b *vec.Batch, put, gone []int32) error {
	for len(gone) > 0 {
		w.buf = append(w.buf[:0], w.remove...)
		n := 0
		for ; n < len(gone) && (n == 0 || len(w.buf) < w.most); n++ {
			if n > 0 {
				w.buf = appendOr(w.buf, len(w.sink.key) == 1, n)
			}
			w.buf = w.appendKey(w.buf, b, int(gone[n]))
		}
		if len(w.sink.key) == 1 {
			w.buf = append(w.buf, ')')
		}
		w.buf = append(w.buf, ')')
		if _, err := on.exec(ctx, string(w.buf)); err != nil {
			return err
		}
		gone = gone[n:]
	}
	for len(put) > 0 {
		w.buf = append(w.buf[:0], w.insert...)
		n := 0
		for ; n < len(put) && (n == 0 || len(w.buf) < w.most); n++ {
			if n > 0 {
				w.buf = append(w.buf, ", "...)
			}
			w.buf = append(w.buf, '(')
			for i, one := range w.values {
				if i > 0 {
					w.buf = append(w.buf, ", "...)
				}
				w.buf = appendConstant(w.buf, one, b.Cols[i], int(put[n]))
			}
			w.buf = append(w.buf, ')')
		}
		w.buf = append(w.buf, w.conflict...)
		if _, err := on.exec(ctx, string(w.buf)); err != nil {
			return err
		}
		put = put[n:]
	}
	return nil
}

// appendKey appends a row's key to the condition of a DELETE.
func (w *textWriter) appendKey(dst []byte, b *vec.Batch, row int) []byte {
	key := w.sink.key
	if len(key) == 1 {
		return appendConstant(dst, w.values[key[0]], b.Cols[key[0]], row)
	}
	d := w.sink.config.server.dialect
	for i, k := range key {
		dst = append(dst, map[bool]string{true: "(", false: " AND "}[i == 0]...)
		dst = append(append(dst, d.ident(w.sink.config.rel.Columns[k].Name)...), " = "...)
		dst = appendConstant(dst, w.values[k], b.Cols[k], row)
	}
	return append(dst, ')')
}

// appendOr parts the n-th key from the one before it: in a list, or as a condition of
// its own. Hundreds of those stand in parentheses: how deep a condition may be is
// bounded.
func appendOr(dst []byte, list bool, n int) []byte {
	switch {
	case list:
		return append(dst, ", "...)
	case n%100 == 0:
		return append(dst, ") OR ("...)
	}
	return append(dst, " OR "...)
}

func appendConstant(dst []byte, one func(dst []byte, v vec.Vec, row int) []byte, v vec.Vec, row int) []byte {
	if null(v, row) {
		return append(dst, "NULL"...)
	}
	return one(dst, v, row)
}

// constantAppender returns what appends a value that is no NULL as a constant, for a
// column there.
func constantAppender(t types.Type, there remote, format *types.Format) func(dst []byte, v vec.Vec, row int) []byte {
	text := vec.TextAppender(t, format)
	var buf []byte
	quoted := func(dst []byte, v vec.Vec, row int) []byte {
		buf = text(buf[:0], v, row)
		return appendQuoted(dst, buf)
	}
	switch t.OID {
	case types.Int2, types.Int4, types.Int8:
		return text
	case types.Bool:
		return func(dst []byte, v vec.Vec, row int) []byte {
			buf = text(buf[:0], v, row)
			return append(dst, map[bool]byte{true: '1', false: '0'}[buf[0] == 't'])
		}
	case types.Numeric:
		if there.texts {
			return quoted
		}
		return func(dst []byte, v vec.Vec, row int) []byte {
			if buf = text(buf[:0], v, row); finite(buf) {
				return append(dst, buf...)
			}
			return appendQuoted(dst, buf)
		}
	case types.Float4, types.Float8:
		return func(dst []byte, v vec.Vec, row int) []byte {
			if buf = text(buf[:0], v, row); !finite(buf) {
				return appendQuoted(dst, buf)
			}
			dst = append(dst, buf...)
			if !slices.Contains(buf, 'e') {
				dst = append(dst, "e0"...)
			}
			return dst
		}
	case types.Bytea:
		return func(dst []byte, v vec.Vec, row int) []byte {
			buf = text(buf[:0], v, row) // \x and digits
			if len(buf) < 2 || buf[1] != 'x' {
				return append(dst, "x''"...)
			}
			return append(append(append(dst, "x'"...), buf[2:]...), '\'')
		}
	case types.Bit, types.Varbit:
		if there.sql == "bit" {
			return func(dst []byte, v vec.Vec, row int) []byte {
				return append(text(append(dst, "b'"...), v, row), '\'')
			}
		}
	case types.Timestamptz:
		if !there.texts && there.typ.OID != types.Text && there.typ.OID != types.Varchar {
			return func(dst []byte, v vec.Vec, row int) []byte { // in UTC, as the session is
				buf = text(buf[:0], v, row)
				if n := len(buf) - len("+00"); n > 0 && string(buf[n:]) == "+00" {
					buf = buf[:n]
				}
				return appendQuoted(dst, buf)
			}
		}
	}
	return quoted
}

// finite reports whether a number's text is one of digits.
func finite(text []byte) bool { return text[len(text)-1] >= '0' && text[len(text)-1] <= '9' }

func appendQuoted(dst, text []byte) []byte {
	dst = append(dst, '\'')
	for _, b := range text {
		if b == '\'' {
			dst = append(dst, '\'')
		}
		dst = append(dst, b)
	}
	return append(dst, '\'')
}

// noCopy refuses mode copy, which is of PostgreSQL.
func noCopy(s *sink) error {
	if s.mode != modeCopy {
		return nil
	}
	return sqlerr.Unsupported("Write mode = 'insert': a batch is one statement.", "mode 'copy' of sink %q is not supported in %s", s.config.rel.Name, s.config.server.product)
}

// replaced are the columns that an upsert replaces, as sets of a statement.
func (s *sink) replaced(set func(ident string) string) string {
	var sets []string
	for i, col := range s.config.rel.Columns {
		if !slices.Contains(s.key, i) {
			sets = append(sets, set(s.config.server.dialect.ident(col.Name)))
		}
	}
	return strings.Join(sets, ", ")
}
