package operator

import (
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
)

// groupLog is what has changed of the groups of a keptTable since their pages were
// written: a segment for each epoch, of records {group, what it has beside its key}
// and {page: what the log has of it so far is past}. Of several records of a group
// the last one counts, and any of them before what the page says.
//
// An epoch so costs by what it has changed, wherever that lies. When the log has
// grown to a part of the pages, those of which it has records are written whole, some
// with each epoch, and then the segments go in which nothing counts any more.
type groupLog struct {
	segments []logSegment
	last     uint32   // number of the newest segment; the first one is 1
	first    []uint32 // by page: the oldest segment with a record that counts; 0: none
	bytes    int      // that the segments stand for
	next     []byte   // the segment in the making
	mark     int      // where the records of a page begin in it
	// While pages are written whole:
	page int    // the next one
	upTo uint32 // the newest segment that is to go; 0: none is
}

// logSegment is a segment in the store, under the number of a page past all others.
type logSegment struct {
	number uint32
	parts  uint16
	weight int
}

const (
	// leastLog is how many bytes a log has at least before pages are written for it.
	leastLog = 64 << 10
	// leastSegment is what a segment stands for at least, as it is a key.
	leastSegment = 256
	// logPart is which part of the pages the log may come to, about.
	logPart = 2
	// foldRate is how many bytes of pages are written for one of the log: all pages
	// are, before the log has grown from half to the whole of what it may be.
	foldRate = 2 * logPart
)

// begin begins the records of a page.
func (l *groupLog) begin() { l.mark = len(l.next) }

// group adds what a group has beside its key.
func (l *groupLog) group(g int, row []byte) {
	l.next = binary.AppendUvarint(l.next, uint64(g)<<1)
	l.next = append(binary.AppendUvarint(l.next, uint64(len(row))), row...)
}

// end ends the records of a page; false: they took more than most bytes, and are not
// there.
func (l *groupLog) end(page, most int) bool {
	if len(l.next)-l.mark > most {
		l.next = l.next[:l.mark]
		return false
	}
	for len(l.first) <= page {
		l.first = append(l.first, 0)
	}
	if l.first[page] == 0 {
		l.first[page] = l.last + 1
	}
	return true
}

// over says that a page is written whole, or gone: no record of it counts any more.
func (l *groupLog) over(page int) {
	if page >= len(l.first) || l.first[page] == 0 {
		return
	}
	l.first[page] = 0
	l.next = binary.AppendUvarint(l.next, uint64(page)<<1|1)
}

// fold has pages be written whole where the log has grown; size is that of all pages.
func (l *groupLog) fold(size int, write func(page int) error) error {
	most := max(leastLog, size/logPart)
	if l.upTo == 0 {
		if l.bytes < most/2 {
			return nil
		}
		l.page, l.upTo = 0, l.last
	}
	room := foldRate * max(len(l.next), leastSegment)
	if size < leastLog {
		room = size // which is little
	}
	for ; room > 0 && l.page < len(l.first); l.page++ {
		if at := l.first[l.page]; at == 0 || at > l.upTo {
			continue
		}
		if err := write(l.page); err != nil {
			return err
		}
		room -= max(size/max(len(l.first), 1), 1)
	}
	return nil
}

// write writes the segment in the making, and removes those of which nothing counts.
func (l *groupLog) write(w StateWriter, p *pages) error {
	if l.upTo > 0 && l.page >= len(l.first) {
		n := 0
		for ; n < len(l.segments) && l.segments[n].number <= l.upTo; n++ {
			l.remove(w, p, l.segments[n])
		}
		l.segments = slices.Delete(l.segments, 0, n)
		l.upTo = 0
	}
	if len(l.next) == 0 {
		return nil
	}
	l.last++
	parts, err := p.setParts(w, mostPages|int(l.last), l.next, 0)
	if err != nil {
		return err
	}
	l.add(logSegment{l.last, uint16(parts), max(len(l.next), leastSegment)})
	if l.next = l.next[:0]; cap(l.next) > mostKept {
		l.next = nil
	}
	return nil
}

// mostKept bounds the memory that is kept for the next segment.
const mostKept = 1 << 20

func (l *groupLog) add(s logSegment) {
	l.segments = append(l.segments, s)
	l.bytes += s.weight
}

func (l *groupLog) remove(w StateWriter, p *pages, s logSegment) {
	for part := range int(s.parts) {
		w.Delete(p.key(mostPages|int(s.number), part))
	}
	l.bytes -= s.weight
}

// drop removes all segments. Their numbers are not used again.
func (l *groupLog) drop(w StateWriter, p *pages) {
	for _, s := range l.segments {
		l.remove(w, p, s)
	}
	*l = groupLog{last: l.last}
}

// newerGroups is what a log says of groups.
type newerGroups struct {
	rows  []byte
	where []int // of each group: where it is in rows, with its length before it; 0: nowhere
}

// of is what a group has beside its key; false: what its page says.
func (n *newerGroups) of(g int) (row []byte, ok bool, err error) {
	if g >= len(n.where) || n.where[g] == 0 {
		return nil, false, nil
	}
	row, _, err = takeSized(n.rows[n.where[g]:])
	return row, true, err
}

// read reads the log of a table's pages. Of a share it notes nothing of it, as all is
// written elsewhere.
func (l *groupLog) read(r StateReader, p *pages) (n newerGroups, err error) {
	n.rows = []byte{0} // so that nothing is at 0
	err = p.readFrom(r, p.key(mostPages, 0), rowkey.After(slices.Clone(p.prefix)), func(page int, value []byte) error {
		if r.Share == nil {
			number := uint32(page - mostPages)
			l.add(logSegment{number, uint16(max((len(value)+pageParts-1)/pageParts, 1)), max(len(value), leastSegment)})
			l.last = number
		}
		return n.segment(l, value)
	})
	if r.Share != nil {
		l.first = nil
	}
	return n, err
}

// segment takes the records of the segment that is the newest so far.
func (n *newerGroups) segment(l *groupLog, value []byte) error {
	for len(value) > 0 {
		what, size := binary.Uvarint(value)
		if size <= 0 || what>>1 >= mostPages {
			return errKept
		}
		value = value[size:]
		at := int(what >> 1)
		if what&1 > 0 {
			for g := at * pageGroups; g < min((at+1)*pageGroups, len(n.where)); g++ {
				n.where[g] = 0
			}
			if at < len(l.first) {
				l.first[at] = 0
			}
			continue
		}
		row, rest, err := takeSized(value)
		if err != nil {
			return err
		}
		value = rest
		for len(n.where) <= at {
			n.where = append(n.where, 0)
		}
		n.where[at] = len(n.rows)
		n.rows = append(binary.AppendUvarint(n.rows, uint64(len(row))), row...)
		page := at / pageGroups
		for len(l.first) <= page {
			l.first = append(l.first, 0)
		}
		if l.first[page] == 0 {
			l.first[page] = max(l.last, 1)
		}
	}
	return nil
}
