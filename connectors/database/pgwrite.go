package database

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// pgWriter writes a batch as one statement that is prepared, or by COPY.
type pgWriter struct {
	sink    *sink
	found   []remote
	columns []*array
	put     string
	remove  string
	copy    *copyIn // of mode copy
}

func (postgres) writer(ctx context.Context, s *sink, found []remote) (writer, error) {
	w := &pgWriter{sink: s, found: found}
	if s.mode == modeUpsert {
		if err := w.unique(ctx); err != nil {
			return nil, err
		}
	}
	for _, col := range s.config.rel.Columns {
		w.columns = append(w.columns, newArray(col.Type, s.format))
	}
	if s.mode == modeCopy {
		w.copy = newCopyIn(w)
		return w, nil
	}
	return w, w.statements(ctx)
}

func (w *pgWriter) distinct(column int) bool {
	return comparesAs(w.sink.config.rel.Columns[column].Type, w.found[column].typ)
}

func (w *pgWriter) apply(ctx context.Context, b *vec.Batch, put, gone []int32) error {
	if w.copy != nil {
		return w.sink.tx.copyIn(ctx, w.copy.statement, w.copy.encode(b, put))
	}
	var steps []step
	if len(gone) > 0 {
		st := step{statement: w.remove}
		for _, k := range w.sink.key {
			st.params = append(st.params, w.columns[k].append(nil, b.Cols[k], gone))
		}
		steps = append(steps, st)
	}
	if len(put) > 0 {
		st := step{statement: w.put}
		for i, a := range w.columns {
			st.params = append(st.params, a.append(nil, b.Cols[i], put))
		}
		steps = append(steps, st)
	}
	return w.sink.tx.write(ctx, steps)
}

// unique checks that the key has the unique index which ON CONFLICT goes by.
func (w *pgWriter) unique(ctx context.Context) error {
	s := w.sink
	c := s.config
	names := s.keyNames()
	var literals []string
	for _, n := range names {
		literals = append(literals, quoteLiteral(n))
	}
	return s.tx.on(func(conn session) error {
		results, err := postgresOf(conn).Exec(ctx, "SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = "+quoteLiteral(c.sql(c.table))+"::regclass AND i.indisunique AND i.indisvalid"+
			" AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = "+fmt.Sprint(len(names))+
			" AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])"+
			" AND a.attname NOT IN ("+strings.Join(literals, ", ")+"))").ReadAll()
		if err != nil || len(results[0].Rows) > 0 {
			return c.failure("describing "+c.subject(), err)
		}
		return s.unindexed(names)
	})
}

// statements has the statements parsed: rows come as an array for each column.
func (w *pgWriter) statements(ctx context.Context) error {
	s, found := w.sink, w.found
	c := s.config
	var names, selects, columns, sets, on, keys []string
	var oids, keyOIDs []uint32
	for i, col := range c.rel.Columns {
		a := w.columns[i]
		oids = append(oids, uint32(a.oid))
		name, v := quoteIdent(col.Name), fmt.Sprintf("v%d", i+1)
		names, columns = append(names, v), append(columns, name)
		if a.elem == types.Text && found[i].typ.OID != types.Text {
			v += "::" + found[i].written()
		}
		selects = append(selects, v)
		if k := slices.Index(s.key, i); k < 0 {
			sets = append(sets, name+" = EXCLUDED."+name)
		}
	}
	for k, i := range s.key {
		col, a := c.rel.Columns[i], w.columns[i]
		keyOIDs = append(keyOIDs, uint32(a.oid))
		keys = append(keys, quoteIdent(col.Name))
		v := fmt.Sprintf("k.v%d", k+1)
		if a.elem == types.Text && found[i].typ.OID != types.Text {
			v += "::" + found[i].written()
		}
		on = append(on, "t."+quoteIdent(col.Name)+" = "+v)
	}
	doing := fmt.Sprintf("writing to %s", c.subject())
	var err error
	if s.mode != modeDelete {
		text := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s AS r(%s)",
			c.sql(c.table), strings.Join(columns, ", "), strings.Join(selects, ", "), unnested(len(names)), strings.Join(names, ", "))
		if s.mode == modeUpsert {
			text += " ON CONFLICT (" + strings.Join(keys, ", ") + ") DO "
			if len(sets) == 0 {
				text += "NOTHING"
			} else {
				text += "UPDATE SET " + strings.Join(sets, ", ")
			}
		}
		if w.put, err = w.prepare(ctx, doing, text, oids); err != nil {
			return err
		}
	}
	if s.keyedMode() {
		text := fmt.Sprintf("DELETE FROM %s AS t USING %s AS k(%s) WHERE %s",
			c.sql(c.table), unnested(len(s.key)), strings.Join(names[:len(s.key)], ", "), strings.Join(on, " AND "))
		w.remove, err = w.prepare(ctx, doing, text, keyOIDs)
	}
	return err
}

// prepare has a statement parsed and returns its name.
func (w *pgWriter) prepare(ctx context.Context, doing, text string, oids []uint32) (name string, err error) {
	err = w.sink.tx.on(func(conn session) error {
		p := conn.(*pgSession)
		p.names++
		name = fmt.Sprintf("ferris%d", p.names)
		_, err := p.conn.Prepare(ctx, name, text, oids)
		return w.sink.config.failure(doing, err)
	})
	return name, err
}

// step is a prepared statement with its parameters, all in binary form.
type step struct {
	statement string
	params    [][]byte
}

// write runs steps in the transaction, as one trip to the server.
func (t *transaction) write(ctx context.Context, steps []step) error {
	return t.on(func(on session) error {
		if err := t.begun(ctx, on); err != nil {
			return err
		}
		conn := postgresOf(on)
		var b pgconn.Batch
		b.ExecParams("SAVEPOINT ferris", nil, nil, nil, nil)
		for _, s := range steps {
			formats := make([]int16, len(s.params))
			for i := range formats {
				formats[i] = 1
			}
			b.ExecPrepared(s.statement, s.params, formats, nil)
		}
		b.ExecParams("RELEASE SAVEPOINT ferris", nil, nil, nil, nil)
		_, err := conn.ExecBatch(ctx, &b).ReadAll()
		if !ofRows(err) {
			return err
		}
		if _, back := conn.Exec(ctx, "ROLLBACK TO SAVEPOINT ferris; RELEASE SAVEPOINT ferris").ReadAll(); back != nil {
			return back
		}
		return err
	})
}
