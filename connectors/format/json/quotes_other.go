//go:build !amd64

package json

func hasVectors() bool { return false }

// findQuotes finds none: each record is read by itself.
func findQuotes(*[]byte, int, int, *uint16) int { return 0 }

// placeValues finds none.
func placeValues(*[]byte, int, *uint16, int, *placing, *span) int { return 0 }
