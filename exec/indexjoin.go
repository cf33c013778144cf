package exec

import (
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// indexJoin builds a join that looks its left rows up in a table, at the statement's
// snapshot.
func (b *builder) indexJoin(t *tree, n *plan.Join, to target) error {
	spec := operator.IndexJoinSpec{Kind: n.Kind, Left: schemaTypes(n.Left), Right: schemaTypes(n.Right), KeyTypes: exprTypes(n.LeftKeys), Fault: b.fault}
	keys, cond, err := b.joinPrograms(n.LeftKeys, n.RightKeys, n.Cond)
	if err != nil {
		return err
	}
	spec.Keys, spec.Cond = keys[0], cond
	rows, err := b.tableRows(n.Right)
	if err != nil {
		return err
	}
	s := plan.Scanned(n.Right)
	rows.source = &tableSource{engine: b.engine, relation: s.Relation}
	seek := &tableSeek{tableRows: rows, spec: table.ScanSpec{Columns: s.Columns, Index: n.Lookup.Index}, by: n.Lookup.By, keys: keys[1],
		keyTypes: spec.KeyTypes, batch: vec.NewBatch(schemaTypes(s)), all: len(n.Lookup.By) == len(keys[1])}
	if seek.at, err = b.view.snapshot(b.engine); err != nil {
		return err
	}
	spec.Lookup = seek
	return b.operator(t, n, operator.NewIndexJoin(spec), to, input{n.Left, operator.JoinLeft})
}
