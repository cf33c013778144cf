package pgcatalog

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// typesTSV has PostgreSQL 16's types, made by dump.sql.
//
//go:embed types.tsv
var typesTSV string

// pgTypeRow is a type's row of pg_type.
type pgTypeRow struct {
	oid                                   types.OID
	name                                  string
	len                                   int64
	byVal, preferred                      bool
	kind, category, delim, align, storage byte
	subscript, elem, array                types.OID
	input, output, receive, send          types.OID
	modIn, modOut, analyze                types.OID
	collation                             types.OID
}

var typeRows = sync.OnceValue(func() map[types.OID]*pgTypeRow {
	m := map[types.OID]*pgTypeRow{}
	for line := range strings.Lines(typesTSV) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		oid := func(i int) types.OID { return types.OID(number(f[i])) }
		r := &pgTypeRow{
			oid: oid(0), name: f[1], len: number(f[2]), byVal: f[3] == "1", kind: f[4][0], category: f[5][0],
			preferred: f[6] == "1", delim: f[7][0], subscript: oid(8), elem: oid(9), array: oid(10),
			input: oid(11), output: oid(12), receive: oid(13), send: oid(14), modIn: oid(15), modOut: oid(16),
			analyze: oid(17), align: f[18][0], storage: f[19][0], collation: oid(20),
		}
		m[r.oid] = r
	}
	return m
})

// typeRow is PostgreSQL's row of a type, or one made from what the types package
// knows of it.
func typeRow(oid types.OID) *pgTypeRow {
	if r := typeRows()[oid]; r != nil {
		return r
	}
	i := types.Lookup(oid)
	if i == nil {
		return &pgTypeRow{oid: oid, len: -1, kind: 'b', category: 'U', delim: ',', align: 'i', storage: 'x'}
	}
	return &pgTypeRow{
		oid: oid, name: i.Name, len: int64(i.Len), byVal: i.ByVal, preferred: i.Preferred, kind: i.Kind,
		category: i.Category, delim: i.Delim, align: i.Align, storage: 'x', elem: i.Elem, array: i.Array,
	}
}

// rowTypeRow is the row of the type of a relation's rows, or of arrays of them:
// that of record or of record[], but for what names it.
func rowTypeRow(c *Context, r *catalog.Relation, array bool) pgTypeRow {
	like, oid := *typeRow(types.Record), types.RowType(r.OID)
	like.kind, like.category, like.name = 'c', 'C', r.Name
	like.oid, like.array = oid, types.Lookup(oid).Array
	if array {
		like = *typeRow(types.RecordArray)
		like.kind, like.category, like.name = 'b', 'A', c.Snapshot.RowArrayName(r)
		like.oid, like.elem, like.align = types.Lookup(oid).Array, oid, 'd'
	}
	return like
}

// pgType has the types that values can have here, and those of each relation's
// rows.
func pgType(c *Context, t *table) {
	system := schemaOID(c, "pg_catalog")
	for _, i := range types.All() {
		emitType(t, typeRow(i.OID), system, catalog.Superuser, 0)
	}
	for _, r := range c.Snapshot.Relations() {
		if r.Sequence != nil {
			continue // its row has no type
		}
		schema := schemaOID(c, r.Schema)
		one, array := rowTypeRow(c, r, false), rowTypeRow(c, r, true)
		emitType(t, &one, schema, r.Owner, r.OID)
		emitType(t, &array, schema, r.Owner, 0)
	}
	for _, e := range c.Snapshot.Enums() {
		schema := schemaOID(c, e.Schema)
		emitType(t, enumRow(c, e, false), schema, e.Owner, 0)
		emitType(t, enumRow(c, e, true), schema, e.Owner, 0)
	}
}

// enumRow is the row of an enum type, or of the type of arrays of it.
func enumRow(c *Context, e *catalog.Enum, array bool) *pgTypeRow {
	oid := types.Lookup(e.OID).Array
	if array {
		like := *typeRow(types.Lookup(types.Int4).Array)
		like.name, like.oid, like.elem = c.Snapshot.EnumArrayName(e), oid, e.OID
		return &like
	}
	return &pgTypeRow{
		oid: e.OID, name: e.Name, len: 4, byVal: true, kind: 'e', category: 'E', delim: ',', align: 'i', storage: 'p', array: oid,
		input: 3506, output: 3507, receive: 3532, send: 3533,
	}
}

func pgEnum(c *Context, t *table) {
	for _, e := range c.Snapshot.Enums() {
		for _, l := range e.Labels {
			t.row().oid("oid", l.OID).oid("enumtypid", e.OID).real("enumsortorder", float64(l.Sort)).str("enumlabel", l.Label).emit()
		}
	}
}

func emitType(t *table, r *pgTypeRow, schema types.OID, owner string, relation types.OID) {
	t.row().
		oid("oid", r.oid).
		str("typname", r.name).
		oid("typnamespace", schema).
		oid("typowner", catalog.RoleOID(owner)).
		num("typlen", r.len).
		bool("typbyval", r.byVal).
		chr("typtype", r.kind).
		chr("typcategory", r.category).
		bool("typispreferred", r.preferred).
		bool("typisdefined", true).
		chr("typdelim", r.delim).
		oid("typrelid", relation).
		oid("typsubscript", r.subscript).
		oid("typelem", r.elem).
		oid("typarray", r.array).
		oid("typinput", r.input).
		oid("typoutput", r.output).
		oid("typreceive", r.receive).
		oid("typsend", r.send).
		oid("typmodin", r.modIn).
		oid("typmodout", r.modOut).
		oid("typanalyze", r.analyze).
		chr("typalign", r.align).
		chr("typstorage", r.storage).
		num("typtypmod", -1).
		oid("typcollation", r.collation).
		emit()
}
