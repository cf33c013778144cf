package plan

import (
	"fmt"
	"strings"
)

// Estimate is what the optimizer guesses of a node: the rows it passes on, their
// width in bytes, and what it and the nodes below it cost, in rows read.
type Estimate struct {
	Rows  float64
	Width int
	Cost  float64
}

// Notes are what EXPLAIN says of a node beside what the node says of itself; nil
// functions say nothing.
type Notes struct {
	Estimate func(Node) (Estimate, bool)
	// Line follows the node's name in text, Details are lines below it.
	Line    func(Node) string
	Details func(Node) []string
	// Pushed are the conditions of a scan that its connector makes use of; nil: all
	// that stand in it are shown.
	Pushed func(*Scan) []Expr
	// Members follow the estimate in the other formats.
	Members func(Node) Document
}

// details are a node's lines below its name, as they are shown.
func (n *Notes) details(node Node) []detail {
	s, ok := node.(*Scan)
	if !ok || n.Pushed == nil || len(s.Filters) == 0 {
		return details(node)
	}
	shown := *s
	shown.Filters = n.Pushed(s)
	return details(&shown)
}

// line is what stands behind a node's name.
func (n *Notes) line(node Node) string {
	var s string
	if n.Estimate != nil {
		if e, ok := n.Estimate(node); ok {
			s = fmt.Sprintf("  (cost=0.00..%.2f rows=%.0f width=%d)", e.Cost, e.Rows, e.Width)
		}
	}
	if n.Line != nil {
		s += n.Line(node)
	}
	return s
}

// Describe is a tree as a Document, with PostgreSQL's keys.
func Describe(n Node, notes *Notes) Document { return describe(n, "", "", notes) }

func describe(n Node, relationship, name string, notes *Notes) Document {
	var d Document
	d.add("Node Type", nodeType(n))
	if relationship != "" {
		d.add("Parent Relationship", relationship)
	}
	if name != "" {
		d.add("Subplan Name", name)
	}
	d.add("Parallel Aware", false)
	d.add("Async Capable", false)
	describeKind(n, &d)
	if notes.Estimate != nil {
		if e, ok := notes.Estimate(n); ok {
			d.add("Startup Cost", Number{0, 2})
			d.add("Total Cost", Number{e.Cost, 2})
			d.add("Plan Rows", Number{e.Rows, 0})
			d.add("Plan Width", int64(e.Width))
		}
	}
	if notes.Members != nil {
		d = append(d, notes.Members(n)...)
	}
	d.details(notes.details(n))
	var plans []Document
	for i, s := range subqueries(n) {
		plans = append(plans, describe(s.Input, "SubPlan", fmt.Sprintf("SubPlan %d", i+1), notes))
	}
	for i, in := range n.Inputs() {
		plans = append(plans, describe(in, inputName(n, i), "", notes))
	}
	if len(plans) > 0 {
		d.add("Plans", plans)
	}
	return d
}

// details adds a node's lines; what several lines say under one key is a list.
func (d *Document) details(lines []detail) {
	for i, x := range lines {
		if i > 0 && lines[i-1].key == x.key {
			continue // taken with the first
		}
		var all []string
		for _, y := range lines[i:] {
			if y.key != x.key {
				break
			}
			all = append(all, y.value)
		}
		switch {
		case x.list != nil:
			d.add(x.key, x.list)
		case len(all) > 1:
			d.add(x.key, all)
		default:
			d.add(x.key, x.value)
		}
	}
}

// inputName is PostgreSQL's word for what the i-th input is to a node.
func inputName(n Node, i int) string {
	switch n := n.(type) {
	case *Append:
		return "Member"
	case *CTE:
		if i < len(n.Inputs())-1 {
			return "InitPlan"
		}
		return "Outer"
	}
	if i == 1 {
		return "Inner"
	}
	return "Outer"
}

// nodeType is PostgreSQL's name of a node where it has one of the kind, without
// what other members say.
func nodeType(n Node) string {
	switch n := n.(type) {
	case *Join:
		if n.Bounds != nil {
			return "Interval Join"
		}
		if n.Lookup != nil && n.Lookup.Index != nil {
			return "Nested Loop"
		}
		if n.Lookup != nil {
			return "Lookup Join"
		}
		if len(n.LeftKeys) > 0 {
			return "Hash Join"
		}
		return "Nested Loop"
	case *AggregateNode:
		return "Aggregate"
	case *SetOp:
		return "SetOp"
	case *Modify:
		return "ModifyTable"
	case *Scan:
		if n.Access != nil {
			return "Index Scan"
		}
	}
	name, _, _ := strings.Cut(n.String(), " on ")
	return name
}

// describeKind adds what distinguishes nodes of one type.
func describeKind(n Node, d *Document) {
	switch n := n.(type) {
	case *Modify:
		d.add("Operation", n.Op.Word())
		d.add("Relation Name", n.Target.Name)
		d.add("Schema", n.Target.Schema)
		d.add("Alias", aliasOf(n.Alias, n.Target.Name))
	case *Scan:
		if n.Access != nil {
			direction := "Forward"
			if n.Access.Backward {
				direction = "Backward"
			}
			d.add("Scan Direction", direction)
			d.add("Index Name", n.Access.Index.Name)
		}
		d.add("Relation Name", n.Relation.Name)
		d.add("Schema", n.Relation.Schema)
		d.add("Alias", aliasOf(n.Alias, n.Relation.Name))
	case *VirtualScan:
		d.add("Relation Name", n.Relation.Name)
		d.add("Schema", n.Relation.Schema)
		d.add("Alias", aliasOf(n.Alias, n.Relation.Name))
	case *FunctionScan:
		if len(n.Calls) == 1 && n.Calls[0].Func != nil {
			d.add("Function Name", n.Calls[0].Func.Name)
			d.add("Alias", n.Calls[0].Func.Name)
		}
	case *CTEScan:
		d.add("CTE Name", n.Name)
		d.add("Alias", n.Name)
	case *Join:
		d.add("Join Type", [...]string{"Inner", "Left", "Right", "Full", "Semi", "Anti"}[n.Kind])
	case *AggregateNode:
		strategy := "Plain"
		if len(n.Keys) > 0 {
			strategy = "Hashed"
		}
		d.add("Strategy", strategy)
		d.add("Partial Mode", "Simple")
	case *SetOp:
		command := strings.ToUpper(n.Op[:1]) + n.Op[1:]
		if n.All {
			command += " All"
		}
		d.add("Strategy", "Hashed")
		d.add("Command", command)
	}
}

func aliasOf(alias, name string) string {
	if alias == "" {
		return name
	}
	return alias
}
