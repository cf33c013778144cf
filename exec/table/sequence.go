package table

import (
	"encoding/binary"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Sequences are no part of transactions: what one takes, none takes again. A
// number must be passed durably before the commit of who took it returns, so
// that it does not come again after a crash. A commit therefore writes the
// sequence as it will be some numbers on, and for those none has to be written.
const sequenceAhead = 32

// SequenceState is a sequence's own row.
type SequenceState struct {
	Last   int64 // the last number taken; of one that was not called, the first
	Called bool
	Ahead  int64 // log_cnt: numbers that can be taken before the next write
}

type sequence struct {
	storage uint32
	state   SequenceState
	dirty   bool // a commit of who uses it must write it
	writing bool // that is under way
	logged  bool // only the log has what was written last
	written SequenceState
}

// sequences are those that were used, or that the store has.
type sequences struct {
	mu  sync.Mutex
	all map[uint32]*sequence
}

// seqUse is a transaction's use of a sequence.
type seqUse struct {
	s    *sequence
	info *catalog.SequenceInfo
}

// of is the sequence of a relation. mu is held.
func (q *sequences) of(info *catalog.SequenceInfo) *sequence {
	s := q.all[info.Storage]
	if s == nil {
		s = &sequence{storage: info.Storage, state: SequenceState{Last: info.Start}, dirty: true}
		q.all[info.Storage] = s
	}
	return s
}

func (x *Txn) use(s *sequence, info *catalog.SequenceInfo) {
	for _, u := range x.seqs {
		if u.s == s {
			return
		}
	}
	x.seqs = append(x.seqs, seqUse{s, info})
}

// after is the number that follows v; false: the sequence ends there.
func after(info *catalog.SequenceInfo, v int64) (int64, bool) {
	if info.Increment > 0 {
		if v > info.Max-info.Increment && (info.Max-info.Increment <= info.Max) || v >= info.Max {
			return 0, false
		}
		return v + info.Increment, true
	}
	if v < info.Min-info.Increment && (info.Min-info.Increment >= info.Min) || v <= info.Min {
		return 0, false
	}
	return v + info.Increment, true
}

// NextValue takes up to count numbers of a sequence: n, from first on, each the
// increment after the one before. There are fewer than count where it ends or
// turns around. 2200H where there is none left.
func (x *Txn) NextValue(r *catalog.Relation, count int64) (first, n int64, err error) {
	info, q := r.Sequence, &x.t.seqs
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.of(info)
	first = s.state.Last
	if s.state.Called {
		next, ok := after(info, s.state.Last)
		if !ok {
			if !info.Cycle {
				return 0, 0, exhausted(r)
			}
			next = info.Min
			if info.Increment < 0 {
				next = info.Max
			}
			s.dirty = true
		}
		first = next
	}
	last := first
	for n = 1; n < count; n++ {
		next, ok := after(info, last)
		if !ok {
			break
		}
		last = next
	}
	s.state.Last, s.state.Called = last, true
	if s.state.Ahead -= n; s.state.Ahead < 0 {
		s.state.Ahead, s.dirty = 0, true
	}
	x.use(s, info)
	return first, n, nil
}

// Uses notes that the transaction uses a number that another one took.
func (x *Txn) Uses(r *catalog.Relation) {
	q := &x.t.seqs
	q.mu.Lock()
	defer q.mu.Unlock()
	x.use(q.of(r.Sequence), r.Sequence)
}

func exhausted(r *catalog.Relation) error {
	what, bound := "maximum", r.Sequence.Max
	if r.Sequence.Increment < 0 {
		what, bound = "minimum", r.Sequence.Min
	}
	return sqlerr.Errorf(sqlerr.SequenceGeneratorLimitExceeded,
		"nextval: reached %s value of sequence \"%s\" (%d)", what, r.Name, bound)
}

// SetValue is setval: the next number is the one after v, or, where called is
// false, v itself. Everyone sees it at once; a rollback does not take it back.
func (x *Txn) SetValue(r *catalog.Relation, v int64, called bool) error {
	info, q := r.Sequence, &x.t.seqs
	if v < info.Min || v > info.Max {
		return sqlerr.Errorf(sqlerr.NumericValueOutOfRange,
			"setval: value %d is out of bounds for sequence \"%s\" (%d..%d)", v, r.Name, info.Min, info.Max)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.of(info)
	s.state, s.dirty = SequenceState{Last: v, Called: called}, true
	x.use(s, info)
	return nil
}

// Sequence is a sequence's own row.
func (t *Tables) Sequence(r *catalog.Relation) SequenceState {
	t.seqs.mu.Lock()
	defer t.seqs.mu.Unlock()
	if s := t.seqs.all[r.Sequence.Storage]; s != nil {
		return s.state
	}
	return SequenceState{Last: r.Sequence.Start}
}

// mustWrite reports whether a commit has to wait for a write of what it took.
func (t *Tables) mustWrite(uses []seqUse) bool {
	t.seqs.mu.Lock()
	defer t.seqs.mu.Unlock()
	for _, u := range uses {
		if u.s.dirty || u.s.writing {
			return true
		}
	}
	return false
}

// pending are the writes that bring sequences some numbers ahead.
func (q *sequences) pending(uses []seqUse) []state.Write {
	q.mu.Lock()
	defer q.mu.Unlock()
	var writes []state.Write
	for _, u := range uses {
		s := u.s
		if !s.dirty || s.writing {
			continue
		}
		s.dirty, s.writing = false, true
		ahead := s.state
		ahead.Ahead = 0
		if ahead.Called {
			for ahead.Ahead < sequenceAhead {
				next, ok := after(u.info, ahead.Last)
				if !ok {
					break
				}
				ahead.Last = next
				ahead.Ahead++
			}
		}
		s.state.Ahead, s.written = ahead.Ahead, ahead
		writes = append(writes, s.write(ahead))
	}
	return writes
}

func (s *sequence) write(now SequenceState) state.Write {
	called := byte(0)
	if now.Called {
		called = 1
	}
	return state.Write{
		Space: state.Space{Operator: s.storage, Shard: shardSequence},
		Value: binary.BigEndian.AppendUint64([]byte{called}, uint64(now.Last)),
	}
}

// unstored are the writes of all sequences of which the store has not what was
// written last, those that are pending among them.
func (q *sequences) unstored() []state.Write {
	q.mu.Lock()
	defer q.mu.Unlock()
	var writes []state.Write
	for _, s := range q.all {
		if s.logged || s.writing {
			writes = append(writes, s.write(s.written))
		}
	}
	return writes
}

// takeLogged are the sequences of which only the log has what was written last, and
// the writes that bring it into the store. None is pending.
func (q *sequences) takeLogged() (taken []*sequence, writes []state.Write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.all {
		if s.logged {
			s.logged = false
			taken, writes = append(taken, s), append(writes, s.write(s.written))
		}
	}
	return taken, writes
}

// putBack notes that the writes of takeLogged have failed.
func (q *sequences) putBack(taken []*sequence) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range taken {
		s.logged = true
	}
}

// wrote notes that pending writes are durable, in the log or with all that was
// unstored, or, with an error, that they may not be.
func (q *sequences) wrote(uses []seqUse, log bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, u := range uses {
		if u.s.writing && err != nil {
			u.s.dirty = true
		}
		u.s.logged = u.s.logged || u.s.writing && log
		u.s.writing = false
	}
	if log || err != nil {
		return
	}
	for _, s := range q.all {
		s.logged = false
	}
}

// onlyLogged reports whether there is a sequence of which the store has not what
// was written last.
func (q *sequences) onlyLogged() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.all {
		if s.logged {
			return true
		}
	}
	return false
}

func (t *Tables) loadSequence(sn *state.Snapshot, storage uint32) error {
	b, _, err := sn.Get(state.TablesID, state.Space{Operator: storage, Shard: shardSequence}, nil, nil)
	if err != nil {
		return err
	}
	s, err := readSequence(storage, b)
	if err == nil {
		t.seqs.all[storage] = s
	}
	return err
}

func readSequence(storage uint32, b []byte) (*sequence, error) {
	if len(b) != 9 {
		return nil, errPage
	}
	now := SequenceState{Last: int64(binary.BigEndian.Uint64(b[1:])), Called: b[0] != 0}
	return &sequence{storage: storage, state: now, written: now}, nil
}

// settleSequences writes back what sequences are ahead, so that a start after an
// orderly end goes on where they are. The log has none of them.
func (t *Tables) settleSequences() error {
	t.seqs.mu.Lock()
	var writes []state.Write
	for _, s := range t.seqs.all {
		if s.state.Ahead > 0 && !s.dirty {
			writes = append(writes, s.write(s.state))
			s.state.Ahead = 0
		}
	}
	t.seqs.mu.Unlock()
	if len(writes) == 0 {
		return nil
	}
	sn, err := t.store.Commit(state.TableChange{Writes: func(put func(state.Write) error) error {
		for _, w := range writes {
			if err := put(w); err != nil {
				return err
			}
		}
		return nil
	}}, nil)
	if err == nil {
		sn.Close()
	}
	return err
}
