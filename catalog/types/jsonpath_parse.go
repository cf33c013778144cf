package types

import (
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// pathParser reads a jsonpath. Operators bind as ||, &&, comparisons, + and -,
// the others, signs, accessors.
type pathParser struct {
	pathLexer
	tok   pathToken
	depth int
}

// maxPathDepth bounds how deep parentheses and filters nest.
const maxPathDepth = 1000

// ParsePath reads a jsonpath.
func ParsePath(s string) (*Path, error) {
	p := pathParser{pathLexer: pathLexer{in: s}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind == pathEnd {
		return nil, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "invalid input syntax for type jsonpath: \"%s\"", s)
	}
	path := &Path{}
	if p.keyword("strict") || p.keyword("lax") {
		path.Strict = strings.EqualFold(p.tok.text, "strict")
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != pathEnd {
		return nil, p.unexpected()
	}
	path.Root = root
	return path, root.check(false, false)
}

// check refuses @ outside filters and last outside subscripts.
func (i *PathItem) check(inFilter, inSubscript bool) error {
	for ; i != nil; i = i.Next {
		switch {
		case i.Kind == PathCurrent && !inFilter:
			return sqlerr.Errorf(sqlerr.SyntaxError, "@ is not allowed in root expressions")
		case i.Kind == PathLast && !inSubscript:
			return sqlerr.Errorf(sqlerr.SyntaxError, "LAST is allowed only in array subscripts")
		}
		for _, operand := range []*PathItem{i.Left, i.Right} {
			if err := operand.check(inFilter || i.Kind == PathFilter, inSubscript); err != nil {
				return err
			}
		}
		for _, s := range i.Subscripts {
			if err := s.From.check(inFilter, true); err != nil {
				return err
			}
			if err := s.To.check(inFilter, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pathParser) advance() (err error) {
	p.tok, err = p.next()
	return err
}

func (p *pathParser) unexpected() error { return pathError("syntax error", p.tok.near) }

func (p *pathParser) op(s string) bool { return p.tok.kind == pathOperator && p.tok.text == s }

func (p *pathParser) keyword(s string) bool {
	return p.tok.kind == pathKeyword && strings.EqualFold(p.tok.text, s)
}

// expect passes an operator.
func (p *pathParser) expect(s string) error {
	if !p.op(s) {
		return p.unexpected()
	}
	return p.advance()
}

// pathPredicate reports whether an item as a whole is a predicate.
func pathPredicate(i *PathItem) bool { return i.Kind.Predicate() && i.Next == nil }

func (p *pathParser) or() (*PathItem, error) { return p.logic("||", PathOr, p.and) }

func (p *pathParser) and() (*PathItem, error) { return p.logic("&&", PathAnd, p.comparison) }

func (p *pathParser) logic(op string, kind PathKind, operand func() (*PathItem, error)) (*PathItem, error) {
	left, err := operand()
	for err == nil && p.op(op) {
		if !pathPredicate(left) {
			return nil, p.unexpected()
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		var right *PathItem
		if right, err = operand(); err != nil {
			return nil, err
		}
		if !pathPredicate(right) {
			return nil, p.unexpected()
		}
		left = &PathItem{Kind: kind, Left: left, Right: right}
	}
	return left, err
}

var pathComparisons = map[string]PathKind{"==": PathEqual, "!=": PathNotEqual, "<": PathLess, ">": PathGreater, "<=": PathLessOrEqual, ">=": PathGreaterOrEqual}

// comparison reads an expression, or a predicate that begins with one.
func (p *pathParser) comparison() (*PathItem, error) {
	if p.op("!") {
		return p.not()
	}
	left, err := p.additive()
	if err != nil {
		return nil, err
	}
	kind, compares := pathComparisons[p.tok.text]
	switch {
	case p.tok.kind == pathOperator && compares:
	case p.keyword("starts"):
		kind = PathStartsWith
	case p.keyword("like_regex"):
		kind = PathLikeRegex
	default:
		return left, nil
	}
	if pathPredicate(left) {
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch kind {
	case PathStartsWith:
		return p.startsWith(left)
	case PathLikeRegex:
		return p.likeRegex(left)
	}
	right, err := p.additive()
	if err != nil {
		return nil, err
	}
	if pathPredicate(right) {
		return nil, p.unexpected()
	}
	return &PathItem{Kind: kind, Left: left, Right: right}, nil
}

func (p *pathParser) not() (*PathItem, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	var inner *PathItem
	var err error
	switch {
	case p.op("("):
		inner, err = p.parenthesized()
	case p.keyword("exists"):
		inner, err = p.exists()
	default:
		return nil, p.unexpected()
	}
	if err != nil {
		return nil, err
	}
	if !pathPredicate(inner) {
		return nil, p.unexpected()
	}
	return &PathItem{Kind: PathNot, Left: inner}, nil
}

func (p *pathParser) startsWith(left *PathItem) (*PathItem, error) {
	if !p.keyword("with") {
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	right := &PathItem{Kind: PathString, Text: p.tok.text}
	switch p.tok.kind {
	case pathQuoted:
	case pathVariableName:
		right.Kind = PathVariable
	default:
		return nil, p.unexpected()
	}
	return &PathItem{Kind: PathStartsWith, Left: left, Right: right}, p.advance()
}

func (p *pathParser) likeRegex(left *PathItem) (*PathItem, error) {
	if p.tok.kind != pathQuoted {
		return nil, p.unexpected()
	}
	i := &PathItem{Kind: PathLikeRegex, Left: left, Text: p.tok.text}
	if err := p.advance(); err != nil {
		return nil, err
	}
	flags := ""
	if p.keyword("flag") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind != pathQuoted {
			return nil, p.unexpected()
		}
		flags = p.tok.text
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	return i, i.compileLikeRegex(flags)
}

func (p *pathParser) exists() (*PathItem, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	inner, err := p.additive()
	if err != nil {
		return nil, err
	}
	if pathPredicate(inner) {
		return nil, p.unexpected()
	}
	return &PathItem{Kind: PathExists, Left: inner}, p.expect(")")
}

func (p *pathParser) additive() (*PathItem, error) {
	return p.arithmetic(map[string]PathKind{"+": PathAdd, "-": PathSub}, p.multiplicative)
}

func (p *pathParser) multiplicative() (*PathItem, error) {
	return p.arithmetic(map[string]PathKind{"*": PathMul, "/": PathDiv, "%": PathMod}, p.sign)
}

func (p *pathParser) arithmetic(ops map[string]PathKind, operand func() (*PathItem, error)) (*PathItem, error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for p.tok.kind == pathOperator {
		kind, ok := ops[p.tok.text]
		if !ok {
			break
		}
		if pathPredicate(left) {
			return nil, p.unexpected()
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := operand()
		if err != nil {
			return nil, err
		}
		if pathPredicate(right) {
			return nil, p.unexpected()
		}
		left = &PathItem{Kind: kind, Left: left, Right: right}
	}
	return left, nil
}

// sign reads + and -, which are folded into a number.
func (p *pathParser) sign() (*PathItem, error) {
	kind := PathPlus
	switch {
	case p.op("-"):
		kind = PathMinus
	case !p.op("+"):
		return p.accessed()
	}
	if p.depth++; p.depth > maxPathDepth {
		return nil, tooDeepPath()
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	operand, err := p.sign()
	if err != nil {
		return nil, err
	}
	switch {
	case pathPredicate(operand):
		return nil, p.unexpected()
	case operand.Kind != PathNumber || operand.Next != nil:
		return &PathItem{Kind: kind, Left: operand}, nil
	case kind == PathMinus:
		return &PathItem{Kind: PathNumber, Num: operand.Num.Neg()}, nil
	}
	return operand, nil
}

func tooDeepPath() error {
	return sqlerr.Errorf(sqlerr.StatementTooComplex, "stack depth limit exceeded").WithHint("Write a jsonpath of fewer levels.")
}

// parenthesized reads "(" and what it holds.
func (p *pathParser) parenthesized() (*PathItem, error) {
	if p.depth++; p.depth > maxPathDepth {
		return nil, tooDeepPath()
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	inner, err := p.or()
	if err != nil {
		return nil, err
	}
	return inner, p.expect(")")
}

// accessed reads a primary and its accessors.
func (p *pathParser) accessed() (*PathItem, error) {
	var first *PathItem
	var err error
	switch {
	case p.op("("):
		if first, err = p.parenthesized(); err != nil {
			return nil, err
		}
		if p.keyword("is") && pathPredicate(first) {
			if err := p.advance(); err != nil {
				return nil, err
			}
			if !p.keyword("unknown") {
				return nil, p.unexpected()
			}
			return &PathItem{Kind: PathIsUnknown, Left: first}, p.advance()
		}
	case p.keyword("exists"):
		return p.exists()
	default:
		if first, err = p.primary(); err != nil {
			return nil, err
		}
	}
	end := first
	for end.Next != nil {
		end = end.Next
	}
	for {
		accessor, err := p.accessor()
		if err != nil || accessor == nil {
			return first, err
		}
		end.Next = accessor
		end = accessor
	}
}

func (p *pathParser) primary() (*PathItem, error) {
	i := &PathItem{Text: p.tok.text}
	switch {
	case p.tok.kind == pathQuoted:
		i.Kind = PathString
	case p.tok.kind == pathVariableName:
		i.Kind = PathVariable
	case p.tok.kind == pathInt || p.tok.kind == pathNumeric:
		n, err := ParseDecimal(p.tok.text)
		if err != nil {
			return nil, err
		}
		i.Kind, i.Num, i.Text = PathNumber, n, ""
	case p.keyword("null"):
		i.Kind = PathNull
	case p.keyword("true"), p.keyword("false"):
		i.Kind, i.Bool = PathBool, p.tok.text == "true"
	case p.keyword("last"):
		i.Kind = PathLast
	case p.op("$"):
		i.Kind = PathRoot
	case p.op("@"):
		i.Kind = PathCurrent
	default:
		return nil, p.unexpected()
	}
	return i, p.advance()
}

// accessor reads what follows an item, nil where nothing does.
func (p *pathParser) accessor() (*PathItem, error) {
	switch {
	case p.op("."):
		if err := p.advance(); err != nil {
			return nil, err
		}
		return p.member()
	case p.op("["):
		if err := p.advance(); err != nil {
			return nil, err
		}
		return p.subscripts()
	case p.op("?"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		if err := p.expect("("); err != nil {
			return nil, err
		}
		condition, err := p.or()
		if err != nil {
			return nil, err
		}
		if !pathPredicate(condition) {
			return nil, p.unexpected()
		}
		return &PathItem{Kind: PathFilter, Left: condition}, p.expect(")")
	}
	return nil, nil
}

var pathMethods = map[string]PathKind{"abs": PathAbs, "size": PathSize, "type": PathType, "floor": PathFloor, "double": PathDouble,
	"ceiling": PathCeiling, "datetime": PathDatetime, "keyvalue": PathKeyValue}

// member reads what follows a dot.
func (p *pathParser) member() (*PathItem, error) {
	name := p.tok
	switch {
	case p.op("*"):
		return &PathItem{Kind: PathAnyKey}, p.advance()
	case p.op("**"):
		return p.levels()
	case name.kind != pathWord && name.kind != pathQuoted && name.kind != pathKeyword:
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if !p.op("(") {
		return &PathItem{Kind: PathKey, Text: name.text}, nil
	}
	method, ok := pathMethods[strings.ToLower(name.text)]
	if !ok || name.kind != pathKeyword {
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	i := &PathItem{Kind: method}
	if method == PathDatetime && p.tok.kind == pathQuoted {
		i.Left = &PathItem{Kind: PathString, Text: p.tok.text}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	return i, p.expect(")")
}

// levels reads ** and its bounds.
func (p *pathParser) levels() (*PathItem, error) {
	i := &PathItem{Kind: PathAny, Last: PathLastLevel}
	if err := p.advance(); err != nil || !p.op("{") {
		return i, err
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	var err error
	if i.First, err = p.level(); err != nil {
		return nil, err
	}
	i.Last = i.First
	if p.keyword("to") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if i.Last, err = p.level(); err != nil {
			return nil, err
		}
	}
	return i, p.expect("}")
}

func (p *pathParser) level() (uint32, error) {
	switch {
	case p.keyword("last"):
		return PathLastLevel, p.advance()
	case p.tok.kind != pathInt:
		return 0, p.unexpected()
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(p.tok.text, "_", ""), 0, 32)
	if err != nil {
		return 0, sqlerr.Errorf(sqlerr.NumericValueOutOfRange, "value \"%s\" is out of range for type integer", p.tok.text)
	}
	return uint32(n), p.advance()
}

func (p *pathParser) subscripts() (*PathItem, error) {
	if p.op("*") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		return &PathItem{Kind: PathAnyArray}, p.expect("]")
	}
	i := &PathItem{Kind: PathIndex}
	for {
		var s PathSubscript
		var err error
		if s.From, err = p.subscript(); err != nil {
			return nil, err
		}
		if p.keyword("to") {
			if err := p.advance(); err != nil {
				return nil, err
			}
			if s.To, err = p.subscript(); err != nil {
				return nil, err
			}
		}
		i.Subscripts = append(i.Subscripts, s)
		if !p.op(",") {
			return i, p.expect("]")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

func (p *pathParser) subscript() (*PathItem, error) {
	i, err := p.additive()
	if err == nil && pathPredicate(i) {
		return nil, p.unexpected()
	}
	return i, err
}
