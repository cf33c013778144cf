package rowkey

import (
	"encoding/binary"
	"encoding/json"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// jsonb orders by kind: null, strings, numbers, booleans, arrays, objects;
// containers by their size, then by their members. An empty array that is the
// whole value is below all: there a scalar counts as an array of one.
const (
	jsonEmptyArray = 0x00
	jsonNull       = 0x01
	jsonString     = 0x02
	jsonNumber     = 0x03
	jsonBool       = 0x04
	jsonArray      = 0x05
	jsonObject     = 0x06
)

// appendJSONB writes a canonical text.
func appendJSONB(dst, text []byte) []byte {
	if string(text) == "[]" {
		return append(dst, jsonEmptyArray)
	}
	dst, _ = appendJSON(dst, text)
	return dst
}

// appendJSON writes the value that begins a text and returns what comes after it.
func appendJSON(dst, s []byte) (key, rest []byte) {
	switch s[0] {
	case 'n':
		return append(dst, jsonNull), s[len("null"):]
	case 't':
		return append(dst, jsonBool, 1), s[len("true"):]
	case 'f':
		return append(dst, jsonBool, 0), s[len("false"):]
	case '"':
		return appendJSONString(append(dst, jsonString), s)
	case '[', '{':
		return appendContainer(dst, s)
	}
	n := 0
	for n < len(s) && s[n] != ',' && s[n] != ']' && s[n] != '}' {
		n++
	}
	d, err := types.ParseDecimal(string(s[:n]))
	if err != nil {
		panic("rowkey: jsonb holds a number that cannot be read: " + err.Error())
	}
	return appendDecimal(append(dst, jsonNumber), d), s[n:]
}

// appendContainer writes an array or an object: its size, which is known at its
// end, and its members, of an object key and value in turn.
func appendContainer(dst, s []byte) (key, rest []byte) {
	rank, end := byte(jsonArray), byte(']')
	if s[0] == '{' {
		rank, end = jsonObject, '}'
	}
	dst = append(dst, rank)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	n := uint32(0)
	s = s[1:]
	for s[0] != end {
		switch s[0] {
		case ',', ' ', ':':
			s = s[1:]
			continue
		}
		if rank == jsonObject {
			dst, s = appendJSON(dst, s)
			s = s[len(": "):]
		}
		dst, s = appendJSON(dst, s)
		n++
	}
	binary.BigEndian.PutUint32(dst[at:], n)
	return dst, s[1:]
}

func appendJSONString(dst, s []byte) (key, rest []byte) {
	escaped := false
	n := 1
	for ; s[n] != '"'; n++ {
		if s[n] == '\\' {
			escaped = true
			n++
		}
	}
	if !escaped {
		return appendEscaped(dst, s[1:n]), s[n+1:]
	}
	var text string
	if err := json.Unmarshal(s[:n+1], &text); err != nil {
		panic("rowkey: jsonb holds a string that cannot be read: " + err.Error())
	}
	return appendEscaped(dst, []byte(text)), s[n+1:]
}
