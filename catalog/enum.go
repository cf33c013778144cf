package catalog

import (
	"math"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Enum is an enum type. It never changes in place.
type Enum struct {
	OID     types.OID
	Schema  string
	Name    string
	Owner   string
	Comment string
	Labels  []EnumLabel // in their order
	bare    *types.Enum // with the type's name alone in messages
	full    *types.Enum // with the schema's before it
}

// EnumLabel is a label of an enum type. Number is what its values are, and never
// changes; Sort is pg_enum.enumsortorder.
type EnumLabel struct {
	OID    types.OID
	Number int64
	Sort   float32
	Label  string
}

// Numbers of labels lie so far apart that a million can be put between two in one
// direction, and more than twenty whatever the directions.
const (
	enumGap  = 1 << 40
	enumStep = 1 << 20
)

// enumName is a qualified name of a type.
type enumName struct{ schema, name string }

// complete fills in what is computed from the rest.
func (e *Enum) complete() {
	labels := make([]types.EnumLabel, len(e.Labels))
	for i, l := range e.Labels {
		labels[i] = types.EnumLabel{Number: l.Number, Label: l.Label}
	}
	e.bare = types.NewEnum(QuoteName(e.Name), labels)
	e.full = types.NewEnum(QuoteName(e.Schema)+"."+QuoteName(e.Name), labels)
}

// Enum finds an enum type by its name in a schema, nil where there is none.
func (s *Snapshot) Enum(schema, name string) *Enum { return s.enums[enumName{schema, name}] }

// EnumByOID finds an enum type, nil where there is none.
func (s *Snapshot) EnumByOID(oid types.OID) *Enum { return s.enumOf[oid] }

// Enums are all enum types, oldest first.
func (s *Snapshot) Enums() []*Enum {
	all := make([]*Enum, 0, len(s.enumOf))
	for _, e := range s.enumOf {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *Enum) int { return int(a.OID) - int(b.OID) })
	return all
}

// EnumType finds an enum type, or the type of arrays of it, in a schema by its
// name; 0: there is none.
func (s *Snapshot) EnumType(schema, name string) types.OID {
	if e := s.Enum(schema, name); e != nil {
		return e.OID
	}
	base := strings.TrimLeft(name, "_")
	for n := len(name) - 1; n >= len(base); n-- {
		if e := s.Enum(schema, name[len(name)-n:]); e != nil && s.EnumArrayName(e) == name {
			return types.Lookup(e.OID).Array
		}
	}
	return 0
}

// EnumArrayName is the name of the type of arrays of an enum: the enum's behind as
// many underscores as make it another than every other type's.
func (s *Snapshot) EnumArrayName(e *Enum) string {
	name := "_" + e.Name
	for s.Enum(e.Schema, name) != nil || s.relations[e.Schema][name] != nil {
		name = "_" + name
	}
	return name
}

// EnumLabels is types.Format's Enum: messages name a type with its schema where
// the search path does not lead to it.
func (s *Snapshot) EnumLabels(oid types.OID, path []string) *types.Enum {
	e := s.enumOf[oid]
	switch {
	case e == nil:
		return nil
	case s.enumVisible(e, path):
		return s.adding(e, e.bare)
	}
	return s.adding(e, e.full)
}

// adding is what an enum's values are called to a transaction that may have added some.
func (s *Snapshot) adding(e *Enum, called *types.Enum) *types.Enum {
	if len(s.added) == 0 {
		return called
	}
	labels := map[string]bool{}
	for _, l := range e.Labels {
		if s.added[l.OID] {
			labels[l.Label] = true
		}
	}
	return called.Adding(labels)
}

func (s *Snapshot) enumVisible(e *Enum, path []string) bool {
	for _, schema := range EffectivePath(path) {
		if found := s.EnumType(schema, e.Name); found != 0 {
			return found == e.OID
		}
		if s.RowType(schema, e.Name) != 0 {
			return false
		}
	}
	return false
}

// typeTaken tells whether a type of a schema has a name that a new type, or the
// row type of a new relation, cannot have.
func (s *Snapshot) typeTaken(schema, name string) bool {
	r := s.relations[schema][name]
	return s.Enum(schema, name) != nil || r != nil && r.Kind != Sequence
}

func duplicateType(name string) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.DuplicateObject, "type %q already exists", name)
}

// checkLabel refuses what no label can be.
func checkLabel(label string) error {
	if len(label) > types.MaxEnumLabel {
		return sqlerr.Errorf(sqlerr.InvalidName, "invalid enum label %q", label).
			WithDetail("Labels must be %d bytes or less.", types.MaxEnumLabel)
	}
	return nil
}

// CreateEnum makes an enum type of labels in their order.
func (t *Tx) CreateEnum(schema, name, owner string, labels []string) error {
	e := &Enum{Schema: schema, Name: name, Owner: owner}
	for i, label := range labels {
		if err := checkLabel(label); err != nil {
			return err
		}
		if slices.Contains(labels[:i], label) {
			return sqlerr.Errorf(sqlerr.UniqueViolation, "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"")
		}
	}
	if err := t.Snapshot().enumCreatable(schema, name); err != nil {
		return err
	}
	var err error
	if e.OID, err = t.c.oids.take(); err != nil {
		return err
	}
	for i, label := range labels {
		l := EnumLabel{Number: int64(i) * enumGap, Sort: float32(i + 1), Label: label}
		if l.OID, err = t.c.oids.take(); err != nil {
			return err
		}
		e.Labels = append(e.Labels, l)
	}
	var temp types.OID
	if Temporary(schema) && t.Snapshot().Schema(schema) == nil {
		if temp, err = t.c.oids.take(); err != nil {
			return err
		}
	}
	e.complete()
	return t.apply(func(d *draft) error {
		if err := d.enumCreatable(schema, name); err != nil {
			return err
		}
		if temp != 0 && d.schemas[schema] == nil {
			d.putSchema(&Schema{OID: temp, Name: schema, Owner: owner})
		}
		d.putEnum(e)
		return nil
	})
}

func (s *Snapshot) enumCreatable(schema, name string) error {
	switch {
	case systemSchema(schema):
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to create \"%s.%s\"", schema, name).
			WithDetail("System catalog modifications are currently disallowed.")
	case s.schemas[schema] == nil && !Temporary(schema):
		return sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema %q does not exist", schema)
	case s.typeTaken(schema, name):
		return duplicateType(name)
	}
	return nil
}

// AlterEnum puts e in the place of old, whose name or schema may be another. Its
// labels that have no OID yet get one. Where old has changed since the snapshot,
// or is gone, the error is 40001.
func (t *Tx) AlterEnum(old, e *Enum) error {
	var err error
	var added []types.OID
	for i := range e.Labels {
		if e.Labels[i].OID == 0 {
			if e.Labels[i].OID, err = t.c.oids.take(); err != nil {
				return err
			}
			added = append(added, e.Labels[i].OID)
		}
	}
	e.complete()
	return t.apply(func(d *draft) error {
		if d.enumOf[old.OID] != old {
			return conflict()
		}
		if old.Name != e.Name || old.Schema != e.Schema {
			if err := d.enumCreatable(e.Schema, e.Name); err != nil {
				return err
			}
		}
		d.removeEnum(old)
		d.putEnum(e)
		d.addLabels(added)
		return nil
	})
}

// WithLabel is an enum with one more label: after all, or before or after another,
// which must be one of its labels.
func (e *Enum) WithLabel(label, neighbour string, after bool) (*Enum, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	at := len(e.Labels)
	if neighbour != "" {
		if at = e.place(neighbour); at < 0 {
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%q is not an existing enum label", neighbour)
		}
		if after {
			at++
		}
	}
	out := *e
	out.Labels = slices.Insert(slices.Clone(e.Labels), at, EnumLabel{Label: label})
	if !out.number(at, after) {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "no label can be put between %q and %q any more", e.Labels[at-1].Label, e.Labels[at].Label).
			WithHint("Make another type with all labels, and have the columns take it: ALTER TABLE ... ALTER COLUMN ... TYPE ... USING ...")
	}
	return &out, nil
}

// number gives the label in a place a number and a sort order between those of
// its neighbours; false: there is none left.
func (e *Enum) number(at int, after bool) bool {
	l := &e.Labels[at]
	switch {
	case len(e.Labels) == 1:
		l.Number, l.Sort = 0, 1
		return true
	case at == len(e.Labels)-1:
		before := e.Labels[at-1]
		l.Number, l.Sort = before.Number+enumGap, before.Sort+1
		return before.Number < math.MaxInt64-enumGap
	case at == 0:
		next := e.Labels[1]
		l.Number, l.Sort = next.Number-enumGap, next.Sort-1
		return next.Number > math.MinInt64+enumGap
	}
	low, high := e.Labels[at-1], e.Labels[at+1]
	step := min((high.Number-low.Number)/2, enumStep)
	if after {
		l.Number = high.Number - step
	} else {
		l.Number = low.Number + step
	}
	l.Sort = (low.Sort + high.Sort) / 2
	if l.Sort == low.Sort || l.Sort == high.Sort { // too near each other: count them anew
		for i := range e.Labels {
			e.Labels[i].Sort = float32(i + 1)
		}
	}
	return step > 0
}

// WithRenamed is an enum one of whose labels is another.
func (e *Enum) WithRenamed(from, to string) (*Enum, error) {
	if err := checkLabel(to); err != nil {
		return nil, err
	}
	at := e.place(from)
	switch {
	case at < 0:
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%q is not an existing enum label", from)
	case e.place(to) >= 0:
		return nil, sqlerr.Errorf(sqlerr.DuplicateObject, "enum label %q already exists", to)
	}
	out := *e
	out.Labels = slices.Clone(e.Labels)
	out.Labels[at].Label = to
	return &out, nil
}

func (e *Enum) place(label string) int {
	return slices.IndexFunc(e.Labels, func(l EnumLabel) bool { return l.Label == label })
}

// HasLabel reports whether a label is one of the type's.
func (e *Enum) HasLabel(label string) bool { return e.place(label) >= 0 }

// EnumMark is how a stored expression names an enum type: by its OID, in a name
// that nothing else has.
const EnumMark = "enum "

// addLabels notes labels that nobody may use before their transaction has committed.
func (d *draft) addLabels(oids []types.OID) {
	for _, oid := range oids {
		if d.added == nil {
			d.added = map[types.OID]bool{}
		}
		d.added[oid] = true
	}
}
