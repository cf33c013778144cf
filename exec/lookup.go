package exec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// askingJoin builds a join with a relation that is asked for the rows of the keys that
// come.
func (b *builder) askingJoin(t *tree, n *plan.Join, to target) error {
	spec := operator.LookupJoinSpec{Kind: n.Kind, Left: schemaTypes(n.Left), Right: schemaTypes(n.Right), KeyTypes: exprTypes(n.LeftKeys), Account: b.account, Fault: b.fault}
	keys, cond, err := b.joinPrograms(n.LeftKeys, n.RightKeys, n.Cond)
	if err != nil {
		return err
	}
	spec.Keys, spec.Cond = keys[0], cond
	rows, err := b.tableRows(n.Right)
	if err != nil {
		return err
	}
	a, err := b.asked(n, rows, keys[1])
	if err != nil {
		return err
	}
	spec.Lookup = a
	return b.operator(t, n, operator.NewLookupJoin(spec), to, input{n.Left, 0})
}

// asked is a relation that is asked for rows by some of a join's keys. It keeps
// answers for a while.
type asked struct {
	*tableRows
	engine   *Engine
	relation *catalog.Relation
	scan     stream.LookupScan
	settings stream.LookupSettings
	open     func(ctx context.Context) (stream.Lookup, error)
	source   stream.Lookup // nil: nothing was asked yet
	fail     func(error) error
	notes    func() (answered func()) // notes a request

	by       []int // the keys that are given
	all      bool  // they are all keys
	keys     []*expr.Program
	keyTypes []types.Type
	encoder  *rowkey.Encoder // of the keys that are given
	layout   *rowkey.Layout  // of the rows that are kept
	reader   rowkey.Reader
	cache    *lookupCache
	types    []types.Type

	key    []byte
	misses []int32
	batch  *vec.Batch
	of     []int32
}

// asked makes it of a join that has a Lookup.
func (b *builder) asked(n *plan.Join, rows *tableRows, keys []*expr.Program) (*asked, error) {
	s := plan.Scanned(n.Right)
	a := &asked{tableRows: rows, engine: b.engine, relation: s.Relation, by: n.Lookup.By, keys: keys, keyTypes: exprTypes(n.LeftKeys),
		scan: stream.LookupScan{Keys: n.Lookup.Columns, Columns: s.Columns, Filters: s.Filters}, types: schemaTypes(s), batch: vec.NewBatch(schemaTypes(s)),
		all: len(n.Lookup.By) == len(keys), fail: func(err error) error { return err }, notes: func() func() { return func() {} }}
	c, err := b.engine.connector(s.Relation)
	if err != nil {
		return nil, err
	}
	l, ok := c.(stream.Looker)
	if !ok {
		return nil, sqlerr.Errorf(sqlerr.InternalError, "connector %s cannot be asked for rows by key", c.Name())
	}
	if a.settings, err = stream.ReadLookup(s.Relation, c.Options(stream.RoleSource)); err != nil {
		return nil, err
	}
	env := &b.engine.o.Env
	a.open = func(ctx context.Context) (stream.Lookup, error) { return l.Lookup(ctx, env, s.Relation, a.scan) }
	if b.task != nil {
		j, policies := b.task.life.j, &b.task.life.policies
		a.notes = func() func() { return j.asked.ask("look-up in " + s.Relation.Name) }
		a.fail = func(err error) error { return policies.of(s.Relation).failure(system{err}) }
	}
	var columns []rowkey.Column
	for _, at := range a.by {
		columns = append(columns, rowkey.Column{Type: a.keyTypes[at]})
	}
	a.encoder = rowkey.NewEncoder(columns)
	attrs := make([]rowkey.Attr, len(a.types))
	places := make([]int, len(a.types))
	for i, t := range a.types {
		attrs[i], places[i] = rowkey.Attr{Type: t}, i
	}
	a.layout = rowkey.NewLayout(attrs)
	a.reader.Reset(a.layout, places)
	a.cache = newLookupCache(a.settings.CacheSize, a.settings.TTL, a.settings.NegativeTTL, b.account)
	return a, nil
}

// Find is operator.Lookup's: what is kept answers at once, the rest is asked for.
func (a *asked) Find(ctx context.Context, keys []vec.Vec, n int, f func(rows *vec.Batch, of []int32) error) error {
	given := pick(keys, a.by)
	a.batch.Reset()
	a.of, a.misses = a.of[:0], a.misses[:0]
	for k := range n {
		a.key, _ = a.encoder.Append(a.key[:0], given, k)
		rows, ok := a.cache.get(a.key)
		if !ok {
			a.misses = append(a.misses, int32(k))
			continue
		}
		if err := a.take(ctx, rows, int32(k), keys, f); err != nil {
			return err
		}
	}
	m := a.engine.o.Env.Metrics
	m.LookupHits.Add(int64(n - len(a.misses)))
	m.LookupMisses.Add(int64(len(a.misses)))
	var faults operator.KeyFaults
	if len(a.misses) > 0 {
		at := a.cache.now()
		asks, err := a.ask(ctx, given)
		if err != nil {
			return a.fail(fmt.Errorf("looking up in %s: %w", a.relation.Name, err))
		}
		for _, q := range asks {
			faults = append(faults, q.faults...)
			for i, k := range q.keys {
				if slices.ContainsFunc(q.faults, func(f operator.KeyFault) bool { return f.Key == k }) {
					continue
				}
				a.key, _ = a.encoder.Append(a.key[:0], given, int(k))
				a.cache.put(a.key, q.rows[i], at)
				if err := a.take(ctx, q.rows[i], k, keys, f); err != nil {
					return err
				}
			}
		}
	}
	if err := a.give(ctx, keys, f); err != nil {
		return err
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// take passes a key's rows on.
func (a *asked) take(ctx context.Context, rows []byte, k int32, keys []vec.Vec, f func(rows *vec.Batch, of []int32) error) error {
	for len(rows) > 0 {
		size, head := binary.Uvarint(rows)
		row := rows[head : head+int(size)]
		rows = rows[head+int(size):]
		if err := a.reader.Read(row, a.batch.Cols); err != nil {
			return err
		}
		a.of = append(a.of, k)
		if a.batch.Rows++; a.batch.Rows < vec.MaxRows {
			continue
		}
		if err := a.give(ctx, keys, f); err != nil {
			return err
		}
	}
	return nil
}

// give passes the rows gathered on, but for those that other keys of the join are not
// equal in.
func (a *asked) give(ctx context.Context, keys []vec.Vec, f func(rows *vec.Batch, of []int32) error) error {
	if len(a.of) == 0 {
		return nil
	}
	b, err := a.apply(ctx, a.batch)
	if err == nil && b != nil && !a.all {
		b, err = operator.SameKeys(b, a.of, a.keys, keys, a.keyTypes)
	}
	if err == nil && b != nil {
		err = f(b, a.of)
	}
	a.batch.Reset()
	a.of = a.of[:0]
	return err
}

// asking is one request.
type asking struct {
	keys   []int32  // their places among the join's
	rows   [][]byte // of each
	faults []operator.KeyFault
	err    error
}

// ask asks for the keys that are missed, in requests that run side by side.
func (a *asked) ask(ctx context.Context, given []vec.Vec) ([]*asking, error) {
	defer a.notes()()
	if a.source == nil {
		s, err := a.open(ctx)
		if err != nil {
			return nil, err
		}
		a.source = s
	}
	var asks []*asking
	for part := range slices.Chunk(a.misses, a.settings.Batch) {
		asks = append(asks, &asking{keys: part})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	next := make(chan *asking)
	for range min(a.settings.Concurrency, len(asks)) {
		wait.Go(func() {
			for q := range next {
				if q.err = a.request(ctx, q, given); q.err != nil {
					cancel(q.err) // the others are of no use
				}
			}
		})
	}
	for _, q := range asks {
		next <- q // somebody takes it, if only to find that ctx has ended
	}
	close(next)
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return asks, nil
}

// request asks, again and again where that fails.
func (a *asked) request(ctx context.Context, q *asking, given []vec.Vec) (err error) {
	keys := make([]vec.Vec, len(given))
	for i, v := range given {
		keys[i] = vec.New(a.keyTypes[a.by[i]])
		vec.CopyRows(keys[i], v, q.keys)
	}
	m := a.engine.o.Env.Metrics
	for try := 0; ; try++ {
		m.LookupRequests.Add(1)
		if err = a.once(ctx, q, keys); err == nil {
			return nil
		}
		m.LookupFailures.Add(1)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if try >= a.settings.Retries || permanent(err) {
			return err
		}
		timer := time.NewTimer(a.settings.Backoff << min(try, 16))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// errTimeout is why a request is given up.
func (a *asked) errTimeout() error {
	return sqlerr.Errorf(sqlerr.ConnectionFailure, "%s did not answer within lookup.timeout (%s)", a.relation.Name, a.settings.Timeout)
}

// once makes one request and encodes its answer.
func (a *asked) once(ctx context.Context, q *asking, keys []vec.Vec) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = a.engine.panicked("look-up in "+a.relation.Name, p, debug.Stack())
		}
	}()
	late := errors.New("late")
	if a.settings.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, a.settings.Timeout, late)
		defer cancel()
	}
	q.rows, q.faults = make([][]byte, len(q.keys)), nil
	var row []byte
	faults, err := a.source.Find(ctx, keys, len(q.keys), func(b *vec.Batch, of []int32) error {
		sel := b.Sel
		for i := range b.Rows {
			r := i
			if sel != nil {
				if i >= len(sel) {
					break
				}
				r = int(sel[i])
			}
			k := of[r]
			row = a.layout.Append(row[:0], b.Cols, r)
			q.rows[k] = append(binary.AppendUvarint(q.rows[k], uint64(len(row))), row...)
		}
		return nil
	})
	for _, f := range faults {
		q.faults = append(q.faults, operator.KeyFault{Key: q.keys[f.Key], Err: f.Err})
	}
	if err != nil && errors.Is(context.Cause(ctx), late) {
		return a.errTimeout()
	}
	return err
}

// Refresh does nothing: what is kept goes by its time.
func (*asked) Refresh(context.Context) error { return nil }

func (a *asked) Close() error {
	a.cache.close()
	if a.source == nil {
		return nil
	}
	s := a.source
	a.source = nil
	return s.Close()
}
