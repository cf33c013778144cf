package catalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

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

// TableChange is what goes with a change of a relation.
type TableChange struct {
	Owned     []OwnedSequence // made for new columns
	Sequences []*Relation     // sequences as they become
	Dropped   []*Relation     // sequences, views
	Views     []*Relation     // views as they become
}

// AlterRelation puts r in the place of old. What is new in r gets OIDs and storage
// numbers; the caller does not touch it again. Where old has changed since the
// snapshot, or is gone, the error is 40001.
func (t *Tx) AlterRelation(old, r *Relation, change TableChange) error {
	for _, o := range change.Owned {
		if err := t.number(r, o); err != nil {
			return err
		}
	}
	if err := t.complete(r); err != nil {
		return err
	}
	return t.apply(func(d *draft) error {
		if d.byOID[old.OID] != old {
			return conflict()
		}
		for _, x := range slices.Concat(change.Sequences, change.Dropped, change.Views) {
			if d.byOID[x.OID] == nil {
				return conflict()
			}
		}
		for _, x := range change.Dropped {
			stays := func(o object) bool {
				return o.relation == nil || !slices.ContainsFunc(change.Dropped, func(r *Relation) bool { return r.OID == o.relation.OID })
			}
			if x.Kind == View && slices.ContainsFunc(d.dependentsOf(x), stays) {
				return dependedOn(d, x)
			}
		}
		for _, x := range change.Dropped {
			d.removeRelation(d.byOID[x.OID])
		}
		for _, x := range slices.Concat(change.Sequences, change.Views) {
			d.putRelation(x)
		}
		if r.Table == nil {
			d.putRelation(r)
			return nil
		}
		return d.putTable(r, change.Owned)
	})
}

// dependedOn is 2BP01 for a view that goes along with a column and that others
// read.
func dependedOn(d *draft, v *Relation) error {
	return d.stillNeeded([]object{{relation: v}}, d.closure([]object{{relation: v}}), nil)
}

// Renaming is what a relation is called from now on; "" leaves it.
type Renaming struct {
	Schema, Name string
	Query        string      // of a view
	Views        []*Relation // that read it, as they become
}

// Rename gives a relation, or the index of one, another name or schema. A table's
// indexes, and the sequences of its columns, go with it into a schema.
func (t *Tx) Rename(old *Relation, index types.OID, to Renaming) error {
	schema, name := to.Schema, to.Name
	return t.apply(func(d *draft) error {
		was := d.byOID[old.OID]
		if was != old {
			return conflict()
		}
		if index != 0 {
			return d.renameIndex(was, index, name)
		}
		for _, v := range to.Views {
			if d.byOID[v.OID] == nil {
				return conflict()
			}
		}
		r := *was
		if name != "" {
			r.Name = name
		}
		if to.Query != "" {
			r.Query = to.Query
		}
		moved := schema != "" && schema != was.Schema
		if moved {
			r.Schema = schema
		}
		d.removeRelation(was)
		if err := d.creatable(&r); err != nil {
			d.putRelation(was)
			return err
		}
		d.putRelation(&r)
		for _, v := range to.Views {
			d.putRelation(v)
		}
		if j := d.jobs[r.Job]; r.Kind == MatView && j != nil {
			to := *j
			to.Sinks = []string{r.Schema + "." + r.Name}
			d.putJob(&to)
		}
		if !moved {
			return nil
		}
		for _, o := range d.ownedSequences(r.OID, 0) {
			s := *o.relation
			d.removeRelation(o.relation)
			s.Schema = schema
			d.putRelation(&s)
		}
		return nil
	})
}

func (d *draft) renameIndex(was *Relation, index types.OID, name string) error {
	if d.NameTaken(was.Schema, name) {
		return sqlerr.Errorf(sqlerr.DuplicateTable, "relation %q already exists", name)
	}
	r, info := *was, *was.Table
	info.Indexes = slices.Clone(info.Indexes)
	for i, x := range info.Indexes {
		if x.OID == index {
			y := *x
			y.Name = name
			info.Indexes[i] = &y
		}
	}
	r.Table = &info
	d.putRelation(&r)
	return nil
}

// Truncate gives tables empty storage; the old one's numbers are returned.
func (t *Tx) Truncate(tables []*Relation) (old []uint32, err error) {
	for _, was := range tables {
		r, info := *was, *was.Table
		old = append(old, info.Storage)
		info.Storage, info.Dropped = 0, nil
		info.Indexes = slices.Clone(info.Indexes)
		for i, x := range info.Indexes {
			y := *x
			old = append(old, y.Storage)
			y.Storage = 0
			info.Indexes[i] = &y
		}
		r.Table = &info
		if err := t.AlterRelation(was, &r, TableChange{}); err != nil {
			return nil, err
		}
	}
	return old, nil
}
