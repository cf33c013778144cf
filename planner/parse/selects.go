package parse

import (
	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Selects returns the leaf SELECTs of a tree that are neither VALUES nor TABLE,
// in the order of their SELECT keywords: the k-th owns Clauses[k].
func Selects(node *pg.Node) []*pg.SelectStmt {
	if node == nil {
		return nil
	}
	var c collector
	c.message(node.ProtoReflect())
	return c.found
}

// collector goes through a tree in the order of its text.
type collector struct{ found []*pg.SelectStmt }

func (c *collector) message(m protoreflect.Message) {
	switch n := m.Interface().(type) {
	case *pg.Node:
		if f := m.WhichOneof(m.Descriptor().Oneofs().Get(0)); f != nil { // one of some 260 fields
			c.field(m, f)
		}
		return
	case *pg.SelectStmt:
		c.selectStmt(n)
		return
	case *pg.InsertStmt:
		c.fields(m, "with_clause", "relation", "cols", "select_stmt", "on_conflict_clause", "returning_list")
		return
	case *pg.UpdateStmt:
		c.fields(m, "with_clause", "relation", "target_list", "from_clause", "where_clause", "returning_list")
		return
	case *pg.DeleteStmt:
		c.fields(m, "with_clause", "relation", "using_clause", "where_clause", "returning_list")
		return
	case *pg.MergeStmt:
		c.fields(m, "with_clause", "relation", "source_relation", "join_condition", "merge_when_clauses")
		return
	case *pg.WindowDef:
		c.fields(m, "partition_clause", "order_clause", "start_offset", "end_offset")
		return
	case *pg.ResTarget:
		c.fields(m, "indirection", "val")
		return
	}
	fs := m.Descriptor().Fields()
	for i := range fs.Len() {
		c.field(m, fs.Get(i))
	}
}

// selectStmt goes through a SELECT; the texts of LIMIT and OFFSET may stand in
// either order, and are told apart by what stands first in them.
func (c *collector) selectStmt(s *pg.SelectStmt) {
	m := s.ProtoReflect()
	c.fields(m, "with_clause")
	if s.Op != pg.SetOperation_SETOP_NONE && s.Larg != nil {
		c.fields(m, "larg", "rarg")
	} else {
		if !isWritten(s) {
			c.fields(m, "values_lists")
			return
		}
		c.found = append(c.found, s)
		c.fields(m, "distinct_clause", "target_list", "into_clause", "from_clause", "where_clause", "group_clause", "having_clause", "window_clause", "values_lists")
	}
	c.fields(m, "sort_clause")
	if position(s.LimitOffset) < position(s.LimitCount) {
		c.fields(m, "limit_offset", "limit_count")
	} else {
		c.fields(m, "limit_count", "limit_offset")
	}
	c.fields(m, "locking_clause")
}

// isWritten reports whether a leaf was written with SELECT. VALUES has lists;
// TABLE, and what PostgreSQL makes of a recursive view, have targets without a
// place in the text.
func isWritten(s *pg.SelectStmt) bool {
	if len(s.ValuesLists) > 0 {
		return false
	}
	return len(s.TargetList) == 0 || s.TargetList[0].GetResTarget().GetLocation() >= 0
}

// fields goes through some fields of a message.
func (c *collector) fields(m protoreflect.Message, names ...protoreflect.Name) {
	for _, n := range names {
		c.field(m, m.Descriptor().Fields().ByName(n))
	}
}

func (c *collector) field(m protoreflect.Message, f protoreflect.FieldDescriptor) {
	if f.Kind() != protoreflect.MessageKind || !m.Has(f) {
		return
	}
	if !f.IsList() {
		c.message(m.Get(f).Message())
		return
	}
	list := m.Get(f).List()
	for i := range list.Len() {
		c.message(list.Get(i).Message())
	}
}

// position returns the first byte that a tree names; 0: none.
func position(n *pg.Node) int {
	if n == nil {
		return 0
	}
	first := -1
	var visit func(m protoreflect.Message)
	visit = func(m protoreflect.Message) {
		m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			switch {
			case f.Kind() == protoreflect.Int32Kind && isPosition(f):
				if p := int(v.Int()); p >= 0 && (first < 0 || p < first) {
					first = p
				}
			case f.Kind() != protoreflect.MessageKind:
			case f.IsList():
				for i := range v.List().Len() {
					visit(v.List().Get(i).Message())
				}
			default:
				visit(v.Message())
			}
			return true
		})
	}
	visit(n.ProtoReflect())
	return max(first, 0)
}
