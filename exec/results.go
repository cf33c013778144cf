package exec

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// keptResults is how many rows a job without a sink keeps.
const keptResults = 1000

// resultSpace is where they are in the job's state: the key is a row's number
// modulo keptResults, the value its number and its JSON.
var resultSpace = state.Space{Operator: 1}

// results are the last rows of a job without a sink, as JSON objects. They are
// part of its epochs.
type results struct {
	columns []resultColumn
	next    uint64   // number of the next row
	rows    []string // those below next, oldest first, at most keptResults
	fresh   int      // how many of them no epoch has yet
	ops     bool     // they begin with an _op
}

type resultColumn struct {
	key    []byte // "name": with its quotes
	bare   bool   // its text is JSON already
	append func(dst []byte, v vec.Vec, row int) []byte
}

// loadResults reads the rows of the committed epoch.
func loadResults(store *state.Store, id state.ID, fields []plan.Field, f *types.Format) (*results, error) {
	r := &results{}
	for _, field := range fields {
		key, err := json.Marshal(field.Name)
		if err != nil {
			return nil, fmt.Errorf("naming column %s: %w", field.Name, err)
		}
		r.columns = append(r.columns, resultColumn{append(key, ':'), bareJSON(field.Type), vec.TextAppender(field.Type, f)})
	}
	type kept struct {
		n   uint64
		row string
	}
	var all []kept
	sn := store.Snapshot(id)
	defer sn.Close()
	err := sn.Scan(id, resultSpace, nil, nil, func(_, value []byte) error {
		if len(value) < 8 {
			return fmt.Errorf("reading a kept result: %d bytes are too few", len(value))
		}
		all = append(all, kept{binary.BigEndian.Uint64(value), string(value[8:])})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b kept) int { return int(int64(a.n) - int64(b.n)) })
	for _, k := range all {
		r.rows = append(r.rows, k.row)
		r.next = k.n + 1
	}
	return r, nil
}

// bareJSON reports whether the text of a type's values is JSON as it stands.
func bareJSON(t types.Type) bool {
	switch t.OID {
	case types.Int2, types.Int4, types.Int8, types.Oid, types.JSON, types.JSONB:
		return true
	}
	return false
}

// add keeps the live rows of b.
func (r *results) add(b *vec.Batch) {
	var buf []byte
	each := func(row int) {
		buf = append(buf[:0], '{')
		if r.ops && b.Op(row) == vec.Delete {
			buf = append(buf, `"_op":"-"`...)
		} else if r.ops {
			buf = append(buf, `"_op":"+"`...)
		}
		for i := range r.columns {
			if i > 0 || r.ops {
				buf = append(buf, ',')
			}
			buf = r.columns[i].write(buf, b.Cols[i], row)
		}
		r.rows = append(r.rows, string(append(buf, '}')))
	}
	if b.Sel != nil {
		for _, row := range b.Sel {
			each(int(row))
		}
	} else {
		for row := range b.Rows {
			each(row)
		}
	}
	r.next += uint64(b.Len())
	r.fresh = min(r.fresh+b.Len(), keptResults)
	if over := len(r.rows) - keptResults; over > 0 {
		r.rows = append(r.rows[:0], r.rows[over:]...)
	}
}

func (c *resultColumn) write(dst []byte, v vec.Vec, row int) []byte {
	dst = append(dst, c.key...)
	if v.Nulls().Get(row) {
		return append(dst, "null"...)
	}
	if k, ok := v.(*vec.Const); ok {
		v, row = k.Of, 0
	}
	if b, ok := v.(*vec.Fixed[bool]); ok {
		if b.Values[row] {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	}
	text := c.append(nil, v, row)
	if c.bare || number(v, text) {
		return append(dst, text...)
	}
	quoted, err := json.Marshal(string(text))
	if err != nil { // no string fails to be quoted
		return append(dst, "null"...)
	}
	return append(dst, quoted...)
}

// number reports whether the text of a numeric or float is a JSON number: NaN
// and the infinities are not.
func number(v vec.Vec, text []byte) bool {
	switch v.(type) {
	case *vec.Numeric, *vec.Fixed[float32], *vec.Fixed[float64]:
		return json.Valid(text)
	}
	return false
}

// write puts the rows that no epoch has yet into an epoch's pages.
func (r *results) write(pages *state.Batch) {
	if r == nil {
		return
	}
	for i := len(r.rows) - r.fresh; i < len(r.rows); i++ {
		n := r.next - uint64(len(r.rows)-i)
		value := append(binary.BigEndian.AppendUint64(nil, n), r.rows[i]...)
		pages.Set(resultSpace, binary.BigEndian.AppendUint32(nil, uint32(n%keptResults)), value)
	}
	r.fresh = 0
}

// snapshot is a copy for those who ask.
func (r *results) snapshot() []string { return slices.Clone(r.rows) }
