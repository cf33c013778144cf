package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// defineDefinitions: what tables, indexes and constraints are made of, as SQL.
func defineDefinitions() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...Example) { define(sig, Definition{Value: f, Examples: ex}) }
	op("pg_get_expr(pg_node_tree, oid) text strict stable", func(env *Env, a vs) (types.Value, error) { return keptExpr(env, a[0].S, a[1], false) },
		examples("pg_get_expr(NULL, 0)", "NULL")...)
	op("pg_get_expr(pg_node_tree, oid, bool) text strict stable", func(env *Env, a vs) (types.Value, error) { return keptExpr(env, a[0].S, a[1], a[2].Bool()) },
		examples("pg_get_expr(NULL, 0, true)", "NULL")...)
	op("pg_get_constraintdef(oid) text strict stable", func(env *Env, a vs) (types.Value, error) { return constraintDefinition(env, a[0], false) },
		examples("pg_get_constraintdef(0)", "NULL")...)
	op("pg_get_constraintdef(oid, bool) text strict stable", func(env *Env, a vs) (types.Value, error) { return constraintDefinition(env, a[0], a[1].Bool()) },
		examples("pg_get_constraintdef(0, true)", "NULL")...)
	op("pg_get_indexdef(oid) text strict stable", func(env *Env, a vs) (types.Value, error) { return indexDefinition(env, a[0], 0, false) },
		examples("pg_get_indexdef(0)", "NULL")...)
	op("pg_get_indexdef(oid, int4, bool) text strict stable", func(env *Env, a vs) (types.Value, error) { return indexDefinition(env, a[0], a[1].I, a[2].Bool()) },
		examples("pg_get_indexdef(0, 0, true)", "NULL")...)
	op("pg_get_serial_sequence(text, text) text strict stable", serialSequence, examples("pg_get_serial_sequence('no_such_table', 'c')", "ERROR 42P01")...)
	op("obj_description(oid, name) text strict stable", func(env *Env, a vs) (types.Value, error) { return objectComment(env, a[0], a[1].S) },
		examples("obj_description(0, 'pg_class')", "NULL", "obj_description(1397, 'pg_proc')", "absolute value")...)
	op("obj_description(oid) text strict stable", func(env *Env, a vs) (types.Value, error) { return objectComment(env, a[0], "") },
		examples("obj_description(0)", "NULL")...)
}

func keptExpr(env *Env, kept string, of types.Value, pretty bool) (types.Value, error) {
	r := relation(env, of)
	if r == nil || r.Table == nil || env.Show == nil {
		return text(kept)
	}
	return text(env.Show(r, kept, pretty))
}

func constraintDefinition(env *Env, oid types.Value, pretty bool) (types.Value, error) {
	if env.Catalog == nil || oid.I == 0 {
		return null(types.Text)
	}
	for _, r := range env.Catalog.Relations() {
		if x := r.KeyIndex(); x != nil && int64(x.ConOID) == oid.I {
			return text(catalog.KeyConstraintDefinition(r, x))
		}
		if r.Table == nil {
			continue
		}
		for _, k := range r.Table.Checks {
			if int64(k.OID) == oid.I {
				return text(catalog.CheckDefinition(r, k, env.Show, pretty))
			}
		}
		for i, k := range r.Table.Foreign {
			if int64(k.OID) == oid.I {
				return text(env.Catalog.ForeignDefinition(r, &r.Table.Foreign[i], env.SearchPath))
			}
		}
		for _, x := range r.Table.Indexes {
			if int64(x.ConOID) == oid.I {
				return text(catalog.KeyConstraintDefinition(r, x))
			}
		}
	}
	return null(types.Text)
}

// indexDefinition is an index's statement, or the text of one of its columns.
func indexDefinition(env *Env, oid types.Value, column int64, pretty bool) (types.Value, error) {
	if env.Catalog == nil {
		return null(types.Text)
	}
	r, x := env.Catalog.IndexByOID(types.OID(oid.I))
	if x == nil {
		return null(types.Text)
	}
	if column == 0 {
		on := catalog.QuoteName(r.Name)
		if !pretty || !env.Catalog.Visible(r, env.SearchPath) {
			on = catalog.QuoteName(r.Schema) + "." + on
		}
		return text(catalog.IndexDefinition(r, x, on, env.Show, pretty))
	}
	switch n := int(column) - 1; {
	case n < len(x.Keys) && n >= 0:
		return text(catalog.KeyDefinition(r, x.Keys[n], env.Show, pretty))
	case n >= 0 && n < len(x.Keys)+len(x.Include):
		return text(catalog.QuoteName(r.Columns[x.Include[n-len(x.Keys)]].Name))
	}
	return text("")
}

// serialSequence is pg_get_serial_sequence: the table's name is read as SQL, the
// column's is not.
func serialSequence(env *Env, a []types.Value) (types.Value, error) {
	if env.Format.RegIn == nil || env.Catalog == nil {
		return types.Value{}, sqlerr.Errorf(sqlerr.UndefinedTable, "relation \"%s\" does not exist", a[0].S)
	}
	oid, err := env.Format.RegIn(types.Regclass, a[0].S)
	if err != nil {
		return types.Value{}, err
	}
	r := env.Catalog.RelationByOID(oid)
	if r == nil || r.ColumnNamed(a[1].S) < 0 {
		name := a[0].S
		if r != nil {
			name = r.Name
		}
		return types.Value{}, sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", a[1].S, name)
	}
	attr := r.Attribute(r.ColumnNamed(a[1].S))
	for _, s := range env.Catalog.Relations() {
		if s.Sequence != nil && s.Sequence.OwnedBy == r.OID && s.Sequence.OwnedAttr == attr {
			return text(catalog.QuoteName(s.Schema) + "." + catalog.QuoteName(s.Name))
		}
	}
	return null(types.Text)
}

// objectComment is the comment of an object of a catalog; "": of any.
func objectComment(env *Env, oid types.Value, class string) (types.Value, error) {
	found := pgcatalog.Description(class, types.OID(oid.I))
	if found != "" {
		return text(found)
	}
	if env.Catalog == nil {
		return null(types.Text)
	}
	if r := relation(env, oid); class == "pg_class" && r != nil {
		if r.Comment == "" {
			return null(types.Text)
		}
		return text(r.Comment)
	}
	is := func(of types.OID, in, text string) {
		if int64(of) == oid.I && (class == "" || class == in) && text != "" {
			found = text
		}
	}
	for _, s := range env.Catalog.Schemas() {
		is(s.OID, "pg_namespace", s.Comment)
	}
	for _, e := range env.Catalog.Enums() {
		is(e.OID, "pg_type", e.Comment)
	}
	for _, r := range env.Catalog.Relations() {
		is(r.OID, "pg_class", r.Comment)
		if r.Table == nil {
			continue
		}
		for _, k := range r.Table.Checks {
			is(k.OID, "pg_constraint", k.Comment)
		}
		for _, k := range r.Table.Foreign {
			is(k.OID, "pg_constraint", k.Comment)
		}
		for _, x := range r.Table.Indexes {
			is(x.OID, "pg_class", x.Comment)
			is(x.ConOID, "pg_constraint", x.ConComment)
		}
	}
	if found == "" {
		return null(types.Text)
	}
	return text(found)
}
