package plan

import (
	"fmt"
	"slices"
	"strings"
)

// detail is one "Key: value" line under a node; list are the value's parts where
// it is a list.
type detail struct {
	key, value string
	list       []string
}

// Text is the plan as EXPLAIN prints it, in PostgreSQL's layout.
func Text(n Node) []string { return TextWith(n, &Notes{}) }

// TextWith is Text with notes of each node.
func TextWith(n Node, notes *Notes) []string {
	t := &textTree{notes: notes}
	t.node(n)
	return t.lines
}

type textTree struct {
	lines []string
	notes *Notes
}

func (t *textTree) node(n Node) {
	t.lines = append(t.lines, n.String()+t.notes.line(n))
	for _, d := range t.notes.details(n) {
		t.lines = append(t.lines, "  "+d.key+": "+d.value)
	}
	if t.notes.Details != nil {
		for _, line := range t.notes.Details(n) {
			t.lines = append(t.lines, "  "+line)
		}
	}
	for i, s := range subqueries(n) {
		t.lines = append(t.lines, fmt.Sprintf("  SubPlan %d", i+1))
		t.nested(s.Input, 4)
	}
	for _, in := range n.Inputs() {
		t.nested(in, 2)
	}
}

// nested prints a child at an indent of its own.
func (t *textTree) nested(n Node, indent int) {
	sub := &textTree{notes: t.notes}
	sub.node(n)
	for i, line := range sub.lines {
		if i == 0 {
			t.lines = append(t.lines, strings.Repeat(" ", indent)+"->  "+line)
			continue
		}
		t.lines = append(t.lines, strings.Repeat(" ", indent+4)+line)
	}
}

func subqueries(n Node) []*Subquery {
	var all []*Subquery
	EachExpr(n, func(e Expr) {
		Walk(e, func(x Expr) bool {
			if s, ok := x.(*Subquery); ok {
				all = append(all, s)
			}
			return true
		})
	})
	return all
}

// details are a node's lines below its name.
func details(n Node) []detail {
	var d []detail
	add := func(key, value string) { d = append(d, detail{key: key, value: value}) }
	list := func(key string, parts []string) {
		d = append(d, detail{key: key, value: strings.Join(parts, ", "), list: parts})
	}
	switch n := n.(type) {
	case *Modify:
		n.details(add, list)
	case *LockRows:
		locks := make([]string, len(n.Locks))
		for i, l := range n.Locks {
			locks[i] = l.Strength.String() + " OF " + quoteIdent(l.Name)
		}
		list("Locks", locks)
	case *Scan:
		if n.Relation.Stored() {
			n.Access.details(add)
			if n.Current != nil {
				add("TID Cond", "CURRENT OF "+n.Current.Cursor)
			}
			break
		}
		list("Columns", fieldNames(n.Fields))
		if len(n.Filters) > 0 {
			add("Pushed Filter", joinExprs(n.Filters, " AND "))
		}
		seek := func(what string, e Expr) {
			if e != nil {
				add("Seek", what+e.String())
			}
		}
		if n.Watermark != nil {
			add("Watermark", n.Watermark.String())
		}
		seek("_partition = ", n.Partition)
		seek("_offset >= ", n.FromOffset)
		seek("_offset < ", n.UntilOffset)
		seek("_timestamp >= ", n.FromTime)
		if n.UntilTime != nil {
			until := "_timestamp < " + n.UntilTime.String()
			if _, ok := n.Relation.Options.Get("timestamp.max_disorder"); !ok {
				until += ", where the broker stamps (LogAppendTime)"
			}
			add("Seek", until)
		}
	case *Values:
		if len(n.Fields) > 0 {
			add("Rows", fmt.Sprint(len(n.Rows)))
		}
	case *FunctionScan:
		add("Function Call", n.calls())
	case *Filter:
		add("Filter", n.Cond.String())
	case *Project:
		list("Output", exprTexts(n.Exprs))
	case *ProjectSet:
		list("Output", exprTexts(n.Exprs))
	case *GroupingSets:
		add("Sets", n.sets())
	case *AggregateNode:
		if len(n.Keys) > 0 {
			list("Group Key", exprTexts(n.Keys))
		}
		calls := make([]string, len(n.Calls))
		for i, c := range n.Calls {
			calls[i] = c.String()
		}
		if len(calls) > 0 {
			list("Aggregates", calls)
		}
		if n.EmitChanges && n.Closing != nil {
			add("Emit", n.Closing.String())
		}
	case *Exchange:
		if n.Keys != nil {
			list("Hash Key", exprTexts(n.Keys))
		}
	case *TimeWindow:
		n.details(add)
	case *Window:
		n.details(add)
	case *DistinctNode:
		if n.On != nil {
			add("On", exprList(n.On))
		}
	case *Sort:
		list("Sort Key", sortKeyTexts(n.Keys))
	case *Limit:
		if n.Count != nil {
			add("Count", n.Count.String())
		}
		if n.Offset != nil {
			add("Offset", n.Offset.String())
		}
		if n.Ties != nil {
			add("Ties", sortKeys(n.Ties))
		}
		if n.Changes {
			add("Counts", "changes")
		}
	case *Join:
		indexed := n.Lookup != nil && n.Lookup.Index != nil
		switch {
		case indexed:
			add("Index Cond", equalities(n.keysBy(n.Lookup.By)))
			if others := n.others(); others != nil {
				add("Join Cond", equalities(n.keysBy(others)))
			}
		case len(n.LeftKeys) > 0:
			add("Hash Cond", equalities(n.LeftKeys, n.RightKeys))
		}
		if n.Bounds != nil {
			add("Time Bounds", n.Bounds.String())
		}
		if s := Scanned(n.Right); n.Lookup != nil && s != nil && !indexed {
			var names []string
			for _, c := range n.Lookup.Columns {
				names = append(names, s.Relation.AllColumns()[c].Name)
			}
			add("Lookup", fmt.Sprintf("%s by %s, as it is when a row comes", s.Relation.Name, strings.Join(names, ", ")))
		}
		if n.Cond != nil {
			add("Join Filter", n.Cond.String())
		}
		for i, side := range [...]string{"Left", "Right"} {
			if n.Forgets[i] != nil {
				add("Forgets "+side, n.forgetText(i))
			}
		}
		if n.Lateral {
			add("Lateral", "true")
		}
	case *AsOfJoin:
		n.details(add)
	}
	return d
}

// others are the keys of a join by an index that are not looked up.
func (n *Join) others() []int {
	var at []int
	for i := range n.LeftKeys {
		if !slices.Contains(n.Lookup.By, i) {
			at = append(at, i)
		}
	}
	return at
}

// keysBy are some of a join's keys.
func (n *Join) keysBy(at []int) (left, right []Expr) {
	for _, i := range at {
		left, right = append(left, n.LeftKeys[i]), append(right, n.RightKeys[i])
	}
	return left, right
}

// equalities are pairs of keys as a condition.
func equalities(left, right []Expr) string {
	keys := make([]string, len(left))
	for i := range left {
		keys[i] = "(" + left[i].String() + " = " + right[i].String() + ")"
	}
	return strings.Join(keys, " AND ")
}

func (n *FunctionScan) calls() string {
	out := make([]string, len(n.Calls))
	for i, c := range n.Calls {
		if c.Func == nil {
			out[i] = c.Value.String()
		} else {
			out[i] = c.Func.Name + "(" + exprList(c.Args) + ")"
		}
	}
	return strings.Join(out, ", ")
}

// sets are the keys of each set.
func (n *GroupingSets) sets() string {
	out := make([]string, len(n.Sets))
	for i, set := range n.Sets {
		var keys []Expr
		for _, k := range set {
			keys = append(keys, n.Keys[k])
		}
		out[i] = "(" + exprList(keys) + ")"
	}
	return strings.Join(out, ", ")
}

// details are what PostgreSQL says of a ModifyTable.
func (n *Modify) details(add func(key, value string), list func(key string, parts []string)) {
	if x := n.Conflict; x != nil {
		resolution := "NOTHING"
		if x.Update {
			resolution = "UPDATE"
		}
		add("Conflict Resolution", resolution)
		if len(x.Arbiters) > 0 {
			names := make([]string, len(x.Arbiters))
			for i, a := range x.Arbiters {
				names[i] = quoteIdent(a.Name)
			}
			list("Conflict Arbiter Indexes", names)
		}
		if x.Where != nil {
			add("Conflict Filter", x.Where.String())
		}
	}
	if len(n.Returning) > 0 {
		list("Output", exprTexts(n.Returning))
	}
}

// details are the conditions that an access stands for.
func (a *IndexAccess) details(add func(key, value string)) {
	if a != nil && len(a.Conds) > 0 {
		add("Index Cond", joinExprs(a.Conds, " AND "))
	}
}

func fieldNames(fields []Field) []string {
	s := make([]string, len(fields))
	for i, f := range fields {
		s[i] = quoteIdent(f.Name)
	}
	return s
}
