package database

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// snapshot reads the table as it is at a place in the log, which is where reading goes
// on then.
func (w *binlogStream) snapshot(ctx context.Context) error {
	s := w.source
	c := s.config
	w.domains, w.executed, w.table = nil, nil, nil
	begun := binlogAt{snapshot: true}.encode()
	if err := w.say(ctx, stream.MarkRefresh, stream.Read{Split: w.split, Next: begun}); err != nil {
		return err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.close()
	at, err := c.consistent(ctx, conn.(*mysqlSession), s.log)
	if err == nil {
		err = w.begin(at)
	}
	if err != nil {
		return c.failure("reading "+c.subject(), err)
	}
	places, _, err := c.server.dialect.places(s, true)
	if err != nil {
		return err
	}
	if _, err := w.reader.copy(ctx, conn, selection{split: s.whole(), places: places, fields: w.reader.fields, next: begun}); err != nil {
		return err
	}
	return w.say(ctx, stream.MarkRefreshed, stream.Read{Split: w.split, Next: w.behind(), CaughtUp: true})
}

// consistent begins a snapshot, and returns the place in the log that it is of. MariaDB,
// and Percona's server, tell that of a snapshot. MySQL tells where its log ends: while
// nobody can write to the table, that is the snapshot's place too.
func (c *config) consistent(ctx context.Context, s *mysqlSession, l logged) (binlogAt, error) {
	told, err := s.told(ctx)
	if err != nil {
		return binlogAt{}, err
	}
	if !told {
		return c.consistentLocked(ctx, s, l)
	}
	if err := s.snapshot(ctx, false); err != nil {
		return binlogAt{}, err
	}
	at, err := s.snapshotPlace(ctx)
	if err != nil || !l.binlog.maria {
		at.server = l.binlog.uuid
		return at, err
	}
	place := fmt.Sprintf("BINLOG_GTID_POS(%s, %d)", quoteText(at.file), at.pos)
	rows, err := s.texts(ctx, 2, "SELECT "+place+", "+place+" IS NULL")
	if err != nil || len(rows) != 1 {
		return at, err
	}
	if rows[0][1] == "1" {
		return at, sqlerr.Errorf(sqlerr.ConnectionFailure, "the binlog of %s that a snapshot of %s began in is gone already", c.server, c.subject())
	}
	return binlogAt{gtids: rows[0][0]}, nil
}

// told reports whether the server tells the place in the log of a snapshot.
func (s *mysqlSession) told(ctx context.Context) (bool, error) {
	rows, err := s.texts(ctx, 2, "SHOW STATUS LIKE 'binlog_snapshot_file'")
	return len(rows) > 0, err
}

func (s *mysqlSession) snapshotPlace(ctx context.Context) (binlogAt, error) {
	at := binlogAt{byFile: true}
	rows, err := s.texts(ctx, 2, "SHOW STATUS WHERE Variable_name IN ('Binlog_snapshot_file', 'Binlog_snapshot_position')")
	if err != nil {
		return at, err
	}
	for _, row := range rows {
		if n, err := strconv.ParseUint(row[1], 10, 64); err == nil {
			at.pos = n
		} else {
			at.file = row[1]
		}
	}
	if at.file == "" || at.pos == 0 {
		return at, sqlerr.Errorf(sqlerr.ProtocolViolation, "%s does not say what place in its log a snapshot is of", s.config.server)
	}
	return at, nil
}

// consistentLocked begins a snapshot while another session keeps those who write to the
// table waiting. That session waits itself for transactions that have written to it.
func (c *config) consistentLocked(ctx context.Context, s *mysqlSession, l logged) (binlogAt, error) {
	at := binlogAt{byFile: !l.binlog.gtids, server: l.binlog.uuid}
	other, err := c.server.dialect.connect(ctx, c, forWriting)
	if err != nil {
		return at, err
	}
	defer other.close() // which unlocks the table
	lock := other.(*mysqlSession)
	if _, err := lock.exec(ctx, fmt.Sprintf("SET SESSION lock_wait_timeout = %d", lockPatience)); err != nil {
		return at, err
	}
	if _, err := lock.exec(ctx, "LOCK TABLES "+c.sql(name{l.schema, l.name})+" READ"); err != nil {
		e := *sqlerr.From(c.failure("reading "+c.subject(), err))
		if e.Code == sqlerr.InsufficientPrivilege {
			e.Hint = fmt.Sprintf("Run GRANT LOCK TABLES ON %s.* TO %s there: the table is locked for the moment in which its snapshot begins.", quoteMySQL(l.schema), quoteText(c.server.user))
		}
		return at, &e
	}
	if err := s.snapshot(ctx, false); err != nil {
		return at, err
	}
	if l.binlog.gtids {
		come := "gtid_executed"
		if l.binlog.maria {
			come = "gtid_binlog_pos"
		}
		rows, err := lock.texts(ctx, 1, "SELECT @@GLOBAL."+come)
		if err != nil || len(rows) != 1 {
			return at, err
		}
		at.gtids = rows[0][0]
		return at, nil
	}
	at.file, at.pos, err = lock.logEnd(ctx)
	return at, err
}

// lockPatience is how many seconds a table's lock is waited for, while those who write
// wait behind it.
const lockPatience = 10

// logEnd is where the server's log ends.
func (s *mysqlSession) logEnd(ctx context.Context) (file string, pos uint64, err error) {
	for _, text := range []string{"SHOW MASTER STATUS", "SHOW BINARY LOG STATUS"} { // the second's name since 8.4
		var rows [][]string
		if rows, err = s.texts(ctx, -1, text); err != nil {
			continue
		}
		if len(rows) == 1 && len(rows[0]) >= 2 {
			pos, err = strconv.ParseUint(rows[0][1], 10, 64)
			return rows[0][0], pos, err
		}
	}
	if f := (mysqlDialect{}).fault(err); f != nil && f.code == sqlerr.InsufficientPrivilege {
		e := sqlerr.From(s.config.failure("asking for the place in the binlog", err))
		e.Hint = fmt.Sprintf("Run GRANT REPLICATION CLIENT ON *.* TO %s there.", quoteText(s.config.server.user))
		err = e
	}
	if err == nil {
		err = sqlerr.Errorf(sqlerr.ProtocolViolation, "%s does not say where its log ends", s.config.server)
	}
	return "", 0, err
}
