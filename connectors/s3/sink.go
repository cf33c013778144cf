package s3

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/file"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// sink writes rows into objects, by multipart uploads that are completed after the
// decision. Objects go on over several epochs until they are long or old enough. What
// a token names can be completed by anybody who has it, which a start does.
type sink struct {
	config config
	*client
	rel        *catalog.Relation
	metrics    *stream.Metrics
	naming     *naming
	encoding   *file.Encoding
	written    []int // columns of the relation that records have
	rows       vec.Batch
	appends    bool // deletes are refused
	partSize   int64
	rollSize   int64
	rollAfter  time.Duration
	most       int // objects at a time
	loseSilent bool
	foreground bool

	// The sink's goroutine, and the one that completes what is idle, have it in turn.
	turn      sync.Mutex
	open      map[string]*upload // by place
	closed    []made             // complete, and not named by a committed token
	committed token
	epoch     stream.Epoch
	prepared  []preparedEpoch // not decided, ascending
	over      bool

	opened context.Context // of who has opened the sink
	life   context.Context // of requests that outlive a call
	cancel context.CancelFunc
	slots  chan struct{} // bounded: parts on their way are held in memory
	parts  sync.WaitGroup
	idle   sync.WaitGroup
	mu     sync.Mutex
	broken error
}

type preparedEpoch struct {
	epoch stream.Epoch
	token token
}

// longestKey is how long a key is at most, in bytes, as S3 has it.
const longestKey = 1024

// partsAtOnce is how many parts a sink has on their way.
const partsAtOnce = 4

var sinkOptions = slices.Concat(both, []stream.Option{
	{Key: "partition_columns", Help: "columns that become folders (region=eu/), parted by commas, instead of being written"},
	{Key: "time_column", Help: "the date or timestamp column that the dates in path are taken from; without it the clock, in UTC"},
	{Key: "roll.size", Default: "128MB", Help: "an object ends when it is as long"},
	{Key: "roll.interval", Aliases: []string{"roll.time"}, Default: "1m", Help: "an object ends, and can be read, so long after its first row; 0s: with each checkpoint"},
	{Key: "part.size", Default: "8MB", Help: "how much is sent at a time, from 5MB"},
	{Key: "max_open_objects", Default: "64", Help: "how many objects are written at a time: past it the one that got no rows for longest ends"},
	{Key: "on_data_loss", Default: "fail", Help: "fail or continue: an object whose rows are committed is found neither completed nor as an upload"},
}, file.RecordOptions(stream.RoleSink))

// sinkConfig reads the options of a relation that is written to.
func sinkConfig(env *stream.Env, rel *catalog.Relation) (config, *stream.Values, error) {
	known := stream.SinkOptionsOf(rel, sinkOptions, sourceOptions)
	v, err := stream.ReadOptions(rel, stream.RoleSink, known)
	if err != nil {
		return config{}, nil, err
	}
	c, err := readConfig(env, rel, v)
	if err != nil {
		return c, nil, err
	}
	if rel.Kind == catalog.Stream && isPattern(c.key) {
		return c, nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "path %q of sink %q is a pattern", c.url(c.key), rel.Name).
			WithHint("Declare a sink with a path of its own; patterns are for sources.")
	}
	if isPattern(c.key) {
		v.Reject("path", "a key, or a template such as s3://bucket/{year}/{month}/; patterns are for sources")
	}
	if _, err := object.ParseTemplate(c.key); err != nil {
		return c, nil, err
	}
	return c, v, v.Err()
}

// read takes what the options say of how objects are written.
func (s *sink) read(v *stream.Values) error {
	rel := s.rel
	s.rollSize, s.partSize = v.Size("roll.size", 1<<10, 5<<40), v.Size("part.size", leastPart, 1<<30)
	s.rollAfter, s.most = v.Duration("roll.interval"), int(v.Int("max_open_objects", 1, 10_000))
	s.loseSilent = v.Enum("on_data_loss", "fail", "continue") == "continue"
	var err error
	if s.naming, err = newNaming(s.config.key); err != nil {
		return err
	}
	s.naming.columns = rel.Columns
	column := func(key, name string) (int, error) {
		i := slices.IndexFunc(rel.Columns, func(c catalog.Column) bool { return strings.EqualFold(c.Name, name) })
		if i < 0 && len(rel.Columns) > 0 {
			return i, sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q of %s is not among those of sink %q", name, key, rel.Name).WithHint("Select it, or name another one.")
		}
		return i, nil
	}
	if name := v.String("time_column"); name != "" {
		i, err := column("time_column", name)
		if err != nil {
			return err
		}
		if i >= 0 && !slices.Contains([]types.OID{types.Date, types.Timestamp, types.Timestamptz}, rel.Columns[i].Type.OID) {
			return sqlerr.Errorf(sqlerr.DatatypeMismatch, "column %q of time_column is no date or timestamp", name).WithHint("Name another one, or leave time_column out.")
		}
		s.naming.time = i
	}
	if list := v.String("partition_columns"); !v.Given("partition_columns") || strings.EqualFold(list, "auto") || strings.EqualFold(list, "none") {
		// Those of a stream that is also read say what is read.
	} else {
		for _, name := range file.Names(list) {
			i, err := column("partition_columns", name)
			if err != nil {
				return err
			}
			if i >= 0 {
				s.naming.partition = append(s.naming.partition, i)
			}
		}
	}
	if !file.ChangeKey(rel).Own && (len(s.naming.partition) > 0 || s.naming.time >= 0) {
		return sqlerr.Unsupported("Leave them out, or write format 'json', 'avro' or 'parquet', whose rows have their _op.",
			"partition_columns and time_column of sink %q, whose records are changes and stand in one order, are not supported", rel.Name)
	}
	for i := range rel.Columns {
		if !slices.Contains(s.naming.partition, i) {
			s.written = append(s.written, i)
		}
	}
	if len(rel.Columns) > 0 && len(s.written) == 0 {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "partition_columns of sink %q names every column", rel.Name).WithHint("Leave one out, which is written.")
	}
	return v.Err()
}

// Sink opens the relation for writing. It completes what the last committed epoch has
// left, and removes what lies past it.
func (Connector) Sink(ctx context.Context, env *stream.Env, rel *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	c, v, err := sinkConfig(env, rel)
	if err != nil {
		return nil, err
	}
	s := &sink{config: c, rel: rel, metrics: env.Metrics, open: map[string]*upload{}, epoch: o.Committed, foreground: o.Job == "",
		slots: make(chan struct{}, partsAtOnce)}
	if err := s.read(v); err != nil {
		return nil, err
	}
	columns := make([]catalog.Column, len(s.written))
	for i, k := range s.written {
		columns[i] = rel.Columns[k]
		if slices.ContainsFunc(rel.Hidden, func(h catalog.Column) bool { return h.Name == rel.Columns[k].Name }) {
			return nil, sqlerr.Unsupported("Leave it out, or write it under another name.", "column %q of %q cannot be written: an object has no such thing", rel.Columns[k].Name, rel.Name)
		}
	}
	if s.encoding, err = (file.Elsewhere{Store: &store{config: c}, Pattern: c.key}).Encoding(env, rel, v, columns, o.Changelog, o.Key); err != nil {
		return nil, err
	}
	s.appends = strings.EqualFold(v.String("changelog"), "append")
	if !s.naming.dotted {
		s.naming.ext = s.encoding.Extension()
	}
	s.naming.own(o, rel)
	if s.client, err = newClient(c); err != nil {
		return nil, err
	}
	s.opened = ctx
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.life, s.cancel = life, cancel
	if !s.foreground {
		stop := context.AfterFunc(ctx, cancel)
		s.cancel = func() {
			stop()
			cancel()
		}
	}
	if err := s.recover(ctx, o); err != nil {
		s.cancel()
		return nil, errors.Join(err, s.client.Close())
	}
	if !s.foreground && s.rollAfter > 0 {
		s.idle.Go(s.completeIdle)
	}
	return s, nil
}

// recover brings the store to what the token says.
func (s *sink) recover(ctx context.Context, o stream.SinkOptions) error {
	if o.Token != nil {
		t, err := decodeToken(o.Token)
		if err != nil {
			return err
		}
		for _, m := range t.Objects {
			if m.Closed && o.Delivered {
				continue // whoever reads it may have moved it since
			}
			if err := s.complete(ctx, m); err != nil {
				return err
			}
		}
	}
	if s.foreground {
		return s.reachable(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what lists ends with it
	for u := range s.core.ListIncompleteUploads(ctx, s.config.bucket, s.naming.prefix, true) {
		if u.Err != nil {
			return s.config.failure("listing uploads of \""+s.config.url(s.naming.prefix)+"\"", u.Err)
		}
		if !strings.Contains(u.Key, s.naming.owner) {
			continue
		}
		if err := s.abort(ctx, u.Key, u.UploadID); err != nil {
			return err
		}
	}
	return nil
}

// reachable finds out whether there is a bucket before rows are taken.
func (s *sink) reachable(ctx context.Context) error {
	_, err := s.core.ListObjectsV2(s.config.bucket, s.naming.prefix, "", "", "", 1)
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return s.config.failure("writing to \""+s.config.url(s.naming.prefix)+"\"", err)
	}
	return nil
}

// Write puts rows into objects.
func (s *sink) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.over {
		return nil, errors.New("writing to an S3 sink that is closed")
	}
	if err := s.trouble(); err != nil {
		return nil, err
	}
	s.rows = vec.Batch{Ops: b.Ops, Sel: b.Sel, Rows: b.Rows, Cols: s.rows.Cols[:0]}
	for _, c := range s.written {
		s.rows.Cols = append(s.rows.Cols, b.Cols[c])
	}
	now := time.Now()
	var rejects []stream.Reject
	n := b.Len()
	for i := range n {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		if s.appends && b.Op(row) == vec.Delete {
			return rejects, sqlerr.Errorf(sqlerr.InvalidParameterValue, "sink %q takes appended rows only, and the query deletes one", s.rel.Name)
		}
		err := s.put(ctx, b, row, now)
		if err == nil && s.encoding.Crowded() {
			err = s.let(ctx, false, now)
		}
		if refused := (rowError{}); errors.As(err, &refused) {
			e := *sqlerr.From(refused.error)
			e.Message = "writing to \"" + s.config.url(s.config.key) + "\": " + e.Message
			rejects = append(rejects, stream.Reject{Err: &e})
		} else if err != nil {
			return rejects, err
		}
	}
	s.metrics.RecordsWritten.Add(int64(n - len(rejects)))
	return rejects, nil
}

// rowError is an error that is a row's.
type rowError struct{ error }

func (s *sink) put(ctx context.Context, b *vec.Batch, row int, now time.Time) error {
	if s.encoding.Envelopes() {
		record, err := s.encoding.Change(&s.rows, row)
		if err != nil {
			return rowError{err}
		}
		if record == nil {
			return nil
		}
		return s.putRecord(ctx, record, now)
	}
	place, at, err := s.naming.place(b, row, now)
	if err != nil {
		return rowError{err}
	}
	u, err := s.uploadAt(ctx, place, at, now)
	if err != nil {
		return err
	}
	if err := u.rows.Append(&s.rows, row); err != nil {
		return rowError{err}
	}
	return s.grown(ctx, place, u, now)
}

// putRecord puts the record of a change into the object that is written now.
func (s *sink) putRecord(ctx context.Context, record []byte, now time.Time) error {
	place, at, err := s.naming.place(nil, 0, now)
	if err != nil {
		return err
	}
	u, err := s.uploadAt(ctx, place, at, now)
	if err != nil {
		return err
	}
	u.rows.AppendRecord(record)
	return s.grown(ctx, place, u, now)
}

// let puts what is held of an epoch's changes into objects. last: it ends.
func (s *sink) let(ctx context.Context, last bool, now time.Time) error {
	return s.encoding.Let(last, func(record []byte) error { return s.putRecord(ctx, record, now) })
}

// uploadAt is the object at a place; it begins where there is none.
func (s *sink) uploadAt(ctx context.Context, place string, at, now time.Time) (*upload, error) {
	if u := s.open[place]; u != nil {
		return u, nil
	}
	return s.start(ctx, place, at, now)
}

// grown sends what makes a part of an object that has got a record, and ends one that is
// long enough.
func (s *sink) grown(ctx context.Context, place string, u *upload, now time.Time) error {
	u.dirty, u.used = true, now
	if !u.rows.Full() {
		return nil
	}
	if err := s.flush(ctx, u, false); err != nil {
		return err
	}
	if u.bytes() >= s.rollSize || u.next >= mostParts-2 {
		return s.finish(ctx, place, u)
	}
	return nil
}

// start begins an object, and ends the one that was quiet for longest where there are
// too many.
func (s *sink) start(ctx context.Context, place string, at, now time.Time) (*upload, error) {
	key := s.naming.key(place, at, now)
	if len(key) > longestKey {
		e := sqlerr.Errorf(sqlerr.StringDataRightTruncation, "the key of its object would be %d bytes long, and %d are the most", len(key), longestKey)
		return nil, rowError{e.WithHint("Choose partition_columns of shorter values.")}
	}
	if len(s.open) >= s.most {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(s.open)), func(a, b string) int { return s.open[a].used.Compare(s.open[b].used) })
		if err := s.finish(ctx, oldest, s.open[oldest]); err != nil {
			return nil, err
		}
	}
	rows, err := s.encoding.New()
	if err != nil {
		return nil, err
	}
	u := &upload{key: key, rows: rows, next: 1, began: now}
	s.open[place] = u
	return u, nil
}

// finish ends an object. It is completed when the epoch that runs commits.
func (s *sink) finish(ctx context.Context, place string, u *upload) error {
	if err := s.end(ctx, u); err != nil {
		return err
	}
	if err := s.stored(ctx); err != nil {
		return err
	}
	delete(s.open, place)
	u.rows.Close()
	if u.id != "" {
		s.closed = append(s.closed, u.made(true))
	}
	return nil
}

// Prepare stores what is not stored yet. The token names every part.
func (s *sink) Prepare(ctx context.Context, e stream.Epoch) ([]byte, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	now := time.Now()
	if err := s.let(ctx, true, now); err != nil {
		return nil, err
	}
	for place, u := range s.open {
		if s.foreground || now.Sub(u.began) >= s.rollAfter || u.bytes() >= s.rollSize || u.next >= mostParts-2 {
			if err := s.finish(ctx, place, u); err != nil {
				return nil, err
			}
		} else if err := s.end(ctx, u); err != nil {
			return nil, err
		}
	}
	if err := s.stored(ctx); err != nil {
		return nil, err
	}
	t := token{Objects: slices.Clone(s.closed)}
	for _, u := range s.open {
		if u.id != "" {
			t.Objects = append(t.Objects, u.made(false))
		}
	}
	s.prepared = append(s.prepared, preparedEpoch{e, t})
	return t.encode()
}

// Commit completes the epoch's objects.
func (s *sink) Commit(ctx context.Context, e stream.Epoch, b []byte) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if e <= s.epoch && !s.foreground || s.over {
		return nil
	}
	t, err := decodeToken(b)
	if err != nil {
		return err
	}
	for _, m := range t.Objects {
		if !m.Closed {
			continue
		}
		if err := s.complete(ctx, m); err != nil {
			return err
		}
		s.closed = slices.DeleteFunc(s.closed, func(c made) bool { return c.ID == m.ID })
	}
	t.Objects = slices.DeleteFunc(t.Objects, func(m made) bool { return m.Closed })
	s.epoch, s.committed = e, t
	s.prepared = slices.DeleteFunc(s.prepared, func(p preparedEpoch) bool { return p.epoch <= e })
	return nil
}

// Rollback removes the epoch's rows, and those after it. Objects that have rows of an
// epoch before it end with those.
func (s *sink) Rollback(ctx context.Context, e stream.Epoch, _ []byte) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if e <= s.epoch && !s.foreground || s.over {
		return nil
	}
	s.encoding.Forget()
	s.prepared = slices.DeleteFunc(s.prepared, func(p preparedEpoch) bool { return p.epoch >= e })
	keep := s.committed
	if n := len(s.prepared); n > 0 {
		keep = s.prepared[n-1].token
	}
	_ = s.stored(ctx) // one on its way would outlive the upload; what is wrong with it goes with it
	s.mu.Lock()
	s.broken = nil
	s.mu.Unlock()
	kept := map[string]bool{}
	for _, m := range keep.Objects {
		kept[m.ID] = true
	}
	for place, u := range s.open {
		u.rows.Close()
		if delete(s.open, place); !kept[u.id] {
			if err := s.abort(ctx, u.key, u.id); err != nil {
				return err
			}
		}
	}
	for _, m := range s.closed {
		if !kept[m.ID] {
			if err := s.abort(ctx, m.Key, m.ID); err != nil {
				return err
			}
		}
	}
	s.closed = slices.Clone(keep.Objects)
	for i := range s.closed {
		s.closed[i].Closed = true
	}
	return nil
}

// completeIdle completes objects that are old enough and get no rows: their epoch is
// committed, and no other comes that would do it.
func (s *sink) completeIdle() {
	tick := time.NewTicker(max(s.rollAfter/4, 50*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.life.Done():
			return
		}
		s.turn.Lock()
		if s.over {
			s.turn.Unlock()
			return
		}
		now := time.Now()
		for place, u := range s.open {
			if u.dirty || now.Sub(u.began) < s.rollAfter || len(s.prepared) > 0 {
				continue
			}
			i := slices.IndexFunc(s.committed.Objects, func(m made) bool { return m.ID == u.id })
			if u.id == "" || i < 0 {
				continue
			}
			// Where it fails the next look, or the next epoch, does it.
			if s.complete(s.life, s.committed.Objects[i]) == nil {
				delete(s.open, place)
				u.rows.Close()
				s.committed.Objects = slices.Delete(s.committed.Objects, i, i+1)
			}
		}
		s.turn.Unlock()
	}
}

// Close ends the sink. What is committed is completed, unless an epoch is undecided:
// then a start does it. A transaction that did not commit leaves nothing.
func (s *sink) Close() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.over {
		return nil
	}
	s.over = true
	ctx, done := context.WithTimeout(context.WithoutCancel(s.life), s.config.timeout)
	defer done()
	if !s.foreground {
		defer context.AfterFunc(s.opened, done)() // who is cut short leaves it to a start
	}
	s.cancel()
	s.parts.Wait()
	for _, u := range s.open {
		u.rows.Close()
	}
	var errs []error
	if s.trouble() == nil && (len(s.prepared) == 0 || s.foreground) {
		kept := map[string]bool{}
		for _, m := range s.committed.Objects {
			kept[m.ID] = true
			errs = append(errs, s.complete(ctx, m))
		}
		for _, u := range s.open {
			if !kept[u.id] {
				errs = append(errs, s.abort(ctx, u.key, u.id))
			}
		}
		for _, m := range s.closed {
			if !kept[m.ID] {
				errs = append(errs, s.abort(ctx, m.Key, m.ID))
			}
		}
	}
	s.turn.Unlock()
	s.idle.Wait()
	s.turn.Lock()
	return errors.Join(append(errs, s.client.Close())...)
}
