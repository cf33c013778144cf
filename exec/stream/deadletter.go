package stream

import "github.com/ferrisstreams/ferrisstreams/catalog"

// DeadLetters is a connector whose sinks write a record as it came. Such a sink's
// relation has the columns value and _key (bytea) and _headers (jsonb: an object
// of texts). Of other connectors a dead letter is a row of columns that say it all.
type DeadLetters interface {
	// DeadLetters returns the options of such a sink in the system of a relation:
	// under the name given (of a topic, say), or, where that is "", where the
	// relation itself is. How it writes is as like, another sink of the same job,
	// does where it is not nil: both may share a Decider.
	DeadLetters(of *catalog.Relation, name string, like *catalog.Relation) catalog.Options
}

// Origin is a relation's name in its own system, which a dead letter tells: its
// topic or path, else the relation's own.
func Origin(r *catalog.Relation) string {
	if name, ok := r.Options.Get("topic", "path"); ok {
		return name
	}
	return r.Name
}
