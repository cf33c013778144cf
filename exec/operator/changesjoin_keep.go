package operator

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A ChangesJoin is stored by its sides: rows in blocks by their numbers, each
// written when it is new, and apart from them how often each is there and has been
// matched, in pages by their numbers too. Where rows get other numbers everything
// is written anew: see compact.
const (
	tagChangesRows   = 'r'
	tagChangesCounts = 'c'
	// Of a join of which rows were evicted: those of its generations but the first, with
	// the generation's number behind the side.
	tagChangesLaterRows   = 'R'
	tagChangesLaterCounts = 'C'
)

// countRows is how many rows have their counts in one page: few, so that a row
// which changes has little written along.
const countRows = 64

// keptSide is what is stored of a changesSide.
type keptSide struct {
	blocks *blocks
	rows   pages
	saved  int // rows
	counts pages
	dirty  rowMarks // pages of counts that have changed
	stale  bool     // what the store has is of other rows
	buf    []byte
}

// newKeptSide returns what is stored of a generation of a side. Its blocks may serve
// others.
func newKeptSide(input int, generation uint32, b *blocks) *keptSide {
	k := &keptSide{blocks: b}
	k.rows.prefix, k.counts.prefix = []byte{tagChangesRows, byte(input)}, []byte{tagChangesCounts, byte(input)}
	if generation > 0 {
		k.rows.prefix = binary.BigEndian.AppendUint32([]byte{tagChangesLaterRows, byte(input)}, generation)
		k.counts.prefix = binary.BigEndian.AppendUint32([]byte{tagChangesLaterCounts, byte(input)}, generation)
	}
	return k
}

// drop removes all that is stored.
func (k *keptSide) drop(w StateWriter) {
	k.rows.drop(w)
	k.counts.drop(w)
}

// touch notes that a row's counts change.
func (k *keptSide) touch(row int32) {
	if k != nil {
		k.dirty.set(row / countRows)
	}
}

// restart notes that rows get numbers anew.
func (k *keptSide) restart() {
	if k != nil {
		k.stale, k.dirty = true, nil
	}
}

// Keep has the join remember what changes.
func (j *ChangesJoin) Keep() error {
	for i, s := range j.sides {
		s.kept = newKeptSide(i, 0, newBlocks(s.types))
	}
	return nil
}

// keepGeneration has the join remember what changes of its own rows, as a generation.
func (j *ChangesJoin) keepGeneration(number uint32) {
	for i, s := range j.sides {
		s.kept = newKeptSide(i, number, s.kept.blocks)
	}
}

// Save writes what has changed; the epoch's barrier has passed.
func (j *ChangesJoin) Save(w StateWriter) error {
	for _, s := range j.sides {
		if err := s.save(w); err != nil {
			return err
		}
	}
	if j.evicted == nil {
		return nil
	}
	return j.saveEvicted(w)
}

func (s *changesSide) save(w StateWriter) error {
	k := s.kept
	if k.stale {
		k.drop(w)
		k.saved, k.stale = 0, false
	}
	n := len(s.now)
	if n > k.saved {
		if err := k.blocks.save(w, &k.rows, s.columns(), k.saved, n); err != nil {
			return err
		}
		k.saved = n
	}
	for at := range k.dirty {
		for word := k.dirty[at]; word != 0; word &= word - 1 {
			page := at*64 + bits.TrailingZeros64(word)
			if err := s.saveCounts(w, page); err != nil {
				return err
			}
		}
		k.dirty[at] = 0
	}
	return nil
}

// counted reports whether rows have counts that are not known of every row.
func (s *changesSide) counted() bool { return s.rows != nil || s.counts }

func (s *changesSide) saveCounts(w StateWriter, page int) error {
	if !s.counted() {
		return nil
	}
	buf := s.kept.buf[:0]
	for row := page * countRows; row < min((page+1)*countRows, len(s.now)); row++ {
		buf = binary.AppendVarint(buf, s.now[row])
		if s.counts {
			buf = binary.AppendVarint(buf, s.matches[row])
		}
	}
	s.kept.buf = buf
	return s.kept.counts.set(w, page, buf)
}

// Restore brings the rows back: without a Share, under the numbers that they had.
func (j *ChangesJoin) Restore(r StateReader) error {
	lie, some, err := j.evicted.partsOf(r, nil)
	if err == nil && some {
		return j.restoreEvicted(r, lie)
	}
	if err == nil {
		err = j.restoreGeneration(r, 0)
	}
	return err
}

// restoreGeneration brings back the rows of a generation, but those of keys that are
// there.
func (j *ChangesJoin) restoreGeneration(r StateReader, generation uint32) error {
	newer := 0
	if j.table != nil {
		newer = j.table.Len()
	}
	for input, s := range j.sides {
		kept, first := s.kept, len(s.now)
		if r.Share != nil {
			kept = newKeptSide(input, generation, kept.blocks)
		}
		var numbers []int32 // by a row's number in the store: the one it has now; -1: it is not wanted
		err := kept.rows.read(r, func(page int, value []byte) error {
			b, err := kept.blocks.read(value)
			if err != nil {
				return err
			}
			if len(numbers) != page*blockRows {
				return errKept
			}
			numbers, err = j.restoreRows(input, b, r.Share, newer, numbers)
			return err
		})
		if err == nil {
			err = s.restoreCounts(r, kept, numbers)
		}
		if err != nil {
			return err
		}
		s.forgetLoose(first)
		if r.Share == nil {
			s.kept.saved, s.kept.dirty = len(s.now), nil
		}
	}
	return nil
}

func (j *ChangesJoin) restoreRows(input int, b *vec.Batch, share *Share, newer int, numbers []int32) ([]int32, error) {
	s := j.sides[input]
	sel, err := runAll(j.spec.Keys[input], b, s.keys, nil, &j.live)
	if err != nil {
		return nil, err
	}
	if sel = j.sel.all(sel, b.Rows); len(sel) != b.Rows {
		return nil, errKept
	}
	sel = share.rows(s.keys, j.spec.KeyTypes, b.Rows, sel)
	j.ids = sized(j.ids, b.Rows)
	if newer > 0 {
		j.table.lookup(s.keys, b.Rows, sel, j.ids)
		sel = slices.DeleteFunc(slices.Clone(sel), func(r int32) bool { return j.ids[r] >= 0 && int(j.ids[r]) < newer })
	}
	if j.table == nil {
		clear(j.ids)
	} else if err := j.table.assign(s.keys, b.Rows, sel, j.ids); err != nil {
		return nil, err
	}
	s.noKeys(sel, j.ids)
	first := len(s.now)
	b.Sel = sel
	err = s.add(b, sel, j.ids)
	b.Sel = nil
	if err != nil {
		return nil, err
	}
	if len(s.now) != first+len(sel) {
		return nil, errKept // a row was there twice
	}
	for row := first; row < len(s.now); row++ {
		s.before[row] = s.now[row]
		s.listed.unset(int32(row))
	}
	s.alive += len(sel)
	s.touched = s.touched[:0]
	at := len(numbers)
	for range b.Rows {
		numbers = append(numbers, -1)
	}
	for i, row := range sel {
		numbers[at+int(row)] = int32(first + i)
	}
	return numbers, nil
}

// restoreCounts brings the counts of rows back, whose numbers now are given by
// those in the store.
func (s *changesSide) restoreCounts(r StateReader, kept *keptSide, numbers []int32) error {
	rows := 0
	err := kept.counts.read(r, func(page int, value []byte) error {
		for was := page * countRows; len(value) > 0; was++ {
			if was >= len(numbers) {
				return errKept
			}
			there, size := binary.Varint(value)
			if size <= 0 {
				return errKept
			}
			matches := int64(0)
			if value = value[size:]; s.counts {
				if matches, size = binary.Varint(value); size <= 0 {
					return errKept
				}
				value = value[size:]
			}
			rows++
			row := numbers[was]
			if row < 0 {
				continue
			}
			if there <= 0 {
				s.alive--
			}
			s.now[row], s.before[row] = there, there
			if s.counts {
				s.matches[row] = matches
			}
		}
		return nil
	})
	if err == nil && s.counted() && rows != len(numbers) {
		return errKept
	}
	return err
}

// forgetLoose forgets rows from one on that have no group, where they were stored.
func (s *changesSide) forgetLoose(first int) {
	for row := first; row < len(s.now); row++ {
		if s.group[row] >= 0 {
			continue
		}
		if s.now[row] > 0 {
			s.alive--
		}
		s.now[row], s.before[row] = 0, 0
	}
}
