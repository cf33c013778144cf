package catalog

import (
	"maps"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// draft is a snapshot that can still change: copies of the maps, over objects
// that never change in place. It remembers what differs from the store.
type draft struct {
	Snapshot
	owned   map[string]bool // schemas whose map of relations is this draft's own
	touched map[storeKey]bool
	frozen  *Snapshot // since the last change
}

// storeKey names a stored object.
type storeKey struct {
	kind byte
	oid  types.OID
}

func newDraft(s *Snapshot) *draft {
	return &draft{
		Snapshot: Snapshot{
			Version:   s.Version,
			schemas:   maps.Clone(s.schemas),
			relations: maps.Clone(s.relations),
			byOID:     maps.Clone(s.byOID),
			jobs:      maps.Clone(s.jobs),
			enums:     maps.Clone(s.enums),
			enumOf:    maps.Clone(s.enumOf),
			roles:     maps.Clone(s.roles),
			guards:    maps.Clone(s.guards),
			owed:      maps.Clone(s.owed),
			defaults:  maps.Clone(s.defaults),
			added:     maps.Clone(s.added),
			strict:    s.strict,
			builtins:  s.builtins,
		},
		owned:   map[string]bool{},
		touched: map[storeKey]bool{},
	}
}

// freeze returns what the draft holds as a snapshot that later changes of the
// draft do not reach.
func (d *draft) freeze(version uint64) *Snapshot {
	if d.frozen == nil || d.frozen.Version != version {
		c := newDraft(&d.Snapshot)
		c.Version = version
		d.frozen = &c.Snapshot
		clear(d.owned) // the maps are shared now
	}
	return d.frozen
}

func (d *draft) change(kind byte, oid types.OID) {
	d.frozen = nil
	d.inOrder.Store(nil)
	d.touched[storeKey{kind, oid}] = true
}

func (d *draft) putSchema(s *Schema) {
	d.schemas[s.Name] = s
	d.change(keySchema, s.OID)
}

func (d *draft) removeSchema(s *Schema) {
	delete(d.schemas, s.Name)
	delete(d.relations, s.Name)
	for _, a := range d.DefaultACLs() {
		if a.Schema == s.OID {
			d.removeDefaultACL(a)
		}
	}
	d.change(keySchema, s.OID)
}

// own makes a schema's map of relations this draft's.
func (d *draft) own(schema string) map[string]*Relation {
	m := d.relations[schema]
	if !d.owned[schema] {
		if m == nil {
			m = map[string]*Relation{}
		} else {
			m = maps.Clone(m)
		}
		d.relations[schema], d.owned[schema] = m, true
	}
	return m
}

func (d *draft) putRelation(r *Relation) {
	d.own(r.Schema)[r.Name] = r
	d.byOID[r.OID] = r
	d.change(keyRelation, r.OID)
}

func (d *draft) removeRelation(r *Relation) {
	delete(d.own(r.Schema), r.Name)
	delete(d.byOID, r.OID)
	d.change(keyRelation, r.OID)
}

func (d *draft) putJob(j *Job) {
	d.jobs[j.Name] = j
	d.change(keyJob, j.OID)
}

func (d *draft) removeJob(j *Job) {
	delete(d.jobs, j.Name)
	d.change(keyJob, j.OID)
}

func (d *draft) putEnum(e *Enum) {
	if e.bare == nil {
		e.complete()
	}
	d.enums[enumName{e.Schema, e.Name}] = e
	d.enumOf[e.OID] = e
	d.change(keyEnum, e.OID)
}

func (d *draft) removeEnum(e *Enum) {
	delete(d.enums, enumName{e.Schema, e.Name})
	delete(d.enumOf, e.OID)
	d.change(keyEnum, e.OID)
}

func (d *draft) putRole(r *Role) {
	d.roles[r.Name] = r
	d.change(keyRole, r.OID())
}

func (d *draft) removeRole(r *Role) {
	delete(d.roles, r.Name)
	d.change(keyRole, r.OID())
}

// write brings the store up to the draft. Virtual relations, the schemas that
// come with the server, and what is temporary are not stored.
func (d *draft) write(w *state.Writer) error {
	live := map[storeKey][]byte{}
	for _, s := range d.schemas {
		k := storeKey{keySchema, s.OID}
		if d.touched[k] && !systemSchema(s.Name) && !Temporary(s.Name) {
			live[k] = encodeSchema(s)
		}
	}
	for k := range d.touched {
		if r := d.byOID[k.oid]; k.kind == keyRelation && r != nil && r.Kind != Virtual && !Temporary(r.Schema) {
			live[k] = encodeRelation(r)
		}
	}
	for k := range d.touched {
		if e := d.enumOf[k.oid]; k.kind == keyEnum && e != nil && !Temporary(e.Schema) {
			live[k] = encodeEnum(e)
		}
	}
	for _, r := range d.roles {
		if k := (storeKey{keyRole, r.OID()}); d.touched[k] {
			live[k] = encodeRole(r)
		}
	}
	for k, g := range d.guards {
		if d.touched[k] {
			live[k] = encodeGuard(g)
		}
	}
	for _, a := range d.defaults {
		if k := (storeKey{keyDefaultACL, a.OID}); d.touched[k] {
			live[k] = encodeDefaultACL(a)
		}
	}
	for _, j := range d.jobs {
		if k := (storeKey{keyJob, j.OID}); d.touched[k] {
			live[k] = encodeJob(j)
		}
	}
	for _, o := range d.owed {
		if k := (storeKey{keyOwed, o.OID}); d.touched[k] {
			live[k] = encodeOwed(o)
		}
	}
	for k := range d.touched {
		if value, ok := live[k]; ok {
			w.Set(k.bytes(), value)
		} else if k.oid >= FirstOID || k.oid == publicOID || k.kind == keyRole {
			w.Delete(k.bytes())
		}
	}
	return nil
}

func systemSchema(name string) bool {
	return name == "pg_catalog" || name == "information_schema" || name == "ferris"
}
