package database

import (
	"context"
	"reflect"

	sqlite "modernc.org/sqlite/lib"
)

// rows runs a SELECT that ctx ends also between two rows, however much SQLite has to look
// through for the next one.
func (s *sqliteSession) rows(ctx context.Context, text string, width int, row func(values [][]byte) error) error {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		s.interrupt()
	})
	err := s.driverSession.rows(ctx, text, width, row)
	if !stop() {
		<-interrupted // nobody closes the connection before
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// interrupt has the statement that runs end. The driver does so by itself only until the
// first row is there, and hides its handle; sqlite3_interrupt may be called by any
// goroutine while the connection is open.
func (s *sqliteSession) interrupt() {
	if db := reflect.Indirect(reflect.ValueOf(s.conn)).FieldByName("db"); db.IsValid() && db.Uint() != 0 {
		sqlite.Xsqlite3_interrupt(nil, uintptr(db.Uint()))
	}
}
