package database

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// changeRows says how the table's rows in the log become those of the stream.
type changeRows struct {
	fields []changeField
	keys   []int // among fields, those of the stream's key
}

// changeField is one of the reader's columns.
type changeField struct {
	at    int // of the table's columns, as the log has them
	set   func(v vec.Vec, b []byte) error
	apart bool // the server may keep its values apart from the row, and leave them out of the log
}

// logValue is a column of a row in a server's log, in text form.
type logValue struct {
	kind byte // n: NULL, u: unchanged and not sent, t: text
	text []byte
}

// rowChange is one change of a row.
type rowChange struct {
	op    byte       // I, U, D
	old   []logValue // what is known of the row before: nil, its key, or all of it
	whole bool       // old is all of it
	row   []logValue // of I and U
}

// relation takes what the log says of a table: before its first change, and where it
// has been altered since. The table stays what it is under another name; one that was
// made with its name is not told from where this one ended.
func (w *slotStream) relation(rel *outRelation) error {
	s := w.source
	if rel.id != s.log.oid {
		if rel.schema == s.log.schema && rel.name == s.log.name {
			return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the changes of %s are of two tables: it was dropped or renamed, and another one made with its name", s.config.what()).
				WithHint("Drop the job and start it again: it then reads the table anew.")
		}
		w.relations[rel.id] = nil
		return nil
	}
	format := types.DefaultFormat()
	format.Enum = s.env.Labels
	rows := &changeRows{}
	for i, c := range w.reader.scan.Columns {
		col := s.rel.Columns[c]
		at := slices.IndexFunc(rel.columns, func(o outColumn) bool { return o.name == col.Name })
		if at < 0 {
			var names []string
			for _, o := range rel.columns {
				names = append(names, o.name)
			}
			e := sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q of %q has gone from the changes of %s", col.Name, s.rel.Name, s.config.what()).
				WithHint("They have %s. What was changed without the column stays so in the log: create the stream again with these columns; or bring the column back into the table and publication %q, DROP the job and create it again, which then reads the table anew.", strings.Join(names, ", "), s.log.publication)
			e.Column = col.Name
			return e
		}
		key := slices.Contains(s.rel.Key, col.Name)
		if key && !rel.columns[at].key && rel.identity != 'f' {
			return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "deletes and updates of %s do not tell column %q any more, which is of the stream's PRIMARY KEY", s.config.what(), col.Name).
				WithHint("Run ALTER TABLE %s REPLICA IDENTITY FULL there, or USING INDEX one over the key.", s.config.sql(s.config.table))
		}
		if key {
			rows.keys = append(rows.keys, i)
		}
		rows.fields = append(rows.fields, changeField{at: at, set: logSetter(col, rel.columns[at].typ, format), apart: apart(rel.columns[at].typ)})
	}
	w.relations[rel.id] = rows
	return nil
}

// apart reports whether values of a type may be out of line (TOAST): those that have no
// length of their own are not.
func apart(t types.OID) bool {
	switch t {
	case types.Bool, types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Date, types.Time, types.Timestamp, types.Timestamptz, types.Interval, types.UUID:
		return false
	}
	return true
}

// leastApart is the length in text form from which on a value may be out of line: shorter
// ones take no more than what would stand for them in the row.
const leastApart = 16

// logSetter reads a value as the log has it: as the server prints it. A COPY that casts
// to text gives some types otherwise.
func logSetter(col catalog.Column, there types.OID, format *types.Format) func(v vec.Vec, b []byte) error {
	set := setter(col.Type, true, false, format)
	switch {
	case there == types.Bool && col.Type.OID != types.Bool:
		return func(v vec.Vec, b []byte) error {
			if string(b) == "t" {
				return set(v, []byte("true"))
			}
			return set(v, []byte("false"))
		}
	case there == types.BPChar && col.Type.OID != types.BPChar:
		return func(v vec.Vec, b []byte) error { return set(v, bytes.TrimRight(b, " ")) }
	}
	return set
}

// change takes the change of a row.
func (w *changeStream) change(ctx context.Context, rows *changeRows, c rowChange) error {
	if err := w.room(ctx); err != nil {
		return err
	}
	if c.op == 'D' && c.old == nil {
		return errOutput()
	}
	for _, v := range c.row {
		w.size += len(v.text)
	}
	moved := c.op == 'U' && c.old != nil && rows.moves(c)
	there := w.batch.Rows
	if c.op == 'D' || moved {
		if err := w.gone(rows, c.old); err != nil {
			return err
		}
	}
	switch {
	case c.op == 'D':
		return nil
	case moved && w.batch.Rows == there && !c.complete():
		return nil // its key was refused, and with it the row that has the other values
	}
	return w.put(rows, c, moved)
}

// complete reports whether a change has every value of its row.
func (c *rowChange) complete() bool {
	return c.whole || !slices.ContainsFunc(c.row, func(v logValue) bool { return v.kind == 'u' })
}

// moves reports whether an update gives the row another key.
func (r *changeRows) moves(c rowChange) bool {
	for _, k := range r.keys {
		at := r.fields[k].at
		if at >= len(c.old) || at >= len(c.row) {
			return false
		}
		if c.row[at].kind == 't' && !bytes.Equal(c.old[at].text, c.row[at].text) {
			return true
		}
	}
	return false
}

// gone appends the Delete of a row by its key.
func (w *changeStream) gone(rows *changeRows, old []logValue) error {
	b := w.batch
	for i, f := range rows.fields {
		if !slices.Contains(rows.keys, i) {
			vec.AppendNull(b.Cols[i])
			continue
		}
		if f.at >= len(old) || old[f.at].kind != 't' {
			return errOutput()
		}
		if err := f.set(b.Cols[i], old[f.at].text); err != nil {
			return w.refuse(rows, old, i, err)
		}
	}
	b.Cols[len(rows.fields)].(*vec.Bytes).AppendNull()
	w.added(vec.Delete)
	return nil
}

// put appends the row that there is after the change. moved: it had another key.
func (w *changeStream) put(rows *changeRows, c rowChange, moved bool) error {
	b := w.batch
	w.kept = w.kept[:0]
	for i, f := range rows.fields {
		if f.at >= len(c.row) {
			return errOutput()
		}
		v := c.row[f.at]
		if v.kind == 'u' && c.whole && f.at < len(c.old) {
			v = c.old[f.at]
		}
		switch v.kind {
		case 'u':
			w.kept = append(w.kept, i)
			vec.AppendNull(b.Cols[i])
			continue
		case 'n':
			vec.AppendNull(b.Cols[i])
			continue
		}
		err := f.set(b.Cols[i], v.text)
		if err == nil {
			continue
		}
		vec.Truncate(b.Cols[i], b.Rows) // what was appended of it goes
		if w.reader.scan.OnReject == stream.NullBad && !slices.Contains(rows.keys, i) {
			vec.AppendNull(b.Cols[i])
			continue
		}
		if err := w.refuse(rows, c.row, i, err); err != nil || moved || c.op != 'U' || c.whole {
			return err
		}
		return w.stale(rows, c.row)
	}
	marks := b.Cols[len(rows.fields)].(*vec.Bytes)
	if len(w.kept) == 0 {
		marks.AppendNull()
	} else {
		w.mark = stream.AppendKept(w.mark[:0], moved, w.kept)
		marks.Append(w.mark)
	}
	w.added(vec.Insert)
	return nil
}

// appendMark appends a mark about all rows.
func (w *changeStream) appendMark(mark []byte) {
	last := len(w.batch.Cols) - 1
	for _, c := range w.batch.Cols[:last] {
		vec.AppendNull(c)
	}
	w.batch.Cols[last].(*vec.Bytes).Append(mark)
	w.added(vec.Insert)
}

// added ends a row.
func (w *changeStream) added(op vec.Op) {
	b := w.batch
	if op == vec.Delete && b.Ops == nil {
		b.Ops = make([]vec.Op, b.Rows, vec.MaxRows)
	}
	if b.Ops != nil {
		b.Ops = append(b.Ops, op)
	}
	b.Rows++
	w.rows++
}

// stale says of a row that a change of it was refused which may have had values that the
// log does not repeat: those that the row has from before are not its own any more.
func (w *changeStream) stale(rows *changeRows, row []logValue) error {
	moved := false
	for _, f := range rows.fields {
		if f.at >= len(row) {
			return errOutput()
		}
		moved = moved || f.apart && row[f.at].kind == 't' && len(row[f.at].text) >= leastApart
	}
	if !moved {
		return nil
	}
	b := w.batch
	for i, f := range rows.fields {
		switch {
		case !slices.Contains(rows.keys, i):
			vec.AppendNull(b.Cols[i])
		case row[f.at].kind != 't' || f.set(b.Cols[i], row[f.at].text) != nil:
			w.cut()
			return nil //nolint:nilerr // there is no row with such a key
		}
	}
	b.Cols[len(rows.fields)].(*vec.Bytes).Append(stream.MarkRefused)
	w.added(vec.Insert)
	return nil
}

// cut takes away what was appended of a row.
func (w *changeStream) cut() {
	for _, c := range w.batch.Cols {
		if c.Len() > w.batch.Rows {
			vec.Truncate(c, w.batch.Rows)
		}
	}
}

// refuse is for a change with a value that does not fit its column. The row that its
// key had stays as it was.
func (w *changeStream) refuse(rows *changeRows, values []logValue, column int, err error) error {
	w.cut()
	s := w.source
	e := *sqlerr.From(err)
	e.Column = w.reader.fields[column].name
	where := s.config.subject()
	for _, k := range rows.keys {
		if at := rows.fields[k].at; at < len(values) {
			where += fmt.Sprintf(", row %s = %s", w.reader.fields[k].name, values[at].text)
		}
	}
	bad := stream.RecordError(s.rel, where, &e)
	if w.reader.scan.OnReject == stream.Fail {
		return bad
	}
	var raw []byte
	for i, f := range rows.fields {
		if i > 0 {
			raw = append(raw, ',')
		}
		if f.at < len(values) {
			raw = append(raw, values[f.at].text...)
		}
	}
	s.env.Metrics.Rejects.Add(1)
	w.rows++
	at := w.place()
	w.rejects = append(w.rejects, stream.Reject{Position: stream.Position{Split: w.split, Offset: at}, Raw: raw, Err: bad})
	return nil
}
