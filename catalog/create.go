package catalog

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// MaxColumns is PostgreSQL's limit of columns.
const MaxColumns = 1600

// word is what a message calls a relation.
func (k Kind) word() string {
	switch k {
	case View:
		return "view"
	case MatView:
		return "materialized view"
	case Sink:
		return "sink"
	case Sequence:
		return "sequence"
	case Table, Virtual:
		return "table"
	}
	return "stream"
}

// CreateSchema makes a schema. With ifNotExists one that exists is left as it
// is, with a notice.
func (t *Tx) CreateSchema(name, owner string, ifNotExists bool) (created bool, notices []*sqlerr.Error, err error) {
	return t.CreateSchemaOf(Schema{Name: name, Owner: owner}, ifNotExists)
}

// CreateSchemaOf makes a schema of a description, whose OID is filled in.
func (t *Tx) CreateSchemaOf(sc Schema, ifNotExists bool) (created bool, notices []*sqlerr.Error, err error) {
	name := sc.Name
	if strings.HasPrefix(name, "pg_") {
		return false, nil, sqlerr.Errorf(sqlerr.ReservedName, "unacceptable schema name %q", name).
			WithDetail("The prefix \"pg_\" is reserved for system schemas.")
	}
	if ifNotExists && t.Snapshot().Schema(name) != nil {
		return false, []*sqlerr.Error{notice(sqlerr.DuplicateSchema, "schema %q already exists, skipping", name)}, nil
	}
	oid, err := t.c.oids.take()
	if err != nil {
		return false, nil, err
	}
	err = t.apply(func(d *draft) error {
		if d.schemas[name] != nil && ifNotExists {
			return nil // another transaction came before, which comes to the same
		}
		if d.schemas[name] != nil {
			return sqlerr.Errorf(sqlerr.DuplicateSchema, "schema %q already exists", name)
		}
		made := sc
		made.OID = oid
		made.ACL = d.born(made.Object(), 0)
		d.putSchema(&made)
		return nil
	})
	return err == nil, nil, err
}

// CreateRelation makes a stream, view or sink of a description that the caller
// does not touch again; its OID is filled in. With ifNotExists a name that is
// taken is left, with a notice; with orReplace a relation of the same kind is
// replaced and keeps its OID, and what depends on it stays, so its columns must
// then still be there.
func (t *Tx) CreateRelation(r *Relation, ifNotExists, orReplace bool) (created bool, notices []*sqlerr.Error, err error) {
	old := t.Snapshot().Relation(r.Schema, r.Name)
	if old != nil && ifNotExists {
		return false, []*sqlerr.Error{notice(sqlerr.DuplicateTable, "relation %q already exists, skipping", r.Name)}, nil
	}
	if err := checkColumns(r); err != nil {
		return false, nil, err
	}
	if old == nil || !orReplace {
		err := t.createRelation(r, ifNotExists)
		return err == nil, nil, err
	}
	r.OID = old.OID
	by := r.Owner
	err = t.apply(func(d *draft) error { return d.replaceRelation(r, by) })
	return err == nil, nil, err
}

func (t *Tx) createRelation(r *Relation, ifNotExists bool) error {
	if err := t.Snapshot().creatable(r); err != nil {
		return err // before an OID is spent on it
	}
	var err error
	if r.OID, err = t.c.oids.take(); err != nil {
		return err
	}
	var tempOID types.OID
	if Temporary(r.Schema) && t.Snapshot().Schema(r.Schema) == nil {
		if tempOID, err = t.c.oids.take(); err != nil {
			return err
		}
	}
	return t.apply(func(d *draft) error {
		if ifNotExists && d.relations[r.Schema][r.Name] != nil {
			return nil // another transaction came before, which comes to the same
		}
		if err := d.creatable(r); err != nil {
			return err
		}
		if err := d.dependable(r.Name, r.DependsOn, !Temporary(r.Schema)); err != nil {
			return err
		}
		if tempOID != 0 && d.schemas[r.Schema] == nil {
			d.putSchema(&Schema{OID: tempOID, Name: r.Schema, Owner: r.Owner})
		}
		r.ACL = d.bornRelation(r)
		d.putRelation(r)
		return nil
	})
}

// creatable checks that a relation's name is free, in a schema that takes it.
func (s *Snapshot) creatable(r *Relation) error {
	switch {
	case systemSchema(r.Schema):
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to create \"%s.%s\"", r.Schema, r.Name).
			WithDetail("System catalog modifications are currently disallowed.")
	case s.schemas[r.Schema] == nil && !Temporary(r.Schema):
		return sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema %q does not exist", r.Schema)
	case s.NameTaken(r.Schema, r.Name):
		return sqlerr.Errorf(sqlerr.DuplicateTable, "relation %q already exists", r.Name)
	case s.Enum(r.Schema, r.Name) != nil:
		return duplicateType(r.Name).
			WithHint("A relation has an associated type of the same name, so you must use a name that doesn't conflict with any existing type.")
	}
	return nil
}

// dependable checks that what an object is made from is still there, and will
// be for as long as the object.
func (s *Snapshot) dependable(name string, on []types.OID, permanent bool) error {
	for _, oid := range on {
		if e := s.enumOf[oid]; e != nil {
			if permanent && Temporary(e.Schema) {
				return sqlerr.Unsupported("Create it in schema pg_temp, or make type "+e.Name+" permanent.",
					"%q must not use the temporary type %q", name, e.Name)
			}
			continue
		}
		r := s.byOID[oid]
		if r == nil {
			return conflict().WithDetail("%q depends on an object that another transaction has dropped.", name)
		}
		if permanent && Temporary(r.Schema) {
			return sqlerr.Unsupported("Create it in schema pg_temp, or make "+r.Name+" permanent.",
				"%q must not use the temporary %s %q", name, r.Kind.word(), r.Name)
		}
	}
	return nil
}

// replaceRelation gives a relation a new definition, by a role that owns it at the
// commit too; "": the server itself.
func (d *draft) replaceRelation(r *Relation, by string) error {
	old := d.relations[r.Schema][r.Name]
	switch {
	case old == nil || old.OID != r.OID:
		return conflict()
	case old.Kind == Virtual:
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: %q is a system catalog", r.Name)
	case by != "" && !Temporary(r.Schema) && !d.Owns(by, old.Object()):
		return old.Object().NotOwned()
	case old.Kind != r.Kind:
		return sqlerr.Errorf(sqlerr.WrongObjectType, "%q is not a %s", r.Name, r.Kind.word())
	case old.Job != r.Job && old.Job != "":
		return requiredByJob(old)
	}
	if err := d.dependable(r.Name, r.DependsOn, !Temporary(r.Schema)); err != nil {
		return err
	}
	if d.reaches(r.DependsOn, r.OID, map[types.OID]bool{}) {
		return sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "infinite recursion detected in the definition of %s %q", r.Kind.word(), r.Name)
	}
	if d.hasDependents(old) {
		if err := keepsColumns(old, r); err != nil {
			return err
		}
	}
	r.Owner, r.ACL = old.Owner, old.ACL
	r.Columns = slices.Clone(r.Columns)
	for at := range r.Columns {
		if was := old.ColumnNamed(r.Columns[at].Name); was >= 0 {
			r.Columns[at].ACL = old.Columns[was].ACL
		}
	}
	d.putRelation(r)
	return nil
}

// reaches tells whether any of the objects is, or depends on, target.
func (s *Snapshot) reaches(from []types.OID, target types.OID, seen map[types.OID]bool) bool {
	for _, oid := range from {
		if oid == target {
			return true
		}
		if seen[oid] {
			continue
		}
		seen[oid] = true
		if r := s.byOID[oid]; r != nil && s.reaches(r.DependsOn, target, seen) {
			return true
		}
	}
	return false
}

func checkColumns(r *Relation) error {
	if len(r.Columns) > MaxColumns {
		return sqlerr.Errorf(sqlerr.TooManyColumns, "tables can have at most %d columns", MaxColumns)
	}
	seen := map[string]bool{}
	for _, c := range r.Columns {
		if seen[c.Name] {
			return sqlerr.Errorf(sqlerr.DuplicateColumn, "column %q specified more than once", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// keepsColumns is PostgreSQL's rule for CREATE OR REPLACE VIEW: the old columns
// stay, in order; new ones come after them.
func keepsColumns(old, r *Relation) error {
	if len(r.Columns) < len(old.Columns) {
		return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "cannot drop columns from %s", r.Kind.word())
	}
	for i, was := range old.Columns {
		is := r.Columns[i]
		if is.Name != was.Name {
			return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "cannot change name of %s column %q to %q", r.Kind.word(), was.Name, is.Name)
		}
		if is.Type != was.Type {
			return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "cannot change data type of %s column %q from %s to %s",
				r.Kind.word(), was.Name, types.FormatType(was.Type), types.FormatType(is.Type))
		}
	}
	return nil
}
