package sqlerr

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// ownState is an error of a package that cannot import this one.
type ownState struct{}

func (ownState) Error() string    { return "no room" }
func (ownState) SQLState() string { return "53100" }

func TestFrom(t *testing.T) {
	for _, c := range []struct {
		err  error
		code Code
	}{
		{nil, ""},
		{errors.New("x"), InternalError},
		{fmt.Errorf("doing: %w", Errorf(UndefinedTable, "x")), UndefinedTable},
		{fmt.Errorf("doing: %w", context.Canceled), QueryCanceled},
		{fmt.Errorf("doing: %w", context.DeadlineExceeded), QueryCanceled},
		{fmt.Errorf("doing: %w", ownState{}), DiskFull},
	} {
		if got := CodeOf(c.err); got != c.code {
			t.Errorf("CodeOf(%v) = %q, want %q", c.err, got, c.code)
		}
	}
	if e := From(fmt.Errorf("doing: %w", ownState{})); e.Message != "doing: no room" || !errors.Is(e, ownState{}) {
		t.Errorf("From keeps %q, want the whole text and the cause", e.Message)
	}
}
