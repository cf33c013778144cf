package operator

import (
	"cmp"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// rowStore keeps the rows of a stream for as long as somebody needs them: they
// are copied in, named by a ref, and released one by one. Rows lie in chunks in the
// order in which they came; a chunk of which no row is needed is gone.
//
// What a job stores of it are the chunks, each as a page: a chunk that has taken
// rows since is written anew, one that is gone is deleted.
type rowStore struct {
	types   []types.Type
	account *memory.Account
	batches []*vec.Batch // of the chunks, for gather
	chunks  []*storeChunk
	free    []int32 // places of chunks that are gone
	tail    int     // the chunk that takes rows; -1: none
	next    int64   // how many rows have come in all
	live    int64   // rows that are needed
	rows    int64   // rows of all chunks
	held    int64   // bytes of all chunks
	lent    []int   // chunks of rows that are there until giveBack; the last takes more
	nothing *vec.Batch

	kept  bool
	pages pages
	codec rowCodec
	gone  []int // chunks to be deleted
	buf   []byte
	row   []byte
}

// storeChunk is what is known of a chunk beside its rows: of each row its group,
// and a time.
type storeChunk struct {
	first   int64 // the number of its first row, by arrival
	groups  []int32
	times   []int64
	live    int
	held    int64
	changed bool
	lent    bool
}

// chunkRows is how many rows a chunk takes.
const chunkRows = vec.MaxRows

func newRowStore(ts []types.Type, account *memory.Account) *rowStore {
	return &rowStore{types: ts, account: account, tail: -1, nothing: vec.NewBatch(ts)}
}

// add copies rows, of groups and with times by physical row, and appends their
// refs.
func (s *rowStore) add(cols []vec.Vec, sel []int32, groups []int32, times []int64, refs []ref) ([]ref, error) {
	for len(sel) > 0 {
		s.open()
		b, c := s.batches[s.tail], s.chunks[s.tail]
		n := min(len(sel), chunkRows-b.Rows)
		for i, to := range b.Cols {
			vec.CopyRows(to, cols[i], sel[:n])
		}
		for i, r := range sel[:n] {
			refs = append(refs, ref(s.tail)<<32|ref(b.Rows+i))
			c.groups, c.times = append(c.groups, groups[r]), append(c.times, times[r])
		}
		b.Rows += n
		c.live += n
		c.changed = true
		s.rows, s.live, s.next = s.rows+int64(n), s.live+int64(n), s.next+int64(n)
		sel = sel[n:]
		if err := s.charge(); err != nil {
			return refs, err
		}
	}
	return refs, nil
}

// charge counts what the chunk that takes rows holds.
func (s *rowStore) charge() error { return s.chargeChunk(s.tail) }

func (s *rowStore) chargeChunk(at int) error {
	c := s.chunks[at]
	size := batchBytes(s.batches[at]) + 12*int64(len(c.groups))
	if size <= c.held {
		return nil
	}
	err := s.account.Reserve(size - c.held)
	if err == nil {
		s.held += size - c.held
		c.held = size
	}
	return err
}

// open sees that there is a chunk that takes rows.
func (s *rowStore) open() {
	if s.tail >= 0 && s.batches[s.tail].Rows < chunkRows && s.chunks[s.tail].held < chunkBytes {
		return
	}
	old := s.tail
	if s.tail = s.place(); old >= 0 && s.chunks[old].live == 0 {
		s.drop(old)
	}
}

// place makes an empty chunk.
func (s *rowStore) place() int {
	c, b := &storeChunk{first: s.next}, vec.NewBatch(s.types)
	if n := len(s.free); n > 0 {
		at := int(s.free[n-1])
		s.free, s.chunks[at], s.batches[at] = s.free[:n-1], c, b
		return at
	}
	s.chunks, s.batches = append(s.chunks, c), append(s.batches, b)
	return len(s.chunks) - 1
}

// release says that a row is not needed any more. Its values are there until the
// next call of add.
func (s *rowStore) release(r ref) {
	at := int(r >> 32)
	c := s.chunks[at]
	s.live--
	if c.live--; c.live == 0 && at != s.tail {
		s.drop(at)
	}
}

// drop forgets a chunk.
func (s *rowStore) drop(at int) {
	s.account.Release(s.chunks[at].held)
	s.held -= s.chunks[at].held
	s.rows -= int64(s.batches[at].Rows)
	s.chunks[at], s.batches[at] = nil, s.nothing
	s.free = append(s.free, int32(at))
	if s.kept {
		s.gone = append(s.gone, at)
	}
}

// sparse reports whether most rows are not needed, so that copying the others
// pays.
func (s *rowStore) sparse() bool { return s.rows > 8*chunkRows && s.rows > 4*s.live }

// halfEmpty is sparse of a holder that has no room for rows that are not needed.
func (s *rowStore) halfEmpty() bool { return s.rows > 4*chunkRows && s.rows > 2*s.live }

// copied makes the store anew of the rows that are needed, in the order in which
// they came; moved gives the new name of each old one.
func (s *rowStore) copied(moved func(old, now ref), needed func(r ref) bool) error {
	was := *s
	s.chunks, s.batches, s.free, s.tail, s.live, s.rows, s.held = nil, nil, nil, -1, 0, 0, 0
	var sel []int32
	var refs []ref
	for _, at := range was.inOrder() {
		b, c := was.batches[at], was.chunks[at]
		sel = sel[:0]
		for r := range int32(b.Rows) {
			if needed(ref(at)<<32 | ref(r)) {
				sel = append(sel, r)
			}
		}
		var err error
		if refs, err = s.add(b.Cols, sel, c.groups, c.times, refs[:0]); err != nil {
			return err
		}
		for i, r := range sel {
			moved(ref(at)<<32|ref(r), refs[i])
		}
		s.account.Release(c.held)
	}
	if s.kept {
		s.gone = s.gone[:0]
		for page := range s.pages.parts {
			if page >= len(s.chunks) {
				s.gone = append(s.gone, page)
			}
		}
	}
	return nil
}

// inOrder are the places of the chunks, by arrival.
func (s *rowStore) inOrder() []int {
	var at []int
	for i, c := range s.chunks {
		if c != nil {
			at = append(at, i)
		}
	}
	slices.SortFunc(at, func(a, b int) int { return cmp.Compare(s.chunks[a].first, s.chunks[b].first) })
	return at
}

// arrival is a row's number in the order in which rows came.
func (s *rowStore) arrival(r ref) int64 { return s.chunks[r>>32].first + int64(int32(r)) }

func (s *rowStore) group(r ref) int32 { return s.chunks[r>>32].groups[int32(r)] }

func (s *rowStore) time(r ref) int64 { return s.chunks[r>>32].times[int32(r)] }

// retime gives a row another time.
func (s *rowStore) retime(r ref, time int64) {
	c := s.chunks[r>>32]
	c.times[int32(r)], c.changed = time, !c.lent // what is lent is not stored
}

// close gives everything back.
func (s *rowStore) close() {
	for _, c := range s.chunks {
		if c != nil {
			s.account.Release(c.held)
		}
	}
	s.chunks, s.batches, s.free, s.tail, s.live, s.rows, s.held, s.lent = nil, nil, nil, -1, 0, 0, 0, nil
}

// copyNeeded copies the rows that are needed out of the chunks. each calls a
// function with every name of one, for it to change.
func (s *rowStore) copyNeeded(each func(f func(r *ref))) error {
	const unneeded, needed = -1, -2
	to := make([][]ref, len(s.chunks))
	for at, b := range s.batches {
		to[at] = make([]ref, b.Rows)
		for r := range to[at] {
			to[at][r] = unneeded
		}
	}
	each(func(r *ref) { to[*r>>32][int32(*r)] = needed })
	err := s.copied(
		func(old, now ref) { to[old>>32][int32(old)] = now },
		func(r ref) bool { return to[r>>32][int32(r)] == needed },
	)
	if err != nil {
		return err
	}
	each(func(r *ref) { *r = to[*r>>32][int32(*r)] })
	return nil
}
