package pgcatalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func pgIndex(c *Context, t *table) {
	for _, r := range c.relations() {
		for _, x := range shownIndexes(r) {
			row := t.row().
				oid("indexrelid", x.OID).
				oid("indrelid", r.OID).
				num("indnatts", int64(len(x.Keys)+len(x.Include))).
				num("indnkeyatts", int64(len(x.Keys))).
				bool("indisunique", x.Unique).
				bool("indnullsnotdistinct", x.NullsNotDistinct).
				bool("indisprimary", x.Primary).
				bool("indimmediate", true).
				bool("indisvalid", true).
				bool("indisready", true).
				bool("indislive", true).
				text("indpred", x.Where)
			indexKeys(row, r, x)
			row.emit()
		}
	}
}

// indexKeys sets what pg_index tells of an index's columns, in vectors.
func indexKeys(row *row, r *catalog.Relation, x *catalog.Index) {
	var keys, options, collations, classes []types.OID
	exprs := ""
	for _, k := range x.Keys {
		attr := int16(0)
		if k.Column >= 0 {
			attr = r.Attribute(k.Column)
		} else if exprs != "" {
			exprs += ", " + k.Expr
		} else {
			exprs = k.Expr
		}
		option := types.OID(0)
		if k.Desc {
			option |= 1
		}
		if k.NullsFirst {
			option |= 2
		}
		keys, options = append(keys, types.OID(attr)), append(options, option)
		collation, class := typeRow(k.Type.OID).collation, operatorClass(k.Type.OID)
		named := k.Collation
		if named == "" && k.Column >= 0 {
			named = r.Columns[k.Column].Collation
		}
		if oid := collationNamed(named); oid != 0 {
			collation = oid
		}
		if k.Class != "" {
			class = btreeClassNamed(k.Class)
		}
		collations, classes = append(collations, collation), append(classes, class)
	}
	for _, at := range x.Include {
		keys = append(keys, types.OID(r.Attribute(at)))
	}
	row.oids("indkey", keys).oids("indoption", options).oids("indcollation", collations).oids("indclass", classes).text("indexprs", exprs)
}

func pgIndexes(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		for _, x := range shownIndexes(r) {
			t.row().
				str("schemaname", r.Schema).
				str("tablename", r.Name).
				str("indexname", x.Name).
				str("indexdef", catalog.IndexDefinition(r, x, qualified(r), c.Show, false)).
				emit()
		}
	}
}

func qualified(r *catalog.Relation) string {
	return catalog.QuoteName(r.Schema) + "." + catalog.QuoteName(r.Name)
}

// shownIndexes are a relation's indexes, and what stands for a stream's PRIMARY KEY,
// but that over whole rows by which a materialized view without a key is kept.
func shownIndexes(r *catalog.Relation) []*catalog.Index {
	if x := r.KeyIndex(); x != nil {
		return []*catalog.Index{x}
	}
	all := r.Indexes()
	i := slices.IndexFunc(all, func(x *catalog.Index) bool { return x.Maintains && !x.Unique })
	if i < 0 {
		return all
	}
	return slices.Delete(slices.Clone(all), i, i+1)
}
