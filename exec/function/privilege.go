package function

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Functions that say who has which privileges, and those of aclitem.

// asked is one of the privileges that a has_..._privilege names.
type asked struct {
	right  catalog.Rights
	option bool
}

// askedFor reads a list of privileges of a class: SELECT, INSERT WITH GRANT OPTION.
func askedFor(list string, class catalog.Rights) ([]asked, error) {
	var all []asked
	for _, word := range strings.Split(list, ",") {
		word = strings.TrimSpace(word)
		name := word
		var a asked
		if n := len(word) - len(" WITH GRANT OPTION"); n > 0 && strings.EqualFold(word[n:], " WITH GRANT OPTION") {
			name, a.option = word[:n], true
		}
		if strings.EqualFold(name, "RULE") && class&catalog.TriggerRight != 0 {
			continue // of tables once: PostgreSQL knows the word, and nobody has it
		}
		if a.right = catalog.RightNamed(name); a.right&class == 0 {
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized privilege type: \"%s\"", word)
		}
		all = append(all, a)
	}
	return all, nil
}

// roleGiven is the role that the first of a function's arguments names, where it has
// one; "": PUBLIC.
func roleGiven(env *Env, v types.Value) (string, error) {
	if v.Type.OID == types.Oid {
		name, ok := env.Catalog.RoleName(types.OID(v.I), env.User)
		if !ok {
			return "", nil // has what everyone has
		}
		return name, nil
	}
	if v.S == "public" {
		return "", nil
	}
	return roleNamed(env, v.S)
}

func roleNamed(env *Env, name string) (string, error) {
	if env.Catalog.Role(name) == nil && !slices.Contains(env.Catalog.Roles(env.User), name) {
		return "", sqlerr.Errorf(sqlerr.UndefinedObject, "role \"%s\" does not exist", name)
	}
	return strings.Clone(name), nil
}

// answer says whether a role has one of the privileges on an object.
func answer(env *Env, user string, o catalog.Object, list []asked) (types.Value, error) {
	var rights, options catalog.Rights
	if user == "" {
		for _, i := range o.List() {
			if i.Grantee == "" {
				rights |= i.Rights
			}
		}
	} else {
		rights, options = env.Catalog.Rights(user, o)
	}
	for _, a := range list {
		if have := rights; !a.option && have&a.right != 0 || a.option && options&a.right != 0 {
			return boolean(true)
		}
	}
	return boolean(false)
}

// answerColumns is answer of a relation's columns, at a place or, where that is below 0,
// any: who has a privilege on the relation has it on each.
func answerColumns(env *Env, user string, r *catalog.Relation, at int, list []asked) (types.Value, error) {
	v, err := answer(env, user, r.Object(), list)
	if err != nil || v.I != 0 {
		return v, err
	}
	for i := range r.Columns {
		if at >= 0 && i != at || r.Columns[i].ACL == nil {
			continue
		}
		if v, err = answer(env, user, r.ColumnObject(i), list); err != nil || v.I != 0 {
			return v, err
		}
	}
	return v, err
}

// inCatalog is f where there is a catalog, and NULL where there is none: nobody knows
// of any role there.
func inCatalog(f ValueFunc) ValueFunc {
	return func(env *Env, a []types.Value) (types.Value, error) {
		if env.Catalog == nil {
			return null(types.Bool)
		}
		return f(env, a)
	}
}

// privileged finds the object that an argument means; ok is false where an OID means
// none.
type privileged func(env *Env, v types.Value) (o catalog.Object, ok bool, err error)

func relationGiven(env *Env, v types.Value) (catalog.Object, bool, error) {
	r, err := namedRelation(env, v)
	if r == nil || err != nil {
		return catalog.Object{}, false, err
	}
	return r.Object(), true, nil
}

func namedRelation(env *Env, v types.Value) (*catalog.Relation, error) {
	oid := types.OID(v.I)
	if v.Type.OID != types.Oid {
		if env.Format.RegIn == nil {
			return nil, sqlerr.Errorf(sqlerr.UndefinedTable, "relation \"%s\" does not exist", v.S)
		}
		var err error
		if oid, err = env.Format.RegIn(types.Regclass, v.S); err != nil {
			return nil, err
		}
	}
	return env.Catalog.RelationByOID(oid), nil
}

func sequenceGiven(env *Env, v types.Value) (catalog.Object, bool, error) {
	o, ok, err := relationGiven(env, v)
	if ok && o.Class != catalog.SequenceClass {
		return o, ok, sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a sequence", o.Name)
	}
	return o, ok, err
}

func schemaGiven(env *Env, v types.Value) (catalog.Object, bool, error) {
	for _, s := range env.Catalog.Schemas() {
		if v.Type.OID == types.Oid && s.OID == types.OID(v.I) || v.Type.OID != types.Oid && s.Name == v.S {
			return s.Object(), true, nil
		}
	}
	if v.Type.OID == types.Oid {
		return catalog.Object{}, false, nil
	}
	return catalog.Object{}, false, sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", v.S)
}

func databaseGiven(env *Env, v types.Value) (catalog.Object, bool, error) {
	if v.Type.OID != types.Oid && v.S != "ferris" && v.S != "postgres" && v.S != env.Database {
		return catalog.Object{}, false, sqlerr.Errorf(sqlerr.InvalidCatalogName, "database \"%s\" does not exist", v.S)
	}
	return env.Catalog.DatabaseObject(env.Database), true, nil
}

func functionGiven(env *Env, v types.Value) (catalog.Object, bool, error) {
	oid := types.OID(v.I)
	if v.Type.OID != types.Oid {
		if env.Format.RegIn == nil {
			return catalog.Object{}, false, sqlerr.Errorf(sqlerr.UndefinedFunction, "function \"%s\" does not exist", v.S)
		}
		var err error
		if oid, err = env.Format.RegIn(types.Regprocedure, v.S); err != nil {
			return catalog.Object{}, false, err
		}
	}
	for _, f := range env.Catalog.Builtins().Functions {
		if catalog.FunctionOID(f) == oid {
			return env.Catalog.FunctionObject(f), true, nil
		}
	}
	return catalog.Object{}, false, nil
}

func connectorGiven(env *Env, v types.Value) (catalog.Object, bool, error) {
	if v.Type.OID == types.Oid {
		return catalog.Object{}, false, nil
	}
	return env.Catalog.ConnectorObject(v.S), true, nil
}

// everyones are objects of which everyone has what there is: types and languages; no
// more are made, and no privileges on them are given or taken.
func everyones(class catalog.ObjectClass, right catalog.Rights) privileged {
	return func(*Env, types.Value) (catalog.Object, bool, error) {
		return catalog.Object{Class: class, Owner: catalog.Superuser, Open: right}, true, nil
	}
}

// definePrivileges are the has_..._privilege functions.
func definePrivileges() {
	for _, f := range []struct {
		name    string
		find    privileged
		class   catalog.Rights
		literal map[string]string // an object, by the argument's type
		ask     string
	}{
		{"has_table_privilege", relationGiven, catalog.RelationClass.All(), map[string]string{"text": "'pg_class'", "oid": "1259"}, "SELECT"},
		{"has_any_column_privilege", relationGiven, columnRights, map[string]string{"text": "'pg_class'", "oid": "1259"}, "SELECT"},
		{"has_sequence_privilege", sequenceGiven, catalog.SequenceClass.All(), map[string]string{"text": "'no_such'", "oid": "1"}, "USAGE"},
		{"has_schema_privilege", schemaGiven, catalog.SchemaClass.All(), map[string]string{"text": "'pg_catalog'", "oid": "11"}, "USAGE"},
		{"has_database_privilege", databaseGiven, catalog.DatabaseClass.All(), map[string]string{"text": "'postgres'", "oid": "5"}, "CONNECT"},
		{"has_function_privilege", functionGiven, catalog.FunctionClass.All(), map[string]string{"text": "'lower(text)'", "oid": "870"}, "EXECUTE"},
		{"has_type_privilege", everyones(catalog.TypeClass, catalog.UsageRight), catalog.TypeClass.All(), map[string]string{"text": "'int4'", "oid": "23"}, "USAGE"},
		{"has_language_privilege", everyones(catalog.TypeClass, catalog.UsageRight), catalog.UsageRight, map[string]string{"text": "'internal'", "oid": "12"}, "USAGE"},
		{"has_tablespace_privilege", everyones(catalog.SchemaClass, 0), catalog.CreateRight, map[string]string{"text": "'pg_default'", "oid": "1663"}, "CREATE"},
		{"has_foreign_data_wrapper_privilege", connectorGiven, catalog.UsageRight, map[string]string{"text": "'kafka'", "oid": "1"}, "USAGE"},
		{"has_server_privilege", everyones(catalog.ConnectorClass, 0), catalog.UsageRight, map[string]string{"text": "'x'", "oid": "1"}, "USAGE"},
	} {
		for _, user := range []string{"", "name, ", "oid, "} {
			for _, object := range []string{"text", "oid"} {
				call := fmt.Sprintf("%s(%s%s::%s, '%s')", f.name, map[string]string{"": "", "name, ": "'ferris'::name, ", "oid, ": "10::oid, "}[user], f.literal[object], object, f.ask)
				ex := Example{SQL: call, Text: "t"}
				switch {
				case f.name == "has_sequence_privilege" && object == "text":
					ex.Text = "ERROR 42P01"
				case f.name == "has_sequence_privilege", f.name == "has_foreign_data_wrapper_privilege" && object == "oid":
					ex.Text = "NULL"
				case f.name == "has_tablespace_privilege", f.name == "has_server_privilege":
					ex.SQL = strings.Replace(call, "'"+f.ask+"'", "'"+f.ask+" WITH GRANT OPTION'", 1)
				}
				if user == "name, " || f.name == "has_server_privilege" || f.name == "has_foreign_data_wrapper_privilege" {
					ex.Ours = oursOnly
				}
				define(fmt.Sprintf("%s(%s%s, text) bool strict stable", f.name, user, object), Definition{Examples: []Example{ex},
					Value: inCatalog(func(env *Env, a []types.Value) (types.Value, error) {
						role, err := env.User, error(nil)
						if user != "" {
							if role, err = roleGiven(env, a[0]); err != nil {
								return types.Value{}, err
							}
							a = a[1:]
						}
						o, ok, err := f.find(env, a[0])
						if err != nil {
							return types.Value{}, err
						}
						list, err := askedFor(a[1].S, f.class)
						if err != nil {
							return types.Value{}, err
						}
						if !ok {
							return null(types.Bool)
						}
						if f.name == "has_any_column_privilege" {
							return answerColumns(env, role, env.Catalog.RelationByOID(o.OID), -1, list)
						}
						return answer(env, role, o, list)
					})})
			}
		}
	}
	defineColumnPrivileges()
	defineRoleChecks()
}

// columnRights are the privileges that columns can have.
var columnRights = catalog.ColumnClass.All()

// defineColumnPrivileges are has_column_privilege in all forms: who has a privilege
// on a relation has it on each column.
func defineColumnPrivileges() {
	literals := map[string]map[string]string{
		"name": {"": "'ferris'::name"}, "oid": {"": "10::oid", "object": "1259::oid"},
		"text": {"object": "'pg_class'::text", "column": "'relname'::text"}, "int2": {"column": "1::int2"},
	}
	for _, user := range []string{"", "name", "oid"} {
		for _, object := range []string{"text", "oid"} {
			for _, column := range []string{"text", "int2"} {
				args, call := []string{object, column, "text"}, []string{literals[object]["object"], literals[column]["column"], "'SELECT'"}
				ex := Example{Text: "t"}
				if user != "" {
					args, call = append([]string{user}, args...), append([]string{literals[user][""]}, call...)
				}
				if user == "name" {
					ex.Ours = oursOnly
				}
				ex.SQL = "has_column_privilege(" + strings.Join(call, ", ") + ")"
				define("has_column_privilege("+strings.Join(args, ", ")+") bool strict stable", Definition{Value: inCatalog(func(env *Env, a []types.Value) (types.Value, error) {
					role, err := env.User, error(nil)
					if user != "" {
						if role, err = roleGiven(env, a[0]); err != nil {
							return types.Value{}, err
						}
						a = a[1:]
					}
					return hasColumnPrivilege(env, role, a)
				}), Examples: []Example{ex}})
			}
		}
	}
	for _, user := range []string{"", "name", "oid"} {
		args, call, ex := "text, text", "'work_mem', 'SET'", Example{Text: "t"}
		if user != "" {
			args, call = user+", "+args, literals[user][""]+", "+call
		}
		if user == "name" {
			ex.Ours = oursOnly
		}
		ex.SQL = "has_parameter_privilege(" + call + ")"
		define("has_parameter_privilege("+args+") bool strict stable", Definition{Value: inCatalog(func(env *Env, a []types.Value) (types.Value, error) {
			if user == "name" {
				if _, err := roleGiven(env, a[0]); err != nil {
					return types.Value{}, err
				}
			}
			return boolean(true) // what a client may not set, nobody may grant
		}), Examples: []Example{ex}})
	}
}

func hasColumnPrivilege(env *Env, role string, a []types.Value) (types.Value, error) {
	r, err := namedRelation(env, a[0])
	if err != nil {
		return types.Value{}, err
	}
	list, err := askedFor(a[2].S, columnRights)
	if err != nil {
		return types.Value{}, err
	}
	if r == nil {
		return null(types.Bool)
	}
	at := 0
	if a[1].Type.OID == types.Text {
		if at = r.ColumnNamed(a[1].S); at < 0 {
			return types.Value{}, sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", a[1].S, r.Name)
		}
	} else if at = r.ByAttribute(int16(a[1].I)); at < 0 {
		return null(types.Bool)
	}
	return answerColumns(env, role, r, at, list)
}

// defineRoleChecks are pg_has_role in all forms.
func defineRoleChecks() {
	literals := map[string]string{"name": "'ferris'::name", "oid": "10::oid"}
	role := func(env *Env, v types.Value) (string, error) {
		if v.Type.OID == types.Oid {
			name, ok := env.Catalog.RoleName(types.OID(v.I), env.User)
			if !ok {
				return "", nil
			}
			return name, nil
		}
		return roleNamed(env, v.S)
	}
	for _, args := range [][]string{{"name"}, {"oid"}, {"name", "name"}, {"name", "oid"}, {"oid", "name"}, {"oid", "oid"}} {
		ex := Example{Text: "t"}
		var call []string
		for _, a := range args {
			call = append(call, literals[a])
			if a == "name" {
				ex.Ours = oursOnly
			}
		}
		ex.SQL = "pg_has_role(" + strings.Join(call, ", ") + ", 'USAGE')"
		define("pg_has_role("+strings.Join(args, ", ")+", text) bool strict stable", Definition{Value: inCatalog(func(env *Env, a []types.Value) (types.Value, error) {
			user, err := env.User, error(nil)
			if len(args) == 2 {
				if user, err = role(env, a[0]); err != nil {
					return types.Value{}, err
				}
				a = a[1:]
			}
			group, err := role(env, a[0])
			if err != nil {
				return types.Value{}, err
			}
			return hasRole(env.Catalog, user, group, a[1].S)
		}), Examples: []Example{ex}})
	}
}

func hasRole(s *catalog.Snapshot, user, group, list string) (types.Value, error) {
	has := false
	for _, word := range strings.Split(list, ",") {
		word = strings.ToUpper(strings.TrimSpace(word))
		kind, option, _ := strings.Cut(word, " ")
		check := map[string]func(string, string) bool{"USAGE": s.HasRole, "MEMBER": s.MemberOf, "SET": s.MaySet}[kind]
		switch {
		case check != nil && (option == "WITH ADMIN OPTION" || option == "WITH GRANT OPTION"):
			check = s.MayAdmin
		case check == nil || option != "":
			return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized privilege type: \"%s\"", strings.TrimSpace(word))
		}
		has = has || check(user, group)
	}
	return boolean(has)
}

func init() {
	type vs = []types.Value
	items := func(a catalog.ACL) types.Value {
		var elems vs
		for _, t := range a.Texts() {
			elems = append(elems, types.Value{Type: types.Of(1033), S: t})
		}
		return types.NewArray(types.Of(1033), elems)
	}
	define("acldefault(char, oid) _aclitem strict immutable oid 3943", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			classes := map[string]catalog.ObjectClass{
				"r": catalog.RelationClass, "s": catalog.SequenceClass, "n": catalog.SchemaClass, "f": catalog.FunctionClass, "d": catalog.DatabaseClass,
				"T": catalog.TypeClass, "F": catalog.ConnectorClass, "c": catalog.ColumnClass,
			}
			class, ok := classes[a[0].S]
			if !ok {
				return types.Value{}, sqlerr.Errorf(sqlerr.FeatureNotSupported, "unrecognized object type abbreviation: %s", a[0].S).
					WithHint("There are privileges on r, c, s, n, f, d, T and F.")
			}
			owner := fmt.Sprint(a[1].I)
			if env.Catalog != nil {
				if name, ok := env.Catalog.RoleName(types.OID(a[1].I), env.User); ok {
					owner = name
				}
			}
			o := catalog.Object{Class: class, Owner: owner}
			return items(o.Default()), nil
		},
		Examples: examples("cardinality(acldefault('d', 10::oid))", "2", "cardinality(acldefault('r', 10::oid))", "1"),
	})
	define("aclexplode(_aclitem) setof record(grantor oid, grantee oid, privilege_type text, is_grantable bool) strict stable oid 1689", Definition{
		Set: func(_ *Env, a vs) (Set, error) {
			var rows []vs
			for _, e := range a[0].A.Elems {
				item, ok := catalog.ParseACLItem(e.S)
				if e.Null || !ok {
					continue
				}
				for _, name := range item.Rights.Names() {
					grantee := types.OID(0)
					if item.Grantee != "" {
						grantee = catalog.RoleOID(item.Grantee)
					}
					rows = append(rows, vs{
						types.NewInt(types.Oid, int64(catalog.RoleOID(item.Grantor))), types.NewInt(types.Oid, int64(grantee)),
						types.NewText(name), types.NewBool(item.Options&catalog.RightNamed(name) != 0),
					})
				}
			}
			return tupleSet(len(rows), func(i int) vs { return rows[i] }), nil
		},
		Examples: examples("privilege_type FROM aclexplode(acldefault('s', 10::oid)) ORDER BY 1", "SELECT, UPDATE, USAGE"),
	})
}
