package database

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

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
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "%s: lost %s: %w", doing, c.server, err).
			WithHint("Check that the server runs and that its host and port are reached from here.")
	}
	if passes(pg) {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "%s: %s: %s: %w", doing, c.server, pg.Message, plain{pg})
	}
	code := sqlerr.Code(pg.Code)
	e := sqlerr.Errorf(code, "%s: %s: %s", doing, c.server, pg.Message)
	e.Detail, e.Hint = pg.Detail, pg.Hint
	e.Schema, e.Table, e.Column, e.Constraint = pg.SchemaName, pg.TableName, pg.ColumnName, pg.ConstraintName
	if e.Hint != "" {
		return e
	}
	switch code {
	case sqlerr.InvalidPassword, sqlerr.InvalidAuthorizationSpec:
		e.Hint = "Check connection.username and connection.password, and the server's pg_hba.conf."
	case sqlerr.InsufficientPrivilege:
		e.Hint = fmt.Sprintf("Grant it to %q there, or connect as another user.", c.server.user)
	case sqlerr.UndefinedTable:
		e.Hint = "Create it there, or name another one in table; a sink makes it with create = 'true'."
	}
	return e
}

// unreachable words why there is no connection: where no server answers, as any other
// system that is not reached.
func (c *config) unreachable(err error) error {
	var pg *pgconn.PgError
	var of *sqlerr.Error
	if errors.Is(err, context.Canceled) || errors.As(err, &of) || errors.As(err, &pg) {
		return c.failure("connecting", err)
	}
	return sqlerr.Errorf(sqlerr.UnableToEstablishConnection, "could not connect to %s: %w", c.server, err).
		WithHint("Check that the server runs and that its host and port are reached from here.")
}

// plain keeps a server's error to be found, and does not repeat its text.
type plain struct{ of *pgconn.PgError }

func (p plain) Error() string { return "SQLSTATE " + p.of.Code }
func (p plain) Unwrap() error { return p.of }

// passes reports whether a server's error is about its state and no fault of what it
// was asked.
func passes(pg *pgconn.PgError) bool {
	switch pg.Code[:min(2, len(pg.Code))] {
	case "08", "53", "57", "58":
		return pg.Code != "57014" && pg.Code != "53400" // a statement_timeout's, a setting that is too low
	case "25":
		return pg.Code == "25P03" || pg.Code == "25P04" // a transaction took too long
	case "40":
		return true // another transaction's doing: deadlock, serialization
	}
	return pg.Code == "55P03" || pg.Code == "55006" // a lock, a slot, that another session has
}

// ofRows reports whether a server's error is about the rows it was given.
func ofRows(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && faultOfRows(sqlerr.Code(pg.Code))
}

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

// codeOf is a server's SQLSTATE, "" where the error is none of a server's.
func codeOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
