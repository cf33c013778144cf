package exec

import (
	"fmt"
	"testing"
)

// TestHalfJoinsPastTheLimit: semi and anti joins whose keys take several times what their job
// may hold count half more than that at most, and give the same rows over a kill.
func TestHalfJoinsPastTheLimit(t *testing.T) {
	withoutRace(t)
	const most, limit = 250_000, 8 << 20
	for i, query := range []string{
		"SELECT a.id FROM e a WHERE EXISTS (SELECT 1 FROM e b WHERE b.id = a.id + 125000)",
		"SELECT a.id FROM e a WHERE NOT EXISTS (SELECT 1 FROM e b WHERE b.id = a.id + 125000)",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) { holdsNearLimit(t, query, limit, most, "parallelism = '1'") })
	}
}
