package function

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// arrayComparison compares arrays by their elements. It fails where these have no
// such comparison, which only the arrays' own type tells.
func arrayComparison(op comparison) VectorFunc {
	plain := rowComparison(op, types.Of(types.AnyArray))
	return func(c *Call) {
		elem := listElem(c.Args[0])
		if !types.IsRow(elem) && types.NeedOrder(elem) == nil {
			plain(c)
			return
		}
		out := c.Out.(*vec.Fixed[bool]).Resize(c.Rows)
		array := types.Of(types.Lookup(elem).Array)
		c.each(func(i int) {
			if c.null(i) {
				return
			}
			a, b := vec.Get(c.Args[0], i, array), vec.Get(c.Args[1], i, array)
			var err error
			if op == equal || op == notEqual {
				var is bool
				is, err = types.Same(a, b)
				out[i] = is == (op == equal)
			} else {
				var order int
				order, err = types.Order(a, b)
				out[i] = op.holds(order)
			}
			if err != nil {
				c.Errs.Set(i, err)
			}
		})
	}
}

// listElem is the type of a column of arrays' elements.
func listElem(v vec.Vec) types.OID {
	if k, ok := v.(*vec.Const); ok {
		v = k.Of
	}
	return v.(*vec.List).Type.OID
}

// places is matches that asks for no equality where a NULL is looked for and there
// is none.
func places(env *Env, a *types.Array, v types.Value) ([]int, error) {
	if v.Null && !slices.ContainsFunc(a.Elems, func(e types.Value) bool { return e.Null }) {
		return nil, nil
	}
	return matches(env, a, v)
}

// matches are the places of the elements that are not distinct from v.
func matches(env *Env, a *types.Array, v types.Value) ([]int, error) {
	if len(a.Elems) == 0 {
		return nil, nil
	}
	if err := types.NeedEquality(a.Elem.OID); err != nil {
		return nil, err
	}
	var found []int
	for i, e := range a.Elems {
		if i%askedEvery == askedEvery-1 {
			if err := env.Ended(); err != nil {
				return nil, err
			}
		}
		same := e.Null && v.Null
		if !e.Null && !v.Null {
			var err error
			if same, err = types.Same(e, v); err != nil {
				return nil, err
			}
		}
		if same {
			found = append(found, i)
		}
	}
	return found, nil
}

// contains reports whether each element of b is one of a.
func contains(env *Env, a, b *types.Array) (bool, error) {
	if err := types.NeedEquality(a.Elem.OID); err != nil {
		return false, err
	}
	asked := 0
	for _, e := range b.Elems {
		if e.Null {
			return false, nil
		}
		if err := ended(env, &asked, len(a.Elems)); err != nil {
			return false, err
		}
		if found, err := has(a, e); !found || err != nil {
			return false, err
		}
	}
	return true, nil
}

// overlap reports whether an element is in both arrays.
func overlap(env *Env, a, b *types.Array) (bool, error) {
	if err := types.NeedEquality(a.Elem.OID); err != nil {
		return false, err
	}
	asked := 0
	for _, e := range a.Elems {
		if e.Null {
			continue
		}
		if err := ended(env, &asked, len(b.Elems)); err != nil {
			return false, err
		}
		if found, err := has(b, e); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// askedEvery is after how many of them a call asks whether its statement has to end.
const askedEvery = 1 << 12

// ended is why the statement of a call has to end, asked about each time that the call has
// made so many comparisons. asked counts them; n are to come.
func ended(env *Env, asked *int, n int) error {
	if *asked += n; *asked < askedEvery {
		return nil
	}
	*asked = 0
	return env.Ended()
}

// endedLong is why the statement has to end, asked only about work on many bytes.
func endedLong(env *Env, bytes int) error {
	if bytes <= LongValue {
		return nil
	}
	return env.Ended()
}

// has reports whether v, which is not NULL, is an element.
func has(a *types.Array, v types.Value) (bool, error) {
	for _, e := range a.Elems {
		if e.Null {
			continue
		}
		if same, err := types.Same(e, v); same || err != nil {
			return same, err
		}
	}
	return false, nil
}
