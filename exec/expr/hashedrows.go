package expr

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// hashedRows finds the rows of a subquery that could equal a row on the left of
// IN, so that not all of them are compared with each. Rows with a NULL could
// equal any.
type hashedRows struct {
	buckets map[uint64][]int32
	nulls   []int32
	// sel and found are the last answer, whose memory is used again.
	sel   []int32
	found *collected
}

// hashable reports whether a subquery's rows may be found by hash: it is run
// once, and each operator is an equality that equal hashes follow from.
func hashable(e *plan.Subquery) bool {
	if e.Correlated || e.Kind != plan.SubAny {
		return false
	}
	for i, f := range e.Input.Schema() {
		l, r := e.Left[i].Type().OID, f.Type.OID
		if e.OpNames[i] != "=" || l != r && !(integer(l) && integer(r)) || l == types.Record {
			return false
		}
		if info := types.Lookup(l); info == nil || !info.Comparable {
			return false
		}
	}
	return true
}

func integer(t types.OID) bool { return t == types.Int2 || t == types.Int4 || t == types.Int8 }

// bucketBytes is about what a row takes in its bucket.
const bucketBytes = 64

// hashRows sorts the rows into buckets, unless the statement has to end meanwhile.
func hashRows(env *function.Env, c *collected, fields []plan.Field) (*hashedRows, error) {
	h := &hashedRows{buckets: map[uint64][]int32{}, found: &collected{}}
	for _, f := range fields {
		h.found.cols = append(h.found.cols, newColumn(f.Type))
	}
	hashes := make([]uint64, c.rows)
	for i, col := range c.cols {
		vec.Hash(col, fields[i].Type, nil, hashes)
	}
	for row := range c.rows {
		if row%4096 == 4095 {
			if limit := env.MemoryLimit; limit > 0 && int64(row)*bucketBytes > limit {
				return nil, function.OverLimit(row*bucketBytes, int(limit))
			}
			if err := env.Ended(); err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(c.cols, func(col vec.Vec) bool { return col.Nulls().Get(row) }) {
			h.nulls = append(h.nulls, int32(row))
		} else {
			h.buckets[hashes[row]] = append(h.buckets[hashes[row]], int32(row))
		}
	}
	return h, nil
}

// candidates are the rows of c that could equal a row without NULLs of this
// hash. They are good until the next call.
func (h *hashedRows) candidates(c *collected, hash uint64) *collected {
	h.sel = append(append(h.sel[:0], h.buckets[hash]...), h.nulls...)
	h.found.rows = len(h.sel)
	for i, col := range h.found.cols {
		col.Reset()
		vec.CopyRows(col, c.cols[i], h.sel)
	}
	return h.found
}
