package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// driverSession is a session over a driver of database/sql's kind, whose connection is
// used without a pool.
type driverSession struct {
	config *config
	conn   driver.Conn
	drains bool // the end of an answer waits for all of it, unless the connection is closed before
	failed bool // it has been left in the middle of an answer
	closed bool
}

func (s *driverSession) rows(ctx context.Context, text string, width int, row func(values [][]byte) error) error {
	q, ok := s.conn.(driver.QueryerContext)
	if !ok {
		return fmt.Errorf("asking %s: %T answers no statements", s.config.server, s.conn)
	}
	rows, err := q.QueryContext(ctx, text, nil)
	if err != nil {
		return err
	}
	if width < 0 {
		width = len(rows.Columns())
	}
	if n := len(rows.Columns()); n != width {
		_ = rows.Close() // the answer is wrong, whatever it says
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "an answer of %d columns where %d are due", n, width)
	}
	dest, values, texts := make([]driver.Value, width), make([][]byte, width), make([][]byte, width)
	for {
		if err := rows.Next(dest); err != nil {
			closed := rows.Close()
			if errors.Is(err, io.EOF) {
				return closed
			}
			return err
		}
		for i, v := range dest {
			values[i], texts[i] = valueText(v, texts[i])
		}
		if err := row(values); err != nil {
			s.failed = true
			if s.drains {
				s.close()
			}
			_ = rows.Close() // the row's error is the first
			return err
		}
	}
}

// valueText is a value's text, in buf where it has none of its own; nil is a NULL.
func valueText(v driver.Value, buf []byte) (text, kept []byte) {
	switch v := v.(type) {
	case nil:
		return nil, buf
	case []byte:
		if v == nil {
			v = []byte{}
		}
		return v, buf
	case string:
		buf = append(buf[:0], v...)
	case int64:
		buf = strconv.AppendInt(buf[:0], v, 10)
	case uint64:
		buf = strconv.AppendUint(buf[:0], v, 10)
	case float64:
		buf = strconv.AppendFloat(buf[:0], v, 'g', -1, 64)
	case float32:
		buf = strconv.AppendFloat(buf[:0], float64(v), 'g', -1, 32)
	case bool:
		buf = strconv.AppendBool(buf[:0], v)
	case time.Time:
		buf = v.UTC().AppendFormat(buf[:0], "2006-01-02 15:04:05.999999")
	default:
		buf = fmt.Append(buf[:0], v)
	}
	if buf == nil {
		buf = []byte{}
	}
	return buf, buf
}

func (s *driverSession) exec(ctx context.Context, text string) (int64, error) {
	e, ok := s.conn.(driver.ExecerContext)
	if !ok {
		return 0, fmt.Errorf("asking %s: %T runs no statements", s.config.server, s.conn)
	}
	result, err := e.ExecContext(ctx, text, nil)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// texts are the rows of an answer, for a few; a width below 0: of as many columns as come.
func (s *driverSession) texts(ctx context.Context, width int, text string) ([][]string, error) {
	var all [][]string
	err := s.rows(ctx, text, width, func(values [][]byte) error {
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = string(v)
		}
		all = append(all, row)
		return nil
	})
	return all, err
}

func (s *driverSession) usable() bool {
	if v, ok := s.conn.(driver.Validator); ok && !v.IsValid() {
		return false
	}
	return !s.failed && !s.closed
}

func (s *driverSession) close() {
	if !s.closed {
		_ = s.conn.Close() // it is of no use any more, whatever it says
	}
	s.closed = true
}
