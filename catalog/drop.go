package catalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Name is an object's name as written; Schema "" is looked for along the search
// path.
type Name struct{ Schema, Name string }

// Dropped is what a DROP took away, with what went along.
type Dropped struct {
	Schemas   []*Schema
	Relations []*Relation
	Indexes   []*Index
	Jobs      []*Job
}

// DropRelations drops the relations named, which must be of a kind: Stream takes
// a View too, as CREATE STREAM AS makes one. What depends on them goes along
// with cascade, and is an error without it. path is SearchPath's.
func (t *Tx) DropRelations(kind Kind, names []Name, ifExists, cascade bool, path []string) (Dropped, []*sqlerr.Error, error) {
	s := t.Snapshot()
	var targets []object
	var notices []*sqlerr.Error
	for _, n := range names {
		r, err := s.findToDrop(kind, n, path)
		if err != nil && ifExists && missing(err) {
			notices = append(notices, notice(sqlerr.SuccessfulCompletion, "%s, skipping", err.Message))
			continue
		}
		if err != nil {
			return Dropped{}, notices, err
		}
		targets = append(targets, object{relation: r})
	}
	dropped, more, err := t.drop(targets, ifExists, cascade, path)
	return dropped, append(notices, more...), err
}

func missing(err *sqlerr.Error) bool {
	return err.Code == sqlerr.UndefinedTable || err.Code == sqlerr.InvalidSchemaName || err.Code == sqlerr.UndefinedObject
}

var dropHints = map[Kind]string{
	Stream:   "Use DROP STREAM to remove a stream.",
	View:     "Use DROP VIEW to remove a view.",
	Sink:     "Use DROP SINK to remove a sink.",
	Table:    "Use DROP TABLE to remove a table.",
	Sequence: "Use DROP SEQUENCE to remove a sequence.",
	MatView:  "Use DROP MATERIALIZED VIEW to remove a materialized view.",
}

// DropIndexes drops indexes by their names.
func (t *Tx) DropIndexes(names []Name, ifExists, cascade bool, path []string) (Dropped, []*sqlerr.Error, error) {
	s := t.Snapshot()
	var targets []object
	var notices []*sqlerr.Error
	for _, n := range names {
		r, x, err := s.findIndex(n, path)
		switch {
		case err != nil && ifExists && missing(err):
			notices = append(notices, notice(sqlerr.SuccessfulCompletion, "%s, skipping", err.Message))
			continue
		case err != nil:
			return Dropped{}, nil, err
		case x.Maintains:
			view := object{relation: r}.describe(s, path)
			return Dropped{}, nil, sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop %s because %s requires it",
				object{relation: r, index: x}.describe(s, path), view).WithHint("You can drop %s instead.", view)
		case x.Constraint:
			con := "constraint " + QuoteName(x.Name) + " on " + object{relation: r}.describe(s, path)
			return Dropped{}, nil, sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop %s because %s requires it",
				object{relation: r, index: x}.describe(s, path), con).WithHint("You can drop %s instead.", con)
		}
		targets = append(targets, object{relation: r, index: x})
	}
	dropped, more, err := t.drop(targets, ifExists, cascade, path)
	return dropped, append(notices, more...), err
}

func (s *Snapshot) findIndex(n Name, path []string) (*Relation, *Index, *sqlerr.Error) {
	other, r, x := (*Relation)(nil), (*Relation)(nil), (*Index)(nil)
	if n.Schema == "" {
		other = s.Resolve(path, n.Name)
		r, x = s.ResolveIndex(path, n.Name)
	} else {
		if s.schemas[n.Schema] == nil {
			return nil, nil, sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema %q does not exist", n.Schema)
		}
		other = s.relations[n.Schema][n.Name]
		r, x = s.Index(n.Schema, n.Name)
	}
	switch {
	case other != nil:
		return nil, nil, sqlerr.Errorf(sqlerr.WrongObjectType, "%q is not an index", n.Name).WithHint("%s", dropHints[other.Kind])
	case x == nil:
		return nil, nil, sqlerr.Errorf(sqlerr.UndefinedObject, "index %q does not exist", n.Name)
	}
	return r, x, nil
}

func (s *Snapshot) findToDrop(kind Kind, n Name, path []string) (*Relation, *sqlerr.Error) {
	var r *Relation
	if n.Schema == "" {
		r = s.Resolve(path, n.Name)
	} else {
		if s.schemas[n.Schema] == nil {
			return nil, sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema %q does not exist", n.Schema)
		}
		r = s.relations[n.Schema][n.Name]
	}
	if r == nil {
		_, x := s.Index(n.Schema, n.Name)
		if n.Schema == "" {
			_, x = s.ResolveIndex(path, n.Name)
		}
		if x != nil {
			return nil, sqlerr.Errorf(sqlerr.WrongObjectType, "%q is not a %s", n.Name, kind.word()).WithHint("Use DROP INDEX to remove an index.")
		}
	}
	switch {
	case r == nil:
		return nil, sqlerr.Errorf(sqlerr.UndefinedTable, "%s %q does not exist", kind.word(), n.Name)
	case r.Kind == Virtual:
		return nil, sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: %q is a system catalog", r.Name)
	case r.Kind != kind && (kind != Stream || r.Kind != View):
		return nil, sqlerr.Errorf(sqlerr.WrongObjectType, "%q is not a %s", r.Name, kind.word()).WithHint("%s", dropHints[r.Kind])
	}
	return r, nil
}

// DropSchemas drops schemas; one that holds relations only with cascade.
func (t *Tx) DropSchemas(names []string, ifExists, cascade bool, path []string) (Dropped, []*sqlerr.Error, error) {
	s := t.Snapshot()
	var targets []object
	var notices []*sqlerr.Error
	for _, name := range names {
		sc := s.Schema(name)
		switch {
		case sc == nil && ifExists:
			notices = append(notices, notice(sqlerr.SuccessfulCompletion, "schema %q does not exist, skipping", name))
			continue
		case sc == nil:
			return Dropped{}, nil, sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema %q does not exist", name)
		case systemSchema(name):
			return Dropped{}, nil, sqlerr.Errorf(sqlerr.DependentObjectsStillExist,
				"cannot drop schema %s because it is required by the database system", name)
		}
		targets = append(targets, object{schema: sc})
	}
	dropped, more, err := t.drop(targets, ifExists, cascade, path)
	return dropped, append(notices, more...), err
}

// DropJob drops a job and the sinks that it declared. Another job that writes to
// them goes along with cascade, and is an error without it.
func (t *Tx) DropJob(name string, ifExists, cascade bool, path []string) (Dropped, []*sqlerr.Error, error) {
	j := t.Snapshot().Job(name)
	if j == nil {
		if ifExists {
			return Dropped{}, []*sqlerr.Error{notice(sqlerr.SuccessfulCompletion, "job %q does not exist, skipping", name)}, nil
		}
		return Dropped{}, nil, noJob(name)
	}
	if v := t.Snapshot().view(j); v != nil {
		view := object{relation: v}.describe(t.Snapshot(), path)
		return Dropped{}, nil, sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop job %s because %s requires it", QuoteName(name), view).
			WithHint("You can drop %s instead.", view)
	}
	return t.drop([]object{{job: j}}, ifExists, cascade, path)
}

// drop takes the targets away with all that must go along. Done again on a newer
// snapshot it must take the very same objects: the caller stops the jobs it was
// told of, and no others; with ifExists one target may also be gone by then.
func (t *Tx) drop(targets []object, ifExists, cascade bool, path []string) (Dropped, []*sqlerr.Error, error) {
	if len(targets) == 0 {
		return Dropped{}, nil, nil
	}
	s := t.Snapshot()
	order := s.closure(targets)
	if err := s.columnsGo(order, path); cascade && err != nil {
		return Dropped{}, nil, err
	}
	if err := s.ownersGo(targets, order, path); err != nil {
		return Dropped{}, nil, err
	}
	var notices []*sqlerr.Error
	if cascade {
		notices = s.cascades(order, path)
	} else if err := s.stillNeeded(targets, order, path); err != nil {
		return Dropped{}, nil, err
	}
	err := t.apply(func(d *draft) error {
		now, ok := d.find(targets)
		if !ok && ifExists && len(targets) == 1 {
			return nil
		}
		if !ok || !sameObjects(d.closure(now), order) {
			return conflict()
		}
		for _, o := range order {
			d.remove(o.object)
		}
		return nil
	})
	if err != nil {
		return Dropped{}, nil, err
	}
	return collect(order), notices, nil
}

// ownersGo refuses to drop a sink by name under the job that declared it, and an
// identity column's sequence under the column.
func (s *Snapshot) ownersGo(targets []object, order []doomed, path []string) error {
	for _, t := range targets {
		if t.relation != nil && t.relation.Sequence != nil && t.relation.Sequence.Internal {
			if err := s.identityGoes(t.relation, order, path); err != nil {
				return err
			}
		}
		if t.relation == nil || t.relation.Job == "" || t.relation.Kind != Sink {
			continue
		}
		owner := s.jobs[t.relation.Job]
		named := slices.ContainsFunc(targets, func(o object) bool { return o.job != nil && o.job == owner })
		if owner != nil && !named && slices.ContainsFunc(order, func(d doomed) bool { return d.job == owner }) {
			return requiredByJob(t.relation)
		}
	}
	return nil
}

// identityGoes: the sequence of an identity column goes only with its table.
func (s *Snapshot) identityGoes(r *Relation, order []doomed, path []string) error {
	table := s.byOID[r.Sequence.OwnedBy]
	if table == nil || slices.ContainsFunc(order, func(d doomed) bool { return d.relation == table && d.attr == 0 }) {
		return nil
	}
	column := "column " + QuoteName(table.Columns[table.ByAttribute(r.Sequence.OwnedAttr)].Name) + " of " + object{relation: table}.describe(s, path)
	return sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop %s because %s requires it", object{relation: r}.describe(s, path), column).
		WithHint("You can drop %s instead.", column)
}

// columnsGo refuses to take columns along: who drops their type with CASCADE has
// dropped them before.
func (s *Snapshot) columnsGo(order []doomed, path []string) error {
	for _, o := range order {
		if o.column && !slices.ContainsFunc(order, func(d doomed) bool { return d.relation == o.relation && d.attr == 0 }) {
			return sqlerr.Unsupported("Drop the column first: ALTER TABLE ... DROP COLUMN.", "%s cannot go along with %s", o.describe(s, path), o.because.describe(s, path))
		}
	}
	return nil
}

// EnumsTake is the notice of what a DROP TYPE ... CASCADE takes along.
func (s *Snapshot) EnumsTake(enums []*Enum, path []string) []*sqlerr.Error {
	var targets []object
	for _, e := range enums {
		targets = append(targets, object{enum: e})
	}
	return s.cascades(s.closure(targets), path)
}

// DropEnums drops enum types. What names them goes along with cascade, but for
// columns of tables, which must have been dropped.
func (t *Tx) DropEnums(enums []*Enum, cascade bool, path []string) (Dropped, []*sqlerr.Error, error) {
	var targets []object
	for _, e := range enums {
		targets = append(targets, object{enum: e})
	}
	return t.drop(targets, false, cascade, path)
}

// find looks the objects up anew, by OID.
func (d *draft) find(targets []object) ([]object, bool) {
	var now []object
	for _, t := range targets {
		var o object
		switch {
		case t.schema != nil:
			o.schema = d.schemas[t.schema.Name]
			if o.schema == nil || o.schema.OID != t.schema.OID {
				return nil, false
			}
		case t.relation != nil:
			if o.relation = d.byOID[t.relation.OID]; o.relation == nil {
				return nil, false
			}
			o.attr, o.column = t.attr, t.column
			if t.index != nil {
				i := slices.IndexFunc(o.relation.Indexes(), func(x *Index) bool { return x.OID == t.index.OID })
				if i < 0 {
					return nil, false
				}
				o.index = o.relation.Table.Indexes[i]
			}
			o.foreign = t.foreign
		case t.enum != nil:
			if o.enum, o.array = d.enumOf[t.enum.OID], t.array; o.enum == nil {
				return nil, false
			}
		default:
			o.job = d.jobs[t.job.Name]
			if o.job == nil || o.job.UUID != t.job.UUID {
				return nil, false
			}
		}
		now = append(now, o)
	}
	return now, true
}

func sameObjects(a, b []doomed) bool {
	return slices.EqualFunc(a, b, func(x, y doomed) bool {
		if x.job != nil && y.job != nil {
			return x.job.UUID == y.job.UUID
		}
		return x.key() == y.key()
	})
}

func (d *draft) remove(o object) {
	switch {
	case o.schema != nil:
		d.removeSchema(o.schema)
	case o.array: // goes with its elements' type
	case o.enum != nil:
		d.removeEnum(o.enum)
	case o.column: // goes with its table
	case o.attr != 0:
		d.removeDefault(o.relation.OID, o.attr)
	case o.index != nil:
		d.removeIndex(o.relation.OID, o.index.OID)
	case o.foreign != nil:
		d.removeForeign(o.relation.OID, o.foreign.OID)
	case o.relation != nil:
		d.removeRelation(o.relation)
	default:
		d.removeJob(o.job)
	}
}

func collect(order []doomed) Dropped {
	var all Dropped
	for _, d := range order {
		switch {
		case d.schema != nil:
			all.Schemas = append(all.Schemas, d.schema)
		case d.index != nil:
			all.Indexes = append(all.Indexes, d.index)
		case d.attr != 0, d.enum != nil, d.foreign != nil:
		case d.relation != nil:
			all.Relations = append(all.Relations, d.relation)
		default:
			all.Jobs = append(all.Jobs, d.job)
		}
	}
	return all
}
