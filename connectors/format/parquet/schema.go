package parquet

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Bounds of what a schema may be: a level is a byte, and a stream has as many columns
// as a table of PostgreSQL.
const (
	maxDepth   = 64
	maxColumns = 1600
	maxLeaves  = 64 << 10
)

// node is a node of the schema's tree.
type node struct {
	element
	children []*node
	def, rep int // the levels at which it is there, and at which it repeats
	leaf     int // its number among the leaves, -1 of a group
	first    int // the first leaf below it
	last     int // and the one behind the last
	path     string
}

// tree makes the tree of a footer's list.
func (f *footer) tree() (root *node, leaves []*node, err error) {
	i := 0
	var build func(above *node, depth int) (*node, error)
	build = func(above *node, depth int) (*node, error) {
		if i >= len(f.schema) {
			return nil, corrupt("its schema names more columns than it has")
		}
		if depth > maxDepth {
			return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the columns of a Parquet file lie more than %d deep in each other", maxDepth)
		}
		n := &node{element: f.schema[i], leaf: -1, first: len(leaves)}
		i++
		if above != nil {
			n.def, n.rep = above.def, above.rep
			if n.path = n.name; above.path != "" {
				n.path = above.path + "." + n.name
			}
			switch n.repetition {
			case required:
			case repeated:
				n.def, n.rep = n.def+1, n.rep+1
			case optional:
				n.def++
			default:
				return nil, corrupt("column %q has the repetition %d", n.path, n.repetition)
			}
		}
		if n.phys != physGroup {
			if n.phys == physUnknown {
				return nil, corrupt("column %q is of no type that is known", n.path)
			}
			if n.phys == physFixed && (n.length <= 0 || n.length > maxFixed) {
				return nil, corrupt("column %q has values of %d bytes", n.path, n.length)
			}
			if len(leaves) >= maxLeaves {
				return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a Parquet file has more than %d columns", maxLeaves)
			}
			n.leaf = len(leaves)
			leaves = append(leaves, n)
			n.last = len(leaves)
			return n, nil
		}
		count := int(n.element.children)
		if count < 0 || count > len(f.schema)-i {
			return nil, corrupt("column %q says that it has %d others", n.path, count)
		}
		for range count {
			c, err := build(n, depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, c)
		}
		n.last = len(leaves)
		return n, nil
	}
	if len(f.schema) == 0 || f.schema[0].phys != physGroup {
		return nil, nil, corrupt("it has no schema")
	}
	if root, err = build(nil, 0); err == nil && i != len(f.schema) {
		err = corrupt("its schema has columns that belong to nothing")
	}
	return root, leaves, err
}

// maxFixed is the longest value of a type whose values are all of one length.
const maxFixed = 1 << 20

// items are a list's repeated node and what its items are: of three levels, as the format has it, or of two,
// as older writers made them. nil: n is no list.
func (n *node) items() (repeatedNode, item *node) {
	if n.phys == physGroup && n.logical == logicalList && len(n.children) == 1 && n.children[0].repetition == repeated {
		r := n.children[0]
		if r.phys == physGroup && len(r.children) == 1 && r.name != "array" && r.name != n.name+"_tuple" && r.children[0].repetition != repeated {
			return r, r.children[0]
		}
		return r, r
	}
	return nil, nil
}

// entries are a map's repeated group, its keys and its values; nil: n is no map.
func (n *node) entries() (repeatedNode, key, value *node) {
	if n.phys == physGroup && n.logical == logicalMap && len(n.children) == 1 {
		if r := n.children[0]; r.repetition == repeated && r.phys == physGroup && len(r.children) == 2 && r.children[0].leaf >= 0 {
			return r, r.children[0], r.children[1]
		}
	}
	return nil, nil, nil
}

// Columns are the columns that the file's make: of lists of scalars arrays, of what else
// lies in others jsonb.
func (f *File) Columns() ([]catalog.Column, error) {
	var cols []catalog.Column
	for _, n := range f.root.children {
		if slices.ContainsFunc(cols, func(c catalog.Column) bool { return c.Name == n.name }) {
			return nil, sqlerr.Errorf(sqlerr.DuplicateColumn, "column %q of the Parquet file is there more than once", n.name).
				WithHint("Write the columns of the stream, without that one.")
		}
		cols = append(cols, catalog.Column{Name: n.name, Type: n.sqlType()})
	}
	if len(cols) == 0 || len(cols) > maxColumns {
		return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "a Parquet file of %d columns makes no stream: it has 1 to %d", len(cols), maxColumns)
	}
	return cols, nil
}

// sqlType is the type that holds every value of n.
func (n *node) sqlType() types.Type {
	if n.repetition == repeated {
		return types.Of(types.JSONB)
	}
	if _, item := n.items(); item != nil && item.phys != physGroup {
		elem := item.scalarType()
		if info := types.Lookup(elem.OID); info != nil && info.Array != 0 && elem.OID != types.JSONB {
			return types.Type{OID: info.Array, Mod: elem.Mod}
		}
	}
	if n.phys == physGroup {
		return types.Of(types.JSONB)
	}
	return n.scalarType()
}

func (n *node) scalarType() types.Type {
	switch n.logical {
	case logicalDecimal:
		if n.decimal() && n.scale <= 1000 && n.prec <= 1000 {
			return types.Type{OID: types.Numeric, Mod: (n.prec<<16 | n.scale) + 4}
		}
		return types.Of(types.Numeric)
	case logicalDate:
		return types.Of(types.Date)
	case logicalTime:
		return types.Of(types.Time)
	case logicalTimestamp:
		if n.utc {
			return types.Of(types.Timestamptz)
		}
		return types.Of(types.Timestamp)
	case logicalUUID:
		return types.Of(types.UUID)
	case logicalJSON:
		return types.Of(types.JSONB)
	case logicalString, logicalEnum:
		return types.Of(types.Text)
	case logicalFloat16:
		return types.Of(types.Float4)
	case logicalInterval:
		return types.Of(types.Interval)
	case logicalInteger:
		switch {
		case n.bits <= 8 || n.bits == 16 && n.signed:
			return types.Of(types.Int2)
		case n.bits == 16 || n.bits == 32 && n.signed:
			return types.Of(types.Int4)
		case n.bits == 32 || n.signed:
			return types.Of(types.Int8)
		}
		return types.Type{OID: types.Numeric, Mod: 20<<16 + 4}
	case logicalNull:
		return types.Of(types.Text)
	}
	switch n.phys {
	case physBool:
		return types.Of(types.Bool)
	case physInt32:
		return types.Of(types.Int4)
	case physInt64:
		return types.Of(types.Int8)
	case physInt96:
		return types.Of(types.Timestamp)
	case physFloat:
		return types.Of(types.Float4)
	case physDouble:
		return types.Of(types.Float8)
	}
	return types.Of(types.Bytea)
}

// decimal reports whether n is a decimal that its physical type can have.
func (n *node) decimal() bool {
	return n.logical == logicalDecimal && n.scale >= 0 && n.prec > 0 && n.scale <= n.prec &&
		(n.phys == physInt32 || n.phys == physInt64 || n.phys == physBytes || n.phys == physFixed)
}

// find is the node that a column is named for: a top one, or, with dots, a field of a
// record that does not repeat. Names that are equal but for case are the last resort.
func (n *node) find(name string) *node {
	for _, equal := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, c := range n.children {
			if equal(c.name, name) {
				return c
			}
		}
	}
	for _, equal := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, c := range n.children {
			k := len(c.name)
			if len(name) > k && name[k] == '.' && equal(name[:k], c.name) && c.phys == physGroup && c.repetition != repeated && c.logical == logicalNone {
				if below := c.find(name[k+1:]); below != nil {
					return below
				}
			}
		}
	}
	return nil
}

// label names the type for messages.
func (n *node) label() string {
	if n.phys == physGroup {
		switch n.logical {
		case logicalList:
			return "LIST"
		case logicalMap:
			return "MAP"
		}
		return "group"
	}
	name := physNames[n.phys]
	if s := map[int]string{
		logicalString: "STRING", logicalEnum: "ENUM", logicalDecimal: "DECIMAL", logicalDate: "DATE", logicalTime: "TIME", logicalTimestamp: "TIMESTAMP",
		logicalInteger: "INTEGER", logicalNull: "UNKNOWN", logicalJSON: "JSON", logicalBSON: "BSON", logicalUUID: "UUID", logicalFloat16: "FLOAT16", logicalInterval: "INTERVAL",
	}[n.logical]; s != "" {
		name += " (" + s + ")"
	}
	return name
}
