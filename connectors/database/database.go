// Package database reads and writes the tables of a database: PostgreSQL, MySQL,
// MariaDB or a SQLite file, each behind a dialect. A table is read whole, by a column that
// grows or by its server's log of changes, is asked for the rows of some keys, and is written in batches. A sink's rows and the record of the
// epoch they belong to are one transaction of the server's, so that after a crash
// the server itself tells what it has got.
package database

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Connector is the database's.
type Connector struct{}

// Name is 'database'.
func (Connector) Name() string { return "database" }

var (
	both = []stream.Option{
		{Key: "connection", Aliases: []string{"connection.url"}, Required: true, Help: "postgresql://user@host:5432/database, mysql://user@host:3306/database, mariadb://..., sqlite:/path/to/file, or jdbc: and one of them"},
		{Key: "connection.username", Aliases: []string{"username"}, Default: "", Help: "the user, where the URL names none"},
		{Key: "connection.password", Aliases: []string{"password"}, Default: "", Help: "the password, where the URL holds none"},
		{Key: "connection.timeout", Default: "10s", Help: "how long connecting may take"},
		{Key: "table", Default: "", Help: "the table, with or without its schema"},
	}
	sourceOptions = append(append(both[:len(both):len(both)],
		stream.Option{Key: "query", Default: "", Help: "a SELECT instead of a table"},
		stream.Option{Key: "key", Default: "", Help: "columns, parted by commas, that no two rows of a query or view share: it is read in their order, and a job can go on where it was"},
		stream.Option{Key: "incremental.column", Default: "", Help: "a column that grows with every row that is added or changed: the stream goes on with the rows that have a higher value"},
		stream.Option{Key: "incremental.lag", Default: "0s", Help: "with a timestamp as incremental.column: younger rows are left for later, as their transactions may commit out of order"},
		stream.Option{Key: "poll_interval", Default: "1s", Help: "with incremental.column: the wait before it is asked for more rows"},
		stream.Option{Key: "snapshot.interval", Default: "0s", Help: "how often the table, or query, is read again: the stream's rows have a PRIMARY KEY, and what differs from the last time goes out as changes. 0: it is read once"},
		stream.Option{Key: "cdc", Default: "false", Help: "true (PostgreSQL, MySQL, MariaDB): the table as it is, and then every change that commits, by logical replication or the binlog: the stream's rows have a PRIMARY KEY, and change and go as the table's do"},
		stream.Option{Key: "slot.name", Default: "", Help: "with cdc (PostgreSQL): the replication slot, of this one reader; it is made, and goes with the job. Without it each job has one of its own, ferris_<job>_<number>"},
		stream.Option{Key: "publication.name", Default: "", Help: "with cdc (PostgreSQL): the publication; it is made where it is not there. Without it ferris_<schema>_<table>"},
		stream.Option{Key: "server.id", Default: "0", Help: "with cdc (MySQL, MariaDB): the number that this one reader has among the server's replicas, which no two of them share. 0: each reader has one of its own, worked out from its job"},
		stream.Option{Key: "on_data_loss", Default: "fail", Help: "with cdc, where the slot, or changes that the log should have kept, are gone. fail: the job fails; snapshot: the table is read again, and what differs goes out as changes"},
		stream.Option{Key: "heartbeat_interval", Default: defaultHeartbeat.String(), Help: "with cdc: how often the position in the log moves on while other tables alone change"},
		stream.Option{Key: "connection.pool.max_size", Default: "4", Help: "the most connections of a look-up join, in each task"},
	), lookupOptions()...)
	sinkOptions = append(both[:len(both):len(both)],
		stream.Option{Key: "mode", Default: "auto", Help: "insert; copy: insert, by COPY (PostgreSQL); upsert: a row replaces the one with its key; delete: the row with its key goes; auto: upsert where there is a key or the query updates rows, else insert"},
		stream.Option{Key: "key", Aliases: []string{"primary.key", "primary_key"}, Default: "", Help: "the columns of the key, parted by commas; upsert and delete take the table's primary key without it"},
		stream.Option{Key: "create", Aliases: []string{"table.create"}, Default: "false", Help: "true: the table is made where it is not there"},
		stream.Option{Key: "progress.table", Default: "ferris_progress", Help: "where transactions record what each job has delivered; it is made where it is not there"},
	)
)

// lookupOptions are the engine's, with the name that a refreshed table's interval has.
func lookupOptions() []stream.Option {
	options := append([]stream.Option(nil), stream.LookupOptions...)
	for i := range options {
		if options[i].Key == "lookup.cache.ttl" {
			options[i].Aliases = append(options[i].Aliases, "refresh_interval")
		}
	}
	return options
}

// Options lists what a table takes.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSink {
		return sinkOptions
	}
	return sourceOptions
}

// PseudoColumns: a table has the columns that it has.
func (Connector) PseudoColumns() []catalog.Column { return nil }

// Check validates the declaration; nothing is connected to.
func (Connector) Check(env *stream.Env, rel *catalog.Relation, role stream.Role) error {
	_, err := read(env, rel, role)
	return err
}

// ChangeKey is stream.ChangeKeyed's: a table that the sink makes needs a key to be made
// with; another has one, or is refused when it is opened.
func (Connector) ChangeKey(env *stream.Env, rel *catalog.Relation) (stream.ChangeKey, error) {
	c, err := read(env, rel, stream.RoleSink)
	if err != nil {
		return stream.ChangeKey{}, err
	}
	if makes := c.create && len(c.keys) == 0 && (c.mode == modeAuto || c.mode == modeUpsert); !makes {
		return stream.ChangeKey{Own: true}, nil
	}
	return stream.ChangeKey{Needed: true}, nil
}

// Source describes the table, or the query.
func (Connector) Source(ctx context.Context, env *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	c, err := read(env, rel, stream.RoleSource)
	if err != nil {
		return nil, err
	}
	s := &source{env: env, rel: rel, config: c}
	if err := s.describe(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Inferrer tells columns from the server's description.
func (Connector) Inferrer(env *stream.Env) stream.SchemaInferrer { return inferrer{env} }

// inferrer is stream.SchemaInferrer.
type inferrer struct{ env *stream.Env }

// Infer takes the columns that the server names, with their types; one of a type
// that is not known here is text.
func (i inferrer) Infer(ctx context.Context, rel *catalog.Relation) ([]catalog.Column, error) {
	c, err := read(i.env, rel, stream.RoleSource)
	if err != nil {
		return nil, err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	remote, err := conn.columns(ctx)
	if err != nil {
		return nil, err
	}
	var columns []catalog.Column
	for _, r := range remote {
		columns = append(columns, catalog.Column{Name: r.name, Type: r.local()})
	}
	if len(columns) == 0 {
		return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "%s has no columns", c.what())
	}
	return columns, nil
}
