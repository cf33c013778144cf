package codec

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

// oracle asks a real PostgreSQL.
type oracle struct {
	t        testing.TB
	conn     *pgconn.PgConn
	settings settings
	table    string // the type of the column of the table at hand
}

func newOracle(t testing.TB) *oracle {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, postgres.Start(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(ctx) })
	return &oracle{t: t, conn: conn.PgConn(), settings: "none yet"}
}

func (o *oracle) exec(sql string) [][][]byte {
	o.t.Helper()
	results, err := o.conn.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		o.t.Fatalf("%s: %v", sql, err)
	}
	return results[len(results)-1].Rows
}

// ask gives the input to the type's input function, with the modifier, as COPY
// does, or to its receive function.
func (o *oracle) ask(q question) answer {
	o.t.Helper()
	ctx := context.Background()
	if q.settings != o.settings {
		o.exec(q.settings.sql())
		o.settings = q.settings
	}
	if q.typ != o.table {
		o.exec("drop table if exists t; create temp table t (v " + q.typ + ")")
		o.table = q.typ
	}
	var data []byte
	format := ""
	if q.binary {
		format = " (format binary)"
		data = append(data, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"...)
		n := len(q.input)
		data = append(data, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		data = append(append(data, q.input...), 0xff, 0xff)
	} else {
		data = append(data, copyEscape.Replace(q.input)...)
		data = append(data, '\n')
	}
	if _, err := o.conn.CopyFrom(ctx, bytes.NewReader(data), "copy t from stdin"+format); err != nil {
		return o.refusal(err)
	}
	// Deleting is much cheaper than truncating, which makes a new file.
	r := o.conn.ExecParams(ctx, "select v, v from t", nil, nil, nil, []int16{0, 1}).Read()
	o.exec("delete from t")
	if r.Err != nil {
		return o.refusal(r.Err)
	}
	return answer{text: string(r.Rows[0][0]), binary: string(r.Rows[0][1])}
}

func (o *oracle) refusal(err error) answer {
	o.t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		o.t.Fatalf("asking PostgreSQL: %v", err)
	}
	return answer{code: e.Code, message: e.Message, detail: e.Detail}
}

var copyEscape = strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r", "\t", "\\t", "\v", "\\v", "\b", "\\b", "\f", "\\f")
