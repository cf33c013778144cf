package operator

import (
	"encoding/binary"
	"slices"
)

// eachPage calls f with all pages of a space, in the order of the pages,
// from one on, of so many. Pages are numbered as the space's bits have them. Those that
// a cache has, where there is one, are not read, and may be newer.
func eachPage(r StateReader, prefix []byte, s pageSpace, cache *pageCache, from, n int, f func(p hashPage) error) error {
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
	return readPages(r, prefix, places, cache, nil, func(_ pagePlace, p hashPage, _ int) error { return f(p) })
}

func appendPageKey(dst, prefix []byte, at pagePlace, part int) []byte {
	dst = append(append(dst, prefix...), tagPages, at.bits)
	dst = binary.BigEndian.AppendUint32(dst, at.page)
	return binary.BigEndian.AppendUint16(dst, uint16(part))
}

// readPages calls f with those pages that are there, in the order given, and with
// how many parts each has in the store. Those that a cache has are not read, where
// there is one; those that are read it is given, where fill, if any, says so.
func readPages(r StateReader, prefix []byte, places []pagePlace, cache *pageCache, fill func(at pagePlace) bool, f func(at pagePlace, p hashPage, parts int) error) error {
	var buf, page []byte
	var missing []int
	var keys [][]byte
	for i, at := range places {
		if cache.has(at) {
			continue
		}
		from := len(buf)
		buf = appendPageKey(buf, prefix, at, 0)
		keys, missing = append(keys, buf[from:len(buf):len(buf)]), append(missing, i)
	}
	use := func(at pagePlace, value []byte) error {
		parts, n := binary.Uvarint(value)
		if n <= 0 || parts == 0 || parts > 1<<16-1 {
			return errKept
		}
		p, err := parsePage(value[n:])
		if err != nil {
			return err
		}
		return f(at, p, int(parts))
	}
	next, gone := 0, missing
	upTo := func(end int) error { // the pages before end were in the cache, or are nowhere
		for ; next < end; next++ {
			if len(gone) > 0 && gone[0] == next {
				gone = gone[1:]
				continue
			}
			at := places[next]
			var ok bool
			if page, ok = cache.get(at, page[:0]); !ok {
				// What was read since has taken its room.
				var err error
				if page, ok, err = readPage(r, prefix, at, nil, page[:0]); err != nil {
					return err
				}
				if !ok {
					continue
				}
			}
			if err := use(at, page); err != nil {
				return err
			}
		}
		return nil
	}
	err := r.getEach(keys, func(i int, value []byte) error {
		i = missing[i]
		if err := upTo(i); err != nil {
			return err
		}
		next, gone = next+1, gone[1:]
		at := places[i]
		value, ok, err := readPage(r, prefix, at, value, nil)
		if err != nil || !ok {
			return err
		}
		if fill != nil && fill(at) {
			cache.put(at, value)
		}
		return use(at, value)
	})
	if err != nil {
		return err
	}
	return upTo(len(places))
}

// readPage appends a page, of which first is the first part, nil where that is to be
// read too, with the number of its parts before it; where it has one part alone it is
// first.
func readPage(r StateReader, prefix []byte, at pagePlace, first, dst []byte) (value []byte, ok bool, err error) {
	if first == nil {
		if dst, ok, err = r.get(appendPageKey(nil, prefix, at, 0), dst); err != nil || !ok {
			return dst, false, err
		}
		first = dst
	}
	parts, n := binary.Uvarint(first)
	if n <= 0 || parts == 0 || parts > 1<<16-1 {
		return nil, false, errKept
	}
	if parts == 1 {
		return first, true, nil
	}
	value = slices.Clone(first)
	for part := 1; part < int(parts); part++ {
		more, ok, err := r.get(appendPageKey(nil, prefix, at, part), value)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			return nil, false, errKept
		}
		value = more
	}
	return value, true, nil
}
