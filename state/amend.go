package state

import "fmt"

// Amend makes a batch part of what the job has committed, all or nothing. The number of
// the committed epoch, and what sinks know of it, stay: it is for keys that nobody looks
// at before the next epoch says so. No epoch may be prepared, and what a crash left must
// have been undone: else ErrUndecided. The batch may be reused when it returns; after an
// error the job starts again.
func (j *Job) Amend(b *Batch) error {
	j.r.op.Lock()
	defer j.r.op.Unlock()
	if err := j.amend(b); err != nil {
		return fmt.Errorf("amending the state of job %s: %w", j.id, err)
	}
	return nil
}

func (j *Job) amend(b *Batch) error {
	s := j.s
	s.mu.Lock()
	dropped, undecided := j.r.dropped, j.r.undecided || !j.r.settled
	epoch, last := j.r.epoch, j.r.last
	s.mu.Unlock()
	switch {
	case dropped:
		return errDropped
	case undecided:
		return ErrUndecided
	case b.err != nil:
		return b.err
	case b.Len() == 0:
		return nil
	}
	s.undecided(j.r)
	v, err := s.take()
	if err != nil {
		return err
	}
	if err := s.writer.pages(b.entries(make([]entry, 0, b.Len()), j.id, v), stepChunk); err != nil {
		return err
	}
	at, err := s.take()
	if err != nil {
		return err
	}
	if err := s.writer.marks(stepUndone, at, committedEntry(j.id, epoch, v, last)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j.r.undecided, j.r.version = false, v
	s.advance()
	return nil
}
