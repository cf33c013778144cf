package operator

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A page of evicted groups lies in the store whole, and as some deltas to it: pages that
// hold the groups alone which have changed or died since. Groups whose keys come in no
// order change a few of each page's with every generation; to write those, and the page
// anew only now and then, is a third of the writing (a log-structured merge of a page, as
// the Bw-tree's delta records: Levandoski, Lomet and Sengupta, 2013). Whoever reads a
// page from the store reads its deltas too; in memory it is whole.

const (
	// mostDeltas bounds the deltas of a page, leastDeltas is how many each may have.
	// Pages differ, so that not all of them are written anew at the same time.
	mostDeltas  = 10
	leastDeltas = 5
	// deltaShare is which part of its page a delta may be. All deltas of a page are about as
	// large as it is, at most.
	deltaShare = 4
	// deltaPart is the number of the first delta, among the parts of a page.
	deltaPart = 1 << 15
)

// pageLies is what a page lies in in the store; none: it is not there.
type pageLies struct{ parts, deltas int }

// head is what stands before a page in memory, and, without deltas, in the store.
func (l pageLies) head() []byte {
	return binary.AppendUvarint(nil, uint64(l.parts)|uint64(l.deltas)<<16)
}

// takePageHead takes the head off a page.
func takePageHead(value []byte) (l pageLies, page []byte, err error) {
	head, n := binary.Uvarint(value)
	l = pageLies{parts: int(head & (1<<16 - 1)), deltas: int(head >> 16)}
	if n <= 0 || l.parts == 0 || l.parts >= deltaPart || l.deltas > mostDeltas {
		return l, nil, errKept
	}
	return l, value[n:], nil
}

// mayGrow reports whether a page may have one more delta.
func (l pageLies) mayGrow(at pagePlace) bool {
	return l.parts > 0 && l.deltas < leastDeltas+int(at.page)%(mostDeltas-leastDeltas+1)
}

func (l pageLies) grown() pageLies { return pageLies{l.parts, l.deltas + 1} }

// deltaOf is the delta of the records that are newer in a page, after so many others; nil:
// the page had better be written whole.
func deltaOf(page []byte, newer []record, data *recordBytes, others int) []byte {
	size := 0
	for _, r := range newer {
		size += int(r.to-r.from) + 6
	}
	if size > len(page)/deltaShare || size*(others+1) > len(page) || size > pageParts/2 {
		return nil
	}
	return appendPage(make([]byte, 0, size+16), newer, data)
}

// storedPage puts the number of its parts before a page.
func storedPage(page []byte) ([]byte, error) {
	for l := (pageLies{parts: 1}); ; {
		head := l.head()
		need := (len(head) + len(page) + pageParts - 1) / pageParts
		if need <= l.parts {
			return slices.Concat(head, page), nil
		}
		if l.parts = need; l.parts >= deltaPart {
			return nil, fmt.Errorf("storing %d bytes of one page of state: that is too much", len(page))
		}
	}
}

// notes notes the records of a page, whose stored forms are its own.
func (p *hashPage) notes(dst []record, newer bool) ([]record, error) {
	from := 0
	for i := range p.n {
		to := p.end(i)
		if from > to || to > len(p.records) {
			return dst, errKept
		}
		dst = append(dst, record{hash: p.hash(i), from: uint32(from), to: uint32(to), newer: newer, dead: p.dead(i)})
		from = to
	}
	return dst, nil
}

// deltaMerger puts deltas into pages.
type deltaMerger struct {
	codec             *groupCodec
	old, newer, whole []record
	bufs              [2][]byte
}

// merge is a page with its deltas, the oldest first, until the next call.
func (m *deltaMerger) merge(page []byte, deltas [][]byte) ([]byte, error) {
	for i, d := range deltas {
		p, err := parsePage(page)
		if err != nil {
			return nil, err
		}
		q, err := parsePage(d)
		if err != nil {
			return nil, err
		}
		if !p.packed || !q.packed {
			return nil, errKept
		}
		if m.old, err = p.notes(m.old[:0], false); err != nil {
			return nil, err
		}
		if m.newer, err = q.notes(m.newer[:0], true); err != nil {
			return nil, err
		}
		data := recordBytes{old: p.records, newer: q.records}
		if m.whole, err = m.codec.merge(m.whole[:0], m.old, m.newer, &data); err != nil {
			return nil, err
		}
		m.bufs[i%2] = appendPage(m.bufs[i%2][:0], m.whole, &data)
		page = m.bufs[i%2]
	}
	return page, nil
}
