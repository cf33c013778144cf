// Package regex runs PostgreSQL's regular expressions: advanced, extended and
// basic ones, with look-around and back references, and with PostgreSQL's rule
// of what matches: the leftmost text, the longest or the shortest as the
// expression prefers, and within it each part in its turn as it prefers.
//
// An expression is parsed into a tree whose nodes each stand for a regular
// language (tree.go). A node's language becomes an NFA (nfa.go) and a DFA that
// is built as texts need it (dfa.go); those find the whole match. Where groups
// lie in it, and whether back references hold, is found by taking the tree apart
// over the match (dissect.go), which alone may backtrack.
//
// It knows nothing of SQL: the callers word its errors.
package regex

import "errors"

// Error is a complaint about an expression, in PostgreSQL's words.
type Error string

func (e Error) Error() string { return string(e) }

// PostgreSQL's complaints.
const (
	errPattern   Error = "invalid regexp (reg version 0.8)"
	errCollating Error = "invalid collating element"
	errClass     Error = "invalid character class"
	errEscape    Error = `invalid escape \ sequence`
	errReference Error = "invalid backreference number"
	errBrackets  Error = "brackets [] not balanced"
	errParens    Error = "parentheses () not balanced"
	errBraces    Error = "braces {} not balanced"
	errCount     Error = "invalid repetition count(s)"
	errRange     Error = "invalid character range"
	errOperand   Error = "quantifier operand invalid"
	errOption    Error = "invalid embedded option"
	errTooBig    Error = "regular expression is too complex"
)

// ErrSteps is the failure of a match that took more steps than any sensible one.
var ErrSteps = errors.New("regular expression match takes too many steps")
