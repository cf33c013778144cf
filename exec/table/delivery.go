package table

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// deliveries is the number under which the store keeps, beside the tables, which
// epoch of each job's sink was written to one last. No storage has it.
const deliveries = 1

// deliveryKey is of a sink of a job.
func deliveryKey(job state.ID, sink string) string { return string(job[:]) + sink }

// Deliver has the commit record that an epoch of a job's sink is in it, so that
// the same epoch is not written again.
func (x *Txn) Deliver(job state.ID, sink string, epoch uint64) {
	x.deliver = append(x.deliver, delivery{deliveryKey(job, sink), epoch})
}

type delivery struct {
	key   string
	epoch uint64
}

// Delivered is the last epoch of a job's sink that a commit has recorded; 0: none.
func (t *Tables) Delivered(job state.ID, sink string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.delivered[deliveryKey(job, sink)]
}

// Forget removes what is recorded of jobs other than those named: of jobs that were
// dropped.
func (t *Tables) Forget(known func(job state.ID) bool) error {
	var gone []delivery
	t.mu.Lock()
	for key := range t.delivered {
		if !known(state.ID([]byte(key[:len(state.ID{})]))) {
			gone = append(gone, delivery{key: key})
		}
	}
	t.mu.Unlock()
	if len(gone) == 0 {
		return nil
	}
	x := t.Begin()
	x.deliver = gone
	return x.Commit(context.Background(), nil)
}

// writes are the entries of a transaction's deliveries. Epoch 0 removes one.
func (x *Txn) writes() []state.Write {
	var all []state.Write
	for _, d := range x.deliver {
		w := state.Write{Space: state.Space{Operator: deliveries}, Key: []byte(d.key), Delete: d.epoch == 0}
		if d.epoch > 0 {
			w.Value = binary.AppendUvarint(nil, d.epoch)
		}
		all = append(all, w)
	}
	return all
}

// noteDeliveries remembers what was committed. Tables.mu is held.
func (t *Tables) noteDeliveries(all []delivery) {
	for _, d := range all {
		if d.epoch == 0 {
			delete(t.delivered, d.key)
		} else {
			t.delivered[d.key] = d.epoch
		}
	}
}

// loadDeliveries reads what is recorded.
func (t *Tables) loadDeliveries(sn *state.Snapshot) error {
	return sn.Scan(state.TablesID, state.Space{Operator: deliveries}, nil, nil, func(key, value []byte) error {
		epoch, n := binary.Uvarint(value)
		if n <= 0 || len(key) < len(state.ID{}) {
			return errPage
		}
		t.delivered[string(key)] = epoch
		return nil
	})
}

// AppendRow appends a row of the table's own columns, as ReadRow reads it.
func (d *Desc) AppendRow(dst []byte, cols []vec.Vec, row int) []byte {
	return d.layout.Append(dst, cols, row)
}

// RowReader reads rows of AppendRow, of a layout that has not changed since.
func (d *Desc) RowReader() *rowkey.Reader { return d.layout.Reader(slices.Clone(d.attrs)) }
