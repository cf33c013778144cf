package database

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	protocol "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/go-sql-driver/mysql"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A table's changes are read in two parts, as PostgreSQL's are: the table, in a snapshot
// of which the server says what place in its binlog it is of, and from that place on the
// binlog. The server keeps its log for as long as its own settings say, and is told of
// nothing: the position is ours alone.

// binlogStream is a binlog that is being read.
type binlogStream struct {
	changeStream
	conn   *binlogConn
	parser *replication.BinlogParser
	server binlogServer
	id     uint32
	first  *binlogPacket // that has come and was not taken
	format bool          // the log has said how its events are written

	byFile   bool
	domains  gtidDomains            // MariaDB's
	executed *protocol.MysqlGTIDSet // MySQL's
	file     string
	pos      uint64 // behind the last transaction

	group  binlogGroup
	rowsAt time.Time // when the first row of the batch has come
	beatAt time.Time
	moved  bool // a transaction has ended since the last position was handed on

	table    *binlogRows
	old, row []logValue
	texts    []byte
}

// binlogGroup is the transaction, or the statement, that is under way in the log.
type binlogGroup struct {
	domain   uint32
	maria    mariaGTID
	uuid     string // with its tag
	number   int64
	known    bool // it has a GTID
	prepared bool // it is of XA: what it changes is decided later
	touched  bool // it has changed the table
}

func (mysqlDialect) foreign(c *config) []string {
	var keys []string
	if c.slot != "" {
		keys = append(keys, "slot.name")
	}
	if c.publication != "" {
		keys = append(keys, "publication.name")
	}
	return keys
}

func (mysqlDialect) kept(c *config) string {
	if c.serverID == 0 {
		return ""
	}
	return fmt.Sprintf("server id %d of %s", c.serverID, c.server)
}

func (mysqlDialect) forget(context.Context, *config, string, bool) error { return nil }

func (mysqlDialect) acked(*source, stream.Offset) (uint64, error) { return 0, nil }

func (mysqlDialect) follow(ctx context.Context, r *reader, p stream.Position) error {
	s := r.source
	w := &binlogStream{changeStream: changeStream{reader: r, source: s, split: p.Split}, server: s.log.binlog, id: s.config.replicaID(r.scan.Job)}
	w.place = w.behind
	w.parser = replication.NewBinlogParser()
	w.parser.SetVerifyChecksum(true)
	w.parser.SetTimestampStringLocation(time.UTC)
	w.parser.SetRowsEventDecodeFunc(w.decodeRows)
	if w.server.maria {
		w.parser.SetFlavor(protocol.MariaDBFlavor)
	}
	defer func() {
		if w.conn != nil {
			w.conn.close()
		}
	}()
	if kept := s.config.kept(); kept != "" {
		turn, err := claims.take(ctx, kept)
		if err != nil {
			return err
		}
		turn.job, _, _ = strings.Cut(r.scan.Job, "/")
		turn.give()
	}
	resumed, err := w.resume(ctx, p.Offset)
	if err != nil {
		return err
	}
	if !resumed {
		if err := w.snapshot(ctx); err != nil {
			return err
		}
		why, err := w.start(ctx)
		if err == nil && why != "" {
			err = w.lost(why)
		}
		if err != nil {
			return err
		}
	}
	now := time.Now()
	w.beatAt, w.caughtAt = now, now
	return w.run(ctx)
}

// at is the position behind the last transaction.
func (w *binlogStream) at() binlogAt {
	switch {
	case w.byFile:
		return binlogAt{byFile: true, server: w.server.uuid, file: w.file, pos: w.pos}
	case w.server.maria:
		return binlogAt{gtids: w.domains.String()}
	}
	return binlogAt{gtids: w.executed.String()}
}

func (w *binlogStream) behind() stream.Offset { return w.at().encode() }

// begin has reading go on at a position.
func (w *binlogStream) begin(at binlogAt) error {
	var err error
	w.byFile = at.byFile
	switch {
	case at.byFile:
		w.file, w.pos = at.file, at.pos
	case w.server.maria:
		w.domains, err = parseDomains(at.gtids)
	default:
		var set protocol.GTIDSet
		if set, err = protocol.ParseMysqlGTIDSet(at.gtids); err == nil {
			w.executed = set.(*protocol.MysqlGTIDSet)
		}
	}
	return err
}

// lost is the error of a log that does not have what comes behind the position.
func (w *binlogStream) lost(why string) error {
	c := w.source.config
	return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the binlog of %s, which had the changes of %s from %s on, is lost: %s", c.server, c.subject(), w.at(), why).
		WithHint("Set on_data_loss = 'snapshot' on the stream: the table is then read again, and what differs goes out as changes; or DROP the job and create it again. Have the server keep its logs for longer (binlog_expire_logs_seconds).")
}

// resume looks whether reading can go on at a position, and if so begins to.
func (w *binlogStream) resume(ctx context.Context, o stream.Offset) (bool, error) {
	if o == nil {
		return false, nil
	}
	at, err := w.source.decodeBinlog(o)
	if err != nil || at.snapshot {
		return false, err
	}
	if err := w.begin(at); err != nil {
		return false, err
	}
	why, err := w.gone(ctx, at)
	if err == nil && why == "" {
		why, err = w.start(ctx)
	}
	if err != nil || why == "" {
		return err == nil, err
	}
	if w.conn != nil {
		w.conn.close()
		w.conn, w.first = nil, nil
	}
	if !w.source.config.again {
		return false, w.lost(why)
	}
	return false, nil
}

// gone says why the server's log cannot have what comes behind a position; "": it may.
func (w *binlogStream) gone(ctx context.Context, at binlogAt) (string, error) {
	c := w.source.config
	if at.byFile {
		if at.server != w.server.uuid {
			return "it was on another server, or the server's data are others", nil
		}
		return "", nil
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return "", err
	}
	defer conn.close()
	s := conn.(*mysqlSession)
	doing := "looking for the place in the binlog"
	if !w.server.maria {
		rows, err := s.texts(ctx, 3, "SELECT GTID_SUBSET("+quoteText(at.gtids)+", @@GLOBAL.gtid_executed), GTID_SUBSET(@@GLOBAL.gtid_purged, "+quoteText(at.gtids)+"), @@GLOBAL.gtid_executed")
		switch {
		case err != nil || len(rows) != 1:
			return "", c.failure(doing, err)
		case rows[0][0] != "1":
			return "the server was set back, to " + strconv.Quote(rows[0][2]), nil
		case rows[0][1] != "1":
			return "the server has removed the logs that it needs", nil
		}
		return "", nil
	}
	rows, err := s.texts(ctx, 1, "SELECT @@GLOBAL.gtid_binlog_pos")
	if err != nil || len(rows) != 1 {
		return "", c.failure(doing, err)
	}
	now, err := parseDomains(rows[0][0])
	if err != nil {
		return "", err
	}
	if !w.domains.within(now) {
		return "the server was set back, to " + strconv.Quote(rows[0][0]), nil
	}
	return "", nil
}

// noLog is the server's error of a log that it cannot send.
const noLog = 1236

// start begins to read behind the position; why the server cannot send what comes there,
// if it says so.
func (w *binlogStream) start(ctx context.Context) (why string, err error) {
	c := w.source.config
	if w.conn, err = c.dial(ctx); err != nil {
		return "", err
	}
	var executed []byte
	if w.executed != nil {
		executed = w.executed.Encode()
	}
	if err := w.conn.dump(ctx, w.id, w.at(), w.server, executed); err != nil {
		return "", err
	}
	select {
	case p := <-w.conn.events:
		var my *mysql.MySQLError
		if errors.As(p.err, &my) && my.Number == noLog && !strings.Contains(my.Message, "max_allowed_packet") && !strings.Contains(my.Message, "server_id") && !strings.Contains(my.Message, "server_uuid") {
			return my.Message, nil
		}
		w.first = &p
		return "", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// run takes events until ctx ends or the server hangs up.
func (w *binlogStream) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var p binlogPacket
		if w.first != nil {
			p, w.first = *w.first, nil
		} else {
			wait := ackEvery
			if w.rows > 0 && !w.open {
				wait = gatherFor
			}
			timer.Reset(wait)
			select {
			case p = <-w.conn.events:
			case <-ctx.Done():
				return ctx.Err()
			case now := <-timer.C:
				if err := w.idle(ctx, now); err != nil {
					return err
				}
				continue
			}
		}
		err := p.err
		if err != nil {
			return w.source.config.failure("reading the changes of "+w.source.config.subject(), err)
		}
		var e *replication.BinlogEvent
		err = understood(func() (err error) {
			e, err = w.parser.Parse(p.event)
			return err
		})
		if err == nil {
			err = w.event(ctx, e)
		}
		if err != nil {
			return w.failed(ctx, err)
		}
	}
}

// failed is the error of an event that is not understood.
func (w *binlogStream) failed(ctx context.Context, err error) error {
	var of *sqlerr.Error
	if ctx.Err() != nil || errors.As(err, &of) {
		return err
	}
	return sqlerr.Errorf(sqlerr.ProtocolViolation, "reading the changes of %s from the binlog of %s, behind %s: %w", w.source.config.subject(), w.source.config.server, w.at(), err)
}

// idle does what is due when nothing comes.
func (w *binlogStream) idle(ctx context.Context, now time.Time) error {
	if err := w.quiet(ctx, now); err != nil {
		return err
	}
	return w.beat(ctx, now)
}

// beat hands on, now and then, up to where the log has nothing for us.
func (w *binlogStream) beat(ctx context.Context, now time.Time) error {
	if w.open || w.rows > 0 || !w.moved || now.Sub(w.beatAt) < w.source.config.heartbeat {
		return nil
	}
	w.moved, w.beatAt = false, now
	return w.send(ctx, delivery{read: stream.Read{Split: w.split, Next: w.behind(), CaughtUp: len(w.conn.events) == 0}})
}

// event takes an event of the log.
func (w *binlogStream) event(ctx context.Context, e *replication.BinlogEvent) error {
	switch of := e.Event.(type) {
	case *replication.FormatDescriptionEvent:
		w.format = true
	case *replication.RotateEvent:
		if w.format { // the one before names the file that was asked for, and has a checksum or not
			w.file, w.pos = string(of.NextLogName), of.Position
		}
	case *replication.MariadbGTIDEvent:
		w.group = binlogGroup{known: true, domain: of.GTID.DomainID, maria: mariaGTID{of.GTID.ServerID, of.GTID.SequenceNumber}, prepared: of.Flags&mariaPrepared != 0}
		w.open = !of.IsStandalone()
	case *replication.GTIDEvent:
		return w.numbered(e.Header, of)
	case *replication.GtidTaggedLogEvent:
		return w.numbered(e.Header, &of.GTIDEvent)
	case *replication.QueryEvent:
		return w.statement(ctx, e.Header, string(of.Query), string(of.Schema))
	case *replication.ExecuteLoadQueryEvent:
		return w.effect(ctx, effectRows)
	case *replication.XIDEvent:
		return w.commit(ctx, e.Header)
	case *replication.RowsEvent:
		return w.rowsEvent(ctx, e.Header, of)
	case *replication.TransactionPayloadEvent:
		return sqlerr.Unsupported("Run SET GLOBAL binlog_transaction_compression = OFF there.", "a transaction that is compressed in the binlog of %s is not supported", w.source.config.server)
	case *replication.GenericEvent:
		switch e.Header.EventType {
		case replication.INCIDENT_EVENT:
			return w.lost("the server says that events are missing in it")
		case replication.XA_PREPARE_LOG_EVENT:
			return w.preparedXA(ctx, e.Header, of.Data)
		}
	}
	return nil
}

// Flags of MariaDB's GTID events.
const mariaPrepared = 64 // FL_PREPARED_XA

// numbered begins a transaction of MySQL's.
func (w *binlogStream) numbered(h *replication.EventHeader, e *replication.GTIDEvent) error {
	w.group = binlogGroup{}
	if h.EventType == replication.ANONYMOUS_GTID_EVENT {
		return nil
	}
	if e.Tag != "" && !w.byFile {
		return sqlerr.Unsupported("Leave GTID_NEXT = 'AUTOMATIC:tag' out there.", "GTIDs with a tag, as in the binlog of %s, are not supported", w.source.config.server)
	}
	sid := fmt.Sprintf("%x", e.SID)
	if len(sid) != 32 {
		return fmt.Errorf("a GTID of server %q", sid)
	}
	w.group.uuid = sid[:8] + "-" + sid[8:12] + "-" + sid[12:16] + "-" + sid[16:20] + "-" + sid[20:]
	w.group.number, w.group.known = e.GNO, true
	return nil
}

// statement takes one that the log has as it is.
func (w *binlogStream) statement(ctx context.Context, h *replication.EventHeader, text, schema string) error {
	switch word := firstWords(text); {
	case word == "BEGIN":
		w.open = true
		return nil
	case word == "COMMIT":
		return w.commit(ctx, h)
	case word == "ROLLBACK":
		if w.group.touched {
			return sqlerr.Unsupported("Leave tables without transactions out of transactions that are undone.", "a transaction that the binlog of %s takes back behind its rows is not supported", w.source.config.server)
		}
		return w.commit(ctx, h)
	case strings.HasPrefix(word, "ROLLBACK TO") && w.group.touched:
		return sqlerr.Unsupported("Leave tables without transactions out of transactions that are undone to a savepoint.", "a transaction of which the binlog of %s takes a part back is not supported", w.source.config.server)
	case strings.HasPrefix(word, "SAVEPOINT"), strings.HasPrefix(word, "ROLLBACK TO"), strings.HasPrefix(word, "XA END"):
		return nil
	case strings.HasPrefix(word, "XA START"):
		w.open, w.group.prepared = true, true
		return nil
	}
	l := w.source.log
	if err := w.effect(ctx, effectOf(text, schema, name{l.schema, l.name}, w.server.folds)); err != nil {
		return err
	}
	if w.open {
		return nil
	}
	return w.commit(ctx, h)
}

// firstWords are the first two words of a statement, in upper case.
func firstWords(text string) string {
	words := strings.Fields(text[:min(len(text), 64)])
	return strings.ToUpper(strings.TrimRight(strings.Join(words[:min(len(words), 2)], " "), ";"))
}

// effect does to the stream's rows what a statement does to the table's.
func (w *binlogStream) effect(ctx context.Context, of effect) error {
	c := w.source.config
	anew := "Drop the job and start it again: it then reads the table anew."
	switch of {
	case effectEmpty:
		if err := w.room(ctx); err != nil {
			return err
		}
		w.appendMark(stream.MarkTruncate)
		w.noted()
	case effectEnds:
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "%s was dropped, renamed or made anew: its changes end behind %s", c.what(), w.at()).WithHint("%s", anew)
	case effectParts:
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "partitions of %s were emptied, dropped or exchanged behind %s, and the binlog does not have their rows", c.what(), w.at()).WithHint("%s", anew)
	case effectActs:
		return sqlerr.Unsupported("Take the foreign key's actions, or the versions, away again, or write 'snapshot.interval' in place of cdc.", "%s was altered, behind %s, so that its rows change without the binlog's having them: reading its changes is not supported", c.what(), w.at())
	case effectRows:
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the binlog of %s has a statement that may change %s in place of its rows, behind %s", c.server, c.subject(), w.at()).
			WithHint("Have no session set binlog_format there. %s", anew)
	}
	return nil
}

// noted keeps when the first row of a batch has come.
func (w *binlogStream) noted() {
	w.group.touched = true
	if w.rowsAt.IsZero() {
		w.rowsAt = time.Now()
	}
}

// preparedXA is where a transaction of XA is prepared, or committed at once.
func (w *binlogStream) preparedXA(ctx context.Context, h *replication.EventHeader, data []byte) error {
	if len(data) > 0 && data[0] != 0 { // ONE PHASE
		w.group.prepared = false
	}
	return w.commit(ctx, h)
}

// commit ends a transaction.
func (w *binlogStream) commit(ctx context.Context, h *replication.EventHeader) error {
	c := w.source.config
	if w.group.prepared && w.group.touched {
		return sqlerr.Unsupported("Use transactions of one server there.", "the changes of %s in a transaction of XA that is decided later are not supported, behind %s", c.what(), w.at())
	}
	switch {
	case w.byFile && uint64(h.LogPos) < w.pos: // places are of four bytes
		return sqlerr.Unsupported("Set gtid_mode = ON there.", "a transaction that ends behind the first 4 GB of binlog %s of %s is not supported without GTIDs", w.file, c.server)
	case w.byFile:
		w.pos = uint64(h.LogPos)
	case !w.group.known:
	case w.server.maria:
		w.domains[w.group.domain] = w.group.maria
	default:
		if err := w.executed.Update(fmt.Sprintf("%s:%d", w.group.uuid, w.group.number)); err != nil {
			return err
		}
	}
	w.open, w.group, w.moved = false, binlogGroup{}, true
	now := time.Now()
	if w.rows >= vec.MaxRows/2 || w.rows > 0 && now.Sub(w.rowsAt) >= gatherFor {
		w.rowsAt, w.moved, w.beatAt = time.Time{}, false, now
		return w.flush(ctx, len(w.conn.events) == 0)
	}
	return w.beat(ctx, now)
}

// decodeRows reads the rows of an event, if they are the table's.
func (w *binlogStream) decodeRows(e *replication.RowsEvent, data []byte) error {
	at, err := e.DecodeHeader(data)
	if err != nil || !w.ours(e.Table) {
		return err
	}
	return withDocuments(e, func() error { return e.DecodeData(at, data) })
}

func (w *binlogStream) ours(e *replication.TableMapEvent) bool {
	l := w.source.log
	same := func(a []byte, b string) bool {
		return string(a) == b || w.server.folds && strings.EqualFold(string(a), b)
	}
	return same(e.Table, l.name) && same(e.Schema, l.schema)
}

// rowsEvent takes rows that were added, changed or removed.
func (w *binlogStream) rowsEvent(ctx context.Context, h *replication.EventHeader, e *replication.RowsEvent) error {
	if !w.ours(e.Table) {
		return nil
	}
	if w.table == nil || !w.table.holds(e.Table) {
		table, err := w.source.binlogRowsOf(w.reader, e.Table)
		if err != nil {
			return err
		}
		w.table = table
	}
	op, step := byte('I'), 1
	switch e.Type() {
	case replication.EnumRowsEventTypeInsert:
	case replication.EnumRowsEventTypeDelete:
		op = 'D'
	case replication.EnumRowsEventTypeUpdate:
		op, step = 'U', 2
	default:
		return sqlerr.Unsupported("Run SET GLOBAL binlog_row_value_options = '' there, and have its clients connect anew.", "changes of %s that the binlog has in part (%s) are not supported", w.source.config.what(), h.EventType)
	}
	for i := 0; i+step <= len(e.Rows); i += step {
		w.texts = w.texts[:0]
		c := rowChange{op: op, whole: true}
		var err error
		if op != 'I' {
			if w.old, err = w.values(w.old, e, i); err != nil {
				return err
			}
			c.old = w.old
		}
		if op != 'D' {
			if w.row, err = w.values(w.row, e, i+step-1); err != nil {
				return err
			}
			c.row = w.row
		}
		if err := w.change(ctx, &w.table.changes, c); err != nil {
			return err
		}
		w.noted()
	}
	return nil
}

// values are the texts of a row's columns.
func (w *binlogStream) values(dst []logValue, e *replication.RowsEvent, row int) ([]logValue, error) {
	dst = dst[:0]
	for i := range w.table.columns {
		col := &w.table.columns[i]
		for _, skipped := range e.SkippedColumns[row] {
			if skipped == col.at {
				return dst, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the binlog of %s leaves columns of changed rows of %s out, behind %s", w.source.config.server, w.source.config.subject(), w.at()).
					WithHint("Run SET GLOBAL binlog_row_image = FULL there, and have no session set it otherwise. Then drop the job and start it again: it reads the table anew.")
			}
		}
		v := e.Rows[row][col.at]
		if v == nil {
			dst = append(dst, logValue{kind: 'n'})
			continue
		}
		from := len(w.texts)
		var err error
		if w.texts, err = col.value(w.texts, v); err != nil {
			return dst, err
		}
		dst = append(dst, logValue{'t', w.texts[from:len(w.texts):len(w.texts)]})
	}
	return dst, nil
}
