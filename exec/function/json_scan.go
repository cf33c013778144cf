package function

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The scanner below walks JSON text that is known to be valid, since json and
// jsonb values are.

// skipSpace returns the first position from i that is no white space.
func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the position after the string that begins at i.
func skipString(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return i
}

// skipValue returns the position after the value that begins at i.
func skipValue(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch c := s[i]; c {
		case '"':
			i = skipString(s, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\n', '\r':
			i++
			continue
		default:
			for i < len(s) && strings.IndexByte(",:]} \t\n\r", s[i]) < 0 {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// jsonKind is the first byte of a value: { [ " t f n, or 0 for a number.
func jsonKind(s string) byte {
	switch s = s[skipSpace(s, 0):]; s[0] {
	case '{', '[', '"', 't', 'f', 'n':
		return s[0]
	}
	return 0
}

// eachMember calls f with each key, still quoted, and value of an object, until
// f returns false.
func eachMember(s string, f func(key, value string) bool) {
	for i := skipSpace(s, 0) + 1; ; {
		key, value, next := memberAt(s, i)
		if next < 0 || !f(key, value) {
			return
		}
		i = next
	}
}

// memberAt is the member of an object at a place or behind the blanks there, its key
// still quoted, and the place of the following one; -1 where the object ends.
func memberAt(s string, i int) (key, value string, next int) {
	i = skipSpace(s, i)
	if i >= len(s) || s[i] == '}' {
		return "", "", -1
	}
	end := skipString(s, i)
	key = s[i:end]
	i = skipSpace(s, skipSpace(s, end)+1)
	end = skipValue(s, i)
	if next = skipSpace(s, end); next < len(s) && s[next] == ',' {
		next++
	}
	return key, s[i:end], next
}

// eachElement calls f with each element of an array, until f returns false.
func eachElement(s string, f func(value string) bool) {
	for i := skipSpace(s, 0) + 1; ; {
		value, next := elementAt(s, i)
		if next < 0 || !f(value) {
			return
		}
		i = next
	}
}

// elementAt is the element of an array at a place or behind the blanks there, and
// the place of the following one; -1 where the array ends.
func elementAt(s string, i int) (value string, next int) {
	i = skipSpace(s, i)
	if i >= len(s) || s[i] == ']' {
		return "", -1
	}
	end := skipValue(s, i)
	if next = skipSpace(s, end); next < len(s) && s[next] == ',' {
		next++
	}
	return s[i:end], next
}

// jsonMember is a field of an object; of several with one key the last counts.
func jsonMember(s, key string) (value string, ok bool) {
	if jsonKind(s) != '{' {
		return "", false
	}
	eachMember(s, func(k, v string) bool {
		if k[1:len(k)-1] == key || strings.IndexByte(k, '\\') >= 0 && unquoteJSON(k) == key {
			value, ok = v, true
		}
		return true
	})
	return value, ok
}

// jsonElement is an element of an array; a negative index counts from the end.
func jsonElement(s string, index int) (value string, ok bool) {
	if jsonKind(s) != '[' {
		return "", false
	}
	if index < 0 {
		if index += jsonLength(s); index < 0 {
			return "", false
		}
	}
	eachElement(s, func(v string) bool {
		if index == 0 {
			value, ok = v, true
		}
		index--
		return !ok
	})
	return value, ok
}

// jsonbElement is jsonElement of jsonb, where a scalar is an array of itself.
func jsonbElement(s string, index int) (value string, ok bool) {
	if kind := jsonKind(s); kind != '[' && kind != '{' {
		return s, index == 0 || index == -1
	}
	return jsonElement(s, index)
}

func jsonLength(s string) int {
	n := 0
	eachElement(s, func(string) bool { n++; return true })
	return n
}

// jsonStep follows one step of a path of texts: a key, or an array's index.
func jsonStep(s, step string) (string, bool) {
	switch jsonKind(s) {
	case '{':
		return jsonMember(s, step)
	case '[':
		index, err := strconv.Atoi(strings.TrimSpace(step))
		if err != nil {
			return "", false
		}
		return jsonElement(s, index)
	}
	return "", false
}

// unquoteJSON is the text of a quoted string.
func unquoteJSON(q string) string {
	q = q[1 : len(q)-1]
	if strings.IndexByte(q, '\\') < 0 {
		return q
	}
	out := make([]byte, 0, len(q))
	for i := 0; i < len(q); i++ {
		if q[i] != '\\' {
			out = append(out, q[i])
			continue
		}
		i++
		switch c := q[i]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hexRune(q, i+1)
			i += 4
			if utf16.IsSurrogate(r) && i+6 < len(q) && q[i+1] == '\\' && q[i+2] == 'u' {
				r = utf16.DecodeRune(r, hexRune(q, i+3))
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

func hexRune(s string, i int) rune {
	n, err := strconv.ParseUint(s[i:min(i+4, len(s))], 16, 32)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}
