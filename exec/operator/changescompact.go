package operator

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// fewRows is how many rows of a ChangesJoin are not worth compacting.
const fewRows = 4 * vec.MaxRows

// compact drops rows that are not there any more when most are, and with them the
// keys that nothing has. It is called at a barrier. Where rows are evicted every key
// stays, with a row: what older parts have of it does not count.
func (j *ChangesJoin) compact() error {
	all, stay := 0, j.empty
	for _, s := range j.sides {
		all, stay = all+len(s.now), stay+s.alive
	}
	if all < fewRows || 2*stay > all {
		return nil
	}
	rows := j.staying()
	old := j.table
	if j.evicted.some() {
		old = nil
	}
	if old != nil {
		j.table = newTable(j.spec.KeyTypes, j.spec.Account, "JOIN")
	}
	for i, s := range j.sides {
		if err := j.copyRows(s, old, rows[i]); err != nil {
			return err
		}
	}
	if old != nil {
		old.close()
	}
	return nil
}

// staying are the rows of both sides that are to be kept: those that are there or owed,
// and one of each key that has none, where it is to stay.
func (j *ChangesJoin) staying() (rows [2][]int32) {
	var there rowMarks // by group
	for i, s := range j.sides {
		for row, n := range s.now {
			if n == 0 {
				continue
			}
			rows[i] = append(rows[i], int32(row))
			if g := s.group[row]; g >= 0 {
				there.set(g)
			}
		}
	}
	if j.empty = 0; !j.evicted.some() {
		return rows
	}
	for i, s := range j.sides {
		for row, g := range s.group {
			if g >= 0 && !there.get(g) {
				there.set(g)
				rows[i] = append(rows[i], int32(row))
				j.empty++
			}
		}
	}
	return rows
}

// copyRows makes a side anew of some of its rows, whose keys are in old; nil: they stay
// where they are.
func (j *ChangesJoin) copyRows(s *changesSide, old *table, rows []int32) error {
	was := *s
	s.clear(was.grown != nil)
	s.release()
	keys, part := vec.NewBatch(j.spec.KeyTypes), countedPart{rows: vec.NewBatch(s.types)}
	for rows := range slices.Chunk(rows, vec.MaxRows) {
		part.reset()
		for i, c := range was.columns() {
			vec.CopyRows(part.rows.Cols[i], c, rows)
		}
		part.rows.Rows = len(rows)
		for _, row := range rows {
			part.groups, part.now = append(part.groups, was.group[row]), append(part.now, was.now[row])
			if s.counts {
				part.matches = append(part.matches, was.matches[row])
			}
		}
		if old != nil {
			if err := j.copyKeys(keys, &was, old, rows, part.groups); err != nil {
				return err
			}
		}
		if err := s.put(&part); err != nil {
			return err
		}
	}
	if was.rows != nil {
		was.rows.close()
	}
	return nil
}

// copyKeys gives the keys of rows groups in the new table.
func (j *ChangesJoin) copyKeys(keys *vec.Batch, was *changesSide, old *table, rows, groups []int32) error {
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
