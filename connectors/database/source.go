package database

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// source is a table or query opened for reading. What it is, and its partitions,
// are those of the moment when it was opened.
type source struct {
	env    *stream.Env
	rel    *catalog.Relation
	config *config
	there  []remote // of the server
	remote []remote // of the relation's columns
	kind   kind
	log    logged // with cdc
}

// describe asks the server what is to be read.
func (s *source) describe(ctx context.Context) error {
	c := s.config
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.close()
	if s.there, err = conn.columns(ctx); err != nil {
		return err
	}
	if s.remote, err = c.match(s.rel.Columns, s.there); err != nil {
		return err
	}
	for _, k := range s.config.order() {
		if !slices.ContainsFunc(s.there, func(r remote) bool { return c.server.same(r.name, k) }) {
			return sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q, by which %q is read, does not exist in %s", k, s.rel.Name, c.what())
		}
	}
	if s.kind, err = conn.kind(ctx); err != nil {
		return err
	}
	sizes.put(c, s.kind.rows)
	if c.cdc {
		s.log, err = c.log().logged(ctx, c, conn, s.kind)
	}
	return err
}

// order are the columns that the declaration has the rows read by.
func (c *config) order() []string {
	if c.incremental != "" {
		return []string{c.incremental}
	}
	return c.keys
}

// Splits is the table, or the tables that hold the rows of a partitioned one.
func (s *source) Splits(context.Context) ([]stream.Split, error) {
	if s.kind.relkind == "p" && !s.config.changing() && s.config.incremental == "" && len(s.config.keys) == 0 {
		var splits []stream.Split
		for _, leaf := range s.kind.leaves {
			splits = append(splits, stream.Split(s.config.sql(leaf)))
		}
		return splits, nil
	}
	return []stream.Split{s.whole()}, nil
}

// whole is the split that has every row.
func (s *source) whole() stream.Split {
	if s.config.query != "" {
		return "query"
	}
	return stream.Split(s.config.sql(s.config.table))
}

func (s *source) Close() error { return nil }

// position is how far a reader has come: the values, as texts, that the last row has
// in what the rows are ordered by.
type position []string

func (p position) encode() stream.Offset {
	b := []byte{1}
	for _, part := range p {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

func (s *source) decode(o stream.Offset, parts int) (position, error) {
	if o == nil {
		return nil, nil
	}
	var p position
	b := []byte(o)
	if len(b) > 0 && b[0] == 1 {
		for b = b[1:]; len(b) > 0; {
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) {
				p = nil
				break
			}
			p = append(p, string(b[size:size+int(n)]))
			b = b[size+int(n):]
		}
	}
	if len(p) != parts {
		return nil, sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for %s is not one of how %q is read", s.config.what(), s.rel.Name).
			WithHint("Its key or incremental.column was changed: DROP the job and create it again.")
	}
	return p, nil
}

// place is a column that rows are ordered by.
type place struct {
	name     string // the column's; "" of one that is the server's own affair
	sql      string
	selected string                         // in a SELECT list
	read     func(b []byte) (string, error) // the value's text; nil: it comes as text
	constant func(text string) string       // the text as a constant; nil: as any text
	aside    bool                           // kept with a position, and not asked for
}

// ordered are the columns of a declaration that rows come in the order of.
func (s *source) ordered(one func(s *source, column string) place) []place {
	var places []place
	for _, k := range s.config.order() {
		places = append(places, one(s, k))
	}
	return places
}

// unplaced is for rows that are in no order.
func (s *source) unplaced(bounded bool) ([]place, bool, error) {
	if bounded {
		return nil, false, nil
	}
	return nil, false, sqlerr.Unsupported("Name columns in key that no two rows share: they are read in that order.",
		"a job that reads %s, which is no table of pages, without a key is not supported", s.config.what())
}

// selection is what a statement reads: the rows of a split behind a position.
type selection struct {
	split   stream.Split
	places  []place
	fields  []field
	filters []string
	settled []string      // conditions of a stream that grows
	at      position      // nil: from the beginning
	order   string        // of the places: " ASC", " DESC", or "": as the rows lie
	limit   int           // 0: none
	next    stream.Offset // of every row; nil: each has its own
	parted  bool          // rows have no place to go on at
}

// statement is the SELECT that a selection is read by.
func (s *source) statement(what selection) string {
	var b strings.Builder
	d := s.config.server.dialect
	b.WriteString("SELECT ")
	sep := ""
	for _, p := range what.places {
		b.WriteString(sep + p.selected)
		sep = ", "
	}
	for _, f := range what.fields {
		b.WriteString(sep + f.sql + f.cast)
		sep = ", "
	}
	if sep == "" {
		b.WriteString("NULL")
	}
	if what.split == s.whole() {
		b.WriteString(" FROM " + s.config.from())
	} else {
		b.WriteString(" FROM " + string(what.split) + " AS t")
	}
	where := slices.Concat(what.filters, what.settled)
	if len(what.at) > 0 {
		var left, right []string
		for i, p := range what.places {
			if p.aside {
				continue
			}
			text := d.literal
			if p.constant != nil {
				text = p.constant
			}
			left, right = append(left, p.sql), append(right, text(what.at[i]))
		}
		where = append(where, d.after(left, right))
	}
	if len(where) > 0 {
		b.WriteString(" WHERE " + strings.Join(where, " AND "))
	}
	if what.order != "" {
		for i, p := range what.places {
			b.WriteString(map[bool]string{true: " ORDER BY ", false: ", "}[i == 0] + p.sql + what.order)
		}
	}
	if what.limit > 0 {
		fmt.Fprintf(&b, " LIMIT %d", what.limit)
	}
	return b.String()
}
