package operator

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Rows per chunk of a Spool. A chunk that is read in order holds one batch; one
// that rows are picked from is long, so that a pick seldom changes chunk.
const (
	chunkInOrder = vec.MaxRows
	chunkToPick  = 1 << 18
	chunkBytes   = 64 << 20 // a chunk past this size is closed: vec.Bytes counts in int32
	pickBytes    = 16 << 20 // what a batch of rows that were picked may be on the average
)

// ref names one row of a Spool: chunk<<32 | row.
type ref int64

// Spool keeps copies of rows, counted by an account. One that is read in order
// writes them to disk when the account is pressed; what picks rows writes them
// itself, in an order of its own.
type Spool struct {
	types   []types.Type
	perRow  int   // rows per chunk
	extra   int64 // bytes that its holder will need for each row beside the row
	account *memory.Account
	what    string // who holds it, for the error of the account
	chunks  []*vec.Batch
	full    int64 // bytes of all chunks but the last
	held    int64 // bytes taken from the account
	rows    int64
	sel     []int32
	all     selector

	shared *SpoolFile   // nil: it has a file of its own
	file   *memory.File // nil: no rows are on disk
	run    memory.Run   // the rows before those of chunks
}

// NewSpool returns an empty spool of rows that are read in order; what names
// its holder in the error past the account's limit.
func NewSpool(ts []types.Type, account *memory.Account, what string) *Spool {
	return &Spool{types: ts, perRow: chunkInOrder, account: account, what: what}
}

// newPickSpool returns a spool of rows that are picked from it, whose holder
// needs so many bytes more for each.
func newPickSpool(ts []types.Type, extra int64, account *memory.Account, what string) *Spool {
	return &Spool{types: ts, perRow: chunkToPick, extra: extra, account: account, what: what}
}

// Rows is the number of rows held.
func (s *Spool) Rows() int64 { return s.rows }

// Add copies the live rows of b. Ops are not kept.
func (s *Spool) Add(b *vec.Batch) error {
	atOnce := rowsAtOnce(b)
	for sel := s.all.of(b); len(sel) > 0; {
		chunk := s.open()
		n := min(len(sel), s.perRow-chunk.Rows, atOnce)
		for i, c := range b.Cols {
			vec.CopyRows(chunk.Cols[i], c, sel[:n])
		}
		chunk.Rows += n
		s.rows += int64(n)
		sel = sel[n:]
	}
	if err := s.charge(); err != nil {
		return err
	}
	if s.perRow == chunkInOrder && s.account.Pressed() {
		return s.write()
	}
	return nil
}

// rowsAtOnce is how many rows of b may be copied before the size of their copy
// is looked at: of long ones few.
func rowsAtOnce(b *vec.Batch) int {
	if b.Rows == 0 {
		return 1
	}
	return int(max(chunkBytes/(1+batchBytes(b)/int64(b.Rows)), 1))
}

// perPick is how many rows may be picked at once, as far as they are alike in
// size: few of long ones.
func (s *Spool) perPick() int {
	return int(min(max(pickBytes*s.rows/max(s.size(), 1), 1), vec.MaxRows))
}

// write moves the rows to disk.
func (s *Spool) write() error {
	if s.file == nil {
		var err error
		if s.file, err = s.newFile(); err != nil {
			return err
		}
	}
	for _, chunk := range s.chunks {
		if err := s.file.Write(&s.run, chunk); err != nil {
			return err
		}
	}
	s.account.Release(s.held)
	s.chunks, s.full, s.held = nil, 0, 0
	return s.account.Check()
}

func (s *Spool) newFile() (*memory.File, error) {
	if s.shared != nil {
		return s.shared.open()
	}
	return s.account.NewFile()
}

// open returns the chunk that takes the next row.
func (s *Spool) open() *vec.Batch {
	if n := len(s.chunks); n > 0 {
		last := s.chunks[n-1]
		size := vec.BatchSize(last)
		if last.Rows < s.perRow && size < chunkBytes {
			return last
		}
		s.full += size
	}
	chunk := vec.NewBatch(s.types)
	s.chunks = append(s.chunks, chunk)
	return chunk
}

// size is what the rows hold, without what is extra.
func (s *Spool) size() int64 {
	size := s.full
	if n := len(s.chunks); n > 0 {
		size += vec.BatchSize(s.chunks[n-1])
	}
	return size
}

func (s *Spool) charge() error {
	size := s.size() + s.extra*s.rows
	if size > s.held {
		if err := s.account.Reserve(size - s.held); err != nil {
			return err
		}
		s.held = size
	}
	return nil
}

// refs appends the name of every row, in order.
func (s *Spool) refs(dst []ref) []ref {
	dst = slices.Grow(dst, int(s.rows))
	for c, chunk := range s.chunks {
		for r := range chunk.Rows {
			dst = append(dst, ref(c)<<32|ref(r))
		}
	}
	return dst
}

// pick appends the rows named to dst, whose columns are the spool's, or the
// first of them.
func (s *Spool) pick(dst []vec.Vec, refs []ref) {
	if len(s.chunks) == 1 {
		s.sel = s.sel[:0]
		for _, r := range refs {
			s.sel = append(s.sel, int32(r))
		}
		for i := range dst {
			vec.CopyRows(dst[i], s.chunks[0].Cols[i], s.sel)
		}
		return
	}
	for i := range dst {
		gather(dst[i], s.chunks, i, refs)
	}
}

// Reset forgets every row and gives memory and disk back.
func (s *Spool) Reset() {
	s.account.Release(s.held)
	s.chunks, s.full, s.held, s.rows = nil, 0, 0, 0
	switch {
	case s.file == nil:
	case s.shared != nil:
		s.shared.release()
	default:
		_ = s.file.Close() // nobody reads it any more
	}
	s.file, s.run = nil, memory.Run{}
}

// Leaf returns a leaf that reads the rows held now, from the first. Several may
// read one spool at once.
func (s *Spool) Leaf() Leaf {
	l := &spoolLeaf{chunks: s.chunks}
	if s.file != nil {
		run := s.run
		l.disk = &runReader{run: &run, in: s.file.Reader(), batch: *vec.NewBatch(s.types)}
	}
	return l
}

type spoolLeaf struct {
	disk   *runReader // nil: nothing is there, or it was read
	chunks []*vec.Batch
	at     int // rows of the first chunk that were read
	out    vec.Batch
}

func (l *spoolLeaf) Next(context.Context) (*vec.Batch, error) {
	if l.disk != nil {
		b, err := l.disk.next()
		if !errors.Is(err, io.EOF) {
			return b, err
		}
		l.disk = nil
	}
	for len(l.chunks) > 0 && l.at >= l.chunks[0].Rows {
		l.chunks, l.at = l.chunks[1:], 0
	}
	if len(l.chunks) == 0 {
		return nil, io.EOF
	}
	l.out = *l.chunks[0]
	l.at = l.out.Rows
	return &l.out, nil
}

func (*spoolLeaf) Close() error { return nil }

// batchBytes is roughly what a batch's columns hold.
func batchBytes(b *vec.Batch) int64 {
	var n int64
	for _, c := range b.Cols {
		n += columnBytes(c)
	}
	return n
}

func columnBytes(v vec.Vec) int64 {
	n := int64(v.Len())
	nulls := n / 8
	switch v := v.(type) {
	case *vec.Bytes:
		return int64(len(v.Data)) + 4*n + nulls
	case *vec.Numeric:
		size := 8*n + nulls
		if v.Hi != nil {
			size += 8 * n
		}
		if v.Scales != nil {
			size += 4 * n
		}
		return size + 8*int64(len(v.Wide))
	case *vec.List:
		return 4*n + nulls + 24*int64(len(v.Dims)) + columnBytes(v.Elem)
	case *vec.Const:
		return columnBytes(v.Of)
	case *vec.Fixed[bool]:
		return n + nulls
	case *vec.Fixed[int16]:
		return 2*n + nulls
	case *vec.Fixed[int32], *vec.Fixed[uint32], *vec.Fixed[float32]:
		return 4*n + nulls
	case *vec.Fixed[types.IntervalValue], *vec.Fixed[types.UUIDValue]:
		return 16*n + nulls
	}
	return 8*n + nulls
}
