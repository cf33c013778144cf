package bind

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// foreign is what foreign keys ask of a change of a table; nil: it has none, and
// none references it.
func (b *binder) foreign(rel *catalog.Relation) *plan.Foreign {
	if len(rel.Foreign()) == 0 && len(b.c.Catalog.References(rel.OID)) == 0 {
		return nil
	}
	f := &foreignPlan{binder: b, out: &plan.Foreign{}, at: map[*catalog.Relation]int{}}
	f.table(rel)
	f.reached(0)
	return f.out
}

// foreignPlan is a plan.Foreign in the making.
type foreignPlan struct {
	*binder
	out *plan.Foreign
	at  map[*catalog.Relation]int // places of tables
}

func (f *foreignPlan) table(r *catalog.Relation) int {
	if at, ok := f.at[r]; ok {
		return at
	}
	f.at[r] = len(f.out.Tables)
	f.out.Tables = append(f.out.Tables, plan.ForeignTable{Relation: r})
	return f.at[r]
}

// reached follows the foreign keys of a table that changes, and, where those that
// reference it change their tables too, those of these.
func (f *foreignPlan) reached(at int) {
	r := f.out.Tables[at].Relation
	var keys, references []plan.ForeignKey
	foreign := r.Foreign()
	for i := range foreign {
		if target := f.c.Catalog.RelationByOID(foreign[i].Target); target != nil {
			keys = append(keys, f.key(r, target, &foreign[i]))
		}
	}
	for _, k := range f.c.Catalog.References(r.OID) {
		references = append(references, f.key(k.Relation, r, k.Key))
	}
	f.out.Tables[at].Keys, f.out.Tables[at].References = keys, references
	for _, k := range references {
		if k.Key.OnDelete.Checks() && k.Key.OnUpdate.Checks() || f.out.Tables[k.From].Changes {
			continue
		}
		f.changes(k.From)
		if k.From != 0 {
			f.reached(k.From)
		}
	}
}

func (f *foreignPlan) key(from, to *catalog.Relation, k *catalog.ForeignKey) plan.ForeignKey {
	out := plan.ForeignKey{Key: k, From: f.table(from), To: f.table(to)}
	for i := range k.Attrs {
		out.Columns = append(out.Columns, from.ByAttribute(k.Attrs[i]))
		out.Targeted = append(out.Targeted, to.ByAttribute(k.Refs[i]))
	}
	return out
}

// changes has the rules ready by which an action changes a table's rows.
func (f *foreignPlan) changes(at int) {
	t := &f.out.Tables[at]
	t.Changes, t.Rules = true, f.rowRules(t.Relation)
	if !slices.ContainsFunc(t.Relation.Foreign(), func(k catalog.ForeignKey) bool {
		return k.OnDelete == catalog.SetDefault || k.OnUpdate == catalog.SetDefault
	}) {
		return
	}
	t.Defaults = make([]plan.Expr, len(t.Relation.Columns))
	for i, c := range t.Relation.Columns {
		if c.Default != "" {
			t.Defaults[i] = f.defaultOf(c)
		}
	}
}
