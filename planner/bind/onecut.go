package bind

import (
	"cmp"
	"maps"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// What a continuous query follows goes from one version of the tables to the next as
// one. A materialized view has what its tables had when its job's last epoch ended, and
// so what a commit changes in it comes later than what it changes in a table, or in
// another view. Where a view is followed beside either, it is bound as its query, as one
// of CREATE VIEW would be, and all of the statement follows the same tables. Views that
// cannot be bound so are followed from one cut of theirs to the next, by exec.

// viewUse is how a statement reads the materialized views that it names.
type viewUse struct {
	asQuery []types.OID          // as their queries
	last    []types.OID          // of asQuery those that came last, unless binding went back behind them
	asKept  map[types.OID]string // as they are, and why
}

// without has the views that came last read as they are, since the statement cannot be
// bound with their queries; where that was done already, all but the first ones.
func (u viewUse) without(first int, why *sqlerr.Error) viewUse {
	kept := maps.Clone(u.asKept)
	if kept == nil {
		kept = map[types.OID]string{}
	}
	n := first
	if len(u.last) > 0 {
		n = len(u.asQuery) - len(u.last)
	}
	for _, oid := range u.asQuery[n:] {
		kept[oid] = "its query cannot be a part of this one: " + why.Message
	}
	return viewUse{asQuery: u.asQuery[:n], asKept: kept}
}

// inlining ends binding: it begins again, with more views that are bound as their
// queries.
type inlining struct{ views []types.OID }

// followed is a relation that a continuous query reads.
type followed struct {
	rel    *catalog.Relation
	from   map[types.OID]bool // itself, and what it is made from, through whatever is between
	height int                // how many views are below each other in it
	apart  string             // why it cannot be bound as its query; "": it can
}

// oneCut begins binding again where views must be bound as their queries for the rows
// that are followed to be of one moment. root's tables are marked as followed.
func (b *binder) oneCut(root plan.Node) {
	if b.c.Job != "" {
		return // it was decided when the job was made
	}
	var all []*followed
	follows := false
	plan.WalkAll(root, func(n plan.Node) {
		s, ok := n.(*plan.Scan)
		if !ok || s.Relation.OID == 0 {
			return
		}
		follows = follows || s.Follow
		if !slices.ContainsFunc(all, func(f *followed) bool { return f.rel.OID == s.Relation.OID }) {
			all = append(all, b.followed(s.Relation))
		}
	})
	if !follows {
		return
	}
	var views []*followed
	for _, f := range all {
		if f.rel.Kind != catalog.MatView {
			continue
		}
		other := f.meets(all)
		switch {
		case other == nil:
		case f.apart == "":
			views = append(views, f)
		default:
			b.tellApart(f, other)
		}
	}
	if len(views) == 0 {
		return
	}
	// Views of views first: what they read may then do as it is.
	highest := slices.MaxFunc(views, func(x, y *followed) int { return cmp.Compare(x.height, y.height) }).height
	var next inlining
	for _, f := range views {
		if f.height == highest {
			next.views = append(next.views, f.rel.OID)
		}
	}
	panic(next)
}

// meets is another relation that should change with a view; nil: there is none. That
// is any other that can, as one commit may change what both are made from; and of a view
// that cannot, a table that it is made from. Views that cannot, and are made from the same,
// are followed from one cut of them to the next, which exec sees to.
func (f *followed) meets(all []*followed) *followed {
	for _, o := range all {
		switch {
		case o == f, f.apart == "" && o.apart != "":
		case f.apart == "" || o.rel.Kind != catalog.MatView && f.shares(o):
			return o
		}
	}
	return nil
}

func (f *followed) shares(o *followed) bool {
	for oid := range f.from {
		if o.from[oid] {
			return true
		}
	}
	return false
}

// tellApart says that a view's changes come after those that they belong to.
func (b *binder) tellApart(f, other *followed) {
	b.notice("materialized view \"%s\" and \"%s\" are not followed at one moment, as %s", f.rel.Name, other.rel.Name, f.apart)
	e := b.shared.notices[len(b.shared.notices)-1]
	e.Detail = "A change of what both are made from comes with each of them by itself."
	e.Hint = "Write the view's query in its place."
}

// followed is what a relation that is followed is made from.
func (b *binder) followed(r *catalog.Relation) *followed {
	f := &followed{rel: r, from: map[types.OID]bool{}}
	f.height = b.madeFrom(r, f)
	if r.Kind == catalog.MatView && f.apart == "" {
		f.apart = b.apart(r)
	}
	return f
}

// madeFrom adds what a relation is made from, and returns how many materialized views
// are below each other in it.
func (b *binder) madeFrom(r *catalog.Relation, f *followed) int {
	f.from[r.OID] = true
	height := 0
	if r.Kind == catalog.View || r.Kind == catalog.MatView {
		for _, oid := range r.DependsOn {
			if on := b.c.Catalog.RelationByOID(oid); on != nil {
				height = max(height, b.madeFrom(on, f))
			}
		}
	}
	switch r.Kind {
	case catalog.MatView:
		return height + 1
	case catalog.Stream:
		f.apart = "stream \"" + r.Name + "\" would be read anew"
	}
	return height
}

// rowOptions are options of a job that decide which rows it gives.
var rowOptions = []string{"failure_strategy", "state.ttl", "allowed_lateness"}

// apart is why a view's query would not give the rows that the view has; "": it does.
func (b *binder) apart(v *catalog.Relation) string {
	if why := b.shared.use.asKept[v.OID]; why != "" {
		return why
	}
	j := b.c.Catalog.Job(v.Job)
	if j == nil {
		return "the view has no job"
	}
	for _, key := range rowOptions {
		if _, set := j.Options.Get(key); set {
			return "the view has a " + key + " of its own"
		}
	}
	for _, name := range []string{"TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output"} {
		was, had := j.Settings[name]
		if is, has := b.c.setting(name); had && has && is != was {
			return "the view was made with another " + name
		}
	}
	stmt, err := parse.Query(v.Query)
	if err != nil || stmt.Node.GetSelectStmt() == nil {
		return "the view's query does not parse"
	}
	if c := stmt.BySelect[lastLeaf(stmt.Node.GetSelectStmt())]; c != nil && c.Emit == "FINAL" {
		return "the view is of windows that are complete"
	}
	return ""
}

// asQuery reports whether a materialized view is bound as its query.
func (b *binder) asQuery(r *catalog.Relation) bool {
	return r.Kind == catalog.MatView && slices.Contains(b.shared.use.asQuery, r.OID)
}

// asInJob has the query of a materialized view mean what it does in the view's job.
func (b *binder) asInJob(v *catalog.Relation, sel *pg.SelectStmt) {
	b.top, b.late = lastLeaf(sel), plan.LateDrop
	c := b.stmt.BySelect[b.top]
	b.final = c != nil && c.Emit == "FINAL"
	if j := b.c.Catalog.Job(v.Job); j != nil {
		b.c.SearchPath = append([]string{v.Schema}, j.SearchPath()...)
		b.late = b.latePolicy(j.Options)
	}
}
