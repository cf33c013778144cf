package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
)

// sweep waits until nobody else uses the tables that go, and has the commit give
// their storage free.
func (t *Txn) sweep(ctx context.Context, d catalog.Dropped) error {
	if t.e.o.Tables == nil {
		return nil
	}
	for _, r := range d.Relations {
		if r.Table == nil {
			continue
		}
		if err := t.lockTable(ctx, r, table.AccessExclusive); err != nil {
			return err
		}
		for _, n := range storages(r) {
			t.tables().Drop(n)
		}
	}
	for _, r := range d.Relations {
		if r.Sequence != nil {
			t.tables().Drop(r.Sequence.Storage)
		}
	}
	for _, x := range d.Indexes {
		t.tables().Drop(x.Storage)
	}
	return nil
}

// endTemporary does what ON COMMIT says of the session's temporary tables.
func (t *Txn) endTemporary() error {
	if t.pid == 0 || t.tx == nil && t.tab == nil {
		return nil
	}
	var empty []*catalog.Relation
	var gone []catalog.Name
	for _, r := range t.Snapshot().SchemaRelations(catalog.TempSchema(t.pid)) {
		switch {
		case r.Table == nil:
		case r.Table.OnCommit == catalog.DeleteRows:
			empty = append(empty, r)
		case r.Table.OnCommit == catalog.DropTable:
			gone = append(gone, catalog.Name{Schema: r.Schema, Name: r.Name})
		}
	}
	if len(empty) > 0 {
		old, err := t.change().Truncate(empty)
		if err != nil {
			return err
		}
		for _, n := range old {
			t.tables().Drop(n)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	d, _, err := t.change().DropRelations(catalog.Table, gone, true, true, nil)
	if err != nil {
		return err
	}
	return t.sweep(t.e.ctx, d)
}
