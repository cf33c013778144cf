package operator

import (
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// eachPage calls f with all pages of a space, in the order of the pages,
// from one on, of so many. Pages are numbered as the space's bits have them. Those that
// a cache has, where there is one, are not read, and may be newer.
func eachPage(r pageReader, s pageSpace, from, n int, f func(p hashPage) error) error {
	var places []pagePlace
	for p := from; p < min(from+n, 1<<s.bits); p++ {
		if p >= s.merged {
			places = append(places, pagePlace{s.bits, uint32(p)})
			continue
		}
		for q := range 1 << (s.next - s.bits) {
			places = append(places, pagePlace{s.next, uint32(p<<(s.next-s.bits) + q)})
		}
	}
	r.deltas = s.deltas
	return r.read(places, func(_ pagePlace, p hashPage, _ pageLies) error { return f(p) })
}

func appendPageKey(dst, prefix []byte, at pagePlace, part int) []byte {
	dst = append(append(dst, prefix...), tagPages, at.bits)
	dst = binary.BigEndian.AppendUint32(dst, at.page)
	return binary.BigEndian.AppendUint16(dst, uint16(part))
}

// missing notes those keys of a batch's rows that are not in a table, for bringMissing;
// false: all are. ids is room for as many as the batch has rows.
func (e *evicted) missing(own *table, keys []vec.Vec, n int, rows, ids []int32) bool {
	own.lookup(keys, n, rows, ids)
	e.sel = e.sel[:0]
	for _, r := range rows {
		if ids[r] < 0 {
			e.sel = append(e.sel, r)
		}
	}
	if len(e.sel) == 0 {
		return false
	}
	e.keys.Reset()
	for i, c := range keys {
		vec.CopyRows(e.keys.Cols[i], c, e.sel)
	}
	e.keys.Rows = len(e.sel)
	return true
}

// bringMissing makes those keys groups of the table that are elsewhere: load is called
// with the group and what it has beside its key, and may not keep it.
func (e *evicted) bringMissing(own *table, load func(g int32, beside []byte) error) error {
	one, ids := []int32{0}, make([]int32, e.keys.Rows)
	return e.find(func(row int32, beside []byte) error {
		if some, err := own.addKey(e.keys, row, one, ids); err != nil || !some {
			return err
		}
		return load(ids[row], beside)
	})
}

// pageReader reads pages of evicted groups. Those that a cache has are not read, where
// there is one; those that are read it is given, where fill, if any, says so.
type pageReader struct {
	r      StateReader
	prefix []byte
	codec  *groupCodec
	deltas bool // pages may have some
	cache  *pageCache
	fill   func(at pagePlace) bool

	places []pagePlace
	f      func(at pagePlace, p hashPage, lies pageLies) error
	next   int   // of places: those before have been looked for
	gone   []int // of places: what is to be read, and has not been
	page   []byte
	merger deltaMerger
	// The page that is being read: base has its head, at is its place; -1: none is.
	at   int
	base []byte
	more [][]byte
}

// storedPart is a stored value: a page's first part, or a delta of it.
type storedPart struct{ place, part int }

// read calls f with those pages that are there, in the order given, and with what each
// lies in in the store.
func (r *pageReader) read(places []pagePlace, f func(at pagePlace, p hashPage, lies pageLies) error) error {
	r.places, r.f, r.next, r.at, r.gone, r.merger.codec = places, f, 0, -1, nil, r.codec
	var buf []byte
	var keys [][]byte
	var parts []storedPart
	add := func(place, part int) {
		from := len(buf)
		buf = appendPageKey(buf, r.prefix, places[place], part)
		keys, parts = append(keys, buf[from:len(buf):len(buf)]), append(parts, storedPart{place, part})
	}
	for i, at := range places {
		if r.cache.has(at) {
			continue
		}
		r.gone = append(r.gone, i)
		add(i, 0)
		for d := 0; r.deltas && d < mostDeltas; d++ {
			add(i, deltaPart+d)
		}
	}
	after := func(i int) bool { return parts[i].part > deltaPart }
	err := r.r.getEach(keys, after, func(i int, value []byte) error { return r.found(parts[i], value) })
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return err
	}
	return r.upTo(len(places))
}

// found takes a stored value, which is needed until it returns.
func (r *pageReader) found(p storedPart, value []byte) error {
	if p.part >= deltaPart {
		if r.at != p.place {
			return errKept
		}
		r.more = append(r.more, slices.Clone(value))
		return nil
	}
	if err := r.end(); err != nil {
		return err
	}
	if err := r.upTo(p.place); err != nil {
		return err
	}
	r.next, r.gone = r.next+1, r.gone[1:]
	var err error
	r.at, r.more = p.place, r.more[:0]
	r.base, err = r.parts(r.places[p.place], append(r.base[:0], value...))
	return err
}

// end passes on the page that has been read.
func (r *pageReader) end() error {
	if r.at < 0 {
		return nil
	}
	at := r.places[r.at]
	r.at = -1
	value, err := r.whole(r.base, r.more)
	if err != nil {
		return err
	}
	if r.fill != nil && r.fill(at) {
		r.cache.put(at, value)
	}
	return r.use(at, value)
}

func (r *pageReader) use(at pagePlace, value []byte) error {
	lies, page, err := takePageHead(value)
	if err != nil {
		return err
	}
	p, err := parsePage(page)
	if err != nil {
		return err
	}
	return r.f(at, p, lies)
}

// upTo passes on the pages before end, which were in the cache, or are nowhere.
func (r *pageReader) upTo(end int) error {
	for ; r.next < end; r.next++ {
		if len(r.gone) > 0 && r.gone[0] == r.next {
			r.gone = r.gone[1:]
			continue
		}
		at := r.places[r.next]
		var ok bool
		if r.page, ok = r.cache.get(at, r.page[:0]); !ok {
			// What was read since has taken its room.
			var err error
			if r.page, ok, err = r.one(at, r.page[:0]); err != nil {
				return err
			}
			if !ok {
				continue
			}
		}
		if err := r.use(at, r.page); err != nil {
			return err
		}
	}
	return nil
}

// one reads one page by itself, into dst; false: it is not there.
func (r *pageReader) one(at pagePlace, dst []byte) (value []byte, ok bool, err error) {
	if dst, ok, err = r.r.get(appendPageKey(nil, r.prefix, at, 0), dst); err != nil || !ok {
		return dst, false, err
	}
	if dst, err = r.parts(at, dst); err != nil {
		return dst, false, err
	}
	var deltas [][]byte
	for d := 0; r.deltas && d < mostDeltas; d++ {
		delta, ok, err := r.r.get(appendPageKey(nil, r.prefix, at, deltaPart+d), nil)
		if err != nil {
			return dst, false, err
		}
		if !ok {
			break
		}
		deltas = append(deltas, delta)
	}
	value, err = r.whole(dst, deltas)
	return value, err == nil, err
}

// parts appends to a page's first part, which begins with how many there are, the others.
func (r *pageReader) parts(at pagePlace, value []byte) ([]byte, error) {
	lies, _, err := takePageHead(value)
	if err != nil {
		return value, err
	}
	for part := 1; part < lies.parts; part++ {
		var ok bool
		if value, ok, err = r.r.get(appendPageKey(nil, r.prefix, at, part), value); err != nil {
			return value, err
		}
		if !ok {
			return value, errKept
		}
	}
	return value, nil
}

// whole is a page with its deltas, after its head.
func (r *pageReader) whole(value []byte, deltas [][]byte) ([]byte, error) {
	if len(deltas) == 0 {
		return value, nil
	}
	lies, page, err := takePageHead(value)
	if err != nil {
		return nil, err
	}
	if page, err = r.merger.merge(page, deltas); err != nil {
		return nil, err
	}
	lies.deltas = len(deltas)
	return slices.Concat(lies.head(), page), nil
}
