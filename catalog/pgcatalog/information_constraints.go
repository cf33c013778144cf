package pgcatalog

import (
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func infoTableConstraints(c *Context, t *table) {
	emit := func(r *catalog.Relation, name, kind string, distinct string) {
		t.row().
			str("constraint_catalog", c.Database).
			str("constraint_schema", r.Schema).
			str("constraint_name", name).
			str("table_catalog", c.Database).
			str("table_schema", r.Schema).
			str("table_name", r.Name).
			str("constraint_type", kind).
			str("is_deferrable", "NO").
			str("initially_deferred", "NO").
			str("enforced", "YES").
			text("nulls_distinct", distinct).
			emit()
	}
	for _, r := range c.Snapshot.Relations() {
		if x := r.KeyIndex(); x != nil {
			emit(r, x.Name, "PRIMARY KEY", "")
		}
		if r.Table == nil {
			continue
		}
		for _, x := range r.Table.Indexes {
			switch {
			case x.Primary:
				emit(r, x.Name, "PRIMARY KEY", "")
			case x.Constraint:
				emit(r, x.Name, "UNIQUE", yesNo(!x.NullsNotDistinct))
			}
		}
		for _, k := range r.Table.Checks {
			emit(r, k.Name, "CHECK", "")
		}
		for _, k := range r.Table.Foreign {
			emit(r, k.Name, "FOREIGN KEY", "")
		}
		for i, col := range r.Columns {
			if col.NotNull {
				emit(r, notNullName(c, r, i), "CHECK", "")
			}
		}
	}
}

// notNullName is the name that the standard's views have for NOT NULL.
func notNullName(c *Context, r *catalog.Relation, i int) string {
	return strings.Join([]string{digits(int64(schemaOID(c, r.Schema))), digits(int64(r.OID)), digits(int64(r.Attribute(i))), "not_null"}, "_")
}

func infoCheckConstraints(c *Context, t *table) {
	emit := func(r *catalog.Relation, name, clause string) {
		t.row().str("constraint_catalog", c.Database).str("constraint_schema", r.Schema).str("constraint_name", name).str("check_clause", clause).emit()
	}
	for _, r := range c.Snapshot.Relations() {
		if r.Table == nil {
			continue
		}
		for _, k := range r.Table.Checks {
			text := catalog.CheckDefinition(r, k, c.Show, false)
			emit(r, k.Name, strings.TrimPrefix(text, "CHECK "))
		}
		for i, col := range r.Columns {
			if col.NotNull {
				emit(r, notNullName(c, r, i), catalog.QuoteName(col.Name)+" IS NOT NULL")
			}
		}
	}
}

func infoKeyColumnUsage(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		for _, k := range r.Foreign() {
			target := c.Snapshot.RelationByOID(k.Target)
			for i, attr := range k.Attrs {
				row := t.row().
					str("constraint_catalog", c.Database).
					str("constraint_schema", r.Schema).
					str("constraint_name", k.Name).
					str("table_catalog", c.Database).
					str("table_schema", r.Schema).
					str("table_name", r.Name).
					str("column_name", r.Columns[r.ByAttribute(attr)].Name).
					num("ordinal_position", int64(i+1))
				if x := target.IndexWithOID(k.Index); x != nil {
					for at, key := range x.Keys {
						if target.Attribute(key.Column) == k.Refs[i] {
							row.num("position_in_unique_constraint", int64(at+1))
						}
					}
				}
				row.emit()
			}
		}
		for _, x := range shownIndexes(r) {
			if !x.Constraint {
				continue
			}
			for i, k := range x.Keys {
				t.row().
					str("constraint_catalog", c.Database).
					str("constraint_schema", r.Schema).
					str("constraint_name", x.Name).
					str("table_catalog", c.Database).
					str("table_schema", r.Schema).
					str("table_name", r.Name).
					str("column_name", r.Columns[k.Column].Name).
					num("ordinal_position", int64(i+1)).
					emit()
			}
		}
	}
}

func infoConstraintColumnUsage(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		for _, x := range shownIndexes(r) {
			if !x.Constraint {
				continue
			}
			for _, k := range x.Keys {
				columnUsage(c, t, r, k.Column, r.Schema, x.Name)
			}
		}
		if r.Table == nil {
			continue
		}
		for _, k := range r.Table.Foreign {
			target := c.Snapshot.RelationByOID(k.Target)
			for _, attr := range k.Refs {
				columnUsage(c, t, target, target.ByAttribute(attr), r.Schema, k.Name)
			}
		}
		for _, k := range r.Table.Checks {
			for _, attr := range k.Attrs {
				if at := r.ByAttribute(attr); at >= 0 {
					columnUsage(c, t, r, at, r.Schema, k.Name)
				}
			}
		}
	}
}

func columnUsage(c *Context, t *table, r *catalog.Relation, at int, schema, constraint string) {
	t.row().
		str("table_catalog", c.Database).
		str("table_schema", r.Schema).
		str("table_name", r.Name).
		str("column_name", r.Columns[at].Name).
		str("constraint_catalog", c.Database).
		str("constraint_schema", schema).
		str("constraint_name", constraint).
		emit()
}

func infoSequences(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		s := r.Sequence
		if s == nil || s.Internal {
			continue
		}
		row := t.row().
			str("sequence_catalog", c.Database).
			str("sequence_schema", r.Schema).
			str("sequence_name", r.Name).
			num("numeric_precision", map[int16]int64{2: 16, 4: 32, 8: 64}[int16(typeRow(s.Type).len)]).
			num("numeric_precision_radix", 2).
			num("numeric_scale", 0).
			str("start_value", digits(s.Start)).
			str("minimum_value", digits(s.Min)).
			str("maximum_value", digits(s.Max)).
			str("increment", digits(s.Increment)).
			str("cycle_option", yesNo(s.Cycle))
		row.str("data_type", types.FormatType(types.Of(s.Type))).emit()
	}
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }
