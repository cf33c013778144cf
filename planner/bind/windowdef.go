package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// windowDef is one window: as written and, once bound, what that means.
type windowDef struct {
	def       *pg.WindowDef
	partition []plan.Expr
	order     []plan.SortKey
	frame     plan.Frame
}

// Options of pg.WindowDef.FrameOptions (FRAMEOPTION_* of parsenodes.h).
const (
	frameRange        = 0x2
	frameRows         = 0x4
	frameGroups       = 0x8
	frameAnyOffset    = 0x800 | 0x1000 | 0x2000 | 0x4000
	frameExcludeRow   = 0x8000
	frameExcludeGroup = 0x10000
	frameExcludeTies  = 0x20000
	frameDefaults     = frameRange | 0x20 | 0x400
)

// boundBits are the kinds of a frame's start. Each bit's left neighbour says the
// same of its end.
var boundBits = []struct {
	bit  int32
	kind plan.BoundKind
}{
	{0x20, plan.UnboundedPreceding}, {0x80, plan.UnboundedFollowing}, {0x200, plan.CurrentRow},
	{0x800, plan.OffsetPreceding}, {0x2000, plan.OffsetFollowing},
}

// boundOf is the kind of a frame's start; with the bits shifted, of its end.
func boundOf(options int32) plan.BoundKind {
	for _, b := range boundBits {
		if options&b.bit != 0 {
			return b.kind
		}
	}
	return plan.UnboundedPreceding
}

// windowDefinitions binds the windows of a query (transformWindowDefinitions).
func (b *binder) windowDefinitions(s *scope) {
	for i := range s.windows.defs {
		b.windowDefinition(i, s)
	}
}

func (b *binder) windowDefinition(i int, s *scope) {
	d := &s.windows.defs[i]
	def := d.def
	if def.Name != "" && s.windows.named(def.Name, i) >= 0 {
		b.failf(sqlerr.WindowingError, def.Location, "window \"%s\" is already defined", def.Name)
	}
	var base *windowDef
	if def.Refname != "" {
		j := s.windows.named(def.Refname, i)
		if j < 0 {
			b.failf(sqlerr.UndefinedObject, def.Location, "window \"%s\" does not exist", def.Refname)
		}
		base = &s.windows.defs[j]
	}
	d.order = b.windowOrder(def.OrderClause, s)
	d.partition = b.windowPartition(def.PartitionClause, s)
	if base != nil {
		b.copyWindow(d, base)
	}
	offsets := def.FrameOptions&frameAnyOffset != 0
	if def.FrameOptions&frameRange != 0 && offsets && len(d.order) != 1 {
		b.failf(sqlerr.WindowingError, def.Location, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column")
	}
	if def.FrameOptions&frameGroups != 0 && len(d.order) == 0 {
		b.failf(sqlerr.WindowingError, def.Location, "GROUPS mode requires an ORDER BY clause")
	}
	d.frame = b.frame(def, d.order, s)
}

// copyWindow takes over what a window has of the one that it names.
func (b *binder) copyWindow(d, base *windowDef) {
	def := d.def
	ordered := len(d.order) > 0
	if len(d.partition) > 0 {
		b.failf(sqlerr.WindowingError, def.Location, "cannot override PARTITION BY clause of window \"%s\"", def.Refname)
	}
	d.partition = append(d.partition, base.partition...)
	if ordered && len(base.order) > 0 {
		b.failf(sqlerr.WindowingError, def.Location, "cannot override ORDER BY clause of window \"%s\"", def.Refname)
	}
	if !ordered {
		d.order = append(d.order, base.order...)
	}
	if base.def.FrameOptions == frameDefaults {
		return
	}
	err := sqlerr.Errorf(sqlerr.WindowingError, "cannot copy window \"%s\" because it has a frame clause", def.Refname).At(b.pos(def.Location))
	if def.Name == "" && !ordered && def.FrameOptions == frameDefaults {
		err = err.WithHint("Omit the parentheses in this OVER clause.")
	}
	b.fail(err)
}

func (b *binder) windowOrder(list []*pg.Node, s *scope) []plan.SortKey {
	var keys []plan.SortKey
next:
	for _, n := range list {
		sb := n.GetSortBy()
		loc := location(sb.Node)
		e := b.defaultType(b.expr(sb.Node, s, exprWindow), loc)
		b.needsOrdering(e.Type().OID, loc)
		b.refuseWindowSet(e, loc)
		key := b.sortKey(sb, e)
		for _, have := range keys {
			if plan.Equal(have.Expr, e) {
				continue next
			}
		}
		keys = append(keys, key)
	}
	return keys
}

func (b *binder) windowPartition(list []*pg.Node, s *scope) []plan.Expr {
	var keys []plan.Expr
	for _, n := range list {
		loc := location(n)
		e := b.defaultType(b.expr(n, s, exprWindow), loc)
		b.needsOrder(e.Type().OID, loc)
		b.refuseWindowSet(e, loc)
		if !containsExpr(keys, e) {
			keys = append(keys, e)
		}
	}
	return keys
}

func (b *binder) refuseWindowSet(e plan.Expr, loc int32) {
	if plan.Any(e, isSet) {
		b.unsupported(loc, "Compute the rows in a subquery and put the window over its result.",
			"a set-returning function in a window definition is not supported")
	}
}

// frame binds the frame clause of a window that sorts by order.
func (b *binder) frame(def *pg.WindowDef, order []plan.SortKey, s *scope) plan.Frame {
	f := plan.Frame{Start: plan.FrameBound{Kind: boundOf(def.FrameOptions)}, End: plan.FrameBound{Kind: boundOf(def.FrameOptions >> 1)}}
	switch {
	case def.FrameOptions&frameRows != 0:
		f.Mode = plan.FrameRows
	case def.FrameOptions&frameGroups != 0:
		f.Mode = plan.FrameGroups
	}
	switch {
	case def.FrameOptions&frameExcludeRow != 0:
		f.Exclude = plan.ExcludeCurrentRow
	case def.FrameOptions&frameExcludeGroup != 0:
		f.Exclude = plan.ExcludeGroup
	case def.FrameOptions&frameExcludeTies != 0:
		f.Exclude = plan.ExcludeTies
	}
	f.Start.Offset = b.frameOffset(def.StartOffset, f.Mode, order, s)
	f.End.Offset = b.frameOffset(def.EndOffset, f.Mode, order, s)
	return f
}

// frameOffset binds the offset of a bound, nil where it has none
// (transformFrameOffset).
func (b *binder) frameOffset(n *pg.Node, mode plan.FrameMode, order []plan.SortKey, s *scope) plan.Expr {
	if n == nil {
		return nil
	}
	loc := location(n)
	var e plan.Expr
	construct := ""
	switch mode {
	case plan.FrameRows:
		construct = "ROWS"
		e = b.specific(b.expr(n, s, exprFrameRows), types.Int8, construct, loc)
	case plan.FrameGroups:
		construct = "GROUPS"
		e = b.specific(b.expr(n, s, exprFrameGroups), types.Int8, construct, loc)
	default:
		construct = "RANGE"
		e = b.expr(n, s, exprFrameRange)
		e = b.specific(e, b.rangeOffset(order[0].Expr.Type().OID, e.Type().OID, loc), construct, loc)
	}
	plan.Walk(e, func(x plan.Expr) bool {
		if c, ok := x.(*plan.Column); ok {
			b.failf(sqlerr.InvalidColumnReference, s.refs[c].loc, "argument of %s must not contain variables", construct)
		}
		return true
	})
	plan.EachColumn(e, func(plan.Ref) {
		b.failf(sqlerr.InvalidColumnReference, loc, "argument of %s must not contain variables", construct)
	})
	return e
}

// rangeOffsets are the types of what RANGE can add to a sort key, by the key's
// type: the in_range functions of PostgreSQL's btree families.
var rangeOffsets = map[types.OID][]types.OID{
	types.Int2: {types.Int2, types.Int4, types.Int8}, types.Int4: {types.Int2, types.Int4, types.Int8}, types.Int8: {types.Int8},
	types.Float4: {types.Float8}, types.Float8: {types.Float8}, types.Numeric: {types.Numeric},
	types.Date: {types.Interval}, types.Timestamp: {types.Interval}, types.Timestamptz: {types.Interval},
	types.Time: {types.Interval}, types.Interval: {types.Interval},
}

// rangeOffset chooses the type of an offset from a sort key.
func (b *binder) rangeOffset(key, offset types.OID, loc int32) types.OID {
	if key == types.Varchar {
		key = types.Text // PostgreSQL sorts the one as the other
	}
	preferred := offset
	if offset == types.Unknown {
		preferred = key
	}
	all := rangeOffsets[key]
	selected, matches := types.Invalid, 0
	for _, t := range all {
		if !b.canCoerce(offset, t, implicit) {
			continue
		}
		matches++
		if selected != preferred {
			selected = t
		}
	}
	refuse := func(hint, format string, args ...any) {
		err := sqlerr.Errorf(sqlerr.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING "+format, args...)
		if hint != "" {
			err = err.WithHint("%s", hint)
		}
		b.fail(err.At(b.pos(loc)))
	}
	switch {
	case len(all) == 0:
		refuse("", "is not supported for column type %s", b.formatType(key))
	case matches == 0:
		refuse("Cast the offset value to an appropriate type.",
			"is not supported for column type %s and offset type %s", b.formatType(key), b.formatType(offset))
	case matches != 1 && selected != preferred:
		refuse("Cast the offset value to the exact intended type.",
			"has multiple interpretations for column type %s and offset type %s", b.formatType(key), b.formatType(offset))
	}
	return selected
}

// sameWindow reports whether two windows have one partition and order.
func sameWindow(a, b *windowDef) bool {
	if len(a.partition) != len(b.partition) || len(a.order) != len(b.order) {
		return false
	}
	for i, e := range a.partition {
		if !plan.Equal(e, b.partition[i]) {
			return false
		}
	}
	for i, k := range a.order {
		o := b.order[i]
		if k.Desc != o.Desc || k.NullsFirst != o.NullsFirst || !plan.Equal(k.Expr, o.Expr) {
			return false
		}
	}
	return true
}
