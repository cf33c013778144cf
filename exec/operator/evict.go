package operator

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A table of groups that memory has no room for lies in three parts, and a group is
// what the first of them that has it says:
//
//   - the operator's own table, where rows find their groups. A group that a row
//     wants and that is not there is made, and given what the other parts have of it;
//   - the table of the generation before, which changes no more. When the own table
//     has grown to what it may hold it takes this one's place, and an empty one its
//     own, so that what is wanted often stays and what is not goes, without a list of
//     uses (two generations do as well as a clock: Johnson and Shasha, 2Q, 1994);
//   - pages in the store, by the hashes of keys. Meanwhile the generation before is
//     merged into them, page by page, by a goroutine of its own; what that has made
//     goes out with each epoch. When all is merged and committed the generation may go.
//     Pages that were made or read last are in memory too.
//
// A page in memory may be newer than the epoch that is committed. It differs from that
// one's in groups of the generation before alone, which are not looked for in pages.
//
// Both tables are stored as they are by each epoch, as one that is never evicted is,
// so that an epoch writes what it has changed and no more.

// Evictions is what an operator needs to hold less than all of its state.
type Evictions struct {
	// Read reads the operator's part of what its job has committed. The reader's
	// Snapshot is the caller's to close.
	Read func() StateReader
	// Crowded says that the end of the epoch is wanted soon: memory is short.
	Crowded func()
}

// Evicting is an operator that can hold less than all of its state in memory.
type Evicting interface {
	Kept
	// Evict is called after Keep, and before Restore.
	Evict(e Evictions)
	// Evicts reports whether the operator makes use of that.
	Evicts() bool
	// Committed says that what Save wrote last has been committed. It is called
	// before the following Save, and after Restore.
	Committed()
	// Evicted is how many groups the store has in pages.
	Evicted() int64
}

// Tags of what is stored of groups that are evicted, under their operator's prefix.
const (
	tagEvicted    = 'e' // how the parts lie
	tagGeneration = 'G' // the groups of a generation but the first, after its number
	tagPages      = 'h'
)

// hotPart is how much of its share an operator's own table may hold before it
// becomes the generation before, less hotLess of what pages hold in memory, which is
// at most cachePart of the share. Where the own table has hotFull of what it may hold
// the end of the epoch cannot wait; where it has hotUrgent, all that is to be merged is
// written at once, of which an epoch else writes a share's epochPart.
const (
	hotPart   = 0.4
	hotLess   = 1.0 / 3
	hotFull   = 1.5
	hotUrgent = 1.25
	cachePart = 0.6
	epochPart = 8
)

// generation is a table of groups that changes no more.
type generation struct {
	number uint32
	table  *table
	// save appends what a group has beside its key, and dead reports whether no row
	// is in it. Several goroutines may call them.
	save func(g int32, dst []byte) []byte
	dead func(g int32) bool
	// forget removes what is stored of it, close gives its memory back.
	forget func(w StateWriter)
	close  func()
	// gone reports of what a group in pages has beside its key that it is not there any
	// more: merging leaves it out. nil: all are there. size is about how many bytes a
	// group takes; 0: some of them say.
	gone  func(beside []byte) bool
	size  int64
	merge *merge // nil: all of it is in pages
	// settled: and those have been committed.
	settled bool
}

// pageSpace says which pages there are: 1<<bits, or, of the first merged of them,
// those that 1<<next have in their place.
type pageSpace struct {
	bits, next uint8
	merged     int
	groups     int64 // in all of them
	deltas     bool  // some of them may have deltas
}

// place is the page of a hash.
func (s pageSpace) place(h uint64) pagePlace {
	if p := pageOf(h, s.bits); p >= s.merged {
		return pagePlace{s.bits, uint32(p)}
	}
	return pagePlace{s.next, uint32(pageOf(h, s.next))}
}

// pagePlace is a page among 1<<bits.
type pagePlace struct {
	bits uint8
	page uint32
}

// evicted are the groups of an operator that are not in its own table.
type evicted struct {
	codec   *groupCodec
	prefix  []byte
	account *memory.Account
	from    Evictions
	of      *evictedTables // nil: the operator has one table
	own     uint32         // the number of the operator's own generation
	old     *generation
	now     pageSpace // as the epoch that is written has it
	known   pageSpace // as the committed epoch has it
	reader  StateReader
	open    bool // reader's snapshot
	changed bool // how the parts lie has to be stored
	unclean bool // pages have groups that are gone: they are to be merged soon
	// unmerged removes the generation before, where close came before it was merged;
	// nil: there is none.
	unmerged func(w StateWriter)
	filters  map[uint8]*pageFilter
	cache    *pageCache
	limbo    pageRange
	swept    sweeping

	found  foundKey
	keys   *vec.Batch // of the groups that are looked for
	ids    []int32
	sel    []int32
	other  []int32
	hashes []uint64
	wanted []wantedPage
	buf    []byte
	key    []byte
}

// pageRange are pages from from to to-1 of 1<<bits, or those that have come of them.
type pageRange struct {
	bits     uint8
	from, to int
}

func (r pageRange) has(at pagePlace) bool {
	if r.from == r.to {
		return false
	}
	if at.bits < r.bits {
		return true // for all that is known
	}
	p := int(at.page >> (at.bits - r.bits))
	return r.from <= p && p < r.to
}

// wantedPage is a page in which a row of keys is looked for.
type wantedPage struct {
	at  pagePlace
	row int32
}

func newEvicted(prefix []byte, ts []types.Type, account *memory.Account, from Evictions) *evicted {
	return &evicted{codec: newGroupCodec(ts), prefix: slices.Clone(prefix), account: account, from: from,
		keys: vec.NewBatch(ts), filters: map[uint8]*pageFilter{}, cache: newPageCache(account)}
}

// generationPrefix is where the groups of a generation are stored.
func generationPrefix(prefix []byte, number uint32) []byte {
	prefix = prefix[:len(prefix):len(prefix)]
	if number == 0 {
		return append(prefix, tagGroups)
	}
	return binary.BigEndian.AppendUint32(append(prefix, tagGeneration), number)
}

// some reports whether any group may be in the parts other than the own table.
func (e *evicted) some() bool { return e != nil && (e.old != nil || e.now.groups > 0) }

// fetch gives groups from to n-1, which are new in a table, what the other parts
// have of them: load is called with a group and what it has beside its key, and may
// not keep it.
func (e *evicted) fetch(keys []vec.Vec, from, n int, load func(g int32, beside []byte) error) error {
	if !e.some() {
		return nil
	}
	for ; from < n; from += vec.MaxRows {
		to := min(from+vec.MaxRows, n)
		e.keys.Reset()
		e.sel = e.sel[:0]
		for g := from; g < to; g++ {
			e.sel = append(e.sel, int32(g))
		}
		for i, k := range keys {
			vec.CopyRows(e.keys.Cols[i], k, e.sel)
		}
		e.keys.Rows = to - from
		if err := e.find(func(row int32, beside []byte) error { return load(int32(from)+row, beside) }); err != nil {
			return err
		}
	}
	return nil
}

// find calls f with those rows of keys that are a group, and what that has beside.
func (e *evicted) find(f func(row int32, beside []byte) error) error {
	n := e.keys.Rows
	e.other = e.other[:0]
	if e.old == nil {
		for row := range int32(n) {
			e.other = append(e.other, row)
		}
	} else {
		e.ids, e.sel = sized(e.ids, n), e.sel[:0]
		for row := range int32(n) {
			e.sel = append(e.sel, row)
		}
		e.old.table.lookup(e.keys.Cols, n, e.sel, e.ids)
		for row, g := range e.ids[:n] {
			if g < 0 {
				e.other = append(e.other, int32(row))
				continue
			}
			e.buf, e.found = e.old.save(g, e.buf[:0]), foundKey{cols: e.old.table.keys, row: int(g)}
			if err := f(int32(row), e.buf); err != nil {
				return err
			}
		}
	}
	if e.known.groups == 0 || len(e.other) == 0 {
		return nil
	}
	e.hashes = e.codec.hashes(e.keys.Cols, n, e.hashes)
	e.wanted = e.wanted[:0]
	for _, row := range e.other {
		h := e.hashes[row]
		at := e.known.place(h)
		if e.filters[at.bits].may(at.page, uint32(h)) {
			e.wanted = append(e.wanted, wantedPage{at, row})
		}
	}
	return e.findStored(f)
}

// findStored looks for the rows that are wanted in their pages.
func (e *evicted) findStored(f func(row int32, beside []byte) error) error {
	if len(e.wanted) == 0 {
		return nil
	}
	slices.SortFunc(e.wanted, func(a, b wantedPage) int {
		if a.at.bits != b.at.bits {
			return int(a.at.bits) - int(b.at.bits)
		}
		return int(int64(a.at.page) - int64(b.at.page))
	})
	var places []pagePlace
	for i, w := range e.wanted {
		if i == 0 || w.at != e.wanted[i-1].at {
			places = append(places, w.at)
		}
	}
	rest := e.wanted
	pages := e.pages(e.cache)
	pages.deltas, pages.fill = e.known.deltas, e.settled
	return pages.read(places, func(at pagePlace, p hashPage, _ pageLies) error {
		e.learn(at, p)
		for len(rest) > 0 && rest[0].at != at {
			rest = rest[1:] // of a page that is not there
		}
		for ; len(rest) > 0 && rest[0].at == at; rest = rest[1:] {
			row := rest[0].row
			e.key = e.codec.layout.Append(e.key[:0], e.keys.Cols, int(row))
			key, beside, ok, err := p.find(e.codec, e.hashes[row], e.key, e.keys.Cols, int(row))
			e.found = foundKey{stored: key}
			if err == nil && ok {
				err = f(row, beside)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// pages reads pages as the committed epoch has them, or, of a cache, newer ones.
func (e *evicted) pages(cache *pageCache) pageReader {
	return pageReader{r: e.reader, prefix: e.prefix, codec: e.codec, cache: cache}
}

// settled reports whether the store has a page as it will be when the epoch that is
// written is committed.
func (e *evicted) settled(at pagePlace) bool { return !e.limbo.has(at) }

// threshold is how many bytes the own table may hold.
func (e *evicted) threshold() int64 {
	return int64(hotPart*float64(e.account.Share()) - hotLess*float64(e.cache.held()))
}

// crowded asks for the end of the epoch where the own table holds far too much.
func (e *evicted) crowded(held int64) {
	if e != nil && e.from.Crowded != nil && held > 1<<20 && float64(held) > hotFull*float64(e.threshold()) {
		e.from.Crowded()
	}
}

// save writes what of the other parts has changed; held is what the own table of so
// many groups holds. It reports whether the own table is to become the generation
// before.
func (e *evicted) save(w StateWriter, held int64, groups int) (full bool, err error) {
	if e.old != nil && e.old.settled && e.account.Crowded() {
		e.old.close() // it is a cache, and no more
		e.old = nil
	}
	e.cache.limit(int64(cachePart * float64(e.account.Share())))
	most := e.threshold()
	if e.old != nil && e.old.merge != nil {
		// What is merged keeps ahead of what the own table has grown to, so that
		// nobody waits when that is full.
		part := 1.0
		if held < most {
			part = 1.25 * float64(held) / float64(most)
		}
		if err := e.take(w, part, epochPages(e.account.Share(), held, most)); err != nil {
			return false, err
		}
	}
	full = (held >= most || e.unclean) && groups > 0 && (e.old == nil || e.old.settled)
	if full {
		e.changed = true
	}
	return full, nil
}

// epochPages is how many bytes of pages an epoch writes before it ends, though what is
// merged is behind then: they lie in memory until the epoch is committed. Where the own
// tables hold far more than the most they may, nothing bounds it.
func epochPages(share, held, most int64) int {
	if float64(held) > hotUrgent*float64(most) {
		return math.MaxInt
	}
	return int(max(share/epochPart, 2*mergeAhead))
}

// take writes pages that have been merged: at least the part given of all, or about
// so many bytes.
func (e *evicted) take(w StateWriter, part float64, bytes int) error {
	if w.Whole {
		part, bytes = 1, math.MaxInt
	}
	merged, more, err := e.old.merge.take(part, bytes, func(p pageWrite) { e.write(w, p) })
	if err != nil {
		return fmt.Errorf("merging evicted groups: %w", err)
	}
	e.now.groups += more
	if merged > e.now.merged {
		if e.limbo.from == e.limbo.to {
			e.limbo = pageRange{bits: e.now.bits, from: e.now.merged}
		}
		e.limbo.to = merged
		e.now.merged, e.changed = merged, true
	}
	if merged < 1<<e.now.bits {
		return nil
	}
	e.endMerge()
	e.changed = true
	if e.now.next != e.now.bits {
		e.now.deltas = false // all pages were written whole
	}
	e.now.bits, e.now.merged = e.now.next, 0
	e.old.forget(w)
	return nil
}

// write writes one page that has been merged.
func (e *evicted) write(w StateWriter, p pageWrite) {
	// The epoch that is committed may have groups in the page that this one has not: those
	// of the generation before, which are not looked for in pages.
	if p.filter != nil {
		e.filters[p.at.bits].set(p.at.page, p.filter)
	}
	if p.value != nil {
		e.cache.put(p.at, p.value)
	} else {
		e.cache.drop(p.at)
	}
	if p.delta != nil {
		w.Set(appendPageKey(e.key[:0], e.prefix, p.at, deltaPart+p.lies.deltas), p.delta)
		e.changed, e.now.deltas = e.changed || !e.now.deltas, true
		return
	}
	n := 0
	for rest := p.value; len(rest) > 0; n++ {
		part := rest[:min(len(rest), pageParts)]
		e.key = appendPageKey(e.key[:0], e.prefix, p.at, n)
		w.Set(e.key, part)
		rest = rest[len(part):]
	}
	for ; n < p.lies.parts; n++ {
		w.Delete(appendPageKey(e.key[:0], e.prefix, p.at, n))
	}
	for n := range p.lies.deltas {
		w.Delete(appendPageKey(e.key[:0], e.prefix, p.at, deltaPart+n))
	}
}

// replace has the own table's groups become the generation before, and numbers the
// own generation anew.
func (e *evicted) replace(g *generation) {
	if e.old != nil {
		e.old.close()
	}
	g.number = e.own
	e.own++
	e.old = g
	e.begin()
	e.changed = true
}

// begin has the generation before be merged.
func (e *evicted) begin() {
	if e.now.merged == 0 {
		n, size := e.now.groups+int64(e.old.table.Len()), e.old.size
		if size == 0 {
			size = e.sampled()
		}
		e.now.next = max(e.now.bits, bitsFor(max(n, n*size*groupsPerPage/pageBytes)))
		if e.now.groups == 0 {
			e.now.bits = e.now.next // there is no page yet
		}
	}
	if e.filters[e.now.next] == nil {
		e.makeFilter(e.now.next, e.now.groups+int64(e.old.table.Len()))
	}
	e.old.merge = startMerge(e)
}

// sampleGroups is of how many groups it is seen how large one is.
const sampleGroups = 64

// sampled is about how many bytes a group of the generation before takes.
func (e *evicted) sampled() int64 {
	n, bytes, some := e.old.table.Len(), 0, 0
	for g := 0; g < n; g += max(n/sampleGroups, 1) {
		e.key = e.codec.layout.Append(e.key[:0], e.old.table.keys, g)
		e.buf = e.old.save(int32(g), e.buf[:0])
		bytes, some = bytes+len(e.key)+len(e.buf), some+1
	}
	return int64(bytes / max(some, 1))
}

// put stores how the parts lie.
func (e *evicted) put(w StateWriter) {
	if !e.changed {
		return
	}
	e.changed = false
	old := int64(-1)
	if e.old != nil && e.old.merge != nil {
		old = int64(e.old.number)
	}
	version := byte(1)
	if e.now.deltas {
		version = 2
	}
	b := binary.AppendUvarint([]byte{version}, uint64(e.own))
	b = append(binary.AppendVarint(b, old), e.now.bits, e.now.next)
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(e.now.merged)), uint64(e.now.groups))
	w.Set(append(slices.Clone(e.prefix), tagEvicted), b)
}

// parts is how the parts of evicted groups lie in a store.
type parts struct {
	own   uint32
	old   int64 // the generation that is not merged; -1: none
	space pageSpace
}

// readParts reads how the parts lie; false: nothing was ever evicted.
func readParts(r StateReader, prefix []byte) (p parts, ok bool, err error) {
	p.old = -1
	key := append(slices.Clone(prefix), tagEvicted)
	err = r.Scan(key, func(_, b []byte) error {
		if len(b) == 0 || b[0] != 1 && b[0] != 2 {
			return errKept
		}
		ok, p.space.deltas = true, b[0] == 2
		own, n := binary.Uvarint(b[1:])
		b = b[1+max(n, 0):]
		old, m := binary.Varint(b)
		if b = b[max(m, 0):]; n <= 0 || m <= 0 || len(b) < 2 {
			return errKept
		}
		p.own, p.old, p.space.bits, p.space.next = uint32(own), old, b[0], b[1]
		merged, n := binary.Uvarint(b[2:])
		groups, m := binary.Uvarint(b[2+max(n, 0):])
		if n <= 0 || m <= 0 || p.space.bits > mostBits || p.space.next > mostBits || merged > 1<<p.space.bits {
			return errKept
		}
		p.space.merged, p.space.groups = int(merged), int64(groups)
		return nil
	})
	return p, ok, err
}

// partsOf is readParts for an operator that restores: what a share has of a task that
// evicted nothing is a first generation, as the operator's own may be a later one by now.
func (e *evicted) partsOf(r StateReader, prefix []byte) (p parts, ok bool, err error) {
	p, ok, err = readParts(r, prefix)
	return p, ok || e != nil && r.Share != nil, err
}

// stored is how many groups are in pages.
func (e *evicted) stored() int64 {
	if e == nil {
		return 0
	}
	return e.known.groups
}

// committed looks at the store as the last epoch has it.
func (e *evicted) committed() {
	if e == nil {
		return
	}
	if e.old != nil && e.old.merge == nil {
		e.old.settled = true
		if e.of != nil {
			e.old.close()
			e.old = nil
		}
	}
	e.closeReader()
	e.known, e.limbo = e.now, pageRange{}
	e.dropFilters(e.known.bits, e.known.next)
	e.cache.only(e.known.bits, e.known.next)
	if e.known.groups > 0 && e.of == nil {
		e.reader, e.open = e.from.Read(), true
	}
}

func (e *evicted) closeReader() {
	if e.open {
		e.reader.Snapshot.Close()
		e.open = false
	}
}

// close ends what runs, and gives all memory back.
func (e *evicted) close() {
	if e == nil {
		return
	}
	e.closeReader()
	if e.old != nil {
		if e.old.merge != nil {
			e.unmerged = e.old.forget
		}
		e.endMerge()
		e.old.close()
		e.old = nil
	}
	e.cache.close()
	for b, f := range e.filters {
		e.account.Release(f.bytes())
		delete(e.filters, b)
	}
}

// endMerge ends the merging of the generation before, where it is being merged.
func (e *evicted) endMerge() {
	if m := e.old.merge; m != nil {
		m.close()
		e.account.Release(m.held)
		e.old.merge = nil
	}
}
