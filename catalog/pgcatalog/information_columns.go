package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func infoColumns(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if r.Kind == catalog.Sequence || r.Kind == catalog.MatView || !c.shows(r) {
			continue
		}
		var updates []bool
		if c.Updatable != nil && relkind(r) == 'v' {
			updates = c.Updatable(r)
		}
		for i, col := range r.Columns {
			if !c.showsColumn(r, i) {
				continue
			}
			row := t.row().
				str("table_catalog", c.Database).
				str("table_schema", r.Schema).
				str("table_name", r.Name).
				str("column_name", col.Name).
				num("ordinal_position", int64(r.Attribute(i))).
				text("column_default", shownDefault(c, r, col)).
				str("is_nullable", yesNo(!col.NotNull)).
				str("data_type", dataType(col.Type)).
				str("udt_catalog", c.Database).
				str("udt_schema", typeSchema(c, col.Type.OID)).
				str("udt_name", udtName(c, col.Type.OID)).
				str("dtd_identifier", digits(int64(r.Attribute(i)))).
				str("is_self_referencing", "NO").
				str("is_identity", yesNo(col.Identity != 0)).
				str("identity_cycle", "NO").
				str("is_generated", generated(col)).
				text("generation_expression", c.show(r, col.Generated)).
				str("is_updatable", yesNo(insertable(r) || updates != nil && updates[i]))
			measures(row, col.Type)
			if col.Collation != "" {
				row.str("collation_catalog", c.Database).str("collation_schema", "pg_catalog").str("collation_name", col.Collation)
			}
			if col.Identity != 0 {
				identity(c, row, r, i)
			}
			row.emit()
		}
	}
}

// shownDefault is a column's default; an identity column has none.
func shownDefault(c *Context, r *catalog.Relation, col catalog.Column) string {
	if col.Identity != 0 {
		return ""
	}
	return c.show(r, col.Default)
}

// show is an expression of a relation as people read it.
func (c *Context) show(r *catalog.Relation, expr string) string {
	if expr == "" || c.Show == nil || r.Table == nil {
		return expr
	}
	return c.Show(r, expr, false)
}

// identity tells of an identity column's sequence.
func identity(c *Context, row *row, r *catalog.Relation, i int) {
	row.str("identity_generation", map[catalog.Identity]string{catalog.IdentityAlways: "ALWAYS", catalog.IdentityByDefault: "BY DEFAULT"}[r.Columns[i].Identity])
	for _, seq := range c.Snapshot.Relations() {
		s := seq.Sequence
		if s == nil || s.OwnedBy != r.OID || s.OwnedAttr != r.Attribute(i) || !s.Internal {
			continue
		}
		row.str("identity_start", digits(s.Start)).str("identity_increment", digits(s.Increment)).
			str("identity_maximum", digits(s.Max)).str("identity_minimum", digits(s.Min)).str("identity_cycle", yesNo(s.Cycle))
	}
}

func generated(col catalog.Column) string {
	if col.Generated != "" {
		return "ALWAYS"
	}
	return "NEVER"
}

func dataType(t types.Type) string {
	switch {
	case typeRow(t.OID).category == 'A':
		return "ARRAY"
	case types.IsEnum(t.OID):
		return "USER-DEFINED"
	}
	return types.FormatType(types.Of(t.OID))
}

// typeSchema is the schema of a type, udtName its name there.
func typeSchema(c *Context, oid types.OID) string {
	if e := c.Snapshot.EnumByOID(types.EnumOf(oid)); e != nil {
		return e.Schema
	}
	return "pg_catalog"
}

func udtName(c *Context, oid types.OID) string {
	switch e := c.Snapshot.EnumByOID(types.EnumOf(oid)); {
	case e == nil:
		return typeRow(oid).name
	case e.OID != oid:
		return c.Snapshot.EnumArrayName(e)
	default:
		return e.Name
	}
}

// octets is the most bytes of a character, times the most characters that
// PostgreSQL allows in a value.
const octets = 1 << 30

// measures sets what information_schema tells of a type's size, as the views of
// PostgreSQL compute it from the modifier.
func measures(r *row, t types.Type) {
	set := func(column string, n int64) { r.num(column, n) }
	switch t.OID {
	case types.Text:
		set("character_octet_length", octets)
	case types.Varchar, types.BPChar:
		set("character_octet_length", octets)
		if t.Mod >= 4 {
			set("character_maximum_length", int64(t.Mod-4))
			set("character_octet_length", 4*int64(t.Mod-4))
		}
	case types.Int2, types.Int4, types.Int8:
		set("numeric_precision", map[types.OID]int64{types.Int2: 16, types.Int4: 32, types.Int8: 64}[t.OID])
		set("numeric_precision_radix", 2)
		set("numeric_scale", 0)
	case types.Float4, types.Float8:
		set("numeric_precision", map[types.OID]int64{types.Float4: 24, types.Float8: 53}[t.OID])
		set("numeric_precision_radix", 2)
	case types.Numeric:
		set("numeric_precision_radix", 10)
		if t.Mod >= 4 {
			set("numeric_precision", int64((t.Mod-4)>>16))
			set("numeric_scale", int64(((t.Mod-4)&0x7ff)^1024)-1024)
		}
	case types.Date:
		set("datetime_precision", 0)
	case types.Time, types.Timestamp, types.Timestamptz, types.Interval:
		precision := int64(6)
		if mod := t.Mod & 0xffff; t.Mod >= 0 && mod != 0xffff {
			precision = int64(mod)
		}
		set("datetime_precision", precision)
	}
}
