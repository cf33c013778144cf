package function

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// pathTruth is what a predicate says.
type pathTruth uint8

const (
	pathFalse pathTruth = iota
	pathTrue
	pathUnknown
)

// truth evaluates a predicate as an item: true, false, or null for unknown.
func (x *pathRun) truth(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	t := x.predicate(p, v)
	if x.err != nil {
		return pathFailed
	}
	i := jsonItem{kind: itemBool, bool: t == pathTrue}
	if t == pathUnknown {
		i = jsonItem{}
	}
	return x.next(p, i, found)
}

// nested evaluates a filter's condition, in which @ is v.
func (x *pathRun) nested(p *types.PathItem, v jsonItem) pathTruth {
	saved := x.current
	x.current = v
	t := x.predicate(p, v)
	x.current = saved
	return t
}

func (x *pathRun) predicate(p *types.PathItem, v jsonItem) pathTruth {
	switch p.Kind {
	case types.PathAnd, types.PathOr:
		// The value that decides alone.
		decides := pathFalse
		if p.Kind == types.PathOr {
			decides = pathTrue
		}
		left := x.predicate(p.Left, v)
		if left == decides || x.err != nil {
			return left
		}
		right := x.predicate(p.Right, v)
		if right == decides || left != pathUnknown {
			return right
		}
		return pathUnknown
	case types.PathNot:
		switch x.predicate(p.Left, v) {
		case pathTrue:
			return pathFalse
		case pathFalse:
			return pathTrue
		}
		return pathUnknown
	case types.PathIsUnknown:
		if x.predicate(p.Left, v) == pathUnknown {
			return pathTrue
		}
		return pathFalse
	case types.PathExists:
		return x.exists(p, v)
	case types.PathStartsWith:
		return x.pairs(p, v, false, func(a, b jsonItem) pathTruth {
			if a.kind != itemString || b.kind != itemString {
				return pathUnknown
			}
			return truthOf(strings.HasPrefix(a.text, b.text))
		})
	case types.PathLikeRegex:
		return x.pairs(p, v, false, func(a, _ jsonItem) pathTruth {
			if a.kind != itemString {
				return pathUnknown
			}
			found, err := regexMatch(x.env, p.Regex, a.text)
			if err != nil {
				x.abort(err)
			}
			return truthOf(found)
		})
	}
	return x.pairs(p, v, true, func(a, b jsonItem) pathTruth { return x.compare(p.Kind, a, b) })
}

func truthOf(b bool) pathTruth {
	if b {
		return pathTrue
	}
	return pathFalse
}

// suppressed evaluates an operand of a predicate, whose errors make it unknown.
func (x *pathRun) suppressed(p *types.PathItem, v jsonItem, unwrap bool, found *pathList) pathAnswer {
	saved := x.silent
	x.silent = true
	answer := x.operand(p, v, unwrap, found)
	x.silent = saved
	return answer
}

func (x *pathRun) exists(p *types.PathItem, v jsonItem) pathTruth {
	// In strict mode every item must be seen, for errors among them.
	var list *pathList
	if x.strict {
		list = &pathList{}
	}
	answer := x.suppressed(p.Left, v, false, list)
	switch {
	case answer == pathFailed:
		return pathUnknown
	case x.strict:
		return truthOf(len(list.items) > 0)
	}
	return truthOf(answer == pathFound)
}

// pairs holds where a condition does for any pair of what the operands find. In
// strict mode all pairs are seen, for errors among them.
func (x *pathRun) pairs(p *types.PathItem, v jsonItem, unwrapRight bool, holds func(a, b jsonItem) pathTruth) pathTruth {
	var left, right pathList
	if x.suppressed(p.Left, v, true, &left) == pathFailed {
		return pathUnknown
	}
	if p.Right != nil {
		if x.suppressed(p.Right, v, unwrapRight, &right) == pathFailed {
			return pathUnknown
		}
	} else {
		right.items = []jsonItem{{}}
	}
	unknown, found := false, false
	for _, a := range left.items {
		for _, b := range right.items {
			switch holds(a, b) {
			case pathUnknown:
				if x.strict {
					return pathUnknown
				}
				unknown = true
			case pathTrue:
				if !x.strict {
					return pathTrue
				}
				found = true
			}
			if x.err != nil {
				return pathUnknown
			}
		}
	}
	switch {
	case found:
		return pathTrue
	case unknown:
		return pathUnknown
	}
	return pathFalse
}

func (x *pathRun) compare(op types.PathKind, a, b jsonItem) pathTruth {
	if a.kind != b.kind {
		if a.kind == itemNull || b.kind == itemNull {
			return truthOf(op == types.PathNotEqual)
		}
		return pathUnknown
	}
	order := 0
	switch a.kind {
	case itemNull:
	case itemBool:
		switch {
		case a.bool && !b.bool:
			order = 1
		case !a.bool && b.bool:
			order = -1
		}
	case itemNumber:
		order = a.num.Compare(b.num)
	case itemString:
		order = strings.Compare(a.text, b.text)
	case itemTimeOf:
		n, ok, err := x.compareTimes(a.time, b.time)
		if err != nil {
			x.abort(err)
		}
		if !ok || err != nil {
			return pathUnknown
		}
		order = n
	default:
		return pathUnknown
	}
	switch op {
	case types.PathEqual:
		return truthOf(order == 0)
	case types.PathNotEqual:
		return truthOf(order != 0)
	case types.PathLess:
		return truthOf(order < 0)
	case types.PathGreater:
		return truthOf(order > 0)
	case types.PathLessOrEqual:
		return truthOf(order <= 0)
	}
	return truthOf(order >= 0)
}
