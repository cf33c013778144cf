package operator

import (
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// keep has the store remember what changes, under a prefix of the operator's keys.
func (s *rowStore) keep(prefix []byte) {
	s.kept, s.pages, s.codec = true, pages{prefix: prefix}, newRowCodec(s.types)
}

// save writes the chunks that have taken rows, and deletes those that are gone.
func (s *rowStore) save(w StateWriter) error {
	for _, at := range s.gone {
		if at >= len(s.chunks) || s.chunks[at] == nil {
			s.pages.unset(w, at)
		}
	}
	s.gone = s.gone[:0]
	for at, c := range s.chunks {
		if c == nil || !c.changed {
			continue
		}
		c.changed = false
		s.buf = binary.AppendVarint(s.buf[:0], c.first)
		for r := range c.groups {
			s.buf = binary.AppendVarint(binary.AppendVarint(s.buf, int64(c.groups[r])), c.times[r])
			s.row = s.codec.layout.Append(s.row[:0], s.batches[at].Cols, r)
			s.buf = append(binary.AppendUvarint(s.buf, uint64(len(s.row))), s.row...)
		}
		if err := s.pages.set(w, at, s.buf); err != nil {
			return err
		}
		if at == s.tail && len(s.buf) >= sealBytes {
			s.seal()
		}
	}
	return nil
}

// sealBytes is how large the page of the chunk that takes rows may be: it is written
// whole by each epoch that adds to it.
const sealBytes = 32 << 10

// seal has the rows that come next begin a chunk.
func (s *rowStore) seal() {
	at := s.tail
	if s.tail = -1; s.chunks[at].live == 0 {
		s.drop(at)
	}
}

// restore brings the chunks back, rows that are not needed any more among them:
// all of them count as needed until they are released.
func (s *rowStore) restore(r StateReader) error {
	return s.pages.read(r, func(page int, value []byte) error {
		for len(s.chunks) <= page {
			s.chunks, s.batches = append(s.chunks, nil), append(s.batches, s.nothing)
		}
		c, b := &storeChunk{}, vec.NewBatch(s.types)
		number := func() int64 {
			v, n := binary.Varint(value)
			if n <= 0 {
				value = nil
				return 0
			}
			value = value[n:]
			return v
		}
		c.first = number()
		for len(value) > 0 {
			c.groups, c.times = append(c.groups, int32(number())), append(c.times, number())
			size, n := binary.Uvarint(value)
			if n <= 0 || size > uint64(len(value)-n) {
				return errKept
			}
			if err := s.codec.reader.Read(value[n:n+int(size)], b.Cols); err != nil {
				return err
			}
			b.Rows++
			value = value[n+int(size):]
		}
		c.live = b.Rows
		s.chunks[page], s.batches[page] = c, b
		s.live, s.rows, s.next = s.live+int64(b.Rows), s.rows+int64(b.Rows), max(s.next, c.first+int64(b.Rows))
		c.held = batchBytes(b) + 12*int64(b.Rows)
		s.held += c.held
		return s.account.Reserve(c.held)
	})
}

// restored ends restore: chunks of which nothing is needed go, and the places of
// those that are gone take new ones.
func (s *rowStore) restored() {
	s.free = s.free[:0]
	for at, c := range s.chunks {
		switch {
		case c == nil:
			s.free = append(s.free, int32(at))
		case c.live == 0 && at != s.tail:
			s.drop(at)
		}
	}
}

// restoredRow is a row that was read, with the number that it had by arrival.
type restoredRow struct {
	ref     ref
	arrival int64
}

// restoreFor brings the rows back of the groups whose numbers are given by those
// that they had, in the order in which they came. wanted says of a share which rows
// are its; nil: all of those groups.
func (s *rowStore) restoreFor(r StateReader, now map[int32]int32, wanted func(b *vec.Batch, row int32) bool) ([]restoredRow, error) {
	return s.restoreUnder(r, s.pages.prefix, now, wanted)
}

// restoreUnder is restoreFor of the rows under a prefix, which without a Share become
// the store's own.
func (s *rowStore) restoreUnder(r StateReader, prefix []byte, now map[int32]int32, wanted func(b *vec.Batch, row int32) bool) ([]restoredRow, error) {
	from := s
	if r.Share != nil {
		from = newRowStore(s.types, s.account)
		defer from.close()
	}
	from.keep(prefix)
	if err := from.restore(r); err != nil {
		return nil, err
	}
	var rows []restoredRow
	var sel []int32
	var refs []ref
	for _, at := range from.inOrder() {
		b, c := from.batches[at], from.chunks[at]
		if r.Share == nil {
			for row := range b.Rows {
				name := ref(at)<<32 | ref(row)
				if c.groups[row] < 0 { // its group is gone
					from.release(name)
					continue
				}
				rows = append(rows, restoredRow{name, c.first + int64(row)})
			}
			continue
		}
		sel = sel[:0]
		for row := range int32(b.Rows) {
			g, ok := now[c.groups[row]]
			if c.groups[row] = g; ok && (wanted == nil || wanted(b, row)) {
				sel = append(sel, row)
			}
		}
		var err error
		if refs, err = s.add(b.Cols, sel, c.groups, c.times, refs[:0]); err != nil {
			return nil, err
		}
		for i, row := range sel {
			rows = append(rows, restoredRow{refs[i], c.first + int64(row)})
		}
	}
	return rows, nil
}

// rowCodec writes rows down as bytes and reads them.
type rowCodec struct {
	layout *rowkey.Layout
	reader *rowkey.Reader
}

func newRowCodec(ts []types.Type) rowCodec {
	k := newKeptTable(nil, ts)
	return rowCodec{k.layout, k.reader}
}

// unset removes one page.
func (p *pages) unset(w StateWriter, page int) {
	if page >= len(p.parts) {
		return
	}
	for part := range int(p.parts[page]) {
		w.Delete(p.key(page, part))
	}
	p.parts[page] = 0
}
