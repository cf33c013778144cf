package function

import (
	"math"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// OverLimit is the error of results of one batch that would hold so many bytes.
func OverLimit(bytes, limit int) error {
	return sqlerr.Errorf(sqlerr.OutOfMemory, "out of memory: the values of a batch would hold %d MB, over the query's limit of %d MB", bytes>>20, limit>>20).
		WithDetail("The limit is set by sql.query_memory_limit_mb = %d.", limit>>20).
		WithHint("Select shorter values, or raise sql.query_memory_limit_mb.")
}

// over is told that a row's result would make n bytes of Out's.
func (c *Call) over(row, n int) {
	if c.Most > 0 {
		c.Over = true
		return
	}
	c.Errs.Set(row, OverLimit(n, c.limit()))
}

// limit is the most bytes of strings that a kernel may give Out.
func (c *Call) limit() int {
	most := math.MaxInt32
	if c.Most > 0 {
		most = c.Most
	}
	if c.Env != nil && c.Env.MemoryLimit > 0 {
		most = int(min(int64(most), c.Env.MemoryLimit))
	}
	return most
}
