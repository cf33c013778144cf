package types

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TSQuery is a query of full-text search: words, and operators between them.
const TSQuery OID = 3615

// Kinds of a tsquery's items, and its operators, as the binary form has them.
const (
	queryWord     = 1
	queryOperator = 2

	queryNot    = 1
	queryAnd    = 2
	queryOr     = 3
	queryPhrase = 4
)

// queryPriority is how tightly an operator binds.
var queryPriority = [...]int{queryNot: 4, queryAnd: 2, queryOr: 1, queryPhrase: 3}

// queryItem is a word or an operator. A query is its items with each operator
// before its operands, the right one first.
type queryItem struct {
	op       byte // 0: a word
	distance uint16
	weight   byte // bits 3 to 0 are A to D
	prefix   bool
	word     string
}

// The value is the binary form, in which queries that are equal may differ: a
// word's weights and its star do not count.
var _ = register(&Info{
	OID: TSQuery, Name: "tsquery", SQLName: "tsquery", Array: 3645, Len: -1, Align: 'i',
	Category: 'U', Kind: 'b', Delim: ',', Phys: PhysBytes, Comparable: true,
	In: parseTSQuery,
	AppendText: func(dst []byte, v Value, _ *Format) []byte {
		items := queryItems(v.S)
		if len(items) == 0 {
			return dst
		}
		dst, _ = appendQuery(dst, items, 0, false)
		return dst
	},
	Recv:         recvTSQuery,
	AppendBinary: appendS,
	Compare:      func(a, b Value) int { return compareQueries(a.S, b.S) },
	AppendKey: func(dst, b []byte) []byte {
		for _, i := range queryItems(view(b)) {
			dst = binary.BigEndian.AppendUint16(append(dst, i.op), i.distance)
			dst = append(append(dst, i.word...), 0)
		}
		return dst
	},
})

func newTSQuery(items []queryItem) Value {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(items)))
	for _, i := range items {
		if i.op != 0 {
			if b = append(b, queryOperator, i.op); i.op == queryPhrase {
				b = binary.BigEndian.AppendUint16(b, i.distance)
			}
			continue
		}
		prefix := byte(0)
		if i.prefix {
			prefix = 1
		}
		b = append(append(append(b, queryWord, i.weight, prefix), i.word...), 0)
	}
	return NewString(TSQuery, string(b))
}

// queryItems reads a value, which is well formed.
func queryItems(s string) []queryItem {
	items := make([]queryItem, 0, binary.BigEndian.Uint32([]byte(s[:4])))
	for s = s[4:]; s != ""; {
		if s[0] == queryWord {
			end := strings.IndexByte(s[3:], 0) + 3
			items = append(items, queryItem{weight: s[1], prefix: s[2] != 0, word: s[3:end]})
			s = s[end+1:]
			continue
		}
		i := queryItem{op: s[1]}
		if s = s[2:]; i.op == queryPhrase {
			i.distance, s = binary.BigEndian.Uint16([]byte(s[:2])), s[2:]
		}
		items = append(items, i)
	}
	return items
}

// appendQuery appends the query at the head of items, and returns what follows
// it.
func appendQuery(dst []byte, items []queryItem, parent int, rightOfPhrase bool) ([]byte, []queryItem) {
	i, rest := items[0], items[1:]
	if i.op == 0 {
		dst = appendLexeme(dst, i.word)
		if i.weight == 0 && !i.prefix {
			return dst, rest
		}
		dst = append(dst, ':')
		if i.prefix {
			dst = append(dst, '*')
		}
		for k, c := range []byte("ABCD") {
			if i.weight&(8>>k) != 0 {
				dst = append(dst, c)
			}
		}
		return dst, rest
	}
	priority := queryPriority[i.op]
	parens := priority < parent || i.op == queryPhrase && rightOfPhrase
	if parens {
		dst = append(dst, "( "...)
	}
	if i.op == queryNot {
		dst, rest = appendQuery(append(dst, '!'), rest, priority, false)
	} else {
		var right []byte
		right, rest = appendQuery(nil, rest, priority, i.op == queryPhrase)
		dst, rest = appendQuery(dst, rest, priority, false)
		switch {
		case i.op == queryAnd:
			dst = append(dst, " & "...)
		case i.op == queryOr:
			dst = append(dst, " | "...)
		case i.distance == 1:
			dst = append(dst, " <-> "...)
		default:
			dst = append(AppendInt(append(dst, " <"...), int64(i.distance)), "> "...)
		}
		dst = append(dst, right...)
	}
	if parens {
		dst = append(dst, " )"...)
	}
	return dst, rest
}

func recvTSQuery(b []byte, _ int32) (Value, error) {
	bad := func(format string, args ...any) (Value, error) {
		return Value{}, sqlerr.Errorf(sqlerr.InternalError, format, args...)
	}
	r := formReader{b: b}
	n := r.uint32()
	if n > (1<<30-1)/12 {
		return bad("invalid size of tsquery")
	}
	var items []queryItem
	for k := range n {
		kind := r.byte()
		if r.err != nil {
			return Value{}, r.err
		}
		switch kind {
		case queryWord:
			i := queryItem{weight: r.byte(), prefix: r.byte() != 0, word: r.cstring()}
			switch {
			case r.err != nil:
				return Value{}, r.err
			case i.weight > 15:
				return bad("invalid tsquery: invalid weight bitmap")
			case len(i.word) > maxLexeme+1:
				return bad("invalid tsquery: operand too long")
			}
			items = append(items, i)
		case queryOperator:
			i := queryItem{op: r.byte()}
			switch {
			case r.err != nil:
				return Value{}, r.err
			case i.op < queryNot || i.op > queryPhrase:
				return bad("invalid tsquery: unrecognized operator type %d", i.op)
			case k == n-1:
				return bad("invalid pointer to right operand")
			}
			if i.op == queryPhrase {
				i.distance = r.uint16()
			}
			items = append(items, i)
		default:
			return bad("unrecognized tsquery node type: %d", kind)
		}
	}
	if r.err != nil {
		return Value{}, r.err
	}
	switch end := operandEnd(items); {
	case end < 0:
		return bad("malformed tsquery: operand not found")
	case end < len(items):
		return bad("malformed tsquery: extra nodes")
	}
	if err := checkQueryTree(items); err != nil {
		return Value{}, err
	}
	return newTSQuery(items), r.end()
}

// operandEnd is how many items the query at the head takes, -1 where they end
// too soon.
func operandEnd(items []queryItem) int {
	open := 1
	for k, i := range items {
		switch i.op {
		case 0:
			open--
		case queryNot:
		default:
			open++
		}
		if open == 0 {
			return k + 1
		}
	}
	return -1
}

// compareQueries orders queries as PostgreSQL's CompareTSQ: by the number of
// items, the size stored, then node by node, where the greater comes first.
func compareQueries(a, b string) int {
	x, y := queryItems(a), queryItems(b)
	size := func(items []queryItem) (n int) {
		for _, i := range items {
			if n += 12; i.op == 0 {
				n += len(i.word) + 1
			}
		}
		return n
	}
	if c := cmp.Compare(len(x), len(y)); c != 0 {
		return c
	}
	if c := cmp.Compare(size(x), size(y)); c != 0 || len(x) == 0 {
		return c
	}
	c, _, _ := compareNodes(x, y)
	return c
}

func compareNodes(x, y []queryItem) (c int, restX, restY []queryItem) {
	i, j := x[0], y[0]
	x, y = x[1:], y[1:]
	switch {
	case (i.op == 0) != (j.op == 0):
		if i.op != 0 {
			return -1, x, y
		}
		return 1, x, y
	case i.op != j.op:
		return cmp.Compare(j.op, i.op), x, y
	case i.op == 0:
		if c := cmp.Compare(legacyCRC(j.word), legacyCRC(i.word)); c != 0 {
			return c, x, y
		}
		return strings.Compare(i.word, j.word), x, y
	}
	operands := 2
	if i.op == queryNot {
		operands = 1
	}
	// The left operand, which comes last, is compared first.
	results := [2]int{}
	for k := range operands {
		nx, ny := operandEnd(x), operandEnd(y)
		if nx < 0 || ny < 0 {
			break
		}
		results[k], _, _ = compareNodes(x[:nx], y[:ny])
		x, y = x[nx:], y[ny:]
	}
	switch {
	case results[1] != 0:
		return results[1], x, y
	case results[0] != 0:
		return results[0], x, y
	}
	return cmp.Compare(j.distance, i.distance), x, y
}

// legacyCRC is PostgreSQL's CRC of words: the table of the reflected algorithm
// used as if it were the plain one.
func legacyCRC(s string) int32 {
	crc := ^uint32(0)
	for i := range len(s) {
		crc = crc32.IEEETable[byte(crc>>24)^s[i]] ^ crc<<8
	}
	return int32(^crc)
}
