package exec

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// foreignKeys hold a statement's changes to the foreign keys around their table. As
// rows change, the keys that they bring and take away are noted, each once; when the
// statement has done what it says, actions follow, and then every key that has come
// must be there.
//
// A row whose key is referenced by a new row is locked FOR KEY SHARE until the
// transaction ends, which whoever removes the key waits for; and who has removed a
// key, or will have, holds the row so that whoever looks the key up waits for him.
// After the wait each looks at what is committed, so one of the two finds the other.
type foreignKeys struct {
	b      *builder
	tables []foreignTable
	// keys and references are those of the statement's own table that it can break.
	keys, references []plan.ForeignKey
	// came and went are what is to be looked at yet, in the order in which it came up.
	came, went []*keySet
	bytes      int64 // of noted keys, as counted
	depth      int   // 0: the statement itself runs, else actions do
}

// foreignTable is a table that foreign keys lead to.
type foreignTable struct {
	*plan.ForeignTable
	desc  *table.Desc
	types []types.Type
	rules *rowRules // compiled when an action changes a row
}

// keySet are values of the columns of one foreign key, each once, in the types of
// the table that is referenced.
type keySet struct {
	key    *plan.ForeignKey
	update bool // of went: the keys have become others
	enc    *rowkey.Encoder
	places map[string]int
	values [][]types.Value
	become [][]types.Value // of an update
}

func newForeignKeys(b *builder, f *plan.Foreign) *foreignKeys {
	if f == nil {
		return nil
	}
	k := &foreignKeys{b: b, keys: f.Tables[0].Keys, references: f.Tables[0].References}
	for i := range f.Tables {
		t := &f.Tables[i]
		k.tables = append(k.tables, foreignTable{ForeignTable: t, desc: table.Describe(t.Relation), types: rowTypes(t.Relation)})
	}
	return k
}

// sparing leaves out the foreign keys that an update does not touch: no column of
// theirs becomes another.
func (f *foreignKeys) sparing(n *plan.Modify) *foreignKeys {
	if f == nil {
		return nil
	}
	changes := updated(n.Rules, n.New, n.Row)
	touched := func(places []int) bool { return slices.ContainsFunc(places, changes) }
	f.keys = slices.DeleteFunc(slices.Clone(f.keys), func(k plan.ForeignKey) bool { return !touched(k.Columns) })
	f.references = slices.DeleteFunc(slices.Clone(f.references), func(k plan.ForeignKey) bool { return !touched(k.Targeted) })
	return f
}

// reset forgets what a statement that has failed has noted.
func (f *foreignKeys) reset() {
	if f != nil {
		f.came, f.went, f.depth = nil, nil, 0
	}
}

// set finds the noted keys of a foreign key.
func (f *foreignKeys) set(all *[]*keySet, key *plan.ForeignKey, update bool) *keySet {
	for _, s := range *all {
		if s.key.Key.OID == key.Key.OID && s.update == update {
			return s
		}
	}
	to := f.tables[key.To].Relation
	var columns []rowkey.Column
	for _, at := range key.Targeted {
		columns = append(columns, rowkey.Column{Type: to.Columns[at].Type})
	}
	s := &keySet{key: key, update: update, enc: rowkey.NewEncoder(columns), places: map[string]int{}}
	*all = append(*all, s)
	return s
}

// inserted notes the keys of n new rows of a table.
func (f *foreignKeys) inserted(at int, rows []vec.Vec, n int) error {
	if f == nil {
		return nil
	}
	return f.bring(at, f.keysOf(at), rows, n)
}

func (f *foreignKeys) keysOf(at int) []plan.ForeignKey {
	if at == 0 && f.depth == 0 {
		return f.keys
	}
	return f.tables[at].Keys
}

func (f *foreignKeys) bring(at int, keys []plan.ForeignKey, rows []vec.Vec, n int) error {
	for row := range n {
		for i := range keys {
			if err := f.brings(at, &keys[i], rows, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// brings notes the key of one row of the table that references.
func (f *foreignKeys) brings(at int, key *plan.ForeignKey, rows []vec.Vec, row int) error {
	values, nulls := keyOf(f.tables[at].Relation, key.Columns, rows, row)
	switch {
	case nulls == len(values), nulls > 0 && !key.Key.Full:
		return nil
	case nulls > 0:
		return f.missing(key, nil)
	}
	s := f.set(&f.came, key, false)
	to := f.tables[key.To].Relation
	if !convertKey(values, to, key.Targeted) {
		return f.missing(key, values)
	}
	return f.note(s, values, nil)
}

// note keeps a key that is not noted yet.
func (f *foreignKeys) note(s *keySet, values, become []types.Value) error {
	encoded, _ := s.enc.AppendValues(nil, values)
	if _, known := s.places[string(encoded)]; known {
		return nil
	}
	if a := f.b.account; a != nil {
		n := int64(2*len(encoded) + 64*(1+len(values)+len(become)))
		if err := a.Reserve(n); err != nil {
			return err
		}
		f.bytes += n
	}
	s.places[string(encoded)] = len(s.values)
	s.values = append(s.values, values)
	if s.update {
		s.become = append(s.become, become)
	}
	return nil
}

// changed notes what the change of n rows of a table brings and takes away. old and
// rows are by place in the table; of old the columns that nothing references may be
// nil. rows nil: they are deleted.
func (f *foreignKeys) changed(at int, old, rows []vec.Vec, n int) error {
	if f == nil {
		return nil
	}
	t := f.tables[at]
	references := t.References
	if at == 0 && f.depth == 0 {
		references = f.references
	}
	for row := range n {
		for i := range references {
			key := &references[i]
			was, nulls := keyOf(t.Relation, key.Targeted, old, row)
			if nulls > 0 {
				continue // nothing references it
			}
			if rows == nil {
				if err := f.note(f.set(&f.went, key, false), was, nil); err != nil {
					return err
				}
				continue
			}
			s := f.set(&f.went, key, true)
			is, nulls := keyOf(t.Relation, key.Targeted, rows, row)
			if nulls == 0 && s.same(was, is) {
				continue
			}
			if err := f.note(s, was, is); err != nil {
				return err
			}
		}
	}
	if rows == nil {
		return nil
	}
	return f.inserted(at, rows, n)
}

// same reports whether two keys are one.
func (s *keySet) same(x, y []types.Value) bool {
	a, _ := s.enc.AppendValues(nil, x)
	b, _ := s.enc.AppendValues(nil, y)
	return string(a) == string(b)
}

// keyOf are the values of some columns of a row, and how many of them are NULL.
func keyOf(r *catalog.Relation, places []int, rows []vec.Vec, row int) (values []types.Value, nulls int) {
	values = make([]types.Value, len(places))
	for i, at := range places {
		values[i] = vec.Get(rows[at], row, r.Columns[at].Type)
		if values[i].Null {
			nulls++
		}
	}
	return values, nulls
}

// convertKey makes values those of a relation's columns; false: they are none.
func convertKey(values []types.Value, r *catalog.Relation, places []int) bool {
	for i, at := range places {
		to := r.Columns[at].Type
		values[i].Type = to
		switch v := values[i].I; to.OID {
		case types.Int2:
			if v != int64(int16(v)) {
				return false
			}
		case types.Int4:
			if v != int64(int32(v)) {
				return false
			}
		}
	}
	return true
}

// settle does what follows from the noted keys: actions, and what follows from
// those, and then the look-ups.
func (f *foreignKeys) settle(ctx context.Context) error {
	if f == nil {
		return nil
	}
	defer func() {
		f.reset()
		if f.bytes > 0 {
			f.b.account.Release(f.bytes)
			f.bytes = 0
		}
	}()
	f.depth = 1
	for len(f.went) > 0 {
		s := f.went[0]
		f.went = f.went[1:]
		if err := f.follow(ctx, s); err != nil {
			return err
		}
	}
	for _, s := range f.came {
		if err := f.find(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// find locks the rows that keys reference.
func (f *foreignKeys) find(ctx context.Context, s *keySet) error {
	to := &f.tables[s.key.To]
	if err := f.lock(ctx, to, table.RowShare); err != nil {
		return err
	}
	x := f.b.view.txn.tables()
	snap := x.Statement()
	defer snap.Close()
	for _, values := range s.values {
		found, err := x.HoldKey(ctx, snap, to.desc, f.point(to, s.key.Key.Index, s.key.Targeted, values), table.ForKeyShare)
		if err != nil {
			return f.within(err, s.key)
		}
		if !found {
			return f.missing(s.key, values)
		}
	}
	return nil
}

// within says which query of ours an error came up in, as PostgreSQL does of its.
func (f *foreignKeys) within(err error, key *plan.ForeignKey) error {
	var e *sqlerr.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	where := "while checking foreign key constraint \"" + key.Key.Name + "\""
	if out.Where != "" {
		where = out.Where + "\n" + where
	}
	out.Where = where
	return &out
}

// point is the scan of the one key of a unique index.
func (f *foreignKeys) point(t *foreignTable, index types.OID, places []int, values []types.Value) table.ScanSpec {
	x := t.Relation.IndexWithOID(index)
	point := make([]types.Value, len(x.Keys))
	for i, k := range x.Keys {
		for j, at := range places {
			if at == k.Column {
				point[i] = values[j]
			}
		}
	}
	return table.ScanSpec{Columns: []int{len(t.Relation.Columns)}, Index: x, Points: [][]types.Value{point}}
}

// lock locks a table that the statement's foreign keys lead to, and refuses one that
// has been altered since the statement was planned. One whose rows are to change must
// have the foreign keys, and be referenced by those, that it had then.
func (f *foreignKeys) lock(ctx context.Context, to *foreignTable, mode table.TableLock) error {
	t := f.b.view.txn
	if err := t.lockTable(ctx, to.Relation, mode); err != nil {
		return err
	}
	if to.Changes && mode == table.RowExclusive {
		if err := t.sameForeign(to.ForeignTable); err != nil {
			return err
		}
	}
	return t.asPlanned(to.Relation)
}

// missing is 23503 of a row whose key is not there; values nil: some of it is NULL.
func (f *foreignKeys) missing(key *plan.ForeignKey, values []types.Value) error {
	from, to := f.tables[key.From].Relation, f.tables[key.To].Relation
	e := sqlerr.Errorf(sqlerr.ForeignKeyViolation, "insert or update on table \"%s\" violates foreign key constraint \"%s\"", from.Name, key.Key.Name)
	e.Schema, e.Table, e.Constraint = from.Schema, from.Name, key.Key.Name
	if values == nil {
		return e.WithDetail("MATCH FULL does not allow mixing of null and nonnull key values.")
	}
	return e.WithDetail("Key %sis not present in table \"%s\".", f.shown(from, key.Columns, values), to.Name)
}

// referenced is 23503 of a key that rows still reference.
func (f *foreignKeys) referenced(key *plan.ForeignKey, values []types.Value) error {
	from, to := f.tables[key.From].Relation, f.tables[key.To].Relation
	e := sqlerr.Errorf(sqlerr.ForeignKeyViolation, "update or delete on table \"%s\" violates foreign key constraint \"%s\" on table \"%s\"",
		to.Name, key.Key.Name, from.Name)
	e.Schema, e.Table, e.Constraint = from.Schema, from.Name, key.Key.Name
	return e.WithDetail("Key %sis still referenced from table \"%s\".", f.shown(to, key.Targeted, values), from.Name)
}

// shown is a key as details show it, and a space; "": the statement's role may not read it.
func (f *foreignKeys) shown(r *catalog.Relation, places []int, values []types.Value) string {
	if !mayRead(f.b.env, r, places) {
		return ""
	}
	var names, texts []string
	for i, at := range places {
		names = append(names, r.Columns[at].Name)
		texts = append(texts, string(types.AppendText(nil, values[i], f.b.env.Format)))
	}
	return "(" + strings.Join(names, ", ") + ")=(" + strings.Join(texts, ", ") + ") "
}

// scanned reads the batches of a scan; each is good until the next.
func scanned(ctx context.Context, scan *table.Scan, ts []types.Type, each func(*vec.Batch) error) error {
	defer scan.Close()
	for {
		b := vec.NewBatch(ts)
		err := scan.Next(ctx, b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(b)
		}
		if err != nil {
			return err
		}
	}
}
