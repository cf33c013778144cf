package operator

import "github.com/ferrisstreams/ferrisstreams/exec/vec"

// LiveBytes is roughly what the live rows of a batch hold.
func LiveBytes(b *vec.Batch) int64 {
	if b.Rows == 0 {
		return 0
	}
	return batchBytes(b) * int64(b.Len()) / int64(b.Rows)
}
