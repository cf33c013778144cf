package function

import (
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// pathRun evaluates one path over one document.
type pathRun struct {
	env  *Env
	root jsonItem
	vars string // an object; "" where every variable is null
	// passed are the variables of PASSING; nil: vars has them.
	passed map[string]jsonItem
	// current is @. size is that of the innermost array that is subscripted.
	current jsonItem
	size    int
	strict  bool
	// lenient: a structure that does not fit is no error.
	lenient bool
	silent  bool // errors that may be suppressed are
	zones   bool // the session's zone may be used
	// base is the object of which .keyvalue() tells how far in a member is.
	base   jsonItem
	baseID int
	lastID int
	steps  int
	err    error // the failure; suppressed ones are none
}

// pathAnswer is how an item fared. A failed one has set err, unless errors are
// suppressed.
type pathAnswer uint8

const (
	pathNothing pathAnswer = iota
	pathFound
	pathFailed
)

// pathList collects what is found; nil: it only matters whether anything is.
type pathList struct{ items []jsonItem }

func (x *pathRun) fail(code sqlerr.Code, format string, args ...any) pathAnswer {
	return x.failWith(sqlerr.Errorf(code, format, args...))
}

// failWith fails, with an error unless those are suppressed.
func (x *pathRun) failWith(err error) pathAnswer {
	if !x.silent && x.err == nil {
		x.err = err
	}
	return pathFailed
}

// abort fails with an error that is never suppressed.
func (x *pathRun) abort(err error) pathAnswer {
	x.err = err
	return pathFailed
}

// structural fails in strict mode, and finds nothing in lax.
func (x *pathRun) structural(code sqlerr.Code, format string, args ...any) pathAnswer {
	if x.lenient {
		return pathNothing
	}
	return x.fail(code, format, args...)
}

// item evaluates an item for v. An array is unwrapped in lax mode where the item
// is for what is in it.
func (x *pathRun) item(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	return x.target(p, v, found, !x.strict)
}

// checkSteps is how many items are evaluated between two looks at the statement.
const checkSteps = 1 << 12

// itemBytes is about what an item that was found takes.
const itemBytes = int(unsafe.Sizeof(jsonItem{}))

// step counts an item of those that there are, or that n have been found of; false: the
// statement has to end, or they are more than memory has room for.
func (x *pathRun) step(n int) bool {
	if x.steps++; x.steps%checkSteps != 0 {
		return true
	}
	if limit := int(x.env.MemoryLimit); limit > 0 && n > limit/itemBytes {
		x.abort(OverLimit(n*itemBytes, limit))
		return false
	}
	if err := x.env.Ended(); err != nil {
		x.abort(err)
		return false
	}
	return true
}

func (l *pathList) len() int {
	if l == nil {
		return 0
	}
	return len(l.items)
}

func (x *pathRun) target(p *types.PathItem, v jsonItem, found *pathList, unwrap bool) pathAnswer {
	if !x.step(found.len()) {
		return pathFailed
	}
	if p.Kind.Predicate() {
		return x.truth(p, v, found)
	}
	switch p.Kind {
	case types.PathNull, types.PathBool, types.PathNumber, types.PathString, types.PathVariable:
		return x.literal(p, found)
	case types.PathRoot:
		base, id := x.base, x.baseID
		x.base, x.baseID = x.root, 0
		answer := x.next(p, x.root, found)
		x.base, x.baseID = base, id
		return answer
	case types.PathCurrent:
		return x.next(p, x.current, found)
	case types.PathLast:
		return x.next(p, numberItem(x.size-1), found)
	case types.PathAdd, types.PathSub, types.PathMul, types.PathDiv, types.PathMod:
		return x.arithmetic(p, v, found)
	case types.PathPlus, types.PathMinus:
		return x.sign(p, v, found)
	case types.PathKey:
		return x.key(p, v, found, unwrap)
	case types.PathAnyKey:
		switch {
		case v.kind == itemObject:
			return x.inside(p.Next, v, found, levels{1, 1, 1}, false, !x.strict)
		case unwrap && v.kind == itemArray:
			return x.elements(p, v, found, false)
		}
		return x.structural(sqlerr.SQLJSONObjectNotFound, "jsonpath wildcard member accessor can only be applied to an object")
	case types.PathAnyArray:
		switch {
		case v.kind == itemArray:
			return x.elements(p.Next, v, found, !x.strict)
		case !x.strict:
			return x.next(p, v, found)
		}
		return x.structural(sqlerr.SQLJSONArrayNotFound, "jsonpath wildcard array accessor can only be applied to an array")
	case types.PathIndex:
		return x.index(p, v, found)
	case types.PathAny:
		return x.anyLevel(p, v, found)
	case types.PathFilter:
		if unwrap && v.kind == itemArray {
			return x.elements(p, v, found, false)
		}
		if x.nested(p.Left, v) != pathTrue || x.err != nil {
			return x.unlessFailed(pathNothing)
		}
		return x.next(p, v, found)
	}
	return x.method(p, v, found, unwrap)
}

func (x *pathRun) unlessFailed(a pathAnswer) pathAnswer {
	if x.err != nil {
		return pathFailed
	}
	return a
}

// next goes on with what follows an item.
func (x *pathRun) next(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	if p.Next != nil {
		return x.item(p.Next, v, found)
	}
	if found != nil {
		found.items = append(found.items, v)
	}
	return pathFound
}

func (x *pathRun) literal(p *types.PathItem, found *pathList) pathAnswer {
	v := jsonItem{text: p.Text, num: p.Num, bool: p.Bool}
	base, id := x.base, x.baseID
	switch p.Kind {
	case types.PathBool:
		v.kind = itemBool
	case types.PathNumber:
		v.kind = itemNumber
	case types.PathString:
		v.kind = itemString
	case types.PathVariable:
		if x.vars == "" {
			break
		}
		if passed, ok := x.passed[p.Text]; ok {
			v = passed
			if passed.kind >= itemArray {
				x.base, x.baseID = passed, 1
			}
			break
		}
		s, ok := jsonMember(x.vars, p.Text)
		if !ok {
			return x.abort(sqlerr.Errorf(sqlerr.UndefinedObject, "could not find jsonpath variable \"%s\"", p.Text))
		}
		v = itemOf(s)
		x.base, x.baseID = itemOf(x.vars), 1
	}
	answer := x.next(p, v, found)
	x.base, x.baseID = base, id
	return answer
}

func (x *pathRun) key(p *types.PathItem, v jsonItem, found *pathList, unwrap bool) pathAnswer {
	switch {
	case v.kind == itemObject:
		s, ok := jsonMember(v.raw, p.Text)
		if !ok {
			return x.structural(sqlerr.SQLJSONMemberNotFound, "JSON object does not contain key \"%s\"", p.Text)
		}
		return x.next(p, itemOf(s), found)
	case unwrap && v.kind == itemArray:
		return x.elements(p, v, found, false)
	}
	return x.structural(sqlerr.SQLJSONMemberNotFound, "jsonpath member accessor can only be applied to an object")
}

// elements evaluates an item, which may be nil, for each element of an array.
func (x *pathRun) elements(p *types.PathItem, v jsonItem, found *pathList, unwrap bool) pathAnswer {
	return x.inside(p, v, found, levels{1, 1, 1}, false, unwrap)
}

// levels are how deep an item is, and between which depths .** looks.
type levels struct{ at, first, last uint32 }

// inside evaluates an item, which may be nil, for what is in an object or array.
func (x *pathRun) inside(p *types.PathItem, v jsonItem, found *pathList, l levels, lenient, unwrap bool) pathAnswer {
	answer := pathNothing
	if l.at > l.last {
		return answer
	}
	leaves := l.first == types.PathLastLevel && l.last == types.PathLastLevel
	v.each(func(inner jsonItem) bool {
		deep := inner.kind >= itemArray
		if l.at >= l.first || leaves && !deep {
			switch {
			case p != nil:
				saved := x.lenient
				x.lenient = x.lenient || lenient
				answer = x.target(p, inner, found, unwrap)
				x.lenient = saved
				if answer == pathFailed || answer == pathFound && found == nil {
					return false
				}
			case found != nil:
				if !x.step(len(found.items)) {
					answer = pathFailed
					return false
				}
				found.items = append(found.items, inner)
				answer = pathFound
			default:
				answer = pathFound
				return false
			}
		}
		if l.at < l.last && deep {
			answer = x.inside(p, inner, found, levels{l.at + 1, l.first, l.last}, lenient, unwrap)
			if answer == pathFailed || answer == pathFound && found == nil {
				return false
			}
		}
		return true
	})
	return answer
}

func (x *pathRun) anyLevel(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	answer := pathNothing
	if p.First == 0 {
		saved := x.lenient
		x.lenient = true
		answer = x.next(p, v, found)
		x.lenient = saved
		// A suppressed failure does not end it, as in PostgreSQL.
		if x.err != nil || answer == pathFound && found == nil {
			return answer
		}
	}
	if v.kind >= itemArray {
		return x.inside(p.Next, v, found, levels{1, p.First, p.Last}, true, !x.strict)
	}
	return answer
}

func (x *pathRun) index(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	if v.kind != itemArray && x.strict {
		return x.structural(sqlerr.SQLJSONArrayNotFound, "jsonpath array accessor can only be applied to an array")
	}
	elems := []jsonItem{v}
	if v.kind == itemArray {
		elems = elems[:0]
		v.each(func(e jsonItem) bool { elems = append(elems, e); return x.step(len(elems)) })
		if x.err != nil {
			return pathFailed
		}
	}
	size := x.size
	defer func() { x.size = size }()
	x.size = len(elems)
	answer := pathNothing
	for _, s := range p.Subscripts {
		from, ok := x.subscript(s.From, v)
		if !ok {
			return pathFailed
		}
		to := from
		if s.To != nil {
			if to, ok = x.subscript(s.To, v); !ok {
				return pathFailed
			}
		}
		if !x.lenient && (from < 0 || from > to || to >= len(elems)) {
			return x.fail(sqlerr.InvalidSQLJSONSubscript, "jsonpath array subscript is out of bounds")
		}
		answer = pathNothing
		for i := max(from, 0); i <= min(to, len(elems)-1); i++ {
			if p.Next == nil && found == nil {
				return pathFound
			}
			answer = x.next(p, elems[i], found)
			if answer == pathFailed || answer == pathFound && found == nil {
				return answer
			}
		}
	}
	return answer
}

func (x *pathRun) subscript(p *types.PathItem, v jsonItem) (int, bool) {
	var list pathList
	if x.item(p, v, &list) == pathFailed {
		return 0, false
	}
	if len(list.items) != 1 || list.items[0].kind != itemNumber {
		x.fail(sqlerr.InvalidSQLJSONSubscript, "jsonpath array subscript is not a single numeric value")
		return 0, false
	}
	n, err := list.items[0].num.Trunc(0).Int32()
	if err != nil {
		x.fail(sqlerr.InvalidSQLJSONSubscript, "jsonpath array subscript is out of integer range")
		return 0, false
	}
	return int(n), true
}

// operand evaluates an operand, whose arrays are unwrapped in lax mode.
func (x *pathRun) operand(p *types.PathItem, v jsonItem, unwrap bool, found *pathList) pathAnswer {
	if !unwrap || x.strict {
		return x.item(p, v, found)
	}
	var list pathList
	if x.item(p, v, &list) == pathFailed {
		return pathFailed
	}
	for _, i := range list.items {
		if i.kind != itemArray {
			found.items = append(found.items, i)
			continue
		}
		x.elements(nil, i, found, false)
	}
	return pathFound
}

func (x *pathRun) arithmetic(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	var left, right pathList
	if x.operand(p.Left, v, true, &left) == pathFailed || x.operand(p.Right, v, true, &right) == pathFailed {
		return pathFailed
	}
	if len(left.items) != 1 || left.items[0].kind != itemNumber {
		return x.fail(sqlerr.SingletonSQLJSONItemRequired, "left operand of jsonpath operator %s is not a single numeric value", p.Kind)
	}
	if len(right.items) != 1 || right.items[0].kind != itemNumber {
		return x.fail(sqlerr.SingletonSQLJSONItemRequired, "right operand of jsonpath operator %s is not a single numeric value", p.Kind)
	}
	a, b := left.items[0].num, right.items[0].num
	compute := map[types.PathKind]func(types.Decimal) (types.Decimal, error){
		types.PathAdd: a.Add, types.PathSub: a.Sub, types.PathMul: a.Mul, types.PathDiv: a.Div, types.PathMod: a.Mod}[p.Kind]
	n, err := compute(b)
	if err != nil {
		return x.failWith(err)
	}
	return x.next(p, jsonItem{kind: itemNumber, num: n}, found)
}

func (x *pathRun) sign(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	var list pathList
	if x.operand(p.Left, v, true, &list) == pathFailed {
		return pathFailed
	}
	answer := pathNothing
	for _, i := range list.items {
		switch {
		case i.kind == itemNumber && found == nil && p.Next == nil:
			return pathFound
		case i.kind != itemNumber && found == nil && p.Next == nil:
			continue
		case i.kind != itemNumber:
			return x.fail("2203B", "operand of unary jsonpath operator %s is not a numeric value", p.Kind)
		case p.Kind == types.PathMinus:
			i.num = i.num.Neg()
		}
		switch x.next(p, i, found) {
		case pathFailed:
			return pathFailed
		case pathFound:
			if answer = pathFound; found == nil {
				return answer
			}
		}
	}
	return answer
}
