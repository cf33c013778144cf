package operator

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// groupsPerPage is about how many evicted groups a page holds at most: few, as all
// of it is read for one of them, and so many that what a value costs the store, however
// small it is, is shared by the groups of it that have changed.
const groupsPerPage = 256

// pageBytes is about how large a page is at most whose groups are not small: few of
// them are in one then.
const pageBytes = 16 << 10

// mostBits bounds the number of pages to its power of two.
const mostBits = 30

// groupCodec writes groups as records: the key with its length before it, and what
// a group has beside it. Several goroutines may write; one reads.
type groupCodec struct {
	types  []types.Type
	layout *rowkey.Layout
	reader *rowkey.Reader
	// exact: keys are equal only where their bytes are.
	exact bool
	one   *vec.Batch
	buf   [2][]byte // records as they are before they are packed
}

func newGroupCodec(ts []types.Type) *groupCodec {
	attrs := make([]rowkey.Attr, len(ts))
	want := make([]int, len(ts))
	c := &groupCodec{types: ts, exact: true, one: vec.NewBatch(ts)}
	for i, t := range ts {
		attrs[i].Type, want[i] = t, i
		c.exact = c.exact && exactBytes(t)
	}
	c.layout = rowkey.NewLayout(attrs)
	c.reader = c.layout.Reader(want)
	return c
}

// exactBytes reports whether values of a type are equal only where they are stored
// alike.
func exactBytes(t types.Type) bool {
	switch types.Lookup(t.OID).Phys {
	case types.PhysBool, types.PhysInt16, types.PhysInt32, types.PhysInt64, types.PhysUint32, types.PhysUUID:
		return true
	case types.PhysBytes:
		return vec.Bytewise(t.OID)
	}
	return false
}

// again is a codec for another goroutine.
func (c *groupCodec) again() *groupCodec { return newGroupCodec(c.types) }

// same reports whether a stored key is that of a row, whose stored form is own.
func (c *groupCodec) same(key, own []byte, cols []vec.Vec, row int) (bool, error) {
	if string(key) == string(own) {
		return true, nil
	}
	if c.exact {
		return false, nil
	}
	c.one.Reset()
	if err := c.reader.Read(key, c.one.Cols); err != nil {
		return false, err
	}
	for i, col := range cols {
		if !vec.Equal(c.one.Cols[i], 0, col, row, c.types[i]) {
			return false, nil
		}
	}
	return true, nil
}

// hashes writes what decides where the groups of rows lie.
func (c *groupCodec) hashes(cols []vec.Vec, n int, dst []uint64) []uint64 {
	return pageHashes(cols, c.types, n, dst)
}

func pageHashes(cols []vec.Vec, ts []types.Type, n int, dst []uint64) []uint64 {
	dst = sized(dst, n)
	clear(dst)
	for i, col := range cols {
		vec.Hash(col, ts[i], nil, dst)
	}
	for i, h := range dst {
		// Tasks have their rows, and tables their slots, by other bits.
		h = (h ^ h>>29) * 0x94d049bb133111eb
		dst[i] = h ^ h>>32
	}
	return dst
}

// pageOf is the page of a hash, where there are 1<<b.
func pageOf(h uint64, b uint8) int { return int(h >> 1 >> (63 - b)) }

// bitsFor is how many pages n groups should have, as a power of two.
func bitsFor(n int64) uint8 {
	if n <= groupsPerPage {
		return 0
	}
	return min(uint8(bits.Len64(uint64((n-1)/groupsPerPage))), mostBits)
}

// record is a group in a page: the low half of its hash, and where its stored form
// lies, packed. dead: no row is in it any more.
type record struct {
	hash     uint32
	from, to uint32
	newer    bool
	dead     bool
}

// recordBytes are the stored forms of records: those that a page had, and newer ones.
type recordBytes struct{ old, newer []byte }

func (b *recordBytes) of(r record) []byte {
	if r.newer {
		return b.newer[r.from:r.to]
	}
	return b.old[r.from:r.to]
}

// hashPage is a page as it is stored: the number of its groups, the low halves of
// their hashes, ascending, where each ends, which of them are dead, where any is, and
// their records.
type hashPage struct {
	n            int
	hashes, ends []byte
	wide         bool
	packed       bool
	gone         []byte // a bit for each that is dead; nil: none is
	records      []byte
}

// Bits of the kind of a page.
const (
	pageWide   = 1 << iota // ends have four bytes, and not two
	pagePacked             // records are packed; of older pages they are not
	pageDead               // some of its groups are dead, as a delta's may be
)

// parsePage reads a stored page.
func parsePage(b []byte) (p hashPage, err error) {
	if len(b) < 5 || b[0] > pageWide|pagePacked|pageDead {
		return p, errKept
	}
	kind := b[0]
	p.wide, p.packed, p.n = kind&pageWide > 0, kind&pagePacked > 0, int(binary.LittleEndian.Uint32(b[1:]))
	width := 2
	if p.wide {
		width = 4
	}
	if b = b[5:]; p.n < 0 || len(b)/(4+width) < p.n {
		return p, errKept
	}
	p.hashes, p.ends, p.records = b[:4*p.n], b[4*p.n:(4+width)*p.n], b[(4+width)*p.n:]
	if kind&pageDead > 0 {
		n := (p.n + 7) / 8
		if len(p.records) < n {
			return p, errKept
		}
		p.gone, p.records = p.records[:n], p.records[n:]
	}
	if p.n > 0 && p.end(p.n-1) != len(p.records) {
		return p, errKept
	}
	return p, nil
}

func (p *hashPage) hash(i int) uint32 { return binary.LittleEndian.Uint32(p.hashes[4*i:]) }

// dead reports whether group i is.
func (p *hashPage) dead(i int) bool { return p.gone != nil && p.gone[i/8]&(1<<(i%8)) > 0 }

func (p *hashPage) end(i int) int {
	if p.wide {
		return int(binary.LittleEndian.Uint32(p.ends[4*i:]))
	}
	return int(binary.LittleEndian.Uint16(p.ends[2*i:]))
}

// record is the stored form of group i.
func (p *hashPage) record(i int) ([]byte, error) {
	from, to := 0, p.end(i)
	if i > 0 {
		from = p.end(i - 1)
	}
	if from > to || to > len(p.records) {
		return nil, errKept
	}
	return p.records[from:to], nil
}

// group is the key of group i and what it has beside, until the next call.
func (p *hashPage) group(c *groupCodec, i int) (key, beside []byte, err error) {
	r, err := p.record(i)
	if err != nil {
		return nil, nil, err
	}
	if !p.packed {
		return takeSized(r)
	}
	return c.unpack(0, r)
}

// unpack is the key and what is beside it of a packed record, in one of the codec's
// buffers.
func (c *groupCodec) unpack(in int, r []byte) (key, beside []byte, err error) {
	if c.buf[in], err = appendUnpacked(c.buf[in][:0], r); err != nil {
		return nil, nil, err
	}
	return takeSized(c.buf[in])
}

// first is the first group whose hash is not less than h.
func (p *hashPage) first(h uint32) int {
	lo, hi := 0, p.n
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if p.hash(m) < h {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// find returns a row's group, its key and what it has beside, and whether it is
// there. own is the stored form of the row's key.
func (p *hashPage) find(c *groupCodec, h uint64, own []byte, cols []vec.Vec, row int) (key, beside []byte, ok bool, err error) {
	low := uint32(h)
	for i := p.first(low); i < p.n && p.hash(i) == low; i++ {
		key, rest, err := p.group(c, i)
		if err != nil {
			return nil, nil, false, err
		}
		if ok, err = c.same(key, own, cols, row); ok || err != nil {
			return key, rest, ok, err
		}
	}
	return nil, nil, false, nil
}

// appendPage appends the stored form of a page of records, which are sorted.
func appendPage(dst []byte, records []record, data *recordBytes) []byte {
	size, dead := 0, false
	for _, r := range records {
		size += int(r.to - r.from)
		dead = dead || r.dead
	}
	wide := size >= 1<<16
	kind := byte(pagePacked)
	if wide {
		kind |= pageWide
	}
	if dead {
		kind |= pageDead
	}
	dst = binary.LittleEndian.AppendUint32(append(dst, kind), uint32(len(records)))
	for _, r := range records {
		dst = binary.LittleEndian.AppendUint32(dst, r.hash)
	}
	end := 0
	for _, r := range records {
		if end += int(r.to - r.from); wide {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(end))
		} else {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(end))
		}
	}
	if dead {
		at := len(dst)
		dst = append(dst, make([]byte, (len(records)+7)/8)...)
		for i, r := range records {
			if r.dead {
				dst[at+i/8] |= 1 << (i % 8)
			}
		}
	}
	for len(records) > 0 {
		// Those that lie one after another are copied at once.
		run, n := records[0], 1
		for ; n < len(records) && records[n].newer == run.newer && records[n].from == run.to; n++ {
			run.to = records[n].to
		}
		dst, records = append(dst, data.of(run)...), records[n:]
	}
	return dst
}

// merge returns the records of a page with those that are newer put in, which are
// sorted too and of which each key is there once.
func (c *groupCodec) merge(dst, old, newer []record, data *recordBytes) ([]record, error) {
	for len(newer) > 0 {
		h := newer[0].hash
		before := 0
		for before < len(old) && old[before].hash < h {
			before++
		}
		dst, old = append(dst, old[:before]...), old[before:]
		// All of one hash: those of old that have no newer record stay.
		n, m := sameHash(old, h), sameHash(newer, h)
		for _, o := range old[:n] {
			again, err := c.among(o, newer[:m], data)
			if err != nil {
				return nil, err
			}
			if !again {
				dst = append(dst, o)
			}
		}
		for _, r := range newer[:m] {
			if !r.dead {
				dst = append(dst, r)
			}
		}
		old, newer = old[n:], newer[m:]
	}
	return append(dst, old...), nil
}

func sameHash(rs []record, h uint32) int {
	n := slices.IndexFunc(rs, func(r record) bool { return r.hash != h })
	if n < 0 {
		return len(rs)
	}
	return n
}

// among reports whether the key of a record is that of another.
func (c *groupCodec) among(r record, others []record, data *recordBytes) (bool, error) {
	key, _, err := c.unpack(0, data.of(r))
	if err != nil {
		return false, err
	}
	for _, o := range others {
		other, _, err := c.unpack(1, data.of(o))
		if err != nil {
			return false, err
		}
		if string(key) == string(other) {
			return true, nil
		}
		if c.exact {
			continue
		}
		c.one.Reset()
		if err := c.reader.Read(key, c.one.Cols); err != nil {
			return false, err
		}
		if err := c.reader.Read(other, c.one.Cols); err != nil {
			return false, err
		}
		equal := true
		for i, col := range c.one.Cols {
			equal = equal && vec.Equal(col, 0, col, 1, c.types[i])
		}
		if equal {
			return true, nil
		}
	}
	return false, nil
}
