package plan

func (n *Scan) Schema() []Field          { return n.Fields }
func (n *VirtualScan) Schema() []Field   { return n.Fields }
func (n *Values) Schema() []Field        { return n.Fields }
func (n *FunctionScan) Schema() []Field  { return n.Fields }
func (n *Filter) Schema() []Field        { return n.Input.Schema() }
func (n *Project) Schema() []Field       { return n.Fields }
func (n *ProjectSet) Schema() []Field    { return n.Fields }
func (n *GroupingSets) Schema() []Field  { return n.Fields }
func (n *AggregateNode) Schema() []Field { return n.Fields }
func (n *DistinctNode) Schema() []Field  { return n.Input.Schema() }
func (n *Sort) Schema() []Field          { return n.Input.Schema() }
func (n *Limit) Schema() []Field         { return n.Input.Schema() }
func (n *Join) Schema() []Field          { return n.Fields }
func (n *Append) Schema() []Field        { return n.Fields }
func (n *SetOp) Schema() []Field         { return n.Fields }
func (n *CTE) Schema() []Field           { return n.Body.Schema() }
func (n *CTEScan) Schema() []Field       { return n.Fields }

func (n *Scan) Inputs() []Node          { return nil }
func (n *VirtualScan) Inputs() []Node   { return nil }
func (n *Values) Inputs() []Node        { return nil }
func (n *FunctionScan) Inputs() []Node  { return nil }
func (n *Filter) Inputs() []Node        { return []Node{n.Input} }
func (n *Project) Inputs() []Node       { return []Node{n.Input} }
func (n *ProjectSet) Inputs() []Node    { return []Node{n.Input} }
func (n *GroupingSets) Inputs() []Node  { return []Node{n.Input} }
func (n *AggregateNode) Inputs() []Node { return []Node{n.Input} }
func (n *DistinctNode) Inputs() []Node  { return []Node{n.Input} }
func (n *Sort) Inputs() []Node          { return []Node{n.Input} }
func (n *Limit) Inputs() []Node         { return []Node{n.Input} }
func (n *Join) Inputs() []Node          { return []Node{n.Left, n.Right} }
func (n *Append) Inputs() []Node        { return n.Children }
func (n *SetOp) Inputs() []Node         { return []Node{n.Left, n.Right} }
func (n *CTEScan) Inputs() []Node       { return nil }

// Inputs of a CTE are its query, the recursive term where there is one, and the
// body.
func (n *CTE) Inputs() []Node {
	if n.Recursive == nil {
		return []Node{n.Query, n.Body}
	}
	return []Node{n.Query, n.Recursive, n.Body}
}

func (*Scan) node()          {}
func (*VirtualScan) node()   {}
func (*Values) node()        {}
func (*FunctionScan) node()  {}
func (*Filter) node()        {}
func (*Project) node()       {}
func (*ProjectSet) node()    {}
func (*GroupingSets) node()  {}
func (*AggregateNode) node() {}
func (*DistinctNode) node()  {}
func (*Sort) node()          {}
func (*Limit) node()         {}
func (*Join) node()          {}
func (*Append) node()        {}
func (*SetOp) node()         {}
func (*CTE) node()           {}
func (*CTEScan) node()       {}

func (*Query) statement()         {}
func (*SelectInto) statement()    {}
func (*Insert) statement()        {}
func (*CreateStream) statement()  {}
func (*CreateSink) statement()    {}
func (*CreateSchema) statement()  {}
func (*StartJob) statement()      {}
func (*AlterJob) statement()      {}
func (*StateFile) statement()     {}
func (*Drop) statement()          {}
func (*Explain) statement()       {}
func (*SetVariable) statement()   {}
func (*ShowVariable) statement()  {}
func (*ShowTopics) statement()    {}
func (*ResetVariable) statement() {}
func (*Discard) statement()       {}
func (*Listen) statement()        {}
func (*Notify) statement()        {}
func (*Transaction) statement()   {}
func (*Prepare) statement()       {}
func (*Execute) statement()       {}
func (*Deallocate) statement()    {}
func (*DeclareCursor) statement() {}
func (*Fetch) statement()         {}
func (*ClosePortal) statement()   {}
func (*Copy) statement()          {}
func (*Empty) statement()         {}
func (*LockTables) statement()    {}
func (*Nothing) statement()       {}
