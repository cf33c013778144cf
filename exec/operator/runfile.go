package operator

import (
	"io"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Bytes of columns in a batch on disk: enough that a read is worth its call, and
// few where many runs are written or read at once.
const (
	mostFrame  = 256 << 10
	leastFrame = 4 << 10
)

// frameSize is what a batch on disk should hold where buffers of n such batches
// are needed at once.
func frameSize(account *memory.Account, n int) int64 {
	return min(account.Room(0)/int64(4*n), mostFrame)
}

// runWriter gathers rows into batches of a run on disk.
type runWriter struct {
	run   memory.Run
	batch *vec.Batch // nil: no row came yet
	most  int64      // bytes of a batch, after which it is written
}

// add appends the rows of sel of b, with their ops.
func (w *runWriter) add(file *memory.File, b *vec.Batch, sel []int32) error {
	if w.batch == nil {
		w.batch = &vec.Batch{}
		for _, c := range b.Cols {
			w.batch.Cols = append(w.batch.Cols, vec.Like(c))
		}
	}
	for len(sel) > 0 {
		// Of long values few rows are taken at a time.
		n := min(len(sel), vec.MaxRows-w.batch.Rows)
		if n > longRows && longValues(b) {
			n = longRows
		}
		part := vec.Batch{Cols: b.Cols, Ops: b.Ops, Sel: sel[:n], Rows: b.Rows}
		part.CopyInto(w.batch)
		sel = sel[n:]
		if w.batch.Rows == vec.MaxRows || batchBytes(w.batch) >= w.most {
			if err := w.flush(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// Rows that are copied at a time from a batch whose rows hold more than
// longValue bytes.
const (
	longRows  = 8
	longValue = 4 << 10
)

func longValues(b *vec.Batch) bool { return batchBytes(b) > longValue*int64(b.Rows) }

// flush writes what is gathered.
func (w *runWriter) flush(file *memory.File) error {
	if w.batch == nil || w.batch.Rows == 0 {
		return nil
	}
	err := file.Write(&w.run, w.batch)
	ops := w.batch.Ops[:0]
	w.batch.Reset()
	if ops != nil {
		// Once a row has an op, each has: their buffer is used again.
		w.batch.Ops = ops
	}
	if vec.BatchSize(w.batch) > 4*mostFrame {
		w.shrink()
	}
	return err
}

// shrink gives the buffer back.
func (w *runWriter) shrink() {
	if w.batch == nil {
		return
	}
	for i, c := range w.batch.Cols {
		w.batch.Cols[i] = vec.Like(c)
	}
}

// bytes is what the buffer holds.
func (w *runWriter) bytes() int64 {
	if w.batch == nil {
		return 0
	}
	return vec.BatchSize(w.batch)
}

// reader returns a reader of the run, from its first batch.
func (w *runWriter) reader(file *memory.File) *runReader {
	r := &runReader{run: &w.run, in: file.Reader()}
	if w.batch != nil {
		for _, c := range w.batch.Cols {
			r.batch.Cols = append(r.batch.Cols, vec.Like(c))
		}
	}
	return r
}

// runReader reads a run batch by batch.
type runReader struct {
	run   *memory.Run
	in    *memory.Reader
	at    int
	batch vec.Batch
}

// next returns a batch, which is lent until the following call; io.EOF at the
// end.
func (r *runReader) next() (*vec.Batch, error) {
	if r.at == r.run.Batches() {
		return nil, io.EOF
	}
	if err := r.in.Read(r.run, r.at, &r.batch); err != nil {
		return nil, err
	}
	r.at++
	return &r.batch, nil
}
