package bind

import (
	"cmp"
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Context is what binding may know beside the text. It is not changed.
type Context struct {
	Catalog    *catalog.Snapshot
	SearchPath []string
	// TempSchema is what pg_temp means in this session; "": it has none.
	TempSchema string
	// User is the role whose rights the statement has; "": the server itself, which
	// may do everything.
	User, Database string
	// SessionUser is who has connected; "": User.
	SessionUser string
	// Settings returns a setting's value as SHOW prints it; nil knows none.
	Settings func(name string) (string, bool)
	// Format reads literals; nil is types.DefaultFormat.
	Format *types.Format
	// Infer asks a connector for the columns of a relation without any.
	Infer func(ctx context.Context, r *catalog.Relation) ([]catalog.Column, error)
	// Hidden are a relation's pseudo-columns, by its connector and options; nil: none.
	Hidden func(r *catalog.Relation) []catalog.Column
	// Seeks says whether a connector begins or ends a read by a bound of a hidden
	// column; nil: each does.
	Seeks func(connector, column string) bool
	// Looks says whether a stream's connector can be asked for its rows by these of its
	// columns; none: by some. nil: none can.
	Looks func(r *catalog.Relation, keys []int) bool
	// Changes says whether a stream is a table that another system changes, and Key
	// which columns its rows' key has there; nil: none is.
	Changes func(r *catalog.Relation) bool
	Key     func(ctx context.Context, r *catalog.Relation) ([]string, error)
	// Rows is about how many rows a relation holds now; ok is false where nobody
	// can tell. nil: nothing is known.
	Rows func(r *catalog.Relation) (rows float64, ok bool)
	// Sees says whether an index has every row of its table that the transaction's
	// snapshot has. nil: each does.
	Sees func(r *catalog.Relation, x *catalog.Index) bool
	// Connector says what a type can be; ok is false for an unknown one. nil:
	// every type may be both.
	Connector func(name string) (source, sink, ok bool)
	// ExplicitTypes: a connector is not inferred from the keys of a declaration.
	ExplicitTypes bool
	// Connectors are the known types, for hints.
	Connectors []string
	// ConfigFile reads the options of a file that config_file names, and Settle puts them
	// beside those that are written, which win; unused are those of them that are not the
	// relation's. nil: there are no such files.
	ConfigFile func(path string) ([]catalog.FileOption, error)
	Settle     func(r *catalog.Relation, sink bool, file []catalog.FileOption) (all catalog.Options, unused []string, err error)
	// Expand puts the values of variables into an option's; nil: there are none.
	Expand func(text string) (string, error)
	// Check validates a declaration as its connector sees it; nil: no check.
	Check func(r *catalog.Relation, sink bool) error
	// Notices are what whoever declares a relation should know of it beside; nil: nothing.
	Notices func(r *catalog.Relation, sink bool) []string
	// Eval computes an expression without columns, for constant folding and for
	// arguments that must be constant; nil: nothing is folded.
	Eval func(e plan.Expr) (types.Value, error)
	// Continuous makes subqueries of a continuous query joins, finds the bounds of
	// the times of those it joins, and how its windows are kept up to date, those of
	// a job (kept) also over rows that end; nil: they stay as they are written.
	Continuous func(n plan.Node, kept bool) plan.Node
	// Job is the name that the job which is planned anew has by now; "": the one in
	// its text.
	Job string
	// Inlined are the materialized views that the job reads as their queries.
	Inlined []types.OID
	// View is the materialized view whose job is planned anew; nil: none is.
	View *catalog.Relation
	// ParamTypes are the types that the client gave for $1, $2, ...; 0: to be
	// inferred.
	ParamTypes []types.OID
	// NoParams: the text has no parameters to be given, so $1 is 42P02.
	NoParams bool
	// CursorFields are the columns of an open cursor, for FETCH.
	CursorFields func(name string) ([]plan.Field, bool)
	// Prepared is a prepared statement, nil where there is none, for EXECUTE.
	Prepared func(name string) *plan.Bound
	// FileDialect: a double-quoted word that names no column is a string.
	FileDialect bool
}

func (c *Context) format() *types.Format {
	if c.Format == nil {
		return types.DefaultFormat()
	}
	return c.Format
}

func (c *Context) sessionUser() string { return cmp.Or(c.SessionUser, c.User) }

func (c *Context) setting(name string) (string, bool) {
	if c.Settings == nil {
		return "", false
	}
	return c.Settings(name)
}
