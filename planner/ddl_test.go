package planner_test

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// showDDL prints a statement about tables; false: it is about something else.
func showDDL(w *strings.Builder, st plan.Statement) bool {
	switch x := st.(type) {
	case *plan.CreateTable:
		fmt.Fprintf(w, "create table ifNotExists=%v\n", x.IfNotExists)
		showTable(w, x.Relation)
		for _, o := range x.Owned {
			fmt.Fprintf(w, "  column %d numbered by ", o.Column)
			showSequence(w, o.Relation)
		}
	case *plan.CreateTableAs:
		fmt.Fprintf(w, "create table as ifNotExists=%v noData=%v\n", x.IfNotExists, x.NoData)
		showTable(w, x.Relation)
		for _, line := range plan.Text(x.Input) {
			fmt.Fprintln(w, line)
		}
	case *plan.CreateSequence:
		fmt.Fprintf(w, "create sequence ifNotExists=%v ", x.IfNotExists)
		showSequence(w, x.Relation)
	case *plan.AlterTable:
		fmt.Fprintf(w, "%s %s build=%v rewrite=%v\n", x.Tag, x.Old.Name, x.Build, x.Rewrite)
		showTable(w, x.Relation)
		for _, c := range x.Checks {
			fmt.Fprintf(w, "  each row: %s else %v\n", c.Cond, c.Err)
		}
	default:
		return false
	}
	return true
}

func showTable(w *strings.Builder, r *catalog.Relation) {
	fmt.Fprintf(w, "table %s.%s %v\n", r.Schema, r.Name, r.Table.Options)
	for _, c := range r.Columns {
		fmt.Fprintf(w, "  %s %s", c.Name, types.FormatType(c.Type))
		if c.NotNull {
			w.WriteString(" not null")
		}
		if c.Default != "" {
			w.WriteString(" default " + c.Default)
		}
		if c.Generated != "" {
			w.WriteString(" generated " + c.Generated)
		}
		if c.Identity != 0 {
			fmt.Fprintf(w, " identity %c", c.Identity)
		}
		w.WriteString("\n")
	}
	for _, c := range r.Table.Checks {
		fmt.Fprintf(w, "  check %s: %s\n", c.Name, c.Expr)
	}
	for _, x := range r.Table.Indexes {
		fmt.Fprintf(w, "  index %s unique=%v primary=%v constraint=%v nullsNotDistinct=%v include=%v where=%s\n", x.Name, x.Unique, x.Primary, x.Constraint, x.NullsNotDistinct, x.Include, x.Where)
		for _, k := range x.Keys {
			fmt.Fprintf(w, "    key %d %s %s desc=%v nullsFirst=%v\n", k.Column, k.Expr, types.FormatType(k.Type), k.Desc, k.NullsFirst)
		}
	}
}

func showSequence(w *strings.Builder, r *catalog.Relation) {
	if r.Sequence == nil {
		fmt.Fprintf(w, "%s.%s\n", r.Schema, r.Name)
		return
	}
	s := r.Sequence
	fmt.Fprintf(w, "%s.%s %s start %d increment %d min %d max %d cache %d cycle=%v\n", r.Schema, r.Name, types.FormatType(types.Of(s.Type)), s.Start, s.Increment, s.Min, s.Max, s.Cache, s.Cycle)
}
