package types

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// maxQueryDepth bounds the parentheses of a query: reading one recurses.
const maxQueryDepth = 5000

func parseTSQuery(s string, _ int32, _ *Format) (Value, error) {
	if err := checkUTF8(s); err != nil {
		return Value{}, err
	}
	q := queryReader{lexemeReader: lexemeReader{whole: s, rest: s, query: true}}
	if err := q.level(0); err != nil {
		return Value{}, err
	}
	slices.Reverse(q.out)
	return newTSQuery(q.out), nil
}

// queryReader turns infix into operators after their operands.
type queryReader struct {
	lexemeReader
	out []queryItem
}

// level reads up to the parenthesis that closes it, or the end.
func (q *queryReader) level(depth int) error {
	if depth > maxQueryDepth {
		return sqlerr.Errorf(sqlerr.StatementTooComplex, "stack depth limit exceeded")
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
