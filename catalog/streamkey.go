package catalog

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// A stream's PRIMARY KEY is of its records, and nothing is kept for it. To clients,
// which know of a primary key by its index and its constraint, it has both; their
// numbers follow from the stream's, above those of row types.
const (
	keyIndexes     types.OID = 1 << 31
	keyConstraints types.OID = 1<<31 | 1<<30
)

// KeyIndex is the index that stands for the PRIMARY KEY of a stream; nil where it has
// none.
func (r *Relation) KeyIndex() *Index {
	if r.Key == nil || r.Table != nil {
		return nil
	}
	x := &Index{OID: keyIndexes | r.OID, ConOID: keyConstraints | r.OID, Name: r.Name + "_pkey", Unique: true, Primary: true, Constraint: true}
	for _, name := range r.Key {
		at := slices.IndexFunc(r.Columns, func(c Column) bool { return c.Name == name })
		if at < 0 {
			return nil
		}
		x.Keys = append(x.Keys, IndexKey{Column: at, Type: r.Columns[at].Type})
	}
	return x
}

// keyIndexByOID finds it by its number, with its stream.
func (s *Snapshot) keyIndexByOID(oid types.OID) (*Relation, *Index) {
	if oid < keyIndexes || oid >= keyConstraints {
		return nil, nil
	}
	if r := s.RelationByOID(oid &^ keyIndexes); r != nil {
		return r, r.KeyIndex()
	}
	return nil, nil
}
