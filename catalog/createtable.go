package catalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// OwnedSequence is a sequence that is made with a table's column, which it
// numbers.
type OwnedSequence struct {
	Relation *Relation
	Column   int // its place in the table
}

// CreateTable makes a table of a description that the caller does not touch
// again, with the sequences of its columns; OIDs and storage numbers are filled
// in, and the defaults of the numbered columns.
func (t *Tx) CreateTable(r *Relation, owned []OwnedSequence, ifNotExists bool) (created bool, notices []*sqlerr.Error, err error) {
	s := t.Snapshot()
	if ifNotExists && s.NameTaken(r.Schema, r.Name) {
		return false, []*sqlerr.Error{notice(sqlerr.DuplicateTable, "relation %q already exists, skipping", r.Name)}, nil
	}
	if err := checkColumns(r); err != nil {
		return false, nil, err
	}
	if err := s.creatable(r); err != nil {
		return false, nil, err // before OIDs are spent on it
	}
	var schema types.OID
	if Temporary(r.Schema) && s.Schema(r.Schema) == nil {
		if schema, err = t.c.oids.take(); err != nil {
			return false, nil, err
		}
	}
	r.Hidden = TableHidden()
	if r.OID, err = t.c.oids.take(); err != nil {
		return false, nil, err
	}
	for i := range r.Columns {
		r.Columns[i].Attr = int16(i + 1)
	}
	r.Table.Attrs = int16(len(r.Columns))
	for _, o := range owned {
		if err := t.number(r, o); err != nil {
			return false, nil, err
		}
	}
	if err := t.complete(r); err != nil {
		return false, nil, err
	}
	err = t.apply(func(d *draft) error {
		if err := d.creatable(r); err != nil {
			return err
		}
		if schema != 0 && d.schemas[r.Schema] == nil {
			d.putSchema(&Schema{OID: schema, Name: r.Schema, Owner: r.Owner})
		}
		if err := d.dependable(r.Name, r.DependsOn, !Temporary(r.Schema)); err != nil {
			return err
		}
		return d.putTable(r, owned)
	})
	return err == nil, nil, err
}

// putTable puts a table that is new or has changed, and its new sequences, where
// the names of its indexes and of these are free.
func (d *draft) putTable(r *Relation, owned []OwnedSequence) error {
	for i, x := range r.Table.Indexes {
		other, same := d.Index(r.Schema, x.Name)
		if d.relations[r.Schema][x.Name] != nil || x.Name == r.Name || same != nil && (other.OID != r.OID || same.OID != x.OID) {
			return sqlerr.Errorf(sqlerr.DuplicateTable, "relation %q already exists", x.Name)
		}
		if slices.ContainsFunc(r.Table.Indexes[:i], func(y *Index) bool { return y.Name == x.Name }) {
			return sqlerr.Errorf(sqlerr.DuplicateTable, "relation %q already exists", x.Name)
		}
	}
	for _, o := range owned {
		if err := d.creatable(o.Relation); err != nil {
			return err
		}
	}
	if err := d.referable(d.byOID[r.OID], r); err != nil {
		return err
	}
	for _, o := range owned {
		o.Relation.ACL = d.bornRelation(o.Relation)
		d.putRelation(o.Relation)
	}
	if d.byOID[r.OID] == nil {
		r.ACL = d.bornRelation(r)
	}
	d.putRelation(r)
	return nil
}

// number gives a column its sequence, which is the column's from then on.
func (t *Tx) number(r *Relation, o OwnedSequence) error {
	c := &r.Columns[o.Column]
	seq := o.Relation
	seq.Sequence.OwnedBy, seq.Sequence.OwnedAttr = r.OID, r.Attribute(o.Column)
	seq.Sequence.Internal = c.Identity != 0
	if err := t.complete(seq); err != nil {
		return err
	}
	c.Default = NextValue(seq.OID)
	return nil
}

// complete gives OIDs and storage numbers to what has none yet.
func (t *Tx) complete(r *Relation) error {
	var err error
	take := func(oid *types.OID) {
		if *oid == 0 && err == nil {
			*oid, err = t.c.oids.take()
		}
	}
	storage := func(n *uint32) { take((*types.OID)(n)) }
	take(&r.OID)
	if r.Sequence != nil {
		storage(&r.Sequence.Storage)
	}
	if r.Table != nil {
		storage(&r.Table.Storage)
		for i := range r.Table.Checks {
			take(&r.Table.Checks[i].OID)
		}
		for _, x := range r.Table.Indexes {
			take(&x.OID)
			storage(&x.Storage)
			if x.Constraint {
				take(&x.ConOID)
			}
		}
		completeForeign(r, take)
	}
	return err
}

// CreateSequence makes a sequence of a description that the caller does not
// touch again.
func (t *Tx) CreateSequence(r *Relation, ifNotExists bool) (created bool, notices []*sqlerr.Error, err error) {
	s := t.Snapshot()
	if ifNotExists && s.NameTaken(r.Schema, r.Name) {
		return false, []*sqlerr.Error{notice(sqlerr.DuplicateTable, "relation %q already exists, skipping", r.Name)}, nil
	}
	if err := s.creatable(r); err != nil {
		return false, nil, err
	}
	if err := t.complete(r); err != nil {
		return false, nil, err
	}
	var schema types.OID
	if Temporary(r.Schema) && s.Schema(r.Schema) == nil {
		if schema, err = t.c.oids.take(); err != nil {
			return false, nil, err
		}
	}
	err = t.apply(func(d *draft) error {
		if err := d.creatable(r); err != nil {
			return err
		}
		if schema != 0 && d.schemas[r.Schema] == nil {
			d.putSchema(&Schema{OID: schema, Name: r.Schema, Owner: r.Owner})
		}
		r.ACL = d.bornRelation(r)
		d.putRelation(r)
		return nil
	})
	return err == nil, nil, err
}
