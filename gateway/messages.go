package gateway

import (
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// encode appends a message that is not on any hot path.
func (w *writer) encode(m pgproto3.BackendMessage) {
	b, err := m.Encode(w.take())
	if err != nil {
		// Only a message beyond 1 GB fails to encode, and none is near it.
		w.err = err
		return
	}
	w.buf = b
}

// maxErrorText bounds what an error or a notice quotes; a client's own text
// of megabytes may be in it.
const maxErrorText = 16 << 10

func clip(s string) string {
	if len(s) <= maxErrorText {
		return s
	}
	return strings.ToValidUTF8(s[:maxErrorText], "") + "..."
}

func errorFields(e *sqlerr.Error, severity string) pgproto3.ErrorResponse {
	return pgproto3.ErrorResponse{
		Severity: severity, SeverityUnlocalized: severity, Code: string(e.Code), Message: noZero(clip(e.Message)),
		Detail: noZero(clip(e.Detail)), Hint: noZero(clip(e.Hint)), Where: noZero(clip(e.Where)), Position: int32(e.Position),
		SchemaName: noZero(e.Schema), TableName: noZero(e.Table), ColumnName: noZero(e.Column),
		DataTypeName: noZero(e.DataType), ConstraintName: noZero(e.Constraint), Routine: e.Routine,
	}
}

// noZero drops zero bytes, which would end a field early.
func noZero(s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\x00", "")
}

func (w *writer) errorResponse(e *sqlerr.Error) {
	severity := e.Severity
	if severity == "" {
		severity = "ERROR"
	}
	m := errorFields(e, severity)
	for _, s := range shownFields(&m) {
		var err error
		if *s, err = w.text(*s); err != nil {
			// As in PostgreSQL, what cannot be told is the error.
			m = errorFields(sqlerr.From(err), severity)
			break
		}
	}
	w.encode(&m)
}

// shownFields are the fields of an error that may have any characters.
func shownFields(m *pgproto3.ErrorResponse) []*string {
	return []*string{&m.Message, &m.Detail, &m.Hint, &m.Where, &m.SchemaName, &m.TableName, &m.ColumnName, &m.DataTypeName, &m.ConstraintName}
}

func (w *writer) notice(e *sqlerr.Error) {
	severity := e.Severity
	if severity == "" {
		severity = "NOTICE"
	}
	fields := errorFields(e, severity)
	for _, s := range shownFields(&fields) {
		*s = w.likeText(*s)
	}
	m := pgproto3.NoticeResponse(fields)
	w.encode(&m)
}

func (w *writer) parameterStatus(name, value string) {
	at := w.begin('S')
	w.buf = appendString(w.buf, name)
	w.buf = appendString(w.buf, w.likeText(value))
	w.end(at)
}

func (w *writer) commandComplete(tag string) {
	at := w.begin('C')
	w.buf = appendString(w.buf, tag)
	w.end(at)
}

// commandCount is CommandComplete with a number after the tag's word.
func (w *writer) commandCount(word string, n int64) {
	at := w.begin('C')
	w.buf = append(w.buf, word...)
	w.buf = append(w.buf, ' ')
	w.buf = strconv.AppendInt(w.buf, n, 10)
	w.buf = append(w.buf, 0)
	w.end(at)
}

// rowDescription describes columns with their formats; formats is as in Bind. The error
// is of a name that the client's encoding does not have.
func (w *writer) rowDescription(fields []plan.Field, formats []int16) error {
	at := w.begin('T')
	w.buf = appendInt16(w.buf, len(fields))
	for i, f := range fields {
		name, err := w.text(f.Name)
		if err != nil {
			w.dropUnfinished()
			return err
		}
		w.buf = appendString(w.buf, name)
		w.buf = appendInt32(w.buf, int32(f.Table))
		w.buf = appendInt16(w.buf, int(f.Attr))
		t := wireType(f.Type)
		w.buf = appendInt32(w.buf, int32(t.OID))
		size := int16(-1)
		if info := types.Lookup(t.OID); info != nil {
			size = info.Len
		}
		w.buf = appendInt16(w.buf, int(size))
		w.buf = appendInt32(w.buf, t.Mod)
		w.buf = appendInt16(w.buf, int(formatOf(formats, i)))
	}
	w.end(at)
	return nil
}

// wireType is the type that a client is told: an unknown literal is text.
func wireType(t types.Type) types.Type {
	if t.OID == types.Unknown || t.OID == types.Invalid {
		return types.Of(types.Text)
	}
	return t
}

// formatOf reads Bind's format codes: none is all text, one is for all.
func formatOf(formats []int16, column int) int16 {
	switch len(formats) {
	case 0:
		return 0
	case 1:
		return formats[0]
	}
	return formats[column]
}

func (w *writer) parameterDescription(params []types.Type) {
	at := w.begin('t')
	w.buf = appendInt16(w.buf, len(params))
	for _, p := range params {
		w.buf = appendInt32(w.buf, int32(wireType(p).OID))
	}
	w.end(at)
}
