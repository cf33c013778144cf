package catalog

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func TestRowTypeNames(t *testing.T) {
	s := &Snapshot{relations: map[string]map[string]*Relation{"public": {}, "other": {}}, byOID: map[types.OID]*Relation{}}
	add := func(oid types.OID, schema, name string) types.OID {
		r := &Relation{OID: oid, Schema: schema, Name: name}
		s.relations[schema][name], s.byOID[oid] = r, r
		return types.RowType(oid)
	}
	a, under, hidden, odd := add(16384, "public", "a"), add(16385, "public", "_a"), add(16386, "other", "a"), add(16387, "public", "Odd one")
	for _, c := range []struct {
		schema, name string
		oid          types.OID
		shown        string
	}{
		{"public", "a", a, "a"},
		{"public", "_a", under, "_a"},
		{"public", "___a", types.Lookup(a).Array, "a[]"},
		{"public", "__a", types.Lookup(under).Array, "_a[]"},
		{"other", "_a", types.Lookup(hidden).Array, "other.a[]"},
		{"public", "_Odd one", types.Lookup(odd).Array, `"Odd one"[]`},
	} {
		if got := s.RowType(c.schema, c.name); got != c.oid {
			t.Errorf("type %s.%s is %d, want %d", c.schema, c.name, got, c.oid)
		}
		if got := s.FormatType(types.Of(c.oid), []string{"public"}); got != c.shown {
			t.Errorf("type %d is called %s, want %s", c.oid, got, c.shown)
		}
	}
	for _, name := range []string{"b", "____a", ""} {
		if got := s.RowType("public", name); got != 0 {
			t.Errorf("type %q is %d, want none", name, got)
		}
	}
	if gone := types.RowType(20000); s.TypeExists(gone) || s.FormatType(types.Of(gone), nil) != "???" {
		t.Error("a type of a relation that is gone is there")
	}
}
