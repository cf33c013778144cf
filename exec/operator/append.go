package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Append passes the rows of all its inputs: UNION ALL. Deletes pass as Inserts
// do.
type Append struct{ stateless }

// NewAppend returns an Append.
func NewAppend() *Append { return &Append{} }

// Process passes the rows on.
func (*Append) Process(ctx context.Context, _ int, b *vec.Batch, out Output) error {
	return out.Emit(ctx, b)
}
