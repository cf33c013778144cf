package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func pgProc(c *Context, t *table) {
	all := c.Snapshot.Builtins()
	for _, list := range [][]*catalog.Function{all.Functions, all.Internal} {
		for _, f := range list {
			proc(c, t, f)
		}
	}
}

func proc(c *Context, t *table, f *catalog.Function) {
	in := inputs(f)
	r := t.row().
		oid("oid", catalog.FunctionOID(f)).
		str("proname", f.Name).
		oid("pronamespace", schemaOID(c, functionSchema(f))).
		oid("proowner", catalog.RoleOID(catalog.Superuser)).
		oid("prolang", languageInternal).
		real("procost", 1).
		chr("prokind", byte(f.Kind)).
		bool("proisstrict", f.Strict).
		bool("proretset", f.Set).
		chr("provolatile", f.Volatility).
		chr("proparallel", 's').
		num("pronargs", int64(len(in))).
		num("pronargdefaults", int64(f.Optional)).
		oid("prorettype", f.Ret).
		oids("proargtypes", in).
		str("prosrc", f.Name).
		acl("proacl", c.Snapshot.FunctionObject(f))
	if f.Set {
		r.real("prorows", 1000)
	}
	if f.Variadic {
		r.oid("provariadic", f.Args[len(f.Args)-1])
	}
	if f.Variadic || len(f.Out) > 0 {
		allArguments(r, f, in)
	}
	if len(f.ArgNames) > 0 || len(f.Out) > 0 {
		r.strs("proargnames", argumentNames(f))
	}
	r.emit()
}

func functionSchema(f *catalog.Function) string {
	if f.Schema == "" {
		return "pg_catalog"
	}
	return f.Schema
}

// inputs are the argument types as pg_proc has them: the one that repeats is an
// array, unless it is "any".
func inputs(f *catalog.Function) []types.OID {
	in := append([]types.OID(nil), f.Args...)
	if !f.Variadic {
		return in
	}
	last := &in[len(in)-1]
	switch {
	case *last == types.AnyElement || *last == types.AnyNonArray:
		*last = types.AnyArray
	case *last != types.Any:
		if i := types.Lookup(*last); i != nil && i.Array != 0 {
			*last = i.Array
		}
	}
	return in
}

func allArguments(r *row, f *catalog.Function, in []types.OID) {
	var modes []string
	all := append([]types.OID(nil), in...)
	for i := range in {
		mode := "i"
		if f.Variadic && i == len(in)-1 {
			mode = "v"
		}
		modes = append(modes, mode)
	}
	for _, o := range f.Out {
		all, modes = append(all, o.Type.OID), append(modes, "o")
	}
	r.oids("proallargtypes", all).strs("proargmodes", modes)
}

func argumentNames(f *catalog.Function) []string {
	names := append([]string(nil), f.ArgNames...)
	for len(names) < len(f.Args) {
		names = append(names, "")
	}
	for _, o := range f.Out {
		names = append(names, o.Name)
	}
	return names
}
