package operator

import (
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Left rows of an AsOfJoin wait for the watermark, which may be long: where one input is
// read far ahead of the other, say. They are stored in blocks as they come, so a block that
// is committed need not be in memory: that it is there, and when the first of its rows is
// due, is known of it, and it is read when that one goes out. What leaves memory together is
// in the order of its times, so that of each such run a block or two are in memory while the
// rows of all of them go out in order (an external merge).

// inMemory is the bucket of waiting rows that are in the side's rows. Those of a block that
// was read have the block's number, and go before others of the same time.
const inMemory = math.MaxInt64

// asOfAway are waiting rows of which the store has the blocks.
type asOfAway struct {
	first   int        // of the side's rows in memory: the number, with which a block begins
	leaving int        // of the side's rows: so many are in order, and stored with the epoch
	blocks  []awayRows // a heap by next
	back    []backRows // blocks that were read
	free    []int32    // places of back
	held    int64      // bytes of back
	gone    []int      // blocks that nobody needs any more
	reader  StateReader
	open    bool // reader's snapshot
	sel     []int32
}

// awayRows is a block that is not in memory: its rows from next on wait, and no others.
type awayRows struct {
	next int64
	page int32
	rows int32
}

// backRows are the rows of a block that wait.
type backRows struct {
	page int
	rows *vec.Batch
	live int
}

// awayBytes are what is held of a block that is away.
const awayBytes = 16

// soonest is when the first row of all blocks is due; false: there is none.
func (a *asOfAway) soonest() (int64, bool) {
	if len(a.blocks) == 0 {
		return 0, false
	}
	return a.blocks[0].next, true
}

func (a *asOfAway) less(i, k int) bool {
	x, y := a.blocks[i], a.blocks[k]
	return x.next < y.next || x.next == y.next && x.page < y.page
}

func (a *asOfAway) push(b awayRows) {
	a.blocks = append(a.blocks, b)
	for i := len(a.blocks) - 1; i > 0 && a.less(i, (i-1)/2); i = (i - 1) / 2 {
		a.blocks[i], a.blocks[(i-1)/2] = a.blocks[(i-1)/2], a.blocks[i]
	}
}

func (a *asOfAway) pop() awayRows {
	out, n := a.blocks[0], len(a.blocks)-1
	a.blocks[0] = a.blocks[n]
	a.blocks = a.blocks[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c+1 < n && a.less(c+1, c) {
			c++
		}
		if c >= n || !a.less(c, i) {
			return out
		}
		a.blocks[i], a.blocks[c] = a.blocks[c], a.blocks[i]
		i = c
	}
}

// used reports whether some block is away, or was.
func (a *asOfAway) used() bool { return len(a.blocks)+len(a.back) > len(a.free) }

// rows is how many rows are away.
func (a *asOfAway) rows() (n int64) {
	for _, b := range a.blocks {
		n += int64(b.rows)
	}
	return n
}

// letGo lets go of the store.
func (a *asOfAway) letGo() {
	if a.open {
		a.reader.Snapshot.Close()
		a.open = false
	}
}

// chargeLeft counts what is held of blocks, and the side's rows: an evictable account
// refuses nothing.
func (j *AsOfJoin) chargeLeft() {
	s := &j.sides[JoinLeft]
	s.beside = j.away.held + awayBytes*int64(len(j.away.blocks))
	now := s.bytes()
	j.spec.Account.Release(s.held)
	j.spec.Account.Force(now)
	s.held = now
}

// bringBack reads the block whose rows are due first.
func (j *AsOfJoin) bringBack() error {
	a, k := &j.away, j.kept
	b := a.pop()
	if !a.open {
		a.reader, a.open = j.evicted.from.Read(), true
	}
	value, err := k.pages[JoinLeft].get(a.reader, int(b.page), nil)
	if err != nil {
		return err
	}
	block, err := k.blocks[JoinLeft].read(value)
	if err != nil {
		return err
	}
	last := len(block.Cols) - 1
	var sel []int32
	at := backRows{page: int(b.page), rows: vec.NewBatch(j.spec.Types[JoinLeft])}
	place := int32(len(a.back))
	if n := len(a.free); n > 0 {
		place, a.free = a.free[n-1], a.free[:n-1]
	} else {
		a.back = append(a.back, backRows{})
	}
	for r, t := range block.Cols[last].(*vec.Fixed[int64]).Values {
		if t < b.next {
			continue
		}
		j.due.push(due{at: t, bucket: int64(b.page), row: place*blockRows + int32(len(sel))})
		sel = append(sel, int32(r))
	}
	for i, c := range block.Cols[:last] {
		vec.CopyRows(at.rows.Cols[i], c, sel)
	}
	at.rows.Rows, at.live = len(sel), len(sel)
	a.back[place] = at
	a.held += batchBytes(at.rows)
	j.chargeLeft()
	return nil
}

// takeWaiting copies waiting rows, which go out, into a batch.
func (j *AsOfJoin) takeWaiting(part *vec.Batch, rows []due) {
	s, a := &j.sides[JoinLeft], &j.away
	part.Reset()
	part.Rows = len(rows)
	sel, read := a.sel, false
	for len(rows) > 0 {
		bucket := rows[0].bucket
		from, n := s.rows, 0
		if bucket != inMemory {
			from = a.back[rows[0].row/blockRows].rows
		}
		for sel = sel[:0]; n < len(rows) && rows[n].bucket == bucket; n++ {
			r := rows[n].row
			if bucket != inMemory {
				r %= blockRows
			}
			sel = append(sel, r)
		}
		for i, c := range from.Cols {
			vec.CopyRows(part.Cols[i], c, sel)
		}
		if bucket == inMemory {
			s.dead += n
		} else {
			read = true
			a.went(rows[0].row/blockRows, n)
		}
		rows = rows[n:]
	}
	if a.sel = sel; read {
		j.chargeLeft()
	}
}

// went says that rows of a block that was read have gone out.
func (a *asOfAway) went(place int32, n int) {
	b := &a.back[place]
	if b.live -= n; b.live > 0 {
		return
	}
	a.held -= batchBytes(b.rows)
	a.gone = append(a.gone, b.page)
	*b = backRows{}
	a.free = append(a.free, place)
}

// renumber has the side's rows, which are about to get other places, be stored anew.
func (j *AsOfJoin) renumber() {
	a, k := &j.away, j.kept
	a.leaving = 0
	if k == nil {
		return
	}
	if !a.used() {
		a.first = 0
		k.restart(JoinLeft)
		return
	}
	for page := a.first / blockRows; page*blockRows < k.saved[JoinLeft]; page++ {
		a.gone = append(a.gone, page)
	}
	rows := len(j.sides[JoinLeft].times)
	a.first = (a.first + rows + blockRows - 1) / blockRows * blockRows
	k.saved[JoinLeft] = a.first
}

// leftRoom is how many bytes of waiting rows may stay in memory.
func (j *AsOfJoin) leftRoom() int64 { return max(j.evicted.threshold(), 0) / 3 }

// order puts the waiting rows that are in memory in the order of their times, where they
// are too many: they leave when they are stored so.
func (j *AsOfJoin) order() {
	s, a := &j.sides[JoinLeft], &j.away
	a.leaving = 0
	if s.bytes()-s.beside <= j.leftRoom() || len(s.times) < blockRows {
		return
	}
	if !slices.IsSorted(s.times) {
		rows := make([]int32, 0, len(s.times)-s.dead)
		others := j.due[:0]
		own := make(dueHeap, 0, len(s.times)-s.dead)
		for _, d := range j.due {
			if d.bucket == inMemory {
				own = append(own, d)
			} else {
				others = append(others, d)
			}
		}
		own.sort()
		for i, d := range own {
			rows = append(rows, d.row)
			own[i].row = int32(i)
		}
		j.renumber()
		s.pick(rows)
		j.due = append(others, own...)
		j.due.sort()
	}
	a.leaving = len(s.times)
}

// sort makes a heap of what is in no order.
func (h dueHeap) sort() {
	slices.SortFunc(h, func(a, b due) int {
		switch {
		case a.before(b):
			return -1
		case b.before(a):
			return 1
		}
		return 0
	})
}

// leave lets go of the rows in memory that are in committed blocks, and where rows of blocks
// that were read are many, of those.
func (j *AsOfJoin) leave() {
	s, a := &j.sides[JoinLeft], &j.away
	blocks := a.leaving / blockRows
	a.leaving = 0
	again := a.held > j.leftRoom()
	if blocks == 0 && !again {
		return
	}
	leaves, returns := j.parted(blocks, again)
	for i, b := range leaves {
		if b.page = int32(a.first/blockRows + i); b.rows == 0 {
			a.gone = append(a.gone, int(b.page))
		} else {
			a.push(b)
		}
	}
	if again {
		for i, b := range returns {
			if b.page = int32(a.back[i].page); b.rows > 0 {
				a.push(b)
			}
		}
		a.back, a.free, a.held = nil, nil, 0
	}
	rest := make([]int32, 0, len(s.times))
	for r := blocks * blockRows; r < len(s.times); r++ {
		rest = append(rest, int32(r))
	}
	s.pick(rest)
	for _, d := range j.due {
		if d.bucket == inMemory {
			s.dead--
		}
	}
	s.dead += len(rest)
	a.first += blocks * blockRows
	j.chargeLeft()
}

// parted takes the waiting rows out of due that leave with so many blocks of the side's
// rows, and, again, those of blocks that were read, by their places.
func (j *AsOfJoin) parted(blocks int, again bool) (leaves, returns []awayRows) {
	leaves, returns = make([]awayRows, blocks), make([]awayRows, len(j.away.back))
	stay := j.due[:0]
	for _, d := range j.due {
		switch {
		case d.bucket == inMemory && int(d.row) < blocks*blockRows:
			leaves[d.row/blockRows].take(d.at)
			continue
		case d.bucket == inMemory:
			d.row -= int32(blocks * blockRows)
		case again:
			returns[d.row/blockRows].take(d.at)
			continue
		}
		stay = append(stay, d)
	}
	j.due = stay
	j.due.sort()
	return leaves, returns
}

// take takes a row into account that waits.
func (b *awayRows) take(at int64) {
	if b.rows == 0 || at < b.next {
		b.next = at
	}
	b.rows++
}

// saveLeft writes the left rows that are new.
func (j *AsOfJoin) saveLeft(w StateWriter) error {
	k, s, a := j.kept, &j.sides[JoinLeft], &j.away
	if j.evicted != nil {
		j.order()
	}
	p := &k.pages[JoinLeft]
	if k.stale[JoinLeft] {
		p.drop(w)
		k.saved[JoinLeft], k.stale[JoinLeft] = 0, false
	} else {
		for _, page := range a.gone {
			p.unset(w, page)
		}
	}
	a.gone = a.gone[:0]
	n := a.first + len(s.times)
	if n <= k.saved[JoinLeft] {
		return nil
	}
	err := k.blocks[JoinLeft].saveFrom(w, p, s.stored(), a.first, k.saved[JoinLeft], n)
	k.saved[JoinLeft] = n
	return err
}

// stored are the columns that are stored of a side: its rows' and their times.
func (s *asOfSide) stored() []vec.Vec {
	return append(slices.Clone(s.rows.Cols), &vec.Fixed[int64]{Values: s.times})
}

// restoreAway leaves the blocks of left rows in the store, but for the last one, which more
// rows come to. Rows before the watermark passed have gone out.
func (j *AsOfJoin) restoreAway(r StateReader, passed int64) error {
	k, s, a := j.kept, &j.sides[JoinLeft], &j.away
	p := &k.pages[JoinLeft]
	last := p.last(r)
	err := p.read(r, func(page int, value []byte) error {
		b, err := k.blocks[JoinLeft].read(value)
		if err != nil {
			return err
		}
		if page == last {
			a.first = page * blockRows
			if b.Rows < blockRows {
				return j.restoreWaiting(b, nil, passed)
			}
			a.first += blockRows
		}
		away := awayRows{page: int32(page)}
		for _, t := range b.Cols[len(b.Cols)-1].(*vec.Fixed[int64]).Values {
			if t >= passed {
				away.take(t)
			}
		}
		if away.rows == 0 {
			a.gone = append(a.gone, page)
		} else {
			a.push(away)
		}
		return nil
	})
	if err != nil {
		return err
	}
	k.saved[JoinLeft] = a.first + len(s.times)
	j.chargeLeft()
	return nil
}
