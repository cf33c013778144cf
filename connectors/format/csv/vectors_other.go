//go:build !amd64

package csv

func hasVectors() bool { return false }

func (m *marks) byVectors(b []byte, base, want int) bool { return m.byWords(b, base, want) }

// numbers reads none: each is read by hand.
func (c *cells) numbers([]int64, int, int32, int64) int { return 0 }

// times reads none: each is read by hand.
func (c *cells) times([]int64, int, *clock) int { return 0 }
