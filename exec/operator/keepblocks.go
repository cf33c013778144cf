package operator

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// blockRows is how many rows a block of state holds: many, so that a row costs
// little, and few, as the last block of what grows is written anew at each epoch.
const blockRows = 128

// blocks write and read rows that are only ever appended, as blocks under the
// numbers of a pages: the columns of blockRows rows, one after the other. One
// serves all rows of the same types.
type blocks struct {
	batch vec.Batch
	sel   []int32
	buf   []byte
}

func newBlocks(ts []types.Type) *blocks { return &blocks{batch: *vec.NewBatch(ts)} }

// save writes rows from to n-1, and what shares a block with them.
func (b *blocks) save(w StateWriter, p *pages, cols []vec.Vec, from, n int) error {
	return b.saveFrom(w, p, cols, 0, from, n)
}

// saveFrom is save of columns that begin with row first, which a block begins with.
func (b *blocks) saveFrom(w StateWriter, p *pages, cols []vec.Vec, first, from, n int) error {
	for page := from / blockRows; page*blockRows < n; page++ {
		b.sel, b.buf = b.sel[:0], b.buf[:0]
		for r := page * blockRows; r < min((page+1)*blockRows, n); r++ {
			b.sel = append(b.sel, int32(r-first))
		}
		b.batch.Reset()
		for i, c := range cols {
			vec.CopyRows(b.batch.Cols[i], c, b.sel)
		}
		b.batch.Rows = len(b.sel)
		b.buf = vec.AppendFrame(b.buf, &b.batch)
		if err := p.set(w, page, b.buf); err != nil {
			return err
		}
	}
	return nil
}

// read makes a batch, which is lent until the following call, of a block.
func (b *blocks) read(block []byte) (*vec.Batch, error) {
	if err := vec.ReadFrame(block, &b.batch); err != nil {
		return nil, errKept
	}
	return &b.batch, nil
}

// note says that the store has a page of so many bytes.
func (p *pages) note(page, size int) {
	for len(p.parts) <= page {
		p.parts = append(p.parts, 0)
	}
	p.parts[page] = uint16(max((size+pageParts-1)/pageParts, 1))
}

// readAll calls f with the pages of several pages at a time, in order: prefix is
// the beginning of all of theirs, and more how long the rest of one's is. f may
// keep neither.
func readAll(r StateReader, prefix []byte, more int, f func(rest []byte, page int, value []byte) error) error {
	var value, at []byte
	page := -1
	flush := func() error {
		if page < 0 {
			return nil
		}
		return f(at, page, value)
	}
	err := r.Scan(prefix, func(key, part []byte) error {
		key = key[len(prefix):]
		if len(key) != more+6 {
			return errKept
		}
		number := int(key[more])<<24 | int(key[more+1])<<16 | int(key[more+2])<<8 | int(key[more+3])
		if number != page || !slices.Equal(key[:more], at) {
			if err := flush(); err != nil {
				return err
			}
			page, at, value = number, append(at[:0], key[:more]...), value[:0]
		}
		value = append(value, part...)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}
