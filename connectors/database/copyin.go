package database

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// copyIn writes rows as a COPY FROM STDIN takes them: in binary form where every column
// there has the type that it has here, else as text, which the server reads as what its
// columns are.
type copyIn struct {
	statement string
	binary    bool
	append1   []func(dst []byte, v vec.Vec, row int) []byte
	buf       []byte
}

// newCopyIn makes the statement for the columns found there.
func newCopyIn(w *pgWriter) *copyIn {
	s := w.sink
	c := &copyIn{binary: true}
	var names []string
	for i, col := range s.config.rel.Columns {
		names = append(names, quoteIdent(col.Name))
		if a := w.columns[i]; a.elem != col.Type.OID || w.found[i].typ.OID != col.Type.OID {
			c.binary = false
		}
	}
	how := ""
	if c.binary {
		how = " (FORMAT binary)"
	}
	for i, col := range s.config.rel.Columns {
		one := w.columns[i].append1
		if !c.binary {
			one = escaped(vec.TextAppender(col.Type, s.format))
		}
		c.append1 = append(c.append1, one)
	}
	c.statement = fmt.Sprintf("COPY %s (%s) FROM STDIN%s", s.config.sql(s.config.table), strings.Join(names, ", "), how)
	return c
}

// escaped appends a value's text as a column of COPY's text form.
func escaped(text func(dst []byte, v vec.Vec, row int) []byte) func(dst []byte, v vec.Vec, row int) []byte {
	var buf []byte
	return func(dst []byte, v vec.Vec, row int) []byte {
		buf = text(buf[:0], v, row)
		for _, b := range buf {
			switch b {
			case '\\':
				dst = append(dst, '\\', '\\')
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, b)
			}
		}
		return dst
	}
}

// encode writes the rows of a batch. What it returns is good until the next call.
func (c *copyIn) encode(b *vec.Batch, rows []int32) []byte {
	dst := c.buf[:0]
	if c.binary {
		dst = append(append(dst, copySignature...), 0, 0, 0, 0, 0, 0, 0, 0)
	}
	for _, row := range rows {
		if c.binary {
			dst = binary.BigEndian.AppendUint16(dst, uint16(len(c.append1)))
		}
		for i, one := range c.append1 {
			v := b.Cols[i]
			switch {
			case c.binary && null(v, int(row)):
				dst = binary.BigEndian.AppendUint32(dst, 0xffffffff)
			case c.binary:
				at := len(dst)
				dst = append(dst, 0, 0, 0, 0)
				dst = one(dst, v, int(row))
				binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
			default:
				if i > 0 {
					dst = append(dst, '\t')
				}
				if null(v, int(row)) {
					dst = append(dst, '\\', 'N')
				} else {
					dst = one(dst, v, int(row))
				}
			}
		}
		if !c.binary {
			dst = append(dst, '\n')
		}
	}
	if c.binary {
		dst = binary.BigEndian.AppendUint16(dst, 0xffff)
	}
	c.buf = dst
	return dst
}

// copyIn runs a COPY in the transaction. Where the rows are at fault nothing of them
// remains, and the transaction goes on.
func (t *transaction) copyIn(ctx context.Context, statement string, rows []byte) error {
	return t.on(func(on session) error {
		if err := t.begun(ctx, on); err != nil {
			return err
		}
		conn := postgresOf(on)
		if _, err := conn.Exec(ctx, "SAVEPOINT ferris").ReadAll(); err != nil {
			return err
		}
		_, err := conn.CopyFrom(ctx, bytes.NewReader(rows), statement)
		if err != nil && !ofRows(err) {
			return err
		}
		last := "RELEASE SAVEPOINT ferris"
		if err != nil {
			last = "ROLLBACK TO SAVEPOINT ferris; " + last
		}
		if _, end := conn.Exec(ctx, last).ReadAll(); end != nil {
			return end
		}
		return err
	})
}
