package function

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// What tools ask of an object before they show it: its definition, its storage,
// its properties.

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...Example) {
		define(sig, Definition{Value: f, Examples: ex})
	}
	nothing := func(oid types.OID) ValueFunc { return func(*Env, vs) (types.Value, error) { return null(oid) } }
	op("pg_get_functiondef(oid) text strict stable", functionDefinition, append(examples("pg_get_functiondef(0)", "NULL"),
		Example{SQL: "pg_get_functiondef(1397)", Text: "CREATE OR REPLACE FUNCTION pg_catalog.abs(integer)\n RETURNS integer\n LANGUAGE internal\n IMMUTABLE PARALLEL SAFE STRICT\nAS $function$abs$function$\n", Ours: "PostgreSQL names the function of its own sources"},
		Example{SQL: "pg_get_functiondef(2803)", Text: "ERROR 42809"})...)
	op("pg_get_function_arg_default(oid, int4) text strict stable", nothing(types.Text), examples("pg_get_function_arg_default(870, 1)", "NULL")...)
	op("pg_get_function_sqlbody(oid) text strict stable", nothing(types.Text), examples("pg_get_function_sqlbody(870)", "NULL")...)
	op("pg_get_statisticsobjdef(oid) text strict stable", nothing(types.Text), examples("pg_get_statisticsobjdef(0)", "NULL")...)
	op("pg_get_statisticsobjdef_expressions(oid) _text strict stable", nothing(types.Lookup(types.Text).Array), examples("pg_get_statisticsobjdef_expressions(0)", "NULL")...)
	op("pg_statistics_obj_is_visible(oid) bool strict stable", nothing(types.Bool), examples("pg_statistics_obj_is_visible(0)", "NULL")...)
	op("pg_relation_filenode(regclass) oid strict stable", nothing(types.Oid), examples("pg_relation_filenode(0)", "NULL")...)
	op("pg_relation_filepath(regclass) text strict stable", nothing(types.Text), examples("pg_relation_filepath(0)", "NULL")...)
	op("pg_filenode_relation(oid, oid) regclass strict stable", nothing(types.Regclass), examples("pg_filenode_relation(0, 0)", "NULL")...)
	op("pg_partition_root(regclass) regclass strict immutable", nothing(types.Regclass), examples("pg_partition_root(0)", "NULL")...)
	op("pg_column_compression(any) text strict stable", nothing(types.Text), examples("pg_column_compression('a'::text)", "NULL")...)
	op("pg_current_logfile() text volatile", nothing(types.Text), examples("pg_current_logfile()", "NULL")...)
	op("pg_describe_object(oid, oid, int4) text strict stable", nothing(types.Text), examples("pg_describe_object(0, 0, 0)", "NULL")...)
	op("pg_index_column_has_property(regclass, int4, text) bool strict stable", nothing(types.Bool), examples("pg_index_column_has_property(0, 1, 'asc')", "NULL")...)
	op("pg_index_has_property(regclass, text) bool strict stable", nothing(types.Bool), examples("pg_index_has_property(0, 'clusterable')", "NULL")...)
	op("pg_relation_is_updatable(regclass, bool) int4 strict stable", func(env *Env, a vs) (types.Value, error) { return int4(writeEvents(env, relation(env, a[0]), 0)) }, examples("pg_relation_is_updatable(0, true)", "0")...)
	op("pg_column_is_updatable(regclass, int2, bool) bool strict stable", func(env *Env, a vs) (types.Value, error) {
		return boolean(writeEvents(env, relation(env, a[0]), int(a[1].I))&(eventUpdate|eventDelete) == eventUpdate|eventDelete)
	}, examples("pg_column_is_updatable(0, 1::int2, true)", "f")...)
	op("row_security_active(text) bool strict stable", func(*Env, vs) (types.Value, error) { return boolean(false) }, examples("row_security_active('pg_class'::text)", "f")...)
	for _, t := range []string{"oid", "name"} {
		op("pg_tablespace_size("+t+") int8 strict volatile", func(*Env, vs) (types.Value, error) { return int8(0) },
			Example{SQL: "pg_tablespace_size(1663::" + t + ")", Text: "0", Ours: oursOnly})
	}
	for _, more := range []string{"", ", bool"} {
		flag := strings.Replace(more, "bool", "true", 1)
		op("pg_get_viewdef(text"+more+") text strict stable", func(env *Env, a vs) (types.Value, error) {
			v, err := types.Parse(types.Of(types.Regclass), strings.Clone(a[0].S), env.Format)
			if err != nil {
				return types.Value{}, err
			}
			r := relation(env, v)
			if r == nil || r.Query == "" {
				return null(types.Text)
			}
			return text(r.Query + ";")
		}, examples("pg_get_viewdef('pg_class'::text"+flag+")", "NULL", "pg_get_viewdef('no_such_view'::text"+flag+")", "ERROR 42P01")...)
	}
	op("oidvectortypes(oidvector) text strict stable", func(_ *Env, a vs) (types.Value, error) {
		var names []string
		for _, e := range a[0].A.Elems {
			names = append(names, types.FormatType(types.Of(types.OID(e.I))))
		}
		return text(strings.Join(names, ", "))
	}, examples("oidvectortypes('23 25 1009')", "integer, text, text[]", "oidvectortypes('')", "")...)
	op("pg_collation_for(any) text stable", func(_ *Env, a vs) (types.Value, error) {
		switch a[0].Type.OID {
		case types.Text, types.Varchar, types.BPChar:
			return text(`"default"`)
		case types.Name:
			return text(`"C"`)
		case types.Unknown:
			return null(types.Text)
		}
		return types.Value{}, sqlerr.Errorf(sqlerr.DatatypeMismatch, "collations are not supported by type %s", types.FormatType(types.Of(a[0].Type.OID)))
	}, examples("pg_collation_for('a'::text)", `"default"`, "pg_collation_for(1)", "ERROR 42804", "pg_collation_for('a'::name)", `"C"`, "pg_collation_for('a')", "NULL")...)
}

// functionDefinition is pg_get_functiondef.
func functionDefinition(env *Env, a []types.Value) (types.Value, error) {
	f := functionByOID(a[0].I)
	if f == nil {
		return null(types.Text)
	}
	if f.Kind == catalog.Aggregate {
		return types.Value{}, sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is an aggregate function", f.Name)
	}
	set, traits := "", []string{}
	if f.Set {
		set = "SETOF "
	}
	if f.Kind == catalog.Window {
		traits = append(traits, "WINDOW")
	}
	switch f.Volatility {
	case 'i':
		traits = append(traits, "IMMUTABLE")
	case 's':
		traits = append(traits, "STABLE")
	}
	traits = append(traits, "PARALLEL SAFE")
	if f.Strict {
		traits = append(traits, "STRICT")
	}
	return text(fmt.Sprintf("CREATE OR REPLACE FUNCTION %s.%s(%s)\n RETURNS %s%s\n LANGUAGE internal\n %s\nAS $function$%s$function$\n",
		f.Schema, catalog.QuoteName(f.Name), argumentList(env, f, true), set, types.FormatType(types.Of(f.Ret)), strings.Join(traits, " "), f.Name))
}
