package exec

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// updated reports of a column, by its place in the table, whether an update may make
// it another: it is given a value, or it is generated of one that is. New says of a
// generated column that it stays, as its value is computed when the others are there.
func updated(rules plan.RowRules, new []plan.Expr, row []int) func(column int) bool {
	given := func(at int) bool {
		c, ok := new[at].(*plan.Column)
		return !ok || c.Index != row[at]
	}
	return func(at int) bool { return given(at) || generatedOf(rules, at, given) }
}

// generatedOf reports whether a column is generated of one that meets a condition.
func generatedOf(rules plan.RowRules, at int, meets func(column int) bool) bool {
	if rules.Generated == nil || rules.Generated[at] == nil {
		return false
	}
	found := false
	plan.EachColumn(rules.Generated[at], func(r plan.Ref) { found = found || meets(r.Index) })
	return found
}

// updateLock is the lock that an update takes: the stronger one where a column of
// a unique key may change, which FOR KEY SHARE protects.
func updateLock(r *catalog.Relation, changes func(column int) bool) table.RowLock {
	for _, x := range r.Indexes() {
		if !x.Unique || x.Where != "" {
			continue
		}
		if slices.ContainsFunc(x.Keys, func(k catalog.IndexKey) bool { return k.Column >= 0 && changes(k.Column) }) {
			return table.ForUpdate
		}
	}
	return table.ForNoKeyUpdate
}

// change updates or deletes the rows of a batch.
func (m *modifier) change(ctx context.Context, b *vec.Batch, out operator.Output) error {
	m.targets(b)
	mode := table.ForUpdate
	if m.n.Op == plan.ModifyUpdate {
		mode = m.lock
	}
	cols, ids, err := m.locked(ctx, b.Cols, mode)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		if err := m.write(ctx, cols, ids, out); err != nil {
			return err
		}
	}
	return m.writeChanged(ctx, b, out)
}

// targets lists the rows of the table that a batch names, each once.
func (m *modifier) targets(b *vec.Batch) {
	m.sel, m.ids = m.sel[:0], m.ids[:0]
	clear(m.seen)
	each := func(row int32) {
		id, null := rowID(b.Cols[m.n.RowID], int(row))
		if null {
			return
		}
		if !m.n.Once {
			if m.seen == nil {
				m.seen = map[int64]bool{}
			}
			if m.seen[id] {
				return
			}
			m.seen[id] = true
		}
		m.sel, m.ids = append(m.sel, row), append(m.ids, id)
	}
	if b.Sel == nil {
		for row := range int32(b.Rows) {
			each(row)
		}
		return
	}
	for _, row := range b.Sel {
		each(row)
	}
}

// rowID reads a row's id.
func rowID(v vec.Vec, row int) (id int64, null bool) {
	if c, ok := v.(*vec.Const); ok {
		v, row = c.Of, 0
	}
	f := v.(*vec.Fixed[int64])
	return f.Values[row], v.Nulls().Get(row)
}

// locked locks the rows listed and returns those of Input that are as they were
// read, without gaps. Those that have changed stay in m.sel and m.ids.
func (m *modifier) locked(ctx context.Context, cols []vec.Vec, mode table.RowLock) ([]vec.Vec, []int64, error) {
	if len(m.ids) == 0 {
		return nil, nil, nil
	}
	if cap(m.results) < len(m.ids) {
		m.results = make([]table.LockResult, len(m.ids), max(len(m.ids), vec.MaxRows))
	}
	m.results = m.results[:len(m.ids)]
	if err := m.txn.Lock(ctx, m.snap, m.desc, m.ids, mode, table.Block, m.results); err != nil {
		return nil, nil, err
	}
	var ids []int64
	var sel []int32
	changed := 0
	for i, r := range m.results {
		switch r {
		case table.LockOK:
			ids, sel = append(ids, m.ids[i]), append(sel, m.sel[i])
		case table.LockChanged:
			m.ids[changed], m.sel[changed] = m.ids[i], m.sel[i]
			changed++
		}
	}
	m.ids, m.sel = m.ids[:changed], m.sel[:changed]
	if len(ids) == 0 {
		return nil, nil, nil
	}
	out := make([]vec.Vec, len(cols))
	for i, c := range cols {
		out[i] = dense(c, m.inTypes[i], sel)
	}
	return out, ids, nil
}

// writeChanged decides again about the rows that another transaction has changed
// since they were read: each by its newest version, beside the other columns of
// Input's row.
func (m *modifier) writeChanged(ctx context.Context, b *vec.Batch, out operator.Output) error {
	for i, id := range m.ids {
		cols, err := m.again(ctx, b.Cols, m.sel[i], id)
		if err != nil {
			return err
		}
		if cols == nil {
			continue
		}
		if ok, err := m.meets(cols); err != nil || !ok {
			if err != nil {
				return err
			}
			continue
		}
		if err := m.write(ctx, cols, []int64{id}, out); err != nil {
			return err
		}
	}
	return nil
}

// again is a row of Input with the newest version of its table's row; nil where
// that is gone.
func (m *modifier) again(ctx context.Context, in []vec.Vec, row int32, id int64) ([]vec.Vec, error) {
	cols := make([]vec.Vec, len(in))
	for i, c := range in {
		cols[i] = dense(c, m.inTypes[i], []int32{row})
	}
	newest, err := newestRow(ctx, m.snap, m.desc, m.n.Target, id)
	if err != nil || newest == nil {
		return nil, err
	}
	for c, at := range m.n.Row {
		if at >= 0 {
			cols[at] = newest[c]
		}
	}
	return cols, nil
}

// newestRow is the newest version of a row that the transaction has locked; nil
// where there is none.
func newestRow(ctx context.Context, snap *table.Snapshot, d *table.Desc, r *catalog.Relation, id int64) ([]vec.Vec, error) {
	spec := table.ScanSpec{RowIDs: []int64{id}, Latest: true}
	for i := range r.Columns {
		spec.Columns = append(spec.Columns, i)
	}
	b := vec.NewBatch(rowTypes(r))
	scan := snap.Scan(d, spec)
	defer scan.Close()
	err := scan.Next(ctx, b)
	if errors.Is(err, io.EOF) || err == nil && b.Rows == 0 {
		return nil, nil
	}
	return b.Cols, err
}

// meets reports whether a row of Input still meets the statement's conditions.
func (m *modifier) meets(cols []vec.Vec) (bool, error) {
	if m.n.Where == nil {
		return true, nil
	}
	if m.where == nil {
		p, err := m.b.compile(m.n.Where)
		if err != nil {
			return false, err
		}
		m.where = p
	}
	b := vec.Batch{Cols: cols, Rows: 1}
	sel, errs := m.where.Filter(&b, nil)
	return len(sel) > 0, errs.First()
}

// write updates or deletes rows that are locked; cols are their rows of Input.
func (m *modifier) write(ctx context.Context, cols []vec.Vec, ids []int64, out operator.Output) error {
	if m.n.Op == plan.ModifyDelete {
		return m.remove(ctx, cols, ids, out)
	}
	b := vec.Batch{Cols: cols, Rows: len(ids)}
	new := make([]vec.Vec, len(m.new))
	var bad violation
	for i, p := range m.new {
		v, errs := p.Run(&b, nil)
		bad.first(len(ids), errs)
		new[i] = flat(v, m.types[i])
	}
	if bad.err == nil {
		return m.replace(ctx, cols, new, ids, out)
	}
	if err := m.replaceFirst(ctx, cols, new, ids[:bad.row]); err != nil {
		return err
	}
	return bad.err
}

// replaceFirst is replace of the rows before one that has failed: what is wrong with
// them comes first.
func (m *modifier) replaceFirst(ctx context.Context, cols, new []vec.Vec, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return m.replace(ctx, first(cols, m.inTypes, len(ids)), first(new, m.types, len(ids)), ids, noOutput{})
}

// replace gives rows that are locked new values.
func (m *modifier) replace(ctx context.Context, cols, new []vec.Vec, ids []int64, out operator.Output) error {
	n := len(ids)
	old, err := m.rules.derivedOf(m.oldRows(cols, n), n)
	if err != nil {
		return err
	}
	rows, bad := m.rules.apply(new, n)
	if bad.err != nil {
		if err := m.replaceFirst(ctx, cols, new, ids[:bad.row]); err != nil {
			return err
		}
		return bad.err
	}
	if k := m.rules.hidden(rows, n).until(); k > 0 && k < n {
		return m.replaceFirst(ctx, cols, new, ids[:k])
	}
	if done, err := m.txn.Update(ctx, m.snap, m.desc, ids, rows, old); err != nil {
		return m.sooner(ctx, rows, ids, cols, done, withoutKey(m.b.env, m.n.Target, err))
	}
	m.count += int64(n)
	if err := m.foreign.changed(0, m.before(cols), rows, n); err != nil {
		return err
	}
	return m.give(ctx, rows, ids, cols, n, out)
}

// before are the table's columns of rows of Input, nil those that nothing reads.
func (m *modifier) before(cols []vec.Vec) []vec.Vec {
	if m.foreign == nil {
		return nil
	}
	old := make([]vec.Vec, len(m.types))
	for c, at := range m.n.Row {
		if at >= 0 {
			old[c] = cols[at]
		}
	}
	return old
}

// remove deletes rows that are locked.
func (m *modifier) remove(ctx context.Context, cols []vec.Vec, ids []int64, out operator.Output) error {
	rows := m.oldRows(cols, len(ids))
	old, err := m.rules.derivedOf(rows, len(ids))
	if err != nil {
		return err
	}
	if err := m.txn.Delete(ctx, m.snap, m.desc, ids, old); err != nil {
		return err
	}
	m.count += int64(len(ids))
	if err := m.foreign.changed(0, m.before(cols), nil, len(ids)); err != nil {
		return err
	}
	return m.give(ctx, rows, ids, cols, len(ids), out)
}

// oldRows are the table's columns of rows of Input; those that nothing reads are
// NULL.
func (m *modifier) oldRows(cols []vec.Vec, n int) []vec.Vec {
	if m.returning == nil && len(m.rules.derived) == 0 {
		return nil
	}
	rows := make([]vec.Vec, len(m.types))
	for c, at := range m.n.Row {
		if at >= 0 {
			rows[c] = cols[at]
			continue
		}
		rows[c] = nullColumn(m.types[c], n)
	}
	return rows
}

func errTwice(verb, hint string) error {
	return sqlerr.Errorf(sqlerr.CardinalityViolation, "%s command cannot affect row a second time", verb).WithHint("%s", hint)
}
