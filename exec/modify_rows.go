package exec

import (
	"context"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// rowRules hold new rows to what their table asks, and compute what it computes.
type rowRules struct {
	rel       *catalog.Relation
	format    *types.Format
	generated []*expr.Program // by column; nil items: not generated. nil: none is
	checks    []rowCheck
	views     []rowCheck // WITH CHECK OPTION, the innermost first
	derived   []*expr.Program
	old       []vec.Vec // derived columns of rows before an update
	row       vec.Batch // the rows at hand
	shown     []bool    // the columns whose values an error may show; nil: all
}

type rowCheck struct {
	name    string
	program *expr.Program
}

func (b *builder) rowRules(rel *catalog.Relation, r plan.RowRules) (*rowRules, error) {
	out := &rowRules{rel: rel, format: b.env.Format, shown: r.Shown}
	if r.Generated != nil {
		out.generated = make([]*expr.Program, len(r.Generated))
		for i, e := range r.Generated {
			if e == nil {
				continue
			}
			var err error
			if out.generated[i], err = b.compile(e); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if out.checks, err = b.rowChecks(r.Checks); err != nil {
		return nil, err
	}
	if out.views, err = b.rowChecks(r.Views); err != nil {
		return nil, err
	}
	out.derived, err = b.compileAll(r.Derived)
	return out, err
}

func (b *builder) rowChecks(list []plan.NewRowCheck) ([]rowCheck, error) {
	var out []rowCheck
	for _, c := range list {
		p, err := b.compile(c.Expr)
		if err != nil {
			return nil, err
		}
		out = append(out, rowCheck{c.Name, p})
	}
	return out, nil
}

// violation is the first row that may not be, with its error.
type violation struct {
	row int
	err error
}

func (v *violation) add(row int, err error) {
	if v.err == nil || row < v.row {
		v.row, v.err = row, err
	}
}

// until is how many rows there are up to the one named; 0: none is.
func (v violation) until() int {
	if v.err == nil {
		return 0
	}
	return v.row + 1
}

// apply computes what is generated of n dense new rows and checks them. The
// columns returned are the table's and then the derived ones; they are good until
// the next call. bad names the first row that breaks a rule: those before it may
// be written, and then its error is the statement's.
func (r *rowRules) apply(cols []vec.Vec, n int) (rows []vec.Vec, bad violation) {
	width := len(r.rel.Columns)
	r.row.Cols = append(r.row.Cols[:0], cols[:width]...)
	r.row.Rows, r.row.Sel, r.row.Ops = n, nil, nil
	for i, p := range r.generated {
		if p == nil {
			continue
		}
		// None depends on another, so each may take its place at once.
		v, errs := p.Run(&r.row, nil)
		bad.first(n, errs)
		r.row.Cols[i] = flat(v, r.rel.Columns[i].Type)
	}
	return r.finish(n, bad)
}

// first notes the first row of an error mask.
func (v *violation) first(n int, errs *expr.Errors) {
	if !errs.Any() {
		return
	}
	for row := range n {
		if err := errs.At(row); err != nil {
			v.add(row, err)
			return
		}
	}
}

func (r *rowRules) finish(n int, bad violation) ([]vec.Vec, violation) {
	for i := range r.rel.Columns {
		if r.rel.Columns[i].NotNull && r.row.Cols[i].Nulls().Any() {
			for row := range n {
				if r.row.Cols[i].Nulls().Get(row) {
					bad.add(row, r.notNull(i, row))
					break
				}
			}
		}
	}
	for _, c := range r.checks {
		v, errs := c.program.Run(&r.row, nil)
		bad.first(n, errs)
		for row := range n {
			if !errs.Has(row) && isFalse(v, row) {
				bad.add(row, r.checkFailed(c.name, row))
				break
			}
		}
	}
	rows := r.row.Cols
	if bad.err == nil {
		for i, p := range r.derived {
			v, errs := p.Run(&r.row, nil)
			bad.first(n, errs)
			rows = append(rows, flat(v, r.derived[i].Type()))
		}
	}
	return rows, bad
}

// hidden is the first of n rows that a view it is written through would not show.
func (r *rowRules) hidden(rows []vec.Vec, n int) (bad violation) {
	if len(r.views) == 0 {
		return bad
	}
	r.row.Cols = append(r.row.Cols[:0], rows[:len(r.rel.Columns)]...)
	r.row.Rows, r.row.Sel, r.row.Ops = n, nil, nil
	for _, c := range r.views {
		v, errs := c.program.Run(&r.row, nil)
		bad.first(n, errs)
		for row := range n {
			if !errs.Has(row) && !isTrue(v, row) {
				bad.add(row, r.notShown(c.name, row))
				break
			}
		}
	}
	return bad
}

func (r *rowRules) notShown(view string, row int) error {
	return sqlerr.Errorf(sqlerr.WithCheckOptionViolation, "new row violates check option for view %q", view).WithDetail("%s", r.failing(row))
}

// isTrue reports whether a boolean is true: CHECK OPTION lets no NULL pass.
func isTrue(v vec.Vec, row int) bool {
	if c, ok := v.(*vec.Const); ok {
		v, row = c.Of, 0
	}
	b, ok := v.(*vec.Fixed[bool])
	return ok && !v.Nulls().Get(row) && b.Values[row]
}

// isFalse reports whether a boolean is false: CHECK lets NULL pass.
func isFalse(v vec.Vec, row int) bool {
	if c, ok := v.(*vec.Const); ok {
		v, row = c.Of, 0
	}
	b, ok := v.(*vec.Fixed[bool])
	return ok && !v.Nulls().Get(row) && !b.Values[row]
}

// derivedOf computes the derived columns of rows that are there already.
func (r *rowRules) derivedOf(cols []vec.Vec, n int) ([]vec.Vec, error) {
	if len(r.derived) == 0 {
		return nil, nil
	}
	b := vec.Batch{Cols: cols, Rows: n}
	r.old = r.old[:0]
	for i, p := range r.derived {
		v, errs := p.Run(&b, nil)
		if err := errs.First(); err != nil {
			return nil, err
		}
		c := vec.New(r.derived[i].Type())
		vec.CopyRows(c, v, nil) // the program is about to run over the new rows
		r.old = append(r.old, c)
	}
	return r.old, nil
}

func (r *rowRules) notNull(column, row int) error {
	c := r.rel.Columns[column]
	e := sqlerr.Errorf(sqlerr.NotNullViolation, "null value in column %q of relation %q violates not-null constraint", c.Name, r.rel.Name)
	e.Schema, e.Table, e.Column = r.rel.Schema, r.rel.Name, c.Name
	return r.detailed(e, row)
}

func (r *rowRules) checkFailed(name string, row int) error {
	e := sqlerr.Errorf(sqlerr.CheckViolation, "new row for relation %q violates check constraint %q", r.rel.Name, name)
	e.Schema, e.Table, e.Constraint = r.rel.Schema, r.rel.Name, name
	return r.detailed(e, row)
}

// detailed is an error with the row that it is about, as far as that may be shown.
func (r *rowRules) detailed(e *sqlerr.Error, row int) error {
	if shown := r.failing(row); shown != "" {
		return e.WithDetail("%s", shown)
	}
	return e
}

// maxShown is how much of a value the detail of a violation shows, in bytes.
const maxShown = 64

// failing shows a row as PostgreSQL does (ExecBuildSlotValueDescription): where not all
// columns may be shown, those that may, by name; "": none may.
func (r *rowRules) failing(row int) string {
	var names, values []string
	for i, c := range r.rel.Columns {
		if r.shown != nil && !r.shown[i] {
			continue
		}
		names = append(names, c.Name)
		v := vec.Get(r.row.Cols[i], row, c.Type)
		if v.Null {
			values = append(values, "null")
			continue
		}
		s := string(types.AppendText(nil, v, r.format))
		if len(s) > maxShown {
			s = strings.ToValidUTF8(s[:maxShown], "") + "..."
		}
		values = append(values, s)
	}
	switch list := strings.Join(values, ", "); {
	case r.shown == nil:
		return "Failing row contains (" + list + ")."
	case len(names) == 0:
		return ""
	default:
		return "Failing row contains (" + strings.Join(names, ", ") + ") = (" + list + ")."
	}
}

// flat is a column that is no constant: v itself where it is none.
func flat(v vec.Vec, t types.Type) vec.Vec {
	c, ok := v.(*vec.Const)
	if !ok {
		return v
	}
	out := vec.New(t)
	vec.CopyRows(out, c, nil)
	return out
}

// dense returns the rows sel (nil: all n) of a column as one of its own rows; v
// itself where that is what it is.
func dense(v vec.Vec, t types.Type, sel []int32) vec.Vec {
	if sel == nil {
		return flat(v, t)
	}
	out := vec.New(t)
	vec.CopyRows(out, v, sel)
	return out
}

// noOutput takes rows that nobody reads.
type noOutput struct{}

func (noOutput) Emit(context.Context, *vec.Batch) error { return nil }
