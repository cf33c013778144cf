package catalog

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

type storedTable struct {
	Storage  uint32          `json:"storage"`
	Indexes  []storedIndex   `json:"indexes,omitempty"`
	Checks   []storedCheck   `json:"checks,omitempty"`
	Foreign  []storedForeign `json:"foreign,omitempty"`
	Attrs    int16           `json:"attrs"`
	Dropped  []storedDropped `json:"dropped,omitempty"`
	Unlogged bool            `json:"unlogged,omitempty"`
	Options  []storedOption  `json:"options,omitempty"`
}

type storedDropped struct {
	Attr int16      `json:"attr"`
	Phys types.Phys `json:"phys"`
}

type storedCheck struct {
	OID     types.OID `json:"oid"`
	Name    string    `json:"name"`
	Expr    string    `json:"expr"`
	Attrs   []int16   `json:"attrs,omitempty"`
	Comment string    `json:"comment,omitempty"`

	NoInherit bool `json:"no_inherit,omitempty"`
}

type storedIndex struct {
	OID              types.OID        `json:"oid"`
	Name             string           `json:"name"`
	Storage          uint32           `json:"storage"`
	ConOID           types.OID        `json:"constraint_oid,omitempty"`
	Unique           bool             `json:"unique,omitempty"`
	Primary          bool             `json:"primary,omitempty"`
	Constraint       bool             `json:"constraint,omitempty"`
	NullsNotDistinct bool             `json:"nulls_not_distinct,omitempty"`
	Maintains        bool             `json:"maintains,omitempty"`
	Keys             []storedIndexKey `json:"keys"`
	Include          []int            `json:"include,omitempty"`
	Where            string           `json:"where,omitempty"`
	Options          []storedOption   `json:"options,omitempty"`
	Comment          string           `json:"comment,omitempty"`
	ConComment       string           `json:"constraint_comment,omitempty"`
}

type storedIndexKey struct {
	Column     int       `json:"column"`
	Expr       string    `json:"expr,omitempty"`
	Type       types.OID `json:"type"`
	Mod        int32     `json:"mod"`
	Desc       bool      `json:"desc,omitempty"`
	NullsFirst bool      `json:"nulls_first,omitempty"`
	Collation  string    `json:"collation,omitempty"`
	Class      string    `json:"class,omitempty"`
}

type storedSequence struct {
	Storage   uint32    `json:"storage"`
	Type      types.OID `json:"type"`
	Start     int64     `json:"start"`
	Increment int64     `json:"increment"`
	Min       int64     `json:"min"`
	Max       int64     `json:"max"`
	Cache     int64     `json:"cache"`
	Cycle     bool      `json:"cycle,omitempty"`
	OwnedBy   types.OID `json:"owned_by,omitempty"`
	OwnedAttr int16     `json:"owned_attr,omitempty"`
	Internal  bool      `json:"internal,omitempty"`
}

func storeTable(t *TableInfo) *storedTable {
	s := &storedTable{Storage: t.Storage, Attrs: t.Attrs, Unlogged: t.Unlogged, Options: storedOptions(t.Options), Foreign: storeForeign(t.Foreign)}
	for _, d := range t.Dropped {
		s.Dropped = append(s.Dropped, storedDropped(d))
	}
	for _, c := range t.Checks {
		s.Checks = append(s.Checks, storedCheck(c))
	}
	for _, x := range t.Indexes {
		i := storedIndex{
			OID: x.OID, Name: x.Name, Storage: x.Storage, ConOID: x.ConOID, Unique: x.Unique, Primary: x.Primary,
			Constraint: x.Constraint, NullsNotDistinct: x.NullsNotDistinct, Maintains: x.Maintains, Include: x.Include, Where: x.Where,
			Options: storedOptions(x.Options), Comment: x.Comment, ConComment: x.ConComment,
		}
		for _, k := range x.Keys {
			i.Keys = append(i.Keys, storedIndexKey{k.Column, k.Expr, k.Type.OID, k.Type.Mod, k.Desc, k.NullsFirst, k.Collation, k.Class})
		}
		s.Indexes = append(s.Indexes, i)
	}
	return s
}

func loadTable(s *storedTable) *TableInfo {
	t := &TableInfo{Storage: s.Storage, Attrs: s.Attrs, OnCommit: PreserveRows, Unlogged: s.Unlogged, Options: loadedOptions(s.Options), Foreign: loadForeign(s.Foreign)}
	for _, d := range s.Dropped {
		t.Dropped = append(t.Dropped, DroppedAttr(d))
	}
	for _, c := range s.Checks {
		t.Checks = append(t.Checks, Check(c))
	}
	for _, x := range s.Indexes {
		i := &Index{
			OID: x.OID, Name: x.Name, Storage: x.Storage, ConOID: x.ConOID, Unique: x.Unique, Primary: x.Primary,
			Constraint: x.Constraint, NullsNotDistinct: x.NullsNotDistinct, Maintains: x.Maintains, Include: x.Include, Where: x.Where,
			Options: loadedOptions(x.Options), Comment: x.Comment, ConComment: x.ConComment,
		}
		for _, k := range x.Keys {
			i.Keys = append(i.Keys, IndexKey{k.Column, k.Expr, types.Type{OID: k.Type, Mod: k.Mod}, k.Desc, k.NullsFirst, k.Collation, k.Class})
		}
		t.Indexes = append(t.Indexes, i)
	}
	return t
}
