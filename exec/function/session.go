package function

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions about the session and the server.

func name(s string) (types.Value, error) { return types.NewString(types.Name, s), nil }

const serverOnly = "the server is another"

// plainWord reports whether a type, or an array's elements, is one of those whose
// words in the grammar stand without a modifier.
func plainWord(info *types.Info) bool {
	oid := info.OID
	if info.Category == 'A' {
		oid = info.Elem
	}
	switch oid {
	case types.Bool, types.Int2, types.Int4, types.Int8, types.Float4, types.Float8:
		return true
	}
	return false
}

func init() {
	type vs = []types.Value
	op := func(sig string, f ValueFunc, ex ...Example) {
		define(sig, Definition{Value: f, Examples: ex})
	}
	op("version() text strict stable", func(env *Env, _ vs) (types.Value, error) {
		return text("PostgreSQL " + setting(env, "server_version", "16.0 (FerrisStreams)") + " on x86_64-linux-gnu, compiled by Go, 64-bit")
	}, examples("version() LIKE 'PostgreSQL 16%'", "t")...)
	op("current_database() name strict stable", func(env *Env, _ vs) (types.Value, error) { return name(env.Database) },
		Example{SQL: "current_database()", Text: "ferris", Ours: serverOnly})
	op("current_user() name strict stable", func(env *Env, _ vs) (types.Value, error) { return name(env.User) },
		Example{SQL: "current_user", Text: "ferris", Ours: serverOnly})
	op("session_user() name strict stable", func(env *Env, _ vs) (types.Value, error) { return name(cmp.Or(env.SessionUser, env.User)) },
		Example{SQL: "session_user", Text: "ferris", Ours: serverOnly})
	op("current_schema() name strict stable", func(env *Env, _ vs) (types.Value, error) {
		for _, s := range schemas(env, false) {
			return name(s)
		}
		return null(types.Name)
	}, examples("current_schema()", "public")...)
	op("current_schemas(bool) _name strict stable", func(env *Env, a vs) (types.Value, error) {
		var elems []types.Value
		for _, s := range schemas(env, a[0].Bool()) {
			elems = append(elems, types.NewString(types.Name, s))
		}
		return types.NewArray(types.Of(types.Name), elems), nil
	}, examples("current_schemas(false)", "{public}", "current_schemas(true)", "{pg_catalog,public}")...)
	op("current_setting(text) text strict stable", func(env *Env, a vs) (types.Value, error) {
		if env.Session != nil {
			if v, ok := env.Session.Setting(a[0].S); ok {
				return text(v)
			}
		}
		return types.Value{}, unknownSetting(a[0].S)
	}, examples("current_setting('no_such_setting')", "ERROR 42704")...)
	op("current_setting(text, bool) text strict stable", func(env *Env, a vs) (types.Value, error) {
		if env.Session != nil {
			if v, ok := env.Session.Setting(a[0].S); ok {
				return text(v)
			}
		}
		if a[1].Bool() {
			return null(types.Text)
		}
		return types.Value{}, unknownSetting(a[0].S)
	}, examples("current_setting('no_such_setting', true)", "NULL")...)
	op("set_config(text, text, bool) text volatile", setConfig, examples("set_config(NULL, 'x', false)", "ERROR 22004")...)
	op("pg_backend_pid() int4 strict stable", func(env *Env, _ vs) (types.Value, error) {
		if env.Session != nil {
			return types.NewInt(types.Int4, int64(env.Session.BackendPID())), nil
		}
		return int4(os.Getpid())
	}, examples("pg_backend_pid() > 0", "t")...)
	op("pg_is_in_recovery() bool strict volatile", func(*Env, vs) (types.Value, error) { return boolean(false) }, examples("pg_is_in_recovery()", "f")...)
	op("pg_client_encoding() name strict stable", func(env *Env, _ vs) (types.Value, error) {
		if env.Session != nil {
			if v, ok := env.Session.Setting("client_encoding"); ok {
				return name(v)
			}
		}
		return name("UTF8")
	}, examples("pg_client_encoding()", "UTF8")...)
	op("getdatabaseencoding() name strict stable", func(*Env, vs) (types.Value, error) { return name("UTF8") }, examples("getdatabaseencoding()", "UTF8")...)
	op("pg_encoding_to_char(int4) name strict stable", func(_ *Env, a vs) (types.Value, error) { return name(encodingNames[a[0].I]) },
		examples("pg_encoding_to_char(6)", "UTF8", "pg_encoding_to_char(0)", "SQL_ASCII", "pg_encoding_to_char(-1)", "")...)
	op("pg_char_to_encoding(name) int4 strict stable", func(_ *Env, a vs) (types.Value, error) {
		for id, n := range encodingNames {
			if strings.EqualFold(n, a[0].S) || id == 6 && strings.EqualFold(a[0].S, "utf-8") {
				return int4(int(id))
			}
		}
		return int4(-1)
	}, examples("pg_char_to_encoding('utf-8')", "6")...)
	op("pg_postmaster_start_time() timestamptz strict stable", func(*Env, vs) (types.Value, error) { return timestamptz(started, nil) },
		examples("pg_postmaster_start_time() <= clock_timestamp()", "t")...)
	for _, f := range []string{"txid_current", "pg_current_xact_id"} {
		ret := map[string]string{"txid_current": "int8", "pg_current_xact_id": "xid8"}[f]
		op(f+"() "+ret+" strict stable", func(env *Env, _ vs) (types.Value, error) {
			// Time orders transactions as their ids do, and each has its own.
			if ret == "xid8" {
				return types.NewXID8(uint64(env.TransactionTime)), nil
			}
			return types.NewInt(types.Int8, env.TransactionTime), nil
		}, examples(f+"()::text::int8 > 0", "t")...)
	}
	op("age(xid) int4 strict stable", func(env *Env, a vs) (types.Value, error) {
		if xid := uint32(a[0].I); xid >= 3 { // those below are of no transaction
			return int4(int(int32(uint32(env.TransactionTime) - xid)))
		}
		return int4(1<<31 - 1)
	}, examples("age('1'::xid)", "2147483647")...)
	op("txid_current_if_assigned() int8 strict stable", func(*Env, vs) (types.Value, error) { return null(types.Int8) }, examples("txid_current_if_assigned()", "NULL")...)
	op("pg_my_temp_schema() oid strict stable", func(env *Env, _ vs) (types.Value, error) {
		if env.Session != nil && env.Catalog != nil {
			if s := env.Catalog.Schema(catalog.TempSchema(env.Session.BackendPID())); s != nil {
				return types.NewInt(types.Oid, int64(s.OID)), nil
			}
		}
		return types.NewInt(types.Oid, 0), nil
	}, examples("pg_my_temp_schema()", "0")...)
	op("pg_is_other_temp_schema(oid) bool strict stable", func(*Env, vs) (types.Value, error) { return boolean(false) }, examples("pg_is_other_temp_schema(11)", "f")...)
	op("pg_conf_load_time() timestamptz strict stable", func(*Env, vs) (types.Value, error) { return timestamptz(started, nil) }, examples("pg_conf_load_time() <= clock_timestamp()", "t")...)
	op("pg_jit_available() bool strict volatile", func(*Env, vs) (types.Value, error) { return boolean(false) }, examples("pg_jit_available()", "f")...)
	op("pg_typeof(any) regtype stable", func(_ *Env, a vs) (types.Value, error) { return types.NewInt(types.Regtype, int64(a[0].Type.OID)), nil },
		examples("pg_typeof(33)", "integer", "pg_typeof('a'::varchar)", "character varying", "pg_typeof(NULL::int[])", "integer[]", "pg_typeof(NULL)", "unknown")...)
	op("format_type(oid, int4) text stable", func(env *Env, a vs) (types.Value, error) {
		if a[0].Null {
			return null(types.Text)
		}
		t := types.Of(types.OID(a[0].I))
		if a[1].Null && t.OID == types.BPChar {
			return text(types.Lookup(types.BPChar).SQLName) // with a modifier of -1 it is bpchar
		}
		if !a[1].Null {
			t.Mod = int32(a[1].I)
		}
		name := types.FormatType(t)
		if env.Catalog != nil {
			name = env.Catalog.FormatType(t, env.SearchPath)
		}
		if info := types.Lookup(t.OID); info != nil && t.Mod >= 0 && !info.Modified() && !plainWord(info) {
			elem, array := strings.CutSuffix(name, "[]")
			if name = fmt.Sprintf("%s(%d)", elem, t.Mod); array {
				name += "[]"
			}
		}
		return text(name)
	}, examples("format_type(1700, 1179658)", "numeric(18,6)", "format_type(23, NULL)", "integer", "format_type(1042, NULL)", "character", "format_type(1042, -1)", "bpchar", "format_type(1043, 14)", "character varying(10)", "format_type(0, -1)", "-", "format_type(25, 3)", "text(3)", "format_type(1009, 3)", "text(3)[]")...)
	op("pg_column_size(any) int4 strict stable", func(env *Env, a vs) (types.Value, error) {
		return int4(len(types.AppendBinary(nil, a[0], env.Format)))
	}, examples("pg_column_size(1)", "4")...)
}

var started = time.Now().UnixMicro() + types.UnixEpoch

// encodingNames are PostgreSQL's encodings that clients ask for, by id.
var encodingNames = map[int64]string{0: "SQL_ASCII", 6: "UTF8", 8: "LATIN1", 24: "WIN1252", 16: "LATIN9"}

func setting(env *Env, name, missing string) string {
	if env.Session != nil {
		if v, ok := env.Session.Setting(name); ok {
			return v
		}
	}
	return missing
}

func unknownSetting(name string) error {
	return sqlerr.Errorf(sqlerr.UndefinedObject, "unrecognized configuration parameter \"%s\"", name)
}

func setConfig(env *Env, a []types.Value) (types.Value, error) {
	switch {
	case a[0].Null:
		return types.Value{}, sqlerr.Errorf(sqlerr.NullValueNotAllowed, "SET requires parameter name")
	case env.Session == nil:
		return types.Value{}, sqlerr.Unsupported("Set it before the job is created: a job keeps the settings of its CREATE.", "set_config is not supported in a job")
	}
	value := a[1].S
	if a[1].Null {
		value = ""
	}
	shown, err := env.Session.Set(strings.Clone(a[0].S), strings.Clone(value), !a[2].Null && a[2].Bool())
	return types.NewText(shown), err
}

// schemas are those of the search path that exist, with pg_catalog in its
// implicit place where implicit.
func schemas(env *Env, implicit bool) []string {
	path := env.SearchPath
	if implicit {
		path = catalog.EffectivePath(path)
	}
	var out []string
	for _, s := range path {
		if !implicit && catalog.Temporary(s) {
			continue
		}
		if s == "pg_catalog" || env.Catalog == nil || env.Catalog.Schema(s) != nil {
			out = append(out, s)
		}
	}
	return out
}
