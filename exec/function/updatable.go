package function

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// Events that change a relation, as pg_relation_is_updatable counts them (1 << CmdType).
const (
	eventUpdate = 1 << 2
	eventInsert = 1 << 3
	eventDelete = 1 << 4
)

// writeEvents are the events that a relation takes; attr: those that reach the column
// with that number, 0: any column.
func writeEvents(env *Env, r *catalog.Relation, attr int) int {
	switch {
	case r == nil:
		return 0
	case r.Kind == catalog.Table:
		if attr < 0 {
			return 0
		}
		return eventInsert | eventUpdate | eventDelete
	case r.Kind == catalog.Stream, r.Kind == catalog.Sink:
		return eventInsert
	case r.Kind != catalog.View || env.Updatable == nil:
		return 0
	}
	columns := env.Updatable(r)
	switch {
	case columns == nil:
		return 0
	case attr != 0 && (attr < 0 || attr > len(columns) || !columns[attr-1]):
		return 0
	case !slices.Contains(columns, true):
		return eventDelete
	}
	return eventInsert | eventUpdate | eventDelete
}
