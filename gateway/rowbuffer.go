package gateway

import (
	"sort"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// rowBuffer keeps the rows of a cursor, to be read by their number: as many in
// memory as its account has room for, those before them on disk.
type rowBuffer struct {
	types   []types.Type
	account *memory.Account // of the buffer; below it that which writes to disk
	own     *memory.Account
	batches []*vec.Batch // of the rows in memory
	ends    []int64      // rows in the batches up to and with each, on disk or not
	rows    int64
	full    int64 // bytes of all batches in memory but the last
	held    int64 // bytes taken from the account

	file *memory.File // nil: nothing is on disk
	run  memory.Run   // the first batches
	in   *memory.Reader
	back *vec.Batch // batch number at of the run
	at   int
}

// newRowBuffer returns a buffer that counts on an account of its own, which it
// closes.
func newRowBuffer(fields []plan.Field, account *memory.Account) *rowBuffer {
	r := &rowBuffer{account: account, own: account.Spillable("its rows"), types: make([]types.Type, len(fields)), at: -1}
	for i, f := range fields {
		r.types[i] = f.Type
	}
	return r
}

// add copies a batch's live rows.
func (r *rowBuffer) add(b *vec.Batch) error {
	n := len(r.batches)
	if n == 0 || r.batches[n-1].Rows+b.Len() > vec.MaxRows {
		if n > 0 {
			r.full += vec.BatchSize(r.batches[n-1])
		}
		r.batches = append(r.batches, vec.NewBatch(r.types))
		r.ends = append(r.ends, r.rows)
		n++
	}
	last := r.batches[n-1]
	for i, c := range last.Cols {
		vec.CopyRows(c, b.Cols[i], b.Sel)
	}
	last.Rows += b.Len()
	r.rows += int64(b.Len())
	r.ends[len(r.ends)-1] = r.rows
	if held := r.full + vec.BatchSize(last); held > r.held {
		if err := r.own.Reserve(held - r.held); err != nil {
			return err
		}
		r.held = held
	}
	if r.own.Pressed() {
		return r.write()
	}
	return nil
}

// write moves the rows to disk.
func (r *rowBuffer) write() error {
	if r.file == nil {
		var err error
		if r.file, err = r.own.NewFile(); err != nil {
			return err
		}
		r.in, r.back = r.file.Reader(), vec.NewBatch(r.types)
	}
	for _, b := range r.batches {
		if err := r.file.Write(&r.run, b); err != nil {
			return err
		}
	}
	r.own.Release(r.held)
	r.batches, r.full, r.held = nil, 0, 0
	return r.own.Check()
}

// find returns the batch of row i, from 0, and its place there. The batch stands
// until the next call.
func (r *rowBuffer) find(i int64) (*vec.Batch, int, error) {
	k := sort.Search(len(r.ends), func(k int) bool { return r.ends[k] > i })
	first := int64(0)
	if k > 0 {
		first = r.ends[k-1]
	}
	if k >= r.run.Batches() {
		return r.batches[k-r.run.Batches()], int(i - first), nil
	}
	if k != r.at {
		r.at = -1
		if err := r.in.Read(&r.run, k, r.back); err != nil {
			return nil, 0, err
		}
		r.at = k
	}
	return r.back, int(i - first), nil
}

// close gives memory and disk back.
func (r *rowBuffer) close() {
	r.own.Close()
	r.account.Close()
	r.batches = nil
}
