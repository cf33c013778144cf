package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// write is rows of a transaction for one relation. Rows of an INSERT wait in
// memory for COMMIT, because a topic gives nothing back; those of SELECT INTO go
// to the sink as they come.
type write struct {
	e      *Engine
	rel    *catalog.Relation
	rows   *operator.Spool // of an INSERT
	held   *memory.Account // of an INSERT's statement and rows
	sink   stream.Sink     // nil: not opened, or the rows went with those of another write
	into   *write          // of SELECT INTO: whose sink has its rows; nil: its own
	epoch  stream.Epoch    // of a sink's rows, the one that is written now
	token  []byte
	handed bool // the sink has been given rows
	ready  bool // prepared
}

// foregroundEpoch is the first epoch of a sink outside a job, and mostly the only
// one.
const foregroundEpoch stream.Epoch = 1

func (t *Txn) insert(ctx context.Context, s *plan.Insert, env *function.Env) (Result, error) {
	b := t.builder(env)
	defer b.view.close()
	if err := t.atOneCut(ctx, b, s.Input); err != nil {
		return Result{}, err
	}
	n, err := t.insertRows(ctx, s, b)
	return Result{Tag: fmt.Sprintf("INSERT 0 %d", n)}, err
}

// insertRows keeps the rows that b's query gives for a stream until COMMIT.
func (t *Txn) insertRows(ctx context.Context, s *plan.Insert, b *builder) (int64, error) {
	rel, place, err := insertRelation(s)
	if err != nil {
		return 0, err
	}
	c, err := t.e.connector(rel)
	if err != nil {
		return 0, err
	}
	if err := c.Check(&t.e.o.Env, rel, stream.RoleSink); err != nil {
		return 0, err
	}
	ts := make([]types.Type, len(rel.Columns))
	for i, col := range rel.Columns {
		ts[i] = col.Type
	}
	*b.scope.ctx = ctx
	w := &write{e: t.e, rel: rel, rows: operator.NewSpool(ts, b.account.Spillable("INSERT"), "INSERT"), held: b.account}
	keep := func(_ context.Context, in *vec.Batch) error { return w.keep(in, place, ts) }
	if err := b.collect(ctx, s.Input, outputFunc(keep)); err != nil {
		w.forget()
		return 0, err
	}
	t.writes = append(t.writes, w)
	return w.rows.Rows(), nil
}

// insertRelation returns the target with the columns that are written, and for
// each of them the input's column, -1 for NULL. All visible columns are written,
// and of the hidden ones those that the statement names. Of a stream with a PRIMARY
// KEY its columns are needed, unless the rows say what they take away.
func insertRelation(s *plan.Insert) (*catalog.Relation, []int, error) {
	r := *s.Target
	all := r.AllColumns()
	from := map[int]int{}
	for i, c := range s.Columns {
		from[c] = i
	}
	visible := len(r.Columns)
	r.Columns = slices.Clone(r.Columns)
	var place []int
	takesAway := s.TakesAway()
	for c := range all {
		i, given := from[c]
		if c < visible {
			r.Columns[c].NotNull = !takesAway && (all[c].NotNull || slices.Contains(r.Key, all[c].Name))
		}
		switch {
		case given:
			place = append(place, i)
		case c < visible:
			place = append(place, -1)
			if r.Columns[c].NotNull && all[c].Default == "" {
				return nil, nil, stream.NullValue(&r, all[c].Name)
			}
			continue
		default:
			continue
		}
		if c >= visible {
			r.Columns = append(r.Columns, all[c])
		}
	}
	return &r, place, nil
}

// keep copies rows with the target's columns.
func (w *write) keep(in *vec.Batch, place []int, ts []types.Type) error {
	out := *in
	out.Cols = make([]vec.Vec, len(place))
	for i, from := range place {
		if from < 0 {
			out.Cols[i] = vec.NewConst(types.NullOf(ts[i]), in.Rows)
			continue
		}
		out.Cols[i] = in.Cols[from]
		if err := w.notNull(in, i, out.Cols[i]); err != nil {
			return err
		}
	}
	return w.rows.Add(&out)
}

func (w *write) notNull(in *vec.Batch, i int, v vec.Vec) error {
	if !w.rel.Columns[i].NotNull || !v.Nulls().Any() {
		return nil
	}
	refuse := stream.NullValue(w.rel, w.rel.Columns[i].Name)
	if in.Sel == nil {
		return refuse
	}
	for _, row := range in.Sel {
		if v.Nulls().Get(int(row)) {
			return refuse
		}
	}
	return nil
}

// selectInto runs a query through sinks. They commit with the transaction.
func (t *Txn) selectInto(ctx context.Context, s *plan.SelectInto, env *function.Env) (res Result, err error) {
	mark := len(t.writes)
	defer func() {
		if err != nil {
			err = leftBehind(t.writes[mark:], err)
			m := t.Mark()
			m.writes = mark
			t.RollbackTo(m)
		}
	}()
	for i, target := range s.Sinks {
		w, err := t.openInto(ctx, s, target)
		if err != nil {
			return res, partError(sinkName(i, target.Relation), err)
		}
		t.writes = append(t.writes, w)
	}
	n := 0
	err = t.e.collectRows(ctx, env, s.Root, func(ctx context.Context, b *vec.Batch) error {
		n += b.Len()
		for _, w := range t.writes[mark:] {
			if err := w.put(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
	return Result{Tag: fmt.Sprintf("SELECT %d", n)}, err
}

func (t *Txn) openInto(ctx context.Context, s *plan.SelectInto, target plan.SinkTarget) (*write, error) {
	r := *target.Relation
	if len(r.Columns) == 0 {
		for _, f := range s.Root.Schema() {
			r.Columns = append(r.Columns, catalog.Column{Name: f.Name, Type: f.Type})
		}
	}
	c, err := t.e.connector(&r)
	if err != nil {
		return nil, err
	}
	if err := c.Check(&t.e.o.Env, &r, stream.RoleSink); err != nil {
		return nil, err
	}
	w := &write{e: t.e, rel: &r, epoch: foregroundEpoch}
	if i := slices.IndexFunc(t.writes, w.excludedBy); i >= 0 {
		return w, w.follow(ctx, t.writes[i])
	}
	w.sink, err = c.Sink(ctx, &t.e.o.Env, &r, stream.SinkOptions{})
	return w, err
}

// excludedBy reports whether another write has the relation's sink open, and it
// lets no second one in.
func (w *write) excludedBy(o *write) bool {
	_, alone := o.sink.(stream.Exclusive)
	return alone && o.rel.Schema == w.rel.Schema && o.rel.Name == w.rel.Name
}

// follow writes to the sink of an earlier statement, as its next epoch, so that
// the rows can be taken back without those of the statement.
func (w *write) follow(ctx context.Context, o *write) error {
	if !w.sameSink(o) {
		return sqlerr.Unsupported("Select the same columns, or end the transaction before.",
			"two statements of a transaction with different columns INTO %q are not supported", w.rel.Name)
	}
	if err := o.prepare(ctx); err != nil {
		return err
	}
	o.epoch++
	o.ready = false
	w.into, w.epoch = o, o.epoch
	return nil
}

// put writes rows. In the foreground a row that the sink refuses is an error.
func (w *write) put(ctx context.Context, b *vec.Batch) error {
	to := w
	if w.into != nil {
		to = w.into
	}
	to.handed = true
	rejects, err := to.sink.Write(ctx, b)
	if err == nil && len(rejects) > 0 {
		err = rejects[0].Err
	}
	if err != nil {
		return fmt.Errorf("writing to %q: %w", w.rel.Name, err)
	}
	return nil
}

// prepareWrites makes the rows of every write ready to be committed. INSERTs
// into one relation are one write to its sink, in their order: it may let no
// second writer in.
func (t *Txn) prepareWrites(ctx context.Context) error {
	for _, w := range t.writes {
		if err := w.fill(ctx, t.writes); err != nil {
			return err
		}
	}
	for _, w := range t.writes {
		if err := w.prepare(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fill writes the rows of an INSERT to the sink, which another write may have
// opened: an INSERT before it, or a SELECT INTO, whose rows are written already.
func (w *write) fill(ctx context.Context, all []*write) error {
	if w.rows == nil || w.rows.Rows() == 0 {
		return nil
	}
	to := w
	if i := slices.IndexFunc(all, w.sameSink); i >= 0 {
		to = all[i]
	} else {
		var err error
		w.epoch = foregroundEpoch
		if w.sink, err = w.e.openSink(ctx, w.rel, stream.SinkOptions{}); err != nil {
			return err
		}
	}
	leaf := w.rows.Leaf()
	for {
		b, err := leaf.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := to.put(ctx, b); err != nil {
			return err
		}
	}
	w.forget()
	return nil
}

// sameSink reports whether the rows can go to the sink of another write.
func (w *write) sameSink(o *write) bool {
	return o.sink != nil && o.rel.Schema == w.rel.Schema && o.rel.Name == w.rel.Name &&
		slices.EqualFunc(o.rel.Columns, w.rel.Columns, func(a, b catalog.Column) bool {
			return a.Name == b.Name && a.Type == b.Type
		})
}

// forget gives back the memory of the rows.
func (w *write) forget() {
	if w.rows != nil {
		w.rows.Reset()
		w.held.Close()
	}
}

// prepare makes the rows ready to be committed.
func (w *write) prepare(ctx context.Context) error {
	if w.sink == nil {
		return nil
	}
	var err error
	if w.token, err = w.sink.Prepare(ctx, w.epoch); err != nil {
		return fmt.Errorf("writing to %q: %w", w.rel.Name, err)
	}
	w.ready = true
	return nil
}

// commit delivers the rows. The transaction is decided: its end by ctx would
// leave it half done.
func (w *write) commit(ctx context.Context) error {
	w.forget()
	if w.sink == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	err := w.sink.Commit(ctx, w.epoch, w.token)
	return failed(fmt.Sprintf("delivering rows to %q", w.rel.Name), errors.Join(err, w.sink.Close()))
}

// deliver commits every write. A transaction is atomic in each of its sinks and
// not over all of them, so where one fails the error says which have its rows.
func (t *Txn) deliver(ctx context.Context) error {
	var errs []error
	var took, not []string
	for _, w := range t.writes {
		held := w.sink != nil
		err := w.commit(ctx)
		switch {
		case err != nil:
			errs, not = append(errs, err), append(not, w.rel.Name)
		case held:
			took = append(took, w.rel.Name)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	e := wrapped(errs[0], "%w", errors.Join(errs...))
	e.Detail = strings.TrimSuffix(fmt.Sprintf("The transaction is committed. %s\n%s", heldBy(took, not), e.Detail), "\n")
	return e
}

// leftBehind adds to the error of a transaction that is about to be undone which
// sinks keep its rows all the same.
func leftBehind(writes []*write, err error) error {
	var kept []string
	for _, w := range writes {
		if _, lasts := w.sink.(stream.Lasting); lasts && w.handed {
			kept = append(kept, w.rel.Name)
		}
	}
	if len(kept) == 0 {
		return err
	}
	e := wrapped(err, "%w", err)
	e.Detail = strings.TrimSuffix(fmt.Sprintf("The transaction is undone, but for rows that %s may have taken already.\n%s", strings.Join(kept, ", "), e.Detail), "\n")
	return e
}

// heldBy says which relations have a transaction's rows.
func heldBy(took, not []string) string {
	if len(took) == 0 {
		return "Its rows are in none of " + strings.Join(not, ", ") + "."
	}
	return "Its rows are in " + strings.Join(took, ", ") + " and not in " + strings.Join(not, ", ") + "."
}

// rollback forgets the rows.
func (w *write) rollback(ctx context.Context) {
	w.forget()
	if w.into != nil && w.into.sink != nil {
		if err := w.into.sink.Rollback(context.WithoutCancel(ctx), w.epoch, nil); err != nil {
			w.e.log.Warn("undoing rows of a transaction", "relation", w.rel.Name, "error", err)
		}
	}
	if w.sink == nil {
		return
	}
	var token []byte
	if w.ready {
		token = w.token
	}
	err := w.sink.Rollback(context.WithoutCancel(ctx), foregroundEpoch, token)
	if err = errors.Join(err, w.sink.Close()); err != nil {
		w.e.log.Warn("undoing rows of a transaction", "relation", w.rel.Name, "error", err)
	}
	w.sink = nil
}
