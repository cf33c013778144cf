package function

import (
	"strings"
	"unsafe"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// jsonItem is a value that a jsonpath finds or computes.
type jsonItem struct {
	kind itemKind
	raw  string // its JSON, of an object or array
	text string // of a string
	num  types.Decimal
	bool bool
	time itemTime // of a date or time
}

type itemKind uint8

const (
	itemNull itemKind = iota
	itemBool
	itemNumber
	itemString
	itemTimeOf
	itemArray
	itemObject
)

// itemOf is the item of jsonb's text.
func itemOf(s string) jsonItem {
	switch jsonKind(s) {
	case '{':
		return jsonItem{kind: itemObject, raw: s}
	case '[':
		return jsonItem{kind: itemArray, raw: s}
	case '"':
		return jsonItem{kind: itemString, text: unquoteJSON(s)}
	case 't':
		return jsonItem{kind: itemBool, bool: true}
	case 'f':
		return jsonItem{kind: itemBool}
	case 'n':
		return jsonItem{}
	}
	// A number of jsonb is a valid numeric.
	n, _ := types.ParseDecimal(s)
	return jsonItem{kind: itemNumber, num: n}
}

func numberItem(n int) jsonItem {
	return jsonItem{kind: itemNumber, num: types.DecimalFromInt64(int64(n))}
}

// append writes an item as jsonb.
func (i jsonItem) append(dst []byte) []byte {
	switch i.kind {
	case itemNull:
		return append(dst, "null"...)
	case itemBool:
		if i.bool {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case itemNumber:
		return i.num.Append(dst)
	case itemString:
		return types.AppendJSONString(dst, i.text)
	case itemTimeOf:
		return types.AppendJSONString(dst, i.time.String())
	}
	return append(dst, i.raw...)
}

func (i jsonItem) value() types.Value {
	return types.NewString(types.JSONB, string(i.append(nil)))
}

// typeName is what .type() says.
func (i jsonItem) typeName() string {
	if i.kind == itemTimeOf {
		return i.time.kind.String()
	}
	return [...]string{"null", "boolean", "number", "string", "", "array", "object"}[i.kind]
}

// each calls f with each element or member's value, until it returns false.
func (i jsonItem) each(f func(jsonItem) bool) {
	switch i.kind {
	case itemArray:
		eachElement(i.raw, func(v string) bool { return f(itemOf(v)) })
	case itemObject:
		eachMember(i.raw, func(_, v string) bool { return f(itemOf(v)) })
	}
}

// offsetIn is how many bytes into raw a part of it begins, -1 for none of it.
func offsetIn(raw, part string) int {
	d := uintptr(unsafe.Pointer(unsafe.StringData(part))) - uintptr(unsafe.Pointer(unsafe.StringData(raw)))
	if d > uintptr(len(raw)) {
		return -1
	}
	return int(d)
}

// binaryOffset is where a container that begins at a byte of jsonb's text would
// begin in PostgreSQL's binary form of it: .keyvalue() tells objects apart by it.
func binaryOffset(s string, at int) int {
	b := binaryLayout{text: s, want: at, found: -1}
	b.container(s, 0)
	return max(b.found, 0)
}

type binaryLayout struct {
	text  string
	want  int
	found int
}

// container lays out an object or array at an offset and returns where it ends: a
// word, a word for each key and value, then keys and values.
func (b *binaryLayout) container(s string, at int) int {
	if offsetIn(b.text, s) == b.want {
		b.found = at
	}
	var keys, values []string
	if jsonKind(s) == '{' {
		eachMember(s, func(k, v string) bool { keys, values = append(keys, k), append(values, v); return true })
	} else {
		eachElement(s, func(v string) bool { values = append(values, v); return true })
	}
	at += 4 + 4*(len(keys)+len(values))
	for _, k := range keys {
		at += len(unquoteJSON(k))
	}
	for _, v := range values {
		at = b.value(v, at)
	}
	return at
}

func (b *binaryLayout) value(v string, at int) int {
	aligned := (at + 3) &^ 3
	switch jsonKind(v) {
	case '{', '[':
		return b.container(v, aligned)
	case '"':
		return at + len(unquoteJSON(v))
	case 0:
		return aligned + numericSize(v)
	}
	return at
}

// numericSize is the size of a numeric with its length word and header: two
// bytes for each four digits.
func numericSize(s string) int {
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	scale := len(fraction)
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	groups := make([]bool, 0, 8) // whether each four digits are not 0
	for pad := (4 - len(whole)%4) % 4; len(whole) > 0; pad = 0 {
		n := 4 - pad
		groups = append(groups, strings.Trim(whole[:n], "0") != "")
		whole = whole[n:]
	}
	weight := len(groups) - 1
	for len(fraction) > 0 {
		n := min(4, len(fraction))
		groups = append(groups, strings.Trim(fraction[:n], "0") != "")
		fraction = fraction[n:]
	}
	for len(groups) > 0 && !groups[0] {
		groups = groups[1:]
		weight--
	}
	for len(groups) > 0 && !groups[len(groups)-1] {
		groups = groups[:len(groups)-1]
	}
	header := 6
	if scale > 63 || weight > 63 || weight < -64 {
		header = 8
	}
	return header + 2*len(groups)
}
