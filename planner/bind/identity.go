package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// addIdentity is ALTER COLUMN ... ADD GENERATED AS IDENTITY.
func (a *alteration) addIdentity(at int, n *pg.Node) {
	c := &a.rel.Columns[at]
	_, numbered := sequenceLimits[c.Type.OID]
	switch {
	case !numbered:
		a.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "identity column type must be smallint, integer, or bigint"))
	case !c.NotNull:
		a.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" must be declared NOT NULL before identity can be added", c.Name, a.rel.Name))
	case c.Identity != 0:
		a.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" is already an identity column", c.Name, a.rel.Name))
	case c.Default != "":
		a.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" already has a default value", c.Name, a.rel.Name))
	}
	x := n.GetConstraint()
	if x == nil {
		x = &pg.Constraint{GeneratedWhen: "a"}
	}
	a.identity(x, nil, at)
}

// setIdentity is ALTER COLUMN ... SET GENERATED, and SET of the sequence's options.
func (a *alteration) setIdentity(at int, n *pg.Node) {
	c := &a.rel.Columns[at]
	if c.Identity == 0 {
		a.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" is not an identity column", c.Name, a.rel.Name))
	}
	var options []*pg.Node
	for _, o := range n.GetList().GetItems() {
		d := o.GetDefElem()
		if d.Defname == "generated" {
			c.Identity = catalog.Identity(byte(d.Arg.GetInteger().GetIval()))
			continue
		}
		options = append(options, o)
	}
	if len(options) == 0 {
		return
	}
	for _, s := range a.sequencesOf(c.Attr) {
		if !s.Sequence.Internal {
			continue
		}
		r, info := *s, *s.Sequence
		r.Sequence = &info
		restart := a.sequenceOptions(&info, s.Sequence, options)
		a.stmt.Sequences = append(a.stmt.Sequences, plan.SequenceChange{Old: s, New: &r, Restart: restart})
	}
}

// dropIdentity is ALTER COLUMN ... DROP IDENTITY.
func (a *alteration) dropIdentity(at int, missingOK bool) {
	c := &a.rel.Columns[at]
	if c.Identity == 0 {
		if missingOK {
			a.notice("column \"%s\" of relation \"%s\" is not an identity column, skipping", c.Name, a.rel.Name)
			return
		}
		a.fail(sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "column \"%s\" of relation \"%s\" is not an identity column", c.Name, a.rel.Name))
	}
	c.Identity, c.Default = 0, ""
	for _, s := range a.sequencesOf(c.Attr) {
		if s.Sequence.Internal {
			a.stmt.Sequences = append(a.stmt.Sequences, plan.SequenceChange{Old: s})
		}
	}
}

// retypeSequence gives an identity column's sequence the column's new type.
func (a *alteration) retypeSequence(at int, to types.Type) {
	c := a.rel.Columns[at]
	if _, ok := sequenceLimits[to.OID]; !ok {
		a.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "identity column type must be smallint, integer, or bigint"))
	}
	for _, s := range a.sequencesOf(c.Attr) {
		if !s.Sequence.Internal {
			continue
		}
		r, info := *s, *s.Sequence
		was := sequenceLimits[info.Type]
		if info.Max == was[1] {
			info.Max = sequenceLimits[to.OID][1]
		}
		if info.Min == was[0] {
			info.Min = sequenceLimits[to.OID][0]
		}
		info.Type = to.OID
		r.Sequence = &info
		a.stmt.Sequences = append(a.stmt.Sequences, plan.SequenceChange{Old: s, New: &r})
	}
}
