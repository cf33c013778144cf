package database

import (
	"context"
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// sink writes rows to a table, a batch in one statement.
type sink struct {
	config  *config
	tx      *transaction
	metrics *stream.Metrics
	mode    string

	key    []int // columns, where rows have a key
	equal  sameKey
	writer writer
	raw    *json.Encoder
	format *types.Format

	rows, gone []int32          // of a batch: to be put, and to be removed
	last       map[string]int32 // the last row of a key
	keyText    []byte
}

// Sink opens the table for writing.
func (Connector) Sink(ctx context.Context, env *stream.Env, rel *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	c, err := read(env, rel, stream.RoleSink)
	if err != nil {
		return nil, err
	}
	s := &sink{config: c, metrics: env.Metrics, last: map[string]int32{}}
	s.raw = json.NewEncoder(rel.Columns, json.EncodeOptions{Labels: env.Labels})
	if o.Decider != nil {
		d, ok := o.Decider.(*decider)
		if !ok {
			return nil, fmt.Errorf("opening table %s for a transaction: %T is not a database's", c.table, o.Decider)
		}
		s.tx = d.tx
		if err := s.open(ctx, env, o); err != nil {
			return nil, err
		}
		return &decided{s}, nil
	}
	s.tx = &transaction{config: c}
	if err := s.tx.connect(ctx); err != nil {
		return nil, err
	}
	if err := s.open(ctx, env, o); err != nil {
		s.tx.close()
		return nil, err
	}
	if o.Job == "" {
		return &foreground{sink: s}, nil
	}
	return &lasting{s}, nil
}

// open finds the table, makes it where it is to be made, and has the statements
// parsed.
func (s *sink) open(ctx context.Context, env *stream.Env, o stream.SinkOptions) error {
	c := s.config
	s.mode = c.mode
	if s.mode == modeAuto {
		s.mode = modeInsert
		if o.Changelog || len(c.keys) > 0 {
			s.mode = modeUpsert
		}
	}
	if o.Changelog && s.mode != modeUpsert {
		return sqlerr.Unsupported("Write mode = 'upsert', with a key, or leave it out.", "mode '%s' of sink %q is not supported with a query that updates rows", s.mode, c.rel.Name)
	}
	if c.create || o.Create {
		made := *c
		if len(made.keys) == 0 && s.mode == modeUpsert {
			made.keys = o.Key // of rows that change
		}
		if err := s.tx.do(ctx, fmt.Sprintf("making table %q", c.table), c.server.dialect.createTable(&made, c.rel.Columns)); err != nil {
			return err
		}
	}
	k, found, err := s.matched(ctx)
	if err != nil {
		return err
	}
	if s.keyedMode() {
		if err := s.keyed(k); err != nil {
			return err
		}
	}
	s.format = types.DefaultFormat()
	s.format.Enum = env.Labels
	if s.writer, err = c.server.dialect.writer(ctx, s, found); err != nil {
		return err
	}
	s.equal = s.sameKeys()
	return nil
}

// keyedMode reports whether rows find those of the table by a key.
func (s *sink) keyedMode() bool { return s.mode == modeUpsert || s.mode == modeDelete }

// keyed finds the columns of the key.
func (s *sink) keyed(k kind) error {
	c := s.config
	names := c.keys
	if len(names) == 0 {
		names = k.key
	}
	if len(names) == 0 {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "mode '%s' of sink %q needs a key, and %s has no primary key", s.mode, c.rel.Name, c.what()).
			WithHint("Name the columns in key; the table needs a unique index over them.")
	}
	for _, n := range names {
		i := slices.IndexFunc(c.rel.Columns, func(col catalog.Column) bool { return c.server.same(col.Name, n) })
		if i < 0 {
			return sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q of the key of %s is not among those of sink %q", n, c.what(), c.rel.Name).
				WithHint("Select it, or name other columns in key.")
		}
		s.key = append(s.key, i)
	}
	return nil
}

// unindexed is for a key that an upsert cannot go by.
func (s *sink) unindexed(names []string) error {
	c := s.config
	return sqlerr.Errorf(sqlerr.InvalidColumnReference, "the key of sink %q, (%s), is no unique index of %s", c.rel.Name, c.idents(names), c.what()).
		WithHint("Create one there: CREATE UNIQUE INDEX ON %s (%s);", c.sql(c.table), c.idents(names))
}

// keyNames are the names of the key's columns.
func (s *sink) keyNames() []string {
	var names []string
	for _, i := range s.key {
		names = append(names, s.config.rel.Columns[i].Name)
	}
	return names
}

// write puts a batch's rows into the transaction. A row that the table does not take
// is refused, and the others are written.
func (s *sink) write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	var rejects []stream.Reject
	s.rows, s.gone = s.rows[:0], s.gone[:0]
	clear(s.last)
	for i := range b.Len() {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		if !s.keyedMode() {
			if b.Op(row) == vec.Delete {
				return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "sink %q takes appended rows only, and the query deletes one", s.config.rel.Name)
			}
			s.rows = append(s.rows, int32(row))
			continue
		}
		missing := slices.IndexFunc(s.key, func(k int) bool { return null(b.Cols[k], row) })
		if missing >= 0 {
			col := s.config.rel.Columns[s.key[missing]].Name
			e := sqlerr.Errorf(sqlerr.NotNullViolation, "null value in column %q of the key of %s", col, s.config.what())
			e.Column = col
			rejects = append(rejects, stream.Reject{Raw: s.raw.Append(nil, b, row), Err: e})
			continue
		}
		s.keyText = s.appendKey(s.keyText[:0], b, row)
		s.last[string(s.keyText)] = int32(row)
	}
	for _, row := range s.last {
		if s.mode == modeDelete || b.Op(int(row)) == vec.Delete {
			s.gone = append(s.gone, row)
		} else {
			s.rows = append(s.rows, row)
		}
	}
	if s.keyedMode() {
		slices.Sort(s.rows)
		slices.Sort(s.gone)
	}
	n := len(s.rows) + len(s.gone)
	refused, err := s.netted(ctx, b, s.rows, s.gone)
	s.metrics.RecordsWritten.Add(int64(n - len(refused)))
	return append(rejects, refused...), err
}

// apply puts and removes rows; where some are at fault, in halves.
func (s *sink) apply(ctx context.Context, b *vec.Batch, put, gone []int32) ([]stream.Reject, error) {
	if len(put)+len(gone) == 0 {
		return nil, nil
	}
	return s.settle(ctx, b, put, gone, s.writer.apply(ctx, b, put, gone))
}

// settle returns the rows that are at fault of those that were written, as err tells.
func (s *sink) settle(ctx context.Context, b *vec.Batch, put, gone []int32, err error) ([]stream.Reject, error) {
	if err == nil {
		return nil, nil
	}
	err = s.failure(err)
	if !faultOfRows(sqlerr.CodeOf(err)) {
		return nil, err
	}
	switch {
	case len(put)+len(gone) == 1:
		row := slices.Concat(put, gone)[0]
		return []stream.Reject{{Raw: s.raw.Append(nil, b, int(row)), Err: err}}, nil
	case len(put) > 0 && len(gone) > 0:
		return s.both(ctx, b, nil, gone, put, nil)
	case len(put) > 0:
		half := len(put) / 2
		return s.both(ctx, b, put[:half], nil, put[half:], nil)
	}
	half := len(gone) / 2
	return s.both(ctx, b, nil, gone[:half], nil, gone[half:])
}

// both applies one part, then the other.
func (s *sink) both(ctx context.Context, b *vec.Batch, put1, gone1, put2, gone2 []int32) ([]stream.Reject, error) {
	first, err := s.apply(ctx, b, put1, gone1)
	if err != nil {
		return first, err
	}
	second, err := s.apply(ctx, b, put2, gone2)
	return append(first, second...), err
}

func (s *sink) failure(err error) error {
	return s.config.failure("writing to "+s.config.subject(), err)
}

// Impediment is stream.Impeded's.
func (s *sink) Impediment() error {
	return s.tx.impediment("writing to " + s.config.subject())
}

// prepared is the token of every epoch: the rows are in the table, or in the one
// transaction of it.
var prepared = []byte{1}

// lasting is a job's sink without a Decider: an epoch's rows are committed when it
// prepares, so some may be written again after a crash.
type lasting struct{ *sink }

// Lasting is stream.Lasting's.
func (lasting) Lasting() {}

// Settled is stream.Settled's.
func (lasting) Settled() {}

// Write puts rows into the epoch's transaction.
func (l *lasting) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	return l.write(ctx, b)
}

// Prepare commits the epoch's rows.
func (l *lasting) Prepare(ctx context.Context, _ stream.Epoch) ([]byte, error) {
	return prepared, l.failure(l.tx.commit(ctx))
}

// Commit does nothing: Prepare has.
func (l *lasting) Commit(context.Context, stream.Epoch, []byte) error { return nil }

// Rollback takes back what no epoch has prepared.
func (l *lasting) Rollback(ctx context.Context, _ stream.Epoch, _ []byte) error {
	return l.failure(l.tx.rollback(ctx))
}

// Close closes the connection.
func (l *lasting) Close() error {
	l.tx.close()
	return nil
}

// foreground is the sink of one transaction of ours, whose statements have epochs.
type foreground struct {
	*sink
	last stream.Epoch // that was prepared
}

// Exclusive is stream.Exclusive's.
func (*foreground) Exclusive() {}

// Write puts rows into the transaction.
func (f *foreground) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	return f.write(ctx, b)
}

// Prepare marks where the statement's rows end.
func (f *foreground) Prepare(ctx context.Context, e stream.Epoch) ([]byte, error) {
	f.last = e
	if !f.tx.open {
		return prepared, nil
	}
	return prepared, f.tx.do(ctx, "writing to "+f.config.subject(), "SAVEPOINT ferris_prepared")
}

// Commit commits the rows of all statements.
func (f *foreground) Commit(ctx context.Context, _ stream.Epoch, _ []byte) error {
	return f.failure(f.tx.commit(ctx))
}

// Rollback takes back the rows of the statement that runs, or all.
func (f *foreground) Rollback(ctx context.Context, e stream.Epoch, _ []byte) error {
	if f.last > 0 && e > f.last && f.tx.open {
		return f.tx.do(ctx, "writing to "+f.config.subject(), "ROLLBACK TO SAVEPOINT ferris_prepared")
	}
	return f.failure(f.tx.rollback(ctx))
}

// Close closes the connection.
func (f *foreground) Close() error {
	f.tx.close()
	return nil
}

// decided is a sink in its job's transaction, which the Decider commits.
type decided struct{ *sink }

// Write puts rows into the transaction of the epoch.
func (d *decided) Write(ctx context.Context, b *vec.Batch) ([]stream.Reject, error) {
	return d.write(ctx, b)
}

// Prepare does nothing: the server has taken every row.
func (d *decided) Prepare(context.Context, stream.Epoch) ([]byte, error) { return prepared, nil }

// Commit does nothing: the transaction's commit was the decision.
func (d *decided) Commit(context.Context, stream.Epoch, []byte) error { return nil }

// Rollback does nothing: what the Decider does not commit is undone with its
// connection.
func (d *decided) Rollback(context.Context, stream.Epoch, []byte) error { return nil }

// Close leaves the connection to the Decider.
func (d *decided) Close() error { return nil }

var (
	_ stream.Impeded   = (*lasting)(nil)
	_ stream.Impeded   = (*decided)(nil)
	_ stream.Exclusive = (*foreground)(nil)
)
