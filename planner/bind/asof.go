package bind

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// asOf makes a join one that sees its right side as of the time of a left row.
func (b *binder) asOf(a parse.AsOf, j *plan.Join, s *scope) plan.Node {
	refuse := func(hint, format string, args ...any) {
		b.fail(sqlerr.Unsupported(hint, format, args...).At(a.Pos))
	}
	if j.Kind != plan.JoinInner && j.Kind != plan.JoinLeft {
		refuse("Use JOIN or LEFT JOIN, with the versions on the right.", "FOR SYSTEM_TIME AS OF in a RIGHT or FULL JOIN is not supported")
	}
	if j.Lateral {
		refuse("Join the stream itself, with ON.", "FOR SYSTEM_TIME AS OF of a LATERAL item is not supported")
	}
	if a.Time == nil { // PROCTIME(): what a join with a table does by itself
		if !plan.Derive(j.Right).Bounded {
			refuse("Name the event time of the left side: FOR SYSTEM_TIME AS OF l.ts; as of now a table is joined, or a materialized view of the newest rows.",
				"FOR SYSTEM_TIME AS OF PROCTIME() of a stream is not supported")
		}
		return j
	}
	fields := j.Fields
	width := len(j.Left.Schema())
	if j.Cond != nil && !isTrueConst(j.Cond) && !equates(j.Cond, width) {
		refuse("Equate a column of the versions with one of the left side: ON r.key = l.key AND ...; without a key, write ON true and the condition in WHERE.",
			"FOR SYSTEM_TIME AS OF with a condition that equates nothing of both sides is not supported")
	}
	if rows, there := b.asVersions(j.Right, width); rows != nil {
		c := *j
		c.Right, c.Cond = rows, there
		if j.Cond != nil {
			c.Cond = conjunction([]plan.Expr{j.Cond, there})
		}
		c.Fields = append(slices.Clone(j.Fields), rows.Schema()[len(rows.Schema())-1])
		j = &c
	}
	r := plan.Derive(j.Right)
	right := r.EventTime(j.Right.Schema())
	if right == nil {
		if !hasStream(j.Right) {
			refuse("Leave FOR SYSTEM_TIME AS OF out: a table is seen as it is when the row comes.", "FOR SYSTEM_TIME AS OF a table without versions is not supported")
		}
		b.fail(sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "FOR SYSTEM_TIME AS OF needs to know which column is the time of the rows on its right").
			WithHint("Declare it: CREATE STREAM ... (..., WATERMARK FOR column AS column); groups and windows have none.").At(a.Pos))
	}
	at := b.operand(a.Time, s, exprJoinOn).e
	if !isTime(at, plan.Derive(j.Left), j.Left) {
		refuse("Name the column of WATERMARK FOR of the stream on the left: the row waits until the versions of that time are known.",
			"FOR SYSTEM_TIME AS OF what is not the event time of the left side is not supported")
	}
	if lt, rt := at.Type().OID, right.Type().OID; lt != rt {
		b.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "FOR SYSTEM_TIME AS OF compares event times of one type, not %s and %s", b.formatType(lt), b.formatType(rt)).
			WithHint("Declare both as timestamp with time zone.").At(a.Pos))
	}
	out := &plan.AsOfJoin{Kind: j.Kind, Left: j.Left, Right: j.Right, LeftTime: at, RightTime: right, Cond: j.Cond, Fields: j.Fields}
	if len(fields) == len(j.Fields) {
		return out
	}
	p := &plan.Project{Input: out, Fields: fields}
	for i, f := range fields {
		p.Exprs = append(p.Exprs, columnOfField(i, f))
	}
	return p
}

func isTrueConst(e plan.Expr) bool {
	c, ok := e.(*plan.Const)
	return ok && c.Value.Type.OID == types.Bool && !c.Value.Null && c.Value.I != 0
}

// equates reports whether a condition has an equality between the two sides of a join
// whose left one has width columns.
func equates(cond plan.Expr, width int) bool {
	if a, ok := cond.(*plan.And); ok {
		return slices.ContainsFunc(a.Args, func(e plan.Expr) bool { return equates(e, width) })
	}
	call, ok := cond.(*plan.Call)
	if !ok || call.Op != "=" || len(call.Args) != 2 {
		return false
	}
	var left, right [2]bool
	for i, arg := range call.Args {
		plan.EachColumn(arg, func(r plan.Ref) {
			left[i] = left[i] || r.Index < width
			right[i] = right[i] || r.Index >= width
		})
	}
	return left[0] && !right[0] && right[1] && !left[1] || right[0] && !left[0] && left[1] && !right[1]
}

// isTime reports whether an expression is the event time of rows, or of a part of
// them.
func isTime(e plan.Expr, p plan.Props, n plan.Node) bool {
	if t := p.EventTime(n.Schema()); t != nil && plan.Equal(t, e) {
		return true
	}
	c, ok := e.(*plan.Column)
	if !ok {
		return false
	}
	for _, t := range p.Times {
		if t == c.Index {
			return true
		}
	}
	return false
}
