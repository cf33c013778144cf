package exec

import (
	"encoding/binary"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// tally counts rows that a job has read and passed on, and records that it left
// out; and rows whose window of time was closed.
type tally struct{ in, out, skipped, late int64 }

func (t *tally) add(o tally) {
	t.in += o.in
	t.out += o.out
	t.skipped += o.skipped
	t.late += o.late
}

// history is what a job has done since it was created. It is part of each epoch,
// so that a restart forgets nothing of it and counts nothing twice.
type history struct {
	tally
	epoch    stream.Epoch // the last that was committed
	restarts int64        // after failures
}

// historySpace is where it is in the job's state, under the empty key: below the
// store's own operators, since a plan numbers its operators from the other end.
var historySpace = state.Space{Operator: state.MaxOperator - 1}

// historyNumbers are how many there are; of those of an older binary the last is
// missing.
const historyNumbers = 6

func (h history) write(pages *state.Batch) {
	var b []byte
	for _, n := range [historyNumbers]uint64{uint64(h.epoch), uint64(h.in), uint64(h.out), uint64(h.skipped), uint64(h.restarts), uint64(h.late)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	pages.Set(historySpace, nil, b)
}

// loadHistory reads what the committed epoch has; of a job without one it is zero.
func loadHistory(store *state.Store, id state.ID) (history, error) {
	sn := store.Snapshot(id)
	defer sn.Close()
	b, found, err := sn.Get(id, historySpace, nil, nil)
	if err != nil || !found {
		return history{}, err
	}
	if len(b) == 8*(historyNumbers-1) {
		b = append(b, make([]byte, 8)...)
	}
	if len(b) != 8*historyNumbers {
		return history{}, fmt.Errorf("reading the counters of job %s: %d bytes, want %d", id, len(b), 8*historyNumbers)
	}
	n := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[8*i:])) }
	return history{tally{n(1), n(2), n(3), n(5)}, stream.Epoch(n(0)), n(4)}, nil
}
