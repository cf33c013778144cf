package database

import (
	"context"
	"reflect"
	"strconv"
	"time"
	"unsafe"

	"modernc.org/libc"
	sqlite "modernc.org/sqlite/lib"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// A SELECT is run by SQLite's own calls, on the driver's connection: the driver makes an
// object of each value, and asks SQLite for it three times.

// sqliteError is a result code, and what SQLite says of it.
type sqliteError struct {
	code    int
	message string
}

func (e *sqliteError) Error() string { return e.message }

// Code is the extended result code, as the driver's errors have one.
func (e *sqliteError) Code() int { return e.code }

// handle is the connection's sqlite3*, which the driver keeps to itself; 0: it is closed.
func (s *sqliteSession) handle() uintptr {
	db := reflect.Indirect(reflect.ValueOf(s.conn)).FieldByName("db")
	if !db.IsValid() {
		return 0
	}
	return uintptr(db.Uint())
}

// rows runs a SELECT that ctx ends also between two rows, however much SQLite has to look
// through for the next one.
func (s *sqliteSession) rows(ctx context.Context, text string, width int, row func(values [][]byte) error) error {
	db := s.handle()
	if db == 0 {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "the connection to %s is closed", s.config.server)
	}
	ended, interrupted := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		interrupt(db, ended)
	})
	err := s.selected(db, text, width, row)
	close(ended)
	if !stop() {
		<-interrupted // nobody closes the connection before
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// interruptEvery is how often a SELECT is told to end until it does: one that has not
// begun does not hear it.
const interruptEvery = 10 * time.Millisecond

// interrupt has the statement that runs end. sqlite3_interrupt may be called by any
// goroutine while the connection is open.
func interrupt(db uintptr, ended <-chan struct{}) {
	again := time.NewTicker(interruptEvery)
	defer again.Stop()
	for {
		sqlite.Xsqlite3_interrupt(nil, db)
		select {
		case <-ended:
			return
		case <-again.C:
		}
	}
}

// resultError is the error of a result code.
func (s *sqliteSession) resultError(db uintptr, code int32) error {
	text, more := libc.GoString(sqlite.Xsqlite3_errstr(s.thread, code)), libc.GoString(sqlite.Xsqlite3_errmsg(s.thread, db))
	if more != text {
		text += ": " + more
	}
	return &sqliteError{int(code), text + " (" + strconv.Itoa(int(code)) + ")"}
}

// selected runs a SELECT.
func (s *sqliteSession) selected(db uintptr, text string, width int, row func(values [][]byte) error) error {
	if s.thread == nil {
		s.thread = libc.NewTLS()
	}
	sql, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(s.thread, sql)
	s.statement = 0 // which SQLite writes: it does not move, as what is on a stack does
	if code := sqlite.Xsqlite3_prepare_v2(s.thread, db, sql, -1, uintptr(unsafe.Pointer(&s.statement)), 0); code != sqlite.SQLITE_OK {
		return s.resultError(db, code)
	}
	statement := s.statement
	defer sqlite.Xsqlite3_finalize(s.thread, statement) // what it says, step has said
	n := int(sqlite.Xsqlite3_column_count(s.thread, statement))
	if width >= 0 && n != width {
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "an answer of %d columns where %d are due", n, width)
	}
	values, texts := make([][]byte, n), make([][]byte, n)
	for {
		switch code := sqlite.Xsqlite3_step(s.thread, statement); code {
		case sqlite.SQLITE_ROW:
		case sqlite.SQLITE_DONE:
			return nil
		default:
			return s.resultError(db, code)
		}
		for i := range values {
			v := sqlite.Xsqlite3_column_value(s.thread, statement, int32(i))
			if values[i], texts[i], err = s.value(v, texts[i]); err != nil {
				return err
			}
		}
		if err := row(values); err != nil {
			return err
		}
	}
}

// value is a value's text, in buf where it has none of its own, which lies in SQLite's
// memory until the next row; nil is a NULL.
func (s *sqliteSession) value(v uintptr, buf []byte) (text, kept []byte, err error) {
	switch sqlite.Xsqlite3_value_type(s.thread, v) {
	case sqlite.SQLITE_INTEGER:
		buf = strconv.AppendInt(buf[:0], sqlite.Xsqlite3_value_int64(s.thread, v), 10)
		return buf, buf, nil
	case sqlite.SQLITE_FLOAT:
		buf = strconv.AppendFloat(buf[:0], sqlite.Xsqlite3_value_double(s.thread, v), 'g', -1, 64)
		return buf, buf, nil
	case sqlite.SQLITE_TEXT:
		at := sqlite.Xsqlite3_value_text(s.thread, v) // before its length: it may be UTF-16
		if at == 0 {
			return nil, buf, &sqliteError{sqlite.SQLITE_NOMEM, "out of memory"}
		}
		return libc.GoBytes(at, int(sqlite.Xsqlite3_value_bytes(s.thread, v))), buf, nil
	case sqlite.SQLITE_BLOB:
		at := sqlite.Xsqlite3_value_blob(s.thread, v)
		if at == 0 { // it is empty
			return []byte{}, buf, nil
		}
		return libc.GoBytes(at, int(sqlite.Xsqlite3_value_bytes(s.thread, v))), buf, nil
	}
	return nil, buf, nil
}

// close gives back what SQLite's calls have for a stack, too.
func (s *sqliteSession) close() {
	s.driverSession.close()
	if s.thread != nil {
		s.thread.Close()
		s.thread = nil
	}
}
