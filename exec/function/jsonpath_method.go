package function

import (
	"math"
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// method evaluates .size() and its like.
func (x *pathRun) method(p *types.PathItem, v jsonItem, found *pathList, unwrap bool) pathAnswer {
	switch p.Kind {
	case types.PathType:
		return x.next(p, jsonItem{kind: itemString, text: v.typeName()}, found)
	case types.PathSize:
		switch {
		case v.kind == itemArray:
			return x.next(p, numberItem(jsonLength(v.raw)), found)
		case !x.strict:
			return x.next(p, numberItem(1), found)
		}
		return x.structural(sqlerr.SQLJSONArrayNotFound, "jsonpath item method .size() can only be applied to an array")
	}
	if unwrap && v.kind == itemArray {
		return x.elements(p, v, found, false)
	}
	switch p.Kind {
	case types.PathDouble:
		return x.double(p, v, found)
	case types.PathDatetime:
		return x.datetime(p, v, found)
	case types.PathKeyValue:
		return x.keyValue(p, v, found)
	}
	if v.kind != itemNumber {
		return x.fail(sqlerr.NonNumericSQLJSONItem, "jsonpath item method .%s() can only be applied to a numeric value", p.Kind)
	}
	var err error
	switch p.Kind {
	case types.PathAbs:
		v.num = v.num.Abs()
	case types.PathFloor:
		v.num, err = v.num.Floor()
	default:
		v.num, err = v.num.Ceil()
	}
	if err != nil {
		return x.failWith(err)
	}
	return x.next(p, v, found)
}

func (x *pathRun) double(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	switch v.kind {
	case itemNumber:
		if f, err := v.num.Float64(); err != nil || math.IsInf(f, 0) {
			return x.fail(sqlerr.NonNumericSQLJSONItem, "numeric argument of jsonpath item method .double() is out of range for type double precision")
		}
	case itemString:
		f, err := types.ParseFloat64(v.text)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return x.fail(sqlerr.NonNumericSQLJSONItem, "string argument of jsonpath item method .double() is not a valid representation of a double precision number")
		}
		n, err := types.ParseDecimal(strconv.FormatFloat(f, 'g', 15, 64))
		if err != nil {
			return x.failWith(err)
		}
		v = jsonItem{kind: itemNumber, num: n}
	default:
		return x.fail(sqlerr.NonNumericSQLJSONItem, "jsonpath item method .double() can only be applied to a string or numeric value")
	}
	return x.next(p, v, found)
}

func (x *pathRun) datetime(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	if v.kind != itemString {
		return x.fail(sqlerr.InvalidArgumentForSQLJSONDatetime, "jsonpath item method .datetime() can only be applied to a string")
	}
	i := jsonItem{kind: itemTimeOf}
	if p.Left != nil {
		t, err := readTimeBy(v.text, p.Left.Text)
		if err != nil {
			return x.failWith(err)
		}
		i.time = t
		return x.next(p, i, found)
	}
	t, ok := readISOTime(v.text)
	if !ok {
		return x.failWith(sqlerr.Errorf(sqlerr.InvalidArgumentForSQLJSONDatetime, "datetime format is not recognized: \"%s\"", v.text).
			WithHint("Use a datetime template argument to specify the input data format."))
	}
	i.time = t
	return x.next(p, i, found)
}

// keyValue makes an object of each member, with an id of the object it is from.
func (x *pathRun) keyValue(p *types.PathItem, v jsonItem, found *pathList) pathAnswer {
	if v.kind != itemObject {
		return x.fail(sqlerr.SQLJSONObjectNotFound, "jsonpath item method .keyvalue() can only be applied to an object")
	}
	const perBase = 10_000_000_000
	id := int64(x.baseID) * perBase
	if at := offsetIn(x.base.raw, v.raw); at > 0 {
		id += int64(binaryOffset(x.base.raw, at))
	}
	answer := pathNothing
	eachMember(v.raw, func(key, value string) bool {
		b := append([]byte(`{"id": `), strconv.FormatInt(id, 10)...)
		b = append(append(b, `, "key": `...), key...)
		b = append(append(append(b, `, "value": `...), value...), '}')
		made := itemOf(string(b))
		base, baseID := x.base, x.baseID
		x.lastID++
		x.base, x.baseID = made, x.lastID
		answer = x.next(p, made, found)
		x.base, x.baseID = base, baseID
		return answer != pathFailed && (answer != pathFound || found != nil)
	})
	return answer
}
