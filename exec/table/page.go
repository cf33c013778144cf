package table

import (
	"bytes"
	"encoding/binary"
)

// A page is an ordered run of entries, key and value, in one piece of memory
// without pointers, which is also what the store holds. After a head of
// pageHead bytes comes what all its keys begin with, then the entries as they
// were written: the length of the rest of the key, the rest, the length of the
// value, the value. At the end stand the entries' places in order of their keys,
// the first one last, two bytes each, or four in a page over 64 KB.
//
//	0 format  2 entries  4 end of the entries  8 bytes of removed entries  12 length of the beginning
type page []byte

const (
	pageHead   = 14
	pageFormat = 1
	// pageSize is what a page is split at; one with a single larger entry is as
	// large as that.
	pageSize = 8 << 10
	// pageRoom is what a page is given beside its entries where it is to change.
	pageRoom = 256
)

func (p page) len() int    { return int(binary.LittleEndian.Uint16(p[2:])) }
func (p page) end() int    { return int(binary.LittleEndian.Uint32(p[4:])) }
func (p page) dead() int   { return int(binary.LittleEndian.Uint32(p[8:])) }
func (p page) common() int { return int(binary.LittleEndian.Uint16(p[12:])) }

func (p page) setLen(n int)    { binary.LittleEndian.PutUint16(p[2:], uint16(n)) }
func (p page) setEnd(n int)    { binary.LittleEndian.PutUint32(p[4:], uint32(n)) }
func (p page) setDead(n int)   { binary.LittleEndian.PutUint32(p[8:], uint32(n)) }
func (p page) setCommon(n int) { binary.LittleEndian.PutUint16(p[12:], uint16(n)) }

// prefix is what all keys begin with.
func (p page) prefix() []byte { return p[pageHead : pageHead+p.common()] }

func slotSize(size int) int {
	if size > 1<<16 {
		return 4
	}
	return 2
}

func (p page) slot(i int) int {
	if len(p) > 1<<16 {
		return int(binary.LittleEndian.Uint32(p[len(p)-4*(i+1):]))
	}
	return int(binary.LittleEndian.Uint16(p[len(p)-2*(i+1):]))
}

func (p page) setSlot(i, at int) {
	if len(p) > 1<<16 {
		binary.LittleEndian.PutUint32(p[len(p)-4*(i+1):], uint32(at))
		return
	}
	binary.LittleEndian.PutUint16(p[len(p)-2*(i+1):], uint16(at))
}

// free is what an entry and its slot can still take.
func (p page) free() int { return len(p) - slotSize(len(p))*p.len() - p.end() }

// used is the size of the page without its free and removed bytes.
func (p page) used() int { return len(p) - p.free() - p.dead() }

// entry is the rest of the key and the value of entry i. They belong to the page.
func (p page) entry(i int) (rest, value []byte) {
	at := p.slot(i)
	n, at := p.uvarint(at)
	rest = p[at : at+n : at+n]
	m, at := p.uvarint(at + n)
	return rest, p[at : at+m : at+m]
}

func (p page) uvarint(at int) (n, next int) {
	if b := p[at]; b < 0x80 {
		return int(b), at + 1
	}
	x, w := binary.Uvarint(p[at:])
	return int(x), at + w
}

func (p page) rest(i int) []byte {
	at := p.slot(i)
	if n := int(p[at]); n < 0x80 { // mostly, and then there is no call
		return p[at+1 : at+1+n]
	}
	n, at := p.uvarint(at)
	return p[at : at+n]
}

func (p page) value(i int) []byte { _, v := p.entry(i); return v }

// key appends the key of entry i to dst.
func (p page) key(dst []byte, i int) []byte { return append(append(dst, p.prefix()...), p.rest(i)...) }

// search finds the first entry whose key is not below key.
func (p page) search(key []byte) (i int, found bool) {
	n := p.len()
	pre := p.prefix()
	if !bytes.HasPrefix(key, pre) {
		if bytes.Compare(key, pre) < 0 {
			return 0, false
		}
		return n, false
	}
	key = key[len(pre):]
	lo, hi := 0, n
	for guesses := 0; lo < hi; guesses++ {
		mid := int(uint(lo+hi) >> 1)
		if guesses < maxGuesses && hi-lo > minGuessed {
			mid = p.guess(key, lo, hi)
		}
		switch bytes.Compare(p.rest(mid), key) {
		case 0:
			return mid, true
		case -1:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// Keys are mostly numbers that lie close, whose place can be told from those of the
// first and the last (interpolation search: W. W. Peterson, 1957). It is tried so often,
// where there are more entries than that: each entry that is looked at is somewhere else
// in memory, so that few of them count for more than few comparisons.
const (
	maxGuesses = 2
	minGuessed = 8
)

// guess is where in [lo, hi) a key should be, if the keys lay evenly.
func (p page) guess(key []byte, lo, hi int) int {
	first, last, at := ordinal(p.rest(lo)), ordinal(p.rest(hi-1)), ordinal(key)
	switch {
	case at <= first:
		return lo
	case at >= last:
		return hi - 1
	}
	return lo + int(float64(hi-1-lo)*(float64(at-first)/float64(last-first)))
}

// ordinal is a number that rises with the beginnings of keys.
func ordinal(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var n uint64
	for i, b := range key {
		n |= uint64(b) << (56 - 8*i)
	}
	return n
}

func uvarintLen(n int) int {
	w := 1
	for n >= 0x80 {
		n >>= 7
		w++
	}
	return w
}

func entrySize(rest, value int) int { return uvarintLen(rest) + rest + uvarintLen(value) + value }

// emptyPage has no entry.
func emptyPage() page {
	p := make(page, pageHead)
	p[0] = pageFormat
	p.setEnd(pageHead)
	return p
}

// roomyPage is an empty page that is going to be filled.
func roomyPage() page {
	p := make(page, pageSize)
	p[0] = pageFormat
	p.setEnd(pageHead)
	return p
}

// append writes an entry behind the others and its slot as the i-th; there is
// room for both.
func (p page) append(i int, rest, value []byte) {
	n, at := p.len(), p.end()
	w := slotSize(len(p))
	copy(p[len(p)-w*(n+1):], p[len(p)-w*n:len(p)-w*i])
	p.setSlot(i, at)
	at += binary.PutUvarint(p[at:], uint64(len(rest)))
	at += copy(p[at:], rest)
	at += binary.PutUvarint(p[at:], uint64(len(value)))
	at += copy(p[at:], value)
	p.setLen(n + 1)
	p.setEnd(at)
}

// put writes an entry at place i, where replace says over the one that is there.
// It changes p and returns it, or a larger one; false: the page is full, and
// nothing has changed.
func (p page) put(i int, replace bool, key, value []byte) (page, bool) {
	pre := p.prefix()
	if !bytes.HasPrefix(key, pre) {
		return p.putOutside(i, key, value)
	}
	rest := key[len(pre):]
	if replace {
		_, old := p.entry(i)
		if len(old) == len(value) {
			copy(old, value)
			return p, true
		}
	}
	need := entrySize(len(rest), len(value))
	slot := slotSize(len(p))
	total := p.used() + need + 4
	if replace {
		r, v := p.entry(i)
		slot, total = 0, total-entrySize(len(r), len(v))
	}
	// Also where there is room: who copies a page to change it gives it some, so it
	// would grow for ever.
	if total > pageSize && (p.len() > 1 || p.len() == 1 && !replace) {
		return p, false
	}
	if need+slot > p.free() {
		skip := -1
		if replace {
			skip = i
		}
		p = p.rebuilt(0, p.len(), skip, len(pre), max(total, min(pageSize, total+total/2)))
		replace = false
	}
	if replace {
		r, v := p.entry(i)
		p.setDead(p.dead() + entrySize(len(r), len(v)))
		p.removeSlot(i)
	}
	p.append(i, rest, value)
	return p, true
}

// putOutside is put of a key that does not begin as the others do.
func (p page) putOutside(i int, key, value []byte) (page, bool) {
	n := 0
	for pre := p.prefix(); n < len(pre) && n < len(key) && pre[n] == key[n]; n++ {
	}
	cut := p.common() - n
	total := p.used() + p.len()*(cut+1) + entrySize(len(key)-n, len(value)) + 4
	if total > pageSize && p.len() > 0 {
		return p, false
	}
	p = p.rebuilt(0, p.len(), -1, n, max(total, min(pageSize, total+total/2)))
	p.append(i, key[n:], value)
	return p, true
}

func (p page) removeSlot(i int) {
	n, w := p.len(), slotSize(len(p))
	copy(p[len(p)-w*(n-1):], p[len(p)-w*n:len(p)-w*(i+1)])
	p.setLen(n - 1)
}

// remove takes entry i out of p.
func (p page) remove(i int) {
	r, v := p.entry(i)
	p.setDead(p.dead() + entrySize(len(r), len(v)))
	p.removeSlot(i)
}

// rebuilt is a new page of the entries [from, to) without the one at skip, whose
// keys have the first common bytes of p's in common, of at least size bytes.
func (p page) rebuilt(from, to, skip, common, size int) page {
	cut := p.common() - common
	need := pageHead + common
	for i := from; i < to; i++ {
		if i != skip {
			r, v := p.entry(i)
			need += entrySize(len(r)+cut, len(v))
		}
	}
	count := to - from
	if skip >= 0 {
		count--
	}
	size = max(size, need+2*count)
	if size > 1<<16 {
		size = max(size, need+4*count)
	}
	q := make(page, size)
	q[0] = pageFormat
	q.setCommon(common)
	copy(q[pageHead:], p[pageHead:pageHead+common])
	q.setEnd(pageHead + common)
	moved := p[pageHead+common : pageHead+p.common()]
	var buf []byte
	n := 0
	for i := from; i < to; i++ {
		if i == skip {
			continue
		}
		r, v := p.entry(i)
		if cut > 0 {
			buf = append(append(buf[:0], moved...), r...)
			r = buf
		}
		q.append(n, r, v)
		n++
	}
	return q
}

// packed is a page of the entries [from, to) as small as they can be: with the
// longest beginning that their keys have in common.
func (p page) packed(from, to, room int) page {
	if from == to {
		return emptyPage()
	}
	first, last := p.rest(from), p.rest(to-1)
	more := 0
	for more < len(first) && more < len(last) && first[more] == last[more] {
		more++
	}
	need := pageHead + p.common() + more
	for i := from; i < to; i++ {
		r, v := p.entry(i)
		need += entrySize(len(r)-more, len(v))
	}
	size := need + 2*(to-from) + room
	if size > 1<<16 {
		size += 2 * (to - from)
	}
	q := make(page, size)
	q[0] = pageFormat
	q.setCommon(p.common() + more)
	copy(q[pageHead:], p.prefix())
	copy(q[pageHead+p.common():], first[:more])
	q.setEnd(pageHead + p.common() + more)
	for i := from; i < to; i++ {
		r, v := p.entry(i)
		q.append(i-from, r[more:], v)
	}
	return q
}

// clone is a copy that a writer may change, with room for an entry of some bytes.
func (p page) clone(room int) page {
	if p.dead() > 0 {
		return p.packed(0, p.len(), room+pageRoom)
	}
	w, n := slotSize(len(p)), p.len()
	size := p.used() + room + pageRoom
	if slotSize(size) != w {
		return p.packed(0, n, room+pageRoom)
	}
	q := make(page, size)
	copy(q, p[:p.end()])
	copy(q[size-w*n:], p[len(p)-w*n:])
	return q
}

// sealed is the page as the store gets it: p itself, or, where much of that is
// free or said again and again, a copy without.
func (p page) sealed() page {
	slack := p.free() + p.dead()
	if n := p.len(); n > 1 {
		first, last := p.rest(0), p.rest(n-1)
		for i := 0; i < len(first) && i < len(last) && first[i] == last[i]; i++ {
			slack += n
		}
	}
	if slack <= len(p)/16 {
		return p
	}
	return p.packed(0, p.len(), 0)
}

// check tells whether bytes from the store can be a page.
func (p page) check() bool {
	return len(p) >= pageHead && p[0] == pageFormat && p.end() <= len(p)-slotSize(len(p))*p.len() && pageHead+p.common() <= p.end()
}
