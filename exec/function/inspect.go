package function

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions about the catalog's objects, as psql and drivers call them.

const oursOnly = "the objects are another server's"

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...Example) {
		define(sig, Definition{Value: f, Examples: ex})
	}
	op("pg_table_is_visible(oid) bool strict stable", func(env *Env, a vs) (types.Value, error) {
		r := relation(env, a[0])
		if r == nil && env.Catalog != nil {
			if table, x := env.Catalog.IndexByOID(types.OID(a[0].I)); x != nil {
				_, found := env.Catalog.ResolveIndex(env.SearchPath, x.Name)
				return boolean(found == x && table != nil)
			}
		}
		if r == nil {
			return null(types.Bool)
		}
		return boolean(env.Catalog.Visible(r, env.SearchPath))
	}, examples("pg_table_is_visible(0)", "NULL")...)
	op("pg_type_is_visible(oid) bool strict stable", func(_ *Env, a vs) (types.Value, error) {
		if types.Lookup(types.OID(a[0].I)) == nil {
			return null(types.Bool)
		}
		return boolean(true)
	}, examples("pg_type_is_visible(23)", "t", "pg_type_is_visible(0)", "NULL")...)
	op("pg_function_is_visible(oid) bool strict stable", func(_ *Env, a vs) (types.Value, error) {
		if functionByOID(a[0].I) == nil {
			return null(types.Bool)
		}
		return boolean(true)
	}, examples("pg_function_is_visible(1397)", "t", "pg_function_is_visible(0)", "NULL")...)
	for _, what := range []string{"operator", "opclass", "opfamily", "collation", "conversion", "ts_config", "ts_dict", "ts_parser", "ts_template"} {
		op("pg_"+what+"_is_visible(oid) bool strict stable", func(_ *Env, a vs) (types.Value, error) {
			if what == "operator" && operatorExists(a[0].I) || pgcatalog.IsBuiltin("pg_"+what, types.OID(a[0].I)) {
				return boolean(true)
			}
			return null(types.Bool)
		}, examples("pg_"+what+"_is_visible(0)", "NULL")...)
	}
	op("pg_get_userbyid(oid) name strict stable", func(env *Env, a vs) (types.Value, error) {
		if env.Catalog != nil {
			if role, ok := env.Catalog.RoleName(types.OID(a[0].I), env.User); ok {
				return name(role)
			}
		}
		return name(fmt.Sprintf("unknown (OID=%d)", a[0].I))
	}, examples("pg_get_userbyid(4000000000)", "unknown (OID=4000000000)")...)
	op("col_description(oid, int4) text strict stable", func(env *Env, a vs) (types.Value, error) { return comment(env, a[0], a[1].I) }, examples("col_description(0, 1)", "NULL")...)
	op("shobj_description(oid, name) text strict stable", func(*Env, vs) (types.Value, error) { return null(types.Text) }, examples("shobj_description(0, 'pg_database')", "NULL")...)
	for _, sig := range []string{"pg_get_viewdef(oid)", "pg_get_viewdef(oid, bool)", "pg_get_viewdef(oid, int4)"} {
		call := map[string]string{"pg_get_viewdef(oid)": "pg_get_viewdef(0::oid)", "pg_get_viewdef(oid, bool)": "pg_get_viewdef(0::oid, true)", "pg_get_viewdef(oid, int4)": "pg_get_viewdef(0::oid, 80)"}[sig]
		op(sig+" text strict stable", func(env *Env, a vs) (types.Value, error) {
			r := relation(env, a[0])
			if r == nil || r.Query == "" {
				return null(types.Text)
			}
			return text(r.Query + ";")
		}, examples(call, "NULL")...)
	}
	for sig, call := range map[string]string{
		"pg_get_triggerdef(oid)": "pg_get_triggerdef(0)", "pg_get_triggerdef(oid, bool)": "pg_get_triggerdef(0, true)",
		"pg_get_ruledef(oid)": "pg_get_ruledef(0)", "pg_get_ruledef(oid, bool)": "pg_get_ruledef(0, true)",
		"pg_get_partkeydef(oid)": "pg_get_partkeydef(0)", "pg_get_partition_constraintdef(oid)": "pg_get_partition_constraintdef(0)",
		"pg_get_statisticsobjdef_columns(oid)": "pg_get_statisticsobjdef_columns(0)", "pg_tablespace_location(oid)": "",
	} {
		// No object of these kinds exists here.
		ex := examples(call, "NULL")
		if call == "" {
			ex = examples("pg_tablespace_location(0)", "")
		}
		op(sig+" text strict stable", func(*Env, vs) (types.Value, error) {
			if call == "" {
				return text("")
			}
			return null(types.Text)
		}, ex...)
	}
	for _, f := range []string{"pg_relation_size", "pg_table_size", "pg_indexes_size", "pg_total_relation_size"} {
		op(f+"(regclass) int8 strict volatile", func(env *Env, a vs) (types.Value, error) {
			return sizeOf(env, a[0])
		}, examples(f+"(0::regclass)", "NULL")...)
	}
	op("pg_relation_size(regclass, text) int8 strict volatile", func(env *Env, a vs) (types.Value, error) {
		return sizeOf(env, a[0])
	}, examples("pg_relation_size(0::regclass, 'main')", "NULL")...)
	for _, t := range []string{"oid", "name"} {
		op("pg_database_size("+t+") int8 strict volatile", func(*Env, vs) (types.Value, error) { return int8(0) },
			Example{SQL: "pg_database_size(1::" + t + ")", Text: "0", Ours: oursOnly})
	}
	op("pg_relation_is_publishable(regclass) bool strict stable", func(env *Env, a vs) (types.Value, error) {
		if relation(env, a[0]) == nil {
			return null(types.Bool)
		}
		return boolean(false)
	}, examples("pg_relation_is_publishable(0::regclass)", "NULL")...)
	op("row_security_active(oid) bool strict stable", func(*Env, vs) (types.Value, error) { return boolean(false) }, Example{SQL: "row_security_active(0::oid)", Text: "f", Ours: oursOnly})
	op("regclass(text) regclass strict stable", func(env *Env, a vs) (types.Value, error) {
		if env.Format.RegIn == nil {
			return types.Value{}, sqlerr.Errorf(sqlerr.UndefinedTable, "relation \"%s\" does not exist", a[0].S)
		}
		oid, err := env.Format.RegIn(types.Regclass, a[0].S)
		return types.NewInt(types.Regclass, int64(oid)), err
	}, examples("'no_such_relation'::text::regclass", "ERROR 42P01")...)
	defineDefinitions()
	definePrivileges()
}

func relation(env *Env, v types.Value) *catalog.Relation {
	if env.Catalog == nil {
		return nil
	}
	return env.Catalog.RelationByOID(types.OID(v.I))
}

// sizeOf is 0: what relations hold is not in files of their own. NULL of what is no
// relation, nor an index.
func sizeOf(env *Env, v types.Value) (types.Value, error) {
	if relation(env, v) == nil {
		if env.Catalog == nil {
			return null(types.Int8)
		}
		if _, x := env.Catalog.IndexByOID(types.OID(v.I)); x == nil {
			return null(types.Int8)
		}
	}
	return int8(0)
}

func operatorExists(oid int64) bool {
	for _, o := range Builtins().Operators {
		if o.OID == types.OID(oid) {
			return true
		}
	}
	return false
}

// comment is a relation's comment, or that of its column from 1.
func comment(env *Env, oid types.Value, column int64) (types.Value, error) {
	r := relation(env, oid)
	if r == nil {
		return null(types.Text)
	}
	s := r.Comment
	if column > 0 {
		at := -1
		if column <= catalog.MaxColumns {
			at = r.ByAttribute(int16(column))
		}
		if at < 0 {
			return null(types.Text)
		}
		s = r.Columns[at].Comment
	}
	if s == "" {
		return null(types.Text)
	}
	return text(s)
}
