package operator

import "testing"

// TestShareOfNothing: the rows of a task that has none are no rows, and not every row,
// which a nil selection is.
func TestShareOfNothing(t *testing.T) {
	s := &Share{Task: 1, Tasks: 2, Single: true}
	if rows := s.rows(nil, nil, 2, []int32{0, 1}); rows == nil || len(rows) > 0 {
		t.Errorf("rows = %v, want none", rows)
	}
}
