package database

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// changing reports whether the stream's rows change.
func (c *config) changing() bool { return c.cdc || c.every > 0 }

// changes reports whether a relation is read as the changes of a table: of its log, or
// from one snapshot to the next.
func changes(rel *catalog.Relation) bool {
	if every, ok := rel.Options.Get("snapshot.interval"); ok && rel.Connector == "database" {
		if d, ok := stream.ParseDuration(every); !ok || d > 0 {
			return true
		}
	}
	on, _ := rel.Options.Get("cdc")
	switch strings.ToLower(on) {
	case "true", "on", "yes", "1":
		return rel.Connector == "database"
	}
	return false
}

// Changes reports whether the relation says cdc = 'true', or snapshot.interval.
func (Connector) Changes(rel *catalog.Relation) bool { return changes(rel) }

// asksForLog reports whether a key that is cdc's alone says other than its default.
func (c *config) asksForLog() bool {
	return c.slot != "" || c.publication != "" || c.serverID != 0 || c.again || c.heartbeat != defaultHeartbeat
}

// rejectBeside refuses what changes have no use for.
func (c *config) rejectBeside(v *stream.Values) {
	switch {
	case c.cdc && c.every > 0:
		v.Reject("snapshot.interval", "nothing beside cdc, which has every change")
	case !c.cdc && c.asksForLog():
		v.Reject("snapshot.interval", "none of slot.name, publication.name, server.id, on_data_loss and heartbeat_interval beside it")
	case c.cdc && c.query != "":
		v.Reject("query", "nothing beside cdc: the changes of a table are read")
	case c.cdc && len(c.log().foreign(c)) > 0:
		for _, key := range c.log().foreign(c) {
			v.Reject(key, "nothing: "+c.server.product+" has no such thing")
		}
	case c.incremental != "":
		v.Reject("incremental.column", "nothing beside cdc or snapshot.interval, which have every change")
	case len(c.keys) > 0:
		v.Reject("key", "nothing beside cdc or snapshot.interval: write PRIMARY KEY (...) among the columns")
	case len(c.slot) > 63 || strings.Trim(c.slot, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
		v.Reject("slot.name", "at most 63 lower case letters, digits and underscores")
	case len(c.publication) > 63:
		v.Reject("publication.name", "at most 63 characters")
	case len(c.rel.Columns) > 0 && len(c.rel.Key) == 0 && c.rel.Kind == catalog.Stream && v.Err() == nil:
		option := "cdc"
		if !c.cdc {
			option = "snapshot.interval"
		}
		v.Reject(option, "a stream with a PRIMARY KEY, by which changes find their rows: write PRIMARY KEY (...) among the columns")
	}
}

// Key is the table's own primary key.
func (Connector) Key(ctx context.Context, env *stream.Env, rel *catalog.Relation) ([]string, error) {
	bare := *rel
	bare.Columns = nil
	c, err := read(env, &bare, stream.RoleSource)
	if err != nil {
		return nil, err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	k, err := conn.kind(ctx)
	if err != nil {
		return nil, err
	}
	if c.cdc {
		if _, err := c.log().logged(ctx, c, conn, k); err != nil {
			return nil, err
		}
	}
	if len(k.key) == 0 {
		return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "%s has no primary key, by which changes find their rows", c.what()).
			WithHint("Declare the stream's columns, with PRIMARY KEY (...) over some that no two rows share.")
	}
	return k.key, nil
}

// logged is what is known of a table whose changes are read.
type logged struct {
	oid          uint32
	schema, name string
	publication  string
	binlog       binlogServer // of MySQL and MariaDB
}

// ask runs statements and returns the rows of the last.
func (c *config) ask(ctx context.Context, conn *pgconn.PgConn, doing, text string) ([][][]byte, error) {
	results, err := conn.Exec(ctx, text).ReadAll()
	if err != nil {
		return nil, c.failure(doing, err)
	}
	if len(results) == 0 {
		return nil, sqlerr.Errorf(sqlerr.ProtocolViolation, "%s: %s gave no answer", doing, c.server)
	}
	return results[len(results)-1].Rows, nil
}

func (postgres) logged(ctx context.Context, c *config, on session, k kind) (logged, error) {
	var l logged
	conn := postgresOf(on)
	if k.relkind != "r" && k.relkind != "p" {
		return l, sqlerr.Unsupported("Read the tables that its rows are in.", "the changes of %s, which is no table of its own, are not told by the server: reading them is not supported", c.what())
	}
	doing := "describing " + c.subject()
	table := quoteLiteral(c.sql(c.table)) + "::pg_catalog.regclass"
	rows, err := c.ask(ctx, conn, doing, "SELECT n.nspname, c.relname, c.relreplident, c.relpersistence, pg_catalog.current_setting('wal_level'), c.oid,"+
		" EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = session_user AND NOT r.rolsuper AND NOT r.rolreplication)"+
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'rds_replication')"+ // where that is there, its members may
		" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = "+table)
	if err != nil {
		return l, err
	}
	if len(rows) != 1 {
		return l, sqlerr.Errorf(sqlerr.UndefinedTable, "%s does not exist", c.what())
	}
	l.schema, l.name = string(rows[0][0]), string(rows[0][1])
	oid, err := strconv.ParseUint(string(rows[0][5]), 10, 32)
	if err != nil {
		return l, sqlerr.Errorf(sqlerr.ProtocolViolation, "%s: %s says %q where an OID is due", doing, c.server, rows[0][5])
	}
	l.oid = uint32(oid)
	if level := string(rows[0][4]); level != "logical" {
		return l, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "%s does not tell its changes: wal_level is %s, not logical", c.server, level).
			WithHint("Run ALTER SYSTEM SET wal_level = logical there, and restart the server.")
	}
	if string(rows[0][6]) == "t" {
		return l, sqlerr.Errorf(sqlerr.InsufficientPrivilege, "role %q of %s may not read changes", c.server.user, c.server).
			WithHint("Run ALTER ROLE %s REPLICATION there.", quoteIdent(c.server.user))
	}
	if string(rows[0][3]) != "p" {
		return l, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the changes of %s are not in the server's log, as it is unlogged or temporary", c.what()).
			WithHint("Run ALTER TABLE %s SET LOGGED there.", c.sql(c.table))
	}
	if err := c.identified(ctx, conn, table, string(rows[0][2]), k); err != nil {
		return l, err
	}
	if l.publication = c.publication; l.publication == "" {
		l.publication = shortName("ferris_" + l.schema + "_" + l.name)
	}
	return l, nil
}

// identified sees that a deleted row can be told by the stream's key, and that the log
// has the values of the stream's columns.
func (c *config) identified(ctx context.Context, conn *pgconn.PgConn, table, identity string, k kind) error {
	told := k.key
	if identity == "i" || len(c.rel.Columns) > 0 {
		rows, err := c.ask(ctx, conn, "describing "+c.subject(), "SELECT a.attname, a.attgenerated <> '', EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisreplident AND a.attnum = ANY (i.indkey))"+
			" FROM pg_catalog.pg_attribute a WHERE a.attrelid = "+table+" AND a.attnum > 0 AND NOT a.attisdropped")
		if err != nil {
			return err
		}
		if identity == "i" {
			told = nil
		}
		for _, row := range rows {
			name := string(row[0])
			if identity == "i" && string(row[2]) == "t" {
				told = append(told, name)
			}
			if string(row[1]) == "t" && slices.ContainsFunc(c.rel.Columns, func(col catalog.Column) bool { return col.Name == name }) {
				return sqlerr.Unsupported("Leave it out of the stream's columns, and compute it in the query.", "column %q of %s is a generated one, which the server's log of changes does not have: reading it with cdc is not supported", name, c.what())
			}
		}
	}
	if identity == "f" {
		return nil
	}
	for _, name := range c.rel.Key {
		if identity == "n" || !slices.Contains(told, name) {
			return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "deletes and updates of %s do not tell column %q, which is of the stream's PRIMARY KEY", c.what(), name).
				WithHint("Run ALTER TABLE %s REPLICA IDENTITY FULL there, or USING INDEX one over the key.", c.sql(c.table))
		}
	}
	return nil
}

// shortName is a name that the server does not cut.
func shortName(s string) string {
	if len(s) <= 63 {
		return s
	}
	h := fnv.New64a()
	h.Write([]byte(s))
	return fmt.Sprintf("%s_%016x", s[:46], h.Sum64())
}

// jobSlots is what the names of a job's slots begin with.
func jobSlots(job string) string { return "ferris_" + strings.ReplaceAll(job, "-", "") + "_" }

// slotName is the slot of a reader; temporary: it is a query's, and goes with its
// connection.
func (c *config) slotName(reader string) (name string, temporary bool, err error) {
	job, source, is := strings.Cut(reader, "/")
	switch {
	case !is:
		var b [12]byte
		if _, err := rand.Read(b[:]); err != nil {
			return "", false, fmt.Errorf("naming a replication slot: %w", err)
		}
		return "ferris_query_" + hex.EncodeToString(b[:]), true, nil
	case c.slot != "":
		return c.slot, false, nil
	}
	h := fnv.New32a()
	h.Write([]byte(source))
	return shortName(fmt.Sprintf("%s%08x", jobSlots(job), h.Sum32())), false, nil
}

// publish sees that the publication is there and has all of the table's changes.
func (c *config) publish(ctx context.Context, l logged) error {
	conn, err := c.connectFor(ctx, forWriting)
	if err != nil {
		return err
	}
	defer disconnect(conn)
	doing := fmt.Sprintf("publishing %s", c.subject())
	pub, table := quoteIdent(l.publication), c.sql(name{l.schema, l.name})
	for made := false; ; made = true {
		rows, err := c.ask(ctx, conn, doing, "SELECT p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate, t.tablename IS NOT NULL, pg_catalog.to_jsonb(t)->>'rowfilter'"+
			" FROM pg_catalog.pg_publication p LEFT JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname AND t.schemaname = "+quoteLiteral(l.schema)+" AND t.tablename = "+quoteLiteral(l.name)+
			" WHERE p.pubname = "+quoteLiteral(l.publication))
		if err != nil {
			return err
		}
		create := "CREATE PUBLICATION " + pub + " FOR TABLE " + table + " WITH (publish_via_partition_root = true)"
		if len(rows) == 0 && !made {
			_, err := conn.Exec(ctx, create).ReadAll()
			if codeOf(err) == "42710" || err == nil { // another reader has made it
				continue
			}
			e := sqlerr.From(c.failure(fmt.Sprintf("creating publication %q", l.publication), err))
			if e.Code == sqlerr.InsufficientPrivilege {
				e.Hint = "Have the table's owner run there: " + create + "; or name one that is there in publication.name."
			}
			return e
		}
		bad := func(hint, format string, args ...any) error {
			return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "publication %q of %s %s", l.publication, c.server, fmt.Sprintf(format, args...)).WithHint("Run there: %s.", hint)
		}
		switch {
		case len(rows) == 0:
			return bad(create, "does not exist")
		case string(rows[0][0]) != "t":
			return bad("ALTER PUBLICATION "+pub+" SET (publish = 'insert, update, delete, truncate')", "leaves changes out")
		case string(rows[0][1]) != "t":
			return bad("ALTER PUBLICATION "+pub+" ADD TABLE "+table+"; ALTER PUBLICATION "+pub+" SET (publish_via_partition_root = true)", "does not have table %q", c.table)
		case rows[0][2] != nil:
			return bad("ALTER PUBLICATION "+pub+" DROP TABLE "+table+"; ALTER PUBLICATION "+pub+" ADD TABLE "+table, "has not all rows of table %q", c.table)
		}
		return nil
	}
}

// dropSlots drops slots by their names, or by what their names begin with; one that
// is in use is an error.
func (c *config) dropSlots(ctx context.Context, name, prefix string) error {
	conn, err := c.connectFor(ctx, forWriting)
	if err != nil {
		return err
	}
	defer disconnect(conn)
	where := "slot_name = " + quoteLiteral(name)
	if prefix != "" {
		where += " OR pg_catalog.starts_with(slot_name, " + quoteLiteral(prefix) + ")"
	}
	err = whileActive(ctx, func() error {
		_, err := conn.Exec(ctx, "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE "+where).ReadAll()
		return err
	})
	if err != nil {
		return c.failure("dropping the replication slot of "+c.subject(), err)
	}
	return nil
}

const (
	defaultHeartbeat = 10 * time.Second

	// slotPatience is how long a slot may be in use by a connection of ours that has
	// ended, or whose process has, and of which the server knows that not yet.
	slotPatience = 10 * time.Second
	slotRetry    = 50 * time.Millisecond
)

// whileActive does something with a slot, again while that is in use.
func whileActive(ctx context.Context, do func() error) error {
	for until := time.Now().Add(slotPatience); ; {
		err := do()
		if codeOf(err) != "55006" || time.Now().After(until) {
			return err
		}
		timer := time.NewTimer(slotRetry)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// Forget drops the slots of a job.
func (Connector) Forget(ctx context.Context, env *stream.Env, rel *catalog.Relation, job string) error {
	c, err := read(env, rel, stream.RoleSource)
	if err != nil {
		return err
	}
	log, is := c.server.dialect.(changeLog)
	if !is {
		return nil // nothing is kept for who reads a table again and again
	}
	mine := true
	if kept := c.kept(); kept != "" {
		one, err := claims.take(ctx, kept)
		if err != nil {
			return err
		}
		defer one.give()
		if one.job != "" && one.job != job {
			mine = false
		}
	}
	return log.forget(ctx, c, job, mine)
}

func (postgres) forget(ctx context.Context, c *config, job string, mine bool) error {
	slot := ""
	if mine {
		slot = c.slot
	}
	return c.dropSlots(ctx, slot, jobSlots(job))
}

func (postgres) foreign(c *config) []string {
	if c.serverID != 0 {
		return []string{"server.id"}
	}
	return nil
}

func (postgres) acked(s *source, o stream.Offset) (uint64, error) {
	at, err := s.decodeChanges(o)
	if err != nil || at.snapshot {
		return 0, err
	}
	return uint64(at.lsn), nil
}

// Kept is the slot that the relation names.
func (Connector) Kept(env *stream.Env, rel *catalog.Relation) string {
	c, err := read(env, rel, stream.RoleSource)
	if err != nil {
		return ""
	}
	return c.kept()
}

// lost says why a slot does not have what comes behind a place; "": it does.
func (c *config) lost(ctx context.Context, conn *pgconn.PgConn, slot string, at changesAt, system uint64) (string, error) {
	if at.system != system {
		return "it was on another server, or the server's data are others", nil
	}
	rows, err := c.ask(ctx, conn, "looking for replication slot "+slot, "SELECT confirmed_flush_lsn, pg_catalog.to_jsonb(s)->>'wal_status', plugin,"+
		" CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END"+
		" FROM pg_catalog.pg_replication_slots s WHERE slot_name = "+quoteLiteral(slot))
	if err != nil {
		return "", err
	}
	switch {
	case len(rows) == 0:
		return "it was dropped", nil
	case string(rows[0][1]) == "lost":
		return "the server has removed changes that it needs (max_slot_wal_keep_size)", nil
	case string(rows[0][2]) != "pgoutput":
		return fmt.Sprintf("it is one of plugin %q, made by somebody else", rows[0][2]), nil
	}
	confirmed, err := parseLSN(string(rows[0][0]))
	if err != nil {
		return "", err
	}
	now, err := parseLSN(string(rows[0][3]))
	if err != nil {
		return "", err
	}
	switch {
	case confirmed > at.lsn:
		return fmt.Sprintf("it was read by somebody else, or made anew: it begins at %s", confirmed), nil
	case now < at.lsn:
		return fmt.Sprintf("the server was set back, to %s", now), nil
	}
	return "", nil
}
