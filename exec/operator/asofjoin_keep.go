package operator

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// An AsOfJoin is stored by its sides: rows with their times in blocks, each written
// when it is new. Which of them are done with follows from the watermark: left rows
// before it have gone out, and of versions before it the newest of each key counts.
const (
	tagAsOfRows = 'r'
	tagAsOfTime = 'w'
)

// keptAsOf is what is stored of an AsOfJoin.
type keptAsOf struct {
	blocks    [2]*blocks // by side: its columns, and the time
	pages     [2]pages
	saved     [2]int
	stale     [2]bool // what the store has is of other rows
	watermark int64   // as it is stored
}

// restart notes that a side's rows get numbers anew.
func (k *keptAsOf) restart(side int) {
	if k != nil {
		k.stale[side] = true
	}
}

// Keep has the join remember what the store has.
func (j *AsOfJoin) Keep() error {
	j.kept = &keptAsOf{watermark: math.MinInt64}
	for i := range j.sides {
		j.kept.blocks[i] = newBlocks(append(slices.Clone(j.spec.Types[i]), types.Of(types.Int8)))
		j.kept.pages[i].prefix = []byte{tagAsOfRows, byte(i)}
	}
	return nil
}

// Save writes the rows that are new; the epoch's barrier has passed.
func (j *AsOfJoin) Save(w StateWriter) error {
	k := j.kept
	for i := range j.sides {
		s := &j.sides[i]
		if k.stale[i] {
			k.pages[i].drop(w)
			k.saved[i], k.stale[i] = 0, false
		}
		if n := len(s.times); n > k.saved[i] {
			cols := append(slices.Clone(s.rows.Cols), &vec.Fixed[int64]{Values: s.times})
			if err := k.blocks[i].save(w, &k.pages[i], cols, k.saved[i], n); err != nil {
				return err
			}
			k.saved[i] = n
		}
	}
	if j.watermark != k.watermark {
		k.watermark = j.watermark
		w.Set([]byte{tagAsOfTime}, binary.BigEndian.AppendUint64(nil, uint64(j.watermark)))
	}
	return nil
}

// Restore brings versions and waiting rows back.
func (j *AsOfJoin) Restore(r StateReader) error {
	k := j.kept
	passed := int64(math.MinInt64)
	err := r.Scan([]byte{tagAsOfTime}, func(_, value []byte) error {
		if len(value) != 8 {
			return errKept
		}
		passed = int64(binary.BigEndian.Uint64(value))
		return nil
	})
	if err != nil {
		return err
	}
	j.watermark = max(j.watermark, passed)
	for i := range j.sides {
		err := k.pages[i].read(r, func(_ int, value []byte) error {
			b, err := k.blocks[i].read(value)
			if err != nil {
				return err
			}
			return j.restoreRows(i, b, r.Share, passed)
		})
		if err != nil {
			return err
		}
		if r.Share == nil {
			k.saved[i], k.watermark = len(j.sides[i].times), passed
		}
	}
	return j.prune()
}

// restoreRows brings rows of a block back, those of the share; of the left side those
// before the watermark passed have gone out.
func (j *AsOfJoin) restoreRows(side int, b *vec.Batch, share *Share, passed int64) error {
	s := &j.sides[side]
	last := len(b.Cols) - 1
	times := b.Cols[last].(*vec.Fixed[int64]).Values
	own := &vec.Batch{Cols: b.Cols[:last], Rows: b.Rows}
	sel, err := runAll(s.programs, own, s.cols, nil, &j.live)
	if err != nil {
		return err
	}
	sel = share.rows(s.cols[:len(s.cols)-1], j.spec.KeyTypes, b.Rows, j.sel.all(sel, b.Rows))
	if side == JoinRight {
		return j.keep(own, sel)
	}
	for _, r := range sel {
		if times[r] < passed {
			s.dead++
		} else {
			j.due.push(due{at: times[r], row: int32(len(s.times))})
		}
		s.times = append(s.times, times[r])
	}
	for i, c := range own.Cols {
		vec.CopyRows(s.rows.Cols[i], c, sel)
	}
	s.rows.Rows += len(sel)
	return s.charge(j.spec.Account)
}
