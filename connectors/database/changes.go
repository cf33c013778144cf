package database

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A table's changes are read in two parts. First the table, by COPY, in the snapshot of
// the moment at which the slot begins; then, from the slot, what commits after that.
// The position of the first part is that it is under way: who begins again there makes
// the slot anew, and what the rows of the second snapshot do not have any more goes.
// Positions of the second part are ends of transactions. The server is told of those
// that are committed here, and keeps what comes behind.

// changesAt is a position in a table's changes.
type changesAt struct {
	snapshot bool   // it is under way
	system   uint64 // the identifier of the server's data
	lsn      lsn
}

// changesFormat begins a position of changes; position's begins with 1.
const changesFormat = 2

func (at changesAt) encode() stream.Offset {
	b := []byte{changesFormat, 0}
	if at.snapshot {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, at.system)
	return binary.BigEndian.AppendUint64(b, uint64(at.lsn))
}

func (s *source) decodeChanges(o stream.Offset) (changesAt, error) {
	if len(o) != 18 || o[0] != changesFormat || o[1] > 1 {
		return changesAt{}, sqlerr.Errorf(sqlerr.DataCorrupted, "the position kept for %s is not one of how %q is read", s.config.what(), s.rel.Name).
			WithHint("Its cdc was changed: DROP the job and create it again.")
	}
	return changesAt{o[1] == 1, binary.BigEndian.Uint64(o[2:]), lsn(binary.BigEndian.Uint64(o[10:]))}, nil
}

const (
	// gatherFor is how long rows of transactions wait for those of the next ones, to
	// go on as one batch.
	gatherFor = time.Millisecond
	// idleTell is how often it is said again that nothing more has come.
	idleTell = 200 * time.Millisecond
	// statusEvery is how often the server hears from us; it hangs up on who is silent
	// for wal_sender_timeout.
	statusEvery = 5 * time.Second
	// ackEvery is how often it hears of what was committed meanwhile.
	ackEvery = 200 * time.Millisecond
)

// slotStream is a slot that is being read.
type slotStream struct {
	changeStream
	conn   *pgconn.PgConn // that changes come over
	slot   string
	turn   *claim // of a slot that the declaration names, while it is made
	system uint64

	sent   lsn // the end of the last transaction that was handed on
	at     lsn // likewise, or up to where the server has nothing for us, as was handed on
	ahead  lsn // up to where it has nothing for us
	told   uint64
	toldAt time.Time
	beatAt time.Time

	relations map[uint32]*changeRows // nil: of other tables
	parse     outReader
}

// follow reads the table, unless that was done, and then its changes, for ever.
func (postgres) follow(ctx context.Context, r *reader, p stream.Position) error {
	s := r.source
	c := s.config
	slot, temporary, err := c.slotName(r.scan.Job)
	if err != nil {
		return err
	}
	if err := c.publish(ctx, s.log); err != nil {
		return err
	}
	w := &slotStream{changeStream: changeStream{reader: r, source: s, split: p.Split}, slot: slot, relations: map[uint32]*changeRows{}}
	w.place, w.busy = w.behind, w.stalled
	if kept := c.kept(); kept != "" && !temporary {
		if w.turn, err = claims.take(ctx, kept); err != nil {
			return err
		}
		defer w.claimed()
		w.turn.job, _, _ = strings.Cut(r.scan.Job, "/")
	}
	if w.conn, err = c.connectFor(ctx, forChanges); err != nil {
		return w.refused(err)
	}
	defer func() { disconnect(w.conn) }()
	rows, err := c.ask(ctx, w.conn, "connecting", "IDENTIFY_SYSTEM")
	if err != nil {
		return w.refused(err)
	}
	if _, err := fmt.Sscan(string(rows[0][0]), &w.system); err != nil {
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "%s identifies itself as %q", c.server, rows[0][0])
	}
	resumed, err := w.resume(ctx, p.Offset)
	if err != nil {
		return err
	}
	if resumed {
		w.claimed()
	} else if err := w.snapshot(ctx, temporary); err != nil {
		return err
	}
	r.acked.CompareAndSwap(0, uint64(w.at))
	if err := whileActive(ctx, func() error { return w.begin(ctx) }); err != nil {
		return w.refused(err)
	}
	err = w.follow(ctx)
	if ctx.Err() != nil {
		w.last()
	}
	return err
}

// behind is the end of the last transaction that was handed on.
func (w *slotStream) behind() stream.Offset {
	return changesAt{system: w.system, lsn: w.sent}.encode()
}

// claimed ends the slot's turn: it is the job's.
func (w *slotStream) claimed() {
	if w.turn != nil {
		w.turn.give()
		w.turn = nil
	}
}

// refused adds to an error what a user needs who is to read changes.
func (w *slotStream) refused(err error) error {
	e := *sqlerr.From(err)
	switch e.Code {
	case sqlerr.InsufficientPrivilege, sqlerr.InvalidAuthorizationSpec:
		e.Hint = fmt.Sprintf("Run ALTER ROLE %s REPLICATION there.", quoteIdent(w.source.config.server.user))
	case "53400":
		e.Hint = "Raise max_replication_slots and max_wal_senders there, or drop slots that nobody reads: SELECT slot_name FROM pg_replication_slots WHERE NOT active."
	}
	return &e
}

// resume looks whether reading can go on at a position.
func (w *slotStream) resume(ctx context.Context, o stream.Offset) (bool, error) {
	if o == nil {
		return false, nil
	}
	at, err := w.source.decodeChanges(o)
	if err != nil || at.snapshot {
		return false, err
	}
	c := w.source.config
	why, err := c.lost(ctx, w.conn, w.slot, at, w.system)
	if err != nil {
		return false, err
	}
	if why == "" {
		w.at, w.sent = at.lsn, at.lsn
		return true, nil
	}
	if !c.again {
		return false, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "replication slot %q of %s, which has the changes of %s from %s on, is lost: %s", w.slot, c.server, c.subject(), at.lsn, why).
			WithHint("Set on_data_loss = 'snapshot' on the stream: the table is then read again, and what differs goes out as changes; or DROP the job and create it again.")
	}
	return false, nil
}

// snapshot makes the slot and reads the table as it is where the slot begins.
func (w *slotStream) snapshot(ctx context.Context, temporary bool) error {
	s := w.source
	c := s.config
	kind := ""
	if temporary {
		kind = " TEMPORARY"
	} else if err := c.dropSlots(ctx, w.slot, ""); err != nil {
		return err
	}
	rows, err := c.ask(ctx, w.conn, fmt.Sprintf("creating replication slot %q", w.slot), "CREATE_REPLICATION_SLOT "+quoteIdent(w.slot)+kind+" LOGICAL pgoutput EXPORT_SNAPSHOT")
	if err != nil {
		return w.refused(err)
	}
	w.claimed()
	if w.at, err = parseLSN(string(rows[0][1])); err != nil {
		return err
	}
	w.sent = w.at
	begun := changesAt{snapshot: true, system: w.system}.encode()
	if err := w.say(ctx, stream.MarkRefresh, stream.Read{Split: w.split, Next: begun}); err != nil {
		return err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.close()
	begin := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " + quoteLiteral(string(rows[0][2]))
	if _, err := conn.exec(ctx, begin); err != nil {
		return c.failure("reading "+c.subject(), err)
	}
	places, _, err := c.server.dialect.places(s, true)
	if err != nil {
		return err
	}
	if _, err := w.reader.copy(ctx, conn, selection{split: s.whole(), places: places, fields: w.reader.fields, next: begun}); err != nil {
		return err
	}
	return w.say(ctx, stream.MarkRefreshed, stream.Read{Split: w.split, Next: changesAt{system: w.system, lsn: w.at}.encode(), CaughtUp: true})
}

// begin has the server send changes.
func (w *slotStream) begin(ctx context.Context) error {
	c := w.source.config
	doing := fmt.Sprintf("reading replication slot %q of %s", w.slot, c.subject())
	text := fmt.Sprintf("START_REPLICATION SLOT %s LOGICAL %s (proto_version '1', publication_names %s)", quoteIdent(w.slot), w.at, quoteLiteral(quoteIdent(w.source.log.publication)))
	w.conn.Frontend().Send(&pgproto3.Query{String: text})
	if err := w.conn.Frontend().Flush(); err != nil {
		return c.failure(doing, err)
	}
	var failed error
	for {
		m, err := w.conn.ReceiveMessage(ctx)
		if err != nil {
			return c.failure(doing, err)
		}
		switch m := m.(type) {
		case *pgproto3.CopyBothResponse:
			now := time.Now()
			w.toldAt, w.beatAt, w.caughtAt = now, now, now
			return w.tell(now)
		case *pgproto3.ErrorResponse:
			failed = c.failure(doing, pgconn.ErrorResponseToPgError(m))
		case *pgproto3.ReadyForQuery:
			if failed != nil {
				return failed
			}
		}
	}
}

// follow receives changes until ctx ends or the server hangs up.
func (w *slotStream) follow(ctx context.Context) error {
	c := w.source.config
	doing := fmt.Sprintf("reading the changes of %s", c.subject())
	for {
		wait := ackEvery
		if w.rows > 0 && !w.open {
			wait = gatherFor
		}
		within, cancel := context.WithTimeout(ctx, wait)
		m, err := w.conn.ReceiveMessage(within)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && pgconn.Timeout(err):
			err = w.quiet(ctx)
		case err != nil:
			return c.failure(doing, err)
		default:
			err = w.message(ctx, doing, m)
		}
		if err != nil {
			return err
		}
	}
}

// quiet does what is due when nothing comes.
func (w *slotStream) quiet(ctx context.Context) error {
	now := time.Now()
	if err := w.changeStream.quiet(ctx, now); err != nil {
		return err
	}
	return w.beat(ctx, now)
}

// due tells the server what is committed, where that has changed or it has not heard
// from us for long.
func (w *slotStream) due(now time.Time) error {
	since := now.Sub(w.toldAt)
	if since >= statusEvery || since >= ackEvery && w.reader.acked.Load() != w.told {
		return w.tell(now)
	}
	return nil
}

// tell sends the server a standby's status update.
func (w *slotStream) tell(now time.Time) error {
	w.told, w.toldAt = w.reader.acked.Load(), now
	b := []byte{'r'}
	b = binary.BigEndian.AppendUint64(b, uint64(max(w.at, w.sent)))
	b = binary.BigEndian.AppendUint64(b, w.told)
	b = binary.BigEndian.AppendUint64(b, w.told)
	b = binary.BigEndian.AppendUint64(b, uint64(now.UnixMicro()-microsTo2000))
	b = append(b, 0)
	w.conn.Frontend().Send(&pgproto3.CopyData{Data: b})
	if err := w.conn.Frontend().Flush(); err != nil {
		return w.source.config.failure("acknowledging changes", err)
	}
	return nil
}

// microsTo2000 is PostgreSQL's epoch in Unix's.
const microsTo2000 = 946_684_800_000_000

// last tells the server at the end what has been committed; what it does not hear it
// sends again, and is passed over then.
func (w *slotStream) last() {
	if w.reader.acked.Load() == w.told {
		return
	}
	_ = w.conn.Conn().SetDeadline(time.Now().Add(closeTimeout)) // where it fails, so does what follows
	_ = w.tell(time.Now())
}

// message takes what the server has sent.
func (w *slotStream) message(ctx context.Context, doing string, m pgproto3.BackendMessage) error {
	c := w.source.config
	switch m := m.(type) {
	case *pgproto3.CopyData:
		return w.data(ctx, m.Data)
	case *pgproto3.ErrorResponse:
		return c.failure(doing, pgconn.ErrorResponseToPgError(m))
	case *pgproto3.CopyDone:
		return c.failure(doing, errors.New("the server is shutting down"))
	}
	return nil
}

// data takes a keepalive, or a message of pgoutput.
func (w *slotStream) data(ctx context.Context, b []byte) error {
	now := time.Now()
	switch {
	case len(b) >= 18 && b[0] == 'k':
		end := lsn(binary.BigEndian.Uint64(b[1:]))
		if b[17] != 0 {
			if err := w.tell(now); err != nil {
				return err
			}
		}
		if w.open || w.rows > 0 {
			return w.due(now)
		}
		w.ahead = max(w.ahead, end)
		return w.beat(ctx, now)
	case len(b) > 25 && b[0] == 'w':
		if err := w.due(now); err != nil {
			return err
		}
		return w.output(ctx, b[25], b[26:])
	}
	return errOutput()
}

// beat hands on, now and then, up to where the server has nothing for us.
func (w *slotStream) beat(ctx context.Context, now time.Time) error {
	if w.open || w.rows > 0 || w.ahead <= w.at || now.Sub(w.beatAt) < w.source.config.heartbeat {
		return w.due(now)
	}
	w.at, w.beatAt = w.ahead, now
	return w.send(ctx, delivery{read: stream.Read{Split: w.split, Next: changesAt{system: w.system, lsn: w.at}.encode(), CaughtUp: true}})
}

// output takes a message of pgoutput.
func (w *slotStream) output(ctx context.Context, kind byte, b []byte) error {
	switch kind {
	case 'B':
		w.open = true
	case 'C':
		end, err := w.parse.commit(b)
		if err != nil {
			return err
		}
		w.open = false
		w.at, w.sent = end, end
		if w.rows >= vec.MaxRows/2 {
			return w.flush(ctx, false)
		}
	case 'R':
		rel, err := w.parse.relation(b)
		if err != nil {
			return err
		}
		return w.relation(rel)
	case 'I', 'U', 'D':
		change, err := w.parse.change(kind, b)
		if err != nil {
			return err
		}
		rows, known := w.relations[change.relation]
		if !known {
			return errOutput()
		}
		if rows == nil {
			return nil
		}
		return w.change(ctx, rows, change.rowChange)
	case 'T':
		ids, err := w.parse.truncate(b)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if w.relations[id] == nil {
				continue
			}
			if err := w.room(ctx); err != nil {
				return err
			}
			w.appendMark(stream.MarkTruncate)
		}
	case 'O', 'Y', 'M': // an origin, a type, a message of somebody's
	default:
		return errOutput()
	}
	return nil
}

// stalled lets the server know that we are there, while nobody takes what it has sent.
func (w *slotStream) stalled() error {
	if w.toldAt.IsZero() {
		return nil // it sends nothing so far
	}
	return w.tell(time.Now())
}
