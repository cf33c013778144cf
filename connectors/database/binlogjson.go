package database

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	protocol "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// MySQL's log has JSON as MySQL keeps it: a tree of bytes. Its text here is the one that a
// SELECT has: the keys in the order in which they lie, a space behind commas and colons,
// decimals with their zeros. Sources: sql-common/json_binary.h and
// Json_wrapper::to_string in sql-common/json_dom.cc of MySQL 8.

// withDocuments has documents come as the bytes that the log has, while read decodes the
// rows of an event.
func withDocuments(e *replication.RowsEvent, read func() error) error {
	table := e.Table
	if !slices.Contains(table.ColumnType, protocol.MYSQL_TYPE_JSON) || e.Type() == replication.EnumRowsEventTypeUnknown {
		return read()
	}
	as := *table
	as.ColumnType = slices.Clone(table.ColumnType)
	for i, t := range as.ColumnType {
		if t == protocol.MYSQL_TYPE_JSON {
			as.ColumnType[i] = protocol.MYSQL_TYPE_BLOB // which lies likewise
		}
	}
	e.Table = &as
	defer func() { e.Table = table }()
	return read()
}

// documentDepth is how deep the server lets documents be.
const documentDepth = 100

// bounds are what a document keeps to whose values do not lie in one another: how deep it
// is, and where its text ends.
type bounds struct{ depth, end int }

var errDocument = errors.New("a JSON document that is cut short, or none")

// appendDocument appends the text of a document. One of no bytes, which rows that were
// written by IGNORE have, is null.
func appendDocument(dst, doc []byte) ([]byte, error) {
	if len(doc) == 0 {
		return append(dst, "null"...), nil
	}
	return appendNode(dst, doc[0], doc[1:], bounds{documentDepth, len(dst) + 16*len(doc) + 64})
}

// appendNode appends a value of a type, whose bytes data begins with.
func appendNode(dst []byte, typ byte, data []byte, within bounds) ([]byte, error) {
	switch typ {
	case replication.JSONB_SMALL_OBJECT, replication.JSONB_LARGE_OBJECT, replication.JSONB_SMALL_ARRAY, replication.JSONB_LARGE_ARRAY:
		if within.depth--; within.depth < 0 {
			return dst, errDocument
		}
		return appendTree(dst, typ, data, within)
	case replication.JSONB_STRING:
		s, err := measured(data)
		return appendJSONText(dst, s), err
	case replication.JSONB_OPAQUE:
		if len(data) < 1 {
			return dst, errDocument
		}
		s, err := measured(data[1:])
		if err != nil {
			return dst, err
		}
		return appendOpaque(dst, data[0], s)
	case replication.JSONB_LITERAL:
		if len(data) < 1 || data[0] > replication.JSONB_FALSE_LITERAL {
			return dst, errDocument
		}
		return append(dst, [...]string{"null", "true", "false"}[data[0]]...), nil
	}
	return appendJSONNumber(dst, typ, data)
}

func appendJSONNumber(dst []byte, typ byte, data []byte) ([]byte, error) {
	sizes := map[byte]int{replication.JSONB_INT16: 2, replication.JSONB_UINT16: 2, replication.JSONB_INT32: 4, replication.JSONB_UINT32: 4,
		replication.JSONB_INT64: 8, replication.JSONB_UINT64: 8, replication.JSONB_DOUBLE: 8}
	size, known := sizes[typ]
	if !known || len(data) < size {
		return dst, errDocument
	}
	var b [8]byte
	copy(b[:], data[:size])
	n := binary.LittleEndian.Uint64(b[:])
	switch typ {
	case replication.JSONB_INT16:
		return strconv.AppendInt(dst, int64(int16(n)), 10), nil
	case replication.JSONB_INT32:
		return strconv.AppendInt(dst, int64(int32(n)), 10), nil
	case replication.JSONB_INT64:
		return strconv.AppendInt(dst, int64(n), 10), nil
	case replication.JSONB_DOUBLE:
		return appendMySQLDouble(dst, math.Float64frombits(n)), nil
	}
	return strconv.AppendUint(dst, n, 10), nil
}

// appendMySQLDouble appends the shortest digits that are the number, with a point or an
// exponent: the second where the first would need zeros that are none of its digits.
// Source: my_gcvt in strings/dtoa.cc of MySQL 8.
func appendMySQLDouble(dst []byte, f float64) []byte {
	digits := strconv.AppendFloat(nil, math.Abs(f), 'e', -1, 64) // d.ddde±dd
	at := bytes.IndexByte(digits, 'e')
	exponent, _ := strconv.Atoi(string(digits[at+1:])) // a number, as it stands there
	count := max(1, at-1)                              // without the point
	if point := exponent + 1; point < -14 || point > 15 && count <= point {
		if f < 0 {
			dst = append(dst, '-')
		}
		return strconv.AppendInt(append(append(dst, digits[:at]...), 'e'), int64(exponent), 10)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !bytes.ContainsRune(dst[from:], '.') {
		dst = append(dst, ".0"...)
	}
	return dst
}

// measured are the bytes behind their length, of which a byte has seven bits.
func measured(data []byte) ([]byte, error) {
	n, size := binary.Uvarint(data[:min(len(data), 5)])
	if size <= 0 || n > uint64(len(data)-size) {
		return nil, errDocument
	}
	return data[size : size+int(n)], nil
}

// appendTree appends an object or an array: how many it has, how long it is, of each key
// where it lies and how long it is, of each value its type and where it lies, or itself.
func appendTree(dst []byte, typ byte, data []byte, within bounds) ([]byte, error) {
	word := 2
	if typ == replication.JSONB_LARGE_OBJECT || typ == replication.JSONB_LARGE_ARRAY {
		word = 4
	}
	object := typ == replication.JSONB_SMALL_OBJECT || typ == replication.JSONB_LARGE_OBJECT
	number := func(at int) int {
		if word == 2 {
			return int(binary.LittleEndian.Uint16(data[at:]))
		}
		return int(binary.LittleEndian.Uint32(data[at:]))
	}
	if len(data) < 2*word {
		return dst, errDocument
	}
	count, size := number(0), number(word)
	keys, values := 2*word, 2*word
	if object {
		values += count * (word + 2)
	}
	if size > len(data) || values+count*(1+word) > size {
		return dst, errDocument
	}
	data = data[:size]
	brackets := "[]"
	if object {
		brackets = "{}"
	}
	dst = append(dst, brackets[0])
	for i := range count {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if object {
			at := keys + i*(word+2)
			begin, n := number(at), int(binary.LittleEndian.Uint16(data[at+word:]))
			if begin+n > size {
				return dst, errDocument
			}
			dst = append(appendJSONText(dst, data[begin:begin+n]), ": "...)
		}
		at := values + i*(1+word)
		of, from := data[at], at+1
		if !inlined(of, word) {
			from = number(from)
		}
		if from > size || len(dst) > within.end {
			return dst, errDocument
		}
		var err error
		if dst, err = appendNode(dst, of, data[from:], within); err != nil {
			return dst, err
		}
	}
	return append(dst, brackets[1]), nil
}

// inlined reports whether a value stands where its place would.
func inlined(typ byte, word int) bool {
	switch typ {
	case replication.JSONB_LITERAL, replication.JSONB_INT16, replication.JSONB_UINT16:
		return true
	case replication.JSONB_INT32, replication.JSONB_UINT32:
		return word == 4
	}
	return false
}

// appendJSONText appends a text with its quotation marks. Source: double_quote in
// sql-common/json_dom.cc.
func appendJSONText(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		default:
			if i := bytes.IndexByte([]byte("\b\t\f\n\r"), c); i >= 0 {
				dst = append(dst, '\\', "btfnr"[i])
			} else {
				dst = fmt.Appendf(dst, `\u%04x`, c)
			}
		}
	}
	return append(dst, '"')
}

// appendOpaque appends a value of one of the types that JSON has not.
func appendOpaque(dst []byte, typ byte, data []byte) ([]byte, error) {
	switch typ {
	case protocol.MYSQL_TYPE_NEWDECIMAL:
		if len(data) < 2 {
			return dst, errDocument
		}
		return appendMySQLDecimal(dst, data[2:], int(data[0]), int(data[1]))
	case protocol.MYSQL_TYPE_DATE, protocol.MYSQL_TYPE_DATETIME, protocol.MYSQL_TYPE_TIMESTAMP, protocol.MYSQL_TYPE_TIME:
		if len(data) != 8 {
			return dst, errDocument
		}
		return appendPacked(dst, typ, int64(binary.LittleEndian.Uint64(data))), nil
	}
	dst = fmt.Appendf(dst, `"base64:type%d:`, typ)
	return append(base64.StdEncoding.AppendEncode(dst, data), '"'), nil
}

// appendPacked appends a date or a time, which is a number: its microseconds are the 24
// lowest bits, then come 6 of seconds, 6 of minutes, and of a day 5 of hours, 5 of days,
// and thirteen months a year. Source: TIME_from_longlong_datetime_packed in
// sql-common/my_time.cc.
func appendPacked(dst []byte, typ byte, n int64) []byte {
	dst = append(dst, '"')
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	whole, micros := n>>24, n&(1<<24-1)
	if typ == protocol.MYSQL_TYPE_TIME {
		return fmt.Appendf(dst, `%02d:%02d:%02d.%06d"`, whole>>12&(1<<10-1), whole>>6&63, whole&63, micros)
	}
	days := whole >> 17
	dst = fmt.Appendf(dst, "%04d-%02d-%02d", days>>5/13, days>>5%13, days&31)
	if typ != protocol.MYSQL_TYPE_DATE {
		dst = fmt.Appendf(dst, " %02d:%02d:%02d.%06d", whole>>12&31, whole>>6&63, whole&63, micros)
	}
	return append(dst, '"')
}

// appendMySQLDecimal appends a number of digits, scale of them behind the point. Each nine
// are four bytes, from the point on to both sides, and what is left of nine as few as hold
// it; the first bit is that of numbers from zero on, and those below have all bits turned.
// Source: bin2decimal in strings/decimal.cc.
func appendMySQLDecimal(dst, data []byte, precision, scale int) ([]byte, error) {
	sizes := [...]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4} // of so many digits
	whole := precision - scale
	if whole < 0 || len(data) < sizes[whole%9]+whole/9*4+scale/9*4+sizes[scale%9] || len(data) == 0 {
		return dst, errDocument
	}
	b := bytes.Clone(data)
	turned := byte(0)
	if b[0]&0x80 == 0 {
		turned = 0xff
		dst = append(dst, '-')
	}
	b[0] ^= 0x80
	take := func(to []byte, digits int) []byte {
		n := uint32(0)
		for _, c := range b[:sizes[digits]] {
			n = n<<8 | uint32(c^turned)
		}
		b = b[sizes[digits]:]
		return fmt.Appendf(to, "%0*d", digits, n)
	}
	var digits []byte
	if whole%9 > 0 {
		digits = take(digits, whole%9)
	}
	for range whole / 9 {
		digits = take(digits, 9)
	}
	digits = bytes.TrimLeft(digits, "0")
	if len(digits) == 0 {
		digits = append(digits, '0')
	}
	dst = append(dst, digits...)
	if scale == 0 {
		return dst, nil
	}
	dst = append(dst, '.')
	for range scale / 9 {
		dst = take(dst, 9)
	}
	if scale%9 > 0 {
		dst = take(dst, scale%9)
	}
	return dst, nil
}
