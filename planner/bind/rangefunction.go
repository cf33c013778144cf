package bind

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// fromCall is one function of a FROM item.
type fromCall struct {
	node *pg.Node
	defs []*pg.Node // its column definition list
}

// rangeFunction is f(...) or ROWS FROM (...) in FROM. It sees what stands left of
// it without being called LATERAL (transformRangeFunction).
func (b *binder) rangeFunction(x *pg.RangeFunction, s, lat *scope) fromEntry {
	if e := b.windowFunction(x, s, lat); e != nil {
		return *e
	}
	calls := b.fromCalls(x)
	item := &rangeItem{name: figureName(calls[0].node), relVisible: true, colsVisible: true, function: len(calls) == 1}
	if x.Alias != nil {
		item.name = x.Alias.Aliasname
	}
	if lat != nil && lat.at == exprLateral {
		lat.at = exprFrom
		defer func() { lat.at = exprLateral }()
	}
	n := &plan.FunctionScan{Ordinality: x.Ordinality}
	bound := make([]plan.Expr, len(calls))
	for i, c := range calls {
		bound[i] = b.fromFunction(c.node, &scope{parent: lat, ctes: s.ctes})
	}
	b.checkDefinitionList(x, calls)
	for i, c := range calls {
		name := figureName(c.node)
		if len(calls) == 1 && x.Alias != nil {
			name = x.Alias.Aliasname
		}
		call, fields := b.functionCall(bound[i], c, name)
		call.Columns = len(fields)
		if c, ok := bound[i].(*plan.Call); ok && len(calls) == 1 && !x.Ordinality && len(c.Func.Out) == 0 {
			if _, named := b.rowColumns(c.Typ.OID); named {
				item.row = c.Typ.OID
			}
		}
		n.Calls = append(n.Calls, call)
		n.Fields = append(n.Fields, fields...)
	}
	if x.Ordinality {
		n.Fields = append(n.Fields, plan.Field{Name: "ordinality", Type: types.Of(types.Int8)})
	}
	node := plan.Node(n)
	if len(n.Calls) == 1 && n.Calls[0].Func == nil {
		node = valueRow(n)
	}
	item.cols = columnsOf(node.Schema())
	b.aliasColumns(item, x.Alias)
	return fromEntry{node: node, items: []*rangeItem{item}}
}

// fromCalls are the functions of an item; unnest(a, b) is one for each argument.
func (b *binder) fromCalls(x *pg.RangeFunction) []fromCall {
	var out []fromCall
	for _, f := range x.Functions {
		pair := f.GetList().Items
		c := fromCall{node: pair[0]}
		if len(pair) > 1 {
			c.defs = pair[1].GetList().GetItems()
		}
		call := c.node.GetFuncCall()
		if call != nil && len(c.defs) == 0 && len(call.Funcname) == 1 && strs(call.Funcname)[0] == "unnest" && len(call.Args) > 1 &&
			len(call.AggOrder) == 0 && call.AggFilter == nil && call.Over == nil && !call.AggStar && !call.AggDistinct && !call.FuncVariadic {
			for _, a := range call.Args {
				one := &pg.FuncCall{Funcname: []*pg.Node{pg.MakeStrNode("pg_catalog"), call.Funcname[0]}, Args: []*pg.Node{a}, Funcformat: pg.CoercionForm_COERCE_EXPLICIT_CALL, Location: call.Location}
				out = append(out, fromCall{node: &pg.Node{Node: &pg.Node_FuncCall{FuncCall: one}}})
			}
			continue
		}
		out = append(out, c)
	}
	return out
}

// fromFunction binds a call in FROM, in which no set stands but at the top.
func (b *binder) fromFunction(n *pg.Node, s *scope) plan.Expr {
	before := len(b.sets)
	e := b.expr(n, s, exprFrom)
	inside := b.sets[before:]
	if c, ok := e.(*plan.Call); ok && c.Func.Set && len(inside) > 0 {
		inside = inside[:len(inside)-1]
	}
	if len(inside) > 0 {
		b.failf(sqlerr.FeatureNotSupported, inside[0], "set-returning functions must appear at top level of FROM")
	}
	return e
}

// checkDefinitionList refuses a column definition list beside several functions
// or WITH ORDINALITY, and gives it to the one function that there is.
func (b *binder) checkDefinitionList(x *pg.RangeFunction, calls []fromCall) {
	if len(x.Coldeflist) == 0 {
		return
	}
	refuse := func(hint, message string) {
		b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "%s", message).WithHint("%s", hint).At(b.pos(x.Coldeflist[0].GetColumnDef().Location)))
	}
	switch {
	case len(calls) > 1 && x.IsRowsfrom:
		refuse("Put a separate column definition list for each function inside ROWS FROM().", "ROWS FROM() with multiple functions cannot have a column definition list")
	case len(calls) > 1:
		refuse("Use separate UNNEST() calls inside ROWS FROM(), and attach a column definition list to each one.", "UNNEST() with multiple arguments cannot have a column definition list")
	case x.Ordinality:
		refuse("Put the column definition list inside ROWS FROM().", "WITH ORDINALITY cannot be used with a column definition list")
	}
	calls[0].defs = x.Coldeflist
}

// functionCall is a bound function of FROM and its columns; a value without a
// name of its own has that given.
func (b *binder) functionCall(e plan.Expr, from fromCall, name string) (plan.FunctionCall, []plan.Field) {
	c, ok := e.(*plan.Call)
	if ok && c.Func.Shaped {
		return b.shapedCall(c, from)
	}
	isRecord := e.Type().OID == types.Record && (!ok || len(c.Func.Out) == 0)
	switch {
	case len(from.defs) > 0 && ok && len(c.Func.Out) > 1:
		b.failf(sqlerr.SyntaxError, from.defs[0].GetColumnDef().Location, "a column definition list is redundant for a function with OUT parameters")
	case len(from.defs) > 0 && !isRecord:
		b.failf(sqlerr.SyntaxError, from.defs[0].GetColumnDef().Location, "a column definition list is only allowed for functions returning \"record\"")
	case len(from.defs) == 0 && isRecord:
		b.failf(sqlerr.SyntaxError, location(from.node), "a column definition list is required for functions returning \"record\"")
	}
	if !ok || !c.Func.Set && len(c.Func.Out) == 0 {
		e = b.defaultType(e, location(from.node))
		return plan.FunctionCall{Value: e}, []plan.Field{{Name: name, Type: e.Type()}}
	}
	call := plan.FunctionCall{Func: c.Func, Args: c.Args}
	var fields []plan.Field
	switch {
	case len(from.defs) > 0:
		for _, d := range from.defs {
			def := d.GetColumnDef()
			fields = append(fields, plan.Field{Name: def.Colname, Type: b.typeName(def.TypeName)})
		}
	case len(c.Func.Out) > 0:
		for i, o := range c.Func.Out {
			fields = append(fields, plan.Field{Name: o.Name, Type: b.outType(c, i, -1)})
		}
	case types.IsRow(c.Typ.OID):
		cols, _ := b.rowColumns(c.Typ.OID)
		call.Spread = true
		for _, col := range cols {
			fields = append(fields, plan.Field{Name: col.Name, Type: col.Type})
		}
	default:
		if c.Func.Column != "" {
			name = c.Func.Column
		}
		fields = []plan.Field{{Name: name, Type: c.Typ}}
	}
	return call, fields
}

// valueRow is a scan of one value: a row of its own.
func valueRow(n *plan.FunctionScan) plan.Node {
	row := []plan.Expr{n.Calls[0].Value}
	if n.Ordinality {
		row = append(row, plan.NewConst(types.NewInt(types.Int8, 1)))
	}
	return &plan.Values{Rows: [][]plan.Expr{row}, Fields: n.Fields}
}
