package function

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// PostgreSQL's advanced regular expressions run on RE2 here: the pattern is
// rewritten to RE2's syntax, and matches are leftmost-longest as PostgreSQL's
// are, unless a quantifier asks for the shortest. What RE2 has not (look-around,
// back references) is 0A000.

// regexFlags are the options of a function's flags argument.
type regexFlags struct {
	icase    bool // i
	newline  bool // n, m: ^ and $ at each line, . and [^ do not match a newline
	partial  bool // p: only . and [^
	weird    bool // w: only ^ and $
	expanded bool // x
	literal  bool // q
	global   bool // g
}

func parseRegexFlags(s string, global bool) (f regexFlags, err error) {
	for _, c := range s {
		switch c {
		case 'i':
			f.icase = true
		case 'c':
			f.icase = false
		case 'n', 'm':
			f.newline = true
		case 'p':
			f.partial = true
		case 'w':
			f.weird = true
		case 's':
			f.newline = false
		case 'x':
			f.expanded = true
		case 'q':
			f.literal = true
		case 't':
			f.expanded = false
		case 'g':
			if !global {
				return f, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid regular expression option: \"%c\"", c)
			}
			f.global = true
		default:
			return f, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid regular expression option: \"%c\"", c)
		}
	}
	return f, nil
}

// regexCache keeps compiled patterns, since most are the same for every row.
var regexCache = struct {
	sync.RWMutex
	m map[regexKey]*regexp.Regexp
}{m: map[regexKey]*regexp.Regexp{}}

type regexKey struct {
	pattern string
	flags   regexFlags
}

const maxCachedRegexes = 1024

// compileRegex compiles a pattern as PostgreSQL reads it.
func compileRegex(pattern string, flags regexFlags) (*regexp.Regexp, error) {
	key := regexKey{pattern, flags}
	regexCache.RLock()
	re := regexCache.m[key]
	regexCache.RUnlock()
	if re != nil {
		return re, nil
	}
	t := regexTranslator{in: pattern, flags: flags}
	translated, err := t.translate()
	if err != nil {
		return nil, err
	}
	re, err = regexp.Compile(translated)
	if err != nil {
		return nil, regexError(err)
	}
	if !t.shortest {
		re.Longest()
	}
	regexCache.Lock()
	defer regexCache.Unlock()
	if len(regexCache.m) >= maxCachedRegexes {
		clear(regexCache.m)
	}
	key.pattern = strings.Clone(pattern)
	regexCache.m[key] = re
	return re, nil
}

// regexError words RE2's complaint as PostgreSQL does.
func regexError(err error) error {
	message := err.Error()
	if e := (*syntax.Error)(nil); errors.As(err, &e) {
		switch e.Code {
		case syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
			message = "parentheses () not balanced"
		case syntax.ErrMissingBracket:
			message = "brackets [] not balanced"
		case syntax.ErrMissingRepeatArgument, syntax.ErrInvalidRepeatOp:
			message = "quantifier operand invalid"
		case syntax.ErrInvalidRepeatSize:
			message = "invalid repetition count(s)"
		case syntax.ErrInvalidEscape, syntax.ErrTrailingBackslash:
			message = `invalid escape \ sequence`
		case syntax.ErrInvalidCharRange:
			message = "invalid character range"
		case syntax.ErrInvalidCharClass:
			message = "invalid character class"
		case syntax.ErrLarge, syntax.ErrNestingDepth:
			message = "regular expression is too complex"
		}
	}
	return invalidRegex(message)
}

func invalidRegex(message string) error {
	return sqlerr.Errorf(sqlerr.InvalidRegularExpression, "invalid regular expression: %s", message)
}

// regexTranslator rewrites one pattern.
type regexTranslator struct {
	in        string
	at        int
	out       strings.Builder
	flags     regexFlags
	shortest  bool // a non-greedy quantifier came first
	greedy    bool // a greedy one did
	groups    int  // that capture, so far
	inBracket bool
}

func (t *regexTranslator) translate() (string, error) {
	t.director()
	prefix := "(?s)"
	switch {
	case t.flags.newline:
		prefix = "(?m)"
	case t.flags.weird:
		prefix = "(?ms)"
	case t.flags.partial:
		prefix = ""
	}
	if t.flags.icase {
		prefix += "(?i)"
	}
	t.out.WriteString(prefix)
	if t.flags.literal {
		return prefix + regexp.QuoteMeta(t.in[t.at:]), nil
	}
	for t.at < len(t.in) {
		if err := t.one(); err != nil {
			return "", err
		}
	}
	return t.out.String(), nil
}

// director reads ***=, ***: and embedded options at the beginning.
func (t *regexTranslator) director() {
	switch {
	case strings.HasPrefix(t.in, "***="):
		t.flags.literal, t.at = true, 4
		return
	case strings.HasPrefix(t.in, "***:"):
		t.at = 4
	}
	rest := t.in[t.at:]
	if !strings.HasPrefix(rest, "(?") {
		return
	}
	end := strings.IndexByte(rest, ')')
	if end < 0 {
		return
	}
	if f, err := parseRegexFlags(rest[2:end], false); err == nil && end > 2 {
		global := t.flags.global
		icase := t.flags.icase && !strings.Contains(rest[2:end], "c")
		t.flags = f
		t.flags.global, t.flags.icase = global, f.icase || icase
		t.at += end + 1
	}
}

// one rewrites the next piece.
func (t *regexTranslator) one() error {
	switch c := t.in[t.at]; c {
	case '\\':
		return t.escape()
	case '[':
		return t.bracket()
	case '(':
		return t.group()
	case '*', '+', '?':
		t.at++
		t.out.WriteByte(c)
		t.quantified()
	case '{':
		return t.bound()
	case ' ', '\t', '\n', '\r', '#':
		if t.flags.expanded {
			t.skip()
			return nil
		}
		t.at++
		t.out.WriteByte(c)
	default:
		_, size := utf8.DecodeRuneInString(t.in[t.at:])
		t.out.WriteString(t.in[t.at : t.at+size])
		t.at += size
	}
	return nil
}

// skip passes white space and comments of the expanded syntax.
func (t *regexTranslator) skip() {
	if t.in[t.at] != '#' {
		t.at++
		return
	}
	if end := strings.IndexByte(t.in[t.at:], '\n'); end >= 0 {
		t.at += end + 1
		return
	}
	t.at = len(t.in)
}

// quantified notes whether the quantifier just passed is greedy: the first one
// decides for the whole expression.
func (t *regexTranslator) quantified() {
	if t.at < len(t.in) && t.in[t.at] == '?' {
		t.at++
		t.out.WriteByte('?')
		t.shortest = t.shortest || !t.greedy
		return
	}
	t.greedy = t.greedy || !t.shortest
}

// bound is {m}, {m,} or {m,n}; another brace stands for itself.
func (t *regexTranslator) bound() error {
	end := t.at + 1
	for end < len(t.in) && (t.in[end] >= '0' && t.in[end] <= '9' || t.in[end] == ',') {
		end++
	}
	if end == t.at+1 || end == len(t.in) || t.in[end] != '}' {
		t.out.WriteString(`\{`)
		t.at++
		return nil
	}
	if t.at == 0 || t.in[t.at-1] == '(' || t.in[t.at-1] == '|' {
		return invalidRegex("quantifier operand invalid")
	}
	if strings.Count(t.in[t.at:end], ",") > 1 || t.in[t.at+1] == ',' {
		return invalidRegex("invalid repetition count(s)")
	}
	t.out.WriteString(t.in[t.at : end+1])
	t.at = end + 1
	t.quantified()
	return nil
}

func (t *regexTranslator) group() error {
	rest := t.in[t.at:]
	switch {
	case strings.HasPrefix(rest, "(?:"):
		t.out.WriteString("(?:")
		t.at += 3
		return nil
	case strings.HasPrefix(rest, "(?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return invalidRegex("parentheses () not balanced")
		}
		t.at += end + 1
		return nil
	case strings.HasPrefix(rest, "(?=") || strings.HasPrefix(rest, "(?!") || strings.HasPrefix(rest, "(?<"):
		return sqlerr.Unsupported("Match the text around it too, and take the part that is wanted with a group, or combine two conditions.",
			"look-around in regular expressions is not supported")
	case strings.HasPrefix(rest, "(?"):
		return invalidRegex("quantifier operand invalid")
	}
	t.out.WriteByte('(')
	t.at++
	t.groups++
	return nil
}

// escape rewrites what follows a backslash.
func (t *regexTranslator) escape() error {
	if t.at+1 == len(t.in) {
		return invalidRegex(`invalid escape \ sequence`)
	}
	c := t.in[t.at+1]
	t.at += 2
	switch c {
	case 'w':
		t.class(regexClasses["word"], false)
	case 'W':
		t.class(regexClasses["word"], true)
	case 'd', 'D', 's', 'S', 'a', 'f', 'n', 'r', 't', 'v', 'A':
		t.out.WriteByte('\\')
		t.out.WriteByte(c)
	case 'Z':
		t.out.WriteString(`\z`)
	case 'y':
		t.out.WriteString(`\b`)
	case 'Y':
		t.out.WriteString(`\B`)
	case 'm', 'M':
		return t.wordEdge(c)
	case 'b':
		t.out.WriteString(`\x08`)
	case 'B':
		t.out.WriteString(`\\`)
	case 'e':
		t.out.WriteString(`\x1b`)
	case '0':
		t.out.WriteString(`\x00`)
	case 'u', 'U':
		n := 4
		if c == 'U' {
			n = 8
		}
		if t.at+n > len(t.in) {
			return invalidRegex(`invalid escape \ sequence`)
		}
		t.out.WriteString(`\x{` + t.in[t.at:t.at+n] + `}`)
		t.at += n
	case 'x':
		end := t.at
		for end < len(t.in) && strings.IndexByte("0123456789abcdefABCDEF", t.in[end]) >= 0 {
			end++
		}
		t.out.WriteString(`\x{` + t.in[t.at:end] + `}`)
		t.at = end
	default:
		switch {
		case c >= '1' && c <= '9' && int(c-'0') > t.groups:
			return invalidRegex("invalid backreference number")
		case c >= '1' && c <= '9':
			return sqlerr.Unsupported("Compare the two parts after taking them with regexp_match.", "back references in regular expressions are not supported")
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			return invalidRegex(`invalid escape \ sequence`)
		}
		t.at--
		_, size := utf8.DecodeRuneInString(t.in[t.at:])
		t.out.WriteString(regexp.QuoteMeta(t.in[t.at : t.at+size]))
		t.at += size
	}
	return nil
}

// class writes a class of characters, or those outside it.
func (t *regexTranslator) class(set string, not bool) {
	switch {
	case not && t.inBracket:
		t.out.WriteString(`\W`) // RE2 cannot nest the complement of a set
	case not:
		t.out.WriteString("[^" + set + "]")
	case t.inBracket:
		t.out.WriteString(set)
	default:
		t.out.WriteString("[" + set + "]")
	}
}

// regexClasses are the named classes, to stand between brackets: of all
// characters, as in PostgreSQL, and not of ASCII alone.
var regexClasses = map[string]string{
	"alpha": `\p{L}\p{M}\p{Nl}`, "alnum": `\p{L}\p{M}\p{N}`, "word": `\p{L}\p{M}\p{N}_`, "upper": `\p{Lu}\p{Lt}`, "lower": `\p{Ll}`,
	"digit": `0-9`, "xdigit": `0-9A-Fa-f`, "space": `\s\v\p{Z}`, "blank": ` \t\p{Zs}`, "cntrl": `\p{Cc}`, "punct": `\p{P}\p{S}`,
	"graph": `\p{L}\p{M}\p{N}\p{P}\p{S}`, "print": `\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}`, "ascii": `\x00-\x7f`,
}

// wordEdge is \m or \M. RE2 knows only an edge of either kind, which is the
// same where a word character stands on the inner side.
func (t *regexTranslator) wordEdge(c byte) error {
	inner := t.in[t.at:]
	if c == 'M' {
		inner = t.in[:t.at-2]
		if inner != "" && isWordByte(inner[len(inner)-1]) && !strings.HasSuffix(inner[:len(inner)-1], `\`) || strings.HasSuffix(inner, `\w`) || strings.HasSuffix(inner, `\w+`) || strings.HasSuffix(inner, `\d`) || strings.HasSuffix(inner, `\d+`) {
			t.out.WriteString(`\b`)
			return nil
		}
	} else if inner != "" && isWordByte(inner[0]) || strings.HasPrefix(inner, `\w`) || strings.HasPrefix(inner, `\d`) {
		t.out.WriteString(`\b`)
		return nil
	}
	return sqlerr.Unsupported(`Write \y, or put a word character beside it.`, `\%c in a regular expression is supported only beside a word character`, c)
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// bracket copies a bracket expression, in which RE2 gives some characters
// another meaning.
func (t *regexTranslator) bracket() error {
	rest := t.in[t.at:]
	for _, edge := range []string{"[[:<:]]", "[[:>:]]"} {
		if strings.HasPrefix(rest, edge) {
			t.out.WriteString(`\b`)
			t.at += len(edge)
			return nil
		}
	}
	start := t.at
	t.inBracket = true
	defer func() { t.inBracket = false }()
	t.out.WriteByte('[')
	t.at++
	if t.at < len(t.in) && t.in[t.at] == '^' {
		t.out.WriteByte('^')
		t.at++
		if t.flags.newline || t.flags.partial {
			t.out.WriteString(`\n`)
		}
	}
	for first := true; t.at < len(t.in); first = false {
		c := t.in[t.at]
		switch {
		case c == ']' && !first:
			t.out.WriteByte(']')
			t.at++
			return nil
		case c == '[' && t.at+1 < len(t.in) && t.in[t.at+1] == ':':
			end := strings.Index(t.in[t.at:], ":]")
			if end < 0 {
				return invalidRegex("brackets [] not balanced")
			}
			class, ok := regexClasses[t.in[t.at+2:t.at+end]]
			if !ok {
				return invalidRegex("invalid character class")
			}
			t.out.WriteString(class)
			t.at += end + 2
		case c == '[' && t.at+1 < len(t.in) && (t.in[t.at+1] == '.' || t.in[t.at+1] == '='):
			return sqlerr.Unsupported("Write the characters themselves.", "collating elements in regular expressions are not supported")
		case c == '\\':
			if err := t.escape(); err != nil {
				return err
			}
		case c == '[' || c == ']' || c == '&' || c == '~':
			t.out.WriteByte('\\')
			t.out.WriteByte(c)
			t.at++
		default:
			_, size := utf8.DecodeRuneInString(t.in[t.at:])
			t.out.WriteString(t.in[t.at : t.at+size])
			t.at += size
		}
	}
	t.at = start
	return invalidRegex("brackets [] not balanced")
}

// similarToRegex rewrites a SIMILAR TO pattern. escape "" has no escape
// character.
func similarToRegex(pattern, escape string) (string, error) {
	if utf8.RuneCountInString(escape) > 1 {
		return "", sqlerr.Errorf(sqlerr.InvalidEscapeSequence, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	var b strings.Builder
	b.WriteString("^(?:")
	inBracket := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case escape != "" && strings.HasPrefix(pattern[i:], escape) && i+len(escape) < len(pattern):
			i += len(escape)
			_, size := utf8.DecodeRuneInString(pattern[i:])
			b.WriteString(regexp.QuoteMeta(pattern[i : i+size]))
			i += size - 1
		case inBracket:
			if c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
			inBracket = c != ']'
		case c == '[':
			b.WriteByte(c)
			inBracket = true
		case c == '%':
			b.WriteString(".*")
		case c == '_':
			b.WriteByte('.')
		case c == '(':
			b.WriteString("(?:")
		case c == '\\' || c == '.' || c == '^' || c == '$':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteString(")$")
	return b.String(), nil
}
