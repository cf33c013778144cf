package operator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Router says which of several tasks each row belongs to, by keys: as Share does.
type Router struct {
	tasks  int
	keys   []*expr.Program
	types  []types.Type
	fault  Fault
	cols   []vec.Vec
	owners owners
	live   []int32
	sel    selector
	parts  [][]int32
}

// NewRouter returns one for a number of tasks. Without keys all rows belong to the
// first.
func NewRouter(tasks int, keys []*expr.Program, ts []types.Type, fault Fault) *Router {
	return &Router{tasks: tasks, keys: keys, types: ts, fault: fault, cols: make([]vec.Vec, len(keys)), parts: make([][]int32, tasks)}
}

// Route returns the rows of each task, until it is called again.
func (r *Router) Route(b *vec.Batch) ([][]int32, error) {
	for i := range r.parts {
		r.parts[i] = r.parts[i][:0]
	}
	if len(r.keys) == 0 {
		r.parts[0] = append(r.parts[0], r.sel.of(b)...)
		return r.parts, nil
	}
	sel, err := runAll(r.keys, b, r.cols, r.fault, &r.live)
	if err != nil {
		return nil, err
	}
	sel = r.sel.all(sel, b.Rows)
	tasks := r.owners.of(r.cols, r.types, b.Rows, sel, r.tasks)
	for _, row := range sel {
		r.parts[tasks[row]] = append(r.parts[tasks[row]], row)
	}
	return r.parts, nil
}
