package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// startJob is START JOB name AS SELECT ... [INTO sinks] [WITH (...)], or, alone,
// the start of a job that was stopped.
func (b *binder) startJob(x *parse.StartJob) *plan.Bound {
	if x.Select == nil {
		b.ownJob(x.Name.Name)
		return done(&plan.AlterJob{Name: x.Name.Name, Action: plan.JobStart})
	}
	sel := x.Select.GetSelectStmt()
	if x.Target != nil {
		if len(b.stmt.Into) > 0 {
			b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "INSERT INTO and INTO cannot both be given").At(b.stmt.Into[0].Pos))
		}
		b.stmt.Into, b.columns, b.inserts = []parse.Name{*x.Target}, x.Columns, true
	}
	b.mayCreateJob(x.Name.Pos)
	b.live, b.top = true, lastLeaf(sel)
	keys := b.queryKeys(sel, b.stmt.With, b.stmt.Into, x.Name.Name)
	b.declareInline(keys, sel)
	b.final, b.late = b.finalByDefault(), b.latePolicy(keys.own)
	root := b.query(sel, nil, nil)
	j := b.job(x.Name, root, keys, x.IfNotExists, x.OrReplace)
	j.Create = x.Create
	return done(j)
}

// finalByDefault: a job's windows of time go out when they are complete, unless
// it says EMIT CHANGES.
func (b *binder) finalByDefault() bool {
	c := b.stmt.BySelect[b.top]
	return c == nil || c.Emit != "CHANGES"
}

// latePolicy reads late_policy of a job.
func (b *binder) latePolicy(o catalog.Options) plan.LatePolicy {
	v, ok := o.Get("late_policy")
	if !ok {
		return plan.LateDrop
	}
	fold := strings.NewReplacer("_", "", "-", "")
	for l := plan.LateDrop; l <= plan.LateNextWindow; l++ {
		if strings.EqualFold(fold.Replace(v), fold.Replace(l.String())) {
			return l
		}
	}
	b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"late_policy\": \"%s\"", v).
		WithHint("late_policy takes drop, dead_letter, update or next_window."))
	return plan.LateDrop
}

// job makes the job of a bound query.
func (b *binder) job(name parse.Name, root plan.Node, keys withKeys, ifNotExists, orReplace bool) *plan.StartJob {
	switch {
	case b.c.Job != "":
		name.Name = b.c.Job
	case orReplace:
		b.ownJob(name.Name)
	}
	follow(root, b.views)
	b.oneCut(root)
	keepSets(root)
	root = b.continuous(root, true)
	if !hasStream(root) && !b.views {
		b.fail(sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "No supported datasource found in query analysis for job '%s'", name.Name).
			WithHint("Read a stream or a table in FROM; SELECT without START JOB answers at once.").At(name.Pos))
	}
	b.checkJob(root)
	b.checkLiveNode(root)
	b.noPlace()
	root = b.withWatermarks(root)
	j := &plan.StartJob{
		Name: name.Name, Text: strings.TrimSpace(b.stmt.Text), Options: keys.own,
		OrReplace: orReplace, IfNotExists: ifNotExists,
	}
	if limit := b.stmt.Directives["MEMORY_LIMIT"]; limit != "" && !hasKey(j.Options, "batch.memory_limit_mb") {
		j.Options = append(j.Options, catalog.Option{Key: "batch.memory_limit_mb", Value: limit})
	}
	for _, key := range []string{"TOPIC", "TIMEOUT"} { // what they say of a file's jobs, a statement says itself
		if b.stmt.Directives[key] != "" {
			b.notice("directive \"%s\" of job \"%s\" has no effect", key, name.Name)
		}
	}
	j.Changelog = !changesAppendOnly(root)
	j.Root, j.Sinks = b.sinks(root, keys, name.Name, orReplace)
	j.Depends, j.Inlined = b.shared.depends, b.shared.use.asQuery
	return j
}

// selectInto is SELECT ... INTO sinks in the foreground.
func (b *binder) selectInto(sel *pg.SelectStmt) *plan.Bound {
	if len(b.stmt.Into) == 0 {
		v := firstSelect(sel).IntoClause.Rel
		if r := b.findRelation(v.Schemaname, v.Relname); r == nil || v.Relpersistence != "p" || r.Kind != catalog.Sink && r.Kind != catalog.Stream {
			return b.selectIntoTable(sel, v)
		}
		b.stmt.Into, b.into = []parse.Name{{Schema: v.Schemaname, Name: v.Relname, Pos: b.pos(v.Location)}}, firstSelect(sel)
	}
	if c := b.stmt.BySelect[lastLeaf(sel)]; c != nil && c.Emit == "CHANGES" {
		b.unsupportedAt(c.EmitPos, "Start a job: START JOB name AS SELECT ... INTO ...", "EMIT CHANGES with INTO is not supported in the foreground")
	}
	keys := b.queryKeys(sel, b.stmt.With, b.stmt.Into, "")
	for _, n := range b.stmt.Into {
		if b.findRelation(n.Schema, n.Name) == nil && keys.named[n.Name] == nil {
			if len(b.stmt.Into) == 1 && len(b.stmt.With) == 0 {
				return b.selectIntoTable(sel, &pg.RangeVar{Schemaname: n.Schema, Relname: n.Name, Location: -1})
			}
			b.unsupportedAt(n.Pos, "Declare where the rows go: WITH ('"+n.Name+".type' = 'file', '"+n.Name+".path' = '...').",
				"SELECT INTO a table is not supported")
		}
	}
	b.declareInline(keys, sel)
	root := b.query(sel, nil, nil)
	s := &plan.SelectInto{Options: keys.own}
	s.Root, s.Sinks = b.sinks(root, keys, "", false)
	return done(s)
}

// sinks resolves the names after INTO and converts the query's columns to theirs.
func (b *binder) sinks(root plan.Node, keys withKeys, job string, orReplace bool) (plan.Node, []plan.SinkTarget) {
	var out []plan.SinkTarget
	shaped := false
	for i, n := range b.stmt.Into {
		for _, before := range b.stmt.Into[:i] {
			if before.Name == n.Name && before.Schema == n.Schema {
				b.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "sink \"%s\" is named more than once", n.Name).At(n.Pos))
			}
		}
		t := b.sinkTarget(n, keys, job, orReplace)
		if t.Relation.Stored() {
			if job == "" {
				b.fail(sqlerr.Errorf(sqlerr.DuplicateTable, "relation \"%s\" already exists", t.Relation.Name))
			}
			t.Table = b.tableSink(root, t.Relation, b.columns, n.Pos)
			if !changesAppendOnly(root) {
				b.need(t.Relation, catalog.UpdateRight|catalog.DeleteRight)
				b.keySink(root, t.Relation, t.Table, n.Pos)
			}
			out = append(out, t)
			continue
		}
		if len(b.columns) > 0 {
			b.unsupportedAt(b.columns[0].Pos, "Leave the columns out, and SELECT them in the sink's order.", "columns of a sink after INSERT INTO are not supported")
		}
		if len(t.Relation.Columns) > 0 && !t.Declared {
			next := b.toSink(root, t.Relation, n.Pos)
			if shaped && next != root {
				b.unsupportedAt(n.Pos, "Write to it by a statement of its own.", "sinks with columns of different types in one statement are not supported")
			}
			root, shaped = next, true
		}
		out = append(out, t)
	}
	for i := range out {
		if len(out[i].Relation.Columns) == 0 && out[i].Table == nil {
			r := *out[i].Relation
			r.Columns = b.viewColumns(root.Schema(), nil, b.stmt.Into[i].Pos)
			out[i].Relation = &r
		}
	}
	return root, out
}

// sinkTarget finds or declares what a name after INTO means.
func (b *binder) sinkTarget(n parse.Name, keys withKeys, job string, orReplace bool) plan.SinkTarget {
	opts := keys.named[n.Name]
	have := b.findRelation(n.Schema, n.Name)
	if have != nil && orReplace && have.Job == job && job != "" && opts != nil {
		have = nil // goes with the job that is replaced, and is declared anew
	}
	if have == nil {
		r := b.newRelation(n, catalog.Sink)
		r.Job = job
		if err := b.undefined(n.Schema, n.Name); opts == nil && discoverable(err) {
			b.fail(err.At(n.Pos))
		}
		shown := n.Name
		if n.Schema != "" {
			shown = n.Schema + "." + n.Name
		}
		switch {
		case opts == nil && b.inserts:
			b.fail(sqlerr.Errorf(sqlerr.UndefinedTable, "relation \"%s\" does not exist", shown).
				WithHint("Create it before, or declare a sink: WITH ('%s.type' = '...', ...).", n.Name).At(n.Pos))
		case opts == nil:
			b.fail(b.missingType(n.Name, true).At(n.Pos))
		}
		r.Connector, r.Options = b.connectorOf(n.Name, opts, true, n.Pos)
		return plan.SinkTarget{Relation: r, Declared: true}
	}
	switch have.Kind {
	case catalog.View:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot write to view \"%s\"", have.Name).
			WithHint("Write to the stream that it reads, or to a sink.").At(n.Pos))
	case catalog.MatView:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot change materialized view \"%s\"", have.Name).At(n.Pos))
	case catalog.Sequence:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot write to sequence \"%s\"", have.Name).At(n.Pos))
	case catalog.Virtual:
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", have.Name).At(n.Pos))
	}
	b.checkKeyStored(have, n.Pos)
	b.need(have, catalog.InsertRight)
	b.depend(have.OID)
	if opts == nil || have.Job == job && job != "" {
		return plan.SinkTarget{Relation: have}
	}
	b.fail(sqlerr.Errorf(sqlerr.DuplicateObject, "\"%s\" already exists", n.Name).
		WithHint("Leave its keys out of WITH to write to it as it is, or choose another name.").At(n.Pos))
	return plan.SinkTarget{}
}

// toSink converts a query's columns, by their order, to those of a sink.
func (b *binder) toSink(root plan.Node, r *catalog.Relation, pos int) plan.Node {
	fields := root.Schema()
	if len(fields) != len(r.Columns) {
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "\"%s\" has %d columns, but the query gives %d", r.Name, len(r.Columns), len(fields)).At(pos))
	}
	p := &plan.Project{Input: root}
	changed := false
	for i, f := range fields {
		c := r.Columns[i]
		e := b.assignColumn(operand{columnOfField(i, f), -1}, c, pos)
		if col, ok := e.(*plan.Column); !ok || f.Name != c.Name || col.Index != i {
			changed = true
		}
		p.Exprs = append(p.Exprs, e)
		p.Fields = append(p.Fields, plan.Field{Name: c.Name, Type: c.Type})
	}
	if !changed {
		return root
	}
	return p
}

func columnOfField(i int, f plan.Field) *plan.Column {
	return &plan.Column{Index: i, Typ: f.Type, Name: f.Name}
}

// assignColumn converts a value to a column's type as INSERT does.
func (b *binder) assignColumn(o operand, c catalog.Column, pos int) plan.Expr {
	e := b.coerceTo(o.e, c.Type, assignment, o.loc)
	if e == nil {
		if o.loc >= 0 {
			pos = b.pos(o.loc)
		}
		b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "column \"%s\" is of type %s but expression is of type %s",
			c.Name, b.formatType(c.Type.OID), b.formatType(o.e.Type().OID)).
			WithHint("You will need to rewrite or cast the expression.").At(pos))
	}
	return e
}
