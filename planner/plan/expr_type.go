package plan

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

var boolean = types.Of(types.Bool)

func (e *Column) Type() types.Type    { return e.Typ }
func (e *Outer) Type() types.Type     { return e.Typ }
func (e *Const) Type() types.Type     { return e.Value.Type }
func (e *Param) Type() types.Type     { return e.Typ }
func (e *Call) Type() types.Type      { return e.Typ }
func (e *Cast) Type() types.Type      { return e.Typ }
func (e *And) Type() types.Type       { return boolean }
func (e *Or) Type() types.Type        { return boolean }
func (e *Not) Type() types.Type       { return boolean }
func (e *IsNull) Type() types.Type    { return boolean }
func (e *IsBool) Type() types.Type    { return boolean }
func (e *Case) Type() types.Type      { return e.Typ }
func (e *Coalesce) Type() types.Type  { return e.Typ }
func (e *NullIf) Type() types.Type    { return e.Typ }
func (e *MinMax) Type() types.Type    { return e.Typ }
func (e *Distinct) Type() types.Type  { return boolean }
func (e *In) Type() types.Type        { return boolean }
func (e *AnyAll) Type() types.Type    { return boolean }
func (e *ArrayOf) Type() types.Type   { return e.Typ }
func (e *Subscript) Type() types.Type { return e.Typ }
func (e *Assign) Type() types.Type    { return e.Typ }
func (e *Row) Type() types.Type       { return e.Typ }
func (e *FieldOf) Type() types.Type   { return e.Typ }
func (e *Subquery) Type() types.Type  { return e.Typ }

func (*Column) expr()    {}
func (*Outer) expr()     {}
func (*Const) expr()     {}
func (*Param) expr()     {}
func (*Call) expr()      {}
func (*Cast) expr()      {}
func (*And) expr()       {}
func (*Or) expr()        {}
func (*Not) expr()       {}
func (*IsNull) expr()    {}
func (*IsBool) expr()    {}
func (*Case) expr()      {}
func (*Coalesce) expr()  {}
func (*NullIf) expr()    {}
func (*MinMax) expr()    {}
func (*Distinct) expr()  {}
func (*In) expr()        {}
func (*AnyAll) expr()    {}
func (*ArrayOf) expr()   {}
func (*Subscript) expr() {}
func (*Assign) expr()    {}
func (*Row) expr()       {}
func (*FieldOf) expr()   {}
func (*Subquery) expr()  {}

// NewConst returns a literal.
func NewConst(v types.Value) *Const { return &Const{Value: v} }
