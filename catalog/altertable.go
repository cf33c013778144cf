package catalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// LostColumn is a column that a table loses, or its default.
type LostColumn struct {
	Table     types.OID
	Attribute int16
}

// removeDefault takes a column's default away, where the table is still there.
func (d *draft) removeDefault(table types.OID, attr int16) {
	old := d.byOID[table]
	if old == nil {
		return
	}
	at := old.ByAttribute(attr)
	if at < 0 {
		return
	}
	r := *old
	r.Columns = slices.Clone(r.Columns)
	r.Columns[at].Default = ""
	d.putRelation(&r)
}

// removeIndex takes an index away from its table, where that is still there.
func (d *draft) removeIndex(table, index types.OID) {
	old := d.byOID[table]
	if old == nil {
		return
	}
	r, info := *old, *old.Table
	info.Indexes = slices.DeleteFunc(slices.Clone(info.Indexes), func(x *Index) bool { return x.OID == index })
	r.Table = &info
	d.putRelation(&r)
}
