package function

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

var registry = struct {
	all    []*Definition
	byFunc map[*catalog.Function]*Definition
	bySig  map[string]*Definition
}{byFunc: map[*catalog.Function]*Definition{}, bySig: map[string]*Definition{}}

// Builtins returns every function, operator and cast. Aggregates are among
// them where the program imports exec/function/aggregate. The result is made
// once and shared: nobody changes it.
var Builtins = sync.OnceValue(func() *catalog.Builtins {
	b := &catalog.Builtins{}
	for _, d := range registry.all {
		b.Functions = append(b.Functions, d.Func)
	}
	b.Internal = internalFunctions()
	b.Operators = builtinOperators()
	b.Casts = builtinCasts()
	return b
})

// Kernel returns what runs f, nil where f is not of Builtins.
func Kernel(f *catalog.Function) *Definition { return registry.byFunc[f] }

// Lookup returns the function of that name and those argument types.
func Lookup(name string, args ...types.OID) *Definition {
	return registry.bySig[signatureKey(name, args)]
}

// All returns every definition, in the order of registration.
func All() []*Definition { return registry.all }

// define registers a function. The signature is as in
//
//	"lpad(text, int4, text) text strict immutable"
//
// with "setof" before the result of a set, "variadic" before a repeated last
// argument, "optional" before each that may be absent (with " = " and its value
// after it, which is then passed in its place), an argument's name before its type
// where PostgreSQL has no name for it or another function, and, where PostgreSQL has no such
// function, "oid 9901" at the end. A set of several columns is "setof record(key
// text, value jsonb)". Volatility is immutable where nothing is said.
func define(signature string, d Definition) *Definition {
	f, err := parseSignature(signature)
	if err != nil {
		panic(fmt.Sprintf("function: signature %q: %v", signature, err))
	}
	d.Func = f
	return add(&d)
}

// add registers a definition whose Func is filled in.
func add(d *Definition) *Definition {
	key := signatureKey(d.Func.Name, storedArgs(d.Func))
	if registry.bySig[key] != nil {
		panic("function: " + key + " defined twice")
	}
	registry.bySig[key] = d
	registry.byFunc[d.Func] = d
	registry.all = append(registry.all, d)
	return d
}

// DefineAggregate registers an aggregate's signature; exec/function/aggregate
// keeps what runs it.
func DefineAggregate(signature string, examples ...Example) *catalog.Function {
	d := define(signature, Definition{Examples: examples})
	d.Func.Kind = catalog.Aggregate
	return d.Func
}

func signatureKey(name string, args []types.OID) string {
	var b strings.Builder
	b.WriteString(name)
	b.WriteByte('(')
	for i, a := range args {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(typeName(a))
	}
	b.WriteByte(')')
	return polymorphic.Replace(b.String())
}

func parseSignature(s string) (*catalog.Function, error) {
	open, end := strings.IndexByte(s, '('), strings.IndexByte(s, ')')
	if open <= 0 || end < open {
		return nil, fmt.Errorf("no argument list")
	}
	f := &catalog.Function{Schema: "pg_catalog", Name: s[:open], Kind: catalog.Scalar, Volatility: 'i'}
	if err := parseArguments(f, s[open+1:end]); err != nil {
		return nil, err
	}
	result := s[end+1:]
	if record, columns, ok := strings.Cut(result, "record("); ok {
		columns, rest, _ := strings.Cut(columns, ")")
		if err := parseColumns(f, columns); err != nil {
			return nil, err
		}
		result = record + "record" + rest
	}
	if err := parseResult(f, strings.Fields(result)); err != nil {
		return nil, err
	}
	if f.OID == 0 {
		key := signatureKey(f.Name, storedArgs(f))
		row, ok := procRows[key]
		if !ok {
			return nil, fmt.Errorf("PostgreSQL has no %s: give it an oid", key)
		}
		f.OID = row.oid
		if len(f.ArgNames) == 0 && len(row.names) > 0 {
			f.ArgNames = row.names
		}
		if row.compatible {
			makeCompatible(f)
		}
	}
	return f, nil
}

// storedArgs are the arguments as pg_proc has them: of a variadic function the last
// one is an array.
func storedArgs(f *catalog.Function) []types.OID {
	last := len(f.Args) - 1
	if !f.Variadic || f.Args[last] == types.Any {
		return f.Args
	}
	args := slices.Clone(f.Args)
	args[last] = types.Lookup(args[last]).Array
	return args
}

func parseArguments(f *catalog.Function, s string) error {
	for _, arg := range strings.Split(s, ",") {
		arg = strings.TrimSpace(arg)
		if arg == "" {
			continue
		}
		if rest, ok := strings.CutPrefix(arg, "variadic "); ok {
			f.Variadic, arg = true, rest
		}
		if rest, ok := strings.CutPrefix(arg, "optional "); ok {
			f.Optional++
			arg = rest
		}
		arg, value, hasDefault := strings.Cut(arg, " = ")
		if name, typ, ok := strings.Cut(arg, " "); ok {
			for len(f.ArgNames) < len(f.Args) {
				f.ArgNames = append(f.ArgNames, "")
			}
			f.ArgNames, arg = append(f.ArgNames, name), typ
		}
		oid, err := typeNamed(arg)
		if err != nil {
			return err
		}
		f.Args = append(f.Args, oid)
		if hasDefault {
			v, err := types.Parse(types.Of(oid), value, types.DefaultFormat())
			if err != nil {
				return fmt.Errorf("reading the default of argument %d: %w", len(f.Args), err)
			}
			f.Defaults = append(f.Defaults, v)
		}
	}
	if len(f.Defaults) != 0 && len(f.Defaults) != f.Optional {
		return fmt.Errorf("%d defaults of %d optional arguments", len(f.Defaults), f.Optional)
	}
	return nil
}

// parseColumns reads the columns of a set of records.
func parseColumns(f *catalog.Function, s string) error {
	for _, column := range strings.Split(s, ",") {
		name, typ, ok := strings.Cut(strings.TrimSpace(column), " ")
		if !ok {
			return fmt.Errorf("column %q has no type", column)
		}
		oid, err := typeNamed(typ)
		if err != nil {
			return err
		}
		f.Out = append(f.Out, catalog.Column{Name: name, Type: types.Of(oid)})
	}
	return nil
}

func parseResult(f *catalog.Function, words []string) error {
	if len(words) > 0 && words[0] == "setof" {
		f.Set, words = true, words[1:]
	}
	if len(words) == 0 {
		return fmt.Errorf("no result type")
	}
	oid, err := typeNamed(words[0])
	if err != nil {
		return err
	}
	f.Ret = oid
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "strict":
			f.Strict = true
		case "immutable":
			f.Volatility = 'i'
		case "stable":
			f.Volatility = 's'
		case "volatile":
			f.Volatility = 'v'
		case "oid":
			i++
			if i == len(words) {
				return fmt.Errorf("no number after oid")
			}
			if _, err := fmt.Sscan(words[i], &f.OID); err != nil {
				return fmt.Errorf("reading oid %q: %w", words[i], err)
			}
		default:
			return fmt.Errorf("unknown word %q", words[i])
		}
	}
	return nil
}

// typeNames are OIDs by pg_type.typname.
var typeNames = sync.OnceValue(func() map[string]types.OID {
	m := map[string]types.OID{"any": types.Any, "anyarray": types.AnyArray, "anyelement": types.AnyElement,
		"anynonarray": types.AnyNonArray, "record": types.Record, "void": types.Void, "cstring": types.Cstring}
	for _, info := range types.All() {
		m[info.Name] = info.OID
	}
	return m
})

// typeName is the inverse of typeNamed.
func typeName(oid types.OID) string {
	if info := types.Lookup(oid); info != nil {
		return info.Name
	}
	for name, o := range typeNames() {
		if o == oid {
			return name
		}
	}
	return fmt.Sprint(oid)
}

// typeNamed resolves a pg_type.typname, with [] for its array.
func typeNamed(name string) (types.OID, error) {
	elem, array := strings.CutSuffix(name, "[]")
	oid, ok := typeNames()[elem]
	if !ok {
		return 0, fmt.Errorf("no type %q", name)
	}
	if array {
		oid = types.Lookup(oid).Array
	}
	return oid, nil
}
