package operator

import (
	"context"
	"slices"
	"sort"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Left rows that do not end cannot wait on disk for the end. So where memory has no room
// for the right rows of such a join these lie on disk in the order of the hashes of their
// keys, in small pages, and of each batch of left rows those pages are read that have
// rows of its keys.

// rightPage is about how many bytes a page of right rows has: few, as all of it is read
// for one of its rows.
const rightPage = 8 << 10

// storedRight are the right rows of a join that are on disk. One goroutine owns it.
type storedRight struct {
	account *memory.Account
	width   int    // columns of a row, behind which its hash is
	spool   *Spool // rows of which no run is made yet
	runs    sortedRuns
	hashed  []vec.Vec // the columns of a batch and the hashes
	hashes  []uint64

	file   *memory.File // of the pages
	pages  memory.Run
	first  []int64 // hash of each page's first row
	last   []int64 // and of its last
	in     *memory.Reader
	cache  storedPages
	places []int
	want   []int64
	sel    []int32
}

func newStoredRight(ts []types.Type, account *memory.Account) *storedRight {
	all := append(slices.Clone(ts), types.Of(types.Int8))
	return &storedRight{
		account: account, width: len(ts), spool: newPickSpool(all, refBytes, account, "JOIN"), hashed: make([]vec.Vec, len(all)),
		runs: sortedRuns{types: all, keys: []SortKey{{Type: types.Of(types.Int8)}}, first: len(ts), top: -1, account: account},
	}
}

// hash returns the hashes of n rows' keys, which are those of sel.
func (s *storedRight) hash(keys []vec.Vec, ts []types.Type, n int, sel []int32) []uint64 {
	s.hashes = sized(s.hashes, n)
	clear(s.hashes)
	for i, k := range keys {
		vec.Hash(k, ts[i], sel, s.hashes)
	}
	return s.hashes
}

// add takes the rows of sel of a batch, by their keys.
func (s *storedRight) add(ctx context.Context, b *vec.Batch, keys []vec.Vec, ts []types.Type, sel []int32) error {
	h := &vec.Fixed[int64]{Values: make([]int64, b.Rows)}
	for i, x := range s.hash(keys, ts, b.Rows, sel) {
		h.Values[i] = int64(x)
	}
	copy(s.hashed, b.Cols)
	s.hashed[s.width] = h
	if err := s.spool.Add(&vec.Batch{Cols: s.hashed, Sel: sel, Rows: b.Rows}); err != nil || !pressed(s.account) {
		return err
	}
	if err := s.write(ctx); err != nil {
		return err
	}
	return s.account.Check()
}

// pressed reports whether what an account has beside those that evict is to go to disk.
func pressed(a *memory.Account) bool { return a.Pressed() || a.Displaces() }

// write makes a run of the rows of the spool.
func (s *storedRight) write(ctx context.Context) error {
	refs := s.spool.refs(nil)
	hash := func(r ref) int64 { return s.spool.chunks[r>>32].Cols[s.width].(*vec.Fixed[int64]).Values[int32(r)] }
	err := sortRefs(ctx, refs, func(a, b ref) int {
		switch x, y := hash(a), hash(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	if err != nil {
		return err
	}
	if err := s.runs.write(ctx, s.spool, refs); err != nil {
		return err
	}
	s.spool.Reset()
	return nil
}

// filling reports whether right rows still come to disk.
func (s *storedRight) filling() bool { return s != nil && s.file == nil }

// finish merges what was written into pages: no more rows come.
func (s *storedRight) finish(ctx context.Context) error {
	if err := s.write(ctx); err != nil {
		return err
	}
	var err error
	if s.file, err = s.account.NewFile(); err != nil {
		return err
	}
	page, rows := vec.NewBatch(s.runs.types), selector{}
	err = s.runs.merge(ctx, func(b *vec.Batch) error {
		n := int(min(max(rightPage*int64(b.Rows)/(1+batchBytes(b)), 1), vec.MaxRows))
		for some := range slices.Chunk(rows.all(nil, b.Rows), n) {
			page.Reset()
			for i, c := range b.Cols {
				vec.CopyRows(page.Cols[i], c, some)
			}
			page.Rows = len(some)
			h := page.Cols[s.width].(*vec.Fixed[int64]).Values
			s.first, s.last = append(s.first, h[0]), append(s.last, h[len(some)-1])
			s.account.Force(directoryBytes)
			if err := s.file.Write(&s.pages, page); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.runs.close()
	s.in = s.file.Reader()
	s.cache = storedPages{account: s.account, most: s.account.Room(0) / 2, now: map[int]*vec.Batch{}}
	return nil
}

// directoryBytes are what is in memory of each page: where it lies, and its hashes.
const directoryBytes = 8 + 2*8

// each calls f with the rows whose hashes are those of some rows' keys, in the order of
// the hashes. f may not keep them.
func (s *storedRight) each(ctx context.Context, keys []vec.Vec, ts []types.Type, n int, sel []int32, f func(b *vec.Batch) error) error {
	s.want = s.want[:0]
	h := s.hash(keys, ts, n, sel)
	for _, r := range sel {
		if !anyNull(keys, int(r)) {
			s.want = append(s.want, int64(h[r]))
		}
	}
	slices.Sort(s.want)
	s.want = slices.Compact(s.want)
	if pressed(s.account) {
		s.cache.drop()
	}
	for _, page := range s.wanted() {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := s.page(page)
		if err != nil {
			return err
		}
		if sel := s.among(b); len(sel) > 0 {
			if err := f(&vec.Batch{Cols: b.Cols[:s.width], Sel: sel, Rows: b.Rows}); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted are the pages that may have a hash that is wanted, in their order.
func (s *storedRight) wanted() []int {
	s.places = s.places[:0]
	next := 0
	for _, h := range s.want {
		next += sort.Search(len(s.last)-next, func(i int) bool { return s.last[next+i] >= h })
		for page := next; page < len(s.first) && s.first[page] <= h; page++ {
			s.places = append(s.places, page)
		}
	}
	return slices.Compact(s.places)
}

// among are the rows of a page that are wanted.
func (s *storedRight) among(b *vec.Batch) []int32 {
	h := b.Cols[s.width].(*vec.Fixed[int64]).Values
	want := s.want[sort.Search(len(s.want), func(i int) bool { return s.want[i] >= h[0] }):]
	s.sel = s.sel[:0]
	for r := 0; r < len(h) && len(want) > 0; {
		switch {
		case h[r] < want[0]:
			r++
		case h[r] > want[0]:
			want = want[1:]
		default:
			s.sel = append(s.sel, int32(r))
			r++
		}
	}
	return s.sel
}

// page returns a page, from memory where it was wanted lately.
func (s *storedRight) page(n int) (*vec.Batch, error) {
	if b := s.cache.get(n); b != nil {
		return b, nil
	}
	b := vec.NewBatch(s.runs.types)
	if err := s.in.Read(&s.pages, n, b); err != nil {
		return nil, err
	}
	s.cache.put(n, b)
	return b, nil
}

// close gives back what is held.
func (s *storedRight) close() {
	if s == nil {
		return
	}
	s.spool.Reset()
	s.runs.close()
	s.cache.drop()
	if s.file != nil {
		_ = s.file.Close() // nobody reads it any more
		s.account.Release(directoryBytes * int64(len(s.first)))
	}
	s.file, s.first, s.last = nil, nil, nil
}

// storedPages are pages in memory: those that were wanted lately, in two generations, of
// which the older goes as a whole.
type storedPages struct {
	account     *memory.Account
	most        int64
	now, before map[int]*vec.Batch
	bytes, old  int64
}

func (c *storedPages) get(n int) *vec.Batch {
	if b := c.now[n]; b != nil {
		return b
	}
	b := c.before[n]
	if b != nil {
		delete(c.before, n)
		size := vec.BatchSize(b)
		c.old, c.bytes = c.old-size, c.bytes+size
		c.now[n] = b
	}
	return b
}

func (c *storedPages) put(n int, b *vec.Batch) {
	size := vec.BatchSize(b)
	if size > c.most/2 {
		return
	}
	if c.bytes+size > c.most/2 {
		c.account.Release(c.old)
		c.before, c.old = c.now, c.bytes
		c.now, c.bytes = map[int]*vec.Batch{}, 0
	}
	c.account.Force(size)
	c.now[n] = b
	c.bytes += size
}

func (c *storedPages) drop() {
	if c.now == nil {
		return
	}
	c.account.Release(c.bytes + c.old)
	c.now, c.before, c.bytes, c.old = map[int]*vec.Batch{}, nil, 0, 0
}

// store moves the right rows that are in memory to disk, where those that follow go too.
func (j *Join) store(ctx context.Context) error {
	j.stored = newStoredRight(j.spec.RightTypes, j.spec.Account)
	if err := j.eachRight(ctx, func(b *vec.Batch) error { return j.storeRows(ctx, b) }); err != nil {
		return err
	}
	if j.stored == nil {
		return nil // NOT IN needs none of them
	}
	j.restart()
	return j.spec.Account.Check()
}

// storeRows takes right rows that go to disk.
func (j *Join) storeRows(ctx context.Context, b *vec.Batch) error {
	sel, known, err := j.keysOf(b)
	if err != nil || known {
		return err
	}
	if someNull(j.cols) {
		j.one = j.one[:0]
		for _, r := range sel {
			if !anyNull(j.cols, int(r)) {
				j.one = append(j.one, r) // nothing is equal to the others
			}
		}
		sel = j.one
	}
	if j.stored == nil || len(sel) == 0 {
		return nil
	}
	return j.stored.add(ctx, b, j.cols, j.spec.KeyTypes, sel)
}

// pieceBytes is how much of the right rows that a batch of left rows wants is in memory
// at once, where there is room for more.
const pieceBytes = 4 << 20

// probeStored joins the rows of a left batch with those right rows on disk that have their
// keys: as many at a time as memory has room for.
func (j *Join) probeStored(ctx context.Context, b *vec.Batch, out Output) error {
	sel, failed, err := runBefore(j.spec.LeftKeys, b, j.cols, j.spec.Fault, &j.live)
	if err != nil {
		return err
	}
	// To take right rows in needs the buffers.
	sel, keys := slices.Clone(j.sel.all(sel, b.Rows)), slices.Clone(j.cols)
	j.marks = newLeftMarks(int64(b.Rows), j.spec.Account)
	defer func() {
		j.marks.free(j.spec.Account)
		j.marks = nil
	}()
	piece := func() error {
		if err := j.Finish(ctx, JoinRight, out); err != nil {
			return err
		}
		copy(j.cols, keys)
		err := j.match(ctx, b, j.marks.open(sel, j.spec.Kind), out)
		j.restart()
		j.built = true
		return err
	}
	most := min(j.spec.Account.Room(64<<10)/4, pieceBytes)
	err = j.stored.each(ctx, keys, j.spec.KeyTypes, b.Rows, sel, func(part *vec.Batch) error {
		if j.right.size() > most {
			if err := piece(); err != nil {
				return err
			}
		}
		return j.build(part)
	})
	if err != nil {
		return err
	}
	j.marks.last = true
	if err := piece(); err != nil {
		return err
	}
	return failed
}

// eachRight calls f with the right rows that are in memory, which it may not keep.
func (j *Join) eachRight(ctx context.Context, f func(b *vec.Batch) error) error {
	some := vec.NewBatch(j.spec.RightTypes)
	var refs []ref
	for c, chunk := range j.right.chunks {
		for from := 0; from < chunk.Rows; from += vec.MaxRows {
			if err := ctx.Err(); err != nil {
				return err
			}
			some.Reset()
			refs = refs[:0]
			for r := from; r < min(from+vec.MaxRows, chunk.Rows); r++ {
				refs = append(refs, ref(c)<<32|ref(r))
			}
			j.right.pick(some.Cols, refs)
			some.Rows = len(refs)
			if err := f(some); err != nil {
				return err
			}
		}
	}
	return nil
}
