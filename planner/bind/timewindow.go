package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// maxWindows bounds the windows that one row is in.
const maxWindows = 10_000

// windowClause binds WINDOW TUMBLING (...) and its like over what FROM and WHERE
// give. Its columns window_start and window_end can be named like any other.
func (b *binder) windowClause(w *parse.Window, input plan.Node, s *scope) *plan.TimeWindow {
	n := &plan.TimeWindow{Input: input, Kind: windowKinds[w.Kind], Zone: w.TimeZone}
	args := b.operands(w.Args, s, exprOther)
	if len(args) > 0 && !isSpan(args[0].e) {
		n.Time, args = b.eventTime(args[0]), args[1:]
	} else {
		n.Time = b.defaultTime(input, w)
	}
	b.windowSizes(n, args, w.Pos)
	if w.Offset != nil {
		n.Offset = b.span(b.operand(w.Offset, s, exprOther), "OFFSET")
	}
	if w.Grace != nil {
		n.Grace = b.span(b.operand(w.Grace, s, exprOther), "GRACE")
	}
	b.checkWindow(n, w.Pos)
	b.whenSessions(n)
	n.Fields = windowFields(input.Schema(), n.Time)
	s.items = append(s.items, boundsItem(n))
	return n
}

var windowKinds = map[string]plan.WindowKind{
	"TUMBLING": plan.WindowTumbling, "HOPPING": plan.WindowHopping, "SLIDING": plan.WindowHopping,
	"CUMULATE": plan.WindowCumulate, "SESSION": plan.WindowSession,
}

// windowFunctions are the kinds by the names of their functions in FROM.
var windowFunctions = map[string]plan.WindowKind{
	"tumble": plan.WindowTumbling, "hop": plan.WindowHopping, "cumulate": plan.WindowCumulate, "session": plan.WindowSession,
}

// isSpan reports whether an argument is a length of time, not a column.
func isSpan(e plan.Expr) bool {
	oid := e.Type().OID
	return oid == types.Interval || oid == types.Unknown
}

// eventTime is the time by which rows go to windows.
func (b *binder) eventTime(o operand) plan.Expr {
	switch o.e.Type().OID {
	case types.Timestamp, types.Timestamptz:
		return o.e
	case types.Date:
		return b.coerceTo(o.e, types.Of(types.Timestamp), implicit, o.loc)
	}
	b.failf(sqlerr.DatatypeMismatch, o.loc, "the time column of a window must be of type timestamp with time zone or timestamp without time zone, not %s",
		b.formatType(o.e.Type().OID))
	return nil
}

// defaultTime is the event time of the rows themselves.
func (b *binder) defaultTime(input plan.Node, w *parse.Window) plan.Expr {
	if e := plan.Derive(input).EventTime(input.Schema()); e != nil {
		return e
	}
	b.fail(sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "WINDOW %s needs to know which column is the rows' time", w.Kind).
		WithHint("Name it first: WINDOW %s (column, INTERVAL '1 minute'); or declare it: CREATE STREAM ... (..., WATERMARK FOR column AS column).", w.Kind).At(w.Pos))
	return nil
}

// windowSizes takes the lengths of a window from its arguments. Of the two that
// a window which moves has, the shorter is the slide or step.
func (b *binder) windowSizes(n *plan.TimeWindow, args []operand, pos int) {
	want := 1
	if n.Kind == plan.WindowHopping || n.Kind == plan.WindowCumulate {
		want = 2
	}
	if len(args) != want {
		usage := [...]string{"TUMBLING ([column,] size)", "HOPPING ([column,] size, slide)", "CUMULATE ([column,] step, size)", "SESSION ([column,] gap)"}
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "a window of kind %s takes %d lengths of time, not %d", n.Kind, want, len(args)).
			WithHint("Write WINDOW %s, each length as INTERVAL '1 minute'.", usage[n.Kind]).At(pos))
	}
	n.Size = b.span(args[0], "window size")
	if want == 2 {
		n.Slide = b.span(args[1], "window slide")
		if plan.Micros(n.Slide) > plan.Micros(n.Size) {
			n.Size, n.Slide = n.Slide, n.Size
		}
	}
}

// span is a constant length of time, in days and less.
func (b *binder) span(o operand, what string) types.IntervalValue {
	e := b.coerceTo(o.e, types.Of(types.Interval), implicit, o.loc)
	if e == nil {
		b.failf(sqlerr.DatatypeMismatch, o.loc, "the %s must be of type interval, not %s", what, b.formatType(o.e.Type().OID))
	}
	variable := plan.HasOuter(e)
	plan.EachColumn(e, func(plan.Ref) { variable = true })
	plan.Walk(e, func(x plan.Expr) bool {
		_, param := x.(*plan.Param)
		variable = variable || param
		return true
	})
	var v types.Value
	ok := false
	if !variable {
		v, ok = b.eval(e)
	}
	switch {
	case !ok || v.Null:
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "the %s must be a constant", what).
			WithHint("Write it out: INTERVAL '1 minute'. The plan is made with it, before parameters and rows are there.").At(b.pos(o.loc)))
	case v.Span.Months != 0:
		hint := "Use days or less: INTERVAL '30 days'."
		if what != "length of WITHIN" {
			hint = "Use days or less, or group by date_trunc('month', column)."
		}
		b.unsupported(o.loc, hint, "a %s in months is not supported, as they differ in length", what)
	}
	return v.Span
}

func (b *binder) checkWindow(n *plan.TimeWindow, pos int) {
	size, slide := plan.Micros(n.Size), plan.Micros(n.Slide)
	moves := n.Kind == plan.WindowHopping || n.Kind == plan.WindowCumulate
	refuse := func(format string, args ...any) {
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, format, args...).At(pos))
	}
	switch {
	case size <= 0 || moves && slide <= 0:
		refuse("the lengths of a window must be positive")
	case plan.Micros(n.Grace) < 0:
		refuse("the GRACE of a window must not be negative")
	case moves && size/slide > maxWindows:
		refuse("a row would be in %d windows, of which at most %d are allowed", size/slide, maxWindows)
	case n.Kind == plan.WindowCumulate && size%slide != 0:
		refuse("the size of a CUMULATE window must be a multiple of its step")
	}
	if n.Zone == "" {
		return
	}
	if n.Kind == plan.WindowSession {
		refuse("a SESSION window is not aligned, and has no time zone")
	}
	_, zone, err := types.LoadZone(n.Zone)
	if err != nil {
		b.fail(sqlerr.From(err).At(pos))
	}
	n.Zone = zone
}

// whenSessions says when the sessions of a continuous query come, and what becomes of
// late rows.
func (b *binder) whenSessions(n *plan.TimeWindow) {
	n.Changes = b.live && (!b.final || b.late == plan.LateUpdate)
	n.Late = b.late
}

func windowFields(in []plan.Field, time plan.Expr) []plan.Field {
	t := types.Of(time.Type().OID)
	return append(slices.Clip(slices.Clone(in)), plan.Field{Name: "window_start", Type: t}, plan.Field{Name: "window_end", Type: t})
}

// boundsItem makes the bounds nameable.
func boundsItem(n *plan.TimeWindow) *rangeItem {
	return &rangeItem{colsVisible: true, cols: boundsCols(n)}
}

func boundsCols(n *plan.TimeWindow) []itemCol {
	var cols []itemCol
	for i := len(n.Fields) - 2; i < len(n.Fields); i++ {
		cols = append(cols, itemCol{name: n.Fields[i].Name, expr: columnOfField(i, n.Fields[i])})
	}
	return cols
}

// windowFunction is tumble(relation, time, size) and its like in FROM; nil: x is
// another function.
func (b *binder) windowFunction(x *pg.RangeFunction, s, lat *scope) *fromEntry {
	if len(x.Functions) != 1 || x.Ordinality {
		return nil
	}
	call := x.Functions[0].GetList().Items[0].GetFuncCall()
	if call == nil || len(call.Funcname) != 1 || len(call.Args) == 0 {
		return nil
	}
	name := strs(call.Funcname)[0]
	kind, ok := windowFunctions[name]
	if !ok {
		return nil
	}
	entry := b.windowInput(name, call.Args[0], x.Lateral, s, lat)
	n := &plan.TimeWindow{Input: entry.node, Kind: kind}
	b.windowArguments(n, name, call, &scope{items: entry.items, ctes: s.ctes})
	b.whenSessions(n)
	n.Fields = windowFields(entry.node.Schema(), n.Time)
	item := entry.items[0]
	item.cols = append(item.cols, boundsCols(n)...)
	if x.Alias != nil {
		item.name, item.schema = x.Alias.Aliasname, ""
	}
	b.aliasColumns(item, x.Alias)
	return &fromEntry{node: n, items: []*rangeItem{item}, lateral: entry.lateral}
}

// windowInput is the relation of a function of windows: one that is named, or a
// subquery.
func (b *binder) windowInput(function string, arg *pg.Node, lateral bool, s, lat *scope) fromEntry {
	if q := arg.GetSubLink(); q != nil && q.SubLinkType == pg.SubLinkType_EXPR_SUBLINK {
		return b.rangeSubselect(&pg.RangeSubselect{Subquery: q.Subselect, Lateral: lateral}, s, lat)
	}
	of := arg.GetColumnRef()
	if of == nil || len(of.Fields) > 2 || of.Fields[len(of.Fields)-1].GetAStar() != nil {
		b.unsupported(location(arg), "Name a stream, a view or a WITH query, or write a subquery: "+function+"((SELECT ...), ts, INTERVAL '1 minute').",
			"%s over anything but a relation is not supported", function)
	}
	names := strs(of.Fields)
	v := &pg.RangeVar{Inh: true, Relpersistence: "p", Location: of.Location, Relname: names[len(names)-1]}
	if len(names) == 2 {
		v.Schemaname = names[0]
	}
	return b.rangeVar(v, s, lat)
}

// windowArguments binds what comes after the relation: the time column, the
// lengths, of a session its keys, and named ones.
func (b *binder) windowArguments(n *plan.TimeWindow, name string, call *pg.FuncCall, s *scope) {
	var plain []operand
	for _, a := range call.Args[1:] {
		named := a.GetNamedArgExpr()
		if named == nil {
			plain = append(plain, b.operand(a, s, exprFrom))
			continue
		}
		o := b.operand(named.Arg, s, exprFrom)
		switch named.Name {
		case "offset", "window_offset":
			n.Offset = b.span(o, "window offset")
		case "grace":
			n.Grace = b.span(o, "grace")
		case "time_zone":
			v, ok := b.eval(b.specific(o.e, types.Text, "time_zone", o.loc))
			if !ok || v.Null {
				b.failf(sqlerr.InvalidParameterValue, o.loc, "time_zone must be a constant")
			}
			n.Zone = v.S
		default:
			b.fail(sqlerr.Errorf(sqlerr.UndefinedFunction, "%s has no argument \"%s\"", name, named.Name).
				WithHint("Its named arguments are window_offset, time_zone and grace.").At(b.pos(named.Location)))
		}
	}
	if len(plain) == 0 || isSpan(plain[0].e) {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedFunction, "%s needs the rows' time as its second argument", name).
			WithHint("Write %s(relation, time_column, INTERVAL '1 minute').", name).At(b.pos(call.Location)))
	}
	n.Time = b.eventTime(plain[0])
	lengths := plain[1:]
	if n.Kind == plan.WindowSession && len(lengths) > 1 {
		for _, o := range lengths[1:] {
			b.needsOrder(o.e.Type().OID, o.loc)
			n.Partition = append(n.Partition, b.defaultType(o.e, o.loc))
		}
		lengths = lengths[:1]
	}
	b.windowSizes(n, lengths, b.pos(call.Location))
	b.checkWindow(n, b.pos(call.Location))
}

// groupByWindow adds the window of a grouped SELECT to its keys, where the
// clause says that it is one, or the keys name a bound of it. The groups of a
// live query are then complete when the window is.
func (b *binder) groupByWindow(n plan.Node, q *block, clause *plan.TimeWindow) {
	w := plan.Derive(n).Window
	if w == nil {
		return
	}
	g := &q.groups
	fields := n.Schema()
	key := func(at int, add bool) int {
		if at < 0 {
			return -1
		}
		c := columnOfField(at, fields[at])
		if i := indexOfExpr(g.keys, c); i >= 0 || !add {
			return i
		}
		g.keys = append(g.keys, c)
		for i := range g.sets {
			g.sets[i] = append(g.sets[i], len(g.keys)-1)
		}
		return len(g.keys) - 1
	}
	if clause != nil && clause.Kind == plan.WindowSession {
		for _, k := range g.keys {
			bound := false
			plan.EachColumn(k, func(r plan.Ref) { bound = bound || r.Index >= len(fields)-2 })
			if !bound {
				clause.Partition = append(clause.Partition, k)
			}
		}
	}
	start := key(w.Start, clause != nil)
	// The start of a window that does not grow says its end.
	grows := w.Kind == plan.WindowCumulate || w.Kind == plan.WindowSession
	end := key(w.End, clause != nil || start >= 0 && !grows)
	if end < 0 {
		return
	}
	if b.late == plan.LateNextWindow && w.Kind != plan.WindowTumbling {
		b.unsupported(-1, "Group by TUMBLING windows, or set late_policy to drop, dead_letter or update.",
			"late_policy next_window over %s windows is not supported", w.Kind)
	}
	q.closing = &plan.ClosingKeys{Start: start, End: end, Grace: w.Grace, Final: b.final, Late: b.late}
}
