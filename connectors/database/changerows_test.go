package database

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestRelationsByOID: a table's changes are its own by its OID. Under another name they
// are not passed over, and those of another table with its name are not taken for them.
func TestRelationsByOID(t *testing.T) {
	rel := &catalog.Relation{Name: "s", Key: []string{"id"}, Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}, {Name: "v", Type: types.Of(types.Text)}}}
	c := &config{rel: rel, server: &server{}, table: name{"public", "t"}}
	s := &source{env: &stream.Env{}, rel: rel, config: c, log: logged{oid: 7, schema: "public", name: "t"}}
	w := &changeStream{reader: &reader{source: s, scan: stream.Scan{Columns: []int{0, 1}}}, source: s, relations: map[uint32]*changeRows{}}
	say := func(id uint32, named string) error {
		t.Helper()
		r, err := w.parse.relation(relationMessage())
		if err != nil {
			t.Fatal(err)
		}
		r.id, r.name = id, named
		return w.relation(r)
	}
	for _, named := range []string{"t", "renamed"} {
		if err := say(7, named); err != nil || w.relations[7] == nil {
			t.Errorf("the changes of the table under the name %q are passed over: %v", named, err)
		}
	}
	if err := say(8, "other"); err != nil || w.relations[8] != nil {
		t.Errorf("the changes of another table are taken: %v", err)
	}
	if err := say(9, "t"); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("the changes of another table of its name: %v", err)
	}
}
