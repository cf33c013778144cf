package gateway

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/charset"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// rowEncoder appends rows of given columns in given formats. The appender of
// each column is chosen once; a row costs no allocation.
type rowEncoder struct {
	appenders []appender
	nulls     []*vec.Bitmap // of the batch at hand; nil where it has no NULL
	scratch   []byte        // a value that is not in the client's encoding yet
	err       error         // of a value that is not to be had in it
}

// appender appends the form of a row's value.
type appender = func(dst []byte, v vec.Vec, row int) []byte

// newRowEncoder returns an encoder whose texts are in a client's encoding; nil: UTF8.
func newRowEncoder(fields []plan.Field, formats []int16, f *types.Format, c *charset.Charset) *rowEncoder {
	e := &rowEncoder{
		appenders: make([]appender, len(fields)),
		nulls:     make([]*vec.Bitmap, len(fields)),
	}
	for i, field := range fields {
		format := formatOf(formats, i)
		if format == 1 {
			e.appenders[i] = vec.BinaryAppender(field.Type, f)
		} else {
			e.appenders[i] = vec.TextAppender(field.Type, f)
		}
		if c != nil {
			e.appenders[i] = e.encoded(c, field.Type, format, e.appenders[i])
		}
	}
	return e
}

// encoderCache keeps the encoder of a prepared statement's rows, which mostly
// are asked for in the same formats again.
type encoderCache struct {
	enc     *rowEncoder
	fields  []plan.Field
	formats []int16
	format  *types.Format // with the client's encoding: both come of one change of settings

	// The RowDescription of the portal that was described last.
	description []byte
	described   []plan.Field
	asked       []int16
	charset     *charset.Charset
}

// describe sends the RowDescription of rows in those formats; a nil cache keeps
// none.
func (c *encoderCache) describe(w *writer, fields []plan.Field, formats []int16) error {
	if c == nil {
		return w.rowDescription(fields, formats)
	}
	if c.description == nil || c.charset != w.charset() || !slices.Equal(c.asked, formats) || !slices.Equal(c.described, fields) {
		d := writer{open: -1, buf: []byte{}, settings: w.settings}
		if err := d.rowDescription(fields, formats); err != nil {
			return err
		}
		c.description, c.described, c.asked, c.charset = d.buf, fields, formats, w.charset()
	}
	w.buf = append(w.take(), c.description...)
	return nil
}

// get returns an encoder; a nil cache keeps none.
func (c *encoderCache) get(x *session, fields []plan.Field, formats []int16) *rowEncoder {
	f := x.format()
	if c == nil {
		return newRowEncoder(fields, formats, f, x.charset())
	}
	if c.enc == nil || c.format != f || !slices.Equal(c.formats, formats) || !slices.Equal(c.fields, fields) {
		c.enc, c.fields, c.formats, c.format = newRowEncoder(fields, formats, f, x.charset()), fields, formats, f
	}
	return c.enc
}

// load prepares for the rows of b.
func (e *rowEncoder) load(b *vec.Batch) {
	for i := range e.appenders {
		e.nulls[i] = nil
		if n := b.Cols[i].Nulls(); n.Any() {
			e.nulls[i] = n
		}
	}
}

// appendRow appends physical row r of the loaded batch as a DataRow.
func (e *rowEncoder) appendRow(dst []byte, b *vec.Batch, r int) []byte {
	start := len(dst)
	dst = append(dst, 'D', 0, 0, 0, 0)
	dst = e.appendTuple(dst, b, r)
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-1))
	return dst
}

// appendTuple appends the column count and every value behind its length.
func (e *rowEncoder) appendTuple(dst []byte, b *vec.Batch, r int) []byte {
	dst = appendInt16(dst, len(e.appenders))
	for i, add := range e.appenders {
		at := len(dst)
		if e.nulls[i] != nil && e.nulls[i].Get(r) {
			dst = append(dst, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		dst = append(dst, 0, 0, 0, 0)
		dst = add(dst, b.Cols[i], r)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst
}

// lateFlush is how long rows of a bounded query wait for more before they are
// sent all the same.
const lateFlush = 3 * time.Millisecond

// sendRows sends up to limit rows (0: all) and returns how many it sent and
// whether the rows ended. A live query's rows are sent batch by batch.
func (x *session) sendRows(ctx context.Context, rows *cursorRows, limit int64, write func(w *writer, b *vec.Batch) error) (n int64, ended bool, err error) {
	defer func() { x.server.counters.Rows.Add(n) }()
	if limit == 0 && rows.endless && x.settings.current.live.any() {
		return x.sendSome(ctx, rows, write)
	}
	var late <-chan time.Time
	for limit == 0 || n < limit {
		if rows.live {
			if err := x.w.flush(); err != nil {
				return n, false, err
			}
		} else if !rows.instant {
			x.w.idle(lateFlush)
		}
		want := int64(vec.MaxRows)
		if limit > 0 {
			want = limit - n
			if late == nil && n > 0 && rows.live && x.settings.current.fetchTimeout > 0 {
				t := time.NewTimer(x.settings.current.fetchTimeout)
				defer t.Stop()
				late = t.C
			}
		}
		b, err := rows.next(ctx, want, late)
		if !rows.instant {
			x.w.busy()
		}
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil || b == nil {
			return n, false, err
		}
		if err := write(x.w, b); err != nil {
			return n, false, err
		}
		n += int64(b.Len())
	}
	return n, false, nil
}

// rowOf is the physical row of the i-th live one.
func rowOf(b *vec.Batch, i int) int {
	if b.Sel != nil {
		return int(b.Sel[i])
	}
	return i
}

// write writes the rows of a batch as DataRows.
func (e *rowEncoder) write(w *writer, b *vec.Batch) error {
	e.load(b)
	for i := range b.Len() {
		whole := len(w.take())
		row := e.appendRow(w.buf, b, rowOf(b, i))
		if e.err != nil {
			w.buf = row[:whole]
			return e.take()
		}
		if err := w.put(row); err != nil {
			return err
		}
	}
	return nil
}

// take returns why the last row is none.
func (e *rowEncoder) take() error {
	err := e.err
	e.err = nil
	return err
}

// lines is a Cursor over text columns that the session itself makes: SHOW,
// EXPLAIN. It is materialised, being small.
type lines struct {
	rows  [][]string
	width int
	batch *vec.Batch
}

func (l *lines) Next(context.Context) (*vec.Batch, error) {
	if len(l.rows) == 0 {
		return nil, io.EOF
	}
	if l.batch == nil {
		ts := make([]types.Type, l.width)
		for i := range ts {
			ts[i] = types.Of(types.Text)
		}
		l.batch = vec.NewBatch(ts)
	}
	l.batch.Reset()
	n := min(len(l.rows), vec.MaxRows)
	for _, row := range l.rows[:n] {
		for i, s := range row {
			l.batch.Cols[i].(*vec.Bytes).AppendString(s)
		}
	}
	l.batch.Rows = n
	l.rows = l.rows[n:]
	return l.batch, nil
}

func (l *lines) Close() error { return nil }

func textFields(names ...string) []plan.Field {
	fields := make([]plan.Field, len(names))
	for i, n := range names {
		fields[i] = plan.Field{Name: n, Type: types.Of(types.Text)}
	}
	return fields
}
