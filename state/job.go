package state

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrUndecided is returned where a job's last epoch must first be committed or
// rolled back.
var ErrUndecided = errors.New("an epoch of the job is neither committed nor rolled back")

// Job is the epochs of one job. Prepare, Commit and Rollback are called one at a
// time; the other methods from any goroutine.
//
// A job starts with Recover, which says what a crash left, and then Commit, where
// the prepared epoch was decided, or Rollback. From then on each epoch is a
// Prepare and a Commit; after an error of either the job starts again.
type Job struct {
	s  *Store
	id ID
	r  *record
}

// Job returns the epochs of a job, which need not have any yet. id is a UUID:
// none of the store's own, which have no version.
func (s *Store) Job(id ID) *Job {
	if owns(id) {
		panic("state: " + id.String() + " is no job's")
	}
	return &Job{s: s, id: id, r: s.recordOf(id)}
}

// ID is the job's.
func (j *Job) ID() ID { return j.id }

// Progress is what an epoch carries beside pages. Positions and Watermarks name
// only what has changed since the epoch before.
type Progress struct {
	Positions  []Position
	Watermarks []Watermark
	Tokens     []Token
	// Follows is the version of the tables that the positions have reached, where
	// the job follows tables; 0: it does not, or it is what it was.
	Follows uint64
}

// Position is where to go on reading a split of a source. Offset nil forgets the split.
type Position struct {
	Source, Split string
	Offset        []byte
}

// Watermark is the highest watermark of a split of a source, in microseconds since 2000-01-01 UTC.
type Watermark struct {
	Source, Split string
	Micros        int64
}

// Token is what a sink's Prepare returned.
type Token struct {
	Sink  string
	Bytes []byte
}

// Prepare writes an epoch at a fresh version, which it returns: first the batch's
// and the progress's keys, then, when all are durable, the mark that they are
// whole. epoch must be at least Next. The batch may be reused when it returns.
func (j *Job) Prepare(epoch uint64, b *Batch, p Progress) (version uint64, err error) {
	j.r.op.Lock()
	defer j.r.op.Unlock()
	drop, err := j.begin(epoch)
	if err != nil {
		return 0, err
	}
	if b == nil {
		b = &Batch{}
	}
	if b.err != nil {
		return 0, fmt.Errorf("preparing epoch %d of job %s: %w", epoch, j.id, b.err)
	}
	var extra Batch
	p.write(&extra, epoch)
	for _, key := range drop {
		extra.Delete(Space{Operator: opTokens}, key)
	}
	if extra.err != nil {
		return 0, fmt.Errorf("preparing epoch %d of job %s: %w", epoch, j.id, extra.err)
	}
	j.s.undecided(j.r)
	if version, err = j.prepare(epoch, b, &extra); err != nil {
		return 0, fmt.Errorf("preparing epoch %d of job %s: %w", epoch, j.id, err)
	}
	j.s.mu.Lock()
	defer j.s.mu.Unlock()
	j.r.prepared, j.r.last = &mark{epoch, version}, epoch
	j.r.following = p.Follows
	j.r.keepTokens(p.Tokens, epoch, len(drop) > 0)
	return version, nil
}

func (j *Job) prepare(epoch uint64, b, extra *Batch) (uint64, error) {
	s := j.s
	v, err := s.take()
	if err != nil {
		return 0, err
	}
	entries := make([]entry, 0, b.Len()+extra.Len())
	entries = extra.entries(b.entries(entries, j.id, v), j.id, v)
	marks := []entry{{key: metaKey(kindPrepared, &j.id), value: numbers(epoch, v)}}
	if s.writer.fits(entries, marks) {
		return v, s.writer.whole(stepPrepared, v, entries, marks)
	}
	if err := s.writer.pages(entries, stepChunk); err != nil {
		return 0, err
	}
	at, err := s.take()
	if err != nil {
		return 0, err
	}
	return v, s.writer.marks(stepPrepared, at, marks...)
}

// begin checks that an epoch may be written, and returns the keys of the tokens
// that nobody needs any more.
func (j *Job) begin(epoch uint64) ([][]byte, error) {
	j.s.mu.Lock()
	defer j.s.mu.Unlock()
	switch {
	case j.r.dropped:
		return nil, fmt.Errorf("preparing epoch %d of job %s: %w", epoch, j.id, errDropped)
	case j.r.undecided || !j.r.settled:
		return nil, fmt.Errorf("preparing epoch %d of job %s: %w", epoch, j.id, ErrUndecided)
	case epoch <= j.r.last:
		return nil, fmt.Errorf("preparing epoch %d of job %s: epochs up to %d have been used", epoch, j.id, j.r.last)
	}
	return j.r.staleTokens(), nil
}

// Next is the lowest number that an epoch may have.
func (j *Job) Next() uint64 {
	j.s.mu.Lock()
	defer j.s.mu.Unlock()
	return j.r.last + 1
}

// Commit makes the prepared epoch what everyone reads, durably. Committing the
// committed epoch again does nothing.
func (j *Job) Commit(epoch uint64) error {
	j.r.op.Lock()
	defer j.r.op.Unlock()
	s := j.s
	s.mu.Lock()
	p, last, done, dropped, undoing := j.r.prepared, j.r.last, j.r.epoch == epoch, j.r.dropped, j.r.undoing
	s.mu.Unlock()
	switch {
	case undoing:
		return fmt.Errorf("committing epoch %d of job %s: its rollback has begun: %w", epoch, j.id, ErrUndecided)
	case dropped:
		return fmt.Errorf("committing epoch %d of job %s: %w", epoch, j.id, errDropped)
	case p == nil && done:
		return nil
	case p == nil:
		return fmt.Errorf("committing epoch %d of job %s: no epoch is prepared", epoch, j.id)
	case p.epoch != epoch:
		return fmt.Errorf("committing epoch %d of job %s: the prepared epoch is %d", epoch, j.id, p.epoch)
	}
	last = max(last, epoch)
	if err := j.commit(epoch, p.version, last); err != nil {
		return fmt.Errorf("committing epoch %d of job %s: %w", epoch, j.id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j.r.known, j.r.settled, j.r.undecided = true, true, false
	j.r.epoch, j.r.version, j.r.last, j.r.prepared = epoch, p.version, last, nil
	j.r.follows, j.r.following = max(j.r.follows, j.r.following), 0
	s.advance()
	return nil
}

func (j *Job) commit(epoch, version, last uint64) error {
	at, err := j.s.take()
	if err != nil {
		return err
	}
	return j.s.writer.marks(stepCommit, at,
		committedEntry(j.id, epoch, version, last),
		entry{key: metaKey(kindPrepared, &j.id), del: true})
}

// Delivered records that sinks have committed an epoch, durably. An epoch below
// what is recorded changes nothing.
func (j *Job) Delivered(epoch uint64, sinks ...string) error {
	return j.deliver(epoch, sinks, j.s.writer.marks)
}

// Settled is Delivered of sinks whose Commit does nothing, so that it may be done again. It
// becomes durable with whatever is synced next.
func (j *Job) Settled(epoch uint64, sinks ...string) error {
	return j.deliver(epoch, sinks, j.s.writer.later)
}

func (j *Job) deliver(epoch uint64, sinks []string, write func(at step, version uint64, marks ...entry) error) error {
	s := j.s
	s.mu.Lock()
	var marks []entry
	for _, sink := range sinks {
		if j.r.delivered[sink] < epoch {
			marks = append(marks, entry{key: deliveredKey(j.id, sink), value: numbers(epoch)})
		}
	}
	committed, dropped := j.r.epoch, j.r.dropped
	s.mu.Unlock()
	switch {
	case dropped:
		return fmt.Errorf("recording the delivery of epoch %d of job %s: %w", epoch, j.id, errDropped)
	case epoch > committed:
		return fmt.Errorf("recording the delivery of epoch %d of job %s: its last committed epoch is %d", epoch, j.id, committed)
	case len(marks) == 0:
		return nil
	}
	at, err := s.take()
	if err == nil {
		err = write(stepDeliver, at, marks...)
	}
	if err != nil {
		return fmt.Errorf("recording the delivery of epoch %d of job %s: %w", epoch, j.id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.r.delivered == nil {
		j.r.delivered = map[string]uint64{}
	}
	for _, sink := range sinks {
		j.r.delivered[sink] = max(j.r.delivered[sink], epoch)
	}
	return nil
}

// Keys of progress, under the store's own operators: source or sink, each with
// its length before it, so that no name is another's beginning.
func nameKey(dst []byte, name string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(name))), name...)
}

func readName(key []byte) (name string, rest []byte, err error) {
	if len(key) < 4 {
		return "", nil, errRecord
	}
	n, key := binary.BigEndian.Uint32(key), key[4:]
	if uint64(n) > uint64(len(key)) {
		return "", nil, errRecord
	}
	return string(key[:n]), key[n:], nil
}

func tokenKey(sink string, epoch uint64) []byte {
	return binary.BigEndian.AppendUint64(nameKey(nil, sink), epoch)
}

func (p *Progress) write(b *Batch, epoch uint64) {
	for _, x := range p.Positions {
		key := append(nameKey(nil, x.Source), x.Split...)
		if x.Offset == nil {
			b.Delete(Space{Operator: opPositions}, key)
		} else {
			b.Set(Space{Operator: opPositions}, key, x.Offset)
		}
	}
	for _, x := range p.Watermarks {
		b.Set(Space{Operator: opWatermarks}, append(nameKey(nil, x.Source), x.Split...), numbers(uint64(x.Micros)))
	}
	if p.Follows > 0 {
		b.Set(Space{Operator: opFollows}, nil, numbers(p.Follows))
	}
	for _, x := range p.Tokens {
		b.Set(Space{Operator: opTokens}, tokenKey(x.Sink, epoch), x.Bytes)
	}
}
