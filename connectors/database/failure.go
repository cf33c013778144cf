package database

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// failure words what the server, or the way to it, says. doing is a gerund and its
// object. What passes by itself, an outage, a restart, too many connections, is a
// connection failure.
func (c *config) failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	var of *sqlerr.Error
	if errors.As(err, &of) {
		return err
	}
	f := c.server.dialect.fault(err)
	if f == nil {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "%s: lost %s: %w", doing, c.server, err).
			WithHint("Check that the server runs and that its host and port are reached from here.")
	}
	if f.passes {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "%s: %s: %s: %w", doing, c.server, f.message, plain{err, f.code})
	}
	e := sqlerr.Errorf(f.code, "%s: %s: %s", doing, c.server, f.message)
	e.Detail, e.Hint = f.detail, f.hint
	e.Schema, e.Table, e.Column, e.Constraint = f.schema, f.table, f.column, f.constraint
	if f.code == sqlerr.UndefinedColumn {
		e.Hint = strings.TrimSpace(e.Hint + " " + c.columnGone())
	}
	if e.Hint != "" {
		return e
	}
	switch f.code {
	case sqlerr.InsufficientPrivilege:
		e.Hint = fmt.Sprintf("Grant it to %q there, or connect as another user.", c.server.user)
	case sqlerr.UndefinedTable:
		e.Hint = "Create it there, or name another one in table; a sink makes it with create = 'true'."
	}
	return e
}

// columnGone says what to do about a column that the server does not have, or not any more.
func (c *config) columnGone() string {
	if c.query != "" {
		return fmt.Sprintf("Bring the column back there, or create stream %q again with a query over columns that there are.", c.rel.Name)
	}
	return fmt.Sprintf("Bring the column back into %s, or create %q again with the columns that there are.", c.subject(), c.rel.Name)
}

// unreachable words why there is no connection: where no server answers, as any other
// system that is not reached.
func (c *config) unreachable(err error) error {
	var of *sqlerr.Error
	if errors.Is(err, context.Canceled) || errors.As(err, &of) || c.server.dialect.fault(err) != nil {
		return c.failure("connecting", err)
	}
	return sqlerr.Errorf(sqlerr.UnableToEstablishConnection, "could not connect to %s: %w", c.server, err).
		WithHint("Check that the server runs and that its host and port are reached from here.")
}

// plain keeps a server's error to be found, and does not repeat its text.
type plain struct {
	of   error
	code sqlerr.Code
}

func (p plain) Error() string { return "SQLSTATE " + string(p.code) }
func (p plain) Unwrap() error { return p.of }

// faultOfRows reports whether a server's error is about the rows it was given.
func faultOfRows(code sqlerr.Code) bool {
	switch code[:min(2, len(code))] {
	case "22", "23", "44":
		return true
	}
	switch code {
	case sqlerr.CardinalityViolation: // two keys are one there, however they are written here
		return true
	}
	return code == "P0001" // a trigger's
}
