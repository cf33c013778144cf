package parse

import (
	"regexp"
	"strings"

	"github.com/pganalyze/pg_query_go/v5/parser"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// states are the SQLSTATEs of those errors of PostgreSQL's scanner and grammar
// that are not syntax errors, by how the message begins or ends: the parser's
// binding passes messages on without their states.
var states = []struct {
	prefix, suffix string
	code           sqlerr.Code
}{
	{"memory exhausted", "", sqlerr.StatementTooComplex},
	{"stack depth limit exceeded", "", sqlerr.StatementTooComplex},
	{"UNENCRYPTED PASSWORD", "no longer supported", sqlerr.FeatureNotSupported},
	{"CREATE SCHEMA IF NOT EXISTS cannot include", "", sqlerr.FeatureNotSupported},
	{"current database cannot be changed", "", sqlerr.FeatureNotSupported},
	{"", "not yet implemented", sqlerr.FeatureNotSupported},
	{"a column list with", "only supported for ON DELETE actions", sqlerr.FeatureNotSupported},
	{"CREATE EXTENSION ... FROM", "", sqlerr.FeatureNotSupported},
	{"CREATE OR REPLACE CONSTRAINT TRIGGER", "", sqlerr.FeatureNotSupported},
	{"RECHECK is no longer required", "", sqlerr.FeatureNotSupported},
	{"aggregates cannot have output arguments", "", sqlerr.FeatureNotSupported},
	{"WITH CHECK OPTION not supported", "", sqlerr.FeatureNotSupported},
	{"an ordered-set aggregate with a VARIADIC", "", sqlerr.FeatureNotSupported},
	{"", "constraints cannot be marked DEFERRABLE", sqlerr.FeatureNotSupported},
	{"", "constraints cannot be marked NOT VALID", sqlerr.FeatureNotSupported},
	{"", "constraints cannot be marked NO INHERIT", sqlerr.FeatureNotSupported},
	{"unsafe use of string constant with Unicode escapes", "", sqlerr.FeatureNotSupported},
	{"column number must be in range", "", sqlerr.InvalidParameterValue},
	{"precision for type float", "", sqlerr.InvalidParameterValue},
	{"unrecognized partitioning strategy", "", sqlerr.InvalidParameterValue},
	{"modulus for hash partition", "", sqlerr.DuplicateObject},
	{"remainder for hash partition", "", sqlerr.DuplicateObject},
	{"frame start", "", sqlerr.WindowingError},
	{"frame end", "", sqlerr.WindowingError},
	{"role name", "is reserved", sqlerr.ReservedName},
	{"", "cannot be used as a role name here", sqlerr.ReservedName},
	{"invalid Unicode escape character", "", sqlerr.SyntaxError},
	{"invalid Unicode escape value", "", sqlerr.SyntaxError},
	{"invalid Unicode escape", "", sqlerr.InvalidEscapeSequence},
	{"unsafe use of \\'", "", nonstandardEscape},
	{"invalid byte sequence for encoding", "", sqlerr.CharacterNotInRepertoire},
}

// nonstandardEscape is nonstandard_use_of_escape_character.
const nonstandardEscape sqlerr.Code = "22P06"

// stateOf returns the SQLSTATE of an error of PostgreSQL's parser.
func stateOf(message string) sqlerr.Code {
	message, _, _ = strings.Cut(message, " at or near ")
	for _, s := range states {
		if strings.HasPrefix(message, s.prefix) && strings.HasSuffix(message, s.suffix) {
			return s.code
		}
	}
	return sqlerr.SyntaxError
}

// fromPostgres makes the client's error of one of PostgreSQL's parser over the
// text prefix + body + suffix, where body is what became of the unit's text
// from byte base on. An error at what the unit changed or blanked names what
// the client wrote there.
func (u *unit) fromPostgres(e *parser.Error, prefix, body string, base int) *sqlerr.Error {
	err := sqlerr.Errorf(stateOf(e.Message), "%s", e.Message)
	if err.Code == sqlerr.StatementTooComplex {
		err = err.WithHint("%s", tooDeep)
	}
	if e.Message == "LIMIT #,# syntax is not supported" {
		err = err.WithHint("Use separate LIMIT and OFFSET clauses.")
	}
	if e.Cursorpos <= 0 {
		return err
	}
	at := byteOf(body, e.Cursorpos-1-runes(prefix))
	if i := u.after(base+at+1) - 1; err.Code == sqlerr.InvalidEscapeSequence && i >= 0 && strings.IndexByte("uU", u.text[u.start(i)]) >= 0 {
		err.Code = sqlerr.SyntaxError // in U&'', where E'' has a state of its own
	}
	if e.Message == "invalid Unicode escape" {
		hint := `Unicode escapes must be \uXXXX or \UXXXXXXXX.`
		if err.Code == sqlerr.SyntaxError {
			hint = `Unicode escapes must be \XXXX or \+XXXXXX.`
		}
		err = err.WithHint("%s", hint)
	}
	if !strings.HasPrefix(e.Message, "syntax error at ") {
		return err.At(u.src.Char(base + at))
	}
	i := u.after(base + at)
	changed := at >= len(body) || i >= len(u.list) || !strings.HasPrefix(body[at:], u.at(i))
	if u.err != nil && i < len(u.list) && u.err.Position == u.src.Char(u.start(i)) {
		return u.err // what follows a clause is wrong, not the clause
	}
	first := i
	for first > 0 && u.start(first-1) >= base && u.takenOut(first-1, body[u.start(first-1)-base]) {
		first--
	}
	if first < i && (first == 0 || !u.endsOperand(first-1)) {
		return u.syntaxError(first) // the clause stands where an operand is due
	}
	if !changed {
		return err.At(u.src.Char(base + at))
	}
	return u.syntaxError(i)
}

// takenOut reports whether token i, which now begins with the byte c, was blanked
// as a clause that PostgreSQL has not.
func (u *unit) takenOut(i int, c byte) bool { return c == ' ' && u.body[u.start(i)] != ' ' }

// literal is the form of a numeric literal.
var literal = regexp.MustCompile(`^(0[xX](_?[0-9a-fA-F])+|0[oO](_?[0-7])+|0[bB](_?[01])+|(\d(_?\d)*(\.(\d(_?\d)*)?)?|\.\d(_?\d)*)([eE][-+]?\d(_?\d)*)?)$`)

// bases names the integers that a prefix without digits begins.
var bases = map[string]string{"0x": "hexadecimal", "0o": "octal", "0b": "binary"}

// checkJunk refuses letters run together with a number or parameter. The
// binding's scanner reads some of these as a number and a name, and names less of
// others, than PostgreSQL's does.
func (u *unit) checkJunk() {
	for i, t := range u.list {
		s := u.at(i)
		switch {
		case t.kind == broken && len(s) > 1 && s[0] == '$' && isDigit(s[1]):
			u.fail(u.nearError("trailing junk after parameter", i))
		case t.kind == number && !literal.MatchString(s):
			if base := bases[strings.ToLower(strings.TrimSuffix(s, "_"))]; base != "" {
				u.fail(u.nearError("invalid "+base+" integer", i))
				continue
			}
			u.fail(u.nearError("trailing junk after numeric literal", i))
		}
	}
}

// nearError is an error at a token, in the words of PostgreSQL's scanner.
func (u *unit) nearError(message string, i int) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.SyntaxError, "%s at or near \"%s\"", message, u.at(i)).At(u.src.Char(u.start(i)))
}

// syntaxError is PostgreSQL's error for a token that no statement has there.
func (u *unit) syntaxError(i int) *sqlerr.Error {
	if i >= len(u.list) {
		return sqlerr.Errorf(sqlerr.SyntaxError, "syntax error at end of input").At(u.src.Char(len(u.text)))
	}
	return u.nearError("syntax error", i)
}
