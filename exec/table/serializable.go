package table

import (
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// reads are what a serializable transaction has read: ranges of keys of tables
// and indexes. Its commit fails where one of them has changed since.
type reads struct {
	mu    sync.Mutex
	spans map[uint32][]span // by storage
}

// mostSpans bounds what is kept of one storage; past it, all of it was read.
const mostSpans = 4096

func (r *reads) add(storage uint32, s span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spans == nil {
		r.spans = map[uint32][]span{}
	}
	all := r.spans[storage]
	if len(all) == 1 && all[0].from == nil && all[0].to == nil {
		return
	}
	if len(all) >= mostSpans || s.from == nil && s.to == nil {
		r.spans[storage] = []span{{}}
		return
	}
	r.spans[storage] = append(all, s)
}

// note keeps what a scan will read. Rows that an index leads to are noted as they
// are read.
func (x *Txn) note(c *Scan) {
	switch {
	case c.ix != nil:
		for _, s := range c.spans {
			x.reads.add(c.ix.Storage, s)
		}
	case c.spec.RowIDs != nil:
		for _, id := range c.spec.RowIDs {
			x.noteRow(c.d, id)
		}
	default:
		x.reads.add(c.d.storage, span{})
	}
}

func (x *Txn) noteRow(d *Desc, id int64) {
	key := rowKey(nil, id)
	x.reads.add(d.storage, span{key, append(key[:8:8], 0)})
}

// validate checks that nothing that a serializable transaction read differs
// between its snapshot and the group's trees. One that has only read is as if it
// had been done at its snapshot.
func (w *work) validate(x *Txn) error {
	if x.level != Serializable || x.first == nil || len(x.over) == 0 {
		return nil
	}
	for storage, spans := range x.reads.spans {
		was, is := x.first.get(storage).n, w.base.get(storage).n
		if e := w.edits[storage]; e != nil {
			is = e.show()
		}
		for _, s := range spans {
			same, err := w.sameRange(storage, x.first.version, was, is, s)
			if err != nil {
				return err
			}
			if !same {
				return sqlerr.Errorf(sqlerr.SerializationFailure, "could not serialize access due to read/write dependencies among transactions").
					WithDetail("Reason code: Canceled on commit attempt: what the transaction has read was changed by another.").
					WithHint("The transaction might succeed if retried.")
			}
		}
	}
	return nil
}

func (w *work) sameRange(storage uint32, version uint64, was, is *node, s span) (bool, error) {
	d := diff{old: was, now: is, oldPages: &stored{w.t, storage, version}, nowPages: &stored{w.t, storage, w.base.version}}
	same := true
	err := d.walk(s, func(_, _, _ []byte) bool { same = false; return false })
	return same, err
}
