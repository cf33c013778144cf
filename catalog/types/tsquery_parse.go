package types

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// maxQueryDepth bounds the parentheses of a query: reading one recurses. So does
// writing one, for each operator within another: maxQueryTree bounds these, of which
// a long row of words has as many as words.
const (
	maxQueryDepth = 5000
	maxQueryTree  = 20_000
)

func errDeepQuery() error {
	return sqlerr.Errorf(sqlerr.StatementTooComplex, "stack depth limit exceeded").
		WithHint("Write a tsquery of at most %d operators within each other, and %d parentheses.", maxQueryTree, maxQueryDepth)
}

// checkQueryTree fails where operators lie too deep. items is a whole query, each
// operator before its operands.
func checkQueryTree(items []queryItem) error {
	var depths []int // of the operands that no operator has yet
	for _, i := range slices.Backward(items) {
		n := len(depths)
		switch i.op {
		case 0:
			depths = append(depths, 0)
			continue
		case queryNot:
		default:
			n--
			depths[n-1] = max(depths[n-1], depths[n])
			depths = depths[:n]
		}
		if depths[n-1]++; depths[n-1] > maxQueryTree {
			return errDeepQuery()
		}
	}
	return nil
}

func parseTSQuery(s string, _ int32, f *Format) (Value, error) {
	if err := checkUTF8(s); err != nil {
		return Value{}, err
	}
	q := queryReader{lexemeReader: lexemeReader{whole: s, rest: s, query: true}, ended: f.ended()}
	if err := q.level(0); err != nil {
		return Value{}, err
	}
	slices.Reverse(q.out)
	if err := checkQueryTree(q.out); err != nil {
		return Value{}, err
	}
	return newTSQuery(q.out), nil
}

// queryReader turns infix into operators after their operands.
type queryReader struct {
	lexemeReader
	out   []queryItem
	ended func() error // nil: nobody gives up
}

// level reads up to the parenthesis that closes it, or the end.
func (q *queryReader) level(depth int) error {
	if depth > maxQueryDepth {
		return errDeepQuery()
	}
	var stack []queryItem
	flush := func(op byte) {
		for len(stack) > 0 {
			top := queryPriority[stack[len(stack)-1].op]
			if op != queryNot && queryPriority[op] > top || op == queryNot && queryPriority[op] >= top {
				return
			}
			q.out = append(q.out, stack[len(stack)-1])
			stack = stack[:len(stack)-1]
		}
	}
	push := func(i queryItem) {
		flush(i.op)
		stack = append(stack, i)
	}
	for operand := true; ; {
		if len(q.out)%4096 == 4095 && q.ended != nil {
			if err := q.ended(); err != nil {
				return err
			}
		}
		q.rest = trimLeftSpace(q.rest)
		if q.rest == "" {
			switch {
			case operand && depth == 0 && len(q.out) == 0 && len(stack) == 0:
				return nil
			case operand:
				return sqlerr.Errorf(sqlerr.SyntaxError, "no operand in tsquery: \"%s\"", strings.Clone(q.whole))
			case depth > 0:
				return q.syntax()
			}
			flush(queryOr)
			return nil
		}
		c := q.rest[0]
		switch {
		case operand && c == '!':
			push(queryItem{op: queryNot})
			q.rest = q.rest[1:]
		case operand && c == '(':
			q.rest = q.rest[1:]
			if err := q.level(depth + 1); err != nil {
				return err
			}
			operand = false
		case operand:
			if c == ':' {
				return q.syntax()
			}
			if err := q.operand(); err != nil {
				return err
			}
			operand = false
		case c == '&', c == '|', c == '<':
			i, err := q.operator()
			if err != nil {
				return err
			}
			push(i)
			operand = true
		case c == ')' && depth > 0:
			q.rest = q.rest[1:]
			flush(queryOr)
			return nil
		default:
			return q.syntax()
		}
	}
}

// operator reads &, |, <-> or <N>.
func (q *queryReader) operator() (queryItem, error) {
	c := q.rest[0]
	q.rest = q.rest[1:]
	switch c {
	case '&':
		return queryItem{op: queryAnd}, nil
	case '|':
		return queryItem{op: queryOr}, nil
	}
	i := queryItem{op: queryPhrase, distance: 1}
	if strings.HasPrefix(q.rest, "-") {
		q.rest = q.rest[1:]
	} else {
		n := 0
		for n < len(q.rest) && isDigit(q.rest[n]) {
			n++
		}
		if n == 0 {
			return i, q.syntax()
		}
		d, err := strconv.ParseUint(q.rest[:n], 10, 32)
		if err != nil || d > maxPosition+1 {
			return i, sqlerr.Errorf(sqlerr.InvalidParameterValue, "distance in phrase operator must be an integer value between zero and %d inclusive", maxPosition+1)
		}
		i.distance, q.rest = uint16(d), q.rest[n:]
	}
	if !strings.HasPrefix(q.rest, ">") || len(q.rest) == 1 {
		return i, q.syntax()
	}
	q.rest = q.rest[1:]
	return i, nil
}

// operand reads a word with its weights and its star.
func (q *queryReader) operand() error {
	l, _, err := q.next()
	if err != nil {
		return err
	}
	if len(l.Word) > maxLexeme {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "word is too long in tsquery: \"%s\"", strings.Clone(q.whole))
	}
	i := queryItem{word: l.Word}
	if strings.HasPrefix(q.rest, ":") {
		for q.rest = q.rest[1:]; q.rest != ""; q.rest = q.rest[1:] {
			if c := q.rest[0]; c == '*' {
				i.prefix = true
			} else if w := strings.IndexByte("dcba", c|0x20); w >= 0 && isAlpha(c) {
				i.weight |= 1 << w
			} else {
				break
			}
		}
	}
	q.out = append(q.out, i)
	return nil
}
