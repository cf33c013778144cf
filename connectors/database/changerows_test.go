package database

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestRelationsByOID: a table's changes are its own by its OID. Under another name they
// are not passed over, and those of another table with its name are not taken for them.
func TestRelationsByOID(t *testing.T) {
	rel := &catalog.Relation{Name: "s", Key: []string{"id"}, Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}, {Name: "v", Type: types.Of(types.Text)}}}
	c := &config{rel: rel, server: &server{}, table: name{"public", "t"}}
	s := &source{env: &stream.Env{}, rel: rel, config: c, log: logged{oid: 7, schema: "public", name: "t"}}
	w := &slotStream{changeStream: changeStream{reader: &reader{source: s, scan: stream.Scan{Columns: []int{0, 1}}}, source: s}, relations: map[uint32]*changeRows{}}
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

// TestMoveFromRefusedKey: a row whose key did not fit, and that gets another key, has not
// the values that the log leaves out: it takes none of a row that was deleted before.
func TestMoveFromRefusedKey(t *testing.T) {
	rel := &catalog.Relation{Name: "s", Key: []string{"id"}, Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int4)}, {Name: "v", Type: types.Of(types.Text)}}}
	s := &source{env: &stream.Env{Metrics: &stream.Metrics{}}, rel: rel, config: &config{rel: rel, server: &server{}, table: name{"public", "t"}}, log: logged{oid: 7, schema: "public", name: "t"}}
	r := &reader{source: s, scan: stream.Scan{Columns: []int{0, 1}, OnReject: stream.Skip}, fields: []field{{name: "id"}, {name: "v"}}}
	w := &slotStream{changeStream: changeStream{reader: r, source: s, batch: vec.NewBatch([]types.Type{types.Of(types.Int4), types.Of(types.Text), types.Of(types.Bytea)})}, relations: map[uint32]*changeRows{}}
	w.place = w.behind
	table, err := w.parse.relation(relationMessage())
	if err == nil {
		err = w.relation(table)
	}
	if err != nil {
		t.Fatal(err)
	}
	update := func(row message, rows, rejects int) {
		t.Helper()
		m := append(message{}.u32(7).u8('K').u16(2).text("3000000000").u8('n').u8('N').u16(2), row...)
		c, err := w.parse.change('U', m)
		if err == nil {
			err = w.change(t.Context(), w.relations[7], c.rowChange)
		}
		if err != nil || w.batch.Rows != rows || len(w.rejects) != rejects {
			t.Errorf("%d rows and %d rejects, want %d and %d: %v", w.batch.Rows, len(w.rejects), rows, rejects, err)
		}
	}
	update(message{}.text("5").u8('u'), 0, 1)
	update(message{}.text("6").text("whole"), 1, 2)
}
