package operator

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// mergeAhead is how many bytes of merged pages wait for who writes them.
const mergeAhead = 8 << 20

// mergeChunk is how many pages are merged at a time.
const mergeChunk = 16

// pageWrite is a page that has been made anew, as it is held in memory; value nil: it is
// no more. It has more groups than it had. What it lies in in the store is replaced, or,
// where there is a delta, has that come to it. filter is of its groups; nil: it has been
// split.
type pageWrite struct {
	at     pagePlace
	value  []byte
	delta  []byte
	filter []uint64
	lies   pageLies
	more   int
}

// size is how many bytes are written of it.
func (p pageWrite) size() int {
	if p.delta != nil {
		return len(p.delta)
	}
	return len(p.value)
}

// merge puts the groups of a generation into pages, in a goroutine of its own, which
// reads the generation and the pages that it has not come to.
type merge struct {
	gen    *generation
	codec  *groupCodec
	prefix []byte
	read   func() StateReader
	cache  *pageCache
	space  pageSpace
	first  bool // there is no page yet
	width  int  // of the filter of a page in the making
	done   chan struct{}
	held   int64

	// For a page in the making; the goroutine's.
	had, some, newer, records []record
	data                      recordBytes
	row, whole, buf, packed   []byte
	keys                      *vec.Batch
	hashes                    []uint64

	mu     sync.Mutex
	moved  sync.Cond // what follows has changed
	ready  []pageWrite
	bytes  int
	merged int   // pages as the space's bits number them
	more   int64 // groups that are in pages now and were not
	ended  bool  // the goroutine is to end
	err    error
}

// startMerge begins to merge the generation before.
func startMerge(e *evicted) *merge {
	m := &merge{gen: e.old, codec: e.codec.again(), prefix: e.prefix, read: e.from.Read, cache: e.cache, space: e.now, merged: e.now.merged,
		first: e.now.groups == 0 && e.now.merged == 0, width: e.filters[e.now.next].width, done: make(chan struct{})}
	m.moved.L = &m.mu
	m.held = int64(e.old.table.Len())*12 + 8<<e.now.next
	e.account.Force(m.held)
	go func() {
		defer close(m.done)
		err := m.run()
		m.mu.Lock()
		m.err = err
		m.moved.Broadcast()
		m.mu.Unlock()
	}()
	return m
}

// close ends the goroutine and waits for it.
func (m *merge) close() {
	m.mu.Lock()
	m.ended = true
	m.moved.Broadcast()
	m.mu.Unlock()
	<-m.done
}

// take gives write the pages that have been made since it was last called, and more as
// they are made, until merging has come to the part given of all or write has had so many
// bytes. It returns how far merging has come, and by how many groups the pages that were
// written hold more than before.
func (m *merge) take(part float64, most int, write func(p pageWrite)) (merged int, more int64, err error) {
	all := 1 << m.space.bits
	target := min(int(part*float64(all)+0.999), all)
	for bytes := 0; ; {
		writes, merged, grown, err := m.made(target)
		if err != nil {
			return 0, 0, err
		}
		more += grown
		for _, p := range writes {
			bytes += p.size()
			write(p)
		}
		if merged >= target || bytes >= most {
			return merged, more, nil
		}
	}
}

// made takes the pages that wait. Where there are none and merging has not come to
// target, it waits for some.
func (m *merge) made(target int) (writes []pageWrite, merged int, more int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.ready) == 0 && m.merged < target && m.err == nil {
		m.moved.Wait()
	}
	if m.err != nil {
		return nil, 0, 0, m.err
	}
	writes, more, m.ready, m.more, m.bytes = m.ready, m.more, nil, 0, 0
	m.moved.Broadcast()
	return writes, m.merged, more, nil
}

// offer gives what has been made to who takes it next, and waits for room; false:
// merging is to end.
func (m *merge) offer(writes []pageWrite, merged int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range writes {
		m.bytes += len(w.value) + len(w.delta)
		m.more += int64(w.more)
	}
	m.ready, m.merged = append(m.ready, writes...), merged
	m.moved.Broadcast()
	for m.bytes > mergeAhead && !m.ended && merged < 1<<m.space.bits {
		m.moved.Wait()
	}
	return !m.ended
}

// groupOrder are the groups of a generation by the pages that they come into.
type groupOrder struct {
	groups []int32
	hashes []uint64 // of each group
	starts []int32  // of each page's groups
}

// of are the groups of a page.
func (o *groupOrder) of(page int) []int32 {
	if o == nil {
		return nil
	}
	return o.groups[o.starts[page]:o.starts[page+1]]
}

// orderGroups puts the groups of a table in order, by so many bits of their hashes.
func orderGroups(codec *groupCodec, t *table, bits uint8) *groupOrder {
	n := t.Len()
	o := &groupOrder{hashes: codec.hashes(t.keys, n, nil), groups: make([]int32, n), starts: make([]int32, 1<<bits+1)}
	for _, h := range o.hashes[:n] {
		o.starts[pageOf(h, bits)+1]++
	}
	for p := range 1 << bits {
		o.starts[p+1] += o.starts[p]
	}
	at := slices.Clone(o.starts)
	for g, h := range o.hashes[:n] {
		p := pageOf(h, bits)
		o.groups[at[p]] = int32(g)
		at[p]++
	}
	return o
}

func (m *merge) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	o := orderGroups(m.codec, m.gen.table, m.space.next)
	for p, all := m.space.merged, 1<<m.space.bits; p < all; {
		to := min(p+mergeChunk, all)
		writes, err := m.pages(o, p, to)
		if err != nil {
			return err
		}
		if p = to; !m.offer(writes, p) {
			return nil
		}
	}
	return nil
}

// pages makes pages from to to-1 anew.
func (m *merge) pages(o *groupOrder, from, to int) ([]pageWrite, error) {
	d := m.space.next - m.space.bits
	var writes []pageWrite
	var places []pagePlace
	children := func(p int) (int, int) { return p << d, (p + 1) << d }
	wanted := func(p int) bool { return d > 0 || m.gen.gone != nil || o.starts[p] < o.starts[p+1] }
	if !m.first {
		for p := from; p < to; p++ {
			if wanted(p) {
				places = append(places, pagePlace{m.space.bits, uint32(p)})
			}
		}
	}
	p := from
	upTo := func(end int) error { // pages before end are not there, or as they were
		for ; p < end; p++ {
			if !m.first && !wanted(p) {
				continue // it was not looked for
			}
			a, z := children(p)
			for q := a; q < z; q++ {
				if err := m.page(o, q, nil, pageLies{}, false, &writes); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if len(places) > 0 {
		r := m.read()
		defer r.Snapshot.Close()
		stored := pageReader{r: r, prefix: m.prefix, codec: m.codec, deltas: m.space.deltas, cache: m.cache}
		err := stored.read(places, func(at pagePlace, old hashPage, lies pageLies) error {
			if err := upTo(int(at.page)); err != nil {
				return err
			}
			p++
			return m.split(o, int(at.page), old, lies, &writes)
		})
		if err != nil {
			return nil, err
		}
	}
	return writes, upTo(to)
}

// split puts the records of a page, and the groups that come into it, into the pages
// that it becomes.
func (m *merge) split(o *groupOrder, p int, old hashPage, lies pageLies, writes *[]pageWrite) error {
	if err := m.note(&old); err != nil {
		return err
	}
	d, gone := m.space.next-m.space.bits, old.n-len(m.had)
	if d == 0 {
		if m.gen.gone != nil && gone == 0 && o.starts[p] == o.starts[p+1] {
			return nil // it was looked at for groups that are gone
		}
		err := m.page(o, p, m.had, lies, gone == 0 && old.packed, writes)
		if err == nil {
			(*writes)[len(*writes)-1].more -= gone
		}
		return err
	}
	if err := m.hash(m.had); err != nil {
		return err
	}
	*writes = append(*writes, pageWrite{at: pagePlace{m.space.bits, uint32(p)}, lies: lies, more: -gone})
	for q := p << d; q < (p+1)<<d; q++ {
		m.some = m.some[:0]
		for i, r := range m.had {
			if pageOf(m.hashes[i], m.space.next) == q {
				m.some = append(m.some, r)
			}
		}
		if err := m.page(o, q, m.some, pageLies{}, false, writes); err != nil {
			return err
		}
	}
	return nil
}

// note notes the records of a page that was, but for those that are gone.
func (m *merge) note(old *hashPage) error {
	m.had, m.data.old, m.packed = m.had[:0], old.records, m.packed[:0]
	for i := range old.n {
		data, err := old.record(i)
		if err != nil {
			return err
		}
		if m.gen.gone != nil {
			_, beside, err := old.group(m.codec, i)
			if err != nil {
				return err
			}
			if m.gen.gone(beside) {
				continue
			}
		}
		to := uint32(old.end(i))
		r := record{hash: old.hash(i), from: to - uint32(len(data)), to: to}
		if !old.packed {
			r.from = uint32(len(m.packed))
			m.packed = appendPacked(m.packed, data)
			r.to = uint32(len(m.packed))
		}
		m.had = append(m.had, r)
	}
	if !old.packed {
		m.data.old = m.packed
	}
	return nil
}

// hash takes the hashes of records that a page had.
func (m *merge) hash(records []record) error {
	if m.keys == nil {
		m.keys = vec.NewBatch(m.codec.types)
	}
	m.keys.Reset()
	for _, r := range records {
		key, _, err := m.codec.unpack(0, m.data.of(r))
		if err == nil {
			err = m.codec.reader.Read(key, m.keys.Cols)
		}
		if err != nil {
			return err
		}
	}
	m.hashes = m.codec.hashes(m.keys.Cols, len(records), m.hashes)
	return nil
}

// page makes one page of the records that it had and the groups that come into it.
// grows: of what it had all is there still, so that a delta may say what is new.
func (m *merge) page(o *groupOrder, q int, old []record, lies pageLies, grows bool, writes *[]pageWrite) error {
	groups := o.of(q)
	newer, data := sized(m.newer, len(groups)), m.data.newer[:0]
	for i, g := range groups {
		m.row = m.codec.layout.Append(m.row[:0], m.gen.table.keys, int(g))
		m.whole = append(binary.AppendUvarint(m.whole[:0], uint64(len(m.row))), m.row...)
		m.whole = m.gen.save(g, m.whole)
		from := uint32(len(data))
		data = appendPacked(data, m.whole)
		newer[i] = record{hash: uint32(o.hashes[g]), from: from, to: uint32(len(data)), newer: true, dead: m.gen.dead(g)}
	}
	m.newer, m.data.newer = newer, data
	slices.SortFunc(newer, func(a, b record) int { return int(int64(a.hash) - int64(b.hash)) })
	merged, err := m.codec.merge(m.records[:0], old, newer, &m.data)
	if err != nil {
		return err
	}
	m.records = merged
	at := pagePlace{m.space.next, uint32(q)}
	write := pageWrite{at: at, filter: make([]uint64, m.width), lies: lies, more: len(merged) - len(old)}
	for _, r := range merged {
		addToFilter(write.filter, r.hash)
	}
	if len(merged) == 0 {
		*writes = append(*writes, write)
		return nil
	}
	m.buf = appendPage(m.buf[:0], merged, &m.data)
	if grows && lies.mayGrow(at) {
		write.delta = deltaOf(m.buf, newer, &m.data, lies.deltas)
	}
	if write.delta != nil {
		write.value = slices.Concat(lies.grown().head(), m.buf)
	} else if write.value, err = storedPage(m.buf); err != nil {
		return err
	}
	*writes = append(*writes, write)
	return nil
}

// filterWords is how many words of a filter a page of groupsPerPage has: eight bits for
// each group.
const filterWords = groupsPerPage * 8 / 64

// pageFilter tells of most groups that they are not in their page, without reading
// it: three bits of a page's words for each of its groups (Bloom, 1970).
type pageFilter struct {
	width int // words of a page
	words []uint64
	known []uint64 // pages of which the words say all
}

// newPageFilter is one of 1<<b pages, which have so many groups, or up to twice as many.
func newPageFilter(b uint8, groups int64) *pageFilter {
	n := 1 << b
	width := max(filterWords>>(max(b, bitsFor(groups))-bitsFor(groups)), 1)
	return &pageFilter{width: width, words: make([]uint64, n*width), known: make([]uint64, (n+63)/64)}
}

func (f *pageFilter) bytes() int64 { return 8 * int64(len(f.words)+len(f.known)) }

// set notes all groups of a page.
func (f *pageFilter) set(page uint32, words []uint64) {
	copy(f.of(page), words)
	f.known[page/64] |= 1 << (page % 64)
}

func (f *pageFilter) of(page uint32) []uint64 {
	return f.words[int(page)*f.width : int(page+1)*f.width]
}

// filterBits is how many bits of a filter a group has.
const filterBits = 3

// nextBit is a hash for the next bit of one whose lowest bits said the last. A page has
// up to eleven bits' worth of them, of which a hash has not three times as many.
func nextBit(h uint32) uint32 { return bits.RotateLeft32(h*0x9e3779b1, 11) }

func addToFilter(words []uint64, h uint32) {
	n := uint32(len(words)) * 64
	for range filterBits {
		bit := h % n
		words[bit/64] |= 1 << (bit % 64)
		h = nextBit(h)
	}
}

// may reports whether a page may have a record of a hash. A nil filter knows nothing.
func (f *pageFilter) may(page uint32, h uint32) bool {
	if f == nil || f.known[page/64]&(1<<(page%64)) == 0 {
		return true
	}
	words := f.of(page)
	n := uint32(len(words)) * 64
	for range filterBits {
		bit := h % n
		if words[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
		h = nextBit(h)
	}
	return true
}

// makeFilter makes the filter of 1<<b pages, which have so many groups.
func (e *evicted) makeFilter(b uint8, groups int64) *pageFilter {
	f := newPageFilter(b, groups)
	e.filters[b] = f
	e.account.Force(f.bytes())
	return f
}

// dropFilters drops the filters of all numbers of pages but two.
func (e *evicted) dropFilters(a, b uint8) {
	maps.DeleteFunc(e.filters, func(bits uint8, f *pageFilter) bool {
		if bits == a || bits == b {
			return false
		}
		e.account.Release(f.bytes())
		return true
	})
}

// learn notes what a page that was read holds.
func (e *evicted) learn(at pagePlace, p hashPage) {
	f := e.filters[at.bits]
	if f == nil {
		if at.bits != e.known.bits || e.old != nil && e.old.merge != nil {
			return // a merge makes one
		}
		f = e.makeFilter(at.bits, e.known.groups)
	}
	if f.known[at.page/64]&(1<<(at.page%64)) != 0 {
		return
	}
	words := f.of(at.page)
	clear(words)
	for i := range p.n {
		addToFilter(words, p.hash(i))
	}
	f.known[at.page/64] |= 1 << (at.page % 64)
}
