package catalog

import (
	"slices"
	"sort"
	"sync/atomic"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Snapshot is the catalog at one version. It is immutable.
type Snapshot struct {
	Version   uint64
	schemas   map[string]*Schema
	relations map[string]map[string]*Relation // schema, name
	byOID     map[types.OID]*Relation
	jobs      map[string]*Job
	enums     map[enumName]*Enum
	enumOf    map[types.OID]*Enum
	roles     map[string]*Role
	guards    map[storeKey]*guard
	owed      map[types.OID]*Owed
	defaults  map[types.OID]*DefaultACL
	added     map[types.OID]bool // labels of enums, by OID, that the transaction at hand has added
	strict    bool               // a name without a role has no more rights than everyone
	builtins  *builtinIndex
	roleNames atomic.Pointer[map[types.OID]string] // of Roles; nil: not asked for yet
	inOrder   atomic.Pointer[[]*Relation]          // Relations; nil: not asked for yet
}

// Schema returns a schema, nil where there is none.
func (s *Snapshot) Schema(name string) *Schema { return s.schemas[name] }

// Relation returns a relation, nil where there is none.
func (s *Snapshot) Relation(schema, name string) *Relation { return s.relations[schema][name] }

// Resolve finds an unqualified name along a search path, in which pg_catalog
// comes first unless it is named.
func (s *Snapshot) Resolve(path []string, name string) *Relation {
	for _, schema := range EffectivePath(path) {
		if r := s.relations[schema][name]; r != nil {
			return r
		}
	}
	return nil
}

// RelationByOID returns a relation, nil where there is none.
func (s *Snapshot) RelationByOID(oid types.OID) *Relation { return s.byOID[oid] }

// With is the catalog with other relations in the place of those with their OIDs.
func (s *Snapshot) With(changed ...*Relation) *Snapshot {
	d := newDraft(s)
	for _, r := range changed {
		if old := d.byOID[r.OID]; old != nil {
			d.removeRelation(old)
		}
		d.putRelation(r)
	}
	return d.freeze(s.Version)
}

// Job returns a job, nil where there is none.
func (s *Snapshot) Job(name string) *Job { return s.jobs[name] }

// Schemas are all schemas by name.
func (s *Snapshot) Schemas() []*Schema {
	return sorted(s.schemas, func(v *Schema) string { return v.Name })
}

// Relations are all relations by schema and name. The list is not the caller's to
// change.
func (s *Snapshot) Relations() []*Relation {
	if kept := s.inOrder.Load(); kept != nil {
		return *kept
	}
	var all []*Relation
	for _, schema := range s.Schemas() {
		all = append(all, sorted(s.relations[schema.Name], func(v *Relation) string { return v.Name })...)
	}
	all = slices.Clip(all)
	s.inOrder.Store(&all) // whoever is first; all make the same
	return all
}

// SchemaRelations are the relations of a schema, by name.
func (s *Snapshot) SchemaRelations(schema string) []*Relation {
	return sorted(s.relations[schema], func(v *Relation) string { return v.Name })
}

// Jobs are all jobs by name.
func (s *Snapshot) Jobs() []*Job {
	return sorted(s.jobs, func(v *Job) string { return v.Name })
}

// Functions are those of one name, in pg_catalog or ferris.
func (s *Snapshot) Functions(name string) []*Function { return s.builtins.functions[name] }

// NamedFunctions are those of one name that pg_proc has: those of Functions, and
// those that no statement can call.
func (s *Snapshot) NamedFunctions(name string) []*Function {
	f, internal := s.builtins.functions[name], s.builtins.internal[name]
	if len(internal) == 0 {
		return f
	}
	return append(f[:len(f):len(f)], internal...)
}

// FunctionByOID returns a function that pg_proc has, nil where there is none.
func (s *Snapshot) FunctionByOID(oid types.OID) *Function { return s.builtins.byOID[oid] }

// Operators are those of one name.
func (s *Snapshot) Operators(name string) []*Operator { return s.builtins.operators[name] }

// Cast returns how source becomes target, nil where pg_cast has no row.
func (s *Snapshot) Cast(source, target types.OID) *Cast {
	return s.builtins.casts[[2]types.OID{source, target}]
}

// Builtins are everything the function registry declared.
func (s *Snapshot) Builtins() *Builtins { return s.builtins.all }

// EffectivePath is a search path with pg_catalog in its implicit place.
func EffectivePath(path []string) []string {
	for _, p := range path {
		if p == "pg_catalog" {
			return path
		}
	}
	return append([]string{"pg_catalog"}, path...)
}

type builtinIndex struct {
	all       *Builtins
	functions map[string][]*Function
	internal  map[string][]*Function
	byOID     map[types.OID]*Function // both
	operators map[string][]*Operator
	casts     map[[2]types.OID]*Cast
}

func newBuiltinIndex(b *Builtins) *builtinIndex {
	x := &builtinIndex{
		all: b, functions: map[string][]*Function{}, internal: map[string][]*Function{}, byOID: map[types.OID]*Function{},
		operators: map[string][]*Operator{}, casts: map[[2]types.OID]*Cast{},
	}
	for _, f := range b.Functions {
		x.functions[f.Name] = append(x.functions[f.Name], f)
		x.byOID[FunctionOID(f)] = f
	}
	for _, f := range b.Internal {
		x.internal[f.Name] = append(x.internal[f.Name], f)
		x.byOID[FunctionOID(f)] = f
	}
	for _, o := range b.Operators {
		x.operators[o.Name] = append(x.operators[o.Name], o)
	}
	for _, c := range b.Casts {
		x.casts[[2]types.OID{c.Source, c.Target}] = c
	}
	return x
}

func sorted[K comparable, V any](m map[K]V, name func(V) string) []V {
	all := make([]V, 0, len(m))
	for _, v := range m {
		all = append(all, v)
	}
	sort.Slice(all, func(i, j int) bool { return name(all[i]) < name(all[j]) })
	return all
}
