package catalog

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// ForeignKey is a FOREIGN KEY constraint; it belongs to the table that references.
// Columns are known by their attribute numbers.
type ForeignKey struct {
	OID    types.OID
	Name   string
	Attrs  []int16
	Target types.OID // the table that is referenced; 0 while that is the table itself, which has no OID yet
	Refs   []int16   // of Target, one for each of Attrs
	Index  types.OID // of Target: the unique index over Refs
	// Full is MATCH FULL: a key with some NULLs, not all, may not be.
	Full     bool
	OnUpdate ReferentialAction
	OnDelete ReferentialAction
	// Sets are those of Attrs that ON DELETE SET NULL and SET DEFAULT change; nil:
	// all.
	Sets     []int16
	NotValid bool // rows that were there before it are not held to it
	Comment  string
}

// ReferentialAction is what becomes of rows that reference a key which goes; as
// pg_constraint has it.
type ReferentialAction byte

// Referential actions.
const (
	NoAction   ReferentialAction = 'a'
	Restrict   ReferentialAction = 'r'
	Cascade    ReferentialAction = 'c'
	SetNull    ReferentialAction = 'n'
	SetDefault ReferentialAction = 'd'
)

// Checks reports whether the action only looks for rows, and changes none.
func (a ReferentialAction) Checks() bool { return a == NoAction || a == Restrict }

var actionWords = map[ReferentialAction]string{Restrict: "RESTRICT", Cascade: "CASCADE", SetNull: "SET NULL", SetDefault: "SET DEFAULT"}

// Reference is a foreign key with the table that has it.
type Reference struct {
	Relation *Relation
	Key      *ForeignKey
}

// Foreign are a table's foreign keys.
func (r *Relation) Foreign() []ForeignKey {
	if r.Table == nil {
		return nil
	}
	return r.Table.Foreign
}

// References are the foreign keys that reference a table, oldest first.
func (s *Snapshot) References(target types.OID) []Reference {
	var all []Reference
	for _, r := range s.byOID {
		foreign := r.Foreign()
		for i := range foreign {
			if foreign[i].Target == target {
				all = append(all, Reference{r, &foreign[i]})
			}
		}
	}
	slices.SortFunc(all, func(a, b Reference) int { return int(a.Key.OID) - int(b.Key.OID) })
	return all
}

// KeyOver is a unique index over exactly the columns with some attribute numbers,
// which a foreign key can reference; nil: there is none. A primary key comes first.
func (r *Relation) KeyOver(attrs []int16) *Index {
	var found *Index
	for _, x := range r.Indexes() {
		if !x.Unique || x.Where != "" || len(x.Keys) != len(attrs) || found != nil && !x.Primary {
			continue
		}
		over := !slices.ContainsFunc(x.Keys, func(k IndexKey) bool {
			return k.Column < 0 || !slices.Contains(attrs, r.Attribute(k.Column))
		})
		if over {
			found = x
		}
	}
	return found
}

// IndexWithOID is one of a table's indexes, nil where it has none of the OID.
func (r *Relation) IndexWithOID(oid types.OID) *Index {
	for _, x := range r.Indexes() {
		if x.OID == oid {
			return x
		}
	}
	return nil
}

// completeForeign gives foreign keys their OIDs; those of a table that references
// itself know it from now on.
func completeForeign(r *Relation, take func(*types.OID)) {
	for i := range r.Table.Foreign {
		k := &r.Table.Foreign[i]
		take(&k.OID)
		if k.Target == 0 {
			k.Target = r.OID
		}
		if k.Target == r.OID {
			if x := r.KeyOver(k.Refs); x != nil && r.IndexWithOID(k.Index) == nil {
				k.Index = x.OID
			}
		}
	}
}

// referable checks a table's foreign keys against the tables that they reference
// as they are now. Those whose key is new change too, so that who else is about to
// change them finds out.
func (d *draft) referable(old, r *Relation) error {
	for _, k := range r.Table.Foreign {
		if k.Target == r.OID {
			continue
		}
		target := d.byOID[k.Target]
		if target == nil {
			return sqlerr.Errorf(sqlerr.UndefinedTable, "relation with OID %d does not exist", k.Target)
		}
		if target.IndexWithOID(k.Index) == nil || slices.ContainsFunc(k.Refs, func(a int16) bool { return target.ByAttribute(a) < 0 }) {
			return conflict()
		}
		known := old != nil && slices.ContainsFunc(old.Foreign(), func(o ForeignKey) bool { return o.OID == k.OID })
		if !known {
			same := *target
			d.putRelation(&same)
		}
	}
	return nil
}

// Knew reports whether a foreign key was there when the transaction began to change
// the catalog.
func (t *Tx) Knew(key types.OID) bool {
	for _, r := range t.base.byOID {
		for _, k := range r.Foreign() {
			if k.OID == key {
				return true
			}
		}
	}
	return false
}

// removeForeign takes a foreign key away from its table, where that is still there.
func (d *draft) removeForeign(table, key types.OID) {
	if old := d.byOID[table]; old != nil {
		d.putRelation(WithoutForeign(old, key))
	}
}

// WithoutForeign is a table less one of its foreign keys.
func WithoutForeign(old *Relation, key types.OID) *Relation {
	r, info := *old, *old.Table
	info.Foreign = slices.DeleteFunc(slices.Clone(info.Foreign), func(k ForeignKey) bool { return k.OID == key })
	r.Table = &info
	return &r
}

// ForeignDefinition is what ALTER TABLE ADD would say of a foreign key.
func (s *Snapshot) ForeignDefinition(r *Relation, k *ForeignKey, path []string) string {
	target := s.byOID[k.Target]
	if target == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("FOREIGN KEY (" + attrNames(r, k.Attrs) + ") REFERENCES " + qualify(s, target, target.Name, path) + "(" + attrNames(target, k.Refs) + ")")
	if k.Full {
		b.WriteString(" MATCH FULL")
	}
	if w := actionWords[k.OnUpdate]; w != "" {
		b.WriteString(" ON UPDATE " + w)
	}
	if w := actionWords[k.OnDelete]; w != "" {
		b.WriteString(" ON DELETE " + w)
		if k.Sets != nil {
			b.WriteString(" (" + attrNames(r, k.Sets) + ")")
		}
	}
	if k.NotValid {
		b.WriteString(" NOT VALID")
	}
	return b.String()
}

func attrNames(r *Relation, attrs []int16) string {
	var names []string
	for _, a := range attrs {
		if at := r.ByAttribute(a); at >= 0 {
			names = append(names, QuoteName(r.Columns[at].Name))
		}
	}
	return strings.Join(names, ", ")
}

type storedForeign struct {
	OID      types.OID `json:"oid"`
	Name     string    `json:"name"`
	Attrs    []int16   `json:"attrs"`
	Target   types.OID `json:"target"`
	Refs     []int16   `json:"refs"`
	Index    types.OID `json:"index"`
	Full     bool      `json:"full,omitempty"`
	OnUpdate string    `json:"on_update"`
	OnDelete string    `json:"on_delete"`
	Sets     []int16   `json:"sets,omitempty"`
	NotValid bool      `json:"not_valid,omitempty"`
	Comment  string    `json:"comment,omitempty"`
}

func storeForeign(keys []ForeignKey) []storedForeign {
	var all []storedForeign
	for _, k := range keys {
		all = append(all, storedForeign{k.OID, k.Name, k.Attrs, k.Target, k.Refs, k.Index, k.Full,
			string(rune(k.OnUpdate)), string(rune(k.OnDelete)), k.Sets, k.NotValid, k.Comment})
	}
	return all
}

func loadForeign(keys []storedForeign) []ForeignKey {
	var all []ForeignKey
	for _, k := range keys {
		action := func(s string) ReferentialAction {
			if s == "" {
				return NoAction
			}
			return ReferentialAction(s[0])
		}
		all = append(all, ForeignKey{k.OID, k.Name, k.Attrs, k.Target, k.Refs, k.Index, k.Full,
			action(k.OnUpdate), action(k.OnDelete), k.Sets, k.NotValid, k.Comment})
	}
	return all
}
