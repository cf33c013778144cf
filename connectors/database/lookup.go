package database

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Looks: a table can be asked by any of its columns, unless it is declared as a
// stream that goes on.
func (Connector) Looks(rel *catalog.Relation, _ []int) bool {
	column, _ := rel.Options.Get("incremental.column")
	return column == "" && !changes(rel)
}

// Lookup describes the table.
func (Connector) Lookup(ctx context.Context, env *stream.Env, rel *catalog.Relation, scan stream.LookupScan) (stream.Lookup, error) {
	c, err := read(env, rel, stream.RoleSource)
	if err != nil {
		return nil, err
	}
	l := &lookup{env: env, config: c, tokens: make(chan struct{}, c.pool)}
	conn, err := l.take(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.describe(ctx, conn, scan); err != nil {
		l.give(conn, err)
		return nil, err
	}
	l.give(conn, nil)
	return l, nil
}

// lookup asks a table for the rows of some keys, over a few connections.
type lookup struct {
	env    *stream.Env
	config *config
	text   string
	keys   []*array
	oids   []uint32
	fields []field

	tokens chan struct{} // one for each connection that is in use
	mu     sync.Mutex
	idle   []*pgconn.PgConn
}

// statementName is that of the one statement that is prepared on a connection.
const statementName = "ferris"

// describe writes the statement: the keys come as arrays, and a row says which of
// them it belongs to.
func (l *lookup) describe(ctx context.Context, conn *pgconn.PgConn, scan stream.LookupScan) error {
	there, err := l.config.columns(ctx, conn)
	if err != nil {
		return err
	}
	rel := l.config.rel
	remote, err := l.config.match(rel.Columns, there)
	if err != nil {
		return err
	}
	format := types.DefaultFormat()
	format.Enum = l.env.Labels
	var names, on []string
	for i, k := range scan.Keys {
		f := newField(rel.Columns[k], remote[k], format)
		a := newArray(rel.Columns[k].Type, format)
		l.keys, l.oids = append(l.keys, a), append(l.oids, uint32(a.oid))
		names = append(names, fmt.Sprintf("k%d", i+1))
		left := "t." + quoteIdent(remote[k].name)
		if f.text {
			left += "::" + types.FormatType(types.Of(a.elem))
		}
		on = append(on, fmt.Sprintf("%s = k.k%d", left, i+1))
	}
	list := "SELECT k.n"
	for _, c := range scan.Columns {
		f := newField(rel.Columns[c], remote[c], format)
		l.fields = append(l.fields, f)
		list += ", t." + f.sql
	}
	from := l.config.from()
	if filters := pushed(scan.Filters, l.fields); len(filters) > 0 {
		from = "(SELECT * FROM " + from + " WHERE " + strings.Join(filters, " AND ") + ") AS t"
	}
	l.text = fmt.Sprintf("%s FROM %s WITH ORDINALITY AS k(%s, n) JOIN %s ON %s",
		list, unnested(len(names)), strings.Join(names, ", "), from, strings.Join(on, " AND "))
	return l.prepare(ctx, conn)
}

func (l *lookup) prepare(ctx context.Context, conn *pgconn.PgConn) error {
	if _, err := conn.Prepare(ctx, statementName, l.text, l.oids); err != nil {
		return l.config.failure("asking "+l.config.subject(), err)
	}
	return nil
}

// take is a connection for one request.
func (l *lookup) take(ctx context.Context) (*pgconn.PgConn, error) {
	select {
	case l.tokens <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	l.mu.Lock()
	if n := len(l.idle); n > 0 {
		conn := l.idle[n-1]
		l.idle = l.idle[:n-1]
		l.mu.Unlock()
		return conn, nil
	}
	l.mu.Unlock()
	conn, err := l.config.connect(ctx)
	if err == nil && l.text != "" {
		if err = l.prepare(ctx, conn); err != nil {
			disconnect(conn)
		}
	}
	if err != nil {
		<-l.tokens
		return nil, err
	}
	return conn, nil
}

// give puts a connection back; after an error it is closed.
func (l *lookup) give(conn *pgconn.PgConn, err error) {
	if err != nil || conn.IsClosed() {
		disconnect(conn)
	} else {
		l.mu.Lock()
		l.idle = append(l.idle, conn)
		l.mu.Unlock()
	}
	<-l.tokens
}

// Find is stream.Lookup's.
func (l *lookup) Find(ctx context.Context, keys []vec.Vec, n int, found func(rows *vec.Batch, of []int32) error) ([]stream.LookupFault, error) {
	conn, err := l.take(ctx)
	if err != nil {
		return nil, err
	}
	err = l.ask(ctx, conn, keys, n, found)
	l.give(conn, err)
	return nil, err
}

func (l *lookup) ask(ctx context.Context, conn *pgconn.PgConn, keys []vec.Vec, n int, found func(rows *vec.Batch, of []int32) error) error {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	params, formats := make([][]byte, len(keys)), make([]int16, len(keys))
	for i := range keys {
		params[i], formats[i] = l.keys[i].append(nil, keys[i], all), 1
	}
	ts := make([]types.Type, len(l.fields))
	for i := range l.fields {
		ts[i] = l.fields[i].typ
	}
	b, of := vec.NewBatch(ts), []int32(nil)
	doing := "asking " + l.config.subject()
	rows := conn.ExecPrepared(ctx, statementName, params, formats, []int16{1})
	for rows.NextRow() {
		values := rows.Values()
		if len(values) != len(l.fields)+1 || len(values[0]) != 8 {
			_, _ = rows.Close()
			return l.config.failure(doing, errCopy())
		}
		for i := range l.fields {
			if values[i+1] == nil {
				vec.AppendNull(b.Cols[i])
				continue
			}
			if err := l.fields[i].set(b.Cols[i], values[i+1]); err != nil {
				_, _ = rows.Close()
				e := *sqlerr.From(err)
				e.Message = fmt.Sprintf("%s, column %q: %s", doing, l.fields[i].name, e.Message)
				return &e
			}
		}
		of = append(of, int32(binary.BigEndian.Uint64(values[0]))-1)
		if b.Rows++; b.Rows < vec.MaxRows {
			continue
		}
		if err := found(b, of); err != nil {
			_, _ = rows.Close()
			return err
		}
		b.Reset()
		of = of[:0]
	}
	if _, err := rows.Close(); err != nil {
		return l.config.failure(doing, err)
	}
	if b.Rows == 0 {
		return nil
	}
	return found(b, of)
}

// Close closes the connections.
func (l *lookup) Close() error {
	l.mu.Lock()
	idle := slices.Clone(l.idle)
	l.idle = nil
	l.mu.Unlock()
	for _, conn := range idle {
		disconnect(conn)
	}
	return nil
}

var _ stream.Looker = Connector{}
