package bind

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// createMatView is CREATE MATERIALIZED VIEW: a table that nobody changes but the
// job of its query.
func (b *binder) createMatView(x *pg.CreateTableAsStmt) *plan.Bound {
	sel := x.Query.GetSelectStmt()
	into := x.Into
	name := parse.Name{Schema: into.Rel.Schemaname, Name: clipName(into.Rel.Relname), Pos: b.pos(into.Rel.Location)}
	if sel == nil {
		b.unsupported(-1, "Write the query itself: CREATE MATERIALIZED VIEW "+name.Name+" AS SELECT ...", "CREATE MATERIALIZED VIEW AS EXECUTE is not supported")
	}
	b.tablespace(into.TableSpaceName)
	r := b.c.View
	if r == nil {
		r = b.newRelation(name, catalog.MatView)
		r.Query = b.stmt.Inner
		r.Table = &catalog.TableInfo{OnCommit: catalog.PreserveRows}
		if b.c.Catalog.NameTaken(r.Schema, r.Name) {
			if x.IfNotExists {
				return done(&plan.CreateMatView{Relation: r, IfNotExists: true})
			}
			b.fail(sqlerr.Errorf(sqlerr.DuplicateTable, "relation \"%s\" already exists", r.Name))
		}
		r.Job = b.jobOfView(r)
	}
	b.live, b.views, b.top = true, true, lastLeaf(sel)
	c := b.stmt.BySelect[b.top]
	b.final = c != nil && c.Emit == "FINAL"
	keys := b.queryKeys(sel, b.stmt.With, nil, name.Name)
	keys.own = append(keys.own, b.viewOptions(into.Options)...)
	b.declareInline(keys, sel)
	b.late = b.latePolicy(keys.own)
	var root plan.Node
	if v := b.c.View; v != nil && v.Query != b.stmt.Inner {
		root = b.view(v, -1) // in its own text * was written out, and may stand for more by now
	} else {
		root = unordered(b.query(sel, nil, nil))
	}
	b.maintainable(root)
	j := b.job(parse.Name{Name: r.Job, Pos: name.Pos}, root, keys, false, false)
	if b.c.View == nil {
		b.shapeView(r, j, strs(into.ColNames))
		b.settleText(r)
	}
	s := &plan.TableSink{Rules: b.rowRules(r)}
	for i, f := range j.Root.Schema() {
		s.Row = append(s.Row, columnOfField(i, f))
	}
	if i := slices.IndexFunc(r.Table.Indexes, func(x *catalog.Index) bool { return x.Maintains }); i >= 0 {
		s.Key = r.Table.Indexes[i]
	}
	j.Sinks, j.Depends, j.View = []plan.SinkTarget{{Relation: r, Table: s}}, nil, true
	return done(&plan.CreateMatView{Relation: r, Job: j, IfNotExists: x.IfNotExists, NoData: into.SkipData})
}

// jobOfView is a name for a view's job that no other has.
func (b *binder) jobOfView(r *catalog.Relation) string {
	name := r.Name
	for i := 1; b.c.Catalog.Job(name) != nil; i++ {
		name = fmt.Sprintf("%s_%d", r.Name, i)
	}
	return name
}

// viewOptions are those of WITH before AS: the job's, and PostgreSQL's storage
// parameters, which are checked and mean nothing here.
func (b *binder) viewOptions(list []*pg.Node) catalog.Options {
	var own catalog.Options
	var storage []*pg.Node
	for _, n := range list {
		d := n.GetDefElem()
		key := d.Defname
		if d.Defnamespace != "" {
			key = d.Defnamespace + "." + key
		}
		if _, known := tableOptions[d.Defname]; known || d.Defnamespace == "toast" {
			storage = append(storage, n)
			continue
		}
		if key = strings.ToLower(key); !jobKeys[key] && b.c.View == nil {
			b.unknownKey(key, nil, b.pos(d.Location))
		}
		own = append(own, catalog.Option{Key: key, Value: optionText(d)})
	}
	b.storageOptions(storage, tableOptions)
	return own
}

// shapeView gives a new view its columns, and the index by which its job finds the
// rows that change: the first key of the query's rows, else the rows whole.
func (b *binder) shapeView(r *catalog.Relation, j *plan.StartJob, names []string) {
	b.tableColumns(r, j.Root.Schema(), names)
	r.DependsOn = j.Depends
	for _, key := range plan.Derive(j.Root).Keys {
		if len(key) == 0 || len(key) > 32 || slices.ContainsFunc(key, func(c int) bool { return !comparable(r.Columns[c].Type) }) {
			continue
		}
		x := &catalog.Index{Name: b.indexName(r, "key"), Unique: true, NullsNotDistinct: true, Maintains: true}
		for _, c := range key {
			x.Keys = append(x.Keys, catalog.IndexKey{Column: c, Type: r.Columns[c].Type})
		}
		r.Table.Indexes = append(r.Table.Indexes, x)
		return
	}
	if !j.Changelog {
		return
	}
	quoted := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		quoted[i] = catalog.QuoteName(c.Name)
	}
	r.Table.Indexes = append(r.Table.Indexes, &catalog.Index{Name: b.indexName(r, "rows"), Maintains: true,
		Keys: []catalog.IndexKey{{Column: -1, Expr: "md5((ROW(" + strings.Join(quoted, ", ") + "))::text)", Type: types.Of(types.Text)}}})
}

// indexName is a free name for an index of a view.
func (b *binder) indexName(r *catalog.Relation, what string) string {
	base := r.Name + "_" + what
	name := base
	for i := 1; b.c.Catalog.NameTaken(r.Schema, name); i++ {
		name = fmt.Sprintf("%s%d", base, i)
	}
	return name
}

func comparable(t types.Type) bool {
	info := types.Lookup(t.OID)
	return info != nil && info.Comparable
}

// unordered leaves out an ORDER BY at the top of a view's query: rows of a table
// have no order.
func unordered(n plan.Node) plan.Node {
	switch x := n.(type) {
	case *plan.Sort:
		return x.Input
	case *plan.Project:
		if s, ok := x.Input.(*plan.Sort); ok {
			out := *x
			out.Input = s.Input
			return &out
		}
	}
	return n
}

// moving are functions whose value is another as time passes, without a row having
// changed.
var moving = []string{"now", "transaction_timestamp", "statement_timestamp", "clock_timestamp", "timeofday",
	"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}

// maintainable refuses a query whose answer changes without its rows.
func (b *binder) maintainable(root plan.Node) {
	plan.WalkAll(root, func(n plan.Node) {
		switch n := n.(type) {
		case *plan.VirtualScan:
			b.unsupported(-1, "Query the catalog itself, or a view over it: CREATE VIEW.", "a materialized view over system catalog \"%s\" is not supported", n.Relation.Name)
		case *plan.FunctionScan:
			for _, c := range n.Calls {
				if c.Func != nil && c.Func.Volatility == 'v' {
					b.unsupported(-1, "Insert its rows into a table, and read that.", "a materialized view over %s() is not supported, as its rows are others each time", c.Func.Name)
				}
			}
		}
		plan.EachExpr(n, func(e plan.Expr) {
			plan.Walk(e, func(x plan.Expr) bool {
				c, ok := x.(*plan.Call)
				if ok && (c.Func.Volatility == 'v' || slices.Contains(moving, c.Func.Name)) {
					b.unsupported(-1, "Compute it where the view is read: SELECT ... FROM the view WHERE ts > now() - INTERVAL '1 hour'.",
						"a materialized view with %s() is not supported, as its value changes while no row does", c.Func.Name)
				}
				return true
			})
		})
	})
}

// refresh is REFRESH MATERIALIZED VIEW, which waits until the view has what is
// committed in the tables that it reads.
func (b *binder) refresh(x *pg.RefreshMatViewStmt) *plan.Bound {
	r := b.maintained(x.Relation)
	switch {
	case r.Kind != catalog.MatView:
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "\"%s\" is not a materialized view", r.Name))
	case x.SkipData && x.Concurrent:
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together"))
	case x.SkipData:
		b.unsupported(-1, "Drop the view where its rows are not wanted.", "REFRESH MATERIALIZED VIEW ... WITH NO DATA is not supported")
	}
	b.ownRelation(r)
	b.notice("materialized view \"%s\" is maintained as its sources change; there is nothing to refresh", r.Name)
	return done(&plan.RefreshMatView{Relation: r})
}

// refuseRewritten refuses to write the rows of a table anew that views and jobs read:
// to those that go on from a version before, each row would come a second time.
func (b *binder) refuseRewritten(r *catalog.Relation) {
	for _, j := range b.c.Catalog.Jobs() {
		if slices.Contains(j.DependsOn, r.OID) && !slices.Contains(j.Sinks, r.Schema+"."+r.Name) {
			b.unsupported(-1, "Add the column without its values or its index (a constant DEFAULT is taken); then ALTER COLUMN SET DEFAULT, UPDATE the rows, and CREATE the index.",
				"an ALTER TABLE that writes the rows of \"%s\" anew, which \"%s\" reads, is not supported", r.Name, j.Name)
		}
	}
}

// refuseFollowed refuses to change the columns of a table that materialized views
// and jobs follow.
func (b *binder) refuseFollowed(r *catalog.Relation, what string) {
	if !r.Stored() {
		return
	}
	for _, v := range b.c.Catalog.Relations() {
		if v.Kind == catalog.MatView && slices.Contains(v.DependsOn, r.OID) {
			b.unsupported(-1, "Drop materialized view "+catalog.QuoteName(v.Name)+", alter the table, and create the view again.",
				"%s of table \"%s\", which materialized view \"%s\" follows, is not supported", what, r.Name, v.Name)
		}
	}
	for _, j := range b.c.Catalog.Jobs() {
		if slices.Contains(j.DependsOn, r.OID) {
			b.unsupported(-1, "Drop job "+catalog.QuoteName(j.Name)+", alter the table, and start the job again.",
				"%s of table \"%s\", which job \"%s\" uses, is not supported", what, r.Name, j.Name)
		}
	}
}
