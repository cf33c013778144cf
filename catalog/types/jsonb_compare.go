package types

import "strings"

// SameJSONB reports whether canonical texts are equal.
func SameJSONB(a, b string) bool { return compareJSONB(a, b, nil) == 0 }

// CompareJSONBUntil orders canonical texts as PostgreSQL's btree does: null, strings,
// numbers, booleans, arrays, objects; containers by their size, then by their
// members in order. An empty array is below every scalar, since there a scalar
// counts as an array of one. It gives up with the error of ended, which it asks all
// the while.
func CompareJSONBUntil(a, b string, ended func() error) (int, error) {
	c := compareJSONB(a, b, ended)
	return c, ended()
}

// compareJSONB answers anything once ended, where that is not nil, returns an error.
func compareJSONB(a, b string, ended func() error) int {
	if a == b {
		return 0
	}
	x, y := jsonScanner{s: a, ended: ended}, jsonScanner{s: b, ended: ended}
	tx, _ := x.next()
	ty, _ := y.next()
	if containerX, containerY := isContainer(tx), isContainer(ty); containerX != containerY {
		switch {
		case tx == '[':
			if x.count() == 0 {
				return -1
			}
			return 1
		case ty == '[':
			if y.count() == 0 {
				return 1
			}
			return -1
		case containerX:
			return 1
		}
		return -1
	}
	return compareJSONValues(&x, &y, tx, ty)
}

func isContainer(t jsonToken) bool { return t == '[' || t == '{' }

// jsonRank is the order of kinds.
func jsonRank(t jsonToken) int64 {
	switch t {
	case jsonNull:
		return 0
	case jsonString:
		return 1
	case jsonNumber:
		return 2
	case jsonTrue, jsonFalse:
		return 3
	case '[':
		return 4
	}
	return 5
}

// compareJSONValues compares the values that begin with tx and ty, and where
// they are equal leaves both scanners after them.
func compareJSONValues(x, y *jsonScanner, tx, ty jsonToken) int {
	if c := compareInt(jsonRank(tx), jsonRank(ty)); c != 0 {
		return c
	}
	switch tx {
	case jsonString:
		return compareJSONStrings(x.text(), y.text())
	case jsonNumber:
		// Canonical numbers are valid.
		d, _ := ParseDecimal(x.text())
		e, _ := ParseDecimal(y.text())
		return d.Compare(e)
	case jsonTrue, jsonFalse:
		return -compareInt(int64(len(x.text())), int64(len(y.text()))) // false is longer
	case '[', '{':
		if c := compareInt(int64(x.count()), int64(y.count())); c != 0 {
			return c
		}
		for {
			tx, _ = x.next()
			ty, _ = y.next()
			switch tx {
			case ']', '}', jsonEnd:
				return 0
			case ',', ':':
				continue
			}
			if c := compareJSONValues(x, y, tx, ty); c != 0 {
				return c
			}
		}
	}
	return 0
}

func compareJSONStrings(a, b string) int {
	if strings.IndexByte(a, '\\') < 0 && strings.IndexByte(b, '\\') < 0 {
		return strings.Compare(a[1:len(a)-1], b[1:len(b)-1])
	}
	x, _ := appendUnescaped(nil, a)
	y, _ := appendUnescaped(nil, b)
	return strings.Compare(view(x), view(y))
}

// count is the number of elements or pairs of the container whose opening token
// has just been read.
func (j jsonScanner) count() int {
	depth, n, some := 1, 0, false
	for depth > 0 {
		t, _ := j.next()
		switch t {
		case '[', '{':
			depth++
			some = true
		case ']', '}':
			depth--
		case ',':
			if depth == 1 {
				n++
			}
		case jsonEnd:
			return n
		default:
			some = true
		}
	}
	if some {
		n++
	}
	return n
}
