package catalog

// Storages are the numbers that tables, their indexes and sequences have in the
// store now. What else is found there has lost its owner.
func (s *Snapshot) Storages() map[uint32]bool {
	all := map[uint32]bool{}
	for _, r := range s.byOID {
		if r.Sequence != nil {
			all[r.Sequence.Storage] = true
		}
		if r.Table == nil {
			continue
		}
		all[r.Table.Storage] = true
		for _, x := range r.Table.Indexes {
			all[x.Storage] = true
		}
	}
	return all
}
