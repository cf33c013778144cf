package generator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Rows is what the declaration says; a generator without an end has no size.
func (Connector) Rows(_ *stream.Env, rel *catalog.Relation) (float64, bool) {
	c, _, err := read(rel, stream.RoleSource)
	return float64(c.rows), err == nil && c.rows > 0
}
