package operator

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Groups whose rows lie in a rowStore are evicted with them: what such a group has
// beside its key are its rows, and a generation has a rowStore of its own.

// tagGenerationRows is what the rows of a generation but the first are stored under,
// and its number.
const tagGenerationRows = 'R'

// rowsPrefix is where the rows are stored of groups that are under a prefix.
func rowsPrefix(groups []byte) []byte {
	prefix := slices.Clone(groups)
	if prefix[0] = tagRows; groups[0] == tagGeneration {
		prefix[0] = tagGenerationRows
	}
	return prefix
}

// lend copies one row in, with a group and a time, which is needed until giveBack at
// most, and is not stored.
func (s *rowStore) lend(cols []vec.Vec, group int32, time int64) (ref, error) {
	if n := len(s.lent); n == 0 || s.batches[s.lent[n-1]].Rows == chunkRows || s.chunks[s.lent[n-1]].held >= chunkBytes {
		at := s.place()
		// They came before all rows that are not lent.
		s.chunks[at].first = math.MinInt64/2 + int64(n)*chunkRows
		s.lent = append(s.lent, at)
	}
	at := s.lent[len(s.lent)-1]
	b, c := s.batches[at], s.chunks[at]
	for i, to := range b.Cols {
		vec.AppendRow(to, cols[i], 0)
	}
	c.groups, c.times = append(c.groups, group), append(c.times, time)
	b.Rows++
	c.live++
	c.lent = true
	s.rows, s.live = s.rows+1, s.live+1
	return ref(at)<<32 | ref(b.Rows-1), s.chargeChunk(at)
}

// isLent reports whether a row is one.
func (s *rowStore) isLent(r ref) bool { return s.chunks[r>>32].lent }

// own copies a row that is lent to those that stay, as one that has just come.
func (s *rowStore) own(r ref) (ref, error) {
	c := s.chunks[r>>32]
	refs, err := s.add(s.batches[r>>32].Cols, []int32{int32(r)}, c.groups, c.times, nil)
	if err != nil {
		return r, err
	}
	return refs[0], nil
}

// giveBack forgets the rows that are lent, which have been released.
func (s *rowStore) giveBack() {
	for _, at := range s.lent {
		if c := s.chunks[at]; c != nil && c.lent {
			s.drop(at)
		}
	}
	s.lent = s.lent[:0]
}

// appendSized appends a row's values with their length before them. Several goroutines may
// call it.
func (c rowCodec) appendSized(dst []byte, cols []vec.Vec, row int) []byte {
	at := len(dst)
	dst = c.layout.Append(append(dst, 0, 0, 0, 0), cols, row)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// takeValues takes what appendSized has appended off b.
func takeValues(b []byte) (values, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errKept
	}
	size := int64(binary.LittleEndian.Uint32(b))
	if b = b[4:]; size > int64(len(b)) {
		return nil, nil, errKept
	}
	return b[:size], b[size:], nil
}

// restCodec writes of rows what the key of their group does not say.
type restCodec struct {
	layout *rowkey.Layout
	reader *rowkey.Reader
	rest   []int      // columns that are written
	keys   []int      // by the others: which of the key's they are, and 1; 0: none
	row    *vec.Batch // the row that was read
	read   []vec.Vec  // of those columns of it
}

// newRestCodec returns one for rows of the types given, of which the columns in key
// are the key. exact: they are so to the byte.
func newRestCodec(ts []types.Type, key []int, exact bool) *restCodec {
	c := &restCodec{keys: make([]int, len(ts)), row: vec.NewBatch(ts)}
	var written []types.Type
	for i, t := range ts {
		if at := slices.Index(key, i); at >= 0 && exact {
			c.keys[i] = at + 1
			continue
		}
		c.rest, c.read, written = append(c.rest, i), append(c.read, c.row.Cols[i]), append(written, t)
	}
	codec := newRowCodec(written)
	c.layout, c.reader = codec.layout, codec.reader
	return c
}

// append appends what a row has beside its key. Several goroutines may call it.
func (c *restCodec) append(dst []byte, cols []vec.Vec, row int) []byte {
	var few [32]vec.Vec
	some := few[:0]
	for _, i := range c.rest {
		some = append(some, cols[i])
	}
	return c.layout.Append(dst, some, row)
}

// of returns the row of a key that append has written, until the next call.
func (c *restCodec) of(key []vec.Vec, at int, rest []byte) (*vec.Batch, error) {
	c.row.Reset()
	if err := c.reader.Read(rest, c.read); err != nil {
		return nil, err
	}
	for i, k := range c.keys {
		if k > 0 {
			vec.AppendRow(c.row.Cols[i], key[k-1], at)
		}
	}
	c.row.Rows = 1
	return c.row, nil
}

// takeTime takes the time of a row off what it has beside its key; false: there is no
// row.
func takeTime(beside []byte) (time int64, rest []byte, ok bool, err error) {
	if len(beside) == 0 {
		return 0, nil, false, nil
	}
	n, size := binary.Uvarint(beside)
	if size <= 0 {
		return 0, nil, false, errKept
	}
	return int64(n), beside[size:], true, nil
}

// rowsWriter writes rows of a rowStore that are evicted with their group. Several
// goroutines may use it where the store changes no more.
type rowsWriter struct {
	codec rowCodec
	store *rowStore
}

// append appends a row: its time, length and values.
func (w rowsWriter) append(dst []byte, r ref) []byte {
	dst = binary.AppendVarint(dst, w.store.time(r))
	at := len(dst)
	dst = w.codec.layout.Append(append(dst, 0, 0, 0, 0), w.store.batches[r>>32].Cols, int(int32(r)))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// rowsReader reads what a rowsWriter, and who has written numbers beside the rows, wrote.
type rowsReader struct {
	b   []byte
	bad bool
}

func (r *rowsReader) number() int64 {
	v, n := binary.Varint(r.b)
	r.bad = r.bad || n <= 0
	r.b = r.b[max(n, 0):]
	return v
}

// row is the time and the values of the next row.
func (r *rowsReader) row() (at int64, values []byte) {
	at = r.number()
	if r.bad || len(r.b) < 4 || int64(binary.LittleEndian.Uint32(r.b)) > int64(len(r.b)-4) {
		r.bad = true
		return 0, nil
	}
	end := 4 + int(binary.LittleEndian.Uint32(r.b))
	values, r.b = r.b[4:end], r.b[end:]
	return at, values
}

// loadedRows are evicted rows on their way into a rowStore.
type loadedRows struct {
	codec  rowCodec
	batch  *vec.Batch
	groups []int32
	times  []int64
	sel    selector
}

func newLoadedRows(s *rowStore) loadedRows {
	return loadedRows{codec: newRowCodec(s.types), batch: vec.NewBatch(s.types)}
}

func (l *loadedRows) reset() {
	l.batch.Reset()
	l.groups, l.times = l.groups[:0], l.times[:0]
}

// take takes the next row, which is of a group.
func (l *loadedRows) take(r *rowsReader, group int32) error {
	at, values := r.row()
	if r.bad {
		return errKept
	}
	l.groups, l.times = append(l.groups, group), append(l.times, at)
	l.batch.Rows++
	return l.codec.reader.Read(values, l.batch.Cols)
}

// store copies the rows that were taken into a store, as ones that stay.
func (l *loadedRows) store(s *rowStore) ([]ref, error) {
	return s.add(l.batch.Cols, l.sel.all(nil, len(l.groups)), l.groups, l.times, nil)
}
