package parquet

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// window is a column chunk's bytes, read from its beginning to its end in pieces, and
// never one that lies behind it.
type window struct {
	r     io.ReaderAt
	piece int
	off   int64 // of the first byte that has not been read
	end   int64
	buf   []byte // read and not taken
	room  []byte // whose tail buf is
}

// have makes n bytes be there, or as many as there are left.
func (w *window) have(n int) error {
	if len(w.buf) >= n || w.off >= w.end {
		return nil
	}
	want := int(min(int64(max(n-len(w.buf), w.piece)), w.end-w.off))
	if cap(w.room) < len(w.buf)+want {
		// A length may be wrong: room is made only for what the chunk has.
		w.room = make([]byte, len(w.buf)+want)
	}
	room := w.room[:cap(w.room)]
	k := copy(room, w.buf)
	got, err := w.r.ReadAt(room[k:k+want], w.off)
	w.off += int64(got)
	w.buf = room[:k+got]
	if got == want {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = corrupt("it ends at byte %d, where a column's values go on", w.off)
	}
	return err
}

// take takes n bytes, which are there; they are good until the next have.
func (w *window) take(n int) []byte {
	b := w.buf[:n:n]
	w.buf = w.buf[n:]
	return b
}

// leaf reads the values of one leaf column, one row group after the other.
type leaf struct {
	node   *node
	pack   *packer
	window window
	chunk  *chunk
	values int64 // of the chunk, not yet in a page that was taken up
	dict   dictionary

	page     []byte // decompressed
	levels   []byte // of version 2, which are not compressed
	left     int    // values of the page, NULLs too, that have not been read
	defs     hybrid
	reps     hybrid
	encoding int32
	plain    []byte // what is left of values that lie plainly
	index    hybrid // of dictionary encoding, and of runs of booleans
	delta    delta
	lengths  delta
	prefixes delta
	previous []byte // of strings that begin as the one before
	split    []byte // of BYTE_STREAM_SPLIT
	splitAt  int
	splitN   int

	defBuf, repBuf []uint8
	scratch        scratch
	cursor         // of one that repeats
	form           *timeForm
}

// start takes up the chunk of a row group.
func (l *leaf) start(r io.ReaderAt, size int64, c *chunk, piece int) error {
	switch {
	case c.encrypted:
		return sqlerr.Unsupported("Write it without encryption.", "an encrypted column of a Parquet file is not supported")
	case c.path != "":
		return sqlerr.Unsupported("Write columns and footer to one file.", "a Parquet file whose columns lie in another, %q, is not supported", c.path)
	case c.phys != l.node.phys:
		return corrupt("its schema and its row group are of different types")
	}
	from := c.begin()
	if from < int64(len(magic)) || c.size < 0 || from > size || c.size > size-from || c.values < 0 {
		return corrupt("its values are said to lie at byte %d and to be %d long, in a file of %d", from, c.size, size)
	}
	l.chunk, l.values, l.left, l.dict = c, c.values, 0, dictionary{}
	l.window = window{r: r, piece: piece, off: from, end: from + c.size, room: l.window.room}
	return nil
}

// advance takes up the next page that has values.
func (l *leaf) advance() error {
	for l.left == 0 {
		if l.values == 0 {
			return corrupt("it has fewer values than its row group has rows")
		}
		if err := l.next(); err != nil {
			return err
		}
	}
	return nil
}

// maxHeader is the longest header of a page that is read: it holds two values.
const maxHeader = 16 << 20

func (l *leaf) next() error {
	var h pageHeader
	for n := 64; ; n *= 4 {
		if err := l.window.have(n); err != nil {
			return err
		}
		var more, ok bool
		if h, more, ok = readPageHeader(l.window.buf); ok && !more {
			break
		}
		if !more || len(l.window.buf) < n || n > maxHeader {
			return corrupt("the header of a page is damaged, before byte %d", l.window.off)
		}
	}
	l.window.take(h.size)
	if err := l.window.have(int(h.compressed)); err != nil {
		return err
	}
	if len(l.window.buf) < int(h.compressed) {
		return corrupt("a page of %d bytes is longer than its column", h.compressed)
	}
	b := l.window.take(int(h.compressed))
	if h.hasCRC && crc32.ChecksumIEEE(b) != uint32(h.crc) {
		return corrupt("the checksum of a page is wrong, before byte %d", l.window.off-int64(len(l.window.buf)))
	}
	switch h.kind {
	case pageDictionary:
		return l.dictionary(h, b)
	case pageIndex:
		return nil
	case pageData, pageDataV2:
	default:
		return corrupt("a page is of the kind %d", h.kind)
	}
	if int64(h.values) > l.values {
		return corrupt("a page of %d values lies in a column that has %d left", h.values, l.values)
	}
	l.values -= int64(h.values)
	l.left = int(h.values)
	if l.left == 0 {
		return nil
	}
	if h.kind == pageDataV2 {
		return l.second(h, b)
	}
	return l.first(h, b)
}

// first takes up a page of version 1: levels and values are compressed together.
func (l *leaf) first(h pageHeader, b []byte) error {
	page, err := l.pack.unpack(l.chunk.codec, b, l.page, int(h.uncompressed))
	if err != nil {
		return err
	}
	if l.chunk.codec != int32(Uncompressed) {
		l.page = page
	}
	if page, err = l.levelsOf(&l.reps, page, h.repEncoding, l.node.rep); err != nil {
		return err
	}
	if page, err = l.levelsOf(&l.defs, page, h.defEncoding, l.node.def); err != nil {
		return err
	}
	return l.begin(h.encoding, page)
}

func (l *leaf) levelsOf(to *hybrid, b []byte, encoding int32, most int) ([]byte, error) {
	if most == 0 {
		return b, nil
	}
	width := widthOf(most)
	if encoding == encBitPacked {
		size := (l.left*int(width) + 7) / 8
		if size > len(b) {
			return nil, corrupt("a page ends in its levels")
		}
		values, ok := bigEndianLevels(b[:size], l.left, width)
		if !ok {
			return nil, corrupt("the levels of a page are damaged")
		}
		*to = hybrid{run: len(values), pack: values, width: 8}
		return b[size:], nil
	}
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, corrupt("a page ends in its levels")
	}
	n := int(binary.LittleEndian.Uint32(b))
	*to = newHybrid(b[4:4+n], width)
	return b[4+n:], nil
}

// second takes up a page of version 2, whose levels come first and are not compressed.
func (l *leaf) second(h pageHeader, b []byte) error {
	rep, def := int(h.repLength), int(h.defLength)
	if rep > len(b) || def > len(b)-rep || rep+def > int(h.uncompressed) {
		return corrupt("a page ends in its levels")
	}
	l.levels = append(l.levels[:0], b[:rep+def]...)
	l.reps = newHybrid(l.levels[:rep], widthOf(l.node.rep))
	l.defs = newHybrid(l.levels[rep:], widthOf(l.node.def))
	page := b[rep+def:]
	if !h.plain {
		var err error
		if page, err = l.pack.unpack(l.chunk.codec, page, l.page, int(h.uncompressed)-rep-def); err != nil {
			return err
		}
		if l.chunk.codec != int32(Uncompressed) {
			l.page = page
		}
	}
	return l.begin(h.encoding, page)
}

// begin takes up a page's values.
func (l *leaf) begin(encoding int32, b []byte) error {
	l.encoding = encoding
	ok := true
	switch encoding {
	case encPlain:
		if l.plain = b; l.node.phys == physBool {
			l.index = hybrid{pack: b, run: len(b) * 8, width: 1}
		}
	case encPlainDictionary, encDictionary:
		l.encoding = encDictionary
		if !l.dict.there {
			return corrupt("a page is of numbers of a dictionary, and there is none")
		}
		if len(b) == 0 {
			l.index = hybrid{}
			return nil // all are NULL
		}
		if b[0] > 32 {
			return corrupt("a page's numbers of a dictionary have %d bits", b[0])
		}
		l.index = newHybrid(b[1:], uint(b[0]))
	case encRLE:
		if l.node.phys != physBool || len(b) < 4 {
			return corrupt("a page of type %s is encoded in runs", physNames[l.node.phys])
		}
		l.index = newHybrid(b[4:], 1)
	case encDelta:
		if ok = l.node.phys == physInt32 || l.node.phys == physInt64; ok {
			l.delta, ok = newDelta(b)
		}
	case encDeltaLength:
		if ok = l.node.phys == physBytes; ok {
			l.plain, ok = lengthsOf(&l.lengths, b)
		}
	case encDeltaBytes:
		if ok = l.node.phys == physBytes || l.node.phys == physFixed; ok {
			if b, ok = lengthsOf(&l.prefixes, b); ok {
				l.plain, ok = lengthsOf(&l.lengths, b)
			}
		}
		l.previous = l.previous[:0]
	case encSplit:
		size := l.size()
		if ok = size > 0 && l.node.phys != physInt96; ok {
			l.split, l.splitAt, l.splitN = b, 0, len(b)/size
		}
	default:
		return sqlerr.Unsupported("Write it with another encoding, such as PLAIN or RLE_DICTIONARY.", "Parquet encoding %d is not supported", encoding)
	}
	if !ok {
		return corrupt("the values of a page are damaged, or of an encoding that type %s has not", physNames[l.node.phys])
	}
	return nil
}

// lengthsOf takes up lengths, and returns what lies behind them.
func lengthsOf(to *delta, b []byte) ([]byte, bool) {
	var ok bool
	if *to, ok = newDelta(b); !ok {
		return nil, false
	}
	return to.end()
}

// size is how many bytes a value of the type takes plainly, 0 where that is not the
// same for all.
func (l *leaf) size() int {
	switch l.node.phys {
	case physInt32, physFloat:
		return 4
	case physInt64, physDouble:
		return 8
	case physInt96:
		return 12
	case physFixed:
		return int(l.node.length)
	}
	return 0
}

// take reads up to n values with their levels, of one page: how many, and how many of
// them are not NULL, whose values are in the scratch then.
func (l *leaf) take(n int) (got, values int, err error) {
	if err := l.advance(); err != nil {
		return 0, 0, err
	}
	got = min(n, l.left)
	l.left -= got
	values = got
	if l.node.rep > 0 {
		l.repBuf = grown(l.repBuf, got)
		if !l.reps.levels(l.repBuf) {
			return 0, 0, corrupt("a page ends in its levels")
		}
	}
	if l.node.def > 0 {
		l.defBuf = grown(l.defBuf, got)
		if !l.defs.levels(l.defBuf) {
			return 0, 0, corrupt("a page ends in its levels")
		}
		values = 0
		most := uint8(l.node.def)
		for _, d := range l.defBuf {
			if d == most {
				values++
			} else if d > most {
				return 0, 0, corrupt("a page has the level %d, and %d is the highest", d, most)
			}
		}
	}
	return got, values, l.read(values)
}

// skip passes over n values, which lie flat.
func (l *leaf) skip(n int64) error {
	for n > 0 {
		got, _, err := l.take(int(min(n, 1024)))
		if err != nil {
			return err
		}
		n -= int64(got)
	}
	return nil
}

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, max(n, 1024))
	}
	return s[:n]
}
