package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

func pgSequence(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if s := r.Sequence; s != nil {
			t.row().
				oid("seqrelid", r.OID).
				oid("seqtypid", s.Type).
				num("seqstart", s.Start).
				num("seqincrement", s.Increment).
				num("seqmax", s.Max).
				num("seqmin", s.Min).
				num("seqcache", s.Cache).
				bool("seqcycle", s.Cycle).
				emit()
		}
	}
}

func pgSequences(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		s := r.Sequence
		if s == nil {
			continue
		}
		row := t.row().
			str("schemaname", r.Schema).
			str("sequencename", r.Name).
			str("sequenceowner", r.Owner).
			oid("data_type", s.Type).
			num("start_value", s.Start).
			num("min_value", s.Min).
			num("max_value", s.Max).
			num("increment_by", s.Increment).
			bool("cycle", s.Cycle).
			num("cache_size", s.Cache)
		if last, called := lastValue(c, r); called {
			row.num("last_value", last)
		}
		row.emit()
	}
}

// lastValue is the last number that a sequence gave; called is false where it has
// given none.
func lastValue(c *Context, r *catalog.Relation) (last int64, called bool) {
	if c.Server == nil || c.Server.Sequences == nil {
		return 0, false
	}
	return c.Server.Sequences.LastValue(r)
}
