package database

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

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
	asker  asker // nil: it is being described
	fields []field

	tokens chan struct{} // one for each connection that is in use
	mu     sync.Mutex
	idle   []session
}

// describe has the statement written.
func (l *lookup) describe(ctx context.Context, conn session, scan stream.LookupScan) error {
	there, err := conn.columns(ctx)
	if err != nil {
		return err
	}
	remote, err := l.config.match(l.config.rel.Columns, there)
	if err != nil {
		return err
	}
	format := types.DefaultFormat()
	format.Enum = l.env.Labels
	for _, c := range scan.Columns {
		l.fields = append(l.fields, l.config.server.dialect.field(l.config.rel.Columns[c], remote[c], format))
	}
	a, err := l.config.server.dialect.asker(l, remote, scan)
	if err != nil {
		return err
	}
	l.asker = a
	return a.prepare(ctx, conn)
}

// from is the table, or what is left of it by the conditions that the server can
// check.
func (l *lookup) from(scan stream.LookupScan) string {
	from := l.config.from()
	if filters := pushed(l.config.server.dialect, scan.Filters, l.fields); len(filters) > 0 {
		from = "(SELECT * FROM " + from + " WHERE " + strings.Join(filters, " AND ") + ") AS t"
	}
	return from
}

// take is a connection for one request.
func (l *lookup) take(ctx context.Context) (session, error) {
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
	if err == nil && l.asker != nil {
		if err = l.asker.prepare(ctx, conn); err != nil {
			conn.close()
		}
	}
	if err != nil {
		<-l.tokens
		return nil, err
	}
	return conn, nil
}

// give puts a connection back; after an error it is closed.
func (l *lookup) give(conn session, err error) {
	if err != nil || !conn.usable() {
		conn.close()
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
	faults, err := l.asker.ask(ctx, conn, keys, n, found)
	l.give(conn, err)
	return faults, err
}

// rows collects rows that are found, and hands them on in batches.
func (l *lookup) rows(found func(rows *vec.Batch, of []int32) error) *foundRows {
	ts := make([]types.Type, len(l.fields))
	for i := range l.fields {
		ts[i] = l.fields[i].typ
	}
	return &foundRows{lookup: l, batch: vec.NewBatch(ts), found: found}
}

// foundRows is a batch that is being filled. A row with a value that is none of its
// column's type is a fault of its key.
type foundRows struct {
	faults []stream.LookupFault
	lookup *lookup
	batch  *vec.Batch
	of     []int32
	found  func(rows *vec.Batch, of []int32) error
}

// append takes the row of a key.
func (r *foundRows) append(values [][]byte, key int32) error {
	b := r.batch
	for i := range r.lookup.fields {
		f := &r.lookup.fields[i]
		if values[i] == nil {
			vec.AppendNull(b.Cols[i])
			continue
		}
		if err := f.set(b.Cols[i], values[i]); err != nil {
			for _, c := range b.Cols {
				vec.Truncate(c, b.Rows)
			}
			e := *sqlerr.From(err)
			e.Message = fmt.Sprintf("asking %s, column %q: %s", r.lookup.config.subject(), f.name, e.Message)
			r.faults = append(r.faults, stream.LookupFault{Key: int(key), Err: &e})
			return nil
		}
	}
	r.of = append(r.of, key)
	if b.Rows++; b.Rows < vec.MaxRows {
		return nil
	}
	return r.flush()
}

// end hands on what is left, and tells of the keys whose rows were not to be read.
func (r *foundRows) end() ([]stream.LookupFault, error) {
	return r.faults, r.flush()
}

func (r *foundRows) flush() error {
	if r.batch.Rows == 0 {
		return nil
	}
	err := r.found(r.batch, r.of)
	r.batch.Reset()
	r.of = r.of[:0]
	return err
}

// Close closes the connections.
func (l *lookup) Close() error {
	l.mu.Lock()
	idle := slices.Clone(l.idle)
	l.idle = nil
	l.mu.Unlock()
	var wait sync.WaitGroup
	for _, conn := range idle {
		wait.Go(conn.close) // each takes its time where the server does not answer
	}
	wait.Wait()
	return nil
}

var _ stream.Looker = Connector{}
