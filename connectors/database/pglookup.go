package database

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// pgAsker asks with the keys as arrays: a row says which of them it belongs to.
type pgAsker struct {
	lookup *lookup
	text   string
	keys   []*array
	oids   []uint32
}

// statementName is that of the one statement that is prepared on a connection.
const statementName = "ferris"

func (postgres) asker(l *lookup, there []remote, scan stream.LookupScan) (asker, error) {
	a := &pgAsker{lookup: l}
	rel := l.config.rel
	format := types.DefaultFormat()
	format.Enum = l.env.Labels
	var names, on []string
	for i, k := range scan.Keys {
		f := postgres{}.field(rel.Columns[k], there[k], format)
		key := newArray(rel.Columns[k].Type, format)
		a.keys, a.oids = append(a.keys, key), append(a.oids, uint32(key.oid))
		names = append(names, fmt.Sprintf("k%d", i+1))
		left := "t." + quoteIdent(there[k].name)
		if f.text {
			left += "::" + types.FormatType(types.Of(key.elem))
		}
		on = append(on, fmt.Sprintf("%s = k.k%d", left, i+1))
	}
	list := "SELECT k.n"
	for _, f := range l.fields {
		list += ", t." + f.sql + f.cast
	}
	a.text = fmt.Sprintf("%s FROM %s WITH ORDINALITY AS k(%s, n) JOIN %s ON %s",
		list, unnested(len(names)), strings.Join(names, ", "), l.from(scan), strings.Join(on, " AND "))
	return a, nil
}

func (a *pgAsker) prepare(ctx context.Context, on session) error {
	if _, err := postgresOf(on).Prepare(ctx, statementName, a.text, a.oids); err != nil {
		return a.lookup.config.failure("asking "+a.lookup.config.subject(), err)
	}
	return nil
}

func (a *pgAsker) ask(ctx context.Context, on session, keys []vec.Vec, n int, found func(rows *vec.Batch, of []int32) error) ([]stream.LookupFault, error) {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	params, formats := make([][]byte, len(keys)), make([]int16, len(keys))
	for i := range keys {
		params[i], formats[i] = a.keys[i].append(nil, keys[i], all), 1
	}
	l := a.lookup
	doing := "asking " + l.config.subject()
	out := l.rows(found)
	rows := postgresOf(on).ExecPrepared(ctx, statementName, params, formats, []int16{1})
	for rows.NextRow() {
		values := rows.Values()
		if len(values) != len(l.fields)+1 || len(values[0]) != 8 {
			_, _ = rows.Close()
			return nil, l.config.failure(doing, errCopy())
		}
		if err := out.append(values[1:], int32(binary.BigEndian.Uint64(values[0]))-1); err != nil {
			_, _ = rows.Close()
			return nil, err
		}
	}
	if _, err := rows.Close(); err != nil {
		return nil, l.config.failure(doing, err)
	}
	return out.end()
}
