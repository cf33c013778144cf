package plan

import (
	"encoding/json"
	"fmt"
	"strings"
)

// detail is one "Key: value" line under a node.
type detail struct{ key, value string }

// Text is the plan as EXPLAIN prints it, in PostgreSQL's layout.
func Text(n Node) []string { return TextWith(n, nil) }

// TextWith is Text with what note says of each node after its name; nil: nothing.
func TextWith(n Node, note func(Node) string) []string {
	t := &textTree{note: note}
	t.node(n)
	return t.lines
}

type textTree struct {
	lines []string
	note  func(Node) string
}

func (t *textTree) node(n Node) {
	name := n.String()
	if t.note != nil {
		name += t.note(n)
	}
	t.lines = append(t.lines, name)
	for _, d := range details(n) {
		t.lines = append(t.lines, "  "+d.key+": "+d.value)
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
	sub := &textTree{note: t.note}
	sub.node(n)
	for i, line := range sub.lines {
		if i == 0 {
			t.lines = append(t.lines, strings.Repeat(" ", indent)+"->  "+line)
			continue
		}
		t.lines = append(t.lines, strings.Repeat(" ", indent+4)+line)
	}
}

// jsonNode is a node as EXPLAIN (FORMAT JSON) prints it.
type jsonNode struct {
	detail []detail
	plans  []jsonNode
}

// MarshalJSON keeps the keys in order, as PostgreSQL does.
func (j jsonNode) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, d := range j.detail {
		if i > 0 {
			b.WriteByte(',')
		}
		k, err := json.Marshal(d.key)
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(d.value)
		if err != nil {
			return nil, err
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	if len(j.plans) > 0 {
		v, err := json.Marshal(j.plans)
		if err != nil {
			return nil, err
		}
		b.WriteString(`,"Plans":`)
		b.Write(v)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// JSON is the plan as EXPLAIN (FORMAT JSON) prints it.
func JSON(n Node) ([]byte, error) {
	out, err := json.MarshalIndent([]map[string]jsonNode{{"Plan": jsonTree(n, "")}}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the plan as JSON: %w", err)
	}
	return out, nil
}

func jsonTree(n Node, relationship string) jsonNode {
	j := jsonNode{detail: []detail{{"Node Type", n.String()}}}
	if relationship != "" {
		j.detail = append(j.detail, detail{"Parent Relationship", relationship})
	}
	j.detail = append(j.detail, details(n)...)
	for _, s := range subqueries(n) {
		j.plans = append(j.plans, jsonTree(s.Input, "SubPlan"))
	}
	for i, in := range n.Inputs() {
		rel := "Outer"
		if i == 1 {
			rel = "Inner"
		}
		j.plans = append(j.plans, jsonTree(in, rel))
	}
	return j
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
	add := func(key, value string) { d = append(d, detail{key, value}) }
	switch n := n.(type) {
	case *Scan:
		add("Columns", fieldNames(n.Fields))
		if len(n.Filters) > 0 {
			add("Pushed Filter", joinExprs(n.Filters, " AND "))
		}
		seek := func(what string, e Expr) {
			if e != nil {
				add("Seek", what+e.String())
			}
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
		add("Function Call", n.Func.Name+"("+exprList(n.Args)+")")
	case *Filter:
		add("Filter", n.Cond.String())
	case *Project:
		add("Output", exprList(n.Exprs))
	case *ProjectSet:
		add("Output", exprList(n.Exprs))
	case *GroupingSets:
		add("Sets", n.sets())
	case *AggregateNode:
		if len(n.Keys) > 0 {
			add("Group Key", exprList(n.Keys))
		}
		calls := make([]string, len(n.Calls))
		for i, c := range n.Calls {
			calls[i] = c.String()
		}
		if len(calls) > 0 {
			add("Aggregates", strings.Join(calls, ", "))
		}
	case *Window:
		n.details(add)
	case *DistinctNode:
		if n.On != nil {
			add("On", exprList(n.On))
		}
	case *Sort:
		add("Sort Key", sortKeys(n.Keys))
	case *Limit:
		if n.Count != nil {
			add("Count", n.Count.String())
		}
		if n.Offset != nil {
			add("Offset", n.Offset.String())
		}
	case *Join:
		if len(n.LeftKeys) > 0 {
			keys := make([]string, len(n.LeftKeys))
			for i := range n.LeftKeys {
				keys[i] = "(" + n.LeftKeys[i].String() + " = " + n.RightKeys[i].String() + ")"
			}
			add("Hash Cond", strings.Join(keys, " AND "))
		}
		if n.Cond != nil {
			add("Join Filter", n.Cond.String())
		}
		if n.Lateral {
			add("Lateral", "true")
		}
	}
	return d
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

func fieldNames(fields []Field) string {
	s := make([]string, len(fields))
	for i, f := range fields {
		s[i] = quoteIdent(f.Name)
	}
	return strings.Join(s, ", ")
}
