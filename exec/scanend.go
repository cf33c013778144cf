package exec

import (
	"errors"
	"io"
)

// Errors of systems may have io.EOF among their causes: of a connection that was hung up
// on, of a file that was cut short. That is not the end of a stream, which a reader says
// by io.EOF itself.

// noEnd is an error of which nobody takes io.EOF, among its causes, for the end.
func noEnd(err error) error {
	if err == nil || !errors.Is(err, io.EOF) {
		return err
	}
	return brokenOff{err}
}

type brokenOff struct{ err error }

func (b brokenOff) Error() string        { return b.err.Error() }
func (b brokenOff) As(target any) bool   { return errors.As(b.err, target) }
func (b brokenOff) Is(target error) bool { return target != io.EOF && errors.Is(b.err, target) } //nolint:errorlint // which is the point
