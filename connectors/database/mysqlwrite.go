package database

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

func (mysqlDialect) asker(l *lookup, there []remote, scan stream.LookupScan) (asker, error) {
	return newTextAsker(l, there, scan), nil
}

// writer makes a sink's statements. An upsert goes by every unique index of the table:
// where there is another one beside the key's, a row that it finds under another key is
// refused, by making that key NULL.
func (mysqlDialect) writer(ctx context.Context, s *sink, found []remote) (writer, error) {
	if err := noCopy(s); err != nil {
		return nil, err
	}
	c := s.config
	var indexes []uniqueIndex
	most := 0
	err := s.tx.on(func(on session) error {
		m := on.(*mysqlSession)
		k, err := m.kind(ctx)
		if err != nil {
			return err
		}
		if k.fleeting {
			return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "%s has no transactions: what is taken back would stay", c.what()).
				WithHint("Run there: ALTER TABLE %s ENGINE = InnoDB;", c.sql(c.table))
		}
		rows, err := m.texts(ctx, 1, "SELECT @@max_allowed_packet")
		if err != nil || len(rows) != 1 {
			return err
		}
		if most, err = strconv.Atoi(rows[0][0]); err != nil {
			return err
		}
		indexes, err = m.uniques(ctx)
		return err
	})
	if err != nil {
		return nil, c.failure("describing "+c.subject(), err)
	}
	conflict := ""
	if s.mode == modeUpsert {
		names := s.keyNames()
		at := slices.IndexFunc(indexes, func(x uniqueIndex) bool {
			return len(x.columns) == len(names) && !slices.ContainsFunc(names, func(n string) bool { return !containsFold(x.columns, n) })
		})
		if at < 0 {
			return nil, s.unindexed(names)
		}
		if indexes[at].nullable && len(indexes) > 1 {
			return nil, sqlerr.Errorf(sqlerr.InvalidColumnReference, "the key of sink %q, (%s), may be NULL in %s, which has other unique indexes: rows of another key could be replaced by them", c.rel.Name, c.idents(names), c.what()).
				WithHint("Make the columns of the key NOT NULL there.")
		}
		sets := s.replaced(func(ident string) string { return ident + " = VALUES(" + ident + ")" })
		if len(indexes) > 1 {
			var guards []string
			for _, n := range names {
				ident := quoteMySQL(n)
				guards = append(guards, fmt.Sprintf("%s = IF(%s <=> VALUES(%s), %s, NULL)", ident, ident, ident, ident))
			}
			if sets = strings.Join(guards, ", ") + ", " + sets; strings.HasSuffix(sets, ", ") {
				sets = strings.TrimSuffix(sets, ", ")
			}
		} else if sets == "" {
			ident := quoteMySQL(names[0])
			sets = ident + " = " + ident
		}
		conflict = " ON DUPLICATE KEY UPDATE " + sets
	}
	return newTextWriter(s, found, min(most/4, 1<<20), conflict), nil
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(l string) bool { return strings.EqualFold(l, s) })
}

// uniqueIndex is one of a table's. A column of which it has a part, or an expression,
// is "".
type uniqueIndex struct {
	columns  []string
	nullable bool
}

// uniques are the unique indexes of the table.
func (s *mysqlSession) uniques(ctx context.Context) ([]uniqueIndex, error) {
	rows, err := s.texts(ctx, 3, "SELECT INDEX_NAME, IF(SUB_PART IS NULL, COALESCE(COLUMN_NAME, ''), ''), NULLABLE FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = "+s.schema()+
		" AND TABLE_NAME = "+quoteText(s.config.table.table)+" AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX")
	var all []uniqueIndex
	last := ""
	for i, row := range rows {
		if i == 0 || row[0] != last {
			all = append(all, uniqueIndex{})
		}
		last = row[0]
		x := &all[len(all)-1]
		x.columns = append(x.columns, row[1])
		x.nullable = x.nullable || row[2] == "YES"
	}
	return all, err
}
