// Package sqlerr carries errors that a client should understand: a SQLSTATE,
// PostgreSQL's own wording, and, where there is one, a hint that says what to
// write instead. Everything else that reaches a client becomes XX000.
package sqlerr

import (
	"context"
	"errors"
	"fmt"
)

// Code is a five-character SQLSTATE.
type Code string

// Error is an error with a SQLSTATE. Position counts characters of the
// statement's text from 1; 0 is no position.
type Error struct {
	Code     Code
	Severity string // "" is ERROR; FATAL closes the connection
	Message  string
	Detail   string
	Hint     string
	Where    string
	Position int

	Schema, Table, Column, DataType, Constraint string

	// Routine is PostgreSQL's function that says so, where clients go by it.
	Routine string

	cause error
}

// Errorf returns an Error. A %w verb keeps its operand reachable by errors.Is
// and errors.As.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Unsupported is 0A000. hint says what to write instead and may not be empty.
func Unsupported(hint, format string, args ...any) *Error {
	return Errorf(FeatureNotSupported, format, args...).WithHint("%s", hint)
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.cause }

// At sets the position, in characters from 1, unless one is set already: the
// innermost place is the one the user can act on.
func (e *Error) At(pos int) *Error {
	if e.Position == 0 {
		e.Position = pos
	}
	return e
}

// WithHint sets the hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithDetail sets the detail.
func (e *Error) WithDetail(format string, args ...any) *Error {
	e.Detail = fmt.Sprintf(format, args...)
	return e
}

// Fatal marks the error as one after which the server closes the connection.
func (e *Error) Fatal() *Error {
	e.Severity = "FATAL"
	return e
}

// From returns the Error in err's chain, and makes one where there is none:
// 57014 for a cancelled context, the SQLSTATE that an error below this package's
// floor gives by a method of that name, XX000 otherwise. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: QueryCanceled, Message: "canceling statement due to statement timeout", cause: err}
	case errors.Is(err, context.Canceled):
		return &Error{Code: QueryCanceled, Message: "canceling statement due to user request", cause: err}
	}
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		return &Error{Code: Code(s.SQLState()), Message: err.Error(), cause: err}
	}
	return &Error{Code: InternalError, Message: err.Error(), cause: err}
}

// CodeOf returns the SQLSTATE that From(err) carries, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return From(err).Code
}
