package database

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// reader delivers the rows of splits, one after the other. A goroutine receives and
// decodes them, at most readAhead batches before they are asked for.
type reader struct {
	source *source
	scan   stream.Scan
	from   []stream.Position
	fields []field
	keys   []int         // of changes: among fields, those of the stream's key
	wake   chan struct{} // holds one request
	known  *refusals     // of a table that is read again and again

	out    chan delivery
	free   chan *vec.Batch
	start  sync.Once
	cancel context.CancelFunc
	done   chan struct{}
	acked  atomic.Uint64 // of changes: where what is committed ends
	failed error         // what ended the goroutine; Read returns it again
}

// readAhead is how many batches lie ready: the one that is decoded while another one
// is worked on.
const readAhead = 2

// batchBytes is how much the texts of a batch's values may have before it is handed on, be
// its rows ever so few: a row may have megabytes.
const batchBytes = 4 << 20

// delivery is a batch of rows, or what there is to say without one.
type delivery struct {
	batch *vec.Batch
	read  stream.Read
	err   error
	panic string // what the goroutine died of, for that which reads
}

// Open starts a reader. It connects with its first Read.
func (s *source) Open(ctx context.Context, from []stream.Position, scan stream.Scan) (stream.Reader, error) {
	places, _, err := s.config.server.dialect.places(s, scan.Bounded || scan.Marks)
	if err != nil {
		return nil, err
	}
	r := &reader{source: s, scan: scan, from: from, wake: make(chan struct{}, 1), out: make(chan delivery), free: make(chan *vec.Batch, readAhead), done: make(chan struct{})}
	for i, c := range scan.Columns {
		if scan.Marks && slices.Contains(s.rel.Key, s.rel.Columns[c].Name) {
			r.keys = append(r.keys, i)
		}
	}
	r.fields = s.fields(scan.Columns, s.remote)
	for _, p := range from {
		if scan.Marks {
			break // its positions are those of changes
		}
		if _, err := s.decode(p.Offset, len(places)); err != nil {
			return nil, err
		}
	}
	if scan.Marks && scan.Latest {
		return nil, sqlerr.Unsupported("Begin with the rows that there are.", "reading the changes of %s from the latest on, without the rows that they change, is not supported", s.config.what())
	}
	for range readAhead {
		r.free <- vec.NewBatch(r.types())
	}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.start.Do(func() {
		go func() {
			defer close(r.done)
			r.run(ctx)
		}()
	})
	return r, nil
}

// fields are columns of the relation, read as what they are there.
func (s *source) fields(columns []int, remote []remote) []field {
	format := types.DefaultFormat()
	format.Enum = s.env.Labels
	var fields []field
	for _, c := range columns {
		fields = append(fields, s.config.server.dialect.field(s.rel.Columns[c], remote[c], format))
	}
	return fields
}

func (r *reader) types() []types.Type {
	var ts []types.Type
	for i := range r.fields {
		ts = append(ts, r.fields[i].typ)
	}
	if r.scan.Marks {
		ts = append(ts, types.Of(types.Bytea))
	}
	return ts
}

// Read takes what the goroutine has decoded. The columns change places: the batch's
// are filled next.
func (r *reader) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	b.Reset()
	select {
	case <-r.wake:
		return stream.Read{}, nil
	default:
	}
	if r.failed != nil {
		return stream.Read{}, r.failed
	}
	select {
	case d := <-r.out:
		if d.panic != "" {
			r.failed = sqlerr.Errorf(sqlerr.InternalError, "reading %s has ended", r.source.config.subject())
			panic(d.panic)
		}
		if d.err != nil {
			r.failed = d.err
			return stream.Read{}, d.err
		}
		if d.batch != nil {
			for i := range b.Cols {
				b.Cols[i], d.batch.Cols[i] = d.batch.Cols[i], b.Cols[i]
			}
			b.Ops, d.batch.Ops = d.batch.Ops, b.Ops
			b.Rows = d.batch.Rows
			r.source.env.Metrics.RecordsRead.Add(int64(b.Rows))
			r.free <- d.batch // there is room: it came from there
		}
		return d.read, nil
	case <-r.wake:
		return stream.Read{}, nil
	case <-ctx.Done():
		return stream.Read{}, ctx.Err()
	}
}

// Wake makes Read return.
func (r *reader) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Add takes none: the splits are those of the moment when the source was opened.
func (r *reader) Add(_ context.Context, from []stream.Position) error {
	if len(from) > 0 {
		return sqlerr.Errorf(sqlerr.InternalError, "split %s of %s came to be while it was read", from[0].Split, r.source.config.what())
	}
	return nil
}

// Ack tells what of a table's changes the server need not keep. A table itself is read
// again from any position.
func (r *reader) Ack(_ context.Context, upTo []stream.Position) error {
	if !r.scan.Marks || !r.source.config.cdc {
		return nil
	}
	for _, p := range upTo {
		at, err := r.source.config.log().acked(r.source, p.Offset)
		if err != nil {
			return err
		}
		if at != 0 {
			r.acked.Store(at)
		}
	}
	return nil
}

// readChanges reads the table, and then what changes in it.
func (r *reader) readChanges(ctx context.Context) error {
	switch {
	case len(r.from) == 0:
		return nil
	case !r.source.config.cdc:
		return r.readAgain(ctx)
	}
	return r.source.config.log().follow(ctx, r, r.from[0])
}

// Close ends the goroutine and its connection.
func (r *reader) Close() error {
	r.cancel()
	<-r.done
	return nil
}

// send hands a delivery over; false: nobody wants it.
func (r *reader) send(ctx context.Context, d delivery) bool {
	select {
	case r.out <- d:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *reader) run(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			r.send(ctx, delivery{panic: fmt.Sprintf("%v\n%s", p, debug.Stack())})
		}
	}()
	read := r.readAll
	if r.scan.Marks {
		read = r.readChanges
	}
	err := read(ctx)
	if err == nil {
		err = io.EOF
	}
	r.send(ctx, delivery{err: err})
}

// readAll reads every split.
func (r *reader) readAll(ctx context.Context) error {
	if len(r.from) == 0 {
		return nil
	}
	s := r.source
	conn, err := s.config.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.close()
	d := s.config.server.dialect
	places, sorted, err := d.places(s, r.scan.Bounded)
	if err != nil {
		return err
	}
	filters := pushed(d, r.scan.Filters, r.fields)
	if s.config.incremental != "" {
		return r.follow(ctx, conn, places, filters)
	}
	if err := conn.snapshot(ctx, !sorted && len(places) > 0); err != nil {
		return s.config.failure("reading "+s.config.subject(), err)
	}
	for _, p := range r.from {
		at, err := s.decode(p.Offset, len(places))
		if err != nil {
			return err
		}
		what := selection{split: p.Split, places: places, fields: r.fields, filters: filters, at: at}
		if sorted {
			what.order = " ASC"
		}
		if _, err := r.copy(ctx, conn, what); err != nil {
			return err
		}
		if !r.send(ctx, delivery{read: stream.Read{Split: p.Split, CaughtUp: true}}) {
			return ctx.Err()
		}
	}
	return nil
}

// follow asks for the rows behind the last one, again and again.
func (r *reader) follow(ctx context.Context, conn session, places []place, filters []string) error {
	s, p := r.source, r.from[0]
	at, err := s.decode(p.Offset, len(places))
	if err != nil {
		return err
	}
	if at == nil && r.scan.Latest {
		if at, err = s.latest(ctx, conn, places); err != nil {
			return err
		}
	}
	rows := s.config.server.dialect.horizon(s, r.scan.Bounded)
	for {
		settled, err := rows.where(ctx, conn)
		if err != nil {
			return s.config.failure("reading "+s.config.subject(), err)
		}
		last, err := r.copy(ctx, conn, selection{split: p.Split, places: places, fields: r.fields, filters: filters, settled: settled, at: at, order: " ASC"})
		if err != nil {
			return err
		}
		if last != nil {
			at = last
		}
		if !r.send(ctx, delivery{read: stream.Read{Split: p.Split, CaughtUp: true}}) {
			return ctx.Err()
		}
		if r.scan.Bounded {
			return nil
		}
		timer := time.NewTimer(s.config.poll)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// latest is the position of the last row there is; nil: there is none.
func (s *source) latest(ctx context.Context, conn session, places []place) (position, error) {
	settled, err := s.config.server.dialect.horizon(s, true).where(ctx, conn)
	if err != nil {
		return nil, s.config.failure("reading "+s.config.subject(), err)
	}
	var p position
	text := s.statement(selection{split: s.whole(), places: places, settled: settled, order: " DESC", limit: 1})
	err = conn.rows(ctx, text, len(places), func(values [][]byte) (err error) {
		p, err = placed(places, values)
		return err
	})
	return p, s.config.failure("reading "+s.config.subject(), err)
}

func placed(places []place, values [][]byte) (position, error) {
	p := make(position, len(places))
	for i, pl := range places {
		if pl.read == nil {
			p[i] = string(values[i])
			continue
		}
		var err error
		if p[i], err = pl.read(values[i]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// copy runs a SELECT and delivers its rows. It returns the place of the last one.
func (r *reader) copy(ctx context.Context, conn session, what selection) (position, error) {
	c := &copying{reader: r, ctx: ctx, next: what.next, parted: what.parted, split: what.split, places: what.places, last: make([][]byte, len(what.places))}
	err := conn.rows(ctx, r.source.statement(what), max(1, len(what.places)+len(r.fields)), c.row)
	if err == nil {
		err = c.flush()
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, r.source.config.failure("reading "+r.source.config.subject(), err)
	}
	return c.at, nil
}

// copying is one SELECT under way.
type copying struct {
	reader  *reader
	ctx     context.Context
	split   stream.Split
	places  []place
	batch   *vec.Batch
	rows    int // of the batch, those refused with them
	size    int // of their values, in bytes
	rejects []stream.Reject
	last    [][]byte // of the last row, the values of its place
	at      position
	next    stream.Offset // where to go on, whatever the row; nil: behind the row
	parted  bool          // nowhere: they are part of what is known only at its end
}

// row decodes one row.
func (c *copying) row(values [][]byte) error {
	if c.batch == nil {
		select {
		case c.batch = <-c.reader.free:
			c.batch.Reset()
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
	for i := range c.places {
		c.last[i] = append(c.last[i][:0], values[i]...)
	}
	c.rows++
	for _, v := range values {
		c.size += len(v)
	}
	if err := c.decode(values[len(c.places):]); err != nil {
		return err
	}
	if c.rows == vec.MaxRows || c.size >= batchBytes {
		return c.flush()
	}
	return nil
}

func (c *copying) decode(values [][]byte) error {
	b := c.batch
	for i := range c.reader.fields {
		f := &c.reader.fields[i]
		if values[i] == nil {
			vec.AppendNull(b.Cols[i])
			continue
		}
		err := f.set(b.Cols[i], values[i])
		if err == nil {
			continue
		}
		vec.Truncate(b.Cols[i], b.Rows) // what was appended of it goes
		if c.reader.scan.OnReject == stream.NullBad && !slices.Contains(c.reader.keys, i) {
			vec.AppendNull(b.Cols[i])
			continue
		}
		c.cut()
		return c.refuse(f, values, err)
	}
	if c.reader.scan.Marks {
		b.Cols[len(c.reader.fields)].(*vec.Bytes).AppendNull()
	}
	b.Rows++
	return nil
}

// refuse is for a row with a value that does not fit its column.
func (c *copying) refuse(f *field, values [][]byte, err error) error {
	p, perr := placed(c.places, c.last)
	if perr != nil {
		return perr
	}
	e := *sqlerr.From(err)
	e.Column = f.name
	bad := stream.RecordError(c.reader.source.rel, c.where(p, values), &e)
	if c.reader.scan.OnReject == stream.Fail {
		return bad
	}
	var raw []byte
	for i, v := range values {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = c.reader.fields[i].appendText(raw, v)
	}
	c.stays(values)
	if c.reader.known.again(raw) {
		return nil
	}
	c.reader.source.env.Metrics.Rejects.Add(1)
	c.rejects = append(c.rejects, stream.Reject{Position: stream.Position{Split: c.split, Offset: p.encode()}, Raw: raw, Err: bad})
	return nil
}

// where says which row of the table it is: by the stream's key, where it has one.
func (c *copying) where(p position, values [][]byte) string {
	s := c.reader.source
	var text string
	for _, k := range c.reader.keys {
		f := &c.reader.fields[k]
		text += fmt.Sprintf(" %s = %s", f.name, f.appendText(nil, values[k]))
	}
	if text != "" {
		return s.config.subject() + ", row" + text
	}
	if len(p) == 0 {
		return s.config.subject()
	}
	for i, at := range c.places {
		if at.name != "" {
			text += fmt.Sprintf(" %s = %s", at.name, p[i])
		}
	}
	if text == "" {
		text = " " + p[0]
	}
	return s.config.subject() + ", row" + text
}

// flush delivers the rows decoded so far.
func (c *copying) flush() error {
	if c.rows == 0 {
		return nil
	}
	p, err := placed(c.places, c.last)
	if err != nil {
		return err
	}
	next := c.next
	if next == nil && !c.parted {
		next = p.encode()
	}
	d := delivery{batch: c.batch, read: stream.Read{Split: c.split, Next: next, Rejects: c.rejects}}
	if !c.reader.send(c.ctx, d) {
		return c.ctx.Err()
	}
	c.at, c.batch, c.rows, c.size, c.rejects = p, nil, 0, 0, nil
	return nil
}
