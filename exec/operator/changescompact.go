package operator

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// fewRows is how many rows of a ChangesJoin are not worth compacting.
const fewRows = 4 * vec.MaxRows

// compact drops rows that are not there any more when most are, and with them the
// keys that nothing has. It is called at a barrier.
func (j *ChangesJoin) compact() error {
	all, alive := 0, 0
	for _, s := range j.sides {
		all, alive = all+len(s.now), alive+s.alive
	}
	if all < fewRows || 2*alive > all {
		return nil
	}
	old := j.table
	if old != nil {
		j.table = newTable(j.spec.KeyTypes, j.spec.Account, "JOIN")
	}
	for _, s := range j.sides {
		if err := j.copyRows(s, old); err != nil {
			return err
		}
	}
	if old != nil {
		old.close()
	}
	return nil
}

// copyRows makes a side anew of its rows that are there, whose keys are in old.
func (j *ChangesJoin) copyRows(s *changesSide, old *table) error {
	was := *s
	s.clear(was.grown != nil)
	var kept []int32
	for row, n := range was.now {
		if n != 0 {
			kept = append(kept, int32(row))
		}
	}
	keys, part := vec.NewBatch(j.spec.KeyTypes), vec.NewBatch(s.types)
	groups := make([]int32, vec.MaxRows)
	for rows := range slices.Chunk(kept, vec.MaxRows) {
		if err := j.copyKeys(keys, &was, old, rows, groups); err != nil {
			return err
		}
		part.Reset()
		for i, c := range was.columns() {
			vec.CopyRows(part.Cols[i], c, rows)
		}
		first := len(s.now)
		if s.rows != nil {
			s.ids = sized(s.ids, len(rows))
			if err := s.rows.assign(part.Cols, len(rows), s.sel.all(nil, len(rows)), s.ids); err != nil {
				return err
			}
		} else {
			for i, c := range part.Cols {
				vec.CopyRows(s.grown.Cols[i], c, s.sel.all(nil, len(rows)))
			}
			s.grown.Rows += len(rows)
		}
		for i, row := range rows {
			s.open(groups[i])
			s.now[first+i], s.before[first+i] = was.now[row], was.before[row]
			if s.counts {
				s.matches[first+i] = was.matches[row]
			}
		}
	}
	s.alive = was.alive
	s.account.Release(s.held)
	s.held = 0
	if was.rows != nil {
		was.rows.close()
	}
	return s.charge()
}

// copyKeys gives the keys of rows groups in the new table.
func (j *ChangesJoin) copyKeys(keys *vec.Batch, was *changesSide, old *table, rows, groups []int32) error {
	if old == nil {
		clear(groups)
		return nil
	}
	keyed, from := make([]int32, 0, len(rows)), make([]int32, 0, len(rows))
	for i, row := range rows {
		groups[i] = -1
		if g := was.group[row]; g >= 0 {
			keyed, from = append(keyed, int32(i)), append(from, g)
		}
	}
	keys.Reset()
	for i, c := range keys.Cols {
		vec.CopyRows(c, old.keys[i], from)
	}
	j.ids = sized(j.ids, len(from))
	if err := j.table.assign(keys.Cols, len(from), j.sel.all(nil, len(from)), j.ids); err != nil {
		return err
	}
	for i, at := range keyed {
		groups[at] = j.ids[i]
	}
	return nil
}
