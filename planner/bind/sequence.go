package bind

import (
	"math"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// newSequence is a sequence with the columns that SELECT * FROM it shows.
func newSequence(schema, name, owner string, info *catalog.SequenceInfo) *catalog.Relation {
	return &catalog.Relation{
		Schema: schema, Name: name, Kind: catalog.Sequence, Owner: owner, Sequence: info,
		Columns: []catalog.Column{
			{Name: "last_value", Type: types.Of(types.Int8), NotNull: true},
			{Name: "log_cnt", Type: types.Of(types.Int8), NotNull: true},
			{Name: "is_called", Type: types.Of(types.Bool), NotNull: true},
		},
	}
}

// createSequence is CREATE SEQUENCE.
func (b *binder) createSequence(x *pg.CreateSeqStmt) *plan.Bound {
	v := x.Sequence
	name := parse.Name{Schema: v.Schemaname, Name: clipName(v.Relname), Pos: b.pos(v.Location)}
	if v.Relpersistence == "t" {
		name.Schema = b.c.TempSchema
	}
	r := newSequence(b.createIn(name), name.Name, b.c.User, nil)
	r.Text = strings.TrimSpace(b.stmt.Text)
	b.mayCreateIn(r.Schema, 0)
	if x.IfNotExists && b.c.Catalog.NameTaken(r.Schema, r.Name) {
		return done(&plan.CreateSequence{Relation: r, IfNotExists: true})
	}
	r.Sequence = b.sequence(types.Invalid, x.Options)
	b.sequenceOwner(r, x.Options)
	return done(&plan.CreateSequence{Relation: r, IfNotExists: x.IfNotExists})
}

// sequenceOption is one option, with where it stands.
func defLocation(d *pg.DefElem) int32 { return d.Location }

// sequence is what the options of a sequence make of one with a type; Invalid:
// bigint, unless the options say another.
func (b *binder) sequence(of types.OID, options []*pg.Node) *catalog.SequenceInfo {
	s := &catalog.SequenceInfo{Type: of}
	b.sequenceOptions(s, nil, options)
	return s
}

// sequenceOptions applies options to a sequence: to a new one where old is nil
// (init_params). It returns what RESTART says.
func (b *binder) sequenceOptions(s, old *catalog.SequenceInfo, options []*pg.Node) *int64 {
	set := map[string]*pg.DefElem{}
	for _, n := range options {
		d := n.GetDefElem()
		name := d.Defname
		if set[name] != nil {
			b.failf(sqlerr.SyntaxError, defLocation(d), "conflicting or redundant options")
		}
		set[name] = d
	}
	b.sequenceType(s, old, set["as"])
	if d := set["increment"]; d != nil {
		s.Increment = b.optionInt(d)
		if s.Increment == 0 {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "INCREMENT must not be zero"))
		}
	} else if old == nil {
		s.Increment = 1
	}
	if d := set["cycle"]; d != nil {
		s.Cycle = optionBool(d)
	}
	b.sequenceBounds(s, old, set)
	return b.sequenceStart(s, old, set)
}

var sequenceLimits = map[types.OID][2]int64{
	types.Int2: {math.MinInt16, math.MaxInt16}, types.Int4: {math.MinInt32, math.MaxInt32}, types.Int8: {math.MinInt64, math.MaxInt64},
}

func (b *binder) sequenceType(s, old *catalog.SequenceInfo, d *pg.DefElem) {
	if d != nil {
		to := b.typeName(d.Arg.GetTypeName()).OID
		if _, ok := sequenceLimits[to]; !ok {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "sequence type must be smallint, integer, or bigint"))
		}
		if old != nil && to != old.Type {
			// Bounds that were the old type's own become the new one's.
			was := sequenceLimits[old.Type]
			if old.Max == was[1] || old.Max == -1 && old.Increment < 0 {
				s.Max = 0
			}
			if old.Min == was[0] || old.Min == 1 && old.Increment > 0 {
				s.Min = 0
			}
		}
		s.Type = to
	}
	if s.Type == types.Invalid {
		s.Type = types.Int8
	}
}

func (b *binder) sequenceBounds(s, old *catalog.SequenceInfo, set map[string]*pg.DefElem) {
	limits := sequenceLimits[s.Type]
	retyped := old != nil && old.Type != s.Type
	max, min := set["maxvalue"], set["minvalue"]
	switch {
	case max != nil && max.Arg != nil:
		s.Max = b.optionInt(max)
	case old == nil || max != nil || retyped && s.Max == 0:
		s.Max = limits[1]
		if s.Increment < 0 {
			s.Max = -1
		}
	}
	if s.Max > limits[1] || s.Max < limits[0] {
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "MAXVALUE (%d) is out of range for sequence data type %s", s.Max, b.formatType(s.Type)))
	}
	switch {
	case min != nil && min.Arg != nil:
		s.Min = b.optionInt(min)
	case old == nil || min != nil || retyped && s.Min == 0:
		s.Min = 1
		if s.Increment < 0 {
			s.Min = limits[0]
		}
	}
	if s.Min > limits[1] || s.Min < limits[0] {
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "MINVALUE (%d) is out of range for sequence data type %s", s.Min, b.formatType(s.Type)))
	}
	if s.Min >= s.Max {
		b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "MINVALUE (%d) must be less than MAXVALUE (%d)", s.Min, s.Max))
	}
}

func (b *binder) sequenceStart(s, old *catalog.SequenceInfo, set map[string]*pg.DefElem) *int64 {
	if d := set["start"]; d != nil {
		s.Start = b.optionInt(d)
	} else if old == nil {
		s.Start = s.Min
		if s.Increment < 0 {
			s.Start = s.Max
		}
	}
	within := func(word string, n int64) {
		if n < s.Min {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s value (%d) cannot be less than MINVALUE (%d)", word, n, s.Min))
		}
		if n > s.Max {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s value (%d) cannot be greater than MAXVALUE (%d)", word, n, s.Max))
		}
	}
	within("START", s.Start)
	var restart *int64
	if d := set["restart"]; d != nil {
		n := s.Start
		if d.Arg != nil {
			n = b.optionInt(d)
		}
		within("RESTART", n)
		restart = &n
	}
	if d := set["cache"]; d != nil {
		s.Cache = b.optionInt(d)
		if s.Cache <= 0 {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "CACHE (%d) must be greater than zero", s.Cache))
		}
	} else if old == nil {
		s.Cache = 1
	}
	return restart
}

// optionInt is an option's number (defGetInt64).
func (b *binder) optionInt(d *pg.DefElem) int64 {
	switch v := d.Arg.GetNode().(type) {
	case *pg.Node_Integer:
		return int64(v.Integer.Ival)
	case *pg.Node_Float:
		n, err := strconv.ParseInt(v.Float.Fval, 10, 64)
		if err != nil {
			b.fail(sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value \"%s\" is out of range for type bigint", v.Float.Fval))
		}
		return n
	}
	b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "%s requires a numeric value", d.Defname))
	return 0
}

func optionBool(d *pg.DefElem) bool {
	switch v := d.Arg.GetNode().(type) {
	case *pg.Node_Boolean:
		return v.Boolean.Boolval
	case *pg.Node_Integer:
		return v.Integer.Ival != 0
	case *pg.Node_String_:
		return v.String_.Sval == "true" || v.String_.Sval == "on"
	}
	return true
}

// sequenceName is what SEQUENCE NAME says among the options of an identity.
func sequenceName(options []*pg.Node) string {
	for _, n := range options {
		if d := n.GetDefElem(); d.Defname == "sequence_name" {
			names := strs(d.Arg.GetList().GetItems())
			return names[len(names)-1]
		}
	}
	return ""
}

func withoutName(options []*pg.Node) []*pg.Node {
	var rest []*pg.Node
	for _, n := range options {
		if n.GetDefElem().Defname != "sequence_name" {
			rest = append(rest, n)
		}
	}
	return rest
}

// sequenceOwner is OWNED BY table.column, or NONE.
func (b *binder) sequenceOwner(r *catalog.Relation, options []*pg.Node) {
	for _, n := range options {
		d := n.GetDefElem()
		if d.Defname != "owned_by" {
			continue
		}
		names := strs(d.Arg.GetList().GetItems())
		if len(names) == 1 {
			if names[0] != "none" {
				b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "invalid OWNED BY option").WithHint("Specify OWNED BY table.column or OWNED BY NONE."))
			}
			r.Sequence.OwnedBy, r.Sequence.OwnedAttr = 0, 0
			return
		}
		b.ownSequence(r, names[:len(names)-1], names[len(names)-1])
	}
}

func (b *binder) ownSequence(r *catalog.Relation, table []string, column string) {
	v := &pg.RangeVar{Relname: table[len(table)-1], Location: -1}
	if len(table) > 1 {
		v.Schemaname = table[len(table)-2]
	}
	to := b.maintained(v)
	if to.Kind != catalog.Table {
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "sequence cannot be owned by relation \"%s\"", to.Name).WithDetail("%s", noSupport(to)))
	}
	if to.Schema != r.Schema {
		b.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "sequence must be in same schema as table it is linked to"))
	}
	at := to.ColumnNamed(column)
	if at < 0 {
		b.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", column, to.Name))
	}
	r.Sequence.OwnedBy, r.Sequence.OwnedAttr = to.OID, to.Attribute(at)
}

// noSupport is the detail of an operation on a relation of another kind.
func noSupport(r *catalog.Relation) string {
	switch r.Kind {
	case catalog.View:
		return "This operation is not supported for views."
	case catalog.MatView:
		return "This operation is not supported for materialized views."
	case catalog.Sequence:
		return "This operation is not supported for sequences."
	case catalog.Sink:
		return "This operation is not supported for sinks."
	case catalog.Stream:
		return "This operation is not supported for streams."
	}
	return "This operation is not supported for tables."
}

// alterSequence is ALTER SEQUENCE.
func (b *binder) alterSequence(x *pg.AlterSeqStmt) *plan.Bound {
	old := b.namedSequence(x.Sequence, x.MissingOk)
	if old == nil {
		return done(&plan.Nothing{Tag: "ALTER SEQUENCE"})
	}
	r := *old
	info := *old.Sequence
	r.Sequence = &info
	restart := b.sequenceOptions(&info, old.Sequence, x.Options)
	if old.Sequence.Internal {
		for _, n := range x.Options {
			if n.GetDefElem().Defname == "owned_by" && !x.ForIdentity {
				b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot change ownership of identity sequence").
					WithDetail("Sequence \"%s\" is linked to table \"%s\".", old.Name, b.c.Catalog.RelationByOID(old.Sequence.OwnedBy).Name))
			}
		}
	}
	b.sequenceOwner(&r, x.Options)
	return done(&plan.AlterSequence{Old: old, Relation: &r, Restart: restart})
}

// namedSequence finds a sequence that a statement alters; nil: there is none, and
// that was allowed for.
func (b *binder) namedSequence(v *pg.RangeVar, missingOK bool) *catalog.Relation {
	if b.findRelation(v.Schemaname, v.Relname) == nil && missingOK {
		b.notice("relation \"%s\" does not exist, skipping", v.Relname)
		return nil
	}
	r := b.maintained(v)
	if r.Kind != catalog.Sequence {
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot open relation \"%s\"", r.Name).WithDetail("%s", noSupport(r)))
	}
	b.ownRelation(r)
	return r
}
