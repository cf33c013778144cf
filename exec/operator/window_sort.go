package operator

import (
	"cmp"
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

// windowSort sorts the rows of a Window whose keys do not fit one number, key by key: by the numbers of one key
// first, and what they leave equal by the keys that follow.
type windowSort struct {
	w       *Window
	ctx     context.Context
	rows    []keyed
	begins  []uint16 // of the Window
	stopped bool     // ctx has ended: the order does not matter any more
	asked   int
}

// sort orders refs, which are all rows of the spool in the order of the input;
// rows that sort alike keep that.
func (w *Window) sort(ctx context.Context, refs []ref) error {
	w.begins = sized(w.begins, len(refs))
	clear(w.begins)
	if p, ok := w.pack(); ok {
		return w.sortPacked(ctx, p, refs)
	}
	return w.sortByKey(ctx, refs)
}

// sortByKey does so key by key.
func (w *Window) sortByKey(ctx context.Context, refs []ref) error {
	s := windowSort{w: w, ctx: ctx, rows: make([]keyed, len(refs)), begins: w.begins}
	s.level(refs, 0, 0)
	return ctx.Err()
}

// begin notes that the row at a place differs from the one before it in key k
// and in none before.
func (s *windowSort) begin(at, k int) { s.begins[at] = uint16(min(k+1, math.MaxUint16)) }

// level orders rows, which are in the input's order and stand at a place, by the
// keys from k on.
func (s *windowSort) level(rows []ref, at, k int) {
	if k == len(s.w.keys) || len(rows) < 2 || s.stop(len(rows)) {
		return
	}
	key := &s.w.keys[k]
	all := len(rows)
	rows, nulls := s.splitNulls(rows, k)
	if len(nulls) > 0 {
		nullsAt := at + len(rows)
		if key.NullsFirst {
			nullsAt, at = at, at+len(nulls)
		}
		if len(nulls) < all {
			s.begin(max(nullsAt, at), k)
		}
		s.level(nulls, nullsAt, k+1)
		if len(rows) == 0 {
			return
		}
	}
	keys := s.rows[:len(rows)]
	for i, r := range rows {
		number, _, ok := s.prefix(r, k)
		if !ok {
			s.compare(rows, at, k)
			return
		}
		if key.Desc {
			number = ^number
		}
		keys[i] = keyed{number, r}
	}
	sort := radixSort
	if len(keys) < radixFrom {
		sort = sortKeyed
	}
	if sort(s.ctx, keys) != nil {
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
			s.begin(at+i, k)
		}
	}
	from := 0
	for _, end := range append(runs, len(rows)) {
		switch run := rows[from:end]; {
		case len(run) < 2:
		case s.exact(run[0], k):
			s.level(run, at+from, k+1)
		default:
			s.compare(run, at+from, k)
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

// sortKeyed orders few rows.
func sortKeyed(_ context.Context, s []keyed) error {
	slices.SortFunc(s, func(a, b keyed) int {
		if c := cmp.Compare(a.prefix, b.prefix); c != 0 {
			return c
		}
		return cmp.Compare(a.row, b.row)
	})
	return nil
}

// compare orders rows by the whole keys from k on.
func (s *windowSort) compare(rows []ref, at, k int) {
	if len(rows) < 2 {
		return
	}
	err := sortRefs(s.ctx, rows, func(a, b ref) int { return s.w.compare(a, b, k, len(s.w.keys)) })
	if s.stopped = s.stopped || err != nil; s.stopped {
		return
	}
	for i := 1; i < len(rows); i++ {
		for differs := k; differs < len(s.w.keys); differs++ {
			if s.w.compare(rows[i-1], rows[i], differs, differs+1) != 0 {
				s.begin(at+i, differs)
				break
			}
		}
	}
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
