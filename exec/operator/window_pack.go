package operator

import (
	"context"
	"math"
	"math/bits"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// packed says how all keys of a row become one number, the first key in its
// highest bits: numbers are in the order of the rows, and rows of one number sort
// alike. The keys are read once, in the order of the input, and never again.
type packed struct {
	keys []packedKey
	bits int // of a number
}

// packedKey is what a number has of one key: how far the key is from the least
// or, descending, from the greatest, with one step beside them for NULL.
type packedKey struct {
	least, greatest uint64
	values, nulls   bool // of the key: whether it has any
	desc, first     bool // first: NULLs come first
	width           int  // bits
	below           int  // bits of the keys that follow
}

// packBlock is how many rows of a key are read at once.
const packBlock = 1 << 12

// pack returns how the keys of the rows are packed. ok is false where one of them
// is no number of a fixed width, or all are too wide together.
func (w *Window) pack() (p packed, ok bool) {
	for k := range w.keys {
		for _, chunk := range w.spool.chunks {
			if !orderedNumbers(chunk.Cols[w.width+k], 0, nil) {
				return p, false
			}
		}
	}
	numbers := make([]uint64, packBlock)
	for k, key := range w.keys {
		pk := packedKey{least: math.MaxUint64, desc: key.Desc, first: key.NullsFirst}
		for _, chunk := range w.spool.chunks {
			v := chunk.Cols[w.width+k]
			nulls := v.Nulls()
			anyNull := nulls.Any()
			pk.nulls = pk.nulls || anyNull
			for from := 0; from < chunk.Rows; from += packBlock {
				some := numbers[:min(packBlock, chunk.Rows-from)]
				orderedNumbers(v, from, some)
				for i, x := range some {
					if anyNull && nulls.Get(from+i) {
						continue
					}
					pk.values = true
					pk.least, pk.greatest = min(pk.least, x), max(pk.greatest, x)
				}
			}
		}
		if p.bits += pk.measure(); pk.width > 64 || p.bits > 64 {
			return p, false
		}
		p.keys = append(p.keys, pk)
	}
	below := p.bits
	for k := range p.keys {
		below -= p.keys[k].width
		p.keys[k].below = below
	}
	return p, true
}

// measure sets how many bits the key takes, and returns it.
func (k *packedKey) measure() int {
	switch span := k.greatest - k.least; {
	case !k.values:
		k.width = 0
	case !k.nulls:
		k.width = bits.Len64(span)
	case span == math.MaxUint64:
		k.width = 65
	default:
		k.width = bits.Len64(span + 1)
	}
	return k.width
}

// add puts the key's part of each number of some below what rows has.
func (k *packedKey) add(rows []keyed, some []uint64) {
	base, step := k.least, uint64(0)
	if k.nulls && k.first {
		step = 1
	}
	if k.desc {
		for i, x := range some {
			rows[i].prefix = rows[i].prefix<<k.width | (k.greatest - x + step)
		}
		return
	}
	for i, x := range some {
		rows[i].prefix = rows[i].prefix<<k.width | (x - base + step)
	}
}

// addNullable does so where rows of v, from from on, may be NULL.
func (k *packedKey) addNullable(rows []keyed, some []uint64, nulls *vec.Bitmap, from int) {
	null := k.greatest - k.least + 1
	if k.first || !k.values {
		null = 0
	}
	for i := range some {
		if !nulls.Get(from + i) {
			k.add(rows[i:i+1], some[i:i+1])
		} else {
			rows[i].prefix = rows[i].prefix<<k.width | null
		}
	}
}

// number fills rows with the number and the ref of each row of the spool.
func (w *Window) number(ctx context.Context, p packed, rows []keyed) error {
	numbers := make([]uint64, packBlock)
	for c, chunk := range w.spool.chunks {
		for from := 0; from < chunk.Rows; from += packBlock {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(packBlock, chunk.Rows-from)
			for i := range rows[:n] {
				rows[i] = keyed{row: ref(c)<<32 | ref(from+i)}
			}
			for k := range p.keys {
				v := chunk.Cols[w.width+k]
				orderedNumbers(v, from, numbers[:n])
				if nulls := v.Nulls(); nulls.Any() {
					p.keys[k].addNullable(rows[:n], numbers[:n], nulls, from)
				} else {
					p.keys[k].add(rows[:n], numbers[:n])
				}
			}
			rows = rows[n:]
		}
	}
	return nil
}

// sortPacked orders refs, which are all rows of the spool, by their numbers.
func (w *Window) sortPacked(ctx context.Context, p packed, refs []ref) error {
	rows := make([]keyed, len(refs))
	if err := w.number(ctx, p, rows); err != nil {
		return err
	}
	if err := sortNumbers(ctx, rows, p.bits); err != nil {
		return err
	}
	for i := range rows {
		refs[i] = rows[i].row
		if i == 0 {
			continue
		}
		if differ := rows[i].prefix ^ rows[i-1].prefix; differ != 0 {
			k := 0
			for differ>>p.keys[k].below == 0 {
				k++
			}
			w.begins[i] = uint16(min(k+1, math.MaxUint16))
		}
	}
	return nil
}

// Rows that insertion sorts sooner than anything else.
const insertRows = 24

// sortNumbers orders rows by numbers of so many bits; rows of one number keep
// their order. It looks at as many of the highest bits as there are rows to tell
// apart: what they leave together is little, where numbers are spread.
func sortNumbers(ctx context.Context, rows []keyed, width int) error {
	if len(rows) < radixFrom {
		return sortKeyed(ctx, rows)
	}
	low := max(width-(bits.Len(uint(len(rows)))+7)&^7, 0)
	if err := radixSortFrom(ctx, rows, low); err != nil || low == 0 {
		return err
	}
	for from, end := 0, 1; from < len(rows); from, end = end, end+1 {
		for end < len(rows) && (rows[end].prefix^rows[from].prefix)>>low == 0 {
			end++
		}
		some, sort := rows[from:end], radixSort
		switch {
		case len(some) <= insertRows:
			insertionSort(some)
			continue
		case len(some) < radixFrom:
			sort = sortKeyed
		}
		if err := sort(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// insertionSort orders few rows by prefix; rows of one prefix keep their order.
func insertionSort(rows []keyed) {
	for i := 1; i < len(rows); i++ {
		row, at := rows[i], i
		for ; at > 0 && rows[at-1].prefix > row.prefix; at-- {
			rows[at] = rows[at-1]
		}
		rows[at] = row
	}
}

// orderedNumbers writes the numbers of rows of a column, from from on, that are in
// the order of its values; those of NULLs mean nothing. It reports false for a
// column whose values have none.
func orderedNumbers(v vec.Vec, from int, dst []uint64) bool {
	switch v := v.(type) {
	case *vec.Fixed[bool]:
		for i, x := range v.Values[from : from+len(dst)] {
			dst[i] = 0
			if x {
				dst[i] = 1
			}
		}
	case *vec.Fixed[int16]:
		orderedInts(v.Values[from:], dst)
	case *vec.Fixed[int32]:
		orderedInts(v.Values[from:], dst)
	case *vec.Fixed[int64]:
		orderedInts(v.Values[from:], dst)
	case *vec.Fixed[uint32]:
		orderedInts(v.Values[from:], dst)
	case *vec.Fixed[float32]:
		for i, x := range v.Values[from : from+len(dst)] {
			dst[i] = orderedFloat(float64(x))
		}
	case *vec.Fixed[float64]:
		for i, x := range v.Values[from : from+len(dst)] {
			dst[i] = orderedFloat(x)
		}
	default:
		return false
	}
	return true
}

func orderedInts[T int16 | int32 | int64 | uint32](values []T, dst []uint64) {
	for i, x := range values[:len(dst)] {
		dst[i] = ordered(int64(x))
	}
}
