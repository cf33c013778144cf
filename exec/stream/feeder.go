package stream

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// Feeder is a connector that can tell whether what one of its sinks writes comes back
// in one of its sources.
type Feeder interface {
	// Feeds reports whether the source reads what the sink writes, and what that is
	// called: topic "orders". What cannot be reached tells nothing of itself.
	Feeds(ctx context.Context, env *Env, sink, source *catalog.Relation) (what string, yes bool)
}
