package database

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Modes of a sink.
const (
	modeAuto   = "auto"
	modeInsert = "insert"
	modeUpsert = "upsert"
	modeDelete = "delete"
	modeCopy   = "copy"
)

// config is a declaration, read.
type config struct {
	rel     *catalog.Relation
	role    stream.Role
	server  *server
	timeout time.Duration
	table   name
	query   string
	keys    []string

	incremental string
	lag, poll   time.Duration
	pool        int

	every       time.Duration // how often it is read again; 0: it is not
	cdc         bool
	slot        string // "": one for each job
	publication string // "": by the table's name
	serverID    uint32 // 0: one for each reader
	again       bool   // what is lost is read again
	heartbeat   time.Duration

	mode     string
	create   bool
	progress name
}

// name is a relation's in the database; schema "": as the search path finds it.
type name struct{ schema, table string }

// String is the name as a message has it.
func (n name) String() string {
	if n.schema == "" {
		return n.table
	}
	return n.schema + "." + n.table
}

// sqlOf is a name as a statement has it.
func sqlOf(d dialect, n name) string {
	if n.schema == "" {
		return d.ident(n.table)
	}
	return d.ident(n.schema) + "." + d.ident(n.table)
}

func (c *config) sql(n name) string { return sqlOf(c.server.dialect, n) }

// idents are names of columns, as a statement lists them.
func (c *config) idents(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = c.server.dialect.ident(n)
	}
	return strings.Join(q, ", ")
}

// connect opens a session for what the declaration does.
func (c *config) connect(ctx context.Context) (session, error) {
	if c.role == stream.RoleSource {
		return c.server.dialect.connect(ctx, c, forReading)
	}
	return c.server.dialect.connect(ctx, c, forWriting)
}

func read(env *stream.Env, rel *catalog.Relation, role stream.Role) (*config, error) {
	known := sourceOptions
	if role == stream.RoleSink {
		known = stream.SinkOptionsOf(rel, sinkOptions, sourceOptions)
	}
	v, err := stream.ReadOptions(rel, role, known)
	if err != nil {
		return nil, err
	}
	c := &config{rel: rel, role: role, timeout: v.Duration("connection.timeout"), keys: list(v.String("key"))}
	if c.server, err = parseURL(v.String("connection"), v.String("connection.username"), v.String("connection.password"), env.FileRoots); err != nil {
		return nil, optionError(rel, err)
	}
	if c.table, err = c.server.dialect.parseName(v.String("table")); err != nil {
		v.Reject("table", "a name such as orders or sales.orders")
	}
	if role == stream.RoleSink {
		c.mode = v.Enum("mode", modeAuto, modeInsert, modeUpsert, modeDelete, modeCopy)
		c.create = v.Bool("create")
		if c.progress, err = c.server.dialect.parseName(v.String("progress.table")); err != nil || c.progress.table == "" {
			v.Reject("progress.table", "a name such as ferris_progress or ops.ferris_progress")
		}
		if c.table.table == "" {
			c.table.table = rel.Name
		}
		if (c.mode == modeInsert || c.mode == modeCopy) && len(c.keys) > 0 {
			v.Reject("key", "a key only where mode is upsert or delete")
		}
		return c, v.Err()
	}
	c.query = strings.TrimRight(strings.TrimSpace(v.String("query")), ";")
	c.incremental = v.String("incremental.column")
	c.lag, c.poll = v.Duration("incremental.lag"), v.Duration("poll_interval")
	c.every = v.Duration("snapshot.interval")
	c.cdc, c.slot, c.publication = v.Bool("cdc"), v.String("slot.name"), v.String("publication.name")
	c.serverID = uint32(v.Int("server.id", 0, math.MaxUint32))
	c.again = v.Enum("on_data_loss", "fail", "snapshot") == "snapshot"
	c.heartbeat = v.Duration("heartbeat_interval")
	c.pool = int(v.Int("connection.pool.max_size", 1, 256))
	if _, err := stream.ReadLookup(rel, known); err != nil && v.Err() == nil {
		return nil, err
	}
	if c.query == "" && c.table.table == "" {
		c.table.table = rel.Name
	}
	_, logs := c.server.dialect.(changeLog)
	switch {
	case v.Err() != nil:
	case c.cdc && !logs:
		return nil, sqlerr.Unsupported("Write 'snapshot.interval': the table is read again as often as that says, and what differs goes out as changes.",
			"reading the log of changes of %q with cdc is not supported in %s", rel.Name, c.server.product)
	case c.query != "" && c.server.single() && checkQuery(c.query) != nil:
		return nil, checkQuery(c.query)
	case c.lag > 0 && c.server.single():
		v.Reject("incremental.lag", "nothing with a file: who writes to it does so alone")
	case c.query != "" && c.table.table != "":
		v.Reject("query", "a SELECT, in place of table")
	case c.incremental != "" && len(c.keys) > 0:
		v.Reject("key", "nothing beside incremental.column, whose order the rows are read in")
	case c.every > 0 && c.every < time.Millisecond:
		v.Reject("snapshot.interval", "0, or at least 1ms")
	case c.changing():
		c.rejectBeside(v)
	case c.asksForLog():
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "parameters slot.name, publication.name, server.id, on_data_loss and heartbeat_interval of %q are for cdc = 'true'", rel.Name)
	case c.poll < time.Millisecond:
		v.Reject("poll_interval", "at least 1ms")
	}
	return c, v.Err()
}

// optionError says whose option is at fault.
func optionError(rel *catalog.Relation, err error) error {
	e := *sqlerr.From(err)
	e.Message = fmt.Sprintf("parameter \"connection\" of %q: %s", rel.Name, e.Message)
	return &e
}

// list splits a, b into its parts.
func list(s string) []string {
	var parts []string
	for p := range strings.SplitSeq(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

// parseName reads orders, sales.orders, "Sales"."Orders". Words without quotes are
// taken as fold says; quotes are those that the database knows.
func parseName(s, quotes string, fold func(string) string) (name, error) {
	var parts []string
	rest := strings.TrimSpace(s)
	if rest == "" {
		return name{}, nil
	}
	for {
		var part string
		if strings.ContainsAny(rest[:min(1, len(rest))], quotes) {
			quote := rest[:1]
			end := 1
			for {
				i := strings.Index(rest[end:], quote)
				if i < 0 {
					return name{}, fmt.Errorf("%q has no closing quote", s)
				}
				end += i + 1
				if !strings.HasPrefix(rest[end:], quote) {
					break
				}
				end++
			}
			part, rest = strings.ReplaceAll(rest[1:end-1], quote+quote, quote), rest[end:]
		} else {
			end := strings.IndexByte(rest, '.')
			if end < 0 {
				end = len(rest)
			}
			part, rest = fold(strings.TrimSpace(rest[:end])), rest[end:]
			if strings.ContainsAny(part, "`\"' \t\n();") {
				return name{}, fmt.Errorf("%q is not a name", s)
			}
		}
		if part == "" {
			return name{}, fmt.Errorf("%q is not a name", s)
		}
		parts = append(parts, part)
		if rest == "" {
			break
		}
		if rest[0] != '.' {
			return name{}, fmt.Errorf("%q is not a name", s)
		}
		rest = rest[1:]
	}
	switch len(parts) {
	case 1:
		return name{table: parts[0]}, nil
	case 2:
		return name{parts[0], parts[1]}, nil
	}
	return name{}, fmt.Errorf("%q has too many parts", s)
}

// what is the table or query as a message names it.
func (c *config) what() string {
	if c.query != "" {
		return fmt.Sprintf("the query of %q in %s", c.rel.Name, c.server)
	}
	return fmt.Sprintf("table %q of %s", c.table, c.server)
}

// from is what is selected from, under the name t.
func (c *config) from() string {
	if c.query != "" {
		return "(" + c.query + "\n) AS t"
	}
	return c.sql(c.table) + " AS t"
}

func quoteIdent(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// quoteLiteral is s as a string constant, whatever standard_conforming_strings says.
func quoteLiteral(s string) string {
	q := strings.ReplaceAll(s, "'", "''")
	if strings.Contains(q, `\`) {
		return " E'" + strings.ReplaceAll(q, `\`, `\\`) + "'"
	}
	return "'" + q + "'"
}
