package exec

import (
	"context"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func (t *Txn) createTable(ctx context.Context, s *plan.CreateTable) (Result, error) {
	r, owned := fresh(s.Relation), freshOwned(s.Owned)
	if !s.IfNotExists || !t.Snapshot().NameTaken(r.Schema, r.Name) {
		if err := t.lockReferenced(ctx, r); err != nil {
			return Result{Tag: "CREATE TABLE"}, err
		}
	}
	_, notices, err := t.change().CreateTable(r, owned, s.IfNotExists)
	return Result{"CREATE TABLE", notices}, err
}

// lockReferenced waits for who changes the tables that a new table's foreign keys
// reference: such a change was planned without them.
func (t *Txn) lockReferenced(ctx context.Context, r *catalog.Relation) error {
	for _, k := range r.Foreign() {
		target := t.Snapshot().RelationByOID(k.Target)
		if target == nil {
			continue // it is the table itself, or the catalog says that it is gone
		}
		if err := t.lockTable(ctx, target, table.ShareRowExclusive); err != nil {
			return err
		}
	}
	return nil
}

// createTableAs makes a table of a query's rows.
func (t *Txn) createTableAs(ctx context.Context, s *plan.CreateTableAs, env *function.Env) (Result, error) {
	res := Result{Tag: "CREATE TABLE AS"}
	r := fresh(s.Relation)
	_, notices, err := t.change().CreateTable(r, nil, s.IfNotExists)
	res.Notices = notices
	if err != nil || s.NoData {
		return res, err
	}
	b := t.builder(env)
	if err := t.atOneCut(ctx, b, s.Input); err != nil {
		b.done()
		return res, err
	}
	n, err := b.fill(ctx, r, s.Input, plan.RowRules{})
	res.Tag = fmt.Sprintf("SELECT %d", n)
	return res, err
}

func (t *Txn) createSequence(s *plan.CreateSequence) (Result, error) {
	_, notices, err := t.change().CreateSequence(fresh(s.Relation), s.IfNotExists)
	return Result{"CREATE SEQUENCE", notices}, err
}

// fresh is a copy of a description that the catalog may fill in: a plan may be
// run again.
func fresh(old *catalog.Relation) *catalog.Relation {
	r := *old
	r.Columns = append([]catalog.Column(nil), old.Columns...)
	if old.Sequence != nil {
		info := *old.Sequence
		r.Sequence = &info
	}
	if old.Table != nil {
		info := *old.Table
		info.Checks = append([]catalog.Check(nil), info.Checks...)
		info.Foreign = append([]catalog.ForeignKey(nil), info.Foreign...)
		info.Indexes = nil
		for _, x := range old.Table.Indexes {
			y := *x
			info.Indexes = append(info.Indexes, &y)
		}
		r.Table = &info
	}
	return &r
}

func freshOwned(owned []catalog.OwnedSequence) []catalog.OwnedSequence {
	var all []catalog.OwnedSequence
	for _, o := range owned {
		all = append(all, catalog.OwnedSequence{Relation: fresh(o.Relation), Column: o.Column})
	}
	return all
}
