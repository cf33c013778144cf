package catalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Commented is what a comment is on: a relation, by its OID, or a column, index or
// constraint of it; a schema; a job.
type Commented struct {
	Relation   types.OID
	Attribute  int16     // of a column; 0: none
	Index      types.OID // 0: none
	Constraint types.OID // 0: none
	Schema     string    // "": none
	Job        string    // "": none
	Enum       types.OID // an enum type; 0: none
}

// Comment sets a comment; "" removes it.
func (t *Tx) Comment(on Commented, text string) error {
	return t.apply(func(d *draft) error {
		switch {
		case on.Schema != "":
			old := d.schemas[on.Schema]
			if old == nil {
				return sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema %q does not exist", on.Schema)
			}
			s := *old
			s.Comment = text
			d.putSchema(&s)
			return nil
		case on.Enum != 0:
			old := d.enumOf[on.Enum]
			if old == nil {
				return conflict()
			}
			e := *old
			e.Comment = text
			d.putEnum(&e)
			return nil
		case on.Job != "":
			old := d.jobs[on.Job]
			if old == nil {
				return noJob(on.Job)
			}
			j := *old
			j.Comment = text
			d.putJob(&j)
			return nil
		}
		old := d.byOID[on.Relation]
		if old == nil {
			return conflict()
		}
		r, err := commented(old, on, text)
		if err != nil {
			return err
		}
		d.putRelation(r)
		return nil
	})
}

// commented is a relation with a comment somewhere in it.
func commented(old *Relation, on Commented, text string) (*Relation, error) {
	r := *old
	switch {
	case on.Attribute != 0:
		at := r.ByAttribute(on.Attribute)
		if at < 0 {
			return nil, conflict()
		}
		r.Columns = slices.Clone(r.Columns)
		r.Columns[at].Comment = text
	case on.Index != 0 || on.Constraint != 0:
		info := *r.Table
		r.Table = &info
		info.Indexes, info.Checks = slices.Clone(info.Indexes), slices.Clone(info.Checks)
		for i, c := range info.Checks {
			if c.OID == on.Constraint && on.Constraint != 0 {
				info.Checks[i].Comment = text
				return &r, nil
			}
		}
		info.Foreign = slices.Clone(info.Foreign)
		for i, k := range info.Foreign {
			if k.OID == on.Constraint && on.Constraint != 0 {
				info.Foreign[i].Comment = text
				return &r, nil
			}
		}
		for i, old := range info.Indexes {
			x := *old
			switch {
			case on.Index != 0 && x.OID == on.Index:
				x.Comment = text
			case on.Constraint != 0 && x.ConOID == on.Constraint:
				x.ConComment = text
			default:
				continue
			}
			info.Indexes[i] = &x
			return &r, nil
		}
		return nil, conflict()
	default:
		r.Comment = text
	}
	return &r, nil
}
