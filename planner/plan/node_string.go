package plan

import (
	"strings"
)

func (n *Scan) String() string {
	if n.Relation.Stored() {
		return n.tableString()
	}
	if n.Changes {
		return "Stream Changes on " + relationName(n.Relation.Schema, n.Relation.Name, n.Alias)
	}
	return "Stream Scan on " + relationName(n.Relation.Schema, n.Relation.Name, n.Alias)
}

// tableString is a table's scan as PostgreSQL names it.
func (n *Scan) tableString() string {
	on := " on " + relationName(n.Relation.Schema, n.Relation.Name, n.Alias)
	switch {
	case n.Follow:
		return "Table Changes" + on
	case n.Current != nil:
		return "Tid Scan" + on
	case n.Access == nil:
		return "Seq Scan" + on
	}
	s := "Index Scan"
	if n.Access.Backward {
		s += " Backward"
	}
	return s + " using " + quoteIdent(n.Access.Index.Name) + on
}

func (n *Modify) String() string {
	return n.Op.Word() + " on " + relationName(n.Target.Schema, n.Target.Name, n.Alias)
}

func (n *LockRows) String() string { return "LockRows" }

func (n *CopyScan) String() string { return "Copy Scan" }

func (n *VirtualScan) String() string {
	return "Catalog Scan on " + relationName(n.Relation.Schema, n.Relation.Name, n.Alias)
}

func (n *Values) String() string {
	if len(n.Fields) == 0 {
		return "Result"
	}
	return "Values Scan"
}

func (n *FunctionScan) String() string {
	if len(n.Calls) == 1 && n.Calls[0].Func != nil {
		return "Function Scan on " + n.Calls[0].Func.Name
	}
	return "Function Scan"
}

func (n *Filter) String() string { return "Filter" }

func (n *Project) String() string { return "Project" }

func (n *ProjectSet) String() string { return "ProjectSet" }

func (n *GroupingSets) String() string { return "Grouping Sets" }

func (n *AggregateNode) String() string {
	switch {
	case n.EmitChanges && n.Closing != nil && n.Closing.Final:
		return "Window Aggregate"
	case n.EmitChanges && n.Closing != nil:
		return "Changelog Window Aggregate"
	case n.EmitChanges:
		return "Changelog Aggregate"
	case len(n.Keys) > 0:
		return "HashAggregate"
	}
	return "Aggregate"
}

func (n *DistinctNode) String() string { return "Unique" }

func (n *Sort) String() string { return "Sort" }

func (n *Limit) String() string { return "Limit" }

func (n *Join) String() string {
	name := "Nested Loop"
	if len(n.LeftKeys) > 0 {
		name = "Hash"
	}
	switch {
	case n.Bounds != nil:
		name = "Interval"
	case n.Lookup != nil && n.Lookup.Index != nil:
		name = "Nested Loop"
	case n.Lookup != nil:
		name = "Lookup"
	}
	switch n.Kind {
	case JoinLeft:
		name += " Left"
	case JoinRight:
		name += " Right"
	case JoinFull:
		name += " Full"
	case JoinSemi:
		name += " Semi"
	case JoinAnti:
		name += " Anti"
	case JoinNotIn:
		name += " Null-Aware Anti"
	case JoinRightSemi:
		name += " Right Semi"
	case JoinRightAnti:
		name += " Right Anti"
	case JoinRightNotIn:
		name += " Right Null-Aware Anti"
	}
	if n.Kind == JoinInner && name == "Nested Loop" {
		return name
	}
	return name + " Join"
}

func (n *Append) String() string { return "Append" }

func (n *SetOp) String() string {
	s := "SetOp " + strings.ToUpper(n.Op[:1]) + n.Op[1:]
	if n.All {
		s += " All"
	}
	return s
}

func (n *CTE) String() string { return "CTE " + quoteIdent(n.Name) }

func (n *CTEScan) String() string { return "CTE Scan on " + quoteIdent(n.Name) }

func relationName(schema, name, alias string) string {
	s := quoteIdent(name)
	if schema != "public" {
		s = quoteIdent(schema) + "." + s
	}
	if alias != "" && alias != name {
		s += " " + quoteIdent(alias)
	}
	return s
}
