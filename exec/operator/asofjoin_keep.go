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
	// Of a join of which versions were evicted: those of its generations but the first, with
	// the generation's number behind the side.
	tagAsOfLaterRows = 'R'
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

// generation has the versions be stored as those of a generation.
func (k *keptAsOf) generation(number uint32) {
	k.pages[JoinRight] = pages{prefix: asOfPrefix(number)}
	k.saved[JoinRight], k.stale[JoinRight] = 0, false
}

// asOfPrefix is where the versions of a generation are stored.
func asOfPrefix(generation uint32) []byte {
	if generation == 0 {
		return []byte{tagAsOfRows, JoinRight}
	}
	return binary.BigEndian.AppendUint32([]byte{tagAsOfLaterRows, JoinRight}, generation)
}

// Keep has the join remember what the store has.
func (j *AsOfJoin) Keep() error {
	j.kept = &keptAsOf{watermark: math.MinInt64}
	for i := range j.sides {
		j.kept.blocks[i] = newBlocks(append(slices.Clone(j.spec.Types[i]), types.Of(types.Int8)))
	}
	j.kept.pages[JoinLeft].prefix = []byte{tagAsOfRows, JoinLeft}
	j.kept.generation(0)
	return nil
}

// Save writes the rows that are new; the epoch's barrier has passed.
func (j *AsOfJoin) Save(w StateWriter) error {
	k := j.kept
	if err := j.saveLeft(w); err != nil {
		return err
	}
	if err := j.saveVersions(w); err != nil {
		return err
	}
	if j.watermark != k.watermark {
		k.watermark = j.watermark
		w.Set([]byte{tagAsOfTime}, binary.BigEndian.AppendUint64(nil, uint64(j.watermark)))
	}
	if j.evicted == nil {
		return nil
	}
	return j.saveEvicted(w)
}

func (j *AsOfJoin) saveVersions(w StateWriter) error {
	s, k := &j.sides[JoinRight], j.kept
	if k.stale[JoinRight] {
		k.pages[JoinRight].drop(w)
		k.saved[JoinRight], k.stale[JoinRight] = 0, false
	}
	n := len(s.times)
	if n <= k.saved[JoinRight] {
		return nil
	}
	err := k.blocks[JoinRight].save(w, &k.pages[JoinRight], s.stored(), k.saved[JoinRight], n)
	k.saved[JoinRight] = n
	return err
}

// Restore brings versions and waiting rows back.
func (j *AsOfJoin) Restore(r StateReader) error {
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
	if err := j.restoreLeft(r, passed); err != nil {
		return err
	}
	lie, some, err := j.evicted.partsOf(r, nil)
	switch {
	case err == nil && some:
		err = j.restoreEvicted(r, lie)
	case err == nil:
		err = j.restoreGeneration(r, 0)
	}
	if err != nil {
		return err
	}
	if r.Share == nil {
		j.kept.watermark = passed
	}
	return j.prune()
}

// restoreLeft brings the rows back that wait.
func (j *AsOfJoin) restoreLeft(r StateReader, passed int64) error {
	k, s := j.kept, &j.sides[JoinLeft]
	if j.evicted != nil && r.Share == nil {
		return j.restoreAway(r, passed)
	}
	p := pages{prefix: k.pages[JoinLeft].prefix}
	if r.Share == nil {
		p = k.pages[JoinLeft]
	}
	err := p.read(r, func(_ int, value []byte) error {
		b, err := k.blocks[JoinLeft].read(value)
		if err != nil {
			return err
		}
		return j.restoreWaiting(b, r.Share, passed)
	})
	if r.Share == nil {
		k.pages[JoinLeft], k.saved[JoinLeft] = p, len(s.times)
	}
	return err
}

// restoreWaiting brings left rows of a block back, those of the share; those before the
// watermark passed have gone out.
func (j *AsOfJoin) restoreWaiting(b *vec.Batch, share *Share, passed int64) error {
	s := &j.sides[JoinLeft]
	own, times, sel, err := j.stored(JoinLeft, b, share)
	if err != nil {
		return err
	}
	for _, r := range sel {
		if times[r] < passed {
			s.dead++
		} else {
			j.due.push(due{at: times[r], bucket: inMemory, row: int32(len(s.times))})
		}
		s.times = append(s.times, times[r])
	}
	for i, c := range own.Cols {
		vec.CopyRows(s.rows.Cols[i], c, sel)
	}
	s.rows.Rows += len(sel)
	return s.charge(j.spec.Account)
}

// stored are a side's rows of a block, and those of them that are of the share. Its
// programs have been run of them.
func (j *AsOfJoin) stored(side int, b *vec.Batch, share *Share) (own *vec.Batch, times []int64, sel []int32, err error) {
	s, last := &j.sides[side], len(b.Cols)-1
	own = &vec.Batch{Cols: b.Cols[:last], Rows: b.Rows}
	if sel, err = runAll(s.programs, own, s.cols, nil, &j.live); err != nil {
		return nil, nil, nil, err
	}
	sel = share.rows(s.keys(), j.spec.KeyTypes, b.Rows, j.sel.all(sel, b.Rows))
	return own, b.Cols[last].(*vec.Fixed[int64]).Values, sel, nil
}

// restoreGeneration brings back the versions of a generation, but those of keys that are
// there.
func (j *AsOfJoin) restoreGeneration(r StateReader, generation uint32) error {
	k, newer := j.kept, 0
	if j.table != nil {
		newer = j.table.Len()
	}
	p := pages{prefix: asOfPrefix(generation)}
	err := p.read(r, func(_ int, value []byte) error {
		b, err := k.blocks[JoinRight].read(value)
		if err != nil {
			return err
		}
		return j.restoreVersions(b, r.Share, newer)
	})
	if r.Share == nil {
		k.pages[JoinRight], k.saved[JoinRight] = p, len(j.sides[JoinRight].times)
	}
	return err
}

func (j *AsOfJoin) restoreVersions(b *vec.Batch, share *Share, newer int) error {
	own, _, sel, err := j.stored(JoinRight, b, share)
	if err != nil {
		return err
	}
	s := &j.sides[JoinRight]
	sel = s.dated(sel)
	j.ids = sized(j.ids, b.Rows)
	if newer > 0 {
		j.table.lookup(s.keys(), b.Rows, sel, j.ids)
		sel = slices.DeleteFunc(sel, func(r int32) bool { return j.ids[r] >= 0 && int(j.ids[r]) < newer })
	}
	if j.table == nil {
		clear(j.ids)
	} else if err := j.table.assign(s.keys(), b.Rows, sel, j.ids); err != nil {
		return err
	}
	return j.putVersions(own, sel)
}

// restoreEvicted brings the versions back that were not in pages, or, of a share, all.
func (j *AsOfJoin) restoreEvicted(r StateReader, lie parts) error {
	if j.evicted == nil {
		return errKept // its keys were evicted, and it has none
	}
	if r.Share != nil {
		return j.restoreShare(r, lie)
	}
	e := j.evicted
	e.now = lie.space
	if lie.old >= 0 {
		if err := j.restoreGeneration(r, uint32(lie.old)); err != nil {
			return err
		}
		e.own = uint32(lie.old)
		j.freeze()
	}
	e.own = lie.own
	j.kept.generation(lie.own)
	return j.restoreGeneration(r, lie.own)
}

// restoreShare brings the versions of a share back from all parts, the newest first: of a
// key that is there older parts say nothing.
func (j *AsOfJoin) restoreShare(r StateReader, lie parts) error {
	for _, number := range []int64{int64(lie.own), lie.old} {
		if number < 0 {
			continue
		}
		if err := j.restoreGeneration(r, uint32(number)); err != nil {
			return err
		}
	}
	return j.loading(func() error { return newKeys(r, lie.space, j.spec.KeyTypes, j.table, j.load) })
}
