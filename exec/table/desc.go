package table

import (
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
)

// Desc is how a table's rows and index entries lie. It never changes; a table
// that is altered has another.
type Desc struct {
	Relation *catalog.Relation
	// Derived are the columns that rows have behind the relation's own: keys of
	// indexes that are expressions, and predicates of partial indexes. Who
	// writes rows computes them.
	Derived []Derived

	storage   uint32
	temporary bool
	layout    *rowkey.Layout
	attrs     []int // by place in Columns: the attribute
	places    []int // by attribute: the place in Columns, -1: none
	indexes   []*index
	byIndex   map[*catalog.Index]*index
}

// Derived is a computed column: of Index, its key at place Key, or, with Key -1,
// its predicate, a boolean.
type Derived struct {
	Index *catalog.Index
	Key   int
	Type  types.Type
}

// index is one index of a Desc.
type index struct {
	*catalog.Index
	enc   *rowkey.Encoder
	cols  []int // by key: its column in rows
	where int   // the column of its predicate, -1: none
}

var (
	descsMu sync.Mutex
	descs   = map[types.OID]*Desc{} // the last one of each relation
)

// Describe returns the layout of a Table. The last one asked for of each table
// is kept.
func Describe(r *catalog.Relation) *Desc {
	descsMu.Lock()
	defer descsMu.Unlock()
	if d := descs[r.OID]; d != nil && d.Relation == r {
		return d
	}
	d := describe(r)
	descs[r.OID] = d
	return d
}

func describe(r *catalog.Relation) *Desc {
	d := &Desc{
		Relation: r, storage: r.Table.Storage, temporary: catalog.Temporary(r.Schema),
		byIndex: map[*catalog.Index]*index{},
	}
	n := int(r.Table.Attrs)
	for i := range r.Columns {
		n = max(n, int(r.Attribute(i)))
	}
	attrs := make([]rowkey.Attr, n)
	d.places = make([]int, n)
	for i := range d.places {
		d.places[i] = -1
	}
	for _, x := range r.Table.Dropped {
		attrs[x.Attr-1].Was = x.Phys
	}
	for i, c := range r.Columns {
		at := int(r.Attribute(i)) - 1
		d.attrs = append(d.attrs, at)
		d.places[at] = i
		attrs[at] = rowkey.Attr{Type: c.Type}
		if c.HasMissing {
			// The text was written by the type itself.
			if v, err := types.Parse(c.Type, c.Missing, types.DefaultFormat()); err == nil {
				attrs[at].Missing = v
			}
		}
	}
	d.layout = rowkey.NewLayout(attrs)
	for _, x := range r.Table.Indexes {
		d.addIndex(x)
	}
	return d
}

func (d *Desc) addIndex(x *catalog.Index) {
	ix := &index{Index: x, where: -1}
	var cols []rowkey.Column
	for i, k := range x.Keys {
		cols = append(cols, rowkey.Column{Type: k.Type, Desc: k.Desc, NullsFirst: k.NullsFirst})
		if k.Column >= 0 {
			ix.cols = append(ix.cols, k.Column)
			continue
		}
		ix.cols = append(ix.cols, d.derive(Derived{x, i, k.Type}))
	}
	if x.Where != "" {
		ix.where = d.derive(Derived{x, -1, types.Of(types.Bool)})
	}
	ix.enc = rowkey.NewEncoder(cols)
	d.indexes = append(d.indexes, ix)
	d.byIndex[x] = ix
}

func (d *Desc) derive(x Derived) int {
	d.Derived = append(d.Derived, x)
	return len(d.Relation.Columns) + len(d.Derived) - 1
}

// index finds an index, also one of another snapshot of the catalog; nil: the
// table has it no more.
func (d *Desc) index(x *catalog.Index) *index {
	if ix := d.byIndex[x]; ix != nil {
		return ix
	}
	for _, ix := range d.indexes {
		if ix.OID == x.OID {
			return ix
		}
	}
	return nil
}
