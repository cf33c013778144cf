package types

import (
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/regex"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// JSONPath is the OID of jsonpath.
const JSONPath OID = 4072

// Path is a parsed jsonpath.
type Path struct {
	Strict bool
	Root   *PathItem
}

// PathItem is an operator, a literal or an accessor of a jsonpath.
type PathItem struct {
	Kind PathKind
	Text string  // PathString, PathKey, PathVariable; the pattern of PathLikeRegex
	Num  Decimal // PathNumber
	Bool bool    // PathBool
	// Left and Right are operands; Left alone is that of a unary operator, a
	// filter's condition or a method's argument, which may be nil.
	Left, Right *PathItem
	Subscripts  []PathSubscript // PathIndex
	// First and Last are the levels of PathAny; PathLastLevel is last.
	First, Last uint32
	Regex       *regex.Regexp // PathLikeRegex
	Flags       string        // of it, in canonical order
	Next        *PathItem     // the accessor that follows
}

// PathSubscript is an index, or a range where To is not nil.
type PathSubscript struct{ From, To *PathItem }

// PathLastLevel stands for last in the levels of .**.
const PathLastLevel = ^uint32(0)

// PathKind is what a PathItem is.
type PathKind uint8

const (
	PathNull PathKind = iota
	PathString
	PathNumber
	PathBool
	PathVariable
	PathRoot
	PathCurrent
	PathLast
	PathKey
	PathAnyKey
	PathAnyArray
	PathIndex
	PathAny
	PathFilter
	PathOr
	PathAnd
	PathNot
	PathIsUnknown
	PathExists
	PathEqual
	PathNotEqual
	PathLess
	PathGreater
	PathLessOrEqual
	PathGreaterOrEqual
	PathStartsWith
	PathLikeRegex
	PathAdd
	PathSub
	PathMul
	PathDiv
	PathMod
	PathPlus
	PathMinus
	PathAbs
	PathSize
	PathType
	PathFloor
	PathDouble
	PathCeiling
	PathDatetime
	PathKeyValue
)

var pathNames = map[PathKind]string{
	PathOr: "||", PathAnd: "&&", PathEqual: "==", PathNotEqual: "!=", PathLess: "<", PathGreater: ">", PathLessOrEqual: "<=",
	PathGreaterOrEqual: ">=", PathStartsWith: "starts with", PathLikeRegex: "like_regex", PathAdd: "+", PathSub: "-", PathMul: "*",
	PathDiv: "/", PathMod: "%", PathPlus: "+", PathMinus: "-", PathAbs: "abs", PathSize: "size", PathType: "type", PathFloor: "floor",
	PathDouble: "double", PathCeiling: "ceiling", PathDatetime: "datetime", PathKeyValue: "keyvalue",
}

// String is an operator as it is written, or a method's name.
func (k PathKind) String() string { return pathNames[k] }

// Predicate reports whether an item gives true, false or unknown.
func (k PathKind) Predicate() bool { return k >= PathOr && k <= PathLikeRegex }

func (k PathKind) priority() int {
	switch k {
	case PathOr:
		return 0
	case PathAnd:
		return 1
	case PathEqual, PathNotEqual, PathLess, PathGreater, PathLessOrEqual, PathGreaterOrEqual, PathStartsWith:
		return 2
	case PathAdd, PathSub:
		return 3
	case PathMul, PathDiv, PathMod:
		return 4
	case PathPlus, PathMinus:
		return 5
	}
	return 6
}

// AppendText appends a path in PostgreSQL's canonical form.
func (p *Path) AppendText(dst []byte) []byte {
	if p.Strict {
		dst = append(dst, "strict "...)
	}
	return p.Root.append(dst, false, true)
}

// append writes an item and what follows it. inKey: it follows another; brackets:
// an operator stands in parentheses.
func (i *PathItem) append(dst []byte, inKey, brackets bool) []byte {
	dot := func() {
		if inKey {
			dst = append(dst, '.')
		}
	}
	switch i.Kind {
	case PathNull:
		dst = append(dst, "null"...)
	case PathString:
		dst = AppendJSONString(dst, i.Text)
	case PathNumber:
		if i.Next != nil {
			dst = append(append(append(dst, '('), i.Num.String()...), ')')
		} else {
			dst = append(dst, i.Num.String()...)
		}
	case PathBool:
		dst = strconv.AppendBool(dst, i.Bool)
	case PathVariable:
		dst = AppendJSONString(append(dst, '$'), i.Text)
	case PathRoot:
		dst = append(dst, '$')
	case PathCurrent:
		dst = append(dst, '@')
	case PathLast:
		dst = append(dst, "last"...)
	case PathKey:
		dot()
		dst = AppendJSONString(dst, i.Text)
	case PathAnyKey:
		dot()
		dst = append(dst, '*')
	case PathAnyArray:
		dst = append(dst, "[*]"...)
	case PathIndex:
		dst = i.appendSubscripts(dst)
	case PathAny:
		dot()
		dst = i.appendLevels(dst)
	case PathFilter:
		dst = append(i.Left.append(append(dst, "?("...), false, false), ')')
	case PathNot:
		dst = append(i.Left.append(append(dst, "!("...), false, false), ')')
	case PathIsUnknown:
		dst = append(i.Left.append(append(dst, '('), false, false), ") is unknown"...)
	case PathExists:
		dst = append(i.Left.append(append(dst, "exists ("...), false, false), ')')
	case PathPlus, PathMinus, PathLikeRegex:
		dst = i.appendUnary(dst, brackets)
	case PathAbs, PathSize, PathType, PathFloor, PathDouble, PathCeiling, PathDatetime, PathKeyValue:
		dst = append(append(append(dst, '.'), i.Kind.String()...), '(')
		if i.Left != nil {
			dst = i.Left.append(dst, false, false)
		}
		dst = append(dst, ')')
	default:
		dst = i.appendBinary(dst, brackets)
	}
	if i.Next != nil {
		dst = i.Next.append(dst, true, true)
	}
	return dst
}

func (i *PathItem) appendBinary(dst []byte, brackets bool) []byte {
	if brackets {
		dst = append(dst, '(')
	}
	dst = i.appendOperand(dst, i.Left)
	dst = append(append(append(dst, ' '), i.Kind.String()...), ' ')
	dst = i.appendOperand(dst, i.Right)
	if brackets {
		dst = append(dst, ')')
	}
	return dst
}

func (i *PathItem) appendOperand(dst []byte, operand *PathItem) []byte {
	return operand.append(dst, false, operand.Kind.priority() <= i.Kind.priority())
}

// appendUnary writes a sign, or like_regex, whose right side is no item.
func (i *PathItem) appendUnary(dst []byte, brackets bool) []byte {
	if brackets {
		dst = append(dst, '(')
	}
	if i.Kind == PathLikeRegex {
		dst = append(i.appendOperand(dst, i.Left), " like_regex "...)
		dst = AppendJSONString(dst, i.Text)
		if i.Flags != "" {
			dst = append(append(append(dst, ` flag "`...), i.Flags...), '"')
		}
	} else {
		dst = i.appendOperand(append(dst, i.Kind.String()...), i.Left)
	}
	if brackets {
		dst = append(dst, ')')
	}
	return dst
}

func (i *PathItem) appendSubscripts(dst []byte) []byte {
	dst = append(dst, '[')
	for n, s := range i.Subscripts {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = s.From.append(dst, false, false)
		if s.To != nil {
			dst = s.To.append(append(dst, " to "...), false, false)
		}
	}
	return append(dst, ']')
}

func (i *PathItem) appendLevels(dst []byte) []byte {
	level := func(n uint32) {
		if n == PathLastLevel {
			dst = append(dst, "last"...)
			return
		}
		dst = strconv.AppendUint(dst, uint64(n), 10)
	}
	dst = append(dst, "**"...)
	if i.First == 0 && i.Last == PathLastLevel {
		return dst
	}
	dst = append(dst, '{')
	level(i.First)
	if i.First != i.Last {
		dst = append(dst, " to "...)
		level(i.Last)
	}
	return append(dst, '}')
}

// compileLikeRegex reads the flags and the pattern of like_regex.
func (i *PathItem) compileLikeRegex(flags string) error {
	has := map[rune]bool{}
	for _, c := range flags {
		switch c {
		case 'i', 's', 'm', 'x', 'q':
			has[c] = true
		default:
			return sqlerr.Errorf(sqlerr.SyntaxError, "invalid input syntax for type jsonpath").
				WithDetail("Unrecognized flag character \"%c\" in LIKE_REGEX predicate.", c)
		}
	}
	for _, c := range "ismxq" {
		if has[c] {
			i.Flags += string(c)
		}
	}
	f := regex.Flags{Fold: has['i']}
	switch {
	case has['q']:
		f.Literal = true
	case has['x']:
		return sqlerr.Unsupported("Leave white space and comments out of the pattern.", "XQuery \"x\" flag (expanded regular expressions) is not implemented")
	default:
		f.LineStop, f.LineEdge = !has['s'], has['m']
	}
	var err error
	if i.Regex, err = regex.Compile(i.Text, f); err != nil {
		return sqlerr.Errorf(sqlerr.InvalidRegularExpression, "invalid regular expression: %v", err)
	}
	return nil
}

var _ = register(&Info{
	OID: JSONPath, Name: "jsonpath", SQLName: "jsonpath", Array: 4073, Len: -1, Align: 'i', Category: 'U', Kind: 'b', Delim: ',', Phys: PhysBytes,
	// A value keeps what was written: PostgreSQL's canonical form leaves out
	// parentheses that matter, as in (exists ($.a)).type().
	In: func(s string, _ int32, _ *Format) (Value, error) {
		_, err := ParsePath(s)
		return NewString(JSONPath, s), err
	},
	AppendText: func(dst []byte, v Value, _ *Format) []byte { return appendCanonicalPath(dst, v.S) },
	Recv: func(b []byte, _ int32) (Value, error) {
		if len(b) == 0 || b[0] != 1 {
			return Value{}, sqlerr.Errorf(sqlerr.InternalError, "unsupported jsonpath version number: %d", firstByte(b))
		}
		_, err := ParsePath(string(b[1:]))
		return NewString(JSONPath, string(b[1:])), err
	},
	AppendBinary: func(dst []byte, v Value, _ *Format) []byte { return appendCanonicalPath(append(dst, 1), v.S) },
})

// appendCanonicalPath appends a path that was read before in its canonical form.
func appendCanonicalPath(dst []byte, s string) []byte {
	p, err := ParsePath(s)
	if err != nil {
		return append(dst, s...)
	}
	return p.AppendText(dst)
}

func firstByte(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	return int(b[0])
}
