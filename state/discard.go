package state

// advance tells Badger below which version it need keep only the newest of each
// key: the lowest that an undecided epoch may be rolled back to, an open read
// may ask for, or a job that follows tables has reached. A job whose epochs are all decided holds nothing back: its newest
// version is its committed one, whatever the number. Store.mu is held.
func (s *Store) advance() {
	newest := s.newest()
	lowest := newest
	for _, r := range s.jobs {
		if r.undecided && !r.dropped {
			lowest = min(lowest, r.version)
		}
		if r.follows > 0 && !r.dropped && !s.passed(r.follows, newest) {
			lowest = min(lowest, r.follows)
		}
	}
	for _, v := range s.holds {
		lowest = min(lowest, v)
	}
	s.discard = lowest
	s.db.SetDiscardTs(lowest)
}

// undecided marks a job before its first key above its committed version is
// written, so that nothing below is discarded.
func (s *Store) undecided(r *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.undecided = true
	s.advance()
}
