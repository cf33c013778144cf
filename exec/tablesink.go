package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// tableSink is a table as a job's sink. An epoch's rows are kept until its end,
// net where they change. Prepare writes them to a transaction of the tables, so
// that what breaks a rule is known before the decision, and has them staged in the
// job's own epoch. Commit commits the transaction together with (job, epoch), or,
// after a crash, writes what is staged, unless that epoch is recorded already.
type tableSink struct {
	e         *Engine
	life      *life
	name      string
	rel       *catalog.Relation
	desc      *table.Desc
	types     []types.Type
	row       []*expr.Program // the table's row, over the job's
	input     []types.Type
	rules     *rowRules
	changelog bool
	key       *catalog.Index  // rows that change are found by; nil: they only come
	keys      *rowkey.Encoder // of key, where that is of columns; nil: rows are found whole
	places    []int           // the columns of key
	reject    func(where string, r stream.Reject) error
	letters   bool // what it refuses are dead letters
	env       *function.Env
	fields    []plan.Field // of the job's rows

	numbers *table.Txn // what sequences have given for the epoch; nil: nothing
	changes tableChanges
	stage   tableStage

	x    *table.Txn // of the epoch that is prepared; nil: it has no rows
	snap *table.Snapshot
}

// errAltered has a job start anew, at once, with a plan for the table as it is now.
func errAltered(r *catalog.Relation) error {
	return outdated{sqlerr.Errorf(sqlerr.ObjectInUse, "table \"%s\" was altered while the job was writing to it", r.Name)}
}

// asOpened reports whether a table has the columns, indexes and rules that it had
// when the sink was opened.
func (s *tableSink) asOpened() bool {
	now := s.e.o.Catalog.Snapshot().RelationByOID(s.rel.OID)
	return now != nil && now.Table == s.rel.Table && len(now.Columns) == len(s.rel.Columns) &&
		(len(now.Columns) == 0 || &now.Columns[0] == &s.rel.Columns[0])
}

// openTableSink opens the table of a sink of the job's plan.
func (l *life) openTableSink(name string, number int, target plan.SinkTarget, p faultPolicy) (*tableSink, error) {
	e := l.j.e
	if e.o.Tables == nil {
		return nil, sqlerr.Errorf(sqlerr.InternalError, "the engine has no tables")
	}
	s := &tableSink{e: e, life: l, name: name, rel: target.Relation, desc: table.Describe(target.Relation),
		types: rowTypes(target.Relation), input: schemaTypes(l.plan.Root), changelog: l.plan.Changelog, key: target.Table.Key,
		reject: l.refused(p), letters: p.box != nil, fields: l.plan.Root.Schema()}
	env := *l.env
	env.Sequences = s
	s.env = &env
	b := e.builder(&env)
	defer b.done()
	var err error
	if s.row, err = b.compileAll(target.Table.Row); err != nil {
		return nil, err
	}
	if s.rules, err = b.rowRules(s.rel, target.Table.Rules); err != nil {
		return nil, err
	}
	if s.key != nil && s.key.Keys[0].Column >= 0 {
		var columns []rowkey.Column
		for _, k := range s.key.Keys {
			columns, s.places = append(columns, rowkey.Column{Type: k.Type}), append(s.places, k.Column)
		}
		s.keys = rowkey.NewEncoder(columns)
	}
	return s, s.stage.open(e.o.Store, l.j.id, number)
}

// Write keeps the rows of a batch for the epoch that runs.
func (s *tableSink) Write(_ context.Context, b *vec.Batch) ([]stream.Reject, error) {
	if b.Ops == nil || !s.changelog {
		return s.take(b, b.Sel, vec.Insert)
	}
	var rejects []stream.Reject
	for _, op := range []vec.Op{vec.Delete, vec.Insert} {
		sel := liveOf(b, op)
		if len(sel) == 0 {
			continue
		}
		some, err := s.take(b, sel, op)
		if err != nil {
			return nil, err
		}
		rejects = append(rejects, some...)
	}
	return rejects, nil
}

// liveOf are the live rows of one op.
func liveOf(b *vec.Batch, op vec.Op) []int32 {
	sel := []int32{}
	each := func(row int32) {
		if b.Ops[row] == op {
			sel = append(sel, row)
		}
	}
	if b.Sel == nil {
		for row := range int32(b.Rows) {
			each(row)
		}
		return sel
	}
	for _, row := range b.Sel {
		each(row)
	}
	return sel
}

// take computes the table's rows of those selected, leaves out the ones that break
// a rule, and keeps the others. A row that goes needs to be found, and no more.
func (s *tableSink) take(b *vec.Batch, sel []int32, op vec.Op) (rejects []stream.Reject, err error) {
	in := vec.Batch{Rows: b.Rows}
	if sel != nil {
		in.Rows = len(sel)
	}
	for i, c := range b.Cols {
		in.Cols = append(in.Cols, dense(c, s.input[i], sel))
	}
	cols := make([]vec.Vec, len(s.row))
	bad := make([]error, in.Rows)
	for i, p := range s.row {
		v, errs := p.Run(&in, nil)
		if errs.Any() {
			for row := range bad {
				if err := errs.At(row); err != nil && bad[row] == nil {
					bad[row] = err
				}
			}
		}
		cols[i] = vec.New(s.types[i])
		vec.CopyRows(cols[i], v, nil)
	}
	shown := func(row int) []byte { return rowJSON(s.env, s.fields, in.Cols, row) }
	good, n := s.without(cols, bad, in.Rows, shown, &rejects)
	for op == vec.Insert && n > 0 {
		rows, v := s.rules.apply(good, n)
		if v.err == nil {
			good = rows[:len(s.types)]
			break
		}
		bad = make([]error, n)
		bad[v.row] = v.err
		at := good
		good, n = s.without(good, bad, n, func(row int) []byte { return s.shown(at, row) }, &rejects)
	}
	s.keep(good, n, op)
	return rejects, nil
}

// without are the rows that are not bad, of which there are n.
// The others are rejected, as objects of JSON.
func (s *tableSink) without(cols []vec.Vec, bad []error, rows int, shown func(row int) []byte, rejects *[]stream.Reject) ([]vec.Vec, int) {
	var sel []int32
	for row, err := range bad {
		if err == nil {
			sel = append(sel, int32(row))
			continue
		}
		*rejects = append(*rejects, stream.Reject{Err: err, Raw: shown(row)})
	}
	if len(sel) == rows {
		return cols, rows
	}
	return pickRows(cols, sel), len(sel)
}

// shown is a row of the table as JSON.
func (s *tableSink) shown(cols []vec.Vec, row int) []byte {
	return rowJSON(s.env, fieldsOf(s.rel), cols, row)
}

// rowJSON is a row as an object of JSON.
func rowJSON(env *function.Env, fields []plan.Field, cols []vec.Vec, row int) []byte {
	dst := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(types.AppendJSONString(dst, f.Name), ':')
		dst = function.AppendJSON(env, dst, vec.Get(cols[i], row, f.Type))
	}
	return append(dst, '}')
}

// keep encodes rows.
func (s *tableSink) keep(cols []vec.Vec, n int, op vec.Op) {
	c := &s.changes
	for row := range n {
		c.row = s.desc.AppendRow(c.row[:0], cols, row)
		if !s.changelog || s.key == nil {
			c.append(op, c.row)
			continue
		}
		c.key = c.key[:0]
		if s.keys != nil {
			c.key, _ = s.keys.Append(c.key, pick(cols, s.places), row)
		}
		c.net(op)
	}
}

func pick(cols []vec.Vec, places []int) []vec.Vec {
	out := make([]vec.Vec, len(places))
	for i, p := range places {
		out[i] = cols[p]
	}
	return out
}

// trades reports whether a column other than the key's is unique, so that rows which
// change in one epoch may have each other's values: all go before any comes.
func (s *tableSink) trades() bool {
	return slices.ContainsFunc(s.rel.Table.Indexes, func(x *catalog.Index) bool { return x.Unique && x != s.key })
}

// Prepare writes the epoch's rows to a transaction, which Commit commits, and has
// them ready to be staged.
func (s *tableSink) Prepare(ctx context.Context, _ stream.Epoch) ([]byte, error) {
	if s.numbers != nil {
		// What sequences gave must not be given again.
		x := s.numbers
		s.numbers = nil
		if err := x.Commit(ctx, nil); err != nil {
			return nil, err
		}
	}
	list := s.changes.settle(s.keys != nil && !s.trades())
	if list.len() == 0 {
		return nil, nil
	}
	s.x = s.e.o.Tables.Begin()
	s.snap = s.x.Statement()
	kept, err := s.apply(ctx, list, func(r stream.Reject) error { return s.reject(s.name, r) })
	if err != nil {
		s.drop()
		return nil, err
	}
	if kept.len() == 0 { // Commit would have nothing to end the transaction with, which has the table locked
		s.drop()
		return nil, nil
	}
	return s.stage.prepare(kept), nil
}

// Commit writes what Prepare has prepared, or, after a start, what is staged.
func (s *tableSink) Commit(ctx context.Context, e stream.Epoch, token []byte) error {
	if err := s.deliver(ctx, e, token); err != nil {
		return err
	}
	s.life.j.view.delivered(e)
	return nil
}

func (s *tableSink) deliver(ctx context.Context, e stream.Epoch, token []byte) error {
	parts, err := stageParts(token)
	if err != nil || parts == 0 {
		return err
	}
	if s.e.o.Tables.Delivered(s.life.j.id, s.name) >= uint64(e) {
		s.drop()
		return nil
	}
	if s.x == nil {
		list, err := s.stage.read(e, parts)
		if err != nil {
			return fmt.Errorf("reading the rows of epoch %d for table %s: %w", e, s.rel.Name, err)
		}
		if err := s.repeat(ctx, e, list); err != nil {
			s.drop()
			return err
		}
	}
	x := s.x
	s.snap.Close()
	s.x, s.snap = nil, nil
	x.Deliver(s.life.j.id, s.name, uint64(e))
	return x.Commit(ctx, nil)
}

// repeat writes the rows of an epoch that has long ended to a transaction. Those that the
// table does not take by now are kept before it has the others: the record of the epoch
// ends the transaction, also where none is taken, and then nobody would find them again.
func (s *tableSink) repeat(ctx context.Context, e stream.Epoch, list changeList) error {
	s.x = s.e.o.Tables.Begin()
	s.snap = s.x.Statement()
	var refused []stream.Reject
	refuse := func(r stream.Reject) error {
		refused = append(refused, r)
		return nil
	}
	if !s.letters {
		refuse = func(r stream.Reject) error { return s.reject(s.name, r) }
	}
	if _, err := s.apply(ctx, list, refuse); err != nil {
		return err
	}
	return s.stage.keepRefused(s.life.handle, e, refused)
}

// Rollback forgets the epoch's rows. What was staged of them goes with the job's
// epoch.
func (s *tableSink) Rollback(context.Context, stream.Epoch, []byte) error {
	s.changes.reset()
	s.drop()
	return nil
}

// Close gives back what an epoch that was not decided holds.
func (s *tableSink) Close() error {
	s.drop()
	if s.numbers != nil {
		s.numbers.Rollback()
		s.numbers = nil
	}
	return nil
}

// drop ends the transaction that is prepared.
func (s *tableSink) drop() {
	if s.x != nil {
		s.snap.Close()
		s.x.Rollback()
		s.x, s.snap = nil, nil
	}
}

var _ function.Sequences = (*tableSink)(nil)

// NextValues takes numbers for nextval of a default.
func (s *tableSink) NextValues(r *catalog.Relation, count int64) (first, n int64, err error) {
	if s.numbers == nil {
		s.numbers = s.e.o.Tables.Begin()
	}
	return s.numbers.NextValue(r, count)
}

// Uses does nothing: no number is kept for later.
func (s *tableSink) Uses(*catalog.Relation) {}

// SetValue refuses setval: no default has it.
func (s *tableSink) SetValue(*catalog.Relation, int64, bool) error {
	return errors.New("setval in the default of a column")
}

// SequenceRow is what a SELECT from a sequence shows.
func (s *tableSink) SequenceRow(r *catalog.Relation) (last, ahead int64, called bool) {
	q := s.e.o.Tables.Sequence(r)
	return q.Last, q.Ahead, q.Called
}
