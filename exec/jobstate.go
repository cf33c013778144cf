package exec

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// keptOperator is an operator whose state the job's epochs carry.
type keptOperator struct {
	op     operator.Kept
	number uint32
	shape  string // what it is, so that another is not given its state
	plan   plan.Node
	single bool // all of its rows are one task's
}

// firstOperator is the number of the first kept operator: those below are for
// the job itself.
const firstOperator = 16

// shapeSpace holds the shape of each kept operator under its number.
var shapeSpace = state.Space{Operator: 2}

// layout is how a job's state is divided: among how many tasks, and in which
// generation of shards. Each change of their number makes a new one.
type layout struct {
	generation uint8
	tasks      int
}

// shard is where a task's part lies.
func (y layout) shard(task int) uint16 { return uint16(y.generation)<<8 | uint16(task) }

// layoutKey is where a job has its layout in shapeSpace, after the format of its
// operators' state.
var layoutKey = []byte("layout")

// stateFormat is the format of operators' state, and oldestFormat the oldest that is
// read. Format 1, of which jobs have no layout, is of no released version; format 2
// has no logs beside pages of groups, format 3 five deltas of a page of evicted groups at most,
// format 4 no values of DISTINCT in pages.
const (
	stateFormat  = 5
	oldestFormat = 2
)

// keepOperators finds the operators whose state is kept, which are numbered in
// the order of the plan, and brings it back where an epoch was committed.
func (l *life) keepOperators(first bool) error {
	for _, t := range l.tasks {
		t.kept = keptOperators(t.tree)
		for _, k := range t.kept {
			if err := k.op.Keep(); err != nil {
				return err
			}
			l.evict(t, k)
		}
	}
	l.layout, l.stored = layout{tasks: len(l.tasks)}, layout{tasks: 1}
	if first {
		l.stored = l.layout
		return nil
	}
	sn := l.j.e.o.Store.Snapshot(l.j.id)
	defer sn.Close()
	shapes, stored, err := readShapes(sn, l.j.def)
	if err != nil {
		return err
	}
	l.stored = stored
	if l.layout.generation = l.stored.generation; l.stored.tasks != l.layout.tasks {
		l.layout.generation++
	}
	for _, k := range l.tasks[0].kept {
		if reason := k.differs(shapes[k.number]); reason != "" {
			return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the state of job %q is not that of its plan: %s", l.j.def.Name, reason).
				WithHint("Drop the job and start it again: it then reads its streams anew.")
		}
	}
	d, err := l.division(sn)
	if err != nil {
		return err
	}
	for _, t := range l.tasks {
		for _, k := range t.kept {
			if err := d.restore(t, k); err != nil {
				return fmt.Errorf("restoring %s of job %s: %w", k.plan.String(), l.j.def.Name, err)
			}
		}
	}
	// What is stored may be of an older format: the first epoch says again what it is.
	l.operatorsCommitted()
	return nil
}

// readShapes returns what a job's stored operators are, and their layout.
func readShapes(sn *state.Snapshot, job *catalog.Job) (map[uint32]string, layout, error) {
	shapes, stored := map[uint32]string{}, layout{tasks: 1}
	format := 1
	err := sn.Scan(job.UUID, shapeSpace, nil, nil, func(key, value []byte) error {
		switch {
		case !bytes.Equal(key, layoutKey):
			shapes[stateNumber(key)] = string(value)
		case len(value) != 3:
			return fmt.Errorf("reading how the state of job %s is divided: %x", job.Name, value)
		default:
			format, stored = int(value[0]), layout{value[1], int(value[2])}
		}
		return nil
	})
	if err == nil && len(shapes) > 0 && !readsFormat(format) {
		return nil, stored, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the state of job %q has format %d, and this version reads formats %d to %d", job.Name, format, oldestFormat, stateFormat).
			WithHint("Run the version that wrote it; or drop the job and start it again: it then reads its streams anew.")
	}
	return shapes, stored, err
}

// readsFormat reports whether operators' state of a format can be read.
func readsFormat(format int) bool { return format >= oldestFormat && format <= stateFormat }

// shapeTypes parts what an operator is from the types of what it takes, in the store.
const shapeTypes = "\x00"

// takes are the types of what the operator has state of, as SQL writes them: of a group
// its keys and what its calls are given, as nothing else of a row is kept, and else the
// columns that it gets.
func (k keptOperator) takes() string {
	n, ok := k.plan.(*plan.AggregateNode)
	if !ok {
		return "columns " + k.inputs()
	}
	var all []string
	add := func(of []plan.Expr) {
		for _, e := range of {
			all = append(all, types.FormatType(e.Type()))
		}
	}
	add(n.Keys)
	for _, c := range n.Calls {
		add(c.Args)
		for _, by := range c.OrderBy {
			add([]plan.Expr{by.Expr})
		}
	}
	return "values (" + strings.Join(all, ", ") + ")"
}

// inputs are the types of the columns that the operator gets. Versions before takes have
// stored these of every operator.
func (k keptOperator) inputs() string {
	var all []string
	for _, in := range k.plan.Inputs() {
		var columns []string
		for _, f := range in.Schema() {
			columns = append(columns, types.FormatType(f.Type))
		}
		all = append(all, "("+strings.Join(columns, ", ")+")")
	}
	return strings.Join(all, ", ")
}

// stored is what is stored of what the operator is, for differs.
func (k keptOperator) stored() string { return k.shape + shapeTypes + k.takes() }

// differs says why the operator cannot take what is stored of one; "": it can.
func (k keptOperator) differs(stored string) string {
	shape, takes, typed := strings.Cut(stored, shapeTypes)
	if strings.HasPrefix(takes, "(") {
		takes = "columns " + takes
	}
	switch {
	case stored == "":
		return fmt.Sprintf("nothing is stored of operator %q", k.shape)
	case shape != k.shape:
		return fmt.Sprintf("operator %q was %q", k.shape, shape)
	case typed && takes != k.takes() && takes != "columns "+k.inputs():
		return fmt.Sprintf("operator %q got %s and would get %s", k.shape, takes, k.takes())
	}
	return ""
}

// shapeOf is what an operator's nodes have as their own lines in EXPLAIN.
func shapeOf(n *node) string {
	switch p := n.plan.(type) {
	case *plan.MergeAggregate:
		return ownLines(p.Of) + byStart(p.Of) // it goes on with what one phase has stored, and the other way round
	case *plan.Join:
		kept := *p
		kept.Forgets = [2]*plan.Forget{} // what is forgotten says nothing of what is stored
		return ownLines(&kept)
	}
	shape := ownLines(n.plan)
	switch n.op.(type) {
	case *operator.SessionAggregate, *operator.SliceAggregate:
		shape += "; " + ownLines(n.plan.Inputs()[0])
	case *operator.WindowAggregate:
		shape += byStart(n.plan)
	}
	return shape
}

// byStart tells groups of windows by start and end from those by the end alone, which they
// once were all.
func byStart(n plan.Node) string {
	if a, ok := n.(*plan.AggregateNode); ok && a.Closing != nil && overlapInZone(plan.Derive(a.Input).Window) {
		return "; by start and end"
	}
	return ""
}

func ownLines(n plan.Node) string {
	var own []string
	for i, line := range plan.Text(n) {
		if i > 0 && strings.HasPrefix(strings.TrimSpace(line), "->") {
			break
		}
		own = append(own, strings.TrimSpace(line))
	}
	return strings.Join(own, "; ")
}

func stateKey(n uint32) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }

func stateNumber(key []byte) uint32 {
	if len(key) != 4 {
		return 0
	}
	return uint32(key[0])<<24 | uint32(key[1])<<16 | uint32(key[2])<<8 | uint32(key[3])
}

// saveOperators writes what of their state has changed in the epoch.
func (l *life) saveOperators(pages *state.Batch) error {
	if err := l.divideAnew(pages); err != nil {
		return err
	}
	for i, t := range l.tasks {
		for _, k := range t.kept {
			if !l.shaped && i == 0 {
				pages.Set(shapeSpace, stateKey(k.number), []byte(k.stored()))
			}
			if err := k.op.Save(operator.StateWriter{Batch: pages, Operator: k.number, Shard: l.layout.shard(i)}); err != nil {
				return fmt.Errorf("storing %s of job %s: %w", k.plan.String(), l.j.def.Name, err)
			}
		}
	}
	if !l.shaped {
		pages.Set(shapeSpace, layoutKey, []byte{stateFormat, l.layout.generation, byte(l.layout.tasks)})
	}
	l.shaped = true
	return nil
}
