package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// explain is EXPLAIN of a query or of a statement that holds one. Options have
// PostgreSQL's defaults, and its rules of what goes with what.
func (b *binder) explain(x *pg.ExplainStmt) *plan.Bound {
	e := &plan.Explain{Format: plan.ExplainText, Costs: true}
	var timing, summary *bool
	wal, generic := false, false
	for _, o := range x.Options {
		d := o.GetDefElem()
		on := func() bool { return b.optionOn(d) }
		switch d.Defname {
		case "analyze":
			e.Analyze = on()
		case "verbose":
			e.Verbose = on()
		case "costs":
			e.Costs = on()
		case "buffers":
			e.Buffers = on()
		case "timing":
			v := on()
			timing = &v
		case "summary":
			v := on()
			summary = &v
		case "wal":
			wal = on()
		case "generic_plan":
			generic = on()
		case "settings":
			if on() {
				b.unsupported(d.Location, "Leave SETTINGS out; SHOW ALL shows every setting.", "EXPLAIN (SETTINGS) is not supported")
			}
		case "format":
			v := strings.ToUpper(constText(d.Arg))
			switch f := plan.ExplainFormat(v); f {
			case plan.ExplainText, plan.ExplainJSON, plan.ExplainYAML, plan.ExplainXML:
				e.Format = f
			default:
				b.failf(sqlerr.InvalidParameterValue, d.Location, "unrecognized value for EXPLAIN option \"%s\": \"%s\"", d.Defname, constText(d.Arg))
			}
		default:
			b.failf(sqlerr.SyntaxError, d.Location, "unrecognized EXPLAIN option \"%s\"", d.Defname)
		}
	}
	switch {
	case wal && !e.Analyze:
		b.failf(sqlerr.InvalidParameterValue, -1, "EXPLAIN option WAL requires ANALYZE")
	case wal:
		b.unsupported(-1, "Leave WAL out.", "EXPLAIN (WAL) is not supported: there is no write-ahead log")
	case timing != nil && *timing && !e.Analyze:
		b.failf(sqlerr.InvalidParameterValue, -1, "EXPLAIN option TIMING requires ANALYZE")
	case generic && e.Analyze:
		b.failf(sqlerr.InvalidParameterValue, -1, "EXPLAIN options ANALYZE and GENERIC_PLAN cannot be used together")
	}
	e.Timing = e.Analyze && (timing == nil || *timing)
	e.Summary = e.Analyze
	if summary != nil {
		e.Summary = *summary
	}
	e.Target = b.inner(b.explained(x.Query), b.shared)
	return &plan.Bound{Statement: e, Fields: []plan.Field{e.Field()}}
}

// explained is the statement that EXPLAIN plans: of CREATE TABLE AS the query.
func (b *binder) explained(n *pg.Node) *pg.Node {
	x := n.GetCreateTableAsStmt()
	if x == nil || x.Query.GetSelectStmt() == nil {
		return n
	}
	if rel := x.Into.Rel; !x.IfNotExists && b.findRelation(rel.Schemaname, rel.Relname) != nil {
		b.failf(sqlerr.DuplicateTable, -1, "relation \"%s\" already exists", rel.Relname)
	}
	return x.Query
}

// optionOn reads a boolean option; no value is on.
func (b *binder) optionOn(d *pg.DefElem) bool {
	switch strings.ToLower(constText(d.Arg)) {
	case "", "true", "on", "1":
		return true
	case "false", "off", "0":
		return false
	}
	b.failf(sqlerr.SyntaxError, -1, "%s requires a Boolean value", d.Defname)
	return false
}
