package exec

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// A stream that is a table which another system changes is read as changes by key. What
// a change takes back only its last row tells, which is kept here: by an operator that
// stands right above the scan, in the task that reads it.

// changing has a live scan of such a stream deliver what its operator asks for: the
// columns of the key, and the marks.
func (s *scan) changing() (key []int) {
	s.changes, s.spec.Marks = true, true
	s.spec.Columns = slices.Clone(s.spec.Columns)
	r := s.plan.Relation
	for _, name := range r.Key {
		c := slices.IndexFunc(r.Columns, func(c catalog.Column) bool { return c.Name == name })
		at := slices.Index(s.spec.Columns, c)
		if at < 0 {
			at = len(s.spec.Columns)
			s.spec.Columns = append(s.spec.Columns, c)
			s.types = append(s.types, r.Columns[c].Type)
		}
		key = append(key, at)
	}
	s.types = append(s.types, types.Of(types.Bytea))
	return key
}

// rows counts those of a batch. Marks about all rows, and about what was left out, are none.
func (s *scan) rows(b *vec.Batch) int64 {
	n := b.Len()
	if !s.changes {
		return int64(n)
	}
	marks := b.Cols[len(s.types)-1].(*vec.Bytes)
	for i := range b.Len() {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		if marks.Nulls().Get(row) {
			continue
		}
		if m, ok := stream.ReadMark(marks.At(row)); ok && (m.Whole() || m.Refused) {
			n--
		}
	}
	return int64(n)
}

// lastRows puts the operator above a scan's leaf, and returns where its rows go.
func (b *builder) lastRows(t *tree, n *plan.Scan, s *scan, key []int, to target) target {
	spec := operator.LatestSpec{Types: s.types, Key: key, Pass: len(n.Columns), Name: n.Relation.Name, Account: b.evicter(t, n)}
	if s.spec.OnReject != stream.Fail {
		spec.Unread = func(*vec.Batch, int, error) error { return nil }
		if b.fault != nil {
			spec.Unread = b.fault
		}
	}
	op := operator.NewLatest(spec)
	place := &node{op: op, plan: n, to: to, open: 1, inputs: 1, ends: !b.live}
	t.nodes = append(t.nodes, place)
	return target{node: place, tree: t}
}
