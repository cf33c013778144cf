package expr

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// elemsAtOnce is how many elements of arrays are converted without a question whether
// the statement has ended.
const elemsAtOnce = 1 << 14

// arrayCastNode converts the elements of arrays by a program of their own.
type arrayCastNode struct {
	arg   node
	elem  node
	out   *vec.List
	inner Errors

	// Of many elements: some of them, the errors of those, and what all became.
	some, all vec.Vec
	someErrs  Errors
}

func (n *arrayCastNode) eval(r *run, sel []int32) vec.Vec {
	v := n.arg.eval(r, sel)
	k, constant := v.(*vec.Const)
	if !constant {
		n.convert(r.env, v.(*vec.List), r.rows, sel, r.errs)
		return n.out
	}
	var once Errors
	n.convert(r.env, k.Of.(*vec.List), 1, nil, &once)
	if err := once.First(); err != nil {
		each(r, sel, func(row int) { r.errs.Set(row, err) })
	}
	return vec.ConstOf(n.out, r.rows)
}

// convert fills n.out from the rows of a list.
func (n *arrayCastNode) convert(env *function.Env, src *vec.List, rows int, sel []int32, errs *Errors) {
	n.inner.Reset()
	n.out.Reset()
	converted, err := n.elements(env, src.Type, src.Elem)
	if err != nil {
		each(&run{rows: rows}, sel, func(row int) { errs.Set(row, err) })
		vec.Pad(n.out, rows)
		return
	}
	each(&run{rows: rows}, sel, func(row int) {
		n.out.Pad(row)
		if src.Nulls().Get(row) {
			n.out.AppendNull()
			return
		}
		from, to := src.At(row)
		for i := from; i < to; i++ {
			if i%elemsAtOnce == elemsAtOnce-1 {
				if err := env.Ended(); err != nil {
					errs.Set(row, err)
					break
				}
			}
			if err := n.inner.At(i); err != nil {
				errs.Set(row, err)
			}
			vec.AppendRow(n.out.Elem, converted, i)
		}
		n.out.EndRowDims(src.DimsAt(row))
	})
	n.out.Pad(rows)
}

// elements converts the elements of arrays, which are of type t, with their errors in n.inner.
func (n *arrayCastNode) elements(env *function.Env, t types.Type, from vec.Vec) (vec.Vec, error) {
	if from.Len() <= elemsAtOnce {
		return n.convertSome(env, from, &n.inner), nil
	}
	if n.some == nil {
		n.some, n.all = newColumn(t), newColumn(n.out.Type)
	}
	n.all.Reset()
	for at := 0; at < from.Len(); at += elemsAtOnce {
		if err := env.Ended(); err != nil {
			return nil, err
		}
		n.some.Reset()
		for i := at; i < min(at+elemsAtOnce, from.Len()); i++ {
			vec.AppendRow(n.some, from, i)
		}
		n.someErrs.Reset()
		converted := n.convertSome(env, n.some, &n.someErrs)
		for i := range n.some.Len() {
			vec.AppendRow(n.all, converted, i)
			if err := n.someErrs.At(i); err != nil {
				n.inner.Set(at+i, err)
			}
		}
	}
	return n.all, nil
}

func (n *arrayCastNode) convertSome(env *function.Env, elems vec.Vec, errs *Errors) vec.Vec {
	b := vec.Batch{Cols: []vec.Vec{elems}, Rows: elems.Len()}
	return n.elem.eval(&run{env: env, batch: &b, rows: b.Rows, errs: errs}, nil)
}
