package exec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// recordFault decides about a record of a stream with a PRIMARY KEY whose key is no
// value of its column, as of one that does not decode: on_error says what is done, and
// the error which record it is. A row without its key is none, so on_error = 'null'
// skips it, too. nil: n does not compute keys.
func recordFault(n *plan.Project) (operator.Fault, error) {
	in := n.Input
	for {
		f, ok := in.(*plan.Filter)
		if !ok {
			break
		}
		in = f.Input
	}
	s, ok := in.(*plan.Scan)
	if !ok || s.Relation.Key == nil || s.Relation.Stored() {
		return nil, nil
	}
	policy, err := onError(s.Relation)
	if err != nil {
		return nil, err
	}
	if policy != stream.Fail {
		return func(*vec.Batch, int, error) error { return nil }, nil
	}
	all := s.Relation.AllColumns()
	var parts []string
	var places []int
	for _, hidden := range []string{"_partition", "_offset"} {
		at := slices.IndexFunc(all, func(c catalog.Column) bool { return c.Name == hidden })
		if i := slices.Index(s.Columns, at); at >= 0 && i >= 0 {
			parts, places = append(parts, hidden[1:]), append(places, i)
		}
	}
	return func(b *vec.Batch, row int, err error) error {
		var place []string
		for i, at := range places {
			place = append(place, fmt.Sprintf("%s %d", parts[i], vec.Get(b.Cols[at], row, s.Fields[at].Type).I))
		}
		e := *sqlerr.From(err)
		e.Column = strings.Join(s.Relation.Key, ", ")
		return stream.RecordError(s.Relation, strings.Join(place, ", "), &e)
	}, nil
}
