package operator

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// keyed is a row with the start of one of its keys as a number: where two
// numbers differ, the keys are in their order.
type keyed struct {
	prefix uint64
	row    ref
}

// windowSort sorts the rows of a Window key by key: by the numbers of one key
// first, and what they leave equal by the keys that follow.
type windowSort struct {
	w       *Window
	ctx     context.Context
	rows    []keyed
	stopped bool // ctx has ended: the order does not matter any more
	asked   int
}

// sort orders refs, which came in the order of the input; rows that sort alike
// keep that.
func (w *Window) sort(ctx context.Context, refs []ref) error {
	s := windowSort{w: w, ctx: ctx, rows: make([]keyed, len(refs))}
	s.level(refs, 0)
	return ctx.Err()
}

// level orders rows, which are in the input's order, by the keys from k on.
func (s *windowSort) level(rows []ref, k int) {
	if k == len(s.w.keys) || len(rows) < 2 || s.stop(len(rows)) {
		return
	}
	key := &s.w.keys[k]
	rows, nulls := s.splitNulls(rows, k)
	s.level(nulls, k+1)
	keys := s.rows[:len(rows)]
	for i, r := range rows {
		number, _, ok := s.prefix(r, k)
		if !ok {
			s.compare(rows, k)
			return
		}
		if key.Desc {
			number = ^number
		}
		keys[i] = keyed{number, r}
	}
	err := sortBlocks(s.ctx, keys, func(a, b keyed) int {
		switch {
		case a.prefix < b.prefix:
			return -1
		case a.prefix > b.prefix:
			return 1
		case a.row < b.row:
			return -1
		}
		return 1
	})
	if err != nil {
		s.stopped = true
		return
	}
	// The numbers are needed no more once the runs are known, and the levels
	// below write over them.
	var runs []int
	for i := range keys {
		rows[i] = keys[i].row
		if i > 0 && keys[i].prefix != keys[i-1].prefix {
			runs = append(runs, i)
		}
	}
	from := 0
	for _, end := range append(runs, len(rows)) {
		switch run := rows[from:end]; {
		case len(run) < 2:
		case s.exact(run[0], k):
			s.level(run, k+1)
		default:
			s.compare(run, k)
		}
		from = end
	}
}

// splitNulls puts the rows whose key is NULL where they sort and returns the
// others and them.
func (s *windowSort) splitNulls(rows []ref, k int) (others, nulls []ref) {
	isNull := func(r ref) bool {
		return s.w.spool.chunks[r>>32].Cols[s.w.width+k].Nulls().Get(int(int32(r)))
	}
	for _, r := range rows {
		if isNull(r) {
			nulls = append(nulls, r)
		}
	}
	if len(nulls) == 0 {
		return rows, nil
	}
	others = slices.DeleteFunc(slices.Clone(rows), isNull)
	if s.w.keys[k].NullsFirst {
		copy(rows, nulls)
		copy(rows[len(nulls):], others)
		return rows[len(nulls):], rows[:len(nulls)]
	}
	copy(rows, others)
	copy(rows[len(others):], nulls)
	return rows[:len(others)], rows[len(others):]
}

// compare orders rows by the whole keys from k on.
func (s *windowSort) compare(rows []ref, k int) {
	if len(rows) < 2 {
		return
	}
	err := sortRefs(s.ctx, rows, func(a, b ref) int { return s.w.compare(a, b, k, len(s.w.keys)) })
	s.stopped = s.stopped || err != nil
}

// stop reports, once in a while, whether the query has ended.
func (s *windowSort) stop(n int) bool {
	if s.asked += n; s.asked > rowsPerLook {
		s.asked = 0
		s.stopped = s.stopped || s.ctx.Err() != nil
	}
	return s.stopped
}

func (s *windowSort) exact(r ref, k int) bool {
	_, exact, _ := s.prefix(r, k)
	return exact
}

// prefix is the number of the key k of a row. exact: whatever has that number is
// equal. ok is false where a value of the key's type may have none.
func (s *windowSort) prefix(r ref, k int) (number uint64, exact, ok bool) {
	row := int(int32(r))
	switch v := s.w.spool.chunks[r>>32].Cols[s.w.width+k].(type) {
	case *vec.Fixed[bool]:
		if v.Values[row] {
			return 1, true, true
		}
		return 0, true, true
	case *vec.Fixed[int16]:
		return ordered(int64(v.Values[row])), true, true
	case *vec.Fixed[int32]:
		return ordered(int64(v.Values[row])), true, true
	case *vec.Fixed[int64]:
		return ordered(v.Values[row]), true, true
	case *vec.Fixed[uint32]:
		return uint64(v.Values[row]), true, true
	case *vec.Fixed[float32]:
		return orderedFloat(float64(v.Values[row])), true, true
	case *vec.Fixed[float64]:
		return orderedFloat(v.Values[row]), true, true
	case *vec.Bytes:
		switch s.w.keys[k].Type.OID {
		case types.Text, types.Varchar, types.Bytea:
			number, exact = firstBytes(v.At(row))
			return number, exact, true
		}
	}
	return 0, false, false
}

// ordered maps integers to numbers of the same order.
func ordered(x int64) uint64 { return uint64(x) ^ 1<<63 }

// orderedFloat does so with floats; NaN is above all else, and the zeros are one.
func orderedFloat(x float64) uint64 {
	switch {
	case x != x:
		return math.MaxUint64
	case x == 0:
		return 1 << 63
	}
	bits := math.Float64bits(x)
	if bits>>63 != 0 {
		return ^bits
	}
	return bits | 1<<63
}

// firstBytes are the first seven bytes of a string, then its length as far as
// eight: shorter ones are told apart by that.
func firstBytes(b []byte) (number uint64, exact bool) {
	var buf [8]byte
	copy(buf[:7], b)
	buf[7] = byte(min(len(b), 8))
	return binary.BigEndian.Uint64(buf[:]), len(b) < 8
}
