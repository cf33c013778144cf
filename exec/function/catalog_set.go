package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions that return the rows of a view of pg_catalog, and others that return
// sets of records about the server.

func init() {
	type vs = []types.Value
	def := func(sig string, f SetFunc, ex ...Example) {
		define(sig, Definition{Set: f, Examples: ex})
	}
	def("pg_timezone_names() setof record(name text, abbrev text, utc_offset interval, is_dst bool) strict stable", rowsOf("pg_timezone_names"),
		examples("r FROM pg_timezone_names() r WHERE name IN ('UTC', 'Asia/Kolkata') ORDER BY name", "(Asia/Kolkata,IST,05:30:00,f), (UTC,UTC,00:00:00,f)")...)
	def("pg_timezone_abbrevs() setof record(abbrev text, utc_offset interval, is_dst bool) strict stable", rowsOf("pg_timezone_abbrevs"),
		examples("r FROM pg_timezone_abbrevs() r WHERE abbrev IN ('CEST', 'EST')", "(CEST,02:00:00,t), (EST,-05:00:00,f)")...)
	def("pg_show_all_settings() setof record(name text, setting text, unit text, category text, short_desc text, extra_desc text, context text, vartype text, source text, min_val text, max_val text, enumvals _text, boot_val text, reset_val text, sourcefile text, sourceline int4, pending_restart bool) strict stable",
		rowsOf("pg_settings"), examples("name FROM pg_show_all_settings() WHERE name IN ('search_path', 'TimeZone') ORDER BY name", "TimeZone, search_path")...)
	def("pg_lock_status() setof record(locktype text, database oid, relation oid, page int4, tuple int2, virtualxid text, transactionid xid, classid oid, objid oid, objsubid int2, virtualtransaction text, pid int4, mode text, granted bool, fastpath bool, waitstart timestamptz) strict volatile",
		rowsOf("pg_locks"), examples("pid FROM pg_lock_status() WHERE NOT granted", "")...)
	def("pg_options_to_table(_text) setof record(option_name text, option_value text) strict stable", func(_ *Env, a vs) (Set, error) {
		elems := a[0].A.Elems
		return tupleSet(len(elems), func(i int) vs {
			name, value, ok := strings.Cut(elems[i].S, "=")
			return vs{types.NewText(name), {Type: types.Of(types.Text), S: value, Null: !ok}}
		}), nil
	}, examples("pg_options_to_table(ARRAY['a=b', 'c', 'd='])", `(a,b), (c,), (d,"")`)...)
	expand := define("_pg_expandarray(anyarray) setof record(x anyelement, n int4) strict immutable oid 13128", Definition{
		Set: func(_ *Env, a vs) (Set, error) {
			elems := a[0].A.Elems
			return tupleSet(len(elems), func(i int) vs { return vs{elems[i], types.NewInt(types.Int4, int64(i+1))} }), nil
		},
		Examples: examples("x FROM information_schema._pg_expandarray(ARRAY['a', NULL])", "a, NULL", "x FROM information_schema._pg_expandarray('7 9'::int2vector)", "7, 9",
			"n FROM information_schema._pg_expandarray('{}'::text[])", ""),
	})
	expand.Func.Schema = "information_schema"
	// No table here is a partition.
	def("pg_partition_ancestors(regclass) setof regclass strict immutable", setOf(func(*Env, vs) ([]types.Value, error) { return nil, nil }),
		examples("pg_partition_ancestors(0)", "")...)
	def("pg_partition_tree(regclass) setof record(relid regclass, parentrelid regclass, isleaf bool, level int4) strict volatile",
		setOf(func(*Env, vs) ([]types.Value, error) { return nil, nil }), examples("level FROM pg_partition_tree('pg_class')", "")...)
	def("pg_listening_channels() setof text strict stable", setOf(func(env *Env, _ vs) ([]types.Value, error) {
		var out []types.Value
		if env.Session != nil {
			for _, c := range env.Session.Listening() {
				out = append(out, types.NewText(c))
			}
		}
		return out, nil
	}), examples("pg_listening_channels()", "")...)
}

// rowsOf is a function that returns the rows of a view of pg_catalog.
func rowsOf(view string) SetFunc {
	return func(env *Env, _ []types.Value) (Set, error) {
		var rows [][]types.Value
		if env.Catalog != nil {
			c := &pgcatalog.Context{Snapshot: env.Catalog, Database: env.Database, User: env.User}
			c.Session, _ = env.Session.(pgcatalog.Session)
			r := env.Catalog.Relation("pg_catalog", view)
			for row := range pgcatalog.Rows(c, r) {
				rows = append(rows, append([]types.Value(nil), row[:len(r.Columns)]...))
			}
		}
		return tupleSet(len(rows), func(i int) []types.Value { return rows[i] }), nil
	}
}
