package plan

// Exchange gives each row of a job that runs in several tasks to the task that its
// keys belong to: rows of equal keys meet. Without keys all rows go to the first
// task.
type Exchange struct {
	Input Node
	Keys  []Expr
}

// Schema is the input's.
func (n *Exchange) Schema() []Field { return n.Input.Schema() }

// Inputs is the one input.
func (n *Exchange) Inputs() []Node { return []Node{n.Input} }

// String is its line in EXPLAIN.
func (n *Exchange) String() string {
	if n.Keys == nil {
		return "Exchange to one task"
	}
	return "Exchange"
}

func (*Exchange) node() {}
